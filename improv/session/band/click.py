"""The count-in."""

from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT, TICKS_PER_STEP
from improv.session.band.arrange import ACCENT
from improv.session.state import Session

CLICK_PITCH = 37
"""Side stick in General MIDI."""

CLICK_VELOCITY = 84


def count_in_clicks(session: Session) -> list[Placed]:
    """The count-in: a click on each beat, the bar's first louder."""
    settings = session.settings
    if session.place % STEPS_PER_BEAT or not settings.mixer[Part.DRUMS].is_audible:
        return []
    velocity = CLICK_VELOCITY + (ACCENT if session.place % STEPS_PER_BAR == 0 else 0)
    start = session.step * TICKS_PER_STEP
    on, off = NoteOn(Part.DRUMS, CLICK_PITCH, velocity), NoteOff(Part.DRUMS, CLICK_PITCH)
    return [Placed(start, on), Placed(start + TICKS_PER_STEP // 2, off)]
