"""What one step of the network costs: by itself, beside bare onnxruntime, and in processor time.

Steps are paced as music is, from cold caches: back to back they look two to three times cheaper. The
networks are the committed ones, the only ones there are; a larger one made up for the purpose would
say nothing about the music. It must never change what the model does to make it look faster.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import onnxruntime

from improv.diagnostics.bench.statistics import median_ratio, ratio
from improv.models.catalog import read_model
from improv.models.contract import no_memory
from improv.models.onnx_file import ModelFile
from improv.models.onnx_runtime import CPU_PROVIDER, OnnxModel
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import BAND, TEMPO, Settings
from improv.protocol.heard import Heard
from improv.runtime.opening import open_band
from improv.session.band.accompaniment import accompanied
from improv.session.band.learned import Networks
from improv.session.drafts import drafting, drafts_due
from improv.session.expression import expressed
from improv.session.lifecycle import begin
from improv.session.network import one_step, silence
from improv.session.state import Session
from improv.session.step import advance
from improv.system.quantiles import quantile

State = TypeVar("State")
Result = TypeVar("Result")

_STEPS = 1_000
_PACE_S = 0.005
_WARM_UP_STEPS = 50
_PAIRS = 400
_MUSICAL_STEPS = 40
_EIGHTH_S = 0.250
_DRAFTED_TIMES = 10


def step_us(model: OnnxModel) -> dict[str, float]:
    """Measure one step of a network at a pace of 5 ms, in microseconds by quantile."""
    return _paced_us(one_step(model), no_memory(model.spec))


def decided_us(model: OnnxModel) -> dict[str, float]:
    """Measure deciding one step of a solo at a pace of 5 ms, in microseconds by quantile.

    The network's step, every choice that is asked of it after that, the session's own part and the band with its
    networks are in it.
    """
    networks, _ = open_band()
    first = begin(model, Settings(mode=Mode.SOLO), Transport(0, 0.0, float(TEMPO.default)))
    return _paced_us(lambda session: advance(session, Heard(), model, networks)[0], first)


def band_us(model: OnnxModel) -> dict[str, float]:
    """Measure what a lively band takes of a step of a solo at a pace of 5 ms, in microseconds by quantile.

    Its networks are asked as they are in a jam.
    """
    return _part_us(
        model,
        lambda before, session, networks: accompanied(
            before, session, session.band, session.network.chord_lookahead, networks
        ),
    )


def expression_us(model: OnnxModel) -> dict[str, float]:
    """Measure what the melody's expression takes of a step of a solo at a pace of 5 ms, in microseconds.

    Half of the steps have no onset, and nothing is asked in them: `mean` is of all.
    """
    return _part_us(
        model,
        lambda before, session, networks: expressed(before, session, session.band.frame, session.band.style, networks),
    )


def _part_us(model: OnnxModel, plays: Callable[[Session, Session, Networks], object]) -> dict[str, float]:
    """Measure a part of each step of a solo with a lively band, given the session before the step and at it."""
    networks, _ = open_band()
    session = begin(model, Settings(mode=Mode.SOLO, band=BAND.high), Transport(0, 0.0, float(TEMPO.default)))
    took_us = []
    for index in range(_WARM_UP_STEPS + _STEPS):
        before = session
        session, _ = advance(before, Heard(), model, networks)
        took, _ = _timed_us(partial(plays, before, session, networks), _PACE_S if index >= _WARM_UP_STEPS else 0)
        if index >= _WARM_UP_STEPS:
            took_us.append(took)
    return {**_quantiles(took_us), "mean": sum(took_us) / len(took_us)}


def drafts_us(model: OnnxModel, rounds: int = _DRAFTED_TIMES) -> dict[str, float]:
    """Measure drawing all drafts of a bar of an answer, one after the other, in microseconds by quantile.

    A jam draws them in slices, in the time that is left before the bar.
    """
    session = begin(model, Settings(mode=Mode.TRADE), Transport(0, 0.0, float(TEMPO.default)))
    while (due := drafts_due(session, model)) is None:
        session, _ = advance(session, Heard(), model)
    return _quantiles([_timed_us(lambda: list(drafting(session, model, due)), 0)[0] for _ in range(rounds)])


def costs_us(path: Path, provider: str) -> dict[str, dict[str, float]]:
    """Measure what a step of the session costs, and drafts of a bar, in microseconds by name and quantile."""
    measured = {"decided_us": decided_us, "band_us": band_us, "expression_us": expression_us, "drafts_us": drafts_us}
    return {name: measure(OnnxModel(path, provider)) for name, measure in measured.items()}


def _paced_us(call: Callable[[State], State], state: State) -> dict[str, float]:
    """Return what each of some calls costs, one going on from the other."""
    took_us = []
    for index in range(_WARM_UP_STEPS + _STEPS):
        took, state = _timed_us(partial(call, state), _PACE_S if index >= _WARM_UP_STEPS else 0)
        if index >= _WARM_UP_STEPS:
            took_us.append(took)
    return _quantiles(took_us)


def beside_bare_us(path: Path, pairs: int = _PAIRS, pace_s: float = _PACE_S) -> dict[str, Any]:
    """Measure a step on the CPU beside a bare `InferenceSession.run` on the same feeds, in microseconds.

    The bare session computes the same, has the same settings and is given a feed that is ready; who goes first changes
    with every pair. `ratio` is the median over pairs of ours by bare. Of a network whose line moves at a pace of its
    own only what is done each step is measured.
    """
    model = OnnxModel(path)
    features, memory = silence(model), no_memory(model.spec)
    heads, _ = model.step(features, memory)
    outputs = [*heads, *(f"{name}_out" for name in model.spec.step_state)]
    bare = _bare_session(ModelFile(read_model(path)).part(outputs))
    inputs = [each.name for each in bare.get_inputs()]
    found: list[tuple[float, float]] = []
    for index in range(_WARM_UP_STEPS + pairs):
        known = {**features, **{f"{name}_in": value for name, value in memory.items()}}
        feed = {name: known[name] for name in inputs}
        ours, theirs = partial(model.step, features, memory), partial(bare.run, outputs, feed)
        if index % 2:
            theirs_us, _ = _timed_us(theirs, pace_s)
            ours_us, (_, memory) = _timed_us(ours, pace_s)
        else:
            ours_us, (_, memory) = _timed_us(ours, pace_s)
            theirs_us, _ = _timed_us(theirs, pace_s)
        found.append((ours_us, theirs_us))
    counted = found[_WARM_UP_STEPS:]
    return {
        "ours": _quantiles([us for us, _ in counted]),
        "bare": _quantiles([us for _, us in counted]),
        "ratio": median_ratio(counted),
    }


def processor_ms(model: OnnxModel, steps: int = _MUSICAL_STEPS, pace_s: float = _EIGHTH_S) -> dict[str, float | None]:
    """Measure processor and wall time of a step at the pace of eighths; means in milliseconds.

    All threads of the process count, between steps too, which is where a spinning one burns it; only
    what the pacing itself costs its own thread is taken off.
    """
    step, memory = one_step(model), no_memory(model.spec)
    for _ in range(_WARM_UP_STEPS):
        memory = step(memory)
    wall_s = pacing_s = 0.0
    began_s = time.process_time()
    for _ in range(steps):
        thread_s = time.thread_time()
        time.sleep(pace_s)
        pacing_s += time.thread_time() - thread_s
        step_began_s = time.perf_counter()
        memory = step(memory)
        wall_s += time.perf_counter() - step_began_s
    burnt_s = time.process_time() - began_s - pacing_s
    return {
        "steps": steps,
        "wall": wall_s / steps * 1e3,
        "processor": burnt_s / steps * 1e3,
        "ratio": ratio(burnt_s, wall_s),
    }


def _timed_us(call: Callable[[], Result], pace_s: float) -> tuple[float, Result]:
    if pace_s:
        time.sleep(pace_s)
    began_s = time.perf_counter()
    result = call()
    return (time.perf_counter() - began_s) * 1e6, result


def _bare_session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=[CPU_PROVIDER])


def _quantiles(took_us: list[float]) -> dict[str, float]:
    ordered = sorted(took_us)
    return {"p50": quantile(ordered, 0.5), "p99": quantile(ordered, 0.99), "p999": quantile(ordered, 0.999)}
