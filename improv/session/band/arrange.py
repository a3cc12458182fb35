"""What was chosen, as it sounds: in the key of the performance, in the register of the player, as events."""

from improv.music.notes import Cell, Frame, NoteOff, NoteOn, Onset, Placed, in_order
from improv.music.parts import Part
from improv.session.band.accompaniment import accompaniment_ends
from improv.session.band.levels import mix_changes
from improv.session.expression import flat_velocity
from improv.session.state import PlayingStyle, Session


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


def arrange(before: Session, session: Session) -> tuple[Placed, ...]:
    """Return the events from the step before to the session's own, in ticks of the session's step."""
    events = mix_changes(before, session)
    events += _as_played(before, session) if session.band.expression.notes else _as_notated(before, session)
    events += session.band.events
    return in_order(events)


def _as_notated(before: Session, session: Session) -> list[Placed]:
    """Return the melody's events at the ticks of its cell, struck alike."""
    cell, start = session.band.frame.melody, session.tick
    velocity = flat_velocity(session, session.band.style)
    ended = before.band.frame.melody.sounding_after.difference(cell.held)
    events = [Placed(start, NoteOff(Part.MELODY, pitch)) for pitch in sorted(ended)]
    events += [Placed(start + onset.tick, NoteOn(Part.MELODY, onset.pitch, velocity)) for onset in cell.onsets]
    events += [Placed(start + release.tick, NoteOff(Part.MELODY, release.pitch)) for release in cell.releases]
    return events


def _as_played(before: Session, session: Session) -> list[Placed]:
    """Return the melody's events as its notes are played; what gives way to another ends as that says."""
    cell, start = session.band.frame.melody, session.tick
    notes = list(zip(cell.onsets, session.band.expression.notes, strict=True))
    ends: dict[int, float] = {
        onset.tick: note.tick if note.end_before is None else note.end_before for onset, note in reversed(notes)
    }
    ended = before.band.frame.melody.sounding_after.difference(cell.held)
    events = [Placed(start + ends.get(0, 0), NoteOff(Part.MELODY, pitch)) for pitch in sorted(ended)]
    events += [Placed(start + note.tick, NoteOn(Part.MELODY, onset.pitch, note.velocity)) for onset, note in notes]
    events += [
        Placed(start + ends.get(release.tick, release.tick), NoteOff(Part.MELODY, release.pitch))
        for release in cell.releases
    ]
    return events


def note_offs(session: Session, *, held: bool = True) -> list[NoteOff]:
    """Return a note-off for every note that sounds at the end of the session's step.

    Without `held`, chords that go on until the next one are left out.
    """
    melody = [NoteOff(Part.MELODY, pitch) for pitch in sorted(session.band.frame.melody.sounding_after)]
    return [*melody, *accompaniment_ends(session, held=held)]
