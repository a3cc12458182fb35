"""A performance as a picture of dots: PNG, drawn by Pillow with the font that it brings along."""

from functools import lru_cache
from typing import BinaryIO, assert_never

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from improv.errors import UsageError
from improv.export.formats import Options, Progress, Write
from improv.export.performance import Performance
from improv.export.piano_roll import piano_roll
from improv.export.shapes import Drawing, Line, Rect, Shape, Text

_SCALES = (2.0, 1.5, 1.0)
"""Dots for a unit of the drawing: the first with which the picture has no more than so many dots."""
_MOST_DOTS = 60_000_000

_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
"""As Pillow calls them: left, middle or right, on the base line."""


def png_writer(options: Options) -> Write:
    """Return what writes such files: it needs nothing to be ready."""
    return _write


def _write(performance: Performance, out: BinaryIO, progress: Progress) -> str:
    draw_png(piano_roll(performance), out, progress)
    return ""


def draw_png(drawing: Drawing, out: BinaryIO, progress: Progress = float) -> None:
    """Write a drawing as a PNG file; UsageError for one that is too large."""
    scale = _scale(drawing)
    image = Image.new("RGB", (round(drawing.width * scale), round(drawing.height * scale)), "white")
    draw = ImageDraw.Draw(image)
    for number, shape in enumerate(drawing.shapes):
        _paint(draw, shape, scale)
        if number % 1000 == 0:
            progress(0.6 * number / len(drawing.shapes))
    said = PngInfo()
    said.add_itxt("Title", drawing.title)
    said.add_itxt("Description", drawing.description)
    image.save(out, "PNG", pnginfo=said, dpi=(100 * scale, 100 * scale))


def _scale(drawing: Drawing) -> float:
    for scale in _SCALES:
        if drawing.width * drawing.height * scale**2 <= _MOST_DOTS:
            return scale
    raise UsageError("it is too long for a picture of dots; give a name that ends in .svg")


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, scale: float) -> None:
    match shape:
        case Rect(x, y, width, height, fill, radius, outline):
            corners = (x * scale, y * scale, (x + width) * scale - 1, (y + height) * scale - 1)
            left, top, right, bottom = (round(each) for each in corners)
            right, bottom = max(left, right), max(top, bottom)
            rounded = int(min(radius * scale, (right - left) / 2, (bottom - top) / 2))  # Pillow draws whole ones right
            draw.rounded_rectangle(
                (left, top, right, bottom), rounded, fill, outline or None, max(1, round(0.8 * scale))
            )
        case Line(x1, y1, x2, y2, colour, width):
            points = [round(each * scale) for each in (x1, y1, x2, y2)]
            draw.line(points, colour, max(1, round(width * scale)))
        case Text(x, y, text, size, colour, anchor, bold):
            weight = size * scale * 0.022 if bold else 0
            text = "".join(letter for letter in text if letter.isprintable())
            font = _font(size * scale)
            draw.text((x * scale, y * scale), text, colour, font, _ANCHORS[anchor], stroke_width=weight)
        case _:
            assert_never(shape)


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
