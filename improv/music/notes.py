"""Notes: as the cells of a grid, as events, and with their time or their place."""

from collections.abc import Iterable, Sequence

from improv.dataclass import dataclass
from improv.music.parts import Part
from improv.music.theory import Chord, pitch_name


@dataclass(frozen=True, slots=True)
class Onset:
    """A note that begins inside a step, at tick 0..5 of it."""

    pitch: int
    tick: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """A note that ends inside a step, at tick 1..5 of it; one that ends at tick 0 is not in the step."""

    pitch: int
    tick: int


@dataclass(frozen=True, slots=True)
class Cell:
    """The melody inside one step: what goes on sounding into it, what begins and what ends in it."""

    onsets: tuple[Onset, ...] = ()
    held: tuple[int, ...] = ()
    releases: tuple[Release, ...] = ()

    @property
    def pitches(self) -> frozenset[int]:
        """Every MIDI pitch that sounds somewhere in the step."""
        return frozenset([*self.held, *[onset.pitch for onset in self.onsets]])

    @property
    def sounding_after(self) -> frozenset[int]:
        """The MIDI pitches that still sound when the step ends."""
        if not self.releases:
            return self.pitches
        ended = {
            release.pitch
            for release in self.releases
            if not [o for o in self.onsets if o.pitch == release.pitch and o.tick >= release.tick]
        }
        return self.pitches - ended

    @property
    def is_one_voice(self) -> bool:
        """Whether no two notes begin together, or sound together for long: whether it is a line."""
        if len(self.held) > 1 or len({onset.tick for onset in self.onsets}) < len(self.onsets):
            return False
        return len(self.sounding_after) <= 1

    def merged(self, other: "Cell") -> "Cell":
        """Return the union of two cells, as when two players share the step."""
        return Cell(self.onsets + other.onsets, self.held + other.held, self.releases + other.releases)

    def transposed(self, semitones: int) -> "Cell":
        """Return the cell moved by semitones; pitches outside MIDI's range come back by octaves."""

        if not semitones or self is SILENCE:
            return self

        def moved(pitch: int) -> int:
            target = pitch + semitones
            return target if 0 <= target <= 127 else target % 12 + (0 if target < 0 else 108)

        return Cell(
            tuple([Onset(moved(onset.pitch), onset.tick) for onset in self.onsets]),
            tuple([moved(pitch) for pitch in self.held]),
            tuple([Release(moved(release.pitch), release.tick) for release in self.releases]),
        )


SILENCE = Cell()


@dataclass(frozen=True, slots=True)
class Frame:
    """What one step holds: the melody inside it and the chord under it (None: no chord)."""

    melody: Cell
    chord: Chord | None


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A note begins: MIDI pitch 0..127, velocity 1..127."""

    part: Part
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A note ends."""

    part: Part
    pitch: int


NoteEvent = NoteOn | NoteOff


@dataclass(frozen=True, slots=True)
class Volume:
    """How loud a part is from now on, what sounds already too: 0..127, of which 100 is a synth's own (MIDI CC 7)."""

    part: Part
    level: int


@dataclass(frozen=True, slots=True)
class Program:
    """The sound of a part from its next note on: 0..127, as General MIDI counts from 0."""

    part: Part
    number: int


Event = NoteEvent | Volume | Program


@dataclass(frozen=True, slots=True)
class Timed:
    """A note event as it arrived, in seconds of the clock."""

    time_s: float
    event: NoteEvent
    tick: int | None = None
    """Its place in the music where that is known, in ticks of the performance: a call file says it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An event as it is planned, in ticks from the top of the first chorus.

    Whole ticks, but for your own notes where a recording is played again.
    """

    tick: float
    event: Event


def in_order(events: Iterable[Placed]) -> tuple[Placed, ...]:
    """Return events sorted by tick; at one tick, note-offs before note-ons."""
    return tuple(sorted(events, key=lambda placed: (placed.tick, isinstance(placed.event, NoteOn))))


def notes_text(pitches: Sequence[int]) -> str:
    """Return pitches as note names in a line, a dot for none."""
    return "+".join(pitch_name(pitch) for pitch in pitches) or "."
