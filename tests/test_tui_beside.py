"""What lies beside the jam, at many widths: the help and the lists."""

from pathlib import Path

import pytest

from improv.tui.glyphs import UNICODE
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
