"""A port that follows its cable: the other end may go, come back, be renamed, or be unplugged by hand.

On Linux no port ever says that it has gone, so the cables are looked at, in the graph of the MIDI system
(`improv.midi.graph`), and where there is none the list of ports. A cable that was unplugged by hand stays unplugged.
"""

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.midi.cable import Cable
from improv.midi.graph import Graph
from improv.midi.own_port import Host
from improv.midi.port_names import Direction, match_port, same_port
from improv.midi.systems import Role
from improv.protocol.port_status import PortStatus


class FollowedPort:
    """An open port of ours: connected to another program's by name, or a virtual one others connect to. A context.

    `patient` waits for a named port that is not there. `host` is the process that holds rtmidi's clients, if one does.
    """

    direction: Direction = "output"

    def __init__(
        self,
        role: Role,
        wanted: str | None,
        api: str,
        *,
        graph: Graph | None = None,
        patient: bool = False,
        host: Host | None = None,
    ) -> None:
        self.role = role
        self._cable = Cable(role, self.direction, wanted, api, graph, host)
        self._cut: set[str] = set()
        """Those whose cable to a virtual port was cut, who may hold a note that nothing has ended."""
        self._reported_fault = ""
        self._reported_missing = False
        try:
            self._cable.open(patient=patient)
        except BaseException:
            self._cable.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cable.close()

    @property
    def name(self) -> str:
        """The port at the other end, by its present name."""
        return self._cable.name

    @property
    def virtual(self) -> bool:
        """True if our port waits for other programs to connect to it."""
        return self._cable.virtual

    @property
    def connected(self) -> bool:
        """True if our port is connected to another one, or if that cannot be known."""
        return self._cable.connected

    @property
    def connections(self) -> int:
        """Number of times our port was connected to another program's port."""
        return self._cable.connections

    @property
    def peers(self) -> tuple[str, ...] | None:
        """The ports it was connected to when last looked at; None where the MIDI system cannot be asked."""
        return self._cable.own.peers

    @property
    def fault(self) -> str:
        """The last failure to connect or to send; empty if there was none."""
        return self._cable.fault

    @property
    def status(self) -> PortStatus:
        """Name, connections and fault of the port, as clients of the control socket see them."""
        role = {"in": "input", "out": "output"}.get(self.role, self.role)
        name = self._cable.own.label if self.virtual else self.name
        return PortStatus(role=role, name=name, virtual=self.virtual, peers=self.peers, fault=self.fault)

    @property
    def own(self) -> str:
        """The MIDI system's name of our port; empty where that is not known."""
        return self._cable.own.name

    # --- looking --------------------------------------------------------------------------------

    def look(self) -> bool:
        """Return whether our port is connected to other ports than before; takes some ten microseconds."""
        return self._cable.own.look() != self.peers

    def follow(self) -> str:
        """Reconnect if the other end has gone or come back; return the news in a sentence, empty if there is none.

        Listing the ports takes a moment, so call it when no event is due.
        """
        before, self._cable.own.peers = self._cable.own.peers, self._cable.own.look()
        news = [self._news_of_fault()]
        try:
            if self.virtual:
                news.append(self._follow_virtual(before or (), self.peers or ()))
            elif self.peers:
                news.append(self._follow_cable(self.peers))
            else:
                news.append(self._follow_name(self._cable.own.connectable()))
            self._cable.keep()
        except Unavailable as error:  # it may go again at any moment
            self._cable.fault = str(error)
        return "; ".join(filter(None, news))

    def _follow_virtual(self, before: tuple[str, ...], now: tuple[str, ...]) -> str:
        gone, new = (tuple(name for name in a if name not in b) for a, b in ((before, now), (now, before)))
        if not (gone or new):
            return ""
        renamed = len(gone) == len(new) and not set(gone) & set(self._cable.own.others())
        if gone and not renamed:
            self._cut.update(gone)
            self._on_lost()
        if new and not renamed:
            self._cable.connections += 1
            if self._cut.intersection(new):
                self._on_back()
            self._cut.difference_update(new)
        return f"{self.name}: {_connected_to(now)}"

    def _follow_cable(self, peers: tuple[str, ...]) -> str:
        """Follow a connected port: to the other end under whatever name, or to another one that was plugged in."""
        cable, known = self._cable, self.name
        if known not in peers:
            same = same_port(known, peers)
            cable.name = peers[0 if same is None else same]
        if known != cable.name or not cable.owner:
            cable.owner = cable.own.owner_of(cable.name)
        if not cable.connected:
            before, cable.connected, cable.connections = cable.connections, True, cable.connections + 1
            self._on_back()
            is_here = "is back" if before else "is connected"
            return f"{self.direction} {cable.name} {is_here if known == cable.name else 'was plugged in by hand'}"
        if known == cable.name:
            return ""
        if known not in cable.own.others():
            return f"{self.direction} {known} is called {cable.name} now"
        self._on_lost()
        self._on_back()
        return f"{self.direction} {known} was unplugged by hand, and {cable.name} plugged in"

    def _follow_name(self, names: list[str]) -> str:
        """Follow a port that no cable is known of: it is not connected, or the system cannot be asked."""
        cable = self._cable
        there = cable.find(names, patient=True)
        lost = cable.connected and (self.peers is not None or cable.name not in names)
        gone = f"{self.direction} {cable.name} is gone; it is taken up again when it comes back" if lost else ""
        if lost:
            cable.connected = False
            self._on_lost()
            if cable.unplugged(there):
                again = f"improv ctl connect {self.direction} plugs it in again"
                return f"{self.direction} {cable.name} was unplugged by hand; {again}"
        if there is None and not cable.connections and not self._reported_missing:
            self._reported_missing = True
            return self._news_of_missing(names)
        if cable.connected or there is None or cable.unplugged(there):
            return gone
        cable.reconnect(there)
        if not self.connected:  # it has gone at this moment
            return gone
        self._on_back()
        return f"{self.direction} {self.name} is back"

    def _news_of_missing(self, names: list[str]) -> str:
        """Return why there is nothing to connect to, of a port that is waited for from the start."""
        what = self.role if self.role == "lights" else self.direction
        try:
            match_port(self._cable.wanted or "", names, self.direction)
        except (InputNotFound, UsageError) as error:
            return f"{what}: {error}; what is called so is connected when it comes"
        return ""

    def _news_of_fault(self) -> str:
        """Return which messages were not taken, once."""
        reported, self._reported_fault = self._reported_fault, self.fault
        return f"{self.direction} {self.name}: {self.fault}" if self.fault and self.fault != reported else ""

    # --- being another --------------------------------------------------------------------------

    def reaches(self, wanted: str | None) -> bool:
        """Return whether the wanted port is open already; InputNotFound or UsageError for an unclear name."""
        if wanted is None:
            return self.virtual
        meant = self._cable.resolve(wanted)
        if self.virtual or not self.connected:
            return False
        now = self._cable.own.look()
        return self.name == meant if now is None else meant in now

    def plug_in(self, peers: Iterable[str]) -> None:
        """Connect our port to further ports, by their names in the graph; missing ones are left out."""
        for peer in peers:
            try:
                self._cable.own.plug_in(peer)
            except (InputNotFound, Unavailable) as error:
                self._cable.fault = str(error)
        self.follow()

    def move(self, wanted: str | None) -> None:
        """Connect to another port, or become a virtual one (`wanted` None).

        InputNotFound or UsageError for a name that means no port or several; nothing changes then. Unavailable if
        connecting fails; the old connection is restored if possible.
        """
        cable = self._cable
        name = None if wanted is None else cable.resolve(wanted)
        before = cable.wanted, cable.name
        self._on_leaving()
        self._cut = set()
        try:
            cable.move(name)
        except Unavailable:
            with suppress(Unavailable):
                cable.move(*before)
            raise

    def _on_leaving(self) -> None:
        """Do what is to be done before the other end is left."""

    def _on_lost(self) -> None:
        """Do what is to be done when the other end has gone."""

    def _on_back(self) -> None:
        """Do what is to be done when the other end has come back."""


def _connected_to(peers: tuple[str, ...]) -> str:
    return f"connected to {', '.join(peers)}" if peers else "nothing is connected to it"
