"""Requests over the control socket: what is asked, answered and refused."""

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from improv import __version__
from improv.control import socket_protocol
from improv.control.socket_protocol import describe, parse_request, request_for
from improv.control.socket_server import ControlServer
from improv.music.parts import MIXED_PARTS
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
from improv.protocol.controls import CONTROLS
from improv.protocol.json_codec import json_fields
from improv.protocol.snapshot import Snapshot, SystemStatus
from tests.control.socket.conftest import HELLO, Daemon, Hand, Peer

# --- what is said ----------------------------------------------------------------------------------


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
    told = {control["name"]: control for control in answer["controls"]}
    assert told["swing"] == describe(CONTROLS["swing"]) | {
        "words": ["auto"],
        "default": "auto",
        "low": 0.5,
        "high": 0.75,
    }
    mixed = {(told[name]["part"], told[name]["column"]) for name in told if "part" in told[name]}
    assert mixed == {(part.label, column) for part in MIXED_PARTS for column in ("level", "mute", "solo", "program")}
    assert told["comp-level"]["former"] == ["chords-level"]
    tempo = next(item for item in answer["controls"] if item["name"] == "tempo")
    assert tempo == {
        "name": "tempo", "help": "Quarter notes a minute.", "default": 120, "range": "20 to 400 bpm", "unit": "bpm",
        "low": 20, "high": 400, "whole": False,
    }  # fmt: skip


# --- version first ---------------------------------------------------------------------------------


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


# --- what is written about it ----------------------------------------------------------------------


PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "protocol.md").read_text()


def test_every_request_on_the_page_is_understood_and_every_request_is_on_the_page() -> None:
    rows = re.findall(r'^\| `(\{"do".*?)` \|', PAGE, re.M)
    given = [json.loads(text) for row in rows for text in row.split("` `")]
    for request in given:
        parse_request(request, 0.0)
    assert {request["do"] for request in given} == set(socket_protocol._REQUESTS)


def test_every_field_of_a_snapshot_is_on_the_page() -> None:
    names = {name for kind in (Snapshot, SystemStatus) for name in json_fields(kind)[0]}
    assert names <= set(re.findall(r"`([a-z0-9_]+)`", PAGE))


# --- whatever a request leads to -------------------------------------------------------------------


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
