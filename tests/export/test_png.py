"""Drawings as dots."""

from collections.abc import Iterator
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops

from improv.export.png import draw_png
from improv.export.shapes import Drawing, Rect


def small() -> Iterator[Rect]:
    """Rectangles of every small size, with and without an outline."""
    sizes = [0.2 * step for step in range(5, 30)]
    for number, (width, height, outline) in enumerate(product(sizes, sizes, ("", "#ff0000"))):
        x, y = divmod(number, 42)
        yield Rect(10.3 + 9 * x, 10.1 + 9 * y, width, height, "#0000ff", min(1.5, height / 3), outline)


def drawing(size: int, *shapes: Rect) -> Drawing:
    """A square drawing."""
    return Drawing(width=size, height=size, title="title", description="of nothing", shapes=shapes)


def test_a_note_however_short_is_drawn() -> None:
    out = BytesIO()
    draw_png(drawing(400, *small()), out)
    image = Image.open(out).convert("RGB")
    scale = image.width / 400
    for rect in small():
        left, top = round((rect.x - 1) * scale), round((rect.y - 1) * scale)
        area = (left, top, left + round((rect.width + 2) * scale), top + round((rect.height + 2) * scale))
        assert ImageChops.invert(image.crop(area)).getbbox(), rect


def test_the_corners_of_a_large_one_are_round() -> None:
    out = BytesIO()
    draw_png(drawing(100, Rect(10, 10, 50, 50, "#0000ff", 8)), out)
    image = Image.open(out).convert("RGB")
    scale = image.width / 100
    assert image.getpixel((round(10 * scale), round(10 * scale))) == image.getpixel((0, 0))
    assert image.getpixel((round(35 * scale), round(10 * scale))) == (0, 0, 255)
