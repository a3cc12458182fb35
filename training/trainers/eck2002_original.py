"""The paper's own learning algorithm and values, to see what they do: `python -m training reproduce`.

Experiment 1 of Eck & Schmidhuber 2002 trained as section 3.1 says: weights burnt after every step,
learning rate 1e-5, momentum 0.9, and if asked for a reset on every error. The gradient is the
truncated one of Gers, Schmidhuber & Cummins 2000 (section 2.1): errors at the output flow into the
cells and gates of the same step and no further, and each cell carries the derivatives of its state.
Nothing is exported; the figures printed are recorded in the report of `eck2002-chords`.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings import ENCODINGS
from training.corpora import blues_bars
from training.networks.eck2002 import BLOCKS, CELLS, CELLS_A_BLOCK, ENCODING, GATE_BIASES, OUTPUT_BIAS

RATE = 1e-5
MOMENTUM = 0.9
INITIAL_WEIGHT = 0.1
"""The paper does not say how weights start; this was customary."""

_SHOWN_EVERY_S = 10
_STEPS_A_LOOK = 200

Array = NDArray[np.float64]


def _logistic(net: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-net)))


@dataclass
class Learner:
    """The network and what its learning algorithm carries from step to step."""

    gates: Array  # (3, blocks, inputs): input, forget, output gates; the last input is the bias
    cells: Array  # (cells, inputs)
    output: Array  # (units, inputs)

    def __post_init__(self) -> None:
        self.weights = (self.gates, self.cells, self.output)
        self.speeds = tuple(np.zeros_like(weights) for weights in self.weights)
        self.reset()

    @classmethod
    def fresh(cls, units: int, seed: int) -> "Learner":
        """Return a network with small random weights and the biases of section 3.1."""
        rng = np.random.default_rng(seed)
        inputs = units + CELLS + 1
        shapes = ((3, BLOCKS, inputs), (CELLS, inputs), (units, inputs))
        gates, cells, output = (rng.uniform(-INITIAL_WEIGHT, INITIAL_WEIGHT, shape) for shape in shapes)
        gates[..., -1], output[:, -1] = GATE_BIASES, OUTPUT_BIAS
        return cls(gates, cells, output)

    def reset(self) -> None:
        """Clear activations, cell states and partial derivatives."""
        inputs = self.cells.shape[1]
        self.put_out = np.zeros(CELLS)
        self.held = np.zeros(CELLS)
        self.traces = np.zeros((3, CELLS, inputs))  # of a cell's state by its own, input gate's, forget gate's weights

    def step(self, chord: Array, wanted: Array, rate: float) -> Array:
        """Play and learn one step; return the probabilities of the next chord's units, shape (units,)."""
        seen = np.concatenate((chord, self.put_out, [1.0]))
        into, forget, out = np.repeat(_logistic(self.gates @ seen), CELLS_A_BLOCK, axis=1)
        candidate = np.tanh(self.cells @ seen)
        before = self.held
        self.held = forget * before + into * candidate
        squashed = np.tanh(self.held)
        self.put_out = out * squashed
        slopes = np.stack(
            (into * (1 - candidate**2), candidate * into * (1 - into), before * forget * (1 - forget))
        )  # (3, cells)
        self.traces = self.traces * forget[None, :, None] + slopes[:, :, None] * seen
        read = np.concatenate((chord, self.put_out, [1.0]))
        found = _logistic(self.output @ read)
        error = wanted - found  # of cross-entropy, section 3.2
        to_cells = self.output[:, len(chord) : -1].T @ error
        to_held = (to_cells * out * (1 - squashed**2))[:, None]
        by_cell, by_into, by_forget = to_held * self.traces
        by_out = (to_cells * squashed * out * (1 - out)).reshape(BLOCKS, CELLS_A_BLOCK).sum(1)[:, None] * seen
        shared = [part.reshape(BLOCKS, CELLS_A_BLOCK, -1).sum(1) for part in (by_into, by_forget)]
        gradients = (np.stack((*shared, by_out)), by_cell, error[:, None] * read)
        for weights, speed, gradient in zip(self.weights, self.speeds, gradients, strict=True):
            speed *= MOMENTUM
            speed += rate * gradient
            weights += speed
        return found


def main() -> None:
    """Train the original network for a while, and print its progress."""
    parser = argparse.ArgumentParser(description="Experiment 1 with the learning algorithm and values of the paper.")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--reset", action="store_true", help="start the song again after every wrong step")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    encoding = ENCODINGS[ENCODING]
    chords = [np.asarray(encoding.chord_units(chord), np.float64) for chord in blues_bars.FORM.chords]
    learner = Learner.fresh(len(chords[0]), arguments.seed)
    began_s = shown_s = time.monotonic()
    steps = at = looked = wrong = 0
    cross_entropy = 0.0
    while time.monotonic() - began_s < arguments.seconds:
        for _ in range(_STEPS_A_LOOK):
            wanted = chords[(at + 1) % len(chords)]
            error = np.abs(wanted - learner.step(chords[at % len(chords)], wanted, arguments.rate))
            cross_entropy -= float(np.log(np.maximum(1 - error, 1e-12)).sum())
            missed = bool(error.max() > 0.5)
            wrong, looked, steps, at = wrong + missed, looked + 1, steps + 1, at + 1
            if missed and arguments.reset:
                learner.reset()
                at = 0
        if time.monotonic() - shown_s >= _SHOWN_EVERY_S:
            print(
                f"{steps:>9,} steps: cross-entropy {cross_entropy / looked:.3f} nats a step, "
                f"{wrong / looked * len(chords):.1f} wrong steps a chorus",
                flush=True,
            )
            shown_s, looked, wrong, cross_entropy = time.monotonic(), 0, 0, 0.0


if __name__ == "__main__":
    main()
