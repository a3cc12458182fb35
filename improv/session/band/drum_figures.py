"""What drummers play: bars of time, comping, kick and fills of each style, as rows. Data only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from improv.dataclass import dataclass
from improv.music.styles import Style

KICK, STICK, SNARE, HAT, FOOT, OPEN_HAT, RIDE, CRASH = 36, 37, 38, 42, 44, 46, 51, 49
"""The drum kit of General MIDI, as MIDI pitches: `FOOT` is the hi-hat closed with the foot."""

LOW_TOM, MID_TOM, HIGH_TOM = 43, 47, 50

Figure = Mapping[int, str]
"""A bar of the kit: the row of each instrument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrumStyle:
    """How a style is drummed. Each of the lists is ordered from little to much; the first of all is the plain one."""

    time: tuple[tuple[Figure, ...], ...]
    """What keeps time, by energy: a list of bars that may stand for each other."""
    comp: tuple[tuple[Figure, ...], ...]
    """What is played against it, by energy."""
    half_fills: tuple[Figure, ...]
    """Fills of the last two beats of a bar."""
    fills: tuple[Figure, ...]
    """Fills of a whole bar."""
    touch: float = 1.0
    """How hard the kit is struck beside other styles: where there are more hits, each is softer."""
    bars: int = 1
    """How many bars a figure has: the lists then hold the bars of each one after another."""


NOTHING: Final[Figure] = MappingProxyType({})


def _one(instrument: int, *rows: str) -> tuple[Figure, ...]:
    return tuple({instrument: row} if row.strip(".") else NOTHING for row in rows)


_SWING_FILLS = (
    {SNARE: "......x.ox..", HIGH_TOM: "..........xo"},
    {SNARE: "......xoxXox"},
    {SNARE: "......X.....", HIGH_TOM: "........xx..", LOW_TOM: "...........X"},
    {SNARE: "......o.xo.x", KICK: "...........X"},
    {SNARE: ".........X..", KICK: "........X..X"},
    {HIGH_TOM: "......xox...", LOW_TOM: ".........xoX"},
)

_SWING_LONG_FILLS = (
    {SNARE: "x.oxo.x.ox..", HIGH_TOM: "..........xx", KICK: "x.....x....."},
    {SNARE: "X.oxox......", HIGH_TOM: "......xox...", LOW_TOM: ".........xox"},
    {SNARE: "x..X..x.oX..", KICK: "..x..x.....X"},
    {SNARE: "xoxXoxxoxXox", KICK: "x..x..x..x.."},
    {SNARE: "o.xo.xX.....", HIGH_TOM: "........xo..", MID_TOM: "..........x.", LOW_TOM: "...........X"},
)

_SWING = DrumStyle(
    time=(
        (
            {HAT: "x...x.o.", FOOT: "..o...o."},
            {HAT: "x.o.x.oo", FOOT: "..o...o."},
            {HAT: "x.oox.o.", FOOT: "..o...o."},
        ),
        (
            {RIDE: "x.xox.xo", FOOT: "..x...x.", KICK: "g.g.g.g."},
            {RIDE: "x.x.x.xo", FOOT: "..x...x.", KICK: "g.g.g.g."},
            {RIDE: "x.xox.x.", FOOT: "..x...x.", KICK: "g.g.g.g."},
        ),
        (
            {RIDE: "x.Xox.Xo", FOOT: "..x...x.", KICK: "g.g.g.g."},
            {RIDE: "xox.x.Xo", FOOT: "..x...x.", KICK: "g.g.g.g."},
            {RIDE: "x.Xoxox.", FOOT: "..x...x.", KICK: "g.g.g.g."},
            {RIDE: "x.Xox.xo", FOOT: "..x...x.", KICK: "g.g.g.g."},
        ),
        (
            {RIDE: "xoXox.Xo", FOOT: "..X...X.", KICK: "g.g.g.g."},
            {RIDE: "x.XoxoXo", FOOT: "..X...X.", KICK: "o.g.o.g."},
            {RIDE: "X.XoX.Xo", FOOT: "..X...X.", KICK: "o.g.o.g."},
        ),
    ),
    comp=(
        _one(SNARE, "........", ".......g", "...g....", "......g."),
        (
            *_one(SNARE, "........", "...o....", ".......o", "...o...g", ".o......", "......o."),
            *_one(STICK, "......o.", "......o."),
        ),
        (
            *_one(SNARE, "...o..o.", ".o.o....", "..o....x", ".....o.o", "...x...."),
            {SNARE: "...o....", KICK: ".......x"},
            {SNARE: ".......o", KICK: "...o...."},
            {STICK: "......x.", KICK: "...o...."},
        ),
        (
            {SNARE: ".o.x...o", KICK: "......x."},
            {SNARE: "..x..x..", KICK: ".......X"},
            {SNARE: "x..x..x.", KICK: "........"},
            {SNARE: "...X.o.o", KICK: ".x......"},
            {SNARE: ".x.o.x..", KICK: "...x...X"},
            {SNARE: "o..X..o."},
        ),
    ),
    half_fills=_SWING_FILLS,
    fills=_SWING_LONG_FILLS,
)

