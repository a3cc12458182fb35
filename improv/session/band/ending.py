"""The last chord of a performance that ends by itself: what each part strikes on the downbeat after its last step.

It is the form's first chord, the tonic, and rings for two beats in a slow tempo to three and a half in a fast one. The
soloist joins in where improv has the last turn, or the player leaves it to improv. The style without a rhythm has none.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import Chord
from improv.music.turns import Mode
from improv.session.band.bass_targets import CENTRE, fifth, nearest, third
from improv.session.band.drum_figures import CRASH, DRUM_STYLES, KICK, RIDE
from improv.session.band.drums import HIT_TICKS, weight
from improv.session.band.rows import USUAL, VELOCITIES
from improv.session.band.voicings import FOUR, ROOTED, THREE, voiced
from improv.session.state import Session

RELEASE_S = 1.5
"""How long a performance goes on after its ending, in seconds, so that cymbals and reverberation die away."""

_RINGS_S = 1.8
"""How long the last chord rings about, in seconds, within the least and the most half beats."""

_LEAST, _MOST = 4, 7

_HALF_BEAT = TICKS_PER_BEAT // 2

_ON_SIXTH = MappingProxyType({(0, 4, 7, 10): (0, 4, 7, 9), (0, 4, 7): (0, 4, 7, 9), (0, 3, 7): (0, 3, 7, 9)})
"""A chord's intervals, and those of the sixth chord that tunes end on in its place."""

_VOICINGS: Mapping[Style, tuple[bool, str]] = MappingProxyType(
    {
        Style.SWING: (True, FOUR),
        Style.SHUFFLE: (False, THREE),
        Style.SLOW: (False, FOUR),
        Style.FUNK: (False, THREE),
        Style.NEW_ORLEANS: (True, THREE),
    }
)
"""Whether a style ends on a sixth chord, else on the chord as it is; and how full it is voiced: C6/9, C9, C13, C6."""

_BASS, _CHORD, _LEAST_VELOCITY = 96, 72, 40

_MIDDLE = 67
"""The MIDI pitch that a soloist who has played nothing ends near, where the register is 0."""


def tonic(session: Session) -> Chord:
    """Return the form's first chord in the performance's key."""
    return session.tune.form.chord_at(0).transposed(session.semitones)


def ending_ticks(bpm: float) -> int:
    """Return how long the last chord rings at a tempo (quarter notes a minute), in ticks."""
    return min(_MOST, max(_LEAST, round(_RINGS_S * bpm / 60 * 2))) * _HALF_BEAT


def after_ending(session: Session) -> int:
    """Return how long an ending takes, in ticks: its last note has ended half a beat before."""
    return ending_ticks(session.position.transport.bpm) + _HALF_BEAT


def struck_at_end(session: Session) -> tuple[Placed, ...]:
    """Return the notes of the ending after a session's step, each with its note-off: none of parts that are silenced.

    A part at level 0, muted, or not soloed where another is, is silenced.
    """
    if session.settings.style is Style.PADS or session.place < 0:
        return ()
    begin = session.tick + session.grid.ticks_per_step
    end = begin + ending_ticks(session.position.transport.bpm)
    events: list[Placed] = []
    for part, strike in _STRIKES.items():
        if not session.settings.mixer.is_audible(part):
            continue
        for pitch, velocity in strike(session):
            until = begin + HIT_TICKS if part is Part.DRUMS else end
            events.append(Placed(begin, NoteOn(part, pitch, min(127, max(_LEAST_VELOCITY, round(velocity))))))
            events.append(Placed(until, NoteOff(part, pitch)))
    return tuple(events)


def has_ending(closing: Iterable[Placed]) -> bool:
    """Return whether events that close a performance have an ending among them: something is struck."""
    return any(isinstance(placed.event, NoteOn) for placed in closing)


def _melody(session: Session) -> list[tuple[int, float]]:
    """Return the tonic's root, third or fifth, that which lies nearest to the soloist's last pitch."""
    if not (session.turn.who.plays or _is_left_to_improv(session)):
        return []
    chord, last = tonic(session), _last_pitch(session)
    classes = (chord.root, third(chord), fifth(chord))
    found = [pitch for pitch in range(max(0, last - 6), min(127, last + 6) + 1) if pitch % 12 in classes]
    pitch = min(found, key=lambda pitch: (abs(pitch - last), classes.index(pitch % 12)))
    return [(pitch, session.band.style.velocity + 6)]


def _is_left_to_improv(session: Session) -> bool:
    """Return whether the player has the turn, and has been silent for the last bar of it."""
    struck = any(beat.strikes for beat in session.band.hearing.beats)
    return session.settings.mode is not Mode.LISTEN and not (struck or session.listener.keys)


def _last_pitch(session: Session) -> int:
    """Return the MIDI pitch that was played last in the melody, from 6 to 121: as it sounds."""
    up = session.semitones + 12 * (session.band.style.octaves + session.settings.register)
    lines = [(session.band.frame.melody, 0), *((fed.frame.melody, up) for fed in session.network.recent_inputs[::-1])]
    for cell, semitones in lines:
        if cell.pitches:
            last = (
                max(cell.onsets, key=lambda onset: (onset.tick, onset.pitch)).pitch if cell.onsets else max(cell.held)
            )
            return min(121, max(6, last + semitones))
    return min(121, max(6, _MIDDLE + 12 * session.settings.register))


def _bass(session: Session) -> list[tuple[int, float]]:
    """Return the tonic's root, near to the line's last note."""
    recent = session.band.parts[Part.BASS].recent
    return [(nearest(tonic(session).root, recent[-1] if recent else CENTRE), _BASS)]


def _chords(session: Session) -> list[tuple[int, float]]:
    """Return the tonic in the voicing that the style ends on, under the soloist; with its root where no bass plays."""
    chord = tonic(session)
    sixth, kind = _VOICINGS[session.settings.style]
    if sixth:
        chord = Chord(chord.root, _ON_SIXTH.get(chord.intervals, chord.intervals))
    if not session.settings.mixer.is_audible(Part.BASS):
        kind = ROOTED
    register = session.band.hearing.register
    pitches = voiced(chord, kind, session.band.parts[Part.CHORDS].recent, register)
    return [(pitch, _CHORD) for pitch in pitches]


def _drums(session: Session) -> list[tuple[int, float]]:
    """Return a crash and a kick; a ride in place of the crash where the band is plain, or the tune slow."""
    settings = session.settings
    cymbal = CRASH if settings.band and settings.style is not Style.SLOW else RIDE
    touch = DRUM_STYLES[settings.style].touch
    return [(pitch, VELOCITIES[USUAL] * weight(pitch) * touch) for pitch in (cymbal, KICK)]


_STRIKES: Mapping[Part, Callable[[Session], list[tuple[int, float]]]] = MappingProxyType(
    {Part.MELODY: _melody, Part.CHORDS: _chords, Part.BASS: _bass, Part.DRUMS: _drums}
)
"""What each part strikes: MIDI pitches and velocities."""
