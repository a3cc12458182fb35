"""How the chords are voiced."""

CHORDS_LOW = 48
"""Chords are voiced in the octave above this pitch (C3)."""

CHORD_VELOCITY = 58
