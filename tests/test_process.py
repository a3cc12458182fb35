"""The player process and its ports, with a driver of our own in the place of rtmidi."""

import socket
from typing import Any

import pytest

from improv.between import Arrived, Down
from improv.config import Wiring
from improv.link import Link
from improv.midi import ports
from improv.midi.channels import NOTE_ON
from improv.midi.player import Player
from improv.midi.ports import InputPort
from improv.midi.process import Engine, _next
from improv.music import NoteOn, Part, Timed
from improv.transport import SimulatedClock
from tests.test_player import Listener


class Driver:
    """A MIDI input somebody may unplug."""

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
    monkeypatch.setattr(ports, "_client", lambda role, api: driver)
    clock = SimulatedClock()
    out, apart = Listener(clock), Listener(clock)
    with InputPort("keyboard:out", "jack") as port, Player(clock, out, [port], thru=apart) as player:
        driver.queue.append([NOTE_ON, 60, 90])
        player.listen_until(0.1, at_once=False)
        driver.queue.append([NOTE_ON, 64, 90])
        driver.names = []
        assert "is gone" in port.follow()
        player.listen_until(0.2, at_once=False)
        assert player.down == frozenset()
        assert apart.synth.at_rest


def test_an_understudy_that_is_wanted_while_it_starts_loses_no_wiring() -> None:
    one, other = socket.socketpair()
    ours, theirs = Link(one), Link(other)
    ours.send(Wiring(output="synth", standby=True))
    ours.send(Wiring(output="synth"))
    asked: list[Wiring] = []
    assert _next(asked, theirs) == Wiring(output="synth", standby=True)
    assert _next(asked, theirs) == Wiring(output="synth")
    ours.close()
    assert _next(asked, theirs) is None
    theirs.close()


def test_an_engine_that_takes_anothers_place_is_told_what_that_one_did_not_come_to() -> None:
    """Notes on their way when another network takes over are in no session yet."""
    engine = Engine()
    ends = [socket.socketpair() for _ in range(2)]
    engine.joined(Link(ends[0][0]))
    notes = [Timed(at, NoteOn(Part.YOU, pitch, 90)) for at, pitch in ((1.0, 60), (2.0, 62), (2.5, 64))]
    for note in notes:
        engine.tell([note], [], frozenset({note.event.pitch}))
    engine.joined(Link(ends[1][0]), since_s=1.0)
    engine.tell([], [], frozenset({60, 62, 64}))
    theirs = Link(ends[1][1])
    assert theirs.receive() == [Arrived(notes[1:], []), Down(frozenset({60, 62, 64}))]
    for link in (engine.link, theirs, Link(ends[0][1])):
        assert link is not None
        link.close()
