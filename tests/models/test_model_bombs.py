"""Small files that would be large: each is refused by what is computed beforehand, and before it has cost anything."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from improv.errors import ContractError
from improv.models import onnx_file
from improv.models.contract import MAX_METADATA, MAX_NAME, MAX_NAMES, MAX_PRIMERS, MAX_TEXT
from improv.models.onnx_file import MAX_FIELDS, MAX_PARTS, ModelFile
from improv.models.onnx_sizes import MAX_VALUES, MAX_WORK
from improv.music.theory import MAX_BARS
from improv.system import programs as program
from improv.system.memory_limit import memory_limited
from tests.conftest import combined
from tests.models.onnx_models import describe, saved, specification, walker

GOOD = specification()

Nodes = Sequence[onnx.NodeProto]


def node(operator: str, inputs: Sequence[str], output: str = "aside", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def numbers(name: str, values: Any, kind: Any = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def with_nodes(nodes: Nodes, *constants: onnx.TensorProto) -> onnx.ModelProto:
    model = walker()
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    return model


def doublings(operator: str, count: int, **attributes: Any) -> list[onnx.NodeProto]:
    names = ["melody", *(f"twice{n}" for n in range(count))]
    return [node(operator, [one, one], two, **attributes) for one, two in pairwise(names)]


def outer(operator: str) -> list[onnx.NodeProto]:
    """A column and a row that grow, and what has all of both."""
    grown = [node("Concat", ["melody"] * 500, "row", axis=1), node("Transpose", ["row"], "column")]
    return [*grown, node(operator, ["column", "row"], "all"), node(operator, ["all", "row"])]


def told(**changed: Any) -> onnx.ModelProto:
    model = walker()
    describe(model, {**GOOD, **changed})
    return model


CLAIM = TensorProto(name="claimed", data_type=TensorProto.FLOAT, dims=[1 << 21])
SQUARE = numbers("square", np.zeros((1024, 1024)), np.float32)

BOMBS = [
    pytest.param(with_nodes(doublings("Concat", 25, axis=0)), "what its operator Concat makes, of shape", id="concat"),
    pytest.param(with_nodes(doublings("Concat", 25, axis=1)), "what its operator Concat makes, of shape", id="wider"),
    pytest.param(with_nodes(outer("Add")), "what its operator Add makes, of shape [6500, 6500]", id="broadcast"),
    pytest.param(with_nodes(outer("MatMul")), "what its operator MatMul makes, of shape [6500, 6500]", id="outer"),
    pytest.param(
        with_nodes([*outer("Add")[:2], node("Where", ["yes", "column", "row"])], numbers("yes", [True], np.bool_)),
        "what its operator Where makes",
        id="where",
    ),
    pytest.param(
        with_nodes(
            [node("Unsqueeze", ["melody", f"at{n}"], f"dim{n}") for n in range(2)]
            + [node("Concat", ["dim0"] * 2000, "deep", axis=0), node("Concat", ["dim1"] * 2000, "wide", axis=1)]
            + [node("Mul", ["deep", "wide"])],
            numbers("at0", [1]),
            numbers("at1", [2]),
        ),
        "what its operator Mul makes",
        id="broadcast by unsqueezing",
    ),
    pytest.param(
        with_nodes([node("Gather", ["square", "many"], axis=1)], SQUARE, numbers("many", np.zeros(1 << 13))),
        "what its operator Gather makes, of shape [1024, 8192]",
        id="gather",
    ),
    pytest.param(
        with_nodes([node("MatMul", ["square", "square"], f"next{n}") for n in range(9)], SQUARE),
        f"it takes more than {MAX_WORK} multiplications",
        id="work",
    ),
    pytest.param(
        with_nodes([node("Tanh", ["square"], f"next{n}") for n in range(40)], SQUARE),
        f"its tensors have more than {MAX_VALUES} values together",
        id="many large ones",
    ),
    pytest.param(
        with_nodes([node("ArgMax", ["melody"], "wide"), node("Reshape", ["melody", "wide"])]),
        "its operator Reshape has no size that is known before it runs",
        id="a shape of what is heard",
    ),
    pytest.param(
        with_nodes([node("Shape", ["square"], "size"), node("Slice", ["square", "from", "to"])], SQUARE),
        "its operator Slice takes from, which nothing before it makes",
        id="what is not there",
    ),
    pytest.param(with_nodes([node("Cast", ["melody"], to=TensorProto.STRING)]), "holds neither numbers", id="texts"),
    pytest.param(
        with_nodes([node("Reshape", ["melody", "deep"])], numbers("deep", [1] * 60 + [13])), "61 dimensions", id="deep"
    ),
    pytest.param(
        with_nodes([node("Add", ["melody", "melody"], f"aside{n}") for n in range(MAX_PARTS)]),
        f"parts of the kind node; no step needs more than {MAX_PARTS}",
        id="operators without end",
    ),
    pytest.param(
        with_nodes([], *(numbers(f"aside{n}", [1]) for n in range(MAX_PARTS))),
        f"parts of the kind initializer; no step needs more than {MAX_PARTS}",
        id="tensors without end",
    ),
    pytest.param(with_nodes([], CLAIM), "has fewer values than it claims", id="a claim without values"),
    *(
        pytest.param(with_nodes([node(operator, ["melody"])]), f"it uses the operator {operator}, which", id=operator)
        for operator in (
            "Expand",
            "Tile",
            "ConstantOfShape",
            "Pad",
            "Resize",
            "Range",
            "OneHot",
            "Loop",
            "Scan",
            "NonZero",
            "RandomNormal",
            "Upsample",
            "DepthToSpace",
            "Einsum",
            "CumSum",
            "StringConcat",
        )
    ),
    pytest.param(told(form=" | ".join(["C7"] * 200_000)), "form has more than 16384 characters", id="a long form"),
    pytest.param(told(name="a" * (1 << 19)), f"name has more than {MAX_NAME} characters", id="a long name"),
    pytest.param(told(name="a" * (1 << 20)), f"has more than {MAX_METADATA} characters", id="a name of a megabyte"),
    pytest.param(told(name="  "), "name is empty", id="no name"),
    pytest.param(told(summary="a" * 2000), f"summary has more than {MAX_TEXT} characters", id="a long summary"),
    pytest.param(told(data={"source": "a" * 2000}), f"source has more than {MAX_TEXT} characters", id="a long source"),
    pytest.param(told(data={"source": "\x1b[2J"}), "source has characters that do not print", id="escapes"),
    pytest.param(told(data={str(n): "" for n in range(99)}), f"there are more than {MAX_NAMES} data", id="much data"),
    pytest.param(told(figures={"a" * 99: 1}), f"a name of figures has more than {MAX_NAME}", id="a long figure"),
    pytest.param(told(primers=[[60]] * 9999), f"there are more than {MAX_PRIMERS} primers", id="many primers"),
    pytest.param(told(state={"place": [1] * 99999}), "a shape has more than 8 dimensions", id="a deep state"),
    pytest.param(told(key=["C"] * 9), "key is not text", id="no key"),
]


@pytest.mark.parametrize(("model", "says"), BOMBS)
def test_a_bomb_is_refused_as_it_is_read(model: onnx.ModelProto, says: str) -> None:
    with pytest.raises(ContractError) as refused:
        ModelFile(model.SerializeToString())
    message = str(refused.value)
    assert says in message
    assert len(message) < 400
    assert message.isprintable()


def message(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds another, or many numbers."""
    size, rest = b"", len(content)
    while rest >= 0x80:
        size, rest = size + bytes((rest & 0x7F | 0x80,)), rest >> 7
    return bytes((number << 3 | 2,)) + size + bytes((rest,)) + content


