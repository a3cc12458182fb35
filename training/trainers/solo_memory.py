"""How much a memory of the solo says beside the network: fitted to solos from which the network learned nothing.

Where a network has learned by heart what it is asked, its memory would seem to be worth little. So the powers are
fitted to the validation side, all of its solos. There are 32 of them for some 34,000 choices; what they are worth on
solos to which they were not fitted, cross-validation says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.datasets.cuts import Cut, batch_of
from training.datasets.sequences import STEP, UNIT
from training.datasets.sequences import Sequence as Solo
from training.networks.melody_lstm import PITCHES
from training.networks.solo_memory import (
    NOTE_KINDS,
    REMEMBERED,
    STEP_KINDS,
    SoloMemory,
    bent,
    no_powers,
    pitch_evidence,
    rhythm_evidence,
)
from training.trainers.melody_lstm import choices_of

FOLDS = 4
"""The parts of the solos of which each is judged by powers that were fitted to the others."""

_RIDGE = 1e-4
"""What the sum of the squares of the powers costs, in nats."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a memory has to say of choices, beside the network."""

    logits: Tensor
    """The network's, (choices, units)."""
    contexts: Tensor
    """What contexts say more, (choices, contexts, units)."""
    chosen: Tensor
    """The units, (choices,)."""

    def nats(self, powers: Tensor) -> Tensor:
        """Return the surprise at each choice where contexts count by their powers, (choices,)."""
        return cross_entropy(bent(self.logits, self.contexts, powers), self.chosen, reduction="none")


def fit(memory: SoloMemory, solos: Sequence[Solo]) -> dict[str, float]:
    """Fit the powers of a memory to solos, some of them blues.

    Returned is the mean surprise in nats at the blues by powers that were fitted to other solos: `rhythm` a step,
    `note` a note, `step` for both together.
    """
    of_each = [evidence_of(memory, solo) for solo in solos]
    blues = [number for number, solo in enumerate(solos) if solo.is_blues]
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for what, powers, kinds in (
        ("rhythm", memory.rhythm_powers, STEP_KINDS),
        ("note", memory.pitch_powers, NOTE_KINDS),
    ):
        parts = [each[what] for each in of_each]
        powers.data = fitted(parts, kinds)
        unseen = []
        for fold in range(FOLDS):
            of_others = fitted([part for at, part in enumerate(parts) if at % FOLDS != fold], kinds)
            unseen += [parts[number].nats(of_others) for number in blues if number % FOLDS == fold]
        sums[what] = sum(float(each.sum()) for each in unseen)
        counts[what] = sum(map(len, unseen))
    found = {what: sums[what] / counts[what] for what in sums}
    return found | {"step": sum(sums.values()) / counts["rhythm"]}


def fitted(parts: Sequence[Evidence], kinds: int) -> Tensor:
    """Return the powers of contexts of some kinds by which choices are least surprising; the problem is convex."""
    whole = Evidence(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.contexts for part in parts]),
        torch.cat([part.chosen for part in parts]),
    )
    usual = no_powers(kinds)
    powers = usual.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([powers], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        """Return the mean nats of the choices at the powers so far, and a ridge; the gradient is left in the powers."""
        optimiser.zero_grad()
        found = whole.nats(powers).mean() + _RIDGE * ((powers - usual) ** 2).sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return powers.detach()


@torch.no_grad()
def evidence_of(memory: SoloMemory, solo: Solo) -> Mapping[str, Evidence]:
    """Return what the memory of a solo says of each `rhythm` and `note` but those of its first step."""
    choices = choices_of(memory.melody, batch_of([Cut(solo, 0, solo.steps)]))
    logits = choices.rhythm_logits[:, 0]
    rhythms, cells = (torch.from_numpy(each) for each in recent_steps(solo))
    of_rhythms = Evidence(logits, rhythm_evidence(logits, rhythms, cells), choices.rhythms[:, 0])
    notes = torch.from_numpy(recent_notes(solo))
    of_notes = Evidence(choices.pitch_logits, pitch_evidence(choices.pitch_logits, notes), choices.units)
    return {"rhythm": of_rhythms, "note": of_notes}


def recent_steps(solo: Solo) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the recent rhythms and cells before each step but the first, as `SoloMemory` keeps them."""
    latest = np.zeros(solo.steps, np.int64)
    for note in solo.notes:
        latest[note[STEP] :] = note[UNIT] + 1
    cells = solo.rhythms * (PITCHES + 1) + latest + 1
    return _before(solo.rhythms + 1)[1:], _before(cells)[1:]


def recent_notes(solo: Solo) -> NDArray[np.float32]:
    """Return the recent notes before each note but those of the first step, as `SoloMemory` keeps them."""
    return _before(solo.notes[:, UNIT] + 1)[solo.notes[:, STEP] > 0]


def _before(symbols: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the last `REMEMBERED` symbols before each of a sequence, 0 before the first, (symbols, `REMEMBERED`)."""
    padded = np.pad(symbols, (REMEMBERED, 0))[:-1]
    return np.lib.stride_tricks.sliding_window_view(padded, REMEMBERED).astype(np.float32)
