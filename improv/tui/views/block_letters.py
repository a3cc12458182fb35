"""Block letters, to be read from two metres: three pixels by five, two pixels to a cell. Pure."""

from collections.abc import Sequence

from improv.tui.theme.glyphs import Glyphs

PIXEL_ROWS = 5
ROWS = 3
"""Cells a letter is high, its last half cell empty."""

_FONT = {
    "A": ".#. #.# ### #.# #.#", "B": "##. #.# ##. #.# ##.", "C": "### #.. #.. #.. ###", "D": "##. #.# #.# #.# ##.",
    "E": "### #.. ##. #.. ###", "G": "### #.. #.# #.# ###", "H": "#.# #.# ### #.# #.#", "I": "# # # # #",
    "L": "#.. #.. #.. #.. ###", "M": "#...# ##.## #.#.# #...# #...#", "N": "#..# ##.# #.## #..# #..#",
    "O": "### #.# #.# #.# ###", "P": "### #.# ### #.. #..", "R": "### #.# ##. #.# #.#", "S": "### #.. ### ..# ###",
    "T": "### .#. .#. .#. .#.",
    "U": "#.# #.# #.# #.# ###", "V": "#.# #.# #.# #.# .#.", "Y": "#.# #.# .#. .#. .#.", "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###", "2": "### ..# ### #.. ###", "3": "### ..# .## ..# ###", "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###", "6": "### #.. ### #.# ###", "7": "### ..# ..# ..# ..#", "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ###", "-": "... ... ### ... ...", ".": ". . . . #", " ": "... ... ... ... ...",
}  # fmt: skip


def _pixels(text: str) -> list[str]:
    """The five lines of pixels of a text, `#` for on."""
    letters = [_FONT[letter].split() for letter in text]
    return [".".join(letter[line] for letter in letters) for line in range(PIXEL_ROWS)]


def width_of(text: str) -> int:
    """Return the width of a text in block letters, in cells."""
    return len(_pixels(text)[0]) if text else 0


def rows(text: str, glyphs: Glyphs) -> Sequence[str]:
    """Return the three rows of a text in half-block letters, each `width_of(text)` cells wide."""
    lines = [*_pixels(text), ""] if text else [""] * 6
    lines = [line.ljust(len(lines[0]), ".") for line in lines]
    return [
        "".join(
            glyphs.pixels[2 * (above == "#") + (below == "#")] for above, below in zip(*lines[at : at + 2], strict=True)
        )
        for at in range(0, 6, 2)
    ]


def large_rows(text: str, ink: str) -> Sequence[str]:
    """Return the five rows of a text in large letters, filled with the character `ink`."""
    return (
        ["".join(2 * (ink if pixel == "#" else " ") for pixel in line) for line in _pixels(text)] if text else [""] * 5
    )
