"""The bytes of what is sent."""

from collections.abc import Iterable

from improv.music.notes import Event, NoteOff, NoteOn, Program, Volume

NOTE_OFF, NOTE_ON, POLY_PRESSURE, CONTROL, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0

VOLUME = 7
SUSTAIN, SOSTENUTO, SOFT = 64, 66, 67
PEDALS = (SUSTAIN, SOSTENUTO, SOFT)
ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123

_SILENCING = (*((pedal, 0) for pedal in PEDALS), (ALL_NOTES_OFF, 0), (ALL_SOUND_OFF, 0), (RESET_CONTROLLERS, 0))
"""Pedals first: a synth may let a note sound on under its pedal although all notes are off."""


def bytes_of(event: Event) -> bytes:
    """Return an event as a MIDI message."""
    channel = event.part.channel
    match event:
        case NoteOn(_, pitch, velocity):
            return bytes((NOTE_ON | channel, pitch, velocity))
        case NoteOff(_, pitch):
            return bytes((NOTE_OFF | channel, pitch, 64))
        case Volume(_, level):
            return bytes((CONTROL | channel, VOLUME, level))
        case Program(_, number):
            return bytes((PROGRAM | channel, number))


def silencing(channels: Iterable[int]) -> list[bytes]:
    """Return the messages that silence channels (0 to 15): pedals, notes, sound, controllers and bend."""
    messages = []
    for channel in channels:
        messages += [bytes((CONTROL | channel, controller, value)) for controller, value in _SILENCING]
        messages.append(bytes((BEND | channel, 0, 64)))
    return messages


def is_mode(message: bytes, controller: int) -> bool:
    """Return whether a message is a channel mode message with this controller number."""
    return len(message) == 3 and message[0] & 0xF0 == CONTROL and message[1] == controller
