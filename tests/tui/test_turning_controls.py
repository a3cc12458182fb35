"""Controls turned by keys, by typing, from lists and with the mouse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from improv.protocol.commands import (
    Panic,
    Set,
)
from improv.protocol.controls import CONTROLS
from improv.tui.client import Answered, Seen
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import ChoicesScreen
from improv.tui.views.control_lines import NAMES
from improv.tui.views.control_rows import UNSUPPORTED, slider_cells
from tests.tui.stage import KEYS, SEEN, Stage, staged


def test_every_control_can_be_chosen_and_nudged_from_the_keyboard(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turned = []
        for name in NAMES:
            control = CONTROLS[name]
            assert stage.controls.selected is control
            await stage.press("right", "left")
            turned += [command.control for command in stage.asked() if isinstance(command, Set)]
            assert name in turned or control.share(SEEN.value(name)) in (0.0, 1.0)
            await stage.press("down")
        assert set(turned) >= set(NAMES) - {"top-p"}

    staged(tmp_path, scene)


def test_what_is_turned_is_shown_at_once_until_it_is_seen_or_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tempo = CONTROLS["tempo"]
        await stage.press("right", "right")
        assert stage.asked() == [Set("tempo", 124.0), Set("tempo", 128.0)]
        assert stage.controls.value(tempo) == 128
        await stage.tell(Answered(Set("tempo", 128.0), "no", is_error=True))
        assert stage.controls.value(tempo) == 120
        assert stage.toasts == ["no"]
        await stage.press("right")
        await stage.tell(Seen(replace(SEEN, tempo=124.0)), Seen(replace(SEEN, tempo=124.0)))
        await stage.tell(Seen(replace(SEEN, tempo=90.0)))
        assert stage.controls.value(tempo) == 90

    staged(tmp_path, scene)


def test_a_value_is_typed_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("enter")
        assert isinstance(stage.app.screen, Entry)
        line = stage.app.screen.query_one(Input)
        assert not line.cursor_blink
        line.value = "9999"
        await stage.press("enter")
        assert "out of range" in stage.screen()
        line.value = "99"
        await stage.press("f12", "enter")
        assert stage.asked() == [Panic(), Set("tempo", 99.0)]
        assert len(stage.app.screen_stack) == 1
        await stage.press("enter", "escape")
        assert len(stage.app.screen_stack) == 1
        assert not stage.asked()

    staged(tmp_path, scene)


def test_a_word_is_picked_from_its_list_by_a_digit(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(*["down"] * NAMES.index("mode"), "enter")
        assert isinstance(stage.app.screen, ChoicesScreen)
        await stage.press("3")
        assert stage.asked() == [Set("mode", "duet")]
        assert len(stage.app.screen_stack) == 1

    staged(tmp_path, scene)


def test_home_is_the_default(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("home")
        assert stage.asked() == [Set("tempo", 120)]

    staged(tmp_path, scene, replace(SEEN, tempo=77.0))


def test_the_wheel_nudges_a_click_selects_and_a_drag_sets(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        names = list(NAMES)
        at = names.index("temperature")
        controls = stage.controls
        cells = slider_cells(controls.size.width)
        start, width = cells.start, len(cells)
        await stage.pilot.click(controls, offset=(4, at))
        assert controls.selected.name == "temperature"
        assert stage.asked() == []
        await stage.pilot.mouse_down(controls, offset=(start, at))
        await stage.pilot.hover(controls, offset=(start + width - 1, at))
        await stage.pilot.mouse_up(controls, offset=(start + width - 1, at))
        assert [command.value for command in stage.asked() if isinstance(command, Set)] == [0, 3]
        await stage.pilot._post_mouse_events([_scroll_up()], controls, offset=(4, names.index("bars")))
        await stage.pilot.pause()
        assert stage.asked() == [Set("bars", 5)]
        await stage.pilot.click(controls, offset=(start, names.index("thru")))
        assert stage.asked() == [Set("thru", "on")]
        await stage.pilot.click(controls, offset=(4, at), times=2)
        assert isinstance(stage.app.screen, Entry)

    staged(tmp_path, scene, size=(120, 60))


def _scroll_up() -> Any:
    from textual.events import MouseScrollUp

    return MouseScrollUp


def test_a_control_the_network_cannot_obey_says_so_in_words(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        line = next(line for line in stage.screen().split("\n") if "density" in line)
        assert UNSUPPORTED in line

    staged(
        tmp_path,
        scene,
        replace(SEEN, system=replace(KEYS, network=replace(KEYS.network, unsupported_controls=("density",)))),
    )


def test_a_value_that_was_only_looked_at_stays_exactly_as_it_is(tmp_path: Path) -> None:
    seen = replace(SEEN, tempo=119.38271, settings=replace(SEEN.settings, seed=1234567891))

    async def scene(stage: Stage) -> None:
        for name in ("seed", "tempo"):
            stage.controls.select(name)
            await stage.press("enter", "enter")
            assert len(stage.app.screen_stack) == 1
            assert stage.asked() == []

    staged(tmp_path, scene, seen)


def test_what_was_asked_for_stands_for_some_steps_however_many_snapshots_there_are(tmp_path: Path) -> None:
    tempo = CONTROLS["tempo"]

    async def scene(stage: Stage) -> None:
        await stage.press("right", "right", "right")
        for lateness_us in range(8):
            system = replace(KEYS, timing=replace(KEYS.timing, lateness_p50_us=float(lateness_us)))
            await stage.tell(Seen(replace(SEEN, system=system, playing=lateness_us > 4)))
            assert stage.controls.value(tempo) == 132
        await stage.press("right")
        assert stage.asked()[-1] == Set("tempo", 136.0)
        await stage.tell(Seen(replace(SEEN, step=SEEN.step + 3)))
        assert stage.controls.value(tempo) == 136
        await stage.tell(Seen(replace(SEEN, step=SEEN.step + 4)))
        assert stage.controls.value(tempo) == 120

    staged(tmp_path, scene)


def test_two_clicks_on_a_word_open_its_list_and_turn_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        start = slider_cells(stage.controls.size.width).start
        await stage.pilot.click(stage.controls, offset=(start + 1, NAMES.index("mode")), times=2)
        assert isinstance(stage.app.screen, ChoicesScreen)
        assert stage.asked() == []

    staged(tmp_path, scene)


@pytest.mark.parametrize("name", ["tempo", "gap", "swing", "bars", "temperature"])
def test_a_slider_snaps_to_what_a_nudge_reaches(tmp_path: Path, name: str) -> None:
    control = CONTROLS[name]

    async def scene(stage: Stage) -> None:
        cells = slider_cells(stage.controls.size.width)
        start, width = cells.start, len(cells)
        row = NAMES.index(name)
        await stage.pilot.mouse_down(stage.controls, offset=(start, row))
        for x in range(width):
            await stage.pilot.hover(stage.controls, offset=(start + x, row))
        await stage.pilot.mouse_up(stage.controls, offset=(start + width - 1, row))
        values = [command.value for command in stage.asked() if isinstance(command, Set)]
        assert values[0] == control.low
        assert values[-1] == control.high
        for value in values[:-1]:
            assert isinstance(value, int | float)
            nudges = (value - control.low) / control.nudge
            assert nudges == pytest.approx(round(nudges))

    staged(tmp_path, scene, replace(SEEN, swing=0.6))


def test_the_jam_is_seen_to_go_on_while_a_value_is_typed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("enter")
        assert "enter sets it, esc cancels" in stage.screen()
        await stage.tell(Seen(replace(SEEN, system=replace(KEYS, remark="a keyboard came"))))
        assert "a keyboard came" in stage.screen()

    staged(tmp_path, scene)
