"""The benchmark's arithmetic on constructed data, and that what it starts starts, counts and ends.

Counts and order are asserted here, never a wall-clock time: those are what the benchmark prints.
"""

import gc
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from improv.config.values import Wiring
from improv.diagnostics.bench import jack, own_senders, steps, table
from improv.diagnostics.bench import jack_measurements as live
from improv.diagnostics.bench.grid import LEAD, PERIOD_S, onsets, read, write
from improv.diagnostics.bench.interleaved_rounds import alternate, probe_told, rows
from improv.diagnostics.bench.load_conditions import Condition, GarbageMaker, hog, hold_interpreter, under
from improv.diagnostics.bench.player_sender import Ours
from improv.diagnostics.bench.processes import of_jam, usage
from improv.diagnostics.bench.processes_under_test import player, said_by
from improv.diagnostics.bench.ratios import (
    render_beside_network,
    start_beside_imports,
    step_beside_network,
    together_mib,
)
from improv.diagnostics.bench.reaction import reaction
from improv.diagnostics.bench.reference_senders import NOT_INSTALLED, PEERS
from improv.diagnostics.bench.report import _cells
from improv.diagnostics.bench.senders import CThread, OneProcess, Peer
from improv.diagnostics.bench.stall_probe import StallProbe
from improv.diagnostics.bench.statistics import Quantiles, Samples, Stall, joined, median_ratio, ratio, robust_slope
from improv.diagnostics.bench.steps import beside_bare_us, decided_us, processor_ms, step_us
from improv.errors import Unavailable
from improv.ipc.child import Child
from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.protocol.controls import MODEL
from improv.runtime.ipc_messages import Opened, PlayerReport
from improv.runtime.process_table import ENGINE, PLAYER
from tests.models.onnx_models import saved, walker

BLUES = str(MODEL.default)


def samples(*late_s: float, period_s: float = 1.0, start_s: float = 10.0) -> Samples:
    """Samples a period apart, sent this late."""
    due_s = [start_s + index * period_s for index in range(len(late_s))]
    return Samples(tuple(due_s), tuple(due + late for due, late in zip(due_s, late_s, strict=True)))


# --- statistics -------------------------------------------------------------------------------


def test_quantiles_are_values_that_occurred() -> None:
    found = Quantiles.of(value / 1e6 for value in reversed(range(1000)))
    assert found is not None
    assert (found.n, found.conclusive) == (1000, True)
    assert (found.p50_us, found.p99_us, found.p999_us, found.max_us) == pytest.approx((500, 990, 999, 999))


def test_too_few_samples_decide_nothing() -> None:
    few, enough = Quantiles.of([1e-6] * 299), Quantiles.of([1e-6] * 300)
    assert few is not None
    assert enough is not None
    assert (few.conclusive, enough.conclusive) == (False, True)
    assert Quantiles.of([]) is None


def test_samples_need_a_send_for_each_deadline() -> None:
    with pytest.raises(ValueError, match="2 deadlines, 1 sends"):
        Samples((1.0, 2.0), (1.0,))


@pytest.mark.parametrize(
    ("stall", "kept"),
    [
        ((9.5, 9.9), 3),  # over long before the first deadline
        ((10.5, 10.979), 3),  # over 21 ms before the second one
        ((10.5, 10.981), 2),  # over 19 ms before it
        ((11.05, 11.06), 2),  # begins between the deadline and the send
        ((11.2, 11.9), 3),  # begins after the send
        ((9.0, 13.0), 0),  # lasts all the time
    ],
)
def test_a_sample_is_clean_unless_a_stall_touches_it(stall: tuple[float, float], kept: int) -> None:
    found = samples(0.0, 0.1, 0.0).clean([Stall(*stall, cpu=1)])
    assert len(found) == kept


def test_a_short_stall_inside_a_long_one_hides_nothing() -> None:
    stalls = [Stall(10.2, 10.3, cpu=0), Stall(9.9, 11.5, cpu=1)]
    assert samples(0.0, 0.0, 0.0).clean(stalls).due_s == (12.0,)


