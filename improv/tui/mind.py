"""The network made visible: what it may play next, how the controls bend that, and its memory as a strip."""

from collections.abc import Sequence

from improv.messages import Chance, Snapshot
from improv.music import PITCH_CLASSES
from improv.tui.glyphs import Glyphs
from improv.tui.view import Row, Span, View, runs

_LABELLED, _WITH_KEY = 34, 7
"""From so many columns on the memory has a name, and from so many rows on the columns a key."""


class Mind(View):
    """A column for each pitch the melody may go to, and a cell for each number of the memory."""

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """The bars, the names below, the memory at the bottom; in two rows without the names."""
        return mind(seen, self.glyphs, width, height)


def mind(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """The rows of the picture."""
    label = Span(f"{'memory':<7}", "quiet") if width >= _LABELLED else Span("")
    strip = (label, *memory(seen.memory, glyphs, width - len(label.text)))
    if height == 1:
        return [chances(seen.chances, glyphs, width, 1)[0]] if seen.chances else [strip]
    with_names, with_key = height >= 3, height >= _WITH_KEY and width >= _LABELLED
    room = height - 1 - with_names - with_key
    if not seen.chances:
        blank: list[Row] = [()] * (height - 2)
        return [*blank[: (height - 2) // 2], (Span("it waits", "quiet"),), *blank[(height - 2) // 2 :], strip]
    rows = [_key(glyphs)] if with_key else []
    rows += chances(seen.chances, glyphs, width, room)
    if with_names:
        rows.append(_names(seen.chances, width, sounding=seen.planned.pitches))
    return [*rows, strip]


def _key(glyphs: Glyphs) -> Row:
    """What the columns are."""
    bent, trained = glyphs.levels[-1], glyphs.trained[-1]
    return (
        Span("next note ", "quiet"), Span(bent, "improv"), Span(" as bent ", "quiet"),
        Span(trained, "quiet"), Span(" as trained", "quiet"),
    )  # fmt: skip


def _columns(chances: Sequence[Chance], width: int) -> tuple[Sequence[Chance], int]:
    """The pitches that can be shown, the likeliest kept where there are too many, and the cells each takes."""
    if len(chances) > width:
        best = sorted(chances, key=lambda chance: -max(chance.bent, chance.trained))[:width]
        chances = sorted(best, key=lambda chance: chance.pitch)
    return chances, min(4, max(1, width // max(1, len(chances))))


def chances(of: Sequence[Chance], glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """Bars of how probable each pitch is as it is bent; beside each a thin one of how it was trained."""
    shown, cells = _columns(of, width)
    full = max((max(chance.bent, chance.trained) for chance in shown), default=1.0) or 1.0
    bent = [_levels(chance.bent / full, glyphs.levels, height) for chance in shown]
    trained = [_levels(chance.trained / full, glyphs.trained, height) for chance in shown]
    body, gap = max(1, cells - 2), " " * (cells - 2 if cells == 3 else 1 if cells > 3 else 0)
    roles = (["improv"] * body + ["quiet"] * (cells > 1) + ["text"] * len(gap)) * len(shown)
    lines = [
        "".join(
            bar[row] * body + (thin[row] if cells > 1 else "") + gap for bar, thin in zip(bent, trained, strict=True)
        )
        for row in range(height)
    ]
    return [(Span(line),) if line.isspace() else runs(line, roles) for line in lines]


def _levels(share: float, levels: str, rows: int) -> str:
    """A bar that reaches so far (0 to 1), from its top to its bottom."""
    top = len(levels) - 1
    filled = round(share * rows * top)
    whole, part = divmod(filled, top)
    bar = levels[-1] * whole + (levels[part] if part else "")
    return bar.ljust(rows, levels[0])[::-1]


def _names(of: Sequence[Chance], width: int, sounding: frozenset[int]) -> Row:
    """A name below each column; where they are narrow, those of the white keys alone."""
    shown, cells = _columns(of, width)
    spans = []
    for chance in shown:
        name = PITCH_CLASSES[chance.pitch % 12]
        if len(name) > cells or (len(name) == cells and cells < 3 and len(name) > 1):
            name = ""
        spans.append(Span(name.ljust(cells), "strong" if chance.pitch in sounding else "quiet"))
    return tuple(spans)


def memory(numbers: Sequence[float], glyphs: Glyphs, width: int) -> Row:
    """A cell for each number: as much of it is filled as the number is large, from below, or from above if negative."""
    if not numbers:
        return (Span("no memory yet"[:width], "quiet"),)
    count = min(len(numbers), width)
    merged = [
        sum(part) / len(part)
        for at in range(count)
        if (part := numbers[at * len(numbers) // count : (at + 1) * len(numbers) // count])
    ]
    cells = [_shade(number, glyphs) for number in merged]
    return runs(cells, ["positive" if number >= 0 else "negative" for number in merged])


def _shade(number: float, glyphs: Glyphs) -> str:
    shades = glyphs.positive if number >= 0 else glyphs.negative
    return shades[min(len(shades) - 1, int(abs(number) * len(shades)))]
