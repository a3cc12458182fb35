"""Which messages of knobs, keys and pedals concern the daemon, and those that have come."""

from improv.dataclass import dataclass
from improv.midi.messages import CONTROL, NOTE_ON, PROGRAM

_CONTROLLERS = frozenset({CONTROL, NOTE_ON, PROGRAM})
"""The kinds of messages that a knob, a key or a pedal sends."""

_MOVES_KEPT = 64


@dataclass(frozen=True, slots=True)
class PassOn:
    """Turn passing on what arrives on or off."""

    on: bool


Bound = frozenset[tuple[int, int, int]]
"""Messages by status, number, and channel 0..15 or -1 for any."""


@dataclass(frozen=True, slots=True)
class ControllerFilter:
    """Which controller messages go to the daemon."""

    bound: Bound = frozenset()
    """For the daemon alone: neither heard nor passed on."""
    shared: Bound = frozenset()
    """For the daemon, and heard and passed on all the same."""
    learning: bool = False
    """Whether every one goes to the daemon, to find out which is meant; they too are heard and passed on."""

    def takes(self, message: bytes) -> bool:
        """Return whether a message goes to the daemon only. A note-off never does: its note may sound already."""
        return _is_among(message, self.bound)

    def reports(self, message: bytes) -> bool:
        """Return whether a message goes to the daemon, whether or not it is passed on as well."""
        moved = self.learning and message[0] & 0xF0 in _CONTROLLERS
        return moved or _is_among(message, self.bound) or _is_among(message, self.shared)


class ControllerMoves:
    """The messages that a filter has chosen, until the daemon is sent them."""

    def __init__(self) -> None:
        self.filter = ControllerFilter()
        self._moves: list[tuple[float, bytes]] = []

    def __bool__(self) -> bool:
        return bool(self._moves)

    def enter(self, message: bytes, time_s: float) -> bool:
        """Keep a message if the filter chooses it; return whether it goes to the daemon only.

        Of a knob that floods only the newest place is kept.
        """
        if self.filter.reports(message):
            if len(self._moves) <= _MOVES_KEPT:
                self._moves.append((time_s, message))
            elif self._moves[-1][1][:2] == message[:2]:
                self._moves[-1] = time_s, message
        return self.filter.takes(message)

    def take(self) -> list[tuple[float, bytes]]:
        """Remove and return the kept messages, each with its time in seconds of the clock."""
        moves, self._moves = self._moves, []
        return moves


def _is_among(message: bytes, bound: Bound) -> bool:
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if not bound or len(message) < 2 or (kind == NOTE_ON and not message[2]):
        return False
    return not bound.isdisjoint(((kind, message[1], channel), (kind, message[1], -1)))
