"""The chords: each held until the next one, and struck again in each bar."""

from functools import lru_cache

from improv.music.notes import Frame
from improv.music.parts import Part
from improv.music.theory import Chord
from improv.session.band.accompanist import Accompanist
from improv.session.state import Session

CHORDS_LOW = 48
"""Chords are voiced in the octave above this MIDI pitch (C3)."""

CHORD_VELOCITY = 58


def chord_voicing(_session: Session, frame: Frame) -> tuple[int, ...]:
    """Return the MIDI pitches of the chord in a frame."""
    return _voiced(frame.chord) if frame.chord else ()


@lru_cache(maxsize=256)
def _voiced(chord: Chord) -> tuple[int, ...]:
    return chord.voiced(CHORDS_LOW)


COMPING = Accompanist(Part.CHORDS, CHORD_VELOCITY, chord_voicing)
