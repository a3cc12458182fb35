"""Takes: what is written down of a performance while it goes on, and read again after it.

`improv.session.advance` is a function, so a head and what was heard for each step are the whole
performance. They stand in an append-only file of checksummed lines, one take a file: the head,
an entry for each step, remarks, and an end if there was time for one. What is acknowledged is in
the file, whatever happens to this process next.

One thread owns the file. This room must never raise into the music, hold up whoever tells it
something, or touch a line that is written.
"""

import errno
import itertools
import json
import math
import os
import queue
import re
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType, UnionType
from typing import Any, BinaryIO, Self, Union, assert_never, get_args, get_origin, get_type_hints

from platformdirs import user_data_path

from improv.errors import DataError, InputNotFound, UsageError
from improv.messages import Command, How, Settings
from improv.music import STEPS_PER_BAR, Form, NoteEvent, NoteOff, NoteOn, Part, Placed, Timed, pitch_class
from improv.transport import Transport

FORMAT = 1
"""The version of the file; a file of another one is refused."""

SUFFIX = ".take"

MAX_UNWRITTEN = 100_000
"""So many lines wait for a disk that takes none, some seven hours of a jam; then the oldest go."""

_RESTATED_STEPS = 128
"""Every so many steps an entry states everything, so that the tail of a file can be read alone."""

_RETRY_S = 1.0
_SYNC_S = 1.0
_CLOSING_S = 0.3
_LINES_A_WRITE = 256
_TAIL_BYTES = 1 << 16
_MAX_HEAD_BYTES = 1 << 20
_CANDIDATES_TOLD = 8

_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
_COMMANDS: Mapping[str, type] = MappingProxyType({kind.__name__: kind for kind in get_args(Command)})
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


# --- values ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is needed to begin the same session again."""

    improv: str
    """The version that made it."""
    began: str
    """ISO 8601, UTC."""
    model: str
    model_sha256: str
    seed: int
    settings: Settings
    transport: Transport
    count_in_bars: int
    form: str
    """Bars as in `ModelSpec.form`, in the model's key."""
    key: str
    """The model's; what sounds lies `settings.key_semitones` above it."""

    def to_json(self) -> str:
        """The head on one line, the format's version first."""
        return _ENCODE({"format": FORMAT, **_plain(self)})

    @classmethod
    def from_json(cls, text: str) -> "Head":
        """The head a line holds; DataError says what is wrong with it."""
        with _malformed("its head"):
            raw = _parsed(text)
            version = raw.pop("format", None)
            if version != FORMAT:
                raise ValueError(f"its format is {version!r}, this improv reads {FORMAT}")
            head: Head = _object(cls, raw)
            _check_transport(head.transport)
            datetime.fromisoformat(head.began)
            Form.parse(head.form)
            pitch_class(head.key)
            return head

    @property
    def first_step(self) -> int:
        """The step the performance begins with: 0, or a negative one where it is counted in."""
        return -self.count_in_bars * STEPS_PER_BAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step as it was settled.

    The step a performance ends in may be told twice, the second time with what ended it.
    """

    step: int
    how: How
    notes: tuple[Timed, ...] = ()
    """What was heard for the step, in seconds of the clock that `transport` is anchored to."""
    commands: tuple[Command, ...] = ()
    events: tuple[Placed, ...] = ()
    """What was handed to the player."""
    transport: Transport
    """The one these ticks are played by."""
    settings: Settings
    """As they are in this step."""
    leapt: int = 0
    """Whole choruses leapt over before this step, after a long gap."""
    fault: str = ""
    chord: str = ""
    """The symbol of the chord that sounds."""

    def to_json(self, before: "Head | Entry | None" = None) -> str:
        """The entry on one line, transport and settings left out where `before` has the same."""
        told: dict[str, Any] = {"step": self.step, "how": self.how}
        if before is None or before.transport != self.transport:
            told["transport"] = _plain(self.transport)
        if before is None or before.settings != self.settings:
            told["settings"] = _plain(self.settings)
        told["notes"] = [[timed.time_s, *_plain_note(timed.event)] for timed in self.notes]
        told["commands"] = [{type(command).__name__: _plain(command)} for command in self.commands]
        told["events"] = [[placed.tick, *_plain_note(placed.event)] for placed in self.events]
        told |= {"leapt": self.leapt, "fault": self.fault, "chord": self.chord}
        return _ENCODE({name: value for name, value in told.items() if name == "step" or value})

    @classmethod
    def from_json(cls, text: str, before: "Head | Entry | None" = None) -> "Entry":
        """The entry a line holds, what it leaves out taken from `before`; DataError says what is wrong with it."""
        with _malformed("an entry"):
            return _entry(_parsed(text), before)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said about a step, in free text."""

    step: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A take as it was read."""

    head: Head
    entries: tuple[Entry, ...]
    remarks: tuple[Remark, ...]
    ended: str | None
    """Why it ended; None if it never came to that."""
    damage: str
    """What was left out and why; empty if the file is whole."""

    @property
    def recovered(self) -> bool:
        """Whether the take has no end of its own: a crash, or it is still being recorded."""
        return self.ended is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A take in a list, told from the beginning and the end of its file."""

    name: str
    path: Path
    size_bytes: int = 0
    began: str = ""
    model: str = ""
    length_s: float = 0.0
    choruses: int = 0
    """How many were begun."""
    ended: str | None = None
    """Why it ended; None if it never came to that."""
    wrong: str = ""
    """Why it cannot be read; then nothing is known but name and size."""


