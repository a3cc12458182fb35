"""The control socket over real sockets: what is asked, what is refused, and that nobody harms anybody else.

Server and client take turns in one thread, on a clock the test turns; only where the product's own
client waits for an answer does the server run beside it.
"""

import json
import os
import random
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from select import select
from typing import Any

import pytest

from improv import __version__
from improv.control import socket_client, socket_protocol, socket_server, socket_transport
from improv.control.socket_client import ControlClient
from improv.control.socket_protocol import MAX_FRAME_BYTES, Greeting, describe, parse_request, request_for
from improv.control.socket_server import BURST, MAX_UNSENT_BYTES, REQUESTS_PER_S, ControlServer
from improv.control.socket_transport import MAX_CLIENTS
from improv.errors import DataError, Unavailable, UsageError
from improv.music.notes import Cell, Onset, Release
from improv.music.theory import Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import (
    Command,
    Connect,
    Forget,
    HandOver,
    Learn,
    Nudge,
    Panic,
    Press,
    Quit,
    Restart,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.json_codec import json_fields, to_json
from improv.protocol.snapshot import Harmony, NetworkStatus, OnsetTiming, Snapshot, StepHealth, SystemStatus

HELLO = '{"improv":1}'
SEEN = Snapshot(
    step=13,
    place=Place(1, 2, 3),
    turn=Turn(Who.IMPROV, 8, 16),
    beats_left=1.5,
    playing=True,
    harmony=Harmony(chord=Chord.parse("C7"), next_chord=Chord(0, (0, 1, 5))),
    heard=Cell((Onset(60, 3),), (48,), (Release(48, 2),)),
    played=Cell((), (64,)),
    tempo=132.5,
    swing=0.5,
    settings=Settings(mode=Mode.TRADE, temperature=0.8, key="Bb"),
    health=StepHealth(missed_steps=1, faults=2, fault="it was late"),
    system=SystemStatus(
        description="virtual ports",
        network=NetworkStatus(model="echo", unsupported_controls=("density",)),
        timing=OnsetTiming(lateness_p99_us=48.5),
    ),
)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Daemon:
    """What commands come to; `unfit` is answered with a refusal."""

    def __init__(self, note: str = "") -> None:
        self.asked: list[Command] = []
        self.note = note

    def ask(self, command: Command) -> str:
        self.asked.append(command)
        if command == Learn("seed"):
            raise UsageError("the seed is not for knobs")
        return self.note


class Peer:
    """A program at the other end, which only does what it is told."""

    def __init__(self, path: Path, *lines: str) -> None:
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.end.connect(os.fspath(path))
        self.end.setblocking(False)
        self.closed = False
        self._unread = b""
        self.send(*lines)

    def send(self, *lines: str) -> None:
        self.end.sendall("".join(f"{line}\n" for line in lines).encode())

    def lines(self) -> list[Any]:
        """What has arrived, parsed; `closed` once the server has closed it."""
        while not self.closed:
            try:
                data = self.end.recv(1 << 20)
            except BlockingIOError:
                break
            except ConnectionError:
                data = b""
            self.closed = not data
            self._unread += data
        *whole, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in whole]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "default.sock"


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def server(path: Path, daemon: Daemon, clock: Hand) -> Iterator[ControlServer]:
    with ControlServer(path, "default", daemon.ask, clock=clock) as server:
        yield server


@pytest.fixture
def connect(server: ControlServer, path: Path) -> Iterator[Callable[..., Peer]]:
    """A greeted peer, its greeting read."""
    with ExitStack() as stack:

        def connect(*lines: str, greet: bool = True) -> Peer:
            peer = Peer(path, *([HELLO] if greet else []), *lines)
            stack.enter_context(peer.end)
            server.poll()
            if greet and not lines:
                assert [line["improv"] for line in peer.lines()] == [1]
            return peer

        yield connect


