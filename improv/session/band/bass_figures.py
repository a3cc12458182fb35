"""What bassists play: the rhythms and degrees of each style. Data only.

Each note of a figure is `tick of the bar, length in ticks, degree, accent`. A degree is a word: `walk` finds its way to
the next target, `lead` leads to it, the others are degrees of the chord that sounds: `first` and `answer`, those of a
bass in two, in the octave nearest to the line. See `improv.session.band.bass`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from improv.music.styles import Style

WALK, ROOT, FIFTH, LOW_FIFTH, OCTAVE, THIRD, SIXTH, SEVENTH, LEAD, DEAD = (
    "walk", "root", "fifth", "low fifth", "octave", "third", "sixth", "seventh", "lead", "dead"
)  # fmt: skip

FIRST, ANSWER = "first", "answer"
"""Of a bass in two: the root, at times the third of a chord that goes on; and the fifth, at times the octave."""

IN_TWO = frozenset({FIRST, ANSWER})

Slot = tuple[int, int, str, int]

Figure = tuple[Slot, ...]

_TWO: Figure = ((0, 22, FIRST, 4), (24, 22, ANSWER, 0))
_TWO_AND_LEAD: Figure = ((0, 22, FIRST, 4), (24, 11, ANSWER, 0), (36, 10, LEAD, 0))
_FOUR: Figure = ((0, 11, WALK, 0), (12, 11, WALK, 4), (24, 11, WALK, 0), (36, 11, WALK, 4))
_SKIPPED: Figure = ((0, 11, WALK, 0), (12, 11, WALK, 4), (24, 6, WALK, 0), (30, 5, DEAD, -26), (36, 11, WALK, 4))
_SKIPPED_EARLY: Figure = ((0, 6, WALK, 0), (6, 5, DEAD, -26), (12, 11, WALK, 4), (24, 11, WALK, 0), (36, 11, WALK, 4))
_RUN: Figure = ((0, 11, WALK, 0), (12, 11, WALK, 4), (24, 11, WALK, 0), (36, 6, WALK, 4), (42, 6, WALK, -4))

_BOX: Figure = ((0, 11, ROOT, 4), (12, 11, THIRD, 0), (24, 11, FIFTH, 2), (36, 11, SIXTH, 0))
_BOX_DOWN: Figure = ((0, 11, OCTAVE, 4), (12, 11, SIXTH, 0), (24, 11, FIFTH, 2), (36, 11, THIRD, 0))
_BOX_SEVENTH: Figure = ((0, 11, ROOT, 4), (12, 11, FIFTH, 0), (24, 11, SEVENTH, 2), (36, 11, LEAD, 0))
_BOX_EIGHTHS: Figure = (
    (0, 5, ROOT, 6), (6, 5, ROOT, -16), (12, 5, THIRD, 2), (18, 5, THIRD, -16),
    (24, 5, FIFTH, 4), (30, 5, FIFTH, -16), (36, 5, SIXTH, 2), (42, 5, LEAD, -10),
)  # fmt: skip
_BOX_LEAD: Figure = ((0, 11, ROOT, 4), (12, 11, THIRD, 0), (24, 11, FIFTH, 2), (36, 6, SIXTH, 0), (42, 5, LEAD, -8))
_BOX_LOW: Figure = ((0, 11, ROOT, 4), (12, 11, LOW_FIFTH, 0), (24, 11, ROOT, 2), (36, 11, LEAD, 0))
_BOX_CLIMB: Figure = ((0, 11, ROOT, 4), (12, 11, FIFTH, 0), (24, 11, SIXTH, 2), (36, 11, SEVENTH, 0))
_BOX_ARCH: Figure = ((0, 11, ROOT, 4), (12, 11, FIFTH, 0), (24, 11, OCTAVE, 2), (36, 11, FIFTH, 0))
_BOX_FALL: Figure = ((0, 11, OCTAVE, 4), (12, 11, SEVENTH, 0), (24, 11, SIXTH, 2), (36, 6, FIFTH, 0), (42, 5, LEAD, -8))
_BOX_PAIRS: Figure = (
    (0, 5, ROOT, 6), (6, 5, ROOT, -16), (12, 11, THIRD, 2), (24, 5, FIFTH, 4), (30, 5, SIXTH, -12), (36, 11, FIFTH, 2),
)  # fmt: skip
_BOX_RIFF: Figure = (
    (0, 5, ROOT, 6), (6, 5, ROOT, -16), (12, 5, OCTAVE, 2), (18, 5, SEVENTH, -12), (24, 11, FIFTH, 4),
    (36, 5, SIXTH, 2), (42, 5, LEAD, -10),
)  # fmt: skip
_BOX_WALK: Figure = ((0, 11, WALK, 4), (12, 11, WALK, 0), (24, 11, WALK, 2), (36, 11, WALK, 0))

_SLOW_PLAIN: Figure = ((0, 22, ROOT, 4), (24, 16, FIFTH, 0), (42, 6, LEAD, -4))
_SLOW_WALK: Figure = ((0, 11, WALK, 4), (12, 11, WALK, 0), (24, 11, WALK, 2), (36, 11, WALK, 0))
_SLOW_SKIP: Figure = (
    (0, 6, ROOT, 6), (6, 5, ROOT, -16), (12, 11, THIRD, 0), (24, 6, FIFTH, 4), (30, 5, FIFTH, -16), (36, 6, SIXTH, 0),
    (42, 6, LEAD, -6),
)  # fmt: skip
_SLOW_OCTAVE: Figure = (
    (0, 17, ROOT, 6),
    (18, 5, FIFTH, -8),
    (24, 11, OCTAVE, 2),
    (36, 6, SEVENTH, 0),
    (42, 6, LEAD, -4),
)
_SLOW_TWO: Figure = ((0, 22, ROOT, 4), (24, 22, LOW_FIFTH, 0))
_SLOW_RISE: Figure = ((0, 22, ROOT, 4), (24, 11, THIRD, 0), (36, 11, FIFTH, 0))
_SLOW_BOX: Figure = ((0, 11, ROOT, 4), (12, 11, THIRD, 0), (24, 11, FIFTH, 2), (36, 11, SIXTH, 0))
_SLOW_BACK: Figure = ((0, 17, ROOT, 4), (18, 5, ROOT, -12), (24, 11, FIFTH, 0), (36, 11, LEAD, 0))
_SLOW_FALL: Figure = ((0, 11, OCTAVE, 4), (12, 11, SEVENTH, 0), (24, 11, FIFTH, 2), (36, 11, LEAD, 0))
_SLOW_LATE: Figure = ((0, 11, ROOT, 4), (12, 5, THIRD, 0), (18, 5, FIFTH, -8), (24, 17, OCTAVE, 2), (42, 6, LEAD, -4))
_SLOW_RUN: Figure = (
    (0, 11, WALK, 4), (12, 11, WALK, 0), (24, 6, WALK, 2), (30, 5, WALK, -8), (36, 6, WALK, 0), (42, 6, WALK, -4),
)  # fmt: skip

_FUNK_PLAIN: Figure = ((0, 8, ROOT, 8), (18, 5, FIFTH, 0), (30, 6, OCTAVE, 0), (42, 5, LEAD, -6))
_FUNK_TIGHT: Figure = ((0, 5, ROOT, 10), (9, 3, ROOT, -8), (18, 5, OCTAVE, 2), (27, 3, SEVENTH, -2), (30, 6, FIFTH, 4))
_FUNK_ONE: Figure = (
    (0, 10, ROOT, 12),
    (21, 3, OCTAVE, 0),
    (24, 3, DEAD, -24),
    (30, 5, SEVENTH, 2),
    (36, 3, OCTAVE, 4),
    (42, 5, LEAD, -2),
)
_FUNK_BUSY: Figure = (
    (0, 4, ROOT, 12), (6, 2, DEAD, -28), (9, 3, OCTAVE, 0), (18, 3, FIFTH, 2), (21, 3, SEVENTH, 0), (24, 2, DEAD, -28),
    (27, 3, OCTAVE, 4), (33, 3, SEVENTH, 0), (36, 5, FIFTH, 4), (45, 3, LEAD, -2),
)  # fmt: skip

_TRESILLO: Figure = ((0, 16, ROOT, 8), (18, 16, FIFTH, 0), (36, 11, OCTAVE, 4))
_TRESILLO_LOW: Figure = ((0, 16, ROOT, 8), (18, 16, LOW_FIFTH, 0), (36, 11, LEAD, 4))
_BEGUINE: Figure = ((0, 16, ROOT, 8), (18, 5, THIRD, -4), (24, 11, FIFTH, 2), (36, 11, SIXTH, 4))
_MARCH: Figure = ((0, 20, ROOT, 8), (24, 20, LOW_FIFTH, 2))
_STREET: Figure = ((0, 10, ROOT, 8), (12, 5, ROOT, -14), (18, 16, THIRD, 2), (36, 6, FIFTH, 6), (42, 6, LEAD, -4))

BASS_STYLES: Mapping[Style, tuple[tuple[Figure, ...], ...]] = MappingProxyType(
    {
        Style.SWING: (
            (_TWO, _TWO, _TWO_AND_LEAD),
            (_FOUR,),
            (_FOUR, _FOUR, _FOUR, _SKIPPED, _FOUR, _SKIPPED_EARLY),
            (_FOUR, _FOUR, _SKIPPED, _RUN, _FOUR, _SKIPPED_EARLY),
        ),
        Style.SHUFFLE: (
            (_BOX, _BOX_SEVENTH, _BOX_LOW, _BOX_ARCH),
            (_BOX, _BOX_WALK, _BOX_DOWN, _BOX_LEAD, _BOX_CLIMB, _BOX_LOW, _BOX_FALL),
            (_BOX_LEAD, _BOX_EIGHTHS, _BOX_WALK, _BOX_SEVENTH, _BOX_PAIRS, _BOX_ARCH, _BOX_FALL),
            (_BOX_EIGHTHS, _BOX_PAIRS, _BOX_WALK, _BOX_RIFF, _BOX_LEAD, _BOX_DOWN),
        ),
        Style.SLOW: (
            (_SLOW_PLAIN, _SLOW_TWO, _SLOW_RISE, _SLOW_BACK),
            (_SLOW_PLAIN, _SLOW_WALK, _SLOW_RISE, _SLOW_BOX, _SLOW_BACK, _SLOW_FALL),
            (_SLOW_WALK, _SLOW_SKIP, _SLOW_OCTAVE, _SLOW_FALL, _SLOW_LATE, _SLOW_BOX),
            (_SLOW_SKIP, _SLOW_OCTAVE, _SLOW_RUN, _SLOW_LATE, _SLOW_WALK),
        ),
        Style.FUNK: (
            (_FUNK_PLAIN,),
            (_FUNK_PLAIN, _FUNK_TIGHT, _FUNK_ONE),
            (_FUNK_ONE, _FUNK_TIGHT, _FUNK_BUSY),
            (_FUNK_BUSY, _FUNK_ONE, _FUNK_BUSY),
        ),
        Style.NEW_ORLEANS: (
            (_MARCH, _TRESILLO_LOW),
            (_TRESILLO, _TRESILLO_LOW, _BEGUINE),
            (_TRESILLO, _STREET, _BEGUINE, _TRESILLO_LOW),
            (_STREET, _BEGUINE, _FOUR, _TRESILLO),
        ),
    }
)
"""The figures of each style, by energy: each time one of a list is played; a plain bassist plays the first one."""

ALWAYS_WALK = frozenset({Style.SWING})
"""The styles whose figures all walk: a bar may begin with another tone of the chord than its root."""
