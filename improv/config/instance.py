"""One improv among several on a machine: its name, its files, and the lock that makes it the only one of that name.

What a process that died has left behind never keeps the next one from starting, and what is taken away from under
a living one is made again. It must never trust a directory that somebody else could have made, nor remove what is
another's.
"""

import hashlib
import json
import os
import re
import socket
import struct
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path, user_runtime_path, user_state_path

from improv.errors import AlreadyRunning, Unavailable, UsageError
from improv.system.private_files import make_private, somebody_listens
from improv.system.safe_files import read_file

DEFAULT = "default"
"""The name of an instance that was given none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ELSEWHERE = "set IMPROV_RUNTIME to a directory of your own"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
_MOST_BYTES = 1 << 20
"""That the options of a start are read from."""

_MOST_ASKING = 1024
"""Within a second: so often those are let go who wanted to know who plays."""

_LOCK_S, _TRIES = 0.2, 10
"""Longer than it takes somebody else to ask whether the lock is held, which holds it for that moment."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How the one that plays was started, for whoever puts another in its place."""

    pid: int
    arguments: tuple[str, ...] = ()
    """Of `improv daemon run`."""
    unit: tuple[str, ...] = ()
    """What it is to systemctl, if systemd has started it: see `improv.system.systemd.unit`."""


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
    def held(self, arguments: Sequence[str] = (), unit: Sequence[str] = ()) -> "Iterator[Claim]":
        """Be this instance, alone, and keep how it was started; AlreadyRunning if another process is it.

        What a dead one has left is removed. Unavailable if there is no directory that is ours alone.
        """
        claim = Claim(self, arguments, unit)
        claim.take()
        try:
            yield claim
            claim.ends_in_order()
        finally:
            claim.release()

    def running(self) -> int | None:
        """The number of the process that holds it, None if none does; Unavailable if it does not say its number."""
        for _ in range(_TRIES):
            guardian = _guardian(self)
            if guardian is None and not self._is_held():
                return None
            if (pid := self._pid()) is not None and guardian in (None, pid):
                return pid
            time.sleep(_LOCK_S / _TRIES)  # it begins or ends this very moment
        if guardian is not None:  # its directory was taken away
            return guardian
        raise Unavailable(f"improv plays as {self.name}, but {self.pid_file} does not say which process it is")

    def origin(self) -> Origin | None:
        """How the one that plays was started, or, if none does, the last one that did not end in order."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(read_file(self.options, _MOST_BYTES))
            origin = Origin(int(kept["pid"]), tuple(map(str, kept["arguments"])), tuple(map(str, kept["unit"])))
            return origin if self.running() in (None, origin.pid) else None
        return None

    def command(self, words: str) -> str:
        """An improv command as it is typed for this instance."""
        return f"improv {words}" + ("" if self.name == DEFAULT else f" --instance {self.name}")

    def already(self) -> AlreadyRunning:
        """What a second one is told."""
        pid = _guardian(self) or self._pid()
        return AlreadyRunning(
            f"improv is playing already ({f'PID {pid}, ' if pid else ''}instance {self.name}); steer it "
            f"({self.command('ctl')}), end it ({self.command('daemon stop')}), or start another one (--instance NAME)"
        )

    def _is_held(self) -> bool:
        from filelock import FileLock, Timeout  # late: most commands only want to know where things are

        try:
            if not self.lock.exists():
                return False
            lock = FileLock(self.lock)
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


class Claim:
    """What a process holds that is an instance: a lock in its directory, and, on Linux, a name that no directory holds.

    The name is a socket in the abstract namespace: it stays taken when the directory is taken away, so that nobody
    else can become the same instance meanwhile, and whoever asks learns the number of the process.
    """

    def __init__(self, instance: Instance, arguments: Sequence[str], unit: Sequence[str]) -> None:
        self._instance = instance
        self._origin = json.dumps({"pid": os.getpid(), "arguments": list(arguments), "unit": list(unit)})
        self._guard: socket.socket | None = None
        self._lock: Any = None
        self._identity: tuple[int, int] | None = None

    def take(self) -> None:
        """Become the instance; AlreadyRunning if another process is it, Unavailable if it cannot have a place."""
        self._guard = _guarded(self._instance)
        try:
            if not self._locked(_LOCK_S):
                raise self._instance.already()
        except BaseException:
            self.release()
            raise

    def tend(self) -> str:
        """Make again what was taken away; what there is to say of it. To be asked for now and then."""
        self._answer_the_door()
        here = self._instance
        if self._is_ours():
            return ""
        try:
            if self._has_its_lock():
                self._write_files()
            elif not self._locked(0):
                return f"{here.runtime} was taken away, and another improv has its lock now; end one of them by hand"
        except (Unavailable, OSError) as error:
            return f"{here.runtime} was taken away ({error}); improv can't be reached until it can be made again"
        return f"what makes improv reachable in {here.runtime} was taken away: it is made again"

    def ends_in_order(self) -> None:
        """It need not be started again as it was: one that failed is."""
        if self._is_ours():
            with suppress(OSError):
                self._instance.options.unlink(missing_ok=True)

    def release(self) -> None:
        """Be it no longer; what is another's by now stays."""
        if self._is_ours():
            with suppress(OSError):
                self._instance.pid_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()
        self._unguard()

    def _locked(self, within_s: float) -> bool:
        """Have the lock that is in the directory now, and the files beside it; False if somebody else has it."""
        from filelock import FileLock, Timeout

        here = self._instance
        try:
            make_private(here.runtime)
        except OSError as error:
            raise Unavailable(f"{here.runtime}: {error.strerror}; {_ELSEWHERE}") from error
        path = here.socket
        lock = FileLock(here.lock, mode=0o600)
        try:
            lock.acquire(timeout=within_s, poll_interval=_LOCK_S / _TRIES)
        except Timeout:
            return False
        if self._lock is not None:
            self._lock.release()
        self._lock, self._identity = lock, _identity(here.lock)
        if path.is_socket() and not somebody_listens(path):
            path.unlink(missing_ok=True)  # whoever listened there has died
        self._write_files()
        return True

    def _write_files(self) -> None:
        here = self._instance
        try:
            here.options.write_text(self._origin)
            here.pid_file.write_text(f"{os.getpid()}\n")
        except OSError as error:
            raise Unavailable(f"{here.runtime}: {error.strerror}; {_ELSEWHERE}") from error

    def _has_its_lock(self) -> bool:
        """Whether the lock in the directory is the one that we hold."""
        return self._identity is not None and _identity(self._instance.lock) == self._identity

    def _is_ours(self) -> bool:
        """Whether the files in the directory are those that we have made."""
        return self._has_its_lock() and self._instance._pid() == os.getpid()

    def _answer_the_door(self) -> None:
        """Whoever wanted to know who we are has learned it from the system."""
        if self._guard is not None:
            with suppress(OSError):
                while True:
                    self._guard.accept()[0].close()

    def _unguard(self) -> None:
        if self._guard is not None:
            self._guard.close()
            self._guard = None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _guard_name(instance: Instance) -> bytes | None:
    """The name in the abstract namespace: of the user, the directory and the instance; None where there are none."""
    if sys.platform != "linux":
        return None
    place = os.fsencode(os.path.realpath(instance.runtime / instance.name))
    return b"\0improv-%d-%s" % (os.geteuid(), hashlib.sha256(place).hexdigest()[:32].encode())


def _guarded(instance: Instance) -> socket.socket | None:
    """The name, taken; AlreadyRunning if a process of ours has it. Whatever else keeps it from us is no reason."""
    name = _guard_name(instance)
    if name is None:
        return None
    guard = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        guard.bind(name)
        guard.listen(_MOST_ASKING)
        guard.setblocking(False)
    except OSError:
        guard.close()
        if _guardian(instance) is not None:
            raise instance.already() from None
        return None
    return guard


def _guardian(instance: Instance) -> int | None:
    """The process that has taken the name, if it is of the same user; None where there is none, or none is told."""
    name = _guard_name(instance)
    if name is None:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setblocking(False)
        try:
            end.connect(name)
            form = struct.Struct("iII")
            pid, uid, _ = form.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))
        except BlockingIOError:
            busy = f"too many ask at once whether improv plays as {instance.name}; try again in a second"
            raise Unavailable(busy) from None
        except OSError:
            return None
    return int(pid) or None if uid == os.geteuid() else None


def _state(otherwise: Path) -> Path:
    named = os.environ.get("IMPROV_STATE")
    return Path(named) if named else otherwise
