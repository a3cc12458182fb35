"""Child processes: each runs a piece of Python, and has a link to the process that started it."""

import os
import socket
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from improv.ipc.link import GRACE_S, Link
from improv.system.programs import environment as program_environment
from improv.system.programs import python


class Child:
    """A process that runs a piece of Python, and a link to it; a context that ends it for sure.

    It is given copies of the descriptors in `shares`, and their numbers behind the link on its command line.
    """

    def __init__(self, program: str, shares: Sequence[int] = ()) -> None:
        ours, theirs = socket.socketpair()
        command, environment = python("-c", program), program_environment()
        with theirs:
            if os.name == "posix":
                self._process = subprocess.Popen(  # noqa: S603
                    [*command, str(theirs.fileno()), *map(str, shares)], env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno(), *shares],
                    process_group=0,  # what is typed into the terminal is for the daemon
                )  # fmt: skip
            else:  # a socket is handed over once it is known to whom
                self._process = subprocess.Popen(  # noqa: S603
                    [*command, "-"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                )
                shared = theirs.share(self._process.pid)  # type: ignore[attr-defined, unused-ignore]
                if self._process.stdin is not None:
                    self._process.stdin.write(shared)
                    self._process.stdin.close()
        self.link = Link(ours)

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
        """Shut the link, on which the process ends; kill it if it takes longer than `grace_s`. May be called again."""
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


def introduce(one: Child, other: Child, *, since_s: float | None = None) -> None:
    """Connect two children with a link of their own; `since_s` as in `Join`."""
    here, there = socket.socketpair()
    one.link.join(here, one.pid, since_s=since_s)
    other.link.join(there, other.pid, since_s=since_s)
