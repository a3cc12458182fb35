"""How an improviser of lines learns: solos cut at random, moved to random keys, and what would be played next.

Everything follows from the seed. A run can be stopped at any moment and goes on from its last checkpoint as if it had
not been. It stops by itself when the validation solos are no longer better understood.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot
from torch.nn.utils import clip_grad_norm_

from improv.music.theory import TICKS_PER_STEP
from training.datasets.sequences import ASKED, BEFORE, BEFORE_THAT, FEATURES, STEP, TICK, UNIT
from training.datasets.sequences import Sequence as Solo
from training.networks.melody_lstm import PITCHES, RHYTHMS, Lines

Progressed = Callable[[float, str], None]

_WARM = 200
"""Updates in which the rate rises."""

_CPU = torch.device("cpu")

_CHORDS = ("chord", "chord_ahead")
_PITCHED = ("onsets", "asked")
_UNITS = [UNIT, BEFORE, BEFORE_THAT, ASKED]
_ROOTS = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a run follows from."""

    seed: int = 1
    hidden: int = 256
    dropout: float = 0.4
    updates: int = 3_500
    cycle: int = 2_000
    """After so many updates the rate, by then zero, begins again at half its height (Loshchilov & Hutter 2017)."""
    batch: int = 16
    steps: int = 192
    rate: float = 2e-3
    decay: float = 0.05
    clip: float = 1.0
    averaged_over: int = 400
    """Updates over which the weights are averaged, about."""
    transposed: float = 0.5
    """The share of the cuts that are moved to another key."""
    blues: float = 2.0
    """How much more often a blues is cut than its length says."""
    answers: float = 0.35
    """The share of the cuts in which a call is answered."""
    silence: float = 0.2
    """The share of the other cuts of which only the chords are heard at first: so a performance begins."""
    conversations: int = 1_500
    """How many of those there are."""
    check_every: int = 250
    patience: int = 6
    """Checks without a better one after which it stops."""


@dataclass(slots=True)
class Log:
    """What a run went through: at each check its update, and nats a step of training and of validation."""

    checks: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Cuts of solos side by side: features (steps, batch, width), rhythms and whether each counts (steps, batch)."""

    features: dict[str, Tensor]
    line: Tensor
    """The last two pitches at each step, (steps, batch, 2 * pitches)."""
    rhythms: Tensor
    counts: Tensor
    shift: Tensor
    notes: Tensor
    """(notes, 7): the cut, then step, tick, unit, the two units before and the one it answers."""

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        features = {name: told.to(device) for name, told in self.features.items()}
        rest = (self.line, self.rhythms, self.counts, self.shift, self.notes)
        return Batch(features, *(each.to(device) for each in rest))


def cut(solo: Solo, start: int, length: int, up: int) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]:
    """Features, rhythms and notes of a stretch, moved up by some semitones; shorter than `length` at the end."""
    end = min(solo.steps, start + length)
    features = {name: _moved(name, solo.features[name][start:end], up) for name in FEATURES}
    inside = (solo.notes[:, STEP] >= start) & (solo.notes[:, STEP] < end)
    notes = solo.notes[inside].copy()
    notes[:, STEP] -= start
    units = notes[:, _UNITS]
    notes[:, _UNITS] = np.where(units < 0, units, np.clip(units + up, 0, PITCHES - 1))
    return features, solo.rhythms[start:end], notes


def _moved(name: str, units: NDArray[np.uint8], up: int) -> NDArray[np.uint8]:
    if up == 0 or name not in (*_PITCHED, *_CHORDS):
        return units
    parts = units.reshape(len(units), -1, _ROOTS if name in _CHORDS else PITCHES)
    moved = np.roll(parts, up, axis=-1)
    if name not in _CHORDS:  # what would leave the range stays at its edge
        edge = parts[..., -up:] if up > 0 else parts[..., :-up]
        if up > 0:
            moved[..., :up] = 0
            moved[..., -1] |= edge.any(-1)
        else:
            moved[..., up:] = 0
            moved[..., 0] |= edge.any(-1)
    return moved.reshape(units.shape)


def batch_of(cuts: Sequence[tuple[Solo, int, int, int]]) -> Batch:
    """Cuts, each a solo, where it starts, its length and by how many semitones it is moved, as one batch."""
    parts = [cut(*each) for each in cuts]
    steps = max(len(rhythms) for _, rhythms, _ in parts)

    def side_by_side(arrays: Sequence[NDArray[Any]], kind: Any) -> Tensor:
        filled = [np.pad(array, ((0, steps - len(array)), *((0, 0),) * (array.ndim - 1))) for array in arrays]
        return torch.from_numpy(np.stack(filled, axis=1).astype(kind))

    notes = np.concatenate([np.insert(found[:, [STEP, TICK, *_UNITS]], 0, which, axis=1)
                            for which, (_, _, found) in enumerate(parts)])  # fmt: skip
    features = {name: side_by_side([one[name] for one, _, _ in parts], np.float32) for name in FEATURES}
    return Batch(
        features,
        side_by_side([_line(found, len(rhythms)) for _, rhythms, found in parts], np.float32),
        side_by_side([rhythms for _, rhythms, _ in parts], np.int64),
        side_by_side([solo.counts[start : start + length] for solo, start, length, _ in cuts], np.float32),
        torch.tensor([up % _ROOTS for *_, up in cuts]),
        torch.from_numpy(notes),
    )


def _line(notes: NDArray[np.int64], steps: int) -> NDArray[np.float32]:
    """The last two pitches at each step, the latest first, as one-hot units; what was before the cut is not known."""
    line = np.zeros((steps, 2, PITCHES), np.float32)
    latest, before, at = -1, -1, 0
    for step in range(steps):
        while at < len(notes) and notes[at, STEP] == step:
            latest, before, at = notes[at, UNIT], latest, at + 1
        for slot, unit in enumerate((latest, before)):
            if unit >= 0:
                line[step, slot, unit] = 1
    return line.reshape(steps, -1)


def nats(network: Lines, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The surprise at each rhythm (steps - 1, batch) and at each note (notes,), and which of the rhythms count."""
    contexts = network.contexts(batch.features, batch.line, batch.shift)
    logits = network.rhythm_logits(contexts[:-1], {name: told[:-1] for name, told in batch.features.items()})
    rhythms = cross_entropy(logits.flatten(0, 1), batch.rhythms[1:].flatten(), reduction="none")
    notes = batch.notes[batch.notes[:, 1] > 0]
    which, step, tick, unit, latest, before, asked = notes[batch.counts[notes[:, 1], notes[:, 0]] > 0].T
    told = {name: batch.features[name][step - 1, which] for name in _CHORDS} | {
        "chosen_rhythm": one_hot(batch.rhythms[step, which], RHYTHMS).float(),
        "chosen_tick": one_hot(tick, TICKS_PER_STEP).float(),
        "chosen_asked": _units(asked),
    }
    pitch = network.pitch_logits(contexts[step - 1, which], told, torch.cat((_units(latest), _units(before)), dim=-1))
    return rhythms.view(len(logits), -1), cross_entropy(pitch, unit, reduction="none"), batch.counts[1:]


