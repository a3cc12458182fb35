"""A performance as a picture of lines: SVG, for browsers and for print at any size."""

from collections.abc import Iterator
from typing import BinaryIO, assert_never
from xml.sax.saxutils import escape

from improv.export.formats import Options, Progress, Write
from improv.export.performance import Performance
from improv.export.piano_roll import piano_roll
from improv.export.shapes import Drawing, Line, Rect, Shape, Text

_FONT = "Aileron, Inter, Helvetica Neue, Helvetica, Arial, sans-serif"


def svg_writer(options: Options) -> Write:
    """Return what writes such files: it needs nothing to be ready."""
    return _write


def _write(performance: Performance, out: BinaryIO, progress: Progress) -> str:
    """Write the piano roll of a performance as an SVG file."""
    out.write("\n".join(svg_lines(piano_roll(performance))).encode())
    return ""


def svg_lines(drawing: Drawing) -> Iterator[str]:
    """Yield the lines of an SVG file that shows a drawing."""
    size = f'width="{drawing.width}" height="{drawing.height}" viewBox="0 0 {drawing.width} {drawing.height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}" role="img">'
    yield f"<title>{_escaped(drawing.title)}</title>"
    yield f"<desc>{_escaped(drawing.description)}</desc>"
    yield f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>'
    yield from (_element(shape) for shape in drawing.shapes)
    yield "</svg>\n"


def _element(shape: Shape) -> str:
    match shape:
        case Rect(x, y, width, height, fill, radius, outline):
            round_ = f' rx="{_number(radius)}"' if radius else ""
            edge = f' stroke="{outline}" stroke-width="0.8"' if outline else ""
            size = f'width="{_number(width)}" height="{_number(height)}"'
            return f'<rect x="{_number(x)}" y="{_number(y)}" {size}{round_} fill="{fill}"{edge}/>'
        case Line(x1, y1, x2, y2, colour, width):
            ends = f'x1="{_number(x1)}" y1="{_number(y1)}" x2="{_number(x2)}" y2="{_number(y2)}"'
            return f'<line {ends} stroke="{colour}" stroke-width="{_number(width)}"/>'
        case Text(x, y, text, size, colour, anchor, bold):
            anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
            weight = ' font-weight="600"' if bold else ""
            place = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}"'
            return f'<text {place} fill="{colour}"{anchored}{weight}>{_escaped(text)}</text>'
        case _:
            assert_never(shape)


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _escaped(text: str) -> str:
    """Return a text without what XML may not hold, and with its own signs escaped."""
    return escape("".join(letter for letter in text if letter.isprintable()))
