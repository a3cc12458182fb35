"""Everything a player turns, on the session and through the engine on simulated time."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.midi.player import Player
from improv.midi.sources import Script
from improv.models.catalog import find_model
from improv.models.contract import StepModel, Tensors
from improv.models.encodings import MELODY_HEAD, LocalNotes, Steer
from improv.models.onnx_runtime import OnnxModel
from improv.models.sampling import one_unit
from improv.music.clock import SimulatedClock
from improv.music.notes import SILENCE, Cell, NoteOff, NoteOn, Onset, Timed, Volume
from improv.music.parts import MIXED_PARTS, Part
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, Chord, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol import controls
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import CONTROLS, MODEL, OWN, Control, Settings, Value
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording.replay import replayed
from improv.runtime.engine import FALLBACK_BARS, START_S, Lead, perform
from improv.session.band.accompaniment import ACCOMPANISTS
from improv.session.fallback import fallback, fallback_plan
from improv.session.lifecycle import begin, finish, idled
from improv.session.network import swapped
from improv.session.state import Moment, Played, Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import WITHOUT_SHRINKING, Echo, combined, form_chord, tried
from tests.recording.test_replay import again, recording
from tests.runtime.test_engine import Commands, played, script
from tests.runtime.test_engine import Receiver as Sink

NOTES = LocalNotes()
PITCHES = NOTES.melody_pitches()
C7 = Chord.parse("C7")
STEP_S = 0.25


class Steady(Echo):
    """A network that counts the form and always has the same to say of the melody."""

    def __init__(self, logits: Any = None, changes: str = "C7 | F7 | C7 | G7", key: str = "C") -> None:
        super().__init__(changes)
        self.spec = replace(self.spec, key=key)
        self._logits = np.linspace(-3, 1, len(PITCHES)) if logits is None else logits

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        outputs, memory = super().step(features, memory)
        return {**outputs, MELODY_HEAD: np.asarray(self._logits, np.float32)[None]}, memory


def drone(changes: str = "C7 | F7 | C7 | G7", key: str = "C", pitch: int = 64) -> Steady:
    """A network that holds a note, struck each quarter."""
    return Steady([30.0 if candidate == pitch else -30.0 for candidate in PITCHES], changes, key)


def opened(model: StepModel, mode: Mode = Mode.SOLO, *, count_in_bars: int = 0, **chosen: Any) -> Session:
    """A session at 120 bpm, one step before its first."""
    settings = Settings.of(**{"mode": mode, "seed": 1, "bars": 1, **chosen})
    return begin(model, settings, Transport(0, 0.0, 120), count_in_bars=count_in_bars)


def through(
    session: Session, model: StepModel, steps: int, asked: dict[int, tuple[Command, ...]] | None = None
) -> tuple[list[Session], list[Played]]:
    """Advance through steps, something asked for in some of them."""
    sessions, leaving = [], []
    for _ in range(steps):
        session, leaves = advance(session, Heard((), (asked or {}).get(session.step, ())), model)
        sessions.append(session)
        leaving.append(leaves)
    return sessions, leaving


def told(leaving: Played, part: Part) -> list[str]:
    """What begins and ends at a step: +64 -60."""
    events = [placed.event for placed in leaving.events if placed.event.part is part]
    return [
        f"{'+' if isinstance(event, NoteOn) else '-'}{event.pitch}" for event in events if not isinstance(event, Volume)
    ]


def struck(leaving: list[Played], part: Part = Part.MELODY) -> list[tuple[int, int]]:
    """Step and pitch of what begins."""
    events = [placed for played in leaving for placed in played.events if placed.event.part is part]
    return [(int(placed.tick) // 6, placed.event.pitch) for placed in events if isinstance(placed.event, NoteOn)]


# --- every control --------------------------------------------------------------------------------

_CHOSEN: dict[str, Value] = {
    "tempo": 200.0,
    "swing": 0.66,
    "mode": "duet",
    "bars": 7,
    "gap": 2.5,
    "temperature": 0.3,
    "top-p": 0.5,
    "density": -0.5,
    "rests": 0.5,
    "register": 1,
    "leaning": 0.5,
    "changes": 0.7,
    "key": "Eb",
    "model": "another",
    "seed": 99,
    "count-in": 3,
    "melody-level": 50,
    "chords-level": 120,
    "click-level": 0,
    "melody-mute": "on",
    "chords-mute": "on",
    "click-mute": "on",
    "thru": "on",
}
"""Where some controls are turned to."""


def _turned(control: Control) -> Value:
    """A value that is not the control's default: chosen here, or else near the other end of its range."""
    value = _CHOSEN[control.name] if control.name in _CHOSEN else control.scaled(0.8)
    return value if value != control.default else control.scaled(0.1)


TURNED = {control.name: _turned(control) for control in CONTROLS.values()}

SESSIONS = [control for control in CONTROLS.values() if control.name not in ("model", "thru")]
NAMES = [control.name for control in SESSIONS]


def test_every_control_is_turned_here() -> None:
    assert TURNED.keys() >= _CHOSEN.keys()
    assert all(TURNED[name] != control.default for name, control in CONTROLS.items())


@cache
def unturned(mode: Mode) -> list[Session]:
    """The sessions of a jam in which nothing is turned."""
    model = Steady()
    return through(opened(model, mode), model, 70)[0]


