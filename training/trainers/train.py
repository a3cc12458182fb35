"""The training loop, one for every network: to be read from top to bottom, in the manner of nanoGPT's `train.py`.

A network brings a `Task`: how it begins, its batches, its losses and its validation. What else its weights follow from
is one frozen `Config`. The same of both gives the same weights, bit for bit on a CPU, however often a run is stopped
and goes on from its checkpoint.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import cos, inf, pi
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from training.trainers import checkpoints
from training.trainers.checkpoints import Log, State
from training.trainers.progress import Progressed, silently

CPU = torch.device("cpu")

SHOWN_EVERY = 10
"""Updates between two reports of the training loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What every run follows from, beside its task. Where it runs and where it is kept does not belong to it."""

    seed: int = 1
    seeding: Literal["update", "run"] = "update"
    """Each update draws random numbers of its own, or all draw from one stream that begins with the seed.

    On a GPU only the first goes on from a checkpoint bit for bit.
    """
    updates: int
    """Updates of the weights, at most."""
    batch: int
    """Sequences in a batch."""
    steps: int = 192
    """Steps in a sequence, an eighth each."""
    rate: float
    """The highest learning rate."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls to zero, by the last update; or that it stays."""
    optimiser: Literal["adam", "rmsprop"] = "adam"
    """AdamW, or RMSProp with the values of Keras (Hinton 2012, lecture 6e)."""
    momentum: float = 0.0
    """Of RMSProp."""
    warm_up: int = 0
    """Updates over which the rate rises."""
    cycle: int | None = None
    """After so many updates the cosine starts over at half its height (Loshchilov & Hutter 2017, SGDR, section 3)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of Adam's running means of the gradient and of its square (Kingma & Ba 2015, algorithm 1)."""
    decay: float = 0.0
    """Weight decay, decoupled from the gradient (Loshchilov & Hutter 2019, algorithm 2)."""
    clip: float = 1.0
    """The largest norm of the gradient of a part of the network (Pascanu et al. 2013, algorithm 1)."""
    averaged_over: int = 0
    """Updates over which a running mean of the weights reaches back, which is then what is judged and kept; 0: none."""
    check_every: int = 100
    """Updates between validations."""
    keeps: Literal["best", "latest"] = "best"
    """Which check's weights the run ends with."""
    tolerated: float = inf
    """In the second half of a run a score that is not below this sends it back to the weights it kept."""
    enough: float | None = None
    """A score below this ends the run."""
    patience: int | None = None
    """Checks in a row without a better score that end the run."""


N = TypeVar("N", bound=nn.Module)
B = TypeVar("B")


class Task(Protocol[N, B]):
    """What a network brings to the loop; subclass it."""

    score: ClassVar[str]
    """The figure of `validate` that is to fall."""

    def settings(self) -> Mapping[str, object]:
        """Return what a run depends on besides the config: sizes, and a digest of the data."""
        return {}

    def network(self) -> N:
        """Return a new network, with weights drawn from PyTorch's seeded random numbers."""
        ...

    def parts(self, network: N) -> Sequence[nn.Module]:
        """Return the parts of the network whose gradients are clipped separately."""
        return (network,)

    def batch(self, config: Config, rng: np.random.Generator) -> B:
        """Return `config.batch` sequences of `config.steps` steps, drawn by `rng` or by PyTorch's random numbers."""
        ...

    def losses(self, network: N, batch: B) -> Mapping[str, Tensor]:
        """Return the losses of a batch by name, in nats a step; training minimises their sum."""
        ...

    def validate(self, network: N) -> Mapping[str, float]:
        """Return validation figures of a network, `score` among them; it is called without gradients."""
        ...


def optimiser_of(config: Config, parts: Sequence[nn.Module]) -> torch.optim.Optimizer:
    """Return a new optimiser of the parts of a network, each a group of weights."""
    groups = [{"params": list(part.parameters())} for part in parts]
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(
            groups, lr=config.rate, alpha=0.9, eps=1e-7, momentum=config.momentum, weight_decay=config.decay
        )
    return torch.optim.AdamW(groups, lr=config.rate, betas=config.betas, weight_decay=config.decay)


