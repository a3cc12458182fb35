"""Model files as data: what one says of itself, before any of it runs.

Nothing is trusted. A file is refused in one line if it is broken, too big, made of operators we do
not expect or of more than a step can cost, or stored in part elsewhere. This room must never import
onnxruntime.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from improv.errors import ContractError
from improv.models.contract import METADATA_KEY, ModelSpec
from improv.models.onnx_operators import RULES, Tensor
from improv.models.onnx_sizes import check_costs, check_stored

MAX_FIELDS = 1 << 20
"""Fields in a file: each of two bytes may take a hundred of memory, so they are counted before they are read."""

MAX_PARTS = 1 << 12
"""Operators of a graph, its tensors, its inputs and so on: onnxruntime compares them with each other as it loads."""

_DEEPEST = 12

_FIELDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Model": {
        "graph": (7, "Graph"),
        "doc_string": (6, "bytes"),
        "metadata_props": (14, "*Entry"),
        "training_info": (20, "*Other"),
        "functions": (25, "*Other"),
    },
    "Other": {"name": (1, "bytes")},
    "Entry": {"key": (1, "str"), "value": (2, "str")},
    "Graph": {
        "node": (1, "*Node"),
        "initializer": (5, "*Tensor"),
        "doc_string": (10, "bytes"),
        "input": (11, "*Value"),
        "output": (12, "*Value"),
        "value_info": (13, "*Value"),
        "sparse_initializer": (15, "*Other"),
        "metadata_props": (16, "*Entry"),
    },
    "Value": {"name": (1, "str"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "?int"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "*Dimension")},
    "Dimension": {"dim_value": (1, "?int"), "dim_param": (2, "?str")},
    "Node": {
        "input": (1, "*str"),
        "output": (2, "*str"),
        "op_type": (4, "str"),
        "attribute": (5, "*Attribute"),
        "doc_string": (6, "bytes"),
        "domain": (7, "str"),
        "metadata_props": (9, "*Entry"),
    },
    "Attribute": {
        "name": (1, "str"),
        "i": (3, "?int"),
        "t": (5, "Tensor"),
        "g": (6, "Other"),
        "floats": (7, "*float"),
        "ints": (8, "*int"),
        "tensors": (10, "*Tensor"),
        "graphs": (11, "*Other"),
        "doc_string": (13, "bytes"),
        "sparse_tensor": (22, "Other"),
        "sparse_tensors": (23, "*Other"),
    },
    "Tensor": {
        "dims": (1, "*int"),
        "data_type": (2, "?int"),
        "float_data": (4, "bytes"),
        "int32_data": (5, "*int"),
        "int64_data": (7, "*int"),
        "name": (8, "str"),
        "raw_data": (9, "?bytes"),
        "double_data": (10, "bytes"),
        "uint64_data": (11, "bytes"),
        "external_data": (13, "*Entry"),
        "data_location": (14, "int"),
    },
}
"""The part of ONNX's messages that is read here (onnx.proto3), by name: the number of each field, and what it holds.

