"""The thread that writes: it dies and another goes on, the disk hangs, leaving waits."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from improv.recording import (
    Disk,
    Entry,
    Journal,
    Writer,
    read_take,
)
from tests.ports.patience import eventually
from tests.recording.performed import HEAD, PATIENT_S, steps


class Watch:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def waits_for(journal: Journal, what: Callable[[], bool]) -> None:
    """Let the thread run until something is so."""
    for _ in range(60_000):
        if what():
            return
        journal._thread.join(0.001)
    raise AssertionError(journal.fault)


def test_a_thread_that_dies_is_told_and_another_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, entries = Watch(), steps(30)
    dying: list[int] = []
    put = Writer.put

    def puts(writer: Writer, told: Any) -> None:
        if isinstance(told, Entry) and told.step == entries[10].step and not dying:
            dying.append(told.step)
            raise MemoryError("no room")
        put(writer, told)

    monkeypatch.setattr(Writer, "put", puts)
    with Journal(tmp_path, HEAD, clock=watch, patience_s=PATIENT_S) as journal:
        for entry in entries[:20]:
            journal.append(entry)
        waits_for(journal, lambda: not journal._thread.is_alive())
        assert journal.fault == "recording has stopped: MemoryError: no room; it is begun again"
        journal.tend()
        assert not journal._thread.is_alive()  # not more than once a second
        watch.now_s += 1.0
        journal.tend()
        assert journal._thread.is_alive()
        for entry in entries[20:]:
            journal.append(entry)
        waits_for(journal, lambda: journal.acknowledged == 29)
        assert "1 step is missing from the recording: the recorder failed (MemoryError: no room)" in journal.fault
        assert journal.wants_state
    assert journal.path is not None
    read = read_take(journal.path)
    assert read.entries == (*entries[:10], *entries[11:])
    assert [lost.count for _, lost in read.losses if lost.count] == [1]
    assert any("the recorder had failed" in remark.text for remark in read.remarks)


def test_a_disk_that_hangs_is_told(tmp_path: Path) -> None:
    watch, hangs = Watch(), SimpleNamespace(on=False, let_go=False)
    import threading

    hanging, go_on = threading.Event(), threading.Event()

    def write(file: int, content: bytes) -> int:
        if hangs.on:
            hanging.set()
            go_on.wait(PATIENT_S)
        return os.write(file, content)

    with Journal(tmp_path, HEAD, disk=replace(Disk(), write=write), clock=watch, patience_s=PATIENT_S) as journal:
        hangs.on = True
        journal.append(steps(1)[0])
        assert hanging.wait(PATIENT_S)
        assert journal.fault == ""
        watch.now_s += 3.0
        assert journal.fault == "recording has stopped: the disk has not answered for 3 s"
        hangs.on = False
        go_on.set()
    assert journal.acknowledged == 1


def test_leaving_waits_for_as_long_as_something_is_written(tmp_path: Path) -> None:
    """A disk that takes one thing more each time that patience has an end."""
    import threading

    gate, slow, waited = threading.Semaphore(0), SimpleNamespace(on=False), []

    def write(file: int, content: bytes) -> int:
        if slow.on:
            gate.acquire()
        return os.write(file, content)

    with Journal(tmp_path, HEAD, disk=replace(Disk(), write=write), patience_s=PATIENT_S) as journal:
        slow.on = True
        for entry in steps(3000):
            journal.append(entry)
        journal.end("stopped")
        thread = journal._thread

        def join(timeout: float) -> None:
            before = journal.acknowledged
            waited.append(timeout)
            gate.release()
            eventually(lambda: journal.acknowledged > before or not thread.is_alive(), "something that is written")

        thread.join = join  # type: ignore[method-assign,assignment]
    assert (journal.acknowledged, journal.unwritten) == (3000, 0)
    assert waited == [PATIENT_S] * len(waited)
    assert len(waited) > 1
