"""What gets in the way of music: each as a context that loads the machine, and ends for sure.

A busy program or our own terminal interface beside the measured one, garbage made inside it, and C code that keeps
its interpreter.
It must import as little as a sender may carry, and leave nothing running.
"""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from types import TracebackType
from typing import Self

from improv.errors import Unavailable
from improv.system import programs as program

HELD_S = 0.050
"""How long the interpreter is kept at a time: a large sort, a regular expression gone wrong."""

_HOLD_EVERY_S = 0.5
_HEAP = 200_000
_GARBAGE_BURST_S = 0.020
_GARBAGE_EVERY_S = 0.100

_BUSY = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
print(flush=True)
parent = int(sys.argv[1])
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


class Condition(StrEnum):
    """What a sender has to bear."""

    ALONE = "alone"
    BUSY = "beside a busy program"
    SCREEN = "beside the terminal interface, redrawing"
    GARBAGE = "garbage made in the same program"
    HELD = "interpreter kept for 50 ms, twice a second"


def load_condition(condition: str) -> AbstractContextManager[object]:
    """Return the context in which a process is under the load of a condition; ValueError for an unknown one."""
    match Condition(condition):
        case Condition.ALONE:
            return nullcontext()
        case Condition.BUSY:
            return hog()
        case Condition.SCREEN:
            return screen()
        case Condition.GARBAGE:
            return GarbageMaker()
        case Condition.HELD:
            return Repeated(lambda: hold_interpreter(HELD_S), _HOLD_EVERY_S)


@contextmanager
def hog() -> Iterator[None]:
    """Run a program at normal priority that keeps the last allowed processor busy, until the context ends.

    The program also ends if this process is killed.
    """
    command = program.python("-c", _BUSY, str(os.getpid()))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 -- asked for above
            process.stdout.readline()
            yield
        finally:
            process.kill()


@contextmanager
def screen() -> Iterator[None]:
    """Run our terminal interface at its highest redraw rate, beside an engine and a player of its own.

    It ends with the context, or if this process is killed. Unavailable if it cannot be shown.
    """
    command = program.python("-m", "improv.diagnostics.bench.screen", str(os.getpid()))
    with subprocess.Popen(  # noqa: S603
        command, env=program.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 -- asked for above
            if not process.stdout.readline():
                raise Unavailable("the terminal interface cannot be shown here")
            yield
        finally:
            process.terminate()
            process.wait()


def hold_interpreter(seconds: float) -> None:
    """Block in a C call that never releases the interpreter lock, as sorting may; below 1 s."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(round(seconds * 1e3))
    else:
        ctypes.PyDLL(None).usleep(round(seconds * 1e6))


class Repeated:
    """Something done again and again in a thread of this program, every so many seconds, while entered."""

    def __init__(self, work: Callable[[], None], every_s: float) -> None:
        self._work = work
        self._every_s = every_s
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        while not self._ended:
            time.sleep(self._every_s)
            self._work()


class GarbageMaker(Repeated):
    """Cyclic garbage in a large heap, with collections on for as long as it is entered."""

    def __init__(self) -> None:
        super().__init__(self._litter, _GARBAGE_EVERY_S - _GARBAGE_BURST_S)
        self._heap: list[list[object]] = []
        self._collected = gc.isenabled()

    def __enter__(self) -> Self:
        self._collected = gc.isenabled()
        self._heap = [[] for _ in range(_HEAP)]
        gc.enable()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._heap.clear()
        if not self._collected:
            gc.disable()

    def _litter(self) -> None:
        until_s = time.monotonic() + _GARBAGE_BURST_S
        while time.monotonic() < until_s:
            cycle: list[object] = []
            cycle.append(cycle)
