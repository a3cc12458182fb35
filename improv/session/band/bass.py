"""The bass: a line that walks to the root or the fifth of each chord, or the figures of the style.

A note is chosen when it is due, on the way to a target that was chosen with the last one: so a line goes somewhere, and
still obeys a chord or a key that changes meanwhile.
"""

from improv.music.parts import Part
from improv.music.theory import Chord
from improv.session.band import bass_figures as figures
from improv.session.band.bass_figures import ALWAYS_WALK, BASS_STYLES, IN_TWO, Figure, Slot
from improv.session.band.bass_targets import (
    CENTRE,
    HIGHEST,
    LOWEST,
    costs,
    fifth,
    nearest,
    places,
    seventh,
    sixth,
    third,
)
from improv.session.band.context import TICKS_PER_BAR, BandContext
from improv.session.band.intensity import level
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState

_VELOCITY = 88

_WHICH, _TARGET, _PITCH = 0, 1, 8
"""The numbers of the draws; from `_PITCH` on one for each pitch."""

_LEADING = ((-1, 0.2), (1, 0.2), (-2, 0.5), (2, 0.4), (7, 1.2), (-5, 1.2))
"""What leads to a target: semitones above it, and what that costs."""

_CLEAR = 3
"""The semitones between the bass and the lowest note of player and soloist, where there is room."""

_LOWEST_CEILING = 43


def bass(state: PartState, context: BandContext) -> tuple[PartState, list[Struck]]:
    """Return the bassist's state after a step, and what it strikes in it. Without a chord it rests."""
    state = with_figure(state, context)
    struck: list[Struck] = []
    if context.chord is None:
        return state, struck
    for slot in slots(state, context):
        pitch, state = pitch_by_rule(slot, state, context)
        struck.append(note(slot, pitch, context))
    return state, struck


def with_figure(state: PartState, context: BandContext) -> PartState:
    """Return the state with the figure of the bar that begins."""
    if context.bar_tick and state.figure:
        return state
    levels = BASS_STYLES[context.style]
    before = state.figure[0] if state.figure else None
    now = level(context.energy, len(levels), before, anew=context.begins_phrase)
    which = int(context.bar_draw(Part.BASS, _WHICH) * len(levels[now])) if context.lively else 0
    if context.lively and context.style not in ALWAYS_WALK and state.figure == (now, which):
        which = (which + 1) % len(levels[now])
    return PartState(state.sounding, state.recent, state.target, state.chord, (now, which), state.style)


def figure(state: PartState, context: BandContext) -> Figure:
    """Return the figure that a bassist plays in the bar."""
    now, which = state.figure
    return BASS_STYLES[context.style][now][which]


def slots(state: PartState, context: BandContext) -> list[Slot]:
    """Return the places of a step in which a note begins: those of the figure, and each at which a chord comes in."""
    start, stop = context.bar_tick, context.bar_tick + context.length
    found = [slot for slot in figure(state, context) if start <= slot[0] < stop]
    comes_in = state.chord is not None and context.chord != state.chord and start % 12 == 0
    if comes_in and not (found and found[0][0] == start):
        following = next((tick for tick, *_ in figure(state, context) if tick > start), TICKS_PER_BAR)
        found.insert(0, (start, following - start - 1, figure(state, context)[0][2], 0))
    return found


def note(slot: Slot, pitch: int, context: BandContext) -> Struck:
    """Return the note of a place in a figure: how hard it is plucked, and where it ends."""
    tick, length, _, accent = slot
    velocity = _VELOCITY * (0.86 + 0.24 * context.energy) + accent
    velocity += context.lively * (10 * context.loudness + 6 * (context.draw(Part.BASS, _TARGET) - 0.5))
    at = context.bar_start + tick
    return Struck(at, pitch, min(127, max(1, round(velocity))), at + length)


def next_target(slot: Slot, state: PartState, context: BandContext) -> tuple[int, int, Chord | None]:
    """Return the tick of the bar at which a line has its next target, how many notes there are until then, the note of
    a place among them, and the chord there: where another chord comes in, at the latest with the next bar."""
    ticks = [tick for tick, *_ in figure(state, context) if tick > slot[0]]
    for number, tick in enumerate(ticks, 1):
        if tick % 12 == 0 and (chord := context.chord_at(tick)) != context.chord:
            return tick, number, chord
    return TICKS_PER_BAR, len(ticks) + 1, context.chord_at(TICKS_PER_BAR)


