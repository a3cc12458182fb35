"""A take that is deleted, moved, cut or full while it is written: another goes on, and it says so."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from improv.recording import (
    Disk,
    Lost,
    Remark,
    State,
    Writer,
    find_take,
    join_takes,
    read_take,
    takes,
)
from tests.recording.performed import HEAD, NAME, step_of, steps

STATE = State(7, "{}", "echo", "00ff")


class Tape:
    """A writer whose time is told to it, half a second at a time."""

    def __init__(self, directory: Path, **given: Any) -> None:
        self.writer = Writer(directory, HEAD, Disk(), **given)
        self.now_s = 0.0

    def put(self, *told: Any) -> "Tape":
        for each in told:
            self.writer.put(each)
        return self.work()

    def work(self) -> "Tape":
        """A second, in two halves."""
        for _ in range(2):
            self.now_s += 0.5
            self.writer.work(self.now_s)
        return self

    @property
    def path(self) -> Path:
        assert self.writer.path is not None
        return self.writer.path


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "takes")


# --- the file is taken away ---------------------------------------------------------------------


def deleted(path: Path) -> None:
    path.unlink()


def folder_deleted(path: Path) -> None:
    shutil.rmtree(path.parent)


def moved(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere.take")


def renamed(path: Path) -> None:
    path.rename(path.with_name("mine.take"))


def replaced(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def truncated(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5)


def written_into(path: Path) -> None:
    with path.open("a") as file:
        file.write("la la la\n")


@pytest.mark.parametrize(
    ("harm", "lost", "says"),
    [
        (deleted, 8, "was deleted"),
        (folder_deleted, 8, "was deleted"),
        (replaced, 8, "was deleted"),
        (moved, 0, "was moved"),
        (renamed, 0, "was moved"),
        (truncated, 8, "was cut short"),
        (cut, 8, "was cut short"),
        (written_into, 0, "was written into by another program"),
    ],
)
def test_within_a_second_it_is_told_and_another_take_goes_on(
    harm: Callable[[Path], None], lost: int, says: str, tape: Tape
) -> None:
    entries = steps(20)
    tape.put(*entries[:8])
    before = tape.path
    harm(before)
    tape.work()  # nothing is to be written: it is looked at all the same
    why = f"the take {NAME} {says} while it was recorded"
    assert tape.writer.loss == (f"8 steps are missing from the recording: {why}" if lost else why)
    assert tape.path != before or says == "was deleted"
    assert tape.writer.wants_state
    tape.put(*entries[8:])
    assert tape.writer.acknowledged == 20
    read = read_take(tape.path)
    assert (read.entries, read.damage) == (entries[8:], "")
    assert read.losses == ((0, Lost(-1, lost, why)),)
    assert (read.head.continues, read.head.first_step) == (NAME, 0)
    assert (read.head.settings, read.head.transport) == (entries[7].settings, entries[7].transport)
    assert find_take("last", before.parent) == tape.path


def test_a_take_that_is_deleted_before_its_first_step_is_begun_again(tape: Tape) -> None:
    tape.work().path.unlink()
    tape.put(*steps(3))
    read = read_take(tape.path)
    assert (read.head, read.entries, read.lost) == (HEAD, steps(3), 0)


def test_it_is_taken_away_again_and_again(tape: Tape) -> None:
    entries = steps(40)
    for begin in range(0, 40, 10):
        tape.put(*entries[begin : begin + 10])
        tape.path.unlink()
        tape.work()
    tape.put()
    assert tape.writer.loss.startswith("40 steps are missing")
    assert read_take(tape.path).lost == 10  # of this file


def test_a_take_past_its_size_ends_where_the_next_can_begin_with_a_session(tmp_path: Path) -> None:
    tape, entries = Tape(tmp_path, limit_bytes=5000), steps(60)
    tape.put(*entries[:40])
    assert tape.path.stat().st_size > 5000
    assert (tape.writer.wants_state, len(tape.writer.paths)) == (True, 1)  # it goes on until there is one
    state = replace(STATE, step=entries[39].step)
    tape.put(state, *entries[40:45])
    first, second = map(read_take, tape.writer.paths)
    assert (first.entries, first.ended) == (entries[:40], "it has reached its size, and goes on in another take")
    assert (second.entries, second.states, second.losses) == (entries[40:45], ((0, state),), ())
    assert (second.head.continues, second.head.first_step) == (tape.writer.paths[0].stem, entries[40].step)
    whole = join_takes([first, second])
    assert (whole.entries, whole.states, whole.head) == (entries[:45], ((40, state),), HEAD)
    assert not tape.writer.wants_state
    assert tape.writer.loss == ""


def test_a_session_that_is_not_wanted_is_not_kept(tape: Tape) -> None:
    tape.put(*steps(3), STATE)
    assert read_take(tape.path).states == ()


# --- the disk -----------------------------------------------------------------------------------


def test_a_take_in_which_nothing_more_could_be_written_says_so_in_the_list(tmp_path: Path) -> None:
    entries = steps(20)
    full = [False]

    def write(file: int, content: bytes) -> int:
        if full[0] and len(content) > 200:  # there is room for a short line
            raise OSError(28, os.strerror(28))
        return os.write(file, content)

    writer = Writer(tmp_path, HEAD, replace(Disk(), write=write))
    writer.put(entries[0])
    writer.work(0.0)
    full[0] = True
    for entry in entries[1:]:
        writer.put(entry)
    writer.work(1.0)
    writer.work(2.0)
    (listed,) = takes(tmp_path)
    assert (listed.ended, listed.stopped) == (None, "recording has stopped here: No space left on device")
    assert read_take(writer.paths[0]).lost == 0


@pytest.mark.parametrize("spare", [0, 1, 37, 80, 150])
def test_a_take_on_a_full_disk_has_its_mark_however_little_room_there_is(spare: int, tmp_path: Path) -> None:
    entries = steps(40)
    limit = [1 << 20]

    def write(file: int, content: bytes) -> int:
        room = max(0, limit[0] - os.fstat(file).st_size)
        if not room:
            raise OSError(28, os.strerror(28))
        return os.write(file, content[:room])

    writer = Writer(tmp_path, HEAD, replace(Disk(), write=write))
    for entry in entries[:20]:
        writer.put(entry)
    writer.work(0.0)
    limit[0] = writer.paths[0].stat().st_size + spare
    for entry in entries[20:30]:
        writer.put(entry)
    writer.work(1.0)
    writer.work(2.0)
    (listed,) = takes(tmp_path)
    assert (listed.ended, listed.stopped) == (None, "recording has stopped here: No space left on device")
    read = read_take(writer.paths[0])
    assert read.entries == entries[: len(read.entries)]
    assert writer.acknowledged == len(read.entries) >= 15
    limit[0] = 1 << 20
    for entry in entries[30:]:
        writer.put(entry)
    writer.work(3.0)
    assert read_take(writer.paths[0]).entries == entries
    assert (writer.paths, writer.acknowledged, writer.loss) == (writer.paths[:1], 40, "")


def test_what_is_missing_is_told_in_the_list_from_the_end_of_the_file(tape: Tape, tmp_path: Path) -> None:
    entries = [step_of(step) for step in range(-8, 300)]
    tape.put(*entries[:10], Lost(1, 5, "nobody read"), *entries[15:])
    (listed,) = takes(tmp_path / "takes")
    assert (listed.lost, listed.ended) == (5, None)  # told again every 128 steps
    os.truncate(tape.path, tape.path.stat().st_size - 3)
    (listed,) = takes(tmp_path / "takes")
    assert listed.lost == 5


def test_a_mark_is_what_it_was(tape: Tape) -> None:
    lost, state = Lost(3, 2, "a reason"), State(5, '{"step":5,"memory":{}}', "echo", "00ff")
    tape.put(*steps(1), lost, Remark(4, "so"), state)
    read = read_take(tape.path)
    assert (read.losses, read.states, read.remarks) == (((1, lost),), ((1, state),), (Remark(4, "so"),))
