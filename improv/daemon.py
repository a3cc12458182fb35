"""The composition root: opens, wires, plays, closes. It decides nothing about music or time.

Three performances are put together here: a live jam, the same jam without a MIDI system, and a
render on simulated time. They differ in clock, source and sink, and in nothing else.
"""

import gc
import io
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from improv.config import Tune, Wiring, check_writable
from improv.engine import MAX_FAULTS_IN_A_ROW, Observer, measured_lead_s, perform
from improv.errors import ContractError, ImprovError, Unavailable, UsageError
from improv.messages import Command, Stop
from improv.midi.files import CallNote, Take, read_call
from improv.midi.player import NullSink, Player, Script, Sink, Source, SystemClock
from improv.midi.ports import InputPort, OutputPort, reachable_api
from improv.music import BEATS_PER_BAR, STEPS_PER_BAR, NoteOff, NoteOn, Part, Timed, pitch_class
from improv.onnx_file import find_model
from improv.onnx_model import OnnxModel, remembered_provider
from improv.session import Moment, Session, Settings, begin
from improv.terminal import KEYS_HELP, Keys, Lines
from improv.transport import SimulatedClock, Transport
from improv.turns import Mode

_START_S = 0.05
"""How long after everything is ready the first step falls due."""

_RENDER_LEAD_S = 0.001
_SIGNALS_POLL_S = 0.02


def _opened(tune: Tune, otherwise: str = "cpu") -> OnnxModel:
    """The tune's model, checked and loaded, on its provider or another, which may fail for the CPU."""
    path = find_model(tune.model)
    if tune.provider is None and otherwise != "cpu":
        with suppress(ImprovError):
            return OnnxModel(path, otherwise)
    return OnnxModel(path, tune.provider or "cpu")


def _begun(tune: Tune, model: OnnxModel, mode: Mode, seed: int, start_s: float) -> Session:
    """The tune at its beginning, its first step due at `start_s`."""
    transport = Transport(-tune.count_in * STEPS_PER_BAR, start_s, tune.tempo, tune.swing)
    settings = Settings(
        mode=mode,
        turn_bars=tune.bars,
        temperature=tune.temperature,
        key_semitones=_semitones(model.spec.key, tune.key),
    )
    with _first_steps(tune):
        return begin(model, settings, transport, seed=seed, count_in_bars=tune.count_in)


@contextmanager
def _first_steps(tune: Tune) -> Iterator[None]:
    """Whatever a model raises before there is music, as a ContractError."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise ContractError(f"{tune.model}: it fails in its first steps ({reason}); export it again") from error


def _last_step(tune: Tune, session: Session) -> int | None:
    return None if tune.choruses is None else tune.choruses * session.form.steps - 1


def _semitones(own: str, wanted: str | None) -> int:
    """The shortest way from the model's key to the wanted one, -5 to 6 semitones."""
    return 0 if wanted is None else (pitch_class(wanted) - pitch_class(own) + 5) % 12 - 5


# --- live -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in a jam; lateness is of onsets at the moment they were sent."""

    onsets: int
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_max_us: float
    dropped_onsets: int
    missed_steps: int
    faults: int
    lead_ms: float
    first_onset_s: float | None
    """Of the monotonic clock."""
    peak_memory_mib: float | None
    """None where the system does not tell."""

    def text(self) -> str:
        """One line for the end of a jam."""
        return (
            f"{self.onsets} onsets, late by p50 {self.lateness_p50_us:.0f} us, p99 {self.lateness_p99_us:.0f} us, "
            f"max {self.lateness_max_us:.0f} us; {self.missed_steps} missed steps, "
            f"{self.dropped_onsets} dropped onsets, {self.faults} faults"
        )


def jam(tune: Tune, wiring: Wiring, say: Callable[[str], None]) -> Figures:
    """Play live until stopped, by ports, or into a file where there is no MIDI system.

    Ctrl-C, SIGTERM and SIGHUP end it in order. Returns what was measured; a performance that
    ended in faults raises ImprovError.
    """
    tune.checked()
    model = _opened(tune, remembered_provider())
    seed = random.SystemRandom().randrange(1 << 31) if tune.seed is None else tune.seed
    with ExitStack() as stack:
        sink, sources = _ports(wiring, say, stack)
        hears = any(isinstance(source, InputPort) for source in sources)
        save = wiring.save
        if isinstance(sink, NullSink) and save is None:
            save = Path(f"jam-{datetime.now():%Y%m%d-%H%M%S}.mid")
        if save is not None:
            check_writable(save)
        mode = tune.mode or (Mode.TRADE if hears else Mode.SOLO)
        say(f"{tune.model}, {mode}, seed {seed}" + (f", into {save}" if save else ""))
        if _in_front_of_a_terminal():
            say(KEYS_HELP)
            sources.append(stack.enter_context(Keys(tune.tempo, tune.temperature)))
        clock = SystemClock()
        first = _begun(tune, model, mode, seed, 0)
        with _first_steps(tune):
            lead_s = measured_lead_s(first, model, clock)
        stack.enter_context(_no_collections())
        session = _begun(tune, model, mode, seed, clock.now() + _START_S)
        lines = Lines(sys.stdout or io.StringIO())  # a daemon may be started without any
        take = Take(session, f"improv: {tune.model}, seed {seed}")
        observe = _both(take.observe, lines.observe) if save else lines.observe
        with (  # left in this order from the last: silent first, and nothing is said before all is kept
            _told(save, say),
            Signals() as signals,
            closing(lines),
            _kept(take, save),
            Player(clock, sink, [*sources, signals]) as player,
        ):
            ended = perform(session, model, player, observe, lead_s=lead_s, last_step=_last_step(tune, session))
    if ended.faults_in_a_row >= MAX_FAULTS_IN_A_ROW:
        raise ImprovError(f"the model failed {MAX_FAULTS_IN_A_ROW} steps in a row: {ended.fault}")
    return _figures(player, ended, lead_s)


