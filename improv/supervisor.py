"""Keeps the player and the engine alive, and hands what they say to those who show and record it.

A process that dies is started again and takes up where the other one was; one that is stuck is
killed first. The supervisor is not in the way of the music: player and engine talk to each other
directly. It must never decide what or when to play.
"""

import select
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from improv.between import ENGINE, PLAYER, Begin, Begun, Ended, Opened, Prepare, Prepared, Report, Sent, Told
from improv.config import Tune, Wiring
from improv.errors import ImprovError
from improv.link import Child, Failed, introduce
from improv.messages import SWING, TEMPO, Command, Panic, Quit
from improv.recording import Head

_TICK_S = 0.05
_STARTING_S = 30.0
_PLAYER_SILENT_S = 1.0
"""A player that has not said for so long that it lives is stuck: a dead JACK server does that."""

_ENGINE_SILENT_S = 60 / TEMPO.low * SWING.high + 1.0
"""The slowest eighth, and some more."""

_STUCK_ANYWAY_S = 0.5
"""If we ourselves were stopped for so long, nobody else is to blame."""

_AGAIN_S = 0.5
_UNDERSTUDY_S, _UNDERSTUDY_AGAIN_S = 2.0, 5.0
"""An understudy is started when the music plays, not while it is being started."""

_MOST_DEATHS, _DEATHS_WITHIN_S = 5, 30.0
_FAREWELL_S = 0.3


class Audience(Protocol):
    """Who shows and records what happens."""

    def begun(self, head: Head) -> None:
        """A performance has begun."""
        ...

    def told(self, told: Told) -> None:
        """A step has been played."""
        ...

    def remark(self, text: str) -> None:
        """Something else has happened: a process died, a port went."""
        ...


