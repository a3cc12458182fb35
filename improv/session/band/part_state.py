"""What each player of the band keeps from step to step, as values. It knows no session."""

from collections.abc import Mapping
from typing import Any

from improv.dataclass import dataclass
from improv.music.parts import MIXED_PARTS, ROW_OF, Part
from improv.music.styles import Style
from improv.music.theory import Chord


@dataclass(frozen=True, slots=True)
class SoundingNote:
    """A note of a part that sounds: its MIDI pitch, and the tick at which it ends, None until another takes its place.

    The velocity is not kept: nothing depends on it.
    """

    pitch: int
    end: float | None = None


@dataclass(frozen=True, slots=True)
class PartState:
    """What the player of one part keeps."""

    sounding: tuple[SoundingNote, ...] = ()
    """Its notes that sound at the end of the step."""
    recent: tuple[int, ...] = ()
    """The MIDI pitches it began last: of a line the last two notes, of chords the last voicing, ascending."""
    target: int | None = None
    """The MIDI pitch that a line is on its way to."""
    chord: Chord | None = None
    """The chord that it played last, in the performance's key."""
    figure: tuple[int, ...] = ()
    """What it plays in this bar, as numbers in the tables of its style."""
    style: Style = Style.PADS
    """The style that its figure is of."""
    memory: tuple[float, ...] = ()
    """What its network remembers, as numbers in a row; empty where none plays."""
    strokes: tuple[tuple[int, ...], ...] = ()
    """What a drummer with a network has struck in each step of the last bar, as numbers."""

    @property
    def pitches(self) -> tuple[int, ...]:
        """The MIDI pitches that sound at the end of the step."""
        return tuple([note.pitch for note in self.sounding])

    def with_sounding(self, sounding: tuple[SoundingNote, ...]) -> "PartState":
        """Return the state with other notes that sound."""
        return PartState(
            sounding, self.recent, self.target, self.chord, self.figure, self.style, self.memory, self.strokes
        )

    def remembering(self, memory: tuple[float, ...], strokes: tuple[tuple[int, ...], ...] = ()) -> "PartState":
        """Return the state with what the part's network remembers, and with the strokes of the last bar."""
        return PartState(self.sounding, self.recent, self.target, self.chord, self.figure, self.style, memory, strokes)


REST = PartState()
"""Of a player that has not played yet."""


@dataclass(frozen=True, slots=True)
class PartStates:
    """The state of each part that improv plays; the melody's stays as it is, for its state is the network's."""

    states: tuple[PartState, ...] = (REST,) * len(MIXED_PARTS)
    """In the order of `MIXED_PARTS`."""

    def __getitem__(self, part: Part) -> PartState:
        return self.states[ROW_OF[part]]

    @classmethod
    def of(cls, states: Mapping[Part, PartState]) -> "PartStates":
        """Return the states of some parts, those of players that have not played yet for the rest."""
        return cls(tuple([states.get(part, REST) for part in MIXED_PARTS]))

    @classmethod
    def json_types(cls) -> Mapping[str, Any]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return {part.value: PartState for part in MIXED_PARTS}

    def json_values(self) -> Mapping[str, PartState]:
        """See `improv.protocol.json_codec.JsonTable`; parts that have not played are left out."""
        return {part.value: self[part] for part in MIXED_PARTS if self[part] != REST}

    @classmethod
    def from_json_values(cls, values: Mapping[str, Any]) -> "PartStates":
        """See `improv.protocol.json_codec.JsonTable`."""
        return cls.of({part: values[part.value] for part in MIXED_PARTS if part.value in values})


ALL_REST = PartStates()
"""Of a band that has not played yet."""
