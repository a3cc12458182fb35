"""A limiter: what is too loud is made quieter before it clips, and as slowly as the ear does not notice."""

import numpy as np
from numpy.typing import NDArray

from improv.synth.engine import Samples

BLOCK = 64
"""Frames that a gain is decided for: it looks so far ahead, and delays by as much (1.3 ms)."""

_CEILING = 0.89
"""The highest sample that leaves it: -1 dB of full scale."""

_RELEASE = 0.02
"""The share of the way back to full gain in a block: some 70 ms in all."""


class Limiter:
    """Keeps samples below -1 dB of full scale, by a gain that moves in straight lines from block to block."""

    def __init__(self) -> None:
        self._gain = self._held = 1.0
        """The gain at the end of the block that left last, and the one that the block ahead needs."""
        self._ahead: Samples = np.zeros((BLOCK, 2), np.float32)

    def process(self, samples: Samples) -> Samples:
        """Return samples (a whole number of blocks, 2), limited and one block late."""
        delayed = np.concatenate((self._ahead, samples))
        self._ahead = delayed[-BLOCK:].copy()
        delayed = delayed[:-BLOCK]
        peaks = np.abs(samples).reshape(-1, BLOCK * 2).max(axis=1)  # (blocks,)
        if self._gain == self._held == 1.0 and peaks.max(initial=0.0) <= _CEILING:
            return delayed
        gains = self._gains(peaks)  # (blocks + 1,)
        ramps = np.linspace(gains[:-1], gains[1:], BLOCK, endpoint=False, axis=1)  # (blocks, frames)
        return (delayed * ramps.reshape(-1, 1)).astype(np.float32)

    def reset(self) -> None:
        """Forget what was loud, and the samples that have not left yet."""
        self._gain = self._held = 1.0
        self._ahead[:] = 0

    def _gains(self, peaks: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the gain at each bound of the blocks that leave now, from the peaks of those behind them."""
        gains = [self._gain]
        for peak in peaks:
            needed = min(1.0, _CEILING / float(peak)) if peak > 0 else 1.0
            recovered = min(1.0, gains[-1] + (1.0 - gains[-1]) * _RELEASE)
            if recovered > 0.9999:
                recovered = 1.0
            gains.append(min(self._held, needed, recovered))
            self._held = needed
        self._gain = gains[-1]
        return np.asarray(gains)
