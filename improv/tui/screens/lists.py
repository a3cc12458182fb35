"""What lies beside the jam to be picked from: ports, networks, presets, and a control's choices.

What is picked is said in messages. What a list holds may change while it is open; a list never waits for the daemon
or a MIDI system.
"""

import asyncio
import json
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap
from typing import Any

from textual._widget_navigation import Direction
from textual.app import ComposeResult
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from improv.config.presets import Preset
from improv.errors import ImprovError
from improv.models.catalog import model_paths
from improv.protocol.commands import ENDS, Command, Connect, Set
from improv.protocol.controls import CONTROLS, MODEL, SEED, Control, Value, number
from improv.protocol.json_codec import printable
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.system.fluidsynth import Advice
from improv.tui.screens.base import SideScreen
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.output_status import PORTS_KEY, output_status, saving_texts

Advise = Callable[[str, str], Advice]
"""Returns how to make an improv sound: given its MIDI system, and the one that answers now."""

RunCommand = Callable[[Sequence[str]], Awaitable[str]]
"""RunCommand an improv command and returns what it prints."""

VIRTUAL = "virtual port"
"""How the name of a virtual port of improv begins."""

_PORTS_S = 2.0

_WITHOUT = "none"
"""The MIDI system of an improv that was started without one."""

_EDGES = 4
"""Cells beside the rows: the margins, and a scroll bar."""

_THINNEST = 24
"""Cells that words beside a row need: where there are fewer they stand below it."""

_ADDRESS = re.compile(r" \d+:\d+$")


@dataclass(frozen=True, slots=True)
class Choice:
    """A row that can be picked: its text, its value, and a few words about it in a column of their own."""

    text: str
    value: Any
    is_on: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A row that can't be picked; it may take several lines."""

    text: str
    is_wrong: bool = False
    is_command: bool = False
    """Whether it is a command to type in a terminal, as it stands."""


Rows = Sequence[Choice | Heading]

_APART = Heading("")


class _Options(OptionList):
    """The list itself. It ignores the second of two clicks: the first has opened it."""

    stays_at_top = False
    """Whether its beginning stays in sight until the player moves in it."""

    def scroll_to_highlight(self, top: bool = False) -> None:
        """Scroll to the highlighted row, unless the beginning is to stay in sight."""
        if not self.stays_at_top:
            super().scroll_to_highlight(top)

    def action_cursor_down(self) -> None:
        """Highlight the next row."""
        self.stays_at_top = False
        super().action_cursor_down()

    def action_cursor_up(self) -> None:
        """Highlight the row above."""
        self.stays_at_top = False
        super().action_cursor_up()

    def _move_page(self, direction: Direction) -> None:
        """Move by a page, if there is room for any row."""
        if self.scrollable_content_region:
            super()._move_page(direction)

    def on_click(self, event: Click) -> None:
        """Ignore the second of two clicks, which was meant for another screen."""
        if event.chain > 1:
            event.prevent_default()


class ListScreen(SideScreen):
    """A screen with a list, whose rows digits pick."""

    class Picked(Message):
        """A row was picked, and asks for a command."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    def __init__(self, glyphs: Glyphs, title: str) -> None:
        super().__init__(glyphs, title)
        self._rows: Rows = ()
        self._width = 0
        self._list = _Options(compact=True, markup=False)

    def body(self) -> ComposeResult:
        """Compose the list."""
        yield self._list

    def on_mount(self) -> None:
        """Show the rows that are known by now."""
        self._list.focus()
        self.refresh_rows()

    def show(self, seen: Snapshot) -> None:
        """Take the newest snapshot in."""
        super().show(seen)
        self.refresh_rows()

    def on_resize(self) -> None:
        """Fit the rows to the new width."""
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Show the rows as they are now, and keep the highlighted one."""
        rows = tuple(self.rows())
        if (rows, self.size.width) == (self._rows, self._width):
            return
        was, on = self.highlighted, self._list.highlighted
        self._rows, self._width = rows, self.size.width
        self._list.set_options(Option(text, disabled=disabled) for text, disabled in self._texts())
        if was is not None:  # whatever has come before it
            same = (at for at, row in enumerate(rows) if isinstance(row, Choice) and row.value == was.value)
            on = next(same, on)
        if on is None or on >= len(rows) or isinstance(rows[on], Heading):
            chosen = [at for at, row in enumerate(rows) if isinstance(row, Choice)]
            on = next((at for at in chosen if getattr(rows[at], "is_on", False)), chosen[0] if chosen else None)
        self._list.highlighted = on

    @abstractmethod
    def rows(self) -> Rows:
        """Return the rows."""

    @abstractmethod
    def picked(self, what: Any) -> None:
        """Do what the value of a row asks for."""

    def pick(self, digit: int) -> None:
        """Pick a row by its number from 1."""
        choices = [row for row in self._rows if isinstance(row, Choice)]
        if digit <= len(choices):
            self.picked(choices[digit - 1].value)

    @property
    def highlighted(self) -> Choice | None:
        """The row that enter picks."""
        on = self._list.highlighted
        row = self._rows[on] if on is not None and on < len(self._rows) else None
        return row if isinstance(row, Choice) else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pick the row that enter or the mouse has chosen."""
        event.stop()
        if isinstance(row := self._rows[event.option_index], Choice):
            self.picked(row.value)

    def post_command(self, command: Command) -> None:
        """Post a command that is wanted."""
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
            yield Content("\n".join(self._lines(row, f"{digit} {mark} ", column))), False

    def _lines(self, row: Choice, head: str, column: int) -> Iterator[str]:
        """The lines of a row: the words about it in a column, or below it where that would be too thin."""
        room = max(1, self.size.width - _EDGES - len(head))
        beside = room - column - 2
        if not row.about or beside < min(_THINNEST, len(row.about)):
            lines = [*_wrapped(row.text, room), *(f"  {line}" for line in _wrapped(row.about, room - 2))]
        else:
            texts = zip_longest([row.text], _wrapped(row.about, beside), fillvalue="")
            lines = [f"{text:<{column}}  {about}" for text, about in texts]
        for at, line in enumerate(lines):
            yield (head if at == 0 else " " * len(head)) + line.rstrip()

    def _heading(self, row: Heading) -> Content:
        text = "\n".join(_wrapped(row.text, self.size.width - _EDGES))
        style = "$text-error" if row.is_wrong else "$text-accent" if row.is_command else "bold"
        return Content.styled(text, style)


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines of a width; only a longer word is divided."""
    return wrap(text, max(1, width), break_on_hyphens=False)


