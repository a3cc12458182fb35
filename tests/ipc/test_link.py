"""What our processes say to each other arrives whole and in order, and nobody who does not read holds anybody up."""

import os
import pickle
import select
import signal
import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv import errors
from improv.errors import ContractError, ImprovError
from improv.ipc import link
from improv.ipc.child import Child
from improv.ipc.link import Failed, Join, Link
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


values = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=50),
    st.binary(max_size=100),
    st.integers(0, 200_000).map(bytes),
    st.integers(0, 300).map(plan),
    st.lists(st.integers(), max_size=20),
)

quick = settings(max_examples=40, deadline=None)


@quick
@given(sent=st.lists(st.tuples(values, st.booleans()), max_size=12))
def test_values_of_any_size_arrive_whole_and_in_order_however_little_the_system_takes(
    sent: list[tuple[Any, bool]],
) -> None:
    """Where a value is followed by reading, the other end reads; the rest waits."""
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        arrived: list[Any] = []
        for value, read in sent:
            assert ours.send(value)
            if read:
                arrived += theirs.receive()
        arrived += drained(ours, theirs)
        assert arrived == [value for value, _ in sent]
        assert (ours.dropped, ours.closed, theirs.closed) == (0, False, False)


@quick
@given(sent=st.lists(values, max_size=6), data=st.data())
def test_values_torn_anywhere_are_put_together_again(sent: list[Any], data: st.DataObject) -> None:
    frames = [pickle.dumps(value) for value in sent]
    stream = b"".join(struct.pack("!I", len(frame)) + frame for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    one, other = socket.socketpair()
    with one:
        theirs, arrived = Link(other), list[Any]()
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            left = memoryview(stream)[start:end]
            while left:
                left = left[one.send(left[:65536]) :]
                arrived += theirs.receive()
        arrived += theirs.receive()
        assert arrived == sent
        theirs.close()


def test_half_a_value_is_none() -> None:
    one, other = socket.socketpair()
    with one:
        theirs = Link(other)
        frame = pickle.dumps("whole")
        one.sendall(struct.pack("!I", len(frame)) + frame[:-1])
        assert theirs.receive() == []
        one.sendall(frame[-1:])
        assert theirs.receive() == ["whole"]
        one.sendall(struct.pack("!I", len(frame)) + frame[:-1])
    assert theirs.receive() == theirs.receive() == []
    assert theirs.closed
    theirs.close()


def test_both_may_talk_at_once() -> None:
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        for index in range(50):
            ours.send((index, bytes(5000)))
            theirs.send((-index, bytes(5000)))
        here, there = list[Any](), list[Any]()
        while len(here) < 50 or len(there) < 50:
            here += ours.receive()  # which sends on as well
            there += theirs.receive()
        assert [index for index, _ in there] == list(range(50))
        assert [-index for index, _ in here] == list(range(50))


def test_who_never_reads_holds_nobody_up_and_costs_little_memory() -> None:
    limit_bytes, value = 1 << 20, bytes(100_000)
    with linked(limit_bytes=limit_bytes) as (ours, _):
        tracemalloc.start()
        taken = sum(ours.send(value) for _ in range(2000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert ours.waits
        assert 10 <= taken < 50
        assert ours.dropped == 2000 - taken
        assert not ours.closed
        assert peak < 3 * limit_bytes


def test_once_it_reads_again_it_reads_whole_values() -> None:
    """Those that were taken, then those that are sent from now on; the dropped ones are just not there."""
    with linked(limit_bytes=1 << 16, buffer_bytes=SMALLEST) as (ours, theirs):
        taken = [index for index in range(300) if ours.send((index, bytes(3000)))]
        assert ours.dropped == 300 - len(taken) > 0
        arrived = drained(ours, theirs)
        assert ours.send("again")
        arrived += drained(ours, theirs)
        assert [index for index, _ in arrived[:-1]] == taken
        assert arrived[-1] == "again"


def test_a_value_larger_than_the_limit_is_sent_all_the_same() -> None:
    with linked(limit_bytes=1000, buffer_bytes=SMALLEST) as (ours, theirs):
        assert ours.send(bytes(500_000))
        assert not ours.send("no room")
        assert drained(ours, theirs) == [bytes(500_000)]
        assert ours.dropped == 1


def test_what_was_sent_before_it_was_shut_arrives_and_then_it_is_closed() -> None:
    with linked() as (ours, theirs):
        ours.send("farewell")
        ours.close()
        assert theirs.receive() == ["farewell"]
        theirs.receive()
        assert theirs.closed
        assert theirs.receive() == []
        assert not theirs.send("too late")
        assert not theirs.waits
        assert theirs.dropped == 0


def test_the_other_end_is_found_gone_by_writing_too() -> None:
    with linked() as (ours, theirs):
        theirs.close()
        assert not ours.send(1)
        assert ours.closed
        assert not ours.send(2)
        assert ours.fileno() >= 0
        ours.close()
        assert ours.fileno() == -1


def test_the_last_words_of_who_is_gone_are_read_although_it_was_written_to_since() -> None:
    """As when a process says why it cannot start, and ends, while it is being told something."""
    with linked() as (ours, theirs):
        theirs.send(Failed.of(ContractError("what went wrong")))
        theirs.close()
        ours.send("begin")
        assert ours.receive() == [Failed("ContractError", "what went wrong")]


# --- handing a connection over ----------------------------------------------------------------------


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
        assert here.recv(1) == b""  # only now is there nobody any more
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


# --- processes --------------------------------------------------------------------------------------

_LISTENS = "import select, sys; from improv.ipc.link import *; link = parent(sys.argv[1:])\n"

_REPEATS = (
    _LISTENS
    + """
while not link.closed:
    select.select([link], [link] if link.waits else [], ())
    for message in link.receive():
        if isinstance(message, Join):
            other = link.joined_link(message)
            other.send("joined")
            other.flush()
        else:
            link.send(message)
"""
)

_IGNORES_EVERYTHING = (
    _LISTENS
    + """
import signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
link.send("deaf")
while True:
    signal.pause()
"""
)


def gone(pid: int) -> bool:
    """Whether there is no such process any more, not even as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_runs_a_program_and_talks() -> None:
    with Child(_REPEATS) as child:
        assert child.link.send(plan(1000))
        assert child.link.send("hello")
        assert read_from(child.link, 2) == [plan(1000), "hello"]
    assert gone(child.pid)
    assert child.gone
    child.end()  # twice is once


def test_a_child_is_introduced_to_somebody_else() -> None:
    near, far = socket.socketpair()
    with Child(_REPEATS) as child:
        child.link.send("ready")
        assert read_from(child.link, 1) == ["ready"]
        child.link.join(near, child.pid)
        end = Link(far)
        assert read_from(end, 1) == ["joined"]
        child.kill()
        assert read_from(end, 1) == []  # killed: whoever it talked to notices as well
        assert end.closed
        end.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process is killed by SIGKILL")
def test_the_link_of_a_child_that_is_killed_closes() -> None:
    with Child(_REPEATS) as child:
        child.link.send("alive")
        assert read_from(child.link, 1) == ["alive"]
        os.kill(child.pid, signal.SIGKILL)
        assert read_from(child.link, 1) == []
        assert child.gone
    assert gone(child.pid)


def test_a_child_that_ends_by_itself_is_gone_once_all_it_said_was_read() -> None:
    with Child(_LISTENS + "for index in range(5): link.send(bytes(10_000))") as child:
        assert read_from(child.link, 100) == [bytes(10_000)] * 5
        assert child.gone


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="a process that ignores signals waits for one")
def test_a_child_that_ignores_everything_is_ended_all_the_same() -> None:
    child = Child(_IGNORES_EVERYTHING)
    assert read_from(child.link, 1) == ["deaf"]
    os.kill(child.pid, signal.SIGTERM)
    child.end(grace_s=0.05)
    assert gone(child.pid)
    child.end()


def test_a_child_that_cannot_even_start_is_gone() -> None:
    with Child("import os; os.close(2); raise SystemExit(3)") as child:
        assert read_from(child.link, 1) == []
        assert child.gone


# --- failures ---------------------------------------------------------------------------------------

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ImprovError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_failure_is_the_same_error_at_the_other_end(kind: type[ImprovError]) -> None:
    with linked() as (ours, theirs):
        ours.send(Failed.of(kind("what, where and what to do")))
        (failed,) = theirs.receive()
        error = failed.error()
        assert type(error) is kind
        assert (str(error), error.exit_status) == ("what, where and what to do", kind.exit_status)


def test_any_other_failure_says_what_it_was_on_one_line() -> None:
    error = Failed.of(ValueError("one\n  two")).error()
    assert type(error) is ImprovError
    assert str(error) == "ValueError: one two"
    assert str(Failed.of(KeyboardInterrupt()).error()).startswith("KeyboardInterrupt")


def test_a_child_that_fails_says_so() -> None:
    program = _LISTENS + "from improv.errors import InputNotFound; link.send(Failed.of(InputNotFound('no such port')))"
    with Child(program) as child:
        (failed,) = read_from(child.link, 1)
    with pytest.raises(errors.InputNotFound, match="no such port"):
        raise failed.error()


def test_of_what_waits_only_the_newest_is_kept_whole() -> None:
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        for number in range(50):
            assert ours.send((number, bytes(10_000)), shortened=(number, b""))
        arrived = drained(ours, theirs)
        assert [number for number, _ in arrived] == [*range(50)]
        whole = [number for number, data in arrived if data]
        assert whole[-1] == 49
        assert len(whole) < 10  # and those that sending had begun with
        ours.send("a word", shortened=None)
        ours.send((50, bytes(10_000)), shortened=(50, b""))
        assert drained(ours, theirs) == ["a word", (50, bytes(10_000))]


@given(st.lists(st.tuples(st.binary(max_size=4000), st.booleans(), st.integers(0, 6000))))
def test_what_is_shortened_tears_nothing(sent: list[tuple[bytes, bool, int]]) -> None:
    arrived: list[Any] = []
    with linked(buffer_bytes=SMALLEST) as (ours, theirs):
        for number, (data, shortens, _) in enumerate(sent):
            ours.send((number, data), shortened=(number, b"") if shortens else None)
            if len(data) % 3 == 0:
                arrived += theirs.receive()
                ours.flush()
        arrived += drained(ours, theirs)
    assert [number for number, _ in arrived] == [*range(len(sent))]
    for number, data in arrived:
        assert data in ((sent[number][0], b"") if sent[number][1] else (sent[number][0],))
