"""Which messages of controllers concern the daemon."""

from dataclasses import dataclass

from improv.midi.messages import CONTROL, NOTE_ON, PROGRAM

_CONTROLLERS = frozenset({CONTROL, NOTE_ON, PROGRAM})
"""The kinds of messages that a knob, a key or a pedal sends."""


@dataclass(frozen=True, slots=True)
class PassOn:
    """Whether what arrives is passed on from now on."""

    on: bool


Bound = frozenset[tuple[int, int, int]]
"""Messages by status, number, and channel 0..15 or -1 for any."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages of knobs, keys and pedals the daemon is told of."""

    bound: Bound = frozenset()
    """For the daemon alone: neither heard nor passed on."""
    shared: Bound = frozenset()
    """Heard and passed on all the same."""
    learning: bool = False
    """Whether it is told of every one, to find out which is meant; they too are heard and passed on."""

    def takes(self, message: bytes) -> bool:
        """Whether a message is for the daemon alone; the end of a note never is: it may be held already."""
        return _is_among(message, self.bound)

    def tells_of(self, message: bytes) -> bool:
        """Whether the daemon is told of a message."""
        moved = self.learning and message[0] & 0xF0 in _CONTROLLERS
        return moved or _is_among(message, self.bound) or _is_among(message, self.shared)


def _is_among(message: bytes, bound: Bound) -> bool:
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if not bound or len(message) < 2 or (kind == NOTE_ON and not message[2]):
        return False
    return not bound.isdisjoint(((kind, message[1], channel), (kind, message[1], -1)))
