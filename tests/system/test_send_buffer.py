"""Bytes that wait to be sent: as many leave as the other end takes, in order, and none is lost."""

import socket
from collections.abc import Iterator

import pytest

from improv.system.send_buffer import SendBuffer


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends that do not block, the first with the smallest buffer that the system has."""
    here, there = socket.socketpair()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    with here, there:
        here.setblocking(False)
        there.setblocking(False)
        yield here, there


def test_what_the_other_end_does_not_take_waits_and_leaves_in_order(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    content = bytes(number % 251 for number in range(1 << 20))
    buffer, arrived = SendBuffer(here), bytearray()
    buffer.append(content[:1000])
    buffer.append(content[1000:])
    sent = buffer.send()
    assert (0 < sent < len(content), len(buffer)) == (True, len(content) - sent)
    while len(arrived) < len(content):
        arrived += there.recv(1 << 16)
        sent += buffer.send()
    assert (bytes(arrived), sent, len(buffer)) == (content, len(content), 0)


def test_what_waits_can_be_replaced_or_dropped(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    buffer = SendBuffer(here)
    buffer.append(b"one two")
    buffer.replace_from(4, b"three")
    assert (buffer.send(), there.recv(100)) == (9, b"one three")
    buffer.append(b"four")
    buffer.clear()
    assert (buffer.send(), len(buffer)) == (0, 0)


def test_an_end_that_is_gone_is_an_error(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    there.close()
    buffer = SendBuffer(here)
    buffer.append(b"hello")
    with pytest.raises(OSError):  # noqa: PT011 which one depends on the system
        buffer.send()
