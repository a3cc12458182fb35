"""Colours that can be read in any theme: those of a theme, moved away from its ground as far as is needed.

Contrast is that of WCAG 2.2 (1.4.3 for text, 1.4.11 for what is drawn: the notes that are planned, the rest of a
slider, the keys of the piano and what marks them). Pure. What is decoration may stay fainter: the role `faint`, lines
that guide the eye; scroll bars; and what lies dimmed behind the palette or a line to type into.
"""

from collections.abc import Mapping, Sequence

from textual.color import Color

TEXT, DRAWN = 4.5, 3.0
"""The least contrast of text, and of anything else that says something."""

_GROUNDS = ("surface", "panel", "primary", "error", "error-muted", "block-cursor-background")
_INKS = ("text-warning", "text-primary", "text-success", "text-error", "text-accent")
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)
_NOTCHES = 40
_SELECTED = 0.4
"""How much of the primary colour is in the ground of what is selected."""


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(colour: Color, others: Sequence[Color], least: float) -> Color:
    """Return a colour moved towards black or white until its contrast to each of the others is at least `least`.

    It stays lighter or darker than them if that is possible. If the contrast cannot be had, it is as large as can be.
    """

    def worst(one: Color) -> float:
        return min(contrast(one, other) for other in others)

    poles = (_WHITE, _BLACK) if _luminance(colour) > _luminance(others[0]) else (_BLACK, _WHITE)
    pole = max(poles, key=lambda pole: min(least, worst(pole)))
    moved = (colour.blend(pole, notch / _NOTCHES) for notch in range(_NOTCHES))
    return next((one for one in moved if worst(one) >= least), pole)


def legible_variables(theme: Mapping[str, str]) -> dict[str, str]:
    """Return a theme's colours by variable name with enough contrast, and six more.

    These are quiet, rest and planned on the background, hint on the panel; and selected, a ground, with what is on it.
    """
    ground = Color.parse(theme["background"])
    surface, panel, primary, error, wrong, cursor = (_seen(theme[name], ground) for name in _GROUNDS)
    hovered = [_seen(theme["block-hover-background"], under) for under in (panel, ground)]
    ink = legible(_seen(theme["foreground"], ground), (panel, surface, ground, *hovered), TEXT)
    selected = ground.blend(primary, _SELECTED)
    colours = {name: legible(_seen(theme[name], ground), (ground, panel), TEXT) for name in _INKS}
    colours |= {
        "foreground": ink,
        "quiet": legible(ground.blend(ink, 0.6), (ground,), TEXT),
        "rest": legible(ground.blend(ink, 0.4), (ground,), DRAWN),
        "planned": legible(ground.blend(colours["text-primary"], 0.75), (ground,), DRAWN),
        "hint": legible(panel.blend(ink, 0.8), (panel, hovered[0], selected), TEXT),
        "selected": selected,
        "on-selected": legible(ink, (selected,), TEXT),
        "block-cursor-foreground": legible(_seen(theme["block-cursor-foreground"], cursor), (cursor,), TEXT),
        "error": legible(error, (error.get_contrast_text(1.0),), TEXT),
        "error-muted": legible(wrong, (ink,), TEXT),
    }
    return {name: colour.hex6 for name, colour in colours.items()}


def _seen(colour: str, ground: Color) -> Color:
    """A colour of a theme as it is seen on a ground: `auto` is black or white, a percentage how much of it there is."""
    name, _, share = colour.partition(" ")
    found = ground.get_contrast_text(1.0) if name == "auto" else Color.parse(name)
    return ground + (found.multiply_alpha(float(share.removesuffix("%")) / 100) if share else found)


def _luminance(colour: Color) -> float:
    """WCAG's relative luminance."""
    red, green, blue = (_linear(part / 255) for part in colour.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
