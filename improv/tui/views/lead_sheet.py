"""The lead sheet: the bars of the form with their chords, the bar that sounds, and the next chord.

The bar that sounds and the next one show the chords that really sound, as far as they are settled; all others those of
the form.
"""

from functools import lru_cache
from itertools import groupby, pairwise

from improv.music.grid import BEATS_PER_BAR, EIGHTHS, Grid
from improv.music.theory import Chord
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import Row, Span, View
from improv.tui.views.history import parsed_form, settled_chord

BARS_A_ROW = 4

_NUMBERED = 10
"""Cells of a bar from which on its number is shown."""


class LeadSheet(View):
    """Rows of four bars; the bar that sounds is lit, the next one marked."""

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return the rows of the lead sheet that fit."""
        return lead_sheet_rows(seen, self.glyphs, width, height)


@lru_cache(maxsize=8)
def form_bars(form: str, grid: Grid = EIGHTHS) -> tuple[str, ...]:
    """Return the chords of each bar as text such as `C7 A7`, without repeats; empty if the form is invalid."""
    known = parsed_form(form, grid)
    if known is None:
        return ()
    return tuple(
        " ".join(chord.symbol for chord, _ in groupby(known.chords[start : start + grid.steps_per_bar]))
        for start in range(0, known.steps, grid.steps_per_bar)
    )


def sounding_bars(seen: Snapshot, glyphs: Glyphs) -> tuple[str, ...]:
    """Return the chords of each bar as they sound; a bar that differs from the form has a mark.

    A bar whose chords are not all settled yet ends with an ellipsis.
    """
    form = parsed_form(seen.harmony.form, seen.grid)
    bars = list(form_bars(seen.harmony.form, seen.grid))
    if form is None:
        return ()
    length = seen.grid.steps_per_bar
    top = seen.step_in_chorus - seen.step_in_bar
    for start in range(0, len(seen.harmony.chords), length):
        known = seen.harmony.chords[start : start + length]
        if any(chord and chord != form.chord_at(top + start + step) for step, chord in enumerate(known)):
            symbols = " ".join(chord.symbol for chord, _ in groupby(known) if chord)
            bars[(top + start) % form.steps // length] = (
                symbols + (glyphs.cut if len(known) < length else "") + glyphs.turned
            )
    return tuple(bars)


def next_chord_change(seen: Snapshot) -> tuple[str, str, int]:
    """Return the present chord, the next different one, and the beats until it (0 if unknown)."""
    form, place = parsed_form(seen.harmony.form, seen.grid), seen.step_in_chorus
    if form is None:
        return (
            _symbol(seen.harmony.chord),
            _symbol(seen.harmony.next_chord) if seen.harmony.next_chord != seen.harmony.chord else "",
            0,
        )
    now = settled_chord(seen, 0) or (form.chord_at(place) if seen.place.chorus else None)
    first = place if now else (form.steps if seen.playing else 0)
    for step in range(first, first + form.steps):
        then = settled_chord(seen, step - place) or form.chord_at(step)
        if then != now:
            return _symbol(now), then.symbol, -(-(step - place) // seen.grid.steps_per_beat)
    return _symbol(now), _symbol(now), 0


def _symbol(chord: Chord | None) -> str:
    return chord.symbol if chord else "."


def lead_sheet_rows(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """Return the rows of the lead sheet; if only one fits, the present chord and the next."""
    bars = sounding_bars(seen, glyphs)
    if height == 1 or not bars or width < 4 * BARS_A_ROW:
        return [_line(seen, glyphs, width)]
    rows = -(-len(bars) // BARS_A_ROW)
    shown, first = min(rows, height), 0
    if rows > height:
        row = (seen.place.bar - 1) // BARS_A_ROW
        first = min(row, rows - shown) if row + 1 < rows else rows - shown
    lines = max(1, min(3, height // shown))
    ruled = lines == 3
    edges = [width * bar // BARS_A_ROW for bar in range(BARS_A_ROW + 1)]
    cells = [end - start - 1 for start, end in pairwise(edges)]  # a divider comes first
    numbered = lines > 1 or min(cells) >= _NUMBERED
    picture: list[Row] = []
    for row in range(first, first + shown):
        numbers = range(row * BARS_A_ROW, min(len(bars), (row + 1) * BARS_A_ROW))
        drawn = [
            _bar(seen, bars, number, f"{number + 1}" if numbered else "", glyphs, cell, min(lines, 2))
            for number, cell in zip(numbers, cells, strict=False)
        ]
        for line in range(1 if lines == 1 else 2):
            divider = Span(glyphs.divider, "faint")
            picture.append(tuple(span for bar in drawn for span in (divider, *bar[line])))
        if ruled and row + 1 < first + shown:
            picture.append((Span(glyphs.rule * width, "faint"),))
    return picture


def _bar(
    seen: Snapshot, bars: tuple[str, ...], number: int, label: str, glyphs: Glyphs, width: int, lines: int
) -> tuple[Row, ...]:
    """One bar in one line or two, each `width` cells wide."""
    sounds = seen.playing and seen.place.chorus > 0
    here = sounds and seen.place.bar == number + 1
    following = seen.place.bar % len(bars) if sounds else 0
    role = "here" if here else "next" if number == following else "text"
    mark = glyphs.here if here else glyphs.next if number == following else " "
    chords = bars[number]
    if lines == 1:
        return (_one_line(seen, glyphs, chords, label, mark, role, width),)
    text = _shortened(chords, width - 1, glyphs)
    gap = width - 1 - len(text) - len(label)
    above: Row = (Span(mark, role), Span(text.ljust(width - 1), role))
    if gap >= 2:
        quiet = role if here else "quiet"
        above = (Span(mark, role), Span(text, role), Span(" " * gap, role), Span(label, quiet))
    dots = _dots(seen, glyphs, width - 1) if here else ""
    return above, (Span(f" {dots}".ljust(width), role if here else "text"),)


def _one_line(seen: Snapshot, glyphs: Glyphs, chords: str, label: str, mark: str, role: str, width: int) -> Row:
    """A bar in one line: its mark, its chords and, where there is room, its beats if it sounds, else its number."""
    here = role == "here"
    tail = _dots(seen, glyphs, BEATS_PER_BAR) if here else label
    text = _shortened(chords, width - 1, glyphs)
    gap = width - 1 - len(text) - len(tail)
    if gap < 1:  # no beat as a number: it would be taken for that of the bar
        return (Span(mark, role), Span(text.ljust(width - 1), role))
    return (Span(mark, role), Span(text + " " * gap, role), Span(tail, role if here else "quiet"))


def _dots(seen: Snapshot, glyphs: Glyphs, width: int) -> str:
    """The beats of the bar, filled up to the one that sounds; empty if they do not fit."""
    apart = " " if width >= 2 * BEATS_PER_BAR - 1 else ""
    marks = [glyphs.beat_on if beat < seen.place.beat else glyphs.beat_off for beat in range(BEATS_PER_BAR)]
    text = apart.join(marks)
    return text if len(text) <= width else ""


def _shortened(text: str, width: int, glyphs: Glyphs) -> str:
    """Chords in shorter symbols where there is little room, and cut where even these do not fit."""
    if len(text) > width:
        text = text.replace("dim7", "o7").replace("maj7", "M7")
    return text if len(text) <= width else text.replace(" ", glyphs.dot)[: max(0, width - 1)] + glyphs.cut


def _line(seen: Snapshot, glyphs: Glyphs, width: int) -> Row:
    """One row: the chord, the next one, and in how many beats it comes."""
    now, then, beats = next_chord_change(seen)
    row = [Span(f"{glyphs.here} {now} ", "here")]
    room = width - len(row[0].text)
    if then and room >= len(then) + 3:
        row.append(Span(f" {glyphs.arrow.to} {then}", "next"))
        room -= len(then) + 3
    said = f" in {beats}"
    if then and beats and room >= len(said):
        row.append(Span(said, "quiet"))
        room -= len(said)
    dots = " " + _dots(seen, glyphs, BEATS_PER_BAR)
    if seen.playing and room >= len(dots) + 1:
        row.append(Span(" " + dots, "text"))
    return tuple(row)
