"""Takes: nothing acknowledged is lost, nothing damaged is believed, and a take is a MIDI file to everybody.

Disks fail here on demand and time is simulated; where a real thread is waited for, it is for what
it does and never for a while.
"""

import array
import contextlib
import errno
import itertools
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import wave
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast, get_args

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improv.errors import DataError, InputNotFound, UsageError
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import ENDS, TARGETS, Command, Connect, Forget, Learn, Nudge, Press, Set, Tap
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import json_fields
from improv.protocol.snapshot import How
from improv.recording import (
    Disk,
    Entry,
    Found,
    Head,
    Journal,
    Lost,
    Recording,
    Remark,
    Writer,
    backlog,
    find_take,
    read_take,
    takes,
    takes_directory,
    writer_thread,
)
from improv.recording import format as told_lines
from improv.recording import reader as reading
from improv.recording.format import End
from improv.recording.midi_file import export
from improv.session.lifecycle import begin, finish
from improv.session.state import Session
from improv.session.step import advance
from tests.conftest import Echo, tiers

PATIENT_S = 180.0
"""How long a test lets a thread of the machine take: no matter, as long as it ends."""

SOLO = Settings(mode=Mode.SOLO, seed=7)
ALONE = Turn(Who.IMPROV, 0)
EVEN = Transport(-8, 4711.25, 120.0)
HEAD = Head(
    improv="0.1.0",
    began="2026-11-21T06:45:12Z",
    model="echo",
    model_sha256="00ff" * 16,
    settings=SOLO,
    transport=EVEN,
    count_in_bars=1,
    form="C7 | F7 | C7 | G7",
    key="C",
)
NAME = "20261121-064512-echo"


def step_of(step: int, **other: Any) -> Entry:
    """An entry that is different for every step."""
    notes = (Timed(EVEN.time_of(step) + 0.1, NoteOn(Part.YOU, step % 128, 1 + step % 127)),) if step % 3 else ()
    events = (Placed(6 * step, NoteOn(Part.MELODY, step % 128, 90)), Placed(6 * step + 6, NoteOff(Part.MELODY, 1)))
    values: dict[str, Any] = {
        "heard": Heard(notes),
        "events": events,
        "transport": EVEN,
        "settings": SOLO,
        "turn": ALONE,
        "chord": "C7",
    }
    return Entry(step=step, how=How.NETWORK, **(values | other))


def steps(count: int) -> tuple[Entry, ...]:
    """Entries from the count-in on, tempo and temperature turned now and then."""
    entries = []
    transport, chosen = EVEN, SOLO
    for number, step in enumerate(range(-8, count - 8)):
        if number % 7 == 5:
            transport = transport.with_bpm(60 + number, from_step=step)
        if number % 11 == 3:
            chosen = replace(chosen, temperature=number / 7)
        entries.append(step_of(step, transport=transport, settings=chosen))
    return tuple(entries)


def recorded(directory: Path, *entries: Entry, head: Head = HEAD, end: str | None = "stopped") -> Path:
    """The file of a take."""
    with Journal(directory, head, patience_s=PATIENT_S) as journal:
        for entry in entries:
            journal.append(entry)
        if end is not None:
            journal.end(end)
    assert journal.path is not None
    assert (journal.fault, journal.acknowledged) == ("", len(entries))
    return journal.path


# --- JSON ---------------------------------------------------------------------------------------

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**40)
PITCHES = st.integers(0, 127)
PARTS = st.sampled_from(Part)
NOTES = st.builds(NoteOn, PARTS, PITCHES, st.integers(1, 127)) | st.builds(NoteOff, PARTS, PITCHES)
TRANSPORTS = st.builds(Transport, st.integers(), FLOATS, st.floats(20, 400), st.floats(0.5, 0.75))
CHOSEN = st.builds(
    Settings.of,
    **{
        name: FLOATS if hint is float else st.text() if hint is str else st.from_type(hint)
        for name, hint in json_fields(Settings)[0].items()
    },
)
TURNS = st.builds(Turn, st.sampled_from(Who), st.integers(), st.none() | st.integers())
WITH_FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    Set: st.sampled_from([Set(name, control.default) for name, control in CONTROLS.items()]),
    Nudge: st.builds(Nudge, st.just("tempo"), FLOATS),
    Tap: st.builds(Tap, FLOATS),
    Learn: st.builds(Learn, st.sampled_from(["", *TARGETS])),
    Forget: st.builds(Forget, st.sampled_from(TARGETS)),
    Press: st.builds(Press, PITCHES, PITCHES),
    Connect: st.builds(Connect, st.sampled_from(ENDS), st.text()),
}
COMMANDS = st.one_of(*(WITH_FIELDS.get(kind, st.builds(kind)) for kind in get_args(Command)))
ENTRIES = st.builds(
    Entry,
    step=st.integers(-100, 2**40),
    how=st.sampled_from(How),
    heard=st.builds(
        Heard,
        st.lists(st.builds(Timed, FLOATS, NOTES), max_size=3).map(tuple),
        st.lists(COMMANDS, max_size=3).map(tuple),
    ),
    events=st.lists(st.builds(Placed, st.integers(), NOTES), max_size=3).map(tuple),
    transport=TRANSPORTS,
    settings=CHOSEN,
    turn=TURNS,
    top=st.integers(),
    model=st.text(),
    model_sha256=st.text(),
    skipped_choruses=COUNTS,
    fault=st.text(),
    chord=st.text(),
)
HEADS = st.builds(
    Head,
    improv=st.text(),
    began=st.datetimes().map(lambda at: at.isoformat() + "Z"),
    model=st.text(),
    model_sha256=st.text(),
    settings=CHOSEN,
    transport=TRANSPORTS,
    count_in_bars=st.integers(0, 4),
    form=st.sampled_from(["C7 | F7 | C7 | G7", "Cm | F#dim7 G7"]),
    key=st.sampled_from(["C", "F#", "Bb"]),
)


