"""A piano that goes on from primers: what it plays, and what people play in the pieces that it has not heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from improv.models.encodings.rolls import EVENTS, FRAMES_PER_S, OVER, PITCHES
from training.datasets.piano_events import Events, Spans, events, notes_of, possible, sounding
from training.metrics.polyphony import FIGURES, Passage, figures
from training.networks.piano_lstm import PianoLstm

PRIMER_S = 5

PERCENTILES = (2.5, 97.5)
"""Between them a figure is inside the interval of held-out pieces."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How events are drawn."""

    temperature: float
    top_p: float
    """Only the likeliest events that make up this probability."""


@torch.no_grad()
def go_on(
    network: PianoLstm, primers: Sequence[Spans], sampling: Sampling, *, seed: int, seconds: float
) -> list[Events]:
    """Return the events that a network plays for so many seconds after each primer, from random numbers of its own.

    What sounds at the end of a primer goes on sounding until the network ends it.
    """
    network.eval()
    frames, streams = round(seconds * FRAMES_PER_S), len(primers)
    heard = [events(primer, PRIMER_S * FRAMES_PER_S) for primer in primers]
    memory = tuple(torch.cat(each) for each in zip(*(_memory_after(network, each) for each in heard), strict=True))
    sounds = torch.from_numpy(np.stack([sounding(each)[-1] for each in heard]))
    latest = torch.full((streams,), OVER)
    draws = [np.random.default_rng((seed, which)) for which in range(streams)]
    played: list[list[int]] = [[] for _ in primers]
    left = [frames] * streams
    while any(left):
        logits = network.next_event(torch.cat((memory[0], memory[2]), dim=-1))
        shares = probabilities(logits, possible(latest, sounds), sampling)
        drawn = np.array([rng.random() for rng in draws])
        chosen = (shares.cumsum(1) < drawn[:, None] * shares.sum(1, keepdims=True)).sum(1).clip(max=EVENTS - 1)
        latest = torch.from_numpy(chosen)
        _, *after = network(one_hot(latest, EVENTS).float(), sounds.float(), *memory)
        memory = tuple(after)
        for which, event in enumerate(chosen.tolist()):
            if event < OVER:
                sounds[which, event % PITCHES] = event < PITCHES
            if left[which]:
                played[which].append(event)
                left[which] -= event == OVER
    return [np.array(each, np.int16) for each in played]


def _memory_after(network: PianoLstm, heard: Events) -> tuple[Tensor, ...]:
    """Return the memory after some events, four times (1, hidden)."""
    nothing = torch.zeros(1, 1, network.first.hidden_size)
    given = torch.from_numpy(heard.astype(np.int64))[:, None]
    sounds = torch.from_numpy(sounding(heard)[:-1]).float()[:, None]
    _, memory = network.contexts(given, sounds, (nothing,) * 4)
    return tuple(each[0] for each in memory)


def probabilities(logits: Tensor, can: Tensor, sampling: Sampling) -> NDArray[np.float64]:
    """Return how likely each event is drawn, (streams, 135): 0 where it cannot be, or is not among the likeliest."""
    shares = torch.softmax((logits / sampling.temperature).masked_fill(~can, -torch.inf), dim=-1)
    ordered, order = shares.sort(dim=-1, descending=True)
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= sampling.top_p, 0)
    return torch.zeros_like(shares).scatter(-1, order, ordered).numpy().astype(np.float64)


def passage(notes: Spans, frames: int | None = None) -> Passage:
    """Return what sounds and begins in each frame of some notes, to the end or for so many frames."""
    frames = int(notes[:, 2].max(initial=0)) if frames is None else frames
    sounds, begins = np.zeros((2, frames, PITCHES), bool)
    for pitch, first, end in notes.tolist():
        sounds[first:end, pitch] = True
        if first < frames:
            begins[first, pitch] = True
    return Passage(sounds, begins)


def continued(primer: Spans, played: Events) -> Spans:
    """Return the notes of a primer and of what was played after it."""
    return notes_of(np.concatenate((events(primer, PRIMER_S * FRAMES_PER_S), played)))


def excerpts(pieces: Sequence[Spans], seconds: float) -> list[Passage]:
    """Return the excerpts of so many seconds that pieces are made of; their ends, which are shorter, are left out."""
    frames = round(seconds * FRAMES_PER_S)
    whole = [passage(piece) for piece in pieces]
    return [each.cut(first, frames) for each in whole for first in range(0, len(each.sounds) - frames + 1, frames)]


def interval(
    of_people: Sequence[Passage], percentiles: tuple[float, float] = PERCENTILES
) -> dict[str, tuple[float, float]]:
    """Return the interval of each figure over excerpts of pieces, between two percentiles."""
    found = [figures(each) for each in of_people]
    return {name: tuple(np.percentile([each[name] for each in found], percentiles).tolist()) for name in FIGURES}
