"""What becomes of the bytes of an input: tables that read as MIDI, any split of any stream, and a storm of nonsense."""

import mmap
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improv.midi.parser import SYSEX_LIMIT, Counts, MessageStream

CHANNEL = {status: 1 if 0xC0 <= status < 0xE0 else 2 for status in range(0x80, 0xF0)}
"""How many data bytes follow a status."""
COMMON = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
RETURNED_REALTIME = (0xFA, 0xFB, 0xFC, 0xFF)
REALTIME = (*RETURNED_REALTIME, 0xF8, 0xFE)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure


def heard(*feeds: str) -> tuple[str, Counts]:
    """The messages a new stream makes of feeds written in hex, ` | ` between them, and what it counted."""
    stream = MessageStream()
    messages = [message for feed in feeds for message in stream.feed(bytes.fromhex(feed))]
    return " | ".join(message.hex(" ") for message in messages), stream.counts


@pytest.mark.parametrize(
    ("feed", "messages", "counts"),
    [
        ("", "", Counts()),
        ("90 3c 40", "90 3c 40", Counts(notes=1)),
        ("90 3c 00", "90 3c 00", Counts(notes=1)),  # an end, but byte exact
        ("8f 3c 7f", "8f 3c 7f", Counts(notes=1)),
        ("a0 3c 40", "a0 3c 40", Counts(controls=1)),
        ("b0 40 7f", "b0 40 7f", Counts(controls=1)),
        ("c5 07", "c5 07", Counts(controls=1)),
        ("d0 7f", "d0 7f", Counts(controls=1)),
        ("e0 00 40", "e0 00 40", Counts(controls=1)),
        ("90 3c 40 80 3c 00", "90 3c 40 | 80 3c 00", Counts(notes=2)),
        ("f1 35", "f1 35", Counts()),
        ("f2 00 01", "f2 00 01", Counts()),
        ("f3 04", "f3 04", Counts()),
        ("f6", "f6", Counts()),
        ("fa fb fc ff", "fa | fb | fc | ff", Counts()),
        ("f8 f8 fe", "", Counts(clocks=2, active_sensing=1)),
        ("f0 7e 7f 06 01 f7", "f0 7e 7f 06 01 f7", Counts(sysex=1)),
        ("f0 f7", "f0 f7", Counts(sysex=1)),
        ("f0 01 f7 f0 02 f7", "f0 01 f7 | f0 02 f7", Counts(sysex=2)),
    ],
)
def test_whole_messages_come_out_as_they_came(feed: str, messages: str, counts: Counts) -> None:
    assert heard(feed) == (messages, counts)


@pytest.mark.parametrize(
    ("feeds", "messages", "counts"),
    [
        (["90 3c 40 3c 00"], "90 3c 40 | 90 3c 00", Counts(notes=2)),
        (["c0 01 02 03"], "c0 01 | c0 02 | c0 03", Counts(controls=3)),
        (["90 3c 40", "3e 40", "40 40"], "90 3c 40 | 90 3e 40 | 90 40 40", Counts(notes=3)),
        (["90 3c", "40"], "90 3c 40", Counts(notes=1)),
        (["90", "3c", "40", "3c", "00"], "90 3c 40 | 90 3c 00", Counts(notes=2)),
        (["90 3c 40 3e", "40"], "90 3c 40 | 90 3e 40", Counts(notes=2)),
        (["90 3c 40", "b0 40 7f", "40 00"], "90 3c 40 | b0 40 7f | b0 40 00", Counts(notes=1, controls=2)),
        (["c0 05", "06"], "c0 05 | c0 06", Counts(controls=2)),
        (["f2 00", "01"], "f2 00 01", Counts()),
        (["f0 01", "02 03", "f7"], "f0 01 02 03 f7", Counts(sysex=1)),
    ],
)
def test_running_status_and_halves_go_on_over_feeds(feeds: list[str], messages: str, counts: Counts) -> None:
    assert heard(*feeds) == (messages, counts)


