"""The contract on tiny ONNX files: a good one plays, every other is refused in one line before it runs."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from improv.errors import ContractError, ImprovError, InputNotFound, UsageError
from improv.models.catalog import MAX_FILE_BYTES, find_model, model_paths
from improv.models.contract import MAX_TENSOR_VALUES, ModelSpec, no_memory
from improv.models.encodings import StepInput
from improv.models.onnx_runtime import OnnxModel, provider_names, remember_provider, remembered_provider
from improv.music.notes import Cell, Frame, Onset
from improv.music.theory import Form
from tests.conftest import CHANGES
from tests.models.onnx_models import ENCODING, Edit, describe, saved, specification, walker

Refuse = Callable[..., str]

GOOD = specification()
STEPS = Form.parse(CHANGES).steps


@pytest.fixture
def refuse(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Refuse:
    """How a file is refused: silently, in one line that begins with its path; the line's rest is returned."""

    def refuse(content: bytes | onnx.ModelProto) -> str:
        path = tmp_path / "bad.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        with pytest.raises(ContractError) as refused:
            OnnxModel(path)
        message = str(refused.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert capfd.readouterr() == ("", "")
        return message.removeprefix(f"{path}: ")

    return refuse


def edited(edit: Edit) -> onnx.ModelProto:
    model = walker()
    edit(model)
    return model


def told(**changed: Any) -> onnx.ModelProto:
    """The good model with something else in its metadata."""
    model = walker()
    describe(model, {**GOOD, **changed})
    return model


# --- a good one ---------------------------------------------------------------------------------


def test_a_good_model_counts_its_form_in_its_memory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = OnnxModel(saved(walker(), tmp_path / "walker.onnx"))
    form = Form.parse(CHANGES)
    memory = no_memory(model.spec)
    for step in range(3 * STEPS):
        chord = form.chord_at(step)
        heads, memory = model.step(ENCODING.encode(StepInput(Frame(Cell(onsets=(Onset(64),)), chord))), memory)
        assert ENCODING.chord((heads["next_chord"] > 0).astype(np.float32), form) == form.chord_at(step + 1)
        assert ENCODING.melody_pitches()[int(heads["next_melody"].argmax())] == 65
        assert {name: (value.shape, value.dtype) for name, value in memory.items()} == {
            "place": ((1, STEPS), np.dtype(np.float32))
        }
    assert capfd.readouterr() == ("", "")


def test_a_step_changes_neither_features_nor_memory_and_repeats(tmp_path: Path) -> None:
    model = OnnxModel(saved(walker(), tmp_path / "walker.onnx"))
    features = ENCODING.encode(StepInput(Frame(Cell(onsets=(Onset(60),)), None)))
    memory = no_memory(model.spec)
    (once, after), (again, _) = model.step(features, memory), model.step(features, memory)
    assert {name: value.tobytes() for name, value in once.items()} == {n: v.tobytes() for n, v in again.items()}
    assert not memory["place"].any()
    assert after["place"].any()
    assert features["melody"].sum() == 1


def test_what_a_model_says_survives_its_file(tmp_path: Path) -> None:
    spec = OnnxModel(saved(walker(), tmp_path / "walker.onnx")).spec
    assert (spec.name, spec.state, spec.primers) == ("walker", {"place": (1, STEPS)}, ((60, 60, 64, 64),))
    assert ModelSpec.from_json(spec.to_json()) == spec


def add_node(operator: str, **attributes: Any) -> Edit:
    return lambda model: model.graph.node.append(helper.make_node(operator, ["melody"], ["aside"], **attributes))


def add_constant(**value: Any) -> Edit:
    return lambda model: model.graph.node.append(helper.make_node("Constant", [], ["aside"], **value))


def claim(*dims: int) -> Edit:
    """A tensor that claims a shape and, where it is large, brings none of its values."""
    values = b"\0" * 4 * int(np.prod(dims)) if np.prod(dims) <= MAX_TENSOR_VALUES else b""
    tensor = TensorProto(name="claimed", data_type=TensorProto.FLOAT, dims=dims, raw_data=values)
    return lambda model: model.graph.initializer.append(tensor)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(edited(add_node("Tanh")), id="an operator on the list"),
        pytest.param(edited(add_node("Tanh", domain="ai.onnx")), id="the standard domain by its name"),
        pytest.param(edited(add_constant(value=numpy_helper.from_array(np.ones(3)))), id="a constant"),
        pytest.param(edited(claim(MAX_TENSOR_VALUES)), id="a tensor of the largest size"),
        pytest.param(told(primers=[]), id="no primers"),
        pytest.param(told(primers=[[60] * STEPS, [72]]), id="a primer as long as the form"),
        pytest.param(told(figures={}), id="no figures"),
        pytest.param(told(key="F#", form="Am7 | D7 Gmaj7"), id="another form and key"),
        pytest.param(told(mood="blue"), id="a field that is not ours"),
    ],
)
def test_the_good_twins_of_what_is_refused(
    model: onnx.ModelProto, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    OnnxModel(saved(model, tmp_path / "good.onnx"))
    assert capfd.readouterr() == ("", "")


# --- files that are no models -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "it is no ONNX model", id="empty"),
        pytest.param(b"I have known rivers", "it is no ONNX file", id="text"),
        pytest.param(np.random.default_rng(1).bytes(4096), "it is no ONNX file", id="random bytes"),
        pytest.param(walker().SerializeToString()[:-1], "a truncated one; export or copy it again", id="truncated"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes, says: str, refuse: Refuse) -> None:
    assert says in refuse(content)


def test_no_beginning_of_a_model_is_taken_for_one(refuse: Refuse) -> None:
    content = walker().SerializeToString()
    for size in range(0, len(content), 101):
        refuse(content[:size])


def test_a_file_too_big_to_be_a_step_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ContractError, match=r"big\.onnx: it is larger than 64 MiB"):
        OnnxModel(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"/gone\.onnx: No such file or directory; `improv models` lists"):
        OnnxModel(tmp_path / "gone.onnx")


