"""The writer of a take: what is to be written goes into its file, and on in another where that one is lost or full.

A file that is not as it was left is given up for another one, and that is said. It must never touch a line that is
written, but for a disk that is full: then the last steps wait again where the mark that says so has no other place.
"""

import itertools
import math
import re
from collections import deque
from contextlib import suppress
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

from improv.dataclass import dataclass
from improv.recording.backlog import Backlog
from improv.recording.disk import Disk, fault_of, is_full, reason_of
from improv.recording.format import (
    RESTATED_STEPS,
    End,
    Entry,
    Head,
    Line,
    Lost,
    Remark,
    State,
    checked_line,
    counted,
    encoded_line,
)
from improv.recording.take_file import TakeFile

_RETRY_S = 1.0

_SYNC_S = 1.0

_LOOK_S = 0.5
"""So often the file is looked at: whether it is still there, and as it was left."""

_LINES_A_WRITE = 256

_SPARE = 16
"""So many steps at most make room for the mark of a disk that is full."""


@dataclass(slots=True)
class _Contents:
    """What the present file holds."""

    before: Head | Entry
    """Its last entry, or its head."""
    entries: int = 0
    marked: int = 0
    """The entries that its marks count as missing."""
    newest: deque[tuple[Entry, Head | Entry, int]] = field(default_factory=lambda: deque(maxlen=_SPARE))
    """Its last lines if they are steps: each with what is before it, and its bytes."""

    @property
    def last_step(self) -> int:
        """The step of the last entry, or the one before the first."""
        return self.before.step if isinstance(self.before, Entry) else self.before.first_step - 1


