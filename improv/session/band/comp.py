"""The comping: the chords in rhythm, voiced smoothly, out of the way of player and soloist.

Of every bar a cell of the style is chosen at its beginning, the denser the more is going on and the less the others
play. Within the bar a stab is left out where they are busy: so it becomes thinner at once.
"""

from dataclasses import replace
from functools import lru_cache

from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import Chord
from improv.session.band.comp_figures import COMP_STYLES, HELD, PAD, PLAIN_CELL, CompCell
from improv.session.band.context import PHRASE_BARS, TICKS_PER_BAR, BandContext
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState, SoundingNote
from improv.session.band.rows import VELOCITIES, hits
from improv.session.band.voicings import FOUR, HIGHEST, LOWEST, ROOTED, SHELL, THREE, Room, voiced

ANTICIPATED_TICKS = 6
"""How many ticks before a chord comes in it may be struck."""

_SHORT_TICKS, _SHORTEST_TICKS = 4, 2

_SOFTER = 0.74
"""How hard a hand comps beside what the characters of its rows say."""

_CELL, _THIN, _TOUCH, _VOICING, _REGISTER = 0, 1, 2, 3, 4
"""The numbers of the draws."""

_WANDERS = 10
"""The semitones within which the register of the chords wanders from one phrase to the next."""

_CLEAR = 2
"""The semitones at least between the highest voice and the lowest note of player and soloist."""

_LITTLE_ROOM, _NO_ROOM = 60, 52
"""The MIDI pitch below which a line leaves room for two voices under it and no more, and below which for none."""

_TWO_HANDS = 24
"""The semitones between lowest and highest note from which a player has an accompaniment of their own under a line."""

_LEAP = 7
"""The semitones that a voice moves at most, but for the beginning of a phrase."""

_PLAIN = (-1, 0)
"""The figure of a plain band."""


def comp(state: PartState, context: BandContext) -> tuple[PartState, list[Struck]]:
    """Return the state of the comping hand after a step, and what it strikes in it."""
    if context.bar_tick == 0 or not state.figure:
        state = PartState(state.sounding, state.recent, None, state.chord, _figure(state, context), state.style)
    state = _giving_way(state, context)
    struck: list[Struck] = []
    start, stop = context.bar_tick, context.bar_tick + context.length
    for tick, how, length in _hits(context.style, *state.figure, context.swing):
        if start <= tick < stop:
            state, now = _struck(state, context, tick, how, length)
            struck += now
    return state, struck


def _figure(state: PartState, context: BandContext) -> tuple[int, int]:
    """Return the cell of a bar, as its density and its number in the table; not the one of the bar before if it may."""
    if not context.lively:
        return _PLAIN
    levels = COMP_STYLES[context.style]
    density = context.energy - 0.35 * context.lively * context.busy
    density += 0.3 * context.lively * (context.bar_draw(Part.CHORDS, _THIN) - 0.5)
    level = min(len(levels) - 1, max(0, int(density * len(levels))))
    number = int(context.bar_draw(Part.CHORDS, _CELL) * len(levels[level]))
    if state.figure == (level, number):
        number = (number + 1) % len(levels[level])
    return level, number


@lru_cache(maxsize=1024)
def _hits(style: Style, level: int, number: int, swing: float) -> tuple[tuple[int, str, int], ...]:
    """Return the chords of a cell: tick of the bar, character of the row, length in ticks."""
    cell: CompCell = PLAIN_CELL[style] if level < 0 else COMP_STYLES[style][level][number]
    placed = hits(cell.row, swing)
    found = []
    for (tick, how), following in zip(placed, [*(tick for tick, _ in placed[1:]), TICKS_PER_BAR + 6], strict=True):
        if cell.length == PAD:
            length = TICKS_PER_BAR - tick - 1
        elif cell.length == HELD:
            length = max(_SHORTEST_TICKS, min(following - tick - 1, 20))
        else:
            length = max(_SHORTEST_TICKS, min(following - tick - 1, _SHORT_TICKS))
        found.append((tick, how, length))
    return tuple(found)


