"""The figures of this machine: what a step costs, how late onsets leave, how soon the first one comes.

Timing on a shared machine is noisy; compare figures of one run. It measures and tells, and must never
judge: the bars stand where the goals do.
"""

import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from improv.config.values import Tune
from improv.diagnostics.bench import jack_measurements as live
from improv.diagnostics.bench.grid import BPM, PULSES_PER_BEAT
from improv.diagnostics.bench.interleaved_rounds import Cell, alternate, probe_line, rows
from improv.diagnostics.bench.load_conditions import Condition
from improv.diagnostics.bench.processes import of_jam, usage
from improv.diagnostics.bench.ratios import (
    onsets_beside,
    render_beside_network,
    start_beside_imports,
    step_beside_network,
    together_mib,
)
from improv.diagnostics.bench.reaction import reaction
from improv.diagnostics.bench.reference_senders import PEERS
from improv.diagnostics.bench.senders import CThread, OneProcess, Peer, Sender
from improv.diagnostics.bench.sound import measure_sound, sound_told
from improv.diagnostics.bench.stall_probe import StallProbe
from improv.diagnostics.bench.steps import beside_bare_us, costs_us, processor_ms, step_us
from improv.errors import ImprovError, Unavailable, UsageError
from improv.midi.systems import reachable_api
from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel, provider_names, remember_provider
from improv.music.grid import BEATS_PER_BAR
from improv.music.theory import Form
from improv.music.turns import Mode
from improv.runtime.ipc_messages import PRIORITY
from improv.runtime.render import render
from improv.system import programs as program

_BENCH_BPM = 240
_LONGEST_S = 3600
_RENDERED_CHORUSES = 20
_ROUNDS = 3
_PEER_UNDER_LOAD = "mido"
"""The peer that bears the conditions too: the best of them that is always installed."""

_C_THREAD = "a C thread"

_INSIDE = (Condition.GARBAGE, Condition.HELD)
"""What gets in the way inside a program only: why the player is a process."""

_LOOK_S = 0.5

Rows = list[tuple[str, str]]
"""What was measured, and the figure."""