# --- what is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ({"do": "set", "control": "tempo", "value": 132}, Set("tempo", 132.0)),
        ({"do": "set", "control": "bars", "value": 4}, Set("bars", 4)),
        ({"do": "set", "control": "mode", "value": "solo"}, Set("mode", "solo")),
        ({"do": "nudge", "control": "temperature", "by": 0.1}, Nudge("temperature", 0.1)),
        ({"do": "tap"}, Tap(100.0)),
        ({"do": "start"}, Start()),
        ({"do": "stop"}, Stop()),
        ({"do": "restart"}, Restart()),
        ({"do": "hand-over"}, HandOver()),
        ({"do": "panic"}, Panic()),
        ({"do": "quit"}, Quit()),
        ({"do": "learn", "target": "temperature"}, Learn("temperature")),
        ({"do": "forget", "target": "panic"}, Forget("panic")),
        ({"do": "press", "pitch": 60, "velocity": 0}, Press(60, 0)),
        ({"do": "connect", "end": "output", "name": "synth"}, Connect("output", "synth")),
    ],
)
def test_every_command_is_asked_for(
    request_: dict[str, Any], command: Command, connect: Callable[..., Peer], server: ControlServer, daemon: Daemon
) -> None:
    peer = connect()
    peer.send(json.dumps(request_), json.dumps(request_ | {"id": "mine"}))
    assert server.poll() == ()
    assert peer.lines() == [{"ok": True}, {"ok": True, "id": "mine"}]
    assert daemon.asked == [command, command]
    assert parse_request(request_for(command), 100.0) == command  # our own client asks for it so that it is understood


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "a line has to be one JSON object"),
        ("tempo 132", "a line has to be one JSON object"),
        ("[1]", "a line has to be one JSON object"),
        ('{"do":"set","control":"tempo","value":NaN}', "NaN is no number"),
        ("[" * 60_000, "nested too deeply"),
        ("{}", "lacks do; do is one of set, nudge, tap"),
        ('{"do":"press","pitch":60.5,"velocity":90}', "pitch 60.5 is not a whole number"),
        ('{"do":"press","pitch":true,"velocity":90}', "pitch True is not a whole number"),
        ('{"do":"press","pitch":128,"velocity":90}', "no key 128 with velocity 90; give 0 to 127"),
        ('{"do":"connect","end":"outptu","name":""}', "nothing is called 'outptu' (did you mean output?)"),
        ('{"do":"sot"}', "nothing can be asked as 'sot' (did you mean set?)"),
        ('{"do":["set"]}', "nothing can be asked as ['set']"),
        ('{"do":null}', "nothing can be asked as None"),
        ('{"do":"set","control":"tempo"}', "set lacks value; it takes control, value"),
        ('{"do":"set"}', "set lacks control, value"),
        ('{"do":"set","contrl":"tempo","value":1}', "set has no 'contrl' (did you mean control?)"),
        ('{"do":"stop","now":true}', "stop has no 'now'; it takes nothing"),
        ('{"do":"tap","time_s":1}', "tap has no 'time_s'; it takes nothing"),
        ('{"do":"set","control":"tempo","value":true}', "value True is not a number or a text"),
        ('{"do":"set","control":"tempo","value":null}', "value None is not a number or a text"),
        ('{"do":"set","control":"tempo","value":[120]}', "value [120] is not a number or a text"),
        ('{"do":"set","control":"tempo","value":1e999}', "value inf is not a number or a text"),
        ('{"do":"set","control":"tempo","value":' + "9" * 400 + "}", "is not a number or a text"),
        ('{"do":"set","control":"tempo","value":401}', "tempo 401 is out of range; give 20 to 400 bpm"),
        ('{"do":"set","control":"tempo","value":"nan"}', "out of range"),
        ('{"do":"set","control":"bars","value":1.5}', "bars 1.5 is not a whole number"),
        ('{"do":"set","control":"temprature","value":1}', "no control 'temprature' (did you mean temperature?)"),
        ('{"do":"set","control":3,"value":1}', "control 3 is not a text"),
        ('{"do":"set","control":"mode","value":"sole"}', "mode 'sole' is unknown (did you mean solo?)"),
        ('{"do":"set","control":"model","value":"a\\u0000b"}', "characters that can be printed"),
        ('{"do":"set","control":"model","value":"\\ud800"}', "characters that can be printed"),
        ('{"do":"set","control":"model","value":"' + "a" * 5000 + '"}', "at most 4096 characters"),
        ('{"do":"nudge","control":"tempo","by":"4"}', "by '4' is not a number"),
        ('{"do":"nudge","control":"model","by":1}', "model can't be nudged; set it"),
        ('{"do":"learn","target":"tempoo"}', "nothing is called 'tempoo' (did you mean tempo?)"),
        ('{"do":"learn","target":"seed"}', "the seed is not for knobs"),
        ('{"do":"watch","per_s":31}', "per_s 31 is out of range; give 1 to 30"),
        ('{"do":"watch","per_s":true}', "per_s True is not a number"),
        ('{"do":"status"}', "nothing has been played yet"),
        ('{"do":"stop","id":true}', "id has to be"),
        ('{"do":"stop","id":1.5}', "id has to be"),
        ('{"do":"stop","id":' + "9" * 30 + "}", "id has to be"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused_and_the_next_request_served(
    line: str, why: str, connect: Callable[..., Peer], server: ControlServer
) -> None:
    peer = connect()
    peer.send(line, '{"do":"panic"}')
    server.poll()
    refusal, after = peer.lines()
    assert why in refusal["error"]
    assert set(refusal) == {"error"}
    assert "\n" not in refusal["error"]
    assert after == {"ok": True}


def test_a_refusal_names_its_request(connect: Callable[..., Peer], server: ControlServer) -> None:
    peer = connect()
    peer.send('{"do":"set","control":"tempo","value":1,"id":7}')
    server.poll()
    assert [(line["id"], "tempo 1 is out of range" in line["error"]) for line in peer.lines()] == [(7, True)]


def test_a_note_is_told(connect: Callable[..., Peer], server: ControlServer, daemon: Daemon) -> None:
    daemon.note = "echo cannot\nobey density"
    peer = connect()
    peer.send('{"do":"set","control":"density","value":0.5,"id":1}')
    server.poll()
    assert peer.lines() == [{"ok": True, "id": 1, "note": "echo cannot obey density"}]


def test_the_controls_are_told(connect: Callable[..., Peer], server: ControlServer) -> None:
    peer = connect()
    peer.send('{"do":"controls"}')
    server.poll()
    [answer] = peer.lines()
    assert answer == {"ok": True, "controls": [describe(control) for control in CONTROLS.values()]}
    tempo = next(item for item in answer["controls"] if item["name"] == "tempo")
    assert tempo == {
        "name": "tempo", "help": "Quarter notes a minute.", "default": 120, "range": "20 to 400 bpm", "unit": "bpm",
        "low": 20, "high": 400, "whole": False,
    }  # fmt: skip


# --- version first --------------------------------------------------------------------------------


def test_the_server_says_who_it_is(connect: Callable[..., Peer], server: ControlServer) -> None:
    peer = connect('{"do":"panic"}')
    greeting = {"improv": 1, "version": __version__, "pid": os.getpid(), "instance": "default"}
    assert peer.lines() == [greeting, {"ok": True}]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ('{"improv":2}', f"this is improv {__version__}, which speaks protocol 1; you speak 2"),
        ('{"improv":"1"}', 'the first line has to be {"improv": 1}'),
        ('{"improv":true}', 'the first line has to be {"improv": 1}'),
        ('{"improv":1,"more":1}', 'the first line has to be {"improv": 1}'),
        ('{"improv":1,"token":"\\ud800"}', 'the first line has to be {"improv": 1}'),
        ('{"do":"panic"}', 'the first line has to be {"improv": 1}'),
        ("GET / HTTP/1.1", "a line has to be one JSON object"),
    ],
)
def test_who_does_not_name_the_version_is_told_and_closed(
    first: str, why: str, connect: Callable[..., Peer], daemon: Daemon
) -> None:
    peer = connect(first, '{"do":"panic"}', greet=False)
    [refusal] = peer.lines()
    assert why in refusal["error"]
    assert peer.closed
    assert daemon.asked == []


