"""Reading a file by a name of unknown origin: only an ordinary file is read, and no more of it than is wanted.

A pipe would be waited for, a device goes on for ever. It must never raise anything but OSError.
"""

import errno
import os
import stat
from io import FileIO
from pathlib import Path

_LEAST_BYTES = 1 << 16
"""How much is asked for at once at least: some files do not say how long they are."""


def open_file(path: Path, most_bytes: int) -> FileIO:
    """Open a regular file for reading. OSError if that fails: EFBIG where it holds more than `most_bytes`."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        file = os.open(path, flags)
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have such a name") from error
    try:
        found = os.fstat(file)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        if found.st_size > most_bytes:
            raise _too_large(most_bytes)
        return FileIO(file)
    except BaseException:
        os.close(file)
        raise


def read_file(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file; OSError as for `open_file`."""
    content: list[bytes] = []
    left = most_bytes + 1
    with open_file(path, most_bytes) as file:
        at_once = max(os.fstat(file.fileno()).st_size + 1, _LEAST_BYTES)  # a file is read in one piece, unless it grows
        while read := file.read(min(left, at_once)):
            content.append(read)
            left -= len(read)
            if not left:
                raise _too_large(most_bytes)
    return b"".join(content)


def _too_large(most_bytes: int) -> OSError:
    size = f"{most_bytes >> 20} MiB" if most_bytes >= 1 << 20 else f"{most_bytes >> 10} KiB"
    return OSError(errno.EFBIG, f"it is larger than {size}")
