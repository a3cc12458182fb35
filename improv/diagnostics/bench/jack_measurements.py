"""What is measured over a real JACK server: hear-through, and what outlives an engine that is killed.

The witnesses are other people's programs. Where no server answers, or one of them is missing, that is
said instead; it must never fail the rest.
"""

import os
import random
import select
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from improv.config.values import Tune, Wiring
from improv.diagnostics.bench import jack
from improv.diagnostics.bench.processes_under_test import engine, player
from improv.errors import Unavailable
from improv.ipc.child import Child, introduce
from improv.ipc.launch import Program
from improv.midi.loop_detector import LoopDetector
from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.music.turns import Mode
from improv.runtime.ipc_messages import Begin, PlayerReport
from improv.runtime.process_table import PLAYER

MESSAGES = 500
KILLS = 20

_UNSUSPECTING = Program(
    f"from {LoopDetector.__module__} import {LoopDetector.__name__} as detector; "
    f"detector.{LoopDetector.is_ours.__name__} = lambda *_, **__: False; {PLAYER.program.source}"
)
"""The player without its recognition of loops: the tester sends two messages in turn, a hundred times a second."""

_TEMPO_BPM = 240
_LISTENS_S = 1.5
"""The bar that is in the player's hands, a step before it, and some more."""
_PLAYS_S = 10.0


def measure(measurement: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a measurement, or the reason as `not_measured` where it cannot be taken."""
    try:
        return measurement()
    except (Unavailable, OSError) as error:
        return {"not_measured": str(error)}


def through(messages: int = MESSAGES) -> dict[str, Any]:
    """Measure a round trip through the player and one through an echo in C, in milliseconds, and the period."""
    length = jack.period()
    found: dict[str, Any] = {"period_ms": length.ms, "period_frames": length.frames}
    try:
        with jack.echo() as (into, out):
            found["echo"] = jack.round_trip(into, out, messages)
    except Unavailable as error:
        found["echo"] = {"not_measured": str(error)}
    before = jack.ports()
    with player(Wiring(api="jack", thru=True), _UNSUSPECTING) as (child, _):
        into, out = (jack.new_port(part, before) for part in ("improv-in", "improv-thru"))
        found["player"] = jack.round_trip(into, out, messages)
        loops = [message.loops for message in child.link.receive() if isinstance(message, PlayerReport)]
    if any(loops):
        raise Unavailable("the tester was taken for a loop")
    return found


def silence_after_kill(model: str, provider: str, kills: int = KILLS) -> dict[str, Any]:
    """Measure from SIGKILL of the engine to the last note-off at a witness, in milliseconds; no engine follows.

    `hung` counts notes whose note-off never came, `after` the notes begun after the kill: the player has the plan for a
    bar.
    """
    length = jack.period()
    tune = Tune.of(model=model, mode=Mode.SOLO, tempo=_TEMPO_BPM, count_in=0, seed=0, provider=provider)
    rng = random.Random(0)
    took_ms: list[float] = []
    sounding_at_kill = hung = after = 0
    with ExitStack() as stack:
        before = jack.ports()
        witness = stack.enter_context(jack.Witness())
        child, _ = stack.enter_context(player(Wiring(api="jack")))
        stack.callback(witness.ask_to_end)  # the player's last messages are what it ends with
        jack.connect(jack.new_port("improv-out", before), witness.port)
        heard = _Listening(witness, child)
        for number in range(kills):
            with engine(tune) as victim:
                introduce(child, victim)
                victim.link.send(Begin(Mode.SOLO, number))
                heard.listen(_PLAYS_S, victim, until_sounding=True)
                heard.listen(rng.uniform(0.05, 0.35), victim)
                heard.listen(_PLAYS_S, victim, until_sounding=True)
                sounding_at_kill += len(heard.sounding)
                killed_s = time.monotonic()
                os.kill(victim.pid, signal.SIGKILL)
                heard.begun, heard.ended_s = 0, killed_s
                heard.listen(_LISTENS_S)
            took_ms.append((heard.ended_s - killed_s) * 1e3)
            hung += len(heard.sounding)
            after += heard.begun
            heard.sounding.clear()
    took_ms.sort()
    return {
        "kills": kills,
        "period_ms": length.ms,
        "p50_ms": took_ms[len(took_ms) // 2],
        "max_ms": took_ms[-1],
        "sounding": sounding_at_kill,
        "hung": hung,
        "after": after,
    }


class _Listening:
    """What sounds at the witness, and when the last note ended; the player and the engine are read meanwhile."""

    def __init__(self, witness: jack.Witness, child: Child) -> None:
        self.witness = witness
        self.sounding: set[tuple[int, int]] = set()
        self.begun = 0
        self.ended_s = 0.0
        self._child = child

    def listen(self, seconds: float, other: Child | None = None, *, until_sounding: bool = False) -> None:
        """Listen for a time, or until something sounds; Unavailable if then nothing does."""
        links = [child.link for child in (self._child, other) if child is not None]
        deadline_s = time.monotonic() + seconds
        while not (until_sounding and self.sounding):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            readables: list[Any] = [self.witness, *(link for link in links if not link.closed)]
            select.select(readables, (), (), left_s)
            for link in links:
                link.receive()
            for at_s, message in self.witness.heard(0):
                self._hear(at_s, message)
        if until_sounding and not self.sounding:
            raise Unavailable("the witness hears nothing")

    def _hear(self, at_s: float, message: bytes) -> None:
        kind, note = message[0] & 0xF0, (message[0] & 0x0F, message[1] if len(message) > 1 else 0)
        if kind == NOTE_ON and message[2]:
            self.sounding.add(note)
            self.begun += 1
        elif kind in (NOTE_ON, NOTE_OFF) and note in self.sounding:
            self.sounding.discard(note)
            self.ended_s = at_s
