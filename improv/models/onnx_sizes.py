"""What a step of a network is going to cost, found from its graph alone: how many values, and how much work.

What no shape can be found for is refused, so that nothing runs whose size is not known: see `onnx_operators`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from improv.errors import ContractError
from improv.models.contract import MAX_TENSOR_VALUES
from improv.models.onnx_operators import FLOATS, INTEGERS, MAX_RANK, RULES, Node, Tensor, stored_tensor

MAX_VALUES = 1 << 25
"""In all the tensors of a step together: three LSTM layers of 1024 units, their weights made from half precision."""

MAX_WORK = 1 << 28
"""Multiplications of a step, a tenth of a second and more: no eighth has time for them."""


def check_costs(graph: Any) -> dict[str, Tensor]:
    """Return every tensor of a graph by its name, with its shape.

    ContractError unless each has a size that is known, and all of them are small enough for a step.
    """
    found = {tensor.name: stored_tensor(tensor) for tensor in graph.initializer}
    for value in graph.input:
        found[value.name] = _declared(value)
    values = work = 0
    for node in graph.node:
        inputs = [found.get(name) if name else None for name in node.input]
        if missing := [name for name in node.input if name and name not in found]:
            raise ContractError(
                f"its operator {node.op_type} takes {_short(missing[0])}, which nothing before it makes"
            )
        attributes = {attribute.name: attribute for attribute in node.attribute}
        seen = Node(node.op_type, inputs, len(node.output), attributes)
        try:
            made = RULES[node.op_type](seen)
            work += _work(seen, made)
        except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError) as error:
            raise ContractError(
                f"its operator {node.op_type} has no size that is known before it runs ({_short(error)}); "
                "export it with shapes that are constant"
            ) from error
        for name, tensor in zip(node.output, made, strict=False):
            _check(tensor, f"what its operator {node.op_type} makes,")
            values += tensor.size
            found[name] = tensor
        if values > MAX_VALUES:
            raise ContractError(f"its tensors have more than {MAX_VALUES} values together; no step needs so many")
        if work > MAX_WORK:
            raise ContractError(f"it takes more than {MAX_WORK} multiplications; no step has time for so many")
    return found


def check_stored(tensors: Iterable[Any]) -> None:
    """Raise ContractError if a stored tensor is too large, or claims more values than the file holds."""
    for tensor in tensors:
        _check(stored_tensor(tensor), "a tensor")
        if math.prod(tensor.dims) > tensor.ByteSize():
            raise ContractError(f"a tensor of shape {list(tensor.dims)} has fewer values than it claims")


def _check(tensor: Tensor, what: str) -> None:
    if len(tensor.shape) > MAX_RANK:
        raise ContractError(f"{what} has {len(tensor.shape)} dimensions; more than {MAX_RANK} are not allowed")
    if any(size < 0 for size in tensor.shape):
        raise ContractError(f"{what} of shape {list(tensor.shape)} is smaller than nothing")
    if tensor.size > MAX_TENSOR_VALUES:
        raise ContractError(f"{what} of shape {list(tensor.shape)} is larger than {MAX_TENSOR_VALUES} values")
    if tensor.kind not in FLOATS | INTEGERS:
        raise ContractError(f"{what} holds neither numbers nor truths, which is not allowed in a step")


def _short(what: object) -> str:
    return " ".join(str(what).split())[:80]


def _declared(value: Any) -> Tensor:
    """Return an input of the graph, as it is declared."""
    described = value.type.tensor_type
    sizes = tuple(int(dimension.dim_value) for dimension in described.shape.dim)
    if not sizes or any(size < 1 for size in sizes):
        raise ContractError(f"its input {_short(value.name)} has no shape that is constant; export it again")
    tensor = Tensor(sizes, int(described.elem_type))
    _check(tensor, f"its input {_short(value.name)}")
    return tensor


def _work(node: Node, made: Sequence[Tensor]) -> int:
    """Return about how many multiplications an operator takes."""
    size = sum(tensor.size for tensor in made)
    match node.operator:
        case "MatMul":
            return size * node.operand(0).shape[-1]
        case "Gemm":
            return size * max(node.operand(0).shape)
        case "LSTM" | "GRU":
            gates = 4 if node.operator == "LSTM" else 3
            return made[0].size * gates * (node.operand(0).shape[-1] + node.operand(2).shape[-1])
        case _:
            return max([size, *(tensor.size for tensor in node.inputs if tensor is not None)])
