"""What a recording asks of the operating system, and what a disk's failures mean to a musician."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from improv.dataclass import dataclass

ORDER = "order"
"""The file beside the takes that has their names in the order they were made, whatever the clock said."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)

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
    """Create a file for appending, for this user alone, and locked as long as it is written."""
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
    """The calls of the operating system that a recording makes, so that a test can be a disk that fails."""

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


def is_full(error: Exception) -> bool:
    """Return whether an error means that the disk, or this user's quota on it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def reason_of(error: Exception) -> str:
    """Return the reason of an error in one line."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return " ".join(reason.split())


def fault_of(error: Exception, directory: Path) -> str:
    """Return one line on what is wrong with the recording and what to do about it."""
    advice = "it is tried again every second"
    if isinstance(error, OSError) and error.strerror:
        if is_full(error):
            advice = "free some space, it goes on by itself"
        elif error.errno in _UNWRITABLE:
            advice = f"make {directory} a directory that can be written to, it goes on by itself"
    return f"recording has stopped: {reason_of(error)}; {advice}"