@pytest.mark.parametrize("ends", ["f0 01 f7", "f6", "f1 35", "f2 00 01", "f3 04"])
def test_sysex_and_system_common_end_running_status(ends: str) -> None:
    assert heard("90 3c 40", ends, "3e 40", "90 3e 40")[0] == f"90 3c 40 | {ends} | 90 3e 40"
    assert heard("90 3c 40", ends, "3e 40")[1].malformed == 2


@pytest.mark.parametrize(
    ("feeds", "messages", "counts"),
    [
        (["90 f8 3c f8 40"], "90 3c 40", Counts(notes=1, clocks=2)),
        (["90 3c fe 40"], "90 3c 40", Counts(notes=1, active_sensing=1)),
        (["90 3c fa 40"], "fa | 90 3c 40", Counts(notes=1)),
        (["90 3c", "fc", "40"], "fc | 90 3c 40", Counts(notes=1)),
        (["90 3c 40", "f8", "3e 40"], "90 3c 40 | 90 3e 40", Counts(notes=2, clocks=1)),
        (["90 3c 40", "ff", "3e 40"], "90 3c 40 | ff | 90 3e 40", Counts(notes=2)),
        (["f0 01 f8 02 fb 03 f7"], "fb | f0 01 02 03 f7", Counts(sysex=1, clocks=1)),
        (["f2 00 f8 01"], "f2 00 01", Counts(clocks=1)),
        (["90 f9 3c fd 40"], "90 3c 40", Counts(notes=1, malformed=2)),
    ],
)
def test_realtime_disturbs_nothing(feeds: list[str], messages: str, counts: Counts) -> None:
    assert heard(*feeds) == (messages, counts)


@pytest.mark.parametrize(
    ("feeds", "messages", "malformed"),
    [
        (["3c 40"], "", 2),
        (["90 3c 80 3c 00"], "80 3c 00", 1),
        (["90 3c", "80 3c 00"], "80 3c 00", 1),
        (["90 3c", "90 3c 40"], "90 3c 40", 1),
        (["90", "90 3c 40"], "90 3c 40", 1),
        (["90 80 3c 00"], "80 3c 00", 1),
        (["90 3c f6"], "f6", 1),
        (["f0 01 90 3c 40"], "90 3c 40", 1),
        (["f0 01", "90 3c 40"], "90 3c 40", 1),
        (["f0 01 f0 02 f7"], "f0 02 f7", 1),
        (["f7"], "", 1),
        (["90 3c f7"], "", 2),
        (["90 3c 40 f7 3c 40"], "90 3c 40", 3),
        (["f4"], "", 1),
        (["f5 90 3c 40"], "90 3c 40", 1),
        (["90 3c 40 f4 3c 40"], "90 3c 40", 3),
        (["f0 01 f5 02 f7"], "", 4),
        (["f9", "fd"], "", 2),
        (["f2 01 90 3c 40"], "90 3c 40", 1),
    ],
)
def test_what_is_no_message_is_counted(feeds: list[str], messages: str, malformed: int) -> None:
    came, counts = heard(*feeds)
    assert (came, counts.malformed) == (messages, malformed)


@pytest.mark.parametrize(
    ("data", "messages", "malformed"),
    [
        ([0x190, 60, 64], "90 3c 40", 1),
        ([0x90, 0x13C, 64], "90 3c 40", 1),
        ([0x90, -256, 64], "90 00 40", 1),
        ([0x90, 60, -128, 61, 64], "80 3d 40", 2),
        ([10**40, -(10**40)], "", 4),
    ],
)
def test_values_that_are_no_bytes_are_masked_and_counted(data: list[int], messages: str, malformed: int) -> None:
    stream = MessageStream()
    assert " | ".join(message.hex(" ") for message in stream.feed(data)) == messages
    assert stream.counts.malformed == malformed


def test_a_lost_port_leaves_nothing_behind() -> None:
    stream = MessageStream()
    stream.feed([0x90, 60, 64, 62])
    stream.reset()
    assert stream.kept == 0
    assert stream.feed([64, 64]) == []
    stream.feed([0xF0, 1, 2])
    stream.reset()
    assert stream.feed([0xB0, 64, 0]) == [b"\xb0\x40\x00"]
    stream.feed(bytes([0xF0]) + bytes(SYSEX_LIMIT))
    stream.reset()
    assert stream.feed([0xF7, 60]) == []
    assert stream.counts == Counts(notes=1, controls=1, dropped_sysex=1, malformed=4)


