"""Everything a player turns, on the session and through the engine on simulated time."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.midi.player import Player
from improv.midi.sources import Script
from improv.models.contract import StepModel
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Set, Start, Stop, Tap
from improv.protocol.control import Control, Value
from improv.protocol.controls import CONTROLS, MODEL, Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording.replay import replayed
from improv.runtime.engine import Lead, perform
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, finish, idled
from improv.session.network import swapped
from improv.session.state import Moment, Played, Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import WITHOUT_SHRINKING, Echo, combined, form_chord, tried
from tests.recording.test_replay import recording
from tests.runtime.test_engine import Commands
from tests.runtime.test_engine import Receiver as Sink
from tests.session.steady import STEP_S, Steady, drone, opened, through
from tests.session.test_drawing import LOGITS
from tests.session.test_stop_and_start import OURS

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
    "comp-level": 120,
    "drums-level": 0,
    "melody-mute": "on",
    "comp-mute": "on",
    "drums-mute": "on",
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


def values(control: Control) -> st.SearchStrategy[Value]:
    return st.floats(0, 1).map(control.scaled) if control is not MODEL else st.just("another")


SETS = st.sampled_from(list(CONTROLS.values())).flatmap(
    lambda control: st.builds(Set, st.just(control.name), values(control))
)
NUDGES = st.sampled_from([control for control in CONTROLS.values() if control is not MODEL]).flatmap(
    lambda control: st.builds(Nudge, st.just(control.name), st.sampled_from([control.nudge, -control.nudge, 3.0, -1e9]))
)
MUTES = st.builds(Set, st.sampled_from(["melody-mute", "comp-mute", "drums-mute"]), st.sampled_from(["on", "off"]))
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
    for event in (placed.event for placed in leaves.events if isinstance(placed.event, NoteEvent)):
        note = event.part, event.pitch
        if isinstance(event, NoteOn):
            assert note not in sounding
            sounding.add(note)
        else:
            sounding.discard(note)
