"""The players that accompany the melody: what each lets sound over the chord of a step, and its events.

A player of another part is a module beside this one, with an `Accompanist` that stands in `ACCOMPANISTS`.
"""

from improv.music.notes import Frame, NoteOff, NoteOn, Placed
from improv.session.band.accompanist import Accompanist
from improv.session.band.comping import COMPING
from improv.session.state import Session, Voicings

ACCOMPANISTS: tuple[Accompanist, ...] = (COMPING,)


def voicings(session: Session, frame: Frame) -> Voicings:
    """Return the MIDI pitches of each accompanying part in the session's step; none for a silenced part.

    The frame is in the performance's key.
    """
    return Voicings.of(
        {
            player.part: player.voicing(session, frame)
            for player in ACCOMPANISTS
            if session.settings.mixer.is_audible(player.part)
        }
    )


def accompany(before: Session, session: Session) -> list[Placed]:
    """Return what the accompanying parts play from the step before to the session's own, in ticks."""
    start, events = session.tick, list[Placed]()
    for player in ACCOMPANISTS:
        ended, begun = before.band.voicings[player.part], session.band.voicings[player.part]
        if ended != begun or player.strikes_again(session):
            events += [Placed(start, NoteOff(player.part, pitch)) for pitch in ended]
            events += [Placed(start, NoteOn(player.part, pitch, player.velocity)) for pitch in begun]
    return events


def accompaniment_ends(session: Session) -> list[NoteOff]:
    """Return a note-off for every accompanying note that sounds at the end of the session's step."""
    return [NoteOff(player.part, pitch) for player in ACCOMPANISTS for pitch in session.band.voicings[player.part]]
