"""The file of a take: lines appended and made sure of, on a disk that may fail in any way.

A file that is not as it was left is given up for another one, and said. It must never touch a line that is written, but
for a disk that is full: then the last steps wait again where the mark that says so has no other place.
"""

import errno
import itertools
import math
import os
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from improv.recording.format import (
    RESTATED_STEPS,
    End,
    Entry,
    Head,
    Lost,
    Remark,
    State,
    Told,
    checked_line,
    counted,
    lined,
)

SUFFIX = ".take"

ORDER = "order"
"""The file beside the takes that has their names in the order they were made, whatever the clock said."""

MAX_UNWRITTEN = 100_000
"""So many lines wait for a disk that takes none, some seven hours of a jam; then the oldest go."""

TOO_LONG = "the disk has taken nothing for too long"
"""Why they go."""

_RETRY_S = 1.0

_SYNC_S = 1.0

_LOOK_S = 0.5
"""So often the file is looked at: whether it is still there, and as it was left."""

_LINES_A_WRITE = 256

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_SPARE = 16
"""So many steps at most make room for the mark of a disk that is full."""

_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is found."""

    size: int
    linked: bool = True
    """Whether it has a name anywhere."""
    named: bool = True
    """Whether its path leads to it."""


def _create(path: Path) -> int:
    """A new file for appending, ours alone, and locked for whoever wants to know whether it is still written."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    with suppress(ImportError, OSError):
        import fcntl  # noqa: PLC0415 not everywhere

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _make_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _enter(directory: Path, name: str) -> None:
    file = os.open(directory / ORDER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        line = f"\n{name}\n".encode()  # whatever a crash has left before it
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def _found(file: int, path: Path) -> Found:
    ours = os.fstat(file)
    try:
        named = os.path.samestat(ours, path.lstat())
    except FileNotFoundError:
        named = False
    return Found(ours.st_size, ours.st_nlink > 0, named)


@dataclass(frozen=True, slots=True)
class Disk:
    """What the journal asks of the operating system, so that a test can be a disk that fails."""

    make_directory: Callable[[Path], None] = _make_directory
    create: Callable[[Path], int] = _create
    """FileExistsError if the name is taken."""
    enter: Callable[[Path, str], None] = _enter
    """Add a name to the order of the takes in a directory."""
    found: Callable[[int, Path], Found] = _found
    write: Callable[[int, bytes], int] = os.write
    truncate: Callable[[int, int], None] = os.ftruncate
    sync: Callable[[int], None] = _SYNC
    close: Callable[[int], None] = os.close


class Writer:
    """The file of a take, and what is still to be written into it; it has no thread and never raises.

    The head goes first, as soon as there is a file. After a failure nothing but whole lines is left in the file, and
    for a second nothing is tried. Where the file is taken away, and past `limit_bytes`, it goes on in another.
    """

    def __init__(self, directory: Path, head: Head, disk: Disk, *, limit_bytes: int | None = None) -> None:
        self.path: Path | None = None
        self.paths: list[Path] = []
        """The files of the performance in their order, the last one the present."""
        self.acknowledged = 0
        """How many entries are in a file."""
        self.taken_in = 0
        """How many entries were put."""
        self.last_step = head.first_step - 1
        """The step of the last entry that was put."""
        self.fault = ""
        """Why nothing can be written at present."""
        self.loss = ""
        """Why what is written is not the whole, once it is not."""
        self._directory = directory
        self._head = head
        self._disk = disk
        self._limit_bytes = math.inf if limit_bytes is None else limit_bytes
        self._lost = 0  # entries of the performance that are in no file
        self._state_wanted = False
        self._file: int | None = None
        self._entered = False  # whether the file is in the order of the takes
        self._size = 0  # of the whole lines in the file
        self._torn = False  # whether there may be more in it
        self._inside = 0  # entries in the file
        self._marked = 0  # entries that the marks in the file count
        self._before: Head | Entry = head
        self._newest: deque[tuple[Entry, Head | Entry, int]] = deque(maxlen=_SPARE)
        """The last lines of the file if they are steps: each with what is before it, and how many bytes it has."""
        self._unwritten: deque[Told] = deque()
        self._looked_at_s = self._retry_at_s = self._synced_at_s = -math.inf
        self._unsynced = False
        self._ended = False
        self._stopped: tuple[float, str] | None = None
        """Since when nothing can be written, and why."""

    @property
    def wants_state(self) -> bool:
        """Whether a session is to be put, now that it can be written."""
        wanted = self._state_wanted or self._size > self._limit_bytes
        return wanted and not self.fault and len(self._unwritten) < _LINES_A_WRITE

    def put(self, told: Told) -> None:
        """Take in what is to be written; past the bound the oldest goes and is counted."""
        match told:
            case Entry():
                self.taken_in += 1
                self.last_step = told.step
            case Lost():
                self._is_lost(told)
            case State():
                if not self.wants_state:
                    return
                self._state_wanted = False
            case End():
                self._ended = True
        self._unwritten.append(told)
        if len(self._unwritten) > MAX_UNWRITTEN:
            oldest = self._unwritten.popleft(), self._unwritten.popleft()
            missing = _missing(*oldest)
            self._is_lost(replace(missing, count=sum(isinstance(told, Entry) for told in oldest)))
            self._unwritten.appendleft(missing)

    def work(self, now_s: float, *, last: bool = False) -> float:
        """Write what there is; returns in how many seconds there is more to do, if nothing else is told before.

        `last` waits for nothing: it is tried and made sure of now.
        """
        if now_s < self._retry_at_s and not last:
            return self._retry_at_s - now_s
        try:
            self._look(now_s, at_once=last)
            self._write()
            pause_s = self._sync(now_s, at_once=last)
        except Exception as error:  # nothing may end the recording but its end
            self._has_stopped(error, now_s)
            return _RETRY_S
        return 0.0 if self._goes_on(now_s) else min(pause_s, _LOOK_S)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            with suppress(OSError):
                self._disk.close(self._file)
            self._file = None

    # --- the file ---------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            path, file = self._opened()
            if self._torn:
                self._truncate(file)
            if not self._entered:
                self._disk.enter(self._directory, path.stem)
                self._entered = True
            if self._size and not self._unwritten:
                return
            if self._ends_here:
                self._append(file, End("it has reached its size, and goes on in another take", self._marked))
                self._leave()
            else:
                self._write_some(file)

    def _opened(self) -> tuple[Path, int]:
        if self._file is None or self.path is None:
            self._disk.make_directory(self._directory)
            self.path, self._file = self._created()
            self.paths.append(self.path)
        return self.path, self._file

    def _created(self) -> tuple[Path, int]:
        for number in itertools.count(1):
            path = self._directory / f"{_name(self._head)}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            with suppress(FileExistsError):
                return path, self._disk.create(path)
        raise AssertionError("there is always another number")

    @property
    def _ends_here(self) -> bool:
        """Whether the file is large enough, and the next one can begin with a session."""
        return self._size > self._limit_bytes and bool(self._unwritten) and isinstance(self._unwritten[0], State)

    def _look(self, now_s: float, *, at_once: bool) -> None:
        """See whether the file is still there, and as it was left; where it is not, go on in another."""
        if self._file is None or self.path is None or (now_s < self._looked_at_s + _LOOK_S and not at_once):
            return
        self._looked_at_s = now_s
        found = self._disk.found(self._file, self.path)
        cut = found.size < self._size
        if not (found.linked and found.named) or (found.size != self._size and not self._torn) or cut:
            self._give_up(_what_happened(found, self._size), gone=not found.linked or cut)

    def _give_up(self, what: str, *, gone: bool) -> None:
        """Go on in another file, with a mark of what became of this one, which has lost its steps or only its place."""
        before = self.path.stem if self.path else ""
        lost = Lost(self._before.step if isinstance(self._before, Entry) else self._head.first_step - 1,
                    self._inside if gone else 0, f"the take {before} {what} while it was recorded")  # fmt: skip
        self._leave()
        self._unwritten.appendleft(lost)
        self._is_lost(lost)
        self._state_wanted = self._state_wanted or bool(self._head.continues)

    def _leave(self) -> None:
        """Be done with the file: what follows is another one's."""
        before, name = self._before, self.path.stem if self.path else ""
        self.close()
        if isinstance(before, Entry):
            began = datetime.now(UTC).isoformat(timespec="seconds")
            self._head = replace(
                self._head, began=began, continues=name, from_step=before.step + 1,
                transport=before.transport, settings=before.settings,
            )  # fmt: skip
        self._newest.clear()
        self.path, self._entered, self._torn, self._unsynced = None, False, False, False
        self._before, self._size, self._inside, self._marked = self._head, 0, 0, 0

    def _append(self, file: int, told: Told) -> None:
        """Write one line besides."""
        self._torn = True
        line = lined(told, self._before)[1]
        written = self._disk.write(file, line)
        if written < len(line):
            self._truncate(file)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(line)
        self._newest.clear()
        self._torn, self._unsynced = False, True

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
            self._settle(told, len(line))
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
        before, marked = self._before, self._marked
        for unwritten in itertools.islice(self._unwritten, _LINES_A_WRITE):
            match unwritten:
                case State() if batch and self._size > self._limit_bytes:
                    break  # with it another file begins
                case Lost():
                    marked += unwritten.count
                case Entry() | End() if marked and (isinstance(unwritten, End) or _restates(unwritten, before)):
                    unwritten = replace(unwritten, lost=marked)  # noqa: PLW2901 the same, as it is written
            told, line = lined(unwritten, before)
            batch.append((told, line))
            before = told if isinstance(told, Entry) else before
        return batch

    def _settle(self, told: Told | Head, size: int) -> None:
        """What was told is in the file, in so many bytes."""
        if isinstance(told, Head):
            return
        was = self._unwritten.popleft()
        if isinstance(told, Entry) and isinstance(was, Entry) and not told.model:
            self._newest.append((was, self._before, size))
        else:
            self._newest.clear()
        match told:
            case Entry():
                self._before = told
                self._inside += 1
                self.acknowledged += 1
                if told.model:
                    self._head = replace(self._head, model=told.model, model_sha256=told.model_sha256)
            case Lost():
                self._marked += told.count
                if isinstance(was, Entry):  # it could not be told
                    self._is_lost(told)

    def _truncate(self, file: int) -> None:
        """Leave nothing but whole lines; until that is done nothing may follow them."""
        self._disk.truncate(file, self._size)
        self._torn = False

    def _sync(self, now_s: float, *, at_once: bool) -> float:
        if self._file is None or not self._unsynced:
            return math.inf
        if now_s < self._synced_at_s + _SYNC_S and not at_once:
            return self._synced_at_s + _SYNC_S - now_s
        self._synced_at_s = now_s
        self._disk.sync(self._file)
        self._unsynced = False
        return math.inf

    # --- what goes wrong --------------------------------------------------------------------------

    def _is_lost(self, lost: Lost) -> None:
        self._lost += lost.count
        self._state_wanted = self._state_wanted or lost.count > 0
        self.loss = f"{counted(self._lost)} missing from the recording: {lost.why}" if self._lost else lost.why

    def _has_stopped(self, error: Exception, now_s: float) -> None:
        """Say so, in the file too if there is room for that much."""
        reason = _reason(error)
        self.fault = _fault(error, reason, self._directory)
        self._retry_at_s = now_s + _RETRY_S
        if self._stopped is None:
            self._stopped = now_s, reason
            if self._file is not None and self._size and not self._torn:
                with suppress(Exception):
                    self._mark_stop(self._file, f"recording has stopped here: {reason}")

    def _mark_stop(self, file: int, why: str) -> None:
        """Say in the file that nothing follows; where there is no room for that, in the place of its last steps."""
        try:
            self._append(file, Lost(self._last_written, 0, why))
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._take_back(file, len(lined(Lost(self._last_written, 0, why), self._before)[1]))
            self._append(file, Lost(self._last_written, 0, why))

    def _take_back(self, file: int, room: int) -> None:
        """Have the last steps of the file wait again, as many as make room for so many bytes."""
        taken, freed = 0, 0
        while freed < room and taken < len(self._newest):
            taken += 1
            freed += self._newest[-taken][2]
        self._disk.truncate(file, self._size - freed)
        self._size, self._torn = self._size - freed, False
        self._inside, self.acknowledged = self._inside - taken, self.acknowledged - taken
        for _ in range(taken):
            entry, self._before, _ = self._newest.pop()
            self._unwritten.appendleft(entry)

    def _goes_on(self, now_s: float) -> bool:
        """Whether there was something to say of a stop that is over."""
        stopped, self._stopped, self.fault = self._stopped, None, ""
        if stopped is None or self._ended:
            return False
        since_s, reason = stopped
        text = f"recording had stopped for {now_s - since_s:.0f} s: {reason}; what was played meanwhile is written now"
        self.put(Remark(self._last_written, text))
        return True

    @property
    def _last_written(self) -> int:
        return self._before.step if isinstance(self._before, Entry) else self._head.first_step - 1


def _restates(entry: Entry, before: Head | Entry) -> bool:
    """Whether an entry states everything, so that a reader of the file's end may begin with it."""
    changes = entry.transport != before.transport and entry.settings != before.settings
    return changes or entry.step % RESTATED_STEPS == 0


def _missing(*oldest: Told) -> Lost:
    """What stands for the oldest that had to go."""
    why = next((told.why for told in oldest if isinstance(told, Lost)), TOO_LONG)
    return Lost(
        max((told.step for told in oldest if not isinstance(told, End)), default=0),
        sum(told.count if isinstance(told, Lost) else isinstance(told, Entry) for told in oldest),
        why,
    )


def _what_happened(found: Found, size: int) -> str:
    if not found.linked:
        return "was deleted"
    if found.size < size:
        return "was cut short"
    return "was moved" if not found.named else "was written into by another program"


def _name(head: Head) -> str:
    began = datetime.fromisoformat(head.began).astimezone(UTC)
    model = re.sub(r"[^A-Za-z0-9._]+", "-", head.model).strip("-.")[:80]
    return f"{began:%Y%m%d-%H%M%S}-{model or 'model'}"


def _reason(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return " ".join(reason.split())


def _fault(error: Exception, reason: str, directory: Path) -> str:
    """What is wrong and what to do about it, in one line."""
    advice = "it is tried again every second"
    if isinstance(error, OSError) and error.strerror:
        if error.errno in _FULL:
            advice = "free some space, it goes on by itself"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
            advice = f"make {directory} a directory that can be written to, it goes on by itself"
    return f"recording has stopped: {reason}; {advice}"
