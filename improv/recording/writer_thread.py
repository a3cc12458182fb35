"""Writing a take while the music goes on: append-only, from a thread of its own.

What is acknowledged is in the file, whatever happens to this process next; what is missing is marked there, and said.
It must never raise into the music, hold up the thread that appends, or touch a line that is written.
"""

import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from improv.recording.backlog import MAX_UNWRITTEN, TOO_LONG
from improv.recording.disk import Disk
from improv.recording.format import End, Entry, Head, Line, Lost, Remark, State
from improv.recording.writer import Writer

_CLOSING_S = 0.3
"""Leaving a journal waits so long for a disk that takes nothing, and longer as long as it takes something."""

_HANGS_S = 2.0
"""A disk that has not answered for so long hangs."""

_AGAIN_S = 1.0


class Journal:
    """The take of a performance that goes on; a context, and appended to from one thread.

    A directory that cannot be written to is no error but a `fault`, and tried again every second; so are a file that
    is taken away, and a thread that dies. Past `limit_bytes` a take ends, and the recording goes on in another.
    Leaving it waits at most `patience_s` for a disk that takes nothing, and so does entering it.
    """

    def __init__(
        self,
        directory: Path,
        head: Head,
        *,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = _CLOSING_S,
        limit_bytes: int | None = None,
    ) -> None:
        self._writer = Writer(directory, head, disk or Disk(), limit_bytes=limit_bytes)
        self._clock = clock
        self._patience_s = patience_s
        self._queue: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._tried: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._appended = 0
        self._overflow = Lost(0, 0, "")  # entries that left a full queue; written by the appending thread alone
        self._overflow_seen = 0  # how many of them the writing thread has marked
        self._working_since_s: float | None = None
        self._started_s = -math.inf  # of the thread
        self._ending = False
        self._died = ""
        self._thread = self._new_thread()

    def __enter__(self) -> Self:
        self._started_s = self._clock()
        self._thread.start()
        with suppress(queue.Empty):
            self._tried.get(timeout=self._patience_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begin_again(self._clock())
        self._ending = True
        self._queue.put(None)
        before = -1
        while self._thread.is_alive() and self.acknowledged != before:
            before = self.acknowledged
            self._thread.join(self._patience_s)

    @property
    def path(self) -> Path | None:
        """The present file; None until there is one."""
        return self._writer.path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the whole performance, in order: it may continue in another one."""
        return tuple(self._writer.paths)

    @property
    def acknowledged(self) -> int:
        """Number of entries in the file, safe from a crash of this process."""
        return self._writer.acknowledged

    @property
    def unwritten(self) -> int:
        """Number of appended entries that are in no file: waiting or missing."""
        return self._appended - self._writer.acknowledged

    @property
    def fault(self) -> str:
        """The reason that the recording is incomplete, in one line; empty if it is complete."""
        since_s = self._working_since_s
        if not (self._ending or self._started_s == -math.inf or self._thread.is_alive()):
            return f"recording has stopped: {self._died or 'its thread has ended'}; it is begun again"
        if since_s is not None and (hangs_s := self._clock() - since_s) > _HANGS_S:
            return f"recording has stopped: the disk has not answered for {hangs_s:.0f} s"
        return self._writer.fault or self._writer.loss

    @property
    def wants_state(self) -> bool:
        """True if a whole session is wanted, to continue the take after a gap."""
        return self._writer.wants_state

    def append(self, entry: Entry) -> None:
        """Record a step of the performance."""
        self._appended += 1
        self._enqueue(entry)

    def remark(self, step: int, text: str) -> None:
        """Record free text at a step."""
        self._enqueue(Remark(step, text))

    def lost(self, step: int, count: int, why: str) -> None:
        """Record a gap: `count` steps are missing, or 0 for anything else."""
        self._enqueue(Lost(step, count, why))

    def state(self, state: State) -> None:
        """Record a whole session to continue from, if one is wanted."""
        self._enqueue(state)

    def end(self, reason: str) -> None:
        """End the take with a reason; nothing may follow."""
        self._enqueue(End(reason))

    def tend(self) -> None:
        """Restart the writing thread if it has died; call it regularly."""
        if (now_s := self._clock()) >= self._started_s + _AGAIN_S:
            self._begin_again(now_s)

    def _begin_again(self, now_s: float) -> None:
        if self._ending or self._started_s == -math.inf or self._thread.is_alive():
            return
        waiting = [line for line in self._waiting() if line is not None]
        there = sum(isinstance(line, Entry) for line in waiting)
        gone = self._appended - there - self._writer.backlog.taken_in - self._overflow.count
        step = self._writer.backlog.last_step
        if gone > 0:
            self._queue.put(Lost(step, gone, f"the recorder failed ({self._died})"))
        self._queue.put(Remark(step, f"the recorder had failed ({self._died}); it goes on"))
        for line in waiting:
            self._queue.put(line)
        self._thread, self._started_s = self._new_thread(), now_s
        self._thread.start()

    def _waiting(self) -> list[Line | None]:
        waiting = list[Line | None]()
        with suppress(queue.Empty):
            while True:
                waiting.append(self._queue.get_nowait())
        return waiting

    def _enqueue(self, line: Line) -> None:
        if self._queue.qsize() >= MAX_UNWRITTEN:  # the thread hangs in the disk
            with suppress(queue.Empty):
                oldest = self._queue.get_nowait()
                if isinstance(oldest, Entry):
                    self._overflow = Lost(oldest.step, self._overflow.count + 1, TOO_LONG)
        self._queue.put(line)

    def _new_thread(self) -> threading.Thread:
        # A daemon, so that a disk that blocks for ever cannot keep the process alive.
        return threading.Thread(target=self._run, name="journal", daemon=True)

    def _run(self) -> None:
        try:
            self._record()
        except BaseException as error:  # whatever it was, it is reported, and another thread goes on
            self._died = " ".join(f"{type(error).__name__}: {error}".split())
        finally:
            self._working_since_s = None

    def _record(self) -> None:
        pause_s = self._work()
        self._tried.put(None)
        going_on = True
        while going_on:
            going_on = self._take_in(pause_s)
            pause_s = self._work(last=not going_on)
        self._writer.close()

    def _work(self, *, last: bool = False) -> float:
        self._working_since_s = now_s = self._clock()
        pause_s = self._writer.work(now_s, last=last)
        self._working_since_s = None
        return pause_s

    def _take_in(self, pause_s: float) -> bool:
        """Give the writer what was appended, after waiting for it; return whether there is more to come."""
        with suppress(queue.Empty):
            line = self._queue.get(timeout=pause_s)
            if (overflow := self._overflow).count > self._overflow_seen:
                self._writer.put(Lost(overflow.step, overflow.count - self._overflow_seen, overflow.why))
                self._overflow_seen = overflow.count
            for _ in range(self._queue.qsize()):  # not until it is empty: that may never be
                if line is None:
                    break
                self._writer.put(line)
                line = self._queue.get_nowait()
            if line is None:
                return False
            self._writer.put(line)
        return True
