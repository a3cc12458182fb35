"""Both ends of a link, for tests."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from improv.ipc.link import Link
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport

SMALLEST = 1  # the system makes of it the smallest buffer that it has


@contextmanager
def linked(*, limit_bytes: int = 16 << 20, buffer_bytes: int | None = None) -> Iterator[tuple[Link, Link]]:
    """Two ends of one connection."""
    one, other = socket.socketpair()
    if buffer_bytes is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    ours, theirs = Link(one, limit_bytes=limit_bytes), Link(other)
    try:
        yield ours, theirs
    finally:
        ours.close()
        theirs.close()


def read_from(link: Link, count: int) -> list[Any]:
    """So many values, waiting for each; fewer if the other end goes before."""
    values: list[Any] = []
    while len(values) < count and not link.closed:
        select.select([link], [link] if link.waits else [], ())
        values += link.receive()
    return values


def drained(ours: Link, theirs: Link) -> list[Any]:
    """All that one end still has for the other."""
    arrived: list[Any] = []
    while ours.waits:
        arrived += theirs.receive()
        ours.flush()
    return arrived + theirs.receive()


def send_on(link: Link) -> None:
    """All that is kept, waiting for the other end to take it."""
    while link.waits:
        select.select((), [link], ())
        link.flush()


def plan(notes: int) -> Plan:
    events = [Placed(tick, NoteOn(Part.MELODY, tick % 128, 80)) for tick in range(notes)]
    return Plan(3, (*events, Placed(notes, NoteOff(Part.MELODY, 0))), Transport(0, 0.0, 120))
