"""OSC bundles, and packets that make no sense."""

import random
import select
import socket
import struct
from typing import Any

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.protocol.commands import Panic, Set, Start
from tests.control.osc.conftest import ASKED, BUNDLE, LOOPBACK, PANIC, Desk, element, snapshot


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


MALFORMED = {
    "nothing": b"",
    "zeros": bytes(64),
    "text": b"hello",
    "another program's": build_msg("/mixer/1/fader", 0.5).dgram,
    "an address without an end": b"/improv/panic",
    "an address that is no text": b"/improv/\xff\xfe\0\0",
    "types without a comma": b"/improv/tempo\0\0\0f\0\0\0\0\0\0\0",
    "types without an argument": b"/improv/tempo\0\0\0,f\0\0",
    "types without an end": b"/improv/tempo\0\0\0,fff",
    "an argument that is no text": b"/improv/mode\0\0\0\0,s\0\0\xff\xff\xff\0",
    "an unknown type": b"/improv/tempo\0\0\0,q\0\0\0\0\0\0",
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
    for _ in range(6):
        server.poll()
    assert desk.asked == [Panic()]