def ceiling(context: BandContext) -> int:
    """Return the highest MIDI pitch of the bass: below the comping hand, and below a player who plays low."""
    lines = HIGHEST if context.register is None else context.register[0] - _CLEAR
    comp = HIGHEST if context.beside.comp_low is None else context.beside.comp_low - 1
    return min(HIGHEST, max(_LOWEST_CEILING, min(lines, comp)))


def pitch_by_rule(slot: Slot, state: PartState, context: BandContext) -> tuple[int, PartState]:
    """Return the MIDI pitch of a note, and the state after it."""
    chord, last, degree = context.chord, state.recent[-1] if state.recent else CENTRE, slot[2]
    assert chord is not None  # noqa: S101 the caller has seen to it
    comes_in, target = chord != state.chord, state.target
    if degree == figures.DEAD and not comes_in:
        return last, state
    aims = comes_in or slot[0] == 0
    if aims and degree in IN_TWO:
        pitch = _first(slot, target, last, chord, context, comes_in=comes_in)
    elif degree == figures.ANSWER:
        pitch = _answer(slot, state, last, chord, context)
    elif aims:
        pitch = aimed(degree, target, last, chord, context, comes_in=comes_in)
    elif degree == figures.WALK:
        pitch = _walked(slot, state, last, chord, context)
    elif degree == figures.LEAD:
        pitch = _leading(slot, state, last, context)
    else:
        pitch = _of_degree(degree, chord, context)
    if aims or target is None:
        target = _chosen_target(slot, pitch, state, context)
    recent = (*state.recent[-1:], pitch)
    return pitch, PartState(state.sounding, recent, target, chord, state.figure, state.style)


def aimed(degree: str, target: int | None, last: int, chord: Chord, context: BandContext, *, comes_in: bool) -> int:
    """Return the pitch where a chord comes in or a bar begins: the target, if it still fits."""
    fits = {chord.root, fifth(chord)} if comes_in else chord.pitch_classes
    top = ceiling(context)
    if degree in (figures.WALK, figures.LEAD):
        if target is not None and target % 12 in fits and target <= top:
            return target
        return nearest(chord.root, last, top)
    root = target if target is not None and target % 12 == chord.root and target <= top else _low_root(chord, top)
    return _octave(root, top) if degree == figures.OCTAVE else root


def _first(slot: Slot, target: int | None, last: int, chord: Chord, context: BandContext, *, comes_in: bool) -> int:
    """Return the pitch on the first beat of a bass in two: the root, now and then the third of a chord that goes on."""
    top = ceiling(context)
    led = slot[0] == 0 and target is not None and target % 12 == chord.root and target <= top
    if not comes_in and context.draw(Part.BASS, _WHICH) < 0.3 * context.lively:
        return nearest(third(chord), last, top)
    return target if led and target is not None else nearest(chord.root, last, top)


def _answer(slot: Slot, state: PartState, last: int, chord: Chord, context: BandContext) -> int:
    """Return the pitch on the third beat of a bass in two: the fifth, above or below the root, at times its octave.

    It is not the note that follows in the next bar.
    """
    top, lively = ceiling(context), context.lively
    choices = dict.fromkeys(places(fifth(chord), top), 0.0) | dict.fromkeys(places(chord.root, top), 0.8)
    best, least = last, float("inf")
    for place, cost in choices.items():
        away = abs(place - last)
        cost_here = cost + (9.0 if place == last or away > 12 else 0.04 * away) + 0.05 * abs(place - CENTRE + 3)
        cost_here += (1.5 if place == state.target else 0.0) + lively * context.draw(Part.BASS, _PITCH * (place + 1))
        if cost_here < least:
            best, least = place, cost_here
    return best


def _low_root(chord: Chord, top: int) -> int:
    """Return the root over which the figures of a style lie."""
    return nearest(chord.root, CENTRE - 5, min(top, CENTRE + 2))


