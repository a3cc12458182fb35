"""How the changes are learned: the chords of blues choruses, those of one tune as often as those of another.

Everything follows from the seed. What is played after it is counted by `training.evaluation.chord_substitutions`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from improv.models.encodings import Cells, StepInput
from improv.models.encodings.cells import PILLARS
from improv.music.notes import SILENCE, Frame
from improv.music.theory import STEPS_PER_BAR, Chord
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import tune
from training.datasets.sequences import FORM_BARS, FORM_STEPS, in_c
from training.networks.chord_lstm import Changes

CELLS = Cells()

UPDATES = 600
RATE = 0.01
DECAY = 0.01
DROPOUT = 0.3
CLIP = 1.0
BATCH = 16
CHORUSES = 2
"""How many choruses are learned at a time."""

CHECK_EVERY = 100


@dataclass(frozen=True, slots=True)
class Run:
    """The chords of choruses that follow each other: what the network is fed at each step, and the chord after it."""

    tune: str
    newest: Tensor
    """(steps, 24)."""
    place: Tensor
    """(steps, 20)."""
    units: Tensor
    """The unit of the chord that is `newest` one step later, (steps,); the last follows from going round."""

    @property
    def choruses(self) -> int:
        """How many there are."""
        return len(self.units) // FORM_STEPS


def runs(solos: Iterable[Solo]) -> list[Run]:
    """The choruses of the blues among them that keep the form, in C, those that follow each other together."""
    found: list[Run] = []
    for solo in solos:
        if not solo.is_blues or solo.tonic is None:
            continue
        chords = [frame.chord for frame in in_c(solo)]
        tops = [top for top in solo.choruses if keeps_form(chords[top * STEPS_PER_BAR :])]
        begins = [top for top in tops if top - FORM_BARS not in tops]
        for first in begins:
            last = first
            while last in tops:
                last += FORM_BARS
            found.append(_run(tune(solo), chords[first * STEPS_PER_BAR : last * STEPS_PER_BAR]))
    return found


def keeps_form(chords: Sequence[Chord | None]) -> bool:
    """Whether a chorus in C, a chord a step, begins on the first degree and its fifth bar on the fourth.

    What improv plays always does. A few of the database's blues do not, some of them because they stand in another
    key there than in the music; nothing is learned from those.
    """
    at = {place: chords[place] for place in PILLARS}
    return all(chord is not None and chord.root == PILLARS[place] for place, chord in at.items())


def _run(name: str, chords: Sequence[Chord | None]) -> Run:
    steps = len(chords)
    encoded = []
    for newest in range(steps):  # heard a bar after it was settled: by then the melody is a bar behind
        place = (newest - CELLS.lookahead_steps) % FORM_STEPS
        ahead = tuple(
            chords[(newest - CELLS.lookahead_steps + after) % steps] for after in range(1, CELLS.lookahead_steps + 1)
        )
        encoded.append(CELLS.encode(StepInput(Frame(SILENCE, None), place, ahead, FORM_STEPS)))
    units = [int(np.argmax(CELLS.chord_units(chords[(newest + 1) % steps]))) for newest in range(steps)]
    newest_chords, places = (np.concatenate([each[name] for each in encoded]) for name in ("newest_chord", "place"))
    return Run(name, torch.from_numpy(newest_chords), torch.from_numpy(places), torch.tensor(units))


@torch.no_grad()
def surprise(network: Changes, heard: Sequence[Run]) -> float:
    """Mean surprise at a step's chord in nats, from the first step of each run."""
    learns = network.training
    network.eval()
    found, steps = 0.0, 0
    for run in heard:
        logits = network.sequence(run.newest[:, None], run.place[:, None])[:, 0]
        found += float(cross_entropy(logits, run.units, reduction="sum"))
        steps += len(run.units)
    network.train(learns)
    return found / steps


def learn(
    seed: int, training: Sequence[Run], validation: Sequence[Run], progressed: Callable[[float, str], None]
) -> tuple[Changes, list[dict[str, float]]]:
    """The network of a seed, and what it was surprised by at each check; of the checks the best is kept."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Changes(DROPOUT)
    adam = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    of_tune = Counter(run.tune for run in training)
    weights = np.array([1 / of_tune[run.tune] for run in training])
    checks: list[dict[str, float]] = []
    best = {name: value.clone() for name, value in network.state_dict().items()}
    for update in range(1, UPDATES + 1):
        picked = [training[which] for which in rng.choice(len(training), BATCH, p=weights / weights.sum())]
        cuts = [_cut(run, int(rng.integers(run.choruses))) for run in picked]
        newest, place, units = (torch.stack([cut[part] for cut in cuts], dim=1) for part in range(3))
        loss = cross_entropy(network.sequence(newest, place).flatten(0, 1), units.flatten())
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(network.parameters(), CLIP)
        for group in adam.param_groups:
            group["lr"] = RATE * (1 - update / (UPDATES + 1))
        adam.step()
        if update % CHECK_EVERY == 0:
            found = surprise(network, validation)
            if all(found < check["validation"] for check in checks):
                best = {name: value.clone() for name, value in network.state_dict().items()}
            checks.append({"update": update, "training": loss.item(), "validation": found})
            progressed(update / UPDATES, f"changes: validation {found:.3f} nats a step")
    network.load_state_dict(best)
    return network.eval(), checks


def _cut(run: Run, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """So many choruses of a run from one of them on, round and round."""
    at = (torch.arange(CHORUSES * FORM_STEPS) + first * FORM_STEPS) % len(run.units)
    return run.newest[at], run.place[at], run.units[at]
