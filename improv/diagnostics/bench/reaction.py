"""From a key to the plan that knows of it: a real engine, and the benchmark in the place of its player.

Beside it, in the same run and at the same pace: the model's step by itself, and the same messages
there and back through a process that does nothing. It must never be nearer to the engine than a
player is.
"""

import random
import select
import sys
import time
from pathlib import Path
from typing import Any

from improv.config.values import Tune
from improv.diagnostics.bench.processes_under_test import engine, peer_link
from improv.diagnostics.bench.statistics import Quantiles, ratio
from improv.errors import Unavailable
from improv.ipc.child import Child
from improv.ipc.launch import Program
from improv.ipc.link import Link, parent
from improv.models.contract import no_memory
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.turns import Mode
from improv.protocol.heard import Heard
from improv.runtime.ipc_messages import Begin
from improv.runtime.opening import begin_tune, open_band
from improv.session.network import one_step
from improv.session.step import advance

KEYS = 100
_TEMPO_BPM = 120
_AFTER_STEP_S = 0.005
"""A key so shortly after a step has begun might be answered by the plan that was being made anyway."""

_PACE_S = 0.02
_PATIENCE_S = 5.0
_WARM_UP = 10

_ECHO = Program("from improv.diagnostics.bench.reaction import send_back; send_back()")


def reaction(model_path: Path, name: str, provider: str, keys: int = KEYS) -> dict[str, Any]:
    """Measure from a key to its plan, beside a step, a step decided, and a message there and back, in ms.

    Steps are decided by the same networks as the engine's, those of the band among them, at the same settings.
    """
    tune = Tune.of(model=name, mode=Mode.DUET, tempo=_TEMPO_BPM, count_in=0, seed=0, provider=provider)
    model, (band, _) = OnnxModel(model_path, provider), open_band()
    step, memory = one_step(model), no_memory(model.spec)
    session = begin_tune(tune, model, Mode.DUET, seed=0)
    rng = random.Random(0)
    found: dict[str, list[float]] = {"reaction": [], "step": [], "decided": [], "crossing": []}
    with engine(tune) as child, Child(_ECHO) as other:
        player, back = peer_link(child), other.link
        child.link.send(Begin(Mode.DUET, 0))
        plan, pitch = _next_plan(child, player), None
        for index in range(_WARM_UP + keys):
            plan = _drained(child, player, rng.uniform(0, 0.25)) or plan
            plan = _past_the_step(child, player, plan)
            event = NoteOn(Part.YOU, 60 + rng.randrange(12), 90) if pitch is None else NoteOff(Part.YOU, pitch)
            pitch = event.pitch if isinstance(event, NoteOn) else None
            stamp_s = time.monotonic()
            player.send(Heard((Timed(stamp_s, event),)))
            plan = _next_plan(child, player)
            reaction_s = time.monotonic() - stamp_s
            time.sleep(_PACE_S)
            began_s = time.monotonic()
            memory = step(memory)
            step_s = time.monotonic() - began_s
            time.sleep(_PACE_S)
            began_s = time.monotonic()
            session, _ = advance(session, Heard(), model, band)
            decided_s = time.monotonic() - began_s
            time.sleep(_PACE_S)
            crossing_s = _there_and_back_s(back, Heard((Timed(stamp_s, event),)), plan)
            if index >= _WARM_UP:
                for what, took_s in (
                    ("reaction", reaction_s),
                    ("step", step_s),
                    ("decided", decided_s),
                    ("crossing", crossing_s),
                ):
                    found[what].append(took_s)
        player.close()
    return _as_json(found)


def _as_json(found: dict[str, list[float]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for what, took_s in found.items():
        told = Quantiles.of(took_s)
        assert told is not None  # noqa: S101 -- there are keys
        figures[what] = {"n": told.n, "p50_ms": told.p50_us / 1e3, "p99_ms": told.p99_us / 1e3}
    work_ms = figures["reaction"]["p50_ms"] - figures["crossing"]["p50_ms"]
    return {
        **figures,
        "ratio": ratio(work_ms, figures["step"]["p50_ms"]),
        "ratio_to_decided": ratio(figures["reaction"]["p50_ms"], figures["decided"]["p50_ms"]),
    }


def _next_plan(child: Child, player: Link) -> Plan:
    """Return the next plan, whenever it comes; what the engine tells its daemon is read meanwhile."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while (left_s := deadline_s - time.monotonic()) > 0 and not (child.gone or player.closed):
        select.select([player, child.link], (), (), left_s)
        for message in player.receive():
            if isinstance(message, Plan):
                return message
        child.link.receive()
    raise Unavailable("the engine has stopped planning")


def _drained(child: Child, player: Link, seconds: float) -> Plan | None:
    """Read whatever comes for a time; the last plan among it."""
    deadline_s, last = time.monotonic() + seconds, None
    while (left_s := deadline_s - time.monotonic()) > 0 and not (child.gone or player.closed):
        select.select([player, child.link], (), (), left_s)
        child.link.receive()
        for message in player.receive():
            last = message if isinstance(message, Plan) else last
    return last


def _past_the_step(child: Child, player: Link, plan: Plan) -> Plan:
    """Wait until no plan is being made that cannot know of a key yet."""
    while True:
        inside_s = (time.monotonic() - plan.transport.anchor_s) % plan.transport.step_s
        newer = _drained(child, player, max(1e-6, _AFTER_STEP_S - inside_s))
        if newer is None and inside_s >= _AFTER_STEP_S:
            return plan
        plan = newer or plan


def _there_and_back_s(link: Link, message: Heard, answer: Plan) -> float:
    """Return how long a message takes to a process that has the answer ready, and the answer back, in seconds."""
    link.send(answer)
    time.sleep(_PACE_S)
    began_s = time.monotonic()
    link.send(message)
    while not link.closed:
        select.select([link], (), (), _PATIENCE_S)
        if link.receive():
            return time.monotonic() - began_s
        if time.monotonic() - began_s > _PATIENCE_S:
            break
    raise Unavailable("no program sends back what is sent")


def send_back() -> None:
    """Run as a child process: keep the last plan, and send it back with each other message."""
    link = parent(sys.argv[1:])
    answer: object = None
    while not link.closed:
        select.select([link], (), ())
        for message in link.receive():
            if isinstance(message, Plan):
                answer = message
            else:
                link.send(answer)
