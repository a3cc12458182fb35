"""What the daemon, the engine and the player say to each other, apart from commands and plans.

Values only, light enough for every process to load. They never leave the machine or outlive a jam.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from improv.config.values import Tune, Wiring
from improv.music.turns import Mode
from improv.protocol.commands import ENDS
from improv.protocol.snapshot import PortStatus, Snapshot
from improv.recording import Entry, Head

PRIORITY = 60
"""What the player asks the system for (sched(7), SCHED_FIFO)."""

_DOES = {"input": "hears", "output": "plays to"}

# --- the player says ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports are open."""

    says: str
    """What there is to say besides the ports: why there are none, or why they are these."""
    api: str
    hears: bool
    plays: bool
    realtime: bool
    """Whether the system has granted real-time scheduling."""
    ports: tuple[PortStatus, ...] = ()
    """Each of them, and what it is connected to."""

    def name(self, role: str) -> str:
        """The name of a port by its role, and that it is virtual; empty if there is none."""
        return next((_named(port) for port in self.ports if port.role == role), "")


def described(api: str, ports: Sequence[PortStatus], *, passes_on: bool) -> str:
    """The ports in a sentence: what each is for, its name, and whether it is connected as far as that was asked."""
    by_role = {port.role: port for port in ports}
    parts = [f"{does} {port_text(by_role[end])}" for end, does in _DOES.items() if end in by_role]
    output = by_role.get("output")
    if passes_on and output is not None and "input" in by_role:  # a named output is played through as well
        through = by_role["thru"] if output.virtual and "thru" in by_role else output
        parts.append(f"passes on to {_named(through) if through is output else port_text(through)}")
    if "lights" in by_role:
        parts.append(f"lights {port_text(by_role['lights'])}")
    return f"{api}: {', '.join(parts)}"


def port_text(port: PortStatus) -> str:
    """A port, and whether it is connected as far as that was asked."""
    name = _named(port)
    if port.fault:
        return f"{name} ({port.fault})"
    if port.peers is None:
        return f"{name} (this system does not tell whether it is connected)"
    if port.virtual:
        peers = ", ".join(port.peers)
        return f"{name} (connected to {peers})" if peers else f"{name} (nothing is connected to it)"
    others = [peer for peer in port.peers if peer != port.name]
    return name + (f" and {', '.join(others)}" if others else "") + ("" if port.peers else " (not connected)")


def _named(port: PortStatus) -> str:
    return f"virtual port '{port.name}'" if port.virtual else port.name


def names_of(ports: Sequence[PortStatus]) -> dict[str, str | None]:
    """The port that each of `ENDS` is connected to or waits for; None is a virtual one."""
    return {port.role: None if port.virtual else port.name for port in ports if port.role in ENDS}


@dataclass(frozen=True, slots=True)
class Moved:
    """Another port is open, as was asked for; or, where `opened` is None, why it is not."""

    end: str
    name: str
    opened: Opened | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class HeldConnections:
    """Copies of the connections to a JACK server that are not those of what may sound: so many come with this.

    The server learns that a process has died when nobody holds them any more. It removes its clients one after the
    other, half a second each, and those that sound are to be the first. The port host says it.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Alive:
    """The port host lives: it says so five times a second, and whenever it asks the MIDI server for something.

    The player says it before and after it exchanges a port.
    """

    waits_for_server: bool = False
    """Whether it is about to ask, and may have to wait: a JACK server that buries the dead stands still for seconds."""
    server_gone: bool = False
    """Whether the MIDI server has hung up."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What the last player has left is silent."""


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """The pitches of the keys that you hold: for the daemon at each change, for an engine once, when they meet."""

    pitches: frozenset[int]