def measure(
    model: str, seconds: float, api: str | None, say: Callable[[str], None], own: Mapping[str, Sender]
) -> dict[str, Any]:
    """Return every figure, by name; the provider with the fastest step is remembered for later performances.

    `seconds` is the length of each cell of the comparison; `own` are our senders, the first of them
    the one that the others are compared with.
    """
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"seconds {seconds:g} is out of range; give more than 0, up to {_LONGEST_S:g}")
    path = find_model(model)
    OnnxModel(path)  # a model that is refused is refused here
    port = _port(api)
    found: dict[str, Any] = {"machine": _machine(), "model": model, "port": "no port" if port == "none" else port}
    steps: dict[str, Any] = {}
    for provider in provider_names():
        say(f"stepping {model} on {provider} ...")
        try:
            steps[provider] = step_us(OnnxModel(path, provider))
        except ImprovError as error:
            steps[provider] = str(error)
    fastest = min((name for name in steps if isinstance(steps[name], Mapping)), key=lambda name: steps[name]["p50"])
    try:
        remember_provider(fastest)
    except OSError as error:
        say(f"{fastest} is the fastest, but that cannot be remembered: {error}")
    found |= costs_us(path, fastest)
    say("stepping beside bare onnxruntime, and at the pace of eighths ...")
    found |= {"step_us": steps, "provider": fastest, "step_beside_bare_us": beside_bare_us(path)}
    found["processor_ms"] = processor_ms(OnnxModel(path, fastest))
    cells = _cells(own)
    say(f"sending a grid, {len(cells)} cells of {seconds:g} s in {_ROUNDS} rounds ...")
    found["grid"] = alternate(cells, _ROUNDS, seconds, StallProbe())
    say("striking keys ...")
    found["reaction"] = live.measure(lambda: reaction(path, model, fastest))
    say("passing on over JACK, beside an echo in C ...")
    found["through"] = live.measure(partial(_over_jack, port, live.through))
    say(f"killing the engine {live.KILLS} times ...")
    found["silence_after_kill"] = live.measure(
        partial(_over_jack, port, lambda: live.silence_after_kill(model, fastest))
    )
    say("playing ...")
    found |= _played(model, seconds, port, fastest)
    say("sounding on a silent device ...")
    found["sound"] = measure_sound(model, seconds)
    say(f"rendering {_RENDERED_CHORUSES} choruses ...")
    found["choruses_rendered_per_s"] = _rendered_per_s(model, fastest)
    say("comparing with what cannot be done without ...")
    found["ratios"] = {
        "step": step_beside_network(model, fastest),
        "render": render_beside_network(model, fastest),
        "start": start_beside_imports(model, port, fastest),
        "together_mib": together_mib(found["processes"]),
        "onsets": onsets_beside(found["grid"], f"{_C_THREAD}, {Condition.ALONE}"),
    }
    return found


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as Markdown tables: the step, time, reaction, safety, start and memory."""
    groups = {
        "The step": _step_told(results),
        "Reaction": _reaction_told(results),
        "Safety": _safety_told(results),
        "Start and memory": _start_told(results),
        "Sound": sound_told(results),
        "Beside what cannot be done without": _ratios_told(results),
    }
    told = {title: ["| what | measured |", "| --- | --- |", *_lines(rows_)] for title, rows_ in groups.items()}
    told["Time"] = _grid_told(results["grid"])
    lines = [f"{results['model']} on {results['machine']}; steps run on {results['provider']} from now on."]
    for title in (
        "The step",
        "Time",
        "Reaction",
        "Safety",
        "Start and memory",
        "Sound",
        "Beside what cannot be done without",
    ):
        lines += ["", f"**{title}**", "", *told[title]]
    return "\n".join(lines)


def _lines(rows_: Rows) -> list[str]:
    return [f"| {what} | {figure} |" for what, figure in rows_]


def _step_told(results: Mapping[str, Any]) -> Rows:
    rows_ = []
    for provider, step in results["step_us"].items():
        figure = "unusable"
        if isinstance(step, Mapping):
            figure = _us(step)
        rows_.append((f"model step on {provider}, paced, p50 / p99 / p99.9", figure))
    bare, processor = results["step_beside_bare_us"], results["processor_ms"]
    return [
        *rows_,
        ("a step of a solo decided, every choice asked and drawn, p50 / p99 / p99.9", _us(results["decided_us"])),
        ("the band's part of it, p50 / p99 / p99.9", _us(results["band_us"])),
        ("all drafts of a bar of an answer, p50 / p99 / p99.9", _us(results["drafts_us"])),
        ("how its melody is played, mean of all steps", f"{results['expression_us']['mean']:.0f} us"),
        (
            "our step / bare onnxruntime on the same feeds, p50",
            f"{bare['ours']['p50']:.0f} / {bare['bare']['p50']:.0f} us: {_times(bare['ratio'])}",
        ),
        (
            f"processor time of a step every 250 ms / its wall time, mean of {processor['steps']}",
            f"{processor['processor']:.2f} / {processor['wall']:.2f} ms: {_times(processor['ratio'])}",
        ),
        ("rendering", f"{results['choruses_rendered_per_s']:.0f} choruses a second"),
    ]


def _us(took: Mapping[str, float]) -> str:
    return f"{took['p50']:.0f} / {took['p99']:.0f} / {took['p999']:.0f} us"


def _reaction_told(results: Mapping[str, Any]) -> Rows:
    rows_: Rows = []
    found = results["reaction"]
    what = "key to the plan that knows of it, at the engine's link"
    if "not_measured" in found:
        rows_.append((what, _not_measured(found)))
    else:
        rows_ += [
            (f"{what}, {found['reaction']['n']} keys, p50 / p99", _ms(found["reaction"])),
            ("the same messages there and back through a process that does nothing, p50 / p99", _ms(found["crossing"])),
            ("a paced step between the keys, p50 / p99", _ms(found["step"])),
            ("(key to plan - there and back) / step, p50", _times(found["ratio"])),
        ]
    found = results["through"]
    what = "key to hear-through over JACK"
    if "not_measured" in found:
        return [*rows_, (what, _not_measured(found))]
    length = f"a period of {found['period_frames']} frames, {found['period_ms']:.2f} ms"
    return [
        *rows_,
        (f"{what} (player alone, {length}), p50 / p99 / max", _trip(found["player"], found["period_ms"])),
        ("the same through an echo in C, the floor", _trip(found["echo"], found["period_ms"])),
    ]


def _trip(found: Mapping[str, Any], period_ms: float) -> str:
    if "not_measured" in found:
        return _not_measured(found)
    times = [found[name] for name in ("p50_ms", "p99_ms", "max_ms")]
    in_ms, in_periods = (
        " / ".join(f"{took / unit:.{1 if unit == 1 else 2}f}" for took in times) for unit in (1, period_ms)
    )
    return f"{in_ms} ms = {in_periods} periods, {found['n']} messages, {found['lost']} lost, {found['xruns']} xruns"


def _safety_told(results: Mapping[str, Any]) -> Rows:
    found = results["silence_after_kill"]
    what = "engine killed, and no other comes, to the last end of a note at another program"
    if "not_measured" in found:
        told: Rows = [(what, _not_measured(found))]
    else:
        periods = f"{found['p50_ms'] / found['period_ms']:.1f} / {found['max_ms'] / found['period_ms']:.1f} periods"
        told = [
            (
                f"{what}, {found['kills']} kills, p50 / max",
                f"{found['p50_ms']:.1f} / {found['max_ms']:.1f} ms = {periods}",
            ),
            (
                f"of {found['sounding']} notes that sounded then, never ended / begun later, of the bar in hand",
                f"{found['hung']} / {found['after']}",
            ),
        ]
    late = results["lateness_us"]
    return [
        *told,
        (
            f"lateness of {late['onsets']} onsets of a jam of {results['seconds']:g} s to {results['port']}, "
            "raw, p50 / p99 / max",
            f"{late['p50']:.0f} / {late['p99']:.0f} / {late['max']:.0f} us",
        ),
        ("missed steps / dropped onsets in it", f"{results['missed_steps']} / {results['dropped_onsets']}"),
    ]


def _start_told(results: Mapping[str, Any]) -> Rows:
    first_s = results["start_to_first_note_s"]
    rows_ = [("process start to first note", "no note" if first_s is None else f"{first_s:.2f} s")]
    if not results["processes"]:
        rows_.append(("memory, threads, descriptors of its processes", "not told by this system"))
    for name, taken in results["processes"].items():
        figure = f"{taken['pss_mib']:.0f} MiB (PSS), {taken['threads']} threads, {taken['descriptors']} descriptors"
        rows_.append((f"the {name} in that jam, at its most", figure))
    if (peak := results["peak_memory_mib"]) is not None:
        rows_.append(("resident memory of the engine, at its most", f"{peak:.0f} MiB"))
    return rows_


def _ratios_told(results: Mapping[str, Any]) -> Rows:
    found, reaction_ = results["ratios"], results["reaction"]
    step, rendered, start = found["step"], found["render"], found["start"]
    key = reaction_.get("ratio_to_decided")
    together = found["together_mib"]
    return [
        (
            "a step decided and handed over / all networks' own calls in it, p50",
            f"{step['step_us']:.0f} / {step['network_us']:.0f} us: {_times(step['ratio'])}",
        ),
        (
            f"processor time of rendering {_RENDERED_CHORUSES} choruses / its networks' own calls",
            f"{rendered['processor_s']:.2f} / {rendered['network_s']:.2f} s: {_times(rendered['ratio'])}",
        ),
        (
            "key to plan / a step decided at the same pace, p50",
            _not_measured(reaction_)
            if "not_measured" in reaction_
            else f"{reaction_['reaction']['p50_ms']:.2f} / {reaction_['decided']['p50_ms']:.2f} ms: {_times(key)}",
        ),
        (
            "process start to first note / importing numpy and onnxruntime",
            "no note"
            if start["ratio"] is None
            else f"{start['first_note_s']:.2f} / {start['imports_s']:.2f} s: {_times(start['ratio'])}",
        ),
        (
            "memory of daemon, player, port host and engine together, each at its most, a JACK server's own left out",
            "not told by this system" if together is None else f"{together:.0f} MiB (PSS)",
        ),
        (
            "error of improv's onsets / of a C thread's of the same priority, clean p99, median of rounds",
            _times(found["onsets"]),
        ),
    ]


def _grid_told(grid: Mapping[str, Any]) -> list[str]:
    """Return the comparison of senders as Markdown."""
    visit_s = grid["seconds"] / grid["rounds"]
    return [
        f"Error of onsets at the send call, {PULSES_PER_BEAT} a quarter at {BPM} bpm, {grid['seconds']:g} s each in "
        f"{grid['rounds']} rounds. Ours is the player in its process{_fifo(grid)}, "
        "and the C thread has the same rights; all others run at normal priority.",
        "What gets in the way inside a program is, for ours, inside the engine's: the player is another one.",
        probe_line(grid),
        f"Drift of visits of {visit_s:.1f} s is coarse; for a clock's drift give --seconds 600.",
        "",
        *rows(grid),
    ]


def _fifo(grid: Mapping[str, Any]) -> str:
    """Return the probe asks for the same right as the player does."""
    return ", under SCHED_FIFO as it is granted here" if grid["probe"]["realtime"] else ""


def _not_measured(found: Mapping[str, Any]) -> str:
    return f"not measured: {found['not_measured']}"


def _ms(found: Mapping[str, float]) -> str:
    return f"{found['p50_ms']:.2f} / {found['p99_ms']:.2f} ms"


def _over_jack(port: str, measurement: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if port != "jack":
        raise Unavailable("it needs a JACK server, which is not what is played to")
    return measurement()


def _cells(own: Mapping[str, Sender]) -> dict[str, Cell]:
    """Return the cells of the comparison: every sender alone, then improv's and one other under each condition.

    Our clock in one process with what gets in its way is beside ours where that makes the difference.
    """
    peers: dict[str, Sender] = {name: Peer(name) for name in PEERS}
    cells: dict[str, Cell] = {}
    for condition in Condition:
        senders = {**own, _C_THREAD: CThread(PRIORITY), **peers} if condition is Condition.ALONE else dict(own)
        if condition in _INSIDE:
            senders["our clock in one process"] = OneProcess()
        senders[_PEER_UNDER_LOAD] = peers[_PEER_UNDER_LOAD]
        cells |= {f"{name}, {condition}": partial(sender, condition=condition) for name, sender in senders.items()}
    return cells


def _times(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{ratio:.2f}x"


def _port(api: str | None) -> str:
    if api == "none":
        return api
    try:
        return reachable_api(api)
    except Unavailable:
        return "none"


def _played(model: str, seconds: float, port: str, provider: str) -> dict[str, Any]:
    """Return what a real jam in its own processes measured and took, and how soon after its start a note left."""
    tune = Tune.of(model=model, tempo=_BENCH_BPM, mode=Mode.SOLO, count_in=0)
    chorus_s = Form.parse(OnnxModel(find_model(model)).spec.form).bars * BEATS_PER_BAR * 60 / tune.tempo
    choruses = max(1, round(seconds / chorus_s))
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = program.improv("jam", "--model", model, "--mode", str(tune.mode))
        command += [
            "--tempo",
            f"{tune.tempo:g}",
            "--count-in",
            "0",
            "--choruses",
            str(choruses),
            "--api",
            port,
            "--audio",
            "off",
        ]
        command += ["--provider", provider, "--save", f"{folder}/jam.mid", "--figures", str(figures)]
        began_s = time.monotonic()
        processes = _watched(command, Path(folder))
        found = json.loads(figures.read_text())
    return {
        "seconds": choruses * chorus_s,
        "lateness_us": {
            "onsets": found["onsets"],
            "p50": found["lateness_p50_us"],
            "p99": found["lateness_p99_us"],
            "max": found["lateness_max_us"],
        },
        "missed_steps": found["missed_steps"],
        "dropped_onsets": found["dropped_onsets"],
        "start_to_first_note_s": None if found["first_onset_s"] is None else found["first_onset_s"] - began_s,
        "processes": processes,
        "peak_memory_mib": found["peak_memory_mib"],
    }


def _watched(command: Sequence[str], folder: Path) -> dict[str, dict[str, float]]:
    """Run a jam to its end, and what its processes took at most; ImprovError if it fails."""
    most: dict[str, dict[str, float]] = {}
    with (
        (folder / "said").open("wb") as out,
        subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=program.environment() | {"IMPROV_RUNTIME": str(folder)},
        ) as process,
    ):
        while process.poll() is None:
            time.sleep(_LOOK_S)
            for name, pid in of_jam(process.pid).items():
                if taken := usage(pid):
                    now = {
                        "pss_mib": taken.pss_bytes / 2**20,
                        "own_mib": (taken.pss_bytes - taken.shared_bytes) / 2**20,
                        "threads": taken.threads,
                        "descriptors": taken.descriptors,
                    }
                    before = most.get(name, now)
                    most[name] = {key: max(now[key], before[key]) for key in now}
    if process.returncode:
        said = (folder / "said").read_text(errors="replace").strip()
        raise ImprovError(f"the jam to be measured failed: {said[-200:]}")
    return most


def _rendered_per_s(model: str, provider: str) -> float:
    tune = Tune.of(model=model, choruses=_RENDERED_CHORUSES, provider=provider, count_in=0, seed=0)
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
