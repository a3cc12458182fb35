"""The drums: time, comping and fills of the style, louder and fuller as there is more going on.

Of every bar it is decided at its beginning what is played. Fills lead out of four bars, back to the top of the form and
over to whoever has the next turn; a cymbal answers them.
"""

from functools import lru_cache

from improv.music.parts import Part
from improv.music.styles import Style
from improv.session.band.context import TICKS_PER_BAR, BandContext
from improv.session.band.drum_figures import (
    CRASH,
    DRUM_STYLES,
    FOOT,
    HAT,
    KICK,
    OPEN_HAT,
    RIDE,
    SNARE,
    DrumStyle,
    Figure,
)
from improv.session.band.intensity import level
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState
from improv.session.band.rows import ACCENT, USUAL, VELOCITIES, hits

HIT_TICKS = 2
"""How long a hit lasts, in ticks: drums ring by themselves."""

_HALF_BAR = TICKS_PER_BAR // 2

_RADIX = 16
"""A level and the number of a figure in it are kept as one number: more figures than that a level has not."""

_NO_FILL, _HALF_FILL, _FILL = 0, 1, 2

_TIME, _COMP, _FILLS, _WHICH, _TOUCH = 0, 1, 2, 3, 8
"""The numbers of the draws of a bar; from `_TOUCH` on those of a step's hits."""

_WEIGHTS = {RIDE: 1.18, HAT: 1.1, FOOT: 0.95, OPEN_HAT: 1.0, CRASH: 0.9, SNARE: 0.85, KICK: 0.92}
"""How hard parts of the kit are struck beside the rest: in General MIDI's kits cymbals are softer than drums."""

_DRUM = 0.9
"""How hard the other drums are struck."""


def drums(state: PartState, context: BandContext) -> tuple[PartState, list[Struck]]:
    """Return the drummer's state after a step, and what it strikes in it."""
    style = DRUM_STYLES[context.style]
    before = state.figure
    if context.bar_tick == 0 or len(before) != 4:
        state = PartState(state.sounding, figure=bar_figure(context, before), style=state.style)
    rows = _bar(context.style, *state.figure[:3], context.bar % style.bars, context.swing)
    start, stop = context.bar_tick, context.bar_tick + context.length
    struck = [_struck(context, *hit) for hit in rows if start <= hit[0] < stop]
    if start == 0 and (velocity := crash(context, before)):
        struck.append(_struck(context, 0, CRASH, velocity))
        struck.append(_struck(context, 0, KICK, USUAL))
        struck = [note for note in struck if note.pitch not in (RIDE, HAT)]
    return state, struck


