"""The way from the player to the built-in sound, and what is sent to MIDI ports later, so that both are heard at once.

What is handed over is never waited for: where nothing takes it, it is lost, and MIDI goes its way all the same.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from improv.midi.messages import CONTROL, NOTE_OFF, PROGRAM, RESET_CONTROLLERS
from improv.music.parts import PERCUSSION_CHANNEL, Part


class SoundSink(Protocol):
    """Something that sounds MIDI messages some time after they are due."""

    @property
    def delay_s(self) -> float:
        """How much later than it is due everything is heard, in seconds; 0 where nothing sounds."""
        ...

    def sound(self, messages: Sequence[bytes], due_s: float | None) -> None:
        """Sound messages by the delay after a time of the clock; None: as soon as can be."""
        ...

    def cut(self) -> None:
        """Silence everything, tails too."""
        ...


class NoSound:
    """A sink for where improv has no sound of its own."""

    delay_s = 0.0

    def sound(self, messages: Sequence[bytes], due_s: float | None) -> None:
        """Ignore the messages: nothing sounds them."""

    def cut(self) -> None:
        """Ignore it: nothing sounds."""


class ChannelStates:
    """The programs and controllers that were set: what another synth has to know in the place of one that died."""

    def __init__(self) -> None:
        self._set: dict[tuple[int, int], bytes] = {}

    def enter(self, messages: Sequence[bytes]) -> None:
        """Take in messages that are being sent."""
        for message in messages:
            kind = message[0] & 0xF0
            if kind == PROGRAM or (kind == CONTROL and message[1] < RESET_CONTROLLERS - 1):
                self._set[message[0], message[1] if kind == CONTROL else -1] = message

    @property
    def messages(self) -> tuple[bytes, ...]:
        """What sets all of it again."""
        return tuple(self._set.values())


def as_yours(message: bytes) -> bytes | None:
    """Return a message of your keyboard as the built-in sound has it: on your channel, so that it is your sound.

    Percussion stays percussion. None for what would change the sound of others: programs, and what is no channel's.
    """
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if not NOTE_OFF <= message[0] < 0xF0 or kind == PROGRAM:
        return None
    return message if channel == PERCUSSION_CHANNEL else bytes((kind | Part.YOU.channel, *message[1:]))


class Delayed:
    """MIDI messages that are sent later than they are due, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self._last_s = -inf

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, messages: Sequence[bytes], due_s: float, delay_s: float) -> None:
        """Keep messages that are due at a time of the clock until the delay is over; none overtakes another."""
        at_s = due_s + delay_s
        if self._waiting:
            at_s = max(at_s, self._last_s)
        self._last_s = at_s
        for message in messages:
            heapq.heappush(self._waiting, (at_s, next(self._order), message))

    def next_s(self) -> float:
        """Return when the next one is to be sent, in seconds of the clock; infinity if there is none."""
        return self._waiting[0][0] if self._waiting else inf

    def take_next(self, keep: Callable[[bytes], bool] = lambda _message: True) -> list[bytes]:
        """Remove and return the messages of the next time, those that `keep` keeps."""
        at_s, taken = self.next_s(), list[bytes]()
        while self._waiting and self._waiting[0][0] == at_s:
            message = heapq.heappop(self._waiting)[2]
            if keep(message):
                taken.append(message)
        return taken

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()
