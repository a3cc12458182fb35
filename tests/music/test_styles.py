"""The swing that players take, by style and tempo; the names of programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.programs import FAMILIES, KIT_NAMES, KITS, PROGRAM_NAMES
from improv.music.styles import Style, auto_swing

TEMPOS = st.floats(20, 400)


@pytest.mark.parametrize(
    ("bpm", "ratio"),
    [(20, 1.30), (90, 1.30), (100, 1.30), (120, 1.57), (160, 1.65), (210, 1.50), (240, 1.21), (400, 1.21)],
)
def test_swing_has_the_ratio_of_the_players_at_a_tempo(bpm: float, ratio: float) -> None:
    swing = auto_swing(Style.SWING, bpm)
    assert swing / (1 - swing) == pytest.approx(ratio, abs=0.006)


@given(TEMPOS, st.sampled_from(list(Style)))
def test_every_swing_is_one_that_may_be_set(bpm: float, style: Style) -> None:
    assert 0.5 <= auto_swing(style, bpm) <= 0.667
    assert auto_swing(style, bpm) == round(auto_swing(style, bpm), 3)


@given(TEMPOS, st.floats(0, 1))
def test_a_little_faster_is_only_a_little_other(bpm: float, more: float) -> None:
    assert abs(auto_swing(Style.SWING, bpm) - auto_swing(Style.SWING, bpm + more)) <= 0.004


@given(TEMPOS)
def test_the_other_styles_keep_theirs_at_any_tempo(bpm: float) -> None:
    kept = {style: auto_swing(style, bpm) for style in Style if style is not Style.SWING}
    assert kept == {Style.SHUFFLE: 0.667, Style.SLOW: 0.667, Style.FUNK: 0.5, Style.NEW_ORLEANS: 0.57, Style.PADS: 0.6}


def test_programs_are_those_of_general_midi() -> None:
    assert (len(FAMILIES), {len(names) for names in FAMILIES.values()}) == (16, {8})
    assert len(set(PROGRAM_NAMES)) == len(PROGRAM_NAMES) == 128
    known = {0: "Acoustic Grand Piano", 11: "Vibraphone", 16: "Drawbar Organ", 32: "Acoustic Bass", 66: "Tenor Sax"}
    assert {number: PROGRAM_NAMES[number] for number in known} == known
    assert (PROGRAM_NAMES[56], PROGRAM_NAMES[73], PROGRAM_NAMES[127]) == ("Trumpet", "Flute", "Gunshot")
    assert len(KIT_NAMES) == 128
    assert {number for number, name in enumerate(KIT_NAMES) if name} == KITS.keys()