@given(HEADS)
def test_a_head_is_what_it_was(head: Head) -> None:
    assert Head.from_json(head.to_json()) == head
    assert "\n" not in head.to_json()


@given(ENTRIES, ENTRIES)
def test_an_entry_is_what_it_was(entry: Entry, before: Entry) -> None:
    assert Entry.from_json(entry.to_json()) == entry
    assert Entry.from_json(entry.to_json(before), before) == entry
    settled = replace(before, transport=entry.transport, settings=entry.settings, turn=entry.turn)
    assert Entry.from_json(entry.to_json(settled), settled) == entry
    assert "\n" not in entry.to_json()


def test_an_entry_can_be_read_by_a_person() -> None:
    heard = Heard(step_of(4).heard.notes, (Set("tempo", 90.5),))
    entry = step_of(4, heard=heard, fault="RuntimeError: out of notes")
    assert entry.to_json(step_of(3)) == (
        '{"step":4,"how":"network","notes":[[4714.35,"on","you",4,5]],'
        '"commands":[{"Set":{"control":"tempo","value":90.5}}],'
        '"events":[[24,"on","melody",4,90],[30,"off","melody",1]],"fault":"RuntimeError: out of notes","chord":"C7"}'
    )
    assert step_of(3, events=()).to_json(entry) == '{"step":3,"how":"network","chord":"C7"}'
    turned = step_of(3, events=(), transport=Transport(3, 1.5, 90.0))
    assert '"transport":{"anchor_step":3,"anchor_s":1.5,"bpm":90.0,"swing":0.5}' in turned.to_json(entry)


class Loudness(StrEnum):
    SOFT = "soft"
    LOUD = "loud"


@dataclass(frozen=True, slots=True)
class SetTouch:
    """A command of a later day."""

    loudness: Loudness
    octaves: tuple[int, ...] = (0,)
    until: float | None = None


@pytest.mark.parametrize("touch", [SetTouch(Loudness.LOUD), SetTouch(Loudness.SOFT, (1, 2), 0.1)])
def test_a_command_added_later_needs_no_change_here(touch: SetTouch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_lines, "_COMMANDS", {"SetTouch": SetTouch})
    entry = step_of(0, heard=Heard(commands=(cast(Any, touch),)))
    assert Entry.from_json(entry.to_json()) == entry


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"step": None}, id="no step"),
        pytest.param({"step": 1.5}, id="half a step"),
        pytest.param({"step": True}, id="a truth for a number"),
        pytest.param({"how": "by magic"}, id="an unknown way"),
        pytest.param({"how": {}}, id="no way at all"),
        pytest.param({"commands": [{"SetFire": {}}]}, id="an unknown command"),
        pytest.param({"commands": [{"Set": {}}]}, id="a command without its value"),
        pytest.param({"commands": [{"Nudge": {"control": "tempo", "by": "fast"}}]}, id="a command with a wrong value"),
        pytest.param({"commands": [{"Stop": {"by": 1}}]}, id="a command with too many"),
        pytest.param({"commands": [{}]}, id="an empty command"),
        pytest.param({"commands": [{"Stop": {}, "Panic": {}}]}, id="two commands in one"),
        pytest.param({"commands": ["Stop"]}, id="a command that is a word"),
        pytest.param({"notes": 5}, id="notes that are none"),
        pytest.param({"notes": [[]]}, id="an empty note"),
        pytest.param({"notes": [[1.0, "on", "you", 60]]}, id="a note without velocity"),
        pytest.param({"notes": [[1.0, "on", "them", 60, 80]]}, id="an unknown part"),
        pytest.param({"notes": [["soon", "on", "you", 60, 80]]}, id="a time that is none"),
        pytest.param({"events": [[6, "on", "you", 128, 80]]}, id="a pitch too high"),
        pytest.param({"events": [[6, "on", "you", 60, 0]]}, id="an onset of velocity 0"),
        pytest.param({"events": [[6.5, "off", "you", 60]]}, id="between two ticks"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0, "bpm": 0.0}}, id="standing still"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0}}, id="without tempo"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0, "bpm": 9, "swing": 1}}, id="a swing of 1"),
        pytest.param({"settings": {"mode": "fight", "bars": 1, "temperature": 1}}, id="an unknown mode"),
        pytest.param({"settings": 3}, id="settings that are none"),
        pytest.param({"chord": 7}, id="a chord that is no text"),
        pytest.param({"mood": "blue"}, id="an unknown field"),
    ],
)
def test_a_malformed_entry_is_refused(change: dict[str, Any]) -> None:
    raw = json.loads(step_of(5).to_json()) | change
    text = json.dumps({name: value for name, value in raw.items() if value is not None})
    with pytest.raises(DataError, match="an entry is not what it should be"):
        Entry.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"step":NaN}',
        '{"step":Infinity}',
        "[" * 9999,
        '{"step":5,"how":"network","notes":[[1e999]]}',
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    for kind in (Head, Entry):
        with pytest.raises(DataError, match="is not what it should be"):
            kind.from_json(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 1}, "its format is 1, this improv reads 2 and 3"),
        ({"began": "yesterday"}, "yesterday"),
        ({"form": "C7 | H7"}, "'H' is no note name"),
        ({"key": "Cis"}, "Cis"),
        ({"count_in_bars": "7"}, "'7' is no int"),
        ({"count_in_bars": None}, "Head lacks count_in_bars"),
        ({"weather": "fine"}, "Head has no weather"),
    ],
)
def test_a_malformed_head_is_refused(change: dict[str, Any], says: str) -> None:
    raw = json.loads(HEAD.to_json()) | change
    with pytest.raises(DataError, match=says):
        Head.from_json(json.dumps({name: value for name, value in raw.items() if value is not None}))


