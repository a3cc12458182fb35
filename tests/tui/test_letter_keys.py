"""The letters of the computer keyboard: a piano, or commands."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from improv.protocol.commands import (
    HandOver,
    Panic,
    Press,
    Set,
    Start,
    Tap,
)
from improv.tui.client import Gone, Joined, News, Seen
from improv.tui.input.key_bindings import Letters
from improv.tui.theme.themes import DARK
from tests.tui.stage import ALONE, SEEN, Scripted, Stage, staged


def test_without_a_keyboard_letters_are_a_piano_and_with_one_commands(tmp_path: Path) -> None:
    async def piano(stage: Stage) -> None:
        assert stage.app.letter_keys.letters is Letters.PIANO
        assert "PIANO C4" in stage.screen()
        await stage.press("z")
        assert stage.asked() == [Press(60, 80)]
        stage.now_s[0] += 0.3
        await stage.press("pageup", "equals_sign", "X")
        assert stage.asked() == [Press(60, 0), Press(74, 118)]
        await stage.press("tab")
        assert stage.asked() == [Press(74, 0)]
        assert "COMMANDS" in stage.screen()
        await stage.press("h")
        assert stage.asked() == [HandOver()]

    async def commands(stage: Stage) -> None:
        assert stage.app.letter_keys.letters is Letters.COMMANDS

    staged(tmp_path, piano, ALONE)
    staged(tmp_path, commands, SEEN)


def test_a_note_that_nothing_ends_is_ended_by_its_timer(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("q")
        assert stage.asked() == [Press(72, 80)]
        stage.now_s[0] += 1
        stage.app.letter_keys.notes.end_due()
        assert stage.asked() == [Press(72, 0)]

    staged(tmp_path, scene, ALONE)


def test_leaving_lets_every_key_go(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("q", "ctrl+q")

    app = staged(tmp_path, scene, ALONE)
    assert app.return_value is False
    assert isinstance(app.connection._link, Scripted)
    assert app.connection._link.asked == [Press(72, 80), Press(72, 0)]


def test_the_letters_of_another_keyboard(tmp_path: Path) -> None:
    from improv.tui.input.key_bindings import LAYOUTS

    async def scene(stage: Stage) -> None:
        await stage.press("y")
        assert stage.asked() == [Press(60, 80)]

    staged(tmp_path, scene, ALONE, layout=LAYOUTS["qwertz"])


@pytest.mark.parametrize("news", [(), (Gone(""),), (Joined(1),)], ids=["nothing", "gone", "joined"])
def test_letters_do_nothing_before_it_is_known_what_they_are(tmp_path: Path, news: Sequence[News]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(*news)
        await stage.press(*"1qQQdDsebBgGhHlLmnoprtf")
        assert stage.app.return_value is None
        assert len(stage.app.screen_stack) == 1
        assert stage.app.theme == DARK
        assert (stage.asked(), stage.ran, stage.toasts) == ([], [], [])
        await stage.tell(Joined(1), Seen(ALONE))
        await stage.press("q")
        assert stage.asked() == [Press(72, 80)]

    staged(tmp_path, scene, None, starts_daemon=True)


@pytest.mark.parametrize("starts", [True, False])
def test_keys_before_any_word_are_for_a_daemon_that_is_there_and_not_for_one_that_is_started(
    tmp_path: Path, starts: bool
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("space", "f8", "right", "backspace")
        commands = stage.asked()
        assert commands == ([] if starts else [Start(), Tap(0.0), Set("tempo", 124.0), Panic()])
        assert [text for text in stage.toasts if "nothing was silenced" not in text] == []
        assert len(stage.toasts) == starts  # that nothing was silenced is told
        await stage.tell(Joined(1), Seen(replace(SEEN, playing=False)))
        await stage.press("space")
        assert stage.asked() == [Start()]

    staged(tmp_path, scene, None, starts_daemon=starts)
