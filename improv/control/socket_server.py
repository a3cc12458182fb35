"""The control socket's server: how any program steers a daemon, and sees what it plays.

JSON lines, version first; docs/reference/protocol.md is for those who write a client. The server
is one more thing a loop waits for: it never waits itself, whatever a request leads to is an answer, and
what a client sends too much of, or does not read, is that client's loss. It must never let in another
user, pass on what has not been checked, or keep without bound what a client sends or leaves unread.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from reprlib import repr as shortly
from types import TracebackType
from typing import Any, Self

from improv import __version__
from improv.control.socket_protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL,
    Controls,
    Greeting,
    Request,
    Status,
    Unwatch,
    Watch,
    describe,
    one_line,
    parse_request,
    take_id,
)
from improv.control.socket_transport import MAX_CLIENTS, identity, system_transport
from improv.dataclass import dataclass
from improv.errors import ImprovError, Unavailable, UsageError
from improv.protocol.commands import Command, Panic, Press
from improv.protocol.controls import CONTROLS
from improv.protocol.json_codec import json_text, parse_object, to_json
from improv.protocol.snapshot import Snapshot
from improv.system.send_buffer import SendBuffer

MAX_UNSENT_BYTES = 256 << 10

BURST, REQUESTS_PER_S = 64, 500.0
"""How many requests a client may make at once, and in the long run; more wait in its own socket."""

GREETING_S = 5.0
"""How long a client may take for its first line; where there is no room for another, one without a line is dropped."""

READ_BYTES = 1 << 16

_PAUSE_S = 1.0
"""How long no client is accepted once the machine has no descriptor left: asking again at once only burns time."""


class ControlServer:
    """The control socket of a daemon, served whenever it is polled; a context that opens and removes it.

    The process that opens it holds the instance: a socket at the path is from a daemon that has died. `submit` has a
    command done and returns a note on it, or nothing; an error it raises is answered.
    """

    def __init__(
        self,
        path: Path,
        instance: str,
        submit: Callable[[Command], str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._greeting = json_text(to_json(Greeting(PROTOCOL, __version__, os.getpid(), instance)))
        self._submit = submit
        self._clock = clock
        self._transport = system_transport()
        self._listener: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        """Of the socket's file, which others may take away or replace."""
        self._paused_until_s = 0.0
        self._clients: list[_Client] = []
        self._seen = ""

    def __enter__(self) -> Self:
        try:
            self._listener = self._transport.listen(self._path)
        except OSError as error:
            where = f"no control socket at {self._path}: {error.strerror or error}"
            raise Unavailable(f"{where}; set IMPROV_RUNTIME to a directory of your own with a short path") from error
        self._listener.setblocking(False)
        self._identity = identity(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        if self._listener is not None:
            self._listener.close()
            if identity(self._path) == self._identity:  # what is another's by now stays
                with suppress(OSError):
                    self._path.unlink()

    def restore(self) -> str:
        """Listen again if the socket's file was deleted; return a remark, empty if it was not. Call it regularly."""
        if self._listener is None or (self._identity is not None and identity(self._path) == self._identity):
            return ""
        try:
            listener = self._transport.listen(self._path)
        except OSError as error:
            return f"{self._path} was taken away, and improv can't be reached: {error.strerror or error}"
        listener.setblocking(False)
        self._listener.close()
        self._listener, self._identity = listener, identity(self._path)
        return f"{self._path} was taken away: improv can be reached there again"

    def readables(self) -> Sequence[socket.socket]:
        """Return the sockets that become readable when a client has sent something. Poll every 50 ms besides."""
        listens = self._listener is not None and self._clock() >= self._paused_until_s
        ends = [client.end for client in self._clients if not client.closed and not client.pending]
        return [self._listener, *ends] if self._listener is not None and listens else ends

    def poll(self) -> Sequence[Command]:
        """Serve all pending requests without waiting. Return no commands: all are submitted."""
        self._release_keys_of_gone_clients()
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
        """Take in the newest snapshot, and send it to the clients that are due; others get a newer one later."""
        with suppress(ValueError):  # a figure that is no number can't be told: the snapshot before stands
            self._seen = json_text(to_json(seen))
        self._publish()

    def _release_keys_of_gone_clients(self) -> None:
        """Let go the keys that clients held when they went: they may have crashed."""
        left = (client.pressed for client in self._clients if client.closed)
        for pitch in sorted(set[int]().union(*left) - self._held()):
            with suppress(ImprovError):  # the client has gone and cannot be told
                self._done(Press(pitch, 0))

    def _held(self, but_by: "_Client | None" = None) -> set[int]:
        """Return the keys that clients hold, all of them or all but one."""
        there = (client for client in self._clients if client is not but_by and not client.closed)
        return set[int]().union(*(client.pressed for client in there))

    def _admit(self) -> None:
        if self._listener is None:
            return
        for _ in range(MAX_CLIENTS):  # more clients are accepted at the next poll
            try:
                end, _address = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                self._paused_until_s = self._clock() + _PAUSE_S
                return
            client = _Client(end, self._clock())
            if not self._transport.is_same_user(end):
                client.refuse("this improv is another user's")
            elif len(self._clients) >= MAX_CLIENTS and not self._made_room():
                client.refuse(f"{MAX_CLIENTS} clients are connected; close one and try again")
            else:
                self._clients.append(client)

    def _made_room(self) -> bool:
        """Drop the client that has waited longest without a word, if one has; return whether there was one."""
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
            return self._submit(command)
        except ImprovError:
            raise
        except Exception as error:
            raise ImprovError(f"it could not be done ({type(error).__name__}: {one_line(error)})") from error

    def _serve(self, client: "_Client", frame: bytes) -> None:
        if len(frame) > MAX_FRAME_BYTES:
            client.refuse(f"a line has at most {MAX_FRAME_BYTES} bytes")
            return
        echo: dict[str, Any] = {}
        try:
            try:
                raw = parse_object(frame.decode())
            except ValueError as error:
                raise UsageError(f"a line has to be one JSON object ({error})") from None
            if client.greeted:
                echo = take_id(raw)
                client.say(self._answer(client, parse_request(raw, self._clock()), echo))
                return
        except Exception as error:
            why = error if isinstance(error, ImprovError) else f"{type(error).__name__}: {error}"
            if client.greeted:
                client.say(json_text({"error": one_line(why), **echo}))
            else:
                client.refuse(one_line(why))
            return
        self._greet(client, raw)

    def _greet(self, client: "_Client", raw: dict[str, Any]) -> None:
        """Answer a client's first line, which holds its protocol version.

        Nothing else surely means the same to both.
        """
        version = raw.pop("improv", None)
        token = raw.pop("token", "") if self._transport.token else ""
        if type(version) is not int or raw:
            client.refuse(f'the first line has to be {{"improv": {PROTOCOL}}}')
        elif version != PROTOCOL:
            client.refuse(
                f"this is improv {__version__}, which speaks protocol {PROTOCOL}; you speak {shortly(version)}: "
                "use programs of one version"
            )
        elif not self._transport.accepts_token(token):
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
                return json_text({"ok": True, **echo, "controls": [describe(control) for control in CONTROLS.values()]})
            case Press(pitch, 0) if pitch in self._held(but_by=client):
                client.pressed.discard(pitch)  # another client holds it too: the note ends with the last one
            case command:
                note = self._done(command)
                match command:
                    case Press(pitch, velocity):
                        client.holds(pitch, held=velocity > 0)
                    case Panic():  # every key is up, whichever client held it
                        for each in self._clients:
                            each.pressed.clear()
                if note:
                    return json_text({"ok": True, **echo, "note": one_line(note)})
        return json_text({"ok": True, **echo})

    def _snapshot(self, echo: Mapping[str, Any]) -> str:
        name = f',"id":{json_text(echo["id"])}' if echo else ""
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
    """How a client is told each new snapshot."""

    every_s: float
    echo: Mapping[str, Any]
    due_s: float = 0.0
    told: str = ""


class _Client:
    """A client as the server sees it: nothing here waits, and everything is bounded."""

    def __init__(self, end: socket.socket, now_s: float) -> None:
        end.setblocking(False)
        self.end = end
        self.came_s = now_s
        self.greeted = False
        self.closed = False
        self.watching: _Watching | None = None
        self.pressed: set[int] = set()
        """The keys that it holds."""
        self.unsent = SendBuffer(end)
        self.unread = bytearray()
        self._has_ended = False
        self._allowance = float(BURST)
        self._allowed_s = now_s

    def holds(self, pitch: int, *, held: bool) -> None:
        """Take in that the client has pressed a key, or let it go."""
        if held:
            self.pressed.add(pitch)
        else:
            self.pressed.discard(pitch)

    @property
    def pending(self) -> bool:
        """True if the client has sent more than it may ask for now: it is not read until that is served."""
        return b"\n" in self.unread or len(self.unread) > MAX_FRAME_BYTES

    @property
    def over(self) -> bool:
        """True once everything the client has asked is answered and nothing more will come."""
        return self._has_ended and not self.pending

    def read(self) -> None:
        """Take in what has arrived, at most so much at a time."""
        if self.pending or self._has_ended or self.closed:
            return
        try:
            data = self.end.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._has_ended = not data
        self.unread += data

    def frames(self, now_s: float) -> Iterator[bytes]:
        """Yield the client's requests, as many as it may make now.

        One that is too long comes as far as it has arrived.
        """
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
        """Send a line, now or later; a client that leaves too much unread is closed."""
        if self.closed:
            return
        self.unsent.append(f"{line}\n".encode())
        self.flush()
        if len(self.unsent) > MAX_UNSENT_BYTES:
            self.close()

    def refuse(self, reason: str) -> None:
        """Send the reason, as far as the client reads it, and close."""
        self.say(json_text({"error": reason}))
        self.close()

    def flush(self) -> None:
        """Send what is waiting, as far as the other end takes it."""
        try:
            self.unsent.send()
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        self.watching = None
        self.unsent.clear()
        self.unread.clear()
        self.end.close()
