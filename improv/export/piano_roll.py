"""A performance drawn as a piano roll: rows of bars with chords, turns, every part in its colour, and a drum grid.

How hard a note is struck is how dark it is. The same performance is the same drawing.
"""

from collections.abc import Iterator

from improv.errors import UsageError
from improv.export.bar_rows import BarRow
from improv.export.performance import Key, Performance
from improv.export.row_drawing import DRUMS, GREY, INK, TURN_COLOURS, draw_row, part_colour
from improv.export.scene import HEAD, LEFT, ROW_WIDTH, STRIP, Scene
from improv.export.shapes import Drawing, Rect, Shape, Text, text_width, tinted
from improv.music.grid import BEATS_PER_BAR
from improv.music.parts import Part
from improv.music.turns import Who

MOST_ROWS = 1000
"""No picture has more: six hours or so at 120 bpm."""

_RIGHT, _TOP, _BOTTOM, _GAP = 22, 104, 24, 26
"""What is left free at the right, for the head, below, and under each row."""

_TURNS = ((Who.BOTH, "both"), (Who.IMPROV, "improv's turn"), (Who.YOU, "your turn"))
"""What the legend says of turns, from the right."""

_SHADES = (0.4, 0.6, 0.8, 1.0)


def piano_roll(performance: Performance, heading: str = "", facts: str | None = None) -> Drawing:
    """Return a performance as a drawing; UsageError for one that is too long for any picture.

    Its heading and what stands below it say what was played and how, if no others are given.
    """
    scene = Scene(performance.without_skips())
    performance = scene.performance
    if len(scene.rows) > MOST_ROWS:
        raise UsageError(f"{len(scene.rows)} rows of bars are too many for a picture; give a name that ends in .mid")
    facts = _facts(performance) if facts is None else facts
    shapes: list[Shape] = [
        Text(LEFT, 36, heading or f"improv · {performance.model}", 22, INK, bold=True),
        Text(LEFT, 58, facts, 13, GREY),
        *_legend(scene),
    ]
    y = float(_TOP)
    for row, is_empty in _without_empty(scene):
        shapes += _empty(row, y) if is_empty else draw_row(scene, row, y)
        y += (HEAD if is_empty else scene.height(row)) + _GAP
    parts = ", ".join(part.label for part in scene.notes)
    return Drawing(
        width=LEFT + ROW_WIDTH + _RIGHT,
        height=round(y + _BOTTOM - _GAP),
        title=performance.title,
        description=f"{performance.made_with}. {facts}. Parts: {parts or 'none'}.",
        shapes=tuple(shapes),
    )


def _legend(scene: Scene) -> Iterator[Shape]:
    """What the colours mean: parts and velocities at the left, turns at the right."""
    x = float(LEFT)
    for part in sorted(scene.pitched, key=list(Part).index):
        colour = part_colour(part)
        yield Rect(x, 73, 22, 9, colour, 2, colour if part is Part.YOU else "")
        yield Text(x + 28, 82, part.label, 12, INK)
        x += 28 + text_width(part.label, 12) + 18
    if scene.lanes:
        yield from (Rect(x + 8 * hit, 73, 5, 9, DRUMS, 1.5) for hit in range(3))
        yield Text(x + 28, 82, "drums", 12, INK)
        x += 28 + text_width("drums", 12) + 18
    if scene.notes:
        yield from (Rect(x + 12 * step, 73, 11, 9, tinted(DRUMS, shade), 2) for step, shade in enumerate(_SHADES))
        yield Text(x + 54, 82, "soft to loud", 12, INK)
    x = float(LEFT + ROW_WIDTH)
    taking = {who for _, who in scene.performance.turns}
    for who, text in _TURNS:
        if who in taking:
            x -= text_width(text, 12)
            yield Text(x, 82, text, 12, INK)
            yield Rect(x - 28, 75, 22, STRIP, TURN_COLOURS[who], 1)
            x -= 46


def _without_empty(scene: Scene) -> Iterator[tuple[BarRow, bool]]:
    """Yield the rows, and whether nothing sounds in one; those that follow such a one are made one with it."""
    empty: BarRow | None = None
    for row in scene.rows:
        if row.is_count_in or scene.sounds(row) or scene.hits(row):
            if empty is not None:
                yield empty, True
            empty = None
            yield row, False
        else:
            empty = BarRow(empty.start, row.end, empty.bar, empty.chorus) if empty else row
    if empty is not None:
        yield empty, True


def _empty(row: BarRow, y: float) -> Iterator[Shape]:
    bars = round((row.end - row.start) / BEATS_PER_BAR)
    text = f"bars {row.bar} to {row.bar + bars - 1}: nothing sounds" if bars > 1 else f"bar {row.bar}: nothing sounds"
    yield Rect(LEFT, y + 8, ROW_WIDTH, 22, "#f5f6f8", 3)
    yield Text(LEFT + 10, y + 23, text, 11, GREY)


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