def _struck(state: PartState, context: BandContext, tick: int, how: str, length: int) -> tuple[PartState, list[Struck]]:
    """Return the state after a chord at a tick of the bar, and its notes; none where it is left out."""
    chord = sounding_chord(context, tick)
    thinned = context.lively * context.busy * (0.35 if chord != state.chord else 0.7)
    if chord is None or context.draw(Part.CHORDS, _THIN) < thinned:
        return state, []
    loose = context.lively * context.draw(Part.CHORDS, _VOICING)
    wanders = context.lively * (context.bar_draw(Part.CHORDS, _REGISTER, PHRASE_BARS) - 0.5) * _WANDERS
    room = _room(context)
    pitches: tuple[int, ...] = ()
    for kind in _kinds(context):
        pitches = voiced(
            chord, kind, state.recent, context.register, loose if chord == state.chord else 0.0, wanders, room
        )
        if pitches:
            break
    if not pitches:  # no room: the hand lays out
        return state, []
    velocity = VELOCITIES[how] * _SOFTER * (0.8 + 0.3 * context.energy)
    velocity += context.lively * (12 * context.loudness + 8 * (context.draw(Part.CHORDS, _TOUCH) - 0.5))
    at = context.bar_start + tick
    loud = min(127, max(1, round(velocity)))
    top = pitches[-1]
    state = PartState(state.sounding, pitches, None, chord, state.figure, state.style)
    return state, [Struck(at, pitch, min(127, loud + 4) if pitch == top else loud, at + length) for pitch in pitches]


def sounding_chord(context: BandContext, tick: int) -> Chord | None:
    """Return the chord that is struck at a tick of the bar: the one that is about to come in, where one is."""
    inside = tick % 12
    if not inside:
        return context.chord_at(tick)
    coming = tick + 12 - inside
    if coming - tick > ANTICIPATED_TICKS:
        return context.chord_at(tick)
    return context.chord_at(coming)


def _giving_way(state: PartState, context: BandContext) -> PartState:
    """Return the state in which voices end that the soloist has come down to."""
    low = context.beside.soloist_low
    if low is None or _lies_low(context) or all(note.pitch < low for note in state.sounding):
        return state
    sounding = tuple(
        note if note.pitch < low or note.end is None else SoundingNote(note.pitch, min(note.end, context.tick))
        for note in state.sounding
    )
    return replace(state, sounding=sounding)


def _lies_low(context: BandContext) -> bool:
    """Return whether the lines of a bar stay so low that chords lie over them, as over a solo of the bass."""
    return context.register is not None and context.register[1] < _LITTLE_ROOM


def _room(context: BandContext) -> Room:
    """Return where chords may lie: under the lines.

    Under the upper hand of a player who plays with both; over lines that stay low, for there is no room below.
    """
    bass = context.beside.bass_high or 0
    leap = HIGHEST if context.bar_tick == 0 and context.begins_phrase else _LEAP
    low, high = context.register or (HIGHEST + _CLEAR + 1, HIGHEST + _CLEAR + 1)
    if context.beside.soloist_low is not None:
        if _lies_low(context):
            return Room(HIGHEST, bass, leap)
        low = min(low, context.beside.soloist_low)
    elif high < _LITTLE_ROOM or low < _NO_ROOM:
        return Room(high - _CLEAR if high - low >= _TWO_HANDS else HIGHEST, bass, leap)
    return Room(low - _CLEAR, bass, leap)


def _kinds(context: BandContext) -> tuple[str, ...]:
    """Return how full chords are voiced, then thinner: with a root where no bass plays one."""
    if Part.BASS in context.silent:
        return (ROOTED,)
    if not context.lively:
        return THREE, SHELL
    if context.register is not None and _LITTLE_ROOM > context.register[0] >= LOWEST:
        return (SHELL,)
    full = context.energy - 0.3 * context.busy
    return (SHELL,) if full < 0.2 else (THREE, SHELL) if full < 0.55 else (FOUR, THREE, SHELL)
