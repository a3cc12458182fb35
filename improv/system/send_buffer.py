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
        """Put bytes behind those that wait."""
        self._waiting += data

    def replace_from(self, start: int, data: bytes) -> None:
        """Put bytes in the place of all that wait from an offset on."""
        self._waiting[start:] = data

    def send(self) -> int:
        """Send as much as the other end takes now; return how many bytes. OSError if it is gone."""
        before = len(self._waiting)
        try:
            while self._waiting:
                del self._waiting[: self._end.send(self._waiting)]
        except BlockingIOError:
            pass
        return before - len(self._waiting)

    def clear(self) -> None:
        """Drop all that waits."""
        self._waiting.clear()
