"""Gaps: time that passed unnoticed, because the machine was suspended or the process stopped."""

from math import inf

from improv.music.clock import Clock

GAP_S = 1.0
"""So much time that passed unnoticed is a gap."""


class GapDetector:
    """Compares the time with when the player meant to wake up, and with how long the machine has been suspended."""

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        """How many gaps there have been."""
        self._clock = clock
        self._wakes_s = inf
        self._asleep_s = clock.asleep_s()

    def will_wait_until(self, time_s: float) -> None:
        """Note when this process means to wake up next, in seconds of the clock."""
        self._wakes_s = time_s

    def has_passed(self, now_s: float) -> bool:
        """Return whether this process slept far past its time before `now_s`, and begin anew."""
        asleep_s = self._clock.asleep_s()
        gap = now_s - self._wakes_s > GAP_S or asleep_s - self._asleep_s > GAP_S
        self._wakes_s, self._asleep_s = inf, asleep_s
        self.count += gap
        return gap