# --- who may come in ------------------------------------------------------------------------------


def test_only_its_user_reaches_the_socket(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_open_directory_is_closed(path: Path, daemon: Daemon) -> None:
    path.parent.mkdir(mode=0o755)
    with ControlServer(path, "default", daemon.ask):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_of_somebody_else_is_not_used(path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Unavailable, match="is not a directory of yours; set IMPROV_RUNTIME"):
        ControlServer(path, "default", daemon.ask).__enter__()


def test_a_link_to_a_directory_is_not_used(path: Path, tmp_path: Path, daemon: Daemon) -> None:
    (tmp_path / "elsewhere").mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="is not a directory of yours"):
        ControlServer(path, "default", daemon.ask).__enter__()


def test_a_path_too_long_for_a_socket_is_said_so(tmp_path: Path, daemon: Daemon) -> None:
    with pytest.raises(Unavailable, match=r"no control socket at .*too long; set IMPROV_RUNTIME"):
        ControlServer(tmp_path / ("a" * 200), "default", daemon.ask).__enter__()


def test_the_system_says_who_knocks(server: ControlServer, path: Path) -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert socket_transport._peer_uid(here) == os.getuid()
    with socket.socket() as stranger:
        assert socket_transport._peer_uid(stranger) in (None, 2**32 - 1)  # no such thing as its user