@pytest.mark.parametrize(
    ("name", "step", "mode"),
    combined(
        NAMES, [4, 5], [Mode.SOLO, Mode.TRADE], quick=lambda name, step, mode: (step == 4) == (mode is Mode.TRADE)
    ),
)
def test_what_is_set_is_so_at_the_next_step_and_the_place_is_kept(name: str, step: int, mode: Mode) -> None:
    model = Steady()
    sessions, _ = through(opened(model, mode), model, 70, {step: (Set(name, TURNED[name]),)})
    assert [snapshot(session, session).value(name) == TURNED[name] for session in sessions] == [
        session.step > step for session in sessions
    ]
    assert [session.place for session in sessions] == list(range(70))
    for session in sessions:
        sounds = session.band.frame.chord
        assert sounds == form_chord(session).transposed(session.semitones)
    others = {control.name for control in SESSIONS} - {name}
    plain = unturned(mode)
    for session, before in zip(sessions, plain, strict=True):
        seen, was = snapshot(session, session), snapshot(before, before)
        assert {other: seen.value(other) for other in others} == {other: was.value(other) for other in others}


@pytest.mark.parametrize("name", ["model", "thru"])
def test_what_the_daemon_and_the_player_obey_is_left_to_them(name: str) -> None:
    model = Steady()
    asked: tuple[Command, ...] = (Set(name, TURNED[name]), *((Nudge(name, 1),) if name != MODEL.name else ()))
    assert through(opened(model), model, 20, {5: asked}) == through(opened(model), model, 20)


@pytest.mark.parametrize("control", [c for c in SESSIONS if c.is_number], ids=lambda control: control.name)
def test_nudges_stop_at_the_ends(control: Control) -> None:
    model, session = Steady(), opened(Steady())
    for by, end in ((control.nudge, control.high), (-control.nudge, control.low), (1e12, control.high)):
        presses = 4 if control.name == "seed" and by < 1e12 else 200  # its range is no knob's
        before = snapshot(session, session).value(control.name)
        session, _ = advance(session, Heard((), (Nudge(control.name, by),) * presses), model)
        found = snapshot(session, session).value(control.name)
        assert isinstance(before, (int, float))
        assert found == (end if presses == 200 else max(control.low, before + by * presses))
        assert isinstance(found, int) == control.whole


@pytest.mark.parametrize("control", [c for c in SESSIONS if not c.is_number], ids=lambda control: control.name)
def test_a_word_is_nudged_through_its_choices_and_round(control: Control) -> None:
    model, session, found = Steady(), opened(Steady()), []
    for _ in range(len(control.choices)):
        session, _ = advance(session, Heard((), (Nudge(control.name, 1),)), model)
        found.append(snapshot(session, session).value(control.name))
    first = control.choices.index(str(found[0]))
    assert found == [*control.choices[first:], *control.choices[:first]]
    session, _ = advance(session, Heard((), (Nudge(control.name, -1),)), model)
    assert snapshot(session, session).value(control.name) == found[-2]


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("swing", [0.5, 0.67])
@pytest.mark.parametrize("step", [6, 7])
def test_a_tempo_begins_with_the_next_step_which_does_not_move(step: int, swing: float) -> None:
    model = Steady()
    session = opened(model)
    session = replace(session, position=replace(session.position, transport=Transport(0, 0.0, 120, swing)))
    even = session.position.transport
    sessions, _ = through(session, model, 20, {step: (Set("tempo", 240),)})
    assert [session.position.transport for session in sessions[: step + 1]] == [even] * (step + 1)
    turned = sessions[-1].position.transport
    assert turned.time_of(step + 1) == pytest.approx(even.time_of(step + 1))
    for later in range(step + 1, 40):
        length_s = turned.time_of(later + 1) - turned.time_of(later)
        assert length_s == pytest.approx((even.time_of(later + 1) - even.time_of(later)) / 2)


@pytest.mark.parametrize(
    ("taps", "tempo"),
    [
        ([0.0], 120),
        ([0.0, 0.6], 100),
        ([0.0, 0.6, 1.2], 100),
        ([0.0, 0.6, 1.2, 1.8, 2.4, 3.0], 100),
        ([0.0, 0.6, 1.2, 2.4, 3.0], 100),  # one was left out
        ([0.0, 0.5, 1.1, 1.7, 2.3, 2.9], 100),  # the first was early
        ([0.0, 1.0, 2.0, 2.4, 2.8, 3.2, 3.6, 4.0], 150),  # another tempo, once there are enough
        ([0.0, 4.0], 120),  # a pause: begun anew
        ([0.0, 4.0, 4.6], 100),
        ([0.0, 0.01], 400),
        ([0.0, 2.9], 20.7),
        ([1.0, 1.0], 120),
    ],
)
def test_tapping(taps: list[float], tempo: float) -> None:
    model = Steady()
    sessions, _ = through(opened(model), model, 12, {index: (Tap(at_s),) for index, at_s in enumerate(taps)})
    assert sessions[-1].position.transport.bpm == pytest.approx(tempo)
    at_once, _ = advance(opened(model), Heard((), tuple(map(Tap, taps))), model)
    assert at_once.position.transport.bpm == pytest.approx(tempo)


@pytest.mark.parametrize("step", [6, 7])
def test_swing_begins_on_a_beat_and_moves_no_beat(step: int) -> None:
    model = Steady()
    sessions, _ = through(opened(model), model, 20, {step: (Set("swing", 0.7),), 14: (Set("swing", 0.55),)})
    before = {session.step: session.position.transport.swing for session in sessions}
    assert before == {at: 0.5 if at < 8 else 0.7 if at < 16 else 0.55 for at in range(20)}
    times = [session.position.transport.time_of(session.step) for session in sessions]
    assert times[::2] == pytest.approx([beat * 0.5 for beat in range(10)])
    swung = [0.5] * 4 + [0.7] * 4 + [0.55] * 2
    assert times[1::2] == pytest.approx([(beat + swing) * 0.5 for beat, swing in enumerate(swung)])


# --- what is drawn --------------------------------------------------------------------------------

LOGITS = np.array([[-2, 0.3, 1.4, -0.5, 0.9, -3, 2.2, 0.1, -1, 0.6, -0.2, 1.9, -4]], np.float32)


