"""What was chosen, as it sounds: in the key of the performance, in the register of the player, as events."""

from improv.music.notes import Cell, Frame, NoteOff, NoteOn, Onset, Placed, in_order
from improv.music.parts import Part
from improv.session.band.accompaniment import accompaniment_ends
from improv.session.band.levels import mix_changes
from improv.session.state import PlayingStyle, Session

ACCENT = 10
"""How much louder the first beat of a bar is, and how much softer a note off the beat."""


def transposed_to_performance(chosen: Frame, session: Session, style: PlayingStyle, before: Cell) -> Frame:
    """Return the network's frame in the performance's key and in the register of a playing style.

    A note that is held while the register changes is struck again in the new one.
    """
    semitones = session.semitones
    chord = chosen.chord.transposed(semitones) if chosen.chord else None
    melody = chosen.melody.transposed(semitones + 12 * (style.octaves + session.settings.register))
    sounds = before.sounding_after if melody.held else frozenset[int]()
    if sounds.issuperset(melody.held):
        return chosen if melody is chosen.melody and chord is chosen.chord else Frame(melody, chord)
    moved = tuple(Onset(pitch) for pitch in melody.held if pitch not in sounds)
    held = tuple(pitch for pitch in melody.held if pitch in sounds)
    return Frame(Cell(moved + melody.onsets, held, melody.releases), chord)


def accent(session: Session) -> int:
    """Return the accent of the session's step, as a difference in MIDI velocity."""
    if session.place % session.grid.steps_per_bar == 0:
        return ACCENT
    return -ACCENT if session.place % session.grid.steps_per_beat else 0


def arrange(before: Session, session: Session) -> tuple[Placed, ...]:
    """Return the events from the step before to the session's own, in ticks of the session's step."""
    frame, start = session.band.frame, session.tick
    velocity = min(127, max(1, session.band.style.velocity + accent(session)))
    ended = before.band.frame.melody.sounding_after.difference(frame.melody.held)
    events = mix_changes(before, session)
    events += [Placed(start, NoteOff(Part.MELODY, pitch)) for pitch in sorted(ended)]
    events += [Placed(start + onset.tick, NoteOn(Part.MELODY, onset.pitch, velocity)) for onset in frame.melody.onsets]
    events += [Placed(start + release.tick, NoteOff(Part.MELODY, release.pitch)) for release in frame.melody.releases]
    events += session.band.events
    return in_order(events)


def note_offs(session: Session, *, held: bool = True) -> list[NoteOff]:
    """Return a note-off for every note that sounds at the end of the session's step.

    Without `held`, chords that go on until the next one are left out.
    """
    melody = [NoteOff(Part.MELODY, pitch) for pitch in sorted(session.band.frame.melody.sounding_after)]
    return [*melody, *accompaniment_ends(session, held=held)]
