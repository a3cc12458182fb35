"""Themes: the one that is remembered, and whether everything can be read in each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.color import Color
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget
from textual.widgets._toast import Toast

from improv.protocol.commands import (
    Panic,
    Stop,
)
from improv.tui.client import Answered, Gone
from improv.tui.theme.contrast import contrast, legible_variables
from improv.tui.theme.glyphs import UNICODE
from improv.tui.theme.themes import DARK, LIGHT
from improv.tui.views.status import StatusLine
from tests.tui.stage import KEYS, SEEN, Stage, staged


def test_the_theme_is_remembered(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.app.theme == DARK
        await stage.press("d")

    async def again(stage: Stage) -> None:
        assert stage.app.theme == LIGHT

    staged(tmp_path, scene)
    staged(tmp_path, again)


def test_without_colours_no_theme_of_the_terminals_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(stage: Stage) -> None:
        assert stage.app.no_color
        assert not stage.app.current_theme.ansi

    staged(tmp_path, scene, theme="textual-ansi")


_GUIDES = {"view--faint", "option-list--separator"}
"""Decoration: lines that guide the eye, and say nothing."""

_DRAWN = {"view--planned", "view--white", "view--you-white", "controls--rest"}
"""No text: notes that are planned, the edges of keys, what marks those that you hold, and what a slider leaves."""


def _contrast(style: Style) -> float:
    def luminance(colour: ColorTriplet) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    assert style.color is not None
    assert style.bgcolor is not None
    assert not style.dim  # of which every terminal makes something else
    both = sorted((luminance(style.color.get_truecolor()), luminance(style.bgcolor.get_truecolor())))
    return (both[1] + 0.05) / (both[0] + 0.05)


def _written(screen: Screen[object]) -> Iterator[tuple[str, Style]]:
    """What can be read on a screen, a piece of one style each, but for what lies behind it."""
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for text, style, _ in strip:
            if any(map(str.isalnum, text)) and style and screen.get_widget_at(x, y)[0] is not screen:
                yield text.strip(), style
            x += cell_len(text)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.full)], ids=["dark and light", "every"])
def test_everything_can_be_told_from_its_ground_in_every_theme(every: bool, tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        app, found = stage.app, dict[tuple[str, str], float]()
        here = app.themes.available
        themes = set(here) if every else {next(name for name in here if here[name] is dark) for dark in (True, False)}

        def note(theme: str, what: str, style: Style) -> None:
            found[theme, what] = min(_contrast(style), found.get((theme, what), 21))

        await stage.tell(Gone("no more"))
        app.notify("this is said", timeout=1000)
        app.notify("this is wrong", timeout=1000, severity="error")
        for theme in themes:
            app.theme = theme
            for key in ("escape", "f2", "enter", "ctrl+p"):  # the jam, a list, a line to type into, the palette
                await stage.press("escape", key)
                for role in app._component_styles:
                    note(theme, role, app.get_component_styles(role).rich_style)
                for widget in app.screen.query(Widget):
                    for role in widget._component_styles:
                        note(theme, role, widget.get_component_rich_style(role))
                for text, style in _written(app.screen):
                    note(theme, text, style)
        texts = ("this is said", "this is wrong", "tempo", "1   nanoKEY2", "120", "Start playing, or stop. [space]")
        assert found.keys() >= {(theme, text) for theme in themes for text in texts}
        faint = {
            what: round(ratio, 2)
            for what, ratio in found.items()
            if what[1] not in _GUIDES and ratio < (3 if what[1] in _DRAWN else 4.5)
        }
        assert not faint

    mixed = replace(
        SEEN,
        health=replace(SEEN.health, faults=1, fault="late"),
        system=replace(
            KEYS, midi=replace(KEYS.midi, keys=(60, 61)), network=replace(KEYS.network, unsupported_controls=("top-p",))
        ),
    )
    staged(tmp_path, scene, mixed, size=(80, 24), toasts=True)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("size", [(40, 12), (120, 40), (160, 50)])
def test_a_toast_is_as_wide_as_its_words_stands_out_and_leaves_the_status_line_alone(
    tmp_path: Path, theme: str, size: tuple[int, int]
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Answered(Panic(), ""), Answered(Stop(), "no", is_error=True))
        said, wrong = stage.app.screen.query(Toast)
        assert [toast.size.width for toast in (said, wrong)] == [len("silenced"), len("no")]
        assert wrong.region.bottom == stage.app.screen.query_one(StatusLine).region.y
        for toast in (said, wrong):
            assert contrast(toast.background_colors[1], stage.app.screen.background_colors[1]) > 3

    staged(tmp_path, scene, size=size, theme=theme, toasts=True)


_INKED = {"░": 0.25, "▒": 0.5, "▓": 0.75, "█": 1.0}
"""How much of a cell a glyph covers."""


def test_a_note_that_is_planned_is_seen_and_fainter_than_one_that_was_played() -> None:
    for name, theme in BUILTIN_THEMES.items():
        if theme.ansi:
            continue
        of_theme = theme.to_color_system().generate()
        ours = legible_variables(of_theme)
        ground, its, coming = map(Color.parse, (of_theme["background"], ours["text-primary"], ours["planned"]))
        for planned, played in (
            (UNICODE.planned.body, UNICODE.improv.body),
            (UNICODE.planned.onset, UNICODE.improv.onset),
        ):
            seen = contrast(ground.blend(coming, _INKED[planned]), ground)
            loud = contrast(ground.blend(its, _INKED[played]), ground)
            assert 1.75 < seen < 0.9 * loud, name
            assert planned != UNICODE.you.body
