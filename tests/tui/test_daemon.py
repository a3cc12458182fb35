"""Every key of the table, panic, leaving and joining, with the real socket between screen and daemon.

Time is the daemon's and stands still until a test lets it pass; what is waited for is what threads bring.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.midi.messages import silencing
from improv.music.parts import Part
from improv.music.turns import Mode, Who
from improv.protocol.commands import Command, HandOver, Panic, Restart, Set, Start, Stop, Tap
from improv.protocol.control import Value
from improv.tui.connection import GONE
from improv.tui.input.key_bindings import BY_ACTION, TABLE
from improv.tui.screens.base import Entry, HelpScreen, LogScreen
from improv.tui.screens.lists import ModelsScreen, PresetsScreen
from improv.tui.screens.ports import PortsScreen
from improv.tui.views.turn_banner import TurnBanner
from tests.simulated import SimulatedDaemon
from tests.tui.jam import Jam, jammed

_SOUNDING = (Part.MELODY.channel, Part.CHORDS.channel)
"""The channels that improv has played on."""

SCREENS = {
    "help": HelpScreen,
    "ports": PortsScreen,
    "models": ModelsScreen,
    "presets": PresetsScreen,
    "log": LogScreen,
    "edit": Entry,
    "save_preset": Entry,
}

COMMANDS: dict[str, tuple[Command | type[Command], ...]] = {
    "start_stop": (Stop(),),
    "panic": (Panic(),),
    "hand_over": (HandOver(),),
    "restart": (Restart(),),
    "tap": (Tap,),
    "next_mode": (Set("mode", "phrase"),),
    "fewer_bars": (Set("bars", 1),),
    "more_bars": (Set("bars", 3),),
    "less": (Set("tempo", 116.0),),
    "more": (Set("tempo", 124.0),),
    "much_less": (Set("tempo", 80.0),),
    "much_more": (Set("tempo", 160.0),),
    "learn": (),
    "forget": (),
}
"""What the supervisor is asked for; what concerns knobs the router does itself."""

ELSEWHERE = {
    "suspend",
    "close",
    "remove",
    "put_back",
    "pick",
    "recall",
    "start_again",
    "quit",
    "quit_and_stop",
    "default",
    "mute",
    "solo",
}
"""Rows that scenes of their own are about."""


def test_every_key_of_the_table_does_what_it_says_to_the_daemon_or_the_screen(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        app, settled = jam.app, dict[str, Value](tempo=120.0, bars=2, mode="trade")
        shown: dict[str, Callable[[], object]] = {
            "previous_control": lambda: jam.controls.selected.name,
            "next_control": lambda: jam.controls.selected.name,
            "palette": lambda: type(app.screen).__name__,
            "letters": lambda: app.letter_keys.letters,
            "export": lambda: len(jam.ran),
            "theme": lambda: app.theme,
            "octave_down": lambda: app.letter_keys.notes.piano.lowest,
            "octave_up": lambda: app.letter_keys.notes.piano.lowest,
            "softer": lambda: app.letter_keys.notes.piano.velocity,
            "louder": lambda: app.letter_keys.notes.piano.velocity,
        }
        assert {row.action for row in TABLE} == {*SCREENS, *COMMANDS, *ELSEWHERE, *shown}
        rows = [(row.action, key) for row in TABLE if row.action not in ELSEWHERE for key in row.all_keys]
        with ControlClient(jam.daemon.instance.socket) as another:
            for action, key in rows:
                jam.controls.select("tempo")
                before = shown[action]() if action in shown else None
                await jam.press(key)
                if action in SCREENS:
                    assert isinstance(app.screen, SCREENS[action]), key
                if action in shown:
                    await jam.pilot.until(lambda: shown[action]() != before, key)  # noqa: B023 it is over then
                if action == "letters":
                    await jam.press(key)
                while len(app.screen_stack) > 1:
                    await jam.press("escape")
                if action in COMMANDS:
                    await jam.asked(*COMMANDS[action])
                    for name, value in settled.items():
                        another.submit(Set(name, value))
                    another.submit(Start())
                    await jam.play_until(
                        lambda seen: seen.playing and all(jam.stands(name, value) for name, value in settled.items()),
                        "rest",
                    )
                    jam.forget()
        assert [type(command) for command in jam.daemon.asked].count(Panic) == len(BY_ACTION["panic"].all_keys)

    jammed(tmp_path, scene)


def test_space_starts_and_stops_and_the_turn_is_handed_over(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        await jam.press("space")
        await jam.asked(Stop())
        await jam.play_until(lambda seen: not seen.playing, "end")
        assert "space starts" in jam.text(TurnBanner)
        await jam.press("space")
        await jam.asked(Start())
        seen = await jam.play_until(lambda seen: seen.playing and seen.turn.who is Who.YOU, "turn of yours")
        assert "then improv" in jam.text(TurnBanner)
        await jam.press("h")
        await jam.asked(HandOver())
        seen = await jam.play_until(lambda seen: seen.turn.who is Who.IMPROV, "turn of improv's")
        assert seen.place.beat < 4
        assert "then you" in jam.text(TurnBanner)
        await jam.play(7)
        await jam.press("r")
        await jam.asked(Restart())
        await jam.play_until(lambda seen: (seen.place.chorus, seen.place.bar, seen.place.beat) == (1, 1, 1), "top")

    jammed(tmp_path, scene)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c", "ctrl+e", "q", "Q"])
def test_leaving_leaves_the_jam_alone(tmp_path: Path, key: str) -> None:
    ends = key in BY_ACTION["quit_and_stop"].all_keys

    async def scene(jam: Jam) -> None:
        await jam.press(*[key] * (2 if ends else 1))  # what ends the jam is asked for twice
        step = jam.status().step
        jam.daemon.play(4)
        assert jam.status().step > step
        assert not jam.daemon.asked

    assert jammed(tmp_path, scene).return_value is ends
    assert ends or key in BY_ACTION["quit"].all_keys


def test_panic_silences_from_every_screen_and_while_text_is_typed(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        for key in ("", "f1", "f2", "f3", "f4", "f7", "enter", "ctrl+p", "s"):
            await jam.press(*[key] if key else [])
            screen, typed = jam.app.screen, key in ("enter", "ctrl+p", "s")
            for panic in BY_ACTION["panic"].everywhere if typed else BY_ACTION["panic"].all_keys:
                await jam.play()
                sent = len(jam.daemon.sent)
                await jam.press(panic)
                await jam.asked(Panic())
                seen = await jam.play()
                assert set(silencing(_SOUNDING)) <= set(jam.daemon.sent[sent:])
                assert seen.playing
                assert jam.app.screen is screen
            await jam.press(*["escape"] if key else [])
            assert len(jam.app.screen_stack) == 1

    jammed(tmp_path, scene, Mode.SOLO)


@pytest.mark.parametrize("ours", [False, True])
def test_when_the_daemon_ends_it_says_so_and_it_joins_the_next_one(tmp_path: Path, ours: bool) -> None:
    async def scene(jam: Jam) -> None:
        jam.stack.close()
        await jam.pilot.until(lambda: GONE in jam.screen(), "the banner")
        await jam.press("space", "right", "backspace")
        if ours:
            await jam.press("s")
            await jam.pilot.until(lambda: jam.started, "its start")
        jam.daemon = jam.stack.enter_context(SimulatedDaemon(Instance(), Mode.SOLO))
        await jam.pilot.until(lambda: GONE not in jam.screen() and "starting" not in jam.screen(), "the next one")
        if ours:  # it is asked for what the one before was turned to
            await jam.play_until(lambda seen: seen.settings.mode is Mode.TRADE, "the mode there was")
            jam.forget()
        else:
            assert (await jam.play()).settings.mode is Mode.SOLO
            assert not jam.daemon.asked  # what was wanted meanwhile is forgotten
        assert ("trade" if ours else "solo") in jam.line("mode")
        await jam.press("right")
        await jam.asked(Set("tempo", 124.0))

    jammed(tmp_path, scene)
