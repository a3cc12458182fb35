"""A session whose network makes several choices a step: what it plays, and the chords that it draws."""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from improv.models.contract import CONTRACT, ModelSpec, Tensor, Tensors
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD, Cells
from improv.music.notes import Cell, NoteOff, NoteOn, Onset, Release, Timed
from improv.music.parts import Part
from improv.music.rhythm import NUMBERS, RHYTHMS, Rhythm
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, Chord, Form
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import Restart, Set, Stop
from improv.protocol.controls import CHANGES, MEANT, NEAREST, Settings
from improv.protocol.heard import Heard
from improv.session.fallback import fallback
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import tiers

CELLS = Cells()
FORM = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7")
LOW, COUNT = CELLS.pitch_low, CELLS.pitch_count
C, E, G = 60, 64, 67


class Climber:
    """A network that strikes a triplet's last two notes each beat, each a tone above the note before; its chords are
    the form's, a bar ahead."""

    def __init__(self) -> None:
        self.spec = ModelSpec(
            contract=CONTRACT,
            name="climber",
            summary="up by tones",
            encoding="cells",
            fingerprint=CELLS.fingerprint,
            steps_per_beat=STEPS_PER_BEAT,
            features=CELLS.features,
            state={"count": (1, 1), "line": (1, COUNT)},
            heads=CELLS.heads,
            key="C",
            form=FORM.text,
            primers=(),
            data={"source": "none", "licence": "none"},
            seed=0,
            figures={},
        )
        self.fed: list[Tensors] = []

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self.fed.append(features)
        count = memory["count"] + 1
        rhythm = Rhythm(held=True) if count[0, 0] % 2 else Rhythm((2, 4))
        line = self._latest(features["line"], memory["line"])
        heads = {
            "next_chord": self._sure(CELLS.chord_units(FORM.chord_at(int(count[0, 0]) + CELLS.lookahead_steps))),
            RHYTHM_HEAD: self._sure(np.arange(len(RHYTHMS)) == NUMBERS[rhythm]),
        }
        return heads, {"count": count, "line": line}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        assert head == PITCH_HEAD
        line = self._latest(features["chosen_line"], memory["line"])
        wanted = int(np.argmax(line)) + 2 if line.any() else C - LOW
        return self._sure(np.arange(COUNT) == wanted % COUNT)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")

    @staticmethod
    def _latest(line: Tensor, before: Tensor) -> Tensor:
        return line[:, :COUNT] if line[:, :COUNT].any() else before

    @staticmethod
    def _sure(on: NDArray[Any]) -> Tensor:
        return (60 * np.asarray(on, np.float32) - 30)[None]


def climbing(
    steps: int, mode: Mode = Mode.SOLO, heard: Mapping[int, Heard] = MappingProxyType({}), hearing: str = MEANT
) -> list[Session]:
    """The sessions of so many steps."""
    model = Climber()
    sessions = [begin(model, Settings(mode=mode, bars=1, seed=1, hearing=hearing), Transport(0, 0.0, 120))]
    model.fed.clear()
    for step in range(steps):
        session, _ = advance(sessions[-1], heard.get(step, Heard()), model)
        sessions.append(session)
    return sessions[1:]


def test_each_note_of_a_step_is_chosen_after_the_one_before() -> None:
    cells = [session.network.output.melody for session in climbing(8)]
    assert cells[0] == Cell((Onset(60, 2), Onset(62, 4)), (), (Release(60, 4),))
    assert cells[1] == Cell(held=(62,))
    assert cells[2] == Cell((Onset(64, 2), Onset(66, 4)), (62,), (Release(62, 2), Release(64, 4)))
    assert [onset.pitch for cell in cells for onset in cell.onsets] == [60, 62, 64, 66, 68, 70, 72, 74]


def test_the_memory_moves_once_a_step_however_many_choices_there_are() -> None:
    sessions = climbing(20)
    first = sessions[0].network.memory["count"][0, 0]
    assert [session.network.memory["count"][0, 0] - first for session in sessions] == list(range(20))


def test_the_changes_are_known_a_bar_ahead_and_are_what_is_played() -> None:
    sessions = climbing(2 * FORM.steps + 5)
    for session in sessions:
        assert session.band.frame.chord == FORM.chord_at(session.place)
        assert session.network.chord_lookahead == tuple(
            FORM.chord_at(session.place + after) for after in range(1, CELLS.lookahead_steps + 1)
        )


