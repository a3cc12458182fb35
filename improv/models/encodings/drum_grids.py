"""The encoding of a drummer: what four limbs strike in a step, how hard, and how late.

A step is an eighth, and may be struck at its beginning and half-way through it: with swing these are the places of
triplets. What the limbs can do together is one choice, so that nothing is played that a drummer could not play.
Micro-timing is a delay in milliseconds within bounds.
"""

from bisect import bisect
from collections.abc import Generator, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import product
from math import inf
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import Bias, Choice, fingerprint_of, one_hot
from improv.music.grid import EIGHTHS, Grid

GRID = EIGHTHS

HITS_HEAD, LATER_HITS_HEAD, VELOCITY_HEAD, TIMING_HEAD = "next_hits", "next_later_hits", "next_velocity", "next_timing"

STYLES = ("swing", "shuffle", "slow", "funk", "new-orleans")
"""The styles of playing that a drummer has learned."""

PHRASE_BARS = 4
"""Bars are told apart within so many."""

SUBSTEPS = 2
"""A step may be struck at its beginning and half-way through it."""

SUBSTEP_TICKS = GRID.ticks_per_step // SUBSTEPS

CLASSES = 4
"""How many kinds of density and of loudness a bar may have."""

TEMPI_BPM = (80, 110, 150, 200, 260)
"""Where one kind of tempo ends and the next begins."""

LOUDEST_OF = (24, 50, 79, 107, 127)
"""The highest MIDI velocity of each class of velocity."""

VELOCITIES = (15, 38, 66, 95, 114)
"""The MIDI velocity that each class is played at."""

DELAYS_MS = (-21, -14, -7, 0, 7, 14, 21)
"""How much later than its place a stroke of each class of timing is; none is farther from its place."""


class Sound(IntEnum):
    """What is struck."""

    CLOSED_HAT = 0
    OPEN_HAT = 1
    RIDE = 2
    CRASH = 3
    SNARE = 4
    SIDE_STICK = 5
    HIGH_TOM = 6
    LOW_TOM = 7
    KICK = 8
    PEDAL_HAT = 9


SOUNDS = tuple(Sound)
"""Each at the place of its number."""

CYMBALS = (None, Sound.CLOSED_HAT, Sound.OPEN_HAT, Sound.RIDE, Sound.CRASH)
DRUMS = (None, Sound.SNARE, Sound.SIDE_STICK, Sound.HIGH_TOM, Sound.LOW_TOM)
KICKS = (None, Sound.KICK)
PEDALS = (None, Sound.PEDAL_HAT)
LIMBS = (CYMBALS, DRUMS, KICKS, PEDALS)
"""What each limb may strike: one hand a cymbal, the other a drum, and both feet."""

PITCH_OF = MappingProxyType(
    {
        Sound.CLOSED_HAT: 42,
        Sound.OPEN_HAT: 46,
        Sound.RIDE: 51,
        Sound.CRASH: 49,
        Sound.SNARE: 38,
        Sound.SIDE_STICK: 37,
        Sound.HIGH_TOM: 48,
        Sound.LOW_TOM: 43,
        Sound.KICK: 36,
        Sound.PEDAL_HAT: 44,
    }
)
"""The MIDI pitch of each sound, by General MIDI's percussion map."""

Together = tuple[Sound | None, ...]
"""What each of `LIMBS` strikes at once."""

TOGETHER: tuple[Together, ...] = tuple(product(*LIMBS))
"""The units of what is struck at once; the first is nothing."""

UNIT_OF = MappingProxyType({together: unit for unit, together in enumerate(TOGETHER)})

LIMB_OF = MappingProxyType({sound: limb for limb, may in enumerate(LIMBS) for sound in may if sound is not None})

_STRUCK, _LATER_STRUCK = (
    tuple(
        tuple((substep * len(LIMBS) + limb, substep, sound) for limb, sound in enumerate(unit) if sound is not None)
        for unit in TOGETHER
    )
    for substep in range(SUBSTEPS)
)
"""What each unit of a place strikes: the row of a limb among velocities and delays, the place, and the sound."""

