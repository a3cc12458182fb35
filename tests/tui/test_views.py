"""What holds for every view: nothing is clipped, only what changed is painted, themes change every colour."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from improv.music.parts import Part
from improv.music.turns import Who
from improv.protocol.snapshot import Snapshot
from improv.tui.screens.figures import figure_rows
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from improv.tui.views.base import ROLE_CLASSES, ROLE_CSS, ROLES, Row, Span, View, fitted, runs, turn_word, width_of
from improv.tui.views.history import History, PitchAxis
from improv.tui.views.keyboard import Keyboard, key_cells, keyboard_rows
from improv.tui.views.lead_sheet import LeadSheet, lead_sheet_rows
from improv.tui.views.meters import Meters, meter_rows
from improv.tui.views.network import ChartKeys, NetworkChart, network_rows
from improv.tui.views.piano_roll import PianoRoll, draw_roll
from improv.tui.views.status import StatusLine, status_rows
from improv.tui.views.turn_banner import TurnBanner, turn_rows
from tests.tui.rows import BOTH, text
from tests.tui.snapshots import bare, count_in, everything, faulty, of_turn, stopped, trading

SIZES = (
    (160, 50),
    (120, 5),
    (100, 30),
    (80, 24),
    (78, 3),
    (59, 9),
    (40, 12),
    (40, 3),
    (31, 2),
    (24, 4),
    (17, 2),
    (9, 1),
)

VIEWS = (TurnBanner, LeadSheet, PianoRoll, Keyboard, NetworkChart, Meters, StatusLine)


def pictures(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> dict[str, list[Row]]:
    cells = key_cells(width)
    whites = (width - 1) // cells
    return {
        "turn": turn_rows(seen, glyphs, width, height),
        "lead sheet": lead_sheet_rows(seen, glyphs, width, height),
        "roll": draw_roll(History().after(seen), PitchAxis(60, 1, 13), glyphs, width, height)[1],
        "keyboard": keyboard_rows(seen, glyphs, {60: "z"}, 30, whites, cells, height),
        "network": network_rows(
            seen, seen.network.probabilities, ChartKeys(48, 2 if width >= 26 else 1), glyphs, width, height
        ),
        "figures": figure_rows(seen, glyphs, width)[:height],
        "meters": meter_rows(dict.fromkeys(Part, 64.0), seen, glyphs, width, height),
        "status": status_rows(seen, glyphs, width, height),
    }


@BOTH
def test_nothing_is_clipped(glyphs: Glyphs) -> None:
    for seen in (count_in(), of_turn(Who.YOU), of_turn(Who.IMPROV), stopped(), faulty(), bare()):
        for width, height in SIZES:
            for name, rows in pictures(seen, glyphs, width, height).items():
                assert len(rows) <= height, (name, width, height)
                assert [width_of(row) for row in rows if width_of(row) > width] == [], (name, width, height)


def test_ascii_is_ascii() -> None:
    for seen in everything():
        for name, rows in pictures(seen, ASCII, 80, 5).items():
            assert all(line.isascii() for line in text(rows)), name


def test_every_role_has_a_colour() -> None:
    for seen in (of_turn(Who.YOU), of_turn(Who.IMPROV), faulty(), bare()):
        for rows in pictures(seen, UNICODE, 80, 5).values():
            assert {span.role for row in rows for span in row} <= set(ROLES)


@given(st.lists(st.tuples(st.sampled_from("ab #"), st.sampled_from(["text", "you", "improv"]))), st.integers(1, 40))
def test_rows_keep_their_text_and_have_their_width(cells: list[tuple[str, str]], width: int) -> None:
    row = runs([char for char, _ in cells], [role for _, role in cells])
    whole = "".join(char for char, _ in cells)
    assert "".join(span.text for span in row) == whole
    assert width_of(fitted(row, width)) == width
    assert fitted((Span("キー"),), 3) == (Span("キ "),)


class Wall(App[None]):
    """All views, one below the other."""

    CSS = "Screen { overflow: hidden; }"
    DEFAULT_CSS = ROLE_CSS
    COMPONENT_CLASSES = ROLE_CLASSES

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        for view in VIEWS:
            yield view(self._glyphs)

    def show(self, seen: Snapshot) -> None:
        """Have every view show it."""
        for view in self.query(View):
            view.show(seen)

    def lines(self) -> list[str]:
        """What the views have painted, line by line."""
        views = [view for view in self.query(View) if view.size]
        strips = [strip for view in views for strip in view.render_lines(view.size.region)]
        return [strip.text for strip in strips]


@BOTH
@pytest.mark.parametrize("size", [(160, 50), (80, 24), (40, 12)])
def test_the_views_in_a_terminal(glyphs: Glyphs, size: tuple[int, int]) -> None:
    async def watch() -> None:
        app = Wall(glyphs)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.query_one(Keyboard).show_labels({60: "q", 61: "2"})
            for seen in (count_in(), *trading()[8:60], faulty(), stopped()):
                app.show(seen)
                lines = app.lines()
                assert {len(line) for line in lines} == {size[0]}
                assert turn_word(seen) in " ".join(lines).replace(" ", "") or glyphs.pixels
            await pilot.resize_terminal(30, 9)
            app.show(of_turn(Who.IMPROV))
            await pilot.pause()
            assert {len(line) for line in app.lines()} <= {30, 0}

    asyncio.run(watch())


def test_only_rows_that_have_changed_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[Region] = []

    async def watch() -> None:
        app = Wall(UNICODE)
        async with app.run_test(size=(80, 70)) as pilot:
            app.show(of_turn(Who.YOU))
            await pilot.pause()
            grid_ = app.query_one(LeadSheet)
            monkeypatch.setattr(grid_, "refresh", lambda *regions, **_: painted.extend(regions))
            app.show(of_turn(Who.YOU))
            assert painted == []
            bar = of_turn(Who.YOU).place
            app.show(replace(of_turn(Who.YOU), place=replace(bar, beat=bar.beat + 1)))

    asyncio.run(watch())
    assert [region.height for region in painted] == [1]


def test_a_theme_changes_every_colour() -> None:
    async def watch() -> None:
        app = Wall(UNICODE)
        async with app.run_test(size=(80, 40)) as pilot:
            app.show(of_turn(Who.YOU))
            await pilot.pause()
            band_ = app.query_one(TurnBanner)
            dark = [segment.style for segment in band_.render_lines(band_.size.region)[0]]
            app.theme = "textual-light"
            await pilot.pause()
            assert [segment.style for segment in band_.render_lines(band_.size.region)[0]] != dark

    asyncio.run(watch())