def rate_at(config: Config, update: int) -> float:
    """Return the learning rate of an update, counted from 1."""
    rising = config.warm_up or 1
    if config.schedule == "constant":
        return config.rate * min(1, update / rising)
    if config.schedule == "linear":
        return config.rate * min(1, update / rising) * (1 - update / (config.updates + 1))
    first = min(config.cycle or config.updates, config.updates)
    if update <= first:
        return config.rate * min(1, update / rising) * (1 + cos(pi * update / first)) / 2
    since, last = update - first, config.updates - first
    return config.rate / 2 * min(1, since / rising) * (1 + cos(pi * since / last)) / 2


def train(
    config: Config,
    task: Task[N, B],
    *,
    checkpoint: Path | None = None,
    device: torch.device = CPU,
    progressed: Progressed = silently,
) -> tuple[N, Log]:
    """Train a network for a task; return it on the CPU in evaluation mode, and the log of its run.

    The run goes on from `checkpoint` if that is of the same config, sizes and data; otherwise it begins anew and says
    so to `progressed`. UsageError for a file that is no checkpoint.
    """
    torch.use_deterministic_algorithms(device.type == "cpu")  # CUDA has no deterministic LSTM
    torch.manual_seed(config.seed)
    network = task.network().to(device)
    averaged = copy.deepcopy(network) if config.averaged_over else network
    optimiser = optimiser_of(config, task.parts(network))
    state = State(network, averaged, optimiser, np.random.default_rng(config.seed))
    follows_from = asdict(config) | dict(task.settings())
    if checkpoint is not None and checkpoint.exists():
        said = checkpoints.resume(checkpoint, state, follows_from, device)
        progressed(state.update / config.updates, said)

    while state.update < config.updates and not is_over(config, task.score, state.log):
        began_s = time.perf_counter()
        state.update += 1
        update = state.update
        if config.seeding == "update":
            torch.manual_seed((config.seed << 32) + update)
            state.rng = np.random.default_rng((config.seed, update))

        losses = task.losses(network, task.batch(config, state.rng))
        optimiser.zero_grad()
        torch.stack(tuple(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(config, update)
            clip_grad_norm_(group["params"], config.clip)
        optimiser.step()
        if config.averaged_over:
            average(averaged, network, min(1 - 1 / config.averaged_over, update / (update + 20)))

        for name, loss in losses.items():
            state.log.losses.setdefault(name, []).append(loss.item())
        state.log.seconds += time.perf_counter() - began_s
        if update % config.check_every == 0 or update == config.updates:
            figures = check(config, task, state)
            if checkpoint is not None:
                checkpoints.save(checkpoint, state, follows_from)
            shown = ", ".join(f"{name} {figure:.3f}" for name, figure in figures.items())
            progressed(update / config.updates, f"validation: {shown}")
        elif update % SHOWN_EVERY == 0:
            progressed(update / config.updates, f"training: {state.log.latest():.3f} nats a step")

    averaged.load_state_dict(state.kept["network"])
    return averaged.eval().cpu(), state.log


def is_over(config: Config, score: str, log: Log) -> bool:
    """Return whether training should stop: the score is good enough, or has not improved for too long."""
    found = [figures[score] for figures in log.checks]
    if not found:
        return False
    if config.enough is not None and found[-1] < config.enough:
        return True
    return config.patience is not None and len(found) - 1 - found.index(min(found)) >= config.patience


def check(config: Config, task: Task[N, B], state: State[N]) -> Mapping[str, float]:
    """Validate and log the network; keep its weights, or go back to the kept ones where the score is not tolerable."""
    state.averaged.eval()
    with torch.no_grad():
        figures = task.validate(state.averaged)
    state.averaged.train()
    score = figures[task.score]
    is_tolerable = score < config.tolerated
    if is_tolerable and (config.keeps == "latest" or all(score < each[task.score] for each in state.log.checks)):
        state.keep()
    elif not is_tolerable and state.update >= config.updates / 2:
        state.go_back()
    state.log.checks.append({"update": state.update, "training": state.log.latest(), **figures})
    return figures


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, keeps: float) -> None:
    """Move averaged weights towards the network's; a share `keeps` (0 to 1) of the average stays."""
    for mean, now in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, 1 - keeps)
