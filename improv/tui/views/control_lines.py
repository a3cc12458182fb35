"""Which control each line of the list of controls shows. Pure: a window over the list as a value.

Where not all of them fit, the first and the last line count those beyond them.
"""

from collections.abc import Sequence
from dataclasses import replace

from improv.dataclass import dataclass
from improv.protocol.control import Control
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import PART_CONTROLS
from improv.tui.views.part_rows import PART_OF, row_of

NAMES = (*(name for name, control in CONTROLS.items() if control not in PART_CONTROLS), *PART_OF)
"""The controls that have a line: all but those of the mixer, then a part's level for each part."""

_GROUP_STARTS = ("temperature", "model", next(iter(PART_OF)))
"""Where a group begins: after how the time is shared what the answer is like, then what plays, then the mixer."""

_COUNTED = 4
"""Lines from which on the first and the last may count the controls beyond them."""

_ABOUT = 3
"""Lines for a few words about the selected control: a blank one, what it does, the keys that turn it."""


@dataclass(frozen=True, slots=True)
class ControlLines:
    """A window on the controls: `height` lines from the one at `first` on, and the one that keys turn."""

    height: int = 0
    first: int = 0
    selected: int = 0

    @property
    def names(self) -> Sequence[str]:
        """The control's name in each line, empty for lines without one."""
        if self.height < len(NAMES):
            names = [*NAMES[self.first : self.first + self.height]]
            if self.height >= _COUNTED:
                names[0] = names[0] if self.first == 0 else ""
                names[-1] = names[-1] if self.first + self.height == len(NAMES) else ""
            return names
        if self.height < len(NAMES) + len(_GROUP_STARTS) + _ABOUT:
            return NAMES
        return [line for name in NAMES for line in (("", name) if name in _GROUP_STARTS else (name,))]

    def control_at(self, y: int) -> Control | None:
        """Return the control in a line; None if there is none."""
        names = self.names
        return CONTROLS[names[y]] if 0 <= y < len(names) and names[y] else None

    def is_count(self, y: int) -> bool:
        """Return whether a line shows the number of hidden controls."""
        names = self.names
        return len(names) < len(NAMES) and 0 <= y < len(names) and not names[y]

    def hidden_at(self, y: int) -> int:
        """Return the index of the nearest control that a count line hides."""
        return self.first if y == 0 else self.first + y

    def hidden(self, y: int) -> int:
        """Return the number of controls that a count line hides."""
        return self.first + 1 if y == 0 else len(NAMES) - self.first - self.height + 1

    def select_line_of(self, name: str) -> "ControlLines":
        """Return the window with the line selected that shows a control."""
        return self.select(NAMES.index(row_of(name)))

    def select(self, place: int) -> "ControlLines":
        """Return the window with another control selected and visible."""
        return replace(self, selected=place).fitted()

    def fitted(self) -> "ControlLines":
        """Return the window scrolled as little as needed to show the selected control."""
        height, edge = max(1, self.height), self._edge
        first = min(self.first, max(0, self.selected - edge))
        first = max(first, self.selected - height + 1 + edge)
        return replace(self, first=max(0, min(first, len(NAMES) - height)))

    def scroll(self, by: int) -> "ControlLines":
        """Return the window scrolled down by lines, as far as the selected control stays visible."""
        height, edge = max(1, self.height), self._edge
        last = max(0, len(NAMES) - height)
        first = max(0, min(self.first + by, last))
        if first == self.first:
            return self
        low, high = first + edge * (first > 0), first + height - 1 - edge * (first < last)
        return replace(self, first=first).select(max(low, min(self.selected, high)))

    @property
    def _edge(self) -> int:
        """Lines above and below the selected control that may count what lies beyond them."""
        return 1 if self.height >= _COUNTED else 0
