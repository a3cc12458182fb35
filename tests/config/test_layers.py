"""The configuration: what goes over what, and where each value came from."""

from pathlib import Path
from typing import Any

import pytest

from improv.config.controller_maps import Map
from improv.config.load import load
from improv.config.values import OscSettings, Wiring
from improv.music.turns import Mode
from improv.protocol.controls import CONTROLS, Settings
from tests.config.conftest import GOOD, loaded

KNOB = Map(kind="cc", number=20, target="temperature")


PAD = Map(kind="note", number=36, channel=10, target="panic")


PEDAL = Map(kind="cc", number=64, target="hand-over")


# --- what goes over what ---------------------------------------------------------------------------


LAYERS: list[tuple[str, str | None, dict[str, str], dict[str, Any], Any, str]] = [
    # key, profile, environment, command line, value, origin
    ("controls.swing", None, {}, {}, "auto", "default"),
    ("controls.swing", "stage", {}, {}, "auto", "default"),
    ("controls.tempo", None, {}, {}, 132, "config.toml:3"),
    ("controls.tempo", "stage", {}, {}, 140, "config.toml:19 [profile.stage]"),
    ("controls.tempo", "the cellar", {}, {}, 132, "config.toml:3"),
    ("controls.tempo", None, {"IMPROV_TEMPO": "99.5"}, {}, 99.5, "IMPROV_TEMPO"),
    ("controls.tempo", "stage", {"IMPROV_TEMPO": "99.5"}, {}, 99.5, "IMPROV_TEMPO"),
    ("controls.tempo", "stage", {"IMPROV_TEMPO": ""}, {}, 140, "config.toml:19 [profile.stage]"),
    ("controls.tempo", "stage", {"IMPROV_TEMPO": "99.5"}, {"controls.tempo": 88}, 88, "command line"),
    ("controls.tempo", "stage", {"IMPROV_TEMPO": "99.5"}, {"controls.tempo": None}, 99.5, "IMPROV_TEMPO"),
    ("controls.tempo", None, {}, {"controls.tempo": 88}, 88, "command line"),
    ("controls.top-p", "stage", {}, {}, 0.9, "config.toml:4"),
    ("controls.top-p", None, {"IMPROV_TOP_P": "0.5"}, {}, 0.5, "IMPROV_TOP_P"),
    ("controls.thru", None, {}, {}, "on", "config.toml:5"),
    ("controls.thru", None, {"IMPROV_THRU": "off"}, {}, "off", "IMPROV_THRU"),
    ("controls.thru", None, {"IMPROV_THRU": "false"}, {}, "off", "IMPROV_THRU"),
    ("controls.key", "stage", {}, {}, "Bb", "config.toml:20 [profile.stage]"),
    ("controls.model", "the cellar", {}, {}, "walker", "config.toml:39 [profile.'the cellar']"),
    ("controls.mode", None, {}, {}, None, "default"),
    ("controls.mode", None, {"IMPROV_MODE": "duet"}, {}, "duet", "IMPROV_MODE"),
    ("controls.seed", None, {}, {"controls.seed": 0}, 0, "command line"),
    ("ports.output", None, {}, {}, 'Synth "one"', "config.toml:8"),
    ("ports.output", "stage", {}, {}, "Desk", "config.toml:24 [profile.stage]"),
    ("ports.output", "stage", {"IMPROV_OUTPUT": "Amp"}, {}, "Amp", "IMPROV_OUTPUT"),
    ("ports.output", "stage", {"IMPROV_OUTPUT": "Amp"}, {"ports.output": "Box"}, "Box", "command line"),
    ("ports.lights", "stage", {}, {}, "Launchpad", "config.toml:25 [profile.stage]"),
    ("ports.lights", None, {"IMPROV_LIGHTS": "Pads"}, {}, "Pads", "IMPROV_LIGHTS"),
    ("ports.input", None, {"IMPROV_INPUT": "99"}, {}, "99", "IMPROV_INPUT"),
    ("ports.api", None, {"IMPROV_API": "jack"}, {}, "jack", "IMPROV_API"),
    ("jam.choruses", None, {}, {}, 3, "config.toml:11"),
    ("jam.choruses", None, {"IMPROV_CHORUSES": "5"}, {}, 5, "IMPROV_CHORUSES"),
    ("jam.choruses", None, {}, {"jam.choruses": 6}, 6, "command line"),
    ("jam.provider", None, {"IMPROV_PROVIDER": "cpu"}, {}, "cpu", "IMPROV_PROVIDER"),
    ("osc.enabled", None, {}, {}, False, "default"),
    ("osc.enabled", "stage", {}, {}, True, "config.toml:21 [profile.stage]"),
    ("osc.enabled", None, {"IMPROV_OSC_ENABLED": "true"}, {}, True, "IMPROV_OSC_ENABLED"),
    ("osc.enabled", "stage", {}, {"osc.enabled": False}, False, "command line"),
    ("osc.port", "stage", {}, {}, 9001, "config.toml:21 [profile.stage]"),
    ("osc.port", "stage", {"IMPROV_OSC_PORT": "9002"}, {}, 9002, "IMPROV_OSC_PORT"),
    ("osc.host", None, {"IMPROV_OSC_HOST": "0.0.0.0"}, {}, "0.0.0.0", "IMPROV_OSC_HOST"),  # noqa: S104
]  # fmt: skip


