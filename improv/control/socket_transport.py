"""How clients reach the socket: a Unix socket, or loopback with a token where there is none."""

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Protocol

from improv.system.private_files import has_listener, make_private, write_private

MAX_CLIENTS = 64


class Transport(Protocol):
    """How a client finds the server, and how other users are kept out."""

    token: str
    """The token that a client has to show; empty where none is needed."""

    def listen(self, path: Path) -> socket.socket:
        """Return a listening socket at a path; only clients of the same user can use it."""
        ...

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        """Return a connection to the server at a path, and the token to authenticate with."""
        ...

    def is_same_user(self, end: socket.socket) -> bool:
        """Return whether the peer of a connection belongs to this user, as far as the system tells."""
        ...

    def accepts_token(self, token: object) -> bool:
        """Return whether a token that a client has sent is the right one."""
        ...


def identity(path: Path) -> tuple[int, int] | None:
    """Return the device and the inode of a file; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def system_transport() -> Transport:
    """Return the transport of this system: Unix sockets where it has them, else loopback."""
    return UnixTransport() if hasattr(socket, "AF_UNIX") and os.name == "posix" else LoopbackTransport()


class UnixTransport:
    """A Unix socket in a private directory; the system says which user connects."""

    def __init__(self) -> None:
        self.token = ""

    def listen(self, path: Path) -> socket.socket:
        """See `Transport.listen`."""
        make_private(path.parent)
        if has_listener(path):
            raise OSError(errno.EADDRINUSE, "another program listens there")
        if path.is_socket():
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(os.fspath(path))
            path.chmod(0o600)  # no client can connect before it listens
            listener.listen(MAX_CLIENTS)
        except BaseException:
            listener.close()
            raise
        return listener

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        """See `Transport.connect`."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end.settimeout(timeout_s)
        try:
            end.connect(os.fspath(path))
        except BaseException:
            end.close()
            raise
        return end, ""

    def is_same_user(self, end: socket.socket) -> bool:
        """See `Transport.is_same_user`."""
        return _peer_uid(end) == os.geteuid()

    def accepts_token(self, token: object) -> bool:
        """See `Transport.accepts_token`."""
        return token == self.token


def _peer_uid(end: socket.socket) -> int | None:
    """Return the user id at the other end of a Unix socket; None where the system does not tell."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            form = struct.Struct("iII")
            return int(form.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))[1])
        import ctypes  # noqa: PLC0415 only where the system has no shorter way

        uid, gid = ctypes.c_uint(), ctypes.c_uint()
        known = ctypes.CDLL(None).getpeereid(end.fileno(), ctypes.byref(uid), ctypes.byref(gid)) == 0
        return uid.value if known else None
    except (OSError, AttributeError):
        return None


class LoopbackTransport:
    """A port of this machine, and a token in a file that only its user can read: for systems without Unix sockets."""

    def __init__(self) -> None:
        self.token = os.urandom(32).hex()

    def listen(self, path: Path) -> socket.socket:
        """See `Transport.listen`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if exclusive := getattr(socket, "SO_EXCLUSIVEADDRUSE", 0):
                listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
            listener.bind(("127.0.0.1", 0))
            listener.listen(MAX_CLIENTS)
            write_private(path, f"{listener.getsockname()[1]} {self.token}\n")
        except BaseException:
            listener.close()
            raise
        return listener

    def connect(self, path: Path, timeout_s: float) -> tuple[socket.socket, str]:
        """See `Transport.connect`."""
        port, token = path.read_text().split()
        return socket.create_connection(("127.0.0.1", int(port)), timeout_s), token

    def is_same_user(self, end: socket.socket) -> bool:
        """See `Transport.is_same_user`."""
        return True

    def accepts_token(self, token: object) -> bool:
        """See `Transport.accepts_token`."""
        from hmac import compare_digest  # noqa: PLC0415 slow to load, and no use elsewhere

        return isinstance(token, str) and token.isascii() and compare_digest(token, self.token)
