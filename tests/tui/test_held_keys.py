"""Keys that are held: on the computer's keyboard where the terminal tells it, and on the screen with the mouse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Region
from textual.widgets import Input

from improv.protocol.commands import Command, Panic, Press
from improv.tui.client import Gone
from improv.tui.input.computer_piano import Piano
from improv.tui.input.keystrokes import KeyboardFlags, KeyReleased, Keystroke
from improv.tui.screens.base import HelpScreen
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views.keyboard import key_cells, keyboard_rows, pitch_at, white_index, white_pitch
from tests.tui.stage import ALONE, SEEN, Stage, staged

Z, X, Q, COMMA = "122u", "120u", "113u", "44u"


# --- the piano ------------------------------------------------------------------------------------


def test_what_is_held_lasts_until_it_is_lifted_and_beside_it_others_do() -> None:
    piano, first = Piano(velocity=80).held(60, Z, 0)
    piano, second = piano.held(64, X, 5)
    assert (*first, *second) == (Press(60, 80), Press(64, 80))
    assert piano.at_time(1e6) == (piano, ())
    assert piano.next_end_s is None
    piano, ended = piano.lifted(Z)
    assert ended == (Press(60, 0),)
    assert piano.lifted(Z) == (piano, ())
    assert piano.released()[1] == (Press(64, 0),)


def test_of_two_keys_of_one_pitch_the_later_one_holds_it() -> None:
    piano, _ = Piano().held(60, Q, 0)
    piano, struck = piano.held(60, COMMA, 1)
    assert struck == (Press(60, 0), Press(60, 80))
    piano, none = piano.lifted(Q)
    assert none == ()
    assert piano.lifted(COMMA)[1] == (Press(60, 0),)


def test_what_is_held_ends_where_it_began_whatever_the_octave_has_become() -> None:
    piano, _ = Piano().held(60, Z, 0)
    assert piano.transposed(2).lifted(Z)[1] == (Press(60, 0),)


def test_no_key_lies_beyond_midi() -> None:
    assert Piano().held(128, Z, 0) == (Piano(), ())
    assert Piano().held(-1, Z, 0) == (Piano(), ())


# --- the terminal's keyboard ----------------------------------------------------------------------


def send(stage: Stage, *all_of: events.Event) -> None:
    driver = stage.app._driver
    assert driver is not None
    for event in all_of:
        event.set_sender(stage.app)
        driver.send_message(event)


def stroke(character: str, *, held: bool = False) -> Keystroke:
    return Keystroke(character, character, f"{ord(character.lower())}u", held)


def lifted(character: str) -> KeyReleased:
    return KeyReleased(f"{ord(character)}u")


async def asked(stage: Stage, *all_of: events.Event) -> list[Command]:
    send(stage, *all_of)
    await stage.pilot.pause()
    return stage.asked()


TELLS, TELLS_NOT = KeyboardFlags(27), KeyboardFlags(25)


def test_a_note_is_as_long_as_its_key_is_held_and_repeats_are_none(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        c = stage.app.letter_keys.notes.piano.lowest
        assert await asked(stage, TELLS, stroke("z"), *[stroke("z", held=True)] * 9) == [Press(c, 80)]
        assert await asked(stage, stroke("c")) == [Press(c + 4, 80)]
        assert await asked(stage, lifted("z")) == [Press(c, 0)]
        assert await asked(stage, stroke("V")) == [Press(c + 5, 110)]
        assert await asked(stage, lifted("v"), lifted("c")) == [Press(c + 5, 0), Press(c + 4, 0)]
        assert await asked(stage, lifted("c"), stroke("z", held=True)) == []

    staged(tmp_path, scene, ALONE)


def test_where_the_terminal_tells_no_releases_their_ends_are_guessed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        c = stage.app.letter_keys.notes.piano.lowest
        assert await asked(stage, TELLS_NOT, stroke("z")) == [Press(c, 80)]
        stage.now_s[0] += 1
        stage.app.letter_keys.notes.end_due()
        assert stage.asked() == [Press(c, 0)]

    staged(tmp_path, scene, ALONE)


@pytest.mark.parametrize(
    "lets_go",
    [
        lambda stage: send(stage, events.AppBlur()),
        lambda stage: send(stage, Keystroke("tab", "\t", "9u", is_repeat=False)),
        lambda stage: stage.app.app_suspend_signal.publish(stage.app),
        lambda stage: send(stage, Keystroke("f12", None, "24~", is_repeat=False)),
    ],
    ids=["the focus", "commands", "the shell", "panic"],
)
def test_what_takes_the_keyboard_away_lets_every_key_go(tmp_path: Path, lets_go: Callable[[Stage], None]) -> None:
    async def scene(stage: Stage) -> None:
        c = stage.app.letter_keys.notes.piano.lowest
        assert await asked(stage, TELLS, stroke("z"), stroke("c")) == [Press(c, 80), Press(c + 4, 80)]
        lets_go(stage)
        await stage.pilot.pause()
        told = [command for command in stage.asked() if not isinstance(command, Panic)]
        assert told == [Press(c, 0), Press(c + 4, 0)]
        assert await asked(stage, lifted("z"), stroke("c", held=True)) == []

    staged(tmp_path, scene, ALONE)


def test_while_text_is_typed_nothing_is_played_and_a_held_key_types_on(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("enter")
        assert await asked(stage, TELLS, Keystroke("home", None, "1H", is_repeat=False)) == []
        assert await asked(stage, stroke("9"), stroke("9", held=True), lifted("9")) == []
        assert stage.app.screen.query_one(Input).value == "99120"

    staged(tmp_path, scene, ALONE)


# --- the keys on the screen -----------------------------------------------------------------------


def mouse(stage: Stage, kind: type[events.MouseEvent], x: int, y: int, button: int = 1) -> None:
    send(stage, kind(None, x, y, 0, 0, button, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y))


def place(stage: Stage, pitch: int) -> tuple[int, int]:
    """Where a white key can be clicked on."""
    board = stage.app.jam.keyboard
    region: Region = board.region
    cells = key_cells(region.width)
    return region.x + (white_index(pitch) - board._low) * cells + 1, region.y + 1


@pytest.mark.parametrize("seen", [ALONE, SEEN], ids=["piano", "commands"])
def test_a_key_is_pressed_and_let_go_with_the_mouse_and_slid_over(tmp_path: Path, seen: object) -> None:
    async def scene(stage: Stage) -> None:
        x, y = place(stage, 60)
        mouse(stage, events.MouseDown, x, y)
        await stage.pilot.pause()
        assert stage.asked() == [Press(60, 80)]
        mouse(stage, events.MouseMove, *place(stage, 62))
        await stage.pilot.pause()
        assert stage.asked() == [Press(60, 0), Press(62, 80)]
        mouse(stage, events.MouseMove, place(stage, 62)[0] - 1, y - 1)  # the black one before it
        await stage.pilot.pause()
        assert stage.asked() == [Press(62, 0), Press(61, 80)]
        mouse(stage, events.MouseMove, x, 0)  # beside the keys
        await stage.pilot.pause()
        assert stage.asked() == [Press(61, 0)]
        mouse(stage, events.MouseMove, *place(stage, 64))
        mouse(stage, events.MouseUp, *place(stage, 64))
        mouse(stage, events.MouseMove, *place(stage, 65), button=0)
        await stage.pilot.pause()
        assert stage.asked() == [Press(64, 80), Press(64, 0)]

    staged(tmp_path, scene, seen)  # type: ignore[arg-type]


def test_a_key_that_is_clicked_without_a_daemon_says_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        mouse(stage, events.MouseDown, *place(stage, 60))
        mouse(stage, events.MouseUp, *place(stage, 60))
        await stage.pilot.pause()
        assert not [command for command in stage.asked() if command != Press(60, 0)]
        assert any("no improv is there" in toast for toast in stage.toasts)

    staged(tmp_path, scene, ALONE)


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("width", [20, 43, 64, 90])
def test_what_is_clicked_is_what_is_drawn(width: int, height: int) -> None:
    cells, low = key_cells(width), white_index(48)
    whites = (width - 1) // cells
    labels = {pitch: chr(0x4E00 + pitch) for pitch in range(128)}
    rows = keyboard_rows(SEEN, UNICODE, labels, low, whites, cells, height)
    for y, row in enumerate(rows[:2]):
        text = "".join(span.text for span in row)
        for x, char in enumerate(text):
            if ord(char) >= 0x4E00:
                assert pitch_at(x, y, low, whites, cells, height) == ord(char) - 0x4E00
    assert pitch_at(width - 1, height - 1, low, whites, cells, height) == white_pitch(low + whites - 1)


# --- the help -------------------------------------------------------------------------------------


def styles_of(stage: Stage, key: str, beside: str) -> str:
    """The colour a key has in the help, in the line that says what it does."""
    for strip in stage.app.screen._compositor.render_strips():
        if beside in strip.text:
            before = ""
            for segment in strip:
                if segment.text.strip() == key and beside not in before:
                    assert segment.style is not None
                    return str(segment.style.color)
                before += segment.text
    raise AssertionError(f"no {key} beside {beside}")


def test_letters_that_are_commands_are_grey_in_the_help_while_they_are_a_piano(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f1")
        assert isinstance(stage.app.screen, HelpScreen)
        letter, both = styles_of(stage, "r", "top of the form"), styles_of(stage, "space", "Start playing")
        digits = styles_of(stage, "1-9", "first nine presets")
        assert letter == digits != both
        await stage.press("tab")
        assert styles_of(stage, "r", "top of the form") == both == styles_of(stage, "1-9", "first nine presets")
        assert styles_of(stage, "space", "Start playing") == both
        await stage.press("tab")
        assert styles_of(stage, "r", "top of the form") == letter

    staged(tmp_path, scene, ALONE, size=(160, 60))


def test_the_help_tells_what_only_the_palette_has(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        words = {command.title.split()[0] for command in stage.app.get_system_commands(stage.app.screen)}
        await stage.press("f1")
        screen = stage.app.screen
        assert isinstance(screen, HelpScreen)
        told = str(screen.text())
        for beside in ("preset", "set", "learn", "forget", "theme"):
            assert beside in told
            assert any(word.startswith(beside) for word in words | {"preset"})
        assert "arrows and enter pick a row" in told

    staged(tmp_path, scene, size=(160, 60))
