"""What each screen of the terminal interface looks like: every character, and every colour.

A golden holds a screen as text and, below it, its styles: for each line how many cells have which, named by
a letter. The music is played by a network of the tests, so that no machine's arithmetic can move a note. After
a change that is meant to be seen, write the goldens again, and look at what has become of them:

    IMPROV_WRITE_GOLDENS=1 .venv/bin/pytest tests/tui/test_looks.py; git diff --stat
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits
from types import SimpleNamespace
from typing import Any

import pytest
from textual.strip import Strip

from improv.config.presets import Preset, save
from improv.music.turns import Mode, Who
from improv.protocol.snapshot import PitchProbability, Snapshot
from improv.tui.client import Seen
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.theme.themes import DARK, LIGHT
from tests.conftest import Echo
from tests.tui.snapshots import told_of
from tests.tui.stage import Stage, staged

GOLDEN = Path(__file__).parents[1] / "goldens" / "tui"

CHANGES = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"
SIZES = ((40, 12), (80, 24), (160, 50))
LOOKS: Mapping[str, dict[str, Any]] = {
    "dark": {"theme": DARK, "glyphs": UNICODE},
    "light": {"theme": LIGHT, "glyphs": UNICODE},
    "mono": {"theme": DARK, "glyphs": UNICODE},
    "ascii": {"theme": DARK, "glyphs": ASCII},
}
SCREENS: Mapping[str, tuple[str, ...]] = {
    "jam": (),
    "help": ("f1",),
    "ports": ("f2",),
    "networks": ("f3",),
    "presets": ("f4",),
    "log": ("f7",),
    "entry": ("enter",),
    "palette": ("ctrl+p",),
}
"""The keys that lead to each screen."""


@cache
def choruses() -> tuple[Snapshot, ...]:
    """Two choruses, the network's probabilities fixed."""
    seen = told_of(Echo(CHANGES), 2, Mode.TRADE, 1.3)
    trained = (0.22, 0.01, 0.05, 0.17, 0.04, 0.11, 0.08, 0.13, 0.01, 0.02, 0.12, 0.01, 0.03)
    probabilities = tuple(
        PitchProbability(60 + note, share, round(share**0.8 / sum(one**0.8 for one in trained), 4))
        for note, share in enumerate(trained)
    )
    memory = tuple(round(((7 * index) % 41 - 20) / 20, 2) for index in range(48))
    return tuple(
        replace(each, network=replace(each.network, probabilities=probabilities, memory=memory)) for each in seen
    )


def moment() -> list[Snapshot]:
    """From the beginning to improv's third note."""
    seen = choruses()
    turn = [index for index, each in enumerate(seen) if each.turn.who is Who.IMPROV]
    return list(seen[: turn[12]])


def text_of(strips: list[Strip]) -> str:
    """A screen as a golden holds it."""
    lines, styles, names = [], [], dict[str, str]()
    for strip in strips:
        segments = [segment for segment in strip if segment.text]
        lines.append("".join(segment.text for segment in segments).rstrip())
        runs = []
        for style, group in groupby(segments, key=lambda segment: _style(str(segment.style))):
            name = names.setdefault(style, (ascii_letters + digits)[len(names)])
            runs.append(f"{sum(segment.cell_length for segment in group)}{name}")
        styles.append(" ".join(runs))
    legend = [f"{name} {style}" for style, name in names.items()]
    return "\n".join(["\n".join(lines), "", *styles, "", *legend, ""])


def _style(style: str) -> str:
    """Without what is not seen: the click that a piece of text stands for."""
    words = style.split(" meta ", maxsplit=1)[0].split()
    return " ".join(word for word in words if not word.startswith("not"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("look", LOOKS)
def test_every_screen_looks_as_it_did(
    look: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "improv.tui.views.meters.time", SimpleNamespace(monotonic=lambda: 0.0)
    )  # nothing falls meanwhile
    if look == "mono":
        monkeypatch.setenv("NO_COLOR", "1")
    found: dict[str, str] = {}

    async def scene(stage: Stage) -> None:
        for seen in moment():
            stage.app.jam.take(seen)
        await stage.tell(Seen(moment()[-1]))
        for screen, keys in SCREENS.items():
            await stage.press(*keys)
            found[screen] = text_of(stage.app.screen._compositor.render_strips())
            if keys:
                await stage.press("escape")

    (tmp_path / "config").mkdir()
    save(tmp_path / "config" / "presets.toml", (Preset("late and sparse", {"tempo": 92.0, "density": -0.5}),))
    staged(tmp_path, scene, size=size, log=Path("nowhere.log"), **LOOKS[look])  # its name is on the screen
    for screen, text in found.items():
        golden = GOLDEN / f"{screen}-{look}-{size[0]}x{size[1]}.txt"
        if os.environ.get("IMPROV_WRITE_GOLDENS"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), f"{screen} looks different"


@pytest.mark.parametrize("screen", SCREENS)
def test_without_colours_nothing_is_coloured_and_everything_can_be_read(screen: str) -> None:
    for size in SIZES:
        legend = (GOLDEN / f"{screen}-mono-{size[0]}x{size[1]}.txt").read_text(encoding="utf-8").split("\n\n")[-1]
        for ink, ground in re.findall(r"#(\w{6}) on #(\w{6})", legend):
            assert ink[:2] == ink[2:4] == ink[4:]
            assert ground[:2] == ground[2:4] == ground[4:]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_ascii_screens_are_ascii(screen: str) -> None:
    for size in SIZES:
        assert (GOLDEN / f"{screen}-ascii-{size[0]}x{size[1]}.txt").read_text(encoding="utf-8").isascii()
