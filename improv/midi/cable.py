"""A cable: a port of ours, and the other end that it is connected to or waits for.

Where another process holds rtmidi's clients (the port host), a cable outlives the player, and the next one adopts it.
"""

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.midi.graph import Graph
from improv.midi.own_port import Host, OwnPort
from improv.midi.port_names import Direction, match_port, same_port
from improv.midi.systems import Role


class Cable:
    """One port of ours and its other end: another program's port by name, or, of a virtual port, whatever connects.

    `wanted` is the name that was asked for; None is a virtual port.
    """

    def __init__(
        self, role: Role, direction: Direction, wanted: str | None, api: str, graph: Graph | None, host: Host | None
    ) -> None:
        self.own = OwnPort(role, direction, api, graph, host)
        self.wanted = wanted
        self.name = wanted or self.virtual_name
        """The other end, under the name that it has now."""
        self.connected = False
        """Whether it leads anywhere: as the system says or, where it cannot be asked, as the list of ports shows."""
        self.connections = 0
        """How often it was connected to another program's port: what has come back knows nothing of what was sent."""
        self.owner = ""
        """Which run of which program the other end belonged to when we connected to it."""
        self.fault = ""
        """What could not be done last, to connect or to send; empty if it could."""
        self._direction = direction

    @property
    def virtual(self) -> bool:
        """True if the port waits for other programs to connect to it."""
        return self.wanted is None

    @property
    def virtual_name(self) -> str:
        """Name of our port where it is a virtual one."""
        return f"virtual port '{self.own.label}'"

    def open(self, *, patient: bool) -> None:
        """Adopt the port that an earlier process has left, or else connect.

        With `patient` a missing port is waited for; otherwise it raises InputNotFound or UsageError.
        """
        if self._adopt():
            return
        self._renew()
        if self.wanted is None:
            self._be_virtual()
        elif (found := self.find(self.own.connectable(), patient=patient)) is not None:
            self._connect(found)  # or it is waited for

    def reconnect(self, name: str) -> None:
        """Connect again to the other end, which has come back under a name; it may vanish at this moment."""
        self._renew()
        self._connect(name)

    def move(self, wanted: str | None, name: str | None = None) -> None:
        """Connect to another port, or become a virtual one (`wanted` None); Unavailable if that fails.

        `name` is what the wanted port is called now, where that is known.
        """
        self._renew()
        self.wanted = wanted
        if wanted is None:
            self._be_virtual()
            return
        self.name = name or wanted
        if not self._connect(self.name):
            raise Unavailable(f"the {self._direction} {self.name} has gone")

    def close(self) -> None:
        """Close our port in the MIDI system."""
        self.connected, self.owner = False, ""
        self.own.close()

    def keep(self) -> None:
        """Store in the port host what the next process has to know about the port."""
        self.own.keep(self.name, self.owner, virtual=self.virtual)

    def resolve(self, wanted: str) -> str:
        """Return the port that a name means; InputNotFound if there is none, UsageError if there are several."""
        names = self.own.connectable()
        return names[match_port(wanted, names, self._direction)]

    def find(self, names: list[str], *, patient: bool) -> str | None:
        """Return the name of the port that was open, else of the wanted one; None if it is missing and `patient`.

        InputNotFound or UsageError if it is missing and not `patient`.
        """
        if (same := same_port(self.name, names)) is not None:
            return names[same]
        try:
            return names[match_port(self.wanted or "", names, self._direction)]
        except (InputNotFound, UsageError):
            if patient:
                return None
            raise

    def unplugged(self, there: str | None) -> bool:
        """Return whether the other end is there as before, so that the connection was cut on purpose."""
        return bool(there and self.own.open and self.owner and self.owner == self.own.owner_of(there))

    def _adopt(self) -> bool:
        """Take over the port that an earlier process has left with the host, if that is the one that is wanted."""
        kept = self.own.adopt()
        if kept is None:
            return False
        peers = self.own.peers
        if kept.virtual or self.virtual:
            self.name, self.connected = self.virtual_name, True
            return kept.virtual and self.virtual
        if peers is None or same_port(self.wanted or "", (*kept.names, *peers)) is None:
            return False
        self.name, self.connections = kept.names[-1], 1
        if not peers:  # gone, or its cable was cut by hand and stays so
            self.owner = kept.owner
            return self.unplugged(self.find(self.own.connectable(), patient=True))
        same = same_port(self.name, peers)
        self.name, self.connected = peers[0 if same is None else same], True
        self.owner = self.own.owner_of(self.name)
        self.keep()
        return True

    def _be_virtual(self) -> None:
        self.own.open_virtual()
        self.name, self.connected = self.virtual_name, True
        self.keep()

    def _connect(self, name: str) -> bool:
        """Return whether a port was opened that is to be connected to another's; Unavailable if it is refused."""
        if not self.own.connect(name):
            return False
        self.name = name
        self.connected = self.own.peers is None or bool(self.own.peers)
        if self.connected:
            self.owner, self.fault = self.own.owner_of(name), ""
            self.connections += 1
        self.keep()
        return True

    def _renew(self) -> None:
        self.connected, self.owner = False, ""
        self.own.renew()
