"""Rhythms as rows of characters."""

import pytest

from improv.music.transport import Transport
from improv.session.band.bass_figures import BASS_STYLES
from improv.session.band.comp_figures import COMP_STYLES, PLAIN_CELL
from improv.session.band.context import TICKS_PER_BAR
from improv.session.band.drum_figures import DRUM_STYLES
from improv.session.band.rows import hits, triplets


@pytest.mark.parametrize(
    ("row", "ticks"),
    [
        ("x.x.", [0, 24]),
        ("x.xxx.xx", [0, 12, 18, 24, 36, 42]),
        ("x...o..g........", [0, 12, 21]),
    ],
)
def test_a_row_lies_on_its_ticks(row: str, ticks: list[int]) -> None:
    assert [tick for tick, _ in hits(row, 0.6)] == ticks


def test_a_row_keeps_how_hard_each_is_struck() -> None:
    assert hits("Xx.o...g", 0.5) == ((0, "X"), (6, "x"), (18, "o"), (42, "g"))


@pytest.mark.parametrize("swing", [0.5, 0.55, 0.6, 2 / 3, 0.7, 0.75])
def test_triplets_sound_on_thirds_of_the_beat_whatever_the_swing(swing: float) -> None:
    sounds = [Transport(0, 0.0, 60, swing).time_of_tick(tick) for tick in triplets(swing)]
    assert sounds == pytest.approx([0, 1 / 3, 2 / 3], abs=0.065)
    assert len(set(triplets(swing))) == 3


@pytest.mark.parametrize("row", ["x", "xxxxx", "x" * 20, ""])
def test_a_row_that_is_no_bar_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="no bar"):
        hits(row, 0.5)


def test_every_row_of_every_style_is_a_bar() -> None:
    rows = [cell.row for levels in COMP_STYLES.values() for cells in levels for cell in cells]
    rows += [cell.row for cell in PLAIN_CELL.values()]
    for style in DRUM_STYLES.values():
        figures = [figure for level in (*style.time, *style.comp) for figure in level]
        rows += [row for figure in (*figures, *style.half_fills, *style.fills) for row in figure.values()]
        assert all(len(level) % style.bars == 0 for level in style.time)
        for fill in style.half_fills:
            assert all(tick >= TICKS_PER_BAR // 2 for row in fill.values() for tick, _ in hits(row, 0.5)), fill
    assert len(rows) > 200
    for row in rows:
        assert all(0 <= tick < TICKS_PER_BAR for tick, _ in hits(row, 2 / 3))


def test_the_notes_of_a_bass_figure_follow_each_other() -> None:
    for levels in BASS_STYLES.values():
        for figure in (figure for level in levels for figure in level):
            ticks = [tick for tick, *_ in figure]
            assert ticks == sorted(set(ticks))
            assert ticks[0] == 0
            for (tick, length, *_), following in zip(figure, [*ticks[1:], TICKS_PER_BAR], strict=True):
                assert 0 < length <= following - tick
