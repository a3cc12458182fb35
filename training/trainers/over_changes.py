"""A network of a line and one of the changes as one ONNX file: the line plays over chords that it does not know.

The graphs stay what they are, side by side; what the network of the changes has beside its chords is left out.
`python -m training compose LINE CHANGES` puts a line over other changes.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import torch

from improv.errors import ImprovError, UsageError
from improv.models.catalog import find_model, read_model
from improv.models.contract import CONTRACT, LineSpec, ModelSpec, Tensors, no_memory
from improv.models.encodings import CHORD_HEAD, ENCODINGS, Line, encoding_of, line_of
from improv.models.onnx_file import ModelFile
from improv.models.onnx_runtime import OnnxModel
from training.networks import Network
from training.trainers.export import PARITY_STEPS, TOLERANCE, apart, converted, proven

CHANGES = "eck2002-chords"
"""The network of changes that lines are exported over, unless another is named."""

_OWN = "line_"
"""What the names of a line's states begin with in a model file."""


def export_line(
    network: Network,
    path: Path,
    probes: Iterable[Tensors],
    *,
    summary: str,
    encoding: str,
    data: Mapping[str, str],
    seed: int,
    figures: Mapping[str, float],
    symbols: tuple[str, ...] = (),
    primers: Iterable[tuple[int, ...]] = (),
    changes: str = CHANGES,
    halved: bool = False,
    tolerance: float = TOLERANCE,
) -> float:
    """Write a network of a line to an ONNX file, over the changes of another model; return its largest difference.

    The model has the name of the file. `probes` are `PARITY_STEPS` moves, the features of each; of a network whose
    `forward` returns its heads from the states that come in, and the states after the move. `symbols` say what its
    units stand for, where `encoding`, one of `improv.models.encodings.LINES`, leaves that to the file. `primers` are
    melodies of one MIDI pitch a step that may lead into the first chorus. ContractError if PyTorch and onnxruntime
    differ by more than `tolerance`.
    """
    line = line_of(encoding, symbols)
    states = {f"{_OWN}{name}": (1, width) for name, width in network.STATE.items()}
    heads = tuple(line.heads)
    if (*network.FEATURES, *network.HEADS) != (*line.features, *heads):
        raise ValueError(f"it has {network.FEATURES}, {network.HEADS}; {encoding} has {tuple(line.features)}, {heads}")
    model = converted(
        network,
        (line.features.values(), states.values()),
        [*line.features, *(f"{name}_in" for name in states)],
        [*heads, *(f"{name}_out" for name in states)],
        halved=halved,
    )
    under = _Changes(changes)
    spec = _spec_over(under.spec, line, encoding, symbols, states)
    spec = replace(spec, name=path.stem, summary=summary, primers=tuple(primers), data=data, seed=seed, figures=figures)
    merged = _side_by_side(under.graph, model)
    return proven(merged, spec, path, lambda loaded: _parity(network, loaded, probes), tolerance=tolerance)


def over_others(path: Path, changes: str, out: Path) -> None:
    """Write a model of a line over the changes of another model, by name or path; UsageError where it has no line.

    The new model has the name of its file.
    """
    content = read_model(path)
    spec = ModelFile(content).spec
    if spec.line is None:
        raise UsageError(f"{path}: it has no line that could play over other changes")
    own = ModelFile(content).part([*spec.line.heads, *(f"{name}_out" for name in spec.line.state)])
    under = _Changes(changes)
    states = {name: spec.state[name] for name in spec.line.state}
    line = line_of(spec.encoding, spec.line.symbols)
    composed = _spec_over(under.spec, line, spec.encoding, spec.line.symbols, states)
    composed = replace(
        composed, name=out.stem, summary=spec.summary, primers=spec.primers, data=spec.data, seed=spec.seed,
        figures=spec.figures,
    )  # fmt: skip
    proven(_side_by_side(under.graph, onnx.load_from_string(own)), composed, out, lambda _: 0.0)


