"""Clocks: what time it is and waiting for it, real or simulated."""

import heapq
import itertools
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time and waits for it, so that a simulated one replaces both."""

    spin_s: float
    """How long before a deadline it is time to stop sleeping and to wait for it exactly."""

    def now(self) -> float:
        """Seconds since some fixed moment, never running backwards."""
        ...

    def wait_until(self, deadline_s: float, *, exactly: bool) -> None:
        """Return after `deadline_s`, at once if it has passed; `exactly` is worth some processor time.

        Without it, it may return earlier if there is something to be looked at.
        """
        ...

    def asleep_s(self) -> float:
        """Return how long the machine has been suspended so far, in seconds."""
        ...


class SimulatedClock:
    """A clock whose waiting takes no time; calls scripted for a moment happen on the way to it."""

    spin_s = 0.0

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._asleep_s = 0.0
        self._script: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Simulated seconds."""
        return self._now_s

    def at(self, time_s: float, call: Callable[[], None]) -> None:
        """Have `call` happen when waiting reaches `time_s`."""
        heapq.heappush(self._script, (time_s, next(self._order), call))

    def asleep_s(self) -> float:
        """Simulated suspension."""
        return self._asleep_s

    def oversleep(self, seconds: float) -> None:
        """Let time pass without waiting for it, as when a machine stalls."""
        self._now_s += seconds

    def suspend(self, seconds: float) -> None:
        """Let time pass that the clock does not count, as when a lid is closed."""
        self._asleep_s += seconds

    def wait_until(self, deadline_s: float, *, exactly: bool = True) -> None:
        """Jump to the deadline through every scripted call before it."""
        while self._script and self._script[0][0] <= deadline_s:
            time_s, _, call = heapq.heappop(self._script)
            self._now_s = max(self._now_s, time_s)
            call()
        self._now_s = max(self._now_s, deadline_s)
