"""Answers to calls, measured: where a call is played, and what is counted of its answer."""

import pytest

from improv.music.notes import Frame
from improv.music.theory import STEPS_PER_BAR
from improv.protocol.controls import DRAFTS
from tests.session.test_drafts import C7, cells, partner
from training.corpora.solos import Note
from training.evaluation.answers import (
    Way,
    answer,
    answer_figures,
    chord_tones,
    evenly,
    first_bar,
    likeness,
    people,
    sparsely,
    struck,
    ways,
)
from training.evaluation.call_and_response import Call
from training.metrics.melody import melody

LICK = (60, 62, None, 64, 65, None, 67, None)


def frames(*pitches: int | None) -> tuple[Frame, ...]:
    return tuple(Frame(cell, C7) for cell in cells(*pitches))


def call(*pitches: int | None, place: int = 0, solo: str = "a", played: bool = True) -> Call:
    notes = tuple(Note(6 * step, 6 * step + 6, pitch) for step, pitch in enumerate(pitches) if pitch is not None)
    line = frames(*pitches)
    times = tuple((note.onset / 12 + 0.02, note.end / 12) for note in notes) if played else ()
    return Call(solo, 1, place, notes, melody(line), melody(line), times, 120.0, line, line)


@pytest.mark.parametrize(("place", "bars", "bar"), [(0, 4, 0), (8, 4, 8), (4, 4, 16), (2, 1, 2), (6, 1, 6)])
def test_a_call_is_played_where_a_turn_of_the_player_s_has_its_place_in_the_form(
    place: int, bars: int, bar: int
) -> None:
    those = call(*LICK, place=place)
    found = first_bar(Call(those.solo, bars, place, those.notes, those.line, those.next_line))
    assert found == bar
    assert found % (2 * bars) == 0


def test_an_exact_call_knows_its_ticks_and_one_that_was_played_does_not() -> None:
    exact, played = (struck(call(*LICK), 2, exact=exact) for exact in (True, False))
    assert [note.tick for note in exact] == [96 + 6 * step for step in (0, 1, 3, 4, 6)]
    assert {note.tick for note in played} == {None}
    assert [note.begins for note in played] == pytest.approx([8.02 + step / 2 for step in (0, 1, 3, 4, 6)])


def test_figures_of_answers_are_counted() -> None:
    made = [call(*LICK), call(*LICK, solo="b")]
    found = answer_figures(made, [frames(*LICK), frames(None, 60, None, 61, 0, None, None, 62)])
    assert {name: figure.value for name, figure in found.items() if name != "call known among sixteen"} == {
        "onsets shared": pytest.approx((1 + 2 / 5) / 2),
        "verbatim echo": 0.5,
        "avoid notes, of long ones": 1.0,
        "chord tones on one and three": 0.5,
        "phrases end right": pytest.approx(2 / 3),
        "cut by the bar line": 0.5,
        "fewer than three notes": 0.0,
        "onsets on rare ticks": 0.0,
        "notes for one of the call": pytest.approx((1 + 3 / 5) / 2),
    }
    silent = answer_figures(made, [frames(None), frames(60)])
    assert silent["fewer than three notes"].value == 1


def test_ways_differ_in_what_they_choose_by_and_the_product_s_own_is_last() -> None:
    near, far = {"strong": 0.5, "likeness": 0.6, "avoid": 0.0}, {"strong": 1.0, "likeness": 0.9, "avoid": 2.0}
    assert chord_tones(far, 3) < chord_tones(near, 3)
    assert likeness(far, 3) < likeness(near, 3)
    assert evenly(near, 3) < evenly(far, 3)
    assert ways()[-1] == Way(f"{DRAFTS.default:.0f} drafts", int(DRAFTS.default))
    assert ways()[0].drafts == 0


def test_calls_are_chosen_evenly_among_those_that_were_played() -> None:
    those = [call(*LICK, place=place, played=place != 3) for place in range(12)]
    assert sparsely(those, None) == [each for each in those if each.played]
    assert [each.place for each in sparsely(those, 4)] == [0, 4, 7, 10]


def test_people_have_every_figure() -> None:
    assert people([call(*LICK)])["shared"].tolist() == [1.0]


@pytest.mark.parametrize("exact", [True, False])
def test_an_answer_is_as_long_as_its_call_and_is_no_silence(exact: bool) -> None:
    found = answer(partner(), call(*LICK), 0, Way("drafts", 2), exact=exact)
    assert len(found) == STEPS_PER_BAR
    assert sum(len(frame.melody.onsets) for frame in found) >= 3
