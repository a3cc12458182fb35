"""A performance drawn as a piano roll: rows of bars with chords, turns, every part in its colour, and a drum grid.

How hard a note is struck is how dark it is. The same performance is the same drawing.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.export.bar_rows import BarRow, bar_rows, bars_in_a_row
from improv.export.drum_lanes import lane_of, lanes_for
from improv.export.performance import Gap, Key, Note, Performance, Tempo
from improv.export.shapes import Drawing, Line, Rect, Shape, Text, text_width, tinted
from improv.music.grid import BEATS_PER_BAR
from improv.music.parts import PERCUSSION_CHANNEL, Part
from improv.music.theory import pitch_name
from improv.music.turns import Who

Thing = TypeVar("Thing")

MOST_ROWS = 1000
"""No picture has more: a hundred minutes or so."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 22, 104, 24
_ROW_WIDTH = 1440
_HEAD, _STRIP, _GAP = 34, 6, 26
"""Heights: what stands over a row, the strip of turns, and what is left free below a row."""
_LANE = 10
_ROLL = 230
"""About how high the roll of a row is; a semitone has at least and at most so much of it:"""
_SEMITONE = (3.0, 6.5)
_LEAST_RANGE = 24

_COLOURS = ("#d1495b", "#00798c", "#b08d45", "#6a4c93", "#3d7a3a", "#8a5a44")
"""Of the pitched parts, in their order: you, melody, chords, bass, and any more."""
_DRUMS = "#333a44"
_TURNS: Mapping[Who, tuple[str, str]] = {
    Who.YOU: ("#d1495b", "your turn"),
    Who.IMPROV: ("#00798c", "improv's turn"),
    Who.BOTH: ("#7d5ba6", "both"),
    Who.NEITHER: ("#aab0b8", "count-in"),
}
_INK, _GREY, _FAINT, _FAINTER, _MISSING = "#1d232b", "#6b7480", "#c9ced6", "#e6e9ee", "#b3261e"
_BLACK_KEYS = frozenset((1, 3, 6, 8, 10))


def piano_roll(performance: Performance, heading: str = "", facts: str | None = None) -> Drawing:
    """Return a performance as a drawing; UsageError for one that is too long for any picture.

    Its heading and what stands below it say what was played and how, if no others are given.
    """
    whole = performance.without_skips()
    return _Roll(whole, heading or f"improv · {whole.model}", _facts(whole) if facts is None else facts).drawing()


