"""Child processes: each runs a program, and has a link to the process that started it."""

import socket
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from improv.ipc.launch import Launched, Program
from improv.ipc.link import GRACE_S, Link


class Child:
    """A process that runs a program, and a link to it; a context that ends it for sure.

    `shares` as in `Launched`; `launched` is such a process that was started before.
    """

    def __init__(self, program: Program, shares: Sequence[int] = (), *, launched: Launched | None = None) -> None:
        launched = launched or Launched(program, shares)
        self._process = launched.process
        self.link = Link(launched.end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process number of the child."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """True once the child has closed its end of the link, and everything that it sent has been read."""
        return self.link.closed

    def end(self, grace_s: float = GRACE_S) -> None:
        """Close the link, which ends the process; kill it after `grace_s` seconds. May be called again."""
        self.link.close()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the child at once, and wait for its end."""
        self.link.close()
        self._process.kill()
        self._process.wait()


def introduce(one: Child, other: Child, *, since_s: float | None = None, sounds: bool = False) -> None:
    """Connect two child processes with a direct link; `since_s` and `sounds` as in `Join`."""
    here, there = socket.socketpair()
    one.link.join(here, one.pid, since_s=since_s, sounds=sounds)
    other.link.join(there, other.pid, since_s=since_s, sounds=sounds)
