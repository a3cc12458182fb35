"""Twelve-bar blues songs put together from bars written for this project.

The form is the bebop blues of Eck & Schmidhuber 2002, section 2.3: 96 eighths, changes that never
vary, and a melody of quarter notes without rests, each bar drawn from a few that fit its chord.
Every bar stays in one pentatonic scale, major or minor, as a blues player moves between the two:
the sweet one on the tonic, the blue one where the subdominant and the diminished chord have E flat.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from improv.music.grid import BEATS_PER_BAR
from improv.music.theory import STEPS_PER_BEAT, Form, pitch_class

CHANGES = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"
FORM = Form.parse(CHANGES)

MAJOR_PENTATONIC = frozenset(map(pitch_class, ("C", "D", "E", "G", "A")))
MINOR_PENTATONIC = frozenset(map(pitch_class, ("C", "Eb", "F", "G", "Bb")))

# A line a bar of the form: the bars that may stand there. Notes from C4; C' is C5.
_WRITTEN = """
C  E  G  A   |  G  E  C  E   |  E  G  A  G   |  C' A  G  E
F  Eb C  Eb  |  C' Bb G  F   |  Eb F  G  Bb  |  A  C' A  G
E  D  C  D   |  G  A  C' A   |  C  Eb F  G   |  E  G  C' G
C' Bb G  Bb  |  C  D  E  G   |  G  F  Eb C   |  E  G  A  C'
F  F  Eb F   |  C' C' Bb G   |  A  G  A  C'  |  Eb C  Eb F
Eb C  Eb F   |  C' A  G  A   |  C  Eb C' Bb  |  A  C' A  G
G  E  C  E   |  C' G  E  G   |  E  G  C' A   |  C  E  D  C
A  G  E  G   |  E  G  A  C'  |  E  A  G  A   |  G  A  E  D
D  E  G  A   |  A  G  E  D   |  D  A  C' A   |  C' A  G  D
G  A  G  D   |  D  G  A  G   |  F  G  Bb G   |  G  D  E  D
C  E  A  G   |  E  C  A  E   |  C' G  A  E   |  G  E  G  A
D  A  G  D   |  A  C' G  G   |  D  C  D  G   |  A  A  G  D
"""


def _pitch(note: str) -> int:
    octave = note.count("'")
    return 60 + pitch_class(note.rstrip("'")) + 12 * octave


SEGMENTS: tuple[tuple[tuple[int, ...], ...], ...] = tuple(
    tuple(tuple(_pitch(note) for note in segment.split()) for segment in line.split("|"))
    for line in _WRITTEN.strip().splitlines()
)
"""For each bar of the form the segments that fit it, each four quarter notes as MIDI pitches."""

SONGS = prod(len(choices) for choices in SEGMENTS)
"""How many different songs there are (the paper had 2**12)."""

_STEPS_PER_QUARTER = STEPS_PER_BEAT


def as_steps(segments: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the MIDI pitches that sound at each step, from segments given in quarter notes."""
    return [tuple(pitch for pitch in segment for _ in range(_STEPS_PER_QUARTER)) for segment in segments]


def song(number: int) -> tuple[int, ...]:
    """Return the melody of song `number` (0 to SONGS - 1), as MIDI pitches at each of the 96 steps."""
    pitches: list[int] = []
    for choices in SEGMENTS:
        number, choice = divmod(number, len(choices))
        pitches += as_steps([choices[choice]])[0]
    return tuple(pitches)


def draw_songs(count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return `count` different songs, drawn by `rng`."""
    numbers = rng.choice(SONGS, size=count, replace=False)
    return [song(int(number)) for number in numbers]


def quarters(pitches: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return a song's melody as the MIDI pitches on the beats of each bar."""
    beats = pitches[::_STEPS_PER_QUARTER]
    return tuple(beats[i : i + BEATS_PER_BAR] for i in range(0, len(beats), BEATS_PER_BAR))
