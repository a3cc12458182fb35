"""A melody network asked step by step, as the session asks it."""

import torch

from improv.models.encodings import Cells, Steer
from training.corpora.solos import Solo
from training.datasets.sequences import STEP, UNIT, sequence, step_inputs
from training.networks import Network

CELLS = Cells(tells_story=True, tells_notes=True)


@torch.no_grad()
def surprises(network: Network, played: Solo) -> dict[str, list[float]]:
    """The nats of each choice that a soloist made but those of the first step, by the head that is asked."""
    made = sequence(played)
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found: dict[str, list[float]] = {head: [] for head in network.HEADS}
    for step, each in enumerate(step_inputs(played)[:-1]):
        tensors = {name: torch.tensor(tensor) for name, tensor in CELLS.encode(each).items()}
        decoder = CELLS.decode_cell(Steer(), None, each.frame.melody, each)
        choice = next(decoder)
        wanted = [made.rhythms[step + 1], *made.notes[made.notes[:, STEP] == step + 1][:, UNIT]]
        for number, unit in enumerate(wanted):
            told = tensors | {name: torch.tensor(tensor) for name, tensor in choice.features.items()}
            outputs = network(*(told[name] for name in network.FEATURES), *state)
            heads = dict(zip(network.HEADS, outputs, strict=False))
            if number == 0:  # the memory moves once; what is asked after that is asked of where it is
                state = list(outputs[len(network.HEADS) :])
            assert choice.head == network.HEADS[min(number, 1)]
            found[choice.head].append(float(-heads[choice.head].log_softmax(-1)[0, unit]))
            if number + 1 < len(wanted):
                choice = decoder.send(int(unit))
    return found
