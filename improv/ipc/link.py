"""What our processes say to each other: whole values over a private connection.

Sending never waits: what the other end does not read is kept up to a limit and then dropped and
counted, so nobody can hold anybody up. Values are pickled; both ends are our own, of one parent,
over a socket pair that no other process can reach. It must never carry what came from a file or
another user.
"""

import pickle
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from improv import errors
from improv.errors import ImprovError
from improv.system.programs import settle
from improv.system.send_buffer import SendBuffer

_LENGTH = struct.Struct("!I")

_READ_BYTES = 1 << 16

_MAX_SOCKETS = 8

GRACE_S = 0.5
"""How long a child that was told to end may take before it is made to."""


@dataclass(frozen=True, slots=True)
class Join:
    """From now on talk to the process at the end of the connection that comes with this."""

    shared: bytes = b""
    """The connection, where a system cannot send it beside the message."""
    since_s: float | None = None
    """The process takes another one's place that is alive: what it has begun is known, and goes on sounding.

    What was heard after this time, in seconds of the clock, it did not come to. None: nothing is known.
    """


@dataclass(frozen=True, slots=True)
class Failed:
    """The process cannot do what it was started for: the name of an ImprovError, and its message."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Failed":
        """The failure an exception stands for."""
        if isinstance(error, ImprovError):
            return cls(type(error).__name__, str(error))
        return cls("ImprovError", f"{type(error).__name__}: {' '.join(str(error).split())}")

    def error(self) -> ImprovError:
        """The exception again."""
        kind: type[ImprovError] = getattr(errors, self.kind)
        return kind(self.message)


class Link:
    """One end of a connection between two of our processes."""

    def __init__(self, end: socket.socket, *, limit_bytes: int = 16 << 20) -> None:
        end.setblocking(False)
        self.closed = False
        """Whether the other end is gone, orderly or killed; what it said before is still received."""
        self.dropped = 0
        """Values that were not sent because the other end did not read."""
        self.has_data = True
        """Whether there may be something to receive; whoever waits for it says so."""
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
        """Send a value, now or later. Return False if it was dropped, or if the other end has closed.

        Of a value that still waits when the next one is sent only `shortened` is kept, if that is given.
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

    def join(self, end: socket.socket, pid: int, *, since_s: float | None = None) -> None:
        """Hand a connection over to the process `pid` at the other end, and shut our copy of it."""
        with end:
            if self.closed:
                return
            if hasattr(socket, "send_fds"):
                self.hand(Join(since_s=since_s), [end.fileno()])
            else:
                self.send(Join(end.share(pid), since_s))  # type: ignore[attr-defined, unused-ignore]

    def hand(self, value: object, descriptors: Sequence[int]) -> bool:
        """Send a value with copies of these sockets, for `taken` at the other end; nothing without any.

        Returns whether it was sent: it is not if the other end does not read for too long, or is gone.
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

    def taken(self, count: int) -> list[socket.socket]:
        """The sockets that came with a value."""
        taken, self._sockets = self._sockets[:count], self._sockets[count:]
        return taken

    def flush(self) -> None:
        """Send on what is kept, as far as the other end takes it."""
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
        """Wait until everything is sent, or the other end is gone: what is said before ending."""
        deadline_s = time.monotonic() + within_s
        while self.waits and (left_s := deadline_s - time.monotonic()) > 0:
            select.select((), [self._end], (), left_s)
            self.flush()

    @property
    def waits(self) -> bool:
        """True while something waits to be sent."""
        return bool(self._unsent) and not self.closed

    @property
    def ready(self) -> bool:
        """Whether there is something to take in or to send on; a hang-up too, which sending may notice first."""
        return self.has_data or self.waits or self.closed

    def receive(self) -> list[Any]:
        """The values that have arrived; sets `closed` when there will be no more."""
        self.has_data = False
        self._read()
        values: list[Any] = []
        while len(self._unread) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._unread)[0]
            if len(self._unread) < end:
                break
            values.append(pickle.loads(self._unread[_LENGTH.size : end]))  # noqa: S301 from our own process
            del self._unread[:end]
        if self._unsent:
            self.flush()
        return values

    def joined(self, message: Join) -> "Link":
        """The connection that came with a message."""
        if message.shared:
            return Link(socket.fromshare(message.shared))  # type: ignore[attr-defined, unused-ignore]
        return Link(self._sockets.pop(0))

    def close(self) -> None:
        """Close the link; the other end notices."""
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


def _framed(value: object) -> bytes:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def serve(run: Callable[[Link], None]) -> None:
    """Be a child: do what it is for, say why if it cannot, and end once that is said.

    What is typed into a terminal, and the signals that are the daemon's, it does not notice.
    """
    settle()
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
    """The link to the process that started this one, from the command line it was given."""
    if arguments[0] == "-":
        return Link(socket.fromshare(sys.stdin.buffer.read()))  # type: ignore[attr-defined, unused-ignore]
    return Link(socket.socket(fileno=int(arguments[0])))
