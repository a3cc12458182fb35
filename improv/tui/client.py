"""The link to the daemon: threads that talk to it, so that the screen never waits for a socket.

One thread watches and brings each new snapshot, one sends commands and brings their answers. They share nothing with
the screen but a queue in and a callback out, which has to be safe to call from any thread. When the daemon has gone
they say so and look for it again, for as long as it takes.
"""

import asyncio
import queue
import threading
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Protocol

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.dataclass import dataclass
from improv.errors import ImprovError, Unavailable, UsageError
from improv.protocol.commands import Command, Panic, Set
from improv.protocol.snapshot import Snapshot
from improv.system import programs as program

PER_S = 20.0
"""The most snapshots a second: music that is faster than that is shown with gaps."""

AGAIN_S = 0.5
_ASKED_S = 5.0
SILENT_S = 3.0
"""No daemon is silent for so long: even while playing is stopped it sends a snapshot a second."""

_PROBED_S = 2.0
_LAST_S = 0.5


# --- news -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A new snapshot."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Joined:
    """A daemon is there; `pid` is the number of its process."""

    pid: int


@dataclass(frozen=True, slots=True)
class Gone:
    """No daemon is there, for a reason that is empty if there is nothing to say; or one is, and does not answer."""

    reason: str
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a command: a note, or what is wrong with it. A panic is answered in any case."""

    command: Command
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon that was to be started plays."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A daemon that was to be started has ended instead; AlreadyRunning if another program has started one."""

    error: ImprovError


News = Seen | Joined | Gone | Answered | Started | NotStarted

Done = queue.SimpleQueue[None]
"""Gets an item once all commands before it are done."""

Wanted = Command | Done | None
"""What the sending thread gets: a command, a queue to answer on when all before it is done, or None to end."""


class Link(Protocol):
    """Brings news of a daemon and takes commands to it. Nothing here waits but `flush`, for a moment."""

    def listen(self, tell: Callable[[News], object]) -> None:
        """Call `tell` with all news from now on, from the link's own threads."""
        ...

    def submit(self, command: Command) -> None:
        """Queue a command for the daemon, after earlier ones."""
        ...

    def start_daemon(self) -> None:
        """Start a daemon; the news `Started` or `NotStarted` follows."""
        ...

    def flush(self) -> None:
        """Wait until all commands are sent and answered, at most half a second."""
        ...

    def close(self) -> None:
        """Stop the news and the link's threads."""
        ...


# --- the real one ---------------------------------------------------------------------------------