def test_what_is_sent_early_is_an_error_too() -> None:
    assert samples(-0.002, 0.001).errors_s == pytest.approx((0.002, 0.001))
    assert len(samples(0.0, -0.5).clean([Stall(10.6, 10.7, cpu=0)])) == 1


def test_a_grid_is_laid_through_the_median_phase() -> None:
    sent_s = [100 + index * 0.02 for index in range(9)]
    sent_s[4] += 0.005
    found = Samples.on_grid(sent_s, 0.02)
    assert found.errors_s == pytest.approx([0, 0, 0, 0, 0.005, 0, 0, 0, 0], abs=1e-9)
    assert len(Samples.on_grid([], 0.02)) == 0


@pytest.mark.parametrize("ppm", [-40.0, 0.0, 12.5, 9000.0])
def test_drift_is_found_through_stalls(ppm: float) -> None:
    late_s = [index * ppm * 1e-6 for index in range(600)]
    for stalled in (50, 51, 52, 300, 590):
        late_s[stalled] += 0.05
    assert samples(*late_s).drift_ppm() == pytest.approx(ppm, abs=1e-3)


def test_a_stall_that_shifts_all_that_follows_is_no_steady_drift() -> None:
    found = samples(*[0.0] * 250, *[0.01] * 50).drift_ppm()
    assert found == pytest.approx(0)


def test_drift_of_a_few_samples_is_unknown() -> None:
    assert samples(*[0.0] * 19).drift_ppm() is None


def test_ratios_of_what_is_unknown_are_unknown() -> None:
    assert ratio(6.0, 2.0) == 3
    assert (ratio(None, 2.0), ratio(6.0, None), ratio(6.0, 0.0)) == (None, None, None)
    assert median_ratio([(2, 1), (6, 2), (100, 1), (1, 0)]) == 3
    assert median_ratio([]) is None


def test_joining_keeps_order_and_counts_what_was_missed() -> None:
    one, two = Samples((1.0,), (1.1,), missed=2), Samples((2.0,), (2.1,), missed=3)
    assert joined([one, two]) == Samples((1.0, 2.0), (1.1, 2.1), missed=5)


# --- rounds -----------------------------------------------------------------------------------


class FakeProbe:
    """A probe that saw what it was told to see."""

    def __init__(self, *stalls: Stall, available: bool = True) -> None:
        self.available = available
        self.realtime = True
        self.why_not = "" if available else "no compiler"
        self.stalls = stalls
        self.entered = 0

    def __enter__(self) -> Self:
        self.entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def cell(name: str, late_s: float, log: list[tuple[str, float]]) -> Callable[[float], Samples]:
    """A sender that takes no time and is always this late; its visits go into the log."""

    def send(seconds: float) -> Samples:
        log.append((name, seconds))
        return samples(*[late_s] * 200, start_s=1000.0 * len(log))

    return send


def test_cells_are_visited_in_turn_and_compared_with_the_first() -> None:
    log: list[tuple[str, float]] = []
    probe = FakeProbe(Stall(1000.0, 1009.0, cpu=0))  # ten samples of the first visit
    found = alternate({"ours": cell("ours", 1e-4, log), "theirs": cell("theirs", 4e-4, log)}, 3, 6.0, probe)
    assert log == [("ours", 2.0), ("theirs", 2.0)] * 3
    assert probe.entered == 1
    ours, theirs = found["cells"]["ours"], found["cells"]["theirs"]
    assert (ours["raw"]["n"], ours["clean"]["n"], theirs["clean"]["n"]) == (600, 590, 600)
    assert ours["clean_p99_us_by_round"] == pytest.approx([100] * 3, rel=1e-6)
    assert found["clean_p99_ratio"] == pytest.approx({"ours": 1, "theirs": 4}, rel=1e-6)
    assert found["clean_p99_ratio_by_round"] == pytest.approx({"ours": 1, "theirs": 4}, rel=1e-6)
    assert json.loads(json.dumps(found)) == found
    table = rows(found)
    assert len({line.count("|") for line in table}) == 1
    assert "| 4.0x, 4.0x |" in table[-1]