@dataclass(frozen=True)
class _Roll:
    """The drawing of a performance, of which each method makes a part."""

    performance: Performance
    heading: str
    facts: str

    def drawing(self) -> Drawing:
        rows = self.rows
        if len(rows) > MOST_ROWS:
            raise UsageError(f"{len(rows)} rows of bars are too many for a picture; give a name that ends in .mid")
        shapes = [*self._header()]
        y = float(_TOP)
        for row, is_empty in self._without_empty(rows):
            shapes += self._empty(row, y) if is_empty else self._row(row, y)
            y += _HEAD + _GAP if is_empty else self._height(row) + _GAP
        width = _LEFT + _ROW_WIDTH + _RIGHT
        parts = ", ".join(part.label for part in self.notes)
        return Drawing(
            width=width,
            height=round(y + _BOTTOM - _GAP),
            title=self.performance.title,
            description=f"{self.performance.made_with}. {self.facts}. Parts: {parts or 'none'}.",
            shapes=tuple(shapes),
        )

    # --- what there is --------------------------------------------------------------------------------

    @cached_property
    def rows(self) -> list[BarRow]:
        return bar_rows(self.performance)

    @cached_property
    def notes(self) -> dict[Part, list[Note]]:
        """The notes of each part that can be heard."""
        found = {part: self.performance.notes(part) for part in Part}
        return {part: notes for part, notes in found.items() if notes}

    @property
    def pitched(self) -> list[Part]:
        """The parts on the roll, those in front last: improv's band, its melody, then you."""
        pitched = [part for part in self.notes if part.channel != PERCUSSION_CHANNEL]
        return sorted(pitched, key=lambda part: (part is Part.YOU, part is Part.MELODY))

    @cached_property
    def drums(self) -> list[Note]:
        notes = [note for part, notes in self.notes.items() if part.channel == PERCUSSION_CHANNEL for note in notes]
        return sorted(notes, key=lambda note: note.start)

    @cached_property
    def lanes(self) -> list[str]:
        """The lanes of the drum grid of every row but a count-in's."""
        rows = [row for row in self.rows if not row.is_count_in]
        return lanes_for({note.pitch for row in rows for note in self._hits(row)})

    @cached_property
    def lowest_and_highest(self) -> tuple[int, int]:
        pitches = [note.pitch for part in self.pitched for note in self.notes[part]] or [60]
        lowest, highest = min(pitches) - 2, max(pitches) + 2
        spare = max(0, _LEAST_RANGE - (highest - lowest))
        return lowest - spare // 2, highest + (spare + 1) // 2

    @property
    def semitone(self) -> float:
        lowest, highest = self.lowest_and_highest
        return min(_SEMITONE[1], max(_SEMITONE[0], _ROLL / (highest - lowest + 1)))

    @property
    def roll_height(self) -> float:
        lowest, highest = self.lowest_and_highest
        return (highest - lowest + 1) * self.semitone

    @property
    def beat_width(self) -> float:
        return _ROW_WIDTH / (bars_in_a_row(self.performance.form_beats) * BEATS_PER_BAR)

    # --- the head -------------------------------------------------------------------------------------

    def _header(self) -> Iterator[Shape]:
        yield Text(_LEFT, 36, self.heading, 22, _INK, bold=True)
        yield Text(_LEFT, 58, self.facts, 13, _GREY)
        x = float(_LEFT)
        for part in sorted(self.pitched, key=list(Part).index):
            colour = _colour(part)
            yield Rect(x, 73, 22, 9, colour, 2, colour if part is Part.YOU else "")
            yield Text(x + 28, 82, part.label, 12, _INK)
            x += 28 + text_width(part.label, 12) + 18
        if self.lanes:
            yield from (Rect(x + 8 * hit, 73, 5, 9, _DRUMS, 1.5) for hit in range(3))
            yield Text(x + 28, 82, "drums", 12, _INK)
            x += 28 + text_width("drums", 12) + 18
        if self.notes:
            yield from (
                Rect(x + 12 * step, 73, 11, 9, tinted(_DRUMS, (0.2, 0.4, 0.7, 1)[step]), 2) for step in range(4)
            )
            yield Text(x + 54, 82, "soft to loud", 12, _INK)
        x = float(_LEFT + _ROW_WIDTH)
        taking = {who for _, who in self.performance.turns}
        for who in (Who.BOTH, Who.IMPROV, Who.YOU):
            if who in taking:
                colour, text = _TURNS[who]
                x -= text_width(text, 12)
                yield Text(x, 82, text, 12, _INK)
                yield Rect(x - 28, 75, 22, _STRIP, colour, 1)
                x -= 46

    # --- a row ----------------------------------------------------------------------------------------

    def _height(self, row: BarRow) -> float:
        lanes = self._lanes(row)
        roll = 0.0 if row.is_count_in and not self._sounds(row) else self.roll_height
        return _HEAD + _STRIP + roll + (len(lanes) * _LANE + 6 if lanes else 0)

    def _lanes(self, row: BarRow) -> list[str]:
        return lanes_for(note.pitch for note in self._hits(row)) if row.is_count_in else self.lanes

    def _hits(self, row: BarRow) -> list[Note]:
        return [note for note in self.drums if row.start <= note.start < row.end]

    def _sounds(self, row: BarRow) -> bool:
        """Return whether any note on the roll sounds in a row."""
        return any(note.start < row.end and note.end > row.start for part in self.pitched for note in self.notes[part])

    def _without_empty(self, rows: Sequence[BarRow]) -> Iterator[tuple[BarRow, bool]]:
        """Yield the rows, and whether nothing sounds in one; those that follow such a one are made one with it."""
        empty: BarRow | None = None
        for row in rows:
            if row.is_count_in or self._sounds(row) or self._hits(row):
                if empty is not None:
                    yield empty, True
                empty = None
                yield row, False
            else:
                empty = BarRow(empty.start, row.end, empty.bar, empty.chorus) if empty else row
        if empty is not None:
            yield empty, True

    def _empty(self, row: BarRow, y: float) -> Iterator[Shape]:
        bars = round((row.end - row.start) / BEATS_PER_BAR)
        text = (
            f"bars {row.bar} to {row.bar + bars - 1}: nothing sounds" if bars > 1 else f"bar {row.bar}: nothing sounds"
        )
        yield Rect(_LEFT, y + 8, _ROW_WIDTH, 22, "#f5f6f8", 3)
        yield Text(_LEFT + 10, y + 23, text, 11, _GREY)

    def _row(self, row: BarRow, y: float) -> Iterator[Shape]:
        top = y + _HEAD + _STRIP
        bottom = y + self._height(row)
        roll = 0.0 if row.is_count_in and not self._sounds(row) else self.roll_height
        if roll:
            yield from self._ground(row, top)
        lanes = self._lanes(row)
        if lanes:
            yield from self._drum_ground(row, lanes, top + roll + 6)
        yield from self._bar_lines(row, y, bottom)
        yield from self._turns(row, y + _HEAD)
        yield from self._chords(row, y + _HEAD - 7)
        if roll:
            for part in self.pitched:
                yield from self._notes(row, part, top)
        if lanes:
            yield from self._drum_hits(row, lanes, top + roll + 6)
        yield from self._marks(row, y, bottom)

    def _x(self, row: BarRow, beats: float) -> float:
        return _LEFT + (min(max(beats, row.start), row.end) - row.start) * self.beat_width

    def _y(self, pitch: int, top: float) -> float:
        """Return the top of a pitch's place on the roll."""
        return top + (self.lowest_and_highest[1] - pitch) * self.semitone

    def _ground(self, row: BarRow, top: float) -> Iterator[Shape]:
        """The roll itself: the black keys darker, a line and a name at each C, tinted by whose turn it is."""
        lowest, highest = self.lowest_and_highest
        width = self._x(row, row.end) - _LEFT
        yield Rect(_LEFT, top, width, self.roll_height, "#ffffff")
        for start, end, who in self._spans(row, self.performance.turns):
            if who in (Who.YOU, Who.IMPROV, Who.BOTH):
                at, until = self._x(row, start), self._x(row, end)
                yield Rect(at, top, until - at, self.roll_height, tinted(_TURNS[who][0], 0.045))
        for pitch in range(lowest, highest + 1):
            y = self._y(pitch, top)
            if pitch % 12 in _BLACK_KEYS and self.semitone >= 4:
                yield Rect(_LEFT, y, width, self.semitone, "#f3f4f6")
            if pitch % 12 == 0:
                yield Line(_LEFT, y + self.semitone, _LEFT + width, y + self.semitone, _FAINT, 0.8)
                yield Text(_LEFT - 8, y + self.semitone + 1, pitch_name(pitch), 10, _GREY, "end")

    def _bar_lines(self, row: BarRow, y: float, bottom: float) -> Iterator[Shape]:
        beats = round((row.end - row.start) + 0.49)
        for beat in range(beats + 1):
            at = row.start + beat
            x, is_bar = self._x(row, at), beat % BEATS_PER_BAR == 0
            yield Line(x, y + _HEAD, x, bottom, "#9aa2ad" if is_bar else _FAINTER, 1.0 if is_bar else 0.6)
            if is_bar and at < row.end:
                number = row.bar + beat // BEATS_PER_BAR
                if number >= 1:
                    yield Text(x + 2, y + 11, str(number), 9.5, _GREY)
        if row.chorus:
            yield Text(_LEFT - 8, y + 27, f"chorus {row.chorus}", 10.5, _INK, "end", bold=True)
        elif row.is_count_in:
            yield Text(_LEFT - 8, y + 27, "count-in", 10.5, _GREY, "end")

    def _turns(self, row: BarRow, y: float) -> Iterator[Shape]:
        for start, end, who in self._spans(row, self.performance.turns):
            at, until = self._x(row, start), self._x(row, end)
            yield Rect(at, y, until - at, _STRIP, tinted(_TURNS[who][0], 0.85))

    def _chords(self, row: BarRow, y: float) -> Iterator[Shape]:
        """The chords' names where they change, and at the beginning of the row."""
        free = 0.0
        for start, _, symbol in self._spans(row, self.performance.chords):
            x = max(self._x(row, start) + 3, free)
            if symbol:
                yield Text(x, y, symbol, 14, _INK, bold=True)
                free = x + text_width(symbol, 14) + 2

    def _notes(self, row: BarRow, part: Part, top: float) -> Iterator[Shape]:
        colour, height = _colour(part), max(2.4, self.semitone - 0.5)
        for note in self.notes[part]:
            if note.start < row.end and note.end > row.start:
                x, until = self._x(row, note.start), self._x(row, note.end)
                y = self._y(note.pitch, top) + (self.semitone - height) / 2
                width = max(1.6, until - x - 0.8)
                outline = colour if part is Part.YOU else ""
                yield Rect(x, y, width, height, tinted(colour, _shade(note.velocity)), min(1.5, height / 3), outline)

    def _drum_ground(self, row: BarRow, lanes: Sequence[str], top: float) -> Iterator[Shape]:
        width = self._x(row, row.end) - _LEFT
        for number, name in enumerate(lanes):
            y = top + number * _LANE
            yield Rect(_LEFT, y, width, _LANE, "#f5f6f8" if number % 2 == 0 else "#ffffff")
            yield Text(_LEFT - 8, y + 8, name, 8.5, _GREY, "end")

    def _drum_hits(self, row: BarRow, lanes: Sequence[str], top: float) -> Iterator[Shape]:
        width = min(6.0, self.beat_width / 4)
        for note in self._hits(row):
            y = top + lanes.index(lane_of(note.pitch)) * _LANE
            yield Rect(self._x(row, note.start), y + 1.5, width, _LANE - 3, tinted(_DRUMS, _shade(note.velocity)), 1.5)

    def _marks(self, row: BarRow, y: float, bottom: float) -> Iterator[Shape]:
        """Where the tempo or the key changes, and where something is missing."""
        for beats, mark in self.performance.marks:
            if beats == 0 or not row.start <= beats < row.end:
                continue
            x = self._x(row, beats)
            match mark:
                case Tempo(bpm):
                    yield Text(x + 22, y + 11, f"{bpm:g} bpm", 9.5, _INK, bold=True)
                case Key(name):
                    yield Text(x + 78, y + 11, f"in {name}", 9.5, _INK, bold=True)
                case Gap(text):
                    yield from _missing(text, x, y + _HEAD, bottom)
                case _:
                    pass

    def _spans(self, row: BarRow, changes: Sequence[tuple[float, Thing]]) -> Iterator[tuple[float, float, Thing]]:
        """Yield the stretches of a row in which something stays as it is: from where to where, and what."""
        ends = [*(at for at, _ in changes[1:]), self.performance.beats]
        for (start, what), end in zip(changes, ends, strict=False):
            if start < row.end and end > row.start:
                yield max(start, row.start), min(end, row.end), what


