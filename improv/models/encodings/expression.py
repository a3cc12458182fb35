"""The encoding of how a line is played: how hard each note is struck, how late, and how long the note before it sounds.

A network of it steps once a note, as the note begins: what comes after is not known. Loudness is told around the middle
of the player, timing in milliseconds around the place on the swung grid, and length as the share of the time from the
onset before to this one that the note before has sounded, where it is notated to last up to this one.
"""

from bisect import bisect
from collections.abc import Generator
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import Choice, fingerprint_of, one_hot
from improv.music.grid import BEATS_PER_BAR, EIGHTHS, TICKS_PER_BEAT, Grid
from improv.music.theory import PITCH_CLASSES, Chord
from improv.music.transport import STRAIGHT

GRID = EIGHTHS

VELOCITY_HEAD, TIMING_HEAD, LENGTH_HEAD = "next_velocity", "next_timing", "next_length"

MIDDLE = 88
"""The MIDI velocity around which loudness is told: a solo's median in training, the player's mean in a jam."""

VELOCITY_EDGES = (25, 42, 52, 60, 68, 75, 82, 88, 94, 101, 108, 116, 127)
"""The bounds of the classes of velocity, where the middle is 88."""

TIMING_EDGES_MS = (-80, -60, -45, -33, -24, -16, -9, -3, 3, 9, 16, 24, 33, 45, 60, 80)
"""The bounds of the classes of timing, in milliseconds after the place on the grid."""

LENGTH_EDGES = (0.3, 0.5, 0.62, 0.72, 0.8, 0.87, 0.93)
"""The bounds of the classes of length, as shares of the time to the next onset; the last class stands for all of it."""

TEMPI_BPM = (80, 110, 150, 200, 260)
"""Where one kind of tempo ends and the next begins."""

SINCE = (2, 3, 4, 5, 6, 7, 9, 12, 13, 24, 48)
"""Ticks since the onset before at which one class ends and the next begins."""

IN_PHRASE = (1, 2, 3, 5, 9, 17)
"""Notes of the phrase before this one at which one class ends and the next begins."""

HEIGHTS = (-11, -8, -5, -2, 2, 5, 8, 11)
"""Semitones above the line's mean likewise."""

PHRASE_TICKS = 6
"""A silence of so many ticks begins a phrase."""

HALF_A_TICK = 0.5
"""A silence between two notes that is shorter, in ticks, is none: they are tied."""

LEAP = 12
"""A wider interval is told as one of an octave."""

MEAN_OF = 16
"""How many notes a line's mean pitch reaches back, as a running mean."""

LEVEL_OF = 8
"""How many notes a line's loudness reaches back likewise."""

_FARTHEST_SWING = 6.0
_STEPS = 2 * LEAP + 1
_HISTORY = 6


@dataclass(frozen=True, slots=True)
class Touch:
    """How a note is played, in classes of velocity, timing and length: see the edges."""

    velocity: int
    timing: int
    length: int