_SHUFFLE = DrumStyle(
    touch=0.94,
    time=(
        (
            {HAT: "xoxoxoxo", STICK: "..x...x.", KICK: "o...o..."},
            {HAT: "x.xox.xo", STICK: "..x...x.", KICK: "o...o..."},
        ),
        (
            {HAT: "xoxoxoxo", SNARE: "..X...X.", KICK: "x...x..."},
            {HAT: "xoxoxoxo", SNARE: "..X...X.", KICK: "x...x..o"},
            {HAT: "xoxoxoxo", SNARE: "..X...X.", KICK: "x..oxo.."},
        ),
        (
            {RIDE: "xoxoxoxo", SNARE: "..X...X.", KICK: "x.o.x.o.", FOOT: "..x...x."},
            {RIDE: "xoxoxoxo", SNARE: "..X...X.", KICK: "x..ox..o", FOOT: "..x...x."},
        ),
        (
            {RIDE: "xoxoxoxo", SNARE: "goXogoXo", KICK: "x.o.x.o.", FOOT: "..x...x."},
            {RIDE: "XoxoXoxo", SNARE: "goXogoXo", KICK: "x..ox..o", FOOT: "..x...x."},
        ),
    ),
    comp=(
        _one(SNARE, "........", ".......g"),
        _one(SNARE, "........", ".g...g..", "...g...g", ".......g", ".....g.."),
        _one(SNARE, ".g.g.g.g", "...g.g.o", ".g...o.g", ".....g.o"),
        (*_one(SNARE, "...o...o", ".o...o.."), {OPEN_HAT: ".......x"}, {KICK: "...x...x"}),
    ),
    half_fills=(
        {SNARE: "......x.xX.x"},
        {SNARE: "......X.x...", HIGH_TOM: ".........x.x"},
        {SNARE: "......xxxXxx", KICK: "......x..x.."},
        {HIGH_TOM: "......x.x...", LOW_TOM: ".........X.x"},
        {SNARE: ".........X.X", KICK: "......x.x..."},
    ),
    fills=(
        {SNARE: "x.xX.xx.xX.x", KICK: "x.....x....."},
        {SNARE: "X.xx.x......", HIGH_TOM: "......x.x...", LOW_TOM: ".........x.X"},
        {SNARE: "xxxXxxxxxXxx", KICK: "x..x..x..x.."},
    ),
)

