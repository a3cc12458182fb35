"""What the training of a network of the band leaves: the model, its figures as JSON, and its curves."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from math import inf
from pathlib import Path

from improv.models.contract import ModelSpec, Tensors
from training.networks import Network
from training.rendering.plots import validation_curves
from training.trainers import NETWORKS
from training.trainers.checkpoints import Log
from training.trainers.export import PARITY_STEPS, export, specify
from training.trainers.progress import Progressed
from training.trainers.train import Config

FORM = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"
KEY = "C"
"""The form and its key that a network of the band names; it plays over those of the soloist."""


def write_files(
    network: Network,
    log: Log,
    config: Config,
    out: Path,
    progressed: Progressed,
    *,
    name: str,
    encoding: str,
    data: Mapping[str, str],
    probes: Iterable[Tensors],
    found: Mapping[str, float],
    panels: Mapping[str, str],
    dropout: float,
    learned: Mapping[str, object],
) -> ModelSpec:
    """Export a network to `NAME.onnx` in `out`, and write `NAME.json` and `NAME-curves.png`; return its specification.

    `found` is its surprise at the validation side, in nats; `learned` what the report says of what it learned from.
    ContractError if onnxruntime plays it otherwise.
    """
    spec = specify(
        network,
        name=name,
        summary=NETWORKS[name].summary,
        encoding=encoding,
        key=KEY,
        form=FORM,
        primers=(),
        data=data,
        seed=config.seed,
        figures={f"validation_{kind.replace(' ', '_')}": round(value, 4) for kind, value in found.items()},
    )
    progressed(1, f"exporting, and stepping both runtimes {PARITY_STEPS} times")
    difference = export(network, spec, out / f"{name}.onnx", probes, halved=True)
    validation_curves([log.checks], found, out / f"{name}-curves.png", panels)
    recipe = {kind: value for kind, value in asdict(config).items() if value != inf} | {"dropout": dropout}
    report = {"recipe": recipe, "parity": difference, "validation": found, **learned}
    report |= {"checks": log.checks, "seconds": log.seconds}
    (out / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    return spec