@dataclass(frozen=True, slots=True)
class _End:
    reason: str


@dataclass(frozen=True, slots=True)
class _Missing:
    """Entries that had to go, up to a step."""

    step: int
    count: int


_Told = Entry | Remark | _Missing | _End


# --- JSON -----------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A value as JSON knows it: fields by name."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _plain_note(event: NoteEvent) -> tuple[str | int, ...]:
    match event:
        case NoteOn(part, pitch, velocity):
            return "on", part, pitch, velocity
        case NoteOff(part, pitch):
            return "off", part, pitch
        case _:
            assert_never(event)


@contextmanager
def _malformed(what: str) -> Iterator[None]:
    """Whatever a malformed content leads to, as a DataError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{what} is not what it should be ({reason})") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_DECODE = json.JSONDecoder(parse_constant=_refuse).decode


def _parsed(text: str) -> dict[str, Any]:
    raw = _DECODE(text)
    if not isinstance(raw, dict):
        raise ValueError("it is no JSON object")
    return raw


@cache
def _fields(kind: type) -> tuple[Mapping[str, Any], frozenset[str]]:
    """The types of a dataclass's fields by name, and the names that must be given."""
    hints = get_type_hints(kind)
    needed = (f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return hints, frozenset(needed)


def _object(kind: Any, raw: Mapping[str, Any]) -> Any:
    """A dataclass from its fields; one that was given a default after the file was written takes it."""
    hints, needed = _fields(kind)
    if missing := sorted(needed - raw.keys()):
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    if unknown := sorted(raw.keys() - hints.keys()):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    return kind(**{name: _made(hints[name], value) for name, value in raw.items()})


def _made(hint: Any, raw: Any) -> Any:
    """The value of a type that a JSON value stands for; ValueError if it stands for none."""
    if hint is float and type(raw) is int:
        raw = float(raw)
    if type(raw) is hint and (hint is not float or math.isfinite(raw)):
        return raw
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for option in inner:
            with suppress(ValueError):
                return _made(option, raw)
    elif origin is tuple and isinstance(raw, list) and inner[1:] == (...,):
        return tuple(_made(inner[0], item) for item in raw)
    elif isinstance(hint, type):
        if is_dataclass(hint) and isinstance(raw, dict):
            return _object(hint, raw)
        if issubclass(hint, Enum):
            return hint(raw)
    raise ValueError(f"{str(raw)[:40]!r} is no {getattr(hint, '__name__', hint)}")


def _entry(raw: Mapping[str, Any], before: Head | Entry | None) -> Entry:
    hints, needed = _fields(Entry)
    if unknown := sorted(raw.keys() - hints.keys()):
        raise ValueError(f"a step has no {', '.join(unknown)}")
    made: dict[str, Any] = {} if before is None else {"transport": before.transport, "settings": before.settings}
    for name, item in raw.items():
        made[name] = _READERS[name](item) if name in _READERS else _made(hints[name], item)
    if missing := sorted(needed - made.keys()):
        raise ValueError(f"a step lacks {', '.join(missing)}")
    return Entry(**made)


def _note(raw: Sequence[Any]) -> NoteEvent:
    match raw:
        case ["on", str(part), int(pitch), int(velocity)] if 0 <= pitch < 128 and 0 < velocity < 128:
            return NoteOn(Part(part), pitch, velocity)
        case ["off", str(part), int(pitch)] if 0 <= pitch < 128:
            return NoteOff(Part(part), pitch)
        case _:
            raise ValueError(f"{str(raw)[:40]} is no note")


def _command(raw: Mapping[str, Any]) -> Command:
    [(name, given)] = raw.items() if isinstance(raw, dict) else [("", {})]
    if name not in _COMMANDS:
        raise ValueError(f"{name!r} is no command")
    command: Command = _object(_COMMANDS[name], given)
    return command


def _transport(raw: Any) -> Transport:
    return _check_transport(_made(Transport, raw))


def _check_transport(transport: Transport) -> Transport:
    """The transport, if time can be told by it."""
    if not (transport.bpm > 0 and 0 < transport.swing < 1):
        raise ValueError(f"no time can be told by {transport.bpm:g} bpm and a swing of {transport.swing:g}")
    return transport


_READERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "notes": lambda items: tuple(Timed(_made(float, at), _note(note)) for at, *note in items),
        "events": lambda items: tuple(Placed(_made(int, at), _note(note)) for at, *note in items),
        "commands": lambda items: tuple(_command(item) for item in items),
        "transport": _transport,
    }
)
"""How the fields of an entry are read that are written shorter than their types."""


