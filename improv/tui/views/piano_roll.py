"""The piano roll: what was played and what is planned, left to right, one step a column or two cells.

Yours and improv's differ by glyph and by colour, so that the roll can be read without any.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import SILENCE, Cell
from improv.music.theory import Chord, Form, pitch_name
from improv.music.turns import Turn, Who
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs, NoteGlyphs
from improv.tui.views.base import Row, Span, View, runs
from improv.tui.views.history import Column, History, PitchAxis, parsed_form, settled_chord

_WIDE = 60
"""Cells from which on a step takes two."""

_GUTTER = 4
"""Cells for the names of the octaves."""


class PianoRoll(View):
    """The last bars; the step that sounds lies left of the now-line, the planned one right of it."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(glyphs, id=id, classes=classes)
        self._history = History()
        self._axis = PitchAxis(60, 1, 13)

    def take(self, seen: Snapshot) -> None:
        """Add the newest snapshot to the history."""
        self._history = self._history.after(seen)
        super().take(seen)

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return the ruler, if there is room, and the rows of pitches."""
        self._axis, rows = draw_roll(self._history, self._axis, self.glyphs, width, height)
        return rows


@dataclass(frozen=True, slots=True)
class RollLayout:
    """Which cells belong to which step; `step` is the one that sounds now."""

    step: int
    width: int
    """Cells, without the names of the octaves."""
    cells: int
    """Cells a step takes."""
    grid: Grid = EIGHTHS

    @property
    def now(self) -> int:
        """The column of the now-line; whole steps lie left of it."""
        return self.width * 3 // 4 // self.cells * self.cells

    def cell(self, step: int) -> int:
        """Return the first column of a step; it may lie outside."""
        at = self.now + (step - self.step - 1) * self.cells
        return at if step <= self.step else at + 1

    def cell_of_tick(self, tick: int) -> int:
        """Return the cell that a tick of a step lies in, counted from the first of the step."""
        return max(0, tick) * self.cells // self.grid.ticks_per_step

    @property
    def steps(self) -> range:
        """The steps that are visible, at least in part."""
        return range(
            self.step + 1 - self.now // self.cells, self.step + 1 + (self.width - self.now - 1) // self.cells + 1
        )


class _Canvas:
    """Characters and their roles, row by row; empty rows share one copy."""

    def __init__(self, cells: list[str], roles: list[str], rows: int) -> None:
        self._blank = (cells, roles)
        self._drawn: dict[int, tuple[list[str], list[str]]] = {}
        self._width, self._rows = len(cells), rows

    def put(self, row: int, x: int, glyph: str, role: str) -> None:
        """Draw a character, if it lies inside."""
        if not (0 <= x < self._width and 0 <= row < self._rows):
            return
        if row not in self._drawn:
            self._drawn[row] = (self._blank[0].copy(), self._blank[1].copy())
        cells, roles = self._drawn[row]
        cells[x], roles[x] = glyph, role

    def at(self, row: int, x: int, role: str) -> str:
        """Return the character drawn there in a role, empty if it has another role."""
        if row not in self._drawn or not 0 <= x < self._width:
            return ""
        cells, roles = self._drawn[row]
        return cells[x] if roles[x] == role else ""

    def rows(self) -> list[Row]:
        """Return what has been drawn."""
        blank = runs(*self._blank)
        return [runs(*self._drawn[row]) if row in self._drawn else blank for row in range(self._rows)]


def draw_roll(
    history: History, axis: PitchAxis, glyphs: Glyphs, width: int, height: int
) -> tuple[PitchAxis, list[Row]]:
    """Return the pitch axis, kept while it suffices, and the rows of the piano roll."""
    seen = history.seen
    gutter = _GUTTER if width >= 24 else 0
    sheet = _layout(seen, width - gutter, 2 if width >= _WIDE else 1)
    ruled = height >= 4
    rows = height - ruled
    columns = {step: column for step in sheet.steps if (column := history.at(step))}
    axis = axis.fitted(_pitches(columns.values(), seen), rows)
    if seen is None:
        return axis, []
    places = _places(columns, seen, sheet)
    canvas = _lined(sheet, places, glyphs, rows)
    you, improv = _Pen(glyphs.you, "you"), _Pen(glyphs.improv, "improv")
    for column in columns.values():
        _draw_cell(canvas, sheet, axis, column.step, column.improv, improv)
        _draw_cell(canvas, sheet, axis, column.step, column.you, you)
    _draw_cell(canvas, sheet, axis, seen.step, Cell(held=seen.system.midi.keys), you)
    _draw_cell(canvas, sheet, axis, seen.step + 1, seen.planned, _Pen(glyphs.planned, "planned"))
    picture = [(Span(_label(axis, row, gutter), "quiet"), *drawn) for row, drawn in enumerate(canvas.rows())]
    if ruled:
        marks = _turns(columns, history.at(sheet.steps.start - 1), seen, sheet, glyphs)
        symbols = _symbols(columns, places, seen, sheet)
        picture.insert(0, (Span(" " * gutter), *_ruler(marks, symbols, sheet.width)))
    return axis, picture


def _layout(seen: Snapshot | None, width: int, cells: int) -> RollLayout:
    return RollLayout(seen.step, width, cells, seen.grid) if seen else RollLayout(0, width, cells)


def _pitches(columns: Iterable[Column], seen: Snapshot | None) -> frozenset[int]:
    """Every pitch in these columns and in a snapshot."""
    pitches: set[int] = set()
    cells = [cell for column in columns for cell in (column.you, column.improv)]
    if seen:
        cells.append(seen.planned)
        pitches.update(seen.system.midi.keys)
    for cell in cells:
        if cell is not SILENCE:
            pitches.update(cell.held)
            pitches.update(onset.pitch for onset in cell.onsets)
    return frozenset(pitches)


def _label(axis: PitchAxis, row: int, gutter: int) -> str:
    """The name of a row's pitch, if it is a C."""
    names = [pitch_name(pitch) for pitch in axis.pitches(row) if pitch % 12 == 0]
    return (names[0] if names else "").rjust(gutter - 1).ljust(gutter) if gutter else ""


