"""A synthesiser as the MIDI 1.0 specification describes one, to be fed what we send: an independent judge.

It knows nothing of improv: it reads bytes. A note that is struck twice wants two ends where it
`counts`, as receivers may; otherwise one end ends the key, as most do. Any pedal value but 0 is
down, the worst that can be made of it.
"""

from collections import Counter
from typing import TypeVar

_NOTE_OFF, _NOTE_ON, _POLY, _CONTROL, _PRESSURE, _BEND = 0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0
_CENTRE = 8192

Key = TypeVar("Key")


class Synth:
    """Sixteen channels of keys, pedals, bend and pressure."""

    def __init__(self, *, counts: bool = True) -> None:
        self._counts = counts
        self.keys: Counter[tuple[int, int]] = Counter()
        """How often each (channel, pitch) was struck and not ended."""
        self.sustained: set[tuple[int, int]] = set()
        """What sounds on under a pedal although its key is up."""
        self.pedals: set[tuple[int, int]] = set()
        """The (channel, controller) of the pedals that are down."""
        self.bends: dict[int, int] = {}
        self.pressures: dict[int, int] = {}
        self.key_pressures: dict[tuple[int, int], int] = {}
        self._caught: set[tuple[int, int]] = set()  # by the sostenuto pedal

    @property
    def sounding(self) -> set[tuple[int, int]]:
        """Each (channel, pitch) that is heard."""
        return set(self.keys) | self.sustained

    @property
    def silent(self) -> bool:
        """Whether nothing is heard and no pedal is down."""
        return not (self.keys or self.sustained or self.pedals)

    @property
    def at_rest(self) -> bool:
        """Whether it is silent, and no bend or pressure waits for the next note."""
        return self.silent and not (self.bends or self.pressures or self.key_pressures)

    def send(self, message: bytes) -> None:
        """Take a message in."""
        if not message or not _NOTE_OFF <= message[0] < 0xF0:
            return
        kind, channel, data = message[0] & 0xF0, message[0] & 0x0F, message[1:]
        if kind == _NOTE_ON and data[1]:
            self.keys[channel, data[0]] += 1
        elif kind in (_NOTE_ON, _NOTE_OFF):
            self._key_up(channel, data[0])
        elif kind == _POLY:
            _kept(self.key_pressures, (channel, data[0]), data[1], rest=0)
        elif kind == _PRESSURE:
            _kept(self.pressures, channel, data[0], rest=0)
        elif kind == _BEND:
            _kept(self.bends, channel, data[0] | data[1] << 7, rest=_CENTRE)
        elif kind == _CONTROL:
            self._control(channel, *data)

    def _key_up(self, channel: int, pitch: int) -> None:
        key = channel, pitch
        if key not in self.keys:
            return
        if self._counts and self.keys[key] > 1:
            self.keys[key] -= 1
            return
        del self.keys[key]
        if (channel, 64) in self.pedals or key in self._caught:
            self.sustained.add(key)

    def _control(self, channel: int, controller: int, value: int) -> None:
        if controller in (64, 66, 67):
            self._pedal(channel, controller, value)
        elif controller == 120:  # all sound off: pedals do not hold it
            for key in [key for key in self.keys if key[0] == channel]:
                del self.keys[key]
            self.sustained = {key for key in self.sustained if key[0] != channel}
        elif controller == 121:  # reset all controllers
            for pedal in (64, 66, 67):
                self._pedal(channel, pedal, 0)
            self.bends.pop(channel, None)
            self.pressures.pop(channel, None)
            self.key_pressures = {key: value for key, value in self.key_pressures.items() if key[0] != channel}
        elif controller >= 123:  # all notes off, and the modes that imply it: as if each key went up
            for key in [key for key in self.keys if key[0] == channel]:
                self.keys[key] = 1
                self._key_up(*key)

    def _pedal(self, channel: int, pedal: int, value: int) -> None:
        down = (channel, pedal) in self.pedals
        if value:
            self.pedals.add((channel, pedal))
            if pedal == 66 and not down:
                self._caught |= {key for key in self.keys if key[0] == channel}
            return
        self.pedals.discard((channel, pedal))
        if pedal == 66:
            self._caught = {key for key in self._caught if key[0] != channel}
        if (channel, 64) not in self.pedals:
            self.sustained = {key for key in self.sustained if key[0] != channel or key in self._caught}


def _kept(kept: dict[Key, int], key: Key, value: int, *, rest: int) -> None:
    if value == rest:
        kept.pop(key, None)
    else:
        kept[key] = value
