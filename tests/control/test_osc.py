"""OSC over real sockets, python-osc's own client at the other end, and what nobody should send."""

import random
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.errors import Unavailable, UsageError
from improv.music.notes import SILENCE
from improv.music.theory import Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.snapshot import Harmony, Snapshot, StepHealth

LOOPBACK = "127.0.0.1"


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


IPV6 = pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 here")


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


def sent(client: SimpleUDPClient, packet: bytes) -> None:
    """Send a packet as it is."""
    client._sock.sendto(packet, (LOOPBACK, client._port))


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


def test_what_whoever_is_asked_has_to_say_is_told(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    desk.says = "random cannot obey density"
    client.send_message("/improv/density", 0.5)
    server.poll()
    assert told(client) == {"/improv/says": "random cannot obey density"}


def test_what_cannot_be_done_is_told_by_whoever_is_asked() -> None:
    def ask(command: Command) -> str:
        raise UsageError("no model 'bach'")

    with OscServer(LOOPBACK, 0, ask) as server, closing(SimpleUDPClient(LOOPBACK, server.port)) as client:
        client.send_message("/improv/model", "bach")
        server.poll()
        assert told(client) == {"/improv/says": "no model 'bach'"}
        assert server.refused == 1


def test_the_state_is_told_to_whoever_asks(server: OscServer, client: SimpleUDPClient) -> None:
    server.show(snapshot(3, tempo=132, density=0.5, melody_mute="on", bars=2))
    client.send_message("/improv/status", [])
    server.poll()
    state = told(client)
    assert {name.removeprefix("/improv/state/") for name in state} == {
        *CONTROLS, "who", "beats_left", "chord", "chorus", "bar", "beat", "playing"
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


def test_a_watcher_that_has_gone_harms_nobody(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
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


# --- bundles ---------------------------------------------------------------------------------------


def bundle(*contents: Any) -> Any:
    builder = OscBundleBuilder(IMMEDIATELY)
    for content in contents:
        builder.add_content(content)
    return builder.build()


def nested(depth: int) -> Any:
    content: Any = build_msg("/improv/panic", [])
    for _ in range(depth):
        content = bundle(content)
    return content


def test_a_bundle_asks_for_all_that_is_in_it(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    inner = bundle(build_msg("/improv/swing", 0.6), build_msg("/improv/start", []))
    client.send(bundle(build_msg("/improv/tempo", 90.0), inner))
    server.poll()
    assert desk.asked == [Set("tempo", 90.0), Set("swing", 0.6), Start()]


BUNDLE = b"#bundle\0" + bytes(7) + b"\1"
PANIC = build_msg("/improv/panic", []).dgram


def element(content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">i", len(content) if size is None else size) + content


MALFORMED = {
    "nothing": b"",
    "zeros": bytes(64),
    "text": b"hello",
    "somebody else's": build_msg("/mixer/1/fader", 0.5).dgram,
    "an address without an end": b"/improv/panic",
    "an address that is no text": b"/improv/\xff\xfe\0\0",
    "types without a comma": b"/improv/tempo\0\0\0f\0\0\0\0\0\0\0",
    "types without an argument": b"/improv/tempo\0\0\0,f\0\0",
    "types without an end": b"/improv/tempo\0\0\0,fff",
    "an argument that is no text": b"/improv/mode\0\0\0\0,s\0\0\xff\xff\xff\0",
    "a type nobody knows": b"/improv/tempo\0\0\0,q\0\0\0\0\0\0",
    "a blob": build_msg("/improv/mode", [b"duet"]).dgram,
    "a blob of a negative size": b"/improv/mode\0\0\0\0,b\0\0\xff\xff\xff\xff",
    "an array of two": build_msg("/improv/tempo", [[1, 2]]).dgram,
    "an array that does not end": b"/improv/tempo\0\0\0,[i\0\0\0\0\x5a",
    "an array that has not begun": b"/improv/tempo\0\0\0,i]\0\0\0\0\x5a",
    "nothing as an argument": build_msg("/improv/tempo", [None]).dgram,
    "true as a number": build_msg("/improv/bars", [True]).dgram,
    "too large": build_msg("/improv/model", ["a" * 10_000]).dgram,
    "as large as can be sent": b"/improv/panic\0\0\0" + bytes(60_000),
    "a bundle without a head": b"#bundle\0",
    "an element of no size": BUNDLE + element(b"") + element(PANIC),
    "an element of a negative size": BUNDLE + element(PANIC, -4),
    "an element of a huge size": BUNDLE + element(PANIC, 2**31 - 1),
    "an element cut off": BUNDLE + element(PANIC)[:-4],
    "a size cut off": BUNDLE + element(PANIC) + b"\0\0",
    "too many elements": BUNDLE + 33 * element(PANIC),
    "too many elements, nested": BUNDLE + 17 * element(BUNDLE + 2 * element(PANIC)),
    "too deep": nested(6).dgram,
    "far too deep": nested(200).dgram,
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED)
def test_what_makes_no_sense_is_counted_and_nothing_of_it_is_done(server: OscServer, desk: Desk, packet: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(packet, (LOOPBACK, server.port))
        server.poll()
        assert desk.asked == []
        assert server.refused == 1
        sender.settimeout(1)
        says = OscMessage(sender.recv(1 << 16))
        assert says.address == "/improv/says"
        assert says.params[0]
        sender.sendto(PANIC, (LOOPBACK, server.port))
        server.poll()
    assert desk.asked == [Panic()]


@pytest.mark.parametrize("many", [20_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_packets_of_noise_are_survived(many: int, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Random ones, and good ones with some bytes changed, cut or repeated."""
    chance = random.Random(4)
    good = [
        *(build_msg(address, arguments).dgram for address, arguments, _ in ASKED.values()),
        build_msg("/improv/watch", 1).dgram,
        build_msg("/improv/status", []).dgram,
        bundle(build_msg("/improv/tempo", 90.0), nested(2), build_msg("/improv/start", 1.0)).dgram,
        *MALFORMED.values(),
    ]
    good = [packet for packet in good if len(packet) < 9000]

    def noise() -> bytes:
        if chance.random() < 0.2:
            return chance.choice((b"", b"/improv/", BUNDLE)) + chance.randbytes(chance.randrange(64))
        packet = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(packet) + 1)
            match chance.randrange(4):
                case 0:
                    packet[at : at + 1] = chance.randbytes(1)
                case 1:
                    del packet[at:]
                case 2:
                    packet[at:at] = packet[: chance.randrange(40)]
                case _:
                    packet[at : at + 4] = struct.pack(">i", chance.choice((-1, -4, 0, 4, 2**31 - 1, -(2**31))))
        return bytes(packet)

    with (
        OscServer(LOOPBACK, 0, desk.ask, clock=desk.clock) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        server.show(snapshot())
        sender.connect((LOOPBACK, server.port))
        sender.setblocking(False)
        for index in range(many):
            sender.send(noise())
            if index % 64 == 63:
                server.poll()
                desk.now_s += 0.01
            if index % 1000 == 0:
                desk.asked.clear()
                server.show(snapshot(tempo=100 + index / 1000))
        while server.poll() or _readable(server):
            pass
        assert server.refused > many // 2
        desk.asked.clear()
        sender.send(PANIC)
        server.poll()
        assert desk.asked == [Panic()]
    assert capsys.readouterr() == ("", "")  # nothing floods a log either


def _readable(server: OscServer) -> bool:
    return bool(select.select(server.readables(), (), (), 0)[0])


def test_a_poll_takes_no_more_than_256_packets(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    server.readables()[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for _ in range(100):
        client.send_message("/improv/panic", [])
    for _ in range(10):
        client.send(bundle(*[build_msg("/improv/start", [])] * 32))
    server.poll()
    assert len(desk.asked) == 100 + 5 * 32  # the last bundle is finished
    server.poll()
    assert len(desk.asked) == 100 + 10 * 32


def test_telling_the_state_counts_as_much_as_it_is(server: OscServer, client: SimpleUDPClient, desk: Desk) -> None:
    server.show(snapshot())
    for _ in range(20):
        client.send_message("/improv/status", [])
    client.send_message("/improv/panic", [])
    server.poll()
    assert desk.asked == []
    for _ in range(3):
        server.poll()
    assert desk.asked == [Panic()]


# --- as other programs send it ----------------------------------------------------------------------


def message(address: str, types: str | None, *data: bytes) -> bytes:
    """A message as it is on the wire; without a list of types if that is None."""

    def word(text: str) -> bytes:
        data = text.encode()
        return data + bytes(4 - len(data) % 4)

    return word(address) + (b"" if types is None else word(f",{types}")) + b"".join(data)


INT, LONG, FLOAT, DOUBLE = (struct.Struct(kind).pack for kind in (">i", ">q", ">f", ">d"))
FOREIGN = message("/track/1/fader", "f", FLOAT(0.5))
AT_A_TIME = b"#bundle\0" + bytes.fromhex("e2f0a1b200000000")

SENT: dict[str, tuple[bytes, list[Command]]] = {
    # what a program sends, and what is asked for
    "ossia's impulse, as infinitum": (message("/improv/panic", "I"), [Panic()]),
    "ossia's impulse, as nil": (message("/improv/hand-over", "N"), [HandOver()]),
    "a tap by an impulse": (message("/improv/tap", "I"), [Tap(100.0)]),
    "a switch by an impulse": (message("/improv/thru", "I"), [Set("thru", "on")]),
    "a step by an impulse": (message("/improv/mode/nudge", "I"), [Nudge("mode", 1.0)]),
    "TouchOSC's button, true": (message("/improv/start", "T"), [Start()]),
    "TouchOSC's button, false": (message("/improv/start", "F"), []),
    "a step back by a button let go": (message("/improv/bars/nudge", "F"), []),
    "a toggle, false": (message("/improv/thru", "F"), [Set("thru", "off")]),
    "a double, as odot has it": (message("/improv/tempo", "d", DOUBLE(132.5)), [Set("tempo", 132.5)]),
    "an integer of 64 bits": (message("/improv/tempo", "h", LONG(90)), [Set("tempo", 90.0)]),
    "an integer of 64 bits for a whole number": (message("/improv/bars", "h", LONG(8)), [Set("bars", 8)]),
    "a symbol": (message("/improv/mode", "S", b"duet" + bytes(4)), [Set("mode", "duet")]),
    "a character": (message("/improv/key", "c", INT(ord("F"))), [Set("key", "F")]),
    "Max's bang": (message("/improv/restart", "s", b"bang" + bytes(4)), [Restart()]),
    "a word for off": (message("/improv/stop", "s", b"off\0"), []),
    "a switch by a number's word": (message("/improv/thru", "s", b"1\0\0\0"), [Set("thru", "on")]),
    "a switch by true as a word": (message("/improv/thru", "s", b"True" + bytes(4)), [Set("thru", "on")]),
    "an array of one": (message("/improv/tempo", "[f]", FLOAT(100)), [Set("tempo", 100.0)]),
    "arrays in arrays": (message("/improv/tempo", "[[i]]", INT(99)), [Set("tempo", 99.0)]),
    "a colour with a button": (message("/improv/panic", "r", INT(-1)), [Panic()]),
    "no types at all": (message("/improv/panic", None), [Panic()]),
    "an empty list of types": (message("/improv/panic", ""), [Panic()]),
    "a float without its last zeros, as Reaktor has it": (
        message("/improv/temperature", "f", FLOAT(0.5).rstrip(b"\0")),
        [Set("temperature", 0.5)],
    ),
    "an empty bundle": (BUNDLE, []),
    "a bundle for later": (AT_A_TIME + element(PANIC), [Panic()]),
    "a bundle in a bundle": (BUNDLE + element(AT_A_TIME + element(PANIC)) + element(PANIC), [Panic(), Panic()]),
}


@pytest.mark.parametrize(("packet", "asked"), SENT.values(), ids=SENT)
def test_what_other_programs_send_is_done(
    server: OscServer, client: SimpleUDPClient, desk: Desk, packet: bytes, asked: list[Command]
) -> None:
    sent(client, packet)
    server.poll()
    assert desk.asked == asked
    assert server.refused == 0
    assert told(client) == {}


NOT_DONE: dict[str, tuple[bytes, str]] = {
    # what a program sends, and what is said of it
    "somebody else's address": (FOREIGN, "/track/1/fader is not improv's"),
    "nil for a number": (message("/improv/tempo", "N"), "tempo cannot be nil; give 20 to 400"),
    "an impulse for a number": (message("/improv/tempo", "I"), "tempo cannot be true, false or an impulse"),
    "a blob": (message("/improv/tempo", "b", INT(4), b"abcd"), "tempo cannot be a blob"),
    "a time tag": (message("/improv/tempo", "t", bytes(8)), "tempo cannot be a time tag"),
    "a MIDI message": (message("/improv/tempo", "m", bytes(4)), "tempo cannot be a MIDI message"),
    "a colour": (message("/improv/mode", "r", bytes(4)), "mode cannot be a colour"),
    "a step by nil": (message("/improv/tempo/nudge", "N"), "with nil is nothing that can be asked for"),
    "an array of two": (message("/improv/tempo", "[ff]", FLOAT(1), FLOAT(2)), "with 2 arguments"),
    "a type nobody knows": (message("/improv/tempo", "Q"), "unknown type 'Q'"),
    "TouchOSC's touch": (message("/improv/tempo/z", "f", FLOAT(1)), "nothing that can be asked for"),
    "a double that is no number": (message("/improv/tempo", "d", DOUBLE(float("nan"))), "out of range"),
    "a huge integer": (message("/improv/seed", "h", LONG(2**62)), "out of range"),
    "an address of escapes": (message("/\x1b[31mred", ""), "/ [31mred is not improv's"),
    "a long address": (message("/" + "a" * 500, ""), "aaa... is not improv's"),
}


@pytest.mark.parametrize(("packet", "says"), NOT_DONE.values(), ids=NOT_DONE)
def test_what_is_not_done_is_told(
    server: OscServer, client: SimpleUDPClient, desk: Desk, packet: bytes, says: str
) -> None:
    sent(client, packet)
    server.poll()
    assert desk.asked == []
    assert server.refused == 1
    assert says in told(client)["/improv/says"]


@pytest.mark.parametrize(
    "spoiling",
    [
        FOREIGN,
        b"nonsense",
        message("/improv/tempo", "Q"),
        message("/improv/tempo", "f", FLOAT(1e6)),
        b"/improv/\xff\0\0\0",
    ],
)
def test_one_message_that_is_not_done_spoils_no_other(
    spoiling: bytes, server: OscServer, client: SimpleUDPClient, desk: Desk
) -> None:
    good = element(message("/improv/tempo", "i", INT(99))), element(message("/improv/start", "I"))
    inner = BUNDLE + element(spoiling) + good[1]
    sent(client, BUNDLE + good[0] + element(spoiling) + element(inner) + good[0])
    server.poll()
    assert desk.asked == [Set("tempo", 99.0), Start(), Set("tempo", 99.0)]
    assert server.refused == 2
    assert len(list(packets(client))) == 1  # the same thing is said once


def test_a_bundle_of_much_that_is_somebody_elses_is_told_shortly(
    server: OscServer, client: SimpleUDPClient, desk: Desk
) -> None:
    foreign = b"".join(element(message(f"/desk/{number}", "f", FLOAT(0))) for number in range(200))
    sent(client, BUNDLE + foreign + element(PANIC))
    server.poll()
    assert desk.asked == [Panic()]
    says = [OscMessage(packet).params[0] for packet in packets(client)]
    assert len(says) == 9
    assert says[-1] == "192 other messages were not done either"


def test_two_who_do_not_know_each_other_do_not_tell_each_other_so_for_ever(
    server: OscServer, client: SimpleUDPClient, desk: Desk
) -> None:
    for address in ("/improv/says", "/improv/state/tempo"):
        client.send_message(address, "what?")
    server.poll()
    assert server.refused == 2
    assert told(client) == {}


# --- both families ----------------------------------------------------------------------------------


def listed(*addresses: str) -> Any:
    """A system whose localhost has these addresses, in this order."""

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        hosts = addresses if host == "localhost" else (host,)
        ends = [((name, port, 0, 0) if ":" in name else (name, port)) for name in hosts]
        return [(families[":" in end[0]], socket.SOCK_DGRAM, 17, "", end) for end in ends]

    return getaddrinfo


@IPV6
@pytest.mark.parametrize("hosts", [("::1", "127.0.0.1"), ("127.0.0.1",), ("::1",)])
def test_localhost_is_heard_and_answered_by_both_families(
    hosts: tuple[str, ...], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", listed(*hosts))
    with OscServer("localhost", 0, desk.ask, clock=desk.clock) as server:
        assert len(server.readables()) == 2
        assert not server.open_to_others
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.settimeout(5)
                sender.connect((host, server.port))
                sender.send(PANIC)
                sender.send(FOREIGN)
                server.poll()
                assert desk.asked.pop() == Panic()
                assert "is not improv's" in OscMessage(sender.recv(1 << 16)).params[0]
                sender.send(message("/improv/watch", "I"))
                server.poll()
                desk.now_s += 1
                server.show(snapshot(tempo=100 + desk.now_s))
                assert OscMessage(sender.recv(1 << 16)).address.startswith("/improv/state/")


@IPV6
def test_a_port_taken_on_one_family_is_taken(desk: Desk) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", 0))
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"OSC on localhost port {port}"), OscServer("localhost", port, desk.ask):
            pass


def test_where_there_is_no_ipv6_the_other_family_is_enough(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoIpv6(socket.socket):
        def __init__(self, family: int = socket.AF_INET, *rest: Any, **given: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *rest, **given)

    monkeypatch.setattr(socket, "socket", NoIpv6)
    with OscServer("localhost", 0, desk.ask) as server:
        assert [opened.getsockname()[0] for opened in server.readables()] == ["127.0.0.1"]


# --- the port --------------------------------------------------------------------------------------


def test_a_port_that_is_taken(server: OscServer, desk: Desk) -> None:
    with (
        pytest.raises(Unavailable, match=rf"OSC on 127.0.0.1 port {server.port}: .*; choose another"),
        OscServer(LOOPBACK, server.port, desk.ask),
    ):
        pass


@pytest.mark.parametrize(("host", "port"), [("no such host", 0), ("192.0.2.1", 0), ("a\0b", 0)])
def test_a_host_or_a_port_that_cannot_be(desk: Desk, host: str, port: int) -> None:
    with pytest.raises(Unavailable, match="choose another host or port"), OscServer(host, port, desk.ask):
        pass


@pytest.mark.parametrize(
    ("host", "others"),
    [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True), pytest.param("::", True, marks=IPV6)],  # noqa: S104
)
def test_who_can_reach_it(desk: Desk, host: str, others: bool) -> None:
    with OscServer(host, 0, desk.ask) as server:
        assert server.open_to_others is others


@IPV6
def test_every_address_of_ipv6_is_every_address(desk: Desk) -> None:
    with OscServer("::", 0, desk.ask) as server, closing(SimpleUDPClient(LOOPBACK, server.port)) as client:
        client.send_message("/improv/status/x", [])
        server.poll()
        assert "nothing that can be asked for" in told(client)["/improv/says"]


def test_when_it_is_closed_nothing_wakes_and_nothing_is_told(desk: Desk) -> None:
    with OscServer(LOOPBACK, 0, desk.ask) as server, closing(SimpleUDPClient(LOOPBACK, server.port)) as client:
        client.send_message("/improv/watch", 1)
        server.poll()
        assert len(server.readables()) == 1
    assert server.readables() == []
    server.show(snapshot())
