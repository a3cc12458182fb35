"""An OSC server for tests over real UDP sockets, with python-osc's own client at the other end."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.music.notes import SILENCE
from improv.music.theory import Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.snapshot import Harmony, Snapshot, StepHealth

LOOPBACK = "127.0.0.1"


def snapshot(step: int = 0, tempo: float = 120, end: int | None = 8, chord: str = "C7", **settings: Any) -> Snapshot:
    return Snapshot(
        step=step,
        place=Place(1, step // 8 + 1, step % 8 // 2 + 1),
        turn=Turn(Who.YOU, 0, end),
        beats_left=None if end is None else (end - step) / 2,
        playing=True,
        harmony=Harmony(chord=Chord.parse(chord), next_chord=None),
        heard=SILENCE,
        played=SILENCE,
        tempo=tempo,
        swing=0.5,
        settings=Settings.of(**{"mode": Mode.TRADE, **settings}),
        health=StepHealth(missed_steps=0, faults=0, fault=""),
    )


class Desk:
    """Whom the door asks, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.says = ""
        self.now_s = 100.0

    def ask(self, command: Command) -> str:
        self.asked.append(command)
        return self.says

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> Iterator[OscServer]:
    with OscServer(LOOPBACK, 0, desk.ask, clock=desk.clock) as server:
        yield server


@pytest.fixture
def client(server: OscServer) -> Iterator[SimpleUDPClient]:
    client = SimpleUDPClient(LOOPBACK, server.port)
    with client:
        yield client


def told(client: SimpleUDPClient) -> dict[str, Any]:
    """What has come to a client: loopback has delivered it before the send returns."""
    return {message.address: message.params[0] for message in map(OscMessage, packets(client))}


def packets(client: SimpleUDPClient) -> Iterator[bytes]:
    while packet := client.receive():
        yield packet


ASKED: dict[str, tuple[str, Any, Command | None]] = {
    # the address, the arguments, what is asked for
    "a float": ("/improv/tempo", 132.0, Set("tempo", 132.0)),
    "a float of 32 bits": ("/improv/temperature", 0.8, Set("temperature", 0.8)),
    "an integer": ("/improv/tempo", 132, Set("tempo", 132.0)),
    "a word": ("/improv/mode", "duet", Set("mode", "duet")),
    "a number as a word": ("/improv/tempo", "132", Set("tempo", 132.0)),
    "a key": ("/improv/key", "Bb", Set("key", CONTROLS["key"].checked("Bb"))),
    "a fader on whole numbers": ("/improv/bars", 3.7, Set("bars", 4)),
    "a seed": ("/improv/seed", 2**31 - 1, Set("seed", 2**31 - 1)),
    "a button on a switch": ("/improv/thru", 1.0, Set("thru", "on")),
    "a button off a switch": ("/improv/melody-mute", 0.0, Set("melody-mute", "off")),
    "true": ("/improv/thru", True, Set("thru", "on")),
    "a switch by its word": ("/improv/thru", "on", Set("thru", "on")),
    "a model": ("/improv/model", "eck2002-blues", Set("model", "eck2002-blues")),
    "a nudge": ("/improv/tempo/nudge", -4.0, Nudge("tempo", -4.0)),
    "a nudge of 32 bits": ("/improv/temperature/nudge", 0.1, Nudge("temperature", 0.1)),
    "a nudge of words": ("/improv/mode/nudge", 1, Nudge("mode", 1)),
    "a nudge let go": ("/improv/tempo/nudge", 0.0, None),
    "start": ("/improv/start", [], Start()),
    "stop, pressed": ("/improv/stop", 1.0, Stop()),
    "restart, let go": ("/improv/restart", 0.0, None),
    "restart, pressed": ("/improv/restart", 1, Restart()),
    "hand-over, by a pad's place": ("/improv/hand-over", [0.3, 0.4], HandOver()),
    "panic, let go": ("/improv/panic", False, None),
    "panic": ("/improv/panic", True, Panic()),
    "tap": ("/improv/tap", [], Tap(100.0)),
    "tap, let go": ("/improv/tap", 0.0, None),
}


BUNDLE = b"#bundle\0" + bytes(7) + b"\1"


PANIC = build_msg("/improv/panic", []).dgram


def element(content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">i", len(content) if size is None else size) + content


def message(address: str, types: str | None, *data: bytes) -> bytes:
    """A message as it is on the wire; without a list of types if that is None."""

    def word(text: str) -> bytes:
        data = text.encode()
        return data + bytes(4 - len(data) % 4)

    return word(address) + (b"" if types is None else word(f",{types}")) + b"".join(data)


INT, LONG, FLOAT, DOUBLE = (struct.Struct(kind).pack for kind in (">i", ">q", ">f", ">d"))


FOREIGN = message("/track/1/fader", "f", FLOAT(0.5))
