"""Figures of a band: its bass, its drums, its chords. Nothing here needs PyTorch, nor knows who has played.

Bass figures are shares of notes or of changes; divergences are Jensen-Shannon's (Lin 1991), 0 to 1 bit; places in a bar
are sixteenths, with the swing taken off.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from math import log2, nan

import numpy as np

from improv.models.encodings.drum_grids import GRID, SUBSTEPS, Strokes, velocity_class
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.theory import Chord

_BAR_TICKS = BEATS_PER_BAR * TICKS_PER_BEAT

_STEP = 2
"""The widest interval that is a step, in semitones."""

CHORUSES = 8
"""Distinct bars are counted in so many."""


@dataclass(frozen=True, slots=True)
class BassPart:
    """A bass over its chords."""

    notes: tuple[tuple[int, int], ...]
    """Tick from a bar line, and MIDI pitch, in order."""
    chords: tuple[Chord | None, ...]
    """One for each beat."""

    @property
    def changes(self) -> list[int]:
        """The beats with which another chord begins."""
        found = []
        before: Chord | None = None
        for beat, chord in enumerate(self.chords):
            if chord is not None and chord != before:
                found.append(beat)
            before = chord
        return found


def bass_figures(parts: Sequence[BassPart]) -> dict[str, float]:
    """Return the figures of basses by name; nan where undefined."""
    moves = [after - pitch for part in parts for (_, pitch), (_, after) in pairwise(part.notes)]
    on_changes: list[bool] = []
    approached: list[bool] = []
    for part in parts:
        by_tick = dict(part.notes)
        begun = [tick for tick, _ in part.notes]
        for beat in part.changes:
            chord, tick = part.chords[beat], beat * TICKS_PER_BEAT
            if chord is None or tick not in by_tick:
                continue
            fifth = {0, *({6, 7, 8} & set(chord.intervals))}
            on_changes.append((by_tick[tick] - chord.root) % 12 in fifth)
            before = [each for each in begun if tick - TICKS_PER_BEAT <= each < tick]
            if before:
                approached.append(1 <= abs(by_tick[before[-1]] - by_tick[tick]) <= _STEP)
    pitches = [pitch for part in parts for _, pitch in part.notes]
    ranges = [max(p for _, p in part.notes) - min(p for _, p in part.notes) for part in parts if part.notes]
    beats = sum(len(part.chords) for part in parts)
    return {
        "root or fifth on changes": share(on_changes),
        "approached by a step": share(approached),
        "steps": share(1 <= abs(move) <= _STEP for move in moves),
        "leaps beyond a fifth": share(abs(move) > 7 for move in moves),
        "repeated notes": share(move == 0 for move in moves),
        "range, semitones": float(np.mean(ranges)) if ranges else nan,
        "mean pitch": float(np.mean(pitches)) if pitches else nan,
        "notes a beat": len(pitches) / beats if beats else nan,
    }


def bass_intervals(parts: Iterable[BassPart]) -> Counter[Hashable]:
    """Return how often each interval follows, in semitones, those beyond an octave as one."""
    return Counter(
        max(-13, min(13, after - pitch)) for part in parts for (_, pitch), (_, after) in pairwise(part.notes)
    )


@dataclass(frozen=True, slots=True)
class DrumPart:
    """Drums, in steps from a bar line on."""

    steps: tuple[Strokes, ...]

    @property
    def bars(self) -> list[tuple[Strokes, ...]]:
        """The whole bars."""
        length = GRID.steps_per_bar
        return [self.steps[start : start + length] for start in range(0, len(self.steps) - length + 1, length)]


def drum_figures(parts: Sequence[DrumPart], like: Sequence[DrumPart]) -> dict[str, float]:
    """Return the figures of drums by name, beside those that they should be like."""
    strokes = [stroke for part in parts for strokes in part.steps for stroke in strokes]
    bars = [bar for part in parts for bar in part.bars]
    return {
        "onset pattern, bits from people": divergence(onsets(parts), onsets(like)),
        "velocities, bits from people": _velocity_divergence(parts, like),
        "strokes a bar": sum(len(strokes) for bar in bars for strokes in bar) / len(bars) if bars else nan,
        "mean velocity": float(np.mean([stroke.velocity for stroke in strokes])) if strokes else nan,
        "distinct bars": distinct([pattern(bar) for bar in bars]),
        "timing, ms of deviation": float(np.std([stroke.late_ms for stroke in strokes])) if strokes else nan,
    }


def onsets(parts: Iterable[DrumPart]) -> Counter[Hashable]:
    """Return how often each sound is struck at each place of the bar."""
    return Counter(
        (stroke.sound, step % GRID.steps_per_bar * SUBSTEPS + stroke.substep)
        for part in parts
        for step, strokes in enumerate(part.steps)
        for stroke in strokes
    )


def pattern(bar: Sequence[Strokes]) -> frozenset[tuple[int, int]]:
    """Return what is struck where in a bar, however hard."""
    return frozenset(
        (int(stroke.sound), step * SUBSTEPS + stroke.substep) for step, strokes in enumerate(bar) for stroke in strokes
    )


def _velocity_divergence(parts: Sequence[DrumPart], like: Sequence[DrumPart]) -> float:
    """Return how far the velocities of each sound are from others, the sounds weighted by how often those have them."""

    def of_sounds(drums: Iterable[DrumPart]) -> dict[int, Counter[Hashable]]:
        found: dict[int, Counter[Hashable]] = {}
        for part in drums:
            for strokes in part.steps:
                for stroke in strokes:
                    found.setdefault(stroke.sound, Counter())[velocity_class(stroke.velocity)] += 1
        return found

    ours, theirs = of_sounds(parts), of_sounds(like)
    shared = ours.keys() & theirs.keys()
    weights = {sound: theirs[sound].total() for sound in shared}
    if not shared:
        return nan
    return sum(weights[sound] * divergence(ours[sound], theirs[sound]) for sound in shared) / sum(weights.values())


@dataclass(frozen=True, slots=True)
class CompPart:
    """Chords, and the lines over them."""

    strikes: tuple[tuple[int, tuple[int, ...]], ...]
    """Tick from a bar line, and the MIDI pitches that are struck, ascending."""
    line: frozenset[int]
    """The ticks at which player or soloist begin a note."""
    bars: int


def comp_figures(parts: Sequence[CompPart]) -> dict[str, float]:
    """Return the figures of comping by name; nan where undefined."""
    strikes = [strike for part in parts for strike in part.strikes]
    led = [
        voice_leading(before, after)
        for part in parts
        for (_, before), (_, after) in pairwise(part.strikes)
        if before != after
    ]
    rhythms = [
        frozenset(tick % _BAR_TICKS for tick, _ in part.strikes if tick // _BAR_TICKS == bar)
        for part in parts
        for bar in range(part.bars)
    ]
    together = [tick in part.line for part in parts for tick, _ in part.strikes]
    deaf = [
        (tick + away * _BAR_TICKS) % (part.bars * _BAR_TICKS) in part.line
        for part in parts
        for tick, _ in part.strikes
        for away in range(1, part.bars)
    ]
    bars = sum(part.bars for part in parts)
    return {
        "voice leading, semitones a voice": float(np.mean(led)) if led else nan,
        "distinct bars": distinct(rhythms),
        "strikes a bar": len(strikes) / bars if bars else nan,
        "strikes with a note of the line": share(together),
        "the same, with the line of other bars": share(deaf),
    }


def voice_leading(before: Sequence[int], after: Sequence[int]) -> float:
    """Return how far voices move from one chord to another at least, in semitones a voice.

    Where one has more voices than the other, those that are nearest move.
    """
    few, many = sorted((tuple(before), tuple(after)), key=len)
    if not few:
        return nan
    if len(many) > 6:
        many = many[:6]
    return min(
        sum(abs(one - other) for one, other in zip(few, chosen, strict=True)) for chosen in permutations(many, len(few))
    ) / len(few)


def distinct(bars: Sequence[Hashable], most: int = CHORUSES * 12) -> float:
    """Return how many bars are unlike all before them, among so many at most."""
    return float(len(set(bars[:most]))) if bars else nan


def divergence(ours: Mapping[Hashable, int], theirs: Mapping[Hashable, int]) -> float:
    """Return the Jensen-Shannon divergence of two histograms in bits, 0 to 1; nan where one is empty."""
    one, other = sum(ours.values()), sum(theirs.values())
    if not one or not other:
        return nan
    found = 0.0
    for key in ours.keys() | theirs.keys():
        p, q = ours.get(key, 0) / one, theirs.get(key, 0) / other
        mean = (p + q) / 2
        found += sum(each * log2(each / mean) for each in (p, q) if each) / 2
    return found


def share(those: Iterable[bool]) -> float:
    """Return the share that are true; nan of none."""
    known = list(those)
    return sum(known) / len(known) if known else nan
