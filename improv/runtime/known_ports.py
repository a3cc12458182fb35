"""Which ports are open, and what is connected to them: what the next player has to open in the place of this one."""

from dataclasses import replace

from improv.config.values import Wiring
from improv.dataclass import dataclass
from improv.protocol.control import OFF, ON
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import MidiStatus
from improv.runtime.ipc_messages import Opened, StandBy, TakeOver, describe_ports, names_of


@dataclass(frozen=True, slots=True)
class KnownPorts:
    """The ports of a jam, as its players have reported them."""

    wiring: Wiring
    """The ports that the next player is to open."""
    opened: Opened | None = None
    """The ports as they are open, or were last, and what each is connected to; None before they were."""
    names: tuple[tuple[str, str], ...] = ()
    """What the MIDI system calls them, by role."""

    @property
    def ports(self) -> tuple[PortStatus, ...]:
        """The ports, each with its connections."""
        return self.opened.ports if self.opened is not None else ()

    def reopened(self, opened: Opened) -> "KnownPorts":
        """Return the ports as a player has opened them; the next player opens the same."""
        wiring = replace(self.wiring, api=opened.api, finds=False, picked=())
        return replace(self, wiring=wiring, opened=opened).connected(opened.ports)

    def moved(self, opened: Opened) -> "KnownPorts":
        """Return the ports after one of them was exchanged for another."""
        realtime = self.opened is not None and self.opened.realtime
        return replace(self, opened=replace(opened, realtime=realtime)).connected(opened.ports)

    def connected(self, ports: tuple[PortStatus, ...]) -> "KnownPorts":
        """Return the ports with their present connections."""
        if self.opened is None:
            return self
        names, there = names_of(ports), self.wiring
        wiring = replace(there, input=names.get("input", there.input), output=names.get("output", there.output))
        return replace(self, wiring=wiring, opened=replace(self.opened, ports=ports))

    def passing_on(self, *, on: bool) -> "KnownPorts":
        """Return the ports with MIDI thru on or off."""
        return replace(self, wiring=replace(self.wiring, thru=on))

    def stand_by(self) -> StandBy:
        """Return the order that makes a player a standby player."""
        return StandBy(self.wiring, self.ports, self.names)

    def take_over(self, *, kept: bool = False) -> TakeOver:
        """Return the order to take another player's place; `kept`: a port host holds the ports."""
        return TakeOver(self.wiring, self.ports, self.names, kept)

    def description(self, *, is_open: bool) -> str:
        """Return a sentence on the ports, and why these were chosen."""
        opened = self.opened
        if opened is None:
            return ""
        if not (is_open and self.ports):
            return f"{opened.api}: the ports are closed" if opened.plays else opened.note
        ports = describe_ports(opened.api, self.ports, passes_on=self.wiring.thru)
        return f"{ports}; {opened.note}" if opened.note else ports

    def status(self, *, is_open: bool, keys: frozenset[int]) -> MidiStatus:
        """Return the ports as clients see them, with the pitches of the keys that are held."""
        opened = self.opened
        return MidiStatus(
            api=opened.api if opened else "",
            input=opened.name("input") if opened else "",
            output=opened.name("output") if opened else "",
            ports=self.ports if is_open else (),
            keys=tuple(sorted(keys)),
            thru=ON if self.wiring.thru else OFF,
        )
