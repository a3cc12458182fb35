"""Calls and answers on simulated time: who plays when, and what the network is fed."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import strategies as st

from improv.midi.call_file import read_call
from improv.midi.player import Player
from improv.midi.sources import NullSink, Script
from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.theory import STEPS_PER_BEAT
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import HandOver
from improv.protocol.controls import Settings
from improv.runtime.engine import Lead, perform
from improv.session.lifecycle import begin
from improv.session.state import Moment
from tests.conftest import Echo, tried
from tests.runtime.test_engine import Commands

BEAT_S = 0.5
CALL = Path(__file__).parents[1] / "goldens" / "calls" / "call.mid"
Played = list[tuple[float, float, int]]
"""Keys: from and to in beats, and pitch."""


@pytest.fixture(scope="module")
def blues() -> OnnxModel:
    return OnnxModel(find_model("eck2002-blues"), "cpu")


def keys(played: Played) -> Script:
    notes: list[tuple[float, NoteEvent]] = [(start, NoteOn(Part.YOU, pitch, 90)) for start, _, pitch in played]
    notes += [(end, NoteOff(Part.YOU, pitch)) for _, end, pitch in played]
    return Script([Timed(beats * BEAT_S, event) for beats, event in notes])


def jam(
    model: OnnxModel | Echo, mode: Mode, played: Played, *commands: tuple[float, HandOver], beats: int = 48
) -> list[Moment]:
    """Each step of so many beats, the last twice."""
    moments: list[Moment] = []
    session = begin(model, Settings(mode=mode, bars=1, wait=0, seed=4), Transport(0, 0.0, 120))
    asked = Commands(*((at * BEAT_S, command) for at, command in commands))
    with Player(SimulatedClock(-1), NullSink(), [keys(played), asked]) as player:
        perform(session, model, player, moments.append, lead=Lead(), last_step=beats * STEPS_PER_BEAT - 1)
    return moments[:-1]


def answers(moments: list[Moment]) -> list[tuple[float, float]]:
    """From and to in beats of improv's turns."""
    turns = dict.fromkeys(m.session.turn for m in moments if m.session.turn.who is Who.IMPROV)
    return [(turn.start / STEPS_PER_BEAT, (turn.end or 0) / STEPS_PER_BEAT) for turn in turns]


def test_a_phrase_is_answered_on_a_beat_about_as_long_and_to_its_end(blues: OnnxModel) -> None:
    """The call of the README's picture: eight beats, a gap of one and a half."""
    call = [(note.start_beats, note.end_beats, note.pitch) for note in read_call(CALL)[0]]
    over = max(end for _, end, _ in call)
    moments = jam(blues, Mode.PHRASE, call)
    [(start, end), *more] = answers(moments)
    assert not more  # one call, one answer
    assert 1.5 <= start - over < 2.5
    assert start == int(start)
    assert end - start == pytest.approx(over - min(start for start, _, _ in call), abs=1)
    first, last = int(start) * STEPS_PER_BEAT, int(end) * STEPS_PER_BEAT
    struck = [m.session for m in moments if m.session.step in range(first, last) and m.session.band.frame.melody.onsets]
    ending = struck[-1]
    assert ending.step == last - STEPS_PER_BEAT  # on its last beat, and held
    assert ending.band.frame.chord is not None
    assert {onset.pitch % 12 for onset in ending.band.frame.melody.onsets} <= ending.band.frame.chord.pitch_classes
    assert not any(m.session.band.frame.melody.pitches for m in moments if m.session.step not in range(first, last))


def test_one_stray_note_is_not_a_call_and_a_handed_over_one_is(blues: OnnxModel) -> None:
    stray: Played = [(4, 4.5, 60)]
    assert answers(jam(blues, Mode.PHRASE, stray)) == []
    assert [start for start, _ in answers(jam(blues, Mode.PHRASE, stray, (6.2, HandOver())))] == [7]


def test_a_long_held_note_keeps_the_turn(blues: OnnxModel) -> None:
    held: Played = [(0, 1, 60), (1, 20, 67)]
    assert [start for start, _ in answers(jam(blues, Mode.PHRASE, held))] == [22]


times = st.floats(0, 30).map(lambda beats: round(beats, 2))
played = st.lists(st.tuples(times, st.sampled_from([0.2, 0.5, 1.0, 3.0]), st.integers(55, 79)), max_size=25).map(
    lambda keys: [(start, start + length, pitch) for start, length, pitch in keys]
)
handed = st.lists(times.map(lambda at: (at, HandOver())), max_size=3)


@tried(10, 30, st.sampled_from([Mode.TRADE, Mode.PHRASE, Mode.DUET]), played, handed)
def test_only_what_really_sounded_is_fed_back(mode: Mode, yours: Played, handed: list[tuple[float, HandOver]]) -> None:
    """Whichever player takes the turn: what was planned and never sounded is in no memory."""
    moments = jam(Echo(), mode, yours, *handed, beats=32)
    for before, after in pairwise(moments):
        fed = {pitch % 12 for pitch in after.session.network.recent_inputs[-1].frame.melody.pitches}
        heard = {pitch % 12 for pitch in after.session.listener.previous_cell.pitches}
        own = {pitch % 12 for pitch in before.session.band.frame.melody.pitches}
        who = before.session.turn.who
        if mode is Mode.DUET:  # one line after the other: yours, or improv's own
            assert fed == (heard if after.session.network.recent_inputs[-1].players_turn else own)
        elif who.hears_you or after.session.listener.previous_cell.onsets:
            assert fed == own | heard
        else:
            assert fed == own


@tried(10, 30, st.sampled_from([Mode.TRADE, Mode.PHRASE]), played)
def test_a_player_who_plays_into_improvs_turn_has_it_at_the_next_step(mode: Mode, yours: Played) -> None:
    moments = jam(Echo(), mode, yours, beats=32)
    for before, after in pairwise(moments):
        turn = before.session.turn
        barged = turn.who is Who.IMPROV and after.session.listener.previous_cell.onsets
        if barged and before.session.step - turn.start >= STEPS_PER_BEAT:
            assert after.session.turn.who is Who.YOU
            assert not after.session.band.frame.melody.pitches
