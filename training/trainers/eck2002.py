"""How the networks learn.

Both experiments of Eck & Schmidhuber 2002 with their topology and objective, and an optimiser of
our own: Adam on whole choruses in one fused call, gradients clipped, and a fresh start from the
next sub-seed where a run has not found the form. The chords are learned first and alone, as in
experiment 1; then they stay as they are and the melody is learned over them.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, inf, pi

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import clip_grad_norm_

from improv.models.encodings import ENCODINGS, StepInput
from improv.music.notes import Frame
from training.corpora import blues_bars
from training.networks.eck2002 import ENCODING, Blues, Chords, Partition

CLIP = 1.0
"""Without clipping one run in five finds the form; with it nine in ten do."""

CHORDS_RATE = 0.05
CHORDS_BETAS = (0.9, 0.9)
CHORDS_UPDATES = 2_000
CHORDS_WARM_UP = 100
CHORUSES_AT_A_TIME = 2
CHECK_EVERY = 100
JUDGED_CHORUSES = 20
GOOD_MARGIN = 0.4
LEAST_MARGIN = 0.2
"""The least distance of any chord probability from the threshold that a network may leave with."""
ATTEMPTS = 20

MELODY_RATE = 0.03
MELODY_BETAS = (0.9, 0.95)
MELODY_UPDATES = 10_000
MELODY_WARM_UP = 100
LOOK_BACK_EVERY = 500
SONGS_AT_A_TIME = 8

Progressed = Callable[[float, str], None]
"""Told how much of the work is done, 0 to 1, and how it goes."""


@dataclass
class Log:
    """What training went through."""

    chord_losses: list[float] = field(default_factory=list)
    """Cross-entropy per step, of the attempt that succeeded."""
    melody_losses: list[float] = field(default_factory=list)
    attempts: int = 0
    returns: int = 0
    """How often learning the melody went back to when the form was exact."""
    margin: float = 0.0
    seconds: float = 0.0


def form_units() -> Tensor:
    """The chords of one chorus, (96, 1, 12)."""
    encoding = ENCODINGS[ENCODING]
    return torch.from_numpy(np.stack([encoding.chord_units(c) for c in blues_bars.FORM.chords])[:, None])


def segment_units() -> list[Tensor]:
    """For each bar of the form its segments, (segments, 8, 13)."""
    encoding = ENCODINGS[ENCODING]
    return [
        torch.from_numpy(
            np.stack(
                [
                    np.concatenate([encoding.encode(StepInput(Frame(cell, None)))["melody"] for cell in cells])
                    for cells in map(encoding.melody, choices)
                ]
            )
        )
        for choices in map(blues_bars.as_steps, blues_bars.SEGMENTS)
    ]


def drawn_songs(segments: list[Tensor], count: int, generator: torch.Generator) -> Tensor:
    """The melodies of songs drawn from all there are, (96, count, 13)."""
    bars = [choices[torch.randint(len(choices), (count,), generator=generator)] for choices in segments]
    return torch.cat(bars, dim=1).transpose(0, 1).contiguous()


@torch.no_grad()
def margin(chords: Partition, choruses: int) -> float:
    """The least distance of a chord probability from the threshold, on the right side of it, over choruses.

    The network is given the true chords, which as long as nothing is wrong is the same as being
    given its own. Negative where a bit is wrong.
    """
    inputs, state = form_units(), chords.at_rest()
    wanted = inputs.roll(-1, 0)
    least = inf
    for _ in range(choruses):
        logits, _, state = chords.sequence(inputs, None, state)
        least = min(least, float(((logits.sigmoid() - 0.5) * (2 * wanted - 1)).min()))
    return least


def learn_chords(seed: int, log: Log, progressed: Progressed) -> Partition:
    """Experiment 1: fresh networks, one after another, until one plays the form with room to spare."""
    for attempt in range(ATTEMPTS):
        log.attempts = attempt + 1
        chords = Partition(form_units().shape[-1], 0, torch.Generator().manual_seed(seed * 1_000 + attempt))
        log.chord_losses.clear()
        log.margin = _attempt(chords, log, progressed)
        if log.margin > LEAST_MARGIN:
            return chords
    raise RuntimeError(f"no network found the form in {ATTEMPTS} attempts; try another seed")


def _attempt(chords: Partition, log: Log, progressed: Progressed) -> float:
    inputs = form_units().repeat(CHORUSES_AT_A_TIME, 1, 1)
    wanted = inputs.roll(-1, 0)
    adam = torch.optim.Adam(chords.parameters(), betas=CHORDS_BETAS)
    found = -inf
    for update in range(1, CHORDS_UPDATES + 1):
        logits, _, _ = chords.sequence(inputs, None, chords.at_rest())
        loss = _cross_entropy(logits, wanted)
        _update(adam, loss, CHORDS_RATE, update, CHORDS_WARM_UP, CHORDS_UPDATES)
        log.chord_losses.append(loss.item())
        if update % CHECK_EVERY == 0:
            found = margin(chords, JUDGED_CHORUSES)
            progressed(update / CHORDS_UPDATES, f"attempt {log.attempts}: cross-entropy {loss.item():.4f}")
            if found > GOOD_MARGIN:
                break
    return found


def learn_melody(network: Blues, seed: int, log: Log, progressed: Progressed) -> None:
    """Experiment 2: the melody over chords that are learned already, on songs drawn afresh for each update.

    The chords go on learning their own part, and the melody's error reaches their cells too: what
    they count is what the melody has to know. No note of the melody ever reaches them. While steps
    are large the form may slip and come back; once they have halved, learning that has lost it goes
    back to when it was exact.
    """
    generator = torch.Generator().manual_seed(seed)
    segments = segment_units()
    chords, melody = network.chords, network.melody
    form = form_units().repeat(CHORUSES_AT_A_TIME, 1, 1)
    groups = [{"params": list(partition.parameters())} for partition in (chords, melody)]
    adam = torch.optim.Adam(groups, betas=MELODY_BETAS)
    good = copy.deepcopy((network.state_dict(), adam.state_dict()))
    for update in range(1, MELODY_UPDATES + 1):
        songs = torch.cat([drawn_songs(segments, SONGS_AT_A_TIME, generator) for _ in range(CHORUSES_AT_A_TIME)])
        chord_logits, put_out, _ = chords.sequence(form, None, chords.at_rest())
        before = torch.cat((chords.at_rest()[0], put_out[:-1])).expand(-1, SONGS_AT_A_TIME, -1)
        melody_logits, _, _ = melody.sequence(songs, before, melody.at_rest(SONGS_AT_A_TIME))
        melody_loss = _cross_entropy(melody_logits[:-1], songs[1:])
        loss = _cross_entropy(chord_logits, form.roll(-1, 0)) + melody_loss
        _update(adam, loss, MELODY_RATE, update, MELODY_WARM_UP, MELODY_UPDATES)
        log.melody_losses.append(melody_loss.item())
        if update % LOOK_BACK_EVERY == 0:
            found = margin(chords, JUDGED_CHORUSES)
            if found > LEAST_MARGIN:
                log.margin = found
                good = copy.deepcopy((network.state_dict(), adam.state_dict()))
            elif update >= MELODY_UPDATES / 2:
                log.returns += 1
                network.load_state_dict(good[0])
                adam.load_state_dict(good[1])
        if update % CHECK_EVERY == 0:
            progressed(update / MELODY_UPDATES, f"melody: cross-entropy {melody_loss.item():.4f}")


def _cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Summed over the units and averaged over the steps (section 3.2, equation 1)."""
    return binary_cross_entropy_with_logits(logits, wanted) * wanted.shape[-1]


