"""Folders and files that only this user can read: for sockets, locks, logs and tokens.

It must never use, nor close to others, what another user could have put there.
"""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path


def make_folder(directory: Path) -> None:
    """Create a directory and its missing parents with mode 0700; OSError if it cannot be made."""
    if not directory.parent.exists():
        make_folder(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


def make_private(directory: Path) -> None:
    """Create a directory, or make an existing one private to this user (mode 0700); OSError if that fails."""
    make_folder(directory)
    found = directory.lstat()
    if hasattr(os, "geteuid"):
        us = os.geteuid()
        if found.st_uid != us or not stat.S_ISDIR(found.st_mode):
            raise PermissionError(0, "it is not a directory of yours")
        if directory.parent.stat().st_uid not in (us, 0):  # who could put another in its place
            raise PermissionError(0, "it is in a directory of another user")
    if os.name == "posix" and found.st_mode & stat.S_IWOTH:  # such as /tmp, which is not ours to close
        raise PermissionError(0, "every user may write there")
    directory.chmod(0o700)


def has_listener(path: Path) -> bool:
    """Return whether a living process listens at a Unix socket's path."""
    if os.name != "posix" or not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setblocking(False)
        try:
            end.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it has no room for one more, or is another user's
            return True
    return True


def open_private(path: Path, *, append: bool) -> int:
    """Open a file for writing, with mode 0600. Return its descriptor; OSError if that fails.

    With `append` its content stays, otherwise it is emptied.
    """
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    file = os.open(path, flags | (os.O_APPEND if append else os.O_TRUNC), 0o600)
    if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(file).st_mode):
        with suppress(OSError):  # it is another user's, who lets us write
            os.fchmod(file, 0o600)
    return file


def write_private(path: Path, text: str) -> None:
    """Write a text file with mode 0600, in the place of an existing one."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
