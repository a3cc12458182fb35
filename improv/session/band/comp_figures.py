"""What a comping hand plays: rhythm cells of each style, as rows. Data only.

A row says where chords are struck; the length of each is a word of `improv.session.band.comp`: a short stab, a chord
held up to the next, or a pad over the whole bar. A chord on the last half beat before another chord comes in is that
one already: an anticipation.
"""

from collections.abc import Mapping
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.music.styles import Style

SHORT, HELD, PAD = "short", "held", "pad"


@dataclass(frozen=True, slots=True)
class CompCell:
    """One bar of comping."""

    row: str
    length: str = SHORT


def _cells(length: str, *rows: str) -> tuple[CompCell, ...]:
    return tuple(CompCell(row, length) for row in rows)


CHARLESTON, REVERSED_CHARLESTON, ANTICIPATION, FOUR_TO_THE_BAR = "x..o....", ".x..o...", ".......x", "o.x.o.x."

COMP_STYLES: Mapping[Style, tuple[tuple[CompCell, ...], ...]] = MappingProxyType(
    {
        Style.SWING: (
            (*_cells(PAD, "o......."), *_cells(HELD, ANTICIPATION, "...o...."), *_cells(SHORT, "...o....")),
            (
                CompCell(CHARLESTON),
                CompCell(REVERSED_CHARLESTON),
                CompCell(CHARLESTON, HELD),
                *_cells(SHORT, "...x....", ".x.....x", "...x...o"),
                *_cells(HELD, "o......x", "...o...x"),
            ),
            (
                CompCell(CHARLESTON),
                CompCell(REVERSED_CHARLESTON),
                CompCell(FOUR_TO_THE_BAR),
                *_cells(SHORT, ".x.x...x", "x..x..o.", "...x.x..", ".o..x..x"),
                *_cells(HELD, "..x....x", ".x..o..x"),
            ),
            (
                CompCell(FOUR_TO_THE_BAR),
                *_cells(SHORT, "x..x..x.", ".x.x.x.x", "..x..x.x", "x..Xo..X", "X.x..x.X"),
                *_cells(HELD, ".x..x..X", "x..x...X"),
            ),
        ),
        Style.SHUFFLE: (
            (*_cells(PAD, "o......."), *_cells(SHORT, "..o...o.", "...o...o")),
            (*_cells(SHORT, ".x.x.x.x", "..x...x.", CHARLESTON), *_cells(HELD, "x..o....", "...x...x")),
            (*_cells(SHORT, ".x.x.x.x", ".X.x.X.x", "x..x..x.", "..X...Xo"), *_cells(HELD, ".x..x..x")),
            (*_cells(SHORT, ".X.x.X.X", "xoXoxoXo", "x..X..xX", ".x.xX..x"), *_cells(HELD, ".x..X..X")),
        ),
        Style.SLOW: (
            (*_cells(PAD, "o..........."), *_cells(HELD, "o.....o.....")),
            (
                *_cells(PAD, "x..........."),
                *_cells(HELD, "x.....o.....", "x.......o...", "...x........"),
                *_cells(SHORT, "...o.....o.."),
            ),
            (
                *_cells(HELD, "x.....x.o..o", "x.....o..o.x", "...x.....x.."),
                *_cells(SHORT, "xooxooxooxoo", "...x.....x.o"),
            ),
            (
                *_cells(SHORT, "xooxooxooxoo", "XooXooXooXoo", "..xX.o..xX.x"),
                *_cells(HELD, "x.....X..x.x", "x..x..X..o.X"),
            ),
        ),
        Style.FUNK: (
            (*_cells(PAD, "o..............."), *_cells(SHORT, "......o.........", "..........o.....")),
            (
                *_cells(SHORT, "...x..x.........", "......x...o.....", "x.....o.........", "......x......x.."),
                *_cells(HELD, "......x........."),
            ),
            (
                *_cells(SHORT, "x..x..x...o..x..", "..xo..x...xo..x.", "...x..x....x..x.", "o..x..X...x....."),
                *_cells(HELD, "x.....x......x.."),
            ),
            (
                *_cells(SHORT, "X..x..xo..x..x.o", "x.xo..X.o.xo..x.", "..xX..xo..xX..xo", "x..X..x..x..X..x"),
                *_cells(HELD, "X.....X...x..X.."),
            ),
        ),
        Style.NEW_ORLEANS: (
            (*_cells(HELD, "o.......", "o...o..."), *_cells(SHORT, "..o...o.")),
            (*_cells(SHORT, "x..x..x.", ".x.o.x.o", "..x...x."), *_cells(HELD, "x..o..o.", "x.....x.")),
            (*_cells(SHORT, "x..x..x.", "x..X..xo", ".x.x.x.x", "..x.X..."), *_cells(HELD, "x..x..x.")),
            (*_cells(SHORT, "X..X..X.", "xo.Xo.Xo", ".X.x.X.X", "X.xX..X."), *_cells(HELD, "X..x..Xo")),
        ),
    }
)
"""The cells of each style, by density: each bar one of a list is played; a plain band plays the one of `PLAIN_CELL`."""

PLAIN_CELL: Mapping[Style, CompCell] = MappingProxyType(
    {
        Style.SWING: CompCell(CHARLESTON, HELD),
        Style.SHUFFLE: CompCell("..x...x."),
        Style.SLOW: CompCell("x...........", PAD),
        Style.FUNK: CompCell("......x........."),
        Style.NEW_ORLEANS: CompCell("x..x..x."),
    }
)