def test_one_bad_round_does_not_move_the_median_of_rounds() -> None:
    visits = iter([1e-4, 4e-4, 9e-2, 4e-4, 1e-4, 4e-4])

    def send(seconds: float) -> Samples:
        return samples(*[next(visits)] * 200)

    found = alternate({"ours": send, "theirs": send}, 3, 6.0, FakeProbe())
    assert found["clean_p99_ratio"]["theirs"] < 0.01
    assert found["clean_p99_ratio_by_round"]["theirs"] == pytest.approx(4, rel=1e-6)


def test_a_cell_that_cannot_run_says_why() -> None:
    log: list[tuple[str, float]] = []

    def absent(seconds: float) -> Samples:
        log.append(("absent", seconds))
        raise Unavailable("isobar is not installed")

    found = alternate({"ours": cell("ours", 1e-4, log), "isobar": absent}, 2, 2.0, FakeProbe())
    assert [name for name, _ in log] == ["ours", "absent", "ours"]
    assert found["cells"]["isobar"] == {"skipped": "isobar is not installed"}
    assert "| isobar | isobar is not installed |" in rows(found)[-1]


def test_without_a_probe_everything_is_raw() -> None:
    log: list[tuple[str, float]] = []
    cells = {"ours": cell("ours", 1e-4, log), "theirs": cell("theirs", 2e-4, log)}
    found = alternate(cells, 2, 2.0, FakeProbe(available=False))
    assert found["cells"]["ours"]["clean"] is None
    assert found["cells"]["ours"]["raw"]["n"] == 400
    assert found["clean_p99_ratio"] == {"ours": None, "theirs": None}
    assert "no compiler" in probe_told(found)
    assert "| ours | none | - |" in rows(found)[2]


def test_few_clean_samples_give_no_ratio() -> None:
    log: list[tuple[str, float]] = []
    cells = {"ours": cell("ours", 1e-4, log), "theirs": cell("theirs", 2e-4, log)}
    found = alternate(cells, 1, 2.0, FakeProbe())
    assert found["clean_p99_ratio"] == found["clean_p99_ratio_by_round"] == {"ours": None, "theirs": None}
    assert "| 200, inconclusive |" in rows(found)[2]


# --- senders ----------------------------------------------------------------------------------


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
    with Child("pass") as child, pytest.raises(Unavailable, match="has ended"):
        said_by(child, Opened)


# --- what gets in the way ---------------------------------------------------------------------


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
        under("asleep")


# --- the probe and the steps ------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="no C compiler")
def test_the_probe_compiles_once_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    probe = StallProbe()
    for _ in range(2):
        with probe:
            hold_interpreter(0.1)
        assert (probe.available, probe.why_not) == (True, "")
        assert all(stall.start_s < stall.end_s for stall in probe.stalls)
        assert {stall.cpu for stall in probe.stalls} <= os.sched_getaffinity(0)
    (program,) = (tmp_path / "improv").iterdir()
    assert program.name.startswith("stall_probe-")


def test_without_a_compiler_there_is_no_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with StallProbe() as probe:
        pass
    assert (probe.available, probe.stalls) == (False, ())
    assert probe.why_not


def test_a_step_is_told_beside_the_bare_runtime_and_in_processor_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(walker(), tmp_path / "walker.onnx")
    monkeypatch.setattr(steps, "_PACE_S", 0)
    model = OnnxModel(path)
    for found in (step_us(model), decided_us(model)):
        assert 0 < found["p50"] <= found["p99"] <= found["p999"]
    bare = beside_bare_us(path, pairs=4, pace_s=0)
    assert bare["ours"].keys() == bare["bare"].keys() == {"p50", "p99", "p999"}
    assert bare["ratio"] > 0
    spent = processor_ms(OnnxModel(path), steps=3, pace_s=0.001)
    assert spent["steps"] == 3
    assert spent["ratio"] is not None


# --- reaction, safety, memory -----------------------------------------------------------------