class _Changes:
    """What a model needs to decide the changes: the part of its graph, and what that says of itself."""

    def __init__(self, name: str) -> None:
        content = read_model(find_model(name))
        file = ModelFile(content)
        spec = file.spec
        encoding = spec.encoding if spec.line is None else spec.line.changes
        if encoding not in ENCODINGS:
            raise UsageError(f"{name}: it decides no changes")
        states: tuple[str, ...] = ()
        while True:  # a state that a chord depends on may depend on others
            part = onnx.load_from_string(file.part([CHORD_HEAD, *(f"{state}_out" for state in states)]))
            inputs = {each.name for each in part.graph.input}
            needed = tuple(state for state in spec.state if f"{state}_in" in inputs)
            if needed == states:
                break
            states = needed
        self.graph = part
        self.spec = replace(
            spec,
            encoding=encoding,
            line=None,
            features={feature: shape for feature, shape in spec.features.items() if feature in inputs},
            state={state: spec.state[state] for state in states},
            heads={CHORD_HEAD: ENCODINGS[encoding].heads[CHORD_HEAD]},
        )


def _spec_over(
    changes: ModelSpec, line: Line, encoding: str, symbols: tuple[str, ...], states: Mapping[str, tuple[int, ...]]
) -> ModelSpec:
    """Return the specification of a line over changes, as far as it follows from both."""
    spec = replace(
        changes,
        contract=CONTRACT,
        encoding=encoding,
        features={**changes.features, **line.features},
        state={**changes.state, **states},
        heads={**changes.heads, **line.heads},
        line=LineSpec(changes.encoding, tuple(line.features), tuple(states), tuple(line.heads), symbols),
    )
    return replace(spec, fingerprint=encoding_of(spec).fingerprint)


def _side_by_side(changes: onnx.ModelProto, line: onnx.ModelProto) -> onnx.ModelProto:
    """Return one model with the graphs of both, whose inner names may be the same."""
    merged = onnx.ModelProto()
    merged.CopyFrom(line)
    del merged.metadata_props[:]
    merged.graph.CopyFrom(_prefixed(changes.graph, "changes."))
    merged.graph.name = "line over changes"
    other = _prefixed(line.graph, "line.")
    for field in ("node", "initializer", "input", "output", "value_info"):
        getattr(merged.graph, field).extend(getattr(other, field))
    return merged


def _prefixed(graph: onnx.GraphProto, prefix: str) -> onnx.GraphProto:
    """Return a graph whose inner names begin with a prefix."""
    return onnx.compose.add_prefix_graph(graph, prefix, rename_inputs=False, rename_outputs=False)


@torch.no_grad()
def _parity(network: Network, model: OnnxModel, probes: Iterable[Tensors]) -> float:
    """Return the largest difference between PyTorch and onnxruntime over `PARITY_STEPS` moves of a line."""
    memory = no_memory(model.spec)
    state = [torch.from_numpy(np.zeros((1, width), np.float32)) for width in network.STATE.values()]
    worst, moves = 0.0, 0
    for probe in probes:
        asked = [model.head_logits(head, {}, memory) for head in network.HEADS]
        memory = model.move(probe, memory)
        results = network(*(torch.tensor(probe[name]) for name in network.FEATURES), *state)
        state = list(results[len(network.HEADS) :])
        found = [*asked, *(memory[f"{_OWN}{name}"] for name in network.STATE)]
        worst = max([worst, *(apart(expected, ours) for expected, ours in zip(results, found, strict=True))])
        moves += 1
    if moves < PARITY_STEPS:
        raise ValueError(f"parity over {moves} moves proves nothing; give {PARITY_STEPS} probes")
    return worst


def main() -> None:
    """Write a line over other changes, and say where."""
    parser = argparse.ArgumentParser(
        prog="python -m training compose",
        description="Let a network that knows no chords play over the changes of another one.",
    )
    parser.add_argument("line", help="the model of the line: a name (improv models) or an .onnx file")
    parser.add_argument("changes", help="the model whose changes it plays over: a name or an .onnx file")
    parser.add_argument("--out", type=Path, help="the file to write [LINE-over-CHANGES.onnx beside the line]")
    found = parser.parse_args()
    try:
        path = find_model(found.line)
        out = found.out or path.with_name(f"{path.stem}-over-{find_model(found.changes).stem}.onnx")
        over_others(path, found.changes, out)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
