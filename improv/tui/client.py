"""The link to the daemon: threads that talk to it, so that the screen never waits for a socket.

One watches and tells each new snapshot, one asks for what is wanted and tells what was said to it. They
share nothing with the screen but a queue in and a callback out, which has to be safe to call from any
thread. When the daemon is gone they say so and look for it again, for as long as it takes.
"""

import asyncio
import queue
import threading
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Protocol

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.errors import ImprovError, Unavailable, UsageError
from improv.protocol.commands import Command, Panic, Set
from improv.protocol.snapshot import Snapshot
from improv.system import programs as program

PER_S = 20.0
"""The most snapshots a second: music that is faster than that is shown with gaps."""

AGAIN_S = 0.5
_ASKED_S = 5.0
SILENT_S = 3.0
"""No daemon says nothing for so long: while playing is stopped it tells a snapshot a second."""

_PROBED_S = 2.0
_LAST_S = 0.5


# --- what is told ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A new snapshot."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Joined:
    """A daemon is there, by the number of its process."""

    pid: int


@dataclass(frozen=True, slots=True)
class Gone:
    """None is there any more, or none has been yet; or the one there is hangs."""

    why: str
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered to a command: a note, or what is wrong with it. That it was silenced is told in any case."""

    command: Command
    text: str
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon that was to be started plays."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A daemon that was to be started has ended instead; AlreadyRunning if somebody else has started one."""

    error: ImprovError


News = Seen | Joined | Gone | Said | Started | NotStarted

Done = queue.SimpleQueue[None]
"""Holds something once it is done."""

Wanted = Command | Done | None
"""What is put to the thread that asks: a command, what is told when all before it is done, or an end to it."""


class Link(Protocol):
    """Somebody who brings news of a daemon and takes commands to it; none of this ever waits."""

    def begin(self, tell: Callable[[News], object]) -> None:
        """Tell what happens from now on."""
        ...

    def ask(self, command: Command) -> None:
        """Have a command done, after those asked for before."""
        ...

    def start(self) -> None:
        """Start the daemon; it is told of when it is there."""
        ...

    def settle(self) -> None:
        """Wait a moment for what has been asked for to be done."""
        ...

    def end(self) -> None:
        """Tell nothing any more."""
        ...


# --- the real one ---------------------------------------------------------------------------------