_SLOW = DrumStyle(
    time=(
        (
            {HAT: "xooxooxooxoo", STICK: "...x.....x..", KICK: "o.....o....."},
            {HAT: "xooxooxooxoo", STICK: "...x.....x..", KICK: "o.....o.o..."},
        ),
        (
            {HAT: "xooxooxooxoo", SNARE: "...X.....X..", KICK: "x.....x....."},
            {HAT: "xooxooxooxoo", SNARE: "...X.....X..", KICK: "x.....x.o..."},
            {HAT: "xooxooxooxoo", SNARE: "...X.....X..", KICK: "x....ox....."},
        ),
        (
            {RIDE: "xooxooxooxoo", SNARE: "...X.....X..", KICK: "x.....x.o...", FOOT: "...x.....x.."},
            {RIDE: "xooxooxooxoo", SNARE: "...X.....X..", KICK: "x....ox....o", FOOT: "...x.....x.."},
        ),
        (
            {RIDE: "XoxXoxXoxXox", SNARE: "...X.....X..", KICK: "x.o...x.o..o", FOOT: "...x.....x.."},
            {RIDE: "XoxXoxXoxXox", SNARE: "...X.....X..", KICK: "x....xx..o..", FOOT: "...x.....x.."},
        ),
    ),
    comp=(
        _one(SNARE, "............", "...........g"),
        _one(SNARE, "............", ".....g......", "........g..g", "..g........g", "...........g"),
        _one(SNARE, "..g..g..g..g", ".....g.g...g", "..g..o.....o"),
        (*_one(SNARE, "..o..o..g..o", ".......gg.go"), {OPEN_HAT: "...........x"}),
    ),
    half_fills=(
        {SNARE: "......x.xX.x"},
        {SNARE: "......xxxX..", LOW_TOM: "..........xx"},
        {HIGH_TOM: "......xxx...", LOW_TOM: ".........xxX"},
        {SNARE: ".........Xxx"},
    ),
    fills=(
        {SNARE: "...X..xxx...", HIGH_TOM: ".........xx.", LOW_TOM: "...........X", KICK: "x..........."},
        {SNARE: "xxxXxx......", HIGH_TOM: "......xxx...", LOW_TOM: ".........xxX", KICK: "x.....x....."},
    ),
)

_FUNK = DrumStyle(
    touch=0.9,
    time=(
        (
            {HAT: "x.o.x.o.x.o.x.o.", STICK: "....x.......x...", KICK: "x.........x....."},
            {HAT: "x.o.x.o.x.o.x.o.", STICK: "....x.......x...", KICK: "x......o..x....."},
        ),
        (
            {HAT: "x.o.x.o.x.o.x.o.", SNARE: "....X.......X...", KICK: "x.....x...x....."},
            {HAT: "x.o.x.o.x.o.x.o.", SNARE: "....X.......X...", KICK: "x.....x...x..o.."},
            {HAT: "x.o.x.o.x.o.x.o.", SNARE: "....X.......X...", KICK: "x..o......x....."},
        ),
        (
            {HAT: "xgoxxgogxgogxgog", SNARE: "....X.......X...", KICK: "x..x......x..x.."},
            {HAT: "xgogxgogxgogxgog", SNARE: "....X.......X...", KICK: "x.x....x..x....."},
            {
                HAT: "xgogxgogxgogxg..",
                OPEN_HAT: "..............x.",
                SNARE: "....X.......X...",
                KICK: "x.....x...x..x..",
            },
        ),
        (
            {HAT: "XgogXgogXgogXgog", SNARE: "....X.......X...", KICK: "x..x..x...x..x.."},
            {
                HAT: "XgogXgogXgogXg..",
                OPEN_HAT: "..............X.",
                SNARE: "....X.......X...",
                KICK: "x.x...xx..x.....",
            },
        ),
    ),
    comp=(
        _one(SNARE, "................", ".........g......"),
        _one(SNARE, "................", ".......g.g......", ".......g.......g", ".........g....g."),
        _one(SNARE, ".......g.g.....g", "..g....g.g....g.", ".......g.gg....."),
        (*_one(SNARE, "..g....g.g.g...o", ".g.....g.gg...go"), {SNARE: ".......o.......o", KICK: "..............x."}),
    ),
    half_fills=(
        {SNARE: "........x.xxX.xx"},
        {SNARE: "........X..X..X."},
        {SNARE: "........xx..X...", HIGH_TOM: "..........xx....", LOW_TOM: ".............xxx"},
        {SNARE: "..........x.X.xx", KICK: "........x..x...."},
    ),
    fills=(
        {SNARE: "x.xxX.x.x.xxXxxx", KICK: "x.....x........."},
        {
            SNARE: "x..X..x.xx......",
            HIGH_TOM: "..........xx....",
            LOW_TOM: "............xxxx",
            KICK: "x..x..x.........",
        },
    ),
)

