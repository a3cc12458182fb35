"""Reading a file that anybody may have named: nothing but an ordinary file is read, and no more of it than is wanted.

A pipe would be waited for, a device goes on for ever. It must never raise anything but OSError.
"""

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, most_bytes: int) -> bytes:
    """What an ordinary file holds; OSError says why it can't be read: EFBIG where it holds more than so many bytes."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        file = os.open(path, flags)
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have such a name") from error
    with os.fdopen(file, "rb", buffering=0, closefd=True) as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        content = bytearray()
        while len(content) <= most_bytes:
            read = opened.read(min(most_bytes + 1 - len(content), 1 << 20))
            if not read:
                return bytes(content)
            content += read
    raise OSError(errno.EFBIG, f"it is larger than {_size(most_bytes)}")


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
