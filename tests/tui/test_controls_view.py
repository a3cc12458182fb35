"""What the list of controls shows: where each stands, what lies beyond its edge, and what turns the chosen one."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import MouseScrollDown, MouseScrollUp

from improv.music.parts import Part
from improv.protocol.commands import Set
from improv.protocol.control import ON
from improv.protocol.controls import CONTROLS
from improv.protocol.mixer import MUTES, PART_CONTROLS
from improv.tui.theme.glyphs import ASCII, UNICODE, Glyphs
from improv.tui.views.control_lines import NAMES
from improv.tui.views.control_rows import UNSUPPORTED, slider_cells
from improv.tui.views.part_rows import PART_OF
from improv.tui.views.turn_banner import TurnBanner
from tests.tui.stage import KEYS, SEEN, Stage, staged

TALL = (120, 26 + len(NAMES))
"""A screen on which every control is seen."""


def lines(stage: Stage) -> list[str]:
    """What the list has painted."""
    return [strip.text for strip in stage.controls.render_lines(stage.controls.size.region)]


def shown(name: str) -> str:
    """What a line is called: of the mixer by its part."""
    return PART_OF[name].label if name in PART_OF else name


def line_of(stage: Stage, name: str) -> str:
    """The line of a control."""
    (line,) = (line for line in lines(stage) if line[2 : 2 + len(shown(name)) + 1] == f"{shown(name)} ")
    return line


@pytest.mark.parametrize(("size", "glyphs"), [((80, 24), UNICODE), ((50, 36), UNICODE), ((80, 34), ASCII)])
def test_what_does_not_fit_is_counted_and_the_chosen_one_is_always_seen(
    tmp_path: Path, size: tuple[int, int], glyphs: Glyphs
) -> None:
    async def scene(stage: Stage) -> None:
        above, below = glyphs.arrow.above, glyphs.arrow.below
        height = stage.controls.size.height
        assert 4 <= height < len(NAMES)
        assert lines(stage)[-1].strip() == f"{below} {len(NAMES) - height + 1} more"
        for key in ["down"] * len(NAMES) + ["up"] * len(NAMES):
            seen = [name for name in NAMES if any(line[2:].startswith(f"{shown(name)} ") for line in lines(stage))]
            assert line_of(stage, stage.controls.selected.name)[0] == glyphs.here
            hidden = [line for line in lines(stage) if line.rstrip().endswith(" more")]
            told = {line[0]: int(line.split()[1]) for line in hidden}
            first, last = NAMES.index(seen[0]), NAMES.index(seen[-1])
            assert told == {mark: count for mark, count in ((above, first), (below, len(NAMES) - last - 1)) if count}
            await stage.press(key)

    staged(tmp_path, scene, size=size, glyphs=glyphs)


@pytest.mark.parametrize("name", ["tempo", "swing", "model"])
def test_the_chosen_one_is_seen_after_a_resize(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.controls.select(name)
        for size in ((40, 12), (80, 24), (120, 40), (80, 24), (40, 12)):
            await stage.pilot.resize_terminal(*size)
            await stage.pilot.pause()
            assert line_of(stage, name)[0] == UNICODE.here
            assert not any(" 0 more" in line for line in lines(stage))

    staged(tmp_path, scene, size=(120, 40))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)])
def test_every_value_ends_at_one_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        for name in NAMES:
            stage.controls.select(name)
            line = line_of(stage, name)
            assert len(line) == stage.controls.size.width
            assert line == line.rstrip()
            assert line.endswith((UNSUPPORTED, " n/a")) == (name == "density")

    staged(
        tmp_path,
        scene,
        replace(SEEN, system=replace(KEYS, network=replace(KEYS.network, unsupported_controls=("density",)))),
        size=size,
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50), (40, 12)])
def test_the_place_in_the_music_ends_where_the_values_do(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        band = stage.app.screen.query_one(TurnBanner)
        ends = max(len(strip.text.rstrip()) for strip in band.render_lines(band.size.region))
        assert ends == stage.controls.region.right

    staged(tmp_path, scene, size=size)


@pytest.mark.parametrize(
    ("density", "slider"), [(-1.0, "●─────·····"), (-0.6, "··●───·····"), (0.0, "·····●·····"), (1.0, "·····─────●")]
)
def test_what_turns_both_ways_is_filled_from_its_middle(tmp_path: Path, density: float, slider: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.pilot.resize_terminal(119, 40)  # an odd number of cells has a middle
        cells = slider_cells(stage.controls.size.width)
        start, width = cells.start, len(cells)
        stage.controls.styles.width = stage.controls.size.width - width + len(slider)
        await stage.pilot.pause()
        assert line_of(stage, "density")[start : start + len(slider)] == slider
        assert line_of(stage, "leaning")[start : start + len(slider)] == "●··········"

    staged(tmp_path, scene, replace(SEEN, settings=replace(SEEN.settings, density=density)))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_what_is_off_its_default_is_marked(tmp_path: Path, glyphs: Glyphs) -> None:
    async def scene(stage: Stage) -> None:
        marked = [name for name in NAMES if line_of(stage, name)[1] == glyphs.turned]
        assert marked == ["tempo", "model", "seed", "drums-level"]
        await stage.press("home")
        assert line_of(stage, "tempo")[1] == " "

    settings = replace(SEEN.settings, seed=5, auto_swing=True).with_value(MUTES[Part.DRUMS], ON)
    staged(tmp_path, scene, replace(SEEN, tempo=99.0, swing=0.6, settings=settings), glyphs=glyphs, size=TALL)


def test_a_few_words_tell_of_the_chosen_control_and_the_keys_that_turn_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for name, default in (("tempo", "120"), ("thru", "off")):
            stage.controls.select(name)
            about = [line.rstrip() for line in lines(stage)[len(NAMES) :]]
            assert about == ["", CONTROLS[name].help, f"left right turn  enter value  home {default}"]
        stage.controls.select("bass-solo")  # which is in the line of its part
        about = [line.rstrip() for line in lines(stage)[len(NAMES) :]]
        assert about == ["", "the bass: Acoustic Bass (32)", "enter program  F10 M mute  F11 S solo"]
        stage.controls.select("mode")  # of whose words only the one it stands at is told
        about = [line.strip() for line in lines(stage)[len(NAMES) :]]
        assert about[:2] == ["", "trade: turns of some bars"]

    staged(tmp_path, scene, size=TALL)


@pytest.mark.parametrize("size", [(120, 36), (120, 37), (120, 38), (120, 39), (120, 40), (160, 50)])
def test_the_words_about_a_control_are_whole_or_not_there(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        for control in CONTROLS.values():
            stage.controls.select(control.name)
            said = " ".join(line.strip() for line in lines(stage)[len(NAMES) :])
            assert UNICODE.cut not in said
            if control.name not in ("mode", "style", "hearing") and control not in PART_CONTROLS:
                assert control.help in said or control.help.split()[0] not in said

    staged(tmp_path, scene, size=size)


def test_where_there_is_room_a_group_stands_apart_and_is_clicked_on_where_it_is_seen(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        painted = lines(stage)
        apart = [y for y, line in enumerate(painted[: len(NAMES) + 3]) if not line.strip()]
        assert [painted[y + 1][2:].split()[0] for y in apart] == ["temperature", "model", "melody"]
        for name in NAMES:
            await stage.pilot.click(stage.controls, offset=(4, lines(stage).index(line_of(stage, name))))
            assert stage.controls.selected.name == name
        for y in apart:
            await stage.pilot.click(stage.controls, offset=(4, y))
        assert stage.controls.selected.name == NAMES[-1]

    staged(tmp_path, scene, size=(160, 24 + len(Part) + len(NAMES)))


def test_a_click_on_what_is_hidden_leads_there_and_the_wheel_scrolls(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        controls, height = stage.controls, stage.controls.size.height
        await stage.pilot.click(controls, offset=(4, height - 1))
        assert controls.selected.name == NAMES[height - 1]
        assert line_of(stage, NAMES[height - 1])[0] == UNICODE.here
        hidden = int(lines(stage)[0].split()[1])
        await stage.pilot.click(controls, offset=(4, 0))
        assert controls.selected.name == NAMES[hidden - 1]
        controls.select(NAMES[0])
        wheel = stage.pilot._post_mouse_events
        for way, y, shown in ((MouseScrollDown, height - 1, 2), (MouseScrollDown, 0, 3), (MouseScrollUp, 0, 2)):
            await wheel([way], controls, offset=(4, y))
            assert controls.selected.name in "".join(lines(stage))
            assert lines(stage)[1][2:].startswith(f"{NAMES[shown]} ")
        assert stage.asked() == []

    staged(tmp_path, scene, size=(80, 24))


def test_a_click_on_an_end_of_a_choice_takes_the_next_one_there(tmp_path: Path) -> None:
    choices = CONTROLS["mode"].choices
    at = choices.index(str(SEEN.value("mode")))

    async def scene(stage: Stage) -> None:
        y, last = NAMES.index("mode"), stage.controls.size.width - 1
        await stage.pilot.click(stage.controls, offset=(last, y))
        assert stage.asked() == [Set("mode", choices[at + 1])]
        await stage.pilot.click(stage.controls, offset=(line_of(stage, "mode").index("<"), y))
        assert stage.asked() == [Set("mode", choices[at])]
        assert len(stage.app.screen_stack) == 1
        await stage.pilot.click(stage.controls, offset=(last - 3, y))
        assert len(stage.app.screen_stack) == 2

    staged(tmp_path, scene)
