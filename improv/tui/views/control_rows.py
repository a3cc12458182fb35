"""The lines of the list of controls as text and styles: a control, what lies beyond an edge, a few words about it."""

from collections.abc import Sequence
from textwrap import wrap

from rich.segment import Segment
from rich.style import Style

from improv.dataclass import dataclass
from improv.protocol.control import ON, Control, Value, number
from improv.protocol.mixer import PROGRAMS
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.control_lines import NAMES
from improv.tui.views.control_values import ControlValues
from improv.tui.views.part_rows import (
    LABEL,
    PART_OF,
    SWITCHES,
    is_turned,
    level_and_program,
    program_text,
    slider_width,
    switch_at,
    switches,
)
from improv.tui.views.slider import has_slider, slider

UNSUPPORTED, UNSUPPORTED_SHORT = "not with this network", "n/a"

_MARKS, _NAME = 2, max(LABEL + SWITCHES, *(len(name) + 1 for name in NAMES if name not in PART_OF))
"""Cells before a name, and for it."""

_VALUE, _NARROWEST_SLIDER, _WIDEST_SLIDER = 11, 4, 40
_UNIT = 6
"""Characters of the longest unit that is shown."""


@dataclass(frozen=True, slots=True)
class ControlStyles:
    """The styles of the list, each named after its part of the style sheet."""

    name: Style
    selected: Style
    bar: Style
    rest: Style
    quiet: Style
    unsupported: Style


def slider_cells(width: int) -> range:
    """Return the columns of the sliders in a list `width` cells wide; empty where there is no room."""
    start, room = _MARKS + _NAME, width - _MARKS - _NAME - _VALUE - 1
    return range(start, start + (min(_WIDEST_SLIDER, room) if room >= _NARROWEST_SLIDER else 0))


def cells_of(control: Control, width: int) -> range:
    """Return the columns of a control's slider; empty where it has none, or there is no room."""
    cells = slider_cells(width)
    if control.name in PART_OF:
        return range(cells.start, cells.start + slider_width(width - cells.start))
    return cells if has_slider(control) else range(cells.start, cells.start)


def switch_under(x: int, control: Control) -> Control | None:
    """Return the mute or the solo at a column of a part's row; None elsewhere, and in other rows."""
    return switch_at(x, _MARKS, PART_OF[control.name]) if control.name in PART_OF else None


def value_text(control: Control, value: Value, glyphs: Glyphs, now: Value | None = None) -> str:
    """Return a value as the list shows it: a number with its unit, a word between arrows, or a switch.

    `now` is the number in force where the value is a word that stands for one.
    """
    if control.is_switch:
        return f"{glyphs.beat_on if value == ON else glyphs.beat_off} {value}"
    if value in control.words and now is not None and not isinstance(now, str):
        return f"{value} {number(now)}"
    if isinstance(value, str):
        return f"< {value} >" if control.choices else value
    unit = control.unit.removesuffix("s") if value == 1 else control.unit
    unit = f" {unit}" if unit and len(unit) <= _UNIT else ""
    return number(value) + unit


def arrow_at(x: int, control: Control, values: ControlValues, width: int, glyphs: Glyphs) -> int:
    """Return -1 if column `x` is on the `<` of a word's value, 1 on its `>`, else 0."""
    if control.is_switch or not control.choices or control.name in values.unsupported or not values.are_known:
        return 0
    first, last = width - len(value_text(control, values.value(control), glyphs)), width - 1
    return {first: -1, last: 1}.get(x, 0) if first >= slider_cells(width).start else 0


