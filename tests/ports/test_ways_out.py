"""Every way out of a jam is taken, and nothing is left sounding.

Seen by others over real ports. Counts and places in the music are asserted; times are printed and never asserted.
`-m full` plays the big tiers.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.models.onnx_models import UNITS, saved, walker
from tests.ports.clients import Witness, unended
from tests.ports.jack import Server, conclusive
from tests.ports.patience import eventually
from tests.ports.programs import Program, Terminal, children
from tests.ports.witnessed import FAST, SOLO, ended, plays, tiers, told

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]


@dataclass(frozen=True)
class Way:
    """A way out of a jam."""

    name: str
    take: Callable[[Terminal], None]
    status: int = 0
    model: str = ""
    """A model that makes it happen."""


def crash(improv: Program) -> None:
    """The engine dies, and no process waits for the next one."""
    os.kill(children(improv.pid)["engine"], signal.SIGKILL)
    improv.signal(signal.SIGTERM)


def die_for_good(improv: Program) -> None:
    """One engine after the other dies."""
    killed: set[int] = set()
    while len(killed) < 5:
        eventually(lambda: set(children(improv.pid).values()) - killed, "another engine")
        engine = children(improv.pid).get("engine")
        if engine is not None and engine not in killed:
            killed.add(engine)
            os.kill(engine, signal.SIGKILL)


def panic_and_stop(improv: Program) -> None:
    improv.signal(signal.SIGUSR1)
    improv.signal(signal.SIGTERM)


def fail(improv: Program) -> None:
    """The network goes on failing, until the user has had enough."""
    eventually(lambda: "fault 1" in improv.out, "a fault")
    improv.signal(signal.SIGTERM)


def finish(improv: Program) -> None:
    """The last chorus comes to its end."""
    eventually(lambda: "recorded as" in improv.out, "the end")


WAYS = (
    Way("the q key", lambda improv: improv.strike(b"q")),
    Way("Ctrl-C", lambda improv: improv.strike(b"\x03")),
    Way("the terminal closes", lambda improv: improv.hang_up()),
    Way("SIGTERM", lambda improv: improv.signal(signal.SIGTERM)),
    Way("SIGHUP", lambda improv: improv.signal(signal.SIGHUP)),
    Way("SIGUSR1, then SIGTERM", panic_and_stop),
    Way("a jump of the tempo, then q", lambda improv: improv.strike(b"++++++++++q")),
    Way("the end of the choruses", finish, model="short"),
    Way("a network that fails", fail, model="failing"),
    Way("a crash of the engine", crash),
    Way("engine after engine dies", die_for_good, status=1),
)
TOGETHER = 3
"""So many jams at once, each with a witness of its own; in every run it is one."""


def failing(path: Path) -> Path:
    """A network whose logits are no numbers once it is fed another note than those of its primer."""
    model = walker()
    strange = np.array([[float(unit not in (0, 4))] for unit in range(UNITS)], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(strange, "strange"))
    (last,) = (node for node in model.graph.node if list(node.output) == ["next_melody"])
    last.output[0] = "sound"
    model.graph.node.append(helper.make_node("MatMul", ["melody", "strange"], ["wrong"]))
    model.graph.node.append(helper.make_node("Sub", ["one", "wrong"], ["right"]))
    model.graph.node.append(helper.make_node("Div", ["sound", "right"], ["next_melody"]))
    return saved(model, path)


@pytest.mark.parametrize("exits", tiers(1, 21))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_nothing_sounds_after_any_way_out(way: Way, exits: int, tmp_path: Path) -> None:
    """Every onset has an end of its own."""
    models = {"": "eck2002-blues", "short": str(saved(walker(), tmp_path / "short.onnx"))}
    models["failing"] = str(failing(tmp_path / "failing.onnx"))

    def left(server: Server) -> None:
        witnesses = [server.witness(f"w{one}") for one in range(min(TOGETHER, exits))]
        took_s: list[float] = []
        for _ in range(exits // len(witnesses)):
            heard = [len(witness.heard()) for witness in witnesses]
            jams = [leaving(server, way, models[way.model], witness) for witness in witnesses]
            for improv, witness, since in zip(jams, witnesses, heard, strict=True):
                if not way.model:
                    plays(witness, since)
                way.take(improv)
                took_s.append(ended(improv, way.status))
                assert any(event.is_onset for event in witness.heard()[since:])
            eventually(lambda: not any(unended(witness.heard()) for witness in witnesses), "an end for each onset")
        told(f"{way.name}: shutdown", took_s)

    conclusive(left, tmp_path)


def leaving(server: Server, way: Way, model: str, witness: Witness) -> Terminal:
    port = witness.port.removesuffix(":input")
    options = ("--choruses", "1") if way.model == "short" else ()
    return server.improv_in_terminal(*SOLO, "--tempo", str(FAST), "--model", model, "--output", port, *options)
