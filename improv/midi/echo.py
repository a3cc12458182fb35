"""Recognises that what we send comes back to us: a cable from out to in, or a device that echoes.

With pass-through on, a loop repeats every message for ever; without it, improv would answer itself.
What gives a loop away is what no musician does: bring our own notes back as they were, strike a
key that is down again and again, or return hundreds of other messages a second unchanged. It must
never swallow a message before it is sure.
"""

from collections import deque
from math import inf

from improv.midi.channels import NOTE_OFF, NOTE_ON

_WINDOW_S = 0.15
"""A message that was sent so recently may be the one that has just arrived."""

_SURE, _SURE_OF_OTHERS = 3, 48
"""So many notes, or messages in a window that are none, make sure."""

_SHARE = 0.8
"""And these are this share of what was sent in it."""

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
        self._sent: deque[tuple[float, bytes, bool]] = deque()
        self._awaited: dict[bytes, deque[tuple[float, bool]]] = {}
        self._returned = 0
        """How many of ours have come back since the last that has not."""
        self._by_ours = False
        """Whether the loop is known by them: then it is over when one does not come back."""
        self._struck: deque[float] = deque()
        self._others: deque[float] = deque()

    def sent(self, message: bytes, now_s: float, *, passed: bool = False) -> None:
        """A message has been sent: one of ours, or one that was passed on."""
        self._forget(now_s)
        self._sent.append((now_s, message, passed))
        self._awaited.setdefault(message, deque()).append((now_s, passed))

    def looped(self, now_s: float) -> bool:
        """Whether what we send comes back at present."""
        return now_s < self._looped_until_s or self._by_ours

    def is_ours(self, message: bytes, now_s: float, *, down: bool) -> bool:
        """Whether a message that arrived is one we sent: only once that is sure. `down`: its key is down already."""
        self._forget(now_s)
        awaited = self._awaited.get(message)
        if not awaited:
            return False
        _, passed = awaited.popleft()
        if not passed:
            self._returned += 1
        elif message[0] & 0xF0 == NOTE_ON and message[2] and down:
            self._struck.append(now_s)
        elif message[0] & 0xF0 not in (NOTE_ON, NOTE_OFF):
            self._others.append(now_s)
        looped = self.looped(now_s)
        self._by_ours = self._by_ours or self._returned >= _SURE
        if not looped:
            others = max(_SURE_OF_OTHERS, _SHARE * len(self._sent))
            if not (self._by_ours or len(self._struck) >= _SURE or len(self._others) >= others):
                return False
            self.found += 1
        self._looped_until_s = now_s + _QUIET_S
        self.swallowed += 1
        return True

    def _forget(self, now_s: float) -> None:
        """Leave out what lies before the window."""
        begin_s = now_s - _WINDOW_S
        while self._sent and self._sent[0][0] < begin_s:
            sent_s, message, passed = self._sent.popleft()
            awaited = self._awaited.get(message)
            if awaited and awaited[0][0] == sent_s:
                awaited.popleft()
                if not passed:
                    self._returned, self._by_ours = 0, False
            if awaited is not None and not awaited:
                del self._awaited[message]
        for evidence in (self._struck, self._others):
            while evidence and evidence[0] < begin_s:
                evidence.popleft()
