"""Signals as commands, and what a terminal does to a job: hang up, suspend, continue.

A signal that was ignored when improv was started stays ignored: nohup means it. It must never do anything in a
handler but remember that it was called.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

from improv.protocol.commands import Command, Panic, Quit, Start, Stop
from improv.protocol.snapshot import Snapshot

_STOPPED_WITHIN_S = 4.0
"""The slowest eighth is over by then, and what sounded has ended with it."""


class Signals:
    """An interface: SIGUSR1 is panic, signals that end a program are quit. A context that restores the handlers."""

    _ASKS = (("SIGINT", Quit()), ("SIGTERM", Quit()), ("SIGHUP", Quit()), ("SIGUSR1", Panic()))
    _LEFT_IGNORED = ("SIGINT", "SIGHUP")

    def __init__(self) -> None:
        self.suspends = False
        """Whether the terminal wants the job suspended, which has not been done yet."""
        self.continued = False
        """Whether it was continued since this was last set to False."""
        self._asked: list[Command] = []
        self._before: list[tuple[signal.Signals, Any]] = []
        self._wakes, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)

    def __enter__(self) -> Self:
        for name, command in self._ASKS:
            self._handle(name, self._asks(command), keeps_ignoring=name in self._LEFT_IGNORED)
        self._handle("SIGTSTP", self._suspend, keeps_ignoring=True)
        self._handle("SIGCONT", self._continue, keeps_ignoring=False)
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

    def readables(self) -> Sequence[Any]:
        """Return a socket that becomes readable when a signal arrives."""
        return [self._woken]

    def poll(self) -> Sequence[Command]:
        """Return the commands of the signals that have arrived."""
        with suppress(BlockingIOError):
            self._woken.recv(1 << 10)
        asked, self._asked = self._asked, []
        return asked

    def suspend(self) -> None:
        """Stop this process, as Ctrl-Z asks, until it is continued."""
        self.suspends = False
        number = signal.SIGTSTP
        handler = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, handler)

    def _handle(self, name: str, handler: Callable[[int, object], None], *, keeps_ignoring: bool) -> None:
        number = getattr(signal, name, None)
        if number is None or (keeps_ignoring and signal.getsignal(number) is signal.SIG_IGN):
            return
        self._before.append((number, signal.signal(number, handler)))

    def _asks(self, command: Command) -> Callable[[int, object], None]:
        def arrive(number: int, frame: object) -> None:
            self._asked.append(command)

        return arrive

    def _suspend(self, number: int, frame: object) -> None:
        self.suspends = True

    def _continue(self, number: int, frame: object) -> None:
        self.continued = True


class Terminal(Protocol):
    """A terminal that has been taken over for single keys."""

    def grab(self) -> None:
        """Set up the terminal, if this job is in the foreground."""
        ...

    def release(self) -> None:
        """Restore the terminal, if this job is in the foreground."""
        ...


class Suspension:
    """On Ctrl-Z the music stops, then the process, and both go on when it is continued.

    The whole jam pauses: a player would hear a band that does not react. `goes_on` says from where it goes on (a jam
    from the top of the form, counted in), `silence` ends what still sounds. A process that is stopped in another way
    (SIGSTOP) plays on, and nothing of it is lost.
    """

    def __init__(
        self,
        signals: Signals,
        terminal: Terminal | None,
        submit: Callable[[Command], object],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        goes_on: str = "from the top of the form",
        silence: Callable[[], object] = tuple,
    ) -> None:
        self._signals = signals
        self._terminal = terminal
        self._submit = submit
        self._say = say
        self._clock = clock
        self._goes_on = goes_on
        self._silence = silence
        self._playing = True
        self._asked_s: float | None = None
        self._was_playing = False

    def show(self, seen: Snapshot) -> None:
        """Take in a snapshot: whether the music plays."""
        self._playing = seen.playing

    def tend(self) -> None:
        """Suspend the process if that was asked for and the music has ended."""
        signals = self._signals
        if signals.continued:
            signals.continued = False
            if self._terminal is not None:
                self._terminal.grab()
        if signals.suspends and self._asked_s is None:
            self._asked_s, self._was_playing = self._clock(), self._playing
            if self._playing:
                self._submit(Stop())
        if self._asked_s is not None and (not self._playing or self._clock() > self._asked_s + _STOPPED_WITHIN_S):
            self._asked_s = None
            self._pause()

    def _pause(self) -> None:
        self._say("suspended: fg or bg goes on" + (f", {self._goes_on}" if self._was_playing else ""))
        if self._terminal is not None:
            self._terminal.release()
        self._silence()
        self._signals.suspend()
        self._signals.continued = False
        if self._terminal is not None:
            self._terminal.grab()
        if self._was_playing:
            self._submit(Start())
