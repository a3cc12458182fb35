"""The clock of the machine."""

import ctypes
import select
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

_SPIN_S = 700e-6
"""How long before a deadline sleeping ends and spinning begins: covers oversleeping, and waking up."""

_PR_SET_TIMERSLACK = 29


class SystemClock:
    """The monotonic clock of the machine, waited for by sleeping first and spinning last.

    Sleeping ends early when something arrives at one of `links()`, whose `has_data` is set then, and when one of them
    that has something to send (`waits`) can go on with it, as it does then.
    """

    spin_s = _SPIN_S

    def __init__(self, links: Callable[[], Sequence[Any]] = tuple) -> None:
        self._links = links
        if sys.platform == "linux":  # ask for wake-ups on time rather than bundled within 50 us
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)

    def now(self) -> float:
        """Return the time in seconds of `time.monotonic`, which all processes of a machine share."""
        return time.monotonic()

    def asleep_s(self) -> float:
        """Return how long the machine has been suspended since it started, in seconds; 0 where that is not known."""
        if not hasattr(time, "CLOCK_BOOTTIME"):
            return 0.0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def wait_until(self, deadline_s: float, *, exactly: bool) -> None:
        """Wait until a time in seconds: asleep, and spinning at the end if `exactly`."""
        if exactly:
            while time.monotonic() < deadline_s:
                pass
            return
        sleep_s = max(0.0, min(deadline_s - time.monotonic(), 3600))
        if links := self._links():  # looked at even where there is no time to sleep
            readable, writable, _ = select.select(links, [link for link in links if link.waits], (), sleep_s)
            for link in readable:
                link.has_data = True
            for link in writable:
                link.flush()
        else:
            time.sleep(sleep_s)
