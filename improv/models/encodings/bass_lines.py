"""The encoding of a walking bass: a note on each beat, on the way to a target.

A target lies on the first beat of each bar and on each beat where the chord changes. It is chosen when the one before
it is reached, and the notes between lead there. All is told by intervals, from chord roots and from note to note, so
that twelve keys are one.
"""

from bisect import bisect
from collections.abc import Generator
from functools import cache, lru_cache
from math import inf
from typing import TypeAlias

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import Bias, Choice, fingerprint_of, one_hot
from improv.music.grid import BEATS_PER_BAR, Grid
from improv.music.scales import scale_of
from improv.music.theory import BLUES_BARS, PITCH_CLASSES, Chord

GRID = Grid(1)

TARGET_HEAD, PITCH_HEAD = "next_target", "next_pitch"

LOWEST, HIGHEST = 28, 52
"""The range of the notes, E1 to E3."""

USUAL = 38
"""The pitch from which a line begins that follows no note, D2."""

LEAP = 12
"""No note is farther from the one before it, in semitones."""

_FARTHEST = 24
TEMPI_BPM = (80, 110, 150, 200, 260)
"""Where one kind of tempo ends and the next begins."""

BUSY = (0.5, 1.5, 2.25)
"""Onsets a beat of the soloist at which one class of density ends and the next begins."""

_ROOTS = len(PITCH_CLASSES)
_STEPS = 2 * LEAP + 1
_DISTANCES = 2 * _FARTHEST + 1

_STEP, _FIFTH = 2, 7
"""The widest interval that is a step, and the widest leap that is usual, in semitones."""

_FIFTH_NATS, _APPROACH_NATS = -1.0, -2.0
"""How much less likely another target than the root is at a change, and a note before a target that is no step."""

_LEAPT_TO_NATS, _WIDE_NATS = -1.0, -1.0
"""How much less likely a leap is to a note outside of the chord, and one beyond a fifth that is no octave."""

Decoder: TypeAlias = Generator[Choice, int, "BassNote"]
"""Asks for one choice after another, is sent the unit that was drawn, and returns the note they make."""


@dataclass(frozen=True, slots=True)
class BassNote:
    """The note of a beat, and the target that the line is on its way to; None when it has been reached."""

    pitch: int
    target: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BassInput:
    """The input of one beat: what the bass has played, and what is known of the beat that is decided."""

    pitch: int | None = None
    """What it last played, MIDI."""
    before: int | None = None
    """What it played before that."""
    target: int | None = None
    """Where the line is on its way to; None where that is not chosen yet."""
    beats: int = 0
    """How many beats after the one that is decided the target lies, 0 to 3."""
    chord: Chord | None = None
    """Of the beat that is decided."""
    target_chord: Chord | None = None
    """Of the target's beat."""
    changes: bool = True
    """Whether the chord changes with the target."""
    place: int = 0
    """The beat that is decided, counted from the top of the form."""
    form_beats: int = 0
    """The beats of the form; 0 where there is none that is known."""
    bpm: float = 120.0
    """The tempo, in quarter notes a minute."""
    density: float = 1.0
    """The soloist's onsets a beat, over the last bar."""


