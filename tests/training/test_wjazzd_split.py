"""The split of the Weimar Jazz Database: by tune, drawn once and written down."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from tests.training.corpora import folder
from tests.training.test_wjazzd import beats, head, quick, write_folder
from training.corpora import wjazzd_split
from training.corpora.solos import Solo
from training.corpora.wjazzd import read
from training.corpora.wjazzd_split import Side, draw_sides, sides, split, tune


def solo_over(title: str, number: int = 1, *, is_blues: bool = False, name: str | None = None) -> Solo:
    return Solo(
        name=name or f"{title}-{number}", title=title, composer="Anon", performer="", tonic=None, mode="",
        is_blues=is_blues, feel="", tempo_bpm=120.0, notes=(), chords=(),
    )  # fmt: skip


def test_sides_are_drawn_by_tune_and_again_the_same() -> None:
    solos = [solo_over(f"Tune {t}", n, is_blues=t % 3 == 0) for t in range(60) for n in range(1 + t % 4)]
    found = draw_sides(solos)
    assert found == draw_sides(reversed(solos))
    side_of = {name: side for side, names in found.items() for name in names}
    assert side_of.keys() == {solo.name for solo in solos}
    for is_blues in (True, False):
        kind = [solo for solo in solos if solo.is_blues == is_blues]
        for side in (Side.VALIDATION, Side.TEST):
            assert 0.05 < sum(side_of[solo.name] is side for solo in kind) / len(kind) <= 0.1
    for title in {solo.title for solo in solos}:
        assert len({side_of[solo.name] for solo in solos if solo.title == title}) == 1


def test_a_tune_is_one_however_it_is_spelled() -> None:
    assert tune(solo_over("Blues in Be-Bop")) == tune(solo_over("blues in BeBop ", 2))
    assert tune(solo_over("Blues for Two")) != tune(solo_over("Blues for Three"))


def test_unlisted_solos_are_for_nothing_and_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"training": ["A-1", "B-1"], "validation": ["C-1"], "test": ["D-1", "D-2"]}
    (tmp_path / "list.json").write_text(json.dumps(listed))
    monkeypatch.setattr(wjazzd_split, "LIST", tmp_path / "list.json")
    found = split([*(solo_over(title) for title in "ABCDE"), solo_over("D", 3), solo_over("D", 2)])
    assert [solo.name for solo in found.training] == ["A-1", "B-1"]
    assert [solo.name for solo in found.validation] == ["C-1"]
    assert [solo.name for solo in found.test] == ["D-1", "D-2"]
    assert found.unlisted == {"E-1": None, "D-3": Side.TEST}


def test_the_sides_are_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path, [head()], quick("1.1 1/1"), beats())
    monkeypatch.setattr(wjazzd_split, "LIST", tmp_path / "list.json")
    monkeypatch.setattr("sys.argv", ["wjazzd_split", str(path)])
    wjazzd_split.main()
    assert sides() == {"Nobody_Testing-1": Side.TRAINING}


def test_no_solo_is_listed_twice() -> None:
    listed = json.loads(wjazzd_split.LIST.read_text())
    assert len(sides()) == sum(map(len, listed.values())) == 427
    assert {side: len(names) for side, names in listed.items()} == {"training": 343, "validation": 42, "test": 42}


# --- the database itself, where it is there ---------------------------------------------------


@pytest.fixture(scope="module")
def solos() -> tuple[Solo, ...]:
    return read(folder("wjazzd"))[0]


@pytest.mark.full
def test_no_tune_is_on_two_sides(solos: tuple[Solo, ...]) -> None:
    listed = sides()
    assert listed.keys() == {solo.name for solo in solos}
    found = defaultdict(set)
    for solo in solos:
        found[tune(solo)].add(listed[solo.name])
    assert all(len(those) == 1 for those in found.values())
    blues = [listed[solo.name] for solo in solos if solo.is_blues]
    assert (blues.count(Side.VALIDATION), blues.count(Side.TEST)) == (8, 8)


def test_the_committed_list_is_the_one_that_is_drawn(solos: tuple[Solo, ...]) -> None:
    assert json.loads(wjazzd_split.LIST.read_text()) == draw_sides(solos)
    assert split(solos).unlisted == {}
