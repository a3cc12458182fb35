"""What improv answers: the place of the call is found, told to the network, and learned from developed calls."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from improv.models.encodings import Cells, StepInput
from improv.models.encodings.cells import call_pitch_at
from improv.music.notes import SILENCE, Cell, Frame, NoteOff, NoteOn, Onset, Release, Timed
from improv.music.parts import Part
from improv.music.rhythm import NUMBERS, Rhythm
from improv.music.theory import STEPS_PER_BAR, Chord
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import HandOver, Restart, Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance
from tests.session.test_cells_in_a_session import Climber
from tests.training.solos import solo
from training.corpora.solos import Note
from training.datasets import conversations as answers
from training.datasets.conversations import (
    Exchange,
    Source,
    answer,
    blocks,
    conversations,
    cut_of,
    developed,
    heard,
    in_turns,
    likest,
    phrased,
    whole_in_c,
)
from training.datasets.passages import Passage, Passages
from training.datasets.sequences import ASKED, STEP, UNIT

CELLS = Cells()
STEP_S = 0.25
C7, F7 = Chord.parse("C7"), Chord.parse("F7")


def struck(step: int, pitch: int) -> tuple[Timed, Timed]:
    """A note that lasts an eighth at 120 bpm."""
    return Timed(step * STEP_S, NoteOn(Part.YOU, pitch, 80)), Timed((step + 0.9) * STEP_S, NoteOff(Part.YOU, pitch))


def played(
    notes: Mapping[int, int], mode: Mode, steps: int, asked_for: Mapping[int, Heard] | None = None
) -> tuple[Climber, list[Session]]:
    """A session in which the player strikes a pitch at some steps, and all its states."""
    model = Climber()
    sessions = [begin(model, Settings(mode=mode, bars=1, seed=1), Transport(0, 0.0, 120))]
    model.fed.clear()
    for step in range(steps):
        heard = Heard(struck(step - 1, notes[step - 1]) if step - 1 in notes else ())
        session, _ = advance(sessions[-1], heard + (asked_for or {}).get(step, Heard()), model)
        sessions.append(session)
    return model, sessions[1:]


def rhythms(model: Climber) -> list[int | None]:
    """The rhythm that was asked at each step that was decided."""
    return [int(np.argmax(fed["asked_rhythm"])) if fed["asked_rhythm"].any() else None for fed in model.fed]


def pitches(model: Climber) -> list[list[int]]:
    return [[CELLS.pitch_low + int(unit) for unit in np.flatnonzero(fed["asked"])] for fed in model.fed]


def test_when_trading_each_step_is_told_what_was_played_at_its_place() -> None:
    call = {1: 60, 4: 67, 6: 63}
    model, _ = played(call, Mode.TRADE, 2 * STEPS_PER_BAR)
    assert pitches(model)[:8] == [[]] * 8
    assert pitches(model)[8:] == [[call[step]] if step in call else [] for step in range(8)]
    assert all(rhythm is not None for rhythm in rhythms(model)[8:])  # silence in the call is told as silence
    assert rhythms(model)[:8] == [None] * 8


def test_a_phrase_is_told_from_the_beat_it_began_on() -> None:
    call = {3: 60, 4: 67, 5: 63}
    model, sessions = played(call, Mode.PHRASE, 30)
    first = next(session.step for session in sessions if session.turn.who is Who.IMPROV)
    assert pitches(model)[first : first + 4] == [[], [60], [67], [63]]


def test_what_was_answered_is_told_as_a_distance() -> None:
    model, sessions = played({0: 60, 2: 62}, Mode.TRADE, 2 * STEPS_PER_BAR)
    told = [int(np.argmax(fed["answered"])) - 12 if fed["answered"].any() else None for fed in model.fed]
    onsets = [[onset.pitch for onset in session.network.output.melody.onsets] for session in sessions]
    for step, distance in enumerate(told):  # of the step before the one that is decided
        asked = {8: 60, 10: 62}.get(step - 1)
        if asked is not None and onsets[step - 1]:
            assert distance == max(-12, min(12, onsets[step - 1][-1] - asked))
        else:
            assert distance is None
    assert any(distance is not None for distance in told)


@pytest.mark.parametrize("what", [Restart(), Set("mode", "solo"), Set("bars", 2)])
def test_a_call_is_forgotten_when_the_game_changes(what: Restart | Set) -> None:
    model, sessions = played({1: 60, 4: 67}, Mode.TRADE, 14, {11: Heard(commands=(what,))})
    assert sessions[10].listener.call_start_step == 0
    assert sessions[11].listener.call_start_step is None
    assert set(rhythms(model)[11:]) <= {None}


def test_a_turn_that_is_handed_over_is_answered_from_where_it_began() -> None:
    model, sessions = played({0: 60, 1: 64}, Mode.TRADE, 8, {4: Heard(commands=(HandOver(),))})
    assert [session.turn.who for session in sessions[3:5]] == [Who.YOU, Who.IMPROV]
    assert pitches(model)[4:8] == [[60], [64], [], []]


def test_silence_asks_nothing() -> None:
    model, sessions = played({}, Mode.TRADE, 16)
    assert sessions[-1].turn.who is Who.IMPROV
    assert rhythms(model) == [None] * 16


def test_alone_nothing_is_asked() -> None:
    model, sessions = played({1: 60, 2: 62}, Mode.SOLO, 20)
    assert {session.listener.call_start_step for session in sessions} == {None}
    assert rhythms(model) == [None] * 20


def test_in_a_duet_a_phrase_is_asked_once_it_is_over() -> None:
    model, sessions = played({1: 60, 2: 62}, Mode.DUET, 20)
    assert {session.listener.call_start_step for session in sessions} == {None}  # nobody has a turn
    asked = [step for step, rhythm in enumerate(rhythms(model)) if rhythm is not None]
    assert asked == [6, 7, 8]


def test_the_note_of_a_call_that_belongs_to_a_tick() -> None:
    cell = Cell((Onset(64, 2), Onset(67, 4)), (60,), (Release(60, 2), Release(64, 4)))
    assert [call_pitch_at(cell, tick) for tick in range(6)] == [60, 60, 64, 64, 67, 67]
    assert call_pitch_at(Cell((Onset(64, 2),)), 0) == 64
    assert call_pitch_at(SILENCE, 0) is None


def test_a_call_is_told_by_its_rhythm_and_its_pitches() -> None:
    call = Cell((Onset(60), Onset(64, 3)), (), (Release(60, 3),))
    tensors = CELLS.encode(StepInput(Frame(SILENCE, C7), improv_plays=True, call_cell=call))
    assert np.argmax(tensors["asked_rhythm"]) == NUMBERS[Rhythm((0, 3))]
    assert np.flatnonzero(tensors["asked"]).tolist() == [60 - 31, 64 - 31]
    assert not tensors["answered"].any()
    answer = Cell((Onset(72, 3),))
    assert np.argmax(CELLS.encode(StepInput(Frame(answer, C7), previous_call_cell=call))["answered"]) == 12 + 8
    assert not CELLS.encode(StepInput(Frame(SILENCE, C7), previous_call_cell=call))["answered"].any()


def test_a_network_is_told_the_tempo_from_the_first_thing_it_hears() -> None:
    model = Climber()
    session = begin(model, Settings(mode=Mode.TRADE, bars=1, seed=1), Transport(0, 0.0, 240), count_in_bars=1)
    for step in range(4 * STEPS_PER_BAR):
        session, _ = advance(session, Heard((), (Restart(),) if step == 12 else ()), model)
    assert len(model.fed) > 100
    assert {int(np.argmax(fed["tempo"])) for fed in model.fed} == {4}


@pytest.mark.parametrize(("bpm", "kind"), [(40, 0), (79, 0), (80, 1), (120, 2), (180, 3), (300, 5)])
def test_the_tempo_is_told(bpm: float, kind: int) -> None:
    assert np.flatnonzero(CELLS.encode(StepInput(Frame(SILENCE, C7), bpm=bpm))["tempo"]).tolist() == [kind]


# --- what is learned from ---------------------------------------------------------------------

LINE = tuple(Note(12 * at, 12 * at + 9, pitch) for at, pitch in enumerate((60, 63, 65, 66, 67, 70, 67, 63)))
LENGTH = 96
SOLOS = tuple(whole_in_c(solo(number, bars=40)) for number in (1, 2))
PASSAGES = Passages(SOLOS)
BEFORE, NOW = [C7] * 16, [F7] * 16


def developments(way: str) -> Iterable[answers.Line]:
    for seed in range(40):
        yield getattr(answers, way)(LINE, BEFORE, NOW, LENGTH, np.random.default_rng(seed))


@pytest.mark.parametrize("way", [way.__name__ for way in answers.AS_PARTNER.ways])
def test_a_developed_call_is_a_line(way: str) -> None:
    for line in developments(way):
        assert line
        assert all(0 <= note.onset < note.end <= LENGTH for note in line)
        assert all(note.end <= later.onset for note, later in pairwise(line))


def ticks(line: answers.Line) -> list[int]:
    return [note.onset for note in line]


def test_each_way_keeps_of_the_call_what_it_says() -> None:
    assert set(developments("repeated")) == {LINE}
    for line in developments("transposed"):
        moved = {note.pitch - was.pitch for note, was in zip(line, LINE, strict=True)}
        assert ticks(line) == ticks(LINE)
        assert max(moved) - min(moved) <= 4  # a note here and there is brought to the chord
        assert line != LINE
    for line in developments("inverted"):
        assert ticks(line) == ticks(LINE)
        assert all(abs(2 * 60 - was.pitch - note.pitch) <= 2 for note, was in zip(line, LINE, strict=True))
    for line in developments("thinned"):
        assert {(note.onset, note.pitch) for note in line} <= {(note.onset, note.pitch) for note in LINE}
    for line in developments("ornamented"):
        assert {(note.onset, note.pitch) for note in LINE} <= {(note.onset, note.pitch) for note in line}
    for line in developments("displaced"):
        (later,) = {note.onset - was.onset for note, was in zip(line, LINE, strict=False)}
        assert later in (6, 12)
    for line in developments("new_ending"):
        assert line[:5] == LINE[:5]
        assert ticks(line) == ticks(LINE)
    for line in developments("sequenced"):
        assert line[:4] == LINE[:4]
        assert ticks(line[4:]) == [tick + 48 for tick in ticks(LINE[:4])]
    assert any(len(line) < len(LINE) for line in developments("thinned"))
    assert any(len(line) > len(LINE) for line in developments("ornamented"))


def test_developed_calls_stay_in_range_and_differ() -> None:
    high = tuple(replace(note, pitch=note.pitch + 24) for note in LINE)
    made = {developed(high, BEFORE, NOW, LENGTH, np.random.default_rng(seed)) for seed in range(60)}
    assert len(made) > 40
    assert all(answers.LOWEST <= note.pitch <= answers.HIGHEST for line in made for note in line)


def test_turns_of_bars_and_of_phrases() -> None:
    assert list(blocks(1, 40)) == [Exchange(0, 8, 8), Exchange(16, 24, 8)]
    assert list(blocks(2, 40)) == [Exchange(0, 16, 16)]
    line = (Note(14, 20, 60), Note(24, 36, 62), Note(90, 96, 64))
    assert list(phrased(line, 100)) == [Exchange(2, 10, 4), Exchange(14, 20, 4)]


def test_a_conversation_is_fed_as_the_runtime_feeds_one() -> None:
    """The call of each answer is the player's cell at its place, and only answers are learned."""
    kinds = set()
    for seed in range(12):
        source = Source(cut_of(SOLOS[0], 4, 24), Passage(0, 4), PASSAGES)
        told = in_turns(source, np.random.default_rng(seed))
        cells = [fed.frame.melody for fed in told]
        for step, fed in enumerate(told[:-1]):
            assert fed.call_cell == told[step + 1].previous_call_cell
            assert fed.improv_plays == (not told[step + 1].players_turn)
            if fed.call_cell is not None:
                assert fed.improv_plays
                assert fed.call_cell in [
                    cell for cell, was in zip(cells[:step], told, strict=False) if was.players_turn
                ]
            left = told[step + 1].turn_left
            assert fed.turn_left is None or left == fed.turn_left - 1 or fed.turn_left == 1
            assert (fed.turn_left is not None) == fed.improv_plays
        assert [fed.steps_played for fed in told] == [4 * STEPS_PER_BAR + step + 1 for step in range(len(told))]
        kinds.add(sum(fed.improv_plays for fed in told))
    assert len(kinds) > 1
    (made,) = conversations([solo(1, bars=30)], 1, 1.0, 24, 0)
    assert made.steps == 24 * STEPS_PER_BAR
    asked = made.notes[made.notes[:, ASKED] >= 0]
    assert len(asked) > 5
    assert made.counts[asked[:, STEP]].all()
    assert (asked[:, UNIT] >= 0).all()
    with pytest.raises(ValueError, match="solo 1 has no key"):
        cut_of(solo(1, tonic=None), 0, 2)