def _of_degree(degree: str, chord: Chord, context: BandContext) -> int:
    """Return the pitch of a degree of the chord, over the root that lies under the line."""
    top = ceiling(context)
    under = _low_root(chord, top)
    if degree == figures.OCTAVE:
        return _octave(under, top)
    if degree == figures.ROOT:
        return under
    if degree == figures.LOW_FIFTH:
        low = [place for place in places(fifth(chord), top) if place < under]
        return low[-1] if low else places(fifth(chord), top)[0]
    classes = {figures.THIRD: third, figures.FIFTH: fifth, figures.SIXTH: sixth, figures.SEVENTH: seventh}
    above = [place for place in places(classes[degree](chord), top) if place >= under]
    return above[0] if above else places(classes[degree](chord), top)[-1]


def _octave(root: int, top: int) -> int:
    return root + 12 if root + 12 <= top else root


def _chosen_target(slot: Slot, pitch: int, state: PartState, context: BandContext) -> int | None:
    """Return the pitch of the next target: near enough to be reached by steps, far enough to go somewhere."""
    _, notes, chord = next_target(slot, state, context)
    if chord is None:
        return None
    new, top = chord != context.chord, ceiling(context)
    if context.style not in ALWAYS_WALK:
        return _low_root(chord, top)
    if slot[2] in IN_TWO:
        return nearest(chord.root, pitch, top)
    classes = {chord.root: 0.0, fifth(chord): 1.2 if new else 0.5}
    if not new:
        classes.setdefault(third(chord), 0.4)
    wanted, lively = 1.9 * notes, 0.3 + context.lively
    best, least = pitch, float("inf")
    for pitch_class, cost in classes.items():
        for place in places(pitch_class, top):
            number = _TARGET + 1 + _PITCH * (place + 1)
            cost_here = cost + 0.3 * abs(abs(place - pitch) - wanted) + 0.07 * abs(place - CENTRE)
            cost_here += (2.5 if place == pitch else 0.0) + lively * context.draw(Part.BASS, number)
            if cost_here < least:
                best, least = place, cost_here
    return best


def _walked(slot: Slot, state: PartState, last: int, chord: Chord, context: BandContext) -> int:
    """Return the next pitch of a walking line: by steps or small leaps, over chord and scale, towards the target."""
    _, notes, _ = next_target(slot, state, context)
    target, top = state.target if state.target is not None else last, ceiling(context)
    if notes == 1:
        return _leading(slot, state, last, context)
    last = min(last, top)
    before = state.recent[-2] if len(state.recent) > 1 else last
    heading = (last > before) - (last < before)
    over, strong, wild = costs(chord), slot[0] % 24 == 0, 0.35 + 0.9 * context.lively
    best, least = last, float("inf")
    for pitch in range(max(LOWEST, last - 7), min(top, last + 7) + 1):
        cost = over[pitch % 12]
        if cost is None:
            continue
        leap = abs(pitch - last)
        cost += (2.5, 0.0, 0.0, 0.25, 0.35, 0.8, 2.0, 1.1)[leap] + (strong and cost) * 1.2
        if heading and (pitch - last) * heading < 0:
            cost += 0.45
        if pitch == before:
            cost += 0.9
        if pitch == target:
            cost += 1.4
        away = abs(pitch - target)
        cost += max(0.0, away - 2.6 * (notes - 1)) * 0.8 + max(0, CENTRE - 9 - pitch, pitch - CENTRE - 10) * 0.3
        cost += wild * context.draw(Part.BASS, _PITCH * (pitch + 1))
        if cost < least:
            best, least = pitch, cost
    return best


def _leading(slot: Slot, state: PartState, last: int, context: BandContext) -> int:
    """Return the pitch that leads to the target: a half step or a step away from it, or the fifth above it."""
    _, _, chord = next_target(slot, state, context)
    target, top = state.target, ceiling(context)
    if target is None or chord is None:
        return last
    assert context.chord is not None  # noqa: S101 the caller has seen to it
    over, wild = costs(context.chord), 0.3 + 0.8 * context.lively
    best, least = target, float("inf")
    for away, least_cost in _LEADING:
        pitch = target + away
        if not LOWEST <= pitch <= top:
            continue
        cost = least_cost + (0.0 if over[pitch % 12] is not None else 0.3)
        cost += 0.22 * max(0, abs(pitch - last) - 2) + (1.6 if pitch == last else 0.0)
        cost += wild * context.draw(Part.BASS, _PITCH * (pitch + 1) + 1)
        if cost < least:
            best, least = pitch, cost
    return best
