"""What lies beside the jam: help, ports, networks, presets, a control's choices, the log, and a line to type into.

Each shows whose turn it is and lets the keys of the jam through, so that nothing has to be left to play on.
A screen says what is wanted in messages or as its result; it must never wait for the daemon or a MIDI system.
"""

import asyncio
import json
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from improv.errors import ImprovError
from improv.messages import (
    CONTROLS,
    ENDS,
    MODEL,
    SEED,
    Command,
    Connect,
    Control,
    Rig,
    Set,
    Snapshot,
    Value,
    number,
)  # fmt: skip
from improv.model_files import model_paths
from improv.presets import Preset
from improv.tui.footer import Banner, Footer
from improv.tui.glyphs import Glyphs
from improv.tui.keys import LAYOUTS, TABLE, Key, Layout, Where
from improv.tui.turn import TurnBand
from improv.tui.view import View

Runs = Callable[[Sequence[str]], Awaitable[str]]
"""Runs an improv command and returns what it prints."""

VIRTUAL = "virtual port"
"""How the name of a port of improv's own begins, one that is connected to nothing by name."""

_PORTS_S, _LOG_S = 2.0, 1.0
_KEYS = max(len(row.shown) for row in TABLE) + 2
"""Cells for the keys of a row of the help."""

_ROOMY, _TWO_COLUMNS, _BETWEEN, _EDGES = 34, 94, 4, 3
"""Widths from which on the help has what a key does beside it, and two columns; the cells between and around them."""

_LETTERS = (
    "tab goes between two modes: PIANO, where letters and digits are played, and COMMANDS, where they ask for what "
    "the table says. Keys of several characters work in both."
)
_HELD = "A terminal does not tell how long a key is held: it strikes again once the terminal repeats it."
_MOUSE = (
    "The wheel over a control nudges it, a click on its name selects it, on its slider sets it, on a word lists the "
    "others; two clicks type a value. What the footer says can be clicked on, PANIC too."
)

_ADDRESS = re.compile(r" \d+:\d+$")
_TAIL_BYTES, _TAIL_LINES = 1 << 15, 200


class Aside(Screen[None]):
    """A screen beside the jam: its turn on top, its footer below."""

    where = Where.LIST

    class Ready(Message):
        """It is there, and can be told how things are."""

    def __init__(self, glyphs: Glyphs, title: str) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.says = title

    def compose(self) -> ComposeResult:
        """The turn, the title, whatever the screen is for, the footer."""
        yield TurnBand(self.glyphs, classes="one-row")
        yield Banner()
        yield Static(Content(self.says), classes="title")
        yield from self.body()
        yield Footer(self.glyphs)

    def on_screen_resume(self) -> None:
        """Ask to be told how things are."""
        self.post_message(self.Ready())

    @abstractmethod
    def body(self) -> ComposeResult:
        """What the screen is for."""

    def show(self, seen: Snapshot) -> None:
        """Take the newest snapshot in."""
        for view in self.query(View):
            view.show(seen)


@dataclass(frozen=True, slots=True)
class Choice:
    """A row that can be picked: its text, what it stands for, and a few words about it, in a column of their own."""

    text: str
    stands_for: Any
    is_on: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A row that can't; one that tells what is wrong may take several lines."""

    text: str
    is_wrong: bool = False


Rows = Sequence[Choice | Heading]

_APART = Heading("")


class _Options(OptionList):
    """The list itself; the second of two clicks is not for it: the first has opened it."""

    def on_click(self, event: Click) -> None:
        """Pick nothing with what was meant for another screen."""
        if event.chain > 1:
            event.prevent_default()


