"""How much of a processor the screen may take while the music plays, as a token bucket.

Where the tempo is fast or the machine slow the screen skips steps, and takes no more.
"""

import time
from collections.abc import Callable

SHARE = 0.045
"""The share of one core that drawing may take; what else the interface does comes on top, and is little."""

_MOST_S = 0.1
"""What may be saved up, in seconds of processor time: some frames in a row."""

_LEAST_S = -SHARE
"""What may be owed: a second's worth, so that after a storm of keys the music is soon seen again."""


class DrawingBudget:
    """Processor time for drawing, in seconds: it grows with the time that passes and shrinks with what is used."""

    def __init__(
        self,
        share: float = SHARE,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        self._share = share
        self._clock, self._used = clock, used
        self._seen_s, self._used_s = clock(), used()
        self._left_s = _MOST_S

    def left_s(self) -> float:
        """Return the processor time left for drawing, in seconds; negative if overdrawn."""
        now_s, used_s = self._clock(), self._used()
        gained_s = self._share * (now_s - self._seen_s) - (used_s - self._used_s)
        self._left_s = max(_LEAST_S, min(_MOST_S, self._left_s + gained_s))
        self._seen_s, self._used_s = now_s, used_s
        return self._left_s

    def wait_s(self) -> float:
        """Return the seconds until drawing is no longer overdrawn."""
        return max(0.0, -self.left_s() / self._share)
