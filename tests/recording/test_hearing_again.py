"""What was meant, from a take: a session whose last notes may still be read otherwise, and takes that say nothing."""

from random import Random

import numpy as np
import pytest

from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.turns import Mode
from improv.protocol.controls import MEANT, NEAREST, Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import from_json, to_json
from improv.protocol.snapshot import How
from improv.recording import Entry
from improv.recording.replay import restored, state_of
from improv.session.step import advance
from tests.recording.performed import ALONE, EVEN, SOLO
from tests.session.test_hearing import Fed, begun, line, through


def test_a_session_goes_on_from_a_take_wherever_its_readings_are() -> None:
    draws = Random(5)
    notes = line(sorted(draws.uniform(0.2, 6.0) for _ in range(30)))
    sessions = through(begun(), notes, 24)
    open_ones = [session for session in sessions if session.listener.strikes]
    assert len(open_ones) > 10
    late = Heard((Timed(100.0, NoteOn(Part.YOU, 90, 80)),))
    for session in open_ones:
        again = restored(state_of(session, Fed(), "00"), Fed())
        assert again == session
        arriving = Heard((Timed(session.position.transport.time_of(session.step) + 0.02, NoteOn(Part.YOU, 90, 80)),))
        for heard in (arriving, late):
            (one, played), (other, played_again) = (advance(each, heard, Fed()) for each in (session, again))
            assert one == other
            assert played == played_again
            for name, tensor in one.network.memory.items():
                np.testing.assert_array_equal(tensor, other.network.memory[name])


def test_a_take_that_says_nothing_of_hearing_was_heard_by_the_nearest_tick() -> None:
    raw = to_json(Settings(mode=Mode.TRADE))
    assert raw["hearing"] == MEANT
    assert from_json(Settings, raw).hearing == MEANT
    del raw["hearing"]
    assert from_json(Settings, raw).hearing == NEAREST


@pytest.mark.parametrize("tick", [None, 0, -6, 4711])
def test_a_note_is_written_with_the_tick_that_it_knows(tick: int | None) -> None:
    notes = (Timed(1.5, NoteOn(Part.YOU, 60, 80), tick), Timed(1.75, NoteOff(Part.YOU, 60), tick))
    entry = Entry(step=1, how=How.NETWORK, heard=Heard(notes), transport=EVEN, settings=SOLO, turn=ALONE)
    assert Entry.from_json(entry.to_json()) == entry
