"""What is connected to what, as the MIDI system says: ALSA by texts of its kind, JACK by a server and its programs."""

import os
import stat
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from improv.errors import InputNotFound, Unavailable
from improv.midi import graph
from improv.midi.graph import AlsaGraph, alsa_ports, graph_of
from tests.ports.jack import Server, conclusive, missing

CLIENTS = """Client info
  cur  clients : 6
  peak clients : 7
  max  clients : 192

Client   0 : "System" [Kernel Legacy]
  Port   0 : "Timer" (Rwe-) [In/Out]
  Port   1 : "Announce" (R-e-) [In]
    Connecting To: 129:0[real:0], 131:0
Client  14 : "Midi Through" [Kernel Legacy]
  Port   0 : "Midi Through Port-0" (RWe-) [In/Out]
Client  24 : "A "quoted" [odd] name" [Kernel]
  Port   0 : "Keys MIDI 1" (RWeX) [In/Out]
    Connecting To: 130:0[t:1][ex]
  Port   1 : "Keys MIDI 2" (RWeX) [In/Out]
Client 128 : "FLUID Synth (1234)" [User Legacy]
  Port   0 : "Synth input port (1234:0)" (-We-) [Out]
    Connected From: 129:0
  Input pool :
    Pool size          : 200
Client 129 : "improv-out" [User Legacy]
  Port   0 : "improv out" (R-e-) [In]
    Connecting To: 128:0, 24:1
    Connected From: 0:1
Client 130 : "improv-in" [User Legacy]
  Port   0 : "improv in" (-We-) [Out]
    Connected From: 24:0
"""

SYNTH = "FLUID Synth (1234):Synth input port (1234:0) 128:0"
OUT = "improv-out:improv out 129:0"
KEYS = 'A "quoted" [odd] name:Keys MIDI 1 24:0'


@pytest.fixture
def alsa(tmp_path: Path) -> AlsaGraph:
    clients = tmp_path / "clients"
    clients.write_text(CLIENTS)
    return AlsaGraph(clients)


def test_the_ports_of_alsa_have_the_names_that_rtmidi_gives_them(alsa: AlsaGraph) -> None:
    assert alsa.ports() == (
        "System:Timer 0:0",
        "System:Announce 0:1",
        "Midi Through:Midi Through Port-0 14:0",
        KEYS,
        'A "quoted" [odd] name:Keys MIDI 2 24:1',
        SYNTH,
        OUT,
        "improv-in:improv in 130:0",
    )


def test_the_cables_of_alsa(alsa: AlsaGraph) -> None:
    assert alsa.peers(OUT) == (SYNTH, 'A "quoted" [odd] name:Keys MIDI 2 24:1', "System:Announce 0:1")
    assert alsa.peers(SYNTH) == (OUT,)
    assert alsa.peers(KEYS) == ("improv-in:improv in 130:0",)
    assert alsa.peers("Midi Through:Midi Through Port-0 14:0") == ()


def test_a_port_of_alsa_is_known_by_its_address_when_it_is_renamed(alsa: AlsaGraph) -> None:
    assert alsa.peers("what it was called:before 128:0") == (OUT,)


def test_a_port_that_is_not_there_has_no_cables_and_none_can_be_made(alsa: AlsaGraph) -> None:
    assert alsa.peers("gone:gone 140:0") is None
    assert alsa.peers("gone") is None
    with pytest.raises(InputNotFound, match="gone"):
        alsa.connect(OUT, "gone:gone 140:0")


def test_where_the_kernel_shows_nothing_nothing_is_known(tmp_path: Path) -> None:
    graph = AlsaGraph(tmp_path / "nothing")
    assert graph.ports() == ()
    assert graph.peers(OUT) is None


@pytest.mark.parametrize(
    "text", ["", "Client info\n", '  Port   0 : "x" (RWe-) [In]\n', "    Connected From: 1:0\n", "\0"]
)
def test_a_text_that_says_nothing_has_no_ports(text: str) -> None:
    assert len(alsa_ports(text)) <= 1


@pytest.mark.parametrize(("status", "fails"), [(0, False), (1, True)])
def test_alsa_is_connected_by_aconnect(
    alsa: AlsaGraph, status: int, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "aconnect"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\necho "Connection failed" >&2\nexit {status}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    alsa.connect(OUT, SYNTH)  # it is already
    assert not (tmp_path / "asked").exists()
    if fails:
        with pytest.raises(Unavailable, match="Connection failed"):
            alsa.connect(KEYS, SYNTH)
    else:
        alsa.connect(KEYS, SYNTH)
    assert (tmp_path / "asked").read_text() == "24:0 128:0\n"


def test_alsa_without_aconnect_is_told(alsa: AlsaGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="aconnect"):
        alsa.connect(KEYS, SYNTH)


@pytest.mark.parametrize("api", ["coremidi", "windows", "none", ""])
def test_a_system_that_cannot_be_asked_has_no_graph(api: str) -> None:
    with graph_of(api) as graph:
        assert graph is None


def test_without_a_server_there_is_no_graph_of_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-no-such-server")
    with graph_of("jack") as graph:
        assert graph is None


ASKS = """
import sys, jack
from improv.errors import ImprovError
from improv.midi import graph
from improv.midi.graph import graph_of

def say(*words):
    print(*words, sep="|", flush=True)

others = jack.Client("other")
source, spare = (others.midi_outports.register(name) for name in ("source", "spare"))
others.set_process_callback(lambda frames: None)  # without one the server waits for it
with graph_of("jack") as graph, others:
    say(*(name for name in graph.ports() if not name.startswith("system:")))
    say(graph.peers("other:source"), graph.peers("nobody:x"))
    graph.connect("other:source", "witness:input")
    graph.connect("other:source", "witness:input")
    say(graph.peers("other:source"), graph.peers("witness:input"))
    source.shortname = "renamed"
    say(graph.peers("witness:input"), graph.peers("other:source"))
    spare.unregister()
    say(graph.peers("other:source"))
    for ends in (("other:renamed", "nobody:x"), ("witness:input", "other:renamed")):
        try:
            graph.connect(*ends)
        except ImprovError as error:
            say(type(error).__name__, error)
"""


@pytest.mark.ports
def test_what_jack_has_connected_is_what_jack_says(tmp_path: Path) -> None:
    if lacking := missing():
        (pytest.fail if os.environ.get("IMPROV_REQUIRE_PORTS") else pytest.skip)(f"needs {', '.join(lacking)}")

    def asked(server: Server) -> None:
        server.witness()
        asking = server.python(ASKS)
        assert asking.ended() == 0, asking.err
        there, none, both, renamed, found, absent, refused = asking.out.splitlines()
        assert there == "witness:input|other:source|other:spare"
        assert none == "()|None"
        assert both == "('witness:input',)|('other:source',)"
        assert renamed == "('other:renamed',)|None"  # two it could be
        assert found == "('witness:input',)"
        assert absent == "InputNotFound|there is no JACK port 'nobody:x'"
        assert refused.startswith("Unavailable|JACK does not connect 'witness:input' to 'other:renamed'")

    conclusive(asked, tmp_path)


def test_a_library_that_does_not_close_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    closes = Event()
    stuck = SimpleNamespace(close=closes.wait)
    monkeypatch.setitem(sys.modules, "jack", SimpleNamespace(Client=lambda *_, **__: stuck, JackError=ValueError))
    monkeypatch.setattr(graph, "_CLOSES_S", 0.01)
    with graph_of("jack") as there:
        assert there is not None
    closes.set()
