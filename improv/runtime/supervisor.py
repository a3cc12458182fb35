"""Keeps the player and the engine alive, and hands what they say to those who show and record it.

A process that dies is started again and takes up where the other one was; one that is stuck is
killed first. The supervisor is not in the way of the music: player and engine talk to each other
directly. It must never decide what or when to play.
"""

import os
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Protocol

from improv.config.values import Tune, Wiring
from improv.errors import ImprovError, Unavailable
from improv.ipc.child import Child, introduce
from improv.ipc.link import Failed
from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.shared_notes import SharedNotes
from improv.models.catalog import find_model, read_model
from improv.protocol.commands import Command, Connect, Nudge, Panic, Press, Quit, Set
from improv.protocol.controls import MODEL, OFF, ON, SWING, TEMPO, THRU
from improv.protocol.snapshot import MidiStatus, NetworkStatus, OnsetTiming, PortStatus, SystemStatus
from improv.recording import Head, State
from improv.runtime.ipc_messages import (
    ENGINE,
    HOST,
    PLAYER,
    Alive,
    Begin,
    Begun,
    Ended,
    Held,
    HeldKeys,
    Lights,
    Moved,
    Opened,
    Prepare,
    Prepared,
    Report,
    Restate,
    Sent,
    Silenced,
    StandBy,
    TakeOver,
    Told,
    Turned,
    described,
    names_of,
)

_TICK_S = 0.05
_STARTING_S = 30.0
_PLAYER_SILENT_S = 1.0
"""A player that has not said for so long that it lives is stuck: a dead JACK server does that."""

_ENGINE_SILENT_S = 60 / TEMPO.low * SWING.high + 1.0
"""The slowest eighth, and some more."""

_STUCK_ANYWAY_S = 0.5
"""If we ourselves were stopped for so long, nobody else is to blame."""

_AGAIN_S = 0.5
_OLDEST_S = 5.0
"""Notes that are older have long been settled in some step."""

_UNDERSTUDY_S, _UNDERSTUDY_AGAIN_S, _UNDERSTUDY_SOON_S = 0.5, 5.0, 0.1
"""An understudy is started when the music plays, not while it is being started; the next one while one takes over."""

_MOST_IN_A_ROW, _MOST_DEATHS, _DEATHS_WITHIN_S = 5, 20, 30.0
"""How often one may die before it has done any work, or at all within a time."""

_FAREWELL_S, _CLOSING_S = 0.3, 6.0
"""How long is waited for what they have left to say; and for a player to close its ports, which sees to it by itself
that it has ended before: a client of a JACK server that is killed holds all others up, and what they send is lost."""


class Audience(Protocol):
    """Who shows and records what happens."""

    def begun(self, head: Head) -> None:
        """A performance has begun."""
        ...

    def told(self, told: Told) -> None:
        """A step has been played."""
        ...

    def stated(self, state: State) -> None:
        """The whole session, as the recording has wanted it."""
        ...

    def lost(self, count: int, why: str) -> None:
        """The recording misses so many steps, or, if none, something else."""
        ...

    @property
    def wants_state(self) -> bool:
        """Whether the recording wants the whole session."""
        ...

    def remark(self, text: str) -> None:
        """Something else has happened: a process died, a port went."""
        ...

    def changed(self, system: SystemStatus) -> None:
        """What it is played with has changed, or the keys that are held, within a step."""
        ...

    def picked(self, end: str, name: str, api: str) -> str:
        """Another port is open, as somebody has asked for: its whole name, or nothing for a virtual one.

        Returns what there is to say of it, or nothing.
        """
        ...

    def turned(self, time_s: float, message: bytes) -> str:
        """A knob, a key or a pedal was moved that is bound, or may be: what there is to say of it, or nothing."""
        ...

    def darkened(self) -> None:
        """The lights of a controller show nothing of what they were told: it was plugged in, or the player is new."""
        ...


class Door(Protocol):
    """Somebody who asks for things while it plays: keys, signals, a control socket."""

    def poll(self) -> Sequence[Command]:
        """What is asked for now; returns at once."""
        ...

    def wakers(self) -> Sequence[Any]:
        """What becomes readable when there is something to ask."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a performance went."""

    report: Report
    realtime: bool
    sent: tuple[tuple[float, float], ...]
    """When each of the last onsets was due and was sent."""
    ended: Ended | None
    engine_deaths: int
    player_deaths: int


