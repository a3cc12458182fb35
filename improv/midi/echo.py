"""Recognises that what we send comes back to us: a cable from out to in, or a device that echoes.

With pass-through on, a loop repeats every message for ever; without it, improv would answer itself.
A musician can strike the same key twice, but not nearly as often as a loop returns what was sent.
It must never swallow a message before it is sure.
"""

from collections import deque
from math import inf

_WINDOW_S = 0.15
"""A message that was sent so recently may be the one that has just arrived."""

_SURE = 3
_SHARE = 0.8
"""A loop returns at least so many, and at least this share, of the messages of the window."""

_QUIET_S = 2.0
"""A loop is over when nothing has come back for so long."""


class Echo:
    """Compares what arrives with what was sent a moment ago, byte for byte; times in seconds of one clock."""

    def __init__(self) -> None:
        self.swallowed = 0
        """Messages that were taken for our own."""
        self.found = 0
        """How many loops there have been."""
        self._looped_until_s = -inf
        self._sent: deque[tuple[float, bytes]] = deque()
        self._awaited: dict[bytes, deque[float]] = {}
        self._returned: deque[float] = deque()

    def sent(self, message: bytes, now_s: float) -> None:
        """A message has been sent."""
        self._forget(now_s)
        self._sent.append((now_s, message))
        self._awaited.setdefault(message, deque()).append(now_s)

    def looped(self, now_s: float) -> bool:
        """Whether what we send comes back at present."""
        return now_s < self._looped_until_s

    def is_ours(self, message: bytes, now_s: float) -> bool:
        """Whether a message that arrived is one of ours come back: only once that is sure."""
        self._forget(now_s)
        times = self._awaited.get(message)
        if not times:
            return False
        times.popleft()
        self._returned.append(now_s)
        looped = self.looped(now_s)
        if not looped and len(self._returned) >= max(_SURE, _SHARE * len(self._sent)):
            self.found += 1
            looped = True
        if looped:
            self._looped_until_s = now_s + _QUIET_S
            self.swallowed += 1
        return looped

    def _forget(self, now_s: float) -> None:
        """Leave out what lies before the window."""
        begin_s = now_s - _WINDOW_S
        while self._sent and self._sent[0][0] < begin_s:
            sent_s, message = self._sent.popleft()
            times = self._awaited.get(message)
            if times and times[0] == sent_s:
                times.popleft()
            if times is not None and not times:
                del self._awaited[message]
        while self._returned and self._returned[0] < begin_s:
            self._returned.popleft()
