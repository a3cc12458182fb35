"""Model files as data: which there are, and what one says of itself before any of it runs.

Nothing is trusted. A file is refused in one line if it is broken, too big, made of operators we
do not expect, or stored in part elsewhere. This room must never import onnxruntime.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from improv.errors import ContractError, InputNotFound
from improv.model import MAX_TENSOR_VALUES, METADATA_KEY, ModelSpec

MAX_FILE_BYTES = 64 * 2**20

OPERATORS = frozenset(
    {
        "Add",
        "ArgMax",
        "Mod",
        "Cast",
        "Concat",
        "Constant",
        "Div",
        "Flatten",
        "Gather",
        "GatherElements",
        "Gemm",
        "GRU",
        "Identity",
        "LSTM",
        "LayerNormalization",
        "Log",
        "LogSoftmax",
        "MatMul",
        "Mul",
        "Neg",
        "ReduceMean",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)
"""The operators a step may be made of: arithmetic of fixed cost, no loops, nothing that makes its own sizes."""


def read(path: Path) -> bytes:
    """The bytes of a model file; InputNotFound or ContractError if it cannot be one."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ContractError(f"{path}: it is larger than {MAX_FILE_BYTES >> 20} MiB; no step model is")
        return path.read_bytes()
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; `improv models` lists the models there are") from error


def _message(pool: descriptor_pool.DescriptorPool, name: str) -> type[Message]:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"improv.{name}"))


def _onnx_subset() -> type[Message]:
    """The part of ONNX's ModelProto that is read here (onnx.proto3; numbers are its field numbers)."""
    fields: Mapping[str, Mapping[str, tuple[int, str]]] = {
        "Model": {"graph": (7, "Graph"), "metadata_props": (14, "*Entry"), "functions": (25, "*Function")},
        "Entry": {"key": (1, "str"), "value": (2, "str")},
        "Function": {"name": (1, "str")},
        "Graph": {
            "node": (1, "*Node"),
            "initializer": (5, "*Tensor"),
            "input": (11, "*Value"),
            "output": (12, "*Value"),
            "value_info": (13, "*Value"),
            "sparse_initializer": (15, "*Sparse"),
        },
        "Value": {"name": (1, "str")},
        "Sparse": {"dims": (3, "*int")},
        "Node": {
            "input": (1, "*str"),
            "output": (2, "*str"),
            "op_type": (4, "str"),
            "attribute": (5, "*Attribute"),
            "domain": (7, "str"),
        },
        "Attribute": {
            "t": (5, "Tensor"),
            "g": (6, "Graph"),
            "tensors": (10, "*Tensor"),
            "graphs": (11, "*Graph"),
            "sparse_tensor": (22, "Sparse"),
            "sparse_tensors": (23, "*Sparse"),
        },
        "Tensor": {
            "dims": (1, "*int"),
            "name": (8, "str"),
            "external_data": (13, "*Entry"),
            "data_location": (14, "int"),
        },
    }
    file = descriptor_pb2.FileDescriptorProto(name="onnx_subset.proto", package="improv", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, members in fields.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in members.items():
            base = kind.lstrip("*")
            entry = described.field.add(name=name, number=number)
            entry.label = kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL
            if base in ("str", "int"):
                entry.type = kinds.TYPE_STRING if base == "str" else kinds.TYPE_INT64
            else:
                entry.type, entry.type_name = kinds.TYPE_MESSAGE, f".improv.{base}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return _message(pool, "Model")


_Model = _onnx_subset()


def checked_spec(content: bytes) -> ModelSpec:
    """The specification inside a model file, once its graph is known to be harmless."""
    model: Any = _Model()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ContractError("it is no ONNX file, or a truncated one; export or copy it again") from error
    if not model.graph.node:
        raise ContractError("it is no ONNX model: it has no graph; export or copy it again")
    _check_graph(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in metadata:
        raise ContractError(f"it has no {METADATA_KEY!r} metadata, so it is no improv model; see `training/export.py`")
    return ModelSpec.from_json(metadata[METADATA_KEY])


def part(content: bytes, outputs: Collection[str]) -> bytes:
    """A checked model without whatever some of its outputs do not need."""
    model: Any = _Model()
    model.ParseFromString(content)
    graph, needed, kept = model.graph, set(outputs), []
    for node in reversed(graph.node):  # a node stands behind those whose outputs it takes
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    named = {name: [each for each in getattr(graph, name) if each.name in needed] for name in ("initializer", "input")}
    parts = {"node": kept[::-1], **named, "output": [each for each in graph.output if each.name in outputs]}
    smaller: Any = _Model()
    smaller.CopyFrom(model)
    smaller.graph.ClearField("value_info")
    for name, those in parts.items():
        smaller.graph.ClearField(name)
        getattr(smaller.graph, name).extend(those)
    return bytes(smaller.SerializeToString(deterministic=True))


def _check_graph(model: Any) -> None:
    if model.functions:
        raise ContractError("it defines functions of its own, which are not allowed")
    if model.graph.sparse_initializer:
        raise ContractError("it has sparse tensors, which are not allowed")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            operator = f"{node.domain}.{node.op_type}".lstrip(".")
            raise ContractError(f"it uses the operator {operator}, which is not allowed in a step")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ContractError(f"its operator {node.op_type} holds a graph of its own, which is not allowed")
        if any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute):
            raise ContractError("it has sparse tensors, which are not allowed")
    for tensor in _tensors(model.graph):
        if tensor.data_location or tensor.external_data:
            raise ContractError("it keeps weights in another file; export it as one file")
        if math.prod(tensor.dims) > MAX_TENSOR_VALUES:
            raise ContractError(f"a tensor of shape {list(tensor.dims)} is larger than {MAX_TENSOR_VALUES} values")


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