def test_of_what_people_have_played_an_answer_is_like_the_call_and_not_the_call() -> None:
    source = Source(cut_of(SOLOS[0], 4, 8), Passage(0, 4), PASSAGES)
    exchange = Exchange(0, 32, 32)
    call = tuple(note for note in source.solo.notes if note.onset < 32 * 6)
    played = {likest(call, exchange, source, np.random.default_rng(seed)) for seed in range(20)}
    lines = {found[0] for found in played if found}
    assert len(lines) > 1
    own = {tuple(note.pitch for note in line) for line in lines}
    assert tuple(note.pitch for note in call) not in own
    for found in played:
        assert found is not None
        line, chords = found
        assert len(chords) == 16
        assert len(line) >= 3
        assert max(note.end for note in line) <= 31 * 6
        assert abs(np.mean([note.pitch for note in line]) - np.mean([note.pitch for note in call])) <= 7


def test_answers_are_of_every_kind_and_as_long_as_the_turn() -> None:
    source = Source(cut_of(SOLOS[0], 4, 8), Passage(0, 4), PASSAGES)
    exchange = Exchange(0, 32, 32)
    went_on = tuple(note.pitch for note in source.solo.notes if note.onset >= 32 * 6)
    found = [answer(exchange, source, np.random.default_rng(seed)) for seed in range(80)]
    as_played = [tuple(note.pitch for note in line) == went_on for line, _ in found]
    assert 4 < sum(as_played) < 40
    assert len({line for line, _ in found}) > 30
    assert all(0 <= note.onset < 32 * 6 for line, _ in found for note in line)
    assert {len(chords) for _, chords in found} == {16}


def test_some_notes_are_heard_a_tick_or_two_away() -> None:
    rng = np.random.default_rng(0)
    assert heard(LINE, 0, 16, 0.0, rng) == LINE
    moved = [
        after.onset - note.onset
        for _ in range(50)
        for note, after in zip(LINE, heard(LINE, 0, 16, 0.5, rng), strict=True)
    ]
    assert set(moved) == {-2, -1, 0, 1, 2}
    assert all(0 <= note.onset < min(note.end, 96) for _ in range(50) for note in heard(LINE, 0, 16, 1.0, rng))
