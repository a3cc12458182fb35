"""Clients that send too much, too fast, or noise: each harms itself alone."""

import json
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from improv.control.socket_protocol import MAX_FRAME_BYTES
from improv.control.socket_server import BURST, MAX_UNSENT_BYTES, REQUESTS_PER_S, ControlServer
from improv.protocol.commands import (
    Panic,
    Press,
    Set,
    Stop,
)
from tests.control.socket.conftest import HELLO, SEEN, Daemon, Hand, Peer

# --- frames and floods -----------------------------------------------------------------------------


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
        (one, 0, True),  # no client holds it
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


def test_after_a_panic_no_client_holds_a_key(
    connect: Callable[..., Peer], server: ControlServer, daemon: Daemon
) -> None:
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
    assert len(server.readables()) == 2  # the flood wakes the server no more
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


# --- fuzz ------------------------------------------------------------------------------------------


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
def test_malformed_frames_do_no_harm(
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


def test_malformed_first_lines_do_no_harm(connect: Callable[..., Peer], server: ControlServer) -> None:
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
