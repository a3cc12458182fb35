"""What keys and clicks ask for: every action of the key table."""

from dataclasses import replace
from pathlib import Path

import pytest

from improv.config.presets import preset_of, save
from improv.protocol.commands import (
    TARGETS,
    Command,
    HandOver,
    Learn,
    Panic,
    Press,
    Restart,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot
from improv.tui.client import Answered, Gone, Seen
from improv.tui.input.key_bindings import TABLE, KeyContext, Letters
from improv.tui.screens.base import HelpScreen
from improv.tui.views.footer import Footer
from tests.tui.stage import ALONE, KEYS, SEEN, Stage, staged


def test_every_action_is_a_key_in_the_palette_and_in_the_help(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        save(tmp_path / "config" / "presets.toml", (preset_of("slow", SEEN),))
        stage.app.actions.groups.presets.read()
        titles = [command.title for command in stage.app.get_system_commands(stage.app.screen)]
        await stage.press("f1")
        assert isinstance(stage.app.screen, HelpScreen)
        told = " ".join(line.plain.strip() for section in stage.app.screen.sections(200) for line in section)
        assert list(stage.app.actions.by_name) == [row.action for row in TABLE]
        for row in TABLE:
            assert row.all_keys
            assert row.help in told
            assert row.label in told
            assert row.action == "pick" or any(title.startswith(row.title) for title in titles)
        for name, control in CONTROLS.items():
            assert f"set {name}" in titles
            assert all(f"{name} {choice}" in titles for choice in control.choices)
        assert all(f"learn {target}" in titles for target in TARGETS)

    staged(tmp_path, scene)


KEYS_ASK: tuple[tuple[str, Command], ...] = (
    ("space", Stop()),
    ("backspace", Panic()),
    ("f12", Panic()),
    ("h", HandOver()),
    ("f9", HandOver()),
    ("r", Restart()),
    ("t", Tap(0.0)),
    ("f8", Tap(0.0)),
    ("m", Set("mode", "phrase")),
    ("B", Set("bars", 5)),
    ("b", Set("bars", 3)),
    ("right", Set("tempo", 124.0)),
    ("left", Set("tempo", 116.0)),
    ("shift+right", Set("tempo", 160.0)),
    ("l", Learn("tempo")),
)


def test_a_key_asks_for_what_the_table_says(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for key, command in KEYS_ASK:
            await stage.press(key)
            assert stage.asked() == [command]
            for control in CONTROLS:
                stage.controls.take_back(control)

    staged(tmp_path, scene)


def test_space_starts_what_is_stopped(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("space")
        assert stage.asked() == [Start()]

    staged(tmp_path, scene, replace(SEEN, playing=False))


def test_panic_and_start_work_beside_the_jam_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for key in ("f1", "f2", "f3", "f4", "f7"):
            await stage.press(key, "backspace", "space")
            assert stage.asked() == [Panic(), Stop()]
            assert len(stage.app.screen_stack) == 2
            assert "PANIC" in stage.screen()
            await stage.press("escape")
            assert len(stage.app.screen_stack) == 1

    staged(tmp_path, scene)


def test_the_footer_can_be_clicked_on_panic_first(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.pilot.click(Footer, offset=(2, 0))
        assert stage.asked() == [Panic()]

    staged(tmp_path, scene, size=(40, 12))


def test_the_last_take_is_exported_and_it_says_where(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f6")
        await stage.app.workers.wait_for_complete()
        assert ["export", "last"] in stage.ran
        assert stage.toasts == ["wrote /jams/last.mid"]

    staged(tmp_path, scene)


def test_the_footer_says_no_key_that_does_not_work(tmp_path: Path) -> None:
    from improv.tui.input.key_bindings import BY_ACTION, FOOTER

    for key_context in (KeyContext.JAM, KeyContext.LIST):
        for letters in Letters:
            hints = [BY_ACTION[action].hint(key_context, letters) for action in FOOTER]
            assert hints[FOOTER.index("close")] == ("esc" if key_context is KeyContext.LIST else "")
            assert hints[FOOTER.index("pick")] == ("1-9" if key_context is KeyContext.LIST else "")


@pytest.mark.parametrize(("seen", "leaves"), [(SEEN, "q leave"), (ALONE, "^q leave")], ids=["commands", "piano"])
def test_how_to_leave_and_to_find_anything_is_told_where_it_is_narrow(
    tmp_path: Path, seen: Snapshot, leaves: str
) -> None:
    async def scene(stage: Stage) -> None:
        footer = stage.screen().split("\n")[-1]
        assert f" {leaves} " in footer
        assert "^p palette" in footer
        assert "? help" in footer
        await stage.press("f1")
        assert "? help" not in stage.screen()
        await stage.press("f1")
        assert len(stage.app.screen_stack) == 1

    staged(tmp_path, scene, seen, size=(80, 24))


def test_panic_lets_the_keys_of_the_piano_go_and_says_silenced_only_when_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("q", "f12")
        assert stage.asked() == [Press(72, 80), Press(72, 0), Panic()]
        assert stage.toasts == []
        await stage.tell(Answered(Panic(), ""))
        assert stage.toasts == ["silenced"]
        await stage.tell(Gone("improv does not answer", is_silent=True))
        assert "improv does not answer; waiting for it" in stage.screen()
        await stage.press("f12")
        assert stage.asked() == []
        assert any("nothing was silenced" in toast for toast in stage.toasts)

    staged(tmp_path, scene, ALONE)


@pytest.mark.parametrize("key", ["f5", "escape"])
def test_while_it_learns_it_says_so_and_a_key_leaves_it(tmp_path: Path, key: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f5")
        assert stage.asked() == [Learn("tempo")]
        await stage.tell(Seen(replace(SEEN, system=replace(KEYS, learning="tempo"))))
        assert "Move the knob that shall turn tempo (esc: none)" in stage.screen()
        await stage.press("f1")
        assert "Move the knob that shall turn tempo (esc: none)" in stage.screen()
        await stage.press("escape")
        assert stage.asked() == []
        await stage.press(key)
        assert stage.asked() == [Learn("")]
        await stage.tell(Seen(SEEN))
        assert "shall turn" not in stage.screen()
        await stage.press("escape")
        assert stage.asked() == []

    staged(tmp_path, scene)


def test_what_is_exported_is_the_take_of_this_jam(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f6")
        await stage.app.workers.wait_for_complete()
        assert ["export", "jam-1"] in stage.ran

    staged(tmp_path, scene, replace(SEEN, system=replace(KEYS, recording=replace(KEYS.recording, take="jam-1"))))


@pytest.mark.parametrize(("seen", "key", "shown"), [(SEEN, "Q", "Q"), (SEEN, "ctrl+e", "Q"), (ALONE, "ctrl+e", "^e")])
def test_the_jam_is_ended_by_asking_twice_soon(tmp_path: Path, seen: Snapshot, key: str, shown: str) -> None:
    async def scene(stage: Stage) -> None:
        assert f"{shown} end the jam" in stage.screen()
        await stage.press(key)
        assert stage.toasts == [f"{shown} again ends the jam"]
        stage.now_s[0] += 4
        await stage.press(key)
        assert stage.app.return_value is None
        stage.now_s[0] += 2
        await stage.press(key)
        assert stage.asked() == []

    assert staged(tmp_path, scene, seen, size=(240, 40)).return_value is True
