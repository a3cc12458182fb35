"""A performance laid out in rows of bars, a chorus a row where it fits, as a lead sheet is written."""

from collections.abc import Iterator
from math import ceil

from improv.dataclass import dataclass
from improv.export.performance import Chorus, Performance
from improv.music.grid import BEATS_PER_BAR
from improv.music.turns import Who

_MOST_BARS, _LEAST_BARS = 16, 4
"""How many bars a row has."""

_CRUMB_BEATS = 0.25
"""What is left of a performance after its last bar is no bar of its own: the ends of its last notes."""


@dataclass(frozen=True, slots=True)
class BarRow:
    """A row of bars, in beats from the start of the performance."""

    start: float
    """Where its first bar begins, which may be before the performance does."""
    end: float
    bar: int
    """The number of its first bar, as musicians count through the choruses: from 1; 0 and below in a count-in."""
    chorus: int
    """The number of the chorus that begins it; 0 where none does."""

    @property
    def is_count_in(self) -> bool:
        """True if it comes before the top of the form."""
        return self.bar < 1


def bars_in_a_row(form_beats: int) -> int:
    """Return how many bars a row has: a whole chorus, or an even share of it; 12 where there is none."""
    bars = form_beats // BEATS_PER_BAR
    shares = [bars // rows for rows in range(1, bars + 1) if bars % rows == 0]
    return next((share for share in shares if _LEAST_BARS <= share <= _MOST_BARS), min(12, max(_LEAST_BARS, bars)))


def bar_rows(performance: Performance) -> list[BarRow]:
    """Return the rows of a performance, in order; a chorus begins a row, and so does a count-in."""
    row_beats = bars_in_a_row(performance.form_beats) * BEATS_PER_BAR
    form_bars = performance.form_beats / BEATS_PER_BAR
    begins: dict[float, Chorus | None] = {}
    if not performance.choruses or performance.choruses[0].beats > 0:
        begins[0.0] = None
    begins |= {at: None for at, who in performance.turns if who is Who.NEITHER}
    begins |= {chorus.beats: chorus for chorus in performance.choruses}
    starts = sorted(begins)
    rows: list[BarRow] = []
    for start, until in zip(starts, [*starts[1:], performance.beats], strict=True):
        chorus = begins[start]
        if chorus is None:
            rows += _rows_before(start, until, row_beats)
        else:
            rows += _rows(start, until, row_beats, round((chorus.number - 1) * form_bars) + 1, chorus.number)
    return [row for row in rows if row.end > 0]


def _rows_before(start: float, end: float, row_beats: int) -> Iterator[BarRow]:
    """Yield the rows of what comes before the top of the form: its last bar is bar 0."""
    bars = _bars(start, end)
    yield from _rows(end - bars * BEATS_PER_BAR, end, row_beats, 1 - bars, 0)


def _rows(start: float, end: float, row_beats: int, bar: int, chorus: int) -> Iterator[BarRow]:
    """Yield rows from one place to another, whose first bar has the number `bar`, and the first the chorus's."""
    bars, in_a_row = _bars(start, end), row_beats // BEATS_PER_BAR
    for first in range(0, bars, in_a_row):
        begins, last = (start + number * BEATS_PER_BAR for number in (first, min(first + in_a_row, bars)))
        yield BarRow(begins, min(last, end), bar + first, chorus if first == 0 else 0)


def _bars(start: float, end: float) -> int:
    """Return how many bars there are from one place to another, the last of which may be cut short."""
    return max(0, ceil((end - start - _CRUMB_BEATS) / BEATS_PER_BAR))