class PortsScreen(ListScreen):
    """The MIDI ports that are there now, to hear and to play through."""

    def __init__(self, glyphs: Glyphs, run_command: RunCommand, system: SystemStatus, advise: Advise) -> None:
        super().__init__(glyphs, "ports: what improv hears, and what it plays through")
        self._run_command = run_command
        self._advise = advise
        self._list.stays_at_top = True  # what to do stands above the ports
        self._advice: Advice | None = None
        self._there = ""
        """The MIDI system that answers now."""
        self._found: dict[str, list[str]] | None = None
        self._wrong = "looking..."
        self._system = system

    def on_mount(self) -> None:
        """Look for ports, now and every two seconds while it is open."""
        super().on_mount()
        self.run_worker(self._follow, exclusive=True)  # type: ignore[arg-type]

    def show(self, seen: Snapshot) -> None:
        """Take the newest snapshot in, and mark the ports that are connected."""
        self._system = seen.system
        super().show(seen)

    def rows(self) -> Rows:
        """Return what to do where nothing is heard, then the inputs and outputs; none before they are known."""
        rows: list[Choice | Heading] = [*self._silence()]
        if self._system.midi.api == _WITHOUT:
            return [*rows, Heading("It has no ports: --api none, or no MIDI system was there when it was started.")]
        for end, title in zip(ENDS, ("hears", "plays through"), strict=True):
            now: str = getattr(self._system.midi, end)
            rows += [*([_APART] if rows else []), Heading(f"{title}: {printable(now) or 'nothing'}{self._peers(end)}")]
            if self._found is None:
                continue
            names = self._found.get(end, [])
            alike = [name == now if now in names else _without_address(name) == _without_address(now) for name in names]
            rows += [Choice(name, Connect(end, name), is_on) for name, is_on in zip(names, alike, strict=True)]
            rows.append(Choice("a virtual port of its own", Connect(end, ""), now.startswith(VIRTUAL)))
        return [*rows, *([_APART, Heading(self._wrong, is_wrong=self._found is not None)] if self._wrong else [])]

    def _silence(self) -> Iterator[Heading]:
        """Where improv is not heard: that, how to mend it on this system, and where the jam is kept meanwhile."""
        output = output_status(self._system)
        if output.is_heard is not False:
            return
        yield Heading(output.forms[0].removesuffix(f" {PORTS_KEY}"), is_wrong=True)
        if self._advice is not None:
            yield Heading(f"{self._advice.says}{':' if self._advice.command else '.'}")
            if self._advice.command:
                yield Heading(self._advice.command, is_command=True)
                if self._system.midi.api != _WITHOUT:
                    yield Heading("and pick it here as soon as it is listed.")
        yield from (Heading(f"Meanwhile {line}.") for line in saving_texts(self._system, full=True)[:1])

    def _peers(self, end: str) -> str:
        """What an input or output is connected to, where its name does not say so."""
        ports = [port for port in self._system.midi.ports if port.role == end]
        if not ports or ports[0].peers is None:
            return ""
        peers = [printable(peer) for port in ports for peer in port.peers or ()]
        if not peers:
            return ", connected to nothing"
        return f", connected to {', '.join(peers)}" if ports[0].virtual else ""

    def picked(self, what: Any) -> None:
        """Have improv use the port."""
        self.post_command(what)

    async def _follow(self) -> None:
        known = None
        while True:
            await self._ask()
            about = self._system.midi.api, self._there
            if about != known:
                known = about
                self._advice = await asyncio.to_thread(self._advise, *about)
            self.refresh_rows()
            await asyncio.sleep(_PORTS_S)

    async def _ask(self) -> None:
        api = ["--api", self._system.midi.api] if self._system.midi.api not in ("", _WITHOUT) else []
        self._there = ""
        try:
            answer = json.loads(await self._run_command(["ports", "--json", *api]))
            self._found = {end: [str(name) for name in answer[f"{end}s"]] for end in ENDS}
            self._wrong, self._there = "", str(answer["api"])
        except ImprovError as error:
            self._found, self._wrong = self._found or {}, str(error)
        except (ValueError, KeyError, TypeError):
            self._found, self._wrong = self._found or {}, "improv ports says nothing that can be read"


