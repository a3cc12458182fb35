"""Colours that can be read in any theme: those of a theme, moved away from its ground as far as is needed.

Contrast is that of WCAG 2.2 (1.4.3 for text, 1.4.11 for what is drawn). Pure. What is decoration, the faint lines
that guide the eye, may stay fainter.
"""

from collections.abc import Mapping, Sequence

from textual.color import Color

TEXT, DRAWN = 4.5, 3.0
"""The least contrast of text, and of anything else that says something."""

_INKS = ("text-warning", "text-primary", "text-success", "text-error", "text-accent")
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)
_NOTCHES = 40


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(ink: Color, grounds: Sequence[Color], least: float) -> Color:
    """The ink, moved towards black or white until it has the least contrast to each ground, or all there is."""
    pole = max((_BLACK, _WHITE), key=lambda pole: contrast(pole, grounds[0]))
    moved = (ink.blend(pole, notch / _NOTCHES) for notch in range(_NOTCHES))
    return next((one for one in moved if all(contrast(one, ground) >= least for ground in grounds)), pole)


def variables(theme: Mapping[str, str]) -> dict[str, str]:
    """The inks of a theme, by the names of its variables, and three of our own: quiet, rest and planned."""
    ground, ink, panel = (Color.parse(theme[name]) for name in ("background", "foreground", "panel"))
    inks = {name: legible(Color.parse(theme[name]), (ground, panel), TEXT) for name in _INKS}
    inks["quiet"] = legible(ground.blend(ink, 0.6), (ground,), TEXT)
    inks["rest"] = legible(ground.blend(ink, 0.4), (ground,), DRAWN)
    inks["planned"] = legible(ground.blend(inks["text-primary"], 0.5), (ground,), DRAWN)
    return {name: colour.hex6 for name, colour in inks.items()}


def _luminance(colour: Color) -> float:
    """WCAG's relative luminance."""
    red, green, blue = (_linear(part / 255) for part in colour.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
