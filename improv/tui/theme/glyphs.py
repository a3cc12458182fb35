"""The characters everything is drawn with: one set for terminals that can, one for those that only know ASCII,
and one for the console of Linux.

What is yours and what is improv's differ here already, so that they do without any colour. No glyph is wider than a
cell, and nothing is drawn with a character that is not in this room.
"""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """A character for each thing that is drawn; of a pair the lower half of a cell comes first."""

    plain: bool
    """Whether these are ASCII."""
    you: str
    improv: str
    """A note, a key or a gauge of yours, and of improv's."""
    you_struck: str
    improv_struck: str
    """The cell a note begins in."""
    you_ends: str
    improv_ends: str
    """The last cell of a note that is struck again in the next."""
    you_halves: str
    improv_halves: str
    you_halves_ends: str
    improv_halves_ends: str
    """The same where a cell is two pitches high: lower, upper, both. Empty where that can't be told apart."""
    planned: str
    planned_struck: str
    """A note that is to come, if nothing more is heard."""
    planned_halves: str
    rest: str
    """What a gauge has run down from."""
    bar: str
    beat: str
    """Where a bar begins in the roll, and a beat."""
    now: str
    """Where the roll's past ends."""
    turn: str
    """Where somebody's turn begins."""
    divider: str
    """Between two bars of the form, two keys of a keyboard, two fields of the status line."""
    rule: str
    here: str
    next: str
    """The bar that sounds, and the next one."""
    beat_on: str
    beat_off: str
    """A beat that has come, and one that has not."""
    turned: str
    """Before the name of what stands no more where it stood at first."""
    above: str
    below: str
    """There is more of a list."""
    to: str
    black: str
    """A black key at rest."""
    pixels: str
    """Two pixels, one above the other: none, the lower, the upper, both. Empty where letters can't be drawn so."""
    levels: str
    """Heights of a bar within a cell, from nothing to full."""
    trained: str
    """The same for the thin bar beside it: none, half, full."""
    positive: str
    negative: str
    """Sizes of a number of the memory by its sign, from almost nothing to 1."""
    recording: str
    alarm: str
    dot: str
    """Between two words of equal rank."""
    cut: str
    """The end of a text that did not fit."""


UNICODE = Glyphs(
    plain=False,
    you="█",
    improv="▒",
    you_struck="█",
    improv_struck="▓",
    you_ends="▊",
    improv_ends="▒",
    you_halves="▄▀█",
    improv_halves="⣤⠛⣿",
    you_halves_ends="▖▘▌",
    improv_halves_ends="⡄⠃⡇",
    planned="▒",
    planned_struck="▓",
    planned_halves="⣀⠉⣉",
    rest="·",
    bar="┊",
    beat="·",
    now="┃",
    turn="▼",
    divider="│",
    rule="─",
    here="▶",
    next="▷",
    beat_on="●",
    beat_off="○",
    turned="•",
    above="▲",
    below="▼",
    to="→",
    black="│",
    pixels=" ▄▀█",
    levels=" ▁▂▃▄▅▆▇█",
    trained=" ╷│",
    positive="·▁▄",
    negative="·▔▀",
    recording="●",
    alarm="▲",
    dot="·",
    cut="…",
)

ASCII = Glyphs(
    plain=True,
    you="#",
    improv="o",
    you_struck="[",
    improv_struck="(",
    you_ends="#",
    improv_ends="o",
    you_halves="",
    improv_halves="",
    you_halves_ends="",
    improv_halves_ends="",
    planned="-",
    planned_struck="<",
    planned_halves="",
    rest=".",
    bar=":",
    beat=" ",
    now="|",
    turn="v",
    divider="|",
    rule="-",
    here="*",
    next=">",
    beat_on="*",
    beat_off=".",
    turned=".",
    above="^",
    below="v",
    to=">",
    black=":",
    pixels="",
    levels=" .:-=+*%#",
    trained=" '|",
    positive=".-=+*",
    negative=".,:;%",
    recording="*",
    alarm="!",
    dot="-",
    cut="~",
)

CONSOLE = replace(
    UNICODE,
    you_ends="▌",
    you_halves="",
    improv_halves="",
    you_halves_ends="",
    improv_halves_ends="",
    planned_halves="",
    bar=":",
    now="│",
    here="►",
    next=">",
    beat_on="■",
    levels=" ▄█",
    trained=" │",
    positive="·▄",
    negative="·▀",
    recording="■",
    cut="~",
)
"""For the console of Linux, whose fonts have little more than code page 437."""


def glyphs_of(ascii: bool, encoding: str, term: str = "") -> Glyphs:
    """The characters for a terminal: ASCII if that is wanted, or if its encoding lacks any of the others.

    `term` is what it calls itself.
    """
    text = "".join(str(getattr(UNICODE, field.name)) for field in fields(UNICODE))
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return ASCII if ascii else CONSOLE if term == "linux" else UNICODE
