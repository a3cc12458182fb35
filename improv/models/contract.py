"""The contract between the runtime and any network: one step, named tensors, explicit memory.

A model is a function of one step. What it needs to be fed, how long its memory is, what its
outputs mean and where it comes from stand in a `ModelSpec`, which travels inside the model file as
JSON. This room knows the contract; it must never know an architecture or a file.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from reprlib import repr as shortly
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from improv.dataclass import dataclass
from improv.errors import ContractError

if TYPE_CHECKING:  # listing models needs no numpy, which takes longer to load than they to read
    import numpy as np
    from numpy.typing import NDArray

CONTRACT = 1
"""The version of this contract; a model that speaks another one is refused."""

MAX_TENSOR_VALUES = 2**22
"""No tensor of a step model is larger; a file that claims one is refused."""

MAX_METADATA = 1 << 20
"""Characters."""

MAX_NAME, MAX_TEXT, MAX_NAMES, MAX_PRIMERS = 80, 1000, 64, 1024
"""Characters of a name and of what is told in words, and how many there are of each kind of thing that has a name."""

MAX_SYMBOLS, MAX_SYMBOL = 1 << 14, 80
"""How many units of a line may be named, and the characters of a symbol."""

_LONGEST = {
    "name": MAX_NAME, "summary": MAX_TEXT, "encoding": MAX_NAME, "fingerprint": 128, "key": MAX_NAME, "form": 1 << 14,
}  # fmt: skip
"""Characters of each text."""

_MAX_RANK = 8

METADATA_KEY = "improv"
"""Where in an ONNX file's metadata the specification stands."""

DISTRIBUTIONS = ("bernoulli", "normalised_bernoulli", "categorical")
"""What a head's logits may mean: see `improv.models.sampling`. Of a head with rows each row is a choice of its own."""

