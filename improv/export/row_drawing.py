"""A row of bars drawn: chords and turns above, the notes of every part, and the grid of the drums below."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.export.bar_rows import BarRow
from improv.export.drum_lanes import lane_of
from improv.export.performance import Gap, Key, Tempo
from improv.export.scene import HEAD, LANE, LEFT, ROW_WIDTH, STRIP, Scene
from improv.export.shapes import Line, Rect, Shape, Text, text_width, tinted
from improv.music.grid import BEATS_PER_BAR
from improv.music.parts import Part
from improv.music.theory import pitch_name
from improv.music.turns import Who

_COLOURS = ("#d1495b", "#00798c", "#b08d45", "#6a4c93", "#3d7a3a", "#8a5a44")
"""Of the pitched parts, in their order: you, melody, chords, bass, and any more."""
DRUMS = "#333a44"
TURN_COLOURS: Mapping[Who, str] = MappingProxyType(
    {Who.YOU: "#d1495b", Who.IMPROV: "#00798c", Who.BOTH: "#7d5ba6", Who.NEITHER: "#aab0b8"}
)
INK, GREY = "#1d232b", "#6b7480"
_FAINT, _FAINTER, _MISSING = "#c9ced6", "#e6e9ee", "#b3261e"
_BLACK_KEYS = frozenset((1, 3, 6, 8, 10))
_SHOWS_KEYS = 4.0
"""How high a semitone has to be for black keys to be shown."""


def draw_row(scene: Scene, row: BarRow, y: float) -> Iterator[Shape]:
    """Yield the shapes of a row whose top is at `y`."""
    return _Row(scene, row, y).shapes()


def part_colour(part: Part) -> str:
    """Return the colour of a pitched part."""
    pitched = [each for each in Part if not each.is_percussion]
    return _COLOURS[pitched.index(part) % len(_COLOURS)]


@dataclass(frozen=True)
class _Row:
    """A row of a scene whose top is at `y`."""

    scene: Scene
    row: BarRow
    y: float

    def shapes(self) -> Iterator[Shape]:
        """Yield the shapes in the order in which they are painted: what lies behind the notes first."""
        lanes = self.scene.lanes_in(self.row)
        if has_roll := self.scene.has_roll(self.row):
            yield from self._ground()
        yield from self._drum_ground(lanes)
        yield from self._bar_lines()
        yield from self._turns()
        yield from self._chords()
        if has_roll:
            for part in self.scene.pitched:
                yield from self._notes(part)
        yield from self._hits(lanes)
        yield from self._marks()

    @property
    def _top(self) -> float:
        """The top of the roll."""
        return self.y + HEAD + STRIP

    @property
    def _bottom(self) -> float:
        return self.y + self.scene.height(self.row)

    @property
    def _drums(self) -> float:
        """The top of the drum grid."""
        return self._bottom - LANE * len(self.scene.lanes_in(self.row))

    @property
    def _width(self) -> float:
        return self._x(self.row.end) - LEFT

    def _x(self, beats: float) -> float:
        """Return where a position lies, at the edge of the row if it is beyond."""
        return LEFT + (min(max(beats, self.row.start), self.row.end) - self.row.start) * self.scene.beat_width

    def _pitch(self, pitch: int) -> float:
        """Return the top of a pitch's place on the roll."""
        return self._top + (self.scene.lowest_and_highest[1] - pitch) * self.scene.semitone

    def _ground(self) -> Iterator[Shape]:
        """The roll itself: the black keys darker, a line and a name at each C, tinted by whose turn it is."""
        (lowest, highest), semitone = self.scene.lowest_and_highest, self.scene.semitone
        for start, end, who in self.scene.spans(self.row, self.scene.performance.turns):
            if who is not Who.NEITHER:
                at, until = self._x(start), self._x(end)
                yield Rect(at, self._top, until - at, self.scene.roll_height, tinted(TURN_COLOURS[who], 0.045))
        for pitch in range(lowest, highest + 1):
            y = self._pitch(pitch)
            if pitch % 12 in _BLACK_KEYS and semitone >= _SHOWS_KEYS:
                yield Rect(LEFT, y, self._width, semitone, "#f3f4f6")
            if pitch % 12 == 0:
                yield Line(LEFT, y + semitone, LEFT + self._width, y + semitone, _FAINT, 0.8)
                yield Text(LEFT - 8, y + semitone + 1, pitch_name(pitch), 10, GREY, "end")

    def _bar_lines(self) -> Iterator[Shape]:
        """A line at each beat and bar, the numbers of the bars, and what begins with the row."""
        row, y = self.row, self.y
        for beat in range(ceil(row.end - row.start) + 1):
            at = row.start + beat
            x, is_bar = self._x(at), beat % BEATS_PER_BAR == 0
            yield Line(x, y + HEAD, x, self._bottom, "#9aa2ad" if is_bar else _FAINTER, 1.0 if is_bar else 0.6)
            number = row.bar + beat // BEATS_PER_BAR
            if is_bar and at < row.end and number >= 1:
                yield Text(x + 2, y + 11, str(number), 9.5, GREY)
        if row.chorus:
            yield Text(LEFT - 8, y + 27, f"chorus {row.chorus}", 10.5, INK, "end", bold=True)
        elif row.is_count_in:
            yield Text(LEFT - 8, y + 27, "count-in", 10.5, GREY, "end")

    def _turns(self) -> Iterator[Shape]:
        for start, end, who in self.scene.spans(self.row, self.scene.performance.turns):
            at, until = self._x(start), self._x(end)
            yield Rect(at, self.y + HEAD, until - at, STRIP, tinted(TURN_COLOURS[who], 0.85))

    def _chords(self) -> Iterator[Shape]:
        """The chords' names where they change, and at the beginning of the row."""
        free = 0.0
        for start, _, symbol in self.scene.spans(self.row, self.scene.performance.chords):
            x = max(self._x(start) + 3, free)
            if symbol:
                yield Text(x, self.y + HEAD - 7, symbol, 14, INK, bold=True)
                free = x + text_width(symbol, 14) + 2

    def _notes(self, part: Part) -> Iterator[Shape]:
        colour, height = part_colour(part), max(2.4, self.scene.semitone - 0.5)
        for note in self.scene.notes_in(self.row, part):
            x, y = self._x(note.start), self._pitch(note.pitch) + (self.scene.semitone - height) / 2
            width = max(1.6, self._x(note.end) - x - 0.8)
            outline = colour if part is Part.YOU else ""
            yield Rect(x, y, width, height, tinted(colour, _shade(note.velocity)), min(1.5, height / 3), outline)

    def _drum_ground(self, lanes: Sequence[str]) -> Iterator[Shape]:
        for number, name in enumerate(lanes):
            y = self._drums + number * LANE
            yield Rect(LEFT, y, self._width, LANE, "#f5f6f8" if number % 2 == 0 else "#ffffff")
            yield Text(LEFT - 8, y + 8, name, 8.5, GREY, "end")

    def _hits(self, lanes: Sequence[str]) -> Iterator[Shape]:
        width = min(6.0, self.scene.beat_width / 4)
        for note in self.scene.hits(self.row):
            y = self._drums + lanes.index(lane_of(note.pitch)) * LANE
            yield Rect(self._x(note.start), y + 1.5, width, LANE - 3, tinted(DRUMS, _shade(note.velocity)), 1.5)

    def _marks(self) -> Iterator[Shape]:
        """Where the tempo or the key changes, and where something is missing."""
        for beats, mark in self.scene.performance.marks:
            if beats == 0 or not self.row.start <= beats < self.row.end:
                continue
            x = self._x(beats)
            match mark:
                case Tempo(bpm):
                    yield Text(x + 22, self.y + 11, f"{bpm:g} bpm", 9.5, INK, bold=True)
                case Key(name):
                    yield Text(x + 78, self.y + 11, f"in {name}", 9.5, INK, bold=True)
                case Gap(text):
                    yield from _missing(text, x, self.y + HEAD, self._bottom)
                case _:
                    pass


def _missing(text: str, x: float, top: float, bottom: float) -> Iterator[Shape]:
    """A line where something is missing, and what and why, on that side of it where there is room."""
    width = text_width(text, 9.5) + 8
    left = x + 3 if x + width < LEFT + ROW_WIDTH else max(LEFT, x - 3 - width)
    yield Line(x, top, x, bottom, _MISSING, 1.4)
    yield Rect(left, top + 9, width, 15, "#fdecea", 2)
    yield Text(left + 4, top + 20, text, 9.5, _MISSING)


def _shade(velocity: int) -> float:
    """Return how dark a velocity is drawn, 0.4 to 1."""
    return 0.4 + 0.6 * min(1.0, max(0.0, (velocity - 30) / 80))
