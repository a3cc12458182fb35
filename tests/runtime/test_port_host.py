"""The process that holds the ports for the player, both ends of it, with a MIDI system of the tests' own."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.values import Wiring
from improv.errors import Unavailable
from improv.ipc.link import Link
from improv.midi import hosted_clients as hosted
from improv.midi import own_port
from improv.midi.hosted_clients import Hosted
from improv.midi.parser import Incoming
from improv.midi.ports import InputPort, OutputPort
from improv.midi.rtmidi_binding import rtmidi
from improv.protocol.port_status import PortStatus
from improv.runtime import port_set
from improv.runtime.ipc_messages import Alive
from improv.runtime.port_host import PortHost
from tests.midi.synth import Synth

NOTE, END, PEDAL, BEND = b"\x90\x3c\x5a", b"\x80\x3c\x40", b"\xb2\x40\x7f", b"\xe2\x00\x14"


class Driver:
    """A client of RtMidi's: what was called, what was sent, and a synth that hears it."""

    def __init__(self, role: str, api: str) -> None:
        self.role, self.api = role, api
        self.called: list[Any] = []
        self.sent: list[bytes] = []
        self.synth = Synth()
        self.queue: list[list[int]] = []
        self.names = ["synth:in", "organ:in"]
        self.refuses: Exception | None = None

    def get_ports(self) -> list[str]:
        return self.names

    def open_port(self, *arguments: Any) -> "Driver":
        self._may()
        self.called.append(("open_port", *arguments))
        return self  # python-rtmidi's return themselves, and cannot be pickled

    def open_virtual_port(self, *arguments: Any) -> "Driver":
        self._may()
        self.called.append(("open_virtual_port", *arguments))
        return self

    def close_port(self) -> None:
        self.called.append("close_port")

    def delete(self) -> None:
        self.called.append("delete")

    def send_message(self, message: bytes) -> None:
        self._may()
        self.sent.append(bytes(message))
        self.synth.send(bytes(message))

    def _may(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    def __reduce__(self) -> Any:
        raise TypeError("no default __reduce__ due to non-trivial __cinit__")


class Input(Driver):
    """One that hears."""

    def ignore_types(self, **kinds: bool) -> None:
        self.called.append(("ignore_types", kinds))

    def get_message(self) -> tuple[list[int], float] | None:
        return (self.queue.pop(0), 0.0) if self.queue else None


class Stderr:
    """What RtMidi has printed."""

    def __init__(self) -> None:
        self.overflows = 0
        self.lines: list[str] = []

    def read(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


class Dead:
    """A MIDI server that may hang up."""

    def __init__(self) -> None:
        self.gone = False

    def opening(self) -> "Dead":
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class House:
    """A daemon, a port host, and one player after the other. Whenever one of them waits, the host goes on a step."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.daemon, self.stderr, self.server = Link(ours), Stderr(), Dead()
        self.links = [self.daemon, Link(theirs)]
        self.drivers: dict[str, Driver] = {}
        self.now_s = 0.0
        stderr, server = self.stderr, self.server
        self.host = PortHost(self.links[1], self._make, server=server, stderr=stderr)  # type: ignore[arg-type]
        self.fails: Exception | None = None

    def _make(self, role: str, api: str) -> Driver:
        if self.fails is not None:
            raise self.fails
        self.drivers[role] = (Input if role == "in" else Driver)(role, api)
        return self.drivers[role]

    def step(self, *_: Any) -> None:
        self.now_s += 0.3
        self.host.step(self.now_s)

    def player(self) -> Hosted:
        """A player that the daemon has introduced to the host."""
        one, other = socket.socketpair()
        self.daemon.join(other, 0)
        self.links.append(Link(one))
        return Hosted(self.links[-1], "jack")

    def settle(self) -> None:
        """Let the host notice all that has happened."""
        for _ in range(3):
            self.step()

    def close(self) -> None:
        for link in (*self.links, self.host._player):
            if link is not None:
                link.close()


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    there = House()
    monkeypatch.setattr("select.select", there.step)
    yield there
    there.close()


def opened(player: Hosted, wanted: str | None = None) -> OutputPort:
    return OutputPort(wanted, "jack", host=player)


def test_what_is_sent_leaves_in_order_through_a_client_in_the_host(house: House) -> None:
    with opened(house.player()) as port:
        for message in (NOTE, PEDAL, END):
            port.send(message)
        house.settle()
        driver = house.drivers["out"]
        assert (driver.role, driver.api) == ("out", "jack")
        assert driver.called == [("open_virtual_port", "improv out")]
        assert driver.sent == [NOTE, PEDAL, END]


def test_a_player_that_closes_its_ports_leaves_no_client(house: House) -> None:
    player = house.player()
    with opened(player):
        pass
    assert house.drivers["out"].called[-2:] == ["close_port", "delete"]
    player.link.close()
    house.settle()
    assert house.drivers["out"].sent == []
    assert opened(house.player()).connected
    assert house.drivers["out"].called == [("open_virtual_port", "improv out")]


def test_what_a_dead_player_has_left_is_silenced_and_the_next_one_has_its_port(house: House) -> None:
    player = house.player()
    port = opened(player)
    for message in (NOTE, PEDAL, BEND):
        port.send(message)
    player.link.close()  # as the system does when a process is killed: what it has sent before is still read
    house.settle()
    driver = house.drivers["out"]
    assert driver.sent[:3] == [NOTE, PEDAL, BEND]
    assert driver.synth.at_rest
    again = opened(house.player())
    assert house.drivers["out"] is driver
    assert driver.called == [("open_virtual_port", "improv out")]
    assert again.connected
    assert again.virtual
    again.send(NOTE)
    house.settle()
    assert driver.synth.sounding == {(0, 60)}


def test_a_port_that_is_not_the_one_wanted_is_closed_and_another_opened(house: House) -> None:
    player = house.player()
    opened(player)
    before = house.drivers["out"]
    player.link.close()
    port = opened(house.player(), "organ:in")
    assert before.called[-2:] == ["close_port", "delete"]
    assert house.drivers["out"].called == [("open_port", 1, "improv out")]
    assert port.name == "organ:in"


def test_a_player_that_is_replaced_while_it_still_lives_is_silenced_first(house: House) -> None:
    opened(house.player()).send(NOTE)
    opened(house.player())
    assert house.drivers["out"].synth.at_rest


@given(st.lists(st.lists(st.integers(0, 127), min_size=2, max_size=2), max_size=30), st.data())
def test_nothing_is_left_whatever_was_sent(numbers: list[list[int]], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(House()) as there:
        patch.setattr("select.select", there.step)
        player = there.player()
        port = opened(player)
        for first, second in numbers:
            kind = data.draw(st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0]))
            channel = data.draw(st.integers(0, 15))
            port.send(bytes((kind | channel, first, *(() if kind == 0xD0 else (second,)))))
        player.link.close()
        there.settle()
        assert len(there.drivers["out"].sent) >= len(numbers)
        assert there.drivers["out"].synth.at_rest


def test_an_onset_that_comes_too_late_is_left_out_and_counted_and_an_end_never_is(house: House) -> None:
    player = house.player()
    opened(player)
    for sent_s in (-10.0, 1e9):
        player.link.send(hosted.Send("out", NOTE, sent_s))
    player.link.send(hosted.Send("out", END, -10.0))
    house.settle()
    assert house.drivers["out"].sent == [NOTE, END]
    house.settle()
    player.link.has_data = True
    player.take_in()
    assert player.late == 1


def test_what_arrives_is_handed_on_and_wakes_the_player(house: House) -> None:
    player = house.player()
    with InputPort("synth:in", "jack", host=player) as port:
        driver = house.drivers["in"]
        assert ("ignore_types", {"sysex": False, "timing": False, "active_sense": True}) in driver.called
        assert port.next_poll_s(1.0) == float("inf")
        driver.queue += [[0x90, 60, 90], [0x80, 60, 0]]
        house.settle()
        player.link.has_data = True
        assert port.poll(2.0) == [Incoming(2.0, b"\x90\x3c\x5a"), Incoming(2.0, b"\x80\x3c\x00")]


def test_a_flood_is_handed_on_in_parts(house: House) -> None:
    player = house.player()
    with InputPort("synth:in", "jack", host=player) as port:
        house.drivers["in"].queue += [[0x90, 60, 1 + n % 127] for n in range(500)]
        heard = 0
        for _ in range(40):
            house.settle()
            player.link.has_data = True
            heard += len(port.poll(2.0))
        assert heard == 500


@pytest.mark.parametrize(
    "error", [rtmidi.SystemError("no server"), rtmidi.InvalidUseError("no"), NotImplementedError("no"), OSError("no")]
)
def test_what_a_call_raises_in_the_host_is_raised_in_the_player(error: Exception, house: House) -> None:
    player = house.player()
    house.fails = error
    with pytest.raises(type(error), match=str(error)):
        player.create("out")
    house.fails = None
    client = player.create("out")
    house.drivers["out"].refuses = error
    with pytest.raises(type(error), match=str(error)):
        client.open_virtual_port("improv out")
    with pytest.raises(rtmidi.InvalidUseError):
        player.call("nobody", "get_ports")


def test_a_message_that_is_refused_becomes_a_fault_of_the_port(house: House) -> None:
    port = opened(house.player())
    house.drivers["out"].refuses = rtmidi.SystemError("full")
    port.send(NOTE)
    assert port.fault == ""
    house.settle()
    port._cable.own.client._host.link.has_data = True
    port.send(END)
    assert "full" in port.fault


def test_a_host_that_is_gone_is_told(house: House) -> None:
    player = house.player()
    port = opened(player)
    house.host._player.close()  # type: ignore[union-attr]
    player.link.has_data = True
    port.send(NOTE)
    assert "process that holds the MIDI ports" in port.fault
    with pytest.raises(Unavailable, match="process that holds the MIDI ports has died"):
        player.create("out")


def test_the_host_says_that_it_lives_and_what_rtmidi_complains_of(house: House) -> None:
    player = house.player()
    opened(player)
    house.stderr.lines, house.stderr.overflows = ["MidiInJack: full"], 3
    house.server.gone = True
    house.settle()
    assert Alive() in house.daemon.receive()
    player.link.has_data = True
    player.take_in()
    assert (player.take_warnings(), player.overflows, player.server_gone) == (["MidiInJack: full"], 3, True)
    assert player.take_warnings() == []


def test_the_host_says_when_it_asks_the_midi_server_and_when_that_is_gone(house: House) -> None:
    opened(house.player())
    said = [message for message in house.daemon.receive() if isinstance(message, Alive)]
    assert (Alive(waits_for_server=True) in said, said[-1]) == (True, Alive())
    house.server.gone = True
    house.settle()
    assert house.daemon.receive()[-1] == Alive(server_gone=True)


def test_what_a_player_that_died_last_has_left_is_silenced_again_before_the_host_ends(house: House) -> None:
    player = house.player()
    opened(player).send(NOTE)
    house.daemon.close()
    player.link.close()
    house.host.run()
    driver = house.drivers["out"]
    assert driver.synth.at_rest
    assert driver.sent.count(b"\xb0\x7b\x00") == 2  # a server that is late drops one


def test_thru_of_its_own_is_there_again_though_the_output_has_a_name_by_now(
    monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    monkeypatch.setattr(port_set, "reachable_api", lambda wanted: "jack")
    thru = PortStatus(role="thru", name="improv thru", virtual=True)
    made = list[list[str]]()
    for before in ((), (thru,)):
        with ExitStack() as stack:
            host = house.player()
            port_set.open_ports(Wiring(output="synth:in"), stack, host=host, before=before)
            made.append(sorted(role for role, driver in house.drivers.items() if "delete" not in driver.called))
    assert made == [["in", "out"], ["in", "out", "thru"]]


def test_a_dead_server_is_not_asked_for_silence(house: House) -> None:
    player = house.player()
    opened(player).send(NOTE)
    house.settle()
    house.server.gone = True
    player.link.close()
    house.settle()
    assert house.drivers["out"].sent == [NOTE]


def test_the_host_ends_when_daemon_and_player_are_gone_and_closes_what_is_open(house: House) -> None:
    player = house.player()
    opened(player).send(NOTE)
    house.settle()
    house.daemon.close()
    house.settle()
    assert house.drivers["out"].synth.sounding  # the player ends what it began, and may take its time
    player.link.close()
    house.host.run()
    assert house.drivers["out"].synth.at_rest
    assert house.drivers["out"].called[-2:] == ["close_port", "delete"]


def test_a_wiring_that_is_no_jack_servers_needs_no_host(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    made: list[str] = []

    def new_client(role: str, api: str) -> Input:
        made.append(role)
        return Input(role, api)

    monkeypatch.setattr(port_set, "reachable_api", lambda wanted: "alsa")
    monkeypatch.setattr(own_port, "new_client", new_client)
    with ExitStack() as stack:
        port_set.open_ports(Wiring(), stack, host=house.player())
    assert set(made) >= {"in", "out"}
    assert house.drivers == {}
