"""How loud the parts are."""

from improv.music.notes import OWN_VOLUME, Placed, Volume
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP
from improv.protocol.controls import Settings
from improv.session.state import LEVELS, Session


def volume_changes(before: Session, session: Session) -> list[Placed]:
    """The levels that have changed; in each bar again those that are not a synth's own, should it be a new one."""
    start, bar_begins = session.step * TICKS_PER_STEP, session.place % STEPS_PER_BAR == 0
    return [
        Placed(start, Volume(part, level))
        for (part, _), old, level in zip(LEVELS, before.band.levels, session.band.levels, strict=True)
        if level != old or (bar_begins and level != OWN_VOLUME)
    ]


def levels_of(settings: Settings) -> tuple[int, ...]:
    """Return the MIDI volume of each part in `LEVELS`, 0 to 127."""
    return tuple(getattr(settings, control.field) for _, control in LEVELS)
