"""When onsets were due and when they were sent."""

from array import array
from collections.abc import Iterator

_SENDS_KEPT = 1 << 14


class Sends:
    """When the last onsets were due and sent, in seconds of the clock; its memory never grows."""

    def __init__(self) -> None:
        self._times_s = array("d", bytes(2 * _SENDS_KEPT * 8))
        self._count = 0

    def add(self, due_s: float, sent_s: float) -> None:
        """One more."""
        at = 2 * (self._count % _SENDS_KEPT)
        self._times_s[at], self._times_s[at + 1] = due_s, sent_s
        self._count += 1

    def lately_us(self, count: int) -> list[float]:
        """By how much the last so many were late, in microseconds."""
        return [
            (self._times_s[at + 1] - self._times_s[at]) * 1e6
            for index in range(max(0, self._count - min(count, _SENDS_KEPT)), self._count)
            for at in (2 * (index % _SENDS_KEPT),)
        ]

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """(due, sent) of each, the oldest first."""
        for index in range(max(0, self._count - _SENDS_KEPT), self._count):
            at = 2 * (index % _SENDS_KEPT)
            yield self._times_s[at], self._times_s[at + 1]