def bar_figure(context: BandContext, before: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return what is played in a bar: its time, its comping and its fill, as numbers in the tables; and what fill."""
    style = DRUM_STYLES[context.style]
    lively, draw = context.lively, context.bar_draw
    now = level(context.energy, len(style.time), before[0] // _RADIX if before else None, anew=context.begins_phrase)
    calm = level(context.energy - 0.3 * lively * context.busy, len(style.comp), None, anew=True)
    times, comps = len(style.time[now]) // style.bars, len(style.comp[calm])
    time = int(draw(Part.DRUMS, _TIME, style.bars) * times) if lively else 0
    comp = int(draw(Part.DRUMS, _COMP) * comps) if draw(Part.DRUMS, _WHICH) < 0.25 + lively else 0
    if not lively:
        comp = 0
    fill, size = _fill(style, context)
    return now * _RADIX + time, calm * _RADIX + comp, fill, size


def _fill(style: DrumStyle, context: BandContext) -> tuple[int, int]:
    """Return the number of a bar's fill, from 1, half fills first, and its size; 0 and no fill where there is none."""
    turn_ends = context.turn_left is not None and 0 < context.turn_left <= TICKS_PER_BAR
    last = context.chorus_bar == context.bars - 1
    likely = 0.0
    if last:
        likely = 2.0
    elif turn_ends:
        likely = 1.6
    elif context.ends_phrase:
        likely = 0.4 + context.energy
    if context.bar_draw(Part.DRUMS, _FILLS) >= likely * context.lively:
        return 0, _NO_FILL
    chosen = context.bar_draw(Part.DRUMS, _WHICH)
    if last and context.energy > 0.5:
        return 1 + len(style.half_fills) + int(chosen * len(style.fills)), _FILL
    return 1 + int(chosen * len(style.half_fills)), _HALF_FILL


def crash(context: BandContext, before: tuple[int, ...]) -> str:
    """Return how hard the crash is struck at the beginning of a bar, as a character of a row; empty for not at all."""
    if not context.lively or not before:
        return ""
    if context.chorus_bar == 0:
        return ACCENT if context.energy > 0.5 else USUAL
    filled = len(before) == 4 and before[3] != _NO_FILL
    likely = 0.25 + 0.4 * context.energy if context.turn_begins else 0.5 * context.energy if filled else 0.0
    return USUAL if context.bar_draw(Part.DRUMS, _TOUCH) < likely else ""


def is_filling(figure: tuple[int, ...], context: BandContext) -> bool:
    """Return whether the step belongs to the fill of its bar."""
    size = figure[3] if len(figure) == 4 else _NO_FILL
    return size == _FILL or (size == _HALF_FILL and context.bar_tick >= _HALF_BAR)


def timekeeping(figure: tuple[int, ...], context: BandContext) -> list[Struck]:
    """Return the hits of ride and hi-hat in a step, in the time of a bar's figure, that are not soft."""
    start, stop = context.bar_tick, context.bar_tick + context.length
    rows = _bar(context.style, figure[0], 0, 0, context.bar % DRUM_STYLES[context.style].bars, context.swing)
    return [
        _struck(context, tick, pitch, how)
        for tick, pitch, how in rows
        if start <= tick < stop and pitch in (RIDE, HAT) and how in (USUAL, ACCENT)
    ]


def weight(pitch: int) -> float:
    """Return how hard a part of the kit, by its MIDI pitch, is struck beside the rest."""
    return _WEIGHTS.get(pitch, _DRUM)


@lru_cache(maxsize=4096)
def _bar(name: Style, time: int, comp: int, fill: int, bar: int, swing: float) -> tuple[tuple[int, int, str], ...]:
    """Return the hits of a bar, in order: tick of the bar, MIDI pitch, character of the row."""
    style = DRUM_STYLES[name]
    now, number = divmod(time, _RADIX)
    calm, other = divmod(comp, _RADIX)
    fills: tuple[Figure, ...] = ({}, *style.half_fills, *style.fills)
    begins = min((tick for row in fills[fill].values() for tick, _ in hits(row, swing)), default=TICKS_PER_BAR)
    found: dict[tuple[int, int], str] = {}

    def add(figure: Figure, until: int) -> None:
        for pitch, row in figure.items():
            for tick, how in hits(row, swing):
                held = found.get((tick, pitch))
                if tick < until and (held is None or VELOCITIES[how] > VELOCITIES[held]):
                    found[tick, pitch] = how

    bars = style.time[now]
    timekeeping = bars[(number * style.bars + bar) % len(bars)]
    add(timekeeping, begins)
    if begins < TICKS_PER_BAR:  # a foot goes on under a fill
        add({pitch: row for pitch, row in timekeeping.items() if pitch == FOOT}, TICKS_PER_BAR)
    add(style.comp[calm][other], begins)
    add(fills[fill], TICKS_PER_BAR)
    return tuple((tick, pitch, how) for (tick, pitch), how in sorted(found.items()))


def _struck(context: BandContext, tick: int, pitch: int, how: str) -> Struck:
    """Return a hit at a tick of the bar, as hard as its character, the energy and the player have it."""
    velocity = VELOCITIES[how] * weight(pitch) * DRUM_STYLES[context.style].touch
    velocity *= 0.78 + 0.3 * context.energy
    velocity += context.lively * (12 * context.loudness + 10 * (context.draw(Part.DRUMS, _TOUCH + pitch) - 0.5))
    at = context.bar_start + tick
    return Struck(at, pitch, min(127, max(1, round(velocity))), at + HIT_TICKS)