def test_a_key_is_answered_by_a_plan() -> None:
    found = reaction(find_model(BLUES), BLUES, "cpu", keys=2)
    assert [found[what]["n"] for what in ("reaction", "step", "decided", "crossing")] == [2, 2, 2, 2]
    assert all(found[what]["p50_ms"] > 0 for what in ("reaction", "step", "decided", "crossing"))
    assert found["ratio"] is not None
    assert found["ratio_to_decided"] is not None


def test_a_step_and_a_render_are_told_beside_their_networks_own_calls() -> None:
    step = step_beside_network(find_model(BLUES), "cpu", steps=3, pace_s=0)
    rendered = render_beside_network(BLUES, "cpu", renders=1, choruses=1)
    for found in (step["ratio"], rendered["ratio"]):
        assert found is not None
        assert found > 1


def test_a_start_is_told_beside_two_imports() -> None:
    found = start_beside_imports(BLUES, "none", "cpu", starts=1)
    assert found["ratio"] is not None


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_thread_in_c_sends_the_grid() -> None:
    found = CThread(60)(0.5, Condition.ALONE)
    assert len(found) == onsets(0.5) - LEAD
    assert np.diff(found.due_s) == pytest.approx(PERIOD_S, abs=1e-6)
    assert min(found.lateness_s) >= 0


def test_memory_together_is_that_of_those_that_play() -> None:
    taken = {name: {"pss_mib": 10.0} for name in ("daemon", "engine", "player", "host", "understudy")}
    assert together_mib(taken) == 40
    assert together_mib({}) is None


LATENCY_TEST = """
Average latency: 5.33 ms (256.00 frames)

Jitter Plot:
0.0 - 0.1 ms: 4

Latency Plot:
5.2 - 5.3 ms: 3
9.4 - 9.5 ms: 1

Messages sent: 5
Messages received: 4
Xruns: 2
"""


def script(folder: Path, name: str, prints: str) -> None:
    """A program of that name that prints something."""
    (folder / name).write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{prints}\nEND\n")
    (folder / name).chmod(0o755)


def test_the_plot_of_the_latency_test_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "jack_midi_latency_test", LATENCY_TEST)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = jack.round_trip("in", "out", 5)
    assert found == {"n": 4, "lost": 1, "xruns": 2, "p50_ms": 5.3, "p99_ms": 9.5, "max_ms": 9.5}
    script(tmp_path, "jack_midi_latency_test", "no ports")
    with pytest.raises(Unavailable, match="measured nothing"):
        jack.round_trip("in", "out", 5)


def test_without_jack_it_is_said_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert live.told(live.through) == {"not_measured": "jack_bufsize is not installed"}
    script(tmp_path, "jack_bufsize", "256")
    script(tmp_path, "jack_samplerate", "JACK server not running")
    found = live.told(lambda: live.silence_after_kill(BLUES, "cpu", kills=1))
    assert found == {"not_measured": "no JACK server answers"}
    script(tmp_path, "jack_samplerate", "48000")
    assert jack.period().ms == pytest.approx(5.333, abs=1e-3)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell")
def test_what_a_process_takes_is_read_from_outside() -> None:
    taken = usage(os.getpid())
    assert taken is not None
    assert 0 < taken.own_bytes <= taken.pss_bytes
    assert (taken.threads, taken.descriptors) >= (1, 3)
    with Child(PLAYER.program) as one, Child(ENGINE.program) as other, Child(PLAYER.program) as third:
        for player in (one, third):
            player.link.send(Wiring(api="none"))
            said_by(player, PlayerReport)  # it runs, and so is what its command line says
        roles = {"daemon": os.getpid(), "player": one.pid, "engine": other.pid, "understudy": third.pid}
        assert of_jam(os.getpid()) == roles
    assert usage(one.pid) is None
    assert of_jam(one.pid) == {"daemon": one.pid}


def test_a_slope_is_found_through_noise() -> None:
    xs = [float(x) for x in range(100)]
    assert robust_slope(xs, [2 * x + (500 if x % 10 == 0 else 0) for x in xs]) == pytest.approx(2)
    assert robust_slope(xs[:19], xs[:19]) is None


