"""A MIDI port as the MIDI system has it; part of the snapshot, and what a player loads of it."""

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortStatus:
    """One MIDI port of improv as the MIDI system itself has it: measured, never concluded from a call that returned."""

    role: str
    """input, output, thru or lights."""
    name: str
    """The port that was asked for; of a virtual port, our own name for it."""
    virtual: bool = False
    """True for a port of our own, which waits for others to connect to it."""
    peers: tuple[str, ...] | None = None
    """The ports it is connected to at this moment; None where the MIDI system cannot be asked."""
    fault: str = ""
    """The last error in connecting or sending, in a sentence; empty once it works."""

    @property
    def connected(self) -> bool | None:
        """True if the port is connected to anything; None where the MIDI system cannot be asked."""
        return None if self.peers is None else bool(self.peers)
