"""The control socket, both ends side by side: how any program steers a daemon, and sees what it plays.

JSON lines, version first; PROTOCOL.md beside this file tells it to whoever writes a client. The server
is one more thing a loop waits for: it never waits itself, whatever a request leads to is an answer, and
what a client sends too much of, or does not read, is that client's loss. It must never let in another
user, pass on what has not been checked, or keep without bound what somebody sends or leaves unread.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortly
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self

from improv import __version__
from improv.errors import DataError, ImprovError, Unavailable, UsageError
from improv.protocol.commands import (
    CONTROLS,
    TRIGGERS,
    Command,
    Connect,
    Control,
    Forget,
    Learn,
    Nudge,
    Panic,
    Press,
    Set,
    Snapshot,
    Tap,
    Value,
    checked,
    nearest,
)
from improv.protocol.json_codec import encoded, fields_of, made, malformed, object_of, parsed, plain
from improv.system.private_files import make_private, somebody_listens, write_private

PROTOCOL = 1
"""The version both ends name first; a client of another one is turned away."""

MAX_FRAME_BYTES = 64 << 10
MAX_CLIENTS = 64
MAX_UNSENT_BYTES = 256 << 10
MAX_TEXT = 4096
"""Characters in a text a client sends."""

MAX_ID = 1 << 53
PER_S_LOW, PER_S_HIGH = 1, 30
BURST, REQUESTS_PER_S = 64, 500.0
"""A client may ask so much at once, and so much in the long run; what is more waits in its own socket."""

GREETING_S = 5.0
"""So long a client may take for its first line; where there is no room for another, one that has said nothing goes."""

_READ_BYTES = 1 << 16
_MAX_ANSWER_BYTES = 1 << 20
_MAX_ERROR = 500
_DEAF_S = 1.0
"""Where the machine has no descriptor left for somebody who knocks, asking again at once only burns time."""


# --- what is said ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first line of a server."""

    improv: int
    """The protocol it speaks."""
    version: str
    pid: int
    instance: str


@dataclass(frozen=True, slots=True)
class Status:
    """Tell the newest snapshot."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell each new snapshot from now on, at most so many a second."""

    per_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Tell no more of them."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Tell what can be turned."""


Request = Command | Status | Watch | Unwatch | Controls

_REQUESTS: Mapping[str, Any] = MappingProxyType(
    {
        "set": Set,
        "nudge": Nudge,
        "tap": Tap,
        **{name: type(command) for name, command in TRIGGERS.items()},
        "learn": Learn,
        "forget": Forget,
        "press": Press,
        "connect": Connect,
        "status": Status,
        "watch": Watch,
        "unwatch": Unwatch,
        "controls": Controls,
    }
)
_NAMES = MappingProxyType({kind: name for name, kind in _REQUESTS.items()})
_TYPE_NAMES = MappingProxyType({str: "a text", int: "a whole number", float: "a number", Value: "a number or a text"})


def requested(raw: Mapping[str, Any], now_s: float) -> Request:
    """The request an object stands for, its control and value checked; UsageError says what is wrong with it.

    A tap is stamped with the time given: seconds of the monotonic clock.
    """
    name, given = raw.get("do"), {field: value for field, value in raw.items() if field != "do"}
    if not isinstance(name, str) or name not in _REQUESTS:
        hint = nearest(name[:40], tuple(_REQUESTS)) if isinstance(name, str) else ""
        wrong = f"nothing can be asked as {shortly(name)}{hint}" if "do" in raw else "the request lacks do"
        raise UsageError(f"{wrong}; do is one of {', '.join(_REQUESTS)}")
    kind = _REQUESTS[name]
    hints, needed = ({}, frozenset[str]()) if kind is Tap else fields_of(kind)
    for field in given:
        if field not in hints:
            hint = nearest(field[:40], tuple(hints)) or f"; it takes {', '.join(hints) or 'nothing'}"
            raise UsageError(f"{name} has no {shortly(field)}{hint}")
    if missing := sorted(needed - given.keys()):
        raise UsageError(f"{name} lacks {', '.join(missing)}; it takes {', '.join(hints)}")
    if kind is Tap:
        return checked(Tap(now_s))
    request: Request = kind(**{field: _value(field, hints[field], value) for field, value in given.items()})
    match request:
        case Status() | Unwatch() | Controls():
            return request
        case Watch(per_s):
            if not PER_S_LOW <= per_s <= PER_S_HIGH:
                raise UsageError(f"per_s {per_s:g} is out of range; give {PER_S_LOW} to {PER_S_HIGH}")
            return request
        case _:
            return checked(request)