def results() -> dict[str, object]:
    """What `measure` returns on a machine where hardly anything could be measured."""
    found = alternate({"ours": cell("ours", 1e-4, [])}, 1, 6.0, FakeProbe(available=False))
    return {
        "machine": "a machine",
        "model": "a model",
        "port": "no port",
        "decided_us": {"p50": 700.0, "p99": 900.0, "p999": 950.0},
        "step_us": {"cpu": {"p50": 90.0, "p99": 100.0, "p999": 110.0}, "cuda": "no GPU"},
        "provider": "cpu",
        "step_beside_bare_us": {"ours": {"p50": 90.0}, "bare": {"p50": 80.0}, "ratio": 1.1},
        "processor_ms": {"steps": 40, "processor": 0.4, "wall": 0.2, "ratio": 2.0},
        "grid": found,
        "reaction": {"not_measured": "the engine has stopped planning"},
        "through": {"not_measured": "no JACK server answers"},
        "silence_after_kill": {"not_measured": "no JACK server answers"},
        "seconds": 12,
        "lateness_us": {"onsets": 100, "p50": 1.0, "p99": 2.0, "max": 3.0},
        "missed_steps": 0,
        "dropped_onsets": 0,
        "start_to_first_note_s": None,
        "processes": {},
        "peak_memory_mib": None,
        "choruses_rendered_per_s": 50.0,
        "ratios": {
            "step": {"step_us": 700.0, "network_us": 500.0, "ratio": 1.4},
            "render": {"processor_s": 3.0, "network_s": 2.0, "ratio": 1.5},
            "start": {"first_note_s": None, "imports_s": None, "ratio": None},
            "together_mib": None,
            "onsets": None,
        },
    }


def test_the_table_has_its_groups_whatever_could_be_measured() -> None:
    found = results()
    text = table(found)
    assert "| 700 / 900 / 950 us |" in text
    titles = ("**The step**", "**Time**", "**Reaction**", "**Safety**", "**Start and memory**")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert text.count("not measured: no JACK server answers") == 2
    for said in ("unusable", "not told by this system", "no note", "no compiler"):
        assert said in text
    step = {"n": 9, "p50_ms": 1.0, "p99_ms": 2.0}
    trip = {"n": 9, "lost": 1, "xruns": 0, "p50_ms": 4.0, "p99_ms": 8.0, "max_ms": 8.0}
    found |= {
        "reaction": {
            "reaction": step, "step": step, "decided": step, "crossing": step, "ratio": 1.2, "ratio_to_decided": 1.1,
        },
        "through": {"period_ms": 4.0, "period_frames": 192, "echo": {"not_measured": "no cc"}, "player": trip},
        "silence_after_kill": {
            "kills": 2, "period_ms": 4.0, "p50_ms": 4.0, "max_ms": 6.0, "sounding": 5, "hung": 0, "after": 0,
        },
        "start_to_first_note_s": 0.5,
        "processes": {"daemon": {"pss_mib": 20.0, "threads": 2, "descriptors": 8}},
    }  # fmt: skip
    found["ratios"] = {
        **found["ratios"],  # type: ignore[dict-item]
        "start": {"first_note_s": 0.9, "imports_s": 0.3, "ratio": 3.0},
        "together_mib": 140.0,
        "onsets": 1.2,
    }
    text = table(found)
    for said in ("700 / 500 us: 1.40x", "3.00 / 2.00 s: 1.50x", "0.90 / 0.30 s: 3.00x", "140 MiB (PSS)", "| 1.20x |"):
        assert said in text
    assert "4.0 / 8.0 / 8.0 ms = 1.00 / 2.00 / 2.00 periods, 9 messages, 1 lost, 0 xruns" in text
    assert "not measured: no cc" in text
    assert "4.0 / 6.0 ms = 1.0 / 1.5 periods" in text
    assert "20 MiB (PSS), 2 threads, 8 descriptors" in text
