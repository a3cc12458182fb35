"""Figures of an answer, by which its drafts are told apart: what it shares with its call, how it lies over the chords.

Cells and chords are those of the network's key. It must never draw anything.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from math import log2

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT, Grid
from improv.music.notes import Cell, Frame
from improv.music.rhythm import HALF, rhythm_of, top_line
from improv.music.scales import scale_of
from improv.music.theory import PITCH_CLASSES, Chord

LONG_TICKS = TICKS_PER_BEAT
"""A note that lasts at least so long is heard as a place to be, not as a way to one."""

REST_TICKS = TICKS_PER_BEAT
"""A rest of so many ticks ends a phrase."""

_KEY = frozenset((0, 2, 4, 5, 7, 9, 11))
_BLUES = frozenset((0, 2, 3, 4, 5, 6, 7, 9, 10))
"""Pitch classes above the key's: of its major scale, and those that sound right in a blues whatever the chord."""

_FARTHEST, _LONGEST_GAP = 12, 2 * TICKS_PER_BEAT
"""Intervals and gaps beyond are as these."""


@dataclass(frozen=True, slots=True)
class Line:
    """A melody, one note at a time, in ticks from its first step."""

    onsets: tuple[int, ...]
    ends: tuple[int, ...]
    pitches: tuple[int, ...]
    ticks: int
    """How long all its steps last."""


def line_of(cells: Sequence[Cell], grid: Grid) -> Line:
    """Return the cells of steps as a line; what sounds into the first one is no note of it."""
    onsets: list[int] = []
    ends: list[int] = []
    pitches: list[int] = []
    length, sounds = grid.ticks_per_step, False
    for step, cell in enumerate(cells):
        start, rhythm = step * length, rhythm_of(cell)
        end = start + (HALF if rhythm.ended else length)
        begun = [start + tick for tick in rhythm.ticks]
        if sounds and (begun or rhythm.held):
            ends[-1] = begun[0] if begun else end
        onsets += begun
        ends += [*begun[1:], end][: len(begun)]
        pitches += top_line(cell)
        sounds = rhythm.sounds_after and bool(begun or sounds)
    return Line(tuple(onsets), tuple(ends), tuple(pitches), len(cells) * length)


def figures(
    call: Sequence[Cell], answer: Sequence[Frame], tonic: int, grid: Grid, *, place: int = 0, ends: bool = True
) -> dict[str, float]:
    """Return the figures of an answer to a call, which may be none (no cells), by their names.

    `tonic` is the pitch class of the key, `place` the step of the bar that the answer begins at, and `ends` says
    whether the turn is over with it. What an answer has nothing of, such as chord tones on strong beats where nothing
    begins on one, it has no figure of; silence has none at all.
    """
    line = line_of([frame.melody for frame in answer], grid)
    if not line.onsets:
        return {}
    chords = [frame.chord for frame in answer]
    avoided, strong, phrase_ends = over_chords(line, chords, tonic, grid, place, ends=ends)
    found = {"avoid": float(sum(avoided))}
    if strong:
        found["strong"] = sum(strong) / len(strong)
    if phrase_ends:
        found["ends"] = sum(phrase_ends) / len(phrase_ends)
    found["range"] = float(max(line.pitches) - min(line.pitches))
    found["leap"] = float(max((abs(later - pitch) for pitch, later in pairwise(line.pitches)), default=0))
    found["start"] = line.onsets[0] / TICKS_PER_BEAT
    if ends:
        found["cut"] = float(line.ends[-1] >= line.ticks)
    called = line_of(call, grid)
    if called.onsets:
        there = dict(zip(called.onsets, called.pitches, strict=True))
        again = [there[onset] - pitch for onset, pitch in zip(line.onsets, line.pitches, strict=True) if onset in there]
        found["shared"] = len(again) / len(called.onsets)
        found["same"] = sum(apart % len(PITCH_CLASSES) == 0 for apart in again) / len(line.onsets)
        found["likeness"] = likeness(called, line)
        if ends:
            found["notes"] = log2(len(line.onsets) / len(called.onsets))
    return found


def over_chords(
    line: Line, chords: Sequence[Chord | None], tonic: int, grid: Grid, place: int, *, ends: bool = True
) -> tuple[list[bool], list[bool], list[bool]]:
    """Return how a line lies over chords, of those notes that count for it.

    Whether long notes are avoid notes, those on beats one and three chord tones, and the last ones of phrases tones of
    chord or key. Where the line `ends`, so does its last phrase.
    """
    avoided, strong, phrase_ends = [], [], []
    later = (*line.onsets[1:], line.ticks + (REST_TICKS if ends else 0))
    for onset, end, pitch, following in zip(line.onsets, line.ends, line.pitches, later, strict=False):
        chord = chords[onset // grid.ticks_per_step]
        if chord is None:
            continue
        tones, pitch_class = chord.pitch_classes, pitch % len(PITCH_CLASSES)
        above = (pitch - tonic) % len(PITCH_CLASSES)
        if end - onset >= LONG_TICKS:
            avoided.append(is_avoided(chord, pitch_class, above))
        if (onset + place * grid.ticks_per_step) % (2 * TICKS_PER_BEAT) == 0:
            strong.append(pitch_class in tones)
        if following - end >= REST_TICKS:
            phrase_ends.append(pitch_class in tones or above in _KEY)
    return avoided, strong, phrase_ends


def is_avoided(chord: Chord, pitch_class: int, above_tonic: int) -> bool:
    """Return whether a long note sounds wrong over a chord.

    It does outside the chord's scale, if it grates on a chord tone a semitone below, or is not in the blues scale
    either (Levine, The Jazz Theory Book, chapter 3, on avoid notes; but in a blues people like the fourth over a
    dominant chord).
    """
    if pitch_class in scale_of(chord):
        return False
    return (pitch_class - 1) % len(PITCH_CLASSES) in chord.pitch_classes or above_tonic not in _BLUES


def likeness(one: Line, other: Line) -> float:
    """Return how alike two lines of at least one note are, 0 to 1: the mean of what their histograms have in common.

    Of their gaps from onset to onset, intervals, contours of four notes, and how long each pitch class sounds.
    """
    pairs = list(zip(_histograms(one), _histograms(other), strict=True))
    return sum(_common(left, right) for left, right in pairs) / len(pairs)


def _histograms(line: Line) -> tuple[Counter[Hashable], ...]:
    gaps = [min(_LONGEST_GAP + 1, later - onset) for onset, later in pairwise(line.onsets)]
    intervals = [max(-_FARTHEST, min(_FARTHEST, later - pitch)) for pitch, later in pairwise(line.pitches)]
    ways = [(interval > 0) - (interval < 0) for interval in intervals]
    sounding: Counter[Hashable] = Counter()
    for onset, end, pitch in zip(line.onsets, line.ends, line.pitches, strict=True):
        sounding[pitch % len(PITCH_CLASSES)] += end - onset
    return Counter(gaps), Counter(intervals), Counter(zip(ways, ways[1:], ways[2:], strict=False)), sounding


def _common(one: Counter[Hashable], other: Counter[Hashable]) -> float:
    ours, theirs = one.total(), other.total()
    if not ours or not theirs:
        return float(ours == theirs)
    return sum(min(count / ours, other[value] / theirs) for value, count in one.items() if value in other)