@pytest.mark.parametrize(("key", "profile", "environment", "given", "value", "origin"), LAYERS)
def test_what_goes_over_what(
    file: Path,
    key: str,
    profile: str | None,
    environment: dict[str, str],
    given: dict[str, Any],
    value: Any,
    origin: str,
) -> None:
    file.write_text(GOOD)
    config = load(profile=profile, environment=environment, path=file, given=given)
    assert config.value(key) == value
    assert type(config.value(key)) is type(value) or isinstance(config.value(key), float)
    assert config.origins[key] == origin


def test_a_profile_is_chosen_by_the_command_line_before_the_environment(file: Path) -> None:
    assert loaded(file, GOOD, IMPROV_PROFILE="stage").tune.tempo == 140
    assert loaded(file, GOOD, IMPROV_PROFILE="").tune.tempo == 132
    assert loaded(file, GOOD, "the cellar", IMPROV_PROFILE="stage").tune.tempo == 132


def test_every_room_gets_its_own(file: Path) -> None:
    config = loaded(file, GOOD, "stage", IMPROV_SEED="7", IMPROV_MODE="phrase")
    assert (config.tune.mode, config.tune.seed, config.tune.choruses) == (Mode.PHRASE, 7, 3)
    expected = Settings(mode=Mode.DUET, seed=1, top_p=0.9, key="Bb", auto_swing=True)
    assert config.tune.settings(Mode.DUET, 1) == expected
    assert config.wiring == Wiring(output="Desk", lights="Launchpad", thru=True)
    assert config.osc == OscSettings(enabled=True, port=9001)
    assert config.maps == (PAD, PEDAL)
    assert [config.origins["map.0"], config.origins["map.1"]] == [
        "config.toml:27 [profile.stage]",
        "config.toml:33 [profile.stage]",
    ]


def test_without_a_file_there_are_the_defaults() -> None:
    config = load(environment={"IMPROV_TAKES": "here", "IMPROV_MODELS": "there", "IMPROV_INSTANCE": "two"})
    assert config.tune.settings(Mode.TRADE, 0) == Settings(mode=Mode.TRADE, auto_swing=True)
    assert (config.tune.mode, config.tune.seed, config.tune.choruses, config.tune.provider) == (None, None, None, None)
    assert {name: config.tune.value(control) for name, control in CONTROLS.items()} == {
        name: control.default for name, control in CONTROLS.items()
    }
    assert (config.wiring, config.osc, config.maps) == (Wiring(), OscSettings(), ())
    assert set(config.origins.values()) == {"default"}