@dataclass(frozen=True, slots=True)
class BassLines:
    """A note a beat, by its interval from the one before, and targets by theirs."""

    @property
    def grid(self) -> Grid:
        """A step is a beat."""
        return GRID

    @property
    def fingerprint(self) -> str:
        """A digest of what the numbers and the tensors' names mean."""
        return fingerprint_of(self, {"range": (LOWEST, HIGHEST, LEAP, USUAL), "tempi": TEMPI_BPM, "busy": BUSY})

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of the line so far, the chords by their roots, the way to the target, and place and tempo.

        `line` is the interval that was last played and how high that note lies; `chords` the degrees of that note
        above the roots of the beat's chord and the target's, both chords, and the root's motion; `way` is how many
        beats after the beat the target lies; `target` and `chosen_target` how far above the note.
        """
        return {
            "line": (1, _STEPS + 1 + HIGHEST - LOWEST + 1),
            "chords": (1, 5 * _ROOTS),
            "way": (1, BEATS_PER_BAR + 1),
            "place": (1, BEATS_PER_BAR + BLUES_BARS),
            "tempo": (1, len(TEMPI_BPM) + 1 + len(BUSY) + 1),
            "target": (1, _DISTANCES),
            "chosen_target": (1, _DISTANCES),
        }

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The interval to the next target, and the interval to the next note on the way there."""
        return {
            TARGET_HEAD: HeadSpec((1, _STEPS), "categorical"),
            PITCH_HEAD: HeadSpec((1, _STEPS), "categorical", after=(TARGET_HEAD,)),
        }

    def encode(self, given: BassInput) -> Tensors:
        """Return the input tensors of one beat by name; no choice has been made yet."""
        pitch = in_range(USUAL if given.pitch is None else given.pitch)
        moved = None if given.before is None else min(LEAP, max(-LEAP, pitch - in_range(given.before)))
        is_blues = given.form_beats == BLUES_BARS * BEATS_PER_BAR
        bar = given.place // BEATS_PER_BAR % BLUES_BARS if is_blues else None
        return {
            "line": _line(pitch, moved),
            "chords": _chords(pitch % _ROOTS, given.chord, given.target_chord),
            "way": _way(min(given.beats, BEATS_PER_BAR - 1), given.changes),
            "place": _place(given.place % BEATS_PER_BAR, bar),
            "tempo": _tempo(bisect(TEMPI_BPM, given.bpm), bisect(BUSY, given.density)),
            "target": distance(None if given.target is None else given.target - pitch),
            "chosen_target": one_hot(None, _DISTANCES),
        }

    def decode(self, given: BassInput, highest: int = HIGHEST) -> Decoder:
        """Yield the choices that make the next note: its target, where there is none yet, and a note on the way.

        A target is a root or a fifth where the chord changes, and a chord tone elsewhere. The note before it lies a
        step or half a step from it, or is the fifth above its root; those before are of the chord's scale. None is
        above `highest`.
        """
        pitch = in_range(USUAL if given.pitch is None else given.pitch)
        target = given.target
        if target is None:
            bias = target_bias(pitch, given.target_chord, highest, changes=given.changes)
            target = pitch - LEAP + (yield Choice(TARGET_HEAD, bias))
        if not given.beats:
            return BassNote(target, None)
        bias = way_bias(pitch, given.before, target, given.beats, given.chord, given.target_chord, highest)
        unit = yield Choice(PITCH_HEAD, bias, features={"chosen_target": distance(target - pitch)})
        return BassNote(pitch - LEAP + unit, target)


def in_range(pitch: int) -> int:
    """Return a pitch moved by octaves into the range."""
    if pitch < LOWEST:
        return LOWEST + (pitch - LOWEST) % _ROOTS
    return pitch if pitch <= HIGHEST else HIGHEST - (HIGHEST - pitch) % _ROOTS


@lru_cache(maxsize=512)
def target_bias(pitch: int, chord: Chord | None, highest: int, *, changes: bool) -> Bias:
    """Return what is added to the log probability of each target, by its interval from a pitch; shape (25,)."""
    bias = _within(pitch, highest)
    if chord is None:
        return bias
    fifth = next((each for each in (7, 6, 8) if each in chord.intervals), 7)
    wanted = {(chord.root + each) % _ROOTS for each in ((0, fifth) if changes else chord.intervals)}
    for unit in range(_STEPS):
        degree = (pitch - LEAP + unit) % _ROOTS
        if degree not in wanted:
            bias[unit] = -inf
        elif changes and degree != chord.root:
            bias[unit] += _FIFTH_NATS
    return bias if np.isfinite(bias).any() else target_bias(pitch, chord, HIGHEST, changes=changes)