# --- lines ----------------------------------------------------------------------------------------


def _line(text: str) -> bytes:
    content = text.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _lined(told: _Told, before: Head | Entry) -> tuple[_Told, bytes]:
    """The line that tells something; what cannot be told as JSON becomes a remark, so that the rest goes on."""
    match told:
        case Entry():
            try:
                return told, _line(told.to_json(None if told.step % _RESTATED_STEPS == 0 else before))
            except Exception as error:  # a value that is no such value, from wherever
                remark = Remark(told.step, f"this step could not be written: {type(error).__name__}: {error}")
                return _lined(remark, before)
        case Remark(step, text):
            return told, _remark_line(step, text)
        case _Missing(step, count):
            return told, _remark_line(step, f"{count} steps up to this one are missing: recording had stopped")
        case _End(reason):
            return told, _line(_ENCODE({"end": reason}))
        case _:
            assert_never(told)


def _remark_line(step: int, text: str) -> bytes:
    return _line(_ENCODE({"remark": text, "step": step}))


def _text_of(line: bytes) -> str:
    """What a whole line holds; DataError if its checksum is not its content's."""
    checksum, space, content = line[:8], line[8:9], line[9:]
    if space != b" " or checksum != b"%08x" % zlib.crc32(content):
        raise DataError("its checksum is wrong")
    return content.decode("utf-8", "replace")


def _told_by(line: bytes, before: Head | Entry) -> Entry | Remark | _End:
    """What a line after the head tells; DataError if it tells nothing."""
    text = _text_of(line)
    with _malformed("a line"):
        match _parsed(text):
            case {"remark": str(remark), "step": int(step)}:
                return Remark(step, remark)
            case {"end": str(reason)}:
                return _End(reason)
            case raw:
                return _entry(raw, before)


# --- writing --------------------------------------------------------------------------------------


