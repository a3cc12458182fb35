"""Cells of a comparison visited in turn (ABAB), so that a bad minute of the machine hits all of them.

A figure is given raw and clean, and per round: a clean p99 that does not repeat between rounds is no
figure. The first cell is the one that the others are told as ratios to. It must never drop a cell that
looks bad: one that cannot run says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from improv.diagnostics.bench.stall_probe import Probe
from improv.diagnostics.bench.statistics import ENOUGH, Quantiles, Samples, median_ratio, pooled, ratio
from improv.errors import Unavailable

Cell = Callable[[float], Samples]
"""Sends for so many seconds and returns when."""


def alternate(cells: Mapping[str, Cell], rounds: int, seconds: float, probe: Probe) -> dict[str, Any]:
    """Visit every cell `rounds` times, `seconds` in all for each; return figures in microseconds, ready for JSON.

    Ratios are of clean p99s to the first cell's: of all rounds together, and the median of those of each
    round, which one bad round does not move. The probe is entered here; without one there are raw
    figures only, and no ratios.
    """
    visits: dict[str, list[Samples]] = {name: [] for name in cells}
    skipped: dict[str, str] = {}
    with probe:
        for _ in range(rounds):
            for name, cell in cells.items():
                if name in skipped:
                    continue
                try:
                    visits[name].append(cell(seconds / rounds))
                except Unavailable as error:
                    skipped[name] = str(error)
    figures = {name: _figures(parts, probe) for name, parts in visits.items() if name not in skipped}
    first = figures.get(next(iter(cells)), {})
    return {
        "seconds": seconds,
        "rounds": rounds,
        "probe": {
            "available": probe.available,
            "realtime": probe.realtime,
            "why_not": probe.why_not,
            "stalls": len(probe.stalls),
            "stalled_s": sum(stall.end_s - stall.start_s for stall in probe.stalls),
        },
        "cells": {name: {"skipped": skipped[name]} if name in skipped else figures[name] for name in cells},
        "clean_p99_ratio": {
            name: ratio(_conclusive_p99(cell), _conclusive_p99(first)) for name, cell in figures.items()
        },
        "clean_p99_ratio_by_round": {name: _ratio_of_rounds(cell, first) for name, cell in figures.items()},
    }


def rows(compared: Mapping[str, Any]) -> list[str]:
    """Return the result of `alternate` as rows of a Markdown table, with its header."""
    lines = [
        "| sender | clean n | clean p50 / p99 / p99.9 / max (us) | clean p99 by round | to the first, median of rounds "
        "| raw n, p50 / p99 / max (us) | missed | drift (ppm) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cell in compared["cells"].items():
        if "skipped" in cell:
            lines.append(f"| {name} | {cell['skipped']} | | | | | | |")
            continue
        clean, raw = cell["clean"], cell["raw"]
        times = [_times(compared[key][name]) for key in ("clean_p99_ratio", "clean_p99_ratio_by_round")]
        by_round = " ".join("-" if p99 is None else f"{p99:.0f}" for p99 in cell["clean_p99_us_by_round"])
        columns = [
            name,
            _count(clean),
            _microseconds(clean, ("p50_us", "p99_us", "p999_us", "max_us")),
            by_round or "-",
            ", ".join(times),
            "none" if raw is None else f"{raw['n']}, {_microseconds(raw, ('p50_us', 'p99_us', 'max_us'))}",
            str(cell["missed"]),
            "-" if cell["drift_ppm"] is None else f"{cell['drift_ppm']:+.0f}",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return lines


def probe_line(compared: Mapping[str, Any]) -> str:
    """Return a line on the probe that watched the machine during a result of `alternate`."""
    probe = compared["probe"]
    if not probe["available"]:
        return f"No stall probe ({probe['why_not']}): raw figures only, which on a shared machine decide nothing."
    how = "under SCHED_FIFO" if probe["realtime"] else "at normal priority, so that it takes busy programs for stalls"
    return (
        f"Stall probe {how}: {probe['stalls']} stalls of the machine, {probe['stalled_s']:.1f} s in all; "
        f"fewer than {ENOUGH} clean samples are inconclusive."
    )


def _figures(parts: list[Samples], probe: Probe) -> dict[str, Any]:
    raw = pooled(parts)
    clean = [part.clean(probe.stalls) for part in parts] if probe.available else []
    every = pooled(clean) if probe.available else None
    by_round = [Quantiles.of(part.errors_s) for part in clean]
    drifts = [ppm for part in clean or parts if (ppm := part.drift_ppm()) is not None]
    return {
        "raw": _as_json(Quantiles.of(raw.errors_s)),
        "clean": None if every is None else _as_json(Quantiles.of(every.errors_s)),
        "conclusive": every is not None and len(every) >= ENOUGH,
        "clean_p99_us_by_round": [None if found is None else found.p99_us for found in by_round],
        "missed": raw.missed,
        "drift_ppm": median(drifts) if drifts else None,
    }


def _as_json(quantiles: Quantiles | None) -> dict[str, float] | None:
    return None if quantiles is None else asdict(quantiles)


def _conclusive_p99(cell: Mapping[str, Any]) -> float | None:
    return cell["clean"]["p99_us"] if cell.get("conclusive") else None


def _ratio_of_rounds(cell: Mapping[str, Any], first: Mapping[str, Any]) -> float | None:
    if not (cell.get("conclusive") and first.get("conclusive")):
        return None
    both = zip(cell["clean_p99_us_by_round"], first["clean_p99_us_by_round"], strict=True)
    return median_ratio((theirs, ours) for theirs, ours in both if theirs is not None and ours is not None)


def _times(found: float | None) -> str:
    return "-" if found is None else f"{found:.1f}x"


def _count(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "none"
    return f"{found['n']}" if found["n"] >= ENOUGH else f"{found['n']}, inconclusive"


def _microseconds(found: Mapping[str, float] | None, names: tuple[str, ...]) -> str:
    return "-" if found is None else " / ".join(f"{found[name]:.{1 if found[name] < 10 else 0}f}" for name in names)