def test_damage_is_refused_or_harmless(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a flipped or overwritten byte does, it is said as an ImprovError and nothing is printed."""
    good, chance = walker().SerializeToString(), np.random.default_rng(1)
    path, ends = tmp_path / "damaged.onnx", set[str]()
    for _ in range(400):
        content = bytearray(good)
        for place in chance.integers(0, len(good), size=chance.integers(1, 4)):
            content[place] = chance.integers(0, 256)
        path.write_bytes(content)
        try:
            OnnxModel(path)
        except ImprovError as error:
            ends.add(type(error).__name__)
        else:
            ends.add("loaded")
    assert ends == {"loaded", "ContractError"}
    assert capfd.readouterr() == ("", "")


# --- what a model says of itself ----------------------------------------------------------------


def without_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("{", "its metadata is not JSON", id="not JSON"),
        pytest.param("[" * 100_000, "its metadata is not JSON", id="deeper than JSON can be read"),
        pytest.param("[]", "its metadata is not a JSON object", id="no object"),
        pytest.param("{}", "it speaks contract None, this improv speaks 1", id="empty"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused(text: str, says: str, refuse: Refuse) -> None:
    assert says in refuse(edited(lambda model: describe(model, text)))


def test_a_model_without_metadata_is_refused(refuse: Refuse) -> None:
    assert "it has no 'improv' metadata, so it is no improv model" in refuse(edited(without_metadata))


@pytest.mark.parametrize("field", [field.name for field in fields(ModelSpec) if field.name != "line"])
def test_each_field_is_needed(field: str, refuse: Refuse) -> None:
    message = refuse(edited(lambda model: describe(model, {name: GOOD[name] for name in GOOD if name != field})))
    assert f"its metadata lacks {field}; " in message or (field == "contract" and "contract None" in message)


NOT_OF_THE_ENCODING = {"shape": [1, 13], "distribution": "bernoulli"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"contract": 2}, "it speaks contract 2, this improv speaks 1; export it again"),
        ({"encoding": "smoke_signals"}, "it wants the encoding 'smoke_signals'; this improv has local_notes"),
        ({"fingerprint": "0123"}, f"has the fingerprint 0123, this improv's local_notes has {ENCODING.fingerprint}"),
        ({"steps_per_beat": 4}, "it makes 4 steps a beat, local_notes makes 2"),
        ({"features": {**GOOD["features"], "drums": [1, 3]}}, "its feature drums (1, 3) is not one of local_notes"),
        ({"features": {"chord": [1, 11]}}, "its feature chord (1, 11) is not one of local_notes"),
        ({"state": {f"s{n}": [1, 2**21] for n in range(3)}}, "its memory is larger than 4194304 values in all"),
        (
            {"heads": {**GOOD["heads"], "next_drums": NOT_OF_THE_ENCODING}},
            "its head next_drums is not as local_notes has it",
        ),
        ({"heads": {"next_melody": NOT_OF_THE_ENCODING}}, "its head next_melody is not as local_notes has it"),
        ({"heads": {"next_melody": GOOD["heads"]["next_melody"]}}, "it has no head next_chord"),
        ({"form": "C7 | X9"}, "its form or key is unreadable: 'X9' is no chord symbol"),
        ({"form": "C7 F7 G7"}, "its form or key is unreadable: the bar 'C7 F7 G7' does not divide"),
        ({"form": ""}, "its form or key is unreadable"),
        ({"key": "H"}, "its form or key is unreadable: 'H' is no note name"),
        ({"primers": [[60, 59]]}, "a primer is longer than the form or leaves the vocabulary"),
        ({"primers": [[60] * (STEPS + 1)]}, "a primer is longer than the form or leaves the vocabulary"),
        ({"state": {"place": [1, MAX_TENSOR_VALUES + 1]}}, "larger than 4194304 values"),
        ({"state": {"place": [1, -1]}}, "[1, -1] is no shape"),
        ({"state": {"place": []}}, "[] is no shape"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(changed: dict[str, Any], says: str, refuse: Refuse) -> None:
    assert says in refuse(told(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"name": 1},
        {"form": ["C7"]},
        {"steps_per_beat": "two"},
        {"steps_per_beat": float("inf")},
        {"features": ["chord"]},
        {"state": {"place": [1, float("inf")]}},
        {"state": {"place": "wide"}},
        {"heads": {"next_chord": [1, 12]}},
        {"heads": {"next_chord": {"shape": [1, 12], "distribution": "gaussian"}}},
        {"heads": {"next_chord": {"shape": [1, 12]}}},
        {"primers": ["CEG"]},
        {"figures": {"loss": [1]}},
        {"figures": {"loss": 10**400}},
        {"seed": None},
    ],
    ids=lambda changed: str(changed)[:60],
)
def test_metadata_of_the_wrong_kind_is_refused(changed: dict[str, Any], refuse: Refuse) -> None:
    assert "its metadata is malformed (" in refuse(told(**changed))


# --- what a graph may hold ----------------------------------------------------------------------


def tensor_info(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def graph_inside() -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Identity", ["melody"], ["x"])], "inside", [], [tensor_info("x", 1, 13)])


def add_function(model: onnx.ModelProto) -> None:
    node, opset = helper.make_node("Tanh", ["x"], ["y"]), helper.make_opsetid("", 18)
    model.functions.append(helper.make_function("improv", "mine", ["x"], ["y"], [node], [opset]))


def elsewhere(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    return tensor


def weights_elsewhere(model: onnx.ModelProto) -> None:
    elsewhere(model.graph.initializer[0]).ClearField("raw_data")


def sparse(*dims: int) -> onnx.SparseTensorProto:
    one, first = np.ones(1, np.float32), np.zeros(1, np.int64)
    return helper.make_sparse_tensor(numpy_helper.from_array(one, "one"), numpy_helper.from_array(first, "first"), dims)


ELSEWHERE = elsewhere(TensorProto(data_type=TensorProto.FLOAT, dims=[2]))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        pytest.param(add_node("Erf"), "it uses the operator Erf, which", id="unlisted operator"),
        pytest.param(add_node("Tanh", domain="com.acme"), "the operator com.acme.Tanh, which", id="custom domain"),
        pytest.param(add_node("Loop", body=graph_inside()), "it uses the operator Loop, which", id="loop"),
        pytest.param(
            add_node("If", then_branch=graph_inside(), else_branch=graph_inside()), "the operator If, which", id="if"
        ),
        pytest.param(add_node("Tanh", a=graph_inside()), "operator Tanh holds a graph of its own", id="subgraph"),
        pytest.param(add_node("Tanh", a=[graph_inside()]), "operator Tanh holds a graph of its own", id="subgraphs"),
        pytest.param(add_function, "it defines functions of its own", id="function"),
        pytest.param(weights_elsewhere, "it keeps weights in another file", id="external data"),
        pytest.param(add_constant(value=ELSEWHERE), "it keeps weights in another file", id="external constant"),
        pytest.param(claim(MAX_TENSOR_VALUES + 1), "is larger than 4194304 values", id="huge tensor"),
        pytest.param(claim(2**62, 2**62), "is larger than 4194304 values", id="tensor beyond 64 bits"),
        pytest.param(
            lambda model: model.graph.sparse_initializer.append(sparse(9)), "it has sparse tensors", id="sparse tensor"
        ),
        pytest.param(add_constant(sparse_value=sparse(2**24)), "it has sparse tensors", id="sparse constant"),
        pytest.param(lambda model: model.graph.ClearField("node"), "it is no ONNX model", id="no nodes"),
    ],
)
def test_a_graph_that_could_do_harm_is_refused(edit: Edit, says: str, refuse: Refuse) -> None:
    assert says in refuse(edited(edit))


def another_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(tensor_info("mood_in", 1, 2))


def another_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(tensor_info("begun", 1, 1))


def no_place_out(model: onnx.ModelProto) -> None:
    del model.graph.output[-1]


def all_in_double(model: onnx.ModelProto) -> None:
    """A graph that is right in itself and computes in double precision from end to end."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for weight in model.graph.initializer:
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float64), weight.name))


