"""A finished performance as one value: who played what, over which chords, in whose turn and at which tempo.

A render and a take both come to it, and every kind of file is made of it. Positions are beats from its start, where its
count-in is, so that a change of tempo moves nothing. It must never hold a time of day: the same performance is the same
value.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import accumulate

from improv.dataclass import dataclass
from improv.music.notes import Event, NoteOff, NoteOn, Program, Volume
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Who
from improv.protocol.controls import Settings

_JUST = 1e-6
"""In beats: what lies at the beginning of skipped choruses came before them."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Quarter notes a minute from here on."""

    bpm: float


@dataclass(frozen=True, slots=True)
class Key:
    """The key from here on: its name, such as Bb."""

    name: str


@dataclass(frozen=True, slots=True)
class Marker:
    """The name of what begins here: a chorus, a turn."""

    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Something is missing here: what, and why."""

    text: str


Mark = Tempo | Key | Marker | Gap


@dataclass(frozen=True, slots=True)
class Note:
    """A note from its onset to its end, in beats from the start."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Chorus:
    """A chorus begins: where, in beats from the start (negative if it began before it), and its number from 1."""

    beats: float
    number: int


@dataclass(frozen=True, kw_only=True)
class Performance:
    """Everything that any file says of a performance. Pairs of a position and a thing are in order of position."""

    title: str
    made_with: str
    """Version, network, seed and the network's hash: what is needed to make it again."""
    model: str
    """The network that it began with."""
    settings: Settings
    """The controls that it began with."""
    transport: Transport
    """The tempo and swing that it began with."""
    form_beats: int
    """Length of a chorus."""
    count_in_beats: float
    """How much of it is a count-in."""
    beats: float
    """Its length."""
    events: Mapping[Part, tuple[tuple[float, Event], ...]]
    """What each part plays, in the order in which it was sent or arrived; a part without events is left out."""
    marks: tuple[tuple[float, Mark], ...]
    """Tempos, keys and markers, in the order in which they were said."""
    chords: tuple[tuple[float, str], ...] = ()
    """The symbol of the chord from each place on; empty for none."""
    turns: tuple[tuple[float, Who], ...] = ()
    """Whose turn it is from each place on."""
    choruses: tuple[Chorus, ...] = ()
    skips: tuple[tuple[float, float], ...] = ()
    """Whole choruses of which nothing is known, skipped or lost: where they begin, and how many beats they last."""

    @cached_property
    def tempos(self) -> tuple[tuple[float, float, float], ...]:
        """Each tempo: where it begins in beats and in seconds from the start, and how long a beat is, in seconds."""
        found: list[tuple[float, float, float]] = []
        for beats, mark in self.marks:
            if isinstance(mark, Tempo):
                at_s = found[-1][1] + (beats - found[-1][0]) * found[-1][2] if found else 0.0
                found.append((beats, at_s, 60 / mark.bpm))
        return tuple(found)

    def seconds_at(self, beats: float) -> float:
        """Return when a position sounds, in seconds from the start."""
        at, at_s, beat_s = self.tempos[max(0, bisect_right(self.tempos, beats, key=lambda tempo: tempo[0]) - 1)]
        return at_s + (beats - at) * beat_s

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.seconds_at(self.beats)

    def without_skips(self) -> "Performance":
        """Return the performance with what follows skipped choruses right behind what came before them."""
        if not self.skips:
            return self
        starts = [at for at, _ in self.skips]
        lengths = [0.0, *accumulate(length for _, length in self.skips)]

        def moved(beats: float) -> float:
            return beats - lengths[bisect_right(starts, beats - _JUST)]

        return replace(
            self,
            beats=moved(self.beats),
            events={part: tuple((moved(at), event) for at, event in events) for part, events in self.events.items()},
            marks=tuple((moved(at), mark) for at, mark in self.marks),
            chords=tuple((moved(at), chord) for at, chord in self.chords),
            turns=tuple((moved(at), who) for at, who in self.turns),
            choruses=tuple(replace(chorus, beats=moved(chorus.beats)) for chorus in self.choruses),
            skips=(),
        )

    def notes(self, part: Part) -> list[Note]:
        """Return the notes of a part that can be heard, in order of onset; what sounds at the end ends there.

        A note that is struck again ends where it is struck. Notes at a volume of 0 are left out.
        """
        found: list[Note] = []
        begun: dict[int, tuple[float, int]] = {}
        audible = True
        for beats, event in self.events.get(part, ()):
            match event:
                case Volume(_, level):
                    audible = level > 0
                case Program():
                    pass
                case NoteOn(_, pitch, velocity):
                    _end(found, begun, pitch, beats)
                    if audible:
                        begun[pitch] = beats, velocity
                case NoteOff(_, pitch):
                    _end(found, begun, pitch, beats)
        for pitch in list(begun):
            _end(found, begun, pitch, self.beats)
        return sorted(found, key=lambda note: (note.start, note.pitch))


def _end(found: list[Note], begun: dict[int, tuple[float, int]], pitch: int, beats: float) -> None:
    """End the note that sounds at a pitch, if there is one."""
    if pitch in begun:
        start, velocity = begun.pop(pitch)
        found.append(Note(start, max(start, beats), pitch, velocity))
