"""A port follows its cable as the MIDI system's graph has it: gone, back, renamed, pulled, replugged, refused."""

from collections.abc import Sequence
from typing import Any, Self

import pytest

from improv.errors import Unavailable
from improv.midi import own_port
from improv.midi.ports import InputPort, OutputPort
from improv.midi.rtmidi_binding import rtmidi
from improv.protocol.port_status import PortStatus
from improv.runtime.ipc_messages import describe_port, describe_ports

OURS = {"out": "improv-out:improv out", "in": "improv-in:improv in", "lights": "improv-lights:improv lights"}


class System:
    """A MIDI system: its ports, its cables, who owns them; it is graph and driver at once."""

    period_s = 0.0
    cycle = None

    def __init__(self, *others: str) -> None:
        self.others = list(others)
        self.owners = {name.partition(":")[0]: "1" for name in others}
        self.ours: list[str] = []
        self.cables: set[tuple[str, str]] = set()
        self.sent: list[bytes] = []
        self.made = 0
        self.refuses: Exception | None = None
        self.deaf = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def client(self, role: str) -> "Client":
        self.made += 1
        return Client(self, OURS[role])

    def ports(self) -> tuple[str, ...]:
        return (*self.others, *self.ours)

    def peers(self, port: str) -> tuple[str, ...] | None:
        if port not in self.ports():
            return None
        return tuple(b for a, b in sorted(self.cables) if a == port)

    def owner(self, port: str) -> str | None:
        return self.owners.get(port.partition(":")[0])

    def connect(self, source: str, sink: str) -> None:
        raise AssertionError

    def plug(self, ours: str, name: str) -> None:
        self.cables.add((ours, name))

    def pull(self, ours: str, name: str) -> None:
        self.cables.discard((ours, name))

    def leave(self, *names: str) -> None:
        self.others = [name for name in self.others if name not in names]
        self.cables = {cable for cable in self.cables if cable[1] not in names}

    def come(self, name: str, owner: str) -> None:
        self.others.append(name)
        self.owners[name.partition(":")[0]] = owner


class Client:
    """An object as rtmidi's: it can be opened once."""

    def __init__(self, system: System, ours: str) -> None:
        self.system, self.ours, self.opened = system, ours, False

    def get_ports(self) -> list[str]:
        return list(self.system.ports())

    def open_port(self, index: int, label: str) -> None:
        name = self.get_ports()[index]
        self.open_virtual_port(label)
        if not self.system.deaf:
            self.system.plug(self.ours, name)

    def open_virtual_port(self, label: str) -> None:
        if self.opened:
            raise rtmidi.InvalidUseError("already opened")
        self.opened = True
        self.system.ours.append(self.ours)

    def close_port(self) -> None:
        if self.opened and self.ours in self.system.ours:
            self.system.ours.remove(self.ours)
            self.system.cables = {cable for cable in self.system.cables if cable[0] != self.ours}

    def delete(self) -> None: ...

    def ignore_types(self, **_: Any) -> None: ...

    def send_message(self, message: bytes) -> None:
        if self.system.refuses is not None:
            raise self.system.refuses
        self.system.sent.append(bytes(message))


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    there = System("oboe:in", "bassoon:in")
    monkeypatch.setattr(own_port, "new_client", lambda role, api: there.client(role))
    monkeypatch.setattr(own_port, "_APPEARS_S", 0.0)
    return there


def output(system: System, wanted: str | None) -> OutputPort:
    return OutputPort(wanted, "alsa", graph=system)


SILENCE = bytes((0xB0, 123, 0))


def test_each_passage_has_an_object_of_its_own(system: System) -> None:
    port = output(system, None)
    for wanted, peers in (("oboe", ("oboe:in",)), ("bassoon", ("bassoon:in",)), (None, ()), ("oboe", ("oboe:in",))):
        made = system.made
        port.move(wanted)
        assert system.made == made + 1
        assert (port.status.peers, port.virtual) == (peers, wanted is None)
    assert len(system.ours) == 1


def test_a_connection_that_the_system_does_not_show_is_none(system: System) -> None:
    system.deaf = True
    port = output(system, "oboe")
    assert (port.connected, port.status.peers) == (False, ())
    assert not port.reaches("oboe")
    system.plug(OURS["out"], "oboe:in")
    assert port.look()
    assert port.follow() == "output oboe:in is connected"
    assert port.reaches("oboe")


def test_gone_and_back_between_two_looks_is_connected_again_and_silenced(system: System) -> None:
    port = output(system, "oboe")
    system.leave("oboe:in")
    system.come("oboe:in", "2")
    assert port.look()
    assert port.follow() == "output oboe:in is back"
    assert port.status.peers == ("oboe:in",)
    assert SILENCE in system.sent


