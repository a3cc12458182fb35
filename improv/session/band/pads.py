"""Pads: each chord held until the next one, and struck again in each bar."""

from improv.music.notes import NoteOn, Placed
from improv.music.parts import Part
from improv.session.band.context import BandContext
from improv.session.band.notes import ended
from improv.session.band.part_state import PartState, SoundingNote

CHORDS_LOW = 48
"""Chords are voiced in the octave above this MIDI pitch (C3)."""

CHORD_VELOCITY = 58


def pads(state: PartState, context: BandContext) -> tuple[PartState, list[Placed]]:
    """Return the state of a hand that holds chords, after a step, and its events in it."""
    pitches = context.chord.voiced(CHORDS_LOW) if context.chord else ()
    if pitches == state.pitches and context.bar_tick:
        return state, []
    events = ended(Part.CHORDS, state.sounding, context.tick)
    events += [Placed(context.tick, NoteOn(Part.CHORDS, pitch, CHORD_VELOCITY)) for pitch in pitches]
    return PartState(tuple(SoundingNote(pitch) for pitch in pitches), style=context.style), events
