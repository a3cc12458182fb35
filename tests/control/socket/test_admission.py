"""Which clients the control socket lets in, and which it drops."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from improv.control import socket_server, socket_transport
from improv.control.socket_server import ControlServer
from improv.control.socket_transport import MAX_CLIENTS
from improv.errors import Unavailable
from tests.control.socket.conftest import HELLO, Daemon, Hand, Peer

# --- who may come in -------------------------------------------------------------------------------


def test_only_its_user_reaches_the_socket(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_open_directory_is_closed(path: Path, daemon: Daemon) -> None:
    path.parent.mkdir(mode=0o755)
    with ControlServer(path, "default", daemon.ask):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_directory_of_another_user_is_not_used(path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
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


# --- those who say nothing -------------------------------------------------------------------------


def test_a_client_that_says_nothing_is_dropped_after_a_while(
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


def test_silent_connections_lock_no_other_out(connect: Callable[..., Peer], server: ControlServer, clock: Hand) -> None:
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
