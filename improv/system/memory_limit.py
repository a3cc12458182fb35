"""A limit to the memory that something may take which nobody has tried before, where the system knows one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 1 << 30
"""That may come to what the process has: room for any network that a step has time for."""


@contextmanager
def memory_limited(more_bytes: int = MOST_BYTES) -> Iterator[None]:
    """Let this process have so much more memory at most; beyond it whatever asks for some is refused it.

    Only Linux counts what a process really may write to; elsewhere nothing is limited.
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
    """What it has by now: data and stack (proc(5), statm)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * page_bytes
    except (OSError, IndexError, ValueError):
        return 0
