"""The writer on disks that fail in every way: full, slow to come back, half written."""

import errno
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improv.music.notes import NoteOff, Timed
from improv.music.parts import Part
from improv.protocol.heard import Heard
from improv.recording import (
    Disk,
    Found,
    Lost,
    Recording,
    Remark,
    Writer,
    backlog,
    read_take,
)
from improv.recording.format import End
from tests.recording.performed import EVEN, HEAD, step_of, steps


@dataclass
class Fake:
    """A disk in memory that fails when it is told to."""

    room: float = math.inf
    """Bytes it holds; beyond them a write is short, and then an error."""
    failing: dict[str, int] = field(default_factory=dict)
    """The error of each call that fails."""
    content: bytearray = field(default_factory=bytearray)
    calls: list[str] = field(default_factory=list)

    def disk(self) -> Disk:
        return Disk(
            make_directory=lambda path: self._call("make_directory"),
            create=self._create,
            enter=lambda path, name: self._call("enter"),
            found=lambda file, path: self._found(),
            write=self._write,
            truncate=self._truncate,
            sync=lambda file: self._call("sync"),
            close=lambda file: self._call("close"),
        )

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if number := self.failing.get(name):
            raise OSError(number, os.strerror(number))

    def _create(self, path: Path) -> int:
        self._call("create")
        return 3

    def _found(self) -> Found:
        self._call("found")
        return Found(len(self.content))

    def _write(self, file: int, content: bytes) -> int:
        self._call("write")
        fitting = int(min(len(content), self.room - len(self.content)))
        if fitting <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.content += content[:fitting]
        return fitting

    def _truncate(self, file: int, size: int) -> None:
        self._call("truncate")
        assert size <= len(self.content)
        del self.content[size:]

    def read(self, path: Path) -> Recording:
        path.write_bytes(self.content)
        return read_take(path)


LOOK_S = 0.5
FULL = "recording has stopped: No space left on device; free some space, it goes on by itself"


@pytest.fixture
def fake() -> Fake:
    return Fake()


def test_a_full_disk_is_told_and_recording_goes_on_when_there_is_space(fake: Fake, tmp_path: Path) -> None:
    writer, entries = Writer(tmp_path, HEAD, fake.disk()), steps(8)
    fake.room = 1500
    for entry in entries[:6]:
        writer.put(entry)
    writer.work(0.0)
    assert writer.fault == FULL
    assert 0 < writer.acknowledged < 6
    read = fake.read(tmp_path / "full")
    assert (read.entries, read.damage) == (entries[: writer.acknowledged], "")  # nothing but whole lines is left
    attempts = fake.calls.count("write")
    writer.put(entries[6])
    assert writer.work(0.4) == pytest.approx(0.6)  # it is no use yet
    assert fake.calls.count("write") == attempts
    writer.work(1.0)
    assert (fake.calls.count("write") > attempts, writer.fault) == (True, FULL)
    fake.room = math.inf
    writer.put(entries[7])
    assert writer.work(2.0) == 0.0  # there is something to say of it
    assert (writer.fault, writer.acknowledged) == ("", 8)
    writer.work(2.0)
    read = fake.read(tmp_path / "full")
    assert (read.entries, read.lost, writer.loss) == (entries, 0, "")
    said = "recording had stopped for 2 s: No space left on device; what was played meanwhile is written now"
    assert read.remarks == (Remark(-1, said),)


@pytest.mark.parametrize(
    ("call", "number", "says"),
    [
        (
            "make_directory",
            errno.EROFS,
            "Read-only file system; make {} a directory that can be written to, it goes on",
        ),
        ("create", errno.EACCES, "Permission denied; make {} a directory that can be written to, it goes on"),
        ("create", errno.ENOSPC, "No space left on device; free some space"),
        ("create", errno.EIO, "Input/output error; it is tried again every second"),
        ("write", errno.EIO, "Input/output error; it is tried again every second"),
        ("write", errno.EDQUOT, "Disk quota exceeded; free some space"),
        ("sync", errno.EIO, "Input/output error; it is tried again every second"),
    ],
)
def test_whatever_fails_is_told_and_tried_again(call: str, number: int, says: str, fake: Fake, tmp_path: Path) -> None:
    fake.failing[call] = number
    writer, entries = Writer(tmp_path, HEAD, fake.disk()), steps(3)
    for now_s, entry in enumerate(entries):
        writer.put(entry)
        writer.work(now_s)
        assert writer.fault.startswith(f"recording has stopped: {says.format(tmp_path)}")
        assert "\n" not in writer.fault
        assert (writer.path is None) == (call in ("make_directory", "create"))
    assert writer.acknowledged == (3 if call == "sync" else 0)
    fake.failing.clear()
    writer.work(3.0)
    assert (writer.fault, writer.acknowledged) == ("", 3)
    read = fake.read(tmp_path / "read")
    assert (read.entries, read.damage) == (entries, "")


