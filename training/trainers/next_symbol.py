"""What networks that say the next note or event bring to the training loop: stretches of pieces, and a judgement."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.datasets.digest import digest
from training.datasets.padding import drawn, padded
from training.datasets.piano_notes import Units
from training.networks import Network
from training.trainers.train import Config, Task

JUDGED = 512
"""Steps of the stretches that a piece is judged in, each begun with an empty memory."""

_AT_ONCE = 16
_NONE = -1


@dataclass(frozen=True, slots=True)
class NextSymbol(Task[Network, Tensor]):
    """The next symbol, at each place of stretches of songs, begun with an empty memory."""

    score: ClassVar[str] = "nats"

    training: Sequence[Units]
    validation: Sequence[Units]
    make: Callable[[], Network]
    sizes: Mapping[str, object]
    """What `make` makes, for the checkpoint."""

    def settings(self) -> Mapping[str, object]:
        """Return the sizes, and a digest of the songs."""
        return {**self.sizes, "learned_from": digest((*self.training, "validation", *self.validation))}

    def network(self) -> Network:
        """Return a new network."""
        return self.make()

    def batch(self, config: Config, rng: np.random.Generator) -> Tensor:
        """Return stretches of songs, (steps, batch), longer songs more often; -1 where a song is over."""
        cuts = drawn([len(song) for song in self.training], config.batch, config.steps, rng)
        return padded([self.training[which][start : start + config.steps] for which, start in cuts], _NONE)

    def losses(self, network: Network, batch: Tensor) -> Mapping[str, Tensor]:
        """Return the surprise at the symbols, in nats each."""
        logits, wanted = _said(network, batch)
        return {"symbols": cross_entropy(logits, wanted)}

    def validate(self, network: Network) -> Mapping[str, float]:
        """Return how surprised the network is at the validation songs, and how often it is right."""
        return judge(network, self.validation)


def _said(network: Network, batch: Tensor, after: int = 0) -> tuple[Tensor, Tensor]:
    """Return the logits of the symbols of stretches (symbols, units) and which they are, from place `after` on."""
    units = batch.to(next(network.parameters()).device)
    logits = network.sequence(units.clamp(min=0))  # type: ignore[operator]
    is_there = units[after:] != _NONE
    return logits[after:][is_there], units[after:][is_there]


@torch.no_grad()
def judge(network: Network, songs: Sequence[Units], after: int = 0) -> dict[str, float]:
    """Return `nats`, the mean surprise at the symbols of songs, and `accuracy`, how often the likeliest is right.

    Songs are cut into stretches of `JUDGED`, in each of which the first `after` symbols are heard and not judged.
    """
    stretches = [song[start : start + JUDGED] for song in songs for start in range(0, len(song), JUDGED)]
    stretches = sorted((each for each in stretches if len(each) > after), key=len)
    nats, right, symbols = 0.0, 0, 0
    for first in range(0, len(stretches), _AT_ONCE):
        logits, wanted = _said(network, padded(stretches[first : first + _AT_ONCE], _NONE), after)
        nats += float(cross_entropy(logits, wanted, reduction="sum"))
        right += int((logits.argmax(-1) == wanted).sum())
        symbols += len(wanted)
    return {"nats": nats / symbols, "accuracy": right / symbols}


@torch.no_grad()
def generate(
    network: Network, primer: Units, count: int, *, temperature: float, seed: int, never: Sequence[int] = ()
) -> Units:
    """Return `count` units that go on from a primer, drawn at a temperature; at 0 the likeliest each time.

    It steps as the exported network does, so that the memory holds all of the primer. Units `never` are not drawn.
    """
    rng = np.random.default_rng(seed)
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found: list[int] = []
    for place in range(len(primer) + count):
        if place < len(primer):
            unit = int(primer[place])
        else:
            logits, *_ = network(torch.zeros(1, _units(network)), *state)
            chances = logits[0].double().numpy()
            chances[list(never)] = -np.inf
            unit = _drawn(chances, temperature, rng)
            found.append(unit)
        note = torch.zeros(1, _units(network))
        note[0, unit] = 1
        _, *state = network(note, *state)
    return np.array(found, np.int64)


def _units(network: Network) -> int:
    output = network.output
    assert isinstance(output, torch.nn.Linear)
    return output.out_features


def _drawn(logits: np.ndarray[tuple[int], np.dtype[np.float64]], temperature: float, rng: np.random.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    chances = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(chances), p=chances / chances.sum()))


def most_common(songs: Sequence[Sequence[object]]) -> float:
    """Return the share of the most common symbol of songs: how often one that always says it is right, 0 to 1."""
    counts = Counter(each for song in songs for each in song)
    return counts.most_common(1)[0][1] / counts.total()
