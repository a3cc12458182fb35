"""The notes that a player strikes in a step, made into events; and the end of each, in whatever step that is.

Rules and networks share it: whatever decides the notes of a part, they begin, give way and end alike.
"""

from collections.abc import Iterable

from improv.dataclass import dataclass
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.session.band.part_state import SoundingNote


@dataclass(frozen=True, slots=True)
class Struck:
    """A note that begins in a step: its tick and MIDI pitch, its velocity 1 to 127, and the tick at which it ends."""

    tick: float
    pitch: int
    velocity: int
    end: float


def sounded(
    part: Part, sounding: tuple[SoundingNote, ...], struck: Iterable[Struck], start: int, stop: int, *, replaces: bool
) -> tuple[tuple[SoundingNote, ...], list[Placed]]:
    """Return what sounds at the end of a step, and the part's events in it, ticks `start` up to `stop`.

    A note ends at its end, or where its pitch is struck again. With `replaces` notes end those that were struck before
    them, as on an instrument that plays one line or one chord. Of a pitch struck twice at one tick the louder sounds.
    """
    live = [(note.pitch, note.end) for note in sounding]
    events: list[Placed] = []
    chords: dict[float, dict[int, Struck]] = {}
    for note in struck:
        now = chords.setdefault(note.tick, {})
        if note.pitch not in now or now[note.pitch].velocity < note.velocity:
            now[note.pitch] = note
    for tick in sorted(chords):
        now, still = chords[tick], []
        for pitch, end in live:
            if end is not None and end <= tick:
                events.append(Placed(max(start, end), NoteOff(part, pitch)))
            elif replaces or pitch in now:
                events.append(Placed(tick, NoteOff(part, pitch)))
            else:
                still.append((pitch, end))
        events += [Placed(tick, NoteOn(part, note.pitch, note.velocity)) for note in now.values()]
        live = [*still, *((note.pitch, note.end) for note in now.values())]
    left: list[SoundingNote] = []
    for pitch, end in live:
        if end is not None and end < stop:
            events.append(Placed(max(start, end), NoteOff(part, pitch)))
        else:
            left.append(SoundingNote(pitch, end))
    return tuple(left), events


def ended(part: Part, sounding: tuple[SoundingNote, ...], tick: int) -> list[Placed]:
    """Return a note-off at a tick for each note that sounds."""
    return [Placed(tick, NoteOff(part, note.pitch)) for note in sounding]
