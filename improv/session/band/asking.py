"""A network of the band that is asked: one step of it, its choices drawn from the part's own random numbers."""

from bisect import bisect
from collections.abc import Callable, Generator, Mapping
from itertools import accumulate
from math import exp, prod
from typing import Any, TypeVar

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import StepModel, Tensor, Tensors, no_memory
from improv.models.encodings import Choice
from improv.models.sampling import check_finite, unit_at, unit_weights

_DRAWS = 4096
"""The number of a network's first draw in a step: the numbers of the rules lie below."""

_ONE_CHOICE = 2
"""The dimensions of a head that is one choice; one with more has a row for each of several."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Freedom:
    """How freely choices are drawn: temperature, and the share of the likeliest that are drawn among."""

    temperature: float
    top_p: float

    def towards(self, other: "Freedom", share: float) -> "Freedom":
        """Return the freedom at a share, 0 to 1, of the way to another."""
        return Freedom(
            self.temperature + share * (other.temperature - self.temperature),
            self.top_p + share * (other.top_p - self.top_p),
        )


def asked(
    model: StepModel, features: Tensors, memory: tuple[float, ...]
) -> tuple[Callable[[Choice], Tensor], tuple[float, ...]]:
    """Take a network one step on; return what gives the logits of its choices, and its memory after the step.

    Errors of the model are raised.
    """
    outputs, after = model.step(features, unpacked(memory, model))

    def logits(choice: Choice) -> Tensor:
        if choice.head in outputs:
            return outputs[choice.head]
        return model.head_logits(choice.head, {**features, **choice.features}, after)

    return logits, packed(after)


def chosen(
    decoder: Generator[Choice, Any, R],
    logits: Callable[[Choice], Tensor],
    freedom: Callable[[Choice], Freedom],
    draw: Callable[[int], float],
    *,
    rows: bool = False,
) -> R:
    """Draw the choices that a decoder asks for one by one, and return what they make.

    `draw` gives a random number from 0 up to 1 by its number. With `rows` the decoder is sent a unit for each row of a
    head, else one unit.
    """
    number = _DRAWS
    try:
        choice = next(decoder)
        while True:
            free, found = freedom(choice), logits(choice)
            if found.ndim > _ONE_CHOICE:
                units = _drawn_rows(found[0], free, {row: draw(number + row) for row in choice.rows})
                number += found.shape[1]
            else:
                weights = unit_weights(
                    found, free.temperature, distribution="categorical", bias=choice.bias, top_p=free.top_p
                )
                units = [unit_at(weights, draw(number))]
                number += 1
            choice = decoder.send(units if rows else units[0])
    except StopIteration as done:
        made: R = done.value
        return made


def _drawn_rows(logits: Tensor, free: Freedom, drawn: Mapping[int, float]) -> list[int]:
    """Return a unit for each row that a number was drawn for, of logits of shape (rows, units), drawn among all."""
    check_finite(logits.ravel())
    below_likeliest = (logits - np.maximum.reduce(logits, axis=1, keepdims=True)).tolist()
    units = []
    for row, at in drawn.items():
        edges = list(accumulate([exp(each / free.temperature) for each in below_likeliest[row]]))
        units.append(bisect(edges, at * edges[-1]))
    return units


def packed(memory: Tensors) -> tuple[float, ...]:
    """Return a network's memory as numbers in a row."""
    found: tuple[float, ...] = ()
    for tensor in memory.values():
        found += tuple(tensor.ravel().tolist())
    return found


def unpacked(numbers: tuple[float, ...], model: StepModel) -> Tensors:
    """Return numbers in a row as the memory of a network; an empty memory unless there are as many as it has."""
    row, memory, start = np.array(numbers, np.float32), dict[str, Tensor](), 0
    for name, shape in model.spec.state.items():
        stop = start + prod(shape)
        memory[name], start = row[start:stop], stop
    if start != len(row):
        return no_memory(model.spec)
    return {name: memory[name].reshape(shape) for name, shape in model.spec.state.items()}