class Writer:
    """The files of a take, and what is still to be written into them; it has no thread and never raises.

    The head goes first, as soon as there is a file. After a failure nothing is tried for a second. Where the file is
    taken away, and past `limit_bytes`, it goes on in another.
    """

    def __init__(self, directory: Path, head: Head, disk: Disk, *, limit_bytes: int | None = None) -> None:
        self.acknowledged = 0
        """How many entries are in a file."""
        self.fault = ""
        """Why nothing can be written at present."""
        self.loss = ""
        """Why what is written is not the whole, once it is not."""
        self.backlog = Backlog(head.first_step)
        self._directory, self._disk = directory, disk
        self._limit_bytes = math.inf if limit_bytes is None else limit_bytes
        self._head = head
        self._files = [TakeFile(directory, _name(head), disk)]
        """Those of the performance in their order, the last one the present."""
        self._contents = _Contents(head)
        self._lost = 0  # entries of the performance that are in no file
        self._state_wanted = False
        self._looked_at_s = self._retry_at_s = self._synced_at_s = -math.inf
        self._ended = False
        self._stopped: tuple[float, str] | None = None
        """Since when nothing can be written, and why."""

    @property
    def path(self) -> Path | None:
        """The present file; None until there is one."""
        return self._file.path

    @property
    def paths(self) -> list[Path]:
        """The files of the performance, in order."""
        return [file.path for file in self._files if file.path is not None]

    @property
    def wants_state(self) -> bool:
        """True if a whole session is wanted, to continue the take after a gap."""
        wanted = self._state_wanted or self._file.size > self._limit_bytes
        return wanted and not self.fault and len(self.backlog) < _LINES_A_WRITE

    def put(self, line: Line) -> None:
        """Queue a line; past the limit the oldest line is dropped and counted."""
        match line:
            case Lost():
                self._is_lost(line)
            case State():
                if not self.wants_state:
                    return
                self._state_wanted = False
            case End():
                self._ended = True
        if (gone := self.backlog.put(line)) is not None:
            self._is_lost(gone)

    def work(self, now_s: float, *, last: bool = False) -> float:
        """Write queued lines; return the seconds until the next call is due, unless a line is put before.

        `last` writes everything now and flushes it to the disk.
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
        """Close the present file."""
        self._file.close()

    # --- the file ---------------------------------------------------------------------------------

    @property
    def _file(self) -> TakeFile:
        return self._files[-1]

    def _write(self) -> None:
        while True:
            self._file.open()
            if self._file.size and not self.backlog:
                return
            if self._ends_here:
                self._append(End("it has reached its size, and goes on in another take", self._contents.marked))
                self._leave()
            else:
                self._write_some()

    @property
    def _ends_here(self) -> bool:
        """Whether the file is large enough, and the next one can begin with a session."""
        return self._file.size > self._limit_bytes and isinstance(next(iter(self.backlog), None), State)

    def _look(self, now_s: float, *, at_once: bool) -> None:
        """See whether the file is still there, and as it was left; where it is not, go on in another."""
        if not self._file.is_open or (now_s < self._looked_at_s + _LOOK_S and not at_once):
            return
        self._looked_at_s = now_s
        if (happened := self._file.what_happened()) is not None:
            what, gone = happened
            self._give_up(what, gone=gone)

    def _give_up(self, what: str, *, gone: bool) -> None:
        """Go on in another file, with a mark of what became of this one, which has lost its steps or only its place."""
        before = self._file.path.stem if self._file.path else ""
        why = f"the take {before} {what} while it was recorded"
        lost = Lost(self._contents.last_step, self._contents.entries if gone else 0, why)
        self._leave()
        self.backlog.put_first(lost)
        self._is_lost(lost)
        self._state_wanted = self._state_wanted or bool(self._head.continues)

    def _leave(self) -> None:
        """Be done with the file: what follows is another one's."""
        before, name = self._contents.before, self._file.path.stem if self._file.path else ""
        self.close()
        if isinstance(before, Entry):
            began = datetime.now(UTC).isoformat(timespec="seconds")
            self._head = replace(
                self._head, began=began, continues=name, from_step=before.step + 1,
                transport=before.transport, settings=before.settings,
            )  # fmt: skip
        self._files.append(TakeFile(self._directory, _name(self._head), self._disk))
        self._contents = _Contents(self._head)

    def _append(self, line: Line) -> None:
        """Write one line besides."""
        self._file.append(encoded_line(line, self._contents.before)[1])
        self._contents.newest.clear()

    def _write_some(self) -> None:
        """Write a batch of lines; OSError if not all of them are in the file, and those that are count all the same."""
        batch = self._batch()
        written, failure = self._file.write([content for _, content in batch])
        for line, content in batch[:written]:
            self._settle(line, len(content))
        if failure is not None:
            self._file.repair()
            raise failure

    def _batch(self) -> list[tuple[Line | Head, bytes]]:
        """Return what comes next, each with its line."""
        if not self._file.size:
            return [(self._head, checked_line(self._head.to_json()))]
        batch: list[tuple[Line | Head, bytes]] = []
        before, marked = self._contents.before, self._contents.marked
        for unwritten in itertools.islice(self.backlog, _LINES_A_WRITE):
            match unwritten:
                case State() if batch and self._file.size > self._limit_bytes:
                    break  # with it another file begins
                case Lost():
                    marked += unwritten.count
                case Entry() | End() if marked and (isinstance(unwritten, End) or _restates(unwritten, before)):
                    unwritten = replace(unwritten, lost=marked)  # noqa: PLW2901 the same, as it is written
            line, content = encoded_line(unwritten, before)
            batch.append((line, content))
            before = line if isinstance(line, Entry) else before
        return batch

    def _settle(self, line: Line | Head, size: int) -> None:
        """Count in what is in the file now, in so many bytes."""
        if isinstance(line, Head):
            return
        contents, was = self._contents, self.backlog.take()
        if isinstance(line, Entry) and isinstance(was, Entry) and not line.model:
            contents.newest.append((was, contents.before, size))
        else:
            contents.newest.clear()
        match line:
            case Entry():
                contents.before = line
                contents.entries += 1
                self.acknowledged += 1
                if line.model:
                    self._head = replace(self._head, model=line.model, model_sha256=line.model_sha256)
            case Lost():
                contents.marked += line.count
                if isinstance(was, Entry):  # it had no JSON
                    self._is_lost(line)

    def _sync(self, now_s: float, *, at_once: bool) -> float:
        if not (self._file.is_open and self._file.unsynced):
            return math.inf
        if now_s < self._synced_at_s + _SYNC_S and not at_once:
            return self._synced_at_s + _SYNC_S - now_s
        self._synced_at_s = now_s
        self._file.sync()
        return math.inf

    # --- what goes wrong --------------------------------------------------------------------------

    def _is_lost(self, lost: Lost) -> None:
        self._lost += lost.count
        self._state_wanted = self._state_wanted or lost.count > 0
        self.loss = f"{counted(self._lost)} missing from the recording: {lost.why}" if self._lost else lost.why

    def _has_stopped(self, error: Exception, now_s: float) -> None:
        """Say that nothing can be written, in the file too if there is room for that much."""
        self.fault = fault_of(error, self._directory)
        self._retry_at_s = now_s + _RETRY_S
        if self._stopped is None:
            self._stopped = now_s, reason_of(error)
            if self._file.is_open and self._file.size and not self._file.torn:
                with suppress(Exception):
                    self._mark_stop(f"recording has stopped here: {reason_of(error)}")

    def _mark_stop(self, why: str) -> None:
        """Say in the file that nothing follows; where there is no room for that, in the place of its last steps."""
        try:
            self._append(Lost(self._contents.last_step, 0, why))
        except OSError as error:
            if not is_full(error):
                raise
            mark = Lost(self._contents.last_step, 0, why)
            self._take_back(len(encoded_line(mark, self._contents.before)[1]))
            self._append(Lost(self._contents.last_step, 0, why))

    def _take_back(self, room: int) -> None:
        """Have the last steps of the file wait again, as many as make room for so many bytes."""
        contents, taken, freed = self._contents, 0, 0
        while freed < room and taken < len(contents.newest):
            taken += 1
            freed += contents.newest[-taken][2]
        self._file.take_back(freed)
        contents.entries, self.acknowledged = contents.entries - taken, self.acknowledged - taken
        for _ in range(taken):
            entry, contents.before, _ = contents.newest.pop()
            self.backlog.put_first(entry)

    def _goes_on(self, now_s: float) -> bool:
        """Return whether there was something to say of a stop that is over."""
        stopped, self._stopped, self.fault = self._stopped, None, ""
        if stopped is None or self._ended:
            return False
        since_s, reason = stopped
        text = f"recording had stopped for {now_s - since_s:.0f} s: {reason}; what was played meanwhile is written now"
        self.put(Remark(self._contents.last_step, text))
        return True


def _restates(entry: Entry, before: Head | Entry) -> bool:
    """Return whether an entry states everything, so that a reader of the file's end may begin with it."""
    changes = entry.transport != before.transport and entry.settings != before.settings
    return changes or entry.step % RESTATED_STEPS == 0


def _name(head: Head) -> str:
    began = datetime.fromisoformat(head.began).astimezone(UTC)
    model = re.sub(r"[^A-Za-z0-9._]+", "-", head.model).strip("-.")[:80]
    return f"{began:%Y%m%d-%H%M%S}-{model or 'model'}"
