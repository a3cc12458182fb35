"""What the band hears, and what it makes of it."""

import pytest

from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import SILENCE, Cell, Onset
from improv.music.theory import Form
from improv.session.band.hearing import NOTHING_HEARD, Hearing, listened
from improv.session.band.intensity import arc, energy, level

FORM = Form.parse(" | ".join(["C7"] * 12))


def after(*cells: Cell, grid: Grid = EIGHTHS, velocity: int = 80) -> Hearing:
    """What is heard after steps in which the player plays a cell each."""
    hearing = NOTHING_HEARD
    for step, cell in enumerate(cells):
        inside = step % grid.steps_per_beat
        hearing = listened(
            hearing,
            (cell, SILENCE),
            (velocity,) * len(cell.onsets),
            beat_begins=inside == 0,
            beat_ends=inside == grid.steps_per_beat - 1,
        )
    return hearing


def struck(*pitches: int, at: tuple[int, ...] = (0,)) -> Cell:
    return Cell(tuple(Onset(pitch, tick) for tick in at for pitch in pitches))


def test_silence_is_calm_and_has_no_register() -> None:
    heard = after(*[SILENCE] * 16)
    assert (heard.busy(120), heard.loudness, heard.register) == (0, None, None)


def test_sixteenths_are_busy_and_a_chord_is_one_onset() -> None:
    sixteenths, chords = [struck(60, at=(0, 3))] * 8, [struck(60, 64, 67), SILENCE] * 4
    assert after(*sixteenths).busy(120) == 1
    assert after(*chords).busy(120) == 0
    assert 0 < after(*[struck(60)] * 8).busy(120) < 1


def test_eighths_are_calm_in_a_slow_tempo_and_busy_in_a_fast_one() -> None:
    eighths = after(*[struck(60)] * 8)
    assert eighths.busy(60) < eighths.busy(120) < eighths.busy(240)
    assert eighths.busy(50) == eighths.busy(20) == pytest.approx(0.2 / 1.8 / 2.5)


def test_what_was_heard_more_than_a_bar_ago_is_forgotten() -> None:
    heard = after(*[struck(60, at=(0, 3))] * 8, *[SILENCE] * 8)
    assert (heard.busy(120), heard.register) == (0, None)


def test_within_a_bar_the_newest_beats_weigh_most() -> None:
    first, last = [struck(60, at=(0, 3))] * 4, [SILENCE] * 4
    assert after(*last, *first).busy(120) > after(*first, *last).busy(120) > 0


@pytest.mark.parametrize(("velocity", "loud"), [(80, 0), (127, 1), (20, -1), (102, 22 / 45)])
def test_loudness_is_that_of_the_player(velocity: int, loud: float) -> None:
    assert after(*[struck(60)] * 8, velocity=velocity).loudness == pytest.approx(loud)


def test_the_register_is_that_of_the_newest_beats_with_what_is_held() -> None:
    held = Cell(held=(48,))
    assert after(*[struck(84)] * 4, *[held] * 4).register == (48, 48)
    assert after(*[struck(84)] * 6, held, held).register == (48, 84)


def test_a_grid_of_sixteenths_is_heard_by_the_beat_too() -> None:
    grid = Grid(4)
    heard = after(*[struck(60)] * 16, grid=grid)
    assert len(heard.beats) == 4
    assert heard.busy(120) == 1


def test_the_arc_builds_over_choruses_and_comes_down_again() -> None:
    tops = [arc(chorus * FORM.steps, FORM) for chorus in range(9)]
    assert tops[0] < tops[1] < tops[2] < tops[3] > tops[4]
    assert max(tops) == tops[6] == 1
    assert tops[8] == tops[0]
    assert all(0 <= arc(step, FORM) <= 1 for step in range(9 * FORM.steps))


def test_a_plain_band_has_one_energy_and_a_lively_one_follows_the_player() -> None:
    assert {energy(arc(step, FORM), 1.0, 1.0, 0.0) for step in range(0, 900, 7)} == {0.4}
    assert energy(0.5, 1.0, 0.0, 0.5) > energy(0.5, 0.0, 0.0, 0.5) > energy(0.5, -1.0, 0.0, 0.5)
    assert all(0 <= energy(at, loud, 1.0, 1.0) <= 1 for at in (0.0, 1.0) for loud in (-1.0, 1.0))


def test_a_level_is_kept_within_a_phrase_for_a_trifle() -> None:
    assert level(0.52, 4, None, anew=False) == 2
    assert level(0.52, 4, 1, anew=False) == 1
    assert level(0.52, 4, 1, anew=True) == 2
    assert level(0.6, 4, 1, anew=False) == 2
    assert level(0.45, 4, 2, anew=False) == 2
    assert level(0.4, 4, 2, anew=False) == 1
    assert level(1.0, 4, 3, anew=True) == 3
