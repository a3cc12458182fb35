"""A directory that is ours alone, for sockets, locks and what is said through them.

It must never use, nor close to others, a directory that somebody else could have put there.
"""

import os
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
