"""How lines are learned: solos cut at random, moved to random keys, and what would be played next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from improv.music.theory import TICKS_PER_STEP
from training.datasets.cuts import Batch, Cut, Mix, after_silence, batch_of, digest_of
from training.datasets.sequences import Sequence as Solo
from training.networks.melody_lstm import PITCHES, RHYTHMS, MelodyLstm
from training.trainers.train import Config, Task

MIX, ANSWERS_MIX = Mix(), Mix(answers=0.6)

CONFIG = Config(
    updates=3_500, batch=16, rate=2e-3, warm_up=200, cycle=2_000, betas=(0.9, 0.98), decay=0.05, averaged_over=400,
    check_every=250, patience=6,
)  # fmt: skip


ANSWERS_CONFIG = replace(
    CONFIG, updates=600, rate=5e-4, warm_up=50, cycle=None, averaged_over=150, check_every=150, patience=None,
    keeps="latest",
)  # fmt: skip
"""Of a network that has learned lines, and goes on to learn to answer."""


@dataclass(frozen=True, slots=True)
class MelodyTask(Task[MelodyLstm, Batch]):
    """The next rhythm and pitches of solos, and of answers to calls."""

    score: ClassVar[str] = "step"

    training: Sequence[Solo]
    validation: Sequence[Solo]
    """Those of them that are blues are what a network is chosen by."""
    answers: Sequence[Solo] = ()
    """Conversations, in which calls are answered."""
    mix: Mix = MIX
    hidden: int = 256
    dropout: float = 0.4
    begun: Mapping[str, Tensor] | None = None
    """The weights that it begins with; None for new ones."""

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: sizes, data mix and a digest of the solos."""
        sides = {"training": self.training, "validation": self.validation}
        sides |= {"answers": self.answers} if self.answers else {}
        return self.sizes() | {"learned_from": digest_of(sides)}

    def sizes(self) -> dict[str, float]:
        """Return the sizes of the network and the shares of the data mix, by name."""
        return {"hidden": self.hidden, "dropout": self.dropout} | asdict(self.mix)

    def network(self) -> MelodyLstm:
        """Return a new melody network, or one that has begun to learn."""
        network = MelodyLstm(self.hidden, self.dropout)
        if self.begun is not None:
            network.load_state_dict(self.begun)
        return network

    def batch(self, config: Config, rng: np.random.Generator) -> Batch:
        """Return cuts of solos and conversations; longer solos and blues are drawn more often."""
        weights = np.array([solo.steps * (self.mix.blues if solo.is_blues else 1) for solo in self.training])
        drawn = [self.training[which] for which in rng.choice(len(weights), config.batch, p=weights / weights.sum())]
        if self.answers:
            is_answer = rng.random(config.batch) < self.mix.answers
            drawn = [
                self.answers[int(rng.integers(len(self.answers)))] if answer else solo
                for solo, answer in zip(drawn, is_answer, strict=True)
            ]
        return batch_of([self._cut(solo, config.steps, rng) for solo in drawn])

    def _cut(self, solo: Solo, steps: int, rng: np.random.Generator) -> Cut:
        """Return a stretch of a solo, moved down a fourth to up a tritone, and perhaps begun in silence."""
        up = int(rng.integers(-5, 7)) if rng.random() < self.mix.transposed else 0
        start = int(rng.integers(max(1, solo.steps - steps + 1)))
        if solo.counts.all() and rng.random() < self.mix.silence:
            begins = start + int(rng.integers(8, steps * 2 // 3))
            solo = after_silence(solo, begins, players_turn=bool(rng.integers(2)))
        shares = {"voice": self.mix.nameless, "register": self.mix.nameless, "ending": self.mix.endless}
        return Cut(solo, start, steps, up, tuple(name for name, share in shares.items() if rng.random() < share))

    def losses(self, network: MelodyLstm, batch: Batch) -> Mapping[str, Tensor]:
        """Return the surprise at rhythms and pitches together, by name."""
        of_rhythm, of_pitch, counts = nats(network, batch.to(next(network.parameters()).device))
        return {"melody": ((of_rhythm * counts).sum() + of_pitch.sum()) / counts.sum()}

    def validate(self, network: MelodyLstm) -> Mapping[str, float]:
        """Return the surprise at the blues of the validation side, in nats."""
        return surprise(network, [solo for solo in self.validation if solo.is_blues])


@dataclass(frozen=True, slots=True)
class Choices:
    """What a network says of the choices in a batch, and what was chosen. The first step is heard and not judged."""

    rhythm_logits: Tensor
    """(steps - 1, batch, rhythms)"""
    rhythms: Tensor
    """The numbers of those played, (steps - 1, batch)."""
    counts: Tensor
    """1 for each step whose choices are learned, else 0, (steps - 1, batch)."""
    pitch_logits: Tensor
    """Of the notes of these steps, (notes, pitches)."""
    units: Tensor
    """Of those played, (notes,)."""


def choices_of(network: MelodyLstm, batch: Batch) -> Choices:
    """Return what a network says of the choices in a batch, given the choices before each."""
    contexts = network.contexts(batch.features, batch.line, batch.shift)
    logits = network.rhythm_logits(contexts[:-1], {name: each[:-1] for name, each in batch.features.items()})
    notes = batch.notes[batch.notes[:, 1] > 0]
    which, step, tick, unit, latest, before, asked = notes[batch.counts[notes[:, 1], notes[:, 0]] > 0].T
    known = {name: batch.features[name][step - 1, which] for name in ("chord", "chord_ahead")} | {
        "chosen_rhythm": one_hot(batch.rhythms[step, which], RHYTHMS).float(),
        "chosen_tick": one_hot(tick, TICKS_PER_STEP).float(),
        "chosen_asked": _units(asked),
    }
    line = torch.cat((_units(latest), _units(before)), dim=-1)
    pitch = network.pitch_logits(contexts, batch.features, known, line, batch.line, which, step)
    return Choices(logits, batch.rhythms[1:], batch.counts[1:], pitch, unit)


def nats(network: MelodyLstm, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the surprise in nats at rhythms (steps - 1, batch) and notes (notes,), and a mask of rhythms that count.

    The last is 1 or 0, (steps - 1, batch). The first step of a batch is heard and not judged.
    """
    made = choices_of(network, batch)
    rhythms = cross_entropy(made.rhythm_logits.flatten(0, 1), made.rhythms.flatten(), reduction="none")
    pitches = cross_entropy(made.pitch_logits, made.units, reduction="none")
    return rhythms.view(made.rhythms.shape), pitches, made.counts


def _units(units: Tensor) -> Tensor:
    """Return units as one-hot rows, all zeros for -1."""
    return one_hot(units.clamp(min=0), PITCHES) * (units >= 0)[:, None].float()


@torch.no_grad()
def surprise(network: MelodyLstm, solos: Sequence[Solo]) -> dict[str, float]:
    """Return the mean surprise in nats over whole solos: `rhythm` a step, `note` a note, `step` for both together."""
    device = next(network.parameters()).device
    rhythm, pitch, steps, notes = 0.0, 0.0, 0.0, 0
    for solo in solos:
        of_rhythm, of_pitch, counts = nats(network, batch_of([Cut(solo, 0, solo.steps)]).to(device))
        rhythm += float((of_rhythm * counts).sum())
        pitch += float(of_pitch.sum())
        steps += float(counts.sum())
        notes += len(of_pitch)
    return {"rhythm": rhythm / steps, "note": pitch / notes, "step": (rhythm + pitch) / steps}