class ListScreen(Aside):
    """A screen with a list, whose rows the digits pick."""

    class Picked(Message):
        """Something is wanted."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    def __init__(self, glyphs: Glyphs, title: str) -> None:
        super().__init__(glyphs, title)
        self._rows: Rows = ()
        self._list = _Options(compact=True, markup=False)

    def body(self) -> ComposeResult:
        """The list."""
        yield self._list

    def on_mount(self) -> None:
        """Begin with what is there."""
        self._list.focus()
        self.look()

    def show(self, seen: Snapshot) -> None:
        """Take the newest snapshot in."""
        super().show(seen)
        self.look()

    def look(self) -> None:
        """Show the rows as they are now."""
        rows = tuple(self.rows())
        if rows == self._rows:
            return
        was, on = self.highlighted, self._list.highlighted
        self._rows = rows
        self._list.set_options(Option(text, disabled=disabled) for text, disabled in self._texts())
        if was is not None:  # whatever has come before it
            same = (at for at, row in enumerate(rows) if isinstance(row, Choice) and row.stands_for == was.stands_for)
            on = next(same, on)
        if on is None or on >= len(rows) or isinstance(rows[on], Heading):
            chosen = [at for at, row in enumerate(rows) if isinstance(row, Choice)]
            on = next((at for at in chosen if getattr(rows[at], "is_on", False)), chosen[0] if chosen else None)
        self._list.highlighted = on

    @abstractmethod
    def rows(self) -> Rows:
        """What there is to pick."""

    @abstractmethod
    def picked(self, what: Any) -> None:
        """Do what a row stands for."""

    def pick(self, digit: int) -> None:
        """Pick a row by its digit."""
        choices = [row for row in self._rows if isinstance(row, Choice)]
        if digit <= len(choices):
            self.picked(choices[digit - 1].stands_for)

    @property
    def highlighted(self) -> Choice | None:
        """The row that enter would pick."""
        on = self._list.highlighted
        row = self._rows[on] if on is not None and on < len(self._rows) else None
        return row if isinstance(row, Choice) else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pick what was chosen with enter or the mouse."""
        event.stop()
        if isinstance(row := self._rows[event.option_index], Choice):
            self.picked(row.stands_for)

    def ask(self, command: Command) -> None:
        """Say what is wanted."""
        self.post_message(self.Picked(command))

    def _texts(self) -> Iterator[tuple[Content, bool]]:
        number = 0
        column = max((len(row.text) for row in self._rows if isinstance(row, Choice) and row.about), default=0)
        for row in self._rows:
            if isinstance(row, Heading):
                yield self._heading(row), True
                continue
            number += 1
            digit = str(number) if number < 10 else " "
            mark = self.glyphs.beat_on if row.is_on else " "
            about = f"{row.text:<{column}}  {row.about}" if row.about else row.text
            yield Content(f"{digit} {mark} {about}"), False

    def _heading(self, row: Heading) -> Content:
        if row.is_wrong:
            width = max(1, self.size.width - _EDGES)
            return Content.styled("\n".join(wrap(row.text, width)), "$text-error")
        return Content.styled(row.text, "bold")


class PortsScreen(ListScreen):
    """The MIDI ports there are at this moment, to hear and to play through."""

    def __init__(self, glyphs: Glyphs, runs: Runs, rig: Rig) -> None:
        super().__init__(glyphs, "ports: what improv hears, and what it plays through")
        self._runs = runs
        self._found: dict[str, list[str]] | None = None
        self._wrong = "looking..."
        self._rig = rig

    def on_mount(self) -> None:
        """Look for ports at once, and again while it is open."""
        super().on_mount()
        self.run_worker(self._follow(), exclusive=True)

    def show(self, seen: Snapshot) -> None:
        """Know which ports are connected."""
        self._rig = seen.rig
        super().show(seen)

    def rows(self) -> Rows:
        """The ports of each end, and none; nothing to pick before they are known, as the digits would move."""
        rows: list[Choice | Heading] = []
        for end, title in zip(ENDS, ("hears", "plays through"), strict=True):
            now: str = getattr(self._rig, end)
            rows += [*([_APART] if rows else []), Heading(f"{title}: {now or 'nothing'}")]
            if self._found is None:
                continue
            names = self._found.get(end, [])
            alike = [name == now if now in names else _plain(name) == _plain(now) for name in names]
            rows += [Choice(name, Connect(end, name), is_on) for name, is_on in zip(names, alike, strict=True)]
            rows.append(Choice("a virtual port of its own", Connect(end, ""), now.startswith(VIRTUAL)))
        return [*rows, *([_APART, Heading(self._wrong, is_wrong=self._found is not None)] if self._wrong else [])]

    def picked(self, what: Any) -> None:
        """Have improv use it."""
        self.ask(what)

    async def _follow(self) -> None:
        while True:
            await self._ask()
            self.look()
            await asyncio.sleep(_PORTS_S)

    async def _ask(self) -> None:
        api = ["--api", self._rig.api] if self._rig.api not in ("", "none") else []
        try:
            told = json.loads(await self._runs(["ports", "--json", *api]))
            self._found = {end: [str(name) for name in told[f"{end}s"]] for end in ENDS}
            self._wrong = ""
        except ImprovError as error:
            self._found, self._wrong = self._found or {}, str(error)
        except (ValueError, KeyError, TypeError):
            self._found, self._wrong = self._found or {}, "improv ports says nothing that can be read"


