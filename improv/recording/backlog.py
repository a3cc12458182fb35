"""The lines of a take that wait to be written: in order, bounded, and with a mark for what had to go."""

from collections import deque
from collections.abc import Iterator

from improv.recording.format import End, Entry, Line, Lost

MAX_UNWRITTEN = 100_000
"""So many lines wait for a disk that takes none, some seven hours of a jam; then the oldest go."""

TOO_LONG = "the disk has taken nothing for too long"
"""Why they go."""


class Backlog:
    """Lines that wait, the oldest first."""

    def __init__(self, first_step: int) -> None:
        self.taken_in = 0
        """How many entries were put."""
        self.last_step = first_step - 1
        """The step of the last entry that was put."""
        self._lines: deque[Line] = deque()

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def put(self, line: Line) -> Lost | None:
        """Take a line in; return which entries had to go for it, if any."""
        if isinstance(line, Entry):
            self.taken_in += 1
            self.last_step = line.step
        self._lines.append(line)
        if len(self._lines) <= MAX_UNWRITTEN:
            return None
        oldest = self._lines.popleft(), self._lines.popleft()
        mark = _mark_of(oldest)
        self._lines.appendleft(mark)
        return Lost(mark.step, sum(isinstance(line, Entry) for line in oldest), mark.why)

    def put_first(self, line: Line) -> None:
        """Put a line before all others that wait."""
        self._lines.appendleft(line)

    def take(self) -> Line:
        """Remove and return the oldest line."""
        return self._lines.popleft()


def _mark_of(oldest: tuple[Line, ...]) -> Lost:
    """Return the mark that takes the place of lines that had to go."""
    return Lost(
        max((line.step for line in oldest if not isinstance(line, End)), default=0),
        sum(line.count if isinstance(line, Lost) else isinstance(line, Entry) for line in oldest),
        next((line.why for line in oldest if isinstance(line, Lost)), TOO_LONG),
    )