def _facts(performance: Performance) -> str:
    """Return what was played and how, in a line."""
    settings = performance.settings
    tempos = [60 / beat_s for _, _, beat_s in performance.tempos]
    tempo = f"{tempos[0]:g}" if min(tempos) == max(tempos) else f"{min(tempos):g} to {max(tempos):g}"
    minutes, seconds = divmod(round(performance.seconds), 60)
    choruses = max((chorus.number for chorus in performance.choruses), default=0)
    key = next(mark.name for _, mark in performance.marks if isinstance(mark, Key))
    facts = [
        f"seed {settings.seed}",
        f"{tempo} bpm",
        f"style {settings.style}",
        f"swing {performance.transport.swing:.3g}",
        f"in {key}",
        f"{settings.mode}",
        f"{choruses} chorus{'es' * (choruses != 1)}" if choruses else "",
        f"{minutes}:{seconds:02}",
    ]
    return " · ".join(fact for fact in facts if fact)


def _missing(text: str, x: float, top: float, bottom: float) -> Iterator[Shape]:
    """A line where something is missing, and what and why, on that side of it where there is room."""
    width = text_width(text, 9.5) + 8
    left = x + 3 if x + width < _LEFT + _ROW_WIDTH else max(_LEFT, x - 3 - width)
    yield Line(x, top, x, bottom, _MISSING, 1.4)
    yield Rect(left, top + 9, width, 15, "#fdecea", 2)
    yield Text(left + 4, top + 20, text, 9.5, _MISSING)


def _colour(part: Part) -> str:
    pitched = [each for each in Part if each.channel != PERCUSSION_CHANNEL]
    return _COLOURS[pitched.index(part) % len(_COLOURS)]


def _shade(velocity: int) -> float:
    """Return how dark a velocity is drawn, 0.3 to 1."""
    return 0.3 + 0.7 * min(1.0, max(0.0, (velocity - 40) / 70))
