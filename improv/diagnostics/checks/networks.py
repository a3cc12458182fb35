"""Checks of networks: the contract, and the time that a step takes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from improv.config.instance import Instance
from improv.diagnostics.checks.finding import Finding
from improv.errors import ImprovError
from improv.protocol.controls import SWING, TEMPO
from improv.system.quantiles import quantile

FASTEST_EIGHTH_S = 60 / TEMPO.high * (1 - SWING.high)
"""The shortest step there can be: the second eighth of a beat at the highest tempo, swung as far as it goes."""

_STEPS, _WARM_UP_STEPS, _PACE_S = 60, 10, 0.005


def models(instance: Instance) -> list[Finding]:
    """Check that each network keeps its contract, and makes a step in time; those of the band too."""
    from improv.models.catalog import band_model_paths, model_folders, model_paths

    found = [_model(name, path) for name, path in model_paths().items()]
    of_band = [_model(name, path) for name, path in band_model_paths().items()]
    where = ", ".join(map(str, model_folders())) or "no folder"
    none = Finding("models", False, f"none in {where}", "install improv again, or set IMPROV_MODELS")
    return [*(found or [none]), *of_band]


def _model(name: str, path: Path) -> Finding:
    from improv.models.onnx_runtime import OnnxModel, remembered_provider

    what = f"model {name}"
    try:
        model = OnnxModel(path, remembered_provider())
        sha256, took_s = model.sha256, _step_times_s(model)
    except ImprovError as error:
        return Finding(what, False, str(error), "leave it out, or export it again")
    return assess_model(what, sha256, took_s)


def _step_times_s(model: Any) -> list[float]:
    import numpy as np

    from improv.models.contract import no_memory
    from improv.models.encodings import BAND_ENCODINGS
    from improv.session.network import one_step

    memory = no_memory(model.spec)
    nothing = {name: np.zeros(shape, np.float32) for name, shape in model.spec.features.items()}
    in_band = model.spec.line is None and model.spec.encoding in BAND_ENCODINGS
    step = (lambda memory: model.step(nothing, memory)[1]) if in_band else one_step(model)
    took_s = []
    for _ in range(_WARM_UP_STEPS + _STEPS):
        time.sleep(_PACE_S)  # from cold caches, as music is
        began_s = time.perf_counter()
        memory = step(memory)
        took_s.append(time.perf_counter() - began_s)
    return took_s[_WARM_UP_STEPS:]


def assess_model(what: str, sha256: str, took_s: Sequence[float]) -> Finding:
    """Judge a network that keeps its contract by the seconds that each of its steps took."""
    p99_s = quantile(sorted(took_s), 0.99)
    says = f"sha256 {sha256[:12]}, contract kept, 99th percentile of a step {p99_s * 1e3:.2f} ms"
    room = f"the fastest eighth lasts {FASTEST_EIGHTH_S * 1e3:.1f} ms"
    if p99_s < FASTEST_EIGHTH_S / 2:  # the rest is for everything else that a step is made of
        return Finding(what, True, f"{says}; {room}")
    bpm = max(TEMPO.low, TEMPO.high * FASTEST_EIGHTH_S / 2 // p99_s)
    mend = f"play it at up to {bpm:g} bpm, have improv bench find a faster provider, or choose another model"
    return Finding(what, False, f"{says}, which is slow: {room}", mend)
