"""Senders of the grid, seen from the outside: a call that takes a time and returns samples.

Each runs in a process of its own and tells of itself through a file. Nothing in here may be measured,
so nothing in here runs while something is.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from improv.dataclass import dataclass
from improv.diagnostics.bench.compiler import compiled
from improv.diagnostics.bench.grid import LEAD, PERIOD_S, onsets, read
from improv.diagnostics.bench.reference_senders import NOT_INSTALLED
from improv.diagnostics.bench.statistics import Samples
from improv.errors import ImprovError, Unavailable
from improv.system import programs as program

_PATIENCE_S = 60

_C_THREAD = Path(__file__).with_name("c_thread.c")


class Sender(Protocol):
    """Sends the grid for some seconds under a condition of `improv.diagnostics.bench.load_conditions`."""

    def __call__(self, seconds: float, condition: str) -> Samples:
        """When each onset was due and sent; Unavailable if it cannot run on this machine."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program's sender; its deadlines are those of the even grid that lies nearest to its sends."""

    name: str

    def __call__(self, seconds: float, condition: str) -> Samples:
        """Run it and read its stamps."""
        sent_ns = _run("improv.diagnostics.bench.reference_senders", [self.name], seconds, condition)
        return Samples.on_grid([moment / 1e9 for moment in sent_ns[LEAD:]], PERIOD_S)


@dataclass(frozen=True, slots=True)
class OneProcess:
    """Our clock in one process with whatever the condition puts there; its deadlines are its own."""

    def __call__(self, seconds: float, condition: str) -> Samples:
        """Run it and read its deadlines and stamps."""
        moments_ns = _run("improv.diagnostics.bench.clock_sender", [], seconds, condition)[2 * LEAD :]
        moments_s = [moment / 1e9 for moment in moments_ns]
        return Samples(tuple(moments_s[::2]), tuple(moments_s[1::2]))


@dataclass(frozen=True, slots=True)
class CThread:
    """A thread in C that only sleeps to each deadline, at a real-time priority where that is granted."""

    priority: int

    def __call__(self, seconds: float, condition: str) -> Samples:
        """Run it and read its deadlines and stamps; Unavailable without a C compiler."""
        count = onsets(seconds)
        try:
            program_ = compiled(_C_THREAD)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(str(error)) from error
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "moments"
            command = [str(program_), str(count), str(round(PERIOD_S * 1e9)), str(self.priority), str(out)]
            subprocess.run(command, check=True, timeout=seconds + _PATIENCE_S)  # noqa: S603
            moments_s = [moment / 1e9 for moment in read(out)[2 * LEAD :]]
        return Samples(tuple(moments_s[::2]), tuple(moments_s[1::2]))


def _run(module: str, first: Sequence[str], seconds: float, condition: str) -> list[int]:
    """Return what a sender of its own process wrote, in nanoseconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "moments"
        done = subprocess.run(  # noqa: S603
            program.python("-m", module, *first, str(seconds), str(out), condition),
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=seconds + _PATIENCE_S,
        )
        said = done.stderr.strip().splitlines()
        if done.returncode == NOT_INSTALLED:
            raise Unavailable(f"{' '.join(first)} is not installed ({said[-1] if said else 'no reason given'})")
        if done.returncode:
            raise ImprovError(f"{module} {' '.join(first)} failed: {said[-1] if said else done.returncode}")
        return read(out)