def any_melody(model: onnx.ModelProto) -> None:
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_param = "some"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        pytest.param(told(state={}), "its input place_in is not declared", id="undeclared state"),
        pytest.param(edited(another_input), "its input mood_in is not declared", id="undeclared input"),
        pytest.param(edited(another_output), "its output begun is not declared", id="undeclared output"),
        pytest.param(
            told(state={**GOOD["state"], "mood": [1, 2]}),
            "it declares the input mood_in but has none",
            id="missing state",
        ),
        pytest.param(edited(no_place_out), "it declares the output place_out but has none", id="missing output"),
        pytest.param(
            told(state={"place": [1, STEPS + 1]}),
            f"its input place_in is float and of shape [1, {STEPS}], declared is float [1, {STEPS + 1}]",
            id="state of another shape",
        ),
        pytest.param(edited(any_melody), "its input melody has no shape that is constant", id="open shape"),
        pytest.param(edited(all_in_double), "is of ONNX's kind 11 and of shape", id="another type"),
        pytest.param(
            edited(lambda model: model.graph.node[0].input.append("nobody")),
            "its operator MatMul takes nobody, which nothing before it makes",
            id="a graph that is wrong in itself",
        ),
    ],
)
def test_a_graph_that_is_not_what_the_metadata_declares_is_refused(
    model: onnx.ModelProto, says: str, refuse: Refuse
) -> None:
    assert says in refuse(model)


