"""The command palette: what it finds, and what it does."""

from pathlib import Path

from textual.widgets import Input

from improv.protocol.commands import (
    Set,
)
from improv.tui.input.key_bindings import TABLE
from improv.tui.palette import Palette
from improv.tui.screens.base import Entry
from tests.tui.stage import Stage, staged


def test_the_palette_does_what_it_says(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.press(*"mode duet")
        await stage.app.workers.wait_for_complete()
        await stage.pilot.pause(0.3)
        await stage.press("enter")
        await stage.pilot.pause()
        assert stage.asked() == [Set("mode", "duet")]

    staged(tmp_path, scene)


def test_there_is_one_palette_and_it_leaves_what_is_being_typed_alone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for key in ("enter", "s"):
            await stage.press(key)
            entry = stage.app.screen
            assert isinstance(entry, Entry)
            await stage.press(*"12", "ctrl+p", "3")
            assert stage.app.screen is entry
            assert entry.query_one(Input).value.endswith("123")
            await stage.press("escape")
        for key in ("", "f1", "f2", "f4"):
            await stage.press(*[key] if key else [])
            beneath = tuple(stage.app.screen_stack)
            await stage.press("ctrl+p", "ctrl+p")
            *under, palette = stage.app.screen_stack
            assert tuple(under) == beneath
            assert isinstance(palette, Palette)
            await stage.press("escape")
            assert tuple(stage.app.screen_stack) == beneath
            await stage.press(*["escape"] if key else [])

    staged(tmp_path, scene)


def test_the_palette_says_of_a_theme_that_it_is_worn(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        told = {command.help for command in stage.app.get_system_commands(stage.app.screen) if "theme" in command.title}
        assert told == {"Wear this theme."}

    staged(tmp_path, scene)


def test_the_palette_tells_every_key_and_takes_none_for_markup(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.pilot.until(lambda: "dark/light" in stage.screen(), "the palette")
        told = stage.screen()
        assert [row.action for row in TABLE if not row.takes_key and f"{row.help} [{row.label}]" not in told] == []

    staged(tmp_path, scene, size=(120, 150))
