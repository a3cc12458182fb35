"""The levels and the programs of the parts, as their synth is told of them."""

from improv.music.notes import Placed, Program, Volume
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS
from improv.session.state import OWN_PROGRAMS, Session


def mix_changes(before: Session, session: Session) -> list[Placed]:
    """Return what the synth is told of the parts: their programs, then their levels."""
    return [*program_changes(before, session), *volume_changes(before, session)]


def program_changes(before: Session, session: Session) -> list[Placed]:
    """Return the program changes of parts whose program changed, and at the top of the form of all that are not own.

    A part's own program is not told: the synth may have been given another sound by hand. A synth that was connected
    while it played learns of the others with the next chorus; a program is told no more often than that, for some
    synths cut their notes with it.
    """
    start, chorus_begins = session.tick, session.place % session.tune.form.steps == 0
    if before.band.programs == session.band.programs and not chorus_begins:
        return []
    told = zip(MIXED_PARTS, before.band.programs, session.band.programs, OWN_PROGRAMS, strict=True)
    return [
        Placed(start, Program(part, program))
        for part, old, program, own in told
        if program != old or (chorus_begins and program != own)
    ]


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