`*` there may be several, `?` nothing is something else than 0.
"""

_OPAQUE = frozenset(("doc_string", "float_data", "double_data", "uint64_data"))
"""What is only known so that it is not counted: as it stands it is passed on."""


def _onnx_subset() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(name="onnx_subset.proto", package="improv", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    plain = {"str": kinds.TYPE_STRING, "int": kinds.TYPE_INT64, "bytes": kinds.TYPE_BYTES, "float": kinds.TYPE_FLOAT}
    for message, members in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in members.items():
            if name in _OPAQUE:
                continue
            base = kind.lstrip("*?")
            entry = described.field.add(name=name, number=number)
            entry.label = kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL
            if base in plain:
                entry.type = plain[base]
            else:
                entry.type, entry.type_name = kinds.TYPE_MESSAGE, f".improv.{base}"
            if kind.startswith("?"):
                entry.proto3_optional, entry.oneof_index = True, len(described.oneof_decl)
                described.oneof_decl.add(name=f"_{name}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("improv.Model"))


_Model = _onnx_subset()


class ModelFile:
    """A model file that was read once, and whose graph is known to be harmless. ContractError says why one is not."""

    def __init__(self, content: bytes) -> None:
        """Read and check what a file holds."""
        self._content = content
        model = _read(content)
        if not model.graph.node:
            raise ContractError("it is no ONNX model: it has no graph; export or copy it again")
        tensors = _check_graph(model)
        self.spec = _spec_of(model)
        """What the model says of itself."""
        stored = {tensor.name for tensor in model.graph.initializer}
        self.inputs = {each.name: tensors[each.name] for each in model.graph.input if each.name not in stored}
        """The tensors it is fed, by name."""
        self.outputs = {each.name: tensors[each.name] for each in model.graph.output if each.name in tensors}
        """The tensors it makes, by name."""

    def part(self, outputs: Collection[str]) -> bytes:
        """Return the content of a model file that computes only some of the outputs."""
        smaller = _parsed(self._content)  # read again: to copy what is read already takes three times as long
        graph, needed = smaller.graph, set(outputs)
        for node in reversed(graph.node):  # a node stands behind those whose outputs it takes
            if needed.intersection(node.output):
                needed.update(node.input)
        _keep(graph.node, lambda node: not needed.isdisjoint(node.output))
        for tensors in (graph.initializer, graph.input):
            _keep(tensors, lambda tensor: tensor.name in needed)
        _keep(graph.output, lambda tensor: tensor.name in outputs)
        graph.ClearField("value_info")
        return bytes(smaller.SerializeToString(deterministic=True))


def _spec_of(model: Any) -> ModelSpec:
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in metadata:
        raise ContractError(
            f"it has no {METADATA_KEY!r} metadata, so it is no improv model; see `training/trainers/export.py`"
        )
    return ModelSpec.from_json(metadata[METADATA_KEY])


def _read(content: bytes) -> Any:
    fields = _fields(memoryview(content), "Model", MAX_FIELDS, _DEEPEST)
    if fields > MAX_FIELDS:
        raise ContractError(f"it is made of more than {MAX_FIELDS} parts; no step model is")
    try:
        return _parsed(content)
    except DecodeError as error:
        raise ContractError("it is no ONNX file, or a truncated one; export or copy it again") from error


def _parsed(content: bytes) -> Any:
    model: Any = _Model()
    model.ParseFromString(content)
    return model


def _keep(parts: Any, wanted: Callable[[Any], bool]) -> None:
    """Remove the parts of a graph that are not wanted."""
    for place in reversed(range(len(parts))):
        if not wanted(parts[place]):
            del parts[place]


def _check_graph(model: Any) -> dict[str, Tensor]:
    """Return the tensors of a graph by name; ContractError unless it is harmless."""
    if model.functions or model.training_info:
        raise ContractError("it defines functions of its own, which are not allowed")
    if model.graph.sparse_initializer:
        raise ContractError("it has sparse tensors, which are not allowed")
    for what in ("node", "initializer", "input", "output", "value_info"):
        if (count := len(getattr(model.graph, what))) > MAX_PARTS:
            raise ContractError(f"its graph has {count} parts of the kind {what}; no step needs more than {MAX_PARTS}")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in RULES:
            operator = f"{node.domain[:40]}.{node.op_type[:40]}".lstrip(".")
            raise ContractError(f"it uses the operator {operator}, which is not allowed in a step")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ContractError(f"its operator {node.op_type} holds a graph of its own, which is not allowed")
        if any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute):
            raise ContractError("it has sparse tensors, which are not allowed")
    for tensor in _tensors(model.graph):
        if tensor.data_location or tensor.external_data:
            raise ContractError("it keeps weights in another file; export it as one file")
    check_stored(_tensors(model.graph))
    return check_costs(model.graph)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


# --- counting before reading --------------------------------------------------------------------------

_KINDS = {name: {number: kind.lstrip("*?") for number, kind in members.values()} for name, members in _FIELDS.items()}


def _fields(content: memoryview, message: str, most: int, depth: int) -> int:
    """Return how many fields an encoded message has, those within it too, and no further than to more than `most`.

    Where it is no message it is counted as far as a parser would get. Of what we do not read, every two bytes may
    be a field.
    """
    kinds, count, at = _KINDS[message], 0, 0
    while at < len(content) and count <= most:
        tag, at = _varint(content, at)
        count += 1
        match tag & 7:
            case 0:
                _, at = _varint(content, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                size, at = _varint(content, at)
                within = content[at : at + size]
                at += size
                kind = kinds.get(tag >> 3, "")
                if kind in _KINDS and depth:
                    count += _fields(within, kind, most - count, depth - 1)
                elif kind == "int":
                    count += len(within)
                elif kind not in ("str", "bytes"):
                    count += len(within) // 2
            case _:
                break
    return count


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Return a number as protobuf writes it, and where it ends; past the end where it has none."""
    if at < len(content) and (byte := content[at]) < 0x80:  # as most are
        return byte, at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            return 0, len(content)
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, len(content)
