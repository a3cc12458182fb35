"""What can be asked of a performance and what can be seen of it: commands, controls, snapshot.

One closed vocabulary. Every door (today the command line and the keys of the terminal) speaks it,
and the help text, the range and the default of a control stand here once.
"""

from dataclasses import dataclass
from enum import StrEnum

from improv.errors import UsageError
from improv.music import Cell, Chord, Place
from improv.turns import Mode, Turn


@dataclass(frozen=True, slots=True)
class Control:
    """Something a player turns: its name, range, default, unit and one line of help."""

    name: str
    low: float
    high: float
    default: float
    unit: str
    help: str

    def checked(self, value: float) -> float:
        """The value, if it is within the range; UsageError otherwise, NaN too."""
        if not self.low <= value <= self.high:
            raise UsageError(
                f"{self.name} {value:g} is out of range; give {self.low:g} to {self.high:g}"
                + (f" {self.unit}" if self.unit else "")
            )
        return value

    def nudged(self, value: float, by: float) -> float:
        """The value moved by an amount, stopping at the ends of the range."""
        return min(self.high, max(self.low, round(value + by, 3)))


TEMPO = Control("tempo", 20, 400, 120, "beats per minute", "Quarter notes a minute.")
TEMPERATURE = Control(
    "temperature", 0, 3, 1, "", "How freely notes are drawn: 0 the likeliest, 1 as trained, above 1 wilder."
)
SWING = Control("swing", 0.5, 0.75, 0.5, "", "Share of a beat its first eighth takes: 0.5 straight, 0.67 triplets.")
TURN_BARS = Control("bars", 1, 96, 4, "", "Bars in a turn when trading.")
COUNT_IN_BARS = Control("count-in", 0, 4, 1, "bars", "Bars of clicks before the first chorus.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the player has chosen; `key_semitones` is how far the performance lies above the model's key."""

    mode: Mode
    turn_bars: int
    temperature: float
    key_semitones: int = 0


class How(StrEnum):
    """How a step came about."""

    NETWORK = "network"
    """The network chose it."""
    FALLBACK = "fallback"
    """The network failed or was late: a simple line over the form was played instead."""
    SKIPPED = "skipped"
    """Its time had passed: nothing was played."""


@dataclass(frozen=True, slots=True)
class SetTempo:
    """Play on at another tempo from the next step, in beats per minute."""

    bpm: float


@dataclass(frozen=True, slots=True)
class SetTemperature:
    """Draw notes more or less freely from the next step."""

    temperature: float


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence everything at once and play on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the performance at once."""


Command = SetTempo | SetTemperature | Panic | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a client sees of a performance at the start of a step."""

    step: int
    place: Place
    turn: Turn
    chord: Chord | None
    next_chord: Chord | None
    """What the network will play at the next step, as far as is known now."""
    heard: Cell
    """What you played in the step that has just ended."""
    played: Cell
    """What improv plays in this step."""
    tempo_bpm: float
    temperature: float
    missed_steps: int
    faults: int
    fault: str
    """The last failure while playing, empty if there was none."""
