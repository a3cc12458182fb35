"""The characters that terminals and consoles have."""

from dataclasses import replace
from pathlib import Path

import pytest

from improv.tui.theme.glyphs import ASCII, CONSOLE, UNICODE, Glyphs, glyphs_of
from tests.tui.stage import KEYS, SEEN, Stage, staged

_CP437_SIGNS = "☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂"
"""What code page 437 has where others have control characters."""


def test_the_console_of_linux_is_given_what_its_fonts_have() -> None:
    assert glyphs_of(ascii=False, encoding="utf-8", term="linux") is CONSOLE
    assert glyphs_of(ascii=True, encoding="utf-8", term="linux") is ASCII
    assert glyphs_of(ascii=False, encoding="utf-8", term="xterm-256color") is UNICODE
    assert "".join(char for char in CONSOLE.characters if char not in _CP437_SIGNS).encode("cp437")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_the_whole_screen_is_drawn_with_what_the_console_has(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        strips = stage.app.screen._compositor.render_strips()
        text = "".join(char for strip in strips for char in strip.text if char not in _CP437_SIGNS)
        assert text.encode("cp437")

    held = replace(
        KEYS, midi=replace(KEYS.midi, keys=(36, 48, 60, 72, 84, 96)), recording=replace(KEYS.recording, take="jam-1")
    )
    staged(
        tmp_path, scene, replace(SEEN, system=held, health=replace(SEEN.health, faults=1)), size=size, glyphs=CONSOLE
    )


@pytest.mark.parametrize(
    ("ascii_wanted", "encoding", "glyphs"),
    [
        (False, "utf-8", UNICODE),
        (False, "UTF8", UNICODE),
        (True, "utf-8", ASCII),
        (False, "ascii", ASCII),
        (False, "latin-1", ASCII),
        (False, "cp437", ASCII),
        (False, "no such thing", ASCII),
        (False, "", ASCII),
    ],
)
def test_the_alphabet_a_terminal_knows(ascii_wanted: bool, encoding: str, glyphs: Glyphs) -> None:
    assert glyphs_of(ascii_wanted, encoding) is glyphs