@lru_cache(maxsize=4096)
def way_bias(
    pitch: int, before: int | None, target: int, beats: int, chord: Chord | None, target_chord: Chord | None,
    highest: int,
) -> Bias:  # fmt: skip
    """Return what is added to the log probability of each note on the way, by its interval from a pitch; (25,)."""
    bias = _within(pitch, highest)
    usual = scale_of(chord) if chord else frozenset(range(_ROOTS))
    tones = chord.pitch_classes if chord else usual
    leads = {(target + 7) % _ROOTS} if target_chord and target % _ROOTS == target_chord.root else set[int]()
    for unit in range(_STEPS):
        note = pitch - LEAP + unit
        off, leap = abs(note - target), abs(note - pitch)
        if note == pitch == before or off > LEAP:
            bias[unit] = -inf
        elif beats == 1:
            if off == 0 or (off > _STEP and note % _ROOTS not in leads | tones):
                bias[unit] = -inf
            elif off > _STEP:
                bias[unit] += _APPROACH_NATS
        elif note % _ROOTS not in usual:
            bias[unit] = -inf
        elif leap > _STEP and note % _ROOTS not in tones:
            bias[unit] += _LEAPT_TO_NATS
        if _FIFTH < leap < LEAP:
            bias[unit] += _WIDE_NATS
    return bias if np.isfinite(bias).any() else _chord_tones(pitch, chord)


def _chord_tones(pitch: int, chord: Chord | None) -> Bias:
    """Forbid all but the tones of a chord in the range; shape (25,)."""
    bias = _within(pitch, HIGHEST)
    if chord is not None:
        notes = np.arange(pitch - LEAP, pitch + LEAP + 1) % _ROOTS
        bias = np.where(np.isin(notes, list(chord.pitch_classes)), bias, -inf)
    return bias


def _within(pitch: int, highest: int) -> Bias:
    """Return zeros for the intervals from a pitch that stay in the range, -inf for the others; shape (25,)."""
    notes = np.arange(pitch - LEAP, pitch + LEAP + 1)
    return np.where((notes >= LOWEST) & (notes <= highest), 0.0, -inf)


@cache
def _line(pitch: int, moved: int | None) -> Tensor:
    """Return an interval, the last unit for none, and how high the note lies."""
    interval = one_hot(2 * LEAP + 1 if moved is None else moved + LEAP, _STEPS + 1)
    return _shared(interval, one_hot(pitch - LOWEST, HIGHEST - LOWEST + 1))


@lru_cache(maxsize=1024)
def _chords(pitch_class: int, chord: Chord | None, after: Chord | None) -> Tensor:
    """Return a pitch class above the roots of two chords, the chords above theirs, and the motion of the root."""

    def above(what: Chord | None) -> Tensor:
        return one_hot(None if what is None else (pitch_class - what.root) % _ROOTS, _ROOTS)

    def notes(what: Chord | None) -> Tensor:
        found = np.zeros((1, _ROOTS), np.float32)
        if what is not None:
            found[0, list(what.intervals)] = 1
        return found

    motion = one_hot((after.root - chord.root) % _ROOTS if chord and after else None, _ROOTS)
    return _shared(above(chord), above(after), notes(chord), notes(after), motion)


@cache
def _way(beats: int, changes: bool) -> Tensor:
    return _shared(one_hot(beats, BEATS_PER_BAR), np.array([[changes]], np.float32))


@cache
def _place(beat: int, bar: int | None) -> Tensor:
    return _shared(one_hot(beat, BEATS_PER_BAR), one_hot(bar, BLUES_BARS))


@cache
def _tempo(tempo: int, density: int) -> Tensor:
    return _shared(one_hot(tempo, len(TEMPI_BPM) + 1), one_hot(density, len(BUSY) + 1))


def distance(semitones: int | None) -> Tensor:
    """Return how far above the note a target lies, as a unit; zeros for none."""
    if semitones is None:
        return one_hot(None, _DISTANCES)
    return one_hot(min(_FARTHEST, max(-_FARTHEST, semitones)) + _FARTHEST, _DISTANCES)


def _shared(*parts: Tensor) -> Tensor:
    """Return arrays as one that cannot be written to."""
    whole = np.concatenate(parts, axis=1)
    whole.flags.writeable = False
    return whole
