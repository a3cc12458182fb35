"""Tiny ONNX models of a line over changes, one for each kind of line: each favours what follows what it heard last."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from improv.models.encodings import ENCODINGS, OverChanges, line_of
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import Form
from tests.conftest import CHANGES
from tests.models.onnx_models import changes_nodes, changes_weights, describe, graph_model, saved, specification

SYMBOLS: Mapping[str, tuple[str, ...]] = {
    "notes": (*(str(pitch) for pitch in range(55, 80)), "60.64.67", "53.57.60"),
    "events": (*(str(pitch) for pitch in range(55, 80)), "_", "r", "/"),
    "roll": (),
    "piano": (),
}
"""Every kind of line, and the symbols of its units."""

LOCAL_NOTES = ENCODINGS["local_notes"]


def encoding(kind: str) -> OverChanges:
    """The encoding of a line over local notes' changes."""
    return OverChanges(line_of(kind, SYMBOLS[kind]), LOCAL_NOTES)


def follows(kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What follows: logits by the unit that was heard last, (units, units), and where nothing was, (1, units)."""
    (shape,) = (head.shape for head in line_of(kind, SYMBOLS[kind]).heads.values())
    units = shape[1]
    if kind == "roll":  # a pitch goes on for a while, and so does its fifth
        onwards = 5.0 * (np.eye(units) + np.roll(np.eye(units), 7, axis=1))
        return onwards, np.where(np.arange(units) == 28, 1.0, -4.0)[None]
    first = np.zeros((1, units))
    first[0, -1] = 3.0 if kind == "piano" else 0.0  # mostly its frames are soon over
    return 4.0 * np.roll(np.eye(units), 2, axis=1), first


def line_model(kind: str) -> onnx.ModelProto:
    """A good model of a line over the walker's changes: its memory is the unit, or the frame, that it heard last."""
    line = line_of(kind, SYMBOLS[kind])
    fed, width = next((name, shape[1]) for name, shape in line.features.items())
    ((head, declared),) = line.heads.items()
    steps = Form.parse(CHANGES).steps
    upwards, first = follows(kind)
    nodes = [
        *changes_nodes(),
        helper.make_node("Identity", [fed], ["line_last_out"]),
        helper.make_node("MatMul", ["line_last_in", "upwards"], ["louder"]),
        helper.make_node("Add", ["louder", "at_first"], [head]),
    ]
    states = {"place": (1, steps), "line_last": (1, width)}
    inputs = {fed: (1, width), **{f"{name}_in": shape for name, shape in states.items()}}
    chords = LOCAL_NOTES.heads["next_chord"]
    outputs = {"next_chord": chords.shape, head: declared.shape}
    outputs |= {f"{name}_out": shape for name, shape in states.items()}
    model = graph_model(nodes, inputs, outputs, {**changes_weights(), "upwards": upwards, "at_first": first})
    heads = {"next_chord": chords, head: declared}
    describe(
        model,
        specification()
        | {
            "name": f"line-{kind}",
            "summary": f"a line of {kind} over the walker's changes",
            "encoding": kind,
            "fingerprint": encoding(kind).fingerprint,
            "features": {fed: [1, width]},
            "state": {name: list(shape) for name, shape in states.items()},
            "heads": {
                name: {"shape": list(each.shape), "distribution": each.distribution, "after": []}
                for name, each in heads.items()
            },
            "primers": [],
            "line": {
                "changes": "local_notes",
                "features": [fed],
                "state": ["line_last"],
                "heads": [head],
                "symbols": list(SYMBOLS[kind]),
            },
        },
    )
    return model


def loaded(kind: str, folder: Path) -> OnnxModel:
    """A good model of a line, from its file."""
    return OnnxModel(saved(line_model(kind), folder / f"line-{kind}.onnx"))
