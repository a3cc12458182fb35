"""OSC as other programs send it."""

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Restart, Set, Start, Tap
from tests.control.osc.conftest import (
    BUNDLE,
    DOUBLE,
    FLOAT,
    FOREIGN,
    INT,
    LONG,
    LOOPBACK,
    PANIC,
    Desk,
    element,
    message,
    packets,
    told,
)


def sent(client: SimpleUDPClient, packet: bytes) -> None:
    """Send a packet as it is."""
    client._sock.sendto(packet, (LOOPBACK, client._port))


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
    "another program's address": (FOREIGN, "/track/1/fader is not improv's"),
    "nil for a number": (message("/improv/tempo", "N"), "tempo cannot be nil; give 20 to 400"),
    "an impulse for a number": (message("/improv/tempo", "I"), "tempo cannot be true, false or an impulse"),
    "a blob": (message("/improv/tempo", "b", INT(4), b"abcd"), "tempo cannot be a blob"),
    "a time tag": (message("/improv/tempo", "t", bytes(8)), "tempo cannot be a time tag"),
    "a MIDI message": (message("/improv/tempo", "m", bytes(4)), "tempo cannot be a MIDI message"),
    "a colour": (message("/improv/mode", "r", bytes(4)), "mode cannot be a colour"),
    "a step by nil": (message("/improv/tempo/nudge", "N"), "with nil is nothing that can be asked for"),
    "an array of two": (message("/improv/tempo", "[ff]", FLOAT(1), FLOAT(2)), "with 2 arguments"),
    "an unknown type": (message("/improv/tempo", "Q"), "unknown type 'Q'"),
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


def test_a_bundle_of_much_for_other_programs_is_told_shortly(
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
