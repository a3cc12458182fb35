"""What a network is told of improv as a player: its instrument, its mean pitch, and where in the tune it is."""

from bisect import bisect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from improv.models.contract import Shape, Tensor, Tensors
from improv.models.encodings.base import StepInput, one_hot
from improv.music.grid import EIGHTHS
from improv.music.voices import VOICES

_LOWEST_MEAN, _MEAN_SEMITONES, _MEANS = 52, 3, 10
"""The mean pitches that are told apart: below the first MIDI pitch, then so many semitones each, so many of them."""

_CHORUS_STEPS = 12 * EIGHTHS.steps_per_bar
_CHORUSES = (1, 2, 3, 5, 8)
"""Where one kind of chorus ends and the next begins, counted from 0; the last never ends."""

_QUARTERS, _ENDING_STEPS = 4, 4 * EIGHTHS.steps_per_bar
"""The parts of a tune, and the steps at its end."""

_TURN_LEFT = (2, 3, 5, 9, 17, 33)
"""Where one kind of time that is left of a turn ends and the next begins, in steps; the last never ends."""

_KINDS = len(_CHORUSES) + 1
_NUMBERS = MappingProxyType({voice: number for number, voice in enumerate(VOICES)})

STORY_FEATURES: Mapping[str, Shape] = MappingProxyType(
    {
        "voice": (1, len(VOICES)),
        "register": (1, _MEANS),
        "story": (1, _KINDS + _QUARTERS + 1),
        "turn_left": (1, len(_TURN_LEFT) + 1),
    }
)
"""The instrument; its mean pitch; the chorus of twelve bars that the decided step is in, the quarter of the tune, and
whether its last four bars have begun; how much is left of improv's turn. What is not known is zeros."""

MEANING = (tuple(VOICES), _LOWEST_MEAN, _MEAN_SEMITONES, _CHORUS_STEPS, _CHORUSES, _ENDING_STEPS, _TURN_LEFT)
"""What the units mean, for a fingerprint."""

IS_OF_CHORUS: NDArray[np.bool_] = np.arange(_KINDS + _QUARTERS + 1) < _KINDS
"""Which units of `story` are known without the tune's length, (units,)."""


def story(step_input: StepInput) -> Tensors:
    """Return the tensors of `STORY_FEATURES` for a step."""
    mean = step_input.register
    played, to_play = step_input.steps_played, step_input.steps_to_play
    chorus = None if played is None else bisect(_CHORUSES, played // _CHORUS_STEPS)
    left = step_input.turn_left
    quarter, ends = None, False
    if played is not None and to_play is not None:
        quarter = min(_QUARTERS * played // max(played + to_play, 1), _QUARTERS - 1)
        ends = to_play <= _ENDING_STEPS
    return {
        "voice": one_hot(_NUMBERS.get(step_input.voice), len(VOICES)),
        "register": one_hot(None if mean is None else _kind_of_mean(mean), _MEANS),
        "story": _part_of_tune(chorus, quarter, ends),
        "turn_left": one_hot(None if left is None else bisect(_TURN_LEFT, left), len(_TURN_LEFT) + 1),
    }


def mean_moved(units: NDArray[np.uint8], semitones: int) -> NDArray[np.uint8]:
    """Return the units of mean pitches, (steps, units), as they are when the line is moved up by semitones."""
    up = round(semitones / _MEAN_SEMITONES)
    moved = np.zeros_like(units)
    steps, kinds = np.nonzero(units)
    moved[steps, np.clip(kinds + up, 0, _MEANS - 1)] = 1
    return moved


def _kind_of_mean(mean: float) -> int:
    return min(max(int((mean - _LOWEST_MEAN) // _MEAN_SEMITONES) + 1, 0), _MEANS - 1)


@cache
def _part_of_tune(chorus: int | None, quarter: int | None, ends: bool) -> Tensor:
    units = (one_hot(chorus, _KINDS), one_hot(quarter, _QUARTERS), np.array([[ends]], np.float32))
    whole = np.concatenate(units, axis=1)
    whole.flags.writeable = False
    return whole