# --- the file -----------------------------------------------------------------------------------


def test_a_take_is_read_as_it_was_told(tmp_path: Path) -> None:
    entries = steps(300)
    with Journal(tmp_path / "takes", HEAD, patience_s=PATIENT_S) as journal:
        journal.remark(-8, "the port\nis gone")
        for entry in entries:
            journal.append(entry)
        journal.remark(200, "and back")
        journal.end("stopped")
    assert journal.path == tmp_path / "takes" / f"{NAME}.take"
    read = read_take(journal.path)
    remarks = (Remark(-8, "the port\nis gone"), Remark(200, "and back"))
    assert read == Recording(head=HEAD, entries=entries, remarks=remarks, ended="stopped", damage="")
    assert not read.recovered
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


def test_every_line_carries_its_checksum_and_states_what_is_new(tmp_path: Path) -> None:
    faster = EVEN.with_bpm(200, from_step=2)
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"transport": faster},
        {"transport": faster},
        {"transport": faster, "settings": replace(SOLO, bars=2)},
    ]
    entries = [step_of(step, **change) for step, change in enumerate(changes)]
    changes[-1]["turn"] = Turn(Who.YOU, 127)
    entries += [step_of(step, **changes[-1]) for step in range(127, 130)]
    lines = recorded(tmp_path, *entries).read_bytes().splitlines()
    for line in lines:
        assert int(line[:8], 16) == zlib.crc32(line[9:])
    everything = {"transport", "settings", "turn"}
    said = [json.loads(line[9:]).keys() & everything for line in lines[1:-1]]
    # step 0 and every 128th state everything, for who reads from the end
    assert said == [everything, set(), {"transport"}, set(), {"settings"}, {"turn"}, everything, set()]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    head = replace(HEAD, model="../my models/blues no. 1.onnx", began="2026-11-21T07:45:12+01:00")
    paths = [recorded(tmp_path, head=head) for _ in range(3)]
    name = "20261121-064512-my-models-blues-no.-1.onnx"
    assert [path.name for path in paths] == [f"{name}.take", f"{name}-2.take", f"{name}-3.take"]
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Recording]:
    """The bytes of a small take, and what they say."""
    directory = tmp_path_factory.mktemp("small")
    with Journal(directory, HEAD, patience_s=PATIENT_S) as journal:
        for entry in steps(9):
            journal.append(entry)
        journal.remark(3, "a remark")
        journal.end("stopped")
    assert journal.path is not None
    return journal.path.read_bytes(), read_take(journal.path)