Tensor: TypeAlias = "NDArray[np.float32]"
Tensors = Mapping[str, Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One output of the network: the shape of its logits, the distribution they stand for, and when it is asked."""

    shape: Shape
    distribution: str
    after: tuple[str, ...] | None = ()
    """The heads whose choices it depends on: it is asked once they are made. None where a file does not say."""

    @property
    def meaning(self) -> dict[str, Any]:
        """The part that a fingerprint covers: what the logits mean, not when they are computed."""
        return {"shape": self.shape, "distribution": self.distribution}


@dataclass(frozen=True, slots=True)
class LineSpec:
    """The part of a model that moves at a pace of its own: once for each note, sixteenth or frame of a line.

    Such a model knows no chords: another network, whose steps are those of the model, decides the changes for it, in
    the same file.
    """

    changes: str
    """The encoding of the network that decides the changes."""
    features: tuple[str, ...]
    """What a move is fed."""
    state: tuple[str, ...]
    """What a move moves."""
    heads: tuple[str, ...]
    """What is computed from the state, after the moves so far."""
    symbols: tuple[str, ...] = ()
    """What each unit stands for, where the encoding leaves that to the file: see `improv.models.encodings.symbols`."""

    def __hash__(self) -> int:
        """Return a hash of all but most of the symbols, of which there may be thousands."""
        return hash((self.changes, self.features, self.state, self.heads, len(self.symbols), self.symbols[:8]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What a model says of itself; every array has a leading batch axis of one."""

    contract: int
    name: str
    summary: str
    encoding: str
    fingerprint: str
    steps_per_beat: int
    features: Mapping[str, Shape]
    state: Mapping[str, Shape]
    heads: Mapping[str, HeadSpec]
    key: str
    form: str
    primers: tuple[tuple[int, ...], ...]
    """Melodies in MIDI pitches, one a step, that may lead into the first chorus."""
    data: Mapping[str, str]
    """What it was trained on: `source` and `licence`."""
    seed: int
    figures: Mapping[str, float]
    """What was measured of it after training, by name."""
    line: LineSpec | None = None
    """What moves at a pace of its own; None where everything moves once a step."""

    @property
    def later_heads(self) -> tuple[str, ...]:
        """The heads that depend on choices within a step: `step` leaves them out, `head_logits` computes them."""
        moving = () if self.line is None else self.line.heads
        return tuple(name for name, head in self.heads.items() if head.after or name in moving)

    @property
    def step_state(self) -> tuple[str, ...]:
        """The states that move once a step."""
        return tuple(self.state) if self.line is None else tuple(s for s in self.state if s not in self.line.state)

    def to_json(self) -> str:
        """Return the specification as it is written into a model file."""
        raw = asdict(self)
        if self.line is None:
            del raw["line"]
        return json.dumps(raw, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Return the specification in a model file's text; ContractError says which field is wrong."""
        if len(text) > MAX_METADATA:
            raise ContractError(f"its metadata has more than {MAX_METADATA} characters; export it again")
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ContractError(f"its metadata is not JSON ({error}); export it again") from error
        if not isinstance(raw, dict):
            raise ContractError("its metadata is not a JSON object; export it again")
        if raw.get("contract") != CONTRACT:
            raise ContractError(
                f"it speaks contract {shortly(raw.get('contract'))}, this improv speaks {CONTRACT}; export it again"
            )
        names = {field.name for field in fields(cls)} - {"line"}
        if missing := sorted(names - raw.keys()):
            raise ContractError(f"its metadata lacks {', '.join(missing)}; export it again")
        try:
            return cls(**{**{name: raw[name] for name in names}, **_checked(raw)})
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ContractError(f"its metadata is malformed ({str(error)[:160]}); export it again") from error


def _checked(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are more than numbers, each in its own type and of a size that is meant to be read."""
    for name, most in _LONGEST.items():
        _text(name, raw[name], most)
    if not raw["name"].strip():
        raise ValueError("name is empty")
    heads = {}
    for name, head in _few("heads", raw["heads"]).items():
        if head["distribution"] not in DISTRIBUTIONS:
            raise ValueError(f"head {name} has the unknown distribution {shortly(head['distribution'])}")
        after = None if "after" not in head else tuple(_text("after", each, MAX_NAME) for each in head["after"])
        heads[name] = HeadSpec(_shape(head["shape"]), head["distribution"], after)
    if not isinstance(raw["data"], dict):
        raise ValueError("data does not say source and licence")
    if len(raw["primers"]) > MAX_PRIMERS:
        raise ValueError(f"there are more than {MAX_PRIMERS} primers")
    return {
        "steps_per_beat": int(raw["steps_per_beat"]),
        "features": {name: _shape(shape) for name, shape in _few("features", raw["features"]).items()},
        "state": {name: _shape(shape) for name, shape in _few("state", raw["state"]).items()},
        "heads": heads,
        "primers": tuple(tuple(int(pitch) for pitch in primer) for primer in raw["primers"]),
        "data": {name: _text(name, told, MAX_TEXT) for name, told in _few("data", raw["data"]).items()},
        "seed": int(raw["seed"]),
        "figures": {name: float(value) for name, value in _few("figures", raw["figures"]).items()},
        "line": _line(raw.get("line")),
    }


def _line(raw: Any) -> LineSpec | None:
    """Return what a file says of its line; ValueError where that is not of its type, or more than may be."""
    if raw is None:
        return None
    if not isinstance(raw, dict) or not isinstance(raw["symbols"], list) or len(raw["symbols"]) > MAX_SYMBOLS:
        raise ValueError(f"line is no object with a list of symbols, or has more than {MAX_SYMBOLS}")
    named = {what: tuple(_few_names(f"line's {what}", raw[what])) for what in ("features", "state", "heads")}
    symbols = tuple(_text("a symbol", symbol, MAX_SYMBOL) for symbol in raw["symbols"])
    return LineSpec(_text("the line's changes", raw["changes"], MAX_NAME), **named, symbols=symbols)


def _few_names(what: str, raw: Any) -> list[str]:
    if not isinstance(raw, list) or len(raw) > MAX_NAMES:
        raise ValueError(f"{what} are no list, or more than {MAX_NAMES}")
    return [_text(what, name, MAX_NAME) for name in raw]


def _text(name: str, raw: Any, most: int) -> str:
    """Return a text that can be printed and is not too long; ValueError for any other."""
    if not isinstance(raw, str):
        raise ValueError(f"{name} is not text")
    if len(raw) > most:
        raise ValueError(f"{name} has more than {most} characters")
    if not raw.isprintable():
        raise ValueError(f"{name} has characters that do not print")
    return raw


def _few(what: str, raw: Any) -> Mapping[str, Any]:
    """Return a mapping that has no more entries than may be, each under a name that can be printed."""
    if len(raw) > MAX_NAMES:
        raise ValueError(f"there are more than {MAX_NAMES} {what}")
    return {_text(f"a name of {what}", name, MAX_NAME): value for name, value in raw.items()}


def _shape(raw: Any) -> Shape:
    if len(raw) > _MAX_RANK:
        raise ValueError(f"a shape has more than {_MAX_RANK} dimensions")
    shape = tuple(int(size) for size in raw)
    if not shape or any(size < 1 for size in shape) or math.prod(shape) > MAX_TENSOR_VALUES:
        raise ValueError(f"{shortly(raw)} is no shape, or larger than {MAX_TENSOR_VALUES} values")
    return shape


class StepModel(Protocol):
    """A network that makes one step at a time."""

    @property
    def spec(self) -> ModelSpec:
        """The specification in the model file."""
        ...

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """Return logits by head and the next memory, from one step's features and the memory so far.

        Heads that are only asked once a choice has been made may be left out: see `head_logits`. Neither argument is
        changed; shapes are those of the specification. Features that the model does not take are not looked at.
        """
        ...

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """Return the logits of one head after some choices of the step have been made, shape (1, units).

        `features` are the step's, with the choices so far; `memory` is the one after the step, and does not change.
        """
        ...

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """Return the memory after one move of the model's line, which may have none or several in a step.

        Only what the specification names as the line's moves; `memory` does not change.
        """
        ...


def no_memory(spec: ModelSpec) -> Tensors:
    """Return the memory of a model at the beginning: zeros, in the shapes of its specification."""
    import numpy as np  # noqa: PLC0415 see above

    return {name: np.zeros(shape, np.float32) for name, shape in spec.state.items()}