class DaemonLink:
    """The link to the daemon of an instance; `starts` starts one and waits until it plays, or raises ImprovError."""

    def __init__(self, at: Instance, starts: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._starts = starts
        self._clock = clock
        self._tell: Callable[[News], object] = _nobody
        self._wanted: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
        self._asking: threading.Thread | None = None
        self._client: ControlClient | None = None
        """Whom the thread that asks is connected to."""
        self._heard_s: float | None = None
        """When the daemon was last heard of; None while none is there."""
        self._hangs = False
        self._starting: threading.Thread | None = None
        self._not_started: ImprovError | None = None
        self._ended = False

    def begin(self, tell: Callable[[News], object]) -> None:
        """Tell what happens from now on."""
        self._tell = tell
        _thread(self._watch)
        self._asking = _thread(self._ask)

    def ask(self, command: Command) -> None:
        """Have a command done, after those asked for before."""
        self._wanted.put(command)

    def start(self) -> None:
        """Start the daemon; it is told of when it is there."""
        self._not_started = None
        self._starting = _thread(self._start)

    def settle(self) -> None:
        """Wait a moment for what has been asked for to be done."""
        done: Done = queue.SimpleQueue()
        self._wanted.put(done)
        if self._asking is not None:
            with suppress(queue.Empty):
                done.get(timeout=_LAST_S)

    def end(self) -> None:
        """Tell nothing any more; what has been asked for is done, if that takes a moment."""
        self._ended = True
        self._tell = _nobody
        self._wanted.put(None)
        if self._asking is not None:
            self._asking.join(_LAST_S)

    @property
    def is_starting(self) -> bool:
        """Whether a daemon is being started at this moment."""
        return self._starting is not None and self._starting.is_alive()

    def started(self) -> ImprovError | None:
        """Wait until what is being started plays, or say why it does not; None too if nothing is being started."""
        if self._starting is None or not self._starting.is_alive():
            return None
        self._starting.join()
        return self._not_started

    def _start(self) -> None:
        try:
            self._starts()
        except ImprovError as error:
            self._not_started = error
            self._tell(NotStarted(error))
        else:
            self._tell(Started())

    def _watch(self) -> None:
        told = None
        while not self._ended:
            why = ""
            try:
                with ControlClient(self._at.socket, instance=self._at.name) as client:
                    told = None
                    self._heard(client.greeting.pid)
                    for snapshot in client.watch(PER_S):
                        self._heard(client.greeting.pid)
                        self._tell(Seen(snapshot))
            except Unavailable:
                pass
            except (ImprovError, OSError) as error:
                why = str(error)
            self._heard_s, self._hangs = None, False
            if told != why:
                told = why
                self._tell(Gone(why))
            time.sleep(AGAIN_S)

    def _heard(self, pid: int) -> None:
        """Know that the daemon is there, and tell it if that is news."""
        is_news = self._heard_s is None or self._hangs
        self._heard_s, self._hangs = self._clock(), False
        if is_news:
            self._tell(Joined(pid))

    def _is_silent(self) -> bool:
        """Whether a daemon that was there has not been heard of for long."""
        return self._heard_s is not None and self._clock() - self._heard_s > SILENT_S

    def _probe(self) -> None:
        """Tell of a daemon that is there and does not answer."""
        try:
            with ControlClient(self._at.socket, _PROBED_S, instance=self._at.name) as client:
                if self._heard_s is not None:
                    with suppress(UsageError):  # to say no is to answer too
                        client.status()
                    self._heard(client.greeting.pid)
        except (ImprovError, OSError) as error:
            if not self._hangs and self._is_silent() and isinstance(error.__cause__, TimeoutError):
                self._hangs = True
                self._tell(Gone("improv does not answer", hangs=True))

    def _ask(self) -> None:
        """Ask for what is wanted until there is an end to it."""
        with ExitStack() as connection:
            commands: list[Wanted] = []
            while None not in commands:
                try:
                    commands = [self._wanted.get(timeout=AGAIN_S), *self._waiting()]
                except queue.Empty:
                    if self._is_silent():
                        self._probe()
                    continue
                for command in latest(commands):
                    if not self._is_asked(connection, command):
                        break  # late the others would do harm
                for done in commands:
                    if isinstance(done, queue.SimpleQueue):
                        done.put(None)

    def _is_asked(self, connection: ExitStack, command: Command) -> bool:
        """Ask for a command, over a new connection where the one there was has ended; False if nobody is there."""
        is_new = self._client is None
        try:
            if self._client is None:
                client = ControlClient(self._at.socket, _ASKED_S, instance=self._at.name)
                self._client = connection.enter_context(client)
            note = self._client.ask(command)
        except (Unavailable, OSError) as error:
            self._client = None
            connection.close()
            if is_new or isinstance(error.__cause__, TimeoutError):
                self._tell(Said(command, str(error), wrong=True))
                return False
            return self._is_asked(connection, command)  # it was another's that has gone meanwhile
        except (ImprovError, LookupError) as error:
            self._tell(Said(command, str(error), wrong=True))
        else:
            if note or isinstance(command, Panic):
                self._tell(Said(command, note))
        return True

    def _waiting(self) -> list[Wanted]:
        return [self._wanted.get_nowait() for _ in range(self._wanted.qsize())]


def latest(commands: Sequence[Wanted]) -> list[Command]:
    """The commands without the settings of a control that a later one of them overtakes."""
    kept: list[Command] = []
    turned: set[str] = set()
    for command in reversed(commands):
        match command:
            case None | queue.SimpleQueue():
                continue
            case Set(name) if name in turned:
                continue
            case Set(name):
                turned.add(name)
        kept.append(command)
    return kept[::-1]


def _thread(target: Callable[[], None]) -> threading.Thread:
    """One that ends with the program, whatever it waits for."""
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def _nobody(news: News) -> None:
    """Nobody listens."""


# --- other programs of ours -----------------------------------------------------------------------


async def run_improv(words: Sequence[str], within_s: float = 10.0) -> str:
    """What an improv command prints; ImprovError is what it complains of, or that it takes too long.

    MIDI systems and large files are for a process of its own, which can be killed.
    """
    process = await asyncio.create_subprocess_exec(
        *program.improv(*words), env=program.environment(), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        out, complaint = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        raise ImprovError(f"improv {words[0]} takes longer than {within_s:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        said = complaint.decode(errors="replace").strip().split("\n")[-1]
        raise ImprovError(said.removeprefix("improv: ") or f"improv {words[0]} has failed")
    return out.decode(errors="replace")
