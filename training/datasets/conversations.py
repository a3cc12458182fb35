"""Calls and answers to learn from: solos in which two players take turns, the second of them answering the first.

The player's turns are the soloist's own bars. What improv is to learn to play in its turns is what people have played:
of all passages of all solos one that is among the likest to the call, or what the soloist went on with. Else it is the
call, developed as players develop one: repeated, moved to the new chord or another degree, continued in sequence,
turned upside down, thinned out, ornamented, displaced, or begun alike and ended otherwise (Berliner 1994, Thinking in
Jazz, chapter 7, on developing ideas in conversation with another player); and a call so developed is often kept for a
part of the turn alone, and left for what the soloist went on with.

Some of the player's notes are a tick or two from where they were played, as hands and what hears them are not exact.

Two ways of taking turns are cut, those that improv knows: blocks of bars, and phrases that end with a rest.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Row
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from types import MappingProxyType

import numpy as np

from improv.models.encodings import StepInput
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import Cell
from improv.music.theory import (
    BLUES_BARS,
    PITCH_CLASSES,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    TICKS_PER_STEP,
    Chord,
    shortest_way,
)
from improv.music.turns import Call, answer_beats
from improv.protocol.controls import GAP
from training.corpora.solos import Note, Solo
from training.datasets.passages import LENGTHS_BARS, Passage, Passages
from training.datasets.sequences import KEY, Sequence, as_sequence, step_inputs

MISHEARD = (0.0, 0.0, 0.1, 0.2)
"""The shares of a player's notes that are some ticks away; each conversation has one of them."""

PHRASES = 0.3
"""The share of the conversations whose turns are phrases; the others are of whole bars."""

BARS = (1, 2, 2, 4, 4, 4)
"""The lengths of a turn of bars; one that stands here twice is cut twice as often."""

FITTED = 0.9
"""The share of the developed notes on a beat, or of a beat and more, that are brought to the chord where they clash."""

GAP_TICKS = round(float(GAP.default) * TICKS_PER_BEAT)
"""The rest that ends a phrase."""

LONGEST_BARS = 4
"""A phrase that is longer is answered in its midst."""

BLUES_SCALE = (0, 2, 3, 4, 5, 6, 7, 9, 10)
"""What does not sound wrong on a beat in C, whatever the chord is."""

LOWEST, HIGHEST = 43, 91
"""Where answers stay, G2 to G6."""

_LEAST_NOTES = 3

Line = tuple[Note, ...]
"""Notes from the beginning of a turn on."""

Chords = Row[Chord | None]
"""A chord for each step of a turn."""

Rng = np.random.Generator


def _moved(line: Line, semitones: int) -> Line:
    return tuple(replace(note, pitch=note.pitch + semitones) for note in line)


