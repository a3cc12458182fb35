"""What lies beside the jam, at many widths: the help and the lists."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from improv.errors import ImprovError
from improv.model_files import model_paths
from improv.tui.glyphs import ASCII, UNICODE, Glyphs
from improv.tui.keys import LAYOUTS, TABLE
from improv.tui.screens import HelpScreen
from tests.test_tui import Stage, staged


@pytest.mark.parametrize("width", [24, 34, 40, 57, 120])
def test_what_a_key_does_goes_on_below_where_it_began(width: int) -> None:
    groups = list(dict.fromkeys(row.group for row in TABLE))
    for section in HelpScreen(UNICODE, LAYOUTS["qwerty"]).sections(width):
        title, *lines = (line.plain for line in section)
        assert all(line.startswith("  ") and len(line) <= width for line in lines)
        if title in groups:
            rows = [row for row in TABLE if row.group == title]
            told = " ".join(" ".join(lines).split())
            assert told == " ".join(f"{row.shown} {row.help}" for row in rows)
            assert sum(not line[2].isspace() for line in lines) == len(rows)
            groups.remove(title)
    assert groups == []


def test_the_help_has_two_columns_where_it_is_wide(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f1")
        for size, columns in (((160, 50), 2), ((100, 30), 2), ((96, 30), 1), ((80, 24), 1)):
            await stage.pilot.resize_terminal(*size)
            first = stage.screen().split("\n")[2].split()
            assert len(first) == columns
            assert first[0] == TABLE[0].group

    staged(tmp_path, scene)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", [(40, 12), (80, 24), (160, 50)])
def test_a_network_takes_a_line_however_much_there_is_to_say_of_it(
    tmp_path: Path, size: tuple[int, int], glyphs: Glyphs
) -> None:
    names = tuple(model_paths())

    async def runs(words: Sequence[str]) -> str:
        return json.dumps(dict.fromkeys(names, f"says {'a lot of ' * 20}itself"))

    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        await stage.pilot.pause()
        rows = stage.screen().split("\n")[2 : 2 + len(names)]
        assert [row.split("says")[0].split()[-1] for row in rows] == list(names)
        assert len({row.index("says") for row in rows}) == 1
        assert all(row.isascii() if glyphs.plain else row.rstrip().endswith("…") for row in rows)

    staged(tmp_path, scene, size=size, glyphs=glyphs, runs=runs)


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
def test_why_there_are_no_ports_is_told_to_the_end_and_apart(tmp_path: Path, size: tuple[int, int]) -> None:
    why = "no MIDI system answers (tried alsa, jack); start one, or plug an interface in, and look here again"

    async def fails(words: Sequence[str]) -> str:
        raise ImprovError(why)

    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        await stage.pilot.pause()
        told = [line.strip() for line in stage.screen().split("\n")[2:-1]]
        heard, played, wrong = " ".join(line or "|" for line in told).strip("| ").split(" | ")
        assert heard.startswith("hears")
        assert played.startswith("plays through")
        assert wrong == why

    staged(tmp_path, scene, size=size, runs=fails)