@pytest.mark.parametrize("uid", [None, 2**32 - 1])
def test_another_user_is_told_and_closed(
    uid: int | None, connect: Callable[..., Peer], daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_transport, "_peer_uid", lambda end: uid)
    peer = connect('{"do":"panic"}')
    assert peer.lines() == [{"error": "this improv is another user's"}]
    assert peer.closed
    assert daemon.asked == []


def test_what_a_dead_daemon_left_is_replaced_and_nothing_is_left_behind(path: Path, daemon: Daemon) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    with ControlServer(path, "default", daemon.ask) as server:
        peer = Peer(path, HELLO)
        server.poll()
        assert len(peer.lines()) == 1
        peer.end.close()
    assert not path.exists()


def test_more_clients_than_it_serves_are_told_and_closed(connect: Callable[..., Peer], server: ControlServer) -> None:
    peers = [connect() for _ in range(MAX_CLIENTS)]
    refused = [connect('{"do":"panic"}') for _ in range(20)]
    for peer in refused:
        assert peer.lines() == [{"error": f"{MAX_CLIENTS} clients are connected; close one and try again"}]
        assert peer.closed
    peers[0].end.close()
    server.poll()
    connect()
    peers[-1].send('{"do":"panic"}')
    server.poll()
    assert peers[-1].lines() == [{"ok": True}]


def test_a_thousand_connections_leave_nothing_behind(connect: Callable[..., Peer], server: ControlServer) -> None:
    for _ in range(1000):
        connect().end.close()
    server.poll()
    server.poll()
    assert len(server.readables()) == 1
    connect()


# --- frames and floods ----------------------------------------------------------------------------


def test_a_request_may_come_in_pieces(connect: Callable[..., Peer], server: ControlServer, daemon: Daemon) -> None:
    peer = connect()
    for byte in b'{"do":"set","control":"tempo","value":99}\r\n{"do":"sto':
        peer.end.sendall(bytes([byte]))
        server.poll()
    assert peer.lines() == [{"ok": True}]
    assert daemon.asked == [Set("tempo", 99.0)]
    peer.send('p"}')
    server.poll()
    assert daemon.asked[1:] == [Stop()]


def test_two_clients_are_answered_each_for_itself(connect: Callable[..., Peer], server: ControlServer) -> None:
    one, other = connect(), connect()
    one.send('{"do":"stop","id":1}')
    other.send('{"do":"stop","id":2}', '{"do":"stop","id":3}')
    server.poll()
    assert one.lines() == [{"ok": True, "id": 1}]
    assert other.lines() == [{"ok": True, "id": 2}, {"ok": True, "id": 3}]


def test_what_was_asked_before_hanging_up_is_done(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon, clock: Hand
) -> None:
    peer = connect()
    peer.send(*['{"do":"panic"}'] * (BURST + 10))
    peer.end.shutdown(socket.SHUT_WR)
    for _ in range(4):
        server.poll()
        clock.now_s += 0.05
    assert len(daemon.asked) == BURST + 10
    assert len(peer.lines()) == BURST + 10
    assert peer.closed


HELD = ((60, 90), (64, 90), (64, 0), (67, 90), (67, 80))


def press(pitch: int, velocity: int) -> str:
    return f'{{"do":"press","pitch":{pitch},"velocity":{velocity}}}'


def test_the_keys_of_a_client_that_goes_are_let_go(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon
) -> None:
    peer, other = connect(), connect()
    peer.send(*(press(pitch, velocity) for pitch, velocity in HELD))
    other.send(press(72, 90))
    server.poll()
    daemon.asked.clear()
    peer.end.close()
    for _ in range(3):
        server.poll()
    assert daemon.asked == [Press(60, 0), Press(67, 0)]


def test_a_key_that_several_clients_hold_is_up_when_the_last_of_them_lets_go(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon
) -> None:
    one, other, stranger = connect(), connect(), connect()
    for peer, velocity, is_passed_on in (
        (one, 90, True),
        (other, 70, True),
        (one, 0, False),
        (stranger, 0, False),
        (one, 0, False),
        (other, 0, True),
        (one, 0, True),  # nobody holds it
    ):
        daemon.asked.clear()
        peer.send(press(60, velocity))
        server.poll()
        assert daemon.asked == [Press(60, velocity)] * is_passed_on
        assert peer.lines() == [{"ok": True}]