def test_gone_for_longer_is_told_and_taken_up_again(system: System) -> None:
    port = output(system, "oboe")
    system.leave("oboe:in")
    assert "is gone" in port.follow()
    assert (port.status.peers, port.follow()) == ((), "")
    system.come("oboe:in", "2")
    assert port.follow() == "output oboe:in is back"


def test_a_cable_that_was_pulled_stays_out_until_it_is_plugged_again(system: System) -> None:
    port = output(system, "oboe")
    system.pull(OURS["out"], "oboe:in")
    assert "was unplugged by hand" in port.follow()
    assert (port.follow(), port.status.peers) == ("", ())
    assert not port.reaches("oboe")
    system.plug(OURS["out"], "oboe:in")
    assert port.follow() == "output oboe:in is back"
    assert SILENCE in system.sent
    system.pull(OURS["out"], "oboe:in")
    port.follow()
    system.leave("oboe:in")
    system.come("oboe:in", "2")  # started again: no wish of the user any more
    assert port.follow() == "output oboe:in is back"


def test_who_is_renamed_keeps_the_cable_and_who_is_exchanged_is_told(system: System) -> None:
    port = output(system, "oboe")
    made = system.made
    system.leave("oboe:in")
    system.come("oboe:reed", "1")
    system.plug(OURS["out"], "oboe:reed")
    assert port.follow() == "output oboe:in is called oboe:reed now"
    assert (port.status.name, system.made, system.sent) == ("oboe:reed", made, [])
    system.pull(OURS["out"], "oboe:reed")
    system.plug(OURS["out"], "bassoon:in")
    assert port.follow() == "output oboe:reed was unplugged by hand, and bassoon:in plugged in"
    assert SILENCE in system.sent


def test_a_virtual_port_tells_who_comes_and_goes_and_silences_who_comes_back(system: System) -> None:
    port = output(system, None)
    assert port.status == PortStatus(role="output", name="improv out", virtual=True, peers=())
    system.plug(OURS["out"], "oboe:in")
    assert port.follow() == "virtual port 'improv out': connected to oboe:in"
    assert system.sent == []
    system.pull(OURS["out"], "oboe:in")
    assert port.follow() == "virtual port 'improv out': nothing is connected to it"
    system.plug(OURS["out"], "oboe:in")
    port.follow()
    assert SILENCE in system.sent


def test_keys_are_let_go_when_a_keyboard_leaves_a_virtual_port(system: System) -> None:
    port = InputPort(None, "alsa", graph=system)
    system.plug(OURS["in"], "oboe:in")
    port.follow()
    assert not port._gone
    system.leave("oboe:in")
    port.follow()
    assert port._gone


def test_what_is_not_taken_is_told_once_and_is_over_when_it_is(system: System) -> None:
    port = output(system, "oboe")
    system.refuses = rtmidi.SystemError("no room")
    port.send(b"\x90\x3c\x5a")
    assert "no room" in port.status.fault
    assert "does not take what is sent: no room" in port.follow()
    assert port.follow() == ""
    assert "no room" in describe_port(port.status)
    system.refuses = None
    port.send(b"\x90\x3c\x5a")
    assert port.status.fault == ""


