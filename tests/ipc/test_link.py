"""Values arrive whole and in order over a link, and a process that does not read holds no other one up."""

import pickle
import socket
import struct
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from improv.errors import ContractError
from improv.ipc.link import Failed, Link
from tests.ipc.ends import SMALLEST, drained, linked, plan

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
    stream = b"".join(struct.pack("!I?", len(frame), False) + frame for frame in frames)
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
        one.sendall(struct.pack("!I?", len(frame), False) + frame[:-1])
        assert theirs.receive() == []
        one.sendall(frame[-1:])
        assert theirs.receive() == ["whole"]
        one.sendall(struct.pack("!I?", len(frame), False) + frame[:-1])
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


def test_an_end_that_never_reads_holds_no_other_up_and_costs_little_memory() -> None:
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
