"""Writing a take while the music goes on: append-only, from a thread of its own.

What is acknowledged is in the file, whatever happens to this process next. It must never raise
into the music, hold up whoever tells it something, or touch a line that is written.
"""

import errno
import itertools
import math
import os
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from improv.recording.lines import End, Entry, Head, Missing, Remark, Told, checked_line, lined

SUFFIX = ".take"

MAX_UNWRITTEN = 100_000
"""So many lines wait for a disk that takes none, some seven hours of a jam; then the oldest go."""

_RETRY_S = 1.0

_SYNC_S = 1.0

_CLOSING_S = 0.3

_LINES_A_WRITE = 256

_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


def _create(path: Path) -> int:
    """A new file for appending, ours alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)


def _make_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Disk:
    """What the journal asks of the operating system, so that a test can be a disk that fails."""

    make_directory: Callable[[Path], None] = _make_directory
    create: Callable[[Path], int] = _create
    """FileExistsError if the name is taken."""
    write: Callable[[int, bytes], int] = os.write
    truncate: Callable[[int, int], None] = os.ftruncate
    sync: Callable[[int], None] = _SYNC
    close: Callable[[int], None] = os.close


class Writer:
    """The file of a take, and what is still to be written into it; it has no thread and never raises.

    The head goes first, as soon as there is a file. After a failure nothing but whole lines is
    left in the file, and for a second nothing is tried.
    """

    def __init__(self, directory: Path, head: Head, disk: Disk) -> None:
        self.path: Path | None = None
        self.acknowledged = 0
        """How many entries are in the file."""
        self.fault = ""
        self._directory = directory
        self._head = head
        self._disk = disk
        self._file: int | None = None
        self._size = 0  # of the whole lines in the file
        self._torn = False  # whether there may be more in it
        self._before: Head | Entry = head
        self._unwritten: deque[Told] = deque()
        self._retry_at_s = -math.inf
        self._synced_at_s = -math.inf
        self._unsynced = False

    def put(self, told: Told) -> None:
        """Take in what is to be written; past the bound the oldest goes and is counted."""
        self._unwritten.append(told)
        if len(self._unwritten) > MAX_UNWRITTEN:
            self._unwritten.appendleft(_missing(self._unwritten.popleft(), self._unwritten.popleft()))

    def work(self, now_s: float, *, last: bool = False) -> float | None:
        """Write what there is; returns in how many seconds there is more to do, None if only with more to write.

        `last` waits for nothing: it is tried and made sure of now.
        """
        if now_s < self._retry_at_s and not last:
            return self._retry_at_s - now_s
        try:
            self._write()
            pause_s = self._sync(now_s, at_once=last)
        except Exception as error:  # nothing may end the recording but its end
            self.fault = _fault(error, self._directory)
            self._retry_at_s = now_s + _RETRY_S
            return _RETRY_S
        self.fault = ""
        return pause_s

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            with suppress(OSError):
                self._disk.close(self._file)
            self._file = None

    def _write(self) -> None:
        if self._file is None:
            self._disk.make_directory(self._directory)
            self.path, self._file = self._created()
        if self._torn:
            self._truncate(self._file)
        while self._unwritten or not self._size:
            self._write_some(self._file)

    def _created(self) -> tuple[Path, int]:
        for number in itertools.count(1):
            path = self._directory / f"{_name(self._head)}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            with suppress(FileExistsError):
                return path, self._disk.create(path)
        raise AssertionError("there is always another number")

    def _write_some(self, file: int) -> None:
        """Write a batch of lines; OSError if not all of them are in the file, and those that are count all the same."""
        batch = self._batch()
        content, written, failure = b"".join(line for _, line in batch), 0, None
        self._torn = True
        try:
            while written < len(content):  # a short write is followed by one that says why
                room = self._disk.write(file, content[written:])
                if not room:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                written += room
        except OSError as error:
            failure = error
        for told, line in batch:
            if len(line) > written:
                break
            written -= len(line)
            self._size += len(line)
            self._settle(told)
        self._unsynced = True
        if failure is not None:
            self._truncate(file)
            raise failure
        self._torn = False

    def _batch(self) -> list[tuple[Told | Head, bytes]]:
        """What comes next, with its lines."""
        if not self._size:
            return [(self._head, checked_line(self._head.to_json()))]
        batch: list[tuple[Told | Head, bytes]] = []
        before = self._before
        for unwritten in itertools.islice(self._unwritten, _LINES_A_WRITE):
            told, line = lined(unwritten, before)
            batch.append((told, line))
            before = told if isinstance(told, Entry) else before
        return batch

    def _settle(self, told: Told | Head) -> None:
        """What was told is in the file."""
        if isinstance(told, Head):
            return
        self._unwritten.popleft()
        if isinstance(told, Entry):
            self._before = told
            self.acknowledged += 1

    def _truncate(self, file: int) -> None:
        """Leave nothing but whole lines; until that is done nothing may follow them."""
        self._disk.truncate(file, self._size)
        self._torn = False

    def _sync(self, now_s: float, *, at_once: bool) -> float | None:
        if self._file is None or not self._unsynced:
            return None
        if now_s < self._synced_at_s + _SYNC_S and not at_once:
            return self._synced_at_s + _SYNC_S - now_s
        self._synced_at_s = now_s
        self._disk.sync(self._file)
        self._unsynced = False
        return None


def _missing(*oldest: Told) -> Missing:
    """What stands for the oldest that had to go."""
    return Missing(
        max((told.step for told in oldest if not isinstance(told, End)), default=0),
        sum(told.count if isinstance(told, Missing) else isinstance(told, Entry) for told in oldest),
    )


def _name(head: Head) -> str:
    began = datetime.fromisoformat(head.began).astimezone(UTC)
    model = re.sub(r"[^A-Za-z0-9._]+", "-", head.model).strip("-.")[:80]
    return f"{began:%Y%m%d-%H%M%S}-{model or 'model'}"


def _fault(error: Exception, directory: Path) -> str:
    """What is wrong and what to do about it, in one line."""
    reason, advice = f"{type(error).__name__}: {error}", "it is tried again every second"
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "free some space, it goes on by itself"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
            advice = f"make {directory} a directory that can be written to, it goes on by itself"
    return " ".join(f"recording has stopped: {reason}; {advice}".split())


class Journal:
    """The take of a performance that goes on; a context, and told from one thread.

    A directory that cannot be written to is no error but a `fault`, and tried again every second.
    Leaving it waits at most `patience_s` for the disk, and so does entering it.
    """

    def __init__(
        self,
        directory: Path,
        head: Head,
        *,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = _CLOSING_S,
    ) -> None:
        self._writer = Writer(directory, head, disk or Disk())
        self._clock = clock
        self._patience_s = patience_s
        self._told: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._tried: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lost = Missing(0, 0)  # written by who appends, read by the thread
        # A daemon, so that a disk that blocks for ever cannot keep the process alive.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        with suppress(queue.Empty):
            self._tried.get(timeout=self._patience_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.put(None)
        self._thread.join(self._patience_s)

    @property
    def path(self) -> Path | None:
        """The file, None as long as there is none."""
        return self._writer.path

    @property
    def acknowledged(self) -> int:
        """How many entries are in the file, whatever happens to this process."""
        return self._writer.acknowledged

    @property
    def fault(self) -> str:
        """What is wrong, in one line; empty if nothing is."""
        return self._writer.fault

    def append(self, entry: Entry) -> None:
        """Have a step written down."""
        self._tell(entry)

    def remark(self, step: int, text: str) -> None:
        """Have something said about a step."""
        self._tell(Remark(step, text))

    def end(self, reason: str) -> None:
        """Have the take end in order; nothing may follow."""
        self._tell(End(reason))

    def _tell(self, told: Told) -> None:
        if self._told.qsize() >= MAX_UNWRITTEN:  # the thread hangs in the disk
            with suppress(queue.Empty):
                oldest = self._told.get_nowait()
                if isinstance(oldest, Entry):
                    self._lost = Missing(oldest.step, self._lost.count + 1)
        self._told.put(told)

    def _run(self) -> None:
        pause_s = self._writer.work(self._clock())
        self._tried.put(None)
        lost, going_on = 0, True
        while going_on:
            going_on, lost = self._take_in(pause_s, lost)
            pause_s = self._writer.work(self._clock(), last=not going_on)
        self._writer.close()

    def _take_in(self, pause_s: float | None, lost: int) -> tuple[bool, int]:
        """Give the writer what has been told, after waiting for it; whether there is more to come, and what is lost."""
        with suppress(queue.Empty):
            told = self._told.get(timeout=pause_s)
            if (missing := self._lost).count > lost:
                self._writer.put(Missing(missing.step, missing.count - lost))
                lost = missing.count
            for _ in range(self._told.qsize()):  # not until it is empty: that may never be
                if told is None:
                    break
                self._writer.put(told)
                told = self._told.get_nowait()
            if told is None:
                return False, lost
            self._writer.put(told)
        return True, lost