class DaemonLink:
    """The link to the daemon of an instance; `starts` starts one and waits until it plays, or raises ImprovError."""

    def __init__(self, at: Instance, starts: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._starts = starts
        self._clock = clock
        self._tell: Callable[[News], object] = _ignore
        self._wanted: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
        self._asking: threading.Thread | None = None
        self._client: ControlClient | None = None
        """The connection of the sending thread."""
        self._heard_s: float | None = None
        """When the daemon last sent something; None while none is there."""
        self._has_hung = False
        self._starting: threading.Thread | None = None
        self._not_started: ImprovError | None = None
        self._ended = False

    def listen(self, tell: Callable[[News], object]) -> None:
        """Call `tell` with all news from now on, from the link's own threads."""
        self._tell = tell
        _thread(self._watch)
        self._asking = _thread(self._ask)

    def submit(self, command: Command) -> None:
        """Queue a command for the daemon, after earlier ones."""
        self._wanted.put(command)

    def start_daemon(self) -> None:
        """Start a daemon; the news `Started` or `NotStarted` follows."""
        self._not_started = None
        self._starting = _thread(self._start)

    def flush(self) -> None:
        """Wait until all commands are sent and answered, at most half a second."""
        done: Done = queue.SimpleQueue()
        self._wanted.put(done)
        if self._asking is not None:
            with suppress(queue.Empty):
                done.get(timeout=_LAST_S)

    def close(self) -> None:
        """Stop the news, and wait at most half a second for commands to be sent."""
        self._ended = True
        self._tell = _ignore
        self._wanted.put(None)
        if self._asking is not None:
            self._asking.join(_LAST_S)

    @property
    def is_starting(self) -> bool:
        """True while a daemon is being started."""
        return self._starting is not None and self._starting.is_alive()

    def wait_until_started(self) -> ImprovError | None:
        """Wait for the daemon that is being started, if any; return why it does not play, else None."""
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
        last_reason = None
        while not self._ended:
            reason = ""
            try:
                with ControlClient(self._at.socket, instance=self._at.name) as client:
                    last_reason = None
                    self._heard(client.greeting.pid)
                    for snapshot in client.watch(PER_S):
                        self._heard(client.greeting.pid)
                        self._tell(Seen(snapshot))
            except Unavailable:
                pass
            except (ImprovError, OSError) as error:
                reason = str(error)
            self._heard_s, self._has_hung = None, False
            if last_reason != reason:
                last_reason = reason
                self._tell(Gone(reason))
            time.sleep(AGAIN_S)

    def _heard(self, pid: int) -> None:
        """Note that the daemon has sent something, and say that it is there if that is news."""
        is_news = self._heard_s is None or self._has_hung
        self._heard_s, self._has_hung = self._clock(), False
        if is_news:
            self._tell(Joined(pid))

    def _is_silent(self) -> bool:
        """Whether a daemon that was there has been silent for too long."""
        return self._heard_s is not None and self._clock() - self._heard_s > SILENT_S

    def _probe(self) -> None:
        """Ask a silent daemon for a sign of life, and say if it gives none."""
        try:
            with ControlClient(self._at.socket, _PROBED_S, instance=self._at.name) as client:
                if self._heard_s is not None:
                    with suppress(UsageError):  # to say no is to answer too
                        client.status()
                    self._heard(client.greeting.pid)
        except (ImprovError, OSError) as error:
            if not self._has_hung and self._is_silent() and isinstance(error.__cause__, TimeoutError):
                self._has_hung = True
                self._tell(Gone("improv does not answer", is_silent=True))

    def _ask(self) -> None:
        """Send commands until the link is closed."""
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
                    if not self._send(connection, command):
                        break  # the others would do harm if they came late
                for done in commands:
                    if isinstance(done, queue.SimpleQueue):
                        done.put(None)

    def _send(self, connection: ExitStack, command: Command) -> bool:
        """Send a command, over a new connection where the old one has ended; return False if no daemon takes it."""
        is_new = self._client is None
        try:
            if self._client is None:
                client = ControlClient(self._at.socket, _ASKED_S, instance=self._at.name)
                self._client = connection.enter_context(client)
            note = self._client.submit(command)
        except (Unavailable, OSError) as error:
            self._client = None
            connection.close()
            if is_new or isinstance(error.__cause__, TimeoutError):
                self._tell(Answered(command, str(error), is_error=True))
                return False
            return self._send(connection, command)  # the old connection was to a daemon that has gone
        except (ImprovError, LookupError) as error:
            self._tell(Answered(command, str(error), is_error=True))
        else:
            if note or isinstance(command, Panic):
                self._tell(Answered(command, note))
        return True

    def _waiting(self) -> list[Wanted]:
        return [self._wanted.get_nowait() for _ in range(self._wanted.qsize())]


def latest(commands: Sequence[Wanted]) -> list[Command]:
    """Return the commands, less those that set a control which a later command sets again."""
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
    """Start a thread that ends with the program, whatever it waits for."""
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def _ignore(news: News) -> None:
    """Do nothing with news."""


# --- improv commands ------------------------------------------------------------------------------


async def run_improv(words: Sequence[str], within_s: float = 10.0) -> str:
    """Run an improv command and return its output; ImprovError if it fails or takes too long.

    It runs in a process of its own, which can be killed: it may wait for a MIDI system, or read large files.
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
