"""Presets on the screen: kept, recalled, removed, put back."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input

from improv.config.presets import load, preset_of, save
from improv.errors import DataError
from improv.protocol.commands import (
    Set,
)
from improv.protocol.controls import CONTROLS
from improv.tui.client import Seen
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import PresetsScreen
from tests.tui.stage import SEEN, Stage, staged


def test_a_preset_is_kept_recalled_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"

    async def scene(stage: Stage) -> None:
        await stage.press("s")
        stage.app.screen.query_one(Input).value = "slow"
        await stage.press("enter")
        assert [preset.name for preset in load(path)] == ["slow"]
        await stage.tell(Seen(replace(SEEN, tempo=200.0, settings=replace(SEEN.settings, bars=2))))
        await stage.press("1")
        assert stage.asked() == [Set("tempo", 120.0), Set("bars", 4)]
        await stage.press("2")
        assert stage.asked() == []
        await stage.press("f4")
        assert isinstance(stage.app.screen, PresetsScreen)
        await stage.press("delete")
        assert load(path) == ()

    staged(tmp_path, scene)


def test_presets_that_cannot_be_read_are_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"
    path.parent.mkdir()
    path.write_text("[half")

    async def scene(stage: Stage) -> None:
        assert any("mend it" in toast for toast in stage.toasts)
        await stage.press("s")
        assert not isinstance(stage.app.screen, Entry)

    staged(tmp_path, scene)
    assert path.read_text() == "[half"


def test_two_interfaces_keep_their_presets_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"

    async def scene(stage: Stage) -> None:
        save(path, (preset_of("another's", SEEN),))
        await stage.press("s")
        stage.app.screen.query_one(Input).value = "mine"
        await stage.press("enter")
        assert [preset.name for preset in load(path)] == ["another's", "mine"]

    staged(tmp_path, scene)


def test_a_preset_that_was_removed_can_be_put_back_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"
    kept = tuple(preset_of(name, SEEN) for name in ("a", "b", "c"))
    save(path, kept)

    async def scene(stage: Stage) -> None:
        await stage.press("f4", "down", "delete")
        assert [preset.name for preset in load(path)] == ["a", "c"]
        await stage.press("insert", "insert")
        assert load(path) == kept

    staged(tmp_path, scene)


def test_a_preset_holds_what_was_turned_last_and_what_it_replaces_can_be_put_back(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"
    kept = tuple(preset_of(name, SEEN) for name in ("a", "b"))
    save(path, kept)

    async def scene(stage: Stage) -> None:
        await stage.press("right", "s")
        await stage.tell(Seen(replace(SEEN, tempo=124.0, swing=0.6)))
        stage.controls.turn(CONTROLS["bars"], 2)
        stage.app.screen.query_one(Input).value = "a"
        await stage.press("enter")
        assert stage.toasts == ["a replaced; insert in the list puts back the old one"]
        new, other = load(path)
        assert (new.name, other) == ("a", kept[1])
        assert [new.values[name] for name in ("tempo", "swing", "bars")] == [124.0, 0.6, 2]
        await stage.press("f4", "insert")
        assert stage.toasts[-1] == "a is back"
        assert load(path) == kept

    staged(tmp_path, scene)


def test_two_keys_at_once_remove_two_presets(tmp_path: Path) -> None:
    path = tmp_path / "config" / "presets.toml"
    save(path, tuple(preset_of(name, SEEN) for name in ("a", "b", "c")))

    async def scene(stage: Stage) -> None:
        await stage.press("f4")
        for _ in range(2):  # a terminal may tell both in one go
            stage.app.post_message(Key("delete", None))
        await stage.pilot.pause()
        assert [preset.name for preset in load(path)] == ["c"]

    staged(tmp_path, scene)


def test_a_preset_may_have_brackets_in_its_name(tmp_path: Path) -> None:
    save(tmp_path / "config" / "presets.toml", (preset_of("[/] [b]x", SEEN),))

    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.pilot.until(lambda: "recall preset 1: [/] [b]x" in stage.screen(), "the palette")

    staged(tmp_path, scene, size=(120, 150))


def test_a_link_to_the_presets_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "presets.toml"
    link.symlink_to(real)
    save(link, (preset_of("a", SEEN),))
    assert link.is_symlink()
    assert [preset.name for preset in load(real)] == ["a"]


def test_presets_that_make_no_sense_are_a_matter_of_words(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    path.write_text(f"[a]\ntempo = 1{'0' * 400}\n")
    with pytest.raises(DataError, match="far out of range"):
        load(path)
    with pytest.raises(DataError, match="nothing was kept"):
        save(path / "presets.toml", ())