def _plain(name: str) -> str:
    """A port's name without what differs from one start of a MIDI system to the next."""
    return _ADDRESS.sub("", " ".join(name.casefold().split()))


class ModelsScreen(ListScreen):
    """The networks there are."""

    def __init__(self, glyphs: Glyphs, runs: Runs, rig: Rig) -> None:
        super().__init__(glyphs, "networks: which one plays")
        self._runs = runs
        self._names = tuple(model_paths())
        self._about: dict[str, str] = {}
        self._rig = rig

    def on_mount(self) -> None:
        """Have them described, which takes a moment."""
        super().on_mount()
        self.run_worker(self._ask(), exclusive=True)

    def show(self, seen: Snapshot) -> None:
        """Know which one plays, and which is coming."""
        self._rig = seen.rig
        super().show(seen)

    def rows(self) -> Rows:
        """A row for each network."""
        if not self._names:
            return [Heading("there are none; see improv models")]
        return [Choice(name, name, name == self._rig.model, self._about_it(name)) for name in self._names]

    def picked(self, what: Any) -> None:
        """Have it play."""
        self.ask(Set(MODEL.name, what))
        self.dismiss()

    def _about_it(self, name: str) -> str:
        coming = "(is being loaded) " if name == self._rig.model_coming else ""
        return f"{coming}{self._about.get(name, '')}".rstrip()

    async def _ask(self) -> None:
        try:
            told = json.loads(await self._runs(["models", "--json"]))
            self._about = {str(name): str(about) for name, about in told.items()}
        except (ImprovError, ValueError, AttributeError):
            return  # their names are enough
        self.look()


class PresetsScreen(ListScreen):
    """The presets, to recall, to add to and to remove."""

    class Recall(Message):
        """A preset is to be had."""

        def __init__(self, preset: Preset) -> None:
            super().__init__()
            self.preset = preset

    class Remove(Message):
        """A preset is to be forgotten."""

        def __init__(self, preset: Preset) -> None:
            super().__init__()
            self.preset = preset

    def __init__(self, glyphs: Glyphs, presets: Callable[[], tuple[Preset, ...]]) -> None:
        super().__init__(glyphs, "presets: how the controls stand")
        self._presets = presets

    def rows(self) -> Rows:
        """A row for each preset, and how to make one."""
        rows: list[Choice | Heading] = [
            Choice(preset.name, preset, about=_summary(preset)) for preset in self._presets()
        ]
        rows.append(Choice("keep how everything stands now...", None))
        return rows

    def picked(self, what: Any) -> None:
        """Recall it, or ask for a name."""
        self.dismiss()
        if what is None:
            self.app.call_later(self.app.run_action, "save_preset")
        else:
            self.app.post_message(self.Recall(what))

    def drop(self) -> None:
        """Forget the preset that is highlighted."""
        row = self.highlighted
        if row is not None and row.stands_for is not None:
            self.app.post_message(self.Remove(row.stands_for))


class ChoicesScreen(ListScreen):
    """What a control may be set to, where that is a word."""

    def __init__(self, glyphs: Glyphs, control: Control, value: Value) -> None:
        super().__init__(glyphs, f"{control.name}: {control.help}")
        self._control = control
        self._value = value

    def rows(self) -> Rows:
        """A row for each word."""
        return [Choice(word, word, word == self._value) for word in self._control.choices]

    def picked(self, what: Any) -> None:
        """Turn it to the word."""
        self.ask(Set(self._control.name, what))
        self.dismiss()


class TextScreen(Aside):
    """Something to read, longer than the screen."""

    where = Where.PAGE

    def body(self) -> ComposeResult:
        """The text, which the arrows move."""
        with VerticalScroll(classes="page"):
            yield Static(classes="text")

    def on_mount(self) -> None:
        """Begin at its beginning."""
        self.query_one(VerticalScroll).focus()
        self.tell(self.text())

    @abstractmethod
    def text(self) -> Content:
        """What there is to read."""

    def tell(self, text: Content) -> None:
        """Show another text."""
        self.query_one(".text", Static).update(text)


