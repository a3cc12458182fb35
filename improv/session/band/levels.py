"""The levels of the parts, as their synth is told of them."""

from improv.music.notes import Placed, Volume
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS
from improv.session.state import Session


def volume_changes(before: Session, session: Session) -> list[Placed]:
    """Return the volume messages (CC 7) of parts whose level changed, and once a bar of all that are not at 100."""
    start, bar_begins = session.tick, session.place % session.grid.steps_per_bar == 0
    if before.band.levels == session.band.levels and not bar_begins:
        return []
    return [
        Placed(start, Volume(part, level))
        for part, old, level in zip(MIXED_PARTS, before.band.levels, session.band.levels, strict=True)
        if level != old or (bar_begins and level != DEFAULT_VOLUME)
    ]
