"""What improv adds to what cannot be done without, as ratios within one run: they hold on fast and slow machines.

A step is divided by the calls of all networks in it, the soloist's and the band's, a render's processor time by the
same, a start by importing numpy and onnxruntime in a bare interpreter. Each figure is a median over repeats, at the
default settings. It must never measure a part of improv that a jam does not run.
"""

import json
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from improv.config.values import Tune
from improv.diagnostics.bench.statistics import median_ratio, ratio
from improv.ipc.link import Link
from improv.models.catalog import find_model
from improv.models.contract import Tensor, Tensors
from improv.models.onnx_runtime import CPU, OnnxModel
from improv.music.plan import Plan
from improv.music.turns import Mode
from improv.protocol.heard import Heard
from improv.runtime.opening import begin_tune, open_band
from improv.runtime.render import render
from improv.session.step import advance
from improv.system import programs as program
from improv.system.garbage import garbage_kept

_STEPS, _WARM_UP_STEPS, _PACE_S = 600, 50, 0.005
_RENDERS, _RENDERED_CHORUSES = 3, 20
_STARTS, _STARTED_S = 3, 20.0
_IMPORTS = "import numpy, onnxruntime"

Figures = dict[str, float | None]


class NetworkTime:
    """How long the calls of some networks have taken in all, in seconds of a clock."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.s = 0.0

    def add_since(self, began_s: float) -> None:
        """Add a call that began at a time of the clock and ends now."""
        self.s += self.clock() - began_s


class TimedModel(OnnxModel):
    """A network whose own calls are timed."""

    def __init__(self, path: Path, provider: str = CPU, *, time: NetworkTime) -> None:
        super().__init__(path, provider)
        self._time = time

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """See `StepModel.step`."""
        began_s = self._time.clock()
        found = super().step(features, memory)
        self._time.add_since(began_s)
        return found

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """See `StepModel.head_logits`."""
        began_s = self._time.clock()
        found = super().head_logits(head, features, memory)
        self._time.add_since(began_s)
        return found

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """See `StepModel.move`."""
        began_s = self._time.clock()
        found = super().move(features, memory)
        self._time.add_since(began_s)
        return found


def step_beside_network(name: str, provider: str, steps: int = _STEPS, pace_s: float = _PACE_S) -> Figures:
    """Measure a step of a solo decided and handed over as a jam does it, beside all networks' own calls in it.

    Microseconds at p50, and the median of the ratios.
    """
    tune, network = Tune.of(model=name, count_in=0), NetworkTime()
    model = TimedModel(find_model(name), provider, time=network)
    band, _ = open_band(partial(TimedModel, time=network))
    session = begin_tune(tune, model, Mode.SOLO, seed=0)
    found: list[tuple[float, float]] = []
    ours, players = (Link(end) for end in socket.socketpair())
    with closing(ours), closing(players), garbage_kept():  # as in an engine, which collects it when there is time
        for _ in range(_WARM_UP_STEPS + steps):
            time.sleep(pace_s)
            network.s, began_s = 0.0, time.perf_counter()
            session, played = advance(session, Heard(), model, band)
            ours.send(Plan(session.step, played.events, session.position.transport))
            found.append((time.perf_counter() - began_s, network.s))
            players.receive()
    counted = found[_WARM_UP_STEPS:]
    return {
        "step_us": 1e6 * median(step_s for step_s, _ in counted),
        "network_us": 1e6 * median(network_s for _, network_s in counted),
        "ratio": median_ratio(counted),
    }


def render_beside_network(
    name: str, provider: str, renders: int = _RENDERS, choruses: int = _RENDERED_CHORUSES
) -> Figures:
    """Measure the processor time of a render, from arguments to file, beside that of all networks' own calls.

    Seconds, and the median of the ratios; the networks are loaded in it too.
    """
    tune, network = Tune.of(model=name, choruses=choruses, count_in=0, seed=0), NetworkTime(time.thread_time)
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(renders):
            network.s, began_s = 0.0, time.process_time()
            render(
                tune,
                Path(folder) / "render.mid",
                load=lambda _: TimedModel(find_model(name), provider, time=network),
                load_band=partial(open_band, partial(TimedModel, time=network)),
            )
            found.append((time.process_time() - began_s, network.s))
    return {
        "processor_s": median(processor_s for processor_s, _ in found),
        "network_s": median(network_s for _, network_s in found),
        "ratio": median_ratio(found),
    }


def start_beside_imports(name: str, port: str, provider: str, starts: int = _STARTS) -> Figures:
    """Measure from the start of a jam to its first note, beside importing numpy and onnxruntime.

    Seconds, and the median of the ratios; both are measured in turn, after one of each that is not counted. All modules
    are compiled by then, as they are where pip has installed them.
    """
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as compiled:
        variables = program.environment() | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        for start in range(1 + starts):
            began_s = time.monotonic()
            subprocess.run(program.python("-c", _IMPORTS), env=variables, check=True)  # noqa: S603
            imported_s = time.monotonic() - began_s
            first_note_s = _first_note_s(name, port, provider, variables)
            if start and first_note_s is not None:
                found.append((first_note_s, imported_s))
    return {
        "first_note_s": median(first_s for first_s, _ in found) if found else None,
        "imports_s": median(imported_s for _, imported_s in found) if found else None,
        "ratio": median_ratio(found),
    }


def together_mib(processes: dict[str, dict[str, float]]) -> float | None:
    """Return the peak memory of daemon, player, port host and engine together, in MiB; None where unknown.

    Memory that a JACK server shares with its clients is left out.
    """
    names = [name for name in ("daemon", "player", "host", "engine") if name in processes]
    return sum(processes[name]["own_mib"] for name in names) if names else None


def onsets_beside(grid: dict[str, Any], reference: str) -> float | None:
    """Return improv's p99 onset error divided by a reference's, as the median over the rounds; None if unknown."""
    theirs = grid["clean_p99_ratio_by_round"].get(reference)
    return ratio(1.0, theirs)


def _first_note_s(name: str, port: str, provider: str, variables: dict[str, str]) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = program.improv(
            "jam", "--model", name, "--mode", "solo", "--count-in", "0", "--audio", "off", "--api", port
        )
        command += ["--provider", provider, "--save", f"{folder}/jam.mid", "--figures", str(figures)]
        began_s = time.monotonic()
        with subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables | {"IMPROV_RUNTIME": folder},
        ) as process:
            try:
                process.wait(_STARTED_S / 2)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            process.wait(_STARTED_S)
        if not figures.exists():
            return None
        first_s = json.loads(figures.read_text())["first_onset_s"]
        return None if first_s is None else float(first_s) - began_s
