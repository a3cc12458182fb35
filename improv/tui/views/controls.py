"""The list of controls: a slider for each number, a choice for each word, turned with the keyboard and the mouse.

What a control is called, how far it goes and how far a nudge moves it stands in `improv.protocol.controls`. The list
only says what is wanted, in messages; it never talks to a daemon.
"""

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from improv.protocol.commands import Set
from improv.protocol.control import Control, Value
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import PROGRAMS
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.cached_strip import PaintContext
from improv.tui.views.control_lines import NAMES, ControlLines
from improv.tui.views.control_rows import (
    ControlStyles,
    about_rows,
    arrow_at,
    cells_of,
    control_row,
    count_row,
    switch_under,
)
from improv.tui.views.control_values import ControlValues
from improv.tui.views.part_rows import PART_OF
from improv.tui.views.slider import value_on

_PARTS = ("name", "selected", "bar", "rest", "quiet", "unsupported")


class Controls(Widget):
    """Every control, a line each, and where there is room a few words about the one that is selected.

    What does not fit is counted; one line high, it shows the one that is selected.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"controls--{part}" for part in _PARTS}
    DEFAULT_CSS = """
    Controls {
        height: 1fr;
        & > .controls--name { color: $foreground; }
        & > .controls--selected { color: $foreground; background: $primary 40%; text-style: bold; }
        & > .controls--bar { color: $text-accent; }
        & > .controls--rest { color: $foreground 40%; }
        & > .controls--quiet { color: $foreground 60%; }
        & > .controls--unsupported { color: $foreground 50%; text-style: strike; }
    }
    """

    class Wanted(Message):
        """A control is to be turned to a value."""

        def __init__(self, command: Set) -> None:
            super().__init__()
            self.command = command

    class Edit(Message):
        """A value is to be typed, or chosen from a list."""

        def __init__(self, edited: Control) -> None:
            super().__init__()
            self.edited = edited

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._values = ControlValues()
        self._lines = ControlLines()
        self._dragged: Control | None = None
        self._is_done = False
        """Whether a press has done what it was for: by its click something else may lie below the mouse."""
        self._paint_context = PaintContext()
        self._painted: list[Strip] = []

    # --- what it shows ---

    def show(self, seen: Snapshot) -> None:
        """Take in a snapshot. A value asked for stays until a snapshot has it, or for a limited time."""
        if self._values.take(seen):
            self._repaint()

    def take_back(self, control: str) -> None:
        """Show a control's real value again, by its name: its change was refused."""
        if self._values.refuse(control):
            self._repaint()

    def take_back_all(self) -> None:
        """Show all real values again, as there is no daemon to change them."""
        self._values.refuse_all()
        self._repaint()

    @property
    def selected(self) -> Control:
        """The control that the keys turn."""
        return CONTROLS[NAMES[self._lines.selected]]

    def value(self, control: Control) -> Value:
        """Return the value of a control, or the one asked for."""
        return self._values.value(control)

    # --- turning ---

    def select(self, name: str) -> None:
        """Select the control that the keys turn, by name."""
        self._set_lines(self._lines.select_line_of(name))

    def move(self, by: int) -> None:
        """Select the control `by` lines further down."""
        self._set_lines(self._lines.select((self._lines.selected + by) % len(NAMES)))

    def turn(self, control: Control, value: Value) -> None:
        """Ask the daemon for a value, and show it."""
        if self._values.request(control, value):
            self._repaint()
            self.post_message(self.Wanted(Set(control.name, value)))

    def nudge(self, control: Control, times: int) -> None:
        """Ask the daemon for a value some nudges further."""
        by = times * control.nudge if control.is_number else max(-1, min(1, times))
        if control.is_number or control.choices:
            self.turn(control, control.nudged(self._values.number(control), by))
        else:
            self.post_message(self.Edit(control))

    def _set_lines(self, lines: ControlLines) -> None:
        if lines != self._lines:
            self._lines = lines
            self._repaint()

    def on_resize(self) -> None:
        """Keep the selected control visible."""
        self._lines = replace(self._lines, height=self.size.height).fitted()
        self._repaint()

    # --- the mouse ---

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Select the control under the mouse; grab its slider, or take the next choice at an arrow."""
        control, is_count = self._lines.control_at(event.y), self._lines.is_count(event.y)
        self._is_done = is_count
        if event.button > 1:
            return
        if is_count:
            self._set_lines(self._lines.select(self._lines.hidden_at(event.y)))
        if control is None:
            return
        self.select(control.name)
        width = self.size.width
        cells = cells_of(control, width)
        if (switch := switch_under(event.x, control)) is not None:
            self._is_done = True
            self.nudge(switch, 1)
        elif control.is_switch and event.x >= cells.start:
            self.nudge(control, 1)
        elif steps := arrow_at(event.x, control, self._values, width, self._glyphs):
            self._is_done = True
            self.nudge(control, steps)
        elif event.x in cells:
            self._dragged = control
            self.capture_mouse()
            self._drag(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Turn the slider that the mouse holds."""
        self._drag(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of the slider."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Ask for a control's value on a double click, for the program on a part; a click lists a word's choices."""
        control = self._lines.control_at(event.y)
        if control is None or control.is_switch or self._is_done:
            return
        cells, part = cells_of(control, self.size.width), PART_OF.get(control.name)
        if event.chain != (1 if event.x >= cells.start and not control.is_number else 2):
            return
        if event.x not in cells:
            self.post_message(self.Edit(control if part is None else PROGRAMS[part]))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Nudge the control under the mouse up; elsewhere, scroll up."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Nudge the control under the mouse down; elsewhere, scroll down."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, times: int) -> None:
        event.stop()
        if (control := self._lines.control_at(event.y)) is not None and control.nudge:
            self.nudge(control, times)
        else:
            self._set_lines(self._lines.scroll(-times))

    def _drag(self, x: int) -> None:
        if self._dragged is None:
            return
        if len(cells := cells_of(self._dragged, self.size.width)) > 1:
            self.turn(self._dragged, value_on(self._dragged, (x - cells.start) / (len(cells) - 1)))

    # --- drawing ---

    def _repaint(self) -> None:
        self._painted = []
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget cached colours, as the theme has changed."""
        self._painted = []
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region, cached while nothing changes."""
        if self._paint_context.has_changed(self) or len(self._painted) != self.size.height:
            self._painted = [PaintContext.filtered(strip, self) for strip in self._strips()]
        strips = self._painted[crop.y : crop.bottom]
        first, last = crop.column_span
        return strips if (first, last) == (0, self.size.width) else [strip.crop(first, last) for strip in strips]

    def _strips(self) -> list[Strip]:
        """Draw every line: a control, or what there is to say in the others."""
        width, height = self.size
        styles = ControlStyles(*(self.get_component_rich_style(f"controls--{part}") for part in _PARTS))
        lines = replace(self._lines, height=height)
        names, selected, strips = lines.names, self.selected, list[Strip]()
        about = about_rows(selected, self._values, width, height - len(names), styles)
        for y in range(height):
            control = lines.control_at(y)
            if control is not None:
                is_selected = control is selected
                row = control_row(control, self._values, width, self._glyphs, styles, is_selected=is_selected)
                strips.append(Strip(row).adjust_cell_length(width, styles.selected if is_selected else styles.name))
                continue
            if lines.is_count(y):
                row = count_row(lines.hidden(y), self._glyphs, styles, is_above=y == 0)
            else:
                row = [*about[y - len(names)]] if 0 <= y - len(names) < len(about) else []
            strips.append(Strip(row).adjust_cell_length(width, self.rich_style))
        return strips
