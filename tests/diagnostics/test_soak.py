"""The soak's arithmetic on made-up looks, and one jam that is watched for three seconds.

Counts and verdicts are asserted here; how long anything takes is what the soak prints.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from improv.diagnostics.bench.processes import Usage
from improv.diagnostics.soak import LONG_ENOUGH_S, _found, _Watched, soak, table
from improv.errors import UsageError

SOAK = (sys.executable, "-m", "improv", "soak", "--model", "eck2002-blues", "--api", "none", "--json", "--minutes")

WIRING = {"api": "none", "mode": "solo", "tempo_bpm": 240, "notes_called": None, "visits": 0}
FIGURES = {
    "onsets": 900, "dropped_onsets": 0, "missed_steps": 1, "faults": 0, "engine_deaths": 0, "player_deaths": 0,
    "lateness_p50_us": 1.0, "lateness_p99_us": 60.0, "lateness_max_us": 900.0,
}  # fmt: skip


def watched(seconds: int = 700, mb_an_hour: float = 0.0, **more: Any) -> _Watched:
    """Looks at three processes, the engine of which takes so much more each hour; files come and go."""

    def look(at_s: int) -> dict[str, Usage]:
        grown = round(at_s / 3600 * mb_an_hour * 1e6)
        files = 5_000_000 if at_s % 7 else 1_000_000
        return {name: Usage(9_000_000 + files + grown, 9_000_000 + grown, 2, 8) for name in ("daemon", "player")} | {
            "engine": Usage(30_000_000 + files + grown, 30_000_000 + grown, 3, 9)
        }

    return _Watched(0.0, [(float(at_s), look(at_s)) for at_s in range(seconds)], seconds=float(seconds), **more)


def found(seen: _Watched, **figures: Any) -> dict[str, Any]:
    return _found(seen, {**FIGURES, **figures}, WIRING)


def test_a_flat_jam_is_well() -> None:
    result = found(watched())
    assert (result["ok"], result["grows"], result["wrong"]) == (True, False, [])
    assert list(result["processes"]) == ["daemon", "player", "engine", "all of them"]
    together = result["processes"]["all of them"]
    assert together["own_mb"] == pytest.approx([48, 48])
    assert (together["threads"], together["descriptors"]) == ([7, 7], [25, 25])
    assert "memory is flat" in table(result)
    assert json.loads(json.dumps(result)) == result


def test_a_leak_is_found_beside_files_that_come_and_go() -> None:
    result = found(watched(mb_an_hour=0.5))  # in each of the three
    assert result["processes"]["all of them"]["own_mb_an_hour"] == pytest.approx(1.5, abs=0.1)
    assert (result["ok"], result["grows"]) == (False, True)
    assert "it grows by 1.5 MB/h" in table(result)


def test_a_short_soak_does_not_judge_growth() -> None:
    result = found(watched(seconds=int(LONG_ENOUGH_S) - 1, mb_an_hour=100))
    assert (result["ok"], result["grows"]) == (True, None)
    assert "it takes 10 minutes" in table(result)


def test_a_start_is_no_growth() -> None:
    seen = watched()
    seen.looks[:50] = [(at_s, {"daemon": Usage(1, 1, 1, 4)}) for at_s, _ in seen.looks[:50]]
    assert found(seen)["processes"]["daemon"]["own_mb"] == pytest.approx([9, 9])


@pytest.mark.parametrize("figures", [{"engine_deaths": 1}, {"player_deaths": 1}])
def test_a_process_that_died_is_not_well(figures: dict[str, int]) -> None:
    result = found(watched(), **figures)
    assert not result["ok"]
    assert "a process died, 1 in all" in table(result)


def test_where_nothing_is_told_there_is_a_table_all_the_same() -> None:
    result = _found(_Watched(0.0, wrong=["it hung"]), {}, WIRING)
    assert not result["ok"]
    text = table(result)
    assert "this system does not tell" in text
    assert "| missed steps | - |" in text
    assert text.endswith("Not well: it hung.")


def test_a_time_that_makes_no_sense_is_refused() -> None:
    for minutes in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(UsageError, match="out of range"):
            soak(minutes, "eck2002-blues", "none", say=lambda _: None)


def test_a_jam_is_watched_to_its_end() -> None:
    done = subprocess.run([*SOAK, "0.05"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["ok"], result["early"], result["grows"]) == (True, False, None)
    assert result["counts"]["onsets"] > 0
    assert result["counts"]["processes that died"] == 0
    if Path("/proc/self/smaps_rollup").exists():
        assert set(result["processes"]) - {"standby player"} == {"daemon", "player", "engine", "all of them"}


@pytest.mark.skipif(os.name != "posix", reason="no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ended_early_with_what_it_has(number: signal.Signals, takes: Path) -> None:
    process = subprocess.Popen([*SOAK, "5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # it says that it plays
    eventually(lambda: _jams_below(process.pid))
    process.send_signal(number)
    printed, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert json.loads(printed)["early"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not list children")
def test_a_jam_that_dies_is_told() -> None:
    process = subprocess.Popen([*SOAK, "5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    eventually(lambda: _jams_below(process.pid))
    os.kill(_jams_below(process.pid)[0], signal.SIGKILL)
    printed, said = process.communicate(timeout=180)
    assert process.returncode == 1, said
    assert "it ended by itself" in json.loads(printed)["wrong"][0]


def _jams_below(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return [0]
    return [int(number) for number in listed.split()]


def eventually(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
