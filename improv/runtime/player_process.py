"""The player process: it owns the MIDI ports and the deadlines, and nothing else.

When the link to the engine closes, whatever the reason, it ends every note and pedal; when the link
to the daemon closes it does so and ends. It must never import what is slow, never write a file, and
never wait for another process.
"""

import itertools
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING, Any

from improv.errors import Unavailable
from improv.ipc.link import Failed, Join, Link, serve
from improv.midi.graph import graph_of
from improv.midi.parser import Gone
from improv.midi.player import Player
from improv.midi.ports import InputPort, OutputPort
from improv.midi.server_watch import Server
from improv.midi.shared_notes import SharedNotes
from improv.midi.sources import Arrival, NullSink, Sink, Source
from improv.midi.stderr_monitor import StderrMonitor
from improv.music.notes import Timed
from improv.protocol.commands import Connect, Panic, Quit
from improv.protocol.heard import Heard
from improv.runtime.ipc_messages import (
    Alive,
    ControllerMessages,
    HeldKeys,
    Lights,
    PlayerReport,
    SentOnsets,
    Silenced,
    SoundDelay,
    StandBy,
    TakeOver,
)
from improv.runtime.port_set import OpenPorts, open_ports
from improv.runtime.scheduling import postpone_kill, request_realtime
from improv.runtime.standby_player import stand_by
from improv.runtime.synth_link import UNREAD_BYTES, SynthLink
from improv.runtime.system_clock import SystemClock
from improv.system.garbage import keep_garbage
from improv.system.quantiles import quantile
from improv.system.quiet import quiet

if TYPE_CHECKING:
    from improv.midi.hosted_clients import Hosted

_REPORT_S = 0.2
_FOLLOW_S, _LOOK_S = 0.5, 0.01
"""How often the list of ports is asked for, and how often what they are connected to: a cable that is pulled and
plugged in again by a program must be seen to have been out."""

_IDLE_S = 0.005
"""Either is done only when nothing falls due for so long."""

_KEPT = 4096
_LATELY = 200
"""Onsets that the lateness which is reported is of."""
_FAREWELL_S = 0.2
_STUCK_S, _OPENING_S = 5.0, 20.0
"""How long a call to the MIDI system may take, and opening ports, before the system ends this process: for one whose
daemon is gone. The daemon is quicker."""


class EngineLink:
    """The link to the engine of the moment: plans come from it, and what was heard goes to it.

    While there is none, what was heard is kept for the next one.
    """

    def __init__(self) -> None:
        self.link: Link | None = None
        self.unheard = 0
        """Notes and commands that were dropped, because there was no engine for too long."""
        self._told = False
        self._kept = Heard()
        self._lately: deque[Timed] = deque(maxlen=_KEPT)

    def switch_to(self, link: Link, since_s: float | None = None) -> None:
        """Take plans from another engine from now on, and send it what was heard since `since_s`."""
        if self.link is not None:
            self.link.close()
        self.link, self._told = link, False
        if since_s is not None:
            self._kept = Heard(tuple(note for note in self._lately if note.time_s > since_s), self._kept.commands)

    def send(self, heard: Heard, down: frozenset[int]) -> None:
        """Send the engine what was heard, or keep it for the next engine, followed by the held pitches."""
        self._lately += heard.notes
        if self.link is None or not self._told:
            kept = self._kept + heard
            self._kept = kept.latest(_KEPT)
            self.unheard += len(kept) - len(self._kept)
        if self.link is None:
            return
        if not self._told:
            self._told = True
            self.link.send(self._kept)
            self.link.send(HeldKeys(down))
            self._kept = Heard()
        elif heard:
            self.unheard += 0 if self.link.send(heard) else len(heard)

    def poll(self, now_s: float) -> Sequence[Arrival]:
        """Return the plans that have arrived; `Gone` once the engine has ended."""
        if self.link is None or not self.link.ready:
            return ()
        plans = self.link.receive()
        if self.link.closed:
            self.link.close()
            self.link = None
            return (*plans, Gone(now_s, engine=True))
        return plans

    def next_poll_s(self, now_s: float) -> float:
        """Return infinity: received data ends waiting by itself, and data that waits to be sent is sent meanwhile."""
        return inf