class Asking(Protocol):
    """Somebody who asks for things while it plays: keys, signals."""

    def poll(self) -> Sequence[Command]:
        """What is asked for now; returns at once."""
        ...

    def fileno(self) -> int:
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

    def __init__(self, tune: Tune, wiring: Wiring, audience: Audience, *, take: Path | None = None) -> None:
        self.engine_deaths = 0
        self.player_deaths = 0
        self._tune = tune
        self._take = take
        self._wiring = wiring
        self._audience = audience
        self._player: Child | None = None
        self._understudy: Child | None = None
        """A player that has only to be told which ports to open: what the last one left sounding waits for it."""
        self._engine: Child | None = None
        self._opened: Opened | None = None
        self._prepared = False
        self._begin: Begin | None = None
        self._session = b""
        self._asked: list[Command] = []
        """What the engine was asked for and has not told of yet."""
        self._ended: Ended | None = None
        self._report = self._earlier = Report()
        self._sent: tuple[tuple[float, float], ...] = ()
        self._player_heard_s = self._engine_heard_s = self._now_s = time.monotonic()
        self._player_again_s = self._understudy_wanted_s = 0.0
        self._player_open = self._engine_begun = self._engine_told = self._connected = False
        self._deaths_s: deque[float] = deque(maxlen=_MOST_DEATHS)
        self._told_failure = ""

    def __enter__(self) -> "Supervisor":
        self._start_player()
        self._start_engine()
        return self

    def __exit__(self, *_: object) -> None:
        children = [child for child in (self._player, self._engine, self._understudy) if child is not None]
        for child in children:
            child.link.close()  # they end side by side
        deadline_s = time.monotonic() + _FAREWELL_S
        for child in children:
            child.end(max(0.0, deadline_s - time.monotonic()))

    def ready(self, asking: Sequence[Asking] = ()) -> Opened | None:
        """Wait until the ports are open and the network is loaded; None if somebody asks for a stop before.

        What either cannot do is raised.
        """
        deadline_s = time.monotonic() + _STARTING_S
        while self._opened is None or not self._prepared:
            if time.monotonic() > deadline_s:
                raise ImprovError(f"nothing plays after {_STARTING_S:g} s; start again, or try another --api")
            self._listen(asking)
            if any(isinstance(command, Quit) for asker in asking for command in asker.poll()):
                return None
            for who, child in (("player", self._player), ("engine", self._engine)):
                if child is None or child.gone:
                    raise ImprovError(f"the {who} has died while it was started; start again")
        return self._opened

    def play(self, begin: Begin, asking: Sequence[Asking]) -> Outcome:
        """Perform until it is over or somebody asks for a stop."""
        self._begin = begin
        self._introduce()
        while self._ended is None:
            for asker in asking:
                for command in asker.poll():
                    if isinstance(command, Quit):
                        return self._stopped()
                    self.ask(command)
            self._listen(asking)
            self._mind()
        return self._stopped()

    def ask(self, command: Command) -> None:
        """Pass a command on to whom it concerns: panic to the player, which tells the engine of it."""
        to_player = isinstance(command, Panic) and self._player is not None
        to = self._player if to_player else self._engine
        if not to_player:
            self._asked.append(command)
        if to is not None:
            to.link.send(command)

    def _stopped(self) -> Outcome:
        """Silence first, then what they have left to say."""
        for child in (self._player, self._engine):
            if child is not None:
                child.link.send(Quit())
        deadline_s = time.monotonic() + _FAREWELL_S
        while time.monotonic() < deadline_s and not (self._sent_all and self._engine_done):
            self._listen([])
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

    def _listen(self, asking: Sequence[Asking]) -> None:
        """Wait a moment for somebody to say something, and take it in."""
        links = [child.link for child in (self._player, self._engine) if child is not None and not child.link.closed]
        wakers: list[Any] = [*links, *(asker for asker in asking if asker.fileno() >= 0)]
        select.select(wakers, [link for link in links if link.waits], (), _TICK_S)
        now_s = time.monotonic()
        if now_s - self._now_s > _STUCK_ANYWAY_S:
            self._player_heard_s = self._engine_heard_s = now_s
        self._now_s = now_s
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

    def _player_says(self, message: object) -> None:
        match message:
            case Opened():
                if self._opened is not None:
                    self._audience.remark("the ports are open again")
                self._opened, self._player_open, self._told_failure = message, True, ""
                self._wiring = replace(self._wiring, api=message.api, patient=True)
                self._understudy_wanted_s = self._now_s + _UNDERSTUDY_S
                self._introduce()
            case Report():
                self._told_report(message)
            case Sent(onsets):
                self._sent = onsets
            case Failed():
                self._player_failed(message)
            case _:
                raise AssertionError(message)

    def _told_report(self, report: Report) -> None:
        before, self._report = self._report, report
        for text in report.news:
            self._audience.remark(text)
        if report.loops > before.loops:
            self._audience.remark("what improv plays comes back to its input: ignored, and nothing is passed on")
        if report.overflows > before.overflows:
            self._audience.remark(f"{report.overflows} MIDI messages were lost: more came than the system could keep")
        if report.unheard > before.unheard:
            self._audience.remark(f"{report.unheard} notes were not heard: more came than could be kept")
        if report.broken and not before.broken:
            self._audience.remark("the input sends MIDI messages that make no sense; they are left out")
        if report.gaps > before.gaps:
            self._audience.remark("time has passed unnoticed: the machine was suspended, or overloaded")
        if report.server_gone:
            if self._understudy is not None:  # it is a client of the dead one too
                self._understudy.kill()
                self._understudy = None
            self._lose_player("the MIDI server is gone; waiting for it to come back")

    def _player_failed(self, failure: Failed) -> None:
        if self._opened is None:
            raise failure.error()
        if failure.message != self._told_failure:
            self._told_failure = failure.message
            self._audience.remark(failure.message)

    def _engine_says(self, message: object) -> None:
        match message:
            case Prepared():
                self._prepared = True
                self._introduce()
            case Begun(head):
                self._audience.begun(head)
            case Told():
                self._session = message.session
                self._engine_told = True
                for command in message.entry.commands:
                    if command in self._asked:
                        self._asked.remove(command)
                self._audience.told(message)
            case Ended():
                self._ended = message
            case Failed():
                if not self._session:
                    raise message.error()
                self._audience.remark(message.message)
            case _:
                raise AssertionError(message)

    # --- life and death -------------------------------------------------------------------------

    def _mind(self) -> None:
        """Start again what has died, after killing what is stuck."""
        self._mind_the_understudy()
        if self._player is None:
            if self._now_s >= self._player_again_s:
                self._start_player()
        elif self._player.gone:
            if self._player_open:
                self._count_death("the player")
                self._lose_player("the player has died; another takes its place")
            else:
                self._lose_player()
        elif self._now_s - self._player_heard_s > (_PLAYER_SILENT_S if self._player_open else _STARTING_S):
            self._lose_player("the player is stuck; another takes its place")
        if self._engine is None or self._ended is not None:
            return
        stuck = self._now_s - self._engine_heard_s > (_ENGINE_SILENT_S if self._engine_told else _STARTING_S)
        if self._engine.gone or stuck:
            self._engine.kill()
            self._count_death("the engine")
            self.engine_deaths += 1
            self._audience.remark(f"the engine {'is stuck' if stuck else 'has died'}; another takes its place")
            self._start_engine()

    def _mind_the_understudy(self) -> None:
        """Have one that is connected to the output already: while a JACK client is dying none can be opened."""
        if self._understudy is not None:
            self._understudy.link.receive()
            if self._understudy.gone:
                self._understudy.end()
                self._understudy, self._understudy_wanted_s = None, self._now_s + _UNDERSTUDY_AGAIN_S
        elif self._player_open and self._now_s > self._understudy_wanted_s:
            self._understudy = Child(PLAYER)
            if self._wiring.output is not None:
                self._understudy.link.send(replace(self._wiring, standby=True))

    def _lose_player(self, remark: str = "") -> None:
        """Kill it; another is started at once, unless the last one could not open its ports, which needs no remark."""
        if remark:
            self.player_deaths += 1
            self._audience.remark(remark)
        if self._player is not None:
            self._player.kill()
        self._earlier, self._report = self._report.after(self._earlier), Report()
        self._player_again_s = self._now_s + (0.0 if self._player_open else _AGAIN_S)
        self._player, self._player_open, self._connected = None, False, False

    def _count_death(self, who: str) -> None:
        self._deaths_s.append(self._now_s)
        if len(self._deaths_s) == _MOST_DEATHS and self._now_s - self._deaths_s[0] < _DEATHS_WITHIN_S:
            raise ImprovError(f"{who} has died {_MOST_DEATHS} times within {_DEATHS_WITHIN_S:g} s; start again")

    def _start_player(self) -> None:
        self._player, self._player_open, self._connected = self._understudy or Child(PLAYER), False, False
        self._understudy = None
        self._player_heard_s = time.monotonic()
        self._player.link.send(self._wiring)

    def _start_engine(self) -> None:
        self._engine, self._engine_begun, self._connected = Child(ENGINE), False, False
        self._prepared = self._engine_told = False
        self._engine_heard_s = time.monotonic()
        self._engine.link.send(Prepare(self._tune, self._take))

    def _introduce(self) -> None:
        """Connect player and engine to each other, and have an engine that is new begin, connected or not."""
        if self._begin is None or not self._prepared or self._engine is None:
            return
        if self._player is not None and self._player_open and not self._connected:
            introduce(self._player, self._engine)
            self._connected = True
        if not self._engine_begun:
            self._engine_begun = True
            self._engine_heard_s = time.monotonic()
            self._engine.link.send(replace(self._begin, session=self._session))
            for command in self._asked:  # of another engine, which had no time to play them
                self._engine.link.send(command)
