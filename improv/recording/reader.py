"""Reading takes: one as far as it is whole, the list of them, and the one that is meant by a name.

It must never change what it reads, and never refuse a take because a crash has torn its end.
"""

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_data_path

from improv.dataclass import dataclass
from improv.errors import DataError, InputNotFound, UsageError
from improv.music.theory import Form
from improv.recording.bounds import check_entry, check_head
from improv.recording.disk import ORDER
from improv.recording.format import End, Entry, Head, Listed, Lost, Recording, Remark, State, checked_text, parsed_line
from improv.recording.take_file import SUFFIX
from improv.system.safe_files import open_file, read_file

MAX_TAKE_BYTES = 256 << 20
"""Five days of a jam; no more is read into memory."""

_TAIL_BYTES = 1 << 16

_MAX_HEAD_BYTES = 1 << 20

_CANDIDATES_TOLD = 8


def read_take(path: Path) -> Recording:
    """Return the recording in a file: all lines up to the first damaged one, and what is missing.

    InputNotFound if there is no such file, DataError if it does not begin with a head.
    """
    try:
        content = read_file(path, MAX_TAKE_BYTES)
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; give a take ({SUFFIX})") from error
    *lines, torn = content.split(b"\n")
    head = _head(path, lines)
    entries, remarks, ended, damage = list[Entry](), list[Remark](), None, ""
    losses, states = list[tuple[int, Lost]](), list[tuple[int, State]]()
    before: Head | Entry = head
    for number, line in enumerate(lines[1:], 2):
        try:
            parsed = parsed_line(line, before) if ended is None else _nothing()
        except DataError as error:
            damage = f"line {number} is damaged: {error}; it and the {len(lines) - number} lines after it are left out"
            break
        match parsed:
            case Entry():
                if (gap := _gap(before, parsed)) and not _is_marked(losses, len(entries)):
                    losses.append((len(entries), Lost(parsed.step - 1, gap, "the take does not say why")))
                before = parsed
                entries.append(parsed)
            case Remark():
                remarks.append(parsed)
            case Lost():
                losses.append((len(entries), parsed))
            case State():
                states.append((len(entries), parsed))
            case End(reason):
                ended = reason
    if torn and not damage:
        damage = f"line {len(lines) + 1} is torn: a crash; everything before it is here"
    return Recording(
        head=head, entries=tuple(entries), remarks=tuple(remarks), ended=ended, damage=damage,
        losses=tuple(losses), states=tuple(states),
    )  # fmt: skip


def join_takes(recordings: Sequence[Recording]) -> Recording:
    """Return takes that continue each other, in order, as one recording; ValueError if there is none."""
    if not recordings:
        raise ValueError("there is nothing to join")
    entries, losses, states = list[Entry](), list[tuple[int, Lost]](), list[tuple[int, State]]()
    for recording in recordings:
        losses += [(len(entries) + index, lost) for index, lost in recording.losses]
        states += [(len(entries) + index, state) for index, state in recording.states]
        entries += recording.entries
    first, last = recordings[0], recordings[-1]
    return Recording(
        head=first.head,
        entries=tuple(entries),
        remarks=tuple(remark for recording in recordings for remark in recording.remarks),
        ended=last.ended,
        damage="; ".join(recording.damage for recording in recordings if recording.damage),
        losses=tuple(losses),
        states=tuple(states),
    )


def _gap(before: Head | Entry, entry: Entry) -> int:
    """How many steps are missing before an entry; skipped choruses are not."""
    first = before.step + 1 if isinstance(before, Entry) else before.first_step
    return 0 if entry.skipped_choruses else max(0, entry.step - first)


def _is_marked(losses: Sequence[tuple[int, Lost]], index: int) -> bool:
    return any(lost.count for at, lost in reversed(losses) if at == index)


def _nothing() -> Remark:
    raise DataError("it follows the end")


def _head(path: Path, lines: Sequence[bytes]) -> Head:
    if not lines:
        raise DataError(f"{path}: it has no whole line, so it holds nothing; it can be deleted")
    try:
        return Head.from_json(checked_text(lines[0]))
    except DataError as error:
        raise DataError(f"{path}: it is no take, or a damaged one: {error}; give another") from error


