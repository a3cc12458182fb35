"""What a synth engine is: MIDI messages in, each with its time, and samples out.

An engine knows no clock, no device and no part: its time is what it has rendered. It must never wait.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
"""Frames a second of everything that is rendered; a device that has another rate converts."""

Samples = NDArray[np.float32]  # (frames, 2): left and right, full scale at 1


class SynthEngine(Protocol):
    """Sixteen MIDI channels of General MIDI sounds."""

    @property
    def description(self) -> str:
        """Its name, and what its sounds come from."""
        ...

    @property
    def lead_s(self) -> float:
        """How long before it is due it may need a message, in seconds: some instruments begin late, and are played so
        much sooner."""
        ...

    @property
    def known_lufs(self) -> Mapping[tuple[int, int], float]:
        """How loud it plays the phrase of a channel with a program, in LUFS, where that need not be measured."""
        ...

    def load(self, font: Path | None) -> None:
        """Make its sounds ready, those of a SoundFont file if one is given; DataError for a file it cannot use."""
        ...

    def send(self, message: bytes, time_s: float) -> None:
        """Sound a MIDI message at a time, in seconds of what has been rendered; as soon as it can if it comes late.

        What is sent `lead_s` before its time is in time.
        """
        ...

    def render(self, frames: int) -> Samples:
        """Return the next samples, (frames, 2)."""
        ...

    def panic(self) -> None:
        """Cut what sounds, its tails too, and forget what was sent and is not due yet; channels may be as at first."""
        ...


class DueMessages:
    """Messages that are not due yet, in order of their times, and the frames rendered so far."""

    def __init__(self) -> None:
        self.frame = 0
        """How many frames have been rendered."""
        self._waiting: list[tuple[int, int, bytes]] = []
        self._order = itertools.count()

    def put(self, message: bytes, time_s: float) -> None:
        """Keep a message until its time, in seconds of what has been rendered."""
        heapq.heappush(self._waiting, (max(self.frame, round(time_s * RATE_HZ)), next(self._order), message))

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()

    def render(self, frames: int, apply: Callable[[bytes], None], fill: Callable[[Samples], None]) -> Samples:
        """Return the next samples: `apply` takes each message at its frame, `fill` writes what lies between."""
        out = np.empty((frames, 2), np.float32)
        done = 0
        while done < frames:
            while self._waiting and self._waiting[0][0] <= self.frame + done:
                apply(heapq.heappop(self._waiting)[2])
            until = min(frames, self._waiting[0][0] - self.frame) if self._waiting else frames
            fill(out[done:until])
            done = until
        self.frame += frames
        return out
