"""A piano that goes on from what it hears, told in single events: its streams of pieces, losses and validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from improv.models.encodings.rolls import ENDS, FRAMES_PER_S, OVER
from training.datasets.digest import digest
from training.datasets.piano_events import Events, Spans, events, moved, possible, sounding
from training.networks.piano_lstm import HIDDEN, PianoLstm
from training.trainers.train import Config, Task

LONGEST_SILENCE = 3 * FRAMES_PER_S // 2
"""Frames; longer silences inside pieces are cut to so many."""

BETWEEN = FRAMES_PER_S // 2
"""Frames of silence between two pieces of a programme."""

DOWN, UP = -6, 5
"""The transpositions that are drawn from, in semitones."""

_IMPOSSIBLE = -1e4
_VALIDATED = 2_000
"""Events from the beginning of each validation piece."""


@dataclass(frozen=True, slots=True)
class Programme:
    """Two pieces after one another, each in a key of its own, so that a network learns to begin anew."""

    events: Events
    sounding: NDArray[np.bool_]
    """Before each event, and after the last."""


class Streams(nn.Module):
    """The network, and where it is in as many programmes at once as a batch has; its memory goes on with them."""

    seeds: Tensor
    """The programme of each stream."""
    offsets: Tensor
    """Its next event; -1 before the first."""
    memory: Tensor
    """What the network has in mind of each stream, (4, batch, hidden)."""

    def __init__(self, network: PianoLstm, batch: int, hidden: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("seeds", torch.zeros(batch, dtype=torch.int64))
        self.register_buffer("offsets", torch.full((batch,), -1))
        self.register_buffer("memory", torch.zeros(4, batch, hidden))


@dataclass(frozen=True, slots=True)
class Draw:
    """What a batch draws: a programme for each stream that is over, and where it is joined at first."""

    seeds: NDArray[np.int64]
    joined: NDArray[np.float64]
    """The share of the programme that is left out, for the streams of the first batch."""
    steps: int


@dataclass(frozen=True, slots=True)
class PianoTask(Task[Streams, Draw]):
    """The next event of pieces in all keys, told in streams."""

    score: ClassVar[str] = "nats an event"

    training: Sequence[Spans]
    validation: Sequence[Spans]
    batch_size: int
    hidden: int = HIDDEN
    dropout: float = 0.1
    programmes: dict[int, Programme] = field(default_factory=dict, repr=False, compare=False)
    """Those that streams are in now, by seed."""

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: sizes, dropout, the precision that it is computed in, and a digest."""
        return {
            "hidden": self.hidden, "dropout": self.dropout, "precision": str(precision(torch.device("cpu"))),
            "learned_from": digest((*self.training, *self.validation)),
        }  # fmt: skip

    def network(self) -> Streams:
        """Return a new network whose streams have not begun."""
        return Streams(PianoLstm(self.hidden, self.dropout), self.batch_size, self.hidden)

    def batch(self, config: Config, rng: np.random.Generator) -> Draw:
        """Return the programmes that streams go on with when theirs is over."""
        return Draw(rng.integers(0, 2**62, self.batch_size), rng.random(self.batch_size), config.steps)

    def losses(self, network: Streams, batch: Draw) -> Mapping[str, Tensor]:
        """Return the surprise at the next events of all streams, and move the streams on."""
        given, sounds = self.windows(network, batch)
        with torch.autocast(given.device.type, torch.bfloat16, enabled=precision(given.device) is torch.bfloat16):
            first, first_cells, second, second_cells = network.memory[:, None]
            contexts, memory = network.network.contexts(
                given[:-1], sounds[:-1].float(), (first, first_cells, second, second_cells)
            )
            logits = network.network.logits(contexts).float()
        network.memory.copy_(torch.cat(memory).detach())
        return {"events": nats(logits, given, sounds).mean()}

    def windows(self, streams: Streams, draw: Draw) -> tuple[Tensor, Tensor]:
        """Return the next events of each stream (steps + 1, batch), what sounds before them (.., 67); move streams on.

        A stream that is over goes on with a new programme and an empty memory.
        """
        seeds, offsets = streams.seeds.tolist(), streams.offsets.tolist()
        events_of, sounds_of = [], []
        for which, (seed, offset) in enumerate(zip(seeds, offsets, strict=True)):
            programme = self.programmes.get(seed) or programme_of(seed, self.training)
            if offset < 0 or offset + draw.steps + 1 > len(programme.events):
                self.programmes.pop(seed, None)
                seed = int(draw.seeds[which])
                programme = programme_of(seed, self.training)
                last = max(0, len(programme.events) - draw.steps - 1)
                offset = int(draw.joined[which] * last) if offset < 0 else 0
                streams.memory[:, which] = 0
            self.programmes[seed] = programme
            seeds[which], offsets[which] = seed, offset + draw.steps
            events_of.append(programme.events[offset : offset + draw.steps + 1])
            sounds_of.append(programme.sounding[offset : offset + draw.steps + 1])
        device = streams.memory.device
        streams.seeds.copy_(torch.tensor(seeds))
        streams.offsets.copy_(torch.tensor(offsets))
        found = torch.from_numpy(np.stack(events_of, axis=1).astype(np.int64))
        return found.to(device), torch.from_numpy(np.stack(sounds_of, axis=1)).to(device)

    def validate(self, network: Streams) -> Mapping[str, float]:
        """Return the surprise at the beginnings of the validation pieces, in nats an event."""
        return {"nats an event": surprise(network.network, self.validation)}


def precision(device: torch.device) -> torch.dtype:
    """Return what is multiplied in: half precision where the machine is made for it, single precision otherwise."""
    has = device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if has else torch.float32


def programme_of(seed: int, pieces: Sequence[Spans]) -> Programme:
    """Return the programme that a seed draws: two pieces, each in a key of its own, half a second between them."""
    rng = np.random.default_rng(seed)
    parts: list[Events] = []
    for which in rng.integers(0, len(pieces), 2).tolist():
        of_piece = events(moved(pieces[which], int(rng.integers(DOWN, UP + 1))))
        parts += [of_piece, ended(of_piece), np.full(BETWEEN, OVER, np.int16)]
    found = np.concatenate(parts)
    return Programme(found, sounding(found))


def ended(found: Events) -> Events:
    """Return the events that end what sounds after some events."""
    return np.flatnonzero(sounding(found)[-1]).astype(np.int16) + ENDS


def nats(logits: Tensor, given: Tensor, sounds: Tensor) -> Tensor:
    """Return the surprise at each event after the first, (events - 1, batch), in nats; what is impossible is known.

    Logits are those after each event but the last; `sounds` is what sounds before each event.
    """
    can = possible(given[:-1], sounds[1:])
    logits = logits.masked_fill(~can, _IMPOSSIBLE)
    return cross_entropy(logits.flatten(0, 1), given[1:].flatten(), reduction="none").view(given[1:].shape)


@torch.no_grad()
def surprise(network: PianoLstm, pieces: Sequence[Spans]) -> float:
    """Return the mean surprise at the beginnings of pieces, in nats an event."""
    device = network.event.weight.device
    found = []
    for piece in pieces:
        told = events(piece)[: _VALIDATED + 1]
        given = torch.from_numpy(told.astype(np.int64)).to(device)[:, None]
        sounds = torch.from_numpy(sounding(told)[:-1]).to(device)[:, None]
        nothing = torch.zeros(1, 1, network.first.hidden_size, device=device)
        contexts, _ = network.contexts(given[:-1], sounds[:-1].float(), (nothing,) * 4)
        found.append(nats(network.logits(contexts), given, sounds))
    return float(torch.cat(found).mean())
