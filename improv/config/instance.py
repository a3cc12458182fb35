"""One improv among several on a machine: its name, its files, and the lock that makes it the only one of that name.

Files that a dead process has left never keep the next one from starting, and files deleted under a living one are
made again. It must never trust a directory that another user could have made, nor delete another process's files.
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
from pathlib import Path
from typing import Any

from platformdirs import user_data_path, user_runtime_path, user_state_path

from improv.dataclass import dataclass
from improv.errors import AlreadyRunning, Unavailable, UsageError
from improv.system.private_files import has_listener, make_private
from improv.system.safe_files import read_file

DEFAULT = "default"
"""The name of an instance that was given none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ELSEWHERE = "set IMPROV_RUNTIME to a directory of your own"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
_MOST_BYTES = 1 << 20
"""The most bytes that the options of a start are read from."""

_MOST_ASKING = 1024
"""Connections that may wait until they are accepted: those of processes that want the daemon's process id."""

_LOCK_S, _TRIES = 0.2, 10
"""Longer than another process holds the lock that only tests whether it is held."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How the daemon of an instance was started, so that another can be started in the same way."""

    pid: int
    arguments: tuple[str, ...] = ()
    """The options of `improv daemon run`."""
    unit: tuple[str, ...] = ()
    """The words that name its unit to systemctl, if systemd has started it: see `improv.system.systemd.unit`."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One improv by its name: up to 31 of a-z, 0-9 and -, the first no hyphen; UsageError otherwise."""

    name: str = DEFAULT

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"instance {self.name!r} is no name; give up to 31 of a-z, 0-9 and -, the first no hyphen")

    @property
    def runtime(self) -> Path:
        """The directory of sockets and locks: $IMPROV_RUNTIME, or the user's own; `claimed` makes it, private."""
        if named := os.environ.get("IMPROV_RUNTIME"):
            return Path(named)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a machine without such directories: another is taken
            return user_runtime_path("improv", appauthor=False)

    @property
    def socket(self) -> Path:
        """The path of the control socket; UsageError if it is longer than the system allows."""
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
        """The file that is locked while the instance plays."""
        return self.runtime / f"{self.name}.lock"

    @property
    def pid_file(self) -> Path:
        """The file with the process id of the daemon."""
        return self.runtime / f"{self.name}.pid"

    @property
    def options(self) -> Path:
        """The file with the options of its start, for a daemon that takes its place."""
        return self.runtime / f"{self.name}.options"

    @property
    def log(self) -> Path:
        """The daemon's log, in $IMPROV_STATE or the user's directory for state."""
        return _state(user_state_path("improv", appauthor=False)) / f"{self.name}.log"

    @property
    def crash(self) -> Path:
        """The report of the screen's last crash, beside the log."""
        return self.log.with_suffix(".crash")

    @property
    def learned(self) -> Path:
        """The maps of controllers that were learned, in $IMPROV_STATE or the user's directory for data."""
        return _state(user_data_path("improv", appauthor=False)) / f"{self.name}.learned"

    @property
    def picked(self) -> Path:
        """The ports that were picked while it played, beside the log."""
        return self.log.with_suffix(".ports")

    @contextmanager
    def claimed(self, arguments: Sequence[str] = (), unit: Sequence[str] = ()) -> "Iterator[Claim]":
        """Hold this instance alone within the context, and keep how it was started; AlreadyRunning if it plays.

        Removes what a dead process has left. Unavailable if there is no directory that is private to this user.
        """
        claim = Claim(self, arguments, unit)
        claim.take()
        try:
            yield claim
            claim.end_in_order()
        finally:
            claim.release()

    def running(self) -> int | None:
        """Return the process id of the daemon that plays, None if none does; Unavailable if no file tells it."""
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
        """Return how the daemon was started: the one that plays, or else the last one, if it did not end in order."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(read_file(self.options, _MOST_BYTES))
            origin = Origin(int(kept["pid"]), tuple(map(str, kept["arguments"])), tuple(map(str, kept["unit"])))
            return origin if self.running() in (None, origin.pid) else None
        return None

    def command(self, words: str) -> str:
        """Return an improv command as the user types it for this instance."""
        return f"improv {words}" + ("" if self.name == DEFAULT else f" --instance {self.name}")

    def already_running(self) -> AlreadyRunning:
        """Return the error for a second daemon of the same instance."""
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
    """A process's hold on an instance: a lock in the directory and, on Linux, a socket in the abstract namespace.

    The socket stays bound when the directory is deleted, so that no other process becomes the same instance meanwhile,
    and a process that connects learns the daemon's process id.
    """

    def __init__(self, instance: Instance, arguments: Sequence[str], unit: Sequence[str]) -> None:
        self._instance = instance
        self._origin = json.dumps({"pid": os.getpid(), "arguments": list(arguments), "unit": list(unit)})
        self._guard: socket.socket | None = None
        self._lock: Any = None
        self._identity: tuple[int, int] | None = None

    def take(self) -> None:
        """Lock the instance; AlreadyRunning if another process has it, Unavailable if its files have no place."""
        self._guard = _guarded(self._instance)
        try:
            if not self._locked(_LOCK_S):
                raise self._instance.already_running()
        except BaseException:
            self.release()
            raise

    def restore(self) -> str:
        """Make the instance's files again if they were deleted; return a remark, empty if none was.

        Call it regularly.
        """
        self._accept_all()
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

    def end_in_order(self) -> None:
        """Delete the stored start options, so that the jam is not started again: it has not failed."""
        if self._is_ours():
            with suppress(OSError):
                self._instance.options.unlink(missing_ok=True)

    def release(self) -> None:
        """Unlock the instance. Files that belong to another process by now stay."""
        if self._is_ours():
            with suppress(OSError):
                self._instance.pid_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()
        self._unguard()

    def _locked(self, within_s: float) -> bool:
        """Take the lock in the directory and write the files beside it.

        Return False if another process has the lock.
        """
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
        if path.is_socket() and not has_listener(path):
            path.unlink(missing_ok=True)  # the process that listened there has died
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
        """Return whether the lock in the directory is the one this process holds."""
        return self._identity is not None and _identity(self._instance.lock) == self._identity

    def _is_ours(self) -> bool:
        """Return whether the files in the directory are those this process has written."""
        return self._has_its_lock() and self._instance._pid() == os.getpid()

    def _accept_all(self) -> None:
        """Close the connections of processes that wanted the process id: the system has given it to them."""
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
    """Return the name in the abstract namespace, of user, directory and instance; None where there are none."""
    if sys.platform != "linux":
        return None
    place = os.fsencode(os.path.realpath(instance.runtime / instance.name))
    return b"\0improv-%d-%s" % (os.geteuid(), hashlib.sha256(place).hexdigest()[:32].encode())


def _guarded(instance: Instance) -> socket.socket | None:
    """Return the bound socket; AlreadyRunning if a process of this user has it, None for any other obstacle."""
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
            raise instance.already_running() from None
        return None
    return guard


def _guardian(instance: Instance) -> int | None:
    """Return the id of the process of this user that has bound the name; None if there is none."""
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
