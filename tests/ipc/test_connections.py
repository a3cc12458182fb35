"""A process gives a connection to another one over a link, and copies of sockets come along with a value."""

import os
import socket
import threading
from typing import Any

import pytest

from improv.ipc import link
from improv.ipc.link import Join, Link
from tests.ipc.ends import SMALLEST, linked, read_from, send_on


def test_a_connection_is_handed_over_and_works() -> None:
    near, far = socket.socketpair()
    with linked() as (ours, theirs):
        ours.send("before")
        ours.join(near, os.getpid())
        ours.send("after")
        assert near.fileno() == -1  # our copy is shut
        arrived = read_from(theirs, 3)
        assert (arrived[0], arrived[2]) == ("before", "after")
        assert isinstance(arrived[1], Join)
        joined, end = theirs.joined_link(arrived[1]), Link(far)
        joined.send("hello")
        assert read_from(end, 1) == ["hello"]
        end.send(bytes(300_000))
        arrived = []
        while not arrived:
            arrived = joined.receive()
            end.flush()
        assert arrived == [bytes(300_000)]
        end.close()
        assert joined.receive() == []
        assert joined.closed
        joined.close()


def test_several_connections_are_told_apart() -> None:
    pairs = [socket.socketpair() for _ in range(7)]
    with linked() as (ours, theirs):
        for near, _ in pairs:
            ours.join(near, os.getpid())
            ours.send("between")
        messages = read_from(theirs, 14)
        joined = [theirs.joined_link(message) for message in messages if isinstance(message, Join)]
        ends = [Link(far) for _, far in pairs]
        for index, link in enumerate(joined):
            link.send(index)
        assert [read_from(end, 1) for end in ends] == [[index] for index in range(7)]
        for link in (*joined, *ends):
            link.close()


def test_a_connection_is_handed_over_behind_much_that_waits() -> None:
    near, far = socket.socketpair()
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        for index in range(40):
            ours.send((index, bytes(20_000)))
        assert ours.waits
        arrived: list[Any] = []
        reader = threading.Thread(target=lambda: arrived.extend(read_from(theirs, 42)))
        reader.start()
        ours.join(near, os.getpid())
        ours.send("behind")
        send_on(ours)
        reader.join()
        assert [index for index, _ in arrived[:40]] == list(range(40))
        assert arrived[41] == "behind"
        joined, end = theirs.joined_link(arrived[40]), Link(far)
        end.send("here")
        assert read_from(joined, 1) == ["here"]
        joined.close()
        end.close()


def test_copies_of_sockets_come_with_a_value_and_keep_them_open() -> None:
    here, there = socket.socketpair()
    with linked() as (ours, theirs), here:
        ours.send("before")
        ours.send_with_sockets("with it", [there.fileno()])
        ours.send("after")
        assert read_from(theirs, 3) == ["before", "with it", "after"]
        (copy,) = theirs.take_sockets(1)
        there.close()
        copy.send(b"x")
        assert here.recv(1) == b"x"
        copy.close()
        assert here.recv(1) == b""  # only now is the other end gone
        ours.send_with_sockets("nothing", [])
        assert theirs.receive() == []


def test_who_does_not_read_is_handed_nothing_and_reads_whole_values_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "GRACE_S", 0.01)
    near, far = socket.socketpair()
    with linked(buffer_bytes=SMALLEST) as (ours, theirs), near, far:
        for index in range(40):
            ours.send((index, bytes(20_000)))
        for _ in range(3):
            assert not ours.send_with_sockets("lost", [near.fileno()])
        reader = threading.Thread(target=lambda: send_on(ours))
        reader.start()
        arrived = read_from(theirs, 40)
        reader.join()
        assert [index for index, _ in arrived] == list(range(40))
        assert ours.send_with_sockets("with it", [near.fileno()])
        assert read_from(theirs, 1) == ["with it"]


def test_nothing_is_handed_over_to_who_is_gone() -> None:
    near, far = socket.socketpair()
    with linked() as (ours, theirs), far:
        theirs.close()
        ours.join(near, 0)
        assert ours.closed
        assert near.fileno() == -1
        again, other = socket.socketpair()
        with other:
            ours.join(again, 0)
            assert again.fileno() == -1
            assert other.recv(1) == b""