OF_MANY: Mapping[str, Callable[[int], bytes]] = {
    "operators": lambda many: message(7, message(1, b"") * many),
    "metadata": lambda many: message(14, b"") * many,
    "dimensions": lambda many: message(7, message(5, message(1, b"\1" * many))),
    "whole numbers": lambda many: message(7, message(5, message(7, b"\1" * many))),
    "texts": lambda many: message(7, message(5, message(6, b"") * many)),
    "inputs": lambda many: message(7, message(1, message(1, b"") * many)),
    "within what is not read": lambda many: message(7, message(14, message(2, b"") * many)),
    "training": lambda many: message(20, message(1, b"") * many),
    "versions": lambda many: message(8, b"") * many,
}
"""Files that are made of many parts of a kind."""


@pytest.mark.parametrize(
    ("kind", "most"),
    combined(OF_MANY, [1 << 12, MAX_FIELDS], quick=lambda kind, most: most < MAX_FIELDS or kind == "operators"),
)
def test_a_file_of_too_many_parts_is_refused_before_it_is_unpacked(
    kind: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", most)
    with pytest.raises(ContractError, match=f"it is made of more than {most} parts"):
        ModelFile(OF_MANY[kind](most + 1))


def test_a_form_as_long_as_one_may_be_is_none_longer(tmp_path: Path) -> None:
    from improv.models.onnx_runtime import OnnxModel

    model = walker(" | ".join(["C7"] * MAX_BARS))
    OnnxModel(saved(model, tmp_path / "long.onnx"))
    describe(model, specification(" | ".join(["C7"] * MAX_BARS)) | {"form": " | ".join(["C7"] * (MAX_BARS + 1))})
    with pytest.raises(ContractError, match=f"it has more than {MAX_BARS} bars"):
        OnnxModel(saved(model, tmp_path / "longer.onnx"))


def test_bombs_cost_nothing(tmp_path: Path) -> None:
    """Loading them all takes no more memory than a file may have; without the sizes it was gigabytes."""
    for number, (model, *_) in enumerate(bomb.values for bomb in BOMBS):
        (tmp_path / f"{number}.onnx").write_bytes(model.SerializeToString())  # type: ignore[attr-defined]
    code = """
import sys
from pathlib import Path
from improv.errors import ContractError
from improv.models.onnx_runtime import OnnxModel
from improv.runtime.engine_process import peak_memory_mib
before = peak_memory_mib()
for path in Path(sys.argv[1]).glob("*.onnx"):
    try:
        OnnxModel(path)
    except ContractError:
        continue
    sys.exit(f"{path} was loaded")
print(round(peak_memory_mib() - before))
"""
    done = subprocess.run(
        program.python("-c", code, os.fspath(tmp_path)),
        env=program.environment(), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if sys.platform == "linux":
        assert int(done.stdout) < 100  # MiB


# --- every rule against what really comes out -------------------------------------------------------------


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Slice", ["table", "one", "minus_one", "one", "two"])],
        [node("Slice", ["table", "minus_one", "least", "zero", "minus_one"])],
        [node("Split", ["table"], num_outputs=1, axis=1)],
        [node("ReduceSum", ["table", "one"], keepdims=0)],
        [node("ReduceSum", ["table"])],
        [node("ReduceSum", ["table"], noop_with_empty_axes=1)],
        [node("ReduceMean", ["table", "minus_one"])],
        [node("ArgMax", ["table"], axis=-1, keepdims=0)],
        [node("Flatten", ["table"], axis=2)],
        [node("Flatten", ["table"], axis=-1)],
        [node("Gather", ["table", "pair"], axis=1)],
        [node("Transpose", ["table"])],
        [node("Transpose", ["table"], perm=[1, 2, 0])],
        [node("Unsqueeze", ["table", "minus_one"])],
        [node("Unsqueeze", ["table", "one"], "wide"), node("Squeeze", ["wide"])],
        [node("Concat", ["table", "table"], axis=-1)],
        [node("MatMul", ["table", "turned"])],
        [node("MatMul", ["vector", "turned"])],
        [node("MatMul", ["table", "vector"])],
        [node("Mul", ["table", "vector"])],
        [node("Reshape", ["table", "flat"])],
        [
            node("Shape", ["table"], "size"),
            node("Gather", ["size", "one"], "last"),
            node("Concat", ["minus_one", "last"], "shape", axis=0),
            node("Reshape", ["table", "shape"]),
        ],
        [
            node("Shape", ["table"], "size"),
            node("Slice", ["size", "zero", "two"], "some"),
            node("Concat", ["some", "minus_one"], "shape", axis=0),
            node("Reshape", ["table", "shape"]),
        ],
        [node("Shape", ["table"], start=1, end=-1)],
        [node("Where", ["yes", "table", "vector"])],
        [node("LayerNormalization", ["table", "vector"])],
        [node("Softmax", ["table"])],
        [node("Constant", [], value_ints=[1, 2, 3])],
        [node("Constant", [], value_float=1.0)],
        [node("Cast", ["table"], to=TensorProto.INT32)],
    ],
    ids=lambda nodes: "-".join(each.op_type for each in nodes),
)  # fmt: skip
def test_a_rule_says_what_onnxruntime_makes(nodes: Nodes, tmp_path: Path) -> None:
    import onnxruntime

    from improv.models.onnx_file import _read
    from improv.models.onnx_operators import RULES, Node, stored_tensor
    from improv.models.onnx_sizes import _declared

    constants = [
        numbers("zero", [0]), numbers("one", [1]), numbers("two", [2]), numbers("minus_one", [-1]),
        numbers("pair", [[0, 1, 2]]), numbers("least", [-(1 << 31)]), numbers("flat", [0, -1]),
        numbers("yes", [True], np.bool_), numbers("vector", np.ones(4), np.float32),
        numbers("turned", np.ones((4, 5)), np.float32),
    ]  # fmt: skip
    table = helper.make_tensor_value_info("table", TensorProto.FLOAT, (2, 3, 4))
    graph = helper.make_graph(list(nodes), "rule", [table], [helper.make_empty_tensor_value_info("aside")], constants)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [made] = session.run(None, {"table": np.ones((2, 3, 4), np.float32)} if session.get_inputs() else {})
    read = _read(content).graph
    found = {each.name: stored_tensor(each) for each in read.initializer} | {
        each.name: _declared(each) for each in read.input
    }
    for each in read.node:
        given = [found[name] for name in each.input]
        rule = Node(each.op_type, given, len(each.output), {attribute.name: attribute for attribute in each.attribute})
        found |= dict(zip(each.output, RULES[each.op_type](rule), strict=False))
    assert found["aside"].shape == made.shape


