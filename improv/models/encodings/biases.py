"""What bends the choices of a line: what is added to the log probability of each rhythm and of each pitch."""

from functools import cache, lru_cache
from math import inf
from types import MappingProxyType

import numpy as np

from improv.models.encodings.base import Bias, Steer
from improv.music.rhythm import RHYTHMS, Rhythm
from improv.music.theory import Chord

ONSETS = np.array([len(rhythm.ticks) for rhythm in RHYTHMS])
_SILENT = np.array([rhythm == Rhythm() for rhythm in RHYTHMS])
_HELD = np.array([rhythm.held for rhythm in RHYTHMS])
"""Of each rhythm how many onsets it has, whether it is silent, and whether what sounds goes on, each (rhythms,)."""

_DENSITY_NATS = 0.4
"""How strongly density at its end bends the logarithm of a probability, for each onset."""

_LETS_GO_NATS = 4.0
"""How much less likely a note goes on that has to be let go."""

_RESTS_NATS = 0.7
"""How strongly the tendency to rest at its end bends the logarithm of the probability that nothing sounds."""

_PHRASE_GOES_ON_NATS, _REST_GOES_ON_NATS = 0.65, 0.1
"""How much less likely a rest begins with a breath of 1, and how much likelier one goes on: by itself a network rests
too often."""

_LEANING_NATS = 2.0
"""How strongly leaning half-way bends the logarithm of a probability."""

_NEAR_NATS = MappingProxyType({0: 4.0, 1: 6.0, 2: 3.0, 3: 1.0})
"""How much less likely a pitch is so many semitones from the nearest of a player's, in whatever octave.

A semitone clashes, and a unison is no second voice. A step or two farther off a line comes near with its next note.
"""

_CLOSE, _CLOSE_NATS = 5, 2.0
"""How near a line is that is in the player's way, in semitones, and how much less likely its pitches are."""

_OPEN = (0, 7)
"""Root and fifth, in semitones above the root."""


def _shared(bias: Bias) -> Bias:
    """Return a bias that cannot be written to from here on: whoever asks for it has the same one."""
    bias.flags.writeable = False
    return bias


# --- rhythms --------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def rhythm_bias(steer: Steer, sounds: bool) -> Bias:
    """Return what is added to the log probability of each rhythm; `sounds` says whether a note sounds into its step.

    Nothing is held where nothing sounds; a denser line has more onsets; a phrase ends on what sounds last. A line
    that tends to rest is likelier to be silent for the step, after a note as after a rest. With breath it is
    likelier to go on as it is, sounding above all. The bias is shared, and cannot be written to.
    """
    bias = _DENSITY_NATS * steer.density * ONSETS + _RESTS_NATS * steer.rests * _SILENT
    bias = bias + steer.breath * (-_PHRASE_GOES_ON_NATS if sounds else _REST_GOES_ON_NATS) * _SILENT
    if not sounds:
        bias = np.where(_HELD, -inf, bias)
    if steer.lets_go:
        bias = bias - _LETS_GO_NATS * _HELD
    if steer.strikes:
        bias = np.where(ONSETS > 0, bias, -inf)
    if steer.steps_left == 1:
        bias = np.where(ONSETS > 0, -inf, bias)
    return _shared(np.asarray(bias, np.float64))


# --- pitches --------------------------------------------------------------------------------------


def chord_leaning(pitches: tuple[int, ...], chord: Chord | None, leaning: float) -> Bias:
    """Return what leaning on a chord adds to the log probability of each pitch outside it; zeros without a chord."""
    return _leaning(pitches, chord, leaning) if leaning and chord is not None else _no_leaning(len(pitches))


@lru_cache(maxsize=256)
def _leaning(pitches: tuple[int, ...], chord: Chord, leaning: float) -> Bias:
    outside = ~np.isin(np.asarray(pitches) % 12, list(chord.pitch_classes))
    bias = np.where(outside, -inf if leaning >= 1 else -_LEANING_NATS * leaning / (1 - leaning), 0.0)
    return _shared(bias)


def keeping_clear(pitches: tuple[int, ...], steer: Steer, chord: Chord | None = None) -> Bias:
    """Return what is added to the log probability of each pitch beside a player's pitches, over a chord.

    What they play next is not known: the least of it lies beside the root and the fifth. The bias is shared, and cannot
    be written to.
    """
    if not steer.beside:
        return _no_leaning(len(pitches))
    return _clear(pitches, steer.beside, steer.not_open_nats, chord)


@lru_cache(maxsize=256)
def _clear(pitches: tuple[int, ...], beside: frozenset[int], not_open_nats: float, chord: Chord | None) -> Bias:
    nearest = [min(min((pitch - other) % 12, (other - pitch) % 12) for other in beside) for pitch in pitches]
    bias = -np.array([_NEAR_NATS.get(semitones, 0.0) for semitones in nearest])
    bias -= [_CLOSE_NATS * (min(abs(pitch - other) for other in beside) <= _CLOSE) for pitch in pitches]
    if chord is not None:
        bias = bias - not_open_nats * ~np.isin((np.asarray(pitches) - chord.root) % 12, _OPEN)
    return _shared(bias)


@cache
def _no_leaning(count: int) -> Bias:
    bias = np.zeros(count)
    return _shared(bias)


@lru_cache(maxsize=64)
def outside(pitches: tuple[int, ...], lowest: int, highest: int) -> Bias:
    """Return -inf for each pitch outside a compass, 0 inside; 0 for all where none is inside.

    It is shared, and cannot be written to.
    """
    inside = (np.asarray(pitches) >= lowest) & (np.asarray(pitches) <= highest)
    bias = np.where(inside | ~inside.any(), 0.0, -inf)
    return _shared(bias)


@lru_cache(maxsize=64)
def rising(count: int, nats: float) -> Bias:
    """Return what makes each of `count` ascending pitches by so many nats likelier than the one below it.

    It is shared, and cannot be written to.
    """
    bias: Bias = nats * (np.arange(count, dtype=np.float64) - (count - 1) / 2)
    return _shared(bias)
