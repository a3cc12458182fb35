"""Storms: whatever is struck, clicked, told and resized in whatever order, the interface lives and can be played on."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size
from textual.widgets import OptionList

from improv.config.presets import preset_of, save
from improv.protocol.commands import Panic
from improv.tui.client import Answered, Gone, Joined, Seen
from improv.tui.theme.glyphs import ASCII, CONSOLE, UNICODE, Glyphs
from tests.tui.pilot import key_event
from tests.tui.snapshots import bare, faulty, stopped, trading
from tests.tui.stage import ALONE, SEEN, Stage, staged

WIDEST, HIGHEST = 260, 80
KEYS = (
    *(f"f{n}" for n in range(1, 13)), "question_mark", "ctrl+p", "escape", "escape", "tab", "enter", "enter", "space",
    "up", "down", "left", "right", "shift+left", "shift+right", "home", "end", "pageup", "pagedown", "delete", "insert",
    "backspace", "minus", "equals_sign", "1", "2", "9", *"abcdefhlmnoprstz", "B", "ctrl+a", "ctrl+z",
)  # fmt: skip
"""Every key but those that leave, and letters to type."""


class Storm:
    """Random events, by a seed, sent to an interface one after the other or in bursts."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._random = random.Random(seed)
        self._snapshots = (*trading()[:80:7], faulty(), bare(), stopped(), ALONE, SEEN)
        self.sizes = self.events = 0

    async def blow(self, sizes: int) -> None:
        """So many sizes, and on each a few other things, some of them at once."""
        kinds: Sequence[Callable[[], object]] = (self._key, self._key, self._key, self._mouse, self._news)
        while self.sizes < sizes:
            self._resize()
            for _ in range(self._random.randrange(7)):
                self._random.choice(kinds)()
                self.events += 1
                if self._random.random() < 0.5:
                    await self._stage.pilot.pause()
            if self._random.random() < 0.7:
                await self._stage.pilot.pause()
        await self._stage.pilot.pause()

    def _send(self, event: events.Event) -> None:
        event.set_sender(self._stage.app)
        driver = self._stage.app._driver
        assert driver is not None
        driver.send_message(event)

    def _resize(self) -> None:
        chance = self._random.random()
        most = (WIDEST, HIGHEST) if chance < 0.5 else (90, 30) if chance < 0.75 else (12, 6)
        size = Size(self._random.randint(1, most[0]), self._random.randint(1, most[1]))
        driver = self._stage.app._driver
        assert driver is not None
        driver._size = (size.width, size.height)
        self._send(events.Resize(size, size))
        self.sizes += 1

    def _key(self) -> None:
        self._send(key_event(self._random.choice(KEYS), self._stage.app))

    def _mouse(self) -> None:
        x, y = self._random.randint(0, WIDEST), self._random.randint(0, HIGHEST)
        if self._random.random() < 0.8:
            size = self._stage.app.size
            x, y = x % max(1, size.width), y % max(1, size.height)
        kind = self._random.choice(
            (events.MouseDown, events.MouseUp, events.MouseMove, events.MouseScrollUp, events.MouseScrollDown)
        )
        button = 0 if kind in (events.MouseScrollUp, events.MouseScrollDown) else self._random.choice((0, 1, 1, 3))
        self._send(kind(None, x, y, 0, 0, button, False, False, False, x, y))

    def _news(self) -> None:
        seen = self._random.choice(self._snapshots)
        self._stage.link.tell(
            self._random.choice(
                (Seen(seen), Seen(seen), Seen(seen), Gone("why"), Joined(1), Answered(Panic(), "so it is"))
            )
        )


def blown(tmp_path: Path, seed: int, sizes: int, glyphs: Glyphs = UNICODE) -> None:
    """A storm, and after it everything that is needed."""
    presets = tmp_path / "config" / "presets.toml"
    presets.parent.mkdir(exist_ok=True)
    save(presets, tuple(preset_of(f"preset [{n}", SEEN) for n in range(4)))
    log = tmp_path / "log"
    log.write_text('{"time": "2026-11-21T13:05:00", "level": "info", "what": "plays"}\n' * 90)

    async def scene(stage: Stage) -> None:
        for leaves in ("quit", "quit_and_stop"):  # whatever is clicked on, it is not left
            stage.app.actions.by_name[leaves] = lambda: None
        await Storm(stage, seed).blow(sizes)
        await stage.pilot.resize_terminal(120, 40)
        for _ in range(4):
            await stage.press("escape")
        await stage.tell(Joined(2), Seen(replace(SEEN, step=99)))
        await stage.pilot.pause()
        assert len(stage.app.screen_stack) == 1
        told = stage.screen()
        assert "PANIC" in told
        assert "tempo" in told
        stage.asked()
        await stage.press("f12")
        assert Panic() in stage.asked()

    app = staged(tmp_path, scene, glyphs=glyphs, log=log, toasts=True)
    assert app.crash is None


def test_a_storm_of_sizes_keys_clicks_and_news_leaves_it_whole(tmp_path: Path) -> None:
    blown(tmp_path, 0, 25)


@pytest.mark.full
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII, CONSOLE], ids=["unicode", "ascii", "console"])
@pytest.mark.parametrize("seed", range(10, 14))
def test_two_hundred_sizes_of_many_storms(tmp_path: Path, seed: int, glyphs: Glyphs) -> None:
    blown(tmp_path, seed, 220, glyphs)


def test_pages_of_a_list_that_is_not_laid_out_yet_are_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for opens in ("ctrl+p", "f3"):
            await stage.press(opens)
            await stage.pilot.pause()
            await stage.press("down")
            options = stage.app.screen.query_one(OptionList)
            assert options.highlighted is not None
            options.display = False
            await stage.pilot.pause()
            options._clear_caches()  # as when it has been filled, or the terminal has got another size
            assert not options.scrollable_content_region
            for key in ("pageup", "pagedown", "down", "pageup"):
                await stage.press(key)
            await stage.press("escape", "escape")

    assert staged(tmp_path, scene).crash is None
