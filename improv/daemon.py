"""The composition root: opens, wires, plays, closes. It decides nothing about music or time.

A jam is two processes that are supervised, and an audience that shows and records what they tell.
"""

import io
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from improv.between import Begin, Opened, Told
from improv.config import Tune, Wiring, check_writable
from improv.messages import Command, Panic, Quit
from improv.quantiles import quantile
from improv.recording import Head, Journal, read_take, takes_directory
from improv.supervisor import Asking, Outcome, Supervisor
from improv.terminal import KEYS_HELP, Keys, Lines
from improv.turns import Mode

# --- live -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in a jam; lateness is of onsets at the moment they were sent."""

    onsets: int
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    dropped_onsets: int
    missed_steps: int
    faults: int
    lead_ms: float | None
    """How long before a step its last plan was begun, at the end; None if the engine could not say."""
    first_onset_s: float | None
    """Of the monotonic clock."""
    peak_memory_mib: float | None
    """Of the engine; None where the system does not tell."""
    realtime: bool
    """Whether the system has granted the player real-time scheduling."""
    engine_deaths: int
    player_deaths: int
    """How often another one had to take its place."""

    def text(self) -> str:
        """One line for the end of a jam."""
        return (
            f"{self.onsets} onsets, late by p50 {self.lateness_p50_us:.0f} us, p99 {self.lateness_p99_us:.0f} us, "
            f"max {self.lateness_max_us:.0f} us; {self.missed_steps} missed steps, "
            f"{self.dropped_onsets} dropped onsets, {self.faults} faults"
        )


def jam(tune: Tune, wiring: Wiring, say: Callable[[str], None]) -> Figures:
    """Play live until stopped, by ports, or into a file where there is no MIDI system.

    Ctrl-C, SIGTERM and SIGHUP end it in order. Returns what was measured; what cannot be started,
    or keeps dying, raises ImprovError.
    """
    if wiring.save is not None:
        check_writable(wiring.save)
    seed = random.SystemRandom().randrange(1 << 31) if tune.seed is None else tune.seed
    audience = _Audience(Lines(sys.stdout or io.StringIO()), say)  # a daemon may be started without any output
    with audience, Signals() as signals, Supervisor(tune, wiring, audience) as supervisor:
        ports = _ready(supervisor, signals, say)
        audience.save = _save(wiring, plays=ports.plays)
        mode = tune.mode or (Mode.TRADE if ports.hears else Mode.SOLO)
        say(f"{tune.model}, {mode}, seed {seed}" + (f", into {audience.save}" if audience.save else ""))
        with ExitStack() as stack:
            asking: list[Asking] = [signals]
            if _in_front_of_a_terminal():
                say(KEYS_HELP)
                asking.append(stack.enter_context(Keys()))
            outcome = supervisor.play(Begin(mode, seed), asking)
    return _figures(outcome, audience)


def play_again(path: Path, wiring: Wiring, say: Callable[[str], None]) -> Figures:
    """Play a take again, your notes too, until its end or until stopped; it is not recorded once more.

    Each step is decided again before it sounds; DataError at the first that is not what was recorded.
    """
    head, wiring = read_take(path).head, replace(wiring, listens=False)
    tune = Tune.of(model=head.model, tempo=head.transport.bpm)
    audience = _Audience(Lines(sys.stdout or io.StringIO()), say)
    with audience, Signals() as signals, Supervisor(tune, wiring, audience, take=path) as supervisor:
        _ready(supervisor, signals, say)
        outcome = supervisor.play(Begin(head.settings.mode, head.settings.seed), [signals])
    return _figures(outcome, audience)


def _ready(supervisor: Supervisor, signals: "Signals", say: Callable[[str], None]) -> Opened:
    """Wait until both processes can begin, and say what is open; KeyboardInterrupt if a signal stops it before."""
    ports = supervisor.ready([signals])
    if ports is None:
        raise KeyboardInterrupt
    if ports.says:
        say(ports.says)
    return ports


def _save(wiring: Wiring, *, plays: bool) -> Path | None:
    """The file a jam is written to at its end: the one asked for, or one where nothing else can be heard of it."""
    if wiring.save is None and not plays:
        path = Path(f"jam-{datetime.now():%Y%m%d-%H%M%S}.mid")
        check_writable(path)
        return path
    return wiring.save


