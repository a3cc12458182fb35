"""A plan as numbers, as it goes from the engine to its player."""

from improv.music.grid import Grid
from improv.music.notes import NoteOff, NoteOn, Placed, Program, Volume
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport


def test_a_plan_comes_back_from_its_numbers_as_it_was() -> None:
    events = [Placed(tick + 0.5, NoteOn(part, 60 + tick, 88)) for tick, part in enumerate(Part)]
    events += [
        Placed(9, NoteOff(Part.CHORDS, 48)),
        Placed(12, Volume(Part.MELODY, 70)),
        Placed(13, Program(Part.BASS, 33)),
    ]
    plan = Plan(7, tuple(events), Transport(3, 0.25, 133.0, 0.6, Grid(4)), 8)
    again = Plan.of_numbers(*plan.numbers())
    assert (again, repr(again)) == (plan, repr(plan))