@pytest.mark.parametrize("size", [1, 3, 1000, SYSEX_LIMIT, 2 * SYSEX_LIMIT])
def test_the_longest_sysex_comes_whole_and_a_longer_one_not_at_all(size: int) -> None:
    for length, whole in ((SYSEX_LIMIT, True), (SYSEX_LIMIT + 1, False)):
        stream = MessageStream()
        sysex = b"\xf0" + bytes(length - 2) + b"\xf7"
        came = [m for at in range(0, length, size) for m in stream.feed(sysex[at : at + size])]
        assert came == ([sysex] if whole else [])
        assert stream.counts == Counts(sysex=whole, dropped_sysex=not whole)
        assert stream.feed(b"\x90\x3c\x40") == [b"\x90\x3c\x40"]


@pytest.mark.parametrize("size", [3, 256, 1 << 20])
def test_the_note_after_an_endless_sysex_is_heard(size: int) -> None:
    stream = MessageStream()
    stream.feed([0xF0])
    chunk = bytes(size)
    for _ in range((1 << 20) // size):
        assert stream.feed(chunk) == []
        assert stream.kept <= SYSEX_LIMIT
    assert stream.feed([0xF8, 0xFA]) == [b"\xfa"]  # realtime does not end it
    assert stream.feed([1, 2]) == []
    assert stream.feed([0x90, 60, 64]) == [b"\x90\x3c\x40"]
    assert stream.feed([62, 64]) == [b"\x90\x3e\x40"]
    assert stream.counts == Counts(notes=2, clocks=1, dropped_sysex=1)


def test_an_endless_sysex_keeps_no_memory() -> None:
    stream = MessageStream()
    chunk = bytes(1024)
    tracemalloc.start()
    try:
        stream.feed([0xF0])
        for _ in range(1024):
            stream.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * SYSEX_LIMIT


# Any stream of valid messages, however it is written and cut.

data_bytes = st.integers(0, 0x7F)


def with_data(status: int, count: int) -> st.SearchStrategy[bytes]:
    return st.lists(data_bytes, min_size=count, max_size=count).map(lambda data: bytes([status, *data]))


channel_messages = st.sampled_from(sorted(CHANNEL)).flatmap(lambda status: with_data(status, CHANNEL[status]))
common_messages = st.sampled_from(sorted(COMMON)).flatmap(lambda status: with_data(status, COMMON[status]))
sysexes = st.lists(data_bytes, max_size=40).map(lambda data: bytes([0xF0, *data, 0xF7]))
valid_messages = st.one_of(channel_messages, channel_messages, common_messages, sysexes)


@unhurried
@given(st.data(), st.lists(valid_messages, max_size=12))
def test_any_stream_of_messages_comes_back_however_it_was_sent(data: st.DataObject, messages: list[bytes]) -> None:
    sent = bytearray()
    running = 0
    for message in messages:
        shortened = message[0] == running and data.draw(st.booleans(), "running status")
        sent += message[1:] if shortened else message
        running = message[0] if message[0] < 0xF0 else 0
    strewn: list[int] = []
    for byte in sent:
        strewn += data.draw(st.lists(st.sampled_from(REALTIME), max_size=2), "realtime")
        strewn.append(byte)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(strewn)), max_size=10), "cuts"))

    stream = MessageStream()
    feeds = [strewn[start:end] for start, end in zip([0, *cuts], [*cuts, len(strewn)], strict=True)]
    came = [message for feed in feeds for message in stream.feed(feed)]

    assert [message for message in came if message[0] < 0xF8] == messages
    realtime = [bytes([byte]) for byte in strewn if byte in RETURNED_REALTIME]
    assert [message for message in came if message[0] >= 0xF8] == realtime
    assert stream.counts == Counts(
        notes=sum(message[0] < 0xA0 for message in messages),
        controls=sum(0xA0 <= message[0] < 0xF0 for message in messages),
        sysex=sum(message[0] == 0xF0 for message in messages),
        clocks=strewn.count(0xF8),
        active_sensing=strewn.count(0xFE),
    )


