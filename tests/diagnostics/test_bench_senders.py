"""Senders of the grid, what they have to bear, and the probe that watches the machine."""

import gc
import importlib.util
import os
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from improv.config.values import Wiring
from improv.diagnostics.bench import own_senders
from improv.diagnostics.bench.grid import LEAD, PERIOD_S, onsets, read, write
from improv.diagnostics.bench.load_conditions import Condition, GarbageMaker, hog, hold_interpreter, load_condition
from improv.diagnostics.bench.player_sender import Ours
from improv.diagnostics.bench.processes_under_test import player, said_by
from improv.diagnostics.bench.reference_senders import NOT_INSTALLED, PEERS
from improv.diagnostics.bench.report import _cells
from improv.diagnostics.bench.senders import OneProcess, Peer
from improv.errors import Unavailable
from improv.ipc.child import Child
from improv.ipc.launch import Program
from improv.runtime.ipc_messages import Opened


def test_moments_come_back_from_their_file(tmp_path: Path) -> None:
    write(tmp_path / "moments", [1, 2**62])
    assert read(tmp_path / "moments") == [1, 2**62]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_sends_the_grid(name: str) -> None:
    if name == "isobar" and importlib.util.find_spec("isobar") is None:
        pytest.skip("isobar is not installed")
    found = Peer(name)(0.3, Condition.ALONE)
    assert len(found) == round(0.3 / PERIOD_S) == onsets(0.3) - LEAD
    assert all(earlier < later for earlier, later in pairwise(found.sent_s))
    assert np.diff(found.due_s) == pytest.approx(PERIOD_S)


@pytest.mark.parametrize("condition", Condition)
def test_our_clock_sends_the_grid_whatever_it_bears(condition: Condition) -> None:
    found = OneProcess()(0.3, condition)
    assert len(found) == onsets(0.3) - LEAD
    assert all(late >= 0 for late in found.lateness_s)
    assert all(earlier < later for earlier, later in pairwise(found.sent_s))


def test_a_peer_that_is_not_installed_is_skipped_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "isobar.py").write_text("raise ImportError('no isobar here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Unavailable, match=r"isobar is not installed \(no isobar here\)"):
        Peer("isobar")(0.1, Condition.ALONE)
    command = [
        sys.executable,
        "-m",
        "improv.diagnostics.bench.reference_senders",
        "isobar",
        "0.1",
        str(tmp_path / "out"),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == NOT_INSTALLED


def test_a_sender_carries_nothing_of_the_rest() -> None:
    """What a peer has to load beside its own library would slow it down."""
    code = "import sys, improv.diagnostics.bench.reference_senders; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "numpy",
        "onnxruntime",
        "mido",
        "rtmidi",
        "textual",
        "improv.runtime.daemon",
        "improv.midi",
        "improv.diagnostics.bench.report",
    }
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("condition", Condition)
def test_our_player_sends_the_grid_whatever_its_engine_bears(condition: Condition) -> None:
    seconds = 1.2  # more than a bar, so that plans follow each other
    found = Ours()(seconds, condition)
    assert len(found) + found.missed == onsets(seconds) - LEAD
    assert len(found) > 0
    assert all(earlier < later for earlier, later in pairwise(found.sent_s))
    assert np.diff(found.due_s) / PERIOD_S == pytest.approx(np.round(np.diff(found.due_s) / PERIOD_S), abs=1e-3)


def test_ours_is_the_player_and_is_compared_everywhere() -> None:
    assert own_senders() == {"ours": Ours()}
    cells = list(_cells(own_senders()))
    assert cells[0] == "ours, alone"
    assert [cell for cell in cells if "one process" in cell] == [
        f"our clock in one process, {condition}" for condition in (Condition.GARBAGE, Condition.HELD)
    ]
    for condition in Condition:
        assert {f"ours, {condition}", f"mido, {condition}"} <= set(cells)
    assert "a C thread, alone" in cells
    assert len(cells) == 16


def test_a_player_that_cannot_open_its_ports_says_so() -> None:
    with pytest.raises(Unavailable, match="--api none has no ports"), player(Wiring(api="none", input="piano")):
        pass


def test_a_process_that_ends_without_a_word_is_unavailable() -> None:
    with Child(Program("pass")) as child, pytest.raises(Unavailable, match="has ended"):
        said_by(child, Opened)


def test_a_busy_program_ends_with_its_context() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("this system does not list children")
    before = set(children.read_text().split())
    with hog():
        assert len(set(children.read_text().split()) - before) == 1
    assert set(children.read_text().split()) <= before


def test_garbage_is_made_with_collections_on_and_both_end() -> None:
    threads = threading.active_count()
    gc.disable()
    try:
        with GarbageMaker():
            assert gc.isenabled()
            assert threading.active_count() == threads + 1
        assert not gc.isenabled()
        assert threading.active_count() == threads
    finally:
        gc.enable()


def test_holding_the_interpreter_lets_no_other_thread_run() -> None:
    stamps_s: list[float] = []
    ended = False

    def stamp() -> None:
        while not ended:
            stamps_s.append(time.monotonic())

    thread = threading.Thread(target=stamp)
    thread.start()
    hold_interpreter(0.05)
    ended = True
    thread.join()
    stamps_s.append(time.monotonic())
    assert max(later - earlier for earlier, later in pairwise(stamps_s)) > 0.049  # it cannot have been shorter


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="asleep"):
        load_condition("asleep")
