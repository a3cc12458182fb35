"""The mixer as a value: what is heard, what JSON has of it, and the names that controls had before."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import UsageError
from improv.music.parts import MIXED_PARTS, Part
from improv.music.turns import Mode
from improv.protocol.commands import Forget, Learn, Nudge, Set
from improv.protocol.control import OFF, ON, as_word
from improv.protocol.controls import AUTO, CONTROLS, FORMER, SWING, Settings, control_named
from improv.protocol.json_codec import from_json, to_json
from improv.protocol.mixer import LEVELS, MUTES, PART_CONTROLS, PROGRAMS, SOLOS, Mixer

SWITCH = st.sampled_from([OFF, ON])
VALUES = st.fixed_dictionaries(
    {}, optional={control.field: st.integers(0, 127) if control.is_number else SWITCH for control in PART_CONTROLS}
)
MIXERS = st.builds(Mixer().with_values, VALUES)


@given(MIXERS)
def test_json_comes_back_as_it_was(mixer: Mixer) -> None:
    assert from_json(Mixer, to_json(mixer)) == mixer


@given(MIXERS, VALUES)
def test_what_is_turned_is_turned_and_all_the_rest_stays(mixer: Mixer, values: dict[str, Any]) -> None:
    before, after = mixer.json_values(), mixer.with_values(values).json_values()
    names = {control.field for control in PART_CONTROLS}
    assert {name: after[name] for name in names} == {name: before[name] for name in names} | values
    assert mixer.with_values({}) == mixer


@given(MIXERS)
def test_what_is_heard(mixer: Mixer) -> None:
    heard = {part for part in MIXED_PARTS if mixer.is_audible(part)}
    open_ = {part for part in MIXED_PARTS if mixer[part].mute == OFF and mixer[part].level}
    soloed = {part for part in MIXED_PARTS if mixer[part].solo == ON}
    assert heard == (open_ & soloed if soloed else open_)


@given(MIXERS, st.sampled_from(MIXED_PARTS))
def test_a_solo_that_is_taken_back_leaves_no_trace(mixer: Mixer, part: Part) -> None:
    field = SOLOS[part].field
    again = mixer.with_values({field: ON}).with_values({field: OFF})
    assert again == mixer.with_values({field: OFF})


def test_parts_that_were_renamed_are_understood_by_both_names() -> None:
    assert dict(FORMER) == {
        "chords-level": "comp-level", "click-level": "drums-level",
        "chords-mute": "comp-mute", "click-mute": "drums-mute",
    }  # fmt: skip
    for former, name in FORMER.items():
        assert control_named(former) is CONTROLS[name]
        assert Set(former, CONTROLS[name].default) == Set(name, CONTROLS[name].default)
        assert Nudge(former, 1) == Nudge(name, 1)
        assert (Learn(former), Forget(former)) == (Learn(name), Forget(name))


@given(VALUES)
def test_json_has_both_names_and_either_is_read(values: dict[str, Any]) -> None:
    settings = Settings.of(mode=Mode.SOLO, **values)
    raw = to_json(settings)
    renamed = {former.replace("-", "_"): name.replace("-", "_") for former, name in FORMER.items()}
    assert {former: raw[former] for former in renamed} == {former: raw[name] for former, name in renamed.items()}
    for left_out in (renamed.keys(), set(renamed.values())):
        told = {name: value for name, value in raw.items() if name not in left_out}
        assert from_json(Settings, told) == settings
    contrary = raw | dict.fromkeys(("chords_level", "click_level"), 1)
    assert from_json(Settings, contrary) == settings


def test_settings_of_before_there_were_styles_are_held_chords_alone() -> None:
    raw = to_json(Settings(mode=Mode.TRADE))
    new = {"style", "band", "auto_swing", *(c.field for part in MIXED_PARTS for c in (SOLOS[part], PROGRAMS[part]))}
    new |= {LEVELS[Part.BASS].field, MUTES[Part.BASS].field, "comp_level", "comp_mute", "drums_level", "drums_mute"}
    old: Settings = from_json(Settings, {name: value for name, value in raw.items() if name not in new})
    assert (old.style, old.band, old.auto_swing) == ("pads", 0.0, False)
    assert [part for part in MIXED_PARTS if not old.mixer.is_audible(part)] == [Part.BASS]
    assert old.mixer.programs == Mixer().programs


@pytest.mark.parametrize("word", ["tenor-sax", "Tenor Sax", "tenor sax", "TENOR_SAX", "66", 66, 66.0])
def test_a_program_is_given_by_number_or_name(word: str | float) -> None:
    assert Set("melody-program", word).value == 66


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("melody-program", "tenor-saxx", "(did you mean tenor-sax?); improv programs lists them"),
        ("drums-program", "", "improv programs lists them"),
        ("drums-program", "tenor-sax", "improv programs lists them"),
        ("melody-program", 128, "out of range"),
        ("melody-program", 1.5, "not a whole number"),
        ("swing", "automatic", "is no number; give 0.5 to 0.75, or auto"),
        ("style", "swong", "(did you mean swing?)"),
    ],
)
def test_what_is_no_value_is_refused_in_a_line(name: str, value: str | float, error: str) -> None:
    with pytest.raises(UsageError) as refused:
        Set(name, value)
    assert error in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.sampled_from([*PROGRAMS.values()]), st.integers(0, 127))
def test_a_name_stands_for_its_number(control: Any, number: int) -> None:
    if name := control.name_of(number):
        assert control.checked(name) == control.checked(as_word(name)) == number


def test_swing_is_a_number_or_auto() -> None:
    assert SWING.is_number
    assert (SWING.checked(AUTO), SWING.checked("0.6"), SWING.checked(0.6)) == (AUTO, 0.6, 0.6)
    assert (SWING.nudged(AUTO, 0.1), SWING.nudged(0.6, 0.01)) == (AUTO, 0.61)