def entropy(probabilities: Any) -> float:
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())


def test_temperature_evens_out() -> None:
    found = [one_unit(LOGITS, temperature) for temperature in (0, 0.1, 0.3, 0.7, 1, 1.5, 3)]
    assert [likely.max() for likely in found] == sorted((likely.max() for likely in found), reverse=True)
    assert [entropy(likely) for likely in found] == sorted(entropy(likely) for likely in found)
    assert found[0].tolist() == [float(unit == LOGITS.argmax()) for unit in range(13)]


def test_top_p_keeps_the_likeliest_and_no_more_than_needed() -> None:
    plain = one_unit(LOGITS, 1)
    likeliest = np.argsort(-plain)
    for top_p in np.linspace(0, 1, 41):
        kept = one_unit(LOGITS, 1, top_p=float(top_p))
        count = int((kept > 0).sum())
        assert set(np.flatnonzero(kept)) == set(likeliest[:count])
        assert plain[likeliest[:count]].sum() >= top_p - 1e-9
        assert count == 1 or plain[likeliest[: count - 1]].sum() < top_p
        assert kept[likeliest[:count]] == pytest.approx(plain[likeliest[:count]] / plain[likeliest[:count]].sum())


@pytest.mark.parametrize("held", [60, 64, 66])
def test_density_moves_the_weight_of_the_note_that_would_be_held(held: int) -> None:
    before = Cell(onsets=(Onset(held),))
    weights = []
    for density in (-1, -0.5, -0.1, 0, 0.1, 0.5, 1):
        likely = one_unit(LOGITS, 1, bias=NOTES.bias(Steer(density=density), C7, before))
        weights.append(likely[held - 60])
        others = np.delete(likely, held - 60)
        assert others / others.sum() == pytest.approx(np.delete(one_unit(LOGITS, 1), held - 60) / (1 - PLAIN[held]))
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > 2 * weights[3] > 4 * weights[-1]
    assert NOTES.bias(Steer(density=1), C7, SILENCE).tolist() == [0] * 13
    assert NOTES.bias(Steer(density=1), C7, Cell(held=(held,))).tolist() == [0] * 13  # it is struck anew anyway


PLAIN = dict(zip(PITCHES, one_unit(LOGITS, 1), strict=True))


@pytest.mark.parametrize("symbol", ["C7", "F#dim7", "Bbmaj7", "Em7b5"])
def test_leaning_leans_on_chord_tones_and_at_its_end_leaves_nothing_else(symbol: str) -> None:
    chord = Chord.parse(symbol)
    inside = np.array([pitch % 12 in chord.pitch_classes for pitch in PITCHES])
    share = []
    for leaning in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1):
        likely = one_unit(LOGITS, 1, bias=NOTES.bias(Steer(leaning=leaning), chord, SILENCE))
        share.append(likely[inside].sum())
        assert likely[inside] / share[-1] == pytest.approx(one_unit(LOGITS, 1)[inside] / share[0])
    assert share == sorted(share)
    assert share[1] > share[0]
    assert share[-1] == pytest.approx(1)
    assert not likely[~inside].any()


def test_leaning_where_there_is_no_chord_leans_on_nothing() -> None:
    assert NOTES.bias(Steer(leaning=1), None, SILENCE).tolist() == [0] * 13


@given(
    st.lists(st.floats(-80, 80), min_size=13, max_size=13),
    st.floats(0, 3),
    st.floats(0, 1),
    st.builds(Steer, st.floats(-1, 1), st.floats(0, 1), st.none() | st.integers(0, 8)),
    st.sampled_from([None, C7, Chord.parse("F#dim7"), Chord(3, (0, 1, 2))]),
    st.sampled_from([SILENCE, Cell(onsets=(Onset(60),)), Cell(onsets=(Onset(66), Onset(72)))]),
)
def test_something_can_always_be_drawn(
    logits: list[float], temperature: float, top_p: float, steer: Steer, chord: Chord | None, before: Cell
) -> None:
    bias = NOTES.bias(steer, chord, before)
    likely = one_unit(np.array([logits], np.float32), temperature, bias=bias, top_p=top_p)
    assert likely.sum() == pytest.approx(1)
    assert (likely >= 0).all()
    assert not likely[np.isneginf(bias)].any()


def test_in_a_session_they_do_what_they_say() -> None:
    """Over four choruses: coldest, narrowest, strictest, and from holding to striking."""
    model = Steady(LOGITS[0])

    def drawn(**chosen: Any) -> tuple[set[int], int, list[Session]]:
        sessions, leaving = through(opened(model, **chosen), model, 128)
        onsets = struck(leaving)
        return {pitch for _, pitch in onsets}, len(onsets), sessions

    likeliest = {PITCHES[int(LOGITS.argmax())]}
    assert drawn(temperature=0.0)[0] == likeliest
    assert drawn(top_p=0.0)[0] == likeliest
    assert likeliest < drawn(temperature=1.0)[0]
    for session in drawn(leaning=1.0)[2]:
        chord = session.band.frame.chord
        assert chord is not None
        assert {pitch % 12 for pitch in session.band.frame.melody.pitches} <= chord.pitch_classes
    counts = [drawn(density=density)[1] for density in (-1.0, 0.0, 1.0)]
    assert counts == sorted(set(counts))


def test_another_seed_draws_other_notes_from_the_next_step_on() -> None:
    model = Steady(LOGITS[0])
    (plain, same), (turned, other) = (through(opened(model), model, 64, {20: (Set("seed", seed),)}) for seed in (1, 2))
    assert struck(same[:21]) == struck(other[:21])
    assert struck(same[21:]) != struck(other[21:])
    assert [session.band.frame.chord for session in plain] == [session.band.frame.chord for session in turned]


# --- how it sounds --------------------------------------------------------------------------------


