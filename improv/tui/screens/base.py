"""What lies beside the jam to be read or typed into: help, the log, a line; and what such screens share.

Each shows whose turn it is and lets the keys of the jam through, so that one can play on.
A screen says what is wanted in messages or as its result; it never waits for the daemon or a MIDI system.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from improv.errors import ImprovError
from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import LAYOUTS, TABLE, KeyBinding, KeyContext, Layout, Letters
from improv.tui.screens.figures import Figures
from improv.tui.screens.too_small import TooSmall
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.footer import Banner, Footer
from improv.tui.views.turn_banner import TurnBanner

_LOG_S = 1.0
_KEYS = max(len(row.label) for row in TABLE) + 2
"""Cells for the keys in a row of the help."""

_ROOMY, _TWO_COLUMNS, _BETWEEN, _EDGES = 34, 94, 4, 3
"""Widths from which on the help has texts beside keys, and two columns; the cells between and around these."""

_LETTERS = (
    "tab goes between two modes: PIANO, where letters and digits are played, and COMMANDS, where they ask for what "
    "the table says; grey, they do not at the moment. Keys of several characters work in both."
)
_HELD = (
    "A note is as long as its key is held where the terminal tells that (kitty, foot, Ghostty, WezTerm; not in tmux). "
    "Elsewhere it lasts until the next one, .6 s at most, or as long as the terminal repeats it."
)
_MOUSE = (
    "The wheel over a control nudges it, a click on its name selects it, on its slider sets it, on a word lists the "
    "others; two clicks type a value. The piano's keys can be clicked on, and slid over. What the footer says can be "
    "clicked on, PANIC too."
)

LONGEST_LINE = 256
"""Characters that a typed line may have."""

_PALETTE = (
    "By a few letters it finds everything above, and besides: a preset by its name, every control to set, each word a "
    "control can be, what a knob may learn or forget, every theme."
)
_LISTS = "The arrows and enter pick a row, too; a click does."

_TAIL_BYTES, _TAIL_LINES = 1 << 15, 200


class DismissedOnce:
    """A screen that is dismissed once: a key struck twice does not dismiss the screen below it, too."""

    is_active: bool

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Dismiss the screen, unless it has been dismissed."""
        leave: Callable[[Any], AwaitComplete] = super().dismiss  # type: ignore[misc]
        return leave(result) if self.is_active else AwaitComplete()


