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
        """Return the time in seconds since some fixed moment; it never runs backwards."""
        ...

    def wait_until(self, deadline_s: float, *, exactly: bool) -> None:
        """Wait until `deadline_s`, or return at once if it has passed; `exactly` spins for the last moments.

        Without `exactly` it may return earlier, if something has arrived.
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
        """Return the simulated time in seconds."""
        return self._now_s

    def at(self, time_s: float, call: Callable[[], None]) -> None:
        """Schedule `call` for the moment at which waiting reaches `time_s`."""
        heapq.heappush(self._script, (time_s, next(self._order), call))

    def asleep_s(self) -> float:
        """Return the simulated time of suspension, in seconds."""
        return self._asleep_s

    def oversleep(self, seconds: float) -> None:
        """Let time pass that nothing waited for, as when a machine stalls."""
        self._now_s += seconds

    def suspend(self, seconds: float) -> None:
        """Let time pass that the clock does not count, as when a laptop's lid is closed."""
        self._asleep_s += seconds

    def wait_until(self, deadline_s: float, *, exactly: bool = True) -> None:
        """Jump to the deadline, and run every scheduled call on the way."""
        while self._script and self._script[0][0] <= deadline_s:
            time_s, _, call = heapq.heappop(self._script)
            self._now_s = max(self._now_s, time_s)
            call()
        self._now_s = max(self._now_s, deadline_s)