def _create(path: Path) -> int:
    """A new file for appending, ours alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)


def _make_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Disk:
    """What the journal asks of the operating system, so that a test can be a disk that fails."""

    make_directory: Callable[[Path], None] = _make_directory
    create: Callable[[Path], int] = _create
    """FileExistsError if the name is taken."""
    write: Callable[[int, bytes], int] = os.write
    truncate: Callable[[int, int], None] = os.ftruncate
    sync: Callable[[int], None] = _SYNC
    close: Callable[[int], None] = os.close


class Writer:
    """The file of a take, and what is still to be written into it; it has no thread and never raises.

    The head goes first, as soon as there is a file. After a failure nothing but whole lines is
    left in the file, and for a second nothing is tried.
    """

    def __init__(self, directory: Path, head: Head, disk: Disk) -> None:
        self.path: Path | None = None
        self.acknowledged = 0
        """How many entries are in the file."""
        self.fault = ""
        self._directory = directory
        self._head = head
        self._disk = disk
        self._file: int | None = None
        self._size = 0  # of the whole lines in the file
        self._torn = False  # whether there may be more in it
        self._before: Head | Entry = head
        self._unwritten: deque[_Told] = deque()
        self._retry_at_s = -math.inf
        self._synced_at_s = -math.inf
        self._unsynced = False

    def put(self, told: _Told) -> None:
        """Take in what is to be written; past the bound the oldest goes and is counted."""
        self._unwritten.append(told)
        if len(self._unwritten) > MAX_UNWRITTEN:
            self._unwritten.appendleft(_missing(self._unwritten.popleft(), self._unwritten.popleft()))

    def work(self, now_s: float, *, last: bool = False) -> float | None:
        """Write what there is; returns in how many seconds there is more to do, None if only with more to write.

        `last` waits for nothing: it is tried and made sure of now.
        """
        if now_s < self._retry_at_s and not last:
            return self._retry_at_s - now_s
        try:
            self._write()
            pause_s = self._sync(now_s, at_once=last)
        except Exception as error:  # nothing may end the recording but its end
            self.fault = _fault(error, self._directory)
            self._retry_at_s = now_s + _RETRY_S
            return _RETRY_S
        self.fault = ""
        return pause_s

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            with suppress(OSError):
                self._disk.close(self._file)
            self._file = None

    def _write(self) -> None:
        if self._file is None:
            self._disk.make_directory(self._directory)
            self.path, self._file = self._created()
        if self._torn:
            self._truncate(self._file)
        while self._unwritten or not self._size:
            self._write_some(self._file)

    def _created(self) -> tuple[Path, int]:
        for number in itertools.count(1):
            path = self._directory / f"{_name(self._head)}{f'-{number}' if number > 1 else ''}{SUFFIX}"
            with suppress(FileExistsError):
                return path, self._disk.create(path)
        raise AssertionError("there is always another number")

    def _write_some(self, file: int) -> None:
        """Write a batch of lines; OSError if not all of them are in the file, and those that are count all the same."""
        batch = self._batch()
        content, written, failure = b"".join(line for _, line in batch), 0, None
        self._torn = True
        try:
            while written < len(content):  # a short write is followed by one that says why
                room = self._disk.write(file, content[written:])
                if not room:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                written += room
        except OSError as error:
            failure = error
        for told, line in batch:
            if len(line) > written:
                break
            written -= len(line)
            self._size += len(line)
            self._settle(told)
        self._unsynced = True
        if failure is not None:
            self._truncate(file)
            raise failure
        self._torn = False

    def _batch(self) -> list[tuple[_Told | Head, bytes]]:
        """What comes next, with its lines."""
        if not self._size:
            return [(self._head, _line(self._head.to_json()))]
        batch: list[tuple[_Told | Head, bytes]] = []
        before = self._before
        for unwritten in itertools.islice(self._unwritten, _LINES_A_WRITE):
            told, line = _lined(unwritten, before)
            batch.append((told, line))
            before = told if isinstance(told, Entry) else before
        return batch

    def _settle(self, told: _Told | Head) -> None:
        """What was told is in the file."""
        if isinstance(told, Head):
            return
        self._unwritten.popleft()
        if isinstance(told, Entry):
            self._before = told
            self.acknowledged += 1

    def _truncate(self, file: int) -> None:
        """Leave nothing but whole lines; until that is done nothing may follow them."""
        self._disk.truncate(file, self._size)
        self._torn = False

    def _sync(self, now_s: float, *, at_once: bool) -> float | None:
        if self._file is None or not self._unsynced:
            return None
        if now_s < self._synced_at_s + _SYNC_S and not at_once:
            return self._synced_at_s + _SYNC_S - now_s
        self._synced_at_s = now_s
        self._disk.sync(self._file)
        self._unsynced = False
        return None


def _missing(*oldest: _Told) -> _Missing:
    """What stands for the oldest that had to go."""
    return _Missing(
        max((told.step for told in oldest if not isinstance(told, _End)), default=0),
        sum(told.count if isinstance(told, _Missing) else isinstance(told, Entry) for told in oldest),
    )


def _name(head: Head) -> str:
    began = datetime.fromisoformat(head.began).astimezone(UTC)
    model = re.sub(r"[^A-Za-z0-9._]+", "-", head.model).strip("-.")[:80]
    return f"{began:%Y%m%d-%H%M%S}-{model or 'model'}"


def _fault(error: Exception, directory: Path) -> str:
    """What is wrong and what to do about it, in one line."""
    reason, advice = f"{type(error).__name__}: {error}", "it is tried again every second"
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "free some space, it goes on by itself"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
            advice = f"make {directory} a directory that can be written to, it goes on by itself"
    return " ".join(f"recording has stopped: {reason}; {advice}".split())


class Journal:
    """The take of a performance that goes on; a context, and told from one thread.

    A directory that cannot be written to is no error but a `fault`, and tried again every second.
    Leaving it waits at most `patience_s` for the disk, and so does entering it.
    """

    def __init__(
        self,
        directory: Path,
        head: Head,
        *,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = _CLOSING_S,
    ) -> None:
        self._writer = Writer(directory, head, disk or Disk())
        self._clock = clock
        self._patience_s = patience_s
        self._told: queue.SimpleQueue[_Told | None] = queue.SimpleQueue()
        self._tried: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lost = _Missing(0, 0)  # written by who appends, read by the thread
        # A daemon, so that a disk that blocks for ever cannot keep the process alive.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        with suppress(queue.Empty):
            self._tried.get(timeout=self._patience_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.put(None)
        self._thread.join(self._patience_s)

    @property
    def path(self) -> Path | None:
        """The file, None as long as there is none."""
        return self._writer.path

    @property
    def acknowledged(self) -> int:
        """How many entries are in the file, whatever happens to this process."""
        return self._writer.acknowledged

    @property
    def fault(self) -> str:
        """What is wrong, in one line; empty if nothing is."""
        return self._writer.fault

    def append(self, entry: Entry) -> None:
        """Have a step written down."""
        self._tell(entry)

    def remark(self, step: int, text: str) -> None:
        """Have something said about a step."""
        self._tell(Remark(step, text))

    def end(self, reason: str) -> None:
        """Have the take end in order; nothing may follow."""
        self._tell(_End(reason))

    def _tell(self, told: _Told) -> None:
        if self._told.qsize() >= MAX_UNWRITTEN:  # the thread hangs in the disk
            with suppress(queue.Empty):
                oldest = self._told.get_nowait()
                if isinstance(oldest, Entry):
                    self._lost = _Missing(oldest.step, self._lost.count + 1)
        self._told.put(told)

    def _run(self) -> None:
        pause_s = self._writer.work(self._clock())
        self._tried.put(None)
        lost, going_on = 0, True
        while going_on:
            going_on, lost = self._take_in(pause_s, lost)
            pause_s = self._writer.work(self._clock(), last=not going_on)
        self._writer.close()

    def _take_in(self, pause_s: float | None, lost: int) -> tuple[bool, int]:
        """Give the writer what has been told, after waiting for it; whether there is more to come, and what is lost."""
        with suppress(queue.Empty):
            told = self._told.get(timeout=pause_s)
            if (missing := self._lost).count > lost:
                self._writer.put(_Missing(missing.step, missing.count - lost))
                lost = missing.count
            for _ in range(self._told.qsize()):  # not until it is empty: that may never be
                if told is None:
                    break
                self._writer.put(told)
                told = self._told.get_nowait()
            if told is None:
                return False, lost
            self._writer.put(told)
        return True, lost


# --- reading --------------------------------------------------------------------------------------


def read_take(path: Path) -> Recording:
    """A take from its file: everything before the first line that is torn or damaged, and what is left out is said.

    InputNotFound if there is no such file, DataError if it does not begin with a head.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; give a take ({SUFFIX})") from error
    *lines, torn = content.split(b"\n")
    head = _head(path, lines)
    entries, remarks, ended, damage = list[Entry](), list[Remark](), None, ""
    before: Head | Entry = head
    for number, line in enumerate(lines[1:], 2):
        try:
            told = _told_by(line, before) if ended is None else _nothing()
        except DataError as error:
            damage = f"line {number} is damaged: {error}; it and the {len(lines) - number} lines after it are left out"
            break
        match told:
            case Entry():
                before = told
                entries.append(told)
            case Remark():
                remarks.append(told)
            case _End(reason):
                ended = reason
    if torn and not damage:
        damage = f"line {len(lines) + 1} is torn: a crash; everything before it is here"
    return Recording(head=head, entries=tuple(entries), remarks=tuple(remarks), ended=ended, damage=damage)


