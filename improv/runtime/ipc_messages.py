"""What daemon, engine, player, synth and port host send each other, apart from commands and plans.

Values only, light enough for every process to load. They never leave the machine or outlive a jam.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from improv.config.values import SoundSettings, Tune, Wiring
from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, Grid
from improv.music.turns import Mode
from improv.protocol.commands import ENDS
from improv.protocol.port_status import PortStatus

if TYPE_CHECKING:  # those who send and read them load them
    from improv.protocol.snapshot import Snapshot
    from improv.recording import BandModel, Entry, Head

PRIORITY = 60
"""What the player asks the system for (sched(7), SCHED_FIFO)."""

SOUND_PRIORITY = PRIORITY - 10
"""What the synth asks for: MIDI comes first."""

_DOES = {"input": "hears", "output": "plays to"}

# --- the player and the port host send ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports are open."""

    note: str
    """Why there are none, or why they are these; empty where that needs no word."""
    api: str
    hears: bool
    plays: bool
    realtime: bool
    """Whether the system has granted real-time scheduling."""
    ports: tuple[PortStatus, ...] = ()
    """Each of them, and what it is connected to."""

    def name(self, role: str) -> str:
        """Return the name of the port of a role, marked if it is virtual; empty if there is none."""
        return next((_named(port) for port in self.ports if port.role == role), "")


def describe_ports(api: str, ports: Sequence[PortStatus], *, passes_on: bool) -> str:
    """Return a sentence on the ports: the role of each, its name and its connections."""
    by_role = {port.role: port for port in ports}
    parts = [f"{does} {describe_port(by_role[end])}" for end, does in _DOES.items() if end in by_role]
    output = by_role.get("output")
    if passes_on and output is not None and "input" in by_role:  # a named output is played through as well
        through = by_role["thru"] if output.virtual and "thru" in by_role else output
        parts.append(f"passes on to {_named(through) if through is output else describe_port(through)}")
    if "lights" in by_role:
        parts.append(f"lights {describe_port(by_role['lights'])}")
    return f"{api}: {', '.join(parts)}"


def describe_port(port: PortStatus) -> str:
    """Return the name of a port, and what it is connected to."""
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
    """Return the port that each of `ENDS` is connected to or waits for; None for a virtual one."""
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
    """Copies of the connections to a JACK server of clients that cannot sound: `count` come along.

    The server learns that a process has died when all copies are closed. It removes its clients one after the other,
    half a second each, and those that sound are to be the first.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Alive:
    """The port host lives: sent five times a second, and around each call to the MIDI server.

    The player sends it before and after it exchanges a port.
    """

    waits_for_server: bool = False
    """Whether it is about to call the MIDI server, and may have to wait: a JACK server that removes dead clients stands
    still for seconds."""
    server_gone: bool = False
    """Whether the MIDI server has ended."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """All that the last player left sounding has ended."""


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """The MIDI pitches of the keys that you hold: for the daemon at each change, for an engine once, when they meet."""

    pitches: frozenset[int]


@dataclass(frozen=True, slots=True)
class PlayerReport:
    """Counts and port states of the player: sent five times a second, so it also says that the player lives."""

    onsets: int = 0
    dropped: int = 0
    gaps: int = 0
    loops: int = 0
    overflows: int = 0
    """MIDI messages that the driver's full queue has dropped."""
    unheard: int = 0
    """Notes and commands dropped because there was no engine for too long."""
    undelivered: int = 0
    """Messages to the daemon that were dropped, because it did not read."""
    broken: int = 0
    """MIDI messages that were malformed, or too long to be kept."""
    lights: int = 0
    """How often the port of the lights was connected."""
    news: tuple[str, ...] = ()
    ports: tuple[PortStatus, ...] = ()
    """Each port, and what it is connected to at this moment."""
    own: tuple[tuple[str, str], ...] = ()
    """The role of each port, and its name in the MIDI system."""
    server_gone: bool = False
    first_onset_s: float | None = None
    lateness_p50_us: float = 0.0
    lateness_p99_us: float = 0.0
    """Of the last onsets."""

    def after(self, earlier: "PlayerReport") -> "PlayerReport":
        """Return the report with the counts of earlier players added."""
        return replace(
            self,
            onsets=earlier.onsets + self.onsets,
            dropped=earlier.dropped + self.dropped,
            gaps=earlier.gaps + self.gaps,
            loops=earlier.loops + self.loops,
            overflows=earlier.overflows + self.overflows,
            unheard=earlier.unheard + self.unheard,
            undelivered=earlier.undelivered + self.undelivered,
            broken=earlier.broken + self.broken,
            first_onset_s=earlier.first_onset_s or self.first_onset_s,
        )


