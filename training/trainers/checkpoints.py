"""Where a run stands, and how it is kept in a file so that it can be stopped at any moment."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from improv.errors import UsageError

VERSION = 2
"""Of the files that are written; those of version 1, which have no number, are of a network that is learned no more."""

N = TypeVar("N", bound=nn.Module)


@dataclass(slots=True)
class Log:
    """What a run went through."""

    losses: dict[str, list[float]] = field(default_factory=dict)
    """The training losses of each update by name, in nats a step."""
    checks: list[dict[str, float]] = field(default_factory=list)
    """The figures of each validation, beside them its update and the training loss there."""
    returns: int = 0
    """How often the run went back to the weights it had kept."""
    seconds: float = 0.0
    """Time spent on updates, without validation."""

    def latest(self) -> float:
        """Return the training loss of the last update, in nats a step."""
        return sum(losses[-1] for losses in self.losses.values())


@dataclass(slots=True)
class State(Generic[N]):
    """Where a run stands after an update: all that the rest of it follows from."""

    network: N
    averaged: N
    """Its running mean, or the network itself."""
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    log: Log = field(default_factory=Log)
    update: int = 0
    kept: dict[str, Any] = field(init=False)
    """The weights that the run would end with or go back to, and the optimizer's state there."""

    def __post_init__(self) -> None:
        self.keep()

    def keep(self) -> None:
        """Keep the present weights and the optimizer's state."""
        self.kept = copy.deepcopy({"network": self.averaged.state_dict(), "optimizer": self.optimizer.state_dict()})

    def go_back(self) -> None:
        """Return to the weights and the optimizer's state that were kept."""
        self.network.load_state_dict(self.kept["network"])
        self.optimizer.load_state_dict(self.kept["optimizer"])
        self.log.returns += 1


def save(path: Path, state: State[Any], follows_from: Mapping[str, object]) -> None:
    """Write a checkpoint atomically; `follows_from` are the settings and digests that the run depends on, by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(
        {
            "version": VERSION,
            "follows_from": dict(follows_from),
            "network": state.network.state_dict(),
            "averaged": state.averaged.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "kept": state.kept,
            "log": asdict(state.log),
            "update": state.update,
            "random": {"torch": torch.get_rng_state(), "numpy": state.rng.bit_generator.state},
        },
        unfinished,
    )
    unfinished.replace(path)


def remove(folder: Path, *names: str) -> None:
    """Remove the checkpoints of some networks from a folder, by name."""
    for name in names:
        for path in folder.glob(f"{name}*.checkpoint"):
            path.unlink()


def resume(path: Path, state: State[Any], follows_from: Mapping[str, object], device: torch.device) -> str:
    """Load a checkpoint into a new state if it follows from the same settings; return a line on what was done.

    UsageError for a file that is no checkpoint, or one of a network of other layers.
    """
    try:
        found = torch.load(path, map_location=device, weights_only=True)
        before = found["follows_from"] if found.get("version") == VERSION else {"recipe": found["recipe"]}
    except Exception as error:  # other files fail in many ways
        raise UsageError(f"{path} is no checkpoint of this trainer; remove it to begin anew") from error
    differs = sorted(name for name in before.keys() | follows_from if before.get(name) != follows_from.get(name))
    if differs:
        return f"{path} follows from another {', '.join(differs)}: beginning anew"
    try:
        state.network.load_state_dict(found["network"])
        state.averaged.load_state_dict(found["averaged"])
        state.optimizer.load_state_dict(found["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"{path} is of this network as it was before; remove it to begin anew") from error
    state.kept, state.log, state.update = found["kept"], Log(**found["log"]), found["update"]
    torch.set_rng_state(found["random"]["torch"].cpu())
    state.rng.bit_generator.state = found["random"]["numpy"]
    return f"{path} has learned {state.update} updates before"