class Supervisor:
    """Runs one performance. A context: however it is left, both processes end, within a second."""

    def __init__(  # noqa: PLR0915 a line for each thing that is known of its processes
        self, tune: Tune, wiring: Wiring, audience: Audience, *, take: Path | None = None
    ) -> None:
        self.engine_deaths = 0
        self.player_deaths = 0
        self._tune = tune
        self._take = take
        self._network = self._coming_network = b""
        """What the model's file held when it was asked for: another engine plays the same, whatever becomes of it."""
        self._wiring = wiring
        self._audience = audience
        self._player: Child | None = None
        self._understudy: Child | None = None
        """A player that has only to be told which ports to open: what the last one left sounding waits for it."""
        self._notes = SharedNotes.made()
        """What the player has begun, for the one after it to end."""
        self._host: Child | None = None
        """What owns the clients of a JACK server, for one player after the other."""
        self._host_heard_s = 0.0
        self._host_patience_s, self._player_patience_s = _STARTING_S, _PLAYER_SILENT_S
        """How long either may say nothing: longer while it asks the MIDI server for something."""
        self._engine: Child | None = None
        self._opened: Opened | None = None
        self._connects: list[Connect] = []
        """The ports that are to be exchanged, of which no player has told what came of it."""
        self._ports: tuple[PortStatus, ...] = ()
        self._own: tuple[tuple[str, str], ...] = ()
        """What the MIDI system calls them, by role."""
        self._held: list[socket.socket] = []
        self._prepared: Prepared | None = None
        self._coming: Child | None = None
        """An engine with the network that is to play from the next step on."""
        self._coming_tune = tune
        self._coming_prepared: Prepared | None = None
        self._swapped = False
        """Whether the last session that was told is of another network than the engine's."""
        self._wanted = ControllerFilter()
        self._remark = ""
        self._quit = False
        self._begin: Begin | None = None
        self._session = b""
        self._untold: list[Told] = []
        """Steps of which the session is not known yet."""
        self._in_hand = False
        """Whether a player has played on since an engine died."""
        self._settled_s = 0.0
        """When the last of your notes was played that is in a step that was told."""
        self._coming_s = 0.0
        self._asked: list[Command] = []
        """What the engine was asked for and has not told of yet."""
        self._unplayed = self._undelivered = 0
        self._restating = False
        """Whether the engine was asked for the whole session, and has not told it yet."""
        self._ended: Ended | None = None
        self._report = self._earlier = Report()
        self._sent: tuple[tuple[float, float], ...] = ()
        self._player_heard_s = self._engine_heard_s = self._now_s = time.monotonic()
        self._player_again_s, self._understudy_wanted_s = 0.0, inf
        self._player_open = self._engine_begun = self._engine_told = self._connected = False
        self._deaths_s: deque[float] = deque(maxlen=_MOST_DEATHS)
        self._in_a_row = Counter[str]()
        """How often player and engine have died since they did any work."""
        self._told_failure = ""
        self._keys = frozenset[int]()

    def __enter__(self) -> "Supervisor":
        if self._take is None:
            self._network = read_model(find_model(self._tune.model))
        self._start_player()
        self._start_engine()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_silent()
        every = (self._player, self._engine, self._understudy, self._coming, self._host)
        children = [child for child in every if child is not None]
        for child in children:
            child.link.close()  # they end side by side
        self._let_go()
        now_s = time.monotonic()
        for child in children:
            patience_s = _CLOSING_S if child in (self._player, self._understudy, self._host) else _FAREWELL_S
            child.end(max(0.0, now_s + patience_s - time.monotonic()))
        self._notes.__exit__()

    def _leave_silent(self) -> None:
        """Nobody is to take another one's place any more; but one has to silence what was left by who died just now."""
        player_died = self._player is not None and self._player.gone and self._player_open and not self._sent
        if self._host.gone if self._host is not None else player_died and self._ports:
            self._understudy = self._understudy or self._a_player()
            self._understudy.link.send(TakeOver(self._wiring, self._ports, self._own))
        elif self._understudy is not None:
            self._understudy.link.send(Quit())

    def ready(self, doors: Sequence[Door] = ()) -> Opened | None:
        """Wait until the ports are open and the network is loaded; None if somebody asks for a stop before.

        What either cannot do is raised.
        """
        deadline_s = time.monotonic() + _STARTING_S
        while self._opened is None or self._prepared is None:
            if time.monotonic() > deadline_s:
                raise ImprovError(f"nothing plays after {_STARTING_S:g} s; start again, or try another --api")
            self._listen(doors)
            if any(isinstance(command, Quit) for door in doors for command in door.poll()) or self._quit:
                return None
            for who, child in (("player", self._player), ("engine", self._engine)):
                if child is None or child.gone:
                    raise ImprovError(f"the {who} has died while it was started; start again")
        return self._opened

    def play(self, begin: Begin, doors: Sequence[Door]) -> Outcome:
        """Perform until it is over or somebody asks for a stop."""
        self._begin = begin
        self._introduce()
        while self._ended is None and not self._quit:
            for door in doors:
                for command in door.poll():
                    try:
                        self.ask(command)
                    except ImprovError as error:
                        self._say(str(error))
            self._listen(doors)
            self._mind()
        return self._stopped()

    def ask(self, command: Command) -> None:
        """Pass a command on to whom it concerns: panic to the player, which tells the engine of it.

        ImprovError for what cannot be.
        """
        match command:
            case Quit():
                self._quit = True
            case Set(MODEL.name, value):
                self._swap(str(value))
            case Set(THRU.name, value):
                self._pass_on(value == ON)
            case Nudge(THRU.name):
                self._pass_on(not self._wiring.thru)
            case Panic() if self._player is not None:
                self._player.link.send(command)
            case Press():
                self._tell_player(command)
            case Connect() if not self._player_open:
                raise Unavailable(
                    "no port can be exchanged now: the MIDI ports are closed; ask again when they are open"
                )
            case Connect():
                self._connects.append(command)
                self._tell_player(command)
            case _:
                self._asked.append(command)
                if self._engine is not None and self._engine_begun:  # it is told the rest as it begins
                    self._engine.link.send(command)

    def remark(self, text: str) -> None:
        """Tell that something has happened."""
        self._say(text)

    def want(self, wanted: ControllerFilter) -> None:
        """Have the player tell of these messages of controllers, and of no others."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._tell_player(wanted)

    def light(self, messages: Sequence[bytes]) -> None:
        """Have the lights of a controller show something."""
        if messages:
            self._tell_player(Lights(list(messages)))

    @property
    def system(self) -> SystemStatus:
        """What it is played with, as far as it is known here."""
        report, opened, prepared = self._report, self._opened, self._prepared
        ports = self._ports if self._player_open else ()
        return SystemStatus(
            description=self._says(ports),
            midi=MidiStatus(
                api=opened.api if opened else "",
                input=opened.name("input") if opened else "",
                output=opened.name("output") if opened else "",
                ports=ports,
                keys=tuple(sorted(self._keys)),
                thru=ON if self._wiring.thru else OFF,
            ),
            network=NetworkStatus(
                model=prepared.model if prepared else self._tune.model,
                next_model=self._coming_tune.model if self._coming else "",
                unsupported_controls=prepared.unsupported_controls if prepared else (),
            ),
            timing=OnsetTiming(
                onsets=self._earlier.onsets + report.onsets,
                dropped_onsets=self._earlier.dropped + report.dropped,
                lateness_p50_us=report.lateness_p50_us,
                lateness_p99_us=report.lateness_p99_us,
            ),
            engine_deaths=self.engine_deaths,
            player_deaths=self.player_deaths,
            remark=self._remark,
        )

    def _says(self, ports: Sequence[PortStatus]) -> str:
        """The ports in a sentence, and why they are these."""
        if self._opened is None:
            return ""
        if not ports:
            return f"{self._opened.api}: the ports are closed" if self._opened.plays else self._opened.says
        said = described(self._opened.api, ports, passes_on=self._wiring.thru)
        return f"{said}; {self._opened.says}" if self._opened.says else said

    def _tell_player(self, message: object) -> None:
        if self._player is not None and self._player_open:
            self._player.link.send(message)

    def _pass_on(self, on: bool) -> None:
        self._wiring = replace(self._wiring, thru=on)
        self._tell_player(PassOn(on))

    def _say(self, text: str) -> None:
        self._remark = text
        self._audience.remark(text)
        self._audience.changed(self.system)

    def _stopped(self) -> Outcome:
        """Silence first, then what they have left to say."""
        for child in (self._player, self._engine):
            if child is not None:
                child.link.send(Quit())
        deadline_s = time.monotonic() + _FAREWELL_S
        while time.monotonic() < deadline_s and not (self._sent_all and self._engine_done):
            self._listen([])
        self._pass_on_untold()  # no other engine is going to decide them
        realtime = self._opened is not None and self._opened.realtime
        report = self._report.after(self._earlier)
        return Outcome(report, realtime, self._sent, self._ended, self.engine_deaths, self.player_deaths)

    @property
    def _sent_all(self) -> bool:
        return bool(self._sent) or self._player is None or self._player.gone

    @property
    def _engine_done(self) -> bool:
        return self._ended is not None or self._engine is None or self._engine.gone

    # --- what they say --------------------------------------------------------------------------

    def _listen(self, doors: Sequence[Door]) -> None:
        """Wait a moment for somebody to say something, and take it in."""
        children = (self._player, self._engine, self._coming, self._host)
        links = [child.link for child in children if child is not None and not child.link.closed]
        wakers: list[Any] = [*links, *(waker for door in doors for waker in door.wakers())]
        select.select(wakers, [link for link in links if link.waits], (), _TICK_S)
        now_s = time.monotonic()
        if now_s - self._now_s > _STUCK_ANYWAY_S:
            self._player_heard_s = self._engine_heard_s = self._host_heard_s = now_s
        self._now_s = now_s
        if (host := self._host) is not None:
            for message in host.link.receive():
                if self._host is not host:
                    break
                self._host_heard_s = now_s
                self._host_says(host, message)
        if (player := self._player) is not None:
            for message in player.link.receive():
                if self._player is not player:  # it was given up for what it said before
                    break
                self._player_heard_s = now_s
                self._player_says(message)
        if self._engine is not None:
            for message in self._engine.link.receive():
                self._engine_heard_s = now_s
                self._engine_says(message)
        if self._coming is not None:
            for message in self._coming.link.receive():
                self._coming_says(message)

    def _host_says(self, host: Child, message: object) -> None:
        match message:
            case Alive(asks, server_gone):
                self._host_patience_s = _STARTING_S if asks else _PLAYER_SILENT_S
                if server_gone:
                    self._lose_server()
            case Held(count):
                self._let_go()
                self._held = host.link.taken(count)
            case Failed():
                self._say(message.message)
            case _:
                raise AssertionError(message)

    def _player_says(self, message: object) -> None:
        match message:
            case Opened():
                self._is_open(message)
            case Report():
                self._told_report(message)
            case Sent(onsets):
                self._sent = onsets
            case Alive(asks):
                self._player_patience_s = _STARTING_S if asks else _PLAYER_SILENT_S
            case Moved():
                self._player_moved(message)
            case Silenced():
                self._let_go()
            case HeldKeys(down):
                self._keys = down
                self._audience.changed(self.system)
            case Turned(messages):
                for time_s, turned in messages:
                    if said := self._audience.turned(time_s, turned):
                        self._say(said)
            case Failed():
                self._player_failed(message)
            case _:
                raise AssertionError(message)

    def _is_open(self, opened: Opened) -> None:
        """The ports are open: nothing else keeps the music waiting but the network."""
        if opened.api != "jack":
            self._end_host()
        if self._opened is not None:
            self._say("the ports are open again")
        self._opened, self._player_open, self._told_failure = opened, True, ""
        self._player_patience_s = _PLAYER_SILENT_S
        self._in_a_row["player"] = 0
        self._wiring = replace(self._wiring, api=opened.api, patient=True, finds=False, picked=())
        self._connected_to(opened.ports)
        self._understudy_wanted_s = min(self._understudy_wanted_s, self._now_s + _UNDERSTUDY_S)
        self._brief_the_understudy()
        self._tell_player(self._wanted)
        self._tell_player(PassOn(self._wiring.thru))
        lost, self._connects = self._connects, []  # if they end this one too, they are not asked for again
        for asked in lost:
            self._tell_player(asked)
        self._introduce()

    def _connected_to(self, ports: tuple[PortStatus, ...]) -> None:
        """The ports are connected so: shown at once, and what a player that takes over has to open."""
        if ports != self._ports:
            self._ports, names = ports, names_of(ports)
            self._opened = replace(self._opened, ports=ports) if self._opened is not None else None
            there = self._wiring
            self._wiring = replace(
                there, input=names.get("input", there.input), output=names.get("output", there.output)
            )
            self._audience.changed(self.system)
            self._brief_the_understudy()

    def _told_report(self, report: Report) -> None:
        before, self._report = self._report, report
        if not report.server_gone:
            self._own = report.own
            self._connected_to(report.ports)
        for text in report.news:
            self._say(text)
        if report.lights != before.lights:
            self._audience.darkened()
        if report.loops > before.loops:
            self._say("what improv plays comes back to its input: ignored, and nothing is passed on")
        if report.overflows > before.overflows:
            self._say(f"{report.overflows} MIDI messages were lost: more came than the system could keep")
        if report.unheard > before.unheard:
            self._audience.lost(0, f"{report.unheard} of your notes were not heard: more came than could be kept")
        if report.untold > before.untold:
            self._say(f"{report.untold} reports of the player were lost: they were not read for too long")
        if report.broken and not before.broken:
            self._say("the input sends MIDI messages that make no sense; they are left out")
        if report.gaps > before.gaps:
            self._say("time has passed unnoticed: the machine was suspended, or overloaded")
        if report.server_gone:
            self._lose_server()

    def _lose_server(self) -> None:
        """Whoever is a client of the dead one ends; others ask for another one."""
        if self._understudy is not None:
            self._understudy.kill()
            self._understudy = None
        self._end_host()
        self._lose_player("the MIDI server is gone; waiting for it to come back")

    def _player_moved(self, moved: Moved) -> None:
        """Another port is open, or cannot be; a player that takes over has to open the same."""
        self._connects = [asked for asked in self._connects if (asked.end, asked.name) != (moved.end, moved.name)]
        if moved.opened is None or self._opened is None:
            self._say(moved.why)
            return
        self._opened = replace(moved.opened, realtime=self._opened.realtime)
        self._connected_to(moved.opened.ports)
        name = names_of(moved.opened.ports)[moved.end] or ""
        unkept = self._audience.picked(moved.end, name, moved.opened.api)
        self._say("; ".join(filter(None, (self.system.description, unkept))))

    def _player_failed(self, failure: Failed) -> None:
        if self._opened is None:
            raise failure.error()
        if failure.message != self._told_failure:
            self._told_failure = failure.message
            self._say(failure.message)

    def _engine_says(self, message: object) -> None:
        match message:
            case Prepared():
                self._prepared = message
                self._introduce()
            case Begun(head):
                self._audience.begun(head)
            case Told(session=session):
                self._engine_told, self._in_a_row["engine"] = True, 0
                self._untold.append(message)
                if session:
                    self._pass_on_untold()
                    self._session, self._swapped = session, False
                    if self._coming_prepared is not None:
                        self._take_turns()
            case State():
                self._pass_on_untold()  # it stands behind them in the take
                self._restating = False
                self._audience.stated(message)
            case Ended():
                self._pass_on_untold()
                self._ended = message
            case Failed():
                if not self._session:
                    raise message.error()
                self._say(message.message)
            case _:
                raise AssertionError(message)

    def _pass_on_untold(self) -> None:
        """Show and record the steps that were told: the session that comes with the last of them goes on from there.

        Without one they are kept back. An engine that dies before it has told the session has another one decide them.
        """
        untold, self._untold = self._untold, []
        for told in untold:
            self._take_in(told)
            self._audience.told(replace(told, seen=replace(told.seen, system=self.system)))

    def _take_in(self, told: Told) -> None:
        """What was heard and asked for has come to something; what never came here is missing from the take."""
        for note in told.entry.heard.notes if told.entry else ():
            self._settled_s = max(self._settled_s, note.time_s)
        for command in told.entry.heard.commands if told.entry else ():
            if command in self._asked:
                self._asked.remove(command)
        if told.lost:
            self._audience.lost(told.lost, "improv's daemon did not run for too long")
        if told.unplayed > self._unplayed:
            self._audience.lost(0, f"{told.unplayed - self._unplayed} plans did not reach the player in time")
        self._unplayed = told.unplayed

    # --- another network ---------------------------------------------------------------------------

    def _swap(self, model: str) -> None:
        """Have another network loaded and tried beside the one that plays, to take its place at a step.

        ImprovError if there is none of that name, or its file cannot be read.
        """
        network = read_model(find_model(model))
        self._give_up_coming()
        self._coming_network = network
        self._coming_tune = replace(self._tune, given=(*self._tune.given, (MODEL.name, model)))
        self._coming, self._coming_s = Child(ENGINE), self._now_s
        self._coming.link.send(Prepare(self._coming_tune, network=network))

    def _coming_says(self, message: object) -> None:
        match message:
            case Prepared():
                self._coming_prepared = message
            case Failed():
                self._say(message.message)
                self._give_up_coming()
            case _:
                raise AssertionError(message)

    def _give_up_coming(self) -> None:
        if self._coming is not None:
            self._coming.kill()
        self._coming = self._coming_prepared = None

    def _take_turns(self) -> None:
        """The engine that was coming goes on from the step that has just been told; the other one ends."""
        before, self._engine, self._coming = self._engine, self._coming, None
        self._prepared, self._coming_prepared = self._coming_prepared, None
        self._tune, self._network, self._swapped = self._coming_tune, self._coming_network, True
        self._engine_begun = self._engine_told = self._connected = self._restating = False
        self._unplayed = 0
        self._engine_heard_s = time.monotonic()
        self._introduce(goes_on=True)
        if before is not None:
            before.end(0.0)
        self._say(f"{self._tune.model} plays")

    # --- life and death -------------------------------------------------------------------------

    def _mind(self) -> None:
        """Start again what has died, after killing what is stuck."""
        self._mind_the_understudy()
        self._mind_the_recording()
        if self._coming is not None and (self._coming.gone or self._now_s - self._coming_s > _STARTING_S):
            self._say(f"{self._coming_tune.model} cannot be loaded: its process has died, or takes too long")
            self._give_up_coming()
        self._mind_the_host()
        if self._player is None:
            if self._now_s >= self._player_again_s:
                self._start_player()
        elif self._player.gone:
            if self._player_open:
                self._count_death("player")
                self._lose_player("the player has died; another takes its place")
            else:
                self._lose_player()
        elif self._now_s - self._player_heard_s > self._patience_s:
            self._lose_player("the player is stuck; another takes its place")
        if self._engine is None or self._ended is not None:
            return
        stuck = self._now_s - self._engine_heard_s > (_ENGINE_SILENT_S if self._engine_told else _STARTING_S)
        if self._engine.gone or stuck:
            self._engine.kill()
            self._in_hand = self._connected
            self._count_death("engine")
            self.engine_deaths += 1
            self._say(f"the engine {'is stuck' if stuck else 'has died'}; another takes its place")
            self._start_engine()

    @property
    def _patience_s(self) -> float:
        """How long the player may say nothing: longer while it or its host asks the MIDI server for something."""
        if not self._player_open:
            return _STARTING_S
        return max(self._player_patience_s, self._host_patience_s if self._host is not None else 0.0)

    def _mind_the_host(self) -> None:
        """A player whose host is gone has no ports: another one opens them anew, with another host."""
        silent = self._now_s - self._host_heard_s > self._host_patience_s
        if self._host is None or not (self._host.gone or silent):
            return
        self._end_host()
        if self._player is not None:
            self._count_death("player")
            self._lose_player("the process that holds the MIDI ports has died; another takes its place")

    def _end_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.kill()

    def _mind_the_recording(self) -> None:
        """Ask for what the take wants to be whole again, and tell of what never reached the player or the engine."""
        if self._audience.wants_state and not self._restating and self._engine is not None and self._engine_begun:
            self._restating = self._engine.link.send(Restate())
        undelivered = sum(child.link.dropped for child in (self._player, self._engine) if child is not None)
        if undelivered > self._undelivered:
            self._say(
                f"{undelivered - self._undelivered} requests did not reach player or engine: they had no time to read"
            )
        self._undelivered = undelivered

    def _mind_the_understudy(self) -> None:
        """Have one that is connected to the output already: while a JACK client is dying none can be opened."""
        if self._understudy is not None:
            self._understudy.link.receive()
            if self._understudy.gone:
                self._understudy.end()
                self._understudy, self._understudy_wanted_s = None, self._now_s + _UNDERSTUDY_AGAIN_S
        elif self._player is not None and self._now_s > self._understudy_wanted_s:
            self._understudy, self._understudy_wanted_s = self._a_player(), inf
            self._brief_the_understudy()

    def _brief_the_understudy(self) -> None:
        """Tell it what the ports are connected to: it is to be within reach of all that sounds."""
        if self._understudy is not None and self._player_open and self._ports:
            self._understudy.link.send(StandBy(self._wiring, self._ports, self._own))

    def _lose_player(self, remark: str = "") -> None:
        """Kill it; another is started at once, unless the last one could not open its ports, which needs no remark."""
        if remark:
            self.player_deaths += 1
            self._say(remark)
        if self._player is not None:
            self._player.kill()
        if self._understudy is None and self._host is None:  # else it says when, or they are the host's
            self._let_go()
        self._earlier, self._report = self._report.after(self._earlier), Report()
        self._player_again_s = self._now_s + (0.0 if self._player_open else _AGAIN_S)
        self._player, self._player_open, self._connected, self._in_hand = None, False, False, False
        self._keys = frozenset()

    def _let_go(self) -> None:
        """Have a JACK server learn that the rest of a player's clients are dead, if they are."""
        for end in self._held:
            end.close()
        self._held = []

    def _count_death(self, who: str) -> None:
        self._deaths_s.append(self._now_s)
        self._in_a_row[who] += 1
        if self._in_a_row[who] >= _MOST_IN_A_ROW:
            raise ImprovError(f"the {who} has died {_MOST_IN_A_ROW} times in a row; start again")
        if len(self._deaths_s) == _MOST_DEATHS and self._now_s - self._deaths_s[0] < _DEATHS_WITHIN_S:
            raise ImprovError(f"{_MOST_DEATHS} processes have died within {_DEATHS_WITHIN_S:g} s; start again")

    def _start_player(self) -> None:
        self._player, self._player_open, self._connected = self._understudy or self._a_player(), False, False
        self._understudy = None
        self._player_heard_s = time.monotonic()
        kept = self._host is not None
        if not kept and self._wiring.api in (None, "jack") and os.name == "posix":
            self._host, self._host_heard_s, self._host_patience_s = Child(HOST), self._player_heard_s, _STARTING_S
        if self._host is not None:
            introduce(self._player, self._host)
        if self._ports:
            self._player.link.send(TakeOver(self._wiring, self._ports, self._own, kept=kept))
            self._understudy_wanted_s = self._now_s + _UNDERSTUDY_SOON_S
        else:
            self._player.link.send(self._wiring)

    def _a_player(self) -> Child:
        return Child(PLAYER, [] if self._notes.descriptor is None else [self._notes.descriptor])

    def _start_engine(self) -> None:
        self._untold = []
        self._engine, self._engine_begun, self._connected = Child(ENGINE), False, False
        self._prepared, self._engine_told, self._restating, self._unplayed = None, False, False, 0
        self._engine_heard_s = time.monotonic()
        self._engine.link.send(Prepare(self._tune, self._take, self._network))

    def _introduce(self, *, goes_on: bool = False) -> None:
        """Connect player and engine to each other, and have an engine that is new begin, connected or not.

        `goes_on`: another engine has played up to now, and nothing is to be heard of the change.
        """
        if self._begin is None or self._prepared is None or self._engine is None:
            return
        if self._player is not None and self._player_open and not self._connected:
            introduce(
                self._player, self._engine, since_s=max(self._settled_s, self._now_s - _OLDEST_S) if goes_on else None
            )
            self._connected = True
        if not self._engine_begun:
            self._engine_begun = True
            self._engine_heard_s = time.monotonic()
            begin = replace(self._begin, session=self._session, swapped=self._swapped)
            self._engine.link.send(replace(begin, goes_on=goes_on, in_hand=self._in_hand and not goes_on))
            for command in self._asked:  # of another engine, which had no time to play them
                self._engine.link.send(command)
