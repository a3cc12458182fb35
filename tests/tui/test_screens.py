"""What lies beside the jam, at many widths: the help and the lists."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.widgets import OptionList

from improv.errors import ImprovError
from improv.models.catalog import model_paths
from improv.tui.input.key_bindings import LAYOUTS, TABLE
from improv.tui.screens import lists
from improv.tui.screens.base import HelpScreen
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from tests.tui.stage import Stage, staged


@pytest.mark.parametrize("width", [24, 34, 40, 57, 120])
def test_what_a_key_does_goes_on_below_where_it_began(width: int) -> None:
    groups = list(dict.fromkeys(row.group for row in TABLE))
    for section in HelpScreen(UNICODE, LAYOUTS["qwerty"]).sections(width):
        title, *lines = (line.plain for line in section)
        assert all(line.startswith("  ") and len(line) <= width for line in lines)
        if title in groups:
            rows = [row for row in TABLE if row.group == title]
            told = " ".join(" ".join(lines).split())
            assert told == " ".join(f"{row.label} {row.help}" for row in rows)
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
def test_all_that_there_is_to_say_of_a_network_is_said_beside_or_below_its_name(
    tmp_path: Path, size: tuple[int, int], glyphs: Glyphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: path for name, path in model_paths().items() if name.startswith(("eck2002", "partner"))}
    monkeypatch.setattr(lists, "model_paths", lambda: some)  # as many as fit
    monkeypatch.setattr(lists, "BUILT_BY_COMMAND", {})
    names, says = tuple(some), f"says {'a lot of ' * 20}itself"

    async def runs(words: Sequence[str]) -> str:
        return json.dumps(dict.fromkeys(names, says))

    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        await stage.pilot.pause()
        rows = [row for row in stage.screen().split("\n")[2:-1] if row.strip()]
        whole = " ".join(re.sub("[▁-█]", "", " ".join(rows)).split())  # without the scroll bar
        shown = names if size[0] > 40 else names[:1]  # below the others begin
        assert all(f"{name} {says}" in whole for name in shown)
        assert len({row.index("says") for row in rows if "says" in row}) == 1
        assert not glyphs.plain or "".join(rows).isascii()

    staged(tmp_path, scene, size=size, glyphs=glyphs, run_command=runs)


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
def test_why_there_are_no_ports_is_told_to_the_end_and_apart(tmp_path: Path, size: tuple[int, int]) -> None:
    why = "no MIDI system answers (tried alsa, jack); start one, or plug an interface in, and look here again"

    async def fails(words: Sequence[str]) -> str:
        raise ImprovError(why)

    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        await stage.pilot.pause()
        told = [line.strip() for line in stage.screen().split("\n")[1:-1]]
        assert [line for line in told if line.startswith(("hears: ", "plays through: "))] != []
        stage.app.screen.query_one(OptionList).scroll_end(animate=False)
        await stage.pilot.pause()
        told = [line.removesuffix("▇▇").strip() for line in stage.screen().split("\n")[1:-1]]
        assert " ".join(line or "|" for line in told).strip("| ").split(" | ")[-1] == why

    staged(tmp_path, scene, size=size, run_command=fails)
