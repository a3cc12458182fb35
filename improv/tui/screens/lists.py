"""What lies beside the jam to be picked from: networks, presets, and a control's choices; and what such lists share.

What is picked is said in messages. What a list holds may change while it is open; a list never waits for the daemon
or a MIDI system.
"""

import json
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
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
from improv.dataclass import dataclass
from improv.errors import ImprovError
from improv.models.catalog import model_paths
from improv.models.papers import BUILT_BY_COMMAND, command_for
from improv.music.programs import FAMILIES, PROGRAM_NAMES
from improv.protocol.commands import Command, Set
from improv.protocol.control import Control, Value, number
from improv.protocol.controls import CONTROLS, MODEL, SEED
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.tui.screens.base import SideScreen
from improv.tui.theme.glyphs import Glyphs

RunCommand = Callable[[Sequence[str]], Awaitable[str]]
"""RunCommand an improv command and returns what it prints."""

_EDGES = 4
"""Cells beside the rows: the margins, and a scroll bar."""

_THINNEST = 24
"""Cells that words beside a row need: where there are fewer they stand below it."""


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
        """Compose the list of rows."""
        yield self._list

    def on_mount(self) -> None:
        """Draw the rows that are known."""
        self._list.focus()
        self.refresh_rows()

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot."""
        super().show(seen)
        self.refresh_rows()

    def on_resize(self) -> None:
        """Fit the rows to the new width."""
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Draw the rows again, and keep the highlighted one."""
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
        """Return the rows of the list."""

    @abstractmethod
    def picked(self, what: Any) -> None:
        """Act on a picked row; `what` is its value."""

    def pick(self, digit: int) -> None:
        """Pick a row by its number, counted from 1."""
        choices = [row for row in self._rows if isinstance(row, Choice)]
        if digit <= len(choices):
            self.picked(choices[digit - 1].value)

    @property
    def highlighted(self) -> Choice | None:
        """The row that enter picks; None if there is none."""
        on = self._list.highlighted
        row = self._rows[on] if on is not None and on < len(self._rows) else None
        return row if isinstance(row, Choice) else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pick the row selected by enter or the mouse."""
        event.stop()
        if isinstance(row := self._rows[event.option_index], Choice):
            self.picked(row.value)

    def post_command(self, command: Command) -> None:
        """Post `Picked` with a command for the app to send."""
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


class ModelsScreen(ListScreen):
    """The networks that can play."""

    def __init__(self, glyphs: Glyphs, run_command: RunCommand, system: SystemStatus) -> None:
        super().__init__(glyphs, "networks: which one plays")
        self._run_command = run_command
        self._names = tuple(sorted(model_paths(), key=lambda name: name != MODEL.default))
        self._about: dict[str, str] = {}
        self._system = system

    def on_mount(self) -> None:
        """Load the descriptions of the networks in the background."""
        super().on_mount()
        self.run_worker(self._ask, exclusive=True)  # type: ignore[arg-type]

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and mark the network that plays and the one being loaded."""
        self._system = seen.system
        super().show(seen)

    def rows(self) -> Rows:
        """Return a row for each network."""
        if not self._names:
            return [Heading("there are none; see improv models")]
        playing = self._system.network.model
        rows: list[Choice | Heading] = [
            Choice(name, name, name == playing, self._about_it(name)) for name in self._names
        ]
        missing = [name for name in BUILT_BY_COMMAND if name not in self._names]
        if missing:
            rows.append(Heading("not built yet; in a checkout of improv:"))
            rows += [Heading(command_for(name), is_command=True) for name in missing]
        return rows

    def picked(self, what: Any) -> None:
        """Ask the daemon to play the picked network."""
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
        """Return a row for each preset, and one to save another."""
        presets = self._presets()
        rows: list[Choice | Heading] = [Choice(preset.name, preset, about=_summary(preset)) for preset in presets]
        rows.append(Choice("keep how everything stands now...", None))
        return rows

    def picked(self, what: Any) -> None:
        """Recall the picked preset, or ask for the name of a new one."""
        self.dismiss()
        if what is None:
            self.app.post_message(self.Save())
        else:
            self.app.post_message(self.Recall(what))

    @property
    def chosen(self) -> Preset | None:
        """The highlighted preset; None on the last row."""
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
        """Return a row for each choice of the control, with its meaning."""
        return [Choice(word, word, word == self._value, self._control.about(word)) for word in self._control.choices]

    def picked(self, what: Any) -> None:
        """Set the control to the picked choice."""
        self.post_command(Set(self._control.name, what))
        self.dismiss()


class ProgramsScreen(ListScreen):
    """The programs or the kits that a part may have, by the families of General MIDI."""

    def __init__(self, glyphs: Glyphs, control: Control, value: Value) -> None:
        super().__init__(glyphs, f"{control.name}: {control.help}")
        self._control = control
        self._value = value

    def rows(self) -> Rows:
        """Return the families, and a row for each program or kit: its name, and its number."""
        is_program = self._control.names == PROGRAM_NAMES
        families, word = (FAMILIES, "program") if is_program else ({"": self._control.names}, "kit")
        rows, program = list[Choice | Heading](), 0
        for family, names in families.items():
            rows += [Heading(family)] if family else []
            for name in names:
                if name:
                    rows.append(Choice(name, program, program == self._value, f"{word} {program}"))
                program += 1
        return rows

    def picked(self, what: Any) -> None:
        """Set the control to the picked program."""
        self.post_command(Set(self._control.name, what))
        self.dismiss()


def _explains_words(control: Control) -> bool:
    """Whether the help of a control says what each of its words means."""
    return all(map(control.about, control.choices))
