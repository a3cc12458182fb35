"""Clients that are sent each new snapshot."""

from collections.abc import Callable
from dataclasses import replace

from improv.control.socket_server import ControlServer
from improv.protocol.json_codec import to_json
from tests.control.socket.conftest import SEEN, Hand, Peer


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
