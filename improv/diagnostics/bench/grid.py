"""The grid every sender plays, and the file in which it says when it sent: shared by both ends of a comparison.

24 pulses a quarter at 120 bpm, one onset each 20.833 ms. It must stay as light as this: what it
imports, every sender carries into its measured process.
"""

from array import array
from collections.abc import Sequence
from pathlib import Path

PULSES_PER_BEAT = 24
BPM = 120
PERIOD_S = 60 / BPM / PULSES_PER_BEAT

LEAD = 12
"""Onsets that are sent first and count for nothing: a program that has just started is still warming up."""


def onsets(seconds: float) -> int:
    """Return how many onsets a sender sends in a number of seconds, those before the grid starts among them."""
    return LEAD + max(1, round(seconds / PERIOD_S))


def write(out: Path, moments_ns: Sequence[int]) -> None:
    """Write times of `time.monotonic_ns` to a file as 64-bit integers in native byte order."""
    out.write_bytes(array("q", moments_ns).tobytes())


def read(path: Path) -> list[int]:
    """Return the times in a file that `write` made, in nanoseconds."""
    moments = array("q")
    moments.frombytes(path.read_bytes())
    return moments.tolist()
