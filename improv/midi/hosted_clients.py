"""RtMidi's clients as the player sees them where they live in another process, the port host.

A JACK server that runs synchronously (`jackd -S`) stands still for seconds whenever a process dies that owns clients,
and a process that dies takes the cables of its virtual ports with it. So on JACK the clients belong to a process that
does nothing else (`improv.runtime.port_host`) and survives the player. Here are the values that pass between the two,
and objects with the methods of RtMidi's. A call waits for its answer; sending a message waits for nothing.
"""

import itertools
import select
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from improv.dataclass import dataclass
from improv.errors import Unavailable
from improv.ipc.link import Link
from improv.midi.rtmidi_binding import rtmidi

# --- from the player ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Make:
    """Make a new client of a role, on a MIDI system. Answered when it is there."""

    number: int
    role: str
    api: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call a method of the client of a role. Answered with what it returns or raises."""

    number: int
    role: str
    method: str
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Send a MIDI message through the client of a role. Never answered."""

    role: str
    message: bytes
    sent_s: float
    """When it was handed over, in seconds of the monotonic clock: what the host comes to much later is late."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What the next player has to know of the client of a role, once this one is dead."""

    role: str
    value: Any


# --- from the host ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """The clients that an earlier player has left with a port open, by role: what was to be kept of each."""

    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of the `Make` or `Call` of that number."""

    number: int
    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """Messages that have arrived at the client of a role, the oldest first."""

    role: str
    messages: list[list[int]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A message could not be sent."""

    role: str
    why: str


@dataclass(frozen=True, slots=True)
class State:
    """The host's counts, and whether its MIDI server is there."""

    overflows: int = 0
    """Messages that the driver's full queue has dropped."""
    late: int = 0
    """Onsets that it came to too late to send them."""
    warnings: tuple[str, ...] = ()
    """What RtMidi has printed since the last report."""
    server_gone: bool = False


class Hosted:
    """The connection to the port host: where the player's ports get their clients."""

    def __init__(self, link: Link, api: str) -> None:
        self.link = link
        self.overflows = self.late = 0
        self.server_gone = False
        self._api = api
        self._warnings: list[str] = []
        self._numbers = itertools.count()
        self._answers: dict[int, Answer] = {}
        self._clients: dict[str, HostedClient] = {}
        self._kept: dict[str, Any] | None = None

    def adopted(self, role: str) -> "HostedClient | None":
        """Return the client with an open port that an earlier player has left, once; None if there is none."""
        while self._kept is None and self._wait():
            pass
        kept = (self._kept or {}).pop(role, None)
        return None if kept is None else self._known(role, kept)

    def create(self, role: str) -> "HostedClient":
        """Return a new client for a role; raises what the MIDI system raises."""
        self.request(Make(next(self._numbers), role, self._api))
        return self._known(role, None)

    def call(self, role: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of a client in the port host; return its result or raise its exception."""
        return self.request(Call(next(self._numbers), role, method, arguments, tuple(options.items())))

    def request(self, request: Make | Call) -> Any:
        """Send a request and wait for its answer; Unavailable if the host is gone."""
        self.link.send(request)
        while request.number not in self._answers:
            if not self._wait():
                raise Unavailable("the process that holds the MIDI ports has died; try again")
        answer = self._answers.pop(request.number)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def take_in(self) -> None:
        """Take in the messages from the host; returns at once."""
        if self.link.ready:
            self._receive()

    def take_warnings(self) -> list[str]:
        """Remove and return what RtMidi has printed since the last call."""
        fresh, self._warnings = self._warnings, []
        return fresh

    def _known(self, role: str, kept: Any) -> "HostedClient":
        self._clients[role] = HostedClient(self, role, kept)
        return self._clients[role]

    def _wait(self) -> bool:
        """Wait until the host says something; False once it is gone."""
        if self.link.closed:
            return False
        select.select([self.link], [self.link] if self.link.waits else [], ())
        self._receive()
        return True

    def _receive(self) -> None:
        for said in self.link.receive():
            match said:
                case Answer():
                    self._answers[said.number] = said
                case Came(role, messages):
                    if role in self._clients:
                        self._clients[role].arrived.extend(messages)
                case Refused(role, why):
                    if role in self._clients:
                        self._clients[role].refused = why
                case State():
                    self.overflows, self.late, self.server_gone = said.overflows, said.late, said.server_gone
                    self._warnings += said.warnings
                case Welcome(kept):
                    self._kept = dict(kept)


class HostedClient:
    """One client, with those methods of RtMidi's that improv uses."""

    def __init__(self, host: Hosted, role: str, kept: Any) -> None:
        self.kept = kept
        """What an earlier player has kept of it; None if it is a new one."""
        self.arrived: deque[list[int]] = deque()
        self.refused = ""
        """Why the host could not send the last message that it refused, not reported yet."""
        self._host, self._role = host, role

    def keep(self, value: Any) -> None:
        """Store a value in the port host for a later player."""
        if value != self.kept:
            self.kept = value
            self._host.link.send(Keep(self._role, value))

    def get_ports(self) -> list[str]:
        """Return the names of the ports of other programs."""
        return list(self._host.call(self._role, "get_ports"))

    def open_port(self, port: int, name: str) -> None:
        """Open a port of this name, connected to another program's port, by its index in `get_ports`."""
        self._host.call(self._role, "open_port", port, name)

    def open_virtual_port(self, name: str) -> None:
        """Open a port that other programs can connect to."""
        self._host.call(self._role, "open_virtual_port", name)

    def close_port(self) -> None:
        """Close the port, if one is open."""
        self._end("close_port")

    def delete(self) -> None:
        """Free the client; it must not be used afterwards."""
        self._end("delete")

    def ignore_types(self, **kinds: bool) -> None:
        """Choose which kinds of messages are ignored, as in python-rtmidi."""
        self._host.call(self._role, "ignore_types", **kinds)

    def get_message(self) -> tuple[Sequence[int], float] | None:
        """Return the next message and 0.0 for its delta time; None if nothing has arrived."""
        if not self.arrived:
            self._host.take_in()
        return (self.arrived.popleft(), 0.0) if self.arrived else None

    def send_message(self, message: bytes) -> None:
        """Send a message; rtmidi.RtMidiError if the host is gone, or has refused one since the last."""
        self._host.take_in()
        refused, self.refused = self.refused, ""
        sent = self._host.link.send(Send(self._role, bytes(message), time.monotonic()))
        if refused or not sent:
            raise rtmidi.RtMidiError(refused or "the process that holds the MIDI ports does not answer")

    def _end(self, method: str) -> None:
        with suppress(Unavailable):  # its ports are gone with it
            self._host.call(self._role, method)