def told(command: Command) -> dict[str, Any]:
    """The request that asks for a command; a tap is stamped where it arrives."""
    fields = {} if isinstance(command, Tap) else plain(command)
    return {"do": _NAMES[type(command)], **fields}


def described(control: Control) -> dict[str, Any]:
    """What a client is told of a control."""
    told: dict[str, Any] = {"name": control.name, "help": control.help, "default": control.default}
    told |= {"range": control.range, "unit": control.unit}
    if control.is_number:
        return told | {"low": control.low, "high": control.high, "whole": control.whole}
    return told | {"choices": list(control.choices)}


def _value(field: str, hint: Any, raw: Any) -> Any:
    try:
        value = made(hint, raw)
    except ValueError:
        raise UsageError(f"{field} {shortly(raw)} is not {_TYPE_NAMES[hint]}") from None
    if isinstance(value, str) and (len(value) > MAX_TEXT or not value.isprintable()):
        raise UsageError(f"{field} has to be at most {MAX_TEXT} characters that can be printed")
    return value


def _id_of(raw: dict[str, Any]) -> dict[str, Any]:
    """The name a client gave its request, taken out of it: a field of the answer, or none."""
    if "id" not in raw:
        return {}
    name = raw.pop("id")
    if (type(name) is int and abs(name) <= MAX_ID) or (isinstance(name, str) and len(name) <= MAX_TEXT):
        return {"id": name}
    raise UsageError(f"id has to be a text of at most {MAX_TEXT} characters or a whole number")


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_ERROR]


# --- the server -----------------------------------------------------------------------------------


