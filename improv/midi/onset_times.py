"""When onsets were due and when they were sent."""

from array import array
from collections.abc import Iterator

_KEPT = 1 << 14


class OnsetTimes:
    """When each of the last onsets was due and sent, in seconds of the clock. Its memory never grows."""

    def __init__(self) -> None:
        self.count = 0
        """How many onsets there have been in all."""
        self.first_s: float | None = None
        """When the first one was sent."""
        self._times_s = array("d", bytes(2 * _KEPT * 8))

    def add(self, due_s: float, sent_s: float) -> None:
        """Count an onset by when it was due and when it was sent, in seconds of the clock."""
        at = 2 * (self.count % _KEPT)
        self._times_s[at], self._times_s[at + 1] = due_s, sent_s
        self.count += 1
        self.first_s = self.first_s or sent_s

    def lately_us(self, count: int) -> list[float]:
        """Return the lateness of the last `count` onsets in microseconds, the oldest first."""
        return [(sent_s - due_s) * 1e6 for due_s, sent_s in self._last(count)]

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """Yield (due, sent) of each that is kept, the oldest first."""
        return self._last(_KEPT)

    def _last(self, count: int) -> Iterator[tuple[float, float]]:
        for index in range(max(0, self.count - min(count, _KEPT)), self.count):
            at = 2 * (index % _KEPT)
            yield self._times_s[at], self._times_s[at + 1]