MAPS = [
    ('[[map]]\nkind = "cc"\nnumber = 20\ntarget = "temperature"\n', None, (KNOB,), ["config.toml:1"]),
    ('map = [{kind = "cc", number = 20, target = "temperature"}]', None, (KNOB,), ["config.toml:1"]),
    ('map = [\n  {kind="cc", number=64, target="hand-over"},\n]\n', None, (PEDAL,), ["config.toml:1"]),
    (
        '[[map]]\nkind="program"\nnumber=0\ntarget="start"\ntakeover="jump"\n',
        None,
        (Map(kind="program", number=0, target="start", takeover="jump"),),
        ["config.toml:1"],
    ),
    (GOOD, None, (KNOB,), ["config.toml:13"]),
    (GOOD, "the cellar", (KNOB,), ["config.toml:13"]),
    (GOOD + "[profile.bare]\nmap = []\n", "bare", (), []),
]


@pytest.mark.parametrize(("text", "profile", "maps", "origins"), MAPS)
def test_maps(file: Path, text: str, profile: str | None, maps: tuple[Map, ...], origins: list[str]) -> None:
    config = loaded(file, text, profile)
    assert config.maps == maps
    assert [config.origins[f"map.{index}"] for index in range(len(maps))] == origins


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("controls.tempo = 100", 1),
        ("controls . 'tempo' = 100", 1),
        ('\n"controls"."tempo" = 100', 2),
        ("# tempo\ncontrols = { swing = 0.6, tempo = 100 }", 2),
        ("[controls]\r\n# tempo = 90\r\ntempo = 100\r\n", 3),
        ("[ 'controls' ]  # [ports]\n\n  tempo=100 # tempo = 90", 3),
        ('[controls]\nmodel = """\nwalker"""\ntempo = 100', 4),
        ('[ports]\ninput = "[controls]"\n[controls]\ntempo = 100', 4),
        ('[ports]\ninput = \'\'\'tempo\'\'\'\n[controls]\ntempo = 1_0_0', 4),
        ('[[map]]\ntarget = "tempo"\nkind = "cc"\nnumber = 1\n[controls]\ntempo = 1e2', 6),
    ],
)  # fmt: skip
def test_the_line_of_a_key_however_it_is_written(file: Path, text: str, line: int) -> None:
    file.write_bytes(text.encode())
    config = load(environment={}, path=file)
    assert (config.tune.tempo, config.origins["controls.tempo"]) == (100, f"config.toml:{line}")


def test_behind_a_statement_that_is_longer_than_any_the_file_alone_is_named(file: Path) -> None:
    text = "map = [\n" + "\n" * 150 + "]\n[controls]\ntempo = 100\n"
    assert loaded(file, text).origins["controls.tempo"] == "config.toml"


def test_former_names_swing_auto_and_names_of_programs_are_read(file: Path) -> None:
    text = '[controls]\nchords-level = 70\nclick-mute = true\nswing = "auto"\nmelody-program = "tenor-sax"\n'
    config = loaded(file, text, IMPROV_CLICK_LEVEL="30", IMPROV_COMP_PROGRAM="16", IMPROV_CHORDS_MUTE="true")
    names = ("comp-level", "drums-mute", "swing", "melody-program", "drums-level", "comp-program", "comp-mute")
    assert [config.value(f"controls.{name}") for name in names] == [70, "on", "auto", 66, 30, 16, "on"]
    assert config.origins["controls.comp-level"] == "config.toml:2"
    assert config.origins["controls.drums-level"] == "IMPROV_CLICK_LEVEL"
    assert loaded(file, text, IMPROV_CHORDS_LEVEL="1", IMPROV_COMP_LEVEL="2").value("controls.comp-level") == 2


def test_a_map_of_a_former_name_turns_the_control(file: Path) -> None:
    config = loaded(file, '[[map]]\nkind = "cc"\nnumber = 30\ntarget = "chords-level"\n')
    assert [each.target for each in config.maps] == ["comp-level"]
