"""How well it runs, in figures, above the log: what to look at when a jam stumbles.

A figure is what the daemon has measured lately; none is shown before it has measured one.
"""

from collections.abc import Sequence

from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import Row, Span, View, runs, width_of

_LABEL = 9
"""Cells for what a row is about."""


class Figures(View):
    """Time to decide a step, lateness of notes, what has gone wrong, the recording, the network's memory."""

    DEFAULT_CSS = "Figures { height: 5; }"

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return the rows of figures that fit, the most important first."""
        return figure_rows(seen, self.glyphs, width)[:height]


def figure_rows(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Return a row for each kind of figure, in words where they fit."""
    system, health = seen.system, seen.health
    wrong = f"{health.missed_steps} steps missed, {system.timing.dropped_onsets} notes dropped, {health.faults} faults"
    whole = f"{wrong}, restarted {system.engine_deaths + system.player_deaths}x"
    return [
        _row("step", _spread(health.step_p50_us, health.step_p99_us, "to decide it", "half of them within {}"), width),
        _row(
            "notes",
            _spread(system.timing.lateness_p50_us, system.timing.lateness_p99_us, "late", "half of them up to {}"),
            width,
        ),
        _row("wrong", (whole, wrong, _counts(seen)), width),
        _row("recorded", _recorded(seen), width),
        (Span("memory".ljust(_LABEL), "quiet"), *memory_cells(seen.network.memory, glyphs, width - _LABEL)),
    ]


def _row(label: str, forms: Sequence[str], width: int) -> Row:
    """A label and the longest text that fits; the shortest otherwise."""
    head = Span(label.ljust(_LABEL), "quiet")
    room = width - width_of((head,))
    return head, Span(next((form for form in forms if len(form) <= room), forms[-1][: max(0, room)]))


def _spread(p50_us: float, p99_us: float, what: str, half: str) -> tuple[str, ...]:
    """The median and the 99th percentile in milliseconds, from words to figures."""
    if not (p50_us or p99_us):
        return ("nothing measured yet",)
    p50, p99 = milliseconds(p50_us), milliseconds(p99_us)
    return (f"{half.format(p50)} ms, 99 of 100 {p99} ms {what}", f"{p50} ms, 99 of 100 {p99} ms", f"{p50}/{p99} ms")


def _counts(seen: Snapshot) -> str:
    deaths = seen.system.engine_deaths + seen.system.player_deaths
    return f"{seen.health.missed_steps} missed {seen.system.timing.dropped_onsets} dropped {deaths}x"


def _recorded(seen: Snapshot) -> tuple[str, ...]:
    system = seen.system
    if system.recording.fault:
        return f"no: {system.recording.fault}", "no"
    saved = f", saved to {system.recording.saves_to} at its end" if system.recording.saves_to else ""
    return (
        (f"as {system.recording.take}{saved}", f"as {system.recording.take}", "yes")
        if system.recording.take
        else ("no",)
    )


def milliseconds(us: float) -> str:
    """Return microseconds as text in milliseconds, with few digits."""
    ms = us / 1000
    return f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}".lstrip("0") if ms else "0"


def memory_cells(numbers: Sequence[float], glyphs: Glyphs, width: int) -> Row:
    """Return a bar for each number (-1 to 1): filled from below if positive, from above if negative."""
    if not numbers or width <= 0:
        return (Span("none yet"[: max(0, width)], "quiet"),)
    count = min(len(numbers), width)
    merged = [
        sum(part) / len(part)
        for at in range(count)
        if (part := numbers[at * len(numbers) // count : (at + 1) * len(numbers) // count])
    ]
    cells = [_shade(number, glyphs) for number in merged]
    return runs(cells, ["positive" if number >= 0 else "negative" for number in merged])


def _shade(number: float, glyphs: Glyphs) -> str:
    shades = glyphs.gauge.positive if number >= 0 else glyphs.gauge.negative
    return shades[min(len(shades) - 1, int(abs(number) * len(shades)))]