def test_a_port_that_cannot_be_opened_is_told_and_the_old_one_is_kept(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = output(system, "oboe")
    opened = Client.open_port

    def refused(client: Client, index: int, label: str) -> None:
        if client.get_ports()[index] == "bassoon:in":
            raise rtmidi.SystemError("busy")
        opened(client, index, label)

    monkeypatch.setattr(Client, "open_port", refused)
    with pytest.raises(Unavailable, match="busy"):
        port.move("bassoon")
    assert (port.name, port.status.peers) == ("oboe:in", ("oboe:in",))


def test_one_that_goes_while_the_ports_are_asked_for_ends_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, asked = output(system, "oboe"), Client.get_ports

    def going(client: Client) -> list[str]:
        if "bassoon:in" in system.others:
            system.leave("bassoon:in")
            raise rtmidi.InvalidPortError("the 'portNumber' argument (1) is invalid")
        return asked(client)

    monkeypatch.setattr(Client, "get_ports", going)
    system.leave("oboe:in")
    assert port.follow() == "output oboe:in is gone; it is taken up again when it comes back"


def test_one_that_goes_while_it_is_connected_is_told_as_gone_and_taken_up_when_it_comes(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when the ports were asked for, and is not when it is to be opened: RtMidi opens by number."""
    port, opened = output(system, "oboe"), Client.open_port

    def too_late(client: Client, index: int, label: str) -> None:
        system.leave("oboe:in")
        opened(client, index, label)

    monkeypatch.setattr(Client, "open_port", too_late)
    system.pull(OURS["out"], "oboe:in")
    system.owners["oboe"] = "2"
    assert port.follow() == "output oboe:in is gone; it is taken up again when it comes back"
    assert (port.connected, port.status.peers) == (False, ())
    monkeypatch.setattr(Client, "open_port", opened)
    system.come("oboe:in", "3")
    assert port.follow() == "output oboe:in is back"
    assert port.status.peers == ("oboe:in",)


def test_lights_that_match_nothing_are_told_once_and_lit_when_they_come(system: System) -> None:
    lights = OutputPort("launchpad", "alsa", "lights", graph=system, patient=True)
    said = lights.follow()
    assert said.startswith("lights: no MIDI output 'launchpad'; the outputs are: ")
    assert said.endswith("; what is called so is connected when it comes")
    assert (lights.status.peers, lights.follow()) == ((), "")
    system.come("launchpad:in", "controller")
    assert lights.follow() == "output launchpad:in is back"
    assert lights.status.peers == ("launchpad:in",)


OBOE = PortStatus(role="output", name="oboe:in", peers=("oboe:in",))
HERE = PortStatus(role="input", name="improv in", virtual=True, peers=())


@pytest.mark.parametrize(
    ("there", "passes_on", "text"),
    [
        ((HERE, OBOE), False, "jack: hears virtual port 'improv in' (nothing is connected to it), plays to oboe:in"),
        ((OBOE,), True, "jack: plays to oboe:in"),
        (
            (PortStatus(role="input", name="keys:out", peers=("keys:out",)), OBOE),
            True,
            "jack: hears keys:out, plays to oboe:in, passes on to oboe:in",
        ),
        ((PortStatus(role="output", name="oboe:in", peers=()),), False, "jack: plays to oboe:in (not connected)"),
        (
            (PortStatus(role="output", name="oboe:in", peers=("oboe:in", "tape:in")),),
            False,
            "jack: plays to oboe:in and tape:in",
        ),
        (
            (OBOE, PortStatus(role="lights", name="launchpad", peers=())),
            False,
            "jack: plays to oboe:in, lights launchpad (not connected)",
        ),
        (
            (PortStatus(role="output", name="oboe:in"),),
            False,
            "jack: plays to oboe:in (this system does not tell whether it is connected)",
        ),
    ],
)
def test_the_ports_in_a_sentence(there: Sequence[PortStatus], passes_on: bool, text: str) -> None:
    assert describe_ports("jack", there, passes_on=passes_on) == text


class Keeper:
    """A port host: what it has opened stays when a process dies."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.clients: dict[str, Any] = {}

    def adopted(self, role: str) -> Any:
        return self.clients.get(role)

    def create(self, role: str) -> Any:
        client: Any = self.system.client(role)
        client.kept, client.keep = None, lambda value: setattr(client, "kept", value)
        self.clients[role] = client
        return client


def hosted(keeper: Keeper, wanted: str) -> OutputPort:
    return OutputPort(wanted, "jack", graph=keeper.system, patient=True, host=keeper)


def test_who_is_renamed_while_a_player_is_dead_keeps_the_cable(system: System) -> None:
    keeper = Keeper(system)
    hosted(keeper, "oboe")
    system.leave("oboe:in")
    system.come("oboe:reed", "1")
    system.plug(OURS["out"], "oboe:reed")
    port = hosted(keeper, "oboe:in")
    assert (port.name, port.connected, port.peers, system.made) == ("oboe:reed", True, ("oboe:reed",), 1)
    assert hosted(keeper, "oboe:in").name == "oboe:reed"  # and the next one, though the daemon was not told


def test_a_cable_that_was_pulled_stays_out_when_a_player_dies(system: System) -> None:
    keeper = Keeper(system)
    port = hosted(keeper, "oboe")
    system.pull(OURS["out"], "oboe:in")
    assert "was unplugged by hand" in port.follow()
    port = hosted(keeper, "oboe:in")
    assert (port.connected, port.peers, port.follow(), system.made) == (False, (), "", 1)
    system.plug(OURS["out"], "oboe:in")
    assert port.follow() == "output oboe:in is back"
    assert port.connected


@pytest.mark.parametrize("owner", ["1", "2"], ids=["the same", "another run"])
def test_who_goes_while_a_player_is_dead_is_taken_up_again(owner: str, system: System) -> None:
    keeper = Keeper(system)
    hosted(keeper, "oboe")
    system.leave("oboe:in")
    port = hosted(keeper, "oboe:in")
    assert (port.connected, system.made) == (False, 2)
    system.come("oboe:in", owner)
    assert port.follow() == "output oboe:in is back"
    assert system.cables == {(OURS["out"], "oboe:in")}


def test_another_port_than_the_one_a_dead_player_had_is_opened_anew(system: System) -> None:
    keeper = Keeper(system)
    hosted(keeper, "oboe")
    port = hosted(keeper, "bassoon")
    assert (port.name, port.connected, system.made) == ("bassoon:in", True, 2)
    assert system.cables == {(OURS["out"], "bassoon:in")}
