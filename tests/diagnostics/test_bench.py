"""What the benchmark starts starts, counts and ends; counts and order are asserted here, never a wall-clock time."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from improv.config.values import Wiring
from improv.diagnostics.bench import jack, steps, table
from improv.diagnostics.bench import jack_measurements as live
from improv.diagnostics.bench.grid import LEAD, PERIOD_S, onsets
from improv.diagnostics.bench.interleaved_rounds import alternate
from improv.diagnostics.bench.load_conditions import Condition, hold_interpreter
from improv.diagnostics.bench.processes import of_jam, usage
from improv.diagnostics.bench.processes_under_test import said_by
from improv.diagnostics.bench.ratios import (
    render_beside_network,
    start_beside_imports,
    step_beside_network,
    together_mib,
)
from improv.diagnostics.bench.reaction import reaction
from improv.diagnostics.bench.senders import CThread
from improv.diagnostics.bench.stall_probe import StallProbe
from improv.diagnostics.bench.statistics import robust_slope
from improv.diagnostics.bench.steps import (
    band_us,
    beside_bare_us,
    decided_us,
    drafts_us,
    expression_us,
    processor_ms,
    step_us,
)
from improv.errors import Unavailable
from improv.ipc.child import Child
from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.runtime.ipc_messages import PlayerReport
from improv.runtime.process_table import ENGINE, PLAYER
from tests.diagnostics.test_bench_statistics import BLUES, FakeProbe, cell
from tests.models.onnx_models import saved, walker


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
    for found in (step_us(model), decided_us(model), band_us(model), expression_us(model), drafts_us(model, 2)):
        assert 0 < found["p50"] <= found["p99"] <= found["p999"]
    bare = beside_bare_us(path, pairs=4, pace_s=0)
    assert bare["ours"].keys() == bare["bare"].keys() == {"p50", "p99", "p999"}
    assert bare["ratio"] > 0
    spent = processor_ms(OnnxModel(path), steps=3, pace_s=0.001)
    assert spent["steps"] == 3
    assert spent["ratio"] is not None


def test_a_key_is_answered_by_a_plan() -> None:
    found = reaction(find_model(BLUES), BLUES, "cpu", keys=2)
    assert [found[what]["n"] for what in ("reaction", "step", "decided", "crossing")] == [2, 2, 2, 2]
    assert all(found[what]["p50_ms"] > 0 for what in ("reaction", "step", "decided", "crossing"))
    assert found["ratio"] is not None
    assert found["ratio_to_decided"] is not None


def test_a_step_and_a_render_are_told_beside_their_networks_own_calls() -> None:
    step = step_beside_network(BLUES, "cpu", steps=3, pace_s=0)
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
    taken = {name: {"own_mib": 10.0} for name in ("daemon", "engine", "player", "host", "standby player")}
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
    assert live.measure(live.through) == {"not_measured": "jack_bufsize is not installed"}
    script(tmp_path, "jack_bufsize", "256")
    script(tmp_path, "jack_samplerate", "JACK server not running")
    found = live.measure(lambda: live.silence_after_kill(BLUES, "cpu", kills=1))
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
        roles = {"daemon": os.getpid(), "player": one.pid, "engine": other.pid, "standby player": third.pid}
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
        "band_us": {"p50": 60.0, "p99": 150.0, "p999": 200.0},
        "drafts_us": {"p50": 150_000.0, "p99": 180_000.0, "p999": 180_000.0},
        "expression_us": {"mean": 40.0, "p50": 60.0, "p99": 150.0, "p999": 200.0},
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
        "sound": {"libsonare": {"cpu": 0.093}},
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
    titles = ("**The step**", "**Time**", "**Reaction**", "**Safety**", "**Start and memory**", "**Sound**")
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
    assert "| the synth process with libsonare, a jam at 160 bpm | 9.3 % of a processor |" in text
    text = table(found)
    for said in ("700 / 500 us: 1.40x", "3.00 / 2.00 s: 1.50x", "0.90 / 0.30 s: 3.00x", "140 MiB (PSS)", "| 1.20x |"):
        assert said in text
    assert "4.0 / 8.0 / 8.0 ms = 1.00 / 2.00 / 2.00 periods, 9 messages, 1 lost, 0 xruns" in text
    assert "not measured: no cc" in text
    assert "4.0 / 6.0 ms = 1.0 / 1.5 periods" in text
    assert "20 MiB (PSS), 2 threads, 8 descriptors" in text
