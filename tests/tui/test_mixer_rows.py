"""The mixer in the list of controls: a row for each part, turned and switched by keys and by the mouse."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.parts import MIXED_PARTS, Part
from improv.protocol.commands import Set
from improv.protocol.control import OFF, ON
from improv.protocol.controls import AUTO, CONTROLS
from improv.protocol.mixer import COLUMNS, LEVELS, MUTES, PART_CONTROLS, PROGRAMS, SOLOS
from improv.protocol.snapshot import Snapshot
from improv.tui.screens.lists import ProgramsScreen
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.views.control_lines import NAMES, ControlLines
from improv.tui.views.control_values import ControlValues
from improv.tui.views.part_rows import (
    PART_OF,
    is_heard,
    program_text,
    program_width,
    row_of,
    slider_width,
)
from tests.tui.stage import SEEN, Stage, staged


def mixed(seen: Snapshot = SEEN, **values: str | int) -> Snapshot:
    """A snapshot with a mixer of these values by field."""
    return replace(seen, settings=replace(seen.settings, mixer=seen.settings.mixer.with_values(values)))


def row(stage: Stage, part: Part) -> str:
    """The row of a part, as it is painted."""
    strips = stage.controls.render_lines(stage.controls.size.region)
    (line,) = (strip.text for strip in strips if strip.text[2:].startswith(f"{part.label} "))
    return line


def line(stage: Stage, part: Part) -> int:
    """Where the row of a part is."""
    strips = stage.controls.render_lines(stage.controls.size.region)
    return next(y for y, strip in enumerate(strips) if strip.text[2:].startswith(f"{part.label} "))


def test_each_control_of_the_mixer_is_in_the_row_of_its_part_and_each_part_has_one() -> None:
    assert list(PART_OF.values()) == list(MIXED_PARTS)
    assert [name for name in NAMES if CONTROLS[name] in PART_CONTROLS] == list(PART_OF)
    for column in COLUMNS.values():
        for part, control in column.items():
            assert PART_OF[row_of(control.name)] is part
            assert NAMES[ControlLines().select_line_of(control.name).selected] == LEVELS[part].name
    for name in set(CONTROLS) - {control.name for control in PART_CONTROLS}:
        assert row_of(name) == name


@pytest.mark.parametrize("size", [(160, 60), (120, 60)])
def test_a_row_says_all_of_a_part(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        assert row(stage, Part.MELODY)[2:13] == "melody m S "
        assert row(stage, Part.MELODY).endswith("77    Tenor Sax" if size[0] == 120 else "77         Tenor Sax")
        assert row(stage, Part.BASS)[2:13] == "bass   M s "
        assert row(stage, Part.CHORDS)[2:13] == "comp   m s "

    seen = mixed(melody_solo=ON, melody_program=66, melody_level=77, bass_mute=ON)
    staged(tmp_path, scene, seen, size=size)


@pytest.mark.parametrize(("mute", "solo"), [("f10", "f11"), ("M", "S")])
def test_keys_mute_and_solo_the_chosen_part(tmp_path: Path, mute: str, solo: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(mute)
        assert "choose a part of the mixer" in stage.toasts[-1]
        assert not stage.asked()
        stage.controls.select("bass-level")
        await stage.press(mute, solo, mute)
        assert stage.asked() == [Set("bass-mute", ON), Set("bass-solo", ON), Set("bass-mute", OFF)]

    staged(tmp_path, scene)


@pytest.mark.parametrize("size", [(160, 50), (120, 40), (50, 36)])
def test_the_mouse_switches_mute_and_solo_drags_the_level_and_opens_the_programs(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async def scene(stage: Stage) -> None:
        stage.controls.select("drums-level")
        await stage.pilot.pause()
        at = line(stage, Part.BASS)
        await stage.pilot.click(stage.controls, offset=(9, at))
        await stage.pilot.click(stage.controls, offset=(11, at))
        assert stage.asked() == [Set("bass-mute", ON), Set("bass-solo", ON)]
        assert stage.controls.selected is LEVELS[Part.BASS]
        await stage.pilot.mouse_down(stage.controls, offset=(14, at))
        await stage.pilot.mouse_up(stage.controls, offset=(14, at))
        assert stage.asked() == [Set("bass-level", 0)]
        width = stage.controls.size.width
        await stage.pilot.click(stage.controls, offset=(width - 1, at), times=2)
        assert isinstance(stage.app.screen, ProgramsScreen)
        assert not stage.asked()

    staged(tmp_path, scene, size=size)


def test_enter_lists_the_programs_and_the_picked_one_is_asked_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.controls.select("melody-level")
        await stage.press("enter")
        assert isinstance(stage.app.screen, ProgramsScreen)
        assert stage.app.screen.highlighted is not None
        assert stage.app.screen.highlighted.text == "Vibraphone"
        await stage.press("down", "enter")
        assert stage.asked() == [Set("melody-program", 12)]
        stage.controls.select("drums-level")
        await stage.press("enter")
        screen = stage.app.screen
        assert isinstance(screen, ProgramsScreen)
        assert [row.text for row in screen.rows()][:2] == ["Standard Kit", "Room Kit"]
        await stage.press("2")
        assert stage.asked() == [Set("drums-program", 8)]

    staged(tmp_path, scene)


def test_home_resets_all_that_a_part_has(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.controls.select("bass-level")
        await stage.press("home")
        assert set(stage.asked()) == {Set("bass-level", 100), Set("bass-mute", OFF), Set("bass-program", 32)}
        await stage.press("left")
        assert stage.asked() == [Set("bass-level", 95)]

    staged(tmp_path, scene, mixed(bass_level=3, bass_mute=ON, bass_program=36))


def test_a_program_without_a_name_is_told_by_its_number() -> None:
    values = ControlValues()
    values.take(mixed(drums_program=3))
    assert program_text(Part.DRUMS, values) == "kit 3"


@given(
    st.dictionaries(st.sampled_from([c.field for c in (*MUTES.values(), *SOLOS.values())]), st.sampled_from([ON, OFF]))
)
def test_what_the_row_takes_for_heard_is_what_the_session_lets_sound(switched: dict[str, str]) -> None:
    seen, values = mixed(SEEN, **switched), ControlValues()
    values.take(seen)
    for part in MIXED_PARTS:
        assert is_heard(part, values) == seen.settings.mixer.is_audible(part)


@given(st.integers(0, 200))
def test_a_level_and_its_program_have_the_room_that_there_is(room: int) -> None:
    slider, program = slider_width(room), program_width(room)
    assert slider == 0 or slider >= 4
    assert program == 0 or (program >= 8 and slider + 5 + program == room)


@pytest.mark.parametrize("size", [(40, 12), (40, 30), (50, 36), (80, 24), (81, 25), (120, 40), (200, 60)])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_rows_of_parts_fill_the_line_at_any_size(tmp_path: Path, size: tuple[int, int], glyphs: object) -> None:
    async def scene(stage: Stage) -> None:
        for part in MIXED_PARTS:
            stage.controls.select(PROGRAMS[part].name)
            await stage.pilot.pause()
            painted = row(stage, part)
            assert len(painted) == stage.controls.size.width
            assert painted == painted.rstrip()
            assert " 100 " in painted or painted.endswith(" 100")

    staged(tmp_path, scene, size=size, glyphs=glyphs)


def test_swing_is_shown_with_the_number_in_force_and_turned_from_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.controls.select("swing")
        strips = stage.controls.render_lines(stage.controls.size.region)
        assert any(strip.text.endswith("auto 0.611") for strip in strips)
        await stage.press("right")
        assert stage.asked() == [Set("swing", 0.621)]
        await stage.press("home")
        assert stage.asked() == [Set("swing", AUTO)]

    staged(tmp_path, scene, replace(SEEN, swing=0.611, settings=replace(SEEN.settings, auto_swing=True)))