def test_the_player_is_heard_on_every_tick_and_answered_from_there() -> None:
    onset_s, end_s = 0.25 + 0.25 / 6 * 5, 0.48
    heard = {2: Heard((Timed(onset_s, NoteOn(Part.YOU, 72, 80)), Timed(end_s, NoteOff(Part.YOU, 72))))}
    sessions = climbing(18, Mode.TRADE, heard, NEAREST)
    assert sessions[2].listener.previous_cell == Cell((Onset(72, 5),))
    turns = [session.turn.who for session in sessions]
    answer = next(
        session for session in sessions if session.turn.who is Who.IMPROV and session.band.frame.melody.onsets
    )
    assert turns[:8] == [Who.YOU] * 8
    assert answer.band.frame.melody.onsets[0].pitch == 74
    assert [fed.players_turn for fed in sessions[10].network.recent_inputs[-10:]] == [True] * 8 + [False] * 2


def test_its_phrases_begin_over_the_chords_until_there_is_a_player_to_follow() -> None:
    for key, first in (("own", 60), ("F", 65), ("G", 67)):  # C4, above it, and not below it
        model = Climber()
        session = begin(model, Settings(mode=Mode.SOLO, key=key), Transport(0, 0.0, 120))
        sounded = []
        for _ in range(16):
            session, _ = advance(session, Heard(), model)
            sounded += [onset.pitch for onset in session.band.frame.melody.onsets]
        assert sounded == [*range(first, first + 2 * len(sounded), 2)]  # in the midst of a phrase nothing is moved
    heard = {2: Heard((Timed(0.5, NoteOn(Part.YOU, 72, 80)), Timed(0.7, NoteOff(Part.YOU, 72))))}
    answers = [session for session in climbing(16, Mode.TRADE, heard) if session.turn.who is Who.IMPROV]
    assert len(answers) == STEPS_PER_BAR
    assert all(session.band.frame.melody == session.network.output.melody for session in answers)


# --- chords that are drawn --------------------------------------------------------------------------

SHARP, NEVER = Chord.parse("F#dim7"), Chord.parse("Db7")
BAR_6 = 5 * STEPS_PER_BAR


