"""Recognises that what we send comes back to us: a cable from out to in, a DAW that hands on, a device that echoes.

With pass-through on, a loop repeats every message for ever; without it, improv would answer itself.
That a message comes again proves nothing: fingers tremble, keys are repeated, arpeggiators and sequencers go round,
and a keyboard may be connected twice. What gives a loop away is what no pianist does:

- bring back what improv itself has sent, one after the other, none left out, each as late as the one before it;
- strike a key again and again without ever lifting it, faster than anything plays but sticks on a pad that sends no
  ends, and no more once it has been swallowed;
- bring back everything that was passed on, in its order and after the same time, while more and more of it joins in
  and nothing ever drops out.

It must never swallow a message before it is sure.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import field
from itertools import count
from math import inf

from improv.dataclass import dataclass
from improv.midi.messages import NOTE_OFF, NOTE_ON

_WINDOW_S = 0.6
"""What was sent so recently may come back yet: a cable takes milliseconds, a DAW or radio up to half a second."""

_JITTER_S = 0.025
"""In a loop all is late by the same time, give or take so much: a long period of an audio system."""

_MOMENT_S = 0.005
"""What is sent within so long of each other is a chord."""

_SURE_OF_A_CHORD, _SURE_OF_A_LINE = 3, 5
"""So many of our messages in a row make sure: onsets of one chord, or any; on another channel so many moments."""

_RESTRIKE_S, _SURE_OF_RESTRIKES = 0.06, 3
"""A key that is down is struck again so soon, so many times in a row."""

_ROUNDS = 3
"""A message that has come back so often goes round."""

_QUICK_S, _SURE_QUICKLY, _SURE_SLOWLY = 0.06, 12, 48
"""So many messages that have joined in make sure, where a round is as short as this; else so many."""

_QUIET_S = 2.0
"""A loop is over when nothing has come back for so long."""


@dataclass(slots=True)
class _Own:
    """A message of ours that is no end of a note."""

    number: int
    """Counted from 0 among those of its kind on its channel: onsets, and all others."""
    sent_s: float
    message: bytes

    def is_like(self, other: bytes) -> bool:
        """Return whether a message is this one but for the channel: some programs have one for all they pass on."""
        return self.message[0] & 0xF0 == other[0] & 0xF0 and self.message[1:] == other[1:]


@dataclass(slots=True)
class _Run:
    """Messages of one channel of ours that have come back on one channel, none of their kind left out."""

    last: _Own
    into: int
    delay_s: float
    count: int = 1
    moments: int = 1
    at_once: int = 1
    """How many of them belong to the chord of the last."""

    def goes_on(self, own: _Own) -> None:
        """Count in the next message, which has come back too."""
        at_once = own.sent_s - self.last.sent_s <= _MOMENT_S
        self.at_once = self.at_once + 1 if at_once and _is_onset(own.message) else 1
        self.moments += not at_once
        self.last, self.count = own, self.count + 1

    @property
    def is_sure(self) -> bool:
        """Whether no pianist would have played this."""
        if self.is_changed:
            return self.moments >= _SURE_OF_A_LINE
        return self.count >= _SURE_OF_A_LINE or self.at_once >= _SURE_OF_A_CHORD

    @property
    def is_changed(self) -> bool:
        """Whether they come back on another channel."""
        return self.last.message[0] & 0x0F != self.into


@dataclass(slots=True)
class _Round:
    """A message that was passed on and has not come back yet."""

    sent_s: float
    message: bytes
    origin: int
    """Which message of the player's it was at first."""
    rounds: int


