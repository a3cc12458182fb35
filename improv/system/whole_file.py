"""A file that is written whole or not at all: whatever ends the writing, no half of one is left under its name."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_TRIES = 100
"""Names for the file beside it that are tried."""

_LONGEST, _SUFFIX = 100, ".part"
"""How much of the file's name the other one has, and how that ends."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written; at the end of the context it has `path` as its name, in the place of an older one.

    Until then it lies beside it under another name, and an error or an interrupt deletes it. A link is followed, and an
    existing file's permissions are kept. OSError if it cannot be written, also where the old file is read-only.
    """
    path = path.resolve()
    mode = _mode(path)
    file, beside = _open_beside(path)
    try:
        with file:
            yield file
        if mode is not None:
            beside.chmod(mode)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def is_being_written(path: Path) -> bool:
    """Return whether a whole file is being written that is to have this name."""
    with suppress(OSError):
        path = path.resolve()
        return any(_is_beside(each.name, path.name) for each in path.parent.iterdir())
    return False


def _is_beside(name: str, whole: str) -> bool:
    return name.startswith(f".{whole[:_LONGEST]}.") and name.endswith(_SUFFIX)


def _mode(path: Path) -> int | None:
    """Return the permissions of a file that is there, None if there is none; OSError if it must not be replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        code, why = (21, "Is a directory") if stat.S_ISDIR(found.st_mode) else (22, "it is no ordinary file")
        raise OSError(code, why, str(path))
    path.open("ab").close()
    return stat.S_IMODE(found.st_mode)


def _open_beside(path: Path) -> tuple[BinaryIO, Path]:
    for _ in range(_TRIES):
        beside = path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(4)}{_SUFFIX}")
        with suppress(FileExistsError):
            file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            return os.fdopen(file, "w+b"), beside
    raise FileExistsError(17, "no name is free beside it", str(path))