def _units(units: Tensor) -> Tensor:
    """One-hot, all zeros for -1."""
    return one_hot(units.clamp(min=0), PITCHES) * (units >= 0)[:, None].float()


@torch.no_grad()
def surprise(network: Lines, solos: Sequence[Solo]) -> dict[str, float]:
    """Mean surprise in nats over whole solos: a step's rhythm, a note's pitch, and both together a step."""
    learns, device = network.training, next(network.parameters()).device
    network.eval()
    rhythm, pitch, steps, notes = 0.0, 0.0, 0.0, 0
    for solo in solos:
        of_rhythm, of_pitch, counts = nats(network, batch_of([(solo, 0, solo.steps, 0)]).to(device))
        rhythm += float((of_rhythm * counts).sum())
        pitch += float(of_pitch.sum())
        steps += float(counts.sum())
        notes += len(of_pitch)
    network.train(learns)
    return {"rhythm": rhythm / steps, "note": pitch / notes, "step": (rhythm + pitch) / steps}


def learn(
    recipe: Recipe,
    solos: Mapping[str, Sequence[Solo]],
    checkpoint: Path,
    progressed: Progressed,
    device: torch.device = _CPU,
) -> tuple[Lines, Log]:
    """The network a recipe leads to, on the CPU, from the solos of `training` and the conversations of `answers`, as
    well as the blues of `validation` choose it.

    Goes on from `checkpoint` if it is of the same recipe and the same solos.
    """
    learned_from = _digest(solos)
    torch.manual_seed(recipe.seed)
    network = Lines(recipe.hidden, recipe.dropout).to(device)
    averaged = copy.deepcopy(network)
    adam = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98))
    log, best, begun = Log(), copy.deepcopy(averaged.state_dict()), 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device, weights_only=False)
        if (kept["recipe"], kept.get("learned_from")) == (asdict(recipe), learned_from):
            network.load_state_dict(kept["network"])
            averaged.load_state_dict(kept["averaged"])
            adam.load_state_dict(kept["adam"])
            log, best, begun = Log(**kept["log"]), kept["best"], kept["update"]
            progressed(begun / recipe.updates, f"{checkpoint} has learned {begun} updates before")
    chosen = [solo for solo in solos["validation"] if solo.is_blues]
    weights = np.array([solo.steps * (recipe.blues if solo.is_blues else 1) for solo in solos["training"]])
    for update in range(begun + 1, recipe.updates + 1):
        if _is_patient_no_longer(log, recipe):
            break
        began_s = time.perf_counter()
        torch.manual_seed((recipe.seed << 32) + update)  # every update is the same however often it was begun
        rng = np.random.default_rng((recipe.seed, update))
        picked = rng.choice(len(weights), recipe.batch, p=weights / weights.sum())
        drawn = [solos["training"][which] for which in picked]
        if answers := solos.get("answers"):
            asked = rng.random(recipe.batch) < recipe.answers
            drawn = [
                answers[int(rng.integers(len(answers)))] if turn else solo
                for solo, turn in zip(drawn, asked, strict=True)
            ]
        batch = batch_of([_drawn(solo, recipe, rng) for solo in drawn]).to(device)
        of_rhythm, of_pitch, counts = nats(network, batch)
        loss = ((of_rhythm * counts).sum() + of_pitch.sum()) / counts.sum()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(network.parameters(), recipe.clip)
        for group in adam.param_groups:
            group["lr"] = rate_at(recipe, update)
        adam.step()
        _average(averaged, network, min(1 - 1 / recipe.averaged_over, update / (update + 20)))
        log.seconds += time.perf_counter() - began_s
        if update % recipe.check_every == 0 or update == recipe.updates:
            found = surprise(averaged, chosen)
            if all(found["step"] < check["step"] for check in log.checks):
                best = copy.deepcopy(averaged.state_dict())
            log.checks.append({"update": update, "training": loss.item(), **found})
            _keep(checkpoint, recipe, learned_from, network, averaged, adam, log, best, update)
            progressed(
                update / recipe.updates, f"validation: {found['step']:.3f} nats a step, {found['note']:.3f} a note"
            )
        elif update % 10 == 0:
            progressed(update / recipe.updates, f"training {loss.item():.3f} nats a step")
    averaged.load_state_dict(best)
    return averaged.eval().cpu(), log


