"""Takes that are no longer wanted, and their end. It must never touch one that is still being written."""

import os
from collections.abc import Sequence
from pathlib import Path


def is_written(path: Path) -> bool:
    """Return whether a process is writing a take at this moment, as far as the system has file locks."""
    try:
        import fcntl  # noqa: PLC0415 not everywhere; elsewhere an open file cannot be deleted

        file = os.open(path, os.O_RDONLY)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system that knows no locks
        return False
    finally:
        os.close(file)
    return False


def over_limit(sizes: Sequence[tuple[Path, int]], limit_bytes: float) -> list[Path]:
    """Return the oldest takes, as many as have to go so that the others are no larger in all; `sizes`: newest first."""
    left_bytes, kept = limit_bytes, 0
    for _, size_bytes in sizes:
        left_bytes -= size_bytes
        if left_bytes < 0:
            break
        kept += 1
    return [path for path, _ in sizes[kept:]]


def clear(takes: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Delete takes, but those that are being written; return those that are gone, and why others are not."""
    gone, kept = list[Path](), list[str]()
    for path in takes:
        if is_written(path):
            kept.append(f"{path.stem} is being recorded")
            continue
        try:
            path.unlink()
        except OSError as error:
            kept.append(f"{path.stem}: {error.strerror}")
        else:
            gone.append(path)
    return gone, kept