Decoder: TypeAlias = Generator[Choice, int, Touch]
"""Asks for one choice after another, is sent the unit that was drawn, and returns how the note is played."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of a line when its next note begins, all that was played of it among it."""

    pitch: int | None = None
    """The note before, MIDI."""
    onset: int = 0
    """Its onset in ticks of the performance, as it is notated."""
    notes: int = 0
    """Notes of the phrase so far."""
    mean_pitch: float = 60.0
    """The running mean of its pitches, MIDI."""
    velocity: float = float(MIDDLE)
    """How hard the note before was struck, where the middle is 88."""
    late_ms: float = 0.0
    """How much later than its place it was."""
    share: float = 1.0
    """How much of its time the note before that one sounded."""
    level: float = float(MIDDLE)
    """The running mean of velocities."""

    def after(self, *, onset: int, pitch: int, begins: bool, velocity: float, late_ms: float, share: float) -> "Line":
        """Return the line after another note; `begins` says whether a phrase begins with it."""
        first = self.pitch is None
        return Line(
            pitch,
            onset,
            1 if begins or first else self.notes + 1,
            float(pitch) if first else round(self.mean_pitch + (pitch - self.mean_pitch) / MEAN_OF, 3),
            velocity,
            late_ms,
            share,
            round(self.level + (velocity - self.level) / LEVEL_OF, 3),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteInput:
    """The input of one note that begins."""

    line: Line
    """What came before."""
    onset: int
    """Its onset in ticks of the performance, as it is notated."""
    place: int
    """Its tick counted from a bar line."""
    pitch: int
    room: int
    """Ticks from its onset to the next one of its step, or to the step's end: 1 to 6."""
    rested: bool = False
    """Whether there was silence before it, of an eighth or more."""
    chord: Chord | None = None
    bpm: float = 120.0
    """The tempo, in quarter notes a minute."""
    swing: float = STRAIGHT
    """The share of a beat that its first eighth takes."""


@dataclass(frozen=True, slots=True)
class Expression:
    """How hard, how late and how long each note of a line is played."""

    @property
    def grid(self) -> Grid:
        """The grid of eighths: room is told within its steps, though a network steps once a note."""
        return GRID

    @property
    def fingerprint(self) -> str:
        """A digest of what the numbers and the tensors' names mean."""
        numbers = {
            "middle": MIDDLE,
            "velocities": VELOCITY_EDGES,
            "timings": TIMING_EDGES_MS,
            "lengths": LENGTH_EDGES,
            "tempi": TEMPI_BPM,
            "classes": (SINCE, IN_PHRASE, HEIGHTS, PHRASE_TICKS, LEAP),
            "means": (MEAN_OF, LEVEL_OF),
        }
        return fingerprint_of(self, numbers)

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of a note's place and tempo, of the note beside its line and chord, and of what was played before.

        `place` is the tick of the beat, the beat of the bar, the tempo and the swing; `note` the interval from the note
        before, the degree over the chord's root, whether it is a chord tone, and its room; `phrase` the time since the
        onset before, the place in the phrase, and the height over the line's mean; `history` the velocity, timing and
        length of the note before, and the running level.
        """
        return {
            "place": (1, TICKS_PER_BEAT + BEATS_PER_BAR + len(TEMPI_BPM) + 2),
            "note": (1, _STEPS + 1 + len(PITCH_CLASSES) + 1 + GRID.ticks_per_step),
            "phrase": (1, len(SINCE) + 2 + len(IN_PHRASE) + 1 + len(HEIGHTS) + 1),
            "history": (1, _HISTORY),
        }

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """How hard the note is struck, how late it is, and how much of its time the one before it sounds."""
        return {
            VELOCITY_HEAD: HeadSpec((1, len(VELOCITY_EDGES) - 1), "categorical"),
            TIMING_HEAD: HeadSpec((1, len(TIMING_EDGES_MS) - 1), "categorical"),
            LENGTH_HEAD: HeadSpec((1, len(LENGTH_EDGES)), "categorical"),
        }

    def encode(self, given: NoteInput) -> Tensors:
        """Return the input tensors of one note by name."""
        line, chord, pitch = given.line, given.chord, given.pitch
        new = line.pitch is None
        beat, tick = divmod(given.place, TICKS_PER_BEAT)
        begins = new or given.rested
        degree = None if chord is None else (pitch - chord.root) % len(PITCH_CLASSES)
        return {
            "place": _place(tick, beat % BEATS_PER_BAR, bisect(TEMPI_BPM, given.bpm), given.swing),
            "note": _note(
                None if new else min(LEAP, max(-LEAP, pitch - (line.pitch or 0))),
                degree,
                chord is not None and degree in chord.intervals,
                given.room,
            ),
            "phrase": _phrase(
                None if new else bisect(SINCE, given.onset - line.onset),
                0 if begins else bisect(IN_PHRASE, line.notes),
                bisect(HEIGHTS, 0.0 if new else pitch - line.mean_pitch),
            ),
            "history": history(line),
        }

    def decode(self) -> Decoder:
        """Yield the choices of velocity, timing and length, and return them."""
        velocity = yield _VELOCITY
        timing = yield _TIMING
        return Touch(velocity, timing, (yield _LENGTH))


def history(line: Line) -> Tensor:
    """Return what was played last as a network's input, each number about 1 in size; shape (1, 6)."""
    if line.pitch is None:
        return one_hot(None, _HISTORY)
    return np.array(
        [
            [
                1.0,
                (line.velocity - MIDDLE) / 20,
                line.late_ms / 30,
                line.share,
                line.share >= 1,
                (line.level - MIDDLE) / 20,
            ]
        ],
        np.float32,
    )


def velocity_class(velocity: float) -> int:
    """Return the class of a velocity where the middle is 88."""
    return bisect(VELOCITY_EDGES, velocity, 1, len(VELOCITY_EDGES) - 1) - 1


def timing_class(late_ms: float) -> int:
    """Return the class of a delay in milliseconds; one beyond the bounds is at them."""
    return bisect(TIMING_EDGES_MS, late_ms, 1, len(TIMING_EDGES_MS) - 1) - 1


def length_class(share: float, ticks: int) -> int:
    """Return the class of the share of so many ticks that a note sounds: all of them, to within half a tick."""
    if (1 - share) * ticks < HALF_A_TICK:
        return len(LENGTH_EDGES) - 1
    return bisect(LENGTH_EDGES, share, 1, len(LENGTH_EDGES) - 1) - 1


def velocity_of(unit: int, at: float) -> float:
    """Return a velocity of a class, the middle 88; `at` says where in it, 0 to 1."""
    return within(VELOCITY_EDGES, unit, at)


def late_ms_of(unit: int, at: float) -> float:
    """Return a delay of a class in milliseconds likewise."""
    return within(TIMING_EDGES_MS, unit, at)


def share_of(unit: int, at: float) -> float:
    """Return a share of a class of lengths likewise; 1 for the last."""
    return 1.0 if unit == len(LENGTH_EDGES) - 1 else within(LENGTH_EDGES, unit, at)


def within(edges: tuple[float, ...], unit: int, at: float) -> float:
    """Return the number that lies in a class at a share of its width."""
    return edges[unit] + at * (edges[unit + 1] - edges[unit])


VELOCITIES = np.array([(low + high) / 2 for low, high in pairwise(VELOCITY_EDGES)])
"""The velocity in the middle of each class."""

_VELOCITY, _TIMING, _LENGTH = (
    Choice(head, np.zeros(count))
    for head, count in (
        (VELOCITY_HEAD, len(VELOCITY_EDGES) - 1),
        (TIMING_HEAD, len(TIMING_EDGES_MS) - 1),
        (LENGTH_HEAD, len(LENGTH_EDGES)),
    )
)


@lru_cache(maxsize=1024)
def _place(tick: int, beat: int, tempo: int, swing: float) -> Tensor:
    return _shared(
        one_hot(tick, TICKS_PER_BEAT),
        one_hot(beat, BEATS_PER_BAR),
        one_hot(tempo, len(TEMPI_BPM) + 1),
        np.array([[(swing - STRAIGHT) * _FARTHEST_SWING]], np.float32),
    )


@lru_cache(maxsize=4096)
def _note(interval: int | None, degree: int | None, is_tone: bool, room: int) -> Tensor:
    return _shared(
        one_hot(_STEPS if interval is None else interval + LEAP, _STEPS + 1),
        one_hot(degree, len(PITCH_CLASSES)),
        np.array([[is_tone]], np.float32),
        one_hot(room - 1, GRID.ticks_per_step),
    )


@cache
def _phrase(since: int | None, in_phrase: int, height: int) -> Tensor:
    return _shared(
        one_hot(len(SINCE) + 1 if since is None else since, len(SINCE) + 2),
        one_hot(in_phrase, len(IN_PHRASE) + 1),
        one_hot(height, len(HEIGHTS) + 1),
    )


def _shared(*parts: Tensor) -> Tensor:
    """Return arrays as one that cannot be written to."""
    whole = np.concatenate(parts, axis=1)
    whole.flags.writeable = False
    return whole
