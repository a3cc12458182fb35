"""The levels of the parts, as their synth is told of them."""

from improv.music.notes import Placed, Volume
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP
from improv.session.state import Session


def volume_changes(before: Session, session: Session) -> list[Placed]:
    """Return the levels that changed; in each bar those too that are not a synth's own, should it be a new synth."""
    start, bar_begins = session.step * TICKS_PER_STEP, session.place % STEPS_PER_BAR == 0
    if before.band.levels == session.band.levels and not bar_begins:
        return []
    return [
        Placed(start, Volume(part, level))
        for part, old, level in zip(MIXED_PARTS, before.band.levels, session.band.levels, strict=True)
        if level != old or (bar_begins and level != DEFAULT_VOLUME)
    ]
