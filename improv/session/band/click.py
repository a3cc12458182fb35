"""The count-in."""

from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.session.expression import accent
from improv.session.state import Session

CLICK_PITCH = 37
"""Side stick in General MIDI."""

CLICK_VELOCITY = 84

_CLICK_TICKS = TICKS_PER_BEAT // 4
"""How long a click lasts, in ticks."""


def count_in_clicks(session: Session) -> list[Placed]:
    """Return the count-in: a click on each beat, the bar's first louder."""
    settings = session.settings
    if session.place % session.grid.steps_per_beat or not settings.mixer.is_audible(Part.DRUMS):
        return []
    velocity, start = CLICK_VELOCITY + accent(session), session.tick
    on, off = NoteOn(Part.DRUMS, CLICK_PITCH, velocity), NoteOff(Part.DRUMS, CLICK_PITCH)
    return [Placed(start, on), Placed(start + _CLICK_TICKS, off)]
