"""What there is to draw of a performance, and the places of it: rows, notes by part, lanes of drums, and sizes."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from improv.dataclass import dataclass
from improv.export.bar_rows import BarRow, bar_rows, bars_in_a_row
from improv.export.drum_lanes import lanes_for
from improv.export.performance import Note, Performance
from improv.music.grid import BEATS_PER_BAR
from improv.music.parts import Part

Thing = TypeVar("Thing")

LEFT, ROW_WIDTH = 66, 1440
"""Where a row begins, and how wide a whole one is."""

HEAD, STRIP, LANE = 34, 6, 10
"""Heights: what stands over the notes of a row, the strip of turns, and a lane of drums."""
_ABOVE_DRUMS = 6

_ROLL = 230
"""About how high the roll of a row is; a semitone has at least and at most so much of it:"""
_SEMITONE = (3.0, 6.5)
_LEAST_RANGE = 24


@dataclass(frozen=True)
class Scene:
    """A performance as it lies on paper, in the units of a drawing."""

    performance: Performance

    @cached_property
    def rows(self) -> list[BarRow]:
        """The rows of bars."""
        return bar_rows(self.performance)

    @cached_property
    def notes(self) -> dict[Part, list[Note]]:
        """The notes of each part that can be heard."""
        found = {part: self.performance.notes(part) for part in Part}
        return {part: notes for part, notes in found.items() if notes}

    @property
    def pitched(self) -> list[Part]:
        """The parts on the roll, those in front last: improv's band, its melody, then you."""
        pitched = [part for part in self.notes if not part.is_percussion]
        return sorted(pitched, key=lambda part: (part is Part.YOU, part is Part.MELODY))

    @cached_property
    def drums(self) -> list[Note]:
        """The strokes of the drums, in order."""
        notes = [note for part, notes in self.notes.items() if part.is_percussion for note in notes]
        return sorted(notes, key=lambda note: note.start)

    @cached_property
    def lanes(self) -> list[str]:
        """The lanes of the drum grid of every row but a count-in's."""
        rows = [row for row in self.rows if not row.is_count_in]
        return lanes_for({note.pitch for row in rows for note in self.hits(row)})

    @cached_property
    def lowest_and_highest(self) -> tuple[int, int]:
        """The pitches at the bottom and at the top of the roll."""
        pitches = [note.pitch for part in self.pitched for note in self.notes[part]] or [60]
        lowest, highest = min(pitches) - 2, max(pitches) + 2
        spare = max(0, _LEAST_RANGE - (highest - lowest))
        return lowest - spare // 2, highest + (spare + 1) // 2

    @property
    def semitone(self) -> float:
        """How high a semitone is."""
        lowest, highest = self.lowest_and_highest
        return min(_SEMITONE[1], max(_SEMITONE[0], _ROLL / (highest - lowest + 1)))

    @property
    def roll_height(self) -> float:
        """How high the roll of a row is."""
        lowest, highest = self.lowest_and_highest
        return (highest - lowest + 1) * self.semitone

    @property
    def beat_width(self) -> float:
        """How wide a beat is."""
        return ROW_WIDTH / (bars_in_a_row(self.performance.form_beats) * BEATS_PER_BAR)

    def has_roll(self, row: BarRow) -> bool:
        """Return whether a row has a roll: not where a count-in is all there is."""
        return not row.is_count_in or self.sounds(row)

    def height(self, row: BarRow) -> float:
        """Return how high a row is."""
        lanes = len(self.lanes_in(row))
        roll = self.roll_height if self.has_roll(row) else 0.0
        return HEAD + STRIP + roll + (lanes * LANE + _ABOVE_DRUMS if lanes else 0)

    def lanes_in(self, row: BarRow) -> list[str]:
        """Return the lanes of drums that a row has."""
        return lanes_for(note.pitch for note in self.hits(row)) if row.is_count_in else self.lanes

    def notes_in(self, row: BarRow, part: Part) -> list[Note]:
        """Return the notes of a part that sound in a row."""
        notes, longest = self.notes[part], self._longest[part]
        first = bisect_left(notes, row.start - longest, key=_start)
        until = bisect_left(notes, row.end, key=_start)
        return [note for note in notes[first:until] if note.end > row.start]

    def hits(self, row: BarRow) -> list[Note]:
        """Return the strokes of the drums in a row."""
        first, until = (bisect_left(self.drums, at, key=_start) for at in (row.start, row.end))
        return self.drums[first:until]

    def sounds(self, row: BarRow) -> bool:
        """Return whether any note on the roll sounds in a row."""
        return any(self.notes_in(row, part) for part in self.pitched)

    @cached_property
    def _longest(self) -> dict[Part, float]:
        """How long the longest note of each part is, in beats."""
        return {part: max(note.end - note.start for note in notes) for part, notes in self.notes.items()}

    def spans(self, row: BarRow, changes: Sequence[tuple[float, Thing]]) -> Iterator[tuple[float, float, Thing]]:
        """Yield the stretches of a row in which something stays as it is: from where to where, and what."""
        ends = [*(at for at, _ in changes[1:]), self.performance.beats]
        for (start, what), end in zip(changes, ends, strict=False):
            if start < row.end and end > row.start:
                yield max(start, row.start), min(end, row.end), what


def _start(note: Note) -> float:
    return note.start