_SLOTS = SUBSTEPS * len(Sound)
_LIMBS = SUBSTEPS * len(LIMBS)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke within a step."""

    sound: Sound
    substep: int = 0
    """0 at the step's beginning, 1 half-way through it."""
    velocity: int = 80
    """MIDI, 1 to 127."""
    late_ms: float = 0.0
    """How much later than its place it sounds; below zero earlier."""


Strokes: TypeAlias = tuple[Stroke, ...]
"""The strokes of one step."""

Decoder: TypeAlias = Generator[Choice, Sequence[int], Strokes]
"""Asks for one choice after another, is sent the units that were drawn, one for each row asked for, and returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrumInput:
    """The input of one step: what was struck before, and what is known of the step that is decided."""

    struck: Strokes = ()
    """In the step before."""
    bar_ago: Strokes = ()
    """A bar before the step that is decided."""
    style: str = STYLES[0]
    """One of `STYLES`."""
    place: int = 0
    """The step that is decided, counted from the top of the form."""
    bpm: float = 120.0
    """The tempo, in quarter notes a minute."""
    density: int = 1
    """How many strokes its bar has, 0 to 3: a quarter each of the bars of its style."""
    loudness: int = 1
    """How loud they are, 0 to 3, likewise."""
    fills: bool = False
    """Whether its beat belongs to a fill."""


@dataclass(frozen=True, slots=True)
class DrumGrids:
    """What four limbs strike, in eighths with two places each."""

    @property
    def grid(self) -> Grid:
        """The grid of eighths: two steps a beat."""
        return GRID

    @property
    def fingerprint(self) -> str:
        """A digest of what the numbers and the tensors' names mean."""
        numbers = {
            "limbs": [[None if sound is None else sound.name for sound in may] for may in LIMBS],
            "styles": STYLES,
            "velocities": LOUDEST_OF,
            "delays": DELAYS_MS,
            "tempi": TEMPI_BPM,
            "substeps": SUBSTEPS,
        }
        return fingerprint_of(self, numbers)

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of the strokes before, the place, style, tempo and mood of the step, and the choices so far."""
        return {
            "struck": (1, _SLOTS),
            "bar_ago": (1, _SLOTS),
            "style": (1, len(STYLES)),
            "place": (1, GRID.steps_per_bar + PHRASE_BARS),
            "tempo": (1, len(TEMPI_BPM) + 1),
            "mood": (1, 2 * CLASSES + 1),
            "chosen_hits": (1, _SLOTS),
        }

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """What is struck at the step's beginning and half-way through it; velocity and timing, a row for each limb."""
        return {
            HITS_HEAD: HeadSpec((1, len(TOGETHER)), "categorical"),
            LATER_HITS_HEAD: HeadSpec((1, len(TOGETHER)), "categorical", after=(HITS_HEAD,)),
            VELOCITY_HEAD: HeadSpec((1, _LIMBS, len(VELOCITIES)), "categorical", after=(HITS_HEAD, LATER_HITS_HEAD)),
            TIMING_HEAD: HeadSpec((1, _LIMBS, len(DELAYS_MS)), "categorical", after=(HITS_HEAD, LATER_HITS_HEAD)),
        }

    def encode(self, given: DrumInput) -> Tensors:
        """Return the input tensors of one step by name; no choice has been made yet."""
        return {
            "struck": strokes_tensor(given.struck),
            "bar_ago": strokes_tensor(given.bar_ago),
            "style": one_hot(STYLES.index(given.style), len(STYLES)),
            "place": _place(given.place % (PHRASE_BARS * GRID.steps_per_bar)),
            "tempo": one_hot(bisect(TEMPI_BPM, given.bpm), len(TEMPI_BPM) + 1),
            "mood": _mood(given.density, given.loudness, given.fills),
            "chosen_hits": one_hot(None, _SLOTS),
        }

    def decode(self, without: frozenset[Sound] = frozenset()) -> Decoder:
        """Yield the choices that make the next step's strokes, one after another, and return the strokes.

        Some sounds may be left out.
        """
        (first,) = yield _hits_choice(without)
        (later,) = yield _later_hits_choice(without, first)
        if not first and not later:
            return ()
        struck, velocity_choice, timing_choice = _touch_choices(first, later)
        velocities = yield velocity_choice
        delays = yield timing_choice
        return tuple(
            [
                Stroke(sound, substep, VELOCITIES[velocity], float(DELAYS_MS[delay]))
                for (_, substep, sound), velocity, delay in zip(struck, velocities, delays, strict=True)
            ]
        )


