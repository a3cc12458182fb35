"""A duet in which each voice is heard as what it is: improv's line is fed back as its own, the player's as a call.

While the player plays improv leaves room; when they rest it plays more, and answers their last phrase. With the control
`duet` at `together` both are heard as one line, as they were before there was this. It must never ask a network.
"""

from improv.models.encodings import Steer
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell
from improv.music.theory import PITCH_CLASSES
from improv.music.turns import Who
from improv.protocol.controls import APART
from improv.session.state import Session

_PHRASE_BARS, _PHRASE_REST_BEATS = 4, 2
"""In a duet a phrase of at most so many bars is answered; so many beats of rest end it."""

_PLAYS_BEATS = 1
"""A player plays as long as a note began so many beats ago."""

_NEAR_KEYS, _NOT_OPEN_NATS = (2, 3), (2.0, 3.0)
"""Before version 1 of `SOLOIST_RULES` and since: how many notes just played are kept clear of, and how much less likely
all but the root and the fifth of the chord is beside them."""

_BESIDE_DENSITY, _BESIDE_RESTS, _BESIDE_LEANING, _FREE_DENSITY = 1.5, 0.6, 0.6, 0.3
"""By how much fewer notes and more rests there are beside a player's, how much these lean on chord tones at least, and
by how much more notes there are while the player rests."""

_TOO_NEAR = (0, 1, 2, 10, 11)
"""A note that sounds so many semitones above one of the player's, in whatever octave, is let go."""

_LEAST_DENSITY = -1.5
"""Below what the control of the same name can ask for: there is room to be left however little is played."""


def hears_apart(session: Session) -> bool:
    """Return whether player and improv play at once, and each is heard as what it is."""
    return session.turn.who is Who.BOTH and session.settings.duet == APART


def player_leads(session: Session, beside: Cell) -> bool:
    """Return whether the player's line is the one to follow: they play in the session's step, or did a beat ago.

    `beside` is their cell in it.
    """
    lately = session.network.recent_inputs[-session.grid.steps_per_beat :]
    return bool(beside.pitches) or any(each.beside is not None and each.beside.pitches for each in lately)


def phrase_cell(session: Session, step: int) -> Cell | None:
    """Return the cell of the player's last phrase that a step answers while the player rests; None while they do not.

    An answer begins on a beat, after a rest of a beat, at the beat on which the phrase began. `step` is the one after
    the last recent input.
    """
    inputs, beat = session.network.recent_inputs, session.grid.steps_per_beat
    sounds = [
        each.beside is not None and bool(each.beside.pitches)
        for each in inputs[-_PHRASE_BARS * session.grid.steps_per_bar :]
    ]
    if not any(sounds):
        return None
    last = max(number for number, sound in enumerate(sounds) if sound)
    first = last
    while first > 0 and any(sounds[max(0, first - _PHRASE_REST_BEATS * beat) : first]):
        first -= 1
    begins, ended = step - len(sounds) + first, step - len(sounds) + last + 1
    place = session.position.form_start
    begins -= (begins - place) % beat
    answers = ended + beat + -(ended - place) % beat
    wanted = begins + step - answers
    if step < answers or wanted >= ended:
        return None
    ago = step - wanted
    return inputs[-ago].beside if ago <= len(inputs) else None


def steering_beside(session: Session, before: Session) -> Steer:
    """Return what steers a step that is played at once with the player.

    While they play there are fewer notes, that keep clear of theirs: of those that sound, and of those just played, for
    a line comes back to them. What sounds a semitone from theirs, or in unison, is let go.
    """
    settings, listener, start = session.settings, session.listener, session.tick
    sounding = [key.pitch for key in listener.keys if key.release is None or key.release > start]
    lately = start - _PLAYS_BEATS * TICKS_PER_BEAT
    recent = [key.pitch for key in listener.recent_keys if key.onset >= lately]
    if not sounding and not recent:
        return Steer(min(1.0, settings.density + _FREE_DENSITY), settings.rests, settings.leaning)
    rules = min(settings.soloist_rules, 1)
    near = (*sounding, *recent[-_NEAR_KEYS[rules] :])
    moved = session.semitones + len(PITCH_CLASSES) * (session.band.style.octaves + settings.register)
    beside = frozenset([pitch - moved for pitch in near])
    ours = before.network.output.melody.sounding_after
    clashes = any((pitch - other) % len(PITCH_CLASSES) in _TOO_NEAR for pitch in ours for other in beside)
    return Steer(
        max(_LEAST_DENSITY, settings.density - _BESIDE_DENSITY),
        settings.rests + _BESIDE_RESTS,
        max(settings.leaning, _BESIDE_LEANING),
        beside=beside,
        not_open_nats=_NOT_OPEN_NATS[rules],
        lets_go=clashes,
    )