def test_wherever_a_file_is_cut_its_whole_lines_are_read(small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, complete = small
    path = tmp_path / "cut.take"
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        if not whole:
            with pytest.raises(DataError, match="it has no whole line"):
                read_take(path)
            continue
        read = read_take(path)
        assert (read.head, read.entries) == (complete.head, complete.entries[: whole - 1])
        assert read.recovered
        torn = content[cut - 1 : cut] != b"\n"
        assert read.damage == (f"line {whole + 1} is torn: a crash; everything before it is here" if torn else "")
    path.write_bytes(content)
    assert read_take(path) == complete


@pytest.mark.parametrize("every", tiers(4, 1))
def test_a_flipped_byte_is_noticed_wherever_it_is(every: int, small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, complete = small
    path = tmp_path / "flipped.take"
    for place, bits in itertools.islice(itertools.product(range(len(content)), (0x01, 0x20, 0xFF)), 0, None, every):
        path.write_bytes(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :])
        line = content[:place].count(b"\n")
        if not line:
            with pytest.raises(DataError, match="it is no take, or a damaged one"):
                read_take(path)
            continue
        read = read_take(path)
        assert read.damage.startswith(f"line {line + 1} is ")
        assert read.entries == complete.entries[: line - 1]
        assert read.recovered


def test_what_is_left_out_is_counted(small: tuple[bytes, Recording], tmp_path: Path) -> None:
    content, _ = small
    path = tmp_path / "damaged.take"
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"la la la\n", *lines[5:]]))
    damaged = "line 5 is damaged: its checksum is wrong; it and the 7 lines after it are left out"
    assert read_take(path).damage == damaged
    path.write_bytes(content + lines[3])
    read = read_take(path)
    assert (read.ended, len(read.entries)) == ("stopped", 9)
    assert read.damage == "line 13 is damaged: it follows the end; it and the 0 lines after it are left out"
    path.write_bytes(content[:-40] + bytes(4096))  # after a power cut
    assert "is torn" in read_take(path).damage


def test_a_line_that_is_whole_and_says_nothing_we_know_is_damage(
    small: tuple[bytes, Recording], tmp_path: Path
) -> None:
    lines = small[0].splitlines(keepends=True)
    path = tmp_path / "strange.take"
    for strange in (b'{"verse":1}', b"[]", b"\xff", b'{"remark":1,"step":2}', b'{"end":null}'):
        path.write_bytes(b"".join([*lines[:3], b"%08x %s\n" % (zlib.crc32(strange), strange), *lines[3:]]))
        read = read_take(path)
        assert read.damage.startswith("line 4 is damaged: a line is not what it should be")
        assert len(read.entries) == 2