def takes_directory() -> Path:
    """Return the folder of takes: $IMPROV_TAKES, or the user's folder for data."""
    named = os.environ.get("IMPROV_TAKES")
    return Path(named) if named else user_data_path("improv") / "takes"


def takes(directory: Path) -> list[Listed]:
    """List the takes in a directory, newest first; one that cannot be read is listed with its error."""
    return [_listed(path) for path in take_files(directory)]


def find_take(wanted: str, directory: Path) -> Path:
    """Find the file of a take: by its path, its name, the beginning of its name if no other begins so, or `last`.

    InputNotFound and UsageError list the candidates.
    """
    paths = {path.stem: path for path in take_files(directory)}
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


def take_files(directory: Path) -> list[Path]:
    """Return the files of takes in the order they were made, newest first; files from elsewhere come last."""
    try:
        with os.scandir(directory) as found:
            names = [entry.name for entry in found if entry.name.endswith(SUFFIX)]
    except OSError:
        return []
    order = _order(directory)
    return sorted(
        (directory / name for name in names), key=lambda path: (order.get(path.stem, -1), path.stem), reverse=True
    )


def _order(directory: Path) -> dict[str, int]:
    """The names of the takes that were made here, with their place in the order."""
    try:
        return {name: place for place, name in enumerate((directory / ORDER).read_text(errors="replace").split("\n"))}
    except OSError:
        return {}


def _is_file(wanted: str) -> bool:
    return wanted != "last" and os.path.isfile(wanted)  # noqa: PTH113 Path raises for a name no file system takes


def _some(names: Sequence[str]) -> str:
    more = len(names) - _CANDIDATES_TOLD
    return ", ".join(names[:_CANDIDATES_TOLD]) + (f" and {more} older ones" if more > 0 else "")


def _listed(path: Path) -> Listed:
    size = 0
    try:
        with open_file(path, MAX_TAKE_BYTES) as opened, BufferedReader(opened) as file:
            size = os.fstat(file.fileno()).st_size
            first = file.readline(_MAX_HEAD_BYTES)
            head = _head(path, [first[:-1]] if first.endswith(b"\n") else [])
            check_head(head)
            end = _end_of(file, len(first), size, head)
            if isinstance(end.last, Entry):
                check_entry(end.last, head)
    except OSError as error:
        return Listed(name=path.stem, path=path, size_bytes=size, wrong=error.strerror or str(error))
    except DataError as error:
        return Listed(name=path.stem, path=path, size_bytes=size, wrong=str(error).removeprefix(f"{path}: "))
    following = end.last.step + 1 if isinstance(end.last, Entry) else head.first_step
    form_steps = Form.parse(head.form, head.transport.grid).steps
    return Listed(
        name=path.stem,
        path=path,
        size_bytes=size,
        began=head.began,
        model=head.model,
        length_s=end.last.transport.time_of(following) - head.transport.time_of(head.first_step),
        choruses=math.ceil(max(0, following) / form_steps) - max(0, head.first_step) // form_steps,
        ended=end.ended,
        lost=end.lost,
        stopped=end.stopped,
    )


@dataclass(frozen=True, slots=True)
class _Tail:
    last: Head | Entry
    """The last entry, the head if there is none."""
    ended: str | None = None
    lost: int = 0
    stopped: str = ""


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
    ended, lost, stopped = None, 0, ""
    for line in lines[begin:]:
        with suppress(DataError):
            parsed = parsed_line(line, last)
            stopped = parsed.why if isinstance(parsed, Lost) and not parsed.count else ""
            match parsed:
                case Entry():
                    last, lost = parsed, max(lost, parsed.lost)
                case Lost():
                    lost += parsed.count
                case End(reason):
                    ended, lost = reason, max(lost, parsed.lost)
    return _Tail(last, ended, lost, stopped)


def _states_everything(line: bytes, head: Head) -> bool:
    if b'"transport":' not in line or b'"settings":' not in line:  # no free text holds these bytes: it is quoted
        return False
    with suppress(DataError):
        return isinstance(parsed_line(line, head), Entry)
    return False