class ControlServer:
    """Serves clients whenever it is polled; a context that opens the socket and removes it.

    Whoever opens it holds the instance: what lies at the path is from a daemon that has died. `ask`
    does a command and returns a note for whoever asked, or nothing; whatever it raises is answered.
    """

    def __init__(
        self, path: Path, instance: str, ask: Callable[[Command], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._greeting = encoded(plain(Greeting(PROTOCOL, __version__, os.getpid(), instance)))
        self._ask = ask
        self._clock = clock
        self._door = _door()
        self._listener: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        """Of the socket's file, which others may take away or replace."""
        self._deaf_until_s = 0.0
        self._clients: list[_Client] = []
        self._seen = ""

    def __enter__(self) -> Self:
        try:
            self._listener = self._door.listen(self._path)
        except OSError as error:
            where = f"no control socket at {self._path}: {error.strerror or error}"
            raise Unavailable(f"{where}; set IMPROV_RUNTIME to a directory of your own with a short path") from error
        self._listener.setblocking(False)
        self._identity = _identity(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        if self._listener is not None:
            self._listener.close()
            if _identity(self._path) == self._identity:  # what is another's by now stays
                with suppress(OSError):
                    self._path.unlink()

    def tend(self) -> str:
        """Listen anew where the socket was taken away; what there is to say of it. To be asked for now and then."""
        if self._listener is None or (self._identity is not None and _identity(self._path) == self._identity):
            return ""
        try:
            listener = self._door.listen(self._path)
        except OSError as error:
            return f"{self._path} was taken away, and improv can't be reached: {error.strerror or error}"
        listener.setblocking(False)
        self._listener.close()
        self._listener, self._identity = listener, _identity(self._path)
        return f"{self._path} was taken away: improv can be reached there again"

    def wakers(self) -> Sequence[socket.socket]:
        """What becomes readable when there is something to serve; poll at least every 50 ms besides."""
        listens = self._listener is not None and self._clock() >= self._deaf_until_s
        ends = [client.end for client in self._clients if not client.closed and not client.pending]
        return [self._listener, *ends] if self._listener is not None and listens else ends

    def poll(self) -> Sequence[Command]:
        """Serve everything that is there, without waiting; nothing is left to be done by the caller."""
        self._release_what_gone_clients_hold()
        self._clients = [client for client in self._clients if not client.closed]
        self._admit()
        for client in self._clients:
            client.flush()
            client.read()
            for frame in client.frames(self._clock()):
                self._serve(client, frame)
            if not client.greeted and self._clock() - client.came_s >= GREETING_S:
                client.refuse(f"the first line has to come within {GREETING_S:g} s")
            if client.over:
                client.close()
        self._publish()
        return ()

    def show(self, seen: Snapshot) -> None:
        """Have the newest snapshot, and send it to whoever is due; the others get it later, or a newer one."""
        with suppress(ValueError):  # a figure that is no number can't be told: the snapshot before stands
            self._seen = encoded(plain(seen))
        self._publish()

    def _release_what_gone_clients_hold(self) -> None:
        """Let go the keys that clients held when they went: they may have crashed."""
        left = (client.pressed for client in self._clients if client.closed)
        for pitch in sorted(set[int]().union(*left) - self._held()):
            with suppress(ImprovError):  # nobody is left to be told
                self._done(Press(pitch, 0))

    def _held(self, but_by: "_Client | None" = None) -> set[int]:
        """The keys that the clients hold who are there, or the others of them."""
        there = (client for client in self._clients if client is not but_by and not client.closed)
        return set[int]().union(*(client.pressed for client in there))

    def _admit(self) -> None:
        if self._listener is None:
            return
        for _ in range(MAX_CLIENTS):  # whoever knocks besides is let in the next time
            try:
                end, _address = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                self._deaf_until_s = self._clock() + _DEAF_S
                return
            client = _Client(end, self._clock())
            if not self._door.admits(end):
                client.refuse("this improv is another user's")
            elif len(self._clients) >= MAX_CLIENTS and not self._has_dropped_a_stranger():
                client.refuse(f"{MAX_CLIENTS} clients are connected; close one and try again")
            else:
                self._clients.append(client)

    def _has_dropped_a_stranger(self) -> bool:
        """Make room by dropping whoever has waited longest without a word, but nobody that has just come."""
        now_s = self._clock()
        strangers = [client for client in self._clients if not client.greeted and client.came_s < now_s]
        if not strangers:
            return False
        strangers[0].refuse(f"{MAX_CLIENTS} clients are connected, and you have said nothing")
        self._clients.remove(strangers[0])
        return True

    def _done(self, command: Command) -> str:
        """Have a command done; ImprovError if it cannot be, whatever the reason: no request ends the daemon."""
        try:
            return self._ask(command)
        except ImprovError:
            raise
        except Exception as error:
            raise ImprovError(f"it could not be done ({type(error).__name__}: {_one_line(error)})") from error

    def _serve(self, client: "_Client", frame: bytes) -> None:
        if len(frame) > MAX_FRAME_BYTES:
            client.refuse(f"a line has at most {MAX_FRAME_BYTES} bytes")
            return
        echo: dict[str, Any] = {}
        try:
            try:
                raw = parsed(frame.decode())
            except ValueError as error:
                raise UsageError(f"a line has to be one JSON object ({error})") from None
            if client.greeted:
                echo = _id_of(raw)
                client.say(self._answer(client, requested(raw, self._clock()), echo))
                return
        except Exception as error:
            why = error if isinstance(error, ImprovError) else f"{type(error).__name__}: {error}"
            if client.greeted:
                client.say(encoded({"error": _one_line(why), **echo}))
            else:
                client.refuse(_one_line(why))
            return
        self._greet(client, raw)

    def _greet(self, client: "_Client", raw: dict[str, Any]) -> None:
        """Version first: nothing else is known to mean the same to both."""
        version = raw.pop("improv", None)
        token = raw.pop("token", "") if self._door.token else ""
        if type(version) is not int or raw:
            client.refuse(f'the first line has to be {{"improv": {PROTOCOL}}}')
        elif version != PROTOCOL:
            client.refuse(
                f"this is improv {__version__}, which speaks protocol {PROTOCOL}; you speak {shortly(version)}: "
                "use programs of one version"
            )
        elif not self._door.knows(token):
            client.refuse(f"the token is wrong; it stands in {self._path}")
        else:
            client.greeted = True
            client.say(self._greeting)

    def _answer(self, client: "_Client", request: Request, echo: Mapping[str, Any]) -> str:
        match request:
            case Status():
                if not self._seen:
                    raise UsageError("nothing has been played yet; ask again in a moment")
                return self._snapshot(echo)
            case Watch(per_s):
                client.watching = _Watching(1 / per_s, echo)
            case Unwatch():
                client.watching = None
            case Controls():
                return encoded({"ok": True, **echo, "controls": [described(control) for control in CONTROLS.values()]})
            case Press(pitch, 0) if pitch in self._held(but_by=client):
                client.pressed.discard(pitch)  # the note is somebody else's too, and ends with the last who holds it
            case command:
                note = self._done(command)
                match command:
                    case Press(pitch, velocity):
                        client.holds(pitch, held=velocity > 0)
                    case Panic():  # every key is up, whoever held it
                        for each in self._clients:
                            each.pressed.clear()
                if note:
                    return encoded({"ok": True, **echo, "note": _one_line(note)})
        return encoded({"ok": True, **echo})

    def _snapshot(self, echo: Mapping[str, Any]) -> str:
        name = f',"id":{encoded(echo["id"])}' if echo else ""
        return f'{{"snapshot":{self._seen}{name}}}'

    def _publish(self) -> None:
        now_s = self._clock()
        for client in self._clients:
            watching = client.watching
            if watching is not None and watching.told != self._seen and now_s >= watching.due_s:
                if client.unsent:  # it does not read: it misses this one
                    continue
                watching.told, watching.due_s = self._seen, now_s + watching.every_s
                client.say(self._snapshot(watching.echo))


@dataclass(slots=True)
class _Watching:
    """A client that is told each new snapshot."""

    every_s: float
    echo: Mapping[str, Any]
    due_s: float = 0.0
    told: str = ""


class _Client:
    """Somebody at the other end, as the server sees it: nothing here waits, and everything is bounded."""

    def __init__(self, end: socket.socket, now_s: float) -> None:
        end.setblocking(False)
        self.end = end
        self.came_s = now_s
        self.greeted = False
        self.closed = False
        self.watching: _Watching | None = None
        self.pressed: set[int] = set()
        """The keys that it holds."""
        self.unsent = bytearray()
        self.unread = bytearray()
        self._has_ended = False
        self._allowance = float(BURST)
        self._allowed_s = now_s

    def holds(self, pitch: int, *, held: bool) -> None:
        """It has pressed a key, or let it go."""
        if held:
            self.pressed.add(pitch)
        else:
            self.pressed.discard(pitch)

    @property
    def pending(self) -> bool:
        """Whether it has sent more than it may ask for now: it is not listened to until that is served."""
        return b"\n" in self.unread or len(self.unread) > MAX_FRAME_BYTES

    @property
    def over(self) -> bool:
        """Whether everything it asked is answered and nothing more will come."""
        return self._has_ended and not self.pending

    def read(self) -> None:
        """Take in what has arrived, at most so much at a time."""
        if self.pending or self._has_ended or self.closed:
            return
        try:
            data = self.end.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._has_ended = not data
        self.unread += data

    def frames(self, now_s: float) -> Iterator[bytes]:
        """What it asks, as far as it may for now; one that is too long comes as far as it is here."""
        earned = (now_s - self._allowed_s) * REQUESTS_PER_S
        self._allowance, self._allowed_s = min(float(BURST), self._allowance + earned), now_s
        while self._allowance >= 1 and not self.closed:
            end = self.unread.find(b"\n")
            if end < 0 and len(self.unread) <= MAX_FRAME_BYTES:
                return
            frame = bytes(self.unread[:end] if end >= 0 else self.unread)
            del self.unread[: len(frame) + 1]
            self._allowance -= 1
            yield frame

    def say(self, line: str) -> None:
        """Send a line, or keep it to be sent; whoever leaves too much unread is dropped."""
        if self.closed:
            return
        self.unsent += f"{line}\n".encode()
        self.flush()
        if len(self.unsent) > MAX_UNSENT_BYTES:
            self.close()

    def refuse(self, reason: str) -> None:
        """Tell it why, as far as it listens, and close."""
        self.say(encoded({"error": reason}))
        self.close()

    def flush(self) -> None:
        """Send on what is kept, as far as the other end takes it."""
        try:
            while self.unsent and not self.closed:
                del self.unsent[: self.end.send(self.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        """Be done with it."""
        self.closed = True
        self.watching = None
        self.unsent.clear()
        self.unread.clear()
        self.end.close()


# --- the client -----------------------------------------------------------------------------------


class ControlClient:
    """Steers a daemon and sees what it plays; a context that connects and closes.

    Unavailable where none runs or it does not answer, UsageError for what it refuses, DataError for
    an answer that makes no sense.
    """

    greeting: Greeting
    """Who answers."""
    _end: socket.socket

    def __init__(self, path: Path, timeout_s: float = 2.0, *, instance: str = "default") -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._instance = instance
        self._unread = bytearray()
        self._asked = 0

    def __enter__(self) -> Self:
        try:
            self._end, token = _door().connect(self._path, self._timeout_s)
        except (OSError, ValueError) as error:
            raise self._nobody() from error
        try:
            self._send({"improv": PROTOCOL} | ({"token": token} if token else {}))
            raw = self._told()
            if raw is None:
                raise self._nobody()
            with malformed("improv's first line"):
                self.greeting = object_of(Greeting, raw)
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.close()

    def ask(self, command: Command) -> str:
        """Have a command done; returns what there is to say of it, mostly nothing."""
        note = self._request(told(command)).get("note", "")
        if not isinstance(note, str):
            raise DataError(f"{self._answers} is not what it should be ({shortly(note)} is no note)")
        return note

    def status(self) -> Snapshot:
        """The newest snapshot."""
        return self._snapshot(self._request({"do": "status"}))

    def watch(self, per_s: float = 20.0) -> Iterator[Snapshot]:
        """Each new snapshot, at most so many a second, until the daemon ends; it goes on until this is closed."""
        self._request({"do": "watch", "per_s": per_s})
        watched = self._asked
        while True:
            self._end.settimeout(None)  # nothing new is no fault
            if (raw := self._told()) is None:
                return
            if raw.get("id") == watched:
                yield self._snapshot(raw)

    @property
    def _answers(self) -> str:
        if self.greeting.version == __version__:
            return "improv's answer"
        return f"what improv {self.greeting.version} answers to improv {__version__}"

    def _request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request; snapshots that are watched may lie before it."""
        self._asked += 1
        self._end.settimeout(self._timeout_s)
        self._send({**request, "id": self._asked})
        while (raw := self._told()) is not None:
            name = raw.get("id", self._asked)
            if name == self._asked:
                return raw
        raise self._nobody()

    def _send(self, line: Mapping[str, Any]) -> None:
        with suppress(OSError):  # why it does not listen, it may have said
            self._end.sendall(f"{encoded(line)}\n".encode())

    def _told(self) -> dict[str, Any] | None:
        """The next line, None if there will be none; UsageError if it is a refusal."""
        while (end := self._unread.find(b"\n")) < 0:
            try:
                data = self._end.recv(_READ_BYTES)
            except TimeoutError as error:
                raise Unavailable(f"improv does not answer (instance {self._instance}); try again") from error
            except OSError:
                data = b""
            if not data:
                return None
            self._unread += data
            if len(self._unread) > _MAX_ANSWER_BYTES:
                raise DataError(f"improv's answer is longer than {_MAX_ANSWER_BYTES} bytes")
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        with malformed("improv's answer"):
            raw = parsed(line.decode())
        if "error" in raw:
            raise UsageError(_one_line(raw["error"]))
        return raw

    def _snapshot(self, raw: Mapping[str, Any]) -> Snapshot:
        with malformed(self._answers):
            seen: Snapshot = made(Snapshot, raw["snapshot"])
            return seen

    def _nobody(self) -> Unavailable:
        start = "improv daemon start" + ("" if self._instance == "default" else f" --instance {self._instance}")
        return Unavailable(f"no improv is playing as {self._instance}; start one with: {start}")


# --- the way in -----------------------------------------------------------------------------------


class _Door(Protocol):
    """How the two ends find each other, and how another user is kept out."""

    token: str
    """What a client has to show, if that is how it is known; otherwise empty."""

    def listen(self, path: Path) -> socket.socket:
        """A socket that clients find by the path, nobody else's."""
        ...

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        """A connection to whoever listens there, and the token to show."""
        ...

    def admits(self, end: socket.socket) -> bool:
        """Whether the other end is the same user, as far as the system tells."""
        ...

    def knows(self, token: object) -> bool:
        """Whether the token a client has shown is the right one."""
        ...


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _door() -> _Door:
    return _UnixDoor() if hasattr(socket, "AF_UNIX") and os.name == "posix" else _LoopbackDoor()


class _UnixDoor:
    """A socket in a directory of our own, and the system says who knocks."""

    def __init__(self) -> None:
        self.token = ""

    def listen(self, path: Path) -> socket.socket:
        make_private(path.parent)
        if somebody_listens(path):
            raise OSError(errno.EADDRINUSE, "somebody else listens there")
        if path.is_socket():
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(os.fspath(path))
            path.chmod(0o600)  # nobody can connect before it listens
            listener.listen(MAX_CLIENTS)
        except BaseException:
            listener.close()
            raise
        return listener

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end.settimeout(timeout_s)
        try:
            end.connect(os.fspath(path))
        except BaseException:
            end.close()
            raise
        return end, ""

    def admits(self, end: socket.socket) -> bool:
        return _peer_uid(end) == os.geteuid()

    def knows(self, token: object) -> bool:
        return token == self.token


def _peer_uid(end: socket.socket) -> int | None:
    """The user at the other end of a Unix socket; None where the system does not tell."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            form = struct.Struct("iII")
            return int(form.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))[1])
        import ctypes  # noqa: PLC0415 only where the system has no shorter way

        uid, gid = ctypes.c_uint(), ctypes.c_uint()
        known = ctypes.CDLL(None).getpeereid(end.fileno(), ctypes.byref(uid), ctypes.byref(gid)) == 0
        return uid.value if known else None
    except (OSError, AttributeError):
        return None


class _LoopbackDoor:
    """Where there are no Unix sockets: a port of this machine, and a token in a file that only its user can read."""

    def __init__(self) -> None:
        self.token = os.urandom(32).hex()

    def listen(self, path: Path) -> socket.socket:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if exclusive := getattr(socket, "SO_EXCLUSIVEADDRUSE", 0):
                listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
            listener.bind(("127.0.0.1", 0))
            listener.listen(MAX_CLIENTS)
            write_private(path, f"{listener.getsockname()[1]} {self.token}\n")
        except BaseException:
            listener.close()
            raise
        return listener

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        port, token = path.read_text().split()
        return socket.create_connection(("127.0.0.1", int(port)), timeout_s), token

    def admits(self, end: socket.socket) -> bool:
        return True

    def knows(self, token: object) -> bool:
        from hmac import compare_digest  # noqa: PLC0415 slow to load, and no use elsewhere

        return isinstance(token, str) and token.isascii() and compare_digest(token, self.token)