def _nothing() -> Remark:
    raise DataError("it follows the end")


def _head(path: Path, lines: Sequence[bytes]) -> Head:
    if not lines:
        raise DataError(f"{path}: it has no whole line, so it holds nothing; it can be deleted")
    try:
        return Head.from_json(_text_of(lines[0]))
    except DataError as error:
        raise DataError(f"{path}: it is no take, or a damaged one: {error}; give another") from error


def takes_directory() -> Path:
    """Where takes are kept: $IMPROV_TAKES, or the user's own place for data."""
    named = os.environ.get("IMPROV_TAKES")
    return Path(named) if named else user_data_path("improv") / "takes"


def takes(directory: Path) -> list[Listed]:
    """The takes in a directory, newest first; what cannot be read is listed with what is wrong."""
    return [_listed(path) for path in _paths(directory)]


def find_take(wanted: str, directory: Path) -> Path:
    """The file of a take: by its path, its name, the beginning of its name if no other begins so, or `last`.

    InputNotFound and UsageError list the candidates.
    """
    paths = {path.stem: path for path in _paths(directory)}
    if not paths and not _is_file(wanted):
        raise InputNotFound(f"{directory}: there are no takes; record one, or give the path of one")
    if wanted == "last":
        return next(iter(paths.values()))
    if _is_file(wanted):
        return Path(wanted)
    name = wanted.removesuffix(SUFFIX)
    if name in paths:
        return paths[name]
    matching = [known for known in paths if known.startswith(name)]
    if len(matching) == 1:
        return paths[matching[0]]
    if matching:
        raise UsageError(f"{wanted}: {len(matching)} takes begin so; give one of {_some(matching)}")
    raise InputNotFound(f"{wanted}: there is no such take in {directory}; give one of {_some(list(paths))}, or last")


