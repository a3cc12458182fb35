"""Our end of a cable: a port that improv opens, by which rtmidi client, and what the MIDI system says of it.

Whenever it becomes another port, rtmidi's object is a new one: one that has been a virtual port, or has closed its
port, cannot be relied on to open another. That a port is connected is never concluded from a call that returned: RtMidi
does not tell when it is not. What it is connected to is read from the graph of the MIDI system, where there is one.
"""

import time
from typing import Any, Protocol

from improv.dataclass import dataclass
from improv.errors import Unavailable
from improv.midi.graph import Graph
from improv.midi.port_names import Direction, is_ours, same_port
from improv.midi.rtmidi_binding import ports_of, rtmidi
from improv.midi.systems import CLIENT, Role, new_client

_POLL_S, _APPEARS_S = 0.001, 0.5
"""How often a cable that was just plugged is looked for, and how long it may take to be seen."""

_NAMES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process has to know of a port that an earlier one has opened."""

    virtual: bool
    ours: str
    """What the MIDI system calls it."""
    names: tuple[str, ...]
    """What the other end was called, the last name last: it may have been renamed."""
    owner: str
    """Which run of which program it belonged to when it was connected."""


class Host(Protocol):
    """A process that holds rtmidi's clients for this one, and survives it."""

    def adopted(self, role: str) -> Any | None:
        """Return the client with an open port that an earlier process has left, once; None if there is none."""
        ...

    def create(self, role: str) -> Any:
        """Return a new client for a role; rtmidi.SystemError where the MIDI system cannot be reached."""
        ...


class OwnPort:
    """A client with at most one open port."""

    def __init__(self, role: Role, direction: Direction, api: str, graph: Graph | None, host: Host | None) -> None:
        self.client: Any = None
        self.open = False
        self.name = ""
        """What the MIDI system calls the port; empty where that is not known."""
        self.peers: tuple[str, ...] | None = None
        """What it is connected to, when it was looked at last; None where the system cannot be asked."""
        self.label = f"{CLIENT} {role}"
        self.graph = graph
        self.hosted = host is not None
        self._role, self._direction, self._api = role, direction, api
        self._host = host

    def renew(self) -> None:
        """Close the port and create a new client; Unavailable where the MIDI system does not answer."""
        self.close()
        try:
            self.client = new_client(self._role, self._api) if self._host is None else self._host.create(self._role)
        except rtmidi.SystemError as error:
            raise Unavailable(f"{self._api} does not answer; start it, or name another --api") from error
        if self._direction == "input":
            self.client.ignore_types(sysex=False, timing=False, active_sense=True)

    def close(self) -> None:
        """Close the port in order, so that other programs on a JACK server do not wait for it."""
        client, self.client, self.open = self.client, None, False
        self.peers, self.name = self.look(), ""
        if client is not None:
            client.close_port()
            client.delete()

    def open_virtual(self) -> None:
        """Open a port that other programs can connect to; Unavailable if the MIDI system gives none."""
        before = self.others()
        try:
            self.client.open_virtual_port(self.label)
        except (rtmidi.UnsupportedOperationError, NotImplementedError) as error:
            raise Unavailable(
                f"this MIDI system has no virtual ports; name one with --{self._direction} (improv ports lists them)"
            ) from error
        except rtmidi.RtMidiError as error:
            raise Unavailable(f"{self._api} gives us no virtual port: {error}") from error
        self._has_opened(before)

    def connect(self, name: str) -> bool:
        """Open our port connected to another; return False if that one is missing. Unavailable if it is refused."""
        before, ports = self.others(), ports_of(self.client)
        if name not in ports:
            return False
        try:
            self.client.open_port(ports.index(name), self.label)
        except (rtmidi.RtMidiError, OSError) as error:
            raise Unavailable(f"the {self._direction} {name} cannot be opened: {error}") from error
        self._has_opened(before)
        deadline_s = time.monotonic() + _APPEARS_S
        while self.peers is not None and same_port(name, self.peers) is None and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)  # the server shows it from its next period on
            self.peers = self.look()
        if self.peers and same_port(name, self.peers) is None:  # others had gone: RtMidi counts ports, not names
            self.renew()
            return False
        return True

    def plug_in(self, peer: str) -> None:
        """Connect our port to one more, by its name in the graph; InputNotFound or Unavailable if that fails."""
        if self.graph is not None and self.name and peer in self.others():
            self.graph.connect(*((self.name, peer) if self._direction == "output" else (peer, self.name)))

    def adopt(self) -> Kept | None:
        """Take over the open port that an earlier process has left with the host.

        Return what it stored, if anything.
        """
        client = self._host.adopted(self._role) if self._host is not None else None
        if client is None:
            return None
        kept: Kept = client.kept
        self.client, self.open, self.name = client, True, kept.ours
        self.peers = self.look()
        return kept

    def keep(self, peer: str, owner: str, *, virtual: bool) -> None:
        """Store in the port host what a later process has to know; `peer` is the port at the other end."""
        if self._host is not None and self.open:
            before: Kept | None = self.client.kept
            names = before.names if before is not None else ()
            if peer not in names:
                names = (*names[-_NAMES_KEPT:], peer)
            self.client.keep(Kept(virtual, self.name, names, owner))

    def look(self) -> tuple[str, ...] | None:
        """Return the ports it is connected to now; None if unknown. Takes some ten microseconds."""
        if self.graph is None or not self.open:
            return None if self.graph is None else ()
        return self.graph.peers(self.name) if self.name else None

    def others(self) -> tuple[str, ...]:
        """Return the names of all ports in the graph."""
        return self.graph.ports() if self.graph is not None else ()

    def owner_of(self, name: str) -> str:
        """Return an id of the program run that owns a port; empty where unknown."""
        return (self.graph.owner(name) or "") if self.graph is not None else ""

    def connectable(self) -> list[str]:
        """Return the names of other programs' ports that this one can be connected to."""
        if self.client is None:
            self.renew()
        return [name for name in ports_of(self.client) if not is_ours(name)]

    def _has_opened(self, before: tuple[str, ...]) -> None:
        """Find our port in the graph: the one that was not there before; none, if that is not one."""
        self.open = True
        new = [name for name in self.others() if name not in before and is_ours(name) and self.label in name]
        self.name = new[0] if len(new) == 1 else ""
        self.peers = self.look()
