"""Voicings for comping: shells and rootless chords, each moved as little as may be from the one before.

Voice leading is measured as the semitones that the voices move in all (Tymoczko 2006, "The Geometry of Musical
Chords": the taxicab metric), over every way to lay the chord in its register.
"""

from functools import lru_cache
from itertools import pairwise

from improv.dataclass import dataclass
from improv.music.scales import scale_of
from improv.music.theory import Chord
from improv.session.band.bass_targets import seventh, third

LOWEST, HIGHEST = 43, 79
"""The range of a comping hand as MIDI pitches, G2 to G5."""

SHELL, THREE, FOUR, ROOTED = "shell", "three", "four", "rooted"
"""Third and seventh; a colour beside them; two; the root under them, for a band without a bass."""

_LOWEST_OF = {ROOTED: LOWEST, SHELL: 45, THREE: 48, FOUR: 48}
"""The lowest MIDI pitch of each kind of chord: the fuller it is, the sooner it is muddy."""

_MIDDLE = 60
"""The MIDI pitch around which chords lie best."""

_CLOSEST, _LOW_CLOSEST, _LOW = 1, 3, 52
"""The semitones between two voices at least, and below a pitch: close voices are muddy there."""

_CROSSED, _CROSSING, _ABOVE = 1.8, 4, 2.0
"""What it costs to lie among the lines, by the semitone; how many semitones more that counts where it does at all; and
what it costs to lie above them, by the semitone, where they are not low themselves."""

_UNDER = 3.0
"""What it costs to lie under the bass, by the semitone."""

_SPREAD = 17
"""The semitones between the lowest and the highest voice at most."""


def tones(chord: Chord, kind: str) -> tuple[int, ...]:
    """Return the pitch classes (0 to 11) of a kind of voicing of a chord, each once."""
    guides = (third(chord), seventh(chord))
    classes: tuple[int, ...]
    if kind == SHELL:
        classes = guides
    elif kind == ROOTED:
        classes = (chord.root, *guides)
    else:
        classes = (*guides, *_colours(chord)[: 1 if kind == THREE else 2])
    return tuple(dict.fromkeys(classes))


def _colours(chord: Chord) -> tuple[int, ...]:
    """Return the pitch classes that colour a chord, the best first: its ninth and its fifth or thirteenth."""
    scale, intervals = scale_of(chord), set(chord.intervals)
    wanted: tuple[int, ...] = (2, 9, 7) if {4, 10} <= intervals or 5 in intervals else (7, 2, 9)
    if 6 in intervals or not intervals & {3, 4, 5}:
        wanted = (6, 0, 7, 2)  # half-diminished and diminished chords, and chords without a name: their own tones
    classes = ((chord.root + interval) % 12 for interval in wanted)
    guides = {third(chord), seventh(chord)}
    found = tuple(pc for pc in classes if pc in scale and pc not in guides)
    return found or tuple(sorted(chord.pitch_classes - guides))


@lru_cache(maxsize=2048)
def layouts(chord: Chord, kind: str) -> tuple[tuple[int, ...], ...]:
    """Return every way to lay a kind of voicing: MIDI pitches, ascending, within the range."""
    classes, bottom = tones(chord, kind), _LOWEST_OF[kind]
    found: list[tuple[int, ...]] = []

    def laid(so_far: tuple[int, ...], left: tuple[int, ...]) -> None:
        if not left:
            found.append(so_far)
            return
        for pitch_class in left:
            lowest = so_far[-1] + 1 if so_far else bottom
            pitch = lowest + (pitch_class - lowest) % 12
            while pitch <= HIGHEST and (not so_far or pitch - so_far[0] <= _SPREAD):
                if not so_far or pitch - so_far[-1] >= (_LOW_CLOSEST if so_far[-1] < _LOW else _CLOSEST):
                    laid((*so_far, pitch), tuple(other for other in left if other != pitch_class))
                pitch += 12

    laid((), classes)
    if kind == ROOTED:
        rooted = [pitches for pitches in found if pitches[0] % 12 == chord.root]
        found = rooted or found
    return tuple(pitches for pitches in found if max((b - a for a, b in pairwise(pitches)), default=0) <= 10) or (
        tuple(found[:1])
    )


@lru_cache(maxsize=65536)
def distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return how far the voices of two voicings move in all, in semitones.

    Voices are paired from the lowest to the highest; a voice more or less is as far as the nearest of the others.
    """
    if len(one) == len(other):
        return float(sum(abs(a - b) for a, b in zip(one, other, strict=True)))
    fewer, more = (one, other) if len(one) < len(other) else (other, one)
    if not fewer:
        return 0.0
    return float(sum(min(abs(a - b) for b in fewer) for a in more))


@lru_cache(maxsize=65536)
def leap(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return how far the voice moves that moves farthest from one voicing to another, in semitones."""
    if len(one) == len(other):
        return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0)
    fewer, more = (one, other) if len(one) < len(other) else (other, one)
    return max((min(abs(a - b) for b in fewer) for a in more), default=0) if fewer else 0


@dataclass(frozen=True, slots=True)
class Room:
    """Where a chord may lie."""

    top: int = HIGHEST
    """The highest MIDI pitch of its highest voice."""
    bass: int = 0
    """The MIDI pitch that sounds in the bass: below it a voice costs."""
    leap: int = HIGHEST
    """The semitones that a voice may move at most."""


ANYWHERE = Room()


def voiced(
    chord: Chord,
    kind: str,
    before: tuple[int, ...],
    register: tuple[int, int] | None,
    draw: float = 0.0,
    up: float = 0.0,
    room: Room = ANYWHERE,
) -> tuple[int, ...]:
    """Return the voicing of a chord that follows `before` most smoothly, out of the register of player and soloist.

    `register` is the lowest and the highest MIDI pitch there. `draw`, 0 to 1, lets go of a voicing that has been struck
    often: the higher, the farther the voices may move. `up` is how many semitones above the middle they should lie.
    Empty where there is no room.
    """
    best: tuple[int, ...] = ()
    least = float("inf")
    for pitches in layouts(chord, kind):
        if pitches[-1] > room.top or leap(before, pitches) > room.leap:
            continue
        middle = (pitches[0] + pitches[-1]) / 2
        cost = distance(before, pitches) * (1.0 - 0.5 * draw) if before else 0.0
        cost += 0.12 * abs(middle - _MIDDLE - up) + (1.5 if draw > 0.5 and pitches == before else 0.0)
        cost += 0.5 * max(0, _LOW - pitches[0]) + _UNDER * max(0, room.bass + 1 - pitches[0])
        if pitches[1:2] and pitches[-1] - pitches[-2] == 1:
            cost += 2.0  # a half step on top bites the melody
        if register is not None:
            low, high = register
            if (crossed := min(pitches[-1] - low + 1, high + 1 - pitches[0])) > 0:
                cost += _CROSSED * (_CROSSING + crossed)
            if high >= _MIDDLE:
                cost += _ABOVE * max(0, pitches[-1] - high)
        if cost < least:
            best, least = pitches, cost
    return best