@pytest.mark.parametrize("octaves", [-2, -1, 1, 2])
@pytest.mark.parametrize("step", [4, 5])
def test_register_moves_by_octaves_what_is_held_too(octaves: int, step: int) -> None:
    """The drone strikes on every beat and holds between."""
    model = drone()
    _, leaving = through(opened(model), model, 12, {step: (Set("register", octaves),)})
    there = 64 + 12 * octaves
    assert told(leaving[step + 1], Part.MELODY) == ["-64", f"+{there}"]
    after = [told(played, Part.MELODY) for played in leaving[step + 2 :]]
    assert {event for events in after for event in events} == {f"-{there}", f"+{there}"}
    assert [pitch for _, pitch in struck(leaving, Part.CHORDS)][:4] == [48, 52, 55, 58]


@pytest.mark.parametrize("key", PITCH_CLASSES)
@pytest.mark.parametrize("step", [4, 5])
def test_the_key_moves_everything_the_shortest_way_and_strikes_what_is_held(key: str, step: int) -> None:
    model = drone()
    sessions, leaving = through(opened(model), model, 40, {step: (Set("key", key),)})
    semitones = (PITCH_CLASSES.index(key) + 5) % 12 - 5
    assert -5 <= semitones <= 6
    there = 64 + semitones
    if semitones:
        assert told(leaving[step + 1], Part.MELODY) == ["-64", f"+{there}"]
        was, sounds = C7.voiced(48), C7.transposed(semitones).voiced(48)
        assert told(leaving[step + 1], Part.CHORDS) == [f"-{pitch}" for pitch in was] + [f"+{p}" for p in sounds]
    for session in sessions[step + 1 :]:
        assert session.band.frame.chord == form_chord(session).transposed(semitones)
        assert session.band.frame.melody.pitches == {there}
        assert session.network.output.melody.pitches == {64}  # the network is in its own key
    back, _ = advance(sessions[-1], Heard((), (Set("key", OWN),)), model)
    assert back.band.frame.melody.pitches == {64}


def velocities(leaving: list[Played], part: Part) -> list[int]:
    events = [placed.event for played in leaving for placed in played.events if placed.event.part is part]
    return [event.velocity for event in events if isinstance(event, NoteOn)]


LEVELS = tuple((part, control.name) for part, control in controls.LEVELS.items())


