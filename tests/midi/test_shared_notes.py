"""The notes of a player in memory that outlives it: what another process ends of them."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from improv.midi.note_ledger import Ledger
from improv.midi.shared_notes import SharedNotes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes share no memory there")


@pytest.fixture
def notes() -> Iterator[SharedNotes]:
    with SharedNotes.create() as made:
        yield made


def test_what_sounds_is_ended_once_by_whichever_ledger_it_was_begun(notes: SharedNotes) -> None:
    ours, passed = Ledger(notes.marker(0)), Ledger(notes.marker(1))
    for message in ((0x90, 60, 90), (0x9F, 127, 1), (0xB0, 64, 127)):
        ours.enter(bytes(message))
    passed.enter(bytes((0x90, 60, 80)))
    passed.enter(bytes((0x92, 0, 80)))
    assert notes.ends() == [bytes((0x80, 60, 64)), bytes((0x82, 0, 64)), bytes((0x8F, 127, 64))]
    notes.clear()
    assert notes.ends() == []


@pytest.mark.parametrize("how", [(0x80, 60, 0), (0x90, 60, 0), (0xB0, 123, 0), (0xB0, 120, 0), None])
def test_an_end_that_was_sent_a_moment_ago_may_have_been_lost(
    how: tuple[int, int, int] | None, notes: SharedNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr("improv.midi.shared_notes.time.monotonic", lambda: now_s[0])
    ledger = Ledger(notes.marker(0))
    ledger.enter(bytes((0x90, 60, 90)))
    now_s[0] += 60
    ledger.enter(bytes(how)) if how else ledger.clear()
    now_s[0] += 0.5
    assert notes.ends() == [bytes((0x80, 60, 64))]
    now_s[0] += 1
    assert notes.ends() == []


def test_a_process_that_is_killed_leaves_what_it_has_begun(notes: SharedNotes) -> None:
    code = """
import os, signal, sys
from improv.midi.note_ledger import Ledger
from improv.midi.shared_notes import SharedNotes
ledger = Ledger(SharedNotes.inherited(sys.argv[1:]).marker(1))
ledger.enter(bytes((0x91, 48, 90)))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert notes.descriptor is not None
    command = [sys.executable, "-c", code, str(notes.descriptor)]
    killed = subprocess.run(command, pass_fds=[notes.descriptor], check=False)
    assert killed.returncode == -9
    assert notes.ends() == [bytes((0x81, 48, 64))]


def test_where_nothing_is_shared_nothing_is_known_and_nothing_fails() -> None:
    with SharedNotes.inherited([]) as notes:
        notes.marker(0)(3, 60, True)
        assert notes.ends() == [bytes((0x83, 60, 64))]
        assert notes.descriptor is None
