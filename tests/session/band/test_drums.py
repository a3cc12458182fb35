"""The drums: time, fills, and what answers them."""

from collections import Counter

import pytest

from improv.music.grid import Grid
from improv.music.parts import Part
from improv.music.styles import Style
from improv.session.band.drum_figures import CRASH, FOOT, HAT, HIGH_TOM, KICK, LOW_TOM, RIDE, SNARE, STICK
from tests.conftest import tried
from tests.session.band.playing import STYLES, Step, Tune, blues, checked, played, tunes

KIT = {KICK, STICK, SNARE, HAT, FOOT, 46, RIDE, CRASH, LOW_TOM, 47, HIGH_TOM}


def bars(steps: list[Step]) -> list[Counter[tuple[int, int]]]:
    """What is struck in each bar: how often each tick and pitch."""
    found: dict[int, Counter[tuple[int, int]]] = {}
    for step in steps:
        bar = found.setdefault(step.context.bar, Counter())
        for tick, pitch, _ in step.onsets:
            bar[int(tick) % 48, pitch] += 1
    return list(found.values())


@tried(60, 2000, tunes())
def test_the_kit_is_that_of_general_midi_and_every_hit_ends(tune: Tune) -> None:
    steps = list(played(tune, Part.DRUMS, 2))
    checked(steps, Part.DRUMS)
    assert {pitch for step in steps for _, pitch, _ in step.onsets} <= KIT


def test_swing_is_a_ride_with_the_foot_on_two_and_four_and_a_feathered_kick() -> None:
    for bar in bars(list(played(blues(lively=0.0), Part.DRUMS))):
        assert {tick for tick, pitch in bar if pitch == RIDE} == {0, 12, 18, 24, 36, 42}
        assert {tick for tick, pitch in bar if pitch == FOOT} == {12, 36}
        assert {tick for tick, pitch in bar if pitch == KICK} == {0, 12, 24, 36}
    kicks = [v for step in played(blues(lively=0.0), Part.DRUMS) for _, p, v in step.onsets if p == KICK]
    assert max(kicks) < 40


@pytest.mark.parametrize(
    ("style", "ticks"), [(Style.SHUFFLE, {12, 36}), (Style.SLOW, {12, 36}), (Style.FUNK, {12, 36})]
)
def test_a_backbeat_is_on_two_and_four(style: Style, ticks: set[int]) -> None:
    for bar in bars(
        list(played(blues(style, lively=0.0, swing=2 / 3 if style is not Style.FUNK else 0.5), Part.DRUMS))
    ):
        assert {tick for tick, pitch in bar if pitch == SNARE} == ticks


def test_the_second_line_has_the_big_four_in_every_other_bar() -> None:
    heard = bars(list(played(blues(Style.NEW_ORLEANS, lively=0.0), Part.DRUMS)))
    assert [(36, KICK) in bar for bar in heard] == [False, True] * 6


@pytest.mark.parametrize("style", STYLES)
def test_a_plain_band_plays_no_fills_and_a_lively_one_at_the_ends_of_four_bars(style: Style) -> None:
    def filled(lively: float, turn_bars: int = 12) -> set[int]:
        found = set()
        for seed in range(6):
            steps = list(played(blues(style, lively=lively, seed=seed, turn_bars=turn_bars), Part.DRUMS, 2, 2))
            found |= {step.context.chorus_bar for step in steps if step.after.figure[3]}
        return found

    assert filled(0.0) == set()
    assert filled(1.0) == {3, 7, 11}
    assert filled(1.0, turn_bars=2) == {1, 3, 5, 7, 9, 11}


def test_a_new_chorus_begins_with_a_crash_and_a_kick() -> None:
    heard = bars(list(played(blues(lively=0.5), Part.DRUMS, 3)))
    for chorus in (1, 2):
        assert heard[12 * chorus][0, CRASH] == heard[12 * chorus][0, KICK] == 1
        assert (0, RIDE) not in heard[12 * chorus]
    assert (0, CRASH) not in heard[0]


@pytest.mark.parametrize("style", [Style.SWING, Style.SHUFFLE, Style.SLOW, Style.FUNK])
def test_time_goes_on_until_the_first_stroke_of_a_fill(style: Style) -> None:
    drums, filled = {KICK, SNARE, HIGH_TOM, 47, LOW_TOM}, 0
    for seed in range(6):
        steps = list(played(blues(style, lively=1.0, seed=seed, swing=0.5), Part.DRUMS, 4))
        for bar, size in enumerate(step.after.figure[3] for step in steps if step.context.bar_tick == 0):
            struck = [(tick % 48, p) for step in steps if step.context.bar == bar for tick, p, _ in step.onsets]
            if size:
                filled += 1
                time = {tick // 12 for tick, pitch in struck if pitch in (RIDE, HAT, FOOT, CRASH, 46)}
                assert all(
                    beat in time or any(tick // 12 == beat and pitch in drums for tick, pitch in struck)
                    for beat in range(4)
                )
    assert filled > 30


@pytest.mark.parametrize("style", STYLES)
def test_there_is_more_the_more_goes_on(style: Style) -> None:
    def hits(first: int) -> tuple[float, float]:
        struck = [
            velocity
            for seed in range(3)
            for step in played(blues(style, lively=1.0, seed=seed), Part.DRUMS, 1, first)
            for _, _, velocity in step.onsets
        ]
        return len(struck), sum(struck)

    (few, soft), (many, loud) = hits(0), hits(6)
    assert many > few
    assert loud > 1.3 * soft


@pytest.mark.parametrize("style", STYLES)
def test_no_more_than_a_few_bars_of_eight_choruses_are_alike_in_a_lively_band(style: Style) -> None:
    heard = bars(list(played(blues(style, lively=1.0), Part.DRUMS, 8)))
    assert len({frozenset(bar) for bar in heard}) > 30


@pytest.mark.parametrize("steps_per_beat", [1, 3, 4, 12])
@pytest.mark.parametrize("style", STYLES)
def test_the_same_is_struck_on_another_grid(style: Style, steps_per_beat: int) -> None:
    eighths, other = (
        bars(list(played(blues(style, grid=grid), Part.DRUMS))) for grid in (Grid(2), Grid(steps_per_beat))
    )
    assert eighths == other
