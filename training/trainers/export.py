"""A trained network to one self-describing ONNX file, refused if the runtime would play it differently."""

import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import torch
from numpy.typing import NDArray

from improv.errors import ContractError
from improv.models.contract import CONTRACT, METADATA_KEY, ModelSpec, Tensors, no_memory
from improv.models.encodings import BAND_ENCODINGS, ENCODINGS
from improv.models.onnx_runtime import OnnxModel
from training.networks import Network

TOLERANCE = 1e-5
"""The most a logit or a state may differ between the runtimes over chained steps; above 1 as a share of it."""

PARITY_STEPS = 1_000

_LARGE = 4_096
"""Weights of so many values are worth halving."""


def specify(
    network: Network,
    *,
    name: str,
    summary: str,
    encoding: str,
    key: str,
    form: str,
    primers: Iterable[tuple[int, ...]],
    data: Mapping[str, str],
    seed: int,
    figures: Mapping[str, float],
) -> ModelSpec:
    """Return the model specification of a network; KeyError for an input or head that its encoding lacks."""
    vocabulary = ENCODINGS.get(encoding) or BAND_ENCODINGS[encoding]
    return ModelSpec(
        contract=CONTRACT,
        name=name,
        summary=summary,
        encoding=encoding,
        fingerprint=vocabulary.fingerprint,
        steps_per_beat=vocabulary.grid.steps_per_beat,
        features={feature: vocabulary.features[feature] for feature in network.FEATURES},
        state={state: (1, width) for state, width in network.STATE.items()},
        heads={head: vocabulary.heads[head] for head in network.HEADS},
        key=key,
        form=form,
        primers=tuple(primers),
        data=data,
        seed=seed,
        figures=figures,
    )


def export(
    network: Network,
    spec: ModelSpec,
    path: Path,
    probes: Iterable[Tensors],
    *,
    halved: bool = False,
) -> float:
    """Write a network's step to an ONNX file; return its largest difference from PyTorch. ContractError if too large.

    `probes` are the features of `PARITY_STEPS` chained steps. `halved` rounds the weights, the network's own too, and
    keeps them in half precision, so that the file is half as large; it is computed with as before. Nothing is left at
    `path` when the export is refused.
    """
    shapes = tuple(spec.features.values()), tuple(spec.state.values())
    inputs = [*spec.features, *(f"{name}_in" for name in spec.state)]
    outputs = [*spec.heads, *(f"{name}_out" for name in spec.state)]
    model = converted(network, shapes, inputs, outputs, halved=halved)
    return proven(model, spec, path, lambda loaded: parity(network, loaded, probes))


def converted(
    network: Network,
    shapes: tuple[Iterable[tuple[int, ...]], Iterable[tuple[int, ...]]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    halved: bool,
) -> onnx.ModelProto:
    """Return a network as an ONNX graph, its inputs and outputs named; `shapes` are those of features and states.

    `halved` rounds the weights, the network's own too, and keeps them in half precision.
    """
    if halved:
        network.half().float()
    features, states = shapes
    arguments = tuple(torch.zeros(shape) for shape in (*features, *states))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages nothing here uses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the exporter's own code
        warnings.filterwarnings("ignore", "The tensor attributes")  # an LSTM keeps its weights twice
        program = torch.onnx.export(
            network.eval(),
            arguments,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    if halved:
        _halve(model.graph)
    return model


def proven(
    model: onnx.ModelProto,
    spec: ModelSpec,
    path: Path,
    differs: Callable[[OnnxModel], float],
    *,
    tolerance: float = TOLERANCE,
) -> float:
    """Write a model with its specification; return how much the file `differs` from PyTorch. ContractError if too much.

    Nothing is left at `path` when it is refused.
    """
    _describe(model, spec)
    onnx.checker.check_model(model, full_check=True)
    unproven = path.with_suffix(".unproven")
    path.parent.mkdir(parents=True, exist_ok=True)
    unproven.write_bytes(model.SerializeToString(deterministic=True))
    try:
        difference = differs(OnnxModel(unproven, "cpu"))
        if not difference <= tolerance:
            raise ContractError(
                f"{path}: PyTorch and onnxruntime differ by {difference:.2g} over {PARITY_STEPS} chained steps; "
                f"at most {tolerance:g} is allowed"
            )
        unproven.replace(path)
    finally:
        unproven.unlink(missing_ok=True)
    return difference


def stamp(path: Path, spec: ModelSpec) -> None:
    """Replace the specification in an exported model file, after it has been measured."""
    model = onnx.load(path)
    _describe(model, spec)
    path.write_bytes(model.SerializeToString(deterministic=True))
    OnnxModel(path, "cpu")  # still a model that loads


@torch.no_grad()
def parity(network: Network, model: OnnxModel, probes: Iterable[Tensors]) -> float:
    """Return the largest difference between PyTorch and onnxruntime over `PARITY_STEPS` steps, each with its own state.

    Of what is above 1 it is a share: a cell that counts may be in the hundreds.
    """
    memory = no_memory(model.spec)
    state = {name: torch.from_numpy(memory[name].copy()) for name in network.STATE}
    worst = 0.0
    steps = 0
    for probe in probes:
        features = {name: probe[name] for name in network.FEATURES}
        asked = {head: model.head_logits(head, features, memory) for head in model.spec.later_heads}
        heads, memory = model.step(features, memory)
        results = network(*map(torch.tensor, features.values()), *state.values())
        expected = dict(zip((*network.HEADS, *network.STATE), results, strict=True))
        state = {name: expected[name] for name in network.STATE}
        for name, found in (*heads.items(), *asked.items(), *memory.items()):
            worst = max(worst, apart(expected[name], found))
        steps += 1
    if steps < PARITY_STEPS:
        raise ValueError(f"parity over {steps} steps proves nothing; give {PARITY_STEPS} probes")
    return worst


def apart(expected: torch.Tensor, found: NDArray[np.float32]) -> float:
    """Return the largest difference between two tensors; of what is above 1 as a share of it."""
    wanted = expected.numpy()
    return float((np.abs(wanted - found) / np.maximum(1, np.abs(wanted))).max())


def _describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=spec.to_json())


def _halve(graph: onnx.GraphProto) -> None:
    """Keep large weights in half precision; a runtime casts them to single precision once, when it loads them."""
    casts = []
    for weights in graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= _LARGE:
            name = weights.name
            weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter says of the machine and the code it ran on; none of it belongs in a model."""
    model.doc_string = ""
    model.graph.doc_string = ""
    del model.graph.metadata_props[:]
    graph = model.graph
    for part in (*graph.input, *graph.output, *graph.value_info, *graph.initializer, *graph.node):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
