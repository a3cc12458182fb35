"""The figures of this machine: what a step costs, how late onsets leave, how soon the first one comes.

Timing on a shared machine is noisy; compare figures of one run. It measures and tells, and must never
judge: the bars stand where the goals do.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from improv.bench.grid import BPM, PULSES_PER_BEAT
from improv.bench.hogs import Condition
from improv.bench.peers import PEERS
from improv.bench.rounds import Cell, alternate, probe_told, rows
from improv.bench.senders import Peer, Sender
from improv.bench.stalls import StallProbe
from improv.bench.steps import beside_bare_us, processor_ms, step_us
from improv.config import Tune
from improv.errors import ImprovError, Unavailable, UsageError
from improv.midi.ports import reachable_api
from improv.music import BEATS_PER_BAR, Form
from improv.onnx_file import find_model
from improv.onnx_model import OnnxModel, provider_names, remember_provider
from improv.render import render
from improv.turns import Mode

_BENCH_BPM = 240
_LONGEST_S = 3600
_RENDERED_CHORUSES = 100
_ROUNDS = 3
_PEER_UNDER_LOAD = "mido"
"""The peer that bears the conditions too: the best of them that is always installed."""


def measure(
    model: str, seconds: float, api: str | None, say: Callable[[str], None], own: Mapping[str, Sender]
) -> dict[str, Any]:
    """Every figure, by name; the provider with the fastest step is remembered for later performances.

    `seconds` is the length of a jam and of each cell of the comparison; `own` are our senders, the
    first of them the one that the others are compared with.
    """
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"seconds {seconds:g} is out of range; give more than 0, up to {_LONGEST_S:g}")
    path = find_model(model)
    OnnxModel(path)  # a model that is refused is refused here
    steps: dict[str, Any] = {}
    for provider in provider_names():
        say(f"stepping {model} on {provider} ...")
        try:
            steps[provider] = step_us(OnnxModel(path, provider))
        except ImprovError as error:
            steps[provider] = str(error)
    works = {name: found for name, found in steps.items() if isinstance(found, Mapping)}
    fastest = min(works, key=lambda name: works[name]["p50"])
    try:
        remember_provider(fastest)
    except OSError as error:
        say(f"{fastest} is the fastest, but that cannot be remembered: {error}")
    say("stepping beside bare onnxruntime, and at the pace of eighths ...")
    bare = beside_bare_us(path)
    processor = processor_ms(OnnxModel(path, fastest))
    cells = _cells(own)
    say(f"sending a grid, {len(cells)} cells of {seconds:g} s ...")
    grid = alternate(cells, _ROUNDS, seconds, StallProbe())
    say(f"playing for {seconds:g} s ...")
    played = _played(model, seconds, api, fastest)
    say(f"rendering {_RENDERED_CHORUSES} choruses ...")
    return {
        "machine": _machine(),
        "model": model,
        "step_us": steps,
        "provider": fastest,
        "step_beside_bare_us": bare,
        "processor_ms": processor,
        "grid": grid,
        **played,
        "choruses_rendered_per_s": _rendered_per_s(model, fastest),
    }


def table(results: Mapping[str, Any]) -> str:
    """The figures as a Markdown table."""
    figures = []
    for provider, step in results["step_us"].items():
        figure = (
            f"{step['p50']:.0f} / {step['p99']:.0f} / {step['p999']:.0f} us"
            if isinstance(step, Mapping)
            else "unusable"
        )
        figures.append((f"model step on {provider}, p50 / p99 / p99.9", figure))
    bare, processor, late = results["step_beside_bare_us"], results["processor_ms"], results["lateness_us"]
    figures += [
        (
            "our step / bare onnxruntime on the same feeds, p50",
            f"{bare['ours']['p50']:.0f} / {bare['bare']['p50']:.0f} us: {_times(bare['ratio'])}",
        ),
        (
            f"processor time of a step every 250 ms / its wall time, mean of {processor['steps']}",
            f"{processor['processor']:.2f} / {processor['wall']:.2f} ms: {_times(processor['ratio'])}",
        ),
        (
            f"lateness of {late['onsets']} onsets in {results['seconds']:g} s to {results['port']}, p50 / p99 / max",
            f"{late['p50']:.0f} / {late['p99']:.0f} / {late['max']:.0f} us",
        ),
        ("missed steps / dropped onsets", f"{results['missed_steps']} / {results['dropped_onsets']}"),
        ("process start to first note", f"{results['start_to_first_note_s']:.2f} s"),
        ("resident memory, at its most", _memory(results["peak_memory_mib"])),
        ("rendering", f"{results['choruses_rendered_per_s']:.0f} choruses a second"),
    ]
    lines = [f"{results['model']} on {results['machine']}; steps run on {results['provider']} from now on.", ""]
    lines += ["| what | measured |", "| --- | --- |"]
    lines += [f"| {what} | {figure} |" for what, figure in figures]
    lines += ["", *_grid_told(results["grid"])]
    return "\n".join(lines)


def _grid_told(grid: Mapping[str, Any]) -> list[str]:
    """The comparison of senders as Markdown."""
    length = f"{grid['seconds']:g} s each in {grid['rounds']} rounds"
    head = f"Error of onsets at the send call, {PULSES_PER_BEAT} a quarter at {BPM} bpm, {length}."
    return [head, probe_told(grid), "", *rows(grid)]


def _cells(own: Mapping[str, Sender]) -> dict[str, Cell]:
    """Everybody alone, then ours and one peer under each condition, to be visited in turn."""
    peers: dict[str, Sender] = {name: Peer(name) for name in PEERS}
    return {
        f"{name}, {condition}": partial(sender, condition=condition)
        for condition in Condition
        for name, sender in {**own, **peers}.items()
        if condition is Condition.ALONE or name in own or name == _PEER_UNDER_LOAD
    }


def _times(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio:.2f}x"


def _memory(mebibytes: float | None) -> str:
    return "not told by this system" if mebibytes is None else f"{mebibytes:.0f} MiB"


def _played(model: str, seconds: float, api: str | None, provider: str) -> dict[str, Any]:
    """What a real jam in a process of its own measured, and how soon after its start the first note left."""
    try:
        port = reachable_api(api)
    except Unavailable:
        port = "none"
    tune = Tune(model=model, tempo=_BENCH_BPM, mode=Mode.SOLO, count_in=0)
    chorus_s = Form.parse(OnnxModel(find_model(model)).spec.form).bars * BEATS_PER_BAR * 60 / tune.tempo
    choruses = max(1, round(seconds / chorus_s))
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "improv", "jam", "--model", model, "--mode", str(tune.mode)]
        command += ["--tempo", f"{tune.tempo:g}", "--count-in", "0", "--choruses", str(choruses), "--api", port]
        command += ["--provider", provider, "--save", f"{folder}/jam.mid", "--figures", str(figures)]
        began_s = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise ImprovError(f"the jam to be measured failed: {done.stderr.strip()}")
        found = json.loads(figures.read_text())
    return {
        "seconds": choruses * chorus_s,
        "port": "no port" if port == "none" else port,
        "lateness_us": {
            "onsets": found["onsets"],
            "p50": found["lateness_p50_us"],
            "p99": found["lateness_p99_us"],
            "max": found["lateness_max_us"],
        },
        "missed_steps": found["missed_steps"],
        "dropped_onsets": found["dropped_onsets"],
        "start_to_first_note_s": found["first_onset_s"] - began_s,
        "peak_memory_mib": found["peak_memory_mib"],
    }


def _rendered_per_s(model: str, provider: str) -> float:
    tune = Tune(model=model, choruses=_RENDERED_CHORUSES, provider=provider, count_in=0, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        render(tune, Path(folder) / "render.mid")
        return _RENDERED_CHORUSES / (time.perf_counter() - began_s)


def _machine() -> str:
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