@dataclass(frozen=True, slots=True)
class PlayerReport:
    """How the player fares; it comes five times a second and so also says that it lives."""

    onsets: int = 0
    dropped: int = 0
    gaps: int = 0
    loops: int = 0
    overflows: int = 0
    """Messages that the driver's full queue has dropped."""
    unheard: int = 0
    """Notes and commands that no engine was there to hear for too long."""
    untold: int = 0
    """Things that the daemon was not told: it has not read for too long."""
    broken: int = 0
    """Messages that made no sense, or were too long to be kept."""
    lights: int = 0
    """How often the lights' port was connected."""
    news: tuple[str, ...] = ()
    ports: tuple[PortStatus, ...] = ()
    """Each port, and what it is connected to at this moment."""
    own: tuple[tuple[str, str], ...] = ()
    """What the MIDI system calls those ports of ours, by role."""
    server_gone: bool = False
    first_onset_s: float | None = None
    lateness_p50_us: float = 0.0
    lateness_p99_us: float = 0.0
    """Of the last onsets."""

    def after(self, earlier: "PlayerReport") -> "PlayerReport":
        """The report of a performance that this player has taken over from another one."""
        return replace(
            self,
            onsets=earlier.onsets + self.onsets,
            dropped=earlier.dropped + self.dropped,
            gaps=earlier.gaps + self.gaps,
            loops=earlier.loops + self.loops,
            overflows=earlier.overflows + self.overflows,
            unheard=earlier.unheard + self.unheard,
            untold=earlier.untold + self.untold,
            broken=earlier.broken + self.broken,
            first_onset_s=earlier.first_onset_s or self.first_onset_s,
        )


@dataclass(frozen=True, slots=True)
class ControllerMessages:
    """Messages of controllers that are bound, or that may be: each with its time in seconds of the clock."""

    messages: list[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class SentOnsets:
    """When each of the last onsets was due and when it was sent, in seconds of the clock; told at the end."""

    onsets: tuple[tuple[float, float], ...]


# --- the daemon and the engine say ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandBy:
    """Wait to take another player's place, connected to whatever its outputs are connected to now."""

    wiring: Wiring
    ports: tuple[PortStatus, ...]
    """Its ports, and what they are connected to."""
    own: tuple[tuple[str, str], ...] = ()
    """What the MIDI system calls them, by role."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take the place of a player that is gone: silence what it has left, and plug in again what was connected."""

    wiring: Wiring
    ports: tuple[PortStatus, ...]
    """Its ports, and what they were connected to."""
    own: tuple[tuple[str, str], ...]
    """What the MIDI system called them, by role."""
    kept: bool = False
    """Whether a port host has silenced what it left, and holds its ports."""


@dataclass(frozen=True, slots=True)
class Lights:
    """Messages for the lights of a controller."""

    messages: list[bytes]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Load a tune's network, or the one a take was made with, to play that again."""

    tune: Tune
    take: Path | None = None
    network: bytes = b""
    """What the file of the tune's network held when it was asked for; empty: it is to be read now."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The network is loaded and may play."""

    model: str = ""
    unsupported_controls: tuple[str, ...] = ()
    """The controls that it cannot obey."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Perform: from the beginning, or from the session another engine was in."""

    mode: Mode
    seed: int
    session: bytes = b""
    swapped: bool = False
    """Whether the session is of another network."""
    goes_on: bool = False
    """Whether what the session says sounds does sound."""
    in_hand: bool = False
    """Whether the player has played on what the engine that told the session had given it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A performance has begun from its first step."""

    head: Head


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step: what clients see of it, what is recorded of it, and the session to go on from."""

    seen: Snapshot
    entry: Entry | None
    """None where nothing has happened: playing is stopped."""
    session: bytes
    """Nothing, where a later step has one."""
    lost: int = 0
    """How many entries before it could not be told: nobody has read for too long."""
    unplayed: int = 0
    """How many plans never reached the player."""

    @property
    def shortened(self) -> "StepReport":
        """What is kept of it once another step has followed that the daemon has not read either."""
        return replace(self, session=b"")


@dataclass(frozen=True, slots=True)
class Restate:
    """State the whole session, for the take: steps before it are missing there."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The performance is over."""

    lead_s: float
    peak_memory_mib: float | None