def _paths(directory: Path) -> list[Path]:
    """The files of takes, newest first: their names begin with the time."""
    try:
        with os.scandir(directory) as found:
            names = [entry.name for entry in found if entry.name.endswith(SUFFIX)]
    except OSError:
        return []
    return sorted((directory / name for name in names), key=lambda path: path.stem, reverse=True)


def _is_file(wanted: str) -> bool:
    try:
        return wanted != "last" and Path(wanted).is_file()
    except OSError:  # a name no file system takes
        return False


def _some(names: Sequence[str]) -> str:
    more = len(names) - _CANDIDATES_TOLD
    return ", ".join(names[:_CANDIDATES_TOLD]) + (f" and {more} older ones" if more > 0 else "")


def _listed(path: Path) -> Listed:
    size = 0
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            first = file.readline(_MAX_HEAD_BYTES)
            head = _head(path, [first[:-1]] if first.endswith(b"\n") else [])
            end = _end_of(file, len(first), size, head)
    except OSError as error:
        return Listed(name=path.stem, path=path, size_bytes=size, wrong=error.strerror or str(error))
    except DataError as error:
        return Listed(name=path.stem, path=path, size_bytes=size, wrong=str(error).removeprefix(f"{path}: "))
    following = end.last.step + 1 if isinstance(end.last, Entry) else head.first_step
    return Listed(
        name=path.stem,
        path=path,
        size_bytes=size,
        began=head.began,
        model=head.model,
        length_s=end.last.transport.time_of(following) - head.transport.time_of(head.first_step),
        choruses=max(0, math.ceil(following / Form.parse(head.form).steps)),
        ended=end.ended,
    )


@dataclass(frozen=True, slots=True)
class _Tail:
    last: Head | Entry
    """The last entry, the head if there is none."""
    ended: str | None = None


def _end_of(file: BinaryIO, start: int, size: int, head: Head) -> _Tail:
    """How a file ends, from as little of it as holds an entry that states its transport."""
    block = _TAIL_BYTES
    while True:
        begin = max(start, size - block)
        file.seek(begin)
        lines = file.read(size - begin).split(b"\n")[1 if begin > start else 0 : -1]
        tail = _tail(lines, head, whole=begin == start)
        if tail is not None:
            return tail
        block *= 4


def _tail(lines: Sequence[bytes], head: Head, *, whole: bool) -> _Tail | None:
    """How these lines end; None if they must begin earlier to tell."""
    for begin in reversed(range(len(lines))):
        if _states_everything(lines[begin], head):
            break
    else:
        if not whole:
            return None
        begin = 0
    last: Head | Entry = head
    ended = None
    for line in lines[begin:]:
        with suppress(DataError):
            match _told_by(line, last):
                case Entry() as last:
                    pass
                case _End(reason):
                    ended = reason
    return _Tail(last, ended)


def _states_everything(line: bytes, head: Head) -> bool:
    if b'"transport":' not in line or b'"settings":' not in line:  # no free text holds these bytes: it is quoted
        return False
    with suppress(DataError):
        return isinstance(_told_by(line, head), Entry)
    return False
