"""Which channels an MPE controller has taken for itself, so that improv keeps off them.

A zone is announced by registered parameter 6 on its manager channel, 1 or 16, with the number of
member channels (MIDI Polyphonic Expression 1.1, section 2.1). It must never change a message.
"""

from improv.midi.messages import CONTROL
from improv.music.parts import PERCUSSION_CHANNEL, Part

_DATA, _NRPN_FINE, _NRPN_COARSE, _RPN_FINE, _RPN_COARSE = 6, 98, 99, 100, 101
_ZONE = (0, 6)
_LOWER, _UPPER = 0, 15
_DRUMS = PERCUSSION_CHANNEL

_OURS = sorted({part.channel for part in Part} - {_DRUMS})
"""The channels of the parts that play notes, 0 to 15."""


class Zones:
    """The channels of the zones that messages have announced, managers among them."""

    def __init__(self) -> None:
        self.channels: frozenset[int] = frozenset()
        self._members = {_LOWER: 0, _UPPER: 0}
        self._parameter: dict[int, tuple[int, int]] = {}

    def enter(self, message: bytes) -> bool:
        """Take in a message from the keyboard; return whether it has changed the zones."""
        if len(message) != 3 or message[0] & 0xF0 != CONTROL or message[0] & 0x0F not in self._members:
            return False
        channel, controller, value = message[0] & 0x0F, message[1], message[2]
        coarse, fine = self._parameter.get(channel, (127, 127))
        if controller == _RPN_COARSE:
            self._parameter[channel] = value, fine
        elif controller == _RPN_FINE:
            self._parameter[channel] = coarse, value
        elif controller in (_NRPN_COARSE, _NRPN_FINE):
            self._parameter.pop(channel, None)
        elif controller == _DATA and (coarse, fine) == _ZONE:
            return self._announced(channel, min(value, 15))
        return False

    def free(self, channel: int) -> int | None:
        """Return a channel outside all zones in the place of one: itself or a high one; None if there is none.

        Two channels are never given the same one.
        """
        if channel not in self.channels:
            return channel
        if channel == _DRUMS:  # on any other they would be notes
            return None
        others = [
            other
            for other in range(14, -1, -1)
            if other not in self.channels and other != _DRUMS and other not in _OURS
        ]
        place = _OURS.index(channel)
        return others[place] if place < len(others) else None

    def channels_of(self, channel: int) -> frozenset[int]:
        """Return the channels a channel-wide message concerns: for a zone's manager, the whole zone."""
        if not self._members.get(channel):
            return frozenset({channel})
        members = self._members[channel]
        return frozenset(range(members + 1) if channel == _LOWER else range(15 - members, 16))

    def _announced(self, manager: int, members: int) -> bool:
        """A zone of so many members; the newer one takes what both would have."""
        other = _UPPER if manager == _LOWER else _LOWER
        self._members[manager] = members
        self._members[other] = min(self._members[other], max(0, 14 - members))
        lower = range(self._members[_LOWER] + 1) if self._members[_LOWER] else range(0)
        upper = range(15 - self._members[_UPPER], 16) if self._members[_UPPER] else range(0)
        before, self.channels = self.channels, frozenset((*lower, *upper))
        return before != self.channels