@dataclass(slots=True)
class _Rounds:
    """What was passed on, in its order, as long as all of it comes back after the same time."""

    waiting: deque[_Round] = field(default_factory=deque)
    delay_s: float | None = None
    joined: set[int] = field(default_factory=set)
    """The messages that go round and have joined in after others had come back."""
    _origins: Iterator[int] = field(default_factory=count)
    _first_late: int | None = None
    """The first message that came after another had come back."""

    def arrived(self, message: bytes, now_s: float, *, awaited: bool) -> tuple[int, int]:
        """Return which message of the pianist's this is, and how often it has been round.

        `awaited`: it may be one of those that were passed on.
        """
        latest_s = _WINDOW_S if self.delay_s is None else self.delay_s + _JITTER_S
        if self.waiting and now_s - self.waiting[0].sent_s > latest_s:
            self._lost(now_s)
        if awaited and self.delay_s is None:  # whatever lies before it has not come back
            while self.waiting and self.waiting[0].message != message:
                self.waiting.popleft()
        head = self.waiting[0] if self.waiting else None
        if head is not None and head.message == message and self._fits(now_s - head.sent_s):
            self.waiting.popleft()
            if self.delay_s is None:
                self.delay_s = now_s - head.sent_s
            rounds = head.rounds + 1
            if rounds >= _ROUNDS and self._first_late is not None and head.origin >= self._first_late:
                self.joined.add(head.origin)
            return head.origin, rounds
        origin = next(self._origins)
        if self.delay_s is not None and self._first_late is None:
            self._first_late = origin
        return origin, 0

    @property
    def is_sure(self) -> bool:
        """Whether so many have joined in that this is a loop."""
        quick = self.delay_s is not None and self.delay_s <= _QUICK_S
        return len(self.joined) >= (_SURE_QUICKLY if quick else _SURE_SLOWLY)

    def _fits(self, delay_s: float) -> bool:
        return self.delay_s is None or abs(delay_s - self.delay_s) <= _JITTER_S

    def _lost(self, now_s: float) -> None:
        """Something has not come back: what has seemed to was no loop's."""
        self.waiting.popleft()
        while self.waiting and now_s - self.waiting[0].sent_s > _WINDOW_S:
            self.waiting.popleft()
        for each in self.waiting:
            each.rounds = 0
        self.delay_s = self._first_late = None
        self.joined.clear()


_Kind = tuple[int, bool]
"""A channel, and whether it is onsets that are meant or all else but ends of notes."""


