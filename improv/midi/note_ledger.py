"""The ledger: what was begun on a MIDI output and not yet ended.

It reads what is sent, byte for byte, and can say at any time what would end all of it. It must
never be asked to guess: whatever is not in here does not sound.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from improv.midi.messages import BEND, CONTROL, NOTE_OFF, NOTE_ON, PEDALS, POLY_PRESSURE, PRESSURE, PROGRAM, VOLUME
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS

_CENTRE = (0, 64)

_OWN_PROGRAMS = MappingProxyType({part.channel: part.row.program for part in MIXED_PARTS})
"""The program of a part by its channel, 0 to 15."""

Mark = Callable[[int, int, bool], None]
"""Called with a channel, a pitch, and whether that note sounds from now on or has ended."""


class Ledger:
    """Notes, pedals, bend and pressure of sixteen channels, as the messages sent have left them."""

    def __init__(self, mark: Mark | None = None) -> None:
        self._mark: Mark = mark or _unmarked
        self._notes: dict[tuple[int, int], int] = {}
        self._pedals: set[tuple[int, int]] = set()
        self._bent: set[int] = set()
        self._pressed: set[int] = set()
        self._pressed_notes: set[tuple[int, int]] = set()
        self._volumes: dict[int, int] = {}
        self._programs: dict[int, int] = {}
        self.channels: set[int] = set()
        """The channels anything was sent on."""

    def enter(self, message: bytes) -> None:
        """Record a MIDI message that is being sent."""
        if len(message) < 2 or not NOTE_OFF <= message[0] < 0xF0:
            return
        kind, channel, first = message[0] & 0xF0, message[0] & 0x0F, message[1]
        second = message[2] if len(message) > 2 else 0
        self.channels.add(channel)
        if kind == NOTE_ON and second:
            self._notes[channel, first] = self._notes.get((channel, first), 0) + 1
            self._mark(channel, first, True)
        elif kind in (NOTE_OFF, NOTE_ON):
            self._ended(channel, first)
        elif kind == CONTROL and first in PEDALS:
            _kept(self._pedals, (channel, first), down=second > 0)
        elif kind == CONTROL and first == VOLUME:
            self._volumes[channel] = second
        elif kind == PROGRAM:
            self._programs[channel] = first
        elif kind == CONTROL and first >= 120:
            self._mode(channel, first)
        elif kind == BEND:
            _kept(self._bent, channel, down=(first, second) != _CENTRE)
        elif kind == PRESSURE:
            _kept(self._pressed, channel, down=first > 0)
        elif kind == POLY_PRESSURE:
            _kept(self._pressed_notes, (channel, first), down=second > 0)

    def sounds(self, channel: int, pitch: int) -> bool:
        """Return whether a note has begun and not ended; `channel` is 0 to 15."""
        return (channel, pitch) in self._notes

    @property
    def sounding(self) -> frozenset[tuple[int, int]]:
        """The (channel, pitch) pairs that were begun and not ended."""
        return frozenset(self._notes)

    @property
    def empty(self) -> bool:
        """True if no note, pedal, bend or pressure is left to end."""
        return not (self._notes or self._pedals or self._bent or self._pressed or self._pressed_notes)

    def ends(self) -> list[bytes]:
        """Return the messages that end everything.

        A note-off for each note-on, pedals up, bend and pressure to rest.
        """
        messages = [bytes((CONTROL | channel, pedal, 0)) for channel, pedal in sorted(self._pedals)]
        for (channel, pitch), times in sorted(self._notes.items()):
            messages += [bytes((NOTE_OFF | channel, pitch, 64))] * times
        messages += [bytes((BEND | channel, *_CENTRE)) for channel in sorted(self._bent)]
        messages += [bytes((PRESSURE | channel, 0)) for channel in sorted(self._pressed)]
        messages += [bytes((POLY_PRESSURE | channel, pitch, 0)) for channel, pitch in sorted(self._pressed_notes)]
        return messages

    def own_sounds(self) -> list[bytes]:
        """Return the messages that reset volumes (CC 7) to a synth's default, and programs to the parts' own."""
        told = [channel for channel, level in sorted(self._volumes.items()) if level != DEFAULT_VOLUME]
        messages = [bytes((CONTROL | channel, VOLUME, DEFAULT_VOLUME)) for channel in told]
        for channel, program in sorted(self._programs.items()):
            if program != (own := _OWN_PROGRAMS.get(channel, program)):
                messages.append(bytes((PROGRAM | channel, own)))
        self._volumes.clear()
        self._programs.clear()
        return messages

    def clear(self) -> None:
        """Forget everything recorded, once it has ended or its output is gone."""
        for note in self._notes:
            self._mark(*note, False)
        for kept in (self._notes, self._pedals, self._bent, self._pressed, self._pressed_notes, self.channels):
            kept.clear()

    def _ended(self, channel: int, pitch: int) -> None:
        times = self._notes.get((channel, pitch), 0)
        if times > 1:
            self._notes[channel, pitch] = times - 1
        elif times:
            del self._notes[channel, pitch]
            self._mark(channel, pitch, False)

    def _mode(self, channel: int, controller: int) -> None:
        """A channel mode message: 121 resets controllers, the others but local control end all notes."""
        if controller == 121:
            self._pedals = {pedal for pedal in self._pedals if pedal[0] != channel}
            self._bent.discard(channel)
            self._pressed.discard(channel)
            self._pressed_notes = {note for note in self._pressed_notes if note[0] != channel}
        elif controller != 122:
            for note in [note for note in self._notes if note[0] == channel]:
                del self._notes[note]
                self._mark(*note, False)


def _unmarked(channel: int, pitch: int, sounds: bool) -> None:
    """Mark nothing."""


def _kept(kept: set[Any], item: object, *, down: bool) -> None:
    if down:
        kept.add(item)
    else:
        kept.discard(item)
