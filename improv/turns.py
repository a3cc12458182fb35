"""Whose turn it is. Pure: a step and the rules of the game in, a turn out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from improv.music import STEPS_PER_BAR


class Mode(StrEnum):
    """How the player and improv share the time."""

    TRADE = "trade"
    """You have some bars, improv answers as many."""
    DUET = "duet"
    """Both play all the time."""
    SOLO = "solo"
    """improv plays and never waits."""


class Who(StrEnum):
    """Who plays the melody."""

    NOBODY = "count-in"
    YOU = "you"
    IMPROV = "improv"
    BOTH = "both"

    @property
    def hears_you(self) -> bool:
        """Whether the network is fed what you play."""
        return self in (Who.YOU, Who.BOTH)

    @property
    def plays(self) -> bool:
        """Whether the network's melody sounds."""
        return self in (Who.IMPROV, Who.BOTH)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who plays, from which step on, and up to which (None: for ever)."""

    who: Who
    start: int
    end: int | None

    def beats_left(self, step: int) -> float | None:
        """Beats until the turn ends, counted from the start of a step."""
        return None if self.end is None else (self.end - step) / 2


def turn_at(step: int, mode: Mode, bars: int) -> Turn:
    """The turn a step lies in; trading starts with you and is counted from the top of the first chorus."""
    if step < 0:
        return Turn(Who.NOBODY, step, 0)
    match mode:
        case Mode.SOLO:
            return Turn(Who.IMPROV, 0, None)
        case Mode.DUET:
            return Turn(Who.BOTH, 0, None)
        case Mode.TRADE:
            length = bars * STEPS_PER_BAR
            index = step // length
            who = Who.IMPROV if index % 2 else Who.YOU
            return Turn(who, index * length, (index + 1) * length)
        case _:
            assert_never(mode)
