"""The screen in terminals of every size."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from improv.music.theory import Place
from improv.tui.client import Seen
from improv.tui.theme.glyphs import ASCII, UNICODE
from tests.tui.stage import FORM, SEEN, Stage, staged

SIZES = ((160, 50), (120, 40), (80, 24), (200, 8), (40, 12), (60, 20), (20, 6), (30, 60))


@pytest.mark.parametrize(
    ("glyphs", "sizes"),
    [(UNICODE, SIZES[::2]), pytest.param(UNICODE, SIZES[1::2], marks=pytest.mark.full), (ASCII, SIZES[5::2])],
    ids=["unicode", "unicode, other sizes", "ascii"],
)
def test_whatever_the_size_panic_and_the_chosen_control_are_there(
    tmp_path: Path, glyphs: Any, sizes: Sequence[tuple[int, int]]
) -> None:
    async def scene(stage: Stage) -> None:
        for size in sizes:
            await stage.pilot.resize_terminal(*size)
            told = stage.screen()
            assert "PANIC" in told, size
            assert "tempo" in told, size
            for key in ("f1", "f2", "f3", "f4", "f7", "escape", "enter", "escape", "ctrl+p"):
                await stage.press(key)
                told = stage.screen()
                assert {cell_len(line) for line in told.split("\n")} == {size[0]}, (size, key)
                assert not glyphs.plain or told.isascii(), (size, key)
            await stage.press("escape")
            assert len(stage.app.screen_stack) == 1

    staged(tmp_path, scene, glyphs=glyphs)


@pytest.mark.full
def test_a_storm_of_sizes_and_keys_leaves_it_whole(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for n in range(12):
            await stage.pilot.resize_terminal(1 + (n * 37) % 170, 1 + (n * 23) % 60)
            stage.link.tell(Seen(replace(SEEN, step=8 + n, place=Place.of(8 + n, FORM))))
            await stage.press(("f1", "down", "f2", "right", "escape", "f4")[n % 6])
        await stage.press("escape")
        await stage.pilot.resize_terminal(80, 24)
        await stage.pilot.pause()
        assert "PANIC" in stage.screen()

    staged(tmp_path, scene)