def test_what_is_no_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.take"
    with pytest.raises(InputNotFound, match=r"some\.take: No such file or directory; give a take"):
        read_take(path)
    with pytest.raises(InputNotFound, match="Is a directory"):
        read_take(tmp_path)
    for content in (b"MThd\n", b"\n\n", bytes(100) + b"\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="it is no take, or a damaged one"):
            read_take(path)


# --- disks that fail ----------------------------------------------------------------------------


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
    fake.room, fake.failing["truncate"] = 700, errno.EIO
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


# --- the thread ---------------------------------------------------------------------------------


def blocked(disk: Disk, *, after: int, hangs: SimpleQueue[None] | None = None) -> tuple[Disk, SimpleQueue[None]]:
    """A disk that hangs in every write after the first few, and says so, until it is let go on by the queue."""
    going_on: SimpleQueue[None] = SimpleQueue()
    writes = itertools.count()

    def write(file: int, content: bytes) -> int:
        if next(writes) == after:
            if hangs is not None:
                hangs.put(None)
            going_on.get(timeout=PATIENT_S)
        return disk.write(file, content)

    return replace(disk, write=write), going_on


def test_a_disk_that_blocks_blocks_nobody_else(tmp_path: Path) -> None:
    disk, going_on = blocked(Disk(), after=1)
    entries = steps(500)
    journal = Journal(tmp_path, HEAD, disk=disk, patience_s=PATIENT_S)
    with journal:
        for entry in entries:
            journal.append(entry)
        journal.end("stopped")
        assert (journal.acknowledged, journal.fault) == (0, "")
        going_on.put(None)
    assert journal.acknowledged == 500
    assert journal.path is not None
    assert read_take(journal.path).entries == entries


def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    disk, going_on = blocked(Disk(), after=0)
    try:
        with Journal(tmp_path, HEAD, disk=disk, patience_s=0.0) as journal:
            journal.append(step_of(0))
        assert journal.acknowledged == 0
    finally:
        going_on.put(None)


def test_what_waits_for_a_disk_that_blocks_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_UNWRITTEN", 10)
    monkeypatch.setattr(writer_thread, "MAX_UNWRITTEN", 10)
    hangs: SimpleQueue[None] = SimpleQueue()
    disk, going_on = blocked(Disk(), after=1, hangs=hangs)
    entries = steps(100)
    with Journal(tmp_path, HEAD, disk=disk, patience_s=PATIENT_S) as journal:
        journal.append(entries[0])
        hangs.get(timeout=PATIENT_S)
        for entry in entries[1:]:
            journal.append(entry)
        assert journal._queue.qsize() == 10
        going_on.put(None)
    assert journal.path is not None
    read = read_take(journal.path)
    assert read.entries[0] == entries[0]
    assert read.entries[-1] == entries[-1]
    assert read.lost + len(read.entries) == 100
    assert read.damage == ""


def test_a_journal_that_cannot_be_opened_raises_nothing(tmp_path: Path) -> None:
    """It is tried again for as long as it lives, and at last when it is left."""
    directory = tmp_path / "takes"
    directory.write_text("a file where the directory should be")
    entries = steps(5)
    with Journal(directory, HEAD, patience_s=PATIENT_S) as journal:
        assert (journal.path, journal.fault[:22]) == (None, "recording has stopped:")
        for entry in entries:
            journal.append(entry)
        assert journal.acknowledged == 0
        directory.unlink()
    assert (journal.fault, journal.acknowledged) == ("", 5)
    assert journal.path is not None
    assert read_take(journal.path).entries == entries


def test_a_journal_that_is_left_without_an_end_is_one_of_a_crash(tmp_path: Path) -> None:
    read = read_take(recorded(tmp_path, *steps(3), end=None))
    assert (read.recovered, read.ended, read.damage, len(read.entries)) == (True, None, "", 3)


# --- real disks ---------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(path: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory, where we may have one."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(path)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file systems can be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_real_disk_that_is_full_and_has_space_again(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(40960))
        writer, entries, now_s = Writer(disk / "takes", HEAD, Disk()), steps(200), 0.0
        for entry in entries:
            writer.put(entry)
            writer.work(now_s := now_s + 1)
        assert writer.fault == FULL
        assert writer.path is not None
        assert 0 < writer.acknowledged < 200
        assert read_take(writer.path).entries == entries[: writer.acknowledged]
        assert read_take(writer.path).damage == ""
        ballast.unlink()
        writer.work(now_s + 1)
        writer.close()
        assert (writer.fault, writer.acknowledged) == ("", 200)
        assert read_take(writer.path).entries == entries


def test_a_real_disk_that_is_read_only(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "ro") as disk, Journal(disk, HEAD, patience_s=PATIENT_S) as journal:
        journal.append(step_of(0))
        assert journal.path is None
        assert "Read-only file system" in journal.fault
    assert journal.acknowledged == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with Journal(tmp_path, HEAD, patience_s=PATIENT_S) as journal:
        assert "Permission denied" in journal.fault
        tmp_path.chmod(0o700)
        journal.append(step_of(0))
    assert journal.acknowledged == 1


def fill_up(directory: str) -> None:
    """In a process of its own: a file may not grow past 3000 bytes, and then it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    writer = Writer(Path(directory), HEAD, Disk())
    for entry in steps(100):
        writer.put(entry)
    writer.work(0.0)
    assert writer.path is not None
    read = read_take(writer.path)
    assert writer.fault == "recording has stopped: File too large; free some space, it goes on by itself", writer.fault
    assert (len(read.entries), read.damage) == (writer.acknowledged, "")
    assert 0 < writer.acknowledged < 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    writer.work(1.0)
    assert (writer.fault, read_take(writer.path).entries) == ("", steps(100))


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"from tests.recording.test_recording import fill_up; fill_up({str(tmp_path)!r})"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])


# --- kills --------------------------------------------------------------------------------------


def record_until_killed(directory: Path, pipe: int, chance: random.Random) -> None:
    """Append as fast as it goes, in bursts, and say which numbers are acknowledged."""
    told = 0
    with Journal(directory, HEAD, patience_s=PATIENT_S) as journal:
        for step in itertools.count(-8):
            journal.append(step_of(step))
            if chance.random() < 0.2:  # the end of a burst: until all of it is acknowledged
                while journal.acknowledged < step + 9:
                    os.sched_yield()
            if journal.acknowledged > told:
                told = journal.acknowledged
                os.write(pipe, b"%d\n" % told)


def kill_many(directory: str, count: int, seed: int) -> None:
    """In a process of its own: children that record and are killed, what each has acknowledged told on stdout."""
    chance = random.Random(seed)
    for number in range(count):
        place = Path(directory) / f"{seed}-{number}"
        end, pipe = os.pipe()
        child = os.fork()
        if not child:
            record_until_killed(place, pipe, chance)
        os.close(pipe)
        with os.fdopen(end) as lines:
            heard = list(itertools.islice(lines, chance.choice((0, 1, 2, chance.randrange(60)))))
            os.kill(child, signal.SIGKILL)
            heard += lines.readlines()
        os.waitpid(child, 0)
        sys.stdout.write(json.dumps([place.name, int(heard[-1]) if heard else 0]) + "\n")
        sys.stdout.flush()  # or the next child has it too


def check_kills(directory: Path, kills: int) -> None:
    workers = 4
    code = "from tests.recording.test_recording import kill_many; kill_many({!r}, {}, {})"
    commands = [[sys.executable, "-c", code.format(str(directory), kills // workers, seed)] for seed in range(workers)]
    root = Path(__file__).parents[2]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for command in commands]
    told = [json.loads(line) for worker in running for line in worker.communicate()[0].splitlines()]
    assert [worker.returncode for worker in running] == [0] * workers
    assert len(told) == kills
    lengths = []
    for place, acknowledged in told:
        paths = list((directory / place).glob("*.take"))
        if not acknowledged and not (paths and b"\n" in paths[0].read_bytes()):
            continue  # killed before it had begun
        read = read_take(paths[0])
        assert len(read.entries) >= acknowledged
        assert read.entries == tuple(step_of(step) for step in range(-8, len(read.entries) - 8))
        assert read.recovered
        assert read.damage == "" or "is torn: a crash" in read.damage
        lengths.append(len(read.entries))
        shutil.rmtree(directory / place)
    assert len(set(lengths)) > kills // 20  # they were killed all over the place


def test_nothing_acknowledged_is_lost_when_the_recorder_is_killed(tmp_path: Path) -> None:
    check_kills(tmp_path, 40)


@pytest.mark.full
def test_nothing_acknowledged_is_lost_in_thousands_of_kills(tmp_path: Path) -> None:
    check_kills(tmp_path, 5000)


# --- which takes there are ----------------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A directory of three takes, one of them cut off, and two that are none."""
    entries = tuple(step_of(step) for step in range(-8, 40))
    recorded(tmp_path, head=replace(HEAD, began="2026-11-20T20:00:00Z"), end=None)
    recorded(tmp_path, *entries, end="stopped")
    slow = replace(EVEN, anchor_step=0)
    fast = slow.with_bpm(240, from_step=4)
    later = replace(HEAD, began="2026-11-22T20:00:00Z", model="eck2002-blues", count_in_bars=0, transport=slow)
    turned = (step_of(step, transport=fast if step >= 4 else slow) for step in range(32))
    path = recorded(tmp_path, *turned, head=later)
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / "20261119-200000-echo.take").write_bytes(b"")
    (tmp_path / "20261118-200000-echo.take").write_bytes(b"la la la\n")
    (tmp_path / "notes.txt").write_text("no take")
    return tmp_path


