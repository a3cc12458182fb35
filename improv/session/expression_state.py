"""How the melody is played, as values that a session keeps from step to step."""

from improv.dataclass import dataclass
from improv.models.encodings.expression import Line


@dataclass(frozen=True, slots=True)
class NoteExpression:
    """How a note that begins in a step is played; ticks are counted from the step's beginning, fractions of one too."""

    tick: float
    """When it is struck."""
    velocity: int
    """MIDI, 1 to 127."""
    end_before: float | None = None
    """When the note ends that gives way to it, if that is earlier: below zero in the step before."""


@dataclass(frozen=True, slots=True)
class ExpressionState:
    """How the melody is played in a step, and what the next step has to know of it."""

    notes: tuple[NoteExpression, ...] = ()
    """One for each onset of the step's cell, in their order; none where they are played as they are notated."""
    line: Line = Line()
    """What has been played of the line."""
    struck: float = 0.0
    """The tick of the performance at which its last note was struck."""
    sounded_to: int = 0
    """The tick of the performance at which the line last sounded, as it is notated."""
    memory: tuple[float, ...] = ()
    """What the network of the expression remembers, as numbers in a row; empty where none has played."""


AS_NOTATED = ExpressionState()
"""Of a melody of which nothing has been played yet, or that is played as it is notated."""
