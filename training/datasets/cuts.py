"""Batches of solos: stretches cut at random, moved to other keys, and now and then begun in silence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from improv.models.encodings import Cells
from improv.models.encodings.story import IS_OF_CHORUS, mean_moved
from improv.music.rhythm import RHYTHMS
from training.datasets.digest import digest
from training.datasets.padding import padded
from training.datasets.sequences import ASKED, BEFORE, BEFORE_THAT, FEATURES, STEP, TICK, UNIT
from training.datasets.sequences import Sequence as Solo

PITCHES = Cells().pitch_count

_CHORDS = ("chord", "chord_ahead")
_PITCHED = ("onsets", "asked")
_ENDING = "ending"
_UNITS = [UNIT, BEFORE, BEFORE_THAT, ASKED]
_ROOTS = 12


@dataclass(frozen=True, slots=True)
class Mix:
    """What the cuts of a batch are, as shares of 0 to 1."""

    transposed: float = 0.5
    """The share of the cuts that are moved to another key."""
    blues: float = 2.0
    """How many times as often a blues is cut as another solo of its length."""
    answers: float = 0.35
    """The share of the cuts in which a call is answered."""
    silence: float = 0.2
    """The share of the other cuts of which only the chords are heard at first: so a performance begins."""
    conversations: int = 1_500
    """How many conversations there are to draw answers from."""
    nameless: float = 0.2
    """The share of the cuts whose instrument is not told, as of their mean pitch."""
    endless: float = 0.5
    """The share of the cuts that are not told how long the tune is."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a solo, moved to another key."""

    solo: Solo
    start: int
    """Its first step in the solo."""
    steps: int
    """How long it is; shorter where the solo ends."""
    up: int = 0
    """The semitones it is moved up, below zero down."""
    untold: tuple[str, ...] = ()
    """Of `voice`, `register` and `ending` those that a network is not told."""

    def arrays(self) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]:
        """Return the cut's features, each (steps, width), rhythms (steps,) and notes (notes, 7)."""
        solo, end = self.solo, min(self.solo.steps, self.start + self.steps)
        features = {name: _moved(name, solo.features[name][self.start : end], self.up) for name in FEATURES}
        for name in self.untold:
            if name == _ENDING:
                features["story"] = features["story"] * IS_OF_CHORUS
            else:
                features[name] = np.zeros_like(features[name])
        inside = (solo.notes[:, STEP] >= self.start) & (solo.notes[:, STEP] < end)
        notes = solo.notes[inside].copy()
        notes[:, STEP] -= self.start
        units = notes[:, _UNITS]
        notes[:, _UNITS] = np.where(units < 0, units, np.clip(units + self.up, 0, PITCHES - 1))
        return features, solo.rhythms[self.start : end], notes


def _moved(name: str, units: NDArray[np.uint8], up: int) -> NDArray[np.uint8]:
    """Return a feature moved up by semitones; pitches that would leave the range stay at its edge."""
    if name == "register":
        return mean_moved(units, up)
    if up == 0 or name not in (*_PITCHED, *_CHORDS):
        return units
    parts = units.reshape(len(units), -1, _ROOTS if name in _CHORDS else PITCHES)
    moved = np.roll(parts, up, axis=-1)
    if name not in _CHORDS:
        edge = parts[..., -up:] if up > 0 else parts[..., :-up]
        if up > 0:
            moved[..., :up] = 0
            moved[..., -1] |= edge.any(-1)
        else:
            moved[..., up:] = 0
            moved[..., 0] |= edge.any(-1)
    return moved.reshape(units.shape)


@dataclass(frozen=True, slots=True)
class Batch:
    """Cuts of solos side by side; what is shorter than the longest ends in zeros."""

    features: dict[str, Tensor]
    """Each (steps, batch, width)."""
    line: Tensor
    """The last two pitches at each step, (steps, batch, 2 * pitches)."""
    rhythms: Tensor
    """The number of the rhythm of each step, (steps, batch)."""
    counts: Tensor
    """1 for each step whose choices are learned, (steps, batch)."""
    shift: Tensor
    """How many semitones up each cut was moved, 0 to 11, (batch,)."""
    notes: Tensor
    """(notes, 7): the cut, then step, tick, unit, the two units before and the one it answers."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on a device."""
        features = {name: each.to(device) for name, each in self.features.items()}
        rest = (self.line, self.rhythms, self.counts, self.shift, self.notes)
        return Batch(features, *(each.to(device) for each in rest))


def batch_of(cuts: Sequence[Cut]) -> Batch:
    """Return several cuts as one batch."""
    parts = [cut.arrays() for cut in cuts]
    notes = np.concatenate([np.insert(found[:, [STEP, TICK, *_UNITS]], 0, which, axis=1)
                            for which, (_, _, found) in enumerate(parts)])  # fmt: skip
    features = {name: padded([one[name] for one, _, _ in parts]).float() for name in FEATURES}
    return Batch(
        features,
        padded([_line(found, len(rhythms)) for _, rhythms, found in parts]),
        padded([rhythms for _, rhythms, _ in parts]),
        padded([cut.solo.counts[cut.start : cut.start + cut.steps] for cut in cuts]).float(),
        torch.tensor([cut.up % _ROOTS for cut in cuts]),
        torch.from_numpy(notes),
    )


def _line(notes: NDArray[np.int64], steps: int) -> NDArray[np.float32]:
    """Return the last two pitches at each step, the latest first, as one-hot units; none from before the cut."""
    line = np.zeros((steps, 2, PITCHES), np.float32)
    latest, before, at = -1, -1, 0
    for step in range(steps):
        while at < len(notes) and notes[at, STEP] == step:
            latest, before, at = notes[at, UNIT], latest, at + 1
        for slot, unit in enumerate((latest, before)):
            if unit >= 0:
                line[step, slot, unit] = 1
    return line.reshape(steps, -1)


def after_silence(solo: Solo, begins: int, *, players_turn: bool) -> Solo:
    """Return a solo without its notes before step `begins`, in a turn of the player's or before the first turn."""
    features = {name: feature.copy() for name, feature in solo.features.items()}
    features["rhythm"][:begins] = np.eye(1, len(RHYTHMS))
    features["onsets"][:begins] = 0
    features["who"][:begins] = (players_turn, False)
    features["who"][begins - 1 : begins, 1] = True
    counts = (np.arange(solo.steps) >= begins).astype(np.uint8)
    notes = solo.notes[solo.notes[:, STEP] >= begins]
    notes[:1, BEFORE] = notes[:2, BEFORE_THAT] = -1
    return replace(solo, features=features, rhythms=solo.rhythms * counts, notes=notes, counts=counts)


def digest_of(sides: Mapping[str, Sequence[Solo]]) -> str:
    """Return a digest of solos by side, which changes with any solo or its encoding."""
    return digest(_parts(sides))


def _parts(sides: Mapping[str, Sequence[Solo]]) -> Iterator[str | NDArray[Any]]:
    for side, solos in sorted(sides.items()):
        yield side
        for solo in solos:
            yield from (solo.rhythms, solo.notes, solo.counts)
            yield from solo.features.values()