def _places(columns: Mapping[int, Column], seen: Snapshot, sheet: RollLayout) -> dict[int, int]:
    """The place of each step: one that was played where it was then; any other counted back from the next."""
    place = seen.step_in_chorus + sheet.steps.stop - seen.step
    places: dict[int, int] = {}
    for step in reversed(sheet.steps):
        place = columns[step].place if step in columns else place - 1
        places[step] = place
    return places


def _lined(sheet: RollLayout, places: Mapping[int, int], glyphs: Glyphs, rows: int) -> _Canvas:
    """A canvas with bar lines and the now-line."""
    cells, roles = [" "] * sheet.width, ["text"] * sheet.width
    for step in sheet.steps:
        x = sheet.cell(step)
        if places[step] % sheet.grid.steps_per_bar == 0 and 0 <= x < sheet.width:
            cells[x], roles[x] = glyphs.roll.bar, "faint"
    cells[sheet.now], roles[sheet.now] = glyphs.roll.now, "quiet"
    return _Canvas(cells, roles, rows)


class _Pen(NamedTuple):
    """What draws the notes of one player."""

    glyphs: NoteGlyphs
    role: str


def _draw_cell(canvas: _Canvas, sheet: RollLayout, axis: PitchAxis, step: int, cell: Cell, pen: _Pen) -> None:
    """Draw the notes of a step, from their onset to their end."""
    if cell == SILENCE:
        return
    start = sheet.cell(step)
    whole = sheet.grid.ticks_per_step
    ends = {release.pitch: release.tick for release in cell.releases}
    for pitch in cell.held:
        last = sheet.cell_of_tick(ends.get(pitch, whole) - 1)
        _draw_note(canvas, axis, pitch, range(start, start + last + 1), pen, struck=False)
    for onset in cell.onsets:
        end = ends.get(onset.pitch, whole)
        first, last = sheet.cell_of_tick(onset.tick), sheet.cell_of_tick((end if end > onset.tick else whole) - 1)
        _draw_note(canvas, axis, onset.pitch, range(start + first, start + max(first, last) + 1), pen, struck=True)


def _draw_note(canvas: _Canvas, axis: PitchAxis, pitch: int, over: range, pen: _Pen, *, struck: bool) -> None:
    """Draw a note over some cells; where its pitch begins again, the note before gets an end that can be seen."""
    glyphs, role = pen
    upper = (pitch - axis.low) % 2
    for row in axis.rows_of(pitch):
        if axis.per_row == 2 and glyphs.halves:
            for x in over:
                both = canvas.at(row, x, role) in {glyphs.halves[1 - upper], glyphs.halves[2]}
                canvas.put(row, x, glyphs.halves[2 if both else upper], role)
            if struck and canvas.at(row, over.start - 1, role) == glyphs.halves[upper]:
                canvas.put(row, over.start - 1, glyphs.halves_end[upper], role)
            continue
        if struck and canvas.at(row, over.start - 1, role):
            canvas.put(row, over.start - 1, glyphs.end, role)
        for x in over:
            canvas.put(row, x, glyphs.onset if struck and x == over.start else glyphs.body, role)


