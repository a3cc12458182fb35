"""`python -m training reproduce`: every row is a module, tables are printed, kept, and renewed in cards."""

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
import torch

from improv.errors import DataError, UsageError
from training.reproductions import ROWS, Figure, Reproduction, Row, Run
from training.reproductions.__main__ import BEGINS, ENDS, main, renew
from training.reproductions.pictures import curves
from training.trainers.train import Config

CONFIG = Config(updates=10, batch=2, rate=0.1)
FIGURES = (Figure("accuracy", "0.9", "0.8", "other data"),)


class Played:
    """Two invented rows, of which the second cannot find its data, and the runs that they were given."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def reproduce(self, run: Run) -> Reproduction:
        self.runs.append(run)
        run.progressed(0.5, "half")
        picture = run.folder / "good-curves.png"
        curves(picture, {"loss": [2, 1]}, title="good")
        return Reproduction(FIGURES, ("all ours",), (picture,))

    def fail(self, run: Run) -> Reproduction:
        self.runs.append(run)
        raise DataError("nothing there")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played()
    rows = {}
    for name, function in (("bad", found.fail), ("good", found.reproduce)):
        module = ModuleType(f"made_up_{name}")
        vars(module).update(CONFIG=CONFIG, reproduce=function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        rows[name] = Row(module.__name__, "A Paper", f"a {name} network")
    for place in ("training.reproductions.ROWS", "training.reproductions.__main__.ROWS"):
        monkeypatch.setattr(place, MappingProxyType(rows))
    return found


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_module_with_a_config_and_reproduce(name: str) -> None:
    module = import_module(ROWS[name].module)
    assert isinstance(module.CONFIG, Config)
    assert callable(module.reproduce)
    assert ROWS[name].paper
    assert ROWS[name].summary.endswith(".")


def test_a_row_is_given_its_config_and_folders_and_its_table_is_kept(
    played: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "reproduced", tmp_path / "models"
    main(["good", "--seed", "5", "--updates", "7", "--folder", str(folder), "--out", str(out), "--device", "cpu"])
    (run,) = played.runs
    assert run.config == replace(CONFIG, seed=5, updates=7)
    assert (run.folder, run.out, run.device) == (folder / "good", out, torch.device("cpu"))
    assert out.is_dir()
    kept = (folder / "good" / "table.md").read_text()
    assert kept.startswith("A Paper\n\n| good | ours | theirs | why they differ |\n")
    assert "| accuracy | 0.9 | 0.8 | other data |" in kept
    assert kept in capsys.readouterr().out


def test_without_rows_all_are_listed_and_run_and_one_that_fails_stops_no_other(
    played: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--folder", str(tmp_path / "r"), "--out", str(tmp_path / "o")])
    assert left.value.code == DataError.exit_status
    shown = capsys.readouterr()
    assert "a bad network" in shown.out
    assert "a good network" in shown.out
    assert shown.err == "bad: nothing there\n"
    assert [run.folder.name for run in played.runs] == ["bad", "good"]
    assert [run.config for run in played.runs] == [CONFIG, CONFIG]
    assert (tmp_path / "r" / "good" / "table.md").exists()
    assert not (tmp_path / "r" / "bad" / "table.md").exists()


def test_an_unknown_row_is_one_line_that_lists_the_rows_before_anything_runs(
    played: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["good", "elman", "--folder", str(tmp_path / "r")])
    assert left.value.code == 2
    assert capsys.readouterr().err == "there is no row 'elman'; the rows are bad, good\n"
    assert not played.runs
    assert not (tmp_path / "r").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["good", "--device", "cuda"])
    assert left.value.code == 2
    assert capsys.readouterr().err == "there is no GPU that PyTorch can use\n"
    assert not played.runs


def test_a_stopped_run_says_how_it_goes_on(
    played: Played, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(run: Run) -> Reproduction:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["made_up_good"], "reproduce", stopped)
    with pytest.raises(SystemExit) as left:
        main(["good", "--folder", str(tmp_path / "r"), "--out", str(tmp_path / "o")])
    assert left.value.code == 130
    assert capsys.readouterr().err == "good: stopped; the same command goes on from its last checkpoint\n"


def test_the_table_of_a_card_is_renewed_and_the_pictures_that_it_shows(played: Played, tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    cards.mkdir()
    card = cards / "good.md"
    card.write_text(f"# good\n\n![curves](good-curves.png)\n\n{BEGINS}\nold\n{ENDS}\n\nThe end.\n")
    asked = ["good", "--folder", str(tmp_path / "r"), "--out", str(tmp_path / "o"), "--cards", str(cards)]
    main(asked)
    once = card.read_text()
    assert "old" not in once
    assert once.startswith(f"# good\n\n![curves](good-curves.png)\n\n{BEGINS}\n\n| good | ours | theirs |")
    assert once.endswith(f"\n- all ours\n\n{ENDS}\n\nThe end.\n")
    assert (cards / "good-curves.png").read_bytes() == (tmp_path / "r" / "good" / "good-curves.png").read_bytes()
    main(asked)
    assert card.read_text() == once


def test_a_card_without_a_place_is_left_alone_and_a_broken_one_refused(tmp_path: Path) -> None:
    card = tmp_path / "good.md"
    assert renew(card, "table", ()) == f"there is no card {card}"
    card.write_text("# good\n")
    assert "has no place for figures" in renew(card, "table", ())
    assert card.read_text() == "# good\n"
    for broken in (f"{BEGINS}\n", f"{ENDS}\n{BEGINS}\n", f"{BEGINS}\n{BEGINS}\n{ENDS}\n"):
        card.write_text(broken)
        with pytest.raises(UsageError, match="needs the line"):
            renew(card, "table", ())
        assert card.read_text() == broken