class DaemonLink:
    """The link to the daemon: commands come from it, and the engines and the synth to join."""

    def __init__(self, link: Link, engine: EngineLink, lights: Sink, synth: SynthLink) -> None:
        self.link = link
        self._synth = synth
        self._connects: list[Connect] = []
        self._engine = engine
        self._lights = lights

    def poll(self, now_s: float) -> Sequence[Arrival]:
        """Return the daemon's commands that have arrived; `Quit` once the daemon is gone."""
        if not self.link.ready:
            return ()
        asked: list[Arrival] = []
        for message in self.link.receive():
            if isinstance(message, Join) and message.sounds:
                self._synth.switch_to(self.link.joined_link(message, limit_bytes=UNREAD_BYTES))
            elif isinstance(message, SoundDelay):
                self._synth.delay_s = message.delay_s
            elif isinstance(message, Join):
                if self._engine.link is not None and message.since_s is None:
                    asked.append(Gone(now_s, engine=True))
                self._engine.switch_to(self.link.joined_link(message), message.since_s)
            elif isinstance(message, Connect):
                self._connects.append(message)
            elif isinstance(message, Lights):
                for light in message.messages:
                    self._lights.send(light)
            else:
                asked.append(message)
        if self.link.closed:
            asked.append(Quit())
        return asked

    def asked_to_connect(self) -> list[Connect]:
        """Remove and return the orders to exchange a port for another."""
        asked, self._connects = self._connects, []
        return asked

    def next_poll_s(self, now_s: float) -> float:
        """Return infinity: received data ends waiting by itself."""
        return inf


class Signals:
    """Signals to this process alone: SIGTERM is a stop, SIGUSR1 is panic."""

    def __init__(self) -> None:
        self._asked: list[Arrival] = []
        signal.signal(signal.SIGTERM, lambda *_: self._asked.append(Quit()))
        if hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, lambda *_: self._asked.append(Panic()))

    def poll(self, now_s: float) -> Sequence[Arrival]:
        """Return the commands of the signals that have arrived."""
        asked, self._asked = self._asked, []
        return asked

    def next_poll_s(self, now_s: float) -> float:
        """Return when to poll again: a signal does not end waiting."""
        return now_s + _REPORT_S


class MidiHealth:
    """The state of the MIDI system, as this process sees it and the port host reports it."""

    def __init__(self, server: Server, stderr: StderrMonitor, hosted: "Hosted | None") -> None:
        self.server = server
        self.warnings: list[str] = []
        """What RtMidi has printed since the last look."""
        self.overflows = self.late = 0
        self._stderr, self._hosted = stderr, hosted

    def look(self) -> None:
        """Read the warnings of the MIDI system since the last call."""
        self.warnings, self.overflows = self._stderr.read(), self._stderr.overflows
        if self._hosted is not None:
            self._hosted.take_in()
            self.warnings += self._hosted.take_warnings()
            self.overflows += self._hosted.overflows
            self.late = self._hosted.late

    @property
    def server_gone(self) -> bool:
        """True if the MIDI server has ended."""
        return self.server.gone or (self._hosted is not None and self._hosted.server_gone)


class Orders:
    """The daemon's orders before the ports are open, one after the other, and the port host that comes with them."""

    def __init__(self, link: Link) -> None:
        self.host: Link | None = None
        self._link = link
        self._asked: list[Any] = []

    def next(self) -> Any:
        """Wait for the next order and return it; None if the daemon is gone."""
        while True:
            while not self._asked:
                if self._link.closed:
                    return None
                select.select([self._link], (), ())
                self._asked += self._link.receive()
            asked = self._asked.pop(0)
            if not isinstance(asked, Join):
                return asked
            if self.host is not None:
                self.host.close()
            self.host = self._link.joined_link(asked)

    @property
    def over(self) -> bool:
        """True if the daemon is gone."""
        self._asked += self._link.receive()
        return self._link.closed

    def next_patiently(self) -> Any:
        """Wait for the next order without a time limit, and return it; None if the daemon is gone."""
        postpone_kill(0)
        try:
            return self.next()
        finally:
            postpone_kill(_OPENING_S)


def main() -> None:
    """Run the player process, as a child of the daemon."""
    with SharedNotes.inherited(sys.argv[2:]) as notes:
        serve(lambda link: _play(link, notes))


def _play(link: Link, notes: SharedNotes) -> None:
    stderr, signals = StderrMonitor(), Signals()
    orders = Orders(link)
    begin = orders.next()
    server = Server()
    postpone_kill(_OPENING_S)
    with ExitStack() as stack:
        graph = None
        if isinstance(begin, StandBy | TakeOver):
            with server.opening(), quiet():
                graph = stack.enter_context(graph_of(begin.wiring.api or ""))
            with quiet():
                begin = stand_by(
                    begin,
                    orders.next_patiently,
                    graph,
                    lambda: _send_silenced(link),
                    lambda: _goes_on(link, server) and not orders.over,
                    notes.ends,
                )
        if begin is None or orders.over:
            return
        hosted = _hosted(orders.host) if orders.host is not None else None
        with server.opening():
            if isinstance(begin, TakeOver):
                wiring = begin.wiring
                opened = open_ports(wiring, stack, graph, hosted, begin.ports, waits=True)
            else:
                wiring = begin
                opened = open_ports(wiring, stack, graph, hosted)
        if isinstance(begin, TakeOver):
            opened.take_over(begin.ports, graph)
        stack.callback(postpone_kill, _STUCK_S)  # closing may be stuck as well
        engine = EngineLink()
        synth = SynthLink()
        daemon = DaemonLink(link, engine, opened.lights or NullSink(), synth)
        sources: list[Source] = [daemon, engine, signals, *([opened.source] if opened.source else [])]
        clock = SystemClock(lambda: [end for end in (link, engine.link, orders.host) if end and not end.closed])
        health = MidiHealth(server, stderr, hosted)
        link.send(opened.message(realtime=request_realtime()))
        keep_garbage()
        notes.clear()
        sink, stalled = (opened.sink, opened.sink.stalled) if opened.sink is not None else (NullSink(), bool)
        with Player(
            clock, sink, sources, thru=opened.through, passes_on=wiring.thru, stalled=stalled, notes=notes, sound=synth
        ) as player:
            _run(player, engine, daemon, opened, health)
        link.send(SentOnsets(tuple(player.onsets)))
        if health.server_gone:
            link.drain(_FAREWELL_S)
            os._exit(0)  # closing a client of a dead server takes a second each


