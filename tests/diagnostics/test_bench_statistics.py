"""The benchmark's arithmetic on constructed data: samples, stalls, rounds and their ratios."""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

import pytest

from improv.diagnostics.bench.interleaved_rounds import alternate, probe_line, rows
from improv.diagnostics.bench.statistics import Quantiles, Samples, Stall, median_ratio, pooled, ratio
from improv.errors import Unavailable
from improv.protocol.controls import MODEL

BLUES = str(MODEL.default)


def samples(*late_s: float, period_s: float = 1.0, start_s: float = 10.0) -> Samples:
    """Samples a period apart, sent this late."""
    due_s = [start_s + index * period_s for index in range(len(late_s))]
    return Samples(tuple(due_s), tuple(due + late for due, late in zip(due_s, late_s, strict=True)))


def test_quantiles_are_values_that_occurred() -> None:
    found = Quantiles.of(value / 1e6 for value in reversed(range(1000)))
    assert found is not None
    assert found.n == 1000
    assert (found.p50_us, found.p99_us, found.p999_us, found.max_us) == pytest.approx((500, 990, 999, 999))


def test_no_samples_have_no_quantiles() -> None:
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
    assert pooled([one, two]) == Samples((1.0, 2.0), (1.1, 2.1), missed=5)


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
    assert "no compiler" in probe_line(found)
    assert "| ours | none | - |" in rows(found)[2]


def test_few_clean_samples_give_no_ratio() -> None:
    log: list[tuple[str, float]] = []
    cells = {"ours": cell("ours", 1e-4, log), "theirs": cell("theirs", 2e-4, log)}
    found = alternate(cells, 1, 2.0, FakeProbe())
    assert found["clean_p99_ratio"] == found["clean_p99_ratio_by_round"] == {"ours": None, "theirs": None}
    assert "| 200, inconclusive |" in rows(found)[2]
