"""What a player is that accompanies the melody."""

from collections.abc import Callable

from improv.dataclass import dataclass
from improv.music.notes import Frame
from improv.music.parts import Part
from improv.session.state import Session


def begins_bar(session: Session) -> bool:
    """Return whether the session's step is the first of a bar."""
    return session.place % session.grid.steps_per_bar == 0


@dataclass(frozen=True, slots=True)
class Accompanist:
    """A player of one part that follows the chord of each step."""

    part: Part
    velocity: int
    """Of each of its notes, 1 to 127."""
    voicing: Callable[[Session, Frame], tuple[int, ...]]
    """The MIDI pitches that sound in a session's step beside a frame, which is decided, in the performance's key."""
    strikes_again: Callable[[Session], bool] = begins_bar
    """Whether it strikes in a session's step although its pitches stay; by default at the beginning of each bar."""