class HelpScreen(TextScreen):
    """What every key does, from the table the keys are made from."""

    where = Where.HELP

    def __init__(self, glyphs: Glyphs, layout: Layout) -> None:
        super().__init__(glyphs, "help: what every key does")
        self._layout = layout

    def on_resize(self) -> None:
        """Fit it to its width."""
        self.tell(self.text())

    def text(self) -> Content:
        """Its sections, one below the other, or in two columns where it is wide."""
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
        """The lines of each section, none wider than this: the groups of the table, then what it does not tell."""
        layout = self._layout
        groups = [
            [
                Content.styled(group, "bold"),
                *(line for row in TABLE if row.group == group for line in _told(row, width)),
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
        return [*groups, letters, [Content.styled("the mouse", "bold"), *_hanging(_MOUSE, 2, width)]]


def _stacked(sections: Sequence[Sequence[Content]]) -> list[Content]:
    """Sections one below the other, a blank line between two."""
    return [line for at, section in enumerate(sections) for line in (*((Content(),) if at else ()), *section)]


def _hanging(text: str, indent: int, width: int) -> Iterator[Content]:
    """A text in lines of a width, all of them indented."""
    return (Content(" " * indent + line) for line in wrap(text, max(1, width - indent)))


def _told(row: Key, width: int) -> Iterator[Content]:
    """A row of the table: its keys, and beside them what they do, or below where it is narrow."""
    indent = 2 + _KEYS if width >= _ROOMY else 4
    first, *rest = _hanging(row.help, indent, width)
    keys = Content.styled(row.shown, "bold $text-accent").pad_left(2)
    if width >= _ROOMY:
        yield keys.pad_right(indent - keys.cell_length) + first[indent:]
    else:
        yield from (keys, first)
    yield from rest


class LogScreen(TextScreen):
    """What has happened: what the daemon wrote, and what was seen from here."""

    def __init__(self, glyphs: Glyphs, path: Path, noted: Sequence[str]) -> None:
        super().__init__(glyphs, f"log: {path}")
        self._path = path
        self._noted = noted
        self._told: list[str] = []

    def on_mount(self) -> None:
        """Follow it while it is open."""
        super().on_mount()
        self.set_interval(_LOG_S, self._look)
        self.call_after_refresh(self._end)

    def text(self) -> Content:
        """The end of the log, and what was noted here."""
        return Content("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        noted = ["", "seen here:", *self._noted] if self._noted else []
        return [*tail(self._path), *noted] or ["nothing yet"]

    def _look(self) -> None:
        lines = self._lines()
        if lines != self._told:
            self._told = lines
            self.tell(Content("\n".join(lines)))
            self.call_after_refresh(self._end)

    def _end(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)


def tail(path: Path) -> list[str]:
    """The last lines of a daemon's log, as a person reads them; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return []
    return [_readable(line) for line in lines if line.strip()][-_TAIL_LINES:]


def _readable(line: str) -> str:
    try:
        told = json.loads(line)
        time, level, what = told.pop("time")[11:19], told.pop("level"), told.pop("what")
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
    loud = "" if level == "info" else f"{level.upper()} "
    rest = "".join(f"  {name}={value}" for name, value in told.items())
    return f"{time} {loud}{what}{rest}"


class Entry(ModalScreen[Any]):
    """A line to type into; its result is what the check makes of it, None if it was left."""

    where = Where.TEXT

    def __init__(self, title: str, about: str, value: str, check: Callable[[str], Any]) -> None:
        super().__init__()
        self._title, self._about, self._value, self._check = title, about, value, check

    def compose(self) -> ComposeResult:
        """What is asked for, and the line."""
        with Vertical(classes="entry"):
            yield Static(Content(f"{self._title}: {self._about}"), classes="about")
            line = Input(self._value, compact=True)
            line.cursor_blink = False
            yield line
            yield Static(Content("enter sets it, esc cancels"), classes="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Have it, or say what is wrong with it."""
        event.stop()
        try:
            result = self._check(event.value.strip())
        except ImprovError as error:
            self.query_one(".wrong", Static).update(Content(str(error)))
        else:
            self.dismiss(result)


def _summary(preset: Preset) -> str:
    """What a preset has turned away from where a jam begins."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else number(value)}"
        for name, value in preset.values.items()
        if name != SEED.name and value != CONTROLS[name].default
    )