def test_takes_are_listed_newest_first(library: Path) -> None:
    listed = takes(library)
    assert [take.name for take in listed] == [
        "20261122-200000-eck2002-blues",
        "20261121-064512-echo",
        "20261120-200000-echo",
        "20261119-200000-echo",
        "20261118-200000-echo",
    ]
    assert [(take.length_s, take.choruses, take.ended) for take in listed[:3]] == [
        (1 + 28 / 8, 1, None),
        (12.0, 2, "stopped"),
        (0.0, 0, None),
    ]
    assert [(take.began, take.model) for take in listed[:2]] == [
        ("2026-11-22T20:00:00Z", "eck2002-blues"),
        ("2026-11-21T06:45:12Z", "echo"),
    ]
    assert [take.size_bytes for take in listed] == [take.path.stat().st_size for take in listed]
    assert [take.wrong for take in listed[:3]] == ["", "", ""]
    assert "it has no whole line" in listed[3].wrong
    assert "it is no take, or a damaged one" in listed[4].wrong


@pytest.mark.parametrize("tail", [1 << 16, 400])
def test_a_list_is_told_from_the_ends_of_the_files(tail: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The middle is not even looked at; a small tail shows that it is looked for as far back as is needed."""
    faster = EVEN.with_bpm(240, from_step=100)
    entries = [step_of(step, transport=faster if step >= 100 else EVEN) for step in range(-8, 2000)]
    path = recorded(tmp_path, *entries)
    lines = path.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    path.write_bytes(b"".join([*lines[:middle], bytes(len(lines[middle])), *lines[middle + 1 :], b"torn"]))
    monkeypatch.setattr(reading, "_TAIL_BYTES", tail)
    [listed] = takes(tmp_path)
    assert (listed.length_s, listed.choruses, listed.ended) == (108 / 4 + 1900 / 8, 63, "stopped")


def test_a_directory_that_is_not_there_has_no_takes(tmp_path: Path) -> None:
    assert takes(tmp_path / "nowhere") == []
    with pytest.raises(InputNotFound, match="nowhere: there are no takes"):
        find_take("last", tmp_path / "nowhere")


def test_a_take_is_found_by_what_is_known_of_it(library: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    by_name = library / "20261121-064512-echo.take"
    for wanted in ("20261121-064512-echo", "20261121-064512-echo.take", "20261121", str(by_name)):
        assert find_take(wanted, library) == by_name
    assert find_take("last", library).name == "20261122-200000-eck2002-blues.take"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine"
    elsewhere.write_bytes(by_name.read_bytes())
    assert find_take(str(elsewhere), library) == elsewhere
    with pytest.raises(
        UsageError, match="3 takes begin so; give one of 20261122-200000-eck2002-blues, 20261121-064512-"
    ):
        find_take("2026112", library)
    with pytest.raises(
        InputNotFound, match=r"there is no such take in .*; give one of 20261122-200000-eck2002-blues, "
    ):
        find_take("2025", library)
    with pytest.raises(InputNotFound, match="there is no such take"):
        find_take("x" * 5000, library)


def test_an_exact_name_is_no_beginning(tmp_path: Path) -> None:
    first, second = recorded(tmp_path), recorded(tmp_path)
    assert find_take(NAME, tmp_path) == first
    assert find_take(f"{NAME}-2", tmp_path) == find_take("last", tmp_path) == second


def test_takes_are_kept_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path))
    assert takes_directory() == tmp_path
    monkeypatch.delenv("IMPROV_TAKES")
    assert takes_directory().parts[-2:] == ("improv", "takes")


# --- as MIDI files ------------------------------------------------------------------------------

Note = tuple[str, float, float, int, int]
"""Its track, start and end in beats, pitch and velocity."""


@dataclass(frozen=True)
class Score:
    """What is in a MIDI file, whoever reads it: positions in beats."""

    notes: list[Note]
    tempos: list[tuple[float, int]]
    metres: list[tuple[float, str]]
    keys: list[tuple[float, str]]
    markers: list[tuple[float, str]]


def performance() -> Recording:
    """Two choruses in E flat after a bar of count-in, traded and then together, the tempo turned twice."""
    model = Echo()
    chosen = Settings(mode=Mode.TRADE, bars=1, key="Eb", seed=1)
    session = begin(model, chosen, Transport(-8, 100.0, 120, 0.6), count_in_bars=1)
    head = replace(HEAD, settings=chosen, transport=session.position.transport)
    commands = {5: (Set("tempo", 93),), 32: (Set("mode", "duet"), Set("key", "F")), 40: (Set("tempo", 181),)}
    entries = []
    for step in range(-8, 64):
        start_s, length_s = session.position.transport.time_of(step - 1), session.position.transport.step_s
        phrase: tuple[Timed, ...] = ()
        if step % 16 in (1, 3, 4):
            phrase = (
                Timed(start_s + 0.3 * length_s, NoteOn(Part.YOU, 60 + step % 16, 70 + step % 16)),
                Timed(start_s + 0.9 * length_s, NoteOff(Part.YOU, 60 + step % 16)),
            )
        heard = Heard(phrase, commands.get(step, ()))
        session, played = advance(session, heard, model)
        entries.append(settled(session, heard, played.events))
    entries.append(settled(session, Heard(), finish(session).events))
    return Recording(head=head, entries=tuple(entries), remarks=(), ended="stopped", damage="")


def settled(session: Session, heard: Heard, events: tuple[Placed, ...]) -> Entry:
    return Entry(
        step=session.step,
        how=How.NETWORK,
        heard=heard,
        events=events,
        transport=session.position.transport,
        settings=session.settings,
        turn=session.turn,
        chord=session.band.frame.chord.symbol if session.band.frame.chord else "",
    )


def by_mido(path: Path) -> Score:
    midi = mido.MidiFile(path)
    notes, metas = list[Note](), list[tuple[float, Any]]()
    for track in midi.tracks:
        at, sounding = 0, dict[int, tuple[int, int]]()
        for message in track:
            at += message.time
            if message.type == "note_on":
                sounding[message.note] = at, message.velocity
            elif message.type == "note_off":
                start, velocity = sounding.pop(message.note)
                notes.append((track.name, start / 480, at / 480, message.note, velocity))
            elif message.is_meta:
                metas.append((at / 480, message))
        assert not sounding
    return Score(
        sorted(notes),
        [(at, m.tempo) for at, m in metas if m.type == "set_tempo"],
        [(at, f"{m.numerator}/{m.denominator}") for at, m in metas if m.type == "time_signature"],
        [(at, m.key) for at, m in metas if m.type == "key_signature"],
        [(at, m.text) for at, m in metas if m.type == "marker"],
    )


def by_symusic(path: Path) -> Score:
    score: Any = import_module("symusic").Score(path)
    assert {track.name: track.is_drum for track in score.tracks} == {
        name: name == "Drums" for name in ("You", "Melody", "Chords", "Drums")
    }
    tpq = score.ticks_per_quarter
    notes = [
        (track.name, note.time / tpq, (note.time + note.duration) / tpq, note.pitch, note.velocity)
        for track in score.tracks
        for note in track.notes
    ]
    names = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
    return Score(
        sorted(notes),
        [(tempo.time / tpq, tempo.mspq) for tempo in score.tempos],
        [(metre.time / tpq, f"{metre.numerator}/{metre.denominator}") for metre in score.time_signatures],
        [(key.time / tpq, names[key.key + 7]) for key in score.key_signatures],
        [(marker.time / tpq, marker.text) for marker in score.markers],
    )


def by_music21(path: Path) -> Score:
    pytest.importorskip("music21")
    midi: Any = import_module("music21.midi")
    translate: Any = import_module("music21.midi.translate")
    file = midi.MidiFile()
    file.open(str(path))
    file.read()
    file.close()
    tpq = file.ticksPerQuarterNote
    notes, metas = list[Note](), list[tuple[float, Any]]()
    for track in file.tracks:
        timed = translate.getTimeForEvents(track)
        name = next(event.data.decode() for _, event in timed if event.type == midi.MetaEvents.SEQUENCE_TRACK_NAME)
        for on, off, event in translate.getNotesFromEvents(timed):
            assert event.channel == Part(name.lower()).channel + 1
            notes.append((name, on / tpq, off / tpq, event.pitch, event.velocity))
        metas += [(at / tpq, event) for at, event in timed if event.channel is None or event.data is not None]
    kinds = midi.MetaEvents

    def of(kind: Any) -> list[tuple[float, Any]]:
        return [(at, event) for at, event in metas if event.type == kind]

    return Score(
        sorted(notes),
        [(at, int.from_bytes(event.data, "big")) for at, event in of(kinds.SET_TEMPO)],
        [(at, translate.midiEventsToTimeSignature(event).ratioString) for at, event in of(kinds.TIME_SIGNATURE)],
        [
            (at, translate.midiEventsToKey(event).asKey("major").tonic.name.replace("-", "b"))
            for at, event in of(kinds.KEY_SIGNATURE)
        ],
        [(at, event.data.decode()) for at, event in of(kinds.MARKER)],
    )


@pytest.mark.parametrize("read", [by_mido, by_symusic, by_music21])
def test_a_take_is_the_same_midi_file_to_everybody(read: Callable[[Path], Score], tmp_path: Path) -> None:
    """Expected from the entries alone: where a note stands in beats is what its tick or its time says."""
    take = performance()
    export(take, tmp_path / "take.mid")
    score = read(tmp_path / "take.mid")
    assert score == by_mido(tmp_path / "take.mid")
    assert score.tempos == [(0, 500_000), (4 + 2.6, 645_161), (24, 331_492)]
    assert score.metres == [(0, "4/4")]
    assert score.keys == [(0, "Eb"), (20, "F")]
    turns = ["Chorus 1 - you", "improv", "you", "improv", "Chorus 2 - both"]
    assert score.markers == [(4 + 4 * bar, text) for bar, text in enumerate(turns)]
    onsets = [
        (str(part).capitalize(), 4 + beats, pitch, velocity)
        for entry, before in zip(take.entries, (take.entries[0], *take.entries), strict=False)
        for part, pitch, velocity, beats in begun(entry, before)
    ]
    by_onset = sorted((name, round(start, 2), pitch, velocity) for name, start, _, pitch, velocity in score.notes)
    assert by_onset == sorted((name, round(round(at * 480) / 480, 2), *other) for name, at, *other in onsets)
    assert {name for name, *_ in score.notes} == {"You", "Melody", "Chords", "Drums"}
    assert max(end for _, _, end, _, _ in score.notes) == 4 + 32


def begun(entry: Entry, before: Entry) -> Iterator[tuple[Part, int, int, float]]:
    """The onsets of a step, with the beats from the first chorus at which they stand."""
    for timed in entry.heard.notes:
        if isinstance(timed.event, NoteOn):
            on = timed.event
            yield on.part, on.pitch, on.velocity, before.transport.beats_at(timed.time_s)
    for placed in entry.events:
        if isinstance(placed.event, NoteOn):
            on = placed.event
            yield on.part, on.pitch, on.velocity, entry.transport.beats_of_tick(placed.tick)


def test_a_recovered_take_is_a_midi_file_as_far_as_it_goes(tmp_path: Path) -> None:
    take = performance()
    path = recorded(tmp_path, *take.entries[:30], head=take.head, end=None)
    path.write_bytes(path.read_bytes()[:-10])
    export(read_take(path), tmp_path / "recovered.mid")
    export(replace(take, entries=take.entries[:29]), tmp_path / "expected.mid")
    assert (tmp_path / "recovered.mid").read_bytes() == (tmp_path / "expected.mid").read_bytes()
    assert max(end for _, _, end, _, _ in by_mido(tmp_path / "recovered.mid").notes) == 14.6  # the swung end of step 20
    with pytest.raises(InputNotFound, match="choose another file to write to"):
        export(take, tmp_path / "nowhere" / "take.mid")


SOUNDFONTS = ("/usr/share/sounds/sf2/default-GM.sf2", "/usr/share/soundfonts/default.sf2")


def test_a_synthesiser_plays_a_take_and_falls_silent(tmp_path: Path) -> None:
    """Four silent bars at the end show that nothing hangs."""
    sounds = next((path for path in SOUNDFONTS if Path(path).exists()), None)
    if shutil.which("fluidsynth") is None or sounds is None:
        pytest.skip("there is no FluidSynth here")
    take = performance()
    last = take.entries[-1]
    silence = tuple(replace(last, step=step, how=How.SKIPPED, events=()) for step in range(64, 96))
    export(replace(take, entries=take.entries + silence), tmp_path / "take.mid")
    sound = tmp_path / "take.wav"
    command = ["fluidsynth", "-ni", "-q", "-r", "22050", "-F", str(sound), sounds, str(tmp_path / "take.mid")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "error" not in done.stderr.lower()
    with wave.open(str(sound)) as file:
        rate = file.getframerate() * file.getnchannels()
        samples = array.array("h", file.readframes(file.getnframes()))

    def rms(part: Sequence[int]) -> float:
        return math.sqrt(sum(value * value for value in part) / len(part))

    assert rms(samples) > 100
    assert rms(samples[-rate:]) < 2
