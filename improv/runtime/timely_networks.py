"""Networks as the engine asks them: one whose answer is kept for the next plan, and those that must not be late.

It must never decide what is played where a network is not asked.
"""

from math import inf
from typing import TypeVar

from improv.models.contract import ModelSpec, StepModel, Tensor, Tensors
from improv.music.clock import Clock
from improv.session.band.learned import Refused
from improv.session.fallback import LATE

_FORGOTTEN, _TRIED_AGAIN = 0.9, 0.97
"""What is left of the time that a network of the band is taken to need, after it was asked and after it was not."""

Answer = TypeVar("Answer")


class Remembering:
    """A network that keeps its last answer: one that came too late is there when the same step is planned again."""

    def __init__(self, model: StepModel) -> None:
        self.spec = model.spec
        self._model = model
        self._asked: tuple[Tensors, Tensors] | None = None
        self._answer: tuple[Tensors, Tensors] = {}, {}
        self._moved: list[tuple[Tensors, Tensors, Tensors]] = []

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """See `StepModel`."""
        if self._asked is None or memory is not self._asked[1] or not _same(features, self._asked[0]):
            self._asked = None
            self._moved.clear()
            self._answer = self._model.step(features, memory)
            self._asked = features, memory
        return self._answer

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """See `StepModel`."""
        return self._model.head_logits(head, features, memory)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """See `StepModel`; the moves since the last step are kept as well."""
        for before, moved, after in self._moved:
            if memory is before and _same(features, moved):
                return after
        after = self._model.move(features, memory)
        self._moved.append((memory, features, after))
        return after


class InTime:
    """A network of the band that is only asked where it will answer in time; else its part plays by rule.

    How long it takes is known from the last times. Once it has come too late it is tried again now and then.
    """

    def __init__(self, model: StepModel, clock: Clock) -> None:
        self.until_s = inf
        """When its answer has to be there, in seconds of the clock."""
        self._model = model
        self._clock = clock
        self._began_s = self._takes_s = 0.0

    @property
    def spec(self) -> ModelSpec:
        """See `StepModel`."""
        return self._model.spec

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """See `StepModel`; Refused where it would be late."""
        self._began_s = self._clock.now()
        if self._began_s + self._takes_s >= self.until_s:
            self._takes_s *= _TRIED_AGAIN
            raise Refused(LATE)
        self._takes_s *= _FORGOTTEN
        return self._timed(self._model.step(features, memory))

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """See `StepModel`; Refused where it is too late."""
        if self._clock.now() >= self.until_s:
            self._timed(None)
            raise Refused(LATE)
        return self._timed(self._model.head_logits(head, features, memory))

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """See `StepModel`: no network of the band has a line of this kind."""
        return self._model.move(features, memory)

    def _timed(self, answer: Answer) -> Answer:
        self._takes_s = max(self._takes_s, self._clock.now() - self._began_s)
        return answer


def _same(features: Tensors, others: Tensors) -> bool:
    return features.keys() == others.keys() and all((features[name] == others[name]).all() for name in features)