def _is_patient_no_longer(log: Log, recipe: Recipe) -> bool:
    found = [check["step"] for check in log.checks]
    return bool(found) and len(found) - 1 - found.index(min(found)) >= recipe.patience


def rate_at(recipe: Recipe, update: int) -> float:
    """The learning rate of an update, the first of which is 1: up, and down along a cosine, twice."""
    first = min(recipe.cycle, recipe.updates)
    if update <= first:
        return recipe.rate * min(1, update / _WARM) * (1 + math.cos(math.pi * update / first)) / 2
    since, last = update - first, recipe.updates - first
    return recipe.rate / 2 * min(1, since / _WARM) * (1 + math.cos(math.pi * since / last)) / 2


def _drawn(solo: Solo, recipe: Recipe, rng: np.random.Generator) -> tuple[Solo, int, int, int]:
    up = int(rng.integers(-5, 7)) if rng.random() < recipe.transposed else 0
    start = int(rng.integers(max(1, solo.steps - recipe.steps + 1)))
    if solo.counts.all() and rng.random() < recipe.silence:
        solo = _after_silence(solo, start + int(rng.integers(8, recipe.steps * 2 // 3)), bool(rng.integers(2)))
    return solo, start, recipe.steps, up


def _after_silence(solo: Solo, begins: int, yours: bool) -> Solo:
    """A solo of which nothing sounds before a step, in a turn of the player's or in nobody's."""
    features = {name: told.copy() for name, told in solo.features.items()}
    features["rhythm"][:begins] = np.eye(1, RHYTHMS)
    features["onsets"][:begins] = 0
    features["who"][:begins] = (yours, False)
    features["who"][begins - 1 : begins, 1] = True
    counts = (np.arange(solo.steps) >= begins).astype(np.uint8)
    notes = solo.notes[solo.notes[:, STEP] >= begins]
    notes[:1, BEFORE] = notes[:2, BEFORE_THAT] = -1
    return replace(
        solo,
        features=features,
        rhythms=solo.rhythms * counts,
        notes=notes,
        counts=counts,
    )


@torch.no_grad()
def _average(averaged: Lines, network: Lines, keeps: float) -> None:
    for mean, now in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, 1 - keeps)


def _digest(solos: Mapping[str, Sequence[Solo]]) -> str:
    """What some solos are told by: another solo, another encoding of it, another digest."""
    found = sha256()
    for side, those in sorted(solos.items()):
        found.update(side.encode())
        for solo in those:
            arrays: list[NDArray[Any]] = [solo.rhythms, solo.notes, solo.counts, *solo.features.values()]
            for array in arrays:
                found.update(array.tobytes())
    return found.hexdigest()


def _keep(
    path: Path, recipe: Recipe, learned_from: str, network: Lines, averaged: Lines, adam: torch.optim.Optimizer,
    log: Log, best: Mapping[str, Tensor], update: int,
) -> None:  # fmt: skip
    """Write a checkpoint whole, or leave the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(
        {
            "recipe": asdict(recipe),
            "learned_from": learned_from,
            "network": network.state_dict(),
            "averaged": averaged.state_dict(),
            "adam": adam.state_dict(),
            "log": asdict(log),
            "best": best,
            "update": update,
        },
        unfinished,
    )
    unfinished.replace(path)
