"""THE table of parts: who plays, and what each is in MIDI, in the controls, in files and on the screen.

A row here is all that a new part needs besides its player in `improv.session.band`: channel, level, mute, solo and
program, their config keys and options, the track of a file, the meter and the row on the screen are made from it.
"""

from enum import StrEnum
from types import MappingProxyType

from improv.dataclass import dataclass

DEFAULT_VOLUME = 100
"""The MIDI volume that a synth has before it is told any, by General MIDI; 0 to 127."""

PERCUSSION_CHANNEL = 9
"""The channel on which General MIDI has percussion, 0 to 15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """What is said of a part once, for all that deal with it."""

    name: str
    """As takes and other files call it."""
    channel: int
    """Its MIDI channel, 0 to 15."""
    description: str
    """As a help text calls it, with its article."""
    label: str = ""
    """As its controls, its meter and clients call it; its name if not given."""
    former: str = ""
    """As they called it before, where that was another word: it goes on being understood."""
    program: int = 0
    """Its own General MIDI program, 0 to 127; on the channel of percussion the number of a kit."""
    level: int | None = DEFAULT_VOLUME
    """Its usual MIDI volume, 0 to 127; None for a part that improv does not play, and so cannot mix."""


class Part(StrEnum):
    """Who a note belongs to. A member for each row, in the order of tracks, meters and controls."""

    YOU = PartRow(name="you", channel=2, description="what you play", level=None)
    MELODY = PartRow(name="melody", channel=0, description="the melody", program=11)
    CHORDS = PartRow(name="chords", channel=1, description="the comp", label="comp", former="chords", program=4)
    BASS = PartRow(name="bass", channel=3, description="the bass", program=32)
    DRUMS = PartRow(name="drums", channel=PERCUSSION_CHANNEL, description="the drums and the count-in", former="click")

    row: PartRow
    channel: int
    """The part's MIDI channel, 0 to 15."""

    def __new__(cls, row: PartRow | str) -> "Part":
        """Make the member of a row; from then on `Part("melody")` is the part of that name, or a ValueError."""
        if isinstance(row, str):
            raise ValueError(f"{row!r} is no part")
        part = str.__new__(cls, row.name)
        part._value_ = row.name
        part.row, part.channel = row, row.channel
        return part

    @property
    def label(self) -> str:
        """The part's name on its meter, in its controls and for clients."""
        return self.row.label or self.row.name

    @property
    def track_name(self) -> str:
        """The name of its track in a MIDI file. That of the comp is `Chords`, as it always was."""
        return self.row.name.capitalize()

    @property
    def is_percussion(self) -> bool:
        """True for a part whose pitches are drums, and whose program is a kit."""
        return self.row.channel == PERCUSSION_CHANNEL


MIXED_PARTS = tuple(part for part in Part if part.row.level is not None)
"""The parts that improv plays: each has a level, a mute, a solo and a program."""

ROW_OF = MappingProxyType({part: row for row, part in enumerate(MIXED_PARTS)})
"""The row of each of `MIXED_PARTS` in a table that has one for each, from 0."""
