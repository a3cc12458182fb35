"""The encoding of a line: what goes in, what choices are asked for, and what cell they make."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from improv.models.contract import CONTRACT, ModelSpec, Tensor, Tensors
from improv.models.encodings import ENCODINGS, Decoder, Steer, StepInput
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD, Cells, chord_notes
from improv.music.notes import SILENCE, Cell, Frame, NoteOff, NoteOn, Onset, Release, Timed
from improv.music.parts import Part
from improv.music.rhythm import NUMBERS, RHYTHMS, Rhythm, cell_of
from improv.music.theory import QUALITIES, STEPS_PER_BAR, STEPS_PER_BEAT, Chord, Form
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
NOTHING = StepInput(Frame(SILENCE, None))


def on(tensor: Tensors, name: str) -> list[int]:
    """The units that are on."""
    return [int(unit) for unit in np.flatnonzero(tensor[name])]


def chosen(decoder: Decoder, *units: int) -> tuple[list[str], Cell]:
    """The heads that are asked, and the cell, if these units are drawn."""
    heads = [next(decoder).head]
    for unit in units:
        try:
            heads.append(decoder.send(unit).head)
        except StopIteration as done:
            return heads, done.value
    raise AssertionError("it asks for more")


def test_what_was_played_is_told_by_its_rhythm_its_pitches_and_the_end_of_its_line() -> None:
    cell = cell_of(Rhythm((0, 2, 4)), (C, E, G), None)
    tensors = CELLS.encode(StepInput(Frame(cell, Chord.parse("C7"))))
    assert on(tensors, "rhythm") == [NUMBERS[Rhythm((0, 2, 4))]]
    assert on(tensors, "onsets") == [C - LOW, E - LOW, G - LOW]
    assert on(tensors, "line") == [G - LOW, COUNT + E - LOW]
    assert not any(on(tensors, name) for name in ("chosen_rhythm", "chosen_line", "chosen_tick"))


def test_every_tensor_has_its_shape() -> None:
    tensors = CELLS.encode(StepInput(Frame(SILENCE, None)))
    assert {name: tensor.shape for name, tensor in tensors.items()} == CELLS.features
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_the_chords_that_come_and_the_place_are_those_of_the_step_that_is_decided() -> None:
    place = 82  # in the eleventh bar, a beat before the A7 half-way through it
    ahead = tuple(FORM.chord_at(place + after) for after in range(1, CELLS.lookahead_steps + 1))
    tensors = CELLS.encode(StepInput(Frame(SILENCE, FORM.chord_at(place)), place, ahead, FORM.steps, improv_plays=True))
    assert np.array_equal(tensors["chord"], chord_notes(Chord.parse("C7")))
    assert np.array_equal(tensors["chord_ahead"], chord_notes(FORM.chord_at(place + 3)))
    assert np.array_equal(tensors["newest_chord"], chord_notes(FORM.chord_at(place + CELLS.lookahead_steps)))
    assert on(tensors, "place") == [3, 8 + 10]
    assert on(CELLS.encode(StepInput(Frame(SILENCE, None), place)), "place") == [3]
    assert tensors["who"].tolist() == [[0, 1]]


@pytest.mark.parametrize("pitch", [0, 20, 30, 31, 60, 102, 103, 127])
def test_what_lies_outside_the_range_is_heard_in_another_octave(pitch: int) -> None:
    tensors = CELLS.encode(StepInput(Frame(Cell(onsets=(Onset(pitch),)), None)))
    (unit,) = on(tensors, "onsets")
    assert (LOW + unit - pitch) % 12 == 0
    assert LOW + unit == pitch or not LOW <= pitch < LOW + COUNT


@given(st.sampled_from(RHYTHMS), st.lists(st.integers(0, COUNT - 1), min_size=6, max_size=6), st.integers(36, 90))
def test_a_cell_takes_a_rhythm_and_a_pitch_for_each_onset(rhythm: Rhythm, units: list[int], before: int) -> None:
    units = units[: len(rhythm.ticks)]
    heads, cell = chosen(
        CELLS.decode_cell(Steer(), None, Cell(onsets=(Onset(before),)), NOTHING), NUMBERS[rhythm], *units
    )
    assert heads == [RHYTHM_HEAD, *[PITCH_HEAD] * len(units)]
    assert cell == cell_of(rhythm, tuple(LOW + unit for unit in units), before)


def test_each_pitch_knows_those_before_it_and_where_it_begins() -> None:
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, NOTHING)
    assert not next(decoder).features
    first = decoder.send(NUMBERS[Rhythm((1, 3, 5))])
    second, third = decoder.send(10), decoder.send(20)
    assert [on(choice.features, "chosen_tick") for choice in (first, second, third)] == [[1], [3], [5]]
    assert [on(choice.features, "chosen_line") for choice in (first, second, third)] == [[], [10], [20, COUNT + 10]]
    assert all(on(choice.features, "chosen_rhythm") == [NUMBERS[Rhythm((1, 3, 5))]] for choice in (first, second))
    assert first.pitches == CELLS.melody_pitches()


def test_an_answer_is_no_echo() -> None:
    asked = cell_of(Rhythm((0, 3)), (C, E), None)
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, replace(NOTHING, call_cell=asked))
    next(decoder)
    same, between = decoder.send(NUMBERS[Rhythm((0, 2))]), decoder.send(0)
    assert np.flatnonzero(same.bias).tolist() == [C - LOW]
    assert same.bias[C - LOW] < 0
    assert not between.bias.any()  # the call has no onset there
    assert on(between.features, "chosen_asked") == [C - LOW]


def test_a_rhythm_is_drawn_freely_enough_not_to_rest_for_ever() -> None:
    first = next(CELLS.decode_cell(Steer(), None, SILENCE, NOTHING))
    assert (first.least_temperature, first.least_top_p) == (1, 1)
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, NOTHING)
    next(decoder)
    pitch = decoder.send(NUMBERS[Rhythm((0,))])
    assert (pitch.least_temperature, pitch.least_top_p) == (0, 0)


def test_nothing_is_held_where_nothing_sounds() -> None:
    silent, sounding = CELLS.rhythm_choice(Steer(), False).bias, CELLS.rhythm_choice(Steer(), True).bias
    assert [rhythm for rhythm, bias in zip(RHYTHMS, silent, strict=True) if np.isinf(bias)] == [
        rhythm for rhythm in RHYTHMS if rhythm.held
    ]
    assert not np.isinf(sounding).any()


def test_a_denser_line_is_likelier_to_begin_more_notes() -> None:
    means = []
    for density in (-1.0, -0.5, 0.0, 0.5, 1.0):
        weights = np.exp(CELLS.rhythm_choice(Steer(density=density), True).bias)
        means.append(weights @ [len(rhythm.ticks) for rhythm in RHYTHMS] / weights.sum())
    assert means == sorted(means)
    assert len(set(means)) == len(means)


def test_with_more_breath_phrases_and_rests_are_longer() -> None:
    phrases, rests = list[float](), list[float]()
    for breath in (0.0, 0.5, 1.0, 2.0):
        for lengths, sounds in ((phrases, True), (rests, False)):
            weights = np.exp(CELLS.rhythm_choice(Steer(breath=breath), sounds).bias)
            silent = weights[NUMBERS[Rhythm()]] / weights.sum()
            lengths.append(1 / silent if sounds else 1 / (1 - silent))
            others = np.delete(weights, NUMBERS[Rhythm()])
            assert np.all((others == 0) | (others == 1))
    for lengths in (phrases, rests):
        assert lengths == sorted(set(lengths))


def test_a_line_that_tends_to_rest_is_silent_more_often_and_for_longer() -> None:
    shares, lengths = [], []
    for rests in (-1.0, -0.5, 0.0, 0.5, 1.0):
        silent = []
        for sounds in (False, True):
            weights = np.exp(CELLS.rhythm_choice(Steer(rests=rests), sounds).bias)
            silent.append(weights[NUMBERS[Rhythm()]] / weights.sum())
            others = np.delete(weights, NUMBERS[Rhythm()])
            assert np.all((others == 0) | (others == 1))  # among what sounds nothing is preferred
        after_rest, after_note = silent
        shares.append(after_note / (1 - after_rest + after_note))
        lengths.append(1 / (1 - after_rest))
    assert shares == sorted(shares)
    assert lengths == sorted(lengths)
    assert shares[0] < shares[2] / 1.8
    assert shares[4] > 1.8 * shares[2]


def test_a_phrase_has_no_onset_in_its_last_step() -> None:
    bias = CELLS.rhythm_choice(Steer(steps_left=1), True).bias
    assert [rhythm.ticks for rhythm, nats in zip(RHYTHMS, bias, strict=True) if not np.isinf(nats)] == [()] * 3


def test_leaning_on_the_chord_leaves_its_tones() -> None:
    inside = {pitch for pitch in CELLS.melody_pitches() if pitch % 12 in Chord.parse("G7").pitch_classes}
    half, full = (CELLS.pitch_bias(Steer(leaning=leaning), Chord.parse("G7")) for leaning in (0.5, 1.0))
    assert {LOW + int(unit) for unit in np.flatnonzero(full == 0)} == inside
    assert np.isinf(full[full != 0]).all()
    assert set(half.tolist()) == {0.0, -2.0}


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_chord_of_every_kind_comes_back(quality: str) -> None:
    for root in range(12):
        chord = Chord(root, QUALITIES[quality])
        assert CELLS.chord(CELLS.chord_units(chord), FORM) == chord
        assert Chord.parse(chord.symbol) == chord
    assert CELLS.chord(CELLS.chord_units(None), FORM) is None


def test_every_encoding_has_a_fingerprint_of_its_own() -> None:
    assert CELLS.fingerprint == Cells().fingerprint
    assert len({CELLS.fingerprint, Cells(pitch_low=30).fingerprint, ENCODINGS["local_notes"].fingerprint}) == 3


# --- a session whose network makes several choices a step ------------------------------------------


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


@pytest.mark.parametrize("sounding", [None, 60, 61])
def test_a_phrase_ends_with_a_tone_of_the_chord(sounding: int | None) -> None:
    before = SILENCE if sounding is None else Cell((Onset(sounding),))
    for steps_left, ends in ((3, False), (2, True), (None, False)):
        decoder = CELLS.decode_cell(Steer(steps_left=steps_left), Chord.parse("C7"), before, NOTHING)
        may = np.isfinite(next(decoder).bias)
        assert may[NUMBERS[Rhythm()]] == (not ends or sounding != 61)  # Db is no tone of it, and would be the last
        assert may[NUMBERS[Rhythm(held=True)]] == (sounding == 60 or (sounding == 61 and not ends))
        first = decoder.send(NUMBERS[Rhythm((0, 3))])
        assert np.isfinite(first.bias).all()
        last = np.isfinite(decoder.send(CELLS.unit(61)).bias)
        inside = [pitch % 12 in (0, 4, 7, 10) for pitch in CELLS.melody_pitches()]
        assert last.tolist() == [not ends or tone for tone in inside]


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
