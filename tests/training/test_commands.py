"""`python -m training`: every network is a row of one table, a new one too."""

import argparse
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from improv.models.onnx_runtime import OnnxModel
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.step import advance
from training.trainers import NETWORKS, Row
from training.trainers.__main__ import main
from training.trainers.train import Config


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_config_and_is_made_with_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module(NETWORKS[name].module)
    made: list[tuple[Config, argparse.Namespace]] = []

    def make(config: Config, arguments: argparse.Namespace) -> str:
        made.append((config, arguments))
        return "done"

    monkeypatch.setattr(module, "make", make)
    main([name, "--seed", "5", "--updates", "7", "--out", str(tmp_path)])
    main([name])
    assert [config for config, _ in made] == [replace(module.CONFIG, seed=5, updates=7), module.CONFIG]
    assert [arguments.out for _, arguments in made] == [tmp_path, Path("exported_models")]
    assert capsys.readouterr().out == "done\n" * 2


def test_the_networks_are_listed_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    listed = capsys.readouterr().out
    assert all(f"  {name}" in listed and row.summary in listed for name, row in NETWORKS.items())
    with pytest.raises(SystemExit, match="2"):
        main(["elman"])
    assert "invalid choice: 'elman'" in capsys.readouterr().err


def test_a_network_is_a_module_and_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipe of docs/CONTRIBUTING.md, followed to the end: trained, exported, played."""
    monkeypatch.setattr(
        "training.trainers.__main__.NETWORKS", {**NETWORKS, "elman": Row("tests.training.elman", "An Elman network.")}
    )
    main(["elman", "--out", str(tmp_path), "--updates", "100"])
    assert f"wrote {tmp_path / 'elman.onnx'}" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["elman.onnx"]
    model = OnnxModel(tmp_path / "elman.onnx")
    session = begin(model, Settings(mode=Mode.SOLO, seed=1), Transport(0, 0.0, 120))
    onsets = 0
    for _ in range(64):
        session, played = advance(session, Heard(), model)
        onsets += len(played.frame.melody.onsets)
    assert onsets > 0


def test_where_there_is_no_data_partner_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["partner", "--data", str(tmp_path / "none"), "--out", str(tmp_path)])
    assert left.value.code != 0
    assert str(tmp_path / "none") in capsys.readouterr().err