# --- names and providers ------------------------------------------------------------------------


def test_a_model_is_found_by_name_or_path_and_an_unknown_name_lists_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for folder, names in ((near, ["walker"]), (far, ["walker", "runner"])):
        folder.mkdir()
        for name in names:
            saved(walker(), folder / f"{name}.onnx")
    monkeypatch.setenv("IMPROV_MODELS", f"{near}:{tmp_path / 'nowhere'}:{far}")
    assert find_model("walker") == near / "walker.onnx"
    assert find_model("runner") == far / "runner.onnx"
    assert find_model("./runner.onnx") == Path("runner.onnx")
    with pytest.raises(UsageError, match="no model 'flyer'; there are: ") as unknown:
        find_model("flyer")
    assert str(unknown.value).endswith(f"{', '.join(model_paths())}; a path ends in .onnx")
    assert {"walker", "runner"} <= model_paths().keys()


def test_an_unknown_provider_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = saved(walker(), tmp_path / "walker.onnx")
    with pytest.raises(UsageError, match="no provider 'abacus'; choose from cpu, cuda, coreml"):
        OnnxModel(path, "abacus")
    assert OnnxModel(path, "cpu").provider == "cpu"


def test_a_provider_this_machine_has_not_is_refused_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No machine has both; where onnxruntime was built with one, it works or is said not to."""
    path = saved(walker(), tmp_path / "walker.onnx")
    refused = []
    for provider in ("cuda", "coreml"):
        try:
            assert OnnxModel(path, provider).provider == provider
        except UsageError as error:
            refused.append(str(error))
    assert refused
    assert all(says.endswith("does not work on this machine; use --provider cpu") for says in refused)
    assert capfd.readouterr() == ("", "")


def test_the_remembered_provider_is_used_while_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert remembered_provider() == "cpu"
    for name in provider_names():
        remember_provider(name)
        assert remembered_provider() == name
    remember_provider("abacus")
    assert remembered_provider() == "cpu"


def test_a_head_that_depends_on_choices_is_declared_by_the_file_or_for_older_files_by_the_encoding() -> None:
    spec = OnnxModel(find_model("partner")).spec
    assert spec.later_heads == ("next_pitch",)
    assert spec.heads["next_pitch"].after == ("next_rhythm",)
    told = ModelSpec.from_json(spec.to_json())
    assert told.later_heads == ("next_pitch",)
    silent = re.sub(r',\s*"after": \[[^]]*\]', "", spec.to_json())
    assert {head.after for head in ModelSpec.from_json(silent).heads.values()} == {None}
