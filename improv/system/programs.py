"""How improv's Python programs are started: never with the current folder on their path.

A user's file that is called random.py would otherwise run in the place of Python's own. Nothing may be imported here
that Python has not loaded by itself: the path is not clean yet.
"""

import os
import sys


def python(*arguments: str) -> list[str]:
    """Return the command that runs Python with these arguments, without the current folder on its path."""
    return [sys.executable, "-P", *arguments]


def improv(*words: str) -> list[str]:
    """Return the command that runs `improv` with these words."""
    return python("-m", "improv", *words)


def environment() -> dict[str, str]:
    """Return the environment for such a command: it finds the same modules as this process, in the same order."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def restore_process_defaults() -> None:
    """Open standard input, output and error where they are closed, and unblock signals.

    The program that starts improv may have closed descriptors (2>&-), blocked signals, or ignored those that tell of a
    child's end (SIGCHLD) or of a time that is up (SIGALRM).
    """
    import signal  # noqa: PLC0415 the path is clean by now

    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in ("SIGCHLD", "SIGALRM"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def leave_current_folder() -> None:
    """Remove the current folder from Python's path, and the folder that Python was started from.

    Where improv itself lies in one of them, that is put last.
    """
    home = _folder(_folder(_folder(os.path.abspath(__file__))))
    unwanted = {_real("")} | ({_real(sys.path[0])} if sys.path and not sys.flags.safe_path else set())
    path = [entry for entry in sys.path if _real(entry) not in unwanted or _is_library(entry)]
    sys.path[:] = path if home in path or _real(home) not in unwanted else [*path, home]


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:  # there is no current folder any more
        return path


def _folder(path: str) -> str:
    return os.path.split(path)[0]


def _is_library(path: str) -> bool:
    """Return whether a folder is Python's own, or one where packages are installed."""
    return path == _folder(os.__file__) or path.endswith(("site-packages", "dist-packages"))
