"""Order statistics of what was measured: of plans, of onsets, of a benchmark's samples."""

from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share (0 to 1) of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