class LoopDetector:
    """Compares what arrives with what was sent a moment ago; times in seconds of one clock."""

    def __init__(self) -> None:
        self.swallowed = 0
        """Messages that were taken for our own."""
        self.found = 0
        """How many loops there have been."""
        self._looped_until_s = -inf
        self._by_ours = False
        """Whether the loop is known by what we have sent ourselves: then it is over when that does not come back."""
        self._sent: deque[tuple[float, bytes, bool]] = deque()
        self._awaited: defaultdict[bytes, deque[tuple[float, bool]]] = defaultdict(deque)
        self._own: defaultdict[_Kind, deque[_Own]] = defaultdict(deque)
        self._numbers: defaultdict[_Kind, Iterator[int]] = defaultdict(count)
        self._runs: dict[tuple[_Kind, int], _Run] = {}
        """By what of ours came back, and on which channel."""
        self._changed: set[int] = set()
        """The channels on which ours come back although they left on others."""
        self._struck: dict[bytes, tuple[int, bytes, float]] = {}
        """Of each key how often it was struck again, by which message, and when."""
        self._suspected = b""
        """The key by which alone a loop is known, until that is sure."""
        self._endless: set[bytes] = set()
        """Keys that have been struck again by hand while they were down: pads that send no ends."""
        self._rounds = _Rounds()
        self._arrived = (0, 0)

    def sent(self, message: bytes, now_s: float, *, passed: bool = False) -> None:
        """Note a message that was sent at `now_s`; `passed`: it had arrived and was passed on."""
        self._forget(now_s)
        self._sent.append((now_s, message, passed))
        self._awaited[message].append((now_s, passed))
        if passed:
            self._rounds.waiting.append(_Round(now_s, message, *self._arrived))
        elif _is_telling(message):
            kind = message[0] & 0x0F, _is_onset(message)
            self._own[kind].append(_Own(next(self._numbers[kind]), now_s, message))

    def in_loop(self, now_s: float) -> bool:
        """Return whether what improv sends comes back to its input at present."""
        return now_s < self._looped_until_s or self._by_ours

    def is_ours(self, message: bytes, now_s: float, *, down: bool) -> bool:
        """Return whether a message that arrived is one improv sent, once that is certain. `down`: its key is down."""
        self._forget(now_s)
        awaited = self._awaited.get(message)
        self._arrived = self._rounds.arrived(message, now_s, awaited=bool(awaited))
        by_ours = _is_telling(message) and self._comes_back(message, now_s)
        struck = _is_onset(message) and self._is_struck_again(message, now_s, down=down)
        if awaited:
            awaited.popleft()
        elif not self._is_changed(message):
            if _is_onset(message) and message[:2] == self._suspected:  # what was swallowed cannot come back
                self._acquit(now_s)
            return False
        if not self.in_loop(now_s):
            if not (by_ours or struck or self._rounds.is_sure):
                return False
            self.found += 1
            self._suspected = b"" if by_ours or self._rounds.is_sure else message[:2]
        self._by_ours = self._by_ours or by_ours
        self._looped_until_s = now_s + _QUIET_S
        self.swallowed += 1
        return True

    def _comes_back(self, message: bytes, now_s: float) -> bool:
        """Whether a message makes sure that ours come back: as the next of one of our channels, after the same time."""
        sure, into, is_onset = False, message[0] & 0x0F, _is_onset(message)
        for kind, sent in self._own.items():
            if kind[1] != is_onset:
                continue
            run = self._runs.get((kind, into))
            expected = _numbered(sent, run.last.number + 1) if run else None
            if run and expected and expected.is_like(message) and _as_late(now_s - expected.sent_s, run.delay_s):
                run.goes_on(expected)
            elif run and (expected is None or now_s - expected.sent_s <= run.delay_s + _JITTER_S):
                continue  # it may come yet
            else:
                begun = next((own for own in sent if own.is_like(message)), None)
                if begun is None:
                    continue
                run = self._runs[kind, into] = _Run(begun, into, now_s - begun.sent_s)
            if run.is_sure:
                sure = True
                if run.is_changed:
                    self._changed.add(into)
        return sure

    def _is_struck_again(self, message: bytes, now_s: float, *, down: bool) -> bool:
        """Whether a key that is down has been struck so often that no hand does it."""
        key = message[:2]
        times, last, last_s = self._struck.get(key, (0, b"", -inf))
        again = down and last == message
        soon = now_s - last_s <= _RESTRIKE_S
        if again and not soon:
            self._endless.add(key)
        times = times + 1 if again and soon else 0
        self._struck[key] = times, message, now_s
        return times >= _SURE_OF_RESTRIKES and key not in self._endless

    def _acquit(self, now_s: float) -> None:
        """Know that it was no loop by which a key was struck again."""
        self._endless.add(self._suspected)
        self._suspected, self._looped_until_s = b"", now_s

    def _is_changed(self, message: bytes) -> bool:
        """Whether a note is one of ours come back on another channel, in a loop that does so."""
        if message[0] & 0xF0 not in (NOTE_ON, NOTE_OFF) or message[0] & 0x0F not in self._changed:
            return False
        alike = {bytes((message[0] & 0xF0 | channel, *message[1:])) for channel in range(16)}
        return any(not passed and sent in alike for _, sent, passed in self._sent)

    def _forget(self, now_s: float) -> None:
        """Leave out what lies before the window; an onset of ours among it has not come back."""
        begin_s = now_s - _WINDOW_S
        if not self._sent or self._sent[0][0] >= begin_s:
            return
        while self._sent and self._sent[0][0] < begin_s:
            sent_s, message, passed = self._sent.popleft()
            awaited = self._awaited.get(message)
            if awaited and awaited[0][0] == sent_s:
                awaited.popleft()
                if not passed and not self._changed:
                    self._by_ours = False
            if awaited is not None and not awaited:
                del self._awaited[message]
        for kind, own in self._own.items():
            while own and own[0].sent_s < begin_s:
                number = own.popleft().number
                for (ours, into), run in list(self._runs.items()):
                    if ours == kind and run.last.number < number:
                        del self._runs[ours, into]
                        if into in self._changed:
                            self._changed.discard(into)
                            self._by_ours = False


def _is_onset(message: bytes) -> bool:
    return len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2] > 0


def _is_telling(message: bytes) -> bool:
    """Whether a message is a channel's and no end of a note: those are alike wherever they come from."""
    return 1 < len(message) <= 3 and (_is_onset(message) or 0xA0 <= message[0] < 0xF0)


def _numbered(sent: deque[_Own], number: int) -> _Own | None:
    """The message with a number, if it is among them."""
    at = number - sent[0].number if sent else -1
    return sent[at] if 0 <= at < len(sent) else None


def _as_late(delay_s: float, before_s: float) -> bool:
    return abs(delay_s - before_s) <= _JITTER_S