def test_the_keys_of_a_client_that_goes_stay_down_where_another_holds_them(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon
) -> None:
    peers = [connect() for _ in range(3)]
    for peer in peers:
        peer.send(press(60, 90))
    server.poll()
    daemon.asked.clear()
    for going, asked in ((peers[:1], 0), (peers[1:], 1)):
        for peer in going:
            peer.end.close()
        for _ in range(3):
            server.poll()
        assert daemon.asked == [Press(60, 0)] * asked


def test_after_a_panic_nobody_holds_a_key(connect: Callable[..., Peer], server: ControlServer, daemon: Daemon) -> None:
    """A client may take it that its keys are up, and never let them go."""
    one, other = connect(), connect()
    one.send(press(60, 90))
    server.poll()
    other.send('{"do":"panic"}', press(60, 90), press(60, 0))
    server.poll()
    assert daemon.asked == [Press(60, 90), Panic(), Press(60, 90), Press(60, 0)]
    one.end.close()
    for _ in range(3):
        server.poll()
    assert len(daemon.asked) == 4


def test_a_line_that_is_too_long_ends_the_connection(connect: Callable[..., Peer], server: ControlServer) -> None:
    fits, exceeds, endless = connect(), connect(), connect()
    request = '{"do":"panic"}'
    fits.send(request + " " * (MAX_FRAME_BYTES - len(request)))
    exceeds.send(request + " " * (MAX_FRAME_BYTES - len(request) + 1))
    endless.end.sendall(b"x" * (MAX_FRAME_BYTES + 1))
    for _ in range(2):
        server.poll()
    assert fits.lines() == [{"ok": True}]
    for peer in (exceeds, endless):
        assert peer.lines() == [{"error": f"a line has at most {MAX_FRAME_BYTES} bytes"}]
        assert peer.closed


def test_a_flood_is_served_slowly_and_others_at_once(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon, clock: Hand
) -> None:
    flood, other = connect(), connect()
    clock.now_s += 1.0
    flood.send(*['{"do":"panic"}'] * 1000)
    for _ in range(5):
        server.poll()
    assert len(daemon.asked) == BURST
    assert len(server.readables()) == 2  # the flood wakes nobody any more
    other.send('{"do":"stop"}')
    server.poll()
    assert other.lines() == [{"ok": True}]
    clock.now_s += 0.0625
    server.poll()
    assert len(daemon.asked) == BURST + 1 + int(0.0625 * REQUESTS_PER_S)
    clock.now_s += 100.0
    server.poll()
    assert len(daemon.asked) == 2 * BURST + 1 + int(0.0625 * REQUESTS_PER_S)


def test_who_does_not_read_is_dropped_and_others_are_not_harmed(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon, clock: Hand
) -> None:
    slow, other = connect(), connect()
    other.send('{"do":"watch","per_s":30}')
    slow.send('{"do":"watch","per_s":30}')
    server.poll()
    most = 0
    for step in range(3000):
        clock.now_s += 1.0
        server.show(replace(SEEN, step=step))
        try:
            slow.send(*['{"do":"controls"}'] * 8)
        except OSError:
            break
        server.poll()
        assert other.lines()[-1]["snapshot"]["step"] == step
        most = max([most, *(len(client.unsent) for client in server._clients)])
    assert MAX_UNSENT_BYTES // 2 < most <= MAX_UNSENT_BYTES
    server.poll()
    assert len(server.readables()) == 2
    assert not any(client.unsent for client in server._clients)
    assert slow.lines()[0] == {"ok": True}
    assert slow.closed


# --- watching -------------------------------------------------------------------------------------


def test_the_newest_snapshot_is_told(connect: Callable[..., Peer], server: ControlServer) -> None:
    peer = connect()
    server.show(SEEN)
    server.show(replace(SEEN, step=14))
    peer.send('{"do":"status","id":"now"}')
    server.poll()
    assert peer.lines() == [{"snapshot": to_json(replace(SEEN, step=14)), "id": "now"}]


def test_a_watcher_is_told_each_new_snapshot_at_most_so_many_a_second_and_the_newest_wins(
    connect: Callable[..., Peer], server: ControlServer, clock: Hand
) -> None:
    peer, idle = connect(), connect()

    def steps() -> list[int]:
        return [line["snapshot"]["step"] for line in peer.lines() if line.get("id") == "w" and "snapshot" in line]

    server.show(SEEN)
    peer.send('{"do":"watch","per_s":10,"id":"w"}')
    server.poll()
    assert steps() == [13]  # what is known already
    server.poll()
    assert steps() == []
    for step in range(14, 20):
        server.show(replace(SEEN, step=step))
    assert steps() == []
    clock.now_s += 0.101
    server.poll()
    assert steps() == [19]
    clock.now_s += 0.101
    server.show(replace(SEEN, step=20))
    assert steps() == [20]
    peer.send('{"do":"unwatch"}')
    server.poll()
    clock.now_s += 1.0
    server.show(replace(SEEN, step=21))
    assert peer.lines() == [{"ok": True}]
    assert idle.lines() == []