@dataclass(frozen=True, slots=True)
class ControllerMessages:
    """Messages of knobs, keys and pedals that are bound, or may be: times in seconds of the clock, and bytes."""

    messages: list[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class SentOnsets:
    """When each of the last onsets was due and when it was sent, in seconds of the clock; sent at the end."""

    onsets: tuple[tuple[float, float], ...]


# --- what concerns the synth ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenSound:
    """Sound on a device: from the daemon to the synth."""

    sound: SoundSettings
    waits: bool = False
    """Whether a device that is missing is waited for whatever was asked for: the synth takes the place of another."""


@dataclass(frozen=True, slots=True)
class SynthReport:
    """The state of the synth: sent five times a second, so it also says that it lives."""

    engine: str = ""
    """What sounds; empty while it is not ready."""
    device: str = ""
    """What it sounds on; empty while there is none."""
    delay_s: float = 0.0
    """How much later than it is due everything is heard, in seconds; 0 while nothing is."""
    device_s: float = 0.0
    """How much of that the device takes."""
    late: int = 0
    """How often the device had to wait for samples: gaps that were heard."""
    cpu: float = 0.0
    """The share of a processor that it takes, lately."""
    fault: str = ""
    """Why nothing sounds; empty while it does."""

    @property
    def sounds(self) -> bool:
        """True if it is ready and has a device."""
        return bool(self.engine and self.device)


@dataclass(frozen=True, slots=True)
class SoundDelay:
    """Everything sounds so much later than it is due, in seconds, MIDI too: from the daemon to the player."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Sound:
    """MIDI messages to be heard: from the player to the synth."""

    messages: tuple[bytes, ...]
    due_s: float | None = None
    """When they are due, in seconds of the clock: they are heard by the delay later. None: as soon as can be."""


@dataclass(frozen=True, slots=True)
class CutSound:
    """Silence, at once: from the player to the synth."""


# --- the daemon and the engine send ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandBy:
    """Wait to take another player's place, connected to what its outputs are connected to now."""

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
    """Load the network of a tune, or of a take that is to be played again."""

    tune: Tune
    take: Path | None = None
    network: bytes = b""
    """What the network's file held when the jam began; empty: read it now."""
    sha256: str = ""
    """Of what the file has to hold that is read now; empty: anything."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The network is loaded, and the engine waits for `Begin`."""

    model: str = ""
    unsupported_controls: tuple[str, ...] = ()
    """The controls that it cannot obey."""
    grid: Grid = EIGHTHS
    """The steps that it makes."""
    remarks: tuple[str, ...] = ()
    """What is wrong with networks of the band, which play by rule."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Perform: from the beginning, or from the last session of another engine."""

    mode: Mode
    seed: int
    session: bytes = b""
    """Pickled; empty: from the beginning."""
    swapped: bool = False
    """Whether the session is of another network."""
    goes_on: bool = False
    """Whether the notes that the session holds still sound."""
    in_hand: bool = False
    """Whether the player has played on the plans of the engine before this one."""
    band: "tuple[BandModel, ...]" = ()
    """The networks of the band that the performance began with, where it goes on."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A performance has begun from its first step."""

    head: "Head"


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step that was decided: what clients see, what is recorded, and the session another engine can go on from."""

    seen: "Snapshot"
    entry: "Entry | None"
    """None where nothing happened, because playing is stopped."""
    session: bytes
    """Pickled; empty where a later step has one."""
    lost: int = 0
    """How many entries before it were dropped, because the daemon did not read."""
    unplayed: int = 0
    """How many plans were dropped so far, because the player did not read."""

    @property
    def shortened(self) -> "StepReport":
        """The report without its session, kept if the next one follows before the daemon has read it."""
        return replace(self, session=b"")


@dataclass(frozen=True, slots=True)
class Restate:
    """Send the whole session, for the take: steps before it are missing there."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The performance is over."""

    lead_s: float
    peak_memory_mib: float | None
