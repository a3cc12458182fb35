"""Bytes that wait until the other end of a socket takes them: sending never waits for it."""

import socket


class SendBuffer:
    """What is to be sent on a socket that does not block."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._waiting = bytearray()

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, data: bytes) -> None:
        """Add bytes at the end of those that wait."""
        self._waiting += data

    def replace_from(self, start: int, data: bytes) -> None:
        """Replace the waiting bytes from an offset on."""
        self._waiting[start:] = data

    def send(self) -> int:
        """Send what the other end takes now; return the number of bytes. OSError if it is gone."""
        before = len(self._waiting)
        try:
            while self._waiting:
                del self._waiting[: self._end.send(self._waiting)]
        except BlockingIOError:
            pass
        return before - len(self._waiting)

    def clear(self) -> None:
        """Drop all waiting bytes."""
        self._waiting.clear()
