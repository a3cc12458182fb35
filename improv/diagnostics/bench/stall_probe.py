"""The stall probe beside a measurement: which times were the machine's fault and not ours.

The probe is a small C program. Without a C compiler, or elsewhere than on Linux, there is none and
every figure stays raw. It must
never fail a measurement: whatever goes wrong makes it unavailable, and `why_not` says why.
"""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from improv.diagnostics.bench.compiler import compiled
from improv.diagnostics.bench.statistics import Stall

_SOURCE = Path(__file__).with_name("stall_probe.c")
_END_TIMEOUT_S = 10


class Probe(Protocol):
    """Something that watches the machine while it is entered; what it saw is known once it is left."""

    available: bool
    realtime: bool
    why_not: str
    stalls: tuple[Stall, ...]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class StallProbe:
    """The compiled probe as a context; it can be entered again, and then forgets what it saw before.

    `available` says whether it watched, `realtime` whether under SCHED_FIFO: without that it also
    takes other programs of normal priority for stalls.
    """

    def __init__(self) -> None:
        self.available = False
        self.realtime = False
        self.why_not = "it has not been started"
        self.stalls: tuple[Stall, ...] = ()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.available, self.realtime, self.why_not, self.stalls = False, False, "", ()
        try:
            program = compiled(_SOURCE)
            self._process = subprocess.Popen(  # noqa: S603
                [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            self.why_not = str(error)
            return self
        assert self._process.stdout is not None  # noqa: S101 -- asked for above
        self.available = self._process.stdout.readline() == "ready\n"
        self.why_not = "" if self.available else "it does not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            printed, _ = process.communicate(timeout=_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        self._read(printed, process.returncode)

    def _read(self, printed: str, status: int) -> None:
        lines = printed.splitlines()
        if not self.available or status or not lines or not lines[0].startswith("realtime "):
            self.available = False
            self.why_not = self.why_not or f"it ended with status {status}"
            return
        self.realtime = lines[0] == "realtime 1"
        numbers = (tuple(map(int, line.split())) for line in lines[1:])
        self.stalls = tuple(Stall(start / 1e9, end / 1e9, cpu) for start, end, cpu in numbers)
