"""The ports that were picked are taken at the next start, unless that start chooses others."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from improv.config.load import load
from improv.config.picks import Picks
from improv.config.values import Config
from improv.protocol.control import Value

NOTHING: Mapping[str, Value] = {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "stage.ports"


def config(tmp_path: Path, text: str = "", *, given: Mapping[str, Value] = NOTHING, **environment: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load(path=file, environment=environment, given=given)


def test_what_was_picked_is_taken_and_is_private(path: Path, tmp_path: Path) -> None:
    assert Picks(path).pick("output", "synth:in", "jack") == ""
    assert path.stat().st_mode & 0o777 == 0o600
    wiring = Picks(path).wiring(config(tmp_path))
    assert (wiring.input, wiring.output, wiring.picked, wiring.picked_api) == (None, "synth:in", ("output",), "jack")
    assert not wiring.finds


def test_where_nothing_was_picked_or_chosen_one_of_each_may_be_found(path: Path, tmp_path: Path) -> None:
    assert Picks(path).wiring(config(tmp_path)).finds
    for given in ({"ports.output": "virtual"}, {"ports.input": "keys"}):
        assert not Picks(path).wiring(config(tmp_path, given=given)).finds
    assert not Picks(path).wiring(config(tmp_path, '[ports]\noutput = "FLUID"')).finds


def test_a_virtual_port_that_was_picked_goes_over_the_configuration(path: Path, tmp_path: Path) -> None:
    Picks(path).pick("output", "", "jack")
    wiring = Picks(path).wiring(config(tmp_path, '[ports]\noutput = "FLUID"'))
    assert (wiring.output, wiring.finds) == (None, False)


@pytest.mark.parametrize("word", ["virtual", "Virtual"])
def test_the_command_line_undoes_what_was_picked_for_its_end(path: Path, tmp_path: Path, word: str) -> None:
    picks = Picks(path)
    picks.pick("input", "keys:out", "jack")
    picks.pick("output", "synth:in", "jack")
    wiring = picks.wiring(config(tmp_path, given={"ports.output": word}))
    assert (wiring.input, wiring.output, wiring.picked) == ("keys:out", None, ("input",))
    again = Picks(path).wiring(config(tmp_path))
    assert (again.input, again.output, again.picked) == ("keys:out", None, ("input",))


def test_the_environment_and_a_profile_go_over_it_and_it_is_kept(path: Path, tmp_path: Path) -> None:
    Picks(path).pick("output", "synth:in", "jack")
    profile = '[profile.stage.ports]\noutput = "stage"'
    assert Picks(path).wiring(config(tmp_path, IMPROV_OUTPUT="env")).output == "env"
    assert Picks(path).wiring(config(tmp_path, profile, IMPROV_PROFILE="stage")).output == "stage"
    assert Picks(path).wiring(config(tmp_path, '[ports]\noutput = "FLUID"')).output == "synth:in"


def test_names_of_another_midi_system_mean_nothing(path: Path, tmp_path: Path) -> None:
    Picks(path).pick("output", "synth:in", "jack")
    assert Picks(path).wiring(config(tmp_path, given={"ports.api": "alsa"})).output is None
    Picks(path).pick("input", "keys 24:0", "alsa")
    assert Picks(path).wiring(config(tmp_path)).picked == ("input",)


def test_arguments_of_a_jam_are_given_again_without_ports_that_others_were_picked_for(path: Path) -> None:
    Picks(path).pick("output", "", "jack")
    given = ("--output=synth", "--input=keys", "--tempo=90")
    assert Picks(path).arguments(given) == ["--input=keys", "--tempo=90"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"api": 1, "output": "x"}', '{"output": "x"}', '{"api": "jack", "output": 3}']
)
def test_what_cannot_be_read_is_as_if_nothing_had_been_picked(path: Path, tmp_path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    wiring = Picks(path).wiring(config(tmp_path))
    assert (wiring.output, wiring.picked, wiring.finds) == (None, (), True)


def test_bytes_that_are_no_text_are_as_if_nothing_had_been_picked(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    assert Picks(path).wiring(config(tmp_path)).picked == ()


def test_where_nothing_can_be_kept_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "not remembered" in Picks(tmp_path / "file" / "stage.ports").pick("output", "synth:in", "jack")
