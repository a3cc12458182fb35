"""The characters everything is drawn with: one set for Unicode, one for ASCII, one for the console of Linux.

What is yours and what is improv's differ here already, so that they do without any colour. No glyph is wider than a
cell, and nothing is drawn with a character that is not in this module.
"""

from collections.abc import Iterator
from dataclasses import astuple, replace

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteGlyphs:
    """How the notes of one player are drawn."""

    body: str
    """A note, a key or a gauge."""
    onset: str
    """The cell a note begins in."""
    end: str
    """The last cell of a note whose pitch begins again in the next."""
    halves: str
    """The body where a cell is two pitches high: lower, upper, both. Empty where these can't be told apart."""
    halves_end: str
    """The last cell of a note in such a cell: lower, upper, both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollGlyphs:
    """The lines and marks of the piano roll."""

    bar: str
    """Where a bar begins."""
    now: str
    """Where the past ends."""
    turn: str
    """Where a turn begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeGlyphs:
    """What shows how much there is of something."""

    rest: str
    """What a gauge has run down from."""
    levels: str
    """Heights of a bar within a cell, from nothing to full."""
    thin: str
    """Heights of the thin bar beside it: none, half, full."""
    positive: str
    """Sizes of a number from almost nothing to 1."""
    negative: str
    """Sizes of a number from almost nothing to -1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowGlyphs:
    """Which way something lies."""

    above: str
    """There is more of a list above."""
    below: str
    """There is more of a list below."""
    to: str
    """From one thing to the next: a chord, a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """A table of characters, one for each thing that is drawn."""

    plain: bool
    """Whether these are ASCII."""
    you: NoteGlyphs
    improv: NoteGlyphs
    planned: NoteGlyphs
    """Notes of improv that are to come, if nothing more is heard."""
    roll: RollGlyphs
    gauge: GaugeGlyphs
    arrow: ArrowGlyphs
    divider: str
    """Between two bars of the form, two keys of a keyboard, two fields of the status line."""
    rule: str
    """A horizontal line."""
    here: str
    """The bar that sounds, or the control that is selected."""
    next: str
    """The next bar."""
    beat_on: str
    """A beat that has come; a switch that is on; the knob of a slider."""
    beat_off: str
    """A beat that has not come; a switch that is off."""
    turned: str
    """Before the name of a control that is not at its default."""
    black: str
    """A black key at rest."""
    pixels: str
    """Two pixels, one above the other: none, the lower, the upper, both. Empty where letters can't be drawn so."""
    recording: str
    alarm: str
    dot: str
    """Between two words of equal rank."""
    cut: str
    """The end of a text that did not fit."""

    @property
    def characters(self) -> str:
        """All characters of the table as one text."""
        return "".join(_strings(astuple(self)))


UNICODE = Glyphs(
    plain=False,
    you=NoteGlyphs(body="█", onset="█", end="▊", halves="▄▀█", halves_end="▖▘▌"),
    improv=NoteGlyphs(body="▒", onset="▓", end="▒", halves="⣤⠛⣿", halves_end="⡄⠃⡇"),
    planned=NoteGlyphs(body="▒", onset="▓", end="▒", halves="⣀⠉⣉", halves_end="⣀⠉⣉"),
    roll=RollGlyphs(bar="┊", now="┃", turn="▼"),
    gauge=GaugeGlyphs(rest="·", levels=" ▁▂▃▄▅▆▇█", thin=" ╷│", positive="·▁▄", negative="·▔▀"),
    arrow=ArrowGlyphs(above="▲", below="▼", to="→"),
    divider="│",
    rule="─",
    here="▶",
    next="▷",
    beat_on="●",
    beat_off="○",
    turned="•",
    black="│",
    pixels=" ▄▀█",
    recording="●",
    alarm="▲",
    dot="·",
    cut="…",
)

ASCII = Glyphs(
    plain=True,
    you=NoteGlyphs(body="#", onset="[", end="#", halves="", halves_end=""),
    improv=NoteGlyphs(body="o", onset="(", end="o", halves="", halves_end=""),
    planned=NoteGlyphs(body="-", onset="<", end="-", halves="", halves_end=""),
    roll=RollGlyphs(bar=":", now="|", turn="v"),
    gauge=GaugeGlyphs(rest=".", levels=" .:-=+*%#", thin=" '|", positive=".-=+*", negative=".,:;%"),
    arrow=ArrowGlyphs(above="^", below="v", to=">"),
    divider="|",
    rule="-",
    here="*",
    next=">",
    beat_on="*",
    beat_off=".",
    turned=".",
    black=":",
    pixels="",
    recording="*",
    alarm="!",
    dot="-",
    cut="~",
)

CONSOLE = replace(
    UNICODE,
    you=replace(UNICODE.you, end="▌", halves="", halves_end=""),
    improv=replace(UNICODE.improv, halves="", halves_end=""),
    planned=replace(UNICODE.planned, halves="", halves_end=""),
    roll=RollGlyphs(bar=":", now="│", turn="▼"),
    gauge=GaugeGlyphs(rest="·", levels=" ▄█", thin=" │", positive="·▄", negative="·▀"),
    here="►",
    next=">",
    beat_on="■",
    recording="■",
    cut="~",
)
"""For the console of Linux, whose fonts have little more than code page 437."""


def glyphs_of(ascii: bool, encoding: str, term: str = "") -> Glyphs:
    """Return the drawing characters for a terminal: ASCII if asked for, or if its encoding lacks any other.

    `term` is the terminal's name, $TERM.
    """
    try:
        UNICODE.characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return ASCII if ascii else CONSOLE if term == "linux" else UNICODE


def _strings(values: tuple[object, ...]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from _strings(value)
        elif isinstance(value, str):
            yield value