def _hosted(host: Link) -> "Hosted":
    from improv.midi.hosted_clients import Hosted  # only where there is a JACK server

    return Hosted(host, "jack")


def _goes_on(link: Link, server: Server) -> bool:
    """Put off the end of this process; or end it at once where the MIDI server has ended too: nothing sounds there."""
    postpone_kill(_OPENING_S)
    if server.gone:
        link.send(Failed.of(Unavailable("the MIDI server is gone; waiting for it to come back")))
        link.drain(_FAREWELL_S)
        os._exit(0)
    return True


def _send_silenced(link: Link) -> None:
    link.send(Silenced())
    link.drain(_FAREWELL_S)


def _run(
    player: Player,
    engine: EngineLink,
    daemon: DaemonLink,
    opened: OpenPorts,
    health: "MidiHealth",
) -> None:
    """Play until `Quit`: send what is heard to the engine, follow and exchange the ports, and report to the daemon."""
    link, ports = daemon.link, opened.ports
    report_s = follow_s = look_s = player.clock.now()
    turns, down = itertools.cycle(ports), frozenset[int]()
    while True:
        heard = player.listen_until(min(report_s, look_s))
        if heard is None:
            link.send(_report(player, engine, ports, health, link.dropped))
            return
        engine.send(heard, player.held_pitches)
        if player.held_pitches != down:
            down = player.held_pitches
            link.send(HeldKeys(down))
        if turned := player.controllers.take():
            link.send(ControllerMessages(turned))
        for asked in daemon.asked_to_connect():
            link.send(Alive(waits_for_server=True))
            postpone_kill(_OPENING_S)
            with health.server.opening():
                link.send(opened.move(player, asked))
            link.send(Alive())
        now_s = player.clock.now()
        news: tuple[str, ...] = ()
        if now_s >= look_s:
            look_s = now_s + _LOOK_S
            if health.server_gone:
                look_s = inf  # there is no server to ask, and time to notice that the daemon is gone too
            elif player.next_due_s() > now_s + _IDLE_S:
                seen = [port for port in ports if port.look()]
                if now_s >= follow_s:
                    seen += [
                        port for port in (next(turns, None),) if port and port not in seen
                    ]  # asking takes a moment
                    follow_s = now_s + _FOLLOW_S / max(1, len(ports))
                if seen:
                    with health.server.opening():
                        news = tuple(text for port in seen if (text := port.follow()))
        if now_s >= report_s or news:
            report_s = now_s + _REPORT_S
            postpone_kill(_STUCK_S)
            link.send(_report(player, engine, ports, health, link.dropped, news))


def _report(
    player: Player,
    engine: EngineLink,
    ports: Sequence[InputPort | OutputPort],
    health: "MidiHealth",
    undelivered: int,
    news: tuple[str, ...] = (),
) -> PlayerReport:
    health.look()
    counts = [port.stream.counts for port in ports if isinstance(port, InputPort)]
    late_us = sorted(player.onsets.lately_us(_LATELY)) or [0.0]
    return PlayerReport(
        onsets=player.onsets.count,
        dropped=player.schedule.dropped + health.late,
        gaps=player.gaps.count,
        loops=player.loop_detector.found,
        overflows=health.overflows,
        unheard=engine.unheard,
        undelivered=undelivered,
        lights=sum(port.connections for port in ports if port.role == "lights"),
        broken=sum(count.malformed + count.dropped_sysex for count in counts),
        news=(*news, *health.warnings),
        ports=tuple(port.status for port in ports),
        own=tuple((port.status.role, port.own) for port in ports if port.own),
        server_gone=health.server_gone,
        first_onset_s=player.onsets.first_s,
        lateness_p50_us=quantile(late_us, 0.5),
        lateness_p99_us=quantile(late_us, 0.99),
    )