_SECOND_LINE = DrumStyle(
    touch=0.78,
    bars=2,
    time=(
        (
            {SNARE: "o.....o.....o...", KICK: "x.......x.......", FOOT: "....o.......o..."},
            {SNARE: "....o...o.......", KICK: "x.......x...x...", FOOT: "....o.......o..."},
        ),
        (
            {SNARE: "X.g.g.Xg.gg.X.gg", KICK: "x.......x.......", FOOT: "....x.......x..."},
            {SNARE: "g.g.X.ggX.g.g.gg", KICK: "x.......x...X...", FOOT: "....x.......x..."},
            {SNARE: "X..g.gX.g.g.X.g.", KICK: "x.....x.....x...", FOOT: "....x.......x..."},
            {SNARE: "g.g.X..gX.gg.g..", KICK: "x.......x...X...", FOOT: "....x.......x..."},
        ),
        (
            {SNARE: "XggxggXggxggXggx", KICK: "x.....x.....x...", FOOT: "....x.......x..."},
            {SNARE: "ggxgXggxXggxgxgg", KICK: "x.......x...X...", FOOT: "....x.......x..."},
            {SNARE: "Xg.xg.Xg.xg.Xg.x", KICK: "x.....x.....x...", FOOT: "....x.......x..."},
            {SNARE: "g.xgX.gxXg.xg.xg", KICK: "x..x....x...X...", FOOT: "....x.......x..."},
        ),
        (
            {SNARE: "XggxggXggxggXggx", RIDE: "x.x.x.x.x.x.x.x.", KICK: "x.....x.....X...", FOOT: "....X.......X..."},
            {SNARE: "ggxgXggxXggxgxxx", RIDE: "x.x.x.x.x.x.x.x.", KICK: "x.....x.x...X...", FOOT: "....X.......X..."},
        ),
    ),
    comp=(
        (NOTHING,),
        (NOTHING, NOTHING, {OPEN_HAT: "............o..."}, {LOW_TOM: "..........o....."}),
        (NOTHING, {LOW_TOM: "..........x....."}, {HIGH_TOM: "......o........."}, {OPEN_HAT: "............x..."}),
        (NOTHING, {LOW_TOM: "..........x...x."}, {CRASH: "............x..."}, {HIGH_TOM: "......x...x....."}),
    ),
    half_fills=(
        {SNARE: "........x.xxX.x."},
        {SNARE: "........xxxxX.X."},
        {SNARE: "........X..X..X.", KICK: "............X..."},
        {SNARE: "........xx......", LOW_TOM: "..........xxX..."},
    ),
    fills=(
        {SNARE: "X.xxX.xxX.xxXxxx", KICK: "x.....x.....X..."},
        {
            SNARE: "x.xxx.xxX.......",
            HIGH_TOM: "..........xx....",
            LOW_TOM: "............X.xx",
            KICK: "x.......x.......",
        },
    ),
)

DRUM_STYLES: Mapping[Style, DrumStyle] = MappingProxyType(
    {
        Style.SWING: _SWING,
        Style.SHUFFLE: _SHUFFLE,
        Style.SLOW: _SLOW,
        Style.FUNK: _FUNK,
        Style.NEW_ORLEANS: _SECOND_LINE,
    }
)
"""By the name of the style."""