# --- the limit ------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is really written")
def test_what_asks_for_more_is_refused_it_and_then_the_limit_is_gone() -> None:
    with memory_limited(64 << 20), pytest.raises(MemoryError):
        np.ones(256 << 20, np.uint8)
    assert np.ones(256 << 20, np.uint8).nbytes == 256 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is really written")
def test_what_tries_a_network_has_a_limit_besides(tmp_path: Path) -> None:
    """Were a size ever computed wrongly: the same network, not looked at, gets no further than the limit."""
    grown = [
        *doublings("Concat", 24, axis=1),
        node("ReduceSum", ["twice23"], "sum"),
        node("Mul", ["sum", "nought"], "no"),
    ]
    model = with_nodes(
        [*grown, node("Add", ["chord_before", "no"], "next_chord")], numbers("nought", [[0]], np.float32)
    )
    [chord] = [each for each in model.graph.node if list(each.output) == ["next_chord"] and each.op_type == "MatMul"]
    chord.output[0] = "chord_before"
    code = """
import sys
from functools import partial
from improv.config.values import Tune
from improv.errors import ContractError
from improv.models import onnx_sizes
from improv.music.turns import Mode
from improv.runtime import opening
from improv.runtime.engine_process import peak_memory_mib
from improv.system import memory_limit
onnx_sizes._check = lambda tensor, what: None
onnx_sizes.MAX_VALUES = onnx_sizes.MAX_WORK = 1 << 60
opening.memory_limited = partial(memory_limit.memory_limited, 200 << 20)
tune = Tune.of(model=sys.argv[1])
try:
    opening.begin_tune(tune, opening.open_network(tune), Mode.SOLO, 0)
except ContractError as error:
    print(round(peak_memory_mib()), error)
"""
    path = saved(model, tmp_path / "grown.onnx")
    done = subprocess.run(
        program.python("-c", code, str(path)),
        env=program.environment(), capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    mib, _, says = done.stdout.partition(" ")
    assert "it fails in its first steps" in says
    assert int(mib) < 600