_Labels = list[tuple[int, str, str]]
"""Texts over the roll: the cell each begins at, the text and its role."""


def _turns(
    columns: Mapping[int, Column], earlier: Column | None, seen: Snapshot, sheet: RollLayout, glyphs: Glyphs
) -> _Labels:
    """The names of the turns, each where it began; one that began earlier at the left edge, without a mark."""
    marks: _Labels = []
    who, last = None, None
    if earlier and earlier.turn:
        who, last = earlier.turn.who, earlier.step
        marks.append((0, _NAMES[who], _TURN_ROLES[who]))
    for step in sheet.steps:
        turn = columns[step].turn if step in columns else _turn_at(seen, step)
        if turn is None:
            continue
        if turn.who is not who:
            start = turn.start if last is None else max(turn.start, last + 1)
            if turn.who is Who.NEITHER and turn.end is not None:
                start += (turn.end - start) % sheet.grid.steps_per_bar  # whole bars are counted
            mark = glyphs.roll.turn if start in sheet.steps else ""
            marks.append((max(0, sheet.cell(start)), mark + _NAMES[turn.who], _TURN_ROLES[turn.who]))
        who, last = turn.who, step
    return marks


def _symbols(columns: Mapping[int, Column], places: Mapping[int, int], seen: Snapshot, sheet: RollLayout) -> _Labels:
    """The chords, planned ones too: once in each bar, and where they change within it."""
    symbols: _Labels = []
    form = parsed_form(seen.harmony.form, seen.grid)
    before: Chord | None = None
    is_new = True
    for step in sheet.steps:
        chord = columns[step].chord if step in columns else _chord_at(seen, form, step, places[step])
        is_new |= places[step] % sheet.grid.steps_per_bar == 0
        if chord is not None and (is_new or chord != before):
            symbols.append((sheet.cell(step), chord.symbol, "quiet" if step <= seen.step else "next"))
            before, is_new = chord, False
    return symbols


def _ruler(marks: _Labels, symbols: _Labels, width: int) -> Row:
    """The names of turns and the chords in one row, turns first where both do not fit."""
    cells, roles = [" "] * width, ["text"] * width
    end = (width + 1, "", "")
    for (x, name, role), (following, _, _) in zip(marks, [*marks[1:], end], strict=False):
        fits = len(name) < following - x
        _write(cells, roles, x, name if fits else "" if name in _NAMES.values() else name[0], role)
    for (x, name, role), (following, _, _) in zip(symbols, [*symbols[1:], end], strict=False):
        at = next((at for at in range(x, width) if cells[at] == " "), width)
        at += at > 0 and cells[at - 1] != " "  # behind the name of a turn
        if at + len(name) < min(following, width + 1) and not "".join(cells[at : at + len(name) + 1]).strip():
            _write(cells, roles, at, name, role)
    return runs(cells, roles)


def _write(cells: list[str], roles: list[str], x: int, text: str, role: str) -> None:
    for offset, char in enumerate(text):
        if 0 <= x + offset < len(cells):
            cells[x + offset], roles[x + offset] = char, role


_NAMES = {Who.NEITHER: "count", Who.YOU: "you", Who.IMPROV: "improv", Who.BOTH: "both"}
_TURN_ROLES = {Who.NEITHER: "text", Who.YOU: "you", Who.IMPROV: "improv", Who.BOTH: "both"}


def _turn_at(seen: Snapshot, step: int) -> Turn | None:
    """The turn of a step to come; None where it is not known."""
    turn = seen.turn
    if not seen.playing or step <= seen.step:
        return None
    if turn.end is None or step < turn.end:
        return turn
    match turn.who:
        case Who.YOU:
            return Turn(Who.IMPROV, turn.end, grid=turn.grid)
        case Who.IMPROV:
            return Turn(Who.YOU, turn.end, grid=turn.grid)
        case _:
            return None


def _chord_at(seen: Snapshot, form: Form | None, step: int, place: int) -> Chord | None:
    """The chord of a step to come; that of the form where it is not settled yet."""
    if step <= seen.step or not seen.playing:
        return None
    if known := settled_chord(seen, step - seen.step):
        return known
    if form is None:
        return None
    counted_in = seen.place.chorus == 0 and place < form.steps
    return None if counted_in else form.chord_at(place)
