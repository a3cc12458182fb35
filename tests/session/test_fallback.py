"""A network that raises, speaks nonsense or is late (R16): on every beat of improv's something sounds all the same.

The player is beside the engine here, as in two processes: it plays on while the engine is held up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example
from hypothesis import strategies as st

from improv.midi.player import Player
from improv.midi.sources import Script
from improv.models.contract import Tensors
from improv.models.encodings import CHORD_HEAD, MELODY_HEAD
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.styles import Style
from improv.music.theory import STEPS_PER_BAR
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.runtime.engine import FALLBACK_BARS, Lead, perform
from improv.session.band.pads import CHORDS_LOW
from improv.session.fallback import LATE
from improv.session.lifecycle import begin
from improv.session.state import Moment, Session
from tests.conftest import WITHOUT_SHRINKING, Echo, combined, tiers, tried
from tests.midi.synth import Synth

OURS = (Part.MELODY, Part.CHORDS)
STEP_S = 0.25
LAST_STEP = 63
"""Two choruses of the echo's form, which is four bars long."""


class Timeline:
    """A sink that remembers what sounded when."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.synth = Synth()
        self._sounding: list[tuple[float, frozenset[tuple[int, int]]]] = []
        self.onsets: list[tuple[float, Part, int]] = []

    def send(self, message: bytes) -> None:
        self.synth.send(message)
        assert max(self.synth.keys.values(), default=1) == 1  # ended before it is struck again
        self._sounding.append((self._clock.now(), frozenset(self.synth.keys)))
        if message[0] & 0xF0 == 0x90:
            part = next(part for part in Part if part.channel == message[0] & 0x0F)
            self.onsets.append((round(self._clock.now(), 6), part, message[1]))

    def at(self, time_s: float, part: Part) -> set[int]:
        """The pitches that sound just after a time."""
        sounding: frozenset[tuple[int, int]] = frozenset()
        for changed_s, keys in self._sounding:
            if changed_s > time_s + 1e-6:
                break
            sounding = keys
        return {pitch for channel, pitch in sounding if channel == part.channel}


class Beside:
    """A real player on a clock of its own, which the engine's being late does not stop."""

    independent = True

    def __init__(self, clock: SimulatedClock, *sources: Any) -> None:
        self.clock = clock
        self._own = SimulatedClock(clock.now())
        self.timeline = Timeline(self._own)
        self.player = Player(self._own, self.timeline, sources)
        self.commands: list[Command] = []
        self._notes: list[Timed] = []

    def play(self, plan: Plan) -> None:
        self._play_on(self.clock.now())
        self.player.play(plan)

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard:
        self._play_on(self.clock.now())
        while self._own.now() < deadline_s and not (at_once and (self._notes or self.commands)):
            self._play_on(deadline_s, at_once=at_once)
        self.clock.wait_until(self._own.now())
        heard = Heard(tuple(self._notes), tuple(self.commands))
        self._notes, self.commands = [], []
        return heard

    def _play_on(self, until_s: float, *, at_once: bool = False) -> None:
        if self._own.now() <= until_s:
            heard = self.player.listen_until(until_s, at_once=at_once)
            assert heard is not None
            self._notes += heard.notes


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in one step of the network, and how long it takes."""

    kind: str = "none"
    late_s: float = 0.0


KINDS = (
    "raises", "asserts", "no chord", "no melody", "nothing", "chord nan", "chord inf", "melody nan", "melody -inf",
    "memory nan", "memory lost", "memory misshapen", "melody too long", "melody empty", "chord of text",
)  # fmt: skip


class Troubled(Echo):
    """The echo with troubles at some of its steps, counted from when it is first asked to perform."""

    def __init__(self, clock: SimulatedClock | None = None, troubles: dict[int, Trouble] | None = None) -> None:
        super().__init__()
        self.clock, self.troubles = clock, troubles or {}
        self.steps = 0
        self.always = Trouble()
        self._performing = False

    def begun(self, mode: Mode) -> Session:
        settings = Settings(mode=mode, bars=1, seed=1, style=Style.PADS, dynamics=0, feel=0)
        session = begin(self, settings, Transport(0, 0.0, 120))
        self._performing = True
        return session

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self.steps += self._performing
        trouble = self.troubles.get(self.steps, self.always)
        if trouble.late_s and self.clock is not None:
            self.clock.oversleep(trouble.late_s)
        if trouble.kind == "raises":
            raise RuntimeError("out of\nnotes")
        if trouble.kind == "asserts":
            raise AssertionError
        if not np.isfinite(memory["count"]).all():
            raise FloatingPointError("forgot where it was")
        outputs, memory = super().step(features, memory)
        return troubled(dict(outputs), dict(memory), trouble.kind)


def troubled(outputs: dict[str, Any], memory: dict[str, Any], kind: str) -> tuple[Any, Any]:
    """What a step should have given, spoiled."""
    match kind:
        case "no chord":
            del outputs[CHORD_HEAD]
        case "no melody":  # a network of chords alone is none of these; its spec says melody
            outputs[MELODY_HEAD] = None
        case "nothing":
            return None, None
        case "chord nan" | "chord inf":
            outputs[CHORD_HEAD] = np.full_like(outputs[CHORD_HEAD], np.nan if kind == "chord nan" else np.inf)
        case "melody nan" | "melody -inf":
            outputs[MELODY_HEAD] = np.full_like(outputs[MELODY_HEAD], np.nan if kind == "melody nan" else -np.inf)
        case "memory nan":
            memory["count"] = memory["count"] * np.nan
        case "memory lost":
            memory = {}
        case "memory misshapen":
            memory["count"] = np.zeros((1, 0), np.float32)
        case "melody too long":  # every unit that the vocabulary lacks is likelier
            outputs[MELODY_HEAD] = np.array([[-30.0] * 13 + [30.0]], np.float32)
        case "melody empty":
            outputs[MELODY_HEAD] = np.zeros((1, 0), np.float32)
        case "chord of text":
            outputs[CHORD_HEAD] = "C7"
    return outputs, memory


def calls(*keys: tuple[float, float, int]) -> Script:
    on = [Timed(at, NoteOn(Part.YOU, pitch, 90)) for at, _, pitch in keys]
    return Script(on + [Timed(at + length, NoteOff(Part.YOU, pitch)) for at, length, pitch in keys])


@dataclass(frozen=True)
class Jam:
    """How a performance has gone."""

    ended: Session
    timeline: Timeline
    moments: list[Moment]

    def check(self) -> None:
        """Every beat of improv's sounds, the chords are the form's, no place is lost, every fault is counted."""
        ended = self.ended
        for step in range(LAST_STEP + 1):
            now_s = step * STEP_S
            chord = set(ended.tune.form.chord_at(step).voiced(CHORDS_LOW))
            assert self.timeline.at(now_s, Part.CHORDS) == chord, f"the chord at step {step}"
            if step % 2 == 0 and self.moments[step].session.turn.who.plays:
                assert self.timeline.at(now_s, Part.MELODY), f"nothing sounds on step {step}"
        changes = {at for at, part, _ in self.timeline.onsets if part is Part.CHORDS}
        assert changes == {bar * STEPS_PER_BAR * STEP_S for bar in range((LAST_STEP + 1) // STEPS_PER_BAR)}
        self.check_books()

    def check_books(self) -> None:
        """No place is lost, every fault is counted and the last is named, and everything has ended."""
        ended, told = self.ended, self.moments[:-1]
        assert [moment.session.step for moment in told] == list(range(LAST_STEP + 1))
        fallbacks = [moment.session for moment in told if moment.how is How.FALLBACK]
        assert ended.health.faults == len(fallbacks)
        assert ended.health.last_fault == (fallbacks[-1].health.last_fault if fallbacks else "")
        assert all(session.health.last_fault and session.health.last_fault.isprintable() for session in fallbacks)
        assert self.timeline.synth.at_rest


def jam(model: Troubled, mode: Mode, clock: SimulatedClock, *sources: Any) -> Jam:
    """Played by a player beside the engine."""
    hands, moments = Beside(clock, *sources), list[Moment]()
    with hands.player:
        ended = perform(model.begun(mode), model, hands, moments.append, lead=Lead(), last_step=LAST_STEP)
    return Jam(ended, hands.timeline, moments)


def jam_in_one(model: Troubled, mode: Mode, clock: SimulatedClock, *sources: Any) -> Jam:
    """Played by the process that decides, as when a file is rendered."""
    timeline, moments = Timeline(clock), list[Moment]()
    with Player(clock, timeline, sources) as player:
        ended = perform(model.begun(mode), model, player, moments.append, lead=Lead(), last_step=LAST_STEP)
    return Jam(ended, timeline, moments)


faults = st.dictionaries(st.integers(1, 150), st.sampled_from(KINDS).map(Trouble), max_size=40)
lates = st.lists(
    st.tuples(st.integers(3, 150), st.sampled_from([0.01, 0.124, 0.126, 0.25, 0.4, 0.6, 1.1]) | st.floats(0.001, 1.5)),
    max_size=6,
)
keys = st.lists(
    st.tuples(st.floats(0, 16), st.sampled_from([0.01, 0.2, 1.0]), st.sampled_from([36, 60, 61, 72, 100])), max_size=20
)
modes = st.sampled_from(list(Mode))


def shortened(late: Sequence[tuple[int, float]]) -> dict[int, Trouble]:
    """As late altogether as a player has in hand, and no later."""
    total_s, found = 0.0, dict[int, Trouble]()
    for step, late_s in late:
        if step not in found and total_s + late_s < (FALLBACK_BARS * STEPS_PER_BAR - 1) * STEP_S:
            total_s += late_s
            found[step] = Trouble(late_s=late_s)
    return found


EVERY_KIND = combined(KINDS, Mode, quick=lambda kind, mode: mode is Mode.TRADE or kind in ("raises", "memory nan"))


@pytest.mark.parametrize(("kind", "mode"), EVERY_KIND)
def test_one_bad_step_and_the_music_goes_on(mode: Mode, kind: str) -> None:
    clock = SimulatedClock(-1)
    played = jam(Troubled(clock, {20: Trouble(kind)}), mode, clock, calls((0.5, 0.4, 64), (2.3, 0.1, 67)))
    played.check()
    assert played.ended.health.faults <= 5
    assert played.ended.health.consecutive_faults == 0


@pytest.mark.parametrize(("kind", "mode"), EVERY_KIND)
def test_a_network_that_only_ever_fails_is_played_without(mode: Mode, kind: str) -> None:
    clock = SimulatedClock(-1)
    model = Troubled(clock)
    session = model.begun(mode)
    model.always = Trouble(kind)
    hands, moments = Beside(clock, calls((0.5, 0.4, 64), (2.3, 0.1, 67))), list[Moment]()
    with hands.player:
        ended = perform(session, model, hands, moments.append, lead=Lead(), last_step=LAST_STEP)
    Jam(ended, hands.timeline, moments).check()
    if not kind.startswith("melody") and kind != "no melody":  # which is needed in improv's turns only
        assert ended.health.faults >= LAST_STEP


@tried(12, 40, modes, faults, keys, phases=WITHOUT_SHRINKING)
def test_faults_at_any_steps_leave_something_sounding_on_every_beat(
    mode: Mode, troubles: dict[int, Trouble], called: list[tuple[float, float, int]]
) -> None:
    clock = SimulatedClock(-1)
    jam(Troubled(clock, troubles), mode, clock, calls(*called)).check()


@tried(12, 40, modes, faults, keys, phases=WITHOUT_SHRINKING)
def test_so_they_do_where_one_process_decides_and_plays(
    mode: Mode, troubles: dict[int, Trouble], called: list[tuple[float, float, int]]
) -> None:
    clock = SimulatedClock(-1)
    jam_in_one(Troubled(clock, troubles), mode, clock, calls(*called)).check()


@pytest.mark.parametrize("every", tiers(4, 1))
def test_late_once_wherever_it_may_be_the_form_goes_on(every: int) -> None:
    for number, late_s in enumerate((0.1, 0.13, 0.26, 0.4, 0.6, 1.1, 1.6)):
        for step in range(2 + number % every, 12, every):
            clock = SimulatedClock(-1)
            jam(Troubled(clock, {step: Trouble(late_s=late_s)}), Mode.SOLO, clock).check()


@tried(12, 40, modes, lates, keys, phases=WITHOUT_SHRINKING)
@example(mode=Mode.SOLO, late=[(8, 1.1)], called=[])
def test_late_at_any_steps_the_player_has_something_in_hand(
    mode: Mode, late: list[tuple[int, float]], called: list[tuple[float, float, int]]
) -> None:
    clock = SimulatedClock(-1)
    played = jam(Troubled(clock, shortened(late)), mode, clock, calls(*called))
    played.check()
    assert played.ended.health.missed_steps == 0
    assert played.ended.health.last_fault in ("", LATE)


@tried(12, 40, modes, faults, lates, keys, phases=WITHOUT_SHRINKING)
@example(mode=Mode.SOLO, troubles={}, late=[(8, 1.1)], called=[])
def test_late_and_wrong_at_once(
    mode: Mode, troubles: dict[int, Trouble], late: list[tuple[int, float]], called: list[tuple[float, float, int]]
) -> None:
    clock = SimulatedClock(-1)
    both = troubles | {
        step: Trouble(troubles.get(step, trouble).kind, trouble.late_s) for step, trouble in shortened(late).items()
    }
    jam(Troubled(clock, both), mode, clock, calls(*called)).check()


@pytest.mark.parametrize(
    ("mode", "late_s"),
    combined(Mode, [2.5, 4.0, 9.0, 30.0], quick=lambda mode, late_s: mode is Mode.SOLO or late_s == 9.0),
)
def test_later_than_a_bar_there_is_silence_and_the_place_is_kept(mode: Mode, late_s: float) -> None:
    clock = SimulatedClock(-1)
    model = Troubled(clock, {10: Trouble(late_s=late_s)})
    hands, moments = Beside(clock), list[Moment]()
    with hands.player:
        last_step = 191
        ended = perform(model.begun(mode), model, hands, moments.append, lead=Lead(), last_step=last_step)
    assert ended.step == last_step
    assert late_s / STEP_S - FALLBACK_BARS * STEPS_PER_BAR - 1 <= ended.health.missed_steps <= late_s / STEP_S
    resumed = int(2.25 / STEP_S + late_s / STEP_S) + 2 * STEPS_PER_BAR
    for step in range(resumed, last_step, STEPS_PER_BAR):
        chord = set(ended.tune.form.chord_at(step).voiced(CHORDS_LOW))
        assert hands.timeline.at(step * STEP_S, Part.CHORDS) == chord
    assert hands.timeline.synth.at_rest


@pytest.mark.parametrize("late_s", [0.26, 0.3, 0.6])
def test_a_network_that_is_late_at_every_step_is_played_without(late_s: float) -> None:
    clock = SimulatedClock(-1)
    model = Troubled(clock)
    session = model.begun(Mode.SOLO)
    model.always = Trouble(late_s=late_s)
    hands, moments = Beside(clock), list[Moment]()
    clock.wait_until(-STEP_S)
    with hands.player:
        perform(session, model, hands, moments.append, lead=Lead(), last_step=LAST_STEP)
    beats = range(STEPS_PER_BAR, LAST_STEP, 2)  # a bar to find out in
    silent = {part: [at for at in beats if not hands.timeline.at(at * STEP_S, part)] for part in OURS}
    assert silent == {part: [] for part in OURS}


def test_a_network_that_was_too_slow_is_back_in_its_place_once_the_tempo_lets_it() -> None:
    clock = SimulatedClock(-1)
    model = Troubled(clock)
    session = model.begun(Mode.SOLO)
    model.always = Trouble(late_s=1.2 * STEP_S)
    hands, moments = Beside(clock), list[Moment]()
    clock.wait_until(-STEP_S)

    def slowing_down(moment: Moment) -> None:
        moments.append(moment)
        if moment.session.step == 2 * STEPS_PER_BAR:
            hands.commands.append(Set("tempo", 60))

    with hands.player:
        ended = perform(session, model, hands, slowing_down, lead=Lead(), last_step=191)
    how = [moment.how for moment in moments]
    assert set(how[1 : 2 * STEPS_PER_BAR]) == {How.FALLBACK}
    assert set(how[8 * STEPS_PER_BAR :]) == {How.NETWORK}
    assert all(
        moment.session.band.frame.chord == ended.tune.form.chord_at(moment.session.step) for moment in moments[:-1]
    )


def test_the_very_first_step_sounds_although_the_network_is_late_for_it() -> None:
    clock = SimulatedClock(-0.05)
    played = jam(Troubled(clock, {1: Trouble(late_s=0.1)}), Mode.SOLO, clock)
    first = played.moments[0]
    told = {placed.event.pitch for placed in first.played.events if isinstance(placed.event, NoteOn)}
    sounded = {pitch for at, _, pitch in played.timeline.onsets if at < STEP_S}
    assert told == sounded != set()


@pytest.mark.parametrize("step", [10, 11])
def test_when_the_bar_in_hand_is_over_no_note_of_the_line_is_left_sounding(step: int) -> None:
    clock = SimulatedClock(-1)
    model = Troubled(clock, {step: Trouble(late_s=6.0)})
    hands, moments = Beside(clock), list[Moment]()
    with hands.player:
        perform(model.begun(Mode.SOLO), model, hands, moments.append, lead=Lead(), last_step=LAST_STEP)
    over_s = (step + FALLBACK_BARS * STEPS_PER_BAR + 1) * STEP_S
    assert hands.timeline.at(over_s - 3 * STEP_S, Part.MELODY) | hands.timeline.at(over_s - 4 * STEP_S, Part.MELODY)
    assert hands.timeline.at(over_s, Part.MELODY) == set()
