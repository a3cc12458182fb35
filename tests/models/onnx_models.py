"""Tiny ONNX models, built when a test needs one: they count a form and walk up from the note they are fed."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from improv.models.contract import CONTRACT, METADATA_KEY
from improv.models.encodings import ENCODINGS
from improv.music.theory import STEPS_PER_BEAT, Form
from tests.conftest import CHANGES

ENCODING = ENCODINGS["local_notes"]
UNITS = ENCODING.features["melody"][1]

Edit = Callable[[onnx.ModelProto], None]
"""Something done to a good model."""


def specification(changes: str = CHANGES) -> dict[str, Any]:
    """What a good model says of itself, as it stands in its metadata."""
    return {
        "contract": CONTRACT,
        "name": "walker",
        "summary": "walks up, now and then",
        "encoding": "local_notes",
        "fingerprint": ENCODING.fingerprint,
        "steps_per_beat": STEPS_PER_BEAT,
        "features": {name: list(shape) for name, shape in ENCODING.features.items()},
        "state": {"place": [1, Form.parse(changes).steps]},
        "heads": {
            name: {"shape": list(head.shape), "distribution": head.distribution}
            for name, head in ENCODING.heads.items()
        },
        "key": "C",
        "form": changes,
        "primers": [[60, 60, 64, 64]],
        "data": {"source": "none", "licence": "none"},
        "seed": 0,
        "figures": {"loss": 0.5},
    }


def walker(changes: str = CHANGES) -> onnx.ModelProto:
    """A good model: `place` says which step of the form was fed last, zeros that none was.

    The logits of the next melody note favour a semitone above what is fed, but not so strongly that
    the seed would not matter. The chord that is fed is looked at and makes no difference.
    """
    steps = Form.parse(changes).steps
    weights = {
        **changes_weights(changes),
        "upwards": 6 * np.roll(np.eye(UNITS), 1, axis=1),
        "quiet": np.full((1, UNITS), -3.0),
        "nothing": np.zeros((ENCODING.features["chord"][1], UNITS)),
    }
    nodes = [
        *changes_nodes(),
        helper.make_node("MatMul", ["chord", "nothing"], ["ignored"]),
        helper.make_node("MatMul", ["melody", "upwards"], ["above"]),
        helper.make_node("Add", ["above", "quiet"], ["loud"]),
        helper.make_node("Add", ["loud", "ignored"], ["next_melody"]),
    ]
    inputs = {**ENCODING.features, "place_in": (1, steps)}
    outputs = {**{name: head.shape for name, head in ENCODING.heads.items()}, "place_out": (1, steps)}
    model = graph_model(nodes, inputs, outputs, weights)
    describe(model, specification(changes))
    return model


def changes_nodes() -> list[onnx.NodeProto]:
    """What makes `next_chord` and `place_out` of `place_in`: it counts through a form."""
    return [
        helper.make_node("MatMul", ["place_in", "onwards"], ["moved"]),
        helper.make_node("ReduceSum", ["place_in"], ["begun"], keepdims=1),
        helper.make_node("Sub", ["one", "begun"], ["beginning"]),
        helper.make_node("MatMul", ["beginning", "top"], ["first"]),
        helper.make_node("Add", ["moved", "first"], ["place_out"]),
        helper.make_node("MatMul", ["place_out", "chords"], ["next_chord"]),
    ]


def changes_weights(changes: str = CHANGES) -> dict[str, NDArray[np.float64]]:
    """The weights of `changes_nodes`."""
    form = Form.parse(changes)
    return {
        "onwards": np.roll(np.eye(form.steps), 1, axis=1),
        "top": np.eye(form.steps)[:1],
        "one": np.ones((1, 1)),
        "chords": np.array([20 * ENCODING.chord_units(form.chord_at(step + 1)) - 10 for step in range(form.steps)]),
    }


def graph_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
    weights: Mapping[str, NDArray[np.float64]],
) -> onnx.ModelProto:
    """A graph as a model, without metadata."""
    graph = helper.make_graph(
        nodes,
        "walker",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def describe(model: onnx.ModelProto, metadata: Mapping[str, Any] | str) -> None:
    """Give a model this metadata in place of its own; text stands as it is."""
    del model.metadata_props[:]
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    model.metadata_props.add(key=METADATA_KEY, value=text)


def saved(model: onnx.ModelProto, path: Path) -> Path:
    """The model's file."""
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path
