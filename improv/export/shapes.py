"""A drawing as shapes with their places and colours, whatever kind of file it becomes: in units of a hundredth inch."""

from typing import Literal

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    """A colour, such as #00798c."""
    radius: float = 0.0
    """Of its corners."""
    outline: str = ""
    """The colour of its edge; empty for none."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line from one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text on its base line, which begins, has its middle or ends at a point."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False


Shape = Rect | Line | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Shapes in the order in which they are painted, on white."""

    width: int
    height: int
    title: str
    description: str
    """What it is a drawing of, for those who do not see it."""
    shapes: tuple[Shape, ...]


def tinted(colour: str, share: float) -> str:
    """Return a colour mixed with white: of `share` 1 itself, of 0 white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


def text_width(text: str, size: float) -> float:
    """Return about how wide a line of text is, whatever sans-serif face it is set in."""
    return 0.57 * size * len(text)