def _update(adam: torch.optim.Optimizer, loss: Tensor, rate: float, update: int, warm_up: int, updates: int) -> None:
    """One step of Adam, its rate rising to `rate` over the warm-up and falling to nothing along a cosine."""
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for group in adam.param_groups:
        group["lr"] = rate * min(1, update / warm_up) * (1 + cos(pi * update / updates)) / 2
        clip_grad_norm_(group["params"], CLIP)
    adam.step()


def learn(name: str, seed: int, progressed: Progressed) -> tuple[Chords | Blues, Log]:
    """The network of a name, trained from a seed: the same seed gives the same weights."""
    torch.set_num_threads(1)  # the networks are tiny: a second thread only waits
    torch.use_deterministic_algorithms(True)
    began_s = time.perf_counter()
    log = Log()
    share = 1.0 if name == "eck2002-chords" else 0.3
    chords = learn_chords(seed, log, lambda done, how: progressed(share * done, how))
    network: Chords | Blues
    if name == "eck2002-chords":
        network = Chords(torch.Generator())
        network.chords = chords
    else:
        network = Blues(torch.Generator().manual_seed(seed))
        network.chords = chords
        learn_melody(network, seed, log, lambda done, how: progressed(share + (1 - share) * done, how))
    log.seconds = time.perf_counter() - began_s
    return network, log
