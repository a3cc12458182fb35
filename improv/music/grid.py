"""The grid of a network: how many of its steps make a beat, and how many ticks each has.

A tick is a twelfth of a beat on every grid, so that places in the music mean the same whatever network plays.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from improv.dataclass import dataclass

BEATS_PER_BAR = 4

TICKS_PER_BEAT = 12
"""Triplets and sixteenths are exact."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps that a network makes: each an even share of a beat. ValueError where that is no whole tick."""

    steps_per_beat: int = 2

    json_inlined: ClassVar[bool] = True
    """In JSON its field stands among those of the value that has it, and is left out where a step is an eighth."""

    def __post_init__(self) -> None:
        if self.steps_per_beat < 1 or TICKS_PER_BEAT % self.steps_per_beat:
            raise ValueError(f"{self.steps_per_beat} steps do not divide the {TICKS_PER_BEAT} ticks of a beat")

    @property
    def ticks_per_step(self) -> int:
        """Number of ticks in a step."""
        return TICKS_PER_BEAT // self.steps_per_beat

    @property
    def steps_per_bar(self) -> int:
        """Number of steps in a bar."""
        return self.steps_per_beat * BEATS_PER_BAR

    @classmethod
    def json_types(cls) -> Mapping[str, Any]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return {"steps_per_beat": int}

    def json_values(self) -> Mapping[str, int]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return {} if self == EIGHTHS else {"steps_per_beat": self.steps_per_beat}

    @classmethod
    def from_json_values(cls, values: Mapping[str, Any]) -> "Grid":
        """See `improv.protocol.json_codec.JsonTable`."""
        return cls(**values)


EIGHTHS = Grid()
"""The grid of the shipped networks."""
