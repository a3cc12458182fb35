"""Control characters, kept from the terminal: it would obey those in the names of ports, takes, models and files.

Nothing changes its width.
"""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter


class ControlCharacterFilter(LineFilter):
    """Replaces characters that cannot be printed by blanks, in every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line without control characters."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [Segment(_printable(text), style, control) for text, style, control in segments]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " * cell_len(character) for character in text)
