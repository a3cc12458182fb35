"""What tests of the player listen with: a source of anything, and a sink with a synthesiser at it."""

import heapq
import itertools
from math import inf

from improv.midi.messages import CONTROL
from improv.midi.sources import Arrival
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed, in_order
from improv.music.parts import Part
from improv.music.transport import Transport
from tests.midi.synth import Synth

SLACK_S = 1e-9


class Inbox:
    """A source of anything, each thing at its time."""

    def __init__(self) -> None:
        self._arrivals: list[tuple[float, int, Arrival]] = []
        self._order = itertools.count()

    def put(self, time_s: float, *arrivals: Arrival) -> None:
        for arrival in arrivals:
            heapq.heappush(self._arrivals, (time_s, next(self._order), arrival))

    def poll(self, now_s: float) -> list[Arrival]:
        due = []
        while self._arrivals and self._arrivals[0][0] <= now_s:
            due.append(heapq.heappop(self._arrivals)[2])
        return due

    def next_poll_s(self, now_s: float) -> float:
        return self._arrivals[0][0] if self._arrivals else inf


class Listener:
    """A sink that keeps what came and when, and a synthesiser that plays it."""

    def __init__(self, clock: SimulatedClock, *, counts: bool = True) -> None:
        self._clock = clock
        self.synth = Synth(counts=counts)
        self.sent: list[tuple[float, bytes]] = []

    def send(self, message: bytes) -> None:
        self.sent.append((self._clock.now(), message))
        self.synth.send(message)

    @property
    def messages(self) -> list[bytes]:
        return [message for _, message in self.sent]

    def onsets(self) -> list[tuple[float, int]]:
        return [(round(at, 6), message[1]) for at, message in self.sent if is_on(message)]


def is_on(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x90 and message[2] > 0


def is_off(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x80 or (message[0] & 0xF0 == 0x90 and message[2] == 0)


def control(channel: int, controller: int, value: int = 0) -> bytes:
    return bytes((CONTROL | channel, controller, value))


def notes(*events: tuple[float, float, int], part: Part = Part.MELODY) -> tuple[Placed, ...]:
    """Notes of ours as (begin, end, pitch), in steps."""
    placed = [Placed(int(begin * 6), NoteOn(part, pitch, 80)) for begin, _, pitch in events]
    return in_order([*placed, *(Placed(int(end * 6), NoteOff(part, pitch)) for _, end, pitch in events)])


QUICK = Transport(0, 0.0, 120)
"""An eighth lasts a quarter of a second and step 0 sounds at 0 s."""