def test_nothing_follows_half_a_line_that_cannot_be_taken_back(fake: Fake, tmp_path: Path) -> None:
    writer, entries = Writer(tmp_path, HEAD, fake.disk()), steps(4)
    fake.room, fake.failing["truncate"] = 1200, errno.EIO
    for entry in entries:
        writer.put(entry)
    writer.work(0.0)
    assert "Input/output error" in writer.fault
    assert "is torn" in fake.read(tmp_path / "read").damage
    fake.room = math.inf
    writer.work(1.0)
    assert len(fake.read(tmp_path / "read").entries) == writer.acknowledged < 4
    fake.failing.clear()
    writer.work(2.0)
    assert fake.read(tmp_path / "read").entries == entries


CALLS = ("make_directory", "create", "enter", "found", "write", "truncate", "sync")
ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.floats(0, 2),
        st.none() | st.integers(0, 4000),
        st.sets(
            st.sampled_from(["make_directory", "create", "enter", "found", "write", "truncate", "sync"]), max_size=2
        ),
    ),
    max_size=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_a_disk_does_what_is_acknowledged_is_in_the_file(
    actions: list[tuple[int, float, int | None, set[str]]], tmp_path: Path
) -> None:
    fake = Fake()
    writer, entries, told, now_s = Writer(tmp_path, HEAD, fake.disk()), steps(100), 0, 0.0
    for count, passed_s, room, failing in actions:
        fake.room = math.inf if room is None else room
        fake.failing = dict.fromkeys(failing, errno.EIO)
        for entry in entries[told : told + count]:
            writer.put(entry)
        told += count
        now_s += passed_s
        writer.work(now_s)
        if b"\n" in fake.content:
            read = fake.read(tmp_path / "read")
            assert read.entries == entries[: writer.acknowledged]
    fake.room, fake.failing = math.inf, {}
    writer.put(End("over"))
    writer.work(now_s + 10, last=True)
    read = fake.read(tmp_path / "read")
    assert (read.entries, read.damage, read.ended, read.lost, writer.fault) == (entries[:told], "", "over", 0, "")


def test_the_disk_is_asked_to_make_sure_at_most_once_a_second(fake: Fake, tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEAD, fake.disk())
    synced_at = []
    for number, entry in enumerate(steps(50)):  # ten a second
        before = fake.calls.count("sync")
        writer.put(entry)
        writer.work(number / 10)
        synced_at += [number / 10] * (fake.calls.count("sync") - before)
    assert synced_at == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert writer.work(4.9) == pytest.approx(0.1)  # so long until it is worth while
    assert writer.work(5.0) == LOOK_S
    assert fake.calls.count("sync") == 6
    assert writer.work(9.0) == LOOK_S  # nothing has been written since
    assert fake.calls.count("sync") == 6


def test_beyond_the_bound_the_oldest_go_and_are_counted(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_UNWRITTEN", 10)
    writer, entries = Writer(tmp_path, HEAD, fake.disk()), steps(40)
    writer.put(entries[0])
    writer.work(0.0)
    fake.room = len(fake.content) + 100  # for the mark that nothing follows, not for a step
    for entry in entries[1:]:
        writer.put(entry)
        writer.work(0.5)
    writer.put(Remark(31, "on the way"))
    fake.room = math.inf
    writer.work(2.0)
    read = fake.read(tmp_path / "read")
    assert read.entries == (entries[0], *entries[-8:])  # and the two that are about them
    lost = Lost(entries[-9].step, 31, "the disk has taken nothing for too long")
    assert [mark for mark in read.losses if mark[1].count] == [(1, lost)]
    assert read.remarks == (Remark(31, "on the way"),)
    assert read.damage == ""
    assert writer.loss == "31 steps are missing from the recording: the disk has taken nothing for too long"
    assert writer.wants_state


def test_what_cannot_be_written_down_does_not_end_the_recording(fake: Fake, tmp_path: Path) -> None:
    other = EVEN.with_bpm(99, 0)
    entries = (
        step_of(1),
        step_of(2, transport=other, heard=Heard((Timed(math.nan, NoteOff(Part.YOU, 60)),))),
        step_of(3, transport=other),
    )
    writer = Writer(tmp_path, HEAD, fake.disk())
    for entry in entries:
        writer.put(entry)
    writer.work(0.0)
    read = fake.read(tmp_path / "read")
    assert read.entries == (entries[0], entries[2])  # with the tempo that could not be told before
    (lost,) = (lost for index, lost in read.losses if index == 1)
    assert (lost.step, lost.count) == (2, 1)
    assert lost.why.startswith("it could not be written (ValueError")
    assert (writer.acknowledged, writer.fault, writer.wants_state) == (2, "", True)
