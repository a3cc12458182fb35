"""What each operator of a step's graph makes of what it is given: the shape of every tensor before anything runs.

Every operator that is allowed has its rule here. It must never compute a tensor, but for the few whole numbers that
say how others are shaped. What has no shape that is known raises ValueError.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from improv.dataclass import dataclass
from improv.errors import ContractError

MAX_RANK = 8

_MAX_KNOWN = 64
"""So many whole numbers at most say how a tensor is shaped."""

Shape = tuple[int, ...]

FLOAT = 1
_INT32, _INT64, _BOOL = 6, 7, 9
FLOATS, INTEGERS = frozenset((1, 10, 11, 16)), frozenset((2, 3, 4, 5, _INT32, _INT64, _BOOL, 12, 13))
"""The kinds of values there may be, as TensorProto.DataType numbers them: no texts, no complex numbers."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it is known beforehand."""

    shape: Shape
    kind: int
    known: tuple[int, ...] | None = None
    """Its values, where they are few whole numbers that are known."""

    @property
    def size(self) -> int:
        """Number of values in the tensor."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with what it is given; an input that is left out is None."""

    operator: str
    inputs: Sequence[Tensor | None]
    outputs: int
    attributes: Mapping[str, Any]

    def operand(self, index: int) -> Tensor:
        """Return the tensor of an input that the node must have, by index."""
        tensor = self.inputs[index]
        if tensor is None:
            raise ValueError(f"input {index} is missing")
        return tensor

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute, or its default."""
        return int(self.attributes[name].i) if name in self.attributes else default

    def integers(self, name: str, index: int) -> tuple[int, ...] | None:
        """Return integers given as an attribute or, in newer versions, as an input; None if neither is there."""
        if name in self.attributes:
            return tuple(self.attributes[name].ints)
        if len(self.inputs) <= index or (tensor := self.inputs[index]) is None:
            return None
        if tensor.known is None:
            raise ValueError(f"its {name} only show when it runs")
        return tensor.known


# --- tensors ----------------------------------------------------------------------------------------


def stored_tensor(tensor: Any) -> Tensor:
    """Return the shape and type of a tensor stored in the file, with its values if they are a few integers."""
    if len(tensor.dims) > MAX_RANK:
        raise ContractError(f"a tensor has {len(tensor.dims)} dimensions; more than {MAX_RANK} are not allowed")
    shape, kind = tuple(tensor.dims), int(tensor.data_type)
    known = None
    if kind in (_INT32, _INT64) and 0 <= math.prod(shape) <= _MAX_KNOWN:
        width = 8 if kind == _INT64 else 4
        raw = tensor.raw_data
        known = (
            tuple(int.from_bytes(raw[at : at + width], "little", signed=True) for at in range(0, len(raw), width))
            if raw
            else tuple(tensor.int64_data if kind == _INT64 else tensor.int32_data)
        )
        known = known if len(known) == math.prod(shape) else None
    return Tensor(shape, kind, known)


# --- rules: what an operator makes of what it is given ------------------------------------------------


def _same(node: Node) -> list[Tensor]:
    return [node.operand(0)]


def _cast(node: Node) -> list[Tensor]:
    given, kind = node.operand(0), node.integer("to", 0)
    return [Tensor(given.shape, kind, given.known if kind in (_INT32, _INT64) else None)]


def _broadcast(*shapes: Shape) -> Shape:
    rank = max(map(len, shapes))
    sizes = []
    for column in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = set(column) - {1}
        if len(wide) > 1:
            raise ValueError(f"shapes {shapes} do not go together")
        sizes.append(wide.pop() if wide else 1)
    return tuple(sizes)


_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = MappingProxyType(
    {"Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mul": lambda a, b: a * b}
)


def _elementwise(node: Node) -> list[Tensor]:
    one, other = node.operand(0), node.operand(1)
    shape = _broadcast(one.shape, other.shape)
    known = None
    if one.known is not None and other.known is not None and node.operator in _ARITHMETIC and len(shape) <= 1:
        size = math.prod(shape)
        calculate = _ARITHMETIC[node.operator]
        known = tuple(
            calculate(one.known[at % len(one.known)], other.known[at % len(other.known)]) for at in range(size)
        )
        if any(abs(value) >= 1 << 63 for value in known):
            raise ValueError("a shape beyond 64 bits")
    return [Tensor(shape, one.kind, known)]


def _compared(node: Node) -> list[Tensor]:
    return [Tensor(_broadcast(node.operand(0).shape, node.operand(1).shape), _BOOL)]


def _where(node: Node) -> list[Tensor]:
    shape = _broadcast(*(node.operand(index).shape for index in range(3)))
    return [Tensor(shape, node.operand(1).kind)]


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < max(rank, 1):
        raise ValueError(f"there is no axis {axis}")
    return axis % rank if rank else 0


def _reduced(node: Node) -> list[Tensor]:
    given, axes = node.operand(0), node.integers("axes", 1)
    rank, kept = len(given.shape), node.integer("keepdims", 1)
    if not axes:
        if node.integer("noop_with_empty_axes", 0):
            return [Tensor(given.shape, given.kind)]
        axes = tuple(range(rank))
    return [Tensor(_without(given.shape, {_axis(axis, rank) for axis in axes}, kept), given.kind)]


def _arg_max(node: Node) -> list[Tensor]:
    given = node.operand(0)
    axis = _axis(node.integer("axis", 0), len(given.shape))
    return [Tensor(_without(given.shape, {axis}, node.integer("keepdims", 1)), _INT64)]


def _without(shape: Shape, axes: set[int], kept: int) -> Shape:
    return tuple(1 if at in axes else size for at, size in enumerate(shape) if kept or at not in axes)


def _concat(node: Node) -> list[Tensor]:
    parts = [node.operand(index) for index in range(len(node.inputs))]
    axis = _axis(node.integer("axis", 0), len(parts[0].shape))
    rests = {(part.shape[:axis], part.shape[axis + 1 :]) for part in parts}
    if len(rests) != 1:
        raise ValueError("its parts do not go together")
    [(before, after)] = rests
    shape = (*before, sum(part.shape[axis] for part in parts), *after)
    values = [part.known for part in parts]
    known = None
    if len(shape) == 1 and shape[0] <= _MAX_KNOWN and all(value is not None for value in values):
        known = tuple(number for value in values for number in value or ())
    return [Tensor(shape, parts[0].kind, known)]


def _constant(node: Node) -> list[Tensor]:
    for name, attribute in node.attributes.items():
        match name:
            case "value":
                return [stored_tensor(attribute.t)]
            case "value_float":
                return [Tensor((), 1)]
            case "value_floats":
                return [Tensor((len(attribute.floats),), 1)]
            case "value_int":
                return [Tensor((), _INT64, (int(attribute.i),))]
            case "value_ints":
                numbers = tuple(attribute.ints)
                return [Tensor((len(numbers),), _INT64, numbers if len(numbers) <= _MAX_KNOWN else None)]
    raise ValueError("it is no number")


def _flatten(node: Node) -> list[Tensor]:
    given, axis = node.operand(0), node.integer("axis", 1)
    axis = axis + len(given.shape) if axis < 0 else axis
    return [Tensor((math.prod(given.shape[:axis]), math.prod(given.shape[axis:])), given.kind)]


def _gather(node: Node) -> list[Tensor]:
    given, indices = node.operand(0), node.operand(1)
    axis = _axis(node.integer("axis", 0), len(given.shape))
    shape = (*given.shape[:axis], *indices.shape, *given.shape[axis + 1 :])
    known = None
    if given.known is not None and indices.known is not None and len(given.shape) == 1:
        known = tuple(given.known[index] for index in indices.known)
    return [Tensor(shape, given.kind, known)]


def _gather_elements(node: Node) -> list[Tensor]:
    return [Tensor(node.operand(1).shape, node.operand(0).kind)]


def _gemm(node: Node) -> list[Tensor]:
    one, other = node.operand(0).shape, node.operand(1).shape
    rows, inner = one[::-1] if node.integer("transA", 0) else one
    deep, columns = other[::-1] if node.integer("transB", 0) else other
    if inner != deep:
        raise ValueError(f"{one} and {other} cannot be multiplied")
    return [Tensor((rows, columns), node.operand(0).kind)]


def _mat_mul(node: Node) -> list[Tensor]:
    one, other = node.operand(0).shape, node.operand(1).shape
    if not one or not other:
        raise ValueError("it multiplies single numbers")
    left, right = (one if len(one) > 1 else (1, *one)), (other if len(other) > 1 else (*other, 1))
    if left[-1] != right[-2]:
        raise ValueError(f"{one} and {other} cannot be multiplied")
    shape = (*_broadcast(left[:-2], right[:-2]), *left[-2:-1][: len(one) - 1], *right[-1:][: len(other) - 1])
    return [Tensor(shape, node.operand(0).kind)]


def _normalised(node: Node) -> list[Tensor]:
    given = node.operand(0)
    axis = _axis(node.integer("axis", -1), len(given.shape))
    of_each = Tensor((*given.shape[:axis], *(1 for _ in given.shape[axis:])), 1)
    return [Tensor(given.shape, given.kind), of_each, of_each]


def _recurrent(node: Node) -> list[Tensor]:
    steps, batch, _ = node.operand(0).shape
    if node.integer("layout", 0):
        steps, batch = batch, steps
    directions, _, hidden = node.operand(2).shape
    kind = node.operand(0).kind
    if node.integer("layout", 0):
        return [Tensor((batch, steps, directions, hidden), kind), *[Tensor((batch, directions, hidden), kind)] * 2]
    return [Tensor((steps, directions, batch, hidden), kind), *[Tensor((directions, batch, hidden), kind)] * 2]


def _reshape(node: Node) -> list[Tensor]:
    given, wanted = node.operand(0), node.integers("shape", 1)
    if wanted is None:
        raise ValueError("it has no shape")
    sizes = [
        given.shape[at] if size == 0 and not node.integer("allowzero", 0) else size for at, size in enumerate(wanted)
    ]
    if sizes.count(-1) == 1:
        rest = -math.prod(sizes)
        sizes[sizes.index(-1)] = given.size // rest
    if math.prod(sizes) != given.size or any(size < 0 for size in sizes):
        raise ValueError(f"{list(given.shape)} cannot be shaped as {list(wanted)}")
    return [Tensor(tuple(sizes), given.kind, given.known)]


def _shape(node: Node) -> list[Tensor]:
    sizes = node.operand(0).shape
    end = node.integer("end", len(sizes))
    sizes = sizes[node.integer("start", 0) : end]
    return [Tensor((len(sizes),), _INT64, sizes)]


def _slice(node: Node) -> list[Tensor]:
    given = node.operand(0)
    starts, ends = node.integers("starts", 1), node.integers("ends", 2)
    if starts is None or ends is None:
        raise ValueError("it has no bounds")
    axes = node.integers("axes", 3) or tuple(range(len(starts)))
    strides = node.integers("steps", 4) or (1,) * len(starts)
    sizes, known = list(given.shape), given.known
    for start, end, axis, stride in zip(starts, ends, axes, strides, strict=True):
        at = _axis(axis, len(sizes))
        taken = slice(start, None if stride < 0 and end < -sizes[at] else end, stride)
        known = known[taken] if known is not None and len(sizes) == 1 else None
        sizes[at] = len(range(*taken.indices(sizes[at])))
    return [Tensor(tuple(sizes), given.kind, known)]


def _split(node: Node) -> list[Tensor]:
    given, sizes = node.operand(0), node.integers("split", 1)
    axis = _axis(node.integer("axis", 0), len(given.shape))
    if sizes is None:
        each = -(-given.shape[axis] // node.outputs)
        sizes = (*(each,) * (node.outputs - 1), given.shape[axis] - each * (node.outputs - 1))
    if sum(sizes) != given.shape[axis] or min(sizes) < 0 or len(sizes) != node.outputs:
        raise ValueError(f"{given.shape[axis]} cannot be split into {list(sizes)[:9]}")
    return [Tensor((*given.shape[:axis], size, *given.shape[axis + 1 :]), given.kind) for size in sizes]


def _squeeze(node: Node) -> list[Tensor]:
    given, axes = node.operand(0), node.integers("axes", 1)
    rank = len(given.shape)
    gone = (
        {at for at, size in enumerate(given.shape) if size == 1}
        if axes is None
        else {_axis(axis, rank) for axis in axes}
    )
    if any(given.shape[at] != 1 for at in gone):
        raise ValueError(f"{list(given.shape)} cannot be squeezed at {sorted(gone)}")
    return [Tensor(_without(given.shape, gone, 0), given.kind, given.known)]


def _transpose(node: Node) -> list[Tensor]:
    given = node.operand(0)
    order = tuple(node.attributes["perm"].ints) if "perm" in node.attributes else range(len(given.shape))[::-1]
    if sorted(order) != list(range(len(given.shape))):
        raise ValueError(f"{list(order)[:9]} is no order of its axes")
    return [Tensor(tuple(given.shape[at] for at in order), given.kind)]


def _unsqueeze(node: Node) -> list[Tensor]:
    given, axes = node.operand(0), node.integers("axes", 1) or ()
    rank = len(given.shape) + len(axes)
    new, sizes = {_axis(axis, rank) for axis in axes}, iter(given.shape)
    return [Tensor(tuple(1 if at in new else next(sizes) for at in range(rank)), given.kind, given.known)]


RULES: Mapping[str, Callable[[Node], list[Tensor]]] = MappingProxyType(
    {
        **dict.fromkeys(("Add", "Div", "Mod", "Mul", "Sub"), _elementwise),
        **dict.fromkeys(("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or"), _compared),
        **dict.fromkeys(
            ("Identity", "Log", "LogSoftmax", "Neg", "Relu", "Sigmoid", "Softmax", "Sqrt", "Tanh"),
            lambda node: [Tensor(node.operand(0).shape, node.operand(0).kind)],
        ),
        "Clip": _same,
        "Identity": _same,
        "ArgMax": _arg_max,
        "Cast": _cast,
        "Concat": _concat,
        "Constant": _constant,
        "Flatten": _flatten,
        "Gather": _gather,
        "GatherElements": _gather_elements,
        "Gemm": _gemm,
        "GRU": _recurrent,
        "LSTM": _recurrent,
        "LayerNormalization": _normalised,
        "MatMul": _mat_mul,
        "ReduceMean": _reduced,
        "ReduceSum": _reduced,
        "Reshape": _reshape,
        "ScatterElements": _same,
        "Shape": _shape,
        "Slice": _slice,
        "Split": _split,
        "Squeeze": _squeeze,
        "Transpose": _transpose,
        "Unsqueeze": _unsqueeze,
        "Where": _where,
    }
)
"""The operators a step may be made of: arithmetic of fixed cost, no loops, nothing that makes its own sizes."""