def test_a_watcher_that_does_not_read_misses_snapshots_and_then_sees_the_newest(
    connect: Callable[..., Peer], server: ControlServer, clock: Hand
) -> None:
    peer = connect('{"do":"watch","per_s":30}')
    for step in range(2000):
        clock.now_s += 1.0
        server.show(replace(SEEN, step=step))
        server.poll()
        assert sum(len(client.unsent) for client in server._clients) < 4096
    assert [bool(client.unsent) for client in server._clients] == [True]
    seen: list[int] = []
    while not seen or seen[-1] != 1999:
        seen += [line["snapshot"]["step"] for line in peer.lines() if "snapshot" in line]
        server.poll()
    assert len(seen) < 2000
    assert seen == sorted(seen)


def test_a_figure_that_is_no_number_is_not_told(connect: Callable[..., Peer], server: ControlServer) -> None:
    peer = connect()
    server.show(SEEN)
    server.show(replace(SEEN, tempo=float("nan")))
    peer.send('{"do":"status"}')
    server.poll()
    assert peer.lines() == [{"snapshot": to_json(SEEN)}]


# --- fuzz -----------------------------------------------------------------------------------------

GOOD = tuple(
    json.dumps(request).encode()
    for request in (
        {"do": "set", "control": "tempo", "value": 132, "id": 1},
        {"do": "set", "control": "mode", "value": "solo", "id": "a"},
        {"do": "nudge", "control": "temperature", "by": -0.1},
        {"do": "learn", "target": "temperature"},
        {"do": "watch", "per_s": 20, "id": 3},
        {"do": "status"},
        {"do": "controls"},
        {"do": "tap"},
    )
)
PIECES = (b'"', b"{", b"}", b"[" * 2000, b"null", b"true", b"1e999", b"NaN", b"-", b"\\u0000", b"\\ud800", b"9" * 400,
          b"\x00", b"\xff\xfe", b"\r", b":", b",", b'"id":', b'"do":"quit"', b'{"improv":1}', b"x" * 3000)  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    """A good frame after some accidents, on one line."""
    frame = bytearray(chance.choice(GOOD))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(4):
            case 0:
                frame[at:at] = chance.choice(PIECES) if chance.random() < 0.2 else b'"'
            case 1:
                del frame[at : at + chance.randrange(1, 8)]
            case 2:
                frame[at : at + 1] = bytes([chance.randrange(256)])
            case _:
                frame[at:at] = frame[: chance.randrange(20)]
    return bytes(frame).replace(b"\n", b"")


