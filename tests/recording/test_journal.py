"""Writing while the music goes on: disks that block, real disks, and recorders that are killed."""

import contextlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from improv.recording import (
    Disk,
    Journal,
    Writer,
    backlog,
    read_take,
    writer_thread,
)
from tests.recording.performed import HEAD, PATIENT_S, recorded, step_of, steps
from tests.recording.test_writer import FULL

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


def test_a_disk_that_blocks_holds_up_no_other_thread(tmp_path: Path) -> None:
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
    command = [sys.executable, "-c", f"from tests.recording.test_journal import fill_up; fill_up({str(tmp_path)!r})"]
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
    code = "from tests.recording.test_journal import kill_many; kill_many({!r}, {}, {})"
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
