"""What the views remember of a jam: its last steps, the pitches that the roll shows, how loud each part was.

A snapshot holds one step; a picture of the music needs those before it. Pure: values in, values out. No more is kept
than a screen can show, and no step is made up that was not seen.
"""

from dataclasses import replace
from functools import lru_cache

from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import SILENCE, Cell
from improv.music.theory import Chord, Form
from improv.music.turns import Turn
from improv.protocol.snapshot import Snapshot

COLUMNS = 256
"""Steps that are kept: more than the widest screen shows."""

_LOOSE = 5
"""The axis is drawn closer only if it would hold so many more pitches than needed."""

_TALLEST = 2
"""Rows a pitch may take."""

FALL_PER_S = 160.0
"""How fast a meter falls, of 127."""


@dataclass(frozen=True, slots=True)
class Column:
    """What sounded in one step."""

    step: int
    you: Cell = SILENCE
    improv: Cell = SILENCE
    turn: Turn | None = None
    """Whose turn it was; None if that is unknown."""
    chord: Chord | None = None
    place: int = 0
    """The step counted from the top of the form, as it was when it was played."""


@dataclass(frozen=True, slots=True)
class History:
    """The last steps, in their order; a step of which no snapshot came is missing."""

    columns: tuple[Column, ...] = ()
    seen: Snapshot | None = None

    def after(self, seen: Snapshot) -> "History":
        """Return the history with a newer snapshot; another jam or an earlier step starts a new one."""
        columns = self.columns
        if columns and not 0 <= seen.step - columns[-1].step < COLUMNS:
            columns = ()
        known = {column.step: column for column in columns[-2:]}
        before = known.get(seen.step - 1)
        if before is None and seen.heard != SILENCE:
            before = Column(seen.step - 1, place=seen.step_in_chorus - 1)
        turn = seen.turn if seen.playing and seen.turn.start <= seen.step else None
        now = known.get(seen.step) or Column(seen.step, turn=turn, chord=seen.harmony.chord, place=seen.step_in_chorus)
        now = replace(now, improv=seen.played)  # seen again after a stop, it is counted from another top
        kept = tuple(column for column in columns[-2:] if column.step < seen.step - 1)
        newest = (replace(before, you=seen.heard), now) if before else (now,)
        return History((*columns[:-2], *kept, *newest)[-COLUMNS:], seen)

    def at(self, step: int) -> Column | None:
        """Return the column of a step: what sounded in it. None if it is not known."""
        if not self.columns:
            return None
        guess = len(self.columns) - 1 - (self.columns[-1].step - step)  # exact where no step is missing
        if 0 <= guess < len(self.columns) and self.columns[guess].step == step:
            return self.columns[guess]
        return next((column for column in self.columns if column.step == step), None)


def settled_chord(seen: Snapshot, steps: int) -> Chord | None:
    """Return the chord `steps` after a snapshot, or before it in its bar; None where it is undecided."""
    at = seen.step_in_bar + steps
    return seen.harmony.chords[at] if 0 <= at < len(seen.harmony.chords) else None


@lru_cache(maxsize=8)
def parsed_form(text: str, grid: Grid = EIGHTHS) -> Form | None:
    """Return the form in a snapshot's text, in steps of a grid; None if the text is invalid."""
    try:
        return Form.parse(text, grid)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class PitchAxis:
    """The pitches that the roll shows, from `low` up: several in a row, or one in several rows."""

    low: int
    per_row: int
    rows: int
    tall: int = 1
    """Rows of a pitch where there is so much room; then `per_row` is 1."""

    @property
    def high(self) -> int:
        """The highest pitch shown."""
        return self.low + self.rows // self.tall * self.per_row - 1

    def rows_of(self, pitch: int) -> range:
        """Return the rows of a pitch, counted from the top; empty if it is outside."""
        if not self.low <= pitch <= self.high:
            return range(0)
        lowest = self.rows - 1 - (pitch - self.low) // self.per_row * self.tall
        return range(lowest - self.tall + 1, lowest + 1)

    def pitches(self, row: int) -> range:
        """Return the pitches that share a row as their lowest one."""
        above = self.rows - 1 - row
        low = self.low + above // self.tall * self.per_row
        return range(low, low + self.per_row) if above % self.tall == 0 else range(0)

    def fitted(self, pitches: frozenset[int], rows: int) -> "PitchAxis":
        """Return an axis for these pitches in some rows: this one while it suffices."""
        low, high = (min(pitches), max(pitches)) if pitches else (60, 72)
        needed = high - low + 1
        per_row, tall = _density(needed, rows)
        inside = self.low <= low and high <= self.high
        loose = _density(needed + _LOOSE, rows)
        looser = self.per_row > loose[0] or self.tall < loose[1]
        if rows == self.rows and (not pitches or (inside and not looser)):
            return self
        return PitchAxis(max(0, low - (rows // tall * per_row - needed) // 2), per_row, rows, tall)


def _density(pitches: int, rows: int) -> tuple[int, int]:
    """Pitches per row and rows per pitch, one of which is 1."""
    rows = max(1, rows)
    return max(1, -(-pitches // rows)), max(1, min(_TALLEST, rows // pitches))


@dataclass(frozen=True, slots=True)
class MeterLevel:
    """The level of a meter, 0 to 127, at a time in seconds."""

    level: float = 0.0
    at_s: float = 0.0

    def at(self, now_s: float) -> float:
        """Return the level at a time in seconds, as it falls."""
        return max(0.0, self.level - FALL_PER_S * max(0.0, now_s - self.at_s))

    def struck(self, level: float, now_s: float) -> "MeterLevel":
        """Return the level after an onset; an onset softer than the present level changes nothing."""
        return MeterLevel(level, now_s) if level >= self.at(now_s) else self
