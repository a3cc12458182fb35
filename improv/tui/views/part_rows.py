"""The rows of the mixer in the list of controls: a part, its mute and solo, its level and its program.

Where there is too little room the program is left out; the words below the list say it.
"""

from rich.segment import Segment
from rich.style import Style

from improv.music.parts import MIXED_PARTS, Part
from improv.protocol.control import ON, Control
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import COLUMNS, LEVELS, MUTES, PROGRAMS, SOLOS
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.control_values import ControlValues
from improv.tui.views.slider import slider

LABEL = max(len(part.label) for part in MIXED_PARTS) + 1
"""Cells for the name of a part."""

SWITCHES = 4
"""Cells for mute and solo, each with a blank behind it."""

_LEVEL = 3
_NARROWEST_SLIDER, _WIDEST_SLIDER, _NARROWEST_PROGRAM = 4, 20, 8

PART_OF = {LEVELS[part].name: part for part in MIXED_PARTS}
"""The part that has the row of the control with this name."""


def row_of(name: str) -> str:
    """Return the name of the control that has the row in which a control is shown: its part's level, or itself."""
    control = CONTROLS[name]
    return next((LEVELS[part].name for column in COLUMNS.values() for part in column if column[part] is control), name)


def switch_at(x: int, start: int, part: Part) -> Control | None:
    """Return the mute or the solo of a part at a column of its row, whose label begins at `start`; None elsewhere."""
    return {start + LABEL: MUTES[part], start + LABEL + 2: SOLOS[part]}.get(x)


def slider_width(room: int) -> int:
    """Return the length of the slider where a level and a program have `room` cells; 0 where there is none for it."""
    length = min(_WIDEST_SLIDER, (room - _LEVEL - 1) * 2 // 5)
    return length if length >= _NARROWEST_SLIDER else 0


def program_width(room: int) -> int:
    """Return the cells for the name of the program, where a level and a program have `room` cells; 0 if too few."""
    left = room - slider_width(room) - _LEVEL - 2
    return left if left >= _NARROWEST_PROGRAM else 0


def program_text(part: Part, values: ControlValues) -> str:
    """Return the name of a part's program, or its number where that has none."""
    control = PROGRAMS[part]
    value = values.value(control)
    return control.name_of(value) or f"{'kit' if part.is_percussion else 'program'} {value}"


def is_heard(part: Part, values: ControlValues) -> bool:
    """Return whether a part is heard, as its switches stand: not muted, and soloed if any part is."""
    soloed = values.value(SOLOS[part]) == ON or all(values.value(solo) != ON for solo in SOLOS.values())
    return soloed and values.value(MUTES[part]) != ON


def is_turned(part: Part, values: ControlValues) -> bool:
    """Return whether anything of a part is not at its default."""
    return any(values.value(column[part]) != column[part].default for column in COLUMNS.values())


def switches(part: Part, values: ControlValues, on: Style, off: Style) -> list[Segment]:
    """Return the mute and the solo of a part: a capital where it is on."""
    segments = []
    for letter, column in (("m", MUTES), ("s", SOLOS)):
        is_on = values.value(column[part]) == ON
        segments += [Segment(letter.upper() if is_on else letter, on if is_on else off), Segment(" ", off)]
    return segments


def level_and_program(
    part: Part, values: ControlValues, room: int, glyphs: Glyphs, text: Style, bar: Style, rest: Style
) -> list[Segment]:
    """Return the slider of a part's level, the level, and the name of its program, in `room` cells."""
    level, length, names = values.value(LEVELS[part]), slider_width(room), program_width(room)
    filled = bar if is_heard(part, values) else rest
    segments = slider(LEVELS[part], level, length, glyphs, filled, rest) if length else []
    if not names:
        return [*segments, Segment(str(level).rjust(room - length), text)]
    name = shortened(program_text(part, values), names)
    return [*segments, Segment(f"{level:>{_LEVEL + 1}} {name:>{names}}", text)]


def shortened(name: str, cells: int) -> str:
    """Return as many of a name's words as fit in a number of cells, and some letters of the first at least."""
    while len(name) > cells and " " in name:
        name = name.rpartition(" ")[0]
    return name[:cells]
