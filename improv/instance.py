"""One improv among several on a machine: its name, its files, and the lock that makes it the only one of that name.

What a process that died has left behind never keeps the next one from starting. It must never
trust a directory that somebody else could have made.
"""

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path, user_runtime_path, user_state_path

from improv.errors import AlreadyRunning, Unavailable, UsageError
from improv.private import make_private

DEFAULT = "default"
"""The name of an instance that was given none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ELSEWHERE = "set IMPROV_RUNTIME to a directory of your own"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
_LOCK_S, _TRIES = 0.2, 10
"""Longer than it takes somebody else to ask whether the lock is held, which holds it for that moment."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How the one that plays was started, for whoever puts another in its place."""

    pid: int
    arguments: tuple[str, ...] = ()
    """Of `improv daemon run`."""
    unit: tuple[str, ...] = ()
    """What it is to systemctl, if systemd has started it: see `improv.notify.unit`."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An improv by its name: up to 31 of a-z, 0-9 and -, the first no hyphen; UsageError otherwise."""

    name: str = DEFAULT

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"instance {self.name!r} is no name; give up to 31 of a-z, 0-9 and -, the first no hyphen")

    @property
    def runtime(self) -> Path:
        """The directory of sockets and locks, $IMPROV_RUNTIME or the user's own; `held` makes it, for us alone."""
        if named := os.environ.get("IMPROV_RUNTIME"):
            return Path(named)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a machine without such directories: another is taken
            return user_runtime_path("improv", appauthor=False)

    @property
    def socket(self) -> Path:
        """Where it is talked to; UsageError if the path is longer than a system lets a socket's be."""
        path = self.runtime / f"{self.name}.sock"
        length = len(os.fsencode(path))
        if length > _SOCKET_PATH_BYTES:
            raise UsageError(
                f"{path}: a socket's path has at most {_SOCKET_PATH_BYTES} bytes, this one has {length}; "
                "set IMPROV_RUNTIME to a directory with a shorter path, or give a shorter --instance"
            )
        return path

    @property
    def lock(self) -> Path:
        """The file that is locked while it plays."""
        return self.runtime / f"{self.name}.lock"

    @property
    def pid_file(self) -> Path:
        """The file with the number of the process that plays."""
        return self.runtime / f"{self.name}.pid"

    @property
    def options(self) -> Path:
        """The file with what it was started with, for the one that takes its place."""
        return self.runtime / f"{self.name}.options"

    @property
    def log(self) -> Path:
        """The log of its daemon, in $IMPROV_STATE or the user's own place for state."""
        return _state(user_state_path("improv", appauthor=False)) / f"{self.name}.log"

    @property
    def crash(self) -> Path:
        """What its terminal interface crashed of the last time, beside the log."""
        return self.log.with_suffix(".crash")

    @property
    def learned(self) -> Path:
        """What it has learned of controllers, in $IMPROV_STATE or the user's own place for data."""
        return _state(user_data_path("improv", appauthor=False)) / f"{self.name}.learned"

    @property
    def picked(self) -> Path:
        """The ports that were picked while it played, beside the log."""
        return self.log.with_suffix(".ports")

    @contextmanager
    def held(self, arguments: Sequence[str] = (), unit: Sequence[str] = ()) -> Iterator[None]:
        """Be this instance, alone, and keep how it was started; AlreadyRunning if another process is it.

        What a dead one has left is removed. Unavailable if there is no directory that is ours alone.
        """
        from filelock import FileLock, Timeout  # late: most commands only want to know where things are

        try:
            make_private(self.runtime)
        except OSError as error:
            raise Unavailable(f"{self.runtime}: {error.strerror}; {_ELSEWHERE}") from error
        socket = self.socket
        lock = FileLock(self.lock, mode=0o600)
        try:
            lock.acquire(timeout=_LOCK_S, poll_interval=_LOCK_S / _TRIES)
        except Timeout:
            raise self.already() from None
        try:
            socket.unlink(missing_ok=True)  # whoever listened there had the lock
            origin = {"pid": os.getpid(), "arguments": list(arguments), "unit": list(unit)}
            self.options.write_text(json.dumps(origin))
            self.pid_file.write_text(f"{os.getpid()}\n")
            yield
            with suppress(OSError):
                self.options.unlink(missing_ok=True)  # one that failed is started again with them
        finally:
            with suppress(OSError):
                self.pid_file.unlink(missing_ok=True)
                socket.unlink(missing_ok=True)
            lock.release()

    def running(self) -> int | None:
        """The number of the process that holds it, None if none does; Unavailable if it does not say its number."""
        for _ in range(_TRIES):
            if not self._is_held():
                return None
            if (pid := self._pid()) is not None:
                return pid
            time.sleep(_LOCK_S / _TRIES)  # it begins or ends this very moment
        raise Unavailable(f"improv plays as {self.name}, but {self.pid_file} does not say which process it is")

    def origin(self) -> Origin | None:
        """How the one that plays was started, or, if none does, the last one that did not end in order."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self.options.read_text())
            origin = Origin(int(kept["pid"]), tuple(map(str, kept["arguments"])), tuple(map(str, kept["unit"])))
            return origin if self.running() in (None, origin.pid) else None
        return None

    def command(self, words: str) -> str:
        """An improv command as it is typed for this instance."""
        return f"improv {words}" + ("" if self.name == DEFAULT else f" --instance {self.name}")

    def already(self) -> AlreadyRunning:
        """What a second one is told."""
        pid = self._pid()
        return AlreadyRunning(
            f"improv is playing already ({f'PID {pid}, ' if pid else ''}instance {self.name}); steer it "
            f"({self.command('ctl')}), end it ({self.command('daemon stop')}), or start another one (--instance NAME)"
        )

    def _is_held(self) -> bool:
        if not self.lock.exists():
            return False
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        except OSError as error:
            raise Unavailable(f"{self.lock}: {error.strerror}; {_ELSEWHERE}") from error
        lock.release()
        return False

    def _pid(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None


def _state(otherwise: Path) -> Path:
    named = os.environ.get("IMPROV_STATE")
    return Path(named) if named else otherwise
