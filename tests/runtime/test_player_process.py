"""The player process and its ports, with a driver of our own in the place of rtmidi."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from improv.config.values import Wiring
from improv.ipc.link import Link
from improv.midi import own_port
from improv.midi.messages import CONTROL, NOTE_OFF, NOTE_ON, VOLUME
from improv.midi.parser import Gone
from improv.midi.player import Player
from improv.midi.ports import InputPort, OutputPort
from improv.midi.sources import NullSink
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOn, Placed, Timed, Volume
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.protocol.commands import Connect, Panic, Quit
from improv.protocol.heard import Heard
from improv.runtime import player_process as process
from improv.runtime.ipc_messages import HeldKeys, PlayerReport, StandBy, TakeOver
from improv.runtime.player_process import DaemonLink, EngineLink, MidiHealth, Orders, _run
from improv.runtime.port_set import OpenPorts
from improv.runtime.synth_link import SynthLink
from tests.midi.listeners import Listener


class Driver:
    """A MIDI input that may be unplugged."""

    def __init__(self) -> None:
        self.names = ["keyboard:out"]
        self.queue: list[list[int]] = []

    def get_ports(self) -> list[str]:
        return self.names

    def get_message(self) -> tuple[list[int], float] | None:
        return (self.queue.pop(0), 0.0) if self.queue else None

    def open_port(self, *_: Any) -> None: ...

    def close_port(self) -> None: ...

    def delete(self) -> None: ...

    def ignore_types(self, **_: Any) -> None: ...


def test_what_came_before_the_cable_was_pulled_is_released_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr(own_port, "new_client", lambda role, api: driver)
    clock = SimulatedClock()
    out, apart = Listener(clock), Listener(clock)
    with InputPort("keyboard:out", "jack") as port, Player(clock, out, [port], thru=apart) as player:
        driver.queue.append([NOTE_ON, 60, 90])
        player.listen_until(0.1, at_once=False)
        driver.queue.append([NOTE_ON, 64, 90])
        driver.names = []
        assert "is gone" in port.follow()
        player.listen_until(0.2, at_once=False)
        assert player.held_pitches == frozenset()
        assert apart.synth.at_rest


def test_a_standby_player_that_is_wanted_while_it_starts_loses_no_wiring() -> None:
    one, other = socket.socketpair()
    ours, theirs = Link(one), Link(other)
    orders = [StandBy(Wiring(output="synth"), ()), TakeOver(Wiring(output="synth"), (), ())]
    for order in orders:
        ours.send(order)
    told = Orders(theirs)
    assert [told.next() for _ in orders] == orders
    ours.close()
    assert told.next() is None
    theirs.close()


def test_an_engine_that_takes_anothers_place_is_told_what_that_one_did_not_come_to() -> None:
    """Notes on their way when another network takes over are in no session yet."""
    engine = EngineLink()
    ends = [socket.socketpair() for _ in range(2)]
    engine.switch_to(Link(ends[0][0]))
    notes = [Timed(at, NoteOn(Part.YOU, pitch, 90)) for at, pitch in ((1.0, 60), (2.0, 62), (2.5, 64))]
    for note in notes:
        engine.send(Heard((note,)), frozenset({note.event.pitch}))
    engine.switch_to(Link(ends[1][0]), since_s=1.0)
    engine.send(Heard(), frozenset({60, 62, 64}))
    theirs = Link(ends[1][1])
    assert theirs.receive() == [Heard(tuple(notes[1:])), HeldKeys(frozenset({60, 62, 64}))]
    for link in (engine.link, theirs, Link(ends[0][1])):
        assert link is not None
        link.close()


class Outlet(Driver):
    """A MIDI system with some outputs, and what was sent to each."""

    def __init__(self) -> None:
        super().__init__()
        self.names = ["oboe:in", "bassoon:in"]
        self.open: str | None = None
        self.heard: list[tuple[str | None, list[int]]] = []

    def open_port(self, *given: Any) -> None:
        self.open = self.names[given[0]]

    def open_virtual_port(self, *_: Any) -> None:
        self.open = "ours"

    def close_port(self, *_: Any) -> None:
        self.open = None

    def send_message(self, message: Any) -> None:
        self.heard.append((self.open, list(message)))


def test_an_output_that_is_moved_leaves_silence_behind_and_plays_on_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    system, clock = Outlet(), SimulatedClock()
    monkeypatch.setattr(own_port, "new_client", lambda role, api: system)
    rig = OpenPorts("alsa", None, OutputPort("oboe", "alsa"))
    assert rig.sink is not None
    with Player(clock, rig.sink) as player:
        on = (NoteOn(Part.CHORDS, 60, 90), Volume(Part.CHORDS, 40))
        player.play(Plan(0, tuple(Placed(0, event) for event in on), Transport(0, 0.0, 120)))
        player.listen_until(0.1)
        same = rig.move(player, Connect("output", "OBOE"))
        assert same.opened is not None
        assert not player.heard()
        assert player.ledger.sounding == {(1, 60)}
        wrong = rig.move(player, Connect("output", "moog"))
        assert wrong.opened is None
        assert "no MIDI output 'moog'" in wrong.why
        assert player.ledger.sounding == {(1, 60)}
        moved = rig.move(player, Connect("output", "bassoon"))
        assert moved.opened is not None
        assert moved.opened.name("output") == "bassoon:in"
        assert player.heard() == Heard(commands=(Panic(),))
        assert ("oboe:in", [NOTE_OFF | 1, 60, 64]) in system.heard
        assert system.heard[-1] == ("oboe:in", [CONTROL | 1, VOLUME, 100])
        player.play(Plan(1, (Placed(6, NoteOn(Part.CHORDS, 62, 90)),), Transport(0, 0.0, 120)))
        player.listen_until(0.4)
        assert system.heard[-1] == ("bassoon:in", [NOTE_ON | 1, 62, 90])
        virtual = rig.move(player, Connect("output", ""))
        assert virtual.opened is not None
        assert virtual.opened.name("output") == "virtual port 'improv out'"
        assert system.open == "ours"
    assert rig.move(player, Connect("input", "x")).why == "there is no input to be another one"


class DeadServer:
    """A MIDI server that has hung up; a caller that asks it again and again, and waits for nothing, is told so."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def gone(self) -> bool:
        self.asked += 1
        assert self.asked < 1000, "the player spins"
        return True


