"""Duets: people's solos played to improv, and what it plays beside them and in their rests.

Solos are of people who are no part of its training. They are played through the engine as `improv render --call` does,
exactly or as their players did; improv plays at its defaults, at their tempo.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Frame
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, STEPS_PER_BEAT, TICKS_PER_STEP
from improv.music.turns import Mode
from improv.protocol.control import Value
from improv.protocol.controls import APART, DUET, SEED, TEMPO, TOGETHER
from training.evaluation.answers import struck
from training.evaluation.call_and_response import Call, recognised
from training.metrics.bootstrap import SAMPLES, Figure, ratios, resamples
from training.metrics.melody import Melody, melody
from training.rendering.jam import jam

Tracked = Callable[[Sequence[Any], str], Iterable[Any]]

_NEAR_TICKS = TICKS_PER_BEAT
"""A player plays as long as a note has begun or sounded so lately."""


def sounding(line: Melody, ticks: int) -> NDArray[np.int64]:
    """Return the pitch that sounds at each tick, -1 for none, (ticks,)."""
    found = np.full(ticks, -1)
    for onset, end, pitch in zip(line.onsets, line.ends, line.pitches, strict=True):
        found[onset:end] = pitch
    return found


def counts(ours: Melody, theirs: Melody, ticks: int) -> dict[str, tuple[float, float]]:
    """Return what is counted of a duet: by name a number, and what it is a share of."""
    one, other = sounding(ours, ticks), sounding(theirs, ticks)
    both = (one >= 0) & (other >= 0)
    apart = np.abs(one - other)
    near = np.convolve(other >= 0, np.ones(_NEAR_TICKS + 1), "full")[:ticks] > 0
    begun = np.zeros(ticks, bool)
    begun[ours.onsets[ours.onsets < ticks]] = True
    beat = float(TICKS_PER_BEAT)
    clash = np.isin(apart % len(PITCH_CLASSES), (1, len(PITCH_CLASSES) - 1))
    return {
        "onsets a beat while the player plays": (float((begun & near).sum()), near.sum() / beat),
        "onsets a beat while the player rests": (float((begun & ~near).sum()), (~near).sum() / beat),
        "semitone clashes, of shared time": (float((both & clash).sum()), float(both.sum())),
        "unison, of shared time": (float((both & (apart == 0)).sum()), float(both.sum())),
        "time shared, of the player's": (float(both.sum()), float((other >= 0).sum())),
    }


def duet(model: OnnxModel, call: Call, seed: int, way: str, rest_bars: int, *, exact: bool) -> tuple[Frame, ...]:
    """Return the frames that improv plays beside a call from the top of the tune, and in so many bars after it."""
    controls: dict[str, Value] = {
        TEMPO.name: min(TEMPO.high, max(TEMPO.low, call.bpm)),
        SEED.name: seed,
        DUET.name: way,
    }
    notes, steps = struck(call, 0, exact=exact), (call.bars + rest_bars) * STEPS_PER_BAR
    return jam(model, notes, steps, Mode.DUET, controls)[0]


def alone(model: OnnxModel, call: Call, seed: int) -> tuple[Frame, ...]:
    """Return the frames that improv plays alone at a call's tempo, for as long."""
    controls: dict[str, Value] = {TEMPO.name: min(TEMPO.high, max(TEMPO.low, call.bpm)), SEED.name: seed}
    return jam(model, (), call.bars * STEPS_PER_BAR, Mode.SOLO, controls)[0]


def duet_figures(made: Sequence[Call], played: Sequence[Sequence[Frame]], rest_bars: int) -> dict[str, Figure]:
    """Return the figures of duets, with intervals of resampling the calls.

    Whether a call is known is asked of what is played in the rest after it.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    answers = []
    for call, frames in zip(made, played, strict=True):
        steps = (call.bars + rest_bars) * STEPS_PER_BAR
        for name, pair in counts(melody(frames[:steps]), call.line, steps * TICKS_PER_STEP).items():
            found.setdefault(name, []).append(pair)
        answers.append(melody(frames[call.bars * STEPS_PER_BAR + STEPS_PER_BEAT : steps]))
    draws = resamples(len(made), SAMPLES)
    figures = {
        name: Figure.of(ratios(np.array([each[0] for each in pairs]), np.array([each[1] for each in pairs]), draws))
        for name, pairs in found.items()
    }
    return figures | {"call known among sixteen, in the rest": recognised(made, answers, made)}


def rows(
    model: OnnxModel, made: Sequence[Call], tracked: Tracked, rest_bars: int
) -> Mapping[str, Mapping[str, Figure]]:
    """Return the figures of improv's duets with calls, exact and as played, each way, and of improv alone."""
    made = [call for call in made if call.played]
    if not made:
        return {}
    found: dict[str, dict[str, Figure]] = {}
    for exact, name in ((True, "exact"), (False, "as played")):
        for way in (TOGETHER, APART):
            told = tracked(made, f"duets, {way}")
            played = [duet(model, call, seed, way, rest_bars, exact=exact) for seed, call in enumerate(told)]
            found[f"{name}, {way}"] = duet_figures(made, played, rest_bars)
    lines = [melody(alone(model, call, seed)) for seed, call in enumerate(tracked(made, "alone"))]
    onsets, beats = ([len(line.onsets) for line in lines], [len(line.chords) / STEPS_PER_BEAT for line in lines])
    own = Figure.of(ratios(np.array(onsets), np.array(beats), resamples(len(made), SAMPLES)))
    found["alone"] = {"onsets a beat while the player rests": own}
    return found