class SideScreen(DismissedOnce, Screen[Any]):
    """A screen beside the jam: the turn on top, the footer below."""

    key_context = KeyContext.LIST

    class Ready(Message):
        """The screen is there, and can be shown how things are."""

    def __init__(self, glyphs: Glyphs, title: str) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.heading = title
        self.turn = TurnBanner(glyphs, classes="one-row")
        self.banner = Banner()
        self.footer = Footer(glyphs)

    def compose(self) -> ComposeResult:
        """Compose the turn banner, the title, the body and the footer."""
        yield self.turn
        yield self.banner
        yield Static(Content(self.heading), classes="title")
        yield from self.body()
        yield self.footer
        yield TooSmall()

    def on_screen_resume(self) -> None:
        """Post `Ready`, so that the app draws the screen."""
        self.post_message(self.Ready())

    @abstractmethod
    def body(self) -> ComposeResult:
        """Compose the main part of the screen."""

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot."""
        self.turn.show(seen)


class TextScreen(SideScreen):
    """A text to read, which may be longer than the screen."""

    key_context = KeyContext.PAGE

    def __init__(self, glyphs: Glyphs, title: str) -> None:
        super().__init__(glyphs, title)
        self._text = Static(classes="text")
        self.page = VerticalScroll(self._text, classes="page")

    def body(self) -> ComposeResult:
        """Compose the text, which the arrow keys scroll."""
        yield self.page

    def on_mount(self) -> None:
        """Draw the text, scrolled to its beginning."""
        self.page.focus()
        self.show_text(self.text())

    @abstractmethod
    def text(self) -> Content:
        """Return the text to show."""

    def show_text(self, text: Content) -> None:
        """Show another text in the place of this one."""
        self._text.update(text)


class HelpScreen(TextScreen):
    """What every key does, from the key table."""

    key_context = KeyContext.HELP

    def __init__(self, glyphs: Glyphs, layout: Layout, letters: Letters = Letters.COMMANDS) -> None:
        super().__init__(glyphs, "help: what every key does")
        self._layout = layout
        self._letters = letters

    def show_letters(self, letters: Letters) -> None:
        """Grey out the letters that are commands while letters are a piano."""
        if letters is not self._letters:
            self._letters = letters
            self.show_text(self.text())

    def on_resize(self) -> None:
        """Fit the text to the new width."""
        self.show_text(self.text())

    def text(self) -> Content:
        """Return the sections, in two columns where the screen is wide."""
        width = self.size.width - _EDGES
        if width < _TWO_COLUMNS:
            return Content("\n").join(_stacked(self.sections(width)))
        column = (width - _BETWEEN) // 2
        sections = self.sections(column)
        halves = ((_stacked(sections[:at]), _stacked(sections[at:])) for at in range(len(sections)))
        left, right = min(halves, key=lambda half: max(map(len, half)))
        lines = zip_longest(left, right, fillvalue=Content())
        return Content("\n").join(one.pad_right(column + _BETWEEN - one.cell_length) + other for one, other in lines)

    def sections(self, width: int) -> Sequence[Sequence[Content]]:
        """Return the lines of each section, at most `width` cells wide: the key table by group, then the rest."""
        layout = self._layout
        groups = [
            [
                Content.styled(group, "bold"),
                *(line for row in TABLE if row.group == group for line in _key_lines(row, width, self._letters)),
            ]
            for group in dict.fromkeys(row.group for row in TABLE)
        ]
        letters = [
            Content.styled("letters and digits", "bold"),
            *_hanging(_LETTERS, 2, width),
            *_hanging(f"PIANO ({layout.name}; of {', '.join(LAYOUTS)}), upwards from C:", 2, width),
            *_hanging(" ".join(layout.lower.replace(" ", "")), 4, width),
            *_hanging(" ".join(layout.upper.replace(" ", "")), 4, width),
            *_hanging(_HELD, 2, width),
        ]
        more = {"the palette": _PALETTE, "lists": _LISTS, "the mouse": _MOUSE}
        return [
            *groups,
            letters,
            *([Content.styled(name, "bold"), *_hanging(text, 2, width)] for name, text in more.items()),
        ]


def _stacked(sections: Sequence[Sequence[Content]]) -> list[Content]:
    """Sections one below the other, a blank line between two."""
    return [line for at, section in enumerate(sections) for line in (*((Content(),) if at else ()), *section)]


def _hanging(text: str, indent: int, width: int) -> Iterator[Content]:
    """A text in lines of a width, all of them indented."""
    return (Content(" " * indent + line) for line in wrap(text, max(1, width - indent)))


def _key_lines(row: KeyBinding, width: int, letters: Letters) -> Iterator[Content]:
    """A row of the key table: its keys, and what they do beside them, or below where it is narrow."""
    indent = 2 + _KEYS if width >= _ROOMY else 4
    first, *rest = _hanging(row.help, indent, width)
    keys = (
        Content(" ")
        .join(
            Content.styled(key, "$quiet" if is_letter and letters is Letters.PIANO else "bold $text-accent")
            for key, is_letter in row.labels
        )
        .pad_left(2)
    )
    if width >= _ROOMY:
        yield keys.pad_right(indent - keys.cell_length) + first[indent:]
    else:
        yield from (keys, first)
    yield from rest


class LogScreen(TextScreen):
    """The log: how well it runs in figures, what the daemon wrote, and the notices of this screen."""

    def __init__(self, glyphs: Glyphs, path: Path, noted: Sequence[str]) -> None:
        super().__init__(glyphs, f"log: {path}")
        self._path = path
        self._noted = noted
        self._shown_lines: list[str] = []
        self._figures = Figures(glyphs)

    def body(self) -> ComposeResult:
        """Compose the figures, and the log below them."""
        yield self._figures
        yield from super().body()

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and draw its figures."""
        super().show(seen)
        self._figures.show(seen)

    def on_mount(self) -> None:
        """Draw the log, and follow it while the screen is open."""
        super().on_mount()
        self.set_interval(_LOG_S, self._look)
        self.call_after_refresh(self._end)

    def text(self) -> Content:
        """Return the end of the daemon's log, and the notices of this screen."""
        return Content("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        noted = ["", "seen here:", *self._noted] if self._noted else []
        return [*tail(self._path), *noted] or ["nothing yet"]

    def _look(self) -> None:
        lines = self._lines()
        if lines != self._shown_lines:
            self._shown_lines = lines
            self.show_text(Content("\n".join(lines)))
            self.call_after_refresh(self._end)

    def _end(self) -> None:
        self.page.scroll_end(animate=False)


def tail(path: Path) -> list[str]:
    """Return the last lines of a daemon's log in readable form; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return []
    return [_readable(line) for line in lines if line.strip()][-_TAIL_LINES:]


def _readable(line: str) -> str:
    try:
        record = json.loads(line)
        time, level, what = record.pop("time")[11:19], record.pop("level"), record.pop("what")
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
    loud = "" if level == "info" else f"{level.upper()} "
    rest = "".join(f"  {name}={value}" for name, value in record.items())
    return f"{time} {loud}{what}{rest}"


class Entry(DismissedOnce, ModalScreen[Any]):
    """A line to type into; its result is what `check` makes of the line, None if it was left."""

    key_context = KeyContext.TEXT

    def __init__(self, title: str, about: str, value: str, check: Callable[[str], Any]) -> None:
        super().__init__()
        self._title, self._about, self._value, self._check = title, about, value, check
        self._wrong = Static(Content("enter sets it, esc cancels"), classes="wrong")

    def compose(self) -> ComposeResult:
        """Compose the question and the input line."""
        with Vertical(classes="entry"):
            yield Static(Content(f"{self._title}: {self._about}"), classes="about")
            line = Input(self._value, compact=True, max_length=LONGEST_LINE)
            line.cursor_blink = False
            yield line
            yield self._wrong
        yield TooSmall()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Dismiss with the line as the result if it is valid, else show what is wrong with it."""
        event.stop()
        try:
            result = self._check(event.value.strip())
        except ImprovError as error:
            self._wrong.update(Content(str(error)))
        else:
            self.dismiss(result)