def _fitted(line: Line, chords: Chords, rng: Rng) -> Line:
    """Return a line with most notes that clash on a beat moved to the nearest tone of the chord."""
    fitted = []
    for note in line:
        chord = chords[min(note.onset // TICKS_PER_STEP, len(chords) - 1)]
        inside = set(BLUES_SCALE) | (chord.pitch_classes if chord else set())
        is_strong = note.onset % TICKS_PER_BEAT == 0 or note.end - note.onset >= TICKS_PER_BEAT
        clashes = is_strong and note.pitch % 12 not in inside
        if chord and clashes and rng.random() < FITTED:
            near = [note.pitch + up for up in (-1, 1, -2, 2) if (note.pitch + up) % 12 in chord.pitch_classes]
            note = replace(note, pitch=near[0]) if near else note
        fitted.append(note)
    return tuple(fitted)


def repeated(line: Line, _before: Chords, _chords: Chords, _length: int, _rng: Rng) -> Line:
    """Return a call unchanged."""
    return line


def transposed(line: Line, before: Chords, chords: Chords, _length: int, rng: Rng) -> Line:
    """Return a call moved as far as the chord has moved; if it has not, by a second, third, fourth or fifth."""
    first = min(line[0].onset // TICKS_PER_STEP, len(chords) - 1)
    was, now = before[first], chords[first]
    up = int(rng.choice((-7, -5, -4, -3, -2, 2, 3, 4, 5, 7)))
    if was and now and was.root != now.root and rng.random() < 0.6:
        up = (now.root - was.root + 6) % 12 - 6
    return _fitted(_moved(line, up), chords, rng)


def sequenced(line: Line, _before: Chords, chords: Chords, length: int, rng: Rng) -> Line:
    """Return the first half of a call, then the same on another degree."""
    half = length // 2
    motif = tuple(replace(note, end=min(note.end, half)) for note in line if note.onset < half)
    up = int(rng.choice([-5, -4, -3, -2, 2, 3, 4, 5]))
    again = tuple(replace(note, onset=note.onset + half, end=note.end + half) for note in _moved(motif, up))
    return motif + _fitted(again, [*chords], rng)


def inverted(line: Line, _before: Chords, chords: Chords, _length: int, rng: Rng) -> Line:
    """Return a call with each interval turned upside down around the first note."""
    axis = line[0].pitch
    return _fitted(tuple(replace(note, pitch=2 * axis - note.pitch) for note in line), chords, rng)


def thinned(line: Line, _before: Chords, _chords: Chords, _length: int, rng: Rng) -> Line:
    """Return a call without some of its notes off the beat; the others are a little longer."""
    kept = [note for note in line if rng.random() < (0.85 if note.onset % TICKS_PER_BEAT == 0 else 0.5)]
    kept = kept if len(kept) >= _LEAST_NOTES else list(line)
    ends = [*(min(later.onset, note.end + TICKS_PER_STEP) for note, later in pairwise(kept)), kept[-1].end]
    return tuple(replace(note, end=max(end, note.onset + 1)) for note, end in zip(kept, ends, strict=True))


def ornamented(line: Line, _before: Chords, _chords: Chords, _length: int, rng: Rng) -> Line:
    """Return a call with neighbour notes, passing notes and approaches from a semitone below."""
    found: list[Note] = []
    for note, later in zip(line, (*line[1:], None), strict=True):
        until = note.end if later is None else min(note.end, later.onset)
        if until - note.onset >= TICKS_PER_STEP and later is not None and rng.random() < 0.5:
            middle = note.onset + (until - note.onset) // 2 // 3 * 3
            apart = later.pitch - note.pitch
            between = note.pitch + (
                int(np.sign(apart)) * (abs(apart) // 2) if abs(apart) > 2 else int(rng.choice([-1, 2]))
            )
            if rng.random() < 0.3:
                between = later.pitch - 1
            if note.onset < middle < until:
                found += [replace(note, end=middle), Note(middle, until, between)]
                continue
        found.append(note)
    return tuple(found)


def displaced(line: Line, _before: Chords, _chords: Chords, length: int, rng: Rng) -> Line:
    """Return a call moved a beat or an eighth later, without the notes that would be too late."""
    later = int(rng.choice([TICKS_PER_STEP, TICKS_PER_BEAT, TICKS_PER_BEAT]))
    return tuple(
        replace(note, onset=note.onset + later, end=min(length, note.end + later))
        for note in line
        if note.onset + later < length - 1
    )


def new_ending(line: Line, _before: Chords, chords: Chords, _length: int, rng: Rng) -> Line:
    """Return a call whose last third leads to another tone of the chord."""
    kept = max(2, len(line) * 2 // 3)
    found = list(line[:kept])
    way = -1 if rng.random() < 0.65 else 1
    for note in line[kept:]:
        pitch = found[-1].pitch + way * int(rng.choice([1, 2, 2, 3, 3, 4]))
        if rng.random() < 0.25:
            way = -way
        found.append(replace(note, pitch=pitch))
    chord = chords[min(found[-1].onset // TICKS_PER_STEP, len(chords) - 1)]
    if chord and len(found) > kept:
        tones = [found[-1].pitch + up for up in (0, -1, 1, -2, 2, -3, 3)]
        found[-1] = replace(found[-1], pitch=next((t for t in tones if t % 12 in chord.pitch_classes), tones[0]))
    return tuple(found)


Way = Callable[[Line, Chords, Chords, int, Rng], Line]
"""Returns a call developed, from the call, the chords under it and under the answer, and the answer's ticks."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Of what kinds answers are, as shares of 0 to 1; the rest are developed calls."""

    likest: float
    """One of the passages that are likest to the call."""
    goes_on: float
    """What the soloist went on with."""
    left: float
    """A developed call that is left for that."""
    twice: float
    """Of the developed calls those that are developed in two ways at once."""
    ways: Mapping[Way, float]
    """How a call is developed, and how often."""


AS_PEOPLE = Answers(
    0.4, 0.2, 0.2, 0.3,
    MappingProxyType(
        {
            repeated: 0.08, transposed: 0.3, sequenced: 0.1, inverted: 0.06, thinned: 0.1, ornamented: 0.12,
            displaced: 0.06, new_ending: 0.18,
        }
    ),
)  # fmt: skip
"""What people play after a call: they go on more than they answer, and hardly repeat."""

AS_PARTNER = Answers(
    0.05, 0.06, 0.17, 0.45,
    MappingProxyType(
        {
            repeated: 0.01, transposed: 0.2, sequenced: 0.12, inverted: 0.04, thinned: 0.12, ornamented: 0.12,
            displaced: 0.25, new_ending: 0.14,
        }
    ),
)  # fmt: skip
"""What a partner answers who wants to be understood: figures of the call, hardly ever as they were."""


def developed(line: Line, before: Chords, chords: Chords, length: int, rng: Rng, kinds: Answers = AS_PEOPLE) -> Line:
    """Return an answer to a call of at least one note, over other chords of the same length in ticks."""
    ways, chances = list(kinds.ways), np.array(list(kinds.ways.values()))
    for _ in range(2 if rng.random() < kinds.twice else 1):
        line = ways[rng.choice(len(ways), p=chances / chances.sum())](line, before, chords, length, rng) or line
    middle = float(np.mean([note.pitch for note in line]))
    octave = 12 if middle < LOWEST + 8 else -12 if middle > HIGHEST - 8 else 0
    return tuple(replace(note, pitch=min(HIGHEST, max(LOWEST, note.pitch + octave))) for note in line)


# --- turns ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its answer: the step from which the call is counted, that of the answer, and how long that is."""

    call: int
    answer: int
    length: int


def blocks(bars: int, steps: int) -> Iterable[Exchange]:
    """Yield alternating turns of `bars` bars, the player's first, until `steps` steps are full."""
    length = bars * STEPS_PER_BAR
    for call in range(0, steps - length, 2 * length):
        yield Exchange(call, call + length, min(length, steps - call - length))


def phrased(line: Line, steps: int) -> Iterable[Exchange]:
    """Yield turns as mode `phrase` takes them: an answer begins on a beat, after a rest or a very long phrase."""
    step = 0
    while heard := [note for note in line if note.onset >= step * TICKS_PER_STEP]:
        first, last, gap = heard[0].onset, heard[0].end, GAP_TICKS
        for note in heard[1:]:
            if note.onset - last >= GAP_TICKS:
                break
            if note.end - first > LONGEST_BARS * BEATS_PER_BAR * TICKS_PER_BEAT:
                gap = 0
                break
            last = note.end
        answer = ceil((last + gap) / TICKS_PER_BEAT) * STEPS_PER_BEAT
        length = answer_beats(Call(first, last, len(heard))) * STEPS_PER_BEAT
        if answer >= steps:
            return
        yield Exchange(first // TICKS_PER_BEAT * STEPS_PER_BEAT, answer, min(length, steps - answer))
        step = answer + length


@dataclass(frozen=True, slots=True)
class Source:
    """What a conversation is made of: some bars of a solo, where they are from, and what else people have played."""

    solo: Solo
    """The bars, in C."""
    at: Passage
    """Where the bars begin."""
    passages: Passages
    kinds: Answers = AS_PEOPLE

    @property
    def whole(self) -> Solo:
        """The solo that the bars are of."""
        return self.passages.solos[self.at.solo]


def in_turns(source: Source, rng: Rng) -> tuple[StepInput, ...]:
    """Return bars of a solo in C as step inputs of two players who take turns; the second one is improv."""
    solo = source.solo
    exchanges = phrased(solo.notes, solo.steps) if rng.random() < PHRASES else blocks(int(rng.choice(BARS)), solo.steps)
    notes: list[Note] = []
    chords = list(solo.chords)
    asked: dict[int, int | None] = {}  # by the step of an answer the step that has its place in the call
    turn_left: dict[int, int] = {}
    misheard, step = float(rng.choice(MISHEARD)), 0
    for each in exchanges:
        notes += heard(_between(solo.notes, step, each.answer), step, each.answer, misheard, rng)
        step = each.answer + each.length
        played, over = answer(each, source, rng)
        notes += _between(played, 0, each.length, each.answer)
        chords[each.answer // STEPS_PER_BEAT : step // STEPS_PER_BEAT] = over
        for place in range(each.length):
            asked[each.answer + place] = each.call + place if each.call + place < each.answer else None
            turn_left[each.answer + place] = each.length - place
    if step < solo.steps:
        notes += _between(solo.notes, step, solo.steps)
    begins = source.at.bar * STEPS_PER_BAR
    inputs = step_inputs(replace(solo, notes=_one_voice(notes), chords=tuple(chords)), begins, source.whole.steps)
    cells = [each.frame.melody for each in inputs]

    def cell(step: int) -> Cell | None:
        at = asked.get(step)
        return None if at is None else cells[at]

    return tuple(
        replace(
            each,
            players_turn=step not in asked,
            improv_plays=step + 1 in asked,
            previous_call_cell=cell(step),
            call_cell=cell(step + 1),
            turn_left=turn_left.get(step + 1),
        )
        for step, each in enumerate(inputs)
    )


def answer(exchange: Exchange, source: Source, rng: Rng) -> tuple[Line, Row[Chord | None]]:
    """Return what answers a call, as notes from the beginning of the answer on, and the chords of its beats."""
    call_at, at, length = exchange.call, exchange.answer, exchange.length
    notes, beats = source.solo.notes, source.solo.chords
    over = beats[at // STEPS_PER_BEAT : (at + length) // STEPS_PER_BEAT]
    call = _between(notes, call_at, min(at, call_at + length), -call_at)
    went_on = _between(notes, at, at + length, -at)
    kinds, kind = source.kinds, rng.random()
    if len(call) < _LEAST_NOTES or (kind < kinds.goes_on and len(went_on) >= _LEAST_NOTES):
        return went_on, over
    if kind < kinds.goes_on + kinds.likest:
        return likest(call, exchange, source, rng) or (went_on, over)
    chords = [chord for chord in beats for _ in range(STEPS_PER_BEAT)]
    before, now = chords[call_at : call_at + length], chords[at : at + length]
    played = developed(call, before, now, length * TICKS_PER_STEP, rng, kinds)
    if kind < kinds.goes_on + kinds.likest + kinds.left:
        left = int(rng.integers(length // 4, 3 * length // 4 + 1))
        played = _between(played, 0, left) + _between(went_on, left, length)
    return played, over


def likest(call: Line, exchange: Exchange, source: Source, rng: Rng) -> tuple[Line, Row[Chord | None]] | None:
    """Return one of the passages likest to a call, in the octave nearest to it, and its chords; None without any."""
    offset = exchange.answer % STEPS_PER_BAR
    bars = next((bars for bars in LENGTHS_BARS if bars * STEPS_PER_BAR >= exchange.length), LENGTHS_BARS[-1])
    here = Passage(source.at.solo, source.at.bar + exchange.call // STEPS_PER_BAR)
    found = source.passages.likest(call, bars, here, rng)
    if found is None:
        return None
    solo, first = source.passages.solos[found.solo], found.bar * STEPS_PER_BAR + offset
    line = _between(solo.notes, first, first + exchange.length, -first)
    beats = solo.chords[first // STEPS_PER_BEAT : (first + exchange.length) // STEPS_PER_BEAT]
    if not line or len(beats) * STEPS_PER_BEAT < exchange.length:
        return None
    apart = np.mean([note.pitch for note in call]) - np.mean([note.pitch for note in line])
    return _moved(line, 12 * round(float(apart) / 12)), beats


def heard(line: Line, first: int, end: int, misheard: float, rng: Rng) -> Line:
    """Return what a player plays in steps `first` to `end` as it is heard: a share of it a tick or two away."""
    low, high = first * TICKS_PER_STEP, end * TICKS_PER_STEP - 1
    found = []
    for note in line:
        onset = note.onset
        if rng.random() < misheard:
            onset = min(high, max(low, onset + int(rng.choice((-2, -1, -1, 1, 1, 2)))))
        found.append(replace(note, onset=onset, end=max(note.end, onset + 1)))
    return tuple(found)


def _between(line: Iterable[Note], first: int, end: int, later: int = 0) -> Line:
    """Return the notes that begin in steps `first` to `end`, ended with those, and moved `later` steps."""
    low, high, moved = first * TICKS_PER_STEP, end * TICKS_PER_STEP, later * TICKS_PER_STEP
    return tuple(
        replace(note, onset=note.onset + moved, end=min(note.end, high) + moved)
        for note in line
        if low <= note.onset < high
    )


def _one_voice(notes: Iterable[Note]) -> Line:
    """Return notes as one line, each at most to where the next begins; of several that begin together one."""
    line = list({note.onset: note for note in sorted(notes, key=lambda note: note.onset)}.values())
    return tuple(
        replace(note, end=max(note.onset + 1, min(note.end, later.onset))) for note, later in pairwise(line)
    ) + tuple(line[-1:])


def whole_in_c(solo: Solo) -> Solo:
    """Return a solo in C; ValueError for one without a key."""
    return cut_of(solo, 0, solo.bars)


def cut_of(solo: Solo, first: int, bars: int) -> Solo:
    """Return `bars` bars of a solo, in C; ValueError for a solo without a key."""
    if solo.tonic is None:
        raise ValueError(f"{solo.name} has no key")
    up = -shortest_way(KEY, PITCH_CLASSES[solo.tonic])
    notes = _between(solo.notes, first * STEPS_PER_BAR, (first + bars) * STEPS_PER_BAR, -first * STEPS_PER_BAR)
    beats = slice(first * BEATS_PER_BAR, (first + bars) * BEATS_PER_BAR)
    return replace(
        solo,
        tonic=0,
        notes=_moved(notes, up),
        chords=tuple(chord and chord.transposed(up) for chord in solo.chords[beats]),
        choruses=tuple(top - first for top in solo.choruses if -BLUES_BARS < top - first < bars),
    )


def conversations(
    solos: Iterable[Solo], count: int, blues: float, bars: int, seed: int, kinds: Answers = AS_PEOPLE
) -> list[Sequence]:
    """Return `count` cuts of solos as conversations; blues solos are drawn `blues` times as often as others."""
    chosen = [whole_in_c(solo) for solo in solos if solo.tonic is not None]
    passages = Passages(chosen)
    weights = np.array([solo.bars * (blues if solo.is_blues else 1) for solo in chosen], float)
    found = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        which = int(rng.choice(len(chosen), p=weights / weights.sum()))
        solo = chosen[which]
        first = int(rng.integers(max(1, solo.bars - bars + 1)))
        source = Source(cut_of(solo, first, bars), Passage(which, first), passages, kinds)
        found.append(as_sequence(solo.name, solo.is_blues, in_turns(source, rng)))
    return found
