"""A link between two processes of improv: whole values over a private connection.

Sending never waits: what the other end does not read is kept up to a limit, then dropped and counted, so that no
process can hold up another. Values are pickled, a plan, which comes with every step, as numbers: both ends are improv's
own, over a socket pair that no other process can reach. It must never carry what came from a file or another user.
"""

import gc
import io
import pickle
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

from improv import errors
from improv.dataclass import dataclass
from improv.errors import ImprovError
from improv.music.plan import Plan
from improv.system.programs import restore_process_defaults
from improv.system.send_buffer import SendBuffer

_HEADER = struct.Struct("!I?")
"""What comes before each value: its length in bytes, and whether it is the numbers of a plan."""

_READ_BYTES = 1 << 16

_MAX_SOCKETS = 8

_LIMIT_BYTES = 16 << 20

GRACE_S = 0.5
"""How long a child process may take to end, in seconds, before it is killed."""


@dataclass(frozen=True, slots=True)
class Join:
    """Talk from now on to the process at the other end of the connection that comes along."""

    shared: bytes = b""
    """The connection, where a system cannot send it beside the message."""
    since_s: float | None = None
    """The process takes the place of one that is alive: its notes go on sounding.

    What was heard after this time, in seconds of the clock, is sent to it again. None: it takes no one's place.
    """
    sounds: bool = False
    """Whether it is the synth."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot do what it was started for: the class of an ImprovError, and its message."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Failed":
        """Return the failure that an exception stands for."""
        if isinstance(error, ImprovError):
            return cls(type(error).__name__, str(error))
        return cls("ImprovError", f"{type(error).__name__}: {' '.join(str(error).split())}")

    def error(self) -> ImprovError:
        """Return the exception that the failure stands for."""
        kind: type[ImprovError] = getattr(errors, self.kind)
        return kind(self.message)


class Link:
    """One end of a connection between two processes of improv."""

    def __init__(self, end: socket.socket, *, limit_bytes: int = _LIMIT_BYTES) -> None:
        end.setblocking(False)
        self.closed = False
        """Whether the other end is gone, orderly or killed; what it sent before is still received."""
        self.dropped = 0
        """How many values were dropped, because the other end did not read."""
        self.has_data = True
        """Whether there may be something to receive; set by the clock that waits for it."""
        self._end = end
        self._limit_bytes = limit_bytes
        self._unsent = SendBuffer(end)
        self._newest: tuple[int, object] | None = None
        """Where the last value that is kept begins in what is unsent, and what may stand in its place."""
        self._unread = bytearray()
        self._sockets: list[socket.socket] = []

    def fileno(self) -> int:
        """Return the descriptor of the socket, for `select`; -1 once the link is closed."""
        return self._end.fileno()

    def send(self, value: object, *, shortened: object = None) -> bool:
        """Send a value, now or as soon as there is room. Return False if it was dropped or the other end has closed.

        `shortened` replaces the value if it still waits when the next one is sent.
        """
        if self.closed:
            return False
        self._shorten()
        if len(self._unsent) > self._limit_bytes:
            self.flush()
            if len(self._unsent) > self._limit_bytes:
                self.dropped += 1
                return False
        if shortened is not None:
            self._newest = len(self._unsent), shortened
        self._unsent.append(_framed(value))
        self.flush()
        return not self.closed

    def _shorten(self) -> None:
        """Keep the shorter form of the last value, unless sending it has begun."""
        newest, self._newest = self._newest, None
        if newest is not None:
            start, shortened = newest
            self._unsent.replace_from(start, _framed(shortened))

    def join(self, end: socket.socket, pid: int, *, since_s: float | None = None, sounds: bool = False) -> None:
        """Hand a connected socket to process `pid` at the other end, and close it here. The others as in `Join`."""
        with end:
            if self.closed:
                return
            if hasattr(socket, "send_fds"):
                self.send_with_sockets(Join(since_s=since_s, sounds=sounds), [end.fileno()])
            else:
                self.send(Join(end.share(pid), since_s, sounds))  # type: ignore[attr-defined, unused-ignore]

    def send_with_sockets(self, value: object, descriptors: Sequence[int]) -> bool:
        """Send a value with copies of sockets, for `take_sockets` at the other end; return whether it was sent.

        It is not sent if there are no sockets, or if the other end is gone or does not read for too long.
        """
        self.drain(GRACE_S)  # they come with the first byte of it
        if self.closed or self.waits or not (descriptors and hasattr(socket, "send_fds")):
            return False
        framed, deadline_s = _framed(value), time.monotonic() + GRACE_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                sent = socket.send_fds(self._end, [framed], descriptors)
            except BlockingIOError:
                select.select((), [self._end], (), left_s)
            except OSError:
                self._read()
                return False
            else:
                self._unsent.append(framed[sent:])
                return True
        return False

    def take_sockets(self, count: int) -> list[socket.socket]:
        """Return the `count` sockets that came along with a value."""
        taken, self._sockets = self._sockets[:count], self._sockets[count:]
        return taken

    def flush(self) -> None:
        """Send buffered data, as much as the other end takes now."""
        try:
            sent = self._unsent.send()
        except OSError:
            self._unsent.clear()
            self._newest = None
            self._read()  # what it said before it went is kept
            return
        if self._newest is not None:  # a value whose beginning is sent stays as it is
            start, shortened = self._newest
            self._newest = (start - sent, shortened) if start >= sent else None

    def drain(self, within_s: float) -> None:
        """Wait until all is sent or the other end is gone, at most `within_s` seconds; call it before exiting."""
        deadline_s = time.monotonic() + within_s
        while self.waits and (left_s := deadline_s - time.monotonic()) > 0:
            select.select((), [self._end], (), left_s)
            self.flush()

    @property
    def waits(self) -> bool:
        """True while data waits to be sent."""
        return bool(self._unsent) and not self.closed

    @property
    def ready(self) -> bool:
        """True if there is something to receive or to send, or the other end is gone."""
        return self.has_data or self.waits or self.closed

    def receive(self) -> list[Any]:
        """Return the values that have arrived; set `closed` when there will be no more."""
        self.has_data = False
        self._read()
        values: list[Any] = []
        while len(self._unread) >= _HEADER.size:
            length, is_plan = _HEADER.unpack_from(self._unread)
            end = _HEADER.size + length
            if len(self._unread) < end:
                break
            value = pickle.loads(self._unread[_HEADER.size : end])  # noqa: S301 from our own process
            values.append(Plan.of_numbers(*value) if is_plan else value)
            del self._unread[:end]
        if self._unsent:
            self.flush()
        return values

    def joined_link(self, message: Join, *, limit_bytes: int = _LIMIT_BYTES) -> "Link":
        """Return the link to another process that came along with a `Join` message."""
        if message.shared:
            shared = socket.fromshare(message.shared)  # type: ignore[attr-defined, unused-ignore]
            return Link(shared, limit_bytes=limit_bytes)
        return Link(self._sockets.pop(0), limit_bytes=limit_bytes)

    def close(self) -> None:
        """Close the socket; the other end notices."""
        self.closed = True
        for end in (self._end, *self._sockets):
            end.close()

    def _read(self) -> None:
        while not self.closed:
            try:
                if hasattr(socket, "recv_fds"):
                    data, fds, _, _ = socket.recv_fds(self._end, _READ_BYTES, _MAX_SOCKETS)
                    self._sockets += [socket.socket(fileno=fd) for fd in fds]
                else:
                    data = self._end.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.closed = True
            self._unread += data
            if len(data) < _READ_BYTES:
                return


class _Reducers(dict[type, Callable[[Any], tuple[type, tuple[Any, ...]]]]):
    """How the values of a type are pickled: a dataclass by the values of its fields, as it is called with them.

    By itself a frozen dataclass with slots looks its fields up each time; that takes three times as long.
    """

    def __missing__(self, kind: type) -> Callable[[Any], tuple[type, tuple[Any, ...]]]:
        if not is_dataclass(kind) or not hasattr(kind, "__slots__"):
            raise KeyError(kind)
        known = fields(kind)
        if not known or any(field.kw_only or not field.init for field in known):
            raise KeyError(kind)
        values = attrgetter(*(field.name for field in known))
        reducer = (lambda value: (kind, values(value))) if len(known) > 1 else (lambda value: (kind, (values(value),)))
        self[kind] = reducer
        return reducer


_REDUCERS = _Reducers()


def _framed(value: object) -> bytes:
    if isinstance(value, Plan):
        numbers = pickle.dumps(value.numbers(), pickle.HIGHEST_PROTOCOL)
        return _HEADER.pack(len(numbers), True) + numbers
    data = io.BytesIO()
    pickler = pickle.Pickler(data, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return _HEADER.pack(data.tell(), False) + data.getvalue()


def serve(run: Callable[[Link], None]) -> None:
    """Run as a child process: call `run` with the link to the parent, and send `Failed` if it raises.

    What is typed into a terminal, and signals that are meant for the daemon, are ignored. What is loaded by now stays:
    the search for garbage, off until here, leaves it out.
    """
    gc.freeze()
    gc.enable()
    restore_process_defaults()
    for name in ("SIGINT", "SIGHUP", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    link = parent(sys.argv[1:])
    try:
        run(link)
    except BaseException as error:
        link.send(Failed.of(error))
    link.drain(GRACE_S)


def parent(arguments: Sequence[str]) -> Link:
    """Return the link to the parent process, from this process's command-line arguments."""
    if arguments[0] == "-":
        return Link(socket.fromshare(sys.stdin.buffer.read()))  # type: ignore[attr-defined, unused-ignore]
    return Link(socket.socket(fileno=int(arguments[0])))