def _without_address(name: str) -> str:
    """A port's name without the address, which differs from one start of a MIDI system to the next."""
    return _ADDRESS.sub("", " ".join(name.casefold().split()))


class ModelsScreen(ListScreen):
    """The networks that can play."""

    def __init__(self, glyphs: Glyphs, run_command: RunCommand, system: SystemStatus) -> None:
        super().__init__(glyphs, "networks: which one plays")
        self._run_command = run_command
        self._names = tuple(model_paths())
        self._about: dict[str, str] = {}
        self._system = system

    def on_mount(self) -> None:
        """Ask for the descriptions of the networks, which takes a moment."""
        super().on_mount()
        self.run_worker(self._ask, exclusive=True)  # type: ignore[arg-type]

    def show(self, seen: Snapshot) -> None:
        """Take the newest snapshot in, and mark the network that plays and the one that is being loaded."""
        self._system = seen.system
        super().show(seen)

    def rows(self) -> Rows:
        """Return a row for each network."""
        if not self._names:
            return [Heading("there are none; see improv models")]
        return [Choice(name, name, name == self._system.network.model, self._about_it(name)) for name in self._names]

    def picked(self, what: Any) -> None:
        """Have the network play."""
        self.post_command(Set(MODEL.name, what))
        self.dismiss()

    def _about_it(self, name: str) -> str:
        coming = "(is being loaded) " if name == self._system.network.next_model else ""
        return f"{coming}{self._about.get(name, '')}".rstrip()

    async def _ask(self) -> None:
        try:
            answer = json.loads(await self._run_command(["models", "--json"]))
            self._about = {str(name): str(about) for name, about in answer.items()}
        except (ImprovError, ValueError, AttributeError):
            return  # their names are enough
        self.refresh_rows()


class PresetsScreen(ListScreen):
    """The presets: to recall, keep and remove."""

    class Recall(Message):
        """A preset is to be recalled."""

        def __init__(self, preset: Preset) -> None:
            super().__init__()
            self.preset = preset

    class Save(Message):
        """How the controls stand now is to be kept as a preset."""

    def __init__(self, glyphs: Glyphs, presets: Callable[[], tuple[Preset, ...]]) -> None:
        super().__init__(glyphs, "presets: how the controls stand")
        self._presets = presets

    def rows(self) -> Rows:
        """Return a row for each preset, and one to keep another."""
        presets = self._presets()
        rows: list[Choice | Heading] = [Choice(preset.name, preset, about=_summary(preset)) for preset in presets]
        rows.append(Choice("keep how everything stands now...", None))
        return rows

    def picked(self, what: Any) -> None:
        """Recall the preset, or ask for the name of a new one."""
        self.dismiss()
        if what is None:
            self.app.post_message(self.Save())
        else:
            self.app.post_message(self.Recall(what))

    @property
    def chosen(self) -> Preset | None:
        """The preset that is highlighted; None on the last row."""
        row = self.highlighted
        return None if row is None else row.value


def _summary(preset: Preset) -> str:
    """The controls of a preset that are not at their defaults."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else number(value)}"
        for name, value in preset.values.items()
        if name != SEED.name and value != CONTROLS[name].default
    )


class ChoicesScreen(ListScreen):
    """The words that a control may be set to."""

    def __init__(self, glyphs: Glyphs, control: Control, value: Value) -> None:
        super().__init__(glyphs, control.name if _explains_words(control) else f"{control.name}: {control.help}")
        self._control = control
        self._value = value

    def rows(self) -> Rows:
        """Return a row for each word, with what it means."""
        return [Choice(word, word, word == self._value, self._control.about(word)) for word in self._control.choices]

    def picked(self, what: Any) -> None:
        """Turn the control to the word."""
        self.post_command(Set(self._control.name, what))
        self.dismiss()


def _explains_words(control: Control) -> bool:
    """Whether the help of a control says what each of its words means."""
    return all(map(control.about, control.choices))