def volumes(leaving: list[Played], part: Part) -> list[tuple[int, int]]:
    """Step and level of what a part's synth is told."""
    events = [(int(placed.tick) // 6, placed.event) for played in leaving for placed in played.events]
    return [(step, event.level) for step, event in events if isinstance(event, Volume) and event.part is part]


@pytest.mark.parametrize(("part", "name"), LEVELS)
@pytest.mark.parametrize("step", [-7, -2, 3, 4, 9])
def test_a_level_is_heard_at_the_next_step_of_what_sounds_already_too(part: Part, name: str, step: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {step: (Set(name, 40),), 12: (Set(name, 100),)}
    _, leaving = through(opened(model, count_in_bars=1), model, 26, asked)
    bars = [(at, 40) for at in (0, 8) if at > step + 1]
    assert volumes(leaving, part) == [(step + 1, 40), *bars, (13, 100)]
    assert all(not volumes(leaving, other) for other, _ in LEVELS if other is not part)
    quiet, loud = through(opened(model, count_in_bars=1), model, 26)[1], leaving
    assert [velocities(quiet, each) for each, _ in LEVELS] == [velocities(loud, each) for each, _ in LEVELS]


def test_a_level_is_told_before_the_first_note_and_taken_back_at_the_end() -> None:
    model = drone()
    settings = Settings.of(mode=Mode.SOLO, melody_level=70, chords_level=127)
    sessions, leaving = through(begin(model, settings, Transport(-8, 0.0, 120), count_in_bars=1), model, 12)
    assert volumes(leaving, Part.MELODY) == [(-8, 70), (0, 70)]
    assert volumes(leaving, Part.CHORDS) == [(-8, 127), (0, 127)]
    end = finish(sessions[-1])
    assert volumes([end], Part.MELODY) == [(4, 100)]
    assert volumes([end], Part.CHORDS) == [(4, 100)]
    assert not volumes([end], Part.DRUMS)


def test_a_level_that_is_turned_while_it_is_stopped_is_told_when_it_starts() -> None:
    model = drone()
    sessions, _ = through(opened(model), model, 4, {0: (Set("chords-level", 30),)})
    stopped, _ = advance(sessions[-1], Heard((), (Stop(),)), model)
    waiting = idled(stopped, Heard((), (Set("chords-level", 100), Start())), 9.0)
    _, leaving = through(waiting, model, 2)
    assert volumes(leaving, Part.CHORDS) == [(leaving_step(leaving), 100)]


def test_levels_are_told_anew_after_a_panic_which_may_have_been_another_synth() -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {2: (Set("chords-level", 30),), 4: (Panic(),)}
    _, leaving = through(opened(model), model, 7, asked)
    assert volumes(leaving, Part.CHORDS) == [(3, 30), (5, 30)]


def test_a_fallback_in_hand_takes_no_level_back() -> None:
    model = drone()
    session = through(opened(model, melody_level=60), model, 3)[0][-1]
    events = fallback_plan(session, Heard(), model, FALLBACK_BARS * STEPS_PER_BAR).events
    assert {event.level for event in (placed.event for placed in events) if isinstance(event, Volume)} <= {60}


def leaving_step(leaving: list[Played]) -> int:
    return int(leaving[0].events[0].tick) // 6


@pytest.mark.parametrize(("part", "name"), [(Part.MELODY, "melody"), (Part.CHORDS, "chords"), (Part.DRUMS, "click")])
@pytest.mark.parametrize("how", [{"level": 0}, {"mute": "on"}])
def test_nothing_is_heard_of_a_part_at_level_0_or_muted(part: Part, name: str, how: dict[str, Value]) -> None:
    model = drone()
    chosen: dict[str, Any] = {f"{name}_{what}": value for what, value in how.items()}
    session = begin(model, Settings.of(mode=Mode.SOLO, **chosen), Transport(-8, 0.0, 120), count_in_bars=1)
    sessions, leaving = through(session, model, 40)
    assert velocities(leaving, part) == []
    for other in {Part.MELODY, Part.CHORDS, Part.DRUMS} - {part}:
        assert velocities(leaving, other)
    assert [session.place for session in sessions] == list(range(-8, 32))


@pytest.mark.parametrize("step", [4, 5, 7, 8, 15])
def test_a_muted_melody_ends_at_the_next_step_and_is_back_at_the_next(step: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {
        step: (Set("melody-mute", "on"),),
        step + 6: (Set("melody-mute", "off"),),
    }
    sessions, leaving = through(opened(model), model, 30, asked)
    assert told(leaving[step + 1], Part.MELODY) == ["-64"]
    assert [told(played, Part.MELODY) for played in leaving[step + 2 : step + 7]] == [[]] * 5
    assert told(leaving[step + 7], Part.MELODY) == ["+64"]
    assert {session.network.output.melody for session in sessions[step + 1 : step + 7]} == {
        SILENCE
    }  # it is not fed either


@pytest.mark.parametrize("long", [1, 2, 6, 9])
@pytest.mark.parametrize("step", [4, 5, 7, 8, 15])
def test_muted_chords_end_at_the_next_step_and_are_struck_anew_at_the_next(step: int, long: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {
        step: (Set("chords-mute", "on"),),
        step + long: (Set("chords-mute", "off"),),
    }
    sessions, leaving = through(opened(model), model, 40, asked)

    def voiced(at: int) -> tuple[int, ...]:
        chord = sessions[at].band.frame.chord
        assert chord is not None
        return chord.voiced(48)

    assert told(leaving[step + 1], Part.CHORDS) == [f"-{pitch}" for pitch in voiced(step)]
    assert [told(played, Part.CHORDS) for played in leaving[step + 2 : step + long + 1]] == [[]] * (long - 1)
    assert told(leaving[step + long + 1], Part.CHORDS) == [f"+{pitch}" for pitch in voiced(step + long + 1)]
    model = drone()
    _, plain = through(opened(model), model, 40)
    bar = (step + long + 1) // 8 * 8 + 8
    assert [told(played, Part.CHORDS) for played in leaving[bar:]] == [
        told(played, Part.CHORDS) for played in plain[bar:]
    ]


def test_chords_that_are_muted_where_playing_stops_end_too() -> None:
    model = drone()
    _, leaving = through(opened(model), model, 8, {5: (Set("chords-mute", "on"), Stop())})
    assert told(leaving[6], Part.CHORDS) == [f"-{pitch}" for pitch in C7.voiced(48)]


def test_a_fallback_obeys_too() -> None:
    model = drone()
    session = through(opened(model), model, 8)[0][-1]
    asked = (Set("key", "D"), Set("register", 1), Set("tempo", 60), Set("melody-level", 50))
    session, leaves = fallback(session, Heard((), asked), model, "late")
    (pitch,) = session.band.frame.melody.pitches
    assert pitch - 14 in PITCHES
    assert session.band.frame.chord == form_chord(session).transposed(2)
    assert volumes([leaves], Part.MELODY) == [(session.step, 50)]
    assert session.position.transport.bpm == 60


# --- stop, start, restart -------------------------------------------------------------------------

OURS = MIXED_PARTS


def onsets(sink: Sink, part: Part, after_s: float = 0.0) -> list[float]:
    return sorted({at for at, _ in sink.onsets(part) if at >= after_s})


@pytest.mark.parametrize("swing", [0.5, 0.6])
@pytest.mark.parametrize("count_in", [0, 1])
@pytest.mark.parametrize("stop_step", [8, 9, 31, 32])
def test_stop_ends_everything_and_start_begins_at_the_top(
    stop_step: int, count_in: int, swing: float, echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(Mode.SOLO)
    session = replace(
        session,
        settings=replace(session.settings, count_in=count_in),
        position=replace(session.position, transport=replace(session.position.transport, swing=swing)),
    )
    stop_s, start_s = session.position.transport.time_of(stop_step) + 0.01, 20.0
    asked = Commands((stop_s, Stop()), (start_s, Start()))
    ended, sink, _, moments = played(session, echo, asked, last_step=63)
    stopped_s = round(session.position.transport.time_of(stop_step + 1), 6)
    quiet = [(at, event) for at, event in sink.events if stopped_s <= at < start_s]
    assert {at for at, _ in quiet} == {stopped_s}
    assert all(isinstance(event, NoteOff) for _, event in quiet)
    assert {event.part for _, event in quiet} == {Part.MELODY, *(player.part for player in ACCOMPANISTS)}
    first = stop_step + 2
    top = first + first % 2 + 8 * count_in
    begins = Transport(first, start_s + START_S, 120, swing)
    top_s = begins.time_of(top)
    clicks = [begins.time_of(top - 8 + beat * 2) for beat in range(4)] if count_in else []
    assert onsets(sink, Part.DRUMS) == pytest.approx(clicks)
    assert onsets(sink, Part.CHORDS, start_s) == pytest.approx([begins.time_of(top + bar * 8) for bar in range(8)])
    assert onsets(sink, Part.MELODY, start_s) == pytest.approx([begins.time_of(top + step) for step in range(64)])
    assert {pitch for at, pitch in sink.onsets(Part.CHORDS) if at == pytest.approx(top_s)} == set(C7.voiced(48))
    assert (ended.position.form_start, ended.place, ended.health.missed_steps, ended.health.faults) == (top, 63, 0, 0)
    places = [moment.session.place for moment in moments if moment.session.step >= first]
    assert places == [*range(first - top, 64), 63]
    assert all(
        moment.session.band.frame.chord == form_chord(moment.session)
        for moment in moments
        if moment.session.step >= top
    )


def test_while_it_is_stopped_it_is_told_once_a_second_and_takes_in_what_is_asked(
    echo: Echo, begun: Callable[..., Session]
) -> None:
    asked = Commands(
        (1.1, Stop()), (3.0, Set("tempo", 60)), (3.2, Set("key", "D")), (3.4, Set("mode", "duet")), (3.5, HandOver()),
        (4.0, Start()), (4.01, Start()), (30.0, Quit()),
    )  # fmt: skip
    ended, sink, _, moments = played(begun(Mode.TRADE), echo, asked, script((2.0, 2.5, 61), (3.9, 4.5, 63)))
    idle = [moment for moment in moments if moment.how is How.IDLE]
    assert {moment.session.step for moment in idle} == {5}
    assert [command for moment in idle for command in moment.heard.commands] == [
        Set("tempo", 60), Set("key", "D"), Set("mode", "duet"), HandOver(), Start(),
    ]  # fmt: skip
    assert all(moment.played.events == () for moment in idle)
    assert [moment.session.position.playing for moment in idle] == [False] * (len(idle) - 1) + [True]
    assert snapshot(idle[-2].session, idle[-2].planned).playing is False
    assert (ended.position.transport.bpm, ended.settings.key, ended.settings.mode) == (60, "D", Mode.DUET)
    assert onsets(sink, Part.DRUMS) == pytest.approx([4.1, 5.1, 6.1, 7.1])
    assert onsets(sink, Part.CHORDS, 4)[:3] == pytest.approx([8.1, 12.1, 16.1])
    assert [pitch for at, pitch in sink.onsets(Part.CHORDS) if at > 4][:4] == list(C7.transposed(2).voiced(48))


def test_a_jam_that_is_stopped_can_be_ended(echo: Echo, begun: Callable[..., Session]) -> None:
    ended, _, _, moments = played(begun(), echo, Commands((1.1, Stop()), (7.7, Quit())))
    assert (ended.step, ended.position.playing) == (5, False)
    assert moments[-1].played.events == ()


@pytest.mark.parametrize("count_in", [0, 1])
@pytest.mark.parametrize("step", [12, 15, 31, 32])
def test_restart_goes_back_to_the_top_without_a_gap(
    step: int, count_in: int, echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(Mode.SOLO)
    session = replace(session, settings=replace(session.settings, count_in=count_in))
    asked = Commands((step * STEP_S + 0.01, Restart()))
    ended, sink, _, moments = played(session, echo, asked, last_step=63)
    first = step + 1
    top = first + first % 2 + 8 * count_in
    clicks = [(top - 8 + 2 * beat) * STEP_S for beat in range(4)] if count_in else []
    assert onsets(sink, Part.DRUMS) == clicks
    assert onsets(sink, Part.MELODY) == [at * STEP_S for at in [*range(first), *range(top, top + 64)]]
    assert onsets(sink, Part.CHORDS, first * STEP_S) == [(top + 8 * bar) * STEP_S for bar in range(8)]
    assert [moment.session.step for moment in moments] == [*range(top + 64), top + 63]
    assert all(
        moment.session.band.frame.chord == form_chord(moment.session)
        for moment in moments
        if moment.session.step >= top
    )
    assert (ended.place, ended.health.missed_steps) == (63, 0)


def test_stop_and_start_at_once_is_a_restart(echo: Echo, begun: Callable[..., Session]) -> None:
    both, one = (
        played(begun(Mode.SOLO), echo, Commands(*((3.1, command) for command in asked)), last_step=31)[1].events
        for asked in ((Stop(), Start()), (Restart(),))
    )
    assert both == one


def test_start_while_it_plays_changes_nothing(echo: Echo, begun: Callable[..., Session]) -> None:
    plain, started = (played(begun(Mode.SOLO), echo, Commands(*asked))[1].events for asked in ((), ((3.1, Start()),)))
    assert plain == started


def test_a_network_is_fed_the_rest_of_the_chorus_in_silence_where_it_is_left(
    echo: Echo, begun: Callable[..., Session]
) -> None:
    """It counts: so the top of the form is its top too."""
    for asked in ((Restart(),), (Set("count-in", 0), Restart())):
        session = begun(Mode.SOLO)
        for step in range(48):
            session, _ = advance(session, Heard((), asked if step == 20 else ()), echo)
        assert len(echo.fed) == 32 + session.place + 1 - (32 - 1) + 31
        assert session.band.frame.chord == form_chord(session)


ASKED = [
    ((2.1, Stop()), (4.0, Start())),
    ((2.3, Stop()), (4.0, Set("tempo", 77)), (4.5, Set("swing", 0.61)), (5.0, Start())),
    ((2.3, Stop()), (4.0, Set("count-in", 0)), (4.0, Set("key", "Ab")), (5.0, Start()), (7.3, Stop()), (9.0, Start())),
    ((2.3, Restart()), (3.0, Restart()), (6.1, Set("count-in", 0)), (6.3, Restart())),
    ((0.4, Tap(0.4)), (1.0, Tap(1.0)), (1.6, Tap(1.6)), (2.2, HandOver()), (3.1, Nudge("register", 1)), (4.0, Panic())),
    ((1.1, Set("mode", "phrase")), (2.2, Set("leaning", 1)), (3.3, Set("density", -1)), (4.4, Set("bars", 2))),
    ((1.1, Set("chords-mute", "on")), (2.2, Set("melody-level", 0)), (3.3, Set("chords-mute", "off")), (4.4, Stop()),
     (6.0, Restart())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "mode"), combined(ASKED, Mode, quick=lambda asked, mode: mode is Mode.TRADE or asked is ASKED[-1])
)
def test_what_was_turned_and_stopped_comes_out_the_same_again(
    mode: Mode, asked: tuple[tuple[float, Command], ...], echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(mode)
    call = script((0.1, 0.4, 64), (0.6, 0.9, 67), (1.2, 2.9, 70), (4.1, 4.4, 72), (6.3, 7.9, 75), (8.0, 8.4, 71))
    _, _, _, moments = played(session, echo, Commands(*asked), call, last_step=47)
    assert again(recording(session, moments))[-1] == moments[-1].session.step


# --- another network ------------------------------------------------------------------------------


def test_another_network_goes_on_in_the_same_place_and_key() -> None:
    """The changes of the same tune, from a network that knows them in D."""
    model, other = drone(), drone("D7 | G7 | D7 | A7", "D", pitch=66)
    plain = through(opened(model), model, 96)[1]
    sessions, leaving = through(opened(model), model, 33)
    session = swapped(sessions[-1], other)
    assert (session.place, session.step, session.turn, session.position.transport) == (
        sessions[-1].place, sessions[-1].step, sessions[-1].turn, sessions[-1].position.transport,
    )  # fmt: skip
    assert (session.tune.key, session.settings.key) == ("D", "C")
    assert replace(session.settings, key=OWN) == sessions[-1].settings
    later, more = through(session, other, 63)
    assert [*leaving, *more] == plain
    assert {session.settings.key for session in later} == {"C"}


def test_the_changes_are_the_new_networks() -> None:
    model, other = drone(), drone("Am | Dm | E7 | Am | F | F | E7 | E7", "A")
    session = swapped(through(opened(model, key="G"), model, 33)[0][-1], other)
    assert session.semitones == -2
    for _ in range(200):
        session, _ = advance(session, Heard(), other)
        assert session.band.frame.chord == other_chord(other, session)


def other_chord(model: Steady, session: Session) -> Chord:
    """The chord of the network's form at a session's place, in the key that sounds."""
    assert session.tune.form.bars == model.spec.form.count("|") + 1
    return session.tune.form.chord_at(session.place).transposed(session.semitones)


BLUES = "eck2002-blues"


@pytest.fixture(scope="module")
def blues() -> OnnxModel:
    return OnnxModel(find_model(BLUES), "cpu")


def test_a_snapshot_shows_what_the_network_makes_of_it(blues: OnnxModel) -> None:
    session = opened(blues, temperature=0.0, key="D", melody_level=50)
    sessions, leaving = through(session, blues, 12)
    for here, after, leaves in zip(sessions, sessions[1:], leaving, strict=False):
        seen = snapshot(here, after, leaves.events)
        assert seen.harmony.form.split(" | ")[:2] == ["D7", "G7"]
        assert Form.parse(seen.harmony.form).bars == 12
        assert seen.planned == after.band.frame.melody
        bent, trained = (
            [chance.steered for chance in seen.network.probabilities],
            [chance.trained for chance in seen.network.probabilities],
        )
        assert (sum(bent), max(bent)) == (1, 1)  # at temperature 0 the likeliest takes all
        assert sum(trained) == pytest.approx(1, abs=0.001)
        likely = {each.pitch for each in seen.network.probabilities if each.steered}
        assert likely == after.band.frame.melody.pitches
        assert 0 < len(seen.network.memory) <= 48
        assert all(-1 <= number <= 1 for number in seen.network.memory)
        struck_ = velocities([leaves], Part.MELODY)
        assert seen.loudness[Part.MELODY] == (round(struck_[0] / 2) if struck_ else 0)
    assert snapshot(sessions[-1], sessions[-1]).planned == SILENCE


def test_the_odds_are_shown_while_you_play_too_and_not_where_the_network_failed(blues: OnnxModel) -> None:
    session = opened(blues, Mode.LISTEN)
    sessions, _ = through(session, blues, 2)
    assert snapshot(sessions[0], sessions[1]).network.probabilities
    failed, _ = fallback(sessions[1], Heard(), blues, "no")
    assert not snapshot(sessions[1], failed).network.probabilities


@pytest.mark.parametrize("at", [*range(-8, 8), 11, 40, 95, 96, 97, 150, 191])
def test_a_real_network_knows_its_place_wherever_it_comes_in(at: int, blues: OnnxModel) -> None:
    """It hears the last chorus, and so it is at once where the form is; in the count-in as at a beginning."""
    session = begin(blues, Settings(mode=Mode.SOLO), Transport(-8, 0.0, 120), count_in_bars=1)
    while session.step < at:
        session, _ = advance(session, Heard(), blues)
    session = swapped(session, blues)
    lost = 0
    while session.step < max(at, 0) + 192:
        session, _ = advance(session, Heard(), blues)
        lost += session.place >= 0 and session.band.frame.chord != form_chord(session)
    assert lost == 0


@pytest.mark.parametrize("asked", [(Stop(),), (Restart(),)], ids=["stopped", "counted in"])
@pytest.mark.parametrize("step", [5, 50, 95, 130])
def test_so_it_does_where_playing_was_stopped_or_begun_again(
    step: int, asked: tuple[Command, ...], blues: OnnxModel
) -> None:
    session = through(opened(blues), blues, step, {step - 2: asked})[0][-1]
    session = swapped(session, blues)
    if not session.position.playing:
        session = idled(session, Heard((), (Start(),)), 99.0)
    sessions, _ = through(session, blues, 200)
    assert [s.place for s in sessions if s.place >= 0 and s.band.frame.chord != form_chord(s)] == []


# --- whatever happens -----------------------------------------------------------------------------


def values(control: Control) -> st.SearchStrategy[Value]:
    return st.floats(0, 1).map(control.scaled) if control is not MODEL else st.just("another")


SETS = st.sampled_from(list(CONTROLS.values())).flatmap(
    lambda control: st.builds(Set, st.just(control.name), values(control))
)
NUDGES = st.sampled_from([control for control in CONTROLS.values() if control is not MODEL]).flatmap(
    lambda control: st.builds(Nudge, st.just(control.name), st.sampled_from([control.nudge, -control.nudge, 3.0, -1e9]))
)
MUTES = st.builds(Set, st.sampled_from(["melody-mute", "chords-mute", "click-mute"]), st.sampled_from(["on", "off"]))
ASKS = st.one_of(
    SETS,
    NUDGES,
    MUTES,
    st.sampled_from([Start(), Stop(), Restart(), HandOver(), Panic(), Set("count-in", 0), Set("count-in", 1)]),
    st.builds(Tap, st.floats(0, 12)),
)
TIMES = st.integers(0, 480).map(lambda ticks: ticks * STEP_S / 12) | st.floats(0, 12)
KEYS = st.lists(st.tuples(TIMES, st.floats(0.01, 3), st.integers(30, 90)), max_size=20)


class Strict(Sink):
    """A sink at which no note is struck twice or ended unstruck."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.now: set[tuple[Part, int]] = set()

    def send(self, message: bytes) -> None:
        count = len(self.events)
        super().send(message)
        for at, event in self.events[count:]:
            note = event.part, event.pitch
            assert isinstance(event, NoteOn) != (note in self.now), f"{event} at {at} while {sorted(self.now)} sound"
            self.now ^= {note}

    def of(self, part: Part) -> set[int]:
        return {pitch for sounding, pitch in self.now if sounding is part}


@tried(20, 75, st.sampled_from(Mode), st.lists(st.tuples(TIMES, ASKS), max_size=25), KEYS, phases=WITHOUT_SHRINKING)
def test_whatever_is_asked_every_onset_has_its_end(
    mode: Mode, asked: list[tuple[float, Command]], keys: list[tuple[float, float, int]]
) -> None:
    """Through the engine and a real player; what is stopped or muted is silent, and at the end everything is."""
    model, clock = Steady(LOGITS[0]), SimulatedClock(-1)
    session = begin(model, Settings(mode=mode, bars=1), Transport(-8, 0.0, 120), count_in_bars=1)
    sink, moments, faults = Strict(clock), list[Moment](), list[str]()

    def observe(moment: Moment) -> None:
        moments.append(moment)
        now, settings_ = moment.session, moment.session.settings
        faults.append(now.health.last_fault)
        if moment.how is How.IDLE and not now.position.playing:
            assert not any(sink.of(part) for part in OURS)
        if settings_.mixer[Part.MELODY].mute == "on":
            assert not sink.of(Part.MELODY)
        if settings_.mixer[Part.CHORDS].mute == "on":
            assert not sink.of(Part.CHORDS)
        assert now.place < 0 or now.band.frame.chord in (None, form_chord(now).transposed(now.semitones))

    notes = Script(
        [Timed(at, NoteOn(Part.YOU, pitch, 80)) for at, _, pitch in keys]
        + [Timed(at + long, NoteOff(Part.YOU, pitch)) for at, long, pitch in keys]
    )
    with Player(clock, sink, [Commands(*asked, (14.0, Quit())), notes]) as player:
        perform(session, model, player, observe, lead=Lead())
    assert sink.now == set()
    assert set(faults) <= {""}
    passed = [moment.session.step for moment in moments[:-1] if moment.how is not How.IDLE]
    assert passed == list(range(-8, -8 + len(passed)))
    take = recording(session, moments)
    take = replace(take, head=replace(take.head, count_in_bars=1))
    assert [step.entry for step in replayed(take, lambda *_: model)] == list(take.entries)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(Mode),
    st.lists(st.tuples(ASKS | st.sampled_from([Start(), Stop()]), st.integers(0, 4)), max_size=50),
)
def test_so_it_has_with_networks_that_come_and_go(mode: Mode, happens: list[tuple[Command, int]]) -> None:
    """Each in a key of its own; a step may go without any."""
    models = [drone(), drone("D7 | G7 | D7 | A7", "D"), Steady(LOGITS[0], "Fm | C7", "F"), Echo()]
    model: StepModel = models[0]
    session, sounding = opened(model, mode), set[tuple[Part, int]]()
    for command, choice in happens:
        if choice < 4 and models[choice] is not model:
            model, before = models[choice], session
            session = swapped(session, model)
            assert (session.place, session.turn, session.band.frame) == (before.place, before.turn, before.band.frame)
            key = before.semitones + PITCH_CLASSES.index(before.tune.key)
            assert (session.semitones + PITCH_CLASSES.index(session.tune.key) - key) % 12 == 0
            assert replace(session.settings, key=before.settings.key) == before.settings
        heard = Heard((), (command,))
        if not session.position.playing:
            session = idled(session, heard, session.position.transport.time_of(session.step + 4))
        else:
            session, leaves = fallback(session, heard, model, "no") if choice == 4 else advance(session, heard, model)
            if isinstance(command, Panic):
                sounding.clear()
            sound(leaves, sounding)
    sound(finish(session), sounding)
    assert not sounding


def sound(leaves: Played, sounding: set[tuple[Part, int]]) -> None:
    """What is struck has ended before; at level 0 ends come where nothing was struck, which a player leaves out."""
    for event in (placed.event for placed in leaves.events if not isinstance(placed.event, Volume)):
        note = event.part, event.pitch
        if isinstance(event, NoteOn):
            assert note not in sounding
            sounding.add(note)
        else:
            sounding.discard(note)