@unhurried
@given(st.lists(st.binary(max_size=64), max_size=20), st.lists(st.integers(-300, 600), max_size=20))
def test_anything_may_come(feeds: list[bytes], no_bytes: list[int]) -> None:
    stream = MessageStream()
    for feed in [*feeds, no_bytes, *feeds]:
        assert all(is_whole(message) for message in stream.feed(feed))
        assert stream.kept <= SYSEX_LIMIT


@unhurried
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_where_it_is_cut_makes_no_difference(sent: bytes, cuts: list[int]) -> None:
    whole, cut = MessageStream(), MessageStream()
    ends = sorted(cuts)
    pieces = [sent[start:end] for start, end in zip([0, *ends], [*ends, len(sent)], strict=True)]
    assert [message for piece in pieces for message in cut.feed(piece)] == whole.feed(sent)
    assert cut.counts == whole.counts


def is_whole(message: bytes) -> bool:
    """Whether a message is one a stream may return."""
    status, data = message[0], message[1:]
    if status == 0xF0:
        return data[-1] == 0xF7 and max(data[:-1], default=0) < 0x80 and len(message) <= SYSEX_LIMIT
    if status in RETURNED_REALTIME:
        return not data
    return len(data) == {**CHANNEL, **COMMON}[status] and max(data, default=0) < 0x80


# A storm of random, structured and mutated messages.


def storm(chance: random.Random) -> Iterator[bytes]:
    """Messages without end: most are valid, some cut, mutated, or mere noise, and now and then a huge sysex."""
    statuses = [*CHANNEL, *CHANNEL, *COMMON, *REALTIME, 0xF0, 0xF0]
    counts = {**CHANNEL, **COMMON}
    while True:
        status = chance.choice(statuses)
        if status == 0xF0:
            data = bytes(chance.choices(range(0x80), k=chance.randrange(30))) + b"\xf7"
        else:
            data = bytes(chance.choices(range(0x80), k=counts.get(status, 0)))
        message = bytearray([status]) + data
        match chance.randrange(10):
            case 0:
                message = message[: chance.randrange(len(message) + 1)]
            case 1:
                message[chance.randrange(len(message))] = chance.randrange(0x100)
            case 2:
                message = message[1:]
            case 3:
                message.insert(chance.randrange(len(message) + 1), chance.choice(REALTIME))
            case 4:
                message = bytearray(chance.randbytes(chance.randrange(8)))
            case 5 if chance.randrange(200) == 0:
                message = bytearray(b"\xf0" + bytes(chance.randrange(3 * SYSEX_LIMIT)))
        yield bytes(message)


def weather(stream: MessageStream, chance: random.Random, messages: int) -> int:
    """Feed so many messages of a storm, some glued together and some torn; how many bytes were kept at most."""
    source = storm(chance)
    kept = 0
    torn = b""
    for _ in range(messages):
        feed = torn + next(source)
        torn = b""
        match chance.randrange(8):
            case 0:
                torn = feed if len(feed) < 64 else b""
                feed = b"" if torn else feed
            case 1:
                half = chance.randrange(len(feed) + 1)
                feed, torn = feed[:half], feed[half:]
        for message in stream.feed(list(feed) if len(feed) < 64 else feed):
            assert is_whole(message), message.hex(" ")
        kept = max(kept, stream.kept)
    return kept


def test_a_storm_is_weathered() -> None:
    stream = MessageStream()
    assert weather(stream, random.Random(20), 60_000) <= SYSEX_LIMIT
    counts = stream.counts
    assert min(counts.notes, counts.controls, counts.clocks, counts.active_sensing, counts.sysex) > 200
    assert counts.dropped_sysex > 10
    assert counts.malformed > 1000
    stream.feed([0xF7])
    assert stream.feed([0x90, 60, 64]) == [b"\x90\x3c\x40"]


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
def test_a_long_storm_leaves_no_memory_behind() -> None:
    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * mmap.PAGESIZE

    stream = MessageStream()
    chance = random.Random(21)
    weather(stream, chance, 100_000)
    before = resident()
    assert weather(stream, chance, 2_000_000) <= SYSEX_LIMIT
    assert resident() - before <= 5 * 2**20
