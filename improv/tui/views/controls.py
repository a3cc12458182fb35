"""The list of controls: a slider for each number, a choice for each word, turned with the keyboard and the mouse.

What a control is called, how far it goes and how far a nudge moves it stands in `improv.protocol.commands`. The list
only says what is wanted, in messages; it must never talk to a daemon, nor show a value that was refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from improv.protocol.commands import Set
from improv.protocol.controls import CONTROLS, ON, Control, Value, number
from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.cached_strip import Light

NAMES = tuple(CONTROLS)
DEAF = "not with this network"

_BEGINS = ("temperature", "count-in")
"""Where a group begins: after how the time is shared what the answer is like, then what sounds."""

_MARK, _NAME = 2, max(map(len, NAMES)) + 1
_VALUE, _LEAST_BAR, _MOST_BAR = 11, 4, 40
_UNIT = 6

_MARKED = 4
"""Lines from which on it is told how many controls lie above and below them."""

_ABOUT = 3
"""Lines for a few words about the selected control: a blank one, what it does, the keys that turn it."""

_WIDEST_RANGE = 10_000
"""A wider one has no use for a slider."""

_PATIENCE = 4.0
"""How many steps a value that was asked for may take until it is seen."""

_STOPPED = 0.25
"""How much of a step a snapshot counts while playing is stopped: there is one for each command."""


@dataclass(frozen=True, slots=True)
class _Asked:
    value: Value
    patience: float


class Controls(Widget):
    """Every control, a line each, and where there is room a few words about the one that is selected.

    What does not fit is counted; one line high, it shows the one that is selected.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "controls--name",
        "controls--selected",
        "controls--bar",
        "controls--rest",
        "controls--quiet",
        "controls--deaf",
    }
    DEFAULT_CSS = """
    Controls {
        height: 1fr;
        & > .controls--name { color: $foreground; }
        & > .controls--selected { color: $foreground; background: $primary 40%; text-style: bold; }
        & > .controls--bar { color: $text-accent; }
        & > .controls--rest { color: $foreground 40%; }
        & > .controls--quiet { color: $foreground 60%; }
        & > .controls--deaf { color: $foreground 50%; text-style: strike; }
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
        self._values: dict[str, Value] = {}
        """Empty before anything has been seen."""
        self._deaf: tuple[str, ...] = ()
        self._asked: dict[str, _Asked] = {}
        self._step = 0
        self._selected = 0
        self._first = 0
        self._dragged: Control | None = None
        self._is_done = False
        """Whether a press has done what it was for: by its click something else may lie below the mouse."""
        self._light = Light()
        self._painted: list[Strip] = []

    # --- what it shows ---

    def show(self, seen: Snapshot) -> None:
        """Take a snapshot in: what was asked for stands until it is seen, or has had its time."""
        values = {name: seen.value(name) for name in NAMES}
        passed = abs(seen.step - self._step) if seen.playing else _STOPPED
        waiting = {
            name: _Asked(asked.value, asked.patience - passed)
            for name, asked in self._asked.items()
            if asked.value != values[name] and asked.patience > passed
        }
        self._step = seen.step
        before = (self._values, self._deaf, {name: asked.value for name, asked in self._asked.items()})
        self._values, self._deaf, self._asked = values, seen.system.network.unsupported_controls, waiting
        if before != (values, self._deaf, {name: asked.value for name, asked in waiting.items()}):
            self._repaint()

    def refused(self, control: str) -> None:
        """Show again what it stands at: it was not turned."""
        if self._asked.pop(control, None):
            self._repaint()

    def all_refused(self) -> None:
        """Show again what all of them stand at: nobody is there to turn them."""
        self._asked.clear()
        self._repaint()

    @property
    def selected(self) -> Control:
        """The control that keys turn."""
        return CONTROLS[NAMES[self._selected]]

    def value(self, control: Control) -> Value:
        """What a control stands at, or will as soon as what was asked for is done; its default if nobody knows."""
        asked = self._asked.get(control.name)
        return self._values.get(control.name, control.default) if asked is None else asked.value

    # --- turning ---

    def select(self, name: str) -> None:
        """Have the keys turn another control."""
        self._choose(NAMES.index(name))

    def move(self, by: int) -> None:
        """Select the control so many lines below."""
        self._choose((self._selected + by) % len(NAMES))

    def turn(self, control: Control, value: Value) -> None:
        """Ask for a value, and show it."""
        if value != self.value(control):
            self._asked[control.name] = _Asked(value, _PATIENCE)
            self._repaint()
            self.post_message(self.Wanted(Set(control.name, value)))

    def nudge(self, control: Control, times: int) -> None:
        """Ask for a value so many nudges further."""
        by = times * control.nudge if control.is_number else max(-1, min(1, times))
        if control.is_number or control.choices:
            self.turn(control, control.nudged(self.value(control), by))
        else:
            self.post_message(self.Edit(control))

    def _choose(self, index: int) -> None:
        self._selected = index
        self._scroll()
        self._repaint()

    def _scroll(self) -> None:
        height = max(1, self.size.height)
        edge = 1 if height >= _MARKED else 0  # a line that tells what lies beyond it
        first = min(self._first, max(0, self._selected - edge))
        first = max(first, self._selected - height + 1 + edge)
        self._first = max(0, min(first, len(NAMES) - height))

    def _slide(self, by: int) -> None:
        """Scroll the list so many lines, as far as it goes; the selected one stays in sight."""
        height = max(1, self.size.height)
        last = max(0, len(NAMES) - height)
        first = max(0, min(self._first + by, last))
        if first != self._first:
            edge = 1 if height >= _MARKED else 0
            low, high = first + edge * (first > 0), first + height - 1 - edge * (first < last)
            self._first = first
            self._choose(max(low, min(self._selected, high)))

    def on_resize(self) -> None:
        """Keep the selected one in sight; it may have been painted at its new size before this."""
        self._scroll()
        self._repaint()

    # --- the mouse ---

    def _lines(self) -> Sequence[str]:
        """The name of the control in each line, empty where there is none."""
        height = self.size.height
        if height < len(NAMES):
            lines = [*NAMES[self._first : self._first + height]]
            if height >= _MARKED:
                lines[0] = lines[0] if self._first == 0 else ""
                lines[-1] = lines[-1] if self._first + height == len(NAMES) else ""
            return lines
        if height < len(NAMES) + len(_BEGINS) + _ABOUT:
            return NAMES
        return [line for name in NAMES for line in (("", name) if name in _BEGINS else (name,))]

    def _beyond(self, y: int) -> int:
        """The control a line that counts the hidden ones leads to, the nearest of them; -1 in the other lines."""
        lines = self._lines()
        if not (len(lines) < len(NAMES) and 0 <= y < len(lines)) or lines[y]:
            return -1
        return self._first if y == 0 else self._first + y

    def _at(self, y: int) -> Control | None:
        lines = self._lines()
        return CONTROLS[lines[y]] if 0 <= y < len(lines) and lines[y] else None

    def _bar(self) -> tuple[int, int]:
        """Where the sliders begin, and how wide they are."""
        room = self.size.width - _MARK - _NAME - _VALUE - 1
        return _MARK + _NAME, min(_MOST_BAR, room) if room >= _LEAST_BAR else 0

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Select what was clicked on; on its bar, take hold of it; at an end of a choice, take the next one there."""
        control, beyond = self._at(event.y), self._beyond(event.y)
        self._is_done = beyond >= 0
        if event.button > 1:
            return
        if beyond >= 0:
            self._choose(beyond)
        if control is None:
            return
        self.select(control.name)
        start, width = self._bar()
        if control.is_switch and event.x >= start:
            self.nudge(control, 1)
        elif steps := self._steps(control, event.x):
            self._is_done = True
            self.nudge(control, steps)
        elif _slides(control) and start <= event.x < start + width:
            self._dragged = control
            self.capture_mouse()
            self._drag(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Turn what is held."""
        if self._dragged is not None:
            self._drag(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of it."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Edit what was clicked on twice, by its name or its value; a word's value lists the others at once."""
        start, width = self._bar()
        control = self._at(event.y)
        if control is None or control.is_switch or self._is_done:
            return
        if event.chain != (1 if event.x >= start and not control.is_number else 2):
            return
        if not (_slides(control) and start <= event.x < start + width):
            self.post_message(self.Edit(control))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Nudge what the mouse is over; where there is nothing to nudge, scroll."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Nudge it the other way."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, times: int) -> None:
        event.stop()
        if (control := self._at(event.y)) is not None and control.nudge:
            self.nudge(control, times)
        else:
            self._slide(-times)

    def _steps(self, control: Control, x: int) -> int:
        """Where a choice is clicked on its `<` -1, on its `>` 1, else 0."""
        if control.is_switch or not control.choices or control.name in self._deaf or not self._values:
            return 0
        start, _ = self._bar()
        first, last = self.size.width - len(self._text(control)), self.size.width - 1
        return {first: -1, last: 1}.get(x, 0) if first >= start else 0

    def _drag(self, x: int) -> None:
        start, width = self._bar()
        if self._dragged is not None and width > 1:
            self.turn(self._dragged, _snapped(self._dragged, (x - start) / (width - 1)))

    # --- drawing ---

    def _repaint(self) -> None:
        self._painted = []
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget the colours of the theme before."""
        self._painted = []
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of it: painted once for as long as nothing is turned."""
        if self._light.has_changed(self) or len(self._painted) != self.size.height:
            self._painted = [Light.on(self.render_line(y), self) for y in range(self.size.height)]
        strips = self._painted[crop.y : crop.bottom]
        first, last = crop.column_span
        return strips if (first, last) == (0, self.size.width) else [strip.crop(first, last) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """A control's marks, name, slider and value; in the other lines what there is to say besides."""
        width = self.size.width
        control = self._at(y)
        if control is not None:
            part = "selected" if control is self.selected else "name"
            style = self.get_component_rich_style(f"controls--{part}")
            return Strip(self._control(control, style)).adjust_cell_length(width, style)
        lines = self._lines()
        segments = self._more(y) if y < len(lines) < len(NAMES) else self._about(y - len(lines), len(lines))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _control(self, control: Control, style: Style) -> list[Segment]:
        width, glyphs = self.size.width, self._glyphs
        selected, deaf = control is self.selected, control.name in self._deaf
        value = self.value(control)
        mark, name = style, style
        if not selected:  # whose ground is another
            mark += _ink(self.get_component_rich_style("controls--quiet"))
        if deaf:
            name += Style(strike=True) if selected else _ink(self.get_component_rich_style("controls--deaf"))
        segments = [
            Segment(glyphs.here if selected else " ", style),
            Segment(" ", style) if value == control.default else Segment(glyphs.turned, mark),
            Segment(control.name, name),
        ]
        start, bar = self._bar()
        text = self._text(control)
        room = width - start
        if self._values and not deaf and len(text) > room:  # it may stand where others have a blank
            room = width - _MARK - len(control.name) - 1
        segments.append(Segment(" " * (width - room - _MARK - len(control.name)), style))
        if deaf:
            words = DEAF if room >= len(DEAF) else "deaf"
            return [*segments, Segment(words.rjust(room), mark)]
        if not self._values:
            return [*segments, Segment((2 * glyphs.rule).rjust(room), mark)]
        if bar and _slides(control):
            segments += self._slider(control, bar, style)
            room -= bar
        text = text if len(text) <= room else text[: max(0, room - 1)] + glyphs.cut
        return [*segments, Segment(text.rjust(room), style)]

    def _slider(self, control: Control, width: int, style: Style) -> list[Segment]:
        knob = round(control.share(self.value(control)) * (width - 1))
        rests = round(control.share(0) * (width - 1)) if control.low < 0 < control.high else 0
        bar = rest = style
        if control is not self.selected:
            bar += _ink(self.get_component_rich_style("controls--bar"))
            rest += _ink(self.get_component_rich_style("controls--rest"))
        glyphs = self._glyphs
        first, last = min(knob, rests), max(knob, rests)
        filled = glyphs.rule * (last - first)
        return [
            Segment(glyphs.rest * first, rest),
            Segment(glyphs.beat_on + filled if knob < rests else filled + glyphs.beat_on, bar),
            Segment(glyphs.rest * (width - last - 1), rest),
        ]

    def _more(self, y: int) -> list[Segment]:
        """How many controls lie beyond a line."""
        glyph, more = (
            (self._glyphs.above, self._first + 1)
            if y == 0
            else (self._glyphs.below, len(NAMES) - self._first - self.size.height + 1)
        )
        return [Segment(f"{glyph} {more} more", self.get_component_rich_style("controls--quiet"))]

    def _about(self, line: int, after: int) -> list[Segment]:
        """A line about the selected control, of those that are left after the controls: what it does, what turns it."""
        width, room = self.size.width, self.size.height - after
        text = wrap(self._help(), max(1, width))
        if room >= len(text) + 2:  # a blank one first
            line, room = line - 1, room - 1
        if len(text) > room:  # half of it would say nothing
            text = []
        quiet = self.get_component_rich_style("controls--quiet")
        if 0 <= line < len(text):
            return [Segment(text[line], quiet)]
        return self._keys(quiet) if line == len(text) else []

    def _help(self) -> str:
        """What the selected control does; where that is told word by word, what the word it stands at does."""
        value = self.value(self.selected)
        about = self.selected.about(value)
        return f"{value}: {about}" if about else self.selected.help

    def _keys(self, quiet: Style) -> list[Segment]:
        """The keys that turn the selected control, as many as there is room for."""
        less, more, edit, default = (BY_ACTION[action] for action in ("less", "more", "edit", "default"))
        value = self.selected.default
        hints = (
            (f"{less.shown} {more.shown}", "turn"),
            (edit.shown, edit.title),
            (default.shown, value if isinstance(value, str) else number(value)),
        )
        key = quiet + _ink(self.get_component_rich_style("controls--bar"))
        segments: list[Segment] = []
        room = self.size.width
        for keys, words in hints:
            room -= len(keys) + len(words) + 3
            if room >= -2:
                segments += [Segment(keys, key), Segment(f" {words}  ", quiet)]
        return segments

    def _text(self, control: Control) -> str:
        value = self.value(control)
        if control.is_switch:
            return f"{self._glyphs.beat_on if value == ON else self._glyphs.beat_off} {value}"
        if isinstance(value, str):
            return f"< {value} >" if control.choices else value
        unit = control.unit.removesuffix("s") if value == 1 else control.unit
        unit = f" {unit}" if unit and len(unit) <= _UNIT else ""
        return number(value) + unit


def _ink(style: Style) -> Style:
    """A style without its background."""
    return Style(color=style.color, strike=style.strike)


def _snapped(control: Control, share: float) -> Value:
    """The value at a share (0 to 1) of the range, a whole number of nudges from its beginning."""
    value = control.scaled(share)
    if isinstance(value, str) or not control.nudge or share >= 1:
        return value
    return control.nudged(control.low, round((value - control.low) / control.nudge) * control.nudge)


def _slides(control: Control) -> bool:
    return control.is_number and control.high - control.low < _WIDEST_RANGE
