"""The player as the supervisor keeps it: the one that plays, the one that stands by, and the port host of both.

What one player knew of the ports, and what it had begun, the next one is sent, so that it takes up where that one was.
It must never decide what or when to play.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf

from improv.config.values import Wiring
from improv.errors import Unavailable
from improv.ipc.child import Child, introduce
from improv.ipc.link import GRACE_S, Failed
from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.shared_notes import SharedNotes
from improv.protocol.commands import Connect, Quit
from improv.protocol.snapshot import SystemStatus
from improv.runtime.ipc_messages import (
    Alive,
    ControllerMessages,
    HeldConnections,
    HeldKeys,
    Moved,
    Opened,
    PlayerReport,
    SentOnsets,
    Silenced,
    names_of,
)
from improv.runtime.known_ports import KnownPorts
from improv.runtime.managed_process import DeathLimit, ManagedProcess
from improv.runtime.observers import JamObserver
from improv.runtime.player_reports import PlayerReports
from improv.runtime.process_table import PLAYER, PORT_HOST, STANDBY

_STANDBY_AFTER_S, _STANDBY_SOON_S = 0.5, 0.1
"""How long after the ports are open a standby player is started, for the music to begin the sooner; and how long after
one has begun to take over the next one is."""


class SupervisedPlayer:
    """Keeps a player alive. `say` shows what happens, `opened` is called when the ports are open."""

    def __init__(
        self,
        wiring: Wiring,
        observer: JamObserver,
        *,
        say: Callable[[str], None],
        opened: Callable[[], None],
        limit: DeathLimit,
    ) -> None:
        self.host = ManagedProcess(PORT_HOST, said=self._host_said, lost=self._host_lost)
        self.process = ManagedProcess(
            PLAYER,
            said=self._player_said,
            lost=self._player_lost,
            make=lambda: self.standby.release() or self._make(),
            brief=self._brief_player,
            through=self.host,
        )
        self.standby = ManagedProcess(
            STANDBY,
            said=lambda _message: None,  # what a player has to say is said once it is its turn
            lost=lambda _stuck: self.standby.end(GRACE_S),
            make=self._make,
            brief=self._brief_standby,
        )
        self.known = KnownPorts(wiring)
        self.reports = PlayerReports()
        self.sent: tuple[tuple[float, float], ...] = ()
        """When each of the last onsets was due and was sent, in seconds of the clock; known at the end."""
        self._observer = observer
        self._say, self._when_opened, self._limit = say, opened, limit
        self._notes = SharedNotes.create()
        """What the player has begun, for the one after it to end."""
        self._held: list[socket.socket] = []
        """Connections to a JACK server that keep it from burying a dead player's clients in another order than ours."""
        self._connects: list[Connect] = []
        """The ports that are to be exchanged, of which no player has reported what came of it."""
        self._wanted = ControllerFilter()
        self._keys = frozenset[int]()
        self._failure = ""
        observer.status.add(self._status_of_player)

    # --- what is asked of it ----------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """True if there is a player whose ports are open."""
        return self.process.works

    @property
    def passes_on(self) -> bool:
        """True if MIDI thru is on: what arrives is passed on to the output."""
        return self.known.wiring.thru

    def send(self, message: object) -> None:
        """Send the player a message, if its ports are open."""
        if self.is_open:
            self.process.send(message)

    def connect(self, asked: Connect) -> None:
        """Ask the player to exchange a port for another; Unavailable while the ports are closed."""
        if not self.is_open:
            raise Unavailable("no port can be exchanged now: the MIDI ports are closed; ask again when they are open")
        self._connects.append(asked)
        self.send(asked)

    def pass_on(self, *, on: bool) -> None:
        """Turn MIDI thru on or off."""
        self.known = self.known.passing_on(on=on)
        self.send(PassOn(on))

    def report_controllers(self, wanted: ControllerFilter) -> None:
        """Tell the player which controller messages to report."""
        if wanted != self._wanted:
            self._wanted = wanted
            self.send(wanted)

    def _status_of_player(self, status: SystemStatus) -> SystemStatus:
        return replace(
            status,
            description=self.known.description(is_open=self.is_open),
            midi=self.known.status(is_open=self.is_open, keys=self._keys),
            timing=self.reports.timing(),
            player_deaths=self.process.replaced,
        )

    # --- what is sent to those that are started -----------------------------------------------------

    def _make(self) -> Child:
        return Child(PLAYER.program, [] if self._notes.descriptor is None else [self._notes.descriptor])

    def _brief_player(self) -> None:
        """Have it open its ports, through a port host on a JACK server, in the place of the one before it."""
        kept = self.host.child is not None
        if not kept and self.known.wiring.api in (None, "jack") and os.name == "posix":
            self.host.start()
        if self.process.child is not None and self.host.child is not None:
            introduce(self.process.child, self.host.child)
        if self.known.ports:
            self.process.send(self.known.take_over(kept=kept))
            self.standby.due_s = time.monotonic() + _STANDBY_SOON_S
        else:
            self.process.send(self.known.wiring)

    def _brief_standby(self) -> None:
        """Send it what the ports are connected to, for it to be connected to all that sounds.

        It has to be connected before a player dies: while a JACK client is dying none can be opened.
        """
        if self.is_open and self.known.ports:
            self.standby.send(self.known.stand_by())

    # --- what they say ------------------------------------------------------------------------------

    def _host_said(self, message: object) -> None:
        match message:
            case Alive(waits, server_gone):
                self.host.mark_working()
                self.host.waits_for_server = waits
                if server_gone:
                    self._lose_server()
            case HeldConnections(count):
                self.release_connections()
                self._held = self.host.child.link.take_sockets(count) if self.host.child is not None else []
            case Failed():
                self._say(message.message)
            case _:
                raise AssertionError(message)

    def _player_said(self, message: object) -> None:
        match message:
            case Opened():
                self._is_open(message)
            case PlayerReport():
                self._reported(message)
            case SentOnsets(onsets):
                self.sent = onsets
            case Alive(waits):
                self.process.waits_for_server = waits
            case Moved():
                self._moved(message)
            case Silenced():
                self.release_connections()
            case HeldKeys(down):
                self._keys = down
                self._observer.changed()
            case ControllerMessages(messages):
                for time_s, turned in messages:
                    if note := self._observer.controller_moved(time_s, turned):
                        self._say(note)
            case Failed():
                self._failed(message)
            case _:
                raise AssertionError(message)

    def _is_open(self, opened: Opened) -> None:
        """The ports are open: nothing else keeps the music waiting but the network."""
        if opened.api != "jack":
            self.host.end()
        if self.known.opened is not None:
            self._say("the ports are open again")
        self.process.mark_working()
        self.process.waits_for_server, self._failure = False, ""
        self._now_known(self.known.reopened(opened))
        self.standby.due_s = min(self.standby.due_s, time.monotonic() + _STANDBY_AFTER_S)
        self.send(self._wanted)
        self.send(PassOn(self.known.wiring.thru))
        lost, self._connects = self._connects, []  # if they end this one too, they are not asked for again
        for asked in lost:
            self.send(asked)
        self._when_opened()

    def _now_known(self, known: KnownPorts) -> None:
        """Show what the ports are connected to where that has changed, and send it to the standby player."""
        changed, self.known = known.ports != self.known.ports, known
        if changed:
            self._observer.changed()
        self._brief_standby()

    def _reported(self, report: PlayerReport) -> None:
        """Take in a report, and say what has got worse since the one before."""
        before, news = self.reports.newest, self.reports.take_in(report)
        if not report.server_gone:
            self.known = replace(self.known, names=report.own)
            if report.ports != self.known.ports:
                self._now_known(self.known.connected(report.ports))
        for text in news:
            self._say(text)
        if report.lights != before.lights:
            self._observer.lights_reset()
        if report.unheard > before.unheard:
            self._observer.lost(0, f"{report.unheard} of your notes were not heard: more came than could be kept")
        if report.server_gone:
            self._lose_server()

    def _moved(self, moved: Moved) -> None:
        """Another port is open, or cannot be; a player that takes over has to open the same."""
        self._connects = [asked for asked in self._connects if (asked.end, asked.name) != (moved.end, moved.name)]
        if moved.opened is None or self.known.opened is None:
            self._say(moved.why)
            return
        self._now_known(self.known.moved(moved.opened))
        name = names_of(moved.opened.ports)[moved.end] or ""
        unkept = self._observer.picked(moved.end, name, moved.opened.api)
        self._say("; ".join(filter(None, (self.known.description(is_open=self.is_open), unkept))))

    def _failed(self, failure: Failed) -> None:
        """Raise why the ports cannot be opened at the start; later say it, once."""
        if self.known.opened is None:
            raise failure.error()
        if failure.message != self._failure:
            self._failure = failure.message
            self._say(failure.message)

    # --- lost -------------------------------------------------------------------------------------

    def _player_lost(self, stuck: bool) -> None:
        if stuck:
            self._lose("the player is stuck; another takes its place")
        elif self.is_open:
            self._limit.count(self.process, time.monotonic())
            self._lose("the player has died; another takes its place")
        else:  # it could not open its ports, and has said why
            self._lose()

    def _host_lost(self, stuck: bool) -> None:
        """A player whose host is gone has no ports: another one opens them anew, with another host."""
        self.host.end()
        if self.process.child is not None:
            self._limit.count(self.process, time.monotonic())
            self._lose("the process that holds the MIDI ports has died; another takes its place")

    def _lose_server(self) -> None:
        """What is a client of the dead one ends; others wait for another one."""
        self.standby.end()
        self.standby.due_s = inf  # until another player has opened its ports
        self.host.end()
        self._lose("the MIDI server is gone; waiting for it to come back")

    def _lose(self, remark: str = "") -> None:
        """Kill the player; another is started at once, unless this one could not open its ports."""
        if remark:
            self.process.replaced += 1
            self._say(remark)
        self.process.end()
        if self.standby.child is None and self.host.child is None:  # else it says when, or they are the host's
            self.release_connections()
        self.reports.end()
        self._keys = frozenset()

    # --- at the end ---------------------------------------------------------------------------------

    def release_connections(self) -> None:
        """Close kept sockets of a dead player's JACK clients, so that the server drops them."""
        for end in self._held:
            end.close()
        self._held = []

    def leave_silent(self) -> None:
        """End the standby player; if a player has just died, it silences the output first."""
        player_died = self.process.gone and self.is_open and not self.sent
        if self.host.gone if self.host.child is not None else player_died and self.known.ports:
            if self.standby.child is None:
                self.standby.adopt(self._make())
            self.standby.send(self.known.take_over())
        else:
            self.standby.send(Quit())

    def close(self) -> None:
        """Free the memory that the players share."""
        self._notes.__exit__()
