"""The slider of a control whose values are numbers: where it lies, what a place on it means, how it is drawn."""

from rich.segment import Segment
from rich.style import Style

from improv.protocol.control import Control, Value
from improv.tui.theme.glyphs import Glyphs

_WIDEST_RANGE = 10_000
"""A wider one has no use for a slider."""


def has_slider(control: Control) -> bool:
    """Return whether a control has a slider."""
    return control.is_number and control.high - control.low < _WIDEST_RANGE


def value_on(control: Control, share: float) -> Value:
    """Return the value at a share (0 to 1) of a slider, in whole nudges from its lowest value."""
    value = control.scaled(share)
    if isinstance(value, str) or not control.nudge or share >= 1:
        return value
    return control.nudged(control.low, round((value - control.low) / control.nudge) * control.nudge)


def slider(control: Control, value: Value, width: int, glyphs: Glyphs, bar: Style, rest: Style) -> list[Segment]:
    """Return a slider `width` cells wide, filled from 0, or from the lowest value if 0 is not inside the range."""
    knob = round(control.share(value) * (width - 1))
    zero = round(control.share(0) * (width - 1)) if control.low < 0 < control.high else 0
    first, last = min(knob, zero), max(knob, zero)
    filled = glyphs.rule * (last - first)
    return [
        Segment(glyphs.gauge.rest * first, rest),
        Segment(glyphs.beat_on + filled if knob < zero else filled + glyphs.beat_on, bar),
        Segment(glyphs.gauge.rest * (width - last - 1), rest),
    ]