def test_a_player_of_a_dead_server_reports_it_and_ends_with_its_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "postpone_kill", lambda for_s: None)  # it would end the tests
    clock, reports = SimulatedClock(), list[PlayerReport]()
    one, other = socket.socketpair()
    ours, theirs = Link(one), Link(other)

    def leave() -> None:
        reports.extend(ours.receive())
        ours.close()
        theirs.has_data = True  # as a clock says that waits for it

    clock.at(3.0, leave)
    engine = EngineLink()
    daemon = DaemonLink(theirs, engine, NullSink(), SynthLink())
    server: Any = DeadServer()
    silent: Any = SimpleNamespace(overflows=0, read=list)
    with Player(clock, NullSink(), [daemon, engine]) as player:
        _run(player, engine, daemon, OpenPorts("none"), MidiHealth(server, silent, None))
    assert clock.now() == pytest.approx(3.0)
    assert len(reports) > 10
    assert all(report.server_gone for report in reports)
    theirs.close()


def test_a_daemon_or_an_engine_whose_death_is_noticed_while_something_is_sent_to_it_is_gone() -> None:
    """The first process that sends learns of it first, and nothing becomes readable after that."""
    (ours, theirs), (here, there) = socket.socketpair(), socket.socketpair()
    link, engine = Link(ours), EngineLink()
    daemon = DaemonLink(link, engine, NullSink(), SynthLink())
    engine.switch_to(Link(here))
    for end in (link, engine.link):
        assert end is not None
        end.receive()
    theirs.close()
    there.close()
    link.send(PlayerReport())
    engine.send(Heard(), frozenset({60}))
    assert daemon.poll(1.0) == [Quit()]
    assert engine.poll(1.0) == (Gone(1.0, engine=True),)
    assert engine.link is None
    link.close()
