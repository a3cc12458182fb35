"""Presets: kept whole or not at all, recalled as what differs, and never lost by reading them wrongly."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.presets import (
    LONGEST_NAME,
    MOST,
    Preset,
    PresetStore,
    load,
    preset_of,
    presets_path,
    save,
    text,
    with_preset,
    without_preset,
)
from improv.errors import DataError, UsageError
from improv.protocol.commands import Set
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot, SystemStatus
from tests.tui.snapshots import trading

SEEN: Snapshot = trading()[0]
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_NAME)


def test_a_preset_is_how_every_control_stands() -> None:
    preset = preset_of("  slow   blues ", SEEN)
    assert preset.name == "slow blues"
    assert dict(preset.values) == {name: SEEN.value(name) for name in CONTROLS}
    assert preset.commands(SEEN) == ()


def test_recalling_turns_what_differs_and_nothing_else() -> None:
    preset = preset_of("slow", SEEN)
    other = replace(
        SEEN, tempo=60.0, system=replace(SEEN.system, network=replace(SEEN.system.network, model="another"))
    )
    assert preset.commands(other) == (Set("tempo", SEEN.tempo), Set("model", SEEN.system.network.model))


def test_a_network_that_is_not_known_yet_is_left_out() -> None:
    assert "model" not in preset_of("bare", replace(SEEN, system=SystemStatus())).values


@pytest.mark.parametrize("name", ["", "  ", "x" * (LONGEST_NAME + 1), "bell\a"])
def test_a_name_is_a_line_of_text(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        preset_of(name, SEEN)


@given(st.lists(NAMES, unique=True, max_size=5))
def test_what_is_written_is_read_again(names: list[str]) -> None:
    import tomllib

    presets = tuple(preset_of(name, SEEN) for name in names)
    read = tomllib.loads(text(presets))
    assert list(read) == [preset.name for preset in presets]
    assert all(read[preset.name] == dict(preset.values) for preset in presets)


def test_a_file_keeps_their_order_and_no_half_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "presets.toml"
    assert load(path) == ()
    presets = with_preset(with_preset((), preset_of("b", SEEN)), preset_of('a "quoted" \\ one', SEEN))
    save(path, presets)
    assert load(path) == presets
    assert [found.name for found in path.parent.iterdir()] == ["presets.toml"]


def test_the_same_name_takes_the_same_place() -> None:
    one, two = preset_of("one", SEEN), preset_of("two", SEEN)
    again = preset_of("one", replace(SEEN, tempo=200.0))
    assert with_preset((one, two), again) == (again, two)
    assert without_preset((one, two), "one") == (two,)


def test_there_is_an_end_to_them() -> None:
    with pytest.raises(UsageError, match=str(MOST)):
        with_preset(tuple(Preset(str(n), {}) for n in range(MOST)), Preset("more", {}))


def test_a_control_of_another_version_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    path.write_text('["old"]\ntempo = 90\nwarmth = 3\n')
    assert load(path) == (Preset("old", {"tempo": 90.0}),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[half", "mend it"),
        ("tempo = 3", "no table"),
        ("[a]\ntempo = 9999", "out of range"),
        ("[a]\ntempo = true", "neither a number nor a word"),
        ('[a]\nmode = "tade"', "did you mean trade"),
        ("[a]\ntempo = nan", "out of range"),
    ],
)
def test_what_is_wrong_is_told_and_left_as_it_is(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "presets.toml"
    path.write_text(content)
    with pytest.raises(DataError, match=says):
        load(path)
    assert path.read_text() == content


def test_where_nothing_can_be_written_it_says_so_and_the_old_ones_stand(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    path.mkdir()
    with pytest.raises(DataError, match="nothing was kept"):
        save(path, (preset_of("a", SEEN),))
    assert [found.name for found in tmp_path.iterdir()] == ["presets.toml"]


def test_what_was_removed_is_put_back_where_it_stood_unless_its_name_is_anothers(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    a, b, c = kept = tuple(preset_of(name, SEEN) for name in "abc")
    save(path, kept)
    shelf = PresetStore(path)
    shelf.read()
    shelf.remove(b)
    shelf.put_back()
    assert shelf.presets == load(path) == kept
    assert shelf.removed is None
    shelf.remove(b)
    other = preset_of("b", replace(SEEN, tempo=200.0))
    shelf.keep(other)
    with pytest.raises(UsageError, match="another b"):
        shelf.put_back()
    assert shelf.presets == load(path) == (a, c, other)


def test_what_could_not_be_removed_is_not_there_to_be_put_back(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    save(path, (preset_of("a", SEEN),))
    shelf = PresetStore(path)
    shelf.read()
    path.write_text("[half")
    with pytest.raises(DataError, match="mend it"):
        shelf.remove(shelf.presets[0])
    assert shelf.removed is None
    assert [preset.name for preset in shelf.presets] == ["a"]
    shelf.read()
    assert "mend it" in shelf.wrong


def test_they_lie_beside_the_configuration() -> None:
    assert presets_path().name == "presets.toml"


OLD = """
["old one"]
tempo = 132.0
swing = 0.62
mode = "trade"
seed = 4
melody-level = 90
chords-level = 70
click-level = 60
melody-mute = "off"
chords-mute = "off"
click-mute = "on"

["by hand"]
tempo = 90
chords-level = 50
"""


def test_a_preset_of_before_there_were_styles_recalls_held_chords_alone(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    path.write_text(OLD)
    old, by_hand = load(path)
    assert dict(old.values) == {
        "tempo": 132, "swing": 0.62, "mode": "trade", "seed": 4, "melody-level": 90, "comp-level": 70,
        "drums-level": 60, "melody-mute": "off", "comp-mute": "off",
        "drums-mute": "on", "style": "pads", "band": 0, "bass-mute": "on", "dynamics": 0, "feel": 0, "breath": 0,
        "build": 0, "motifs": 0,
    }  # fmt: skip
    assert dict(by_hand.values) == {"tempo": 90, "comp-level": 50}  # what it does not name stays as it is
    save(path, (old, by_hand))
    assert load(path) == (old, by_hand)
    assert "chords-level" not in path.read_text()


@pytest.mark.parametrize("later", [("dynamics", "feel"), ("breath",), ("build",), ("motifs",)])
def test_a_preset_of_before_a_control_recalls_it_as_if_there_were_none(later: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    kept = preset_of("kept", SEEN)
    former = {name: value for name, value in kept.values.items() if name not in later}
    save(path, (Preset("former", former), kept))
    old, new = load(path)
    assert old.values == {**former, **dict.fromkeys(later, 0)}
    assert new == kept


def test_swing_auto_is_kept_and_recalled() -> None:
    auto = replace(SEEN, settings=replace(SEEN.settings, auto_swing=True))
    assert preset_of("auto", auto).values["swing"] == "auto"
    assert preset_of("auto", auto).commands(SEEN) == (Set("swing", "auto"),)
    assert preset_of("now", SEEN).commands(auto) == (Set("swing", SEEN.swing),)
