"""The OSC port: its addresses, who can reach it, and its end."""

import socket
from contextlib import closing
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from improv.control.osc import OscServer
from improv.errors import Unavailable
from improv.protocol.commands import Panic
from tests.control.osc.conftest import FOREIGN, LOOPBACK, PANIC, Desk, message, snapshot, told


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


IPV6 = pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 here")


# --- both families ---------------------------------------------------------------------------------


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
