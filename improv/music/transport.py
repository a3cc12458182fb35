"""Steps to seconds and back: the only arithmetic between music and time.

A transport is a value: a tempo change makes a new one, anchored at a step, so nothing drifts and
nothing jumps. Swing is an offset in here and never a change of the music. This room reads no
clock; it only says what a clock must offer, and holds the simulated one.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from improv.music.theory import STEPS_PER_BEAT, TICKS_PER_BEAT, TICKS_PER_STEP

STRAIGHT = 0.5
"""The swing of even eighths: the first takes half of its beat."""

_ROUNDING, _ULPS = 1e-9, 4
"""Of a step, and of the last place of a time: floats are rounded, so that `time_of(n)` may lie a little before step n.
A clock that has run for days has fewer places left behind the point."""


@dataclass(frozen=True, slots=True)
class Transport:
    """A tempo anchored at a beat: `anchor_step` sounds at `anchor_s` seconds of the clock.

    `swing` is the share of a beat that its first eighth takes, 0.5 (straight) to 0.75.
    """

    anchor_step: int
    anchor_s: float
    bpm: float
    swing: float = STRAIGHT

    @property
    def step_s(self) -> float:
        """How long an even eighth lasts, in seconds."""
        return 60 / self.bpm / STEPS_PER_BEAT

    @property
    def _anchor_beats(self) -> float:
        return self.beats_of_tick(self.anchor_step * TICKS_PER_STEP)

    def beats_of_tick(self, tick: float) -> float:
        """Where a tick is played, in beats: swing moves what lies inside a beat, never the beat itself."""
        beat, inside = divmod(tick, TICKS_PER_BEAT)
        half = TICKS_PER_BEAT / 2
        if inside <= half:
            return float(beat + self.swing * inside / half)
        return float(beat + self.swing + (1 - self.swing) * (inside - half) / half)

    def time_of_tick(self, tick: float) -> float:
        """When a tick sounds, in seconds of the clock."""
        return self.anchor_s + (self.beats_of_tick(tick) - self._anchor_beats) * 60 / self.bpm

    def time_of(self, step: int) -> float:
        """When a step begins, in seconds of the clock."""
        return self.time_of_tick(step * TICKS_PER_STEP)

    def beats_at(self, time_s: float) -> float:
        """The position that is played at a time, in beats."""
        return self._anchor_beats + (time_s - self.anchor_s) * self.bpm / 60

    def ticks_at(self, time_s: float) -> float:
        """The position that sounds at a time, in ticks and parts of a tick."""
        played = self.beats_at(time_s)
        beat = math.floor(played)
        inside = played - beat
        half = TICKS_PER_BEAT / 2
        if inside <= self.swing:
            return beat * TICKS_PER_BEAT + inside / self.swing * half
        return beat * TICKS_PER_BEAT + half + (inside - self.swing) / (1 - self.swing) * half

    def step_at(self, time_s: float) -> int:
        """The step that is sounding at a time."""
        later_s = time_s + _ULPS * math.ulp(time_s)
        return math.floor(self.ticks_at(later_s) / TICKS_PER_STEP + _ROUNDING)

    def nearest_tick(self, time_s: float, grid: int) -> int:
        """The tick nearest to a time among the multiples of `grid`; half-way belongs to the later one."""
        return math.floor(self.ticks_at(time_s) / grid + 0.5) * grid

    def with_bpm(self, bpm: float, from_step: int) -> "Transport":
        """The same music at another tempo from a step on; that step itself does not move."""
        return replace(self, anchor_step=from_step, anchor_s=self.time_of(from_step), bpm=bpm)

    def with_swing(self, swing: float, from_step: int) -> "Transport":
        """The same music with another swing from a beat on, which does not move; ValueError off the beat."""
        if from_step % STEPS_PER_BEAT:
            raise ValueError(f"step {from_step} is no beat")
        return replace(self, anchor_step=from_step, anchor_s=self.time_of(from_step), swing=swing)

    def starting(self, step: int, at_s: float) -> "Transport":
        """The same tempo and swing, a step of it sounding at a time."""
        return replace(self, anchor_step=step, anchor_s=at_s)


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
        """How long the machine has been suspended so far, in seconds."""
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
        """Let time pass that nobody waited for, as when a machine stalls."""
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
