"""A child process as it is started: a Python program, and a socket to it.

Nothing may be imported here that takes long: the first child of a jam is started before anything else is loaded.
"""

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from improv.system.programs import environment, python

_WITHOUT_GARBAGE = "import gc; gc.disable(); "
"""While modules are loaded there is no garbage: looking for it is an eighth of a start's time. `serve` turns it on."""

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""numpy starts a thread for each core as it is loaded, which no process of a jam has a use for."""


class Program(NamedTuple):
    """What a child process runs."""

    source: str
    """Python source."""
    variables: Mapping[str, str] = MappingProxyType({})
    """What its environment has beside the common variables."""


class Launched:
    """A process that runs a program, and our end of the connection to it.

    It is given copies of the descriptors in `shares`, and their numbers behind the connection's on its command line.
    """

    def __init__(self, program: Program, shares: Sequence[int] = ()) -> None:
        self.end, theirs = socket.socketpair()
        command = python("-c", _WITHOUT_GARBAGE + program.source)
        variables = _ONE_THREAD | dict(program.variables) | environment()
        with theirs:
            if os.name == "posix":
                self.process = subprocess.Popen(  # noqa: S603
                    [*command, str(theirs.fileno()), *map(str, shares)], env=variables, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno(), *shares],
                    process_group=0,  # what is typed into the terminal is for the daemon
                )  # fmt: skip
            else:  # a socket is handed over once it is known to whom
                self.process = subprocess.Popen(  # noqa: S603
                    [*command, "-"], env=variables, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                )
                shared = theirs.share(self.process.pid)  # type: ignore[attr-defined, unused-ignore]
                if self.process.stdin is not None:
                    self.process.stdin.write(shared)
                    self.process.stdin.close()

    def kill(self) -> None:
        """Kill it at once, and wait for its end."""
        self.end.close()
        self.process.kill()
        self.process.wait()