def _in_front_of_a_terminal() -> bool:
    """Whether somebody can strike keys here: a background job that asks its terminal for them is stopped."""
    if os.name != "posix" or sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not ours
        return False


def _ports(wiring: Wiring, say: Callable[[str], None], stack: ExitStack) -> tuple[Sink, list[Source]]:
    """The jam's output and inputs: MIDI ports, or none where no MIDI system answers and none was asked for."""
    if wiring.api == "none":
        if wiring.input or wiring.output:
            raise UsageError("--api none has no ports; leave --input and --output out, or name another --api")
        return NullSink(), []
    try:
        api = reachable_api(wiring.api)
    except Unavailable as error:
        if wiring.api or wiring.input or wiring.output:
            raise
        say(f"{error}; playing on into a MIDI file")
        return NullSink(), []
    source = stack.enter_context(InputPort(wiring.input, api))
    sink = stack.enter_context(OutputPort(wiring.output, api))
    say(f"{api}: hears {source.name}, plays to {sink.name}")
    return sink, [source]


@contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage collection while deadlines are kept: one costs tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class Signals:
    """The signals that end a program, as a source of Stop; a context that restores what they did before."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))

    def __init__(self) -> None:
        self._arrived = False
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Self:
        def arrive(number: int, frame: object) -> None:
            self._arrived = True

        self._before = [(number, signal.signal(number, arrive)) for number in self._NUMBERS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def poll(self, now_s: float) -> Sequence[Timed | Command]:
        """Stop, once a signal has come."""
        return (Stop(),) if self._arrived else ()

    def next_poll_s(self, now_s: float) -> float:
        """Fifty times a second."""
        return now_s + _SIGNALS_POLL_S


@contextmanager
def _kept(take: Take, path: Path | None) -> Iterator[None]:
    """Write the take however the performance ends."""
    try:
        yield
    finally:
        if path is not None:
            take.write(path)


@contextmanager
def _told(path: Path | None, say: Callable[[str], None]) -> Iterator[None]:
    """Say where the take is, once it is."""
    try:
        yield
    finally:
        if path is not None:
            say(f"wrote {path}")


def _both(first: Observer, second: Observer) -> Observer:
    def observe(moment: Moment) -> None:
        first(moment)
        second(moment)

    return observe


def _figures(player: Player, session: Session, lead_s: float) -> Figures:
    latenesses_us = sorted(late_s * 1e6 for late_s in player.latenesses_s) or [0.0]
    return Figures(
        onsets=player.onsets,
        lateness_p50_us=quantile(latenesses_us, 0.5),
        lateness_p99_us=quantile(latenesses_us, 0.99),
        lateness_max_us=latenesses_us[-1],
        dropped_onsets=player.dropped,
        missed_steps=session.missed_steps,
        faults=session.faults,
        lead_ms=lead_s * 1e3,
        first_onset_s=player.first_onset_s,
        peak_memory_mib=_peak_memory_mib(),
    )


def _peak_memory_mib() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# --- simulated time ---------------------------------------------------------------------------


def render(tune: Tune, out: Path, call: Path | None = None) -> Session:
    """Write a performance to a MIDI file on simulated time: identical bytes for identical arguments.

    The call is played in each of your turns if it fits into one, else once from the first bar on.
    """
    tune.checked()
    notes = read_call(call) if call else ()
    mode = tune.mode or (Mode.TRADE if call else Mode.SOLO)
    if call and mode == Mode.SOLO:
        raise UsageError("solo hears nobody; leave --call out, or choose --mode trade or duet")
    model = _opened(tune)
    session = _begun(tune, model, mode, tune.seed or 0, 0.0)
    last_step = _last_step(tune, session)
    if last_step is None:
        raise UsageError("a render needs an end; give --choruses")
    script = Script(_laid_out(notes, session, last_step))
    take = Take(session, f"improv: {model.spec.name}, seed {tune.seed or 0}")
    with Player(SimulatedClock(), NullSink(), [script]) as player:
        ended = perform(session, model, player, take.observe, lead_s=_RENDER_LEAD_S, last_step=last_step)
    if ended.faults:
        raise ImprovError(f"the model failed while rendering: {ended.fault}")
    take.write(out)
    return ended


def _laid_out(notes: Sequence[CallNote], session: Session, last_step: int) -> list[Timed]:
    """The call's notes at the times they are played."""
    if not notes:
        return []
    turn_beats = session.settings.turn_bars * BEATS_PER_BAR
    fits = session.settings.mode == Mode.TRADE and max(note.end_beats for note in notes) <= turn_beats
    every = 2 * turn_beats if fits else last_step + 1
    starts = range(0, last_step // 2 + 1, every)
    transport = session.transport
    first_s, beat_s = transport.time_of(0), 60 / transport.bpm
    timed: list[Timed] = []
    for start in starts:
        for note in notes:
            on_s, off_s = (first_s + (start + b) * beat_s for b in (note.start_beats, note.end_beats))
            timed.append(Timed(on_s, NoteOn(Part.YOU, note.pitch, note.velocity)))
            timed.append(Timed(off_s, NoteOff(Part.YOU, note.pitch)))
    return timed
