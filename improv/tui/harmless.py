"""The one place where whatever is on the screen becomes harmless: what a terminal would obey is not passed on.

Ports, takes, models and files are named by others. It must never change how wide anything is.
"""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter


class Harmless(LineFilter):
    """Leaves characters that cannot be printed out of every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line, blank where there was something else than text."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [Segment(_harmless(text), style, control) for text, style, control in segments]


def _harmless(text: str) -> str:
    return "".join(character if character.isprintable() else " " * cell_len(character) for character in text)
