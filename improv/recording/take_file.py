"""One file of a take: whole lines appended to it and made sure of, on a disk that may fail in any way.

After a failure nothing but whole lines is left in the file. It must never touch a line that is written, unless it is
asked to take the last ones back.
"""

import errno
import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from improv.recording.disk import Disk

SUFFIX = ".take"


class TakeFile:
    """A file that is created when it is first opened. Its methods raise OSError as the disk does."""

    def __init__(self, directory: Path, name: str, disk: Disk) -> None:
        self.path: Path | None = None
        """None as long as there is no file."""
        self.size = 0
        """The bytes of the whole lines in it."""
        self.torn = False
        """Whether there may be more in it than whole lines."""
        self.unsynced = False
        """Whether something was written and not made sure of."""
        self._directory, self._name, self._disk = directory, name, disk
        self._file: int | None = None
        self._entered = False

    @property
    def is_open(self) -> bool:
        """True while the file is open."""
        return self._file is not None

    def open(self) -> None:
        """Create the file if needed, note its place in the order of takes, and cut off a torn last line."""
        if self._file is None:
            self._disk.make_directory(self._directory)
            self.path, self._file = self._created()
        self.repair()
        if not self._entered and self.path is not None:
            self._disk.enter(self._directory, self.path.stem)
            self._entered = True

    def write(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """Append lines; return how many were written, and the error that stopped the rest.

        Where not all of them are, the file is torn and has to be repaired.
        """
        content, written, failure = b"".join(lines), 0, None
        self.torn = True
        try:
            while written < len(content):  # a short write is followed by one that says why
                room = self._disk.write(self._opened, content[written:])
                if not room:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                written += room
        except OSError as error:
            failure = error
        ends = list(itertools.accumulate(map(len, lines)))
        whole = sum(end <= written for end in ends)
        self.size += ends[whole - 1] if whole else 0
        self.unsynced = True
        self.torn = failure is not None
        return whole, failure

    def append(self, line: bytes) -> None:
        """Append one line in one write, or nothing; OSError, ENOSPC if only a part of it had room."""
        self.torn = True
        if self._disk.write(self._opened, line) < len(line):
            self.repair()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += len(line)
        self.torn, self.unsynced = False, True

    def take_back(self, size: int) -> None:
        """Cut `size` bytes off the end of the file."""
        self._disk.truncate(self._opened, self.size - size)
        self.size, self.torn = self.size - size, False

    def repair(self) -> None:
        """Cut off a torn last line; until that is done nothing may be appended."""
        if self.torn:
            self._disk.truncate(self._opened, self.size)
            self.torn = False

    def sync(self) -> None:
        """Flush written data to the disk (fsync)."""
        self._disk.sync(self._opened)
        self.unsynced = False

    def what_happened(self) -> tuple[str, bool] | None:
        """Return how another program has changed the file, as the end of a sentence, and whether lines are gone.

        None if it is as it was left.
        """
        if self._file is None or self.path is None:
            return None
        found = self._disk.found(self._file, self.path)
        cut = found.size < self.size
        if found.linked and found.named and (found.size == self.size or self.torn) and not cut:
            return None
        if not found.linked:
            return "was deleted", True
        if cut:
            return "was cut short", True
        return "was moved" if not found.named else "was written into by another program", False

    def close(self) -> None:
        """Close the file; no error is raised."""
        if self._file is not None:
            with suppress(OSError):
                self._disk.close(self._file)
            self._file = None

    @property
    def _opened(self) -> int:
        if self._file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._file

    def _created(self) -> tuple[Path, int]:
        for number in itertools.count(1):
            path = self._directory / f"{self._name}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            with suppress(FileExistsError):
                return path, self._disk.create(path)
        raise AssertionError("there is always another number")
