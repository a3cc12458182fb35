"""Our sender of the grid as it is in a jam: plans of an engine, handed over to the player in its own process.

The benchmark's process is the engine, so what a condition puts in here is what an engine may have to
bear. It must never do the player's work for it.
"""

import select
import time

from improv.config.values import Wiring
from improv.dataclass import dataclass
from improv.diagnostics.bench.grid import BPM, LEAD, PERIOD_S, PULSES_PER_BEAT, onsets
from improv.diagnostics.bench.load_conditions import load_condition
from improv.diagnostics.bench.processes_under_test import peer_link, player
from improv.diagnostics.bench.statistics import Samples
from improv.errors import ImprovError
from improv.ipc.child import Child
from improv.ipc.link import Link
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import NoteOn, Placed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import STEPS_PER_BAR
from improv.music.transport import Transport
from improv.protocol.commands import Quit
from improv.runtime.ipc_messages import PlayerReport, SentOnsets

_TICK_BPM = BPM * PULSES_PER_BEAT / TICKS_PER_BEAT
"""The tempo at which ticks follow each other as the pulses of the grid do."""

_BAR = BEATS_PER_BAR * TICKS_PER_BEAT
_BEFORE_S = 0.2
_PITCH = 60
_FAREWELL_S = 5.0


@dataclass(frozen=True, slots=True)
class Ours:
    """A real player, driven over a link; its deadlines and its stamps are those it tells at its end."""

    api: str = "none"

    def __call__(self, seconds: float, condition: str) -> Samples:
        """Have it play the grid for some seconds while this process bears the condition."""
        count = onsets(seconds)
        with player(Wiring(api=self.api)) as (child, _):
            link = peer_link(child)
            with load_condition(condition):
                start_s = time.monotonic() + _BEFORE_S
                _hand_over(child, link, start_s, count)
            child.link.send(Quit())
            sent, played = _sent(child)
            link.close()
        first_s = start_s + (LEAD - 0.5) * PERIOD_S
        kept = [(due_s, sent_s) for due_s, sent_s in sent if due_s > first_s]
        missed = max(0, count - played)  # a player tells of the last ones only, and counts all
        return Samples(tuple(due_s for due_s, _ in kept), tuple(sent_s for _, sent_s in kept), missed)


def _hand_over(child: Child, link: Link, start_s: float, count: int) -> None:
    """Plans bar by bar, each a bar before it begins; returns when the last onset is over."""
    transport = Transport(0, start_s, _TICK_BPM)
    bars = -(-count // _BAR)
    for bar in range(bars):
        ticks = range(bar * _BAR, min(count, (bar + 1) * _BAR))
        events = tuple(Placed(tick, NoteOn(Part.MELODY, _PITCH, 64)) for tick in ticks)
        _read_until(child, transport.time_of_tick((bar - 1) * _BAR))
        link.send(Plan(bar * STEPS_PER_BAR, events, transport))
    _read_until(child, transport.time_of_tick(count))


def _read_until(child: Child, deadline_s: float) -> None:
    """Take in what the player reports, as a daemon does, until a time."""
    while (left_s := deadline_s - time.monotonic()) > 0 and not child.gone:
        select.select([child.link], (), (), left_s)
        child.link.receive()


def _sent(child: Child) -> tuple[tuple[tuple[float, float], ...], int]:
    """Return when each of the last onsets was due and sent, and how many there were in all."""
    deadline_s, played = time.monotonic() + _FAREWELL_S, 0
    while (left_s := deadline_s - time.monotonic()) > 0 and not child.gone:
        select.select([child.link], (), (), left_s)
        for message in child.link.receive():
            if isinstance(message, PlayerReport):
                played = message.onsets
            if isinstance(message, SentOnsets):
                return message.onsets, played
    raise ImprovError("the player did not tell what it sent")