def control_row(
    control: Control, values: ControlValues, width: int, glyphs: Glyphs, styles: ControlStyles, *, is_selected: bool
) -> list[Segment]:
    """Return the segments of a control's row: marks, name, slider and value."""
    style = styles.selected if is_selected else styles.name
    part = PART_OF.get(control.name)
    is_unsupported, value = control.name in values.unsupported, values.value(control)
    mark, name = style, style
    if not is_selected:  # whose background is another
        mark += _without_background(styles.quiet)
    if is_unsupported:
        name += Style(strike=True) if is_selected else _without_background(styles.unsupported)
    segments = [
        Segment(glyphs.here if is_selected else " ", style),
        Segment(glyphs.turned, mark) if _is_turned(control, values) else Segment(" ", style),
    ]
    cells = cells_of(control, width)
    if part is not None and values.are_known and not is_unsupported:
        on = style if is_selected else style + _without_background(styles.bar)
        bar, rest = (style, style) if is_selected else (on, style + _without_background(styles.rest))
        segments += [Segment(part.label.ljust(LABEL), name), *switches(part, values, on + Style(bold=True), mark)]
        segments.append(Segment(" " * (_NAME - LABEL - SWITCHES), style))
        return [*segments, *level_and_program(part, values, width - cells.start, glyphs, style, bar, rest)]
    shown = control.name if part is None else part.label
    segments.append(Segment(shown, name))
    text = value_text(control, value, glyphs, values.number(control))
    room = width - cells.start
    if values.are_known and not is_unsupported and len(text) > room:  # it may stand where others have a blank
        room = width - _MARKS - len(shown) - 1
    segments.append(Segment(" " * (width - room - _MARKS - len(shown)), style))
    if is_unsupported:
        words = UNSUPPORTED if room >= len(UNSUPPORTED) else UNSUPPORTED_SHORT
        return [*segments, Segment(words.rjust(room), mark)]
    if not values.are_known:
        return [*segments, Segment((2 * glyphs.rule).rjust(room), mark)]
    if cells:
        bar = rest = style
        if not is_selected:
            bar, rest = bar + _without_background(styles.bar), rest + _without_background(styles.rest)
        segments += slider(control, values.number(control), len(cells), glyphs, bar, rest)
        room -= len(cells)
    text = text if len(text) <= room else text[: max(0, room - 1)] + glyphs.cut
    return [*segments, Segment(text.rjust(room), style)]


def count_row(hidden: int, glyphs: Glyphs, styles: ControlStyles, *, is_above: bool) -> list[Segment]:
    """Return the segments of a row that counts the controls hidden above or below."""
    return [Segment(f"{glyphs.arrow.above if is_above else glyphs.arrow.below} {hidden} more", styles.quiet)]


def about_rows(
    control: Control, values: ControlValues, width: int, height: int, styles: ControlStyles
) -> Sequence[Sequence[Segment]]:
    """Return the rows that say what a control does and which keys turn it; none if `height` is too small."""
    value, part = values.value(control), PART_OF.get(control.name)
    about = control.about(value)
    says = f"{value}: {about}" if about else control.help
    if part is not None:
        says = f"{part.row.description}: {program_text(part, values)} ({values.value(PROGRAMS[part])})"
    text = wrap(says, max(1, width))
    blank: list[list[Segment]] = [[]] if height >= len(text) + 2 else []
    if len(text) > height - len(blank):
        text = []
    lines = [*blank, *([Segment(line, styles.quiet)] for line in text), _keys_row(control, width, styles)]
    return lines[:height]


def _is_turned(control: Control, values: ControlValues) -> bool:
    """Whether what a row shows is not at its default."""
    part = PART_OF.get(control.name)
    return values.value(control) != control.default if part is None else is_turned(part, values)


def _keys_row(control: Control, width: int, styles: ControlStyles) -> list[Segment]:
    """The keys that turn the selected control, as many as there is room for."""
    less, more, edit, default = (BY_ACTION[action] for action in ("less", "more", "edit", "default"))
    value = control.default
    hints = [(f"{less.label} {more.label}", "turn"), (edit.label, edit.title)]
    if control.name in PART_OF:
        mute, solo = (BY_ACTION[action] for action in ("mute", "solo"))
        hints = [(edit.label, "program"), (mute.label, mute.title), (solo.label, solo.title), hints[0]]
    hints.append((default.label, value if isinstance(value, str) else number(value)))
    key = styles.quiet + _without_background(styles.bar)
    segments: list[Segment] = []
    room = width
    for keys, words in hints:
        room -= len(keys) + len(words) + 3
        if room >= -2:
            segments += [Segment(keys, key), Segment(f" {words}  ", styles.quiet)]
    return segments


def _without_background(style: Style) -> Style:
    return Style(color=style.color, strike=style.strike)