class Wanderer(Climber):
    """A climber who on the first beat of bar 6 would as soon go to F#dim7, and now and then, at any step, to Db7."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        heads, memory = super().step(features, memory)
        place = int(memory["count"][0, 0]) + CELLS.lookahead_steps
        likely = 0.99 * CELLS.chord_units(FORM.chord_at(place)) + 0.01 * CELLS.chord_units(NEVER)
        if BAR_6 <= place % FORM.steps < BAR_6 + STEPS_PER_BAR:
            newest = Chord.of(np.flatnonzero(features["newest_chord"][0, 12:]).tolist(), known=(SHARP,))
            here = SHARP if newest == SHARP else FORM.chord_at(place)
            if place % FORM.steps == BAR_6:
                likely = 0.64 * CELLS.chord_units(here) + 0.35 * CELLS.chord_units(SHARP)
            else:
                likely = 0.99 * CELLS.chord_units(here)
            likely = likely + 0.01 * CELLS.chord_units(NEVER)
        return {**heads, "next_chord": np.log(likely + 1e-9).astype(np.float32)[None]}, memory


def wandering(choruses: int, changes: float, seed: int = 1, key: str = "own") -> list[Session]:
    """The sessions of so many choruses, chords drawn at a temperature."""
    settings = Settings(mode=Mode.SOLO, seed=seed, changes=changes, key=key)
    model = Wanderer()
    session = begin(model, settings, Transport(0, 0.0, 120), count_in_bars=1)
    sessions = []
    while session.step < choruses * FORM.steps - 1:
        session, _ = advance(session, Heard(), model)
        sessions.append(session)
    return sessions


def played_chords(sessions: list[Session]) -> list[Chord | None]:
    """The chord of each step from the top."""
    return [session.band.frame.chord for session in sessions if session.place >= 0]


def test_at_0_the_form_is_kept_whatever_might_be_drawn() -> None:
    for seed in range(3):
        assert played_chords(wandering(3, 0.0, seed)) == [FORM.chord_at(step) for step in range(3 * FORM.steps)]


@pytest.mark.parametrize("jams", tiers(5, 12))
def test_a_substitution_comes_the_oftener_the_freer_chords_are_drawn_and_lasts(jams: int) -> None:
    shares = []
    for changes in (0.25, 0.5, 1.0, CHANGES.high):
        chords = [chord for seed in range(jams) for chord in played_chords(wandering(3, changes, seed))]
        bars = [chords[top + BAR_6 : top + BAR_6 + STEPS_PER_BAR] for top in range(0, len(chords), FORM.steps)]
        assert all(len(set(bar)) == 1 for bar in bars)
        shares.append(sum(bar[0] == SHARP for bar in bars) / len(bars))
        elsewhere = [step for step in range(len(chords)) if not 0 <= step % FORM.steps - BAR_6 < STEPS_PER_BAR]
        assert [chords[step] for step in elsewhere] == [FORM.chord_at(step) for step in elsewhere]
    assert shares == sorted(shares)
    assert shares[0] < 0.2 < shares[2] < 0.5
    assert shares[3] > 0.3


@pytest.mark.parametrize("choruses", tiers(30, 60))
def test_a_chorus_mostly_keeps_the_changes_of_the_one_before(choruses: int) -> None:
    chords = played_chords(wandering(choruses, 1.0))
    sharp = [chords[top + BAR_6] == SHARP for top in range(0, len(chords), FORM.steps)]
    changed = [one != other for one, other in pairwise(sharp)]
    assert 0 < sum(changed) / len(changed) < 0.3  # 0.15 if two in three are kept, 0.46 if none is


def test_the_same_seed_draws_the_same_chords_and_a_melody_that_hears_none_stays_as_it_was() -> None:
    assert played_chords(wandering(4, 1.5)) == played_chords(wandering(4, 1.5))
    assert played_chords(wandering(8, 1.5)) != played_chords(wandering(8, 1.5, seed=2))
    melodies = [[session.band.frame.melody for session in wandering(2, changes)] for changes in (0.0, 1.5)]
    assert melodies[0] == melodies[1]


@pytest.mark.parametrize("key", ["own", "Eb"])
def test_the_chords_that_are_seen_are_those_that_are_played(key: str) -> None:
    sessions = wandering(6, 1.5, key=key)
    played = [session.band.frame.chord for session in sessions]
    assert any(chord == SHARP.transposed(sessions[0].semitones) for chord in played)
    for at, (session, planned) in enumerate(pairwise(sessions)):
        seen = snapshot(session, planned).harmony.chords
        first = at - session.place % STEPS_PER_BAR
        sounded = played[max(0, first) : first + len(seen)]
        assert list(seen[max(0, -first) :])[: len(sounded)] == sounded
        assert first + len(seen) == at + 2 + (
            CELLS.lookahead_steps if session.place >= -1 else CELLS.lookahead_steps - session.place - 2
        )


def test_where_nothing_is_planned_no_chord_is_seen_to_come() -> None:
    model = Wanderer()
    session = wandering(1, 0.0)[20]
    stopped, _ = advance(session, Heard((), (Stop(),)), model)
    assert len(snapshot(session, stopped).harmony.chords) == session.place % STEPS_PER_BAR + 1
    assert snapshot(stopped, stopped).harmony.chords == ()
    again, _ = advance(session, Heard((), (Restart(),)), model)
    coming = snapshot(session, again).harmony.chords[session.place % STEPS_PER_BAR + 1 :]
    assert coming == (*[None] * -again.place, *FORM.chords[: CELLS.lookahead_steps])


def test_a_fallback_keeps_what_was_settled_and_goes_on_with_the_form() -> None:
    model = Wanderer()
    session = next(each for each in wandering(20, 1.5) if SHARP in each.network.chord_lookahead)
    settled, chords = session.network.chord_lookahead, []
    for _ in range(2 * CELLS.lookahead_steps):
        session, _ = fallback(session, Heard(), model, "it was late")
        chords.append(session.band.frame.chord)
    assert tuple(chords[: len(settled)]) == settled
    after = range(session.place - CELLS.lookahead_steps + 1, session.place + 1)
    assert chords[CELLS.lookahead_steps :] == [FORM.chord_at(place) for place in after]


def test_changes_are_turned_from_the_next_chord_that_is_decided() -> None:
    model = Wanderer()
    sessions = wandering(1, 0.0)
    session, _ = advance(sessions[10], Heard((), (Set("changes", 1.0),)), model)
    assert session.network.chord_lookahead[:-1] == sessions[11].network.chord_lookahead[:-1]
    assert session.settings.changes == 1.0
