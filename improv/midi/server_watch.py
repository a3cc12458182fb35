"""The watch on the MIDI server, which is dead once its socket has hung up.

It must never ask the server: a dead one blocks the process that asks.
"""

import os
import select
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Server:
    """The MIDI server that clients talk to, which is dead once it has hung up on one.

    rtmidi does not tell, and a client of a dead JACK server accepts messages until it blocks for
    ever. Known on Linux only; elsewhere the player is found to be blocked.
    """

    def __init__(self) -> None:
        self._hung_up = select.poll() if sys.platform == "linux" else None
        self._theirs: set[tuple[int, int]] = set()

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Note which sockets the clients opened or closed in this context add or remove: they are the server's."""
        before = _sockets()
        try:
            yield
        finally:
            self._watch(before, _sockets())

    def _watch(self, before: set[tuple[int, int]], now: set[tuple[int, int]]) -> None:
        if self._hung_up is None or now == before:
            return
        for number, _ in self._theirs - now:  # a number may be another socket's by now
            self._hung_up.unregister(number)
        self._theirs = (self._theirs & now) | (now - before)
        for number, _ in self._theirs:
            self._hung_up.register(number, 0)  # hanging up is reported unasked

    @property
    def gone(self) -> bool:
        """True if the server has closed a connection."""
        return self._hung_up is not None and bool(self._hung_up.poll(0))


def jack_connections() -> frozenset[int]:
    """Return the file descriptors of this process's connections to a JACK server, one for each client."""
    found = set()
    for number, _ in _sockets():
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as end:
            there = end.getpeername() if end.family == getattr(socket, "AF_UNIX", None) else ""
            if isinstance(there, str) and "/jack_" in there:
                found.add(number)
    return frozenset(found)


def _sockets() -> set[tuple[int, int]]:
    """The sockets of this process, each by its file descriptor and its number in the system."""
    found = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 a Path for each would be waste
            with suppress(OSError):
                there = os.fstat(int(name))
                if stat.S_ISSOCK(there.st_mode):
                    found.add((int(name), there.st_ino))
    return found
