"""Ends that a plan has in the step before its own: a note is over before the next is struck, unless planned anew."""

from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.plan import Plan
from tests.midi.desk import Desk
from tests.midi.listeners import notes

EARLY = (Placed(10.8, NoteOff(Part.MELODY, 48)), Placed(12.4, NoteOn(Part.MELODY, 50, 80)))
TIED = (Placed(12.4, NoteOff(Part.MELODY, 48)), Placed(12.4, NoteOn(Part.MELODY, 50, 80)))
HELD = (Placed(17, NoteOff(Part.MELODY, 48)),)


def played(*plans: tuple[float, int, tuple[Placed, ...]]) -> list[tuple[float, int, bool]]:
    """Return what leaves, as time, pitch and whether it begins, where plans for a step are handed over at times."""
    desk = Desk("none")
    desk.play(Plan(1, notes((1, 9, 48)), desk.transport))
    now_s = 0.0
    for at_s, step, events in plans:
        desk.listen(at_s - now_s)
        now_s = at_s
        desk.play(Plan(step, events, desk.transport))
    desk.listen(1.6 - now_s)
    return [(round(at, 3), message[1], message[0] & 0xF0 == 0x90) for at, message in desk.out.sent]


def test_an_end_in_the_step_before_is_sent_then() -> None:
    assert played((0.6, 2, EARLY)) == [(0.5, 48, True), (0.9, 48, False), (1.033, 50, True)]


def test_a_plan_made_anew_takes_it_back_while_it_is_not_due() -> None:
    assert played((0.6, 2, EARLY), (0.8, 2, TIED)) == [(0.5, 48, True), (1.033, 48, False), (1.033, 50, True)]
    assert played((0.6, 2, EARLY), (0.8, 2, HELD)) == [(0.5, 48, True), (1.417, 48, False)]


def test_a_plan_for_the_steps_behind_leaves_it() -> None:
    assert played((0.6, 2, EARLY), (0.7, 3, ())) == [(0.5, 48, True), (0.9, 48, False), (1.033, 50, True)]


def test_one_that_has_been_sent_is_sent_once() -> None:
    assert played((0.6, 2, EARLY), (0.95, 2, EARLY)) == [(0.5, 48, True), (0.9, 48, False), (1.033, 50, True)]
    assert played((0.6, 2, EARLY), (0.95, 2, TIED)) == [(0.5, 48, True), (0.9, 48, False), (1.033, 50, True)]


def test_one_that_comes_too_late_is_sent_at_once() -> None:
    assert played((0.98, 2, EARLY)) == [(0.5, 48, True), (0.98, 48, False), (1.033, 50, True)]
