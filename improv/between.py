"""What the daemon, the engine and the player say to each other, apart from commands and plans.

Values only, light enough for every process to load. They never leave the machine or outlive a jam.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from improv.config import Tune
from improv.messages import Command, Snapshot
from improv.music import Timed
from improv.recording import Entry, Head
from improv.turns import Mode

PLAYER = "from improv.midi.process import main; main()"
ENGINE = "from improv.performer import main; main()"
"""What the processes run, for `improv.link.Child`."""

PRIORITY = 60
"""What the player asks the system for (sched(7), SCHED_FIFO)."""

# --- the player says ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports are open."""

    says: str
    api: str
    hears: bool
    plays: bool
    realtime: bool
    """Whether the system has granted real-time scheduling."""
    input: str = ""
    output: str = ""
    """The names of the ports."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Another port is open, as was asked for; or, where `opened` is None, why it is not."""

    end: str
    name: str
    opened: Opened | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """The pitches of the keys that you hold now."""

    down: frozenset[int]


@dataclass(frozen=True, slots=True)
class Report:
    """How the player fares; it comes five times a second and so also says that it lives."""

    onsets: int = 0
    dropped: int = 0
    gaps: int = 0
    loops: int = 0
    overflows: int = 0
    """Messages that the driver's full queue has dropped."""
    unheard: int = 0
    """Notes that no engine was there to hear for too long."""
    broken: int = 0
    """Messages that made no sense, or were too long to be kept."""
    lights: int = 0
    """How often the lights' port was connected."""
    news: tuple[str, ...] = ()
    server_gone: bool = False
    first_onset_s: float | None = None
    lateness_p50_us: float = 0.0
    lateness_p99_us: float = 0.0
    """Of the last onsets."""

    def after(self, earlier: "Report") -> "Report":
        """The report of a performance that this player has taken over from another one."""
        return replace(
            self,
            onsets=earlier.onsets + self.onsets,
            dropped=earlier.dropped + self.dropped,
            gaps=earlier.gaps + self.gaps,
            loops=earlier.loops + self.loops,
            overflows=earlier.overflows + self.overflows,
            unheard=earlier.unheard + self.unheard,
            broken=earlier.broken + self.broken,
            first_onset_s=earlier.first_onset_s or self.first_onset_s,
        )


@dataclass(frozen=True, slots=True)
class Turned:
    """Messages of controllers that are bound, or that may be: each with its time in seconds of the clock."""

    messages: list[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class Sent:
    """When each of the last onsets was due and when it was sent, in seconds of the clock; told at the end."""

    onsets: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """Notes and commands from the ports, for the engine."""

    notes: list[Timed]
    commands: list[Command]


@dataclass(frozen=True, slots=True)
class Down:
    """The keys that are down when a player and an engine meet: MIDI pitches."""

    pitches: frozenset[int]


# --- the daemon and the engine say ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lights:
    """Messages for the lights of a controller."""

    messages: list[bytes]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Load a tune's network, or the one a take was made with, to play that again."""

    tune: Tune
    take: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The network is loaded and may play."""

    model: str = ""
    deaf_to: tuple[str, ...] = ()
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
class Told:
    """A step: what clients see of it, what is recorded of it, and the session to go on from."""

    seen: Snapshot
    entry: Entry | None
    """None where nothing has happened: playing is stopped."""
    session: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The performance is over."""

    lead_s: float
    peak_memory_mib: float | None