@pytest.mark.parametrize("many", [20_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_malformed_frames_harm_nobody(
    many: int, connect: Callable[..., Peer], server: ControlServer, daemon: Daemon, clock: Hand
) -> None:
    chance = random.Random(4)
    server.show(SEEN)
    peer, other = connect(), connect()
    frames = answers = most = 0
    unsent = b""
    while frames < many:
        if len(unsent) < 1 << 15:
            batch = [mutated(chance) for _ in range(BURST)]
            frames += len(batch)
            unsent += b"".join(frame + b"\n" for frame in batch)
        with suppress(BlockingIOError):
            unsent = unsent[peer.end.send(unsent[: chance.randrange(1, 1 << 15)]) :]
        clock.now_s += 1.0
        server.poll()
        most = max(most, *(len(client.unread) + len(client.unsent) for client in server._clients))
        answers += len(peer.lines())
        assert not peer.closed
        if chance.random() < 0.05:
            other.send('{"do":"panic","id":"well"}')
            server.poll()
            assert other.lines() == [{"ok": True, "id": "well"}]
    assert answers > many * 9 // 10  # the rest waits to be served
    assert most <= 2 * MAX_FRAME_BYTES + MAX_UNSENT_BYTES


def test_malformed_first_lines_harm_nobody(connect: Callable[..., Peer], server: ControlServer) -> None:
    chance = random.Random(5)
    other = connect()
    for _ in range(500):
        peer = connect(greet=False)
        first = bytearray(HELLO.encode())
        first[chance.randrange(len(first))] = chance.randrange(256)
        peer.end.sendall(bytes(first).replace(b"\n", b"") + b"\n" + mutated(chance) + b"\n")
        server.poll()
        peer.end.close()
    other.send('{"do":"panic"}')
    server.poll()
    assert other.lines() == [{"ok": True}]


# --- our own client -------------------------------------------------------------------------------


@contextmanager
def served(server: ControlServer) -> Iterator[Callable[[Snapshot], None]]:
    """Somebody who polls it, as a daemon does, and shows what is given."""
    wakes, woken = socket.socketpair()
    shown: SimpleQueue[Snapshot] = SimpleQueue()

    def serve() -> None:
        while True:
            ready, _, _ = select([*server.readables(), woken], [], [], 0.05)
            if woken in ready:
                if not woken.recv(1):
                    return
                server.show(shown.get())
            server.poll()

    def show(seen: Snapshot) -> None:
        shown.put(seen)
        wakes.send(b".")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield show
    finally:
        wakes.close()
        thread.join()
        woken.close()


@pytest.mark.parametrize(
    "command", [Set("tempo", 99.0), Nudge("tempo", -1.0), Tap(0.0), Start(), Quit(), Learn("tempo"), Forget("panic")]
)
def test_the_client_asks(command: Command, server: ControlServer, path: Path, daemon: Daemon) -> None:
    daemon.note = "noted"
    with served(server), ControlClient(path) as client:
        assert client.ask(command) == "noted"
        assert client.greeting == Greeting(1, __version__, os.getpid(), "default")
    assert daemon.asked == [Tap(100.0) if isinstance(command, Tap) else command]


def test_the_client_tells_a_refusal(server: ControlServer, path: Path) -> None:
    with served(server), ControlClient(path) as client:
        with pytest.raises(UsageError, match="the seed is not for knobs"):
            client.ask(Learn("seed"))
        with pytest.raises(UsageError, match="nothing has been played yet"):
            client.status()
        assert client.ask(Panic()) == ""


def test_the_client_sees_what_is_played(path: Path, daemon: Daemon) -> None:
    with ControlServer(path, "default", daemon.ask) as server, served(server) as show, ControlClient(path) as client:
        show(SEEN)
        watched = client.watch(30)
        assert next(watched) == SEEN
        assert client.status() == SEEN
        show(replace(SEEN, step=14))
        assert next(watched) == replace(SEEN, step=14)


def test_watching_ends_with_the_daemon(path: Path, daemon: Daemon) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(ControlServer(path, "default", daemon.ask))
        show = stack.enter_context(served(server))
        with ControlClient(path) as client:
            show(SEEN)
            watched = client.watch()
            assert next(watched) == SEEN
            stack.close()
            assert list(watched) == []
            with pytest.raises(Unavailable, match="no improv is playing as"):
                client.ask(Panic())


def test_the_client_says_that_nobody_is_there(path: Path) -> None:
    with pytest.raises(Unavailable, match=r"as default; start one with: improv daemon start$"):
        ControlClient(path).__enter__()
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    with pytest.raises(Unavailable, match=r"as stage; start one with: improv daemon start --instance stage$"):
        ControlClient(path, instance="stage").__enter__()


GREETING = f'{{"improv":1,"version":"{__version__}","pid":1,"instance":"default"}}\n'


@pytest.mark.parametrize(
    ("answers", "error", "why"),
    [
        ("", Unavailable, "no improv is playing as"),
        ("[]\n", DataError, "improv's answer is not what it should be"),
        ('{"improv":1}\n', DataError, "improv's first line is not what it should be"),
        ('{"error":"protocol 2\\nonly"}\n', UsageError, "^protocol 2 only$"),
        (GREETING, Unavailable, "no improv is playing as"),
        (GREETING + "x\n", DataError, "improv's answer is not what it should be"),
        (GREETING + '{"ok":true,"id":1}\n', DataError, "improv's answer is not what it should be"),
        (GREETING + '{"snapshot":{},"id":1}\n', DataError, "improv's answer is not what it should be .*lacks"),
        (GREETING.replace(__version__, "9.9") + '{"snapshot":{},"id":1}\n', DataError, "what improv 9.9 answers to"),
        (GREETING + "x" * (2 << 20), DataError, "longer than"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(answers: str, error: type[Exception], why: str, path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def answer() -> None:
            end, _ = listener.accept()
            with end:
                end.recv(1)
                try:
                    end.sendall(answers.encode())
                    end.shutdown(socket.SHUT_WR)
                    while end.recv(1 << 16):
                        pass
                except OSError:
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error, match=why), ControlClient(path) as client:
            client.status()
        thread.join()


def test_a_daemon_that_does_not_answer_is_said_so(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()
        with pytest.raises(Unavailable, match=r"does not answer \(instance default\)"):
            ControlClient(path, timeout_s=0.01).__enter__()


def test_without_unix_sockets_a_token_lets_in(path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (socket_client, socket_server):
        monkeypatch.setattr(module, "system_transport", socket_transport.LoopbackTransport)
    with ControlServer(path, "default", daemon.ask) as server, served(server):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with ControlClient(path) as client:
            assert client.ask(Panic()) == ""
        port, token = path.read_text().split()
        for wrong in ("", "0" * len(token), "\N{SNOWMAN}"):
            path.write_text(f"{port} {wrong or '-'}")
            with pytest.raises(UsageError, match="the token is wrong"):
                ControlClient(path).__enter__()
    assert daemon.asked == [Panic()]


# --- what is written about it ---------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "protocol.md").read_text()


def test_every_request_on_the_page_is_understood_and_every_request_is_on_the_page() -> None:
    rows = re.findall(r'^\| `(\{"do".*?)` \|', PAGE, re.M)
    given = [json.loads(text) for row in rows for text in row.split("` `")]
    for request in given:
        parse_request(request, 0.0)
    assert {request["do"] for request in given} == set(socket_protocol._REQUESTS)


def test_every_field_of_a_snapshot_is_on_the_page() -> None:
    names = {name for kind in (Snapshot, SystemStatus) for name in json_fields(kind)[0]}
    assert names <= set(re.findall(r"`([a-z0-9_]+)`", PAGE))


# --- whatever a request leads to ------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OSError(36, "File name too long"),
        ValueError("embedded null byte"),
        RuntimeError("a\nb"),
        RecursionError(),
        KeyError(1),
    ],
)
def test_whatever_a_request_raises_is_its_answer(error: Exception, path: Path, clock: Hand, tmp_path: Path) -> None:
    def ask(command: Command) -> str:
        raise error

    with ControlServer(path, "default", ask, clock=clock) as server, ExitStack() as stack:
        peer = Peer(path, HELLO, '{"do":"panic","id":7}', '{"do":"controls"}')
        stack.enter_context(peer.end)
        server.poll()
        _, refused, controls = peer.lines()
        assert refused["id"] == 7
        assert type(error).__name__ in refused["error"]
        assert "ok" in controls


def test_a_key_that_cannot_be_let_go_is_no_harm(path: Path, clock: Hand) -> None:
    def ask(command: Command) -> str:
        if command == Press(60, 0):
            raise OSError("the player has gone")
        return ""

    with ControlServer(path, "default", ask, clock=clock) as server:
        peer = Peer(path, HELLO, '{"do":"press","pitch":60,"velocity":9}')
        server.poll()
        peer.end.close()
        server.poll()
        server.poll()


# --- those who say nothing ------------------------------------------------------------------------


def test_whoever_says_nothing_is_dropped_after_a_while(
    connect: Callable[..., Peer], server: ControlServer, clock: Hand
) -> None:
    silent, slow, greeted = connect(greet=False), connect(greet=False), connect()
    slow.end.sendall(HELLO[:5].encode())
    clock.now_s += socket_server.GREETING_S - 0.1
    server.poll()
    assert (silent.lines(), silent.closed, slow.lines(), slow.closed) == ([], False, [], False)
    slow.end.sendall(f"{HELLO[5:]}\n".encode())
    server.poll()
    assert [line["improv"] for line in slow.lines()] == [1]
    clock.now_s += 0.2
    server.poll()
    assert silent.lines() == [{"error": "the first line has to come within 5 s"}]
    assert silent.closed
    clock.now_s += 1000
    server.poll()
    assert not greeted.closed
    assert not slow.closed


def test_silent_connections_lock_nobody_out(connect: Callable[..., Peer], server: ControlServer, clock: Hand) -> None:
    silent = [connect(greet=False) for _ in range(MAX_CLIENTS)]
    clock.now_s += 0.01
    assert not connect().closed
    assert [bool(peer.lines()) for peer in silent] == [True] + [False] * (MAX_CLIENTS - 1)


def test_clients_that_have_greeted_are_never_dropped_for_another(
    connect: Callable[..., Peer], server: ControlServer, clock: Hand
) -> None:
    greeted = [connect() for _ in range(MAX_CLIENTS)]
    clock.now_s += 0.01
    other = connect(HELLO)
    assert "clients are connected" in other.lines()[0]["error"]
    assert not any(peer.lines() or peer.closed for peer in greeted)