def velocity_class(velocity: int) -> int:
    """Return the class of a MIDI velocity."""
    return bisect(LOUDEST_OF, velocity - 1)


def delay_class(late_ms: float) -> int:
    """Return the class of a delay; one beyond the bounds is at them."""
    return min(range(len(DELAYS_MS)), key=lambda each: abs(DELAYS_MS[each] - late_ms))


def together(strokes: Strokes, substep: int) -> int:
    """Return the unit of what is struck at a place of a step; of several sounds of one limb the loudest."""
    loudest: dict[int, Stroke] = {}
    for stroke in strokes:
        limb = LIMB_OF[stroke.sound]
        if stroke.substep == substep and (limb not in loudest or loudest[limb].velocity < stroke.velocity):
            loudest[limb] = stroke
    return UNIT_OF[tuple(loudest[limb].sound if limb in loudest else None for limb in range(len(LIMBS)))]


def strokes_tensor(strokes: Strokes) -> Tensor:
    """Return strokes as a network's input: of each sound at each place how loud it is, 0 to 1; shape (1, 20)."""
    if not strokes:
        return one_hot(None, _SLOTS)
    slots = np.zeros((1, _SLOTS), np.float32)
    for stroke in strokes:
        slots[0, stroke.substep * len(Sound) + stroke.sound] = stroke.velocity / 127
    return slots


@cache
def _hits(units: tuple[int, ...]) -> Tensor:
    """Return the sounds of units at a step's places as on (1.0) and off, shape (1, 20)."""
    slots = np.zeros((1, _SLOTS), np.float32)
    for substep, unit in enumerate(units):
        slots[0, [substep * len(Sound) + sound for sound in TOGETHER[unit] if sound is not None]] = 1
    slots.flags.writeable = False
    return slots


@cache
def _hits_choice(without: frozenset[Sound]) -> Choice:
    return Choice(HITS_HEAD, _bias(without))


@cache
def _later_hits_choice(without: frozenset[Sound], first: int) -> Choice:
    return Choice(LATER_HITS_HEAD, _bias(without), features={"chosen_hits": _hits((first,))})


@lru_cache(maxsize=1024)
def _touch_choices(first: int, later: int) -> tuple[tuple[tuple[int, int, Sound], ...], Choice, Choice]:
    """Return what two units strike, as `_STRUCK` has it, and the choices of velocity and timing of each stroke."""
    struck, features = _STRUCK[first] + _LATER_STRUCK[later], {"chosen_hits": _hits((first, later))}
    rows = tuple([row for row, _, _ in struck])
    velocity = Choice(VELOCITY_HEAD, _NO_BIAS, features=features, rows=rows)
    return struck, velocity, Choice(TIMING_HEAD, _NO_BIAS, features=features, rows=rows)


@cache
def _bias(without: frozenset[Sound]) -> Bias:
    """Return what is added to the log probability of each unit: -inf for those with some sounds; shape (100,)."""
    bias = np.where([bool(without.intersection(at_once)) for at_once in TOGETHER], -inf, 0.0)
    bias.flags.writeable = False
    return bias


@cache
def _place(step: int) -> Tensor:
    """Return where a step lies: its place in the bar, and the bar of four; shape (1, 12)."""
    bar, inside = divmod(step, GRID.steps_per_bar)
    where = np.concatenate([one_hot(inside, GRID.steps_per_bar), one_hot(bar, PHRASE_BARS)], axis=1)
    where.flags.writeable = False
    return where


@cache
def _mood(density: int, loudness: int, fills: bool) -> Tensor:
    mood = np.concatenate(
        [one_hot(density, CLASSES), one_hot(loudness, CLASSES), np.array([[fills]], np.float32)], axis=1
    )
    mood.flags.writeable = False
    return mood


_NO_BIAS = np.zeros(1)
_NO_BIAS.flags.writeable = False