class _Audience:
    """Shows a jam line by line and has it recorded; a context that ends both and says where they are."""

    def __init__(self, lines: Lines, say: Callable[[str], None]) -> None:
        self.save: Path | None = None
        """Also write the jam to this MIDI file at its end."""
        self.last: Told | None = None
        self._lines = lines
        self._say = say
        self._journal: Journal | None = None
        self._take: Any = None
        self._fault = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_journal("stopped" if error is None else f"{type(error).__name__}: {error}")
        self._lines.close()
        if self.save is not None and self._journal is not None:
            self._write(self.save, self._journal.path)
        if self._journal is not None and self._journal.path is not None:
            self._say(f"recorded as {self._journal.path.stem}")

    def begun(self, head: Head) -> None:
        """Open the recording; where there can be none, the MIDI file is gathered without it."""
        self._close_journal("an engine died before its first step")
        self._journal = Journal(takes_directory(), head).__enter__()
        if self.save is not None and self._journal.path is None:
            from improv.midi.files import Take  # late: it would only delay the first note

            self._take = Take(head, f"improv: {head.model}, seed {head.settings.seed}")

    def _write(self, save: Path, path: Path | None) -> None:
        from improv.midi.files import export

        if self._take is not None:
            self._take.write(save)
        elif path is not None:
            export(read_take(path), save)
        self._say(f"wrote {save}")

    def _close_journal(self, reason: str) -> None:
        if self._journal is not None:
            self._journal.end(reason)
            self._journal.__exit__(None, None, None)
            self._tell_fault(self._journal)

    def told(self, told: Told) -> None:
        """Record a step, and show it."""
        self.last = told
        if self._journal is not None:
            self._journal.append(told.entry)
            self._tell_fault(self._journal)
        if self._take is not None:
            self._take.observe(told.entry)
        self._lines.observe(told.seen)

    def remark(self, text: str) -> None:
        """Record and show that something has happened."""
        if self._journal is not None:
            self._journal.remark(self.last.entry.step if self.last else 0, text)
        self._lines.remark(text)

    def _tell_fault(self, journal: Journal) -> None:
        fault, self._fault = self._fault, journal.fault
        if self._fault and self._fault != fault:
            self._lines.remark(self._fault)


def _in_front_of_a_terminal() -> bool:
    """Whether somebody can strike keys here: a background job that asks its terminal for them is stopped."""
    if os.name != "posix" or sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not ours
        return False


class Signals:
    """What signals ask for: SIGUSR1 for silence, those that end a program for a stop; a context that undoes it."""

    _ASKS = (("SIGINT", Quit()), ("SIGTERM", Quit()), ("SIGHUP", Quit()), ("SIGUSR1", Panic()))

    def __init__(self) -> None:
        self._asked: list[Command] = []
        self._before: list[tuple[signal.Signals, Any]] = []
        self._wakes, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)

    def __enter__(self) -> Self:
        for name, command in self._ASKS:
            if number := getattr(signal, name, None):
                self._before.append((number, signal.signal(number, self._asks(command))))
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before:
            signal.signal(number, handler)
        self._wakes.close()
        self._woken.close()

    def fileno(self) -> int:
        """Readable once a signal has come."""
        return self._woken.fileno()

    def poll(self) -> Sequence[Command]:
        """What has been asked for."""
        with suppress(BlockingIOError):
            self._woken.recv(1 << 10)
        asked, self._asked = self._asked, []
        return asked

    def _asks(self, command: Command) -> Callable[[int, object], None]:
        def arrive(number: int, frame: object) -> None:
            self._asked.append(command)

        return arrive


def _figures(outcome: Outcome, audience: _Audience) -> Figures:
    latenesses_us = sorted((sent_s - due_s) * 1e6 for due_s, sent_s in outcome.sent) or [0.0]
    seen = audience.last.seen if audience.last else None
    return Figures(
        onsets=outcome.report.onsets,
        lateness_p50_us=quantile(latenesses_us, 0.5),
        lateness_p99_us=quantile(latenesses_us, 0.99),
        lateness_p999_us=quantile(latenesses_us, 0.999),
        lateness_max_us=latenesses_us[-1],
        dropped_onsets=outcome.report.dropped,
        missed_steps=seen.missed_steps if seen else 0,
        faults=seen.faults if seen else 0,
        lead_ms=outcome.ended.lead_s * 1e3 if outcome.ended else None,
        first_onset_s=outcome.report.first_onset_s,
        peak_memory_mib=outcome.ended.peak_memory_mib if outcome.ended else None,
        realtime=outcome.realtime,
        engine_deaths=outcome.engine_deaths,
        player_deaths=outcome.player_deaths,
    )
