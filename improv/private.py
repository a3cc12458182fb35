"""A directory that is ours alone, for sockets, locks and what is said through them, and files only we can read.

It must never use, nor close to others, what somebody else could have put there.
"""

import os
import socket
import stat
from pathlib import Path


def make_private(directory: Path) -> None:
    """Have a directory that nobody else can look into; OSError says why there can be none."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if hasattr(os, "geteuid"):
        us = os.geteuid()
        if found.st_uid != us or not stat.S_ISDIR(found.st_mode):
            raise PermissionError(0, "it is not a directory of yours")
        if directory.parent.stat().st_uid not in (us, 0):  # who could put another in its place
            raise PermissionError(0, "it is in a directory of somebody else's")
    if os.name == "posix" and found.st_mode & stat.S_IWOTH:  # such as /tmp, which is not ours to close
        raise PermissionError(0, "everybody may write there")
    directory.chmod(0o700)


def somebody_listens(path: Path) -> bool:
    """Whether a living process listens at a Unix socket's path; what a dead one has left is nobody."""
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


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, in the place of the one that is there."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
