"""Drum takes as a network learns from them: what it is fed at each step, and what is struck, how hard and how late."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.drum_grids import (
    CLASSES,
    GRID,
    LIMB_OF,
    LIMBS,
    STYLES,
    SUBSTEPS,
    TOGETHER,
    DrumGrids,
    DrumInput,
    Sound,
    Strokes,
    delay_class,
    strokes_tensor,
    together,
    velocity_class,
)
from training.corpora.groove_midi import Take

GRIDS = DrumGrids()

FEATURES = ("struck", "bar_ago", "style", "place", "tempo", "mood")

UNKNOWN = -1

_BAR, _BEAT = GRID.steps_per_bar, GRID.steps_per_beat

_FILL_TOMS = 3
"""A half bar with so many strokes on toms and crash belongs to a fill."""


@dataclass(frozen=True, slots=True)
class Moods:
    """Where the bars of each style are parted into classes of density and of loudness."""

    density: Mapping[str, tuple[float, ...]]
    """Strokes a bar."""
    loudness: Mapping[str, tuple[float, ...]]
    """Mean MIDI velocity."""

    def of(self, style: str, bar: Sequence[Strokes]) -> tuple[int, int]:
        """Return the classes of density and loudness of a bar."""
        velocities = [stroke.velocity for strokes in bar for stroke in strokes]
        mean = float(np.mean(velocities)) if velocities else 0.0
        return (
            int(np.searchsorted(self.density[style], len(velocities), side="right")),
            int(np.searchsorted(self.loudness[style], mean, side="right")),
        )


def moods(takes: Iterable[Take]) -> Moods:
    """Return the quartiles of the bars of each style."""
    found: dict[str, list[tuple[int, float]]] = {style: [] for style in STYLES}
    for take in takes:
        for bar in bars(take):
            velocities = [stroke.velocity for strokes in bar for stroke in strokes]
            if velocities and not take.is_fill:
                found[take.style].append((len(velocities), float(np.mean(velocities))))
    shares = np.arange(1, CLASSES) / CLASSES

    def quartiles(column: int) -> dict[str, tuple[float, ...]]:
        return {
            style: tuple(np.quantile([each[column] for each in of_style] or [0.0], shares).round(2).tolist())
            for style, of_style in found.items()
        }

    return Moods(quartiles(0), quartiles(1))


def bars(take: Take) -> list[tuple[Strokes, ...]]:
    """Return the bars of a take."""
    return [take.steps[start : start + _BAR] for start in range(0, len(take.steps), _BAR)]


def fills(take: Take) -> list[bool]:
    """Return for each step whether its beat belongs to a fill: half a bar of toms and crash, or a take that is one."""
    if take.is_fill:
        return [True] * len(take.steps)
    half, found = 2 * _BEAT, []
    for start in range(0, len(take.steps), half):
        steps = take.steps[start : start + half]
        toms = sum(stroke.sound in (Sound.HIGH_TOM, Sound.LOW_TOM) for strokes in steps for stroke in strokes)
        found += [toms >= _FILL_TOMS] * len(steps)
    return found


@dataclass(frozen=True, slots=True)
class DrumSequence:
    """One take as arrays over its steps."""

    name: str
    style: str
    features: dict[str, NDArray[np.float32]]
    """Each (steps, width): what the network is fed when it decides each step."""
    hits: NDArray[np.int64]
    """The unit of what is struck at both places of each step, (steps, 2)."""
    velocities: NDArray[np.int64]
    """The class of velocity of each limb at both places, (steps, 8); -1 where it strikes nothing."""
    delays: NDArray[np.int64]
    """The class of timing likewise, (steps, 8)."""

    @property
    def steps(self) -> int:
        """Number of steps in the sequence."""
        return len(self.hits)

    def parts(self) -> Iterator[str | NDArray[Any]]:
        """Yield all that is learned from, for a digest."""
        yield self.name
        yield from self.features.values()
        yield from (self.hits, self.velocities, self.delays)


def sequence(take: Take, parted: Moods) -> DrumSequence:
    """Return a take as arrays."""
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in FEATURES}
    of_bars = [parted.of(take.style, bar) for bar in bars(take)]
    for step, filling in enumerate(fills(take)):
        density, loudness = of_bars[step // _BAR]
        given = DrumInput(
            struck=take.steps[step - 1] if step else (),
            bar_ago=take.steps[step - _BAR] if step >= _BAR else (),
            style=take.style,
            place=step,
            bpm=take.bpm,
            density=density,
            loudness=loudness,
            fills=filling,
        )
        encoded = GRIDS.encode(given)
        for name in FEATURES:
            features[name].append(encoded[name])
    steps, limbs = len(take.steps), SUBSTEPS * len(LIMBS)
    velocities, delays = np.full((steps, limbs), UNKNOWN), np.full((steps, limbs), UNKNOWN)
    loudest = np.zeros((steps, limbs))
    for step, strokes in enumerate(take.steps):
        for stroke in strokes:
            slot = stroke.substep * len(LIMBS) + LIMB_OF[stroke.sound]
            if stroke.velocity > loudest[step, slot]:  # of one limb the stroke that is kept
                loudest[step, slot] = stroke.velocity
                velocities[step, slot], delays[step, slot] = (
                    velocity_class(stroke.velocity),
                    delay_class(stroke.late_ms),
                )
    return DrumSequence(
        take.name,
        take.style,
        {name: np.concatenate(rows) for name, rows in features.items()},
        np.array([[together(strokes, place) for place in range(SUBSTEPS)] for strokes in take.steps]),
        velocities,
        delays,
    )


def chosen(units: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what is struck at one place as on and off, (..., sounds), from units (...)."""
    return _SOUNDS[units]


def _sounds() -> NDArray[np.float32]:
    table = np.zeros((len(TOGETHER), len(Sound)), np.float32)
    for unit, at_once in enumerate(TOGETHER):
        table[unit, [sound for sound in at_once if sound is not None]] = 1
    return table


_SOUNDS = _sounds()

assert strokes_tensor(()).shape == (1, SUBSTEPS * len(Sound))
