"""OSC messages: what they ask for, what is answered, and what watchers are told."""

from contextlib import closing
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.errors import UsageError
from improv.protocol.commands import Command, Set
from improv.protocol.controls import CONTROLS, FORMER
from tests.control.osc.conftest import ASKED, LOOPBACK, Desk, packets, snapshot, told


@pytest.mark.parametrize(("address", "arguments", "asked"), ASKED.values(), ids=ASKED)
def test_asked(
    server: OscServer, client: SimpleUDPClient, desk: Desk, address: str, arguments: Any, asked: Command | None
) -> None:
    client.send_message(address, arguments)
    assert server.poll() == ()
    assert desk.asked == ([] if asked is None else [asked])
    assert server.refused == 0
    assert told(client) == {}


REFUSED = {
    # the address, the arguments, what is said
    "out of range": ("/improv/tempo", 1000.0, "tempo 1000 is out of range"),
    "not a number": ("/improv/tempo", float("nan"), "out of range"),
    "infinite": ("/improv/bars", float("inf"), "out of range"),
    "a nudge by infinity": ("/improv/tempo/nudge", float("-inf"), "can't be moved"),
    "no such word": ("/improv/mode", "dute", "did you mean duet"),
    "no such control": ("/improv/tempa", 1.0, "nothing that can be asked for"),
    "no value": ("/improv/tempo", [], "with 0 arguments"),
    "two values": ("/improv/tempo", [1.0, 2.0], "with 2 arguments"),
    "a nudge by a word": ("/improv/tempo/nudge", "up", "nothing that can be asked for"),
    "a nudge of a name": ("/improv/model/nudge", 1, "can't be nudged"),
    "a model's file": ("/improv/model", "/etc/passwd", "chosen by its name"),
    "a model's file elsewhere": ("/improv/model", "..\\a.onnx", "chosen by its name"),
    "a model's file where improv was started": ("/improv/model", "a.onnx", "chosen by its name"),
    "a model in colours": ("/improv/model", "\x1b[31mred", "chosen by its name"),
    "quit": ("/improv/quit", [], "nothing that can be asked for"),
    "quit, pressed": ("/improv/quit", 1.0, "nothing that can be asked for"),
    "learn": ("/improv/learn", "tempo", "nothing that can be asked for"),
    "too deep": ("/improv/tempo/nudge/more", 1.0, "nothing that can be asked for"),
    "a pattern": ("/improv/*", 1.0, "nothing that can be asked for"),
}


@pytest.mark.parametrize(("address", "arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_and_told_why(
    server: OscServer, client: SimpleUDPClient, desk: Desk, address: str, arguments: Any, says: str
) -> None:
    client.send_message(address, arguments)
    server.poll()
    assert desk.asked == []
    assert server.refused == 1
    assert says in told(client)["/improv/says"]


def test_what_the_router_says_is_told(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    desk.says = "random cannot obey density"
    client.send_message("/improv/density", 0.5)
    server.poll()
    assert told(client) == {"/improv/says": "random cannot obey density"}


def test_what_cannot_be_done_is_told() -> None:
    def ask(command: Command) -> str:
        raise UsageError("no model 'bach'")

    with OscServer(LOOPBACK, 0, ask) as server, closing(SimpleUDPClient(LOOPBACK, server.port)) as client:
        client.send_message("/improv/model", "bach")
        server.poll()
        assert told(client) == {"/improv/says": "no model 'bach'"}
        assert server.refused == 1


def test_the_state_is_told_to_its_sender(server: OscServer, client: SimpleUDPClient) -> None:
    server.show(snapshot(3, tempo=132, density=0.5, melody_mute="on", bars=2))
    client.send_message("/improv/status", [])
    server.poll()
    state = told(client)
    assert {name.removeprefix("/improv/state/") for name in state} == {
        *CONTROLS, *FORMER, "who", "beats_left", "chord", "chorus", "bar", "beat", "playing"
    }  # fmt: skip
    of = {name.removeprefix("/improv/state/"): value for name, value in state.items()}
    assert (of["tempo"], of["density"], of["bars"], of["mode"]) == (132.0, 0.5, 2, "trade")
    assert (of["melody-mute"], of["thru"]) == (1, 0)
    assert (of["who"], of["beats_left"], of["chord"]) == ("you", 2.5, "C7")
    assert (of["chorus"], of["bar"], of["beat"], of["playing"]) == (1, 1, 2, 1)
    server.show(snapshot(4))
    assert told(client) == {}  # it asked once


def test_a_number_is_told_as_the_same_type_whatever_it_is(server: OscServer, client: SimpleUDPClient) -> None:
    server.show(snapshot(tempo=120, end=None))
    client.send_message("/improv/status", [])
    server.poll()
    types = {(m.address, type(m.params[0])) for m in map(OscMessage, packets(client))}
    assert {("/improv/state/tempo", float), ("/improv/state/gap", float), ("/improv/state/bars", int)} <= types
    assert ("/improv/state/beats_left", float) in types


def test_a_watcher_is_told_what_changes_at_most_twenty_times_a_second(
    server: OscServer, client: SimpleUDPClient, desk: Desk
) -> None:
    server.show(snapshot())
    client.send_message("/improv/watch", 1)
    server.poll()
    assert len(told(client)) > len(CONTROLS)
    desk.now_s += 1
    server.show(snapshot(tempo=140))
    assert told(client) == {"/improv/state/tempo": 140.0}
    server.show(snapshot(tempo=150))
    desk.now_s += 0.01
    server.show(snapshot(tempo=160))
    server.poll()
    assert told(client) == {}
    desk.now_s += 0.05
    server.poll()
    assert told(client) == {"/improv/state/tempo": 160.0}
    server.poll()
    assert told(client) == {}
    client.send_message("/improv/watch", 0)
    server.poll()
    desk.now_s += 1
    server.show(snapshot(tempo=170))
    assert told(client) == {}


def test_sixteen_watch_and_the_one_who_asked_longest_ago_goes(server: OscServer, desk: Desk) -> None:
    clients = [SimpleUDPClient(LOOPBACK, server.port) for _ in range(18)]
    for client in (*clients[:17], clients[1], clients[17]):
        client.send_message("/improv/watch", 1.0)
        server.poll()
    server.show(snapshot())
    server.poll()
    watching = [bool(told(client)) for client in clients]
    assert watching == [False, True, False] + [True] * 15  # the second asked again in time
    for client in clients:
        client.close()


def test_a_watcher_that_has_gone_does_no_harm(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    with closing(SimpleUDPClient(LOOPBACK, server.port)) as gone:
        gone.send_message("/improv/watch", 1)
        server.poll()
    for tempo in range(100, 200):
        desk.now_s += 1
        server.show(snapshot(tempo=tempo))
        server.poll()
    client.send_message("/improv/tempo", 90.0)
    server.poll()
    assert desk.asked == [Set("tempo", 90.0)]
