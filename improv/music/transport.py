"""Steps to seconds and back: the only arithmetic between music and time.

A transport is a value: a tempo change makes a new one, anchored at a step, so nothing drifts and
nothing jumps. Swing is an offset in here and never a change of the music. This room reads no
clock; it only says what a clock must offer, and holds the simulated one.
"""

import math
from dataclasses import replace

from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, TICKS_PER_BEAT, Grid

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
    grid: Grid = EIGHTHS
    """The steps that are counted."""

    @property
    def step_s(self) -> float:
        """Length of a step without swing, in seconds."""
        return 60 / self.bpm / self.grid.steps_per_beat

    @property
    def _anchor_beats(self) -> float:
        return self.beats_of_tick(self.anchor_step * self.grid.ticks_per_step)

    def beats_of_tick(self, tick: float) -> float:
        """Return when a tick is played, in beats: swing moves what lies inside a beat, never the beat itself."""
        beat, inside = divmod(tick, TICKS_PER_BEAT)
        half = TICKS_PER_BEAT / 2
        if inside <= half:
            return float(beat + self.swing * inside / half)
        return float(beat + self.swing + (1 - self.swing) * (inside - half) / half)

    def time_of_tick(self, tick: float) -> float:
        """Return when a tick sounds, in seconds of the clock."""
        return self.anchor_s + (self.beats_of_tick(tick) - self._anchor_beats) * 60 / self.bpm

    def time_of(self, step: int) -> float:
        """Return when a step begins, in seconds of the clock."""
        return self.time_of_tick(step * self.grid.ticks_per_step)

    def beats_at(self, time_s: float) -> float:
        """Return the position at a time (seconds of the clock), in beats."""
        return self._anchor_beats + (time_s - self.anchor_s) * self.bpm / 60

    def ticks_at(self, time_s: float) -> float:
        """Return the position at a time (seconds of the clock), in ticks and fractions of one."""
        return self.tick_of_beats(self.beats_at(time_s))

    def tick_of_beats(self, beats: float) -> float:
        """Return the tick, fractions too, that is played at a position in beats: the inverse of `beats_of_tick`."""
        beat = math.floor(beats)
        inside = beats - beat
        half = TICKS_PER_BEAT / 2
        if inside <= self.swing:
            return beat * TICKS_PER_BEAT + inside / self.swing * half
        return beat * TICKS_PER_BEAT + half + (inside - self.swing) / (1 - self.swing) * half

    def step_at(self, time_s: float) -> int:
        """Return the step that sounds at a time, in seconds of the clock."""
        later_s = time_s + _ULPS * math.ulp(time_s)
        return math.floor(self.ticks_at(later_s) / self.grid.ticks_per_step + _ROUNDING)

    def nearest_tick(self, time_s: float, every: int) -> int:
        """Return the tick nearest to a time among the multiples of `every`; the later one if half-way."""
        return math.floor(self.ticks_at(time_s) / every + 0.5) * every

    def with_bpm(self, bpm: float, from_step: int) -> "Transport":
        """Return the transport with another tempo from a step on; the time of that step stays."""
        return replace(self, anchor_step=from_step, anchor_s=self.time_of(from_step), bpm=bpm)

    def with_swing(self, swing: float, from_step: int) -> "Transport":
        """Return the transport with another swing from a step on, whose time stays; ValueError off the beat."""
        if from_step % self.grid.steps_per_beat:
            raise ValueError(f"step {from_step} is no beat")
        return replace(self, anchor_step=from_step, anchor_s=self.time_of(from_step), swing=swing)

    def starting(self, step: int, at_s: float) -> "Transport":
        """Return a transport of the same tempo and swing in which a step sounds at `at_s` seconds."""
        return replace(self, anchor_step=step, anchor_s=at_s)
