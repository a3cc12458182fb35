"""The paper's own learning algorithm and values, to see what they do: `python -m training reproduce eck2002-original`.

Experiment 1 of Eck & Schmidhuber 2002 trained as section 3.1 says: weights burnt after every step,
learning rate 1e-5, momentum 0.9, and if asked for a reset on every error. The gradient is the
truncated one of Gers, Schmidhuber & Cummins 2000 (section 2.1): errors at the output flow into the
cells and gates of the same step and no further, and each cell carries the derivatives of its state.
Nothing is exported; what came of it is recorded in the cards of the networks of 2002.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings import ENCODINGS
from training.corpora import blues_bars
from training.networks.eck2002 import BLOCKS, CELLS, CELLS_A_BLOCK, ENCODING, GATE_BIASES, OUTPUT_BIAS
from training.reproductions import Figure, Reproduction, Run
from training.reproductions.pictures import curves
from training.trainers.progress import Progressed, portion, silently
from training.trainers.train import Config

NAME = "eck2002-original"

CONFIG = Config(seed=0, updates=690_000, batch=1, steps=1, rate=1e-5, schedule="constant", momentum=0.9)
"""The weights are updated at every step; the steps of the run that starts again after errors are a share of them."""

INITIAL_WEIGHT = 0.1
"""The paper does not say how weights start; this was customary."""

_STARTED_AGAIN_SHARE = 0.15
_LOOKS = 50
"""How often each run says how far it is, and plots its cross-entropy."""

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

    def step(self, chord: Array, wanted: Array, rate: float, momentum: float = CONFIG.momentum) -> Array:
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
            speed *= momentum
            speed += rate * gradient
            weights += speed
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """How the latest stretch of a run went: in nats a step, and in wrong steps of the form's 96."""

    steps: int
    cross_entropy: float
    wrong: float


def reproduce(run: Run) -> Reproduction:
    """Learn the form for as many steps as the config says, then a while with a reset on every error; export nothing."""
    config = run.config
    again = max(_LOOKS, round(config.updates * _STARTED_AGAIN_SHARE))
    share = config.updates / (config.updates + again)
    began_s = time.monotonic()
    whole = learn(config, config.updates, resets=False, progressed=portion(run.progressed, 0, share))
    seconds = time.monotonic() - began_s
    reset = learn(
        config, again, resets=True, progressed=portion(run.progressed, share, 1, "started again after errors")
    )
    picture = run.folder / f"{NAME}-curves.png"
    curves(
        picture,
        {"as it is": [look.cross_entropy for look in whole], "reset on errors": [look.cross_entropy for look in reset]},
        title="Eck & Schmidhuber 2002, experiment 1, by its own values",
        x=f"fiftieth of the run ({config.updates:,} and {again:,} steps)",
        y="cross-entropy, nats a step",
    )
    why = (
        "a minute and a half is far from the 15 to 45 minutes that the authors report: it does not show that they fail"
    )
    return Reproduction(
        figures=(
            Figure("wrong steps of 96", f"{whole[-1].wrong:.1f} after {config.updates:,} steps", "0", why),
            Figure("cross-entropy, nats a step", f"{whole[-1].cross_entropy:.3f}", "not given"),
            Figure("wrong steps of 96, reset on errors", f"{reset[-1].wrong:.1f} after {again:,} steps", "0", why),
            Figure("cross-entropy, reset on errors, nats a step", f"{reset[-1].cross_entropy:.3f}", "not given"),
            Figure("time", f"{seconds:.0f} s", "15 to 45 minutes", "stopped early, on a faster machine"),
        ),
        remarks=(
            f"As in section 3.1: learning rate {config.rate:g}, momentum {config.momentum:g}, weights burnt after "
            "every step, the truncated gradient of the original LSTM.",
            f"Ours: initial weights within {INITIAL_WEIGHT}, which the paper does not give. It is over too soon to be "
            "resumed: a run that was stopped begins anew.",
            "The networks of 2002 that are played are trained by another recipe: eck2002-chords, eck2002-blues.",
        ),
        files=(picture,),
    )


def learn(config: Config, steps: int, *, resets: bool, progressed: Progressed = silently) -> list[Look]:
    """Learn the form step by step, from the start again after each wrong one if `resets`; return how it went."""
    encoding = ENCODINGS[ENCODING]
    chords = [np.asarray(encoding.chord_units(chord), np.float64) for chord in blues_bars.FORM.chords]
    learner = Learner.fresh(len(chords[0]), config.seed)
    looks: list[Look] = []
    every = max(1, steps // _LOOKS)
    at = looked = wrong = 0
    cross_entropy = 0.0
    for step in range(1, steps + 1):
        wanted = chords[(at + 1) % len(chords)]
        error = np.abs(wanted - learner.step(chords[at % len(chords)], wanted, config.rate, config.momentum))
        cross_entropy -= float(np.log(np.maximum(1 - error, 1e-12)).sum())
        missed = bool(error.max() > 0.5)
        wrong, looked, at = wrong + missed, looked + 1, at + 1
        if missed and resets:
            learner.reset()
            at = 0
        if step % every == 0:
            looks.append(Look(step, cross_entropy / looked, wrong / looked * len(chords)))
            looked, wrong, cross_entropy = 0, 0, 0.0
            progressed(step / steps, f"{looks[-1].cross_entropy:.3f} nats a step")
    return looks
