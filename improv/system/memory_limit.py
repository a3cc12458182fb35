"""A limit to the memory that an untried network may take, where the system has such limits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 1 << 30
"""How many bytes may be added to what the process has: room for any network that a step has time for."""


@contextmanager
def memory_limited(more_bytes: int = MOST_BYTES) -> Iterator[None]:
    """Limit the memory of this process within the context: beyond the limit, allocation fails.

    Only Linux counts what a process may really write to; elsewhere nothing is limited.
    """
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415 only some systems have it

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [each for each in (_has_bytes(resource.getpagesize()) + more_bytes, soft, hard) if each >= 0]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _has_bytes(page_bytes: int) -> int:
    """Return the bytes that this process has: data and stack (proc(5), statm)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * page_bytes
    except (OSError, IndexError, ValueError):
        return 0
