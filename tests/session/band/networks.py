"""Networks of the band made up for tests: what they say follows from what they are told, by chance."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from improv.models.contract import CONTRACT, ModelSpec, Tensor, Tensors
from improv.models.encodings import BAND_ENCODINGS, BAND_NAMES, BAND_PARTS
from improv.music.parts import Part


@dataclass
class Chance:
    """A network whose logits are drawn by a hash of its inputs, and which remembers how often it was asked."""

    part: Part
    fails: frozenset[int] = frozenset()
    """The steps, counted from 0 as it is asked, at which it raises."""
    asked: int = 0
    spec: ModelSpec = field(init=False)

    def __post_init__(self) -> None:
        name = BAND_PARTS[self.part]
        encoding = BAND_ENCODINGS[name]
        self.spec = ModelSpec(
            contract=CONTRACT, name=BAND_NAMES[self.part], summary="", encoding=name, fingerprint=encoding.fingerprint,
            steps_per_beat=encoding.grid.steps_per_beat, features=encoding.features, state={"count": (1, 2)},
            heads=encoding.heads, key="C", form="C7", primers=(), data={}, seed=1, figures={},
        )  # fmt: skip

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self.asked += 1
        if self.asked - 1 in self.fails:
            raise RuntimeError("out of order")
        first = [name for name, head in self.spec.heads.items() if not head.after]
        return {name: self._said(name, features, memory) for name in first}, {"count": memory["count"] + 1}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        return self._said(head, features, memory)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")

    def _said(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        told = head.encode() + b"".join(np.ascontiguousarray(features[name]).tobytes() for name in sorted(features))
        rng = np.random.default_rng(zlib.crc32(told + memory["count"].tobytes()))
        return rng.normal(0, 3, self.spec.heads[head].shape).astype(np.float32)


def both(**fails: frozenset[int]) -> Mapping[Part, Chance]:
    """Return networks of bass and drums; those named fail at some of the steps they are asked for."""
    return {part: Chance(part, fails.get(part.label, frozenset())) for part in (Part.BASS, Part.DRUMS)}
