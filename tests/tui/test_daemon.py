"""The terminal interface and a daemon, with the real socket between them: every key, every control, and the piano.

Time is the daemon's and stands still until a test lets it pass; what is waited for is what threads bring.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widget import Widget

from improv.config.instance import Instance
from improv.config.presets import Preset, load, save
from improv.control.socket_client import ControlClient
from improv.midi.messages import NOTE_OFF, NOTE_ON, silencing
from improv.models.catalog import model_paths
from improv.music.parts import Part
from improv.music.turns import Mode, Who
from improv.protocol.commands import Command, Connect, HandOver, Panic, Press, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import CONTROLS, Value, number
from improv.protocol.snapshot import Snapshot
from improv.tui.app import ImprovApp
from improv.tui.client import DaemonLink
from improv.tui.connection import GONE
from improv.tui.input.key_bindings import BY_ACTION, TABLE, Letters
from improv.tui.options import ScreenOptions
from improv.tui.screens.base import Entry, HelpScreen, LogScreen
from improv.tui.screens.lists import ChoicesScreen, ModelsScreen, PortsScreen, PresetsScreen
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views.control_rows import slider_cells
from improv.tui.views.controls import Controls
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.piano_roll import PianoRoll
from improv.tui.views.status import StatusLine
from improv.tui.views.turn_banner import TurnBanner
from tests.simulated import SimulatedDaemon
from tests.tui.pilot import UNSPARING, QuickPilot

_SOUNDING = (Part.MELODY.channel, Part.CHORDS.channel)
"""The channels that improv has played on."""

PORTS = {"api": "jack", "inputs": ["nanoKEY2", "Launchkey"], "outputs": ["FLUID"]}


@dataclass
class Jam:
    """An interface that has joined a daemon, and what both say."""

    app: ImprovApp
    pilot: QuickPilot
    daemon: SimulatedDaemon
    stack: ExitStack
    """Ends the daemon."""
    ran: list[Sequence[str]]
    now_s: list[float]
    started: list[int]
    _asked: int = field(default=0)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def asked(self, *commands: Command | type[Command]) -> None:
        """See commands, or commands of a kind, arrive at the daemon, and nothing else since the last time."""
        await self.pilot.until(lambda: len(self.daemon.asked) >= self._asked + len(commands), f"{commands}")
        arrived = self.daemon.asked[self._asked :]
        self._asked = len(self.daemon.asked)
        assert [type(one) if one.__class__ in commands else one for one in arrived] == list(commands)

    def forget(self) -> None:
        """What has arrived until now is of no interest."""
        self._asked = len(self.daemon.asked)

    async def play(self, steps: int = 1) -> Snapshot:
        """Let some steps pass, and see the last one on the screen."""
        self.daemon.play(steps)
        await self.pilot.until(lambda: self.app.connection.seen == self.daemon.seen, "the newest snapshot")
        assert self.app.connection.seen is not None
        return self.app.connection.seen

    async def play_until(self, condition: Callable[[Snapshot], object], what: str, steps: int = 16) -> Snapshot:
        """Let it play until something is seen."""
        for _ in range(steps):
            if condition(seen := await self.play()):
                return seen
        raise AssertionError(f"{steps} steps, and no {what}")

    def status(self) -> Snapshot:
        """What the daemon tells another client."""
        with ControlClient(self.daemon.instance.socket) as client:
            return client.status()

    @property
    def controls(self) -> Controls:
        return self.app.jam.controls

    def stands(self, name: str, value: Value) -> bool:
        """Whether a control stands at a value, and nothing else is wanted of it."""
        seen = self.daemon.seen
        return seen is not None and seen.value(name) == value == self.controls.value(CONTROLS[name])

    def screen(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def text(self, kind: type[Widget]) -> str:
        """What stands on a part of the screen."""
        region = self.app.screen.query_one(kind).region
        lines = self.screen().split("\n")[region.y : region.bottom]
        return "\n".join(line[region.x : region.right] for line in lines)

    def line(self, control: str) -> str:
        """What the screen says of a control."""
        return next(line[2:] for line in self.text(Controls).split("\n") if line[2:].startswith(f"{control} "))


def told(value: Value) -> str:
    return value if isinstance(value, str) else number(value)


Scene = Callable[[Jam], Awaitable[None]]


def jammed(tmp_path: Path, scene: Scene, mode: Mode = Mode.TRADE, letters: Letters = Letters.COMMANDS) -> ImprovApp:
    """Run the interface beside a daemon that plays, through a scene."""
    ran, now_s, started = list[Sequence[str]](), [100.0], list[int]()

    async def runs(words: Sequence[str]) -> str:
        ran.append(words)
        return json.dumps(PORTS) if words[0] == "ports" else "{}" if words[0] == "models" else "wrote last.mid\n"

    link = DaemonLink(Instance(), lambda: started.append(1))
    log, presets = tmp_path / "log", tmp_path / "presets.toml"
    setting = ScreenOptions(log=log, presets=presets, run_command=runs, drawing_share=UNSPARING, clock=lambda: now_s[0])
    app = ImprovApp(link, setting)

    async def play() -> None:
        with ExitStack() as stack:
            daemon = stack.enter_context(SimulatedDaemon(Instance(), mode))
            daemon.play()
            async with app.run_test(size=(120, 40)):
                jam = Jam(app, QuickPilot(app), daemon, stack, ran, now_s, started)
                await jam.pilot.until(lambda: app.connection.seen is not None, "the first snapshot")
                if app.letter_keys.letters is not letters:
                    await jam.press("tab")
                await scene(jam)

    try:
        asyncio.run(play())
    finally:
        link.close()
    return app


# --- controls -------------------------------------------------------------------------------------


def test_every_control_is_turned_from_the_keyboard_obeyed_and_shown(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        for name, control in CONTROLS.items():
            assert jam.controls.selected is control
            before = jam.status().value(name)
            at_its_end = control.is_number and control.share(before) == 1
            await jam.press("left" if at_its_end else "right")
            wanted = jam.controls.value(control)
            assert wanted != before
            assert told(wanted) in jam.line(name)  # at once
            await jam.asked(Set(name, wanted))
            if name == "model":
                await jam.play_until(lambda seen: seen.system.network.next_model, "network that is coming")
                assert f"{UNICODE.arrow.to} {wanted}" in jam.text(StatusLine)
                jam.daemon.arrive()
            await jam.play_until(lambda seen, name=name, wanted=wanted: seen.value(name) == wanted, name)  # type: ignore[misc]
            assert jam.status().value(name) == wanted
            assert told(wanted) in jam.line(name)
            await jam.press("down")
        defaults = {name: control.default for name, control in CONTROLS.items() if name != "model"}
        elsewhere = [name for name, default in defaults.items() if jam.status().value(name) != default]
        for name in CONTROLS:
            await jam.press(*("home",) if name in defaults else (), "down")
        await jam.asked(*(Set(name, defaults[name]) for name in elsewhere))
        await jam.play_until(lambda seen: all(seen.value(name) == defaults[name] for name in defaults), "defaults")
        for name, default in defaults.items():
            assert told(default) in jam.line(name)

    jammed(tmp_path, scene)


def test_values_are_typed_and_chosen_from_lists(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        names = list(model_paths())
        for name, control in CONTROLS.items():
            await jam.press("enter")
            wanted: Value
            if name == "model":
                assert isinstance(jam.app.screen, ModelsScreen)
                wanted = next(other for other in names if other != "eck2002-blues")
                await jam.press(str(names.index(wanted) + 1))
            elif control.is_switch:
                wanted = "on"
            elif control.choices:
                assert isinstance(jam.app.screen, ChoicesScreen)
                wanted = control.choices[2]
                await jam.press("3")
            else:
                assert isinstance(jam.app.screen, Entry)
                wanted = control.scaled(0.75)
                await jam.press(*told(wanted), "enter")
            await jam.asked(Set(name, wanted))
            assert len(jam.app.screen_stack) == 1
            if name != "model":
                await jam.play_until(lambda seen, name=name, wanted=wanted: seen.value(name) == wanted, name)  # type: ignore[misc]
                assert told(wanted) in jam.line(name)
            await jam.press("down")

    jammed(tmp_path, scene)


def test_the_mouse_turns_what_it_is_over(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        names = list(CONTROLS)
        controls, cells = jam.controls, slider_cells(jam.controls.size.width)
        wheel = jam.pilot._post_mouse_events
        await wheel([MouseScrollUp], controls, offset=(4, names.index("bars")))
        await wheel([MouseScrollDown], controls, offset=(4, names.index("melody-level")))
        await jam.pilot.click(controls, offset=(cells[-1], names.index("temperature")))
        await jam.pilot.click(controls, offset=(cells.start, names.index("thru")))
        await jam.asked(Set("bars", 2), Set("melody-level", 95), Set("temperature", 3.0), Set("thru", "on"))
        seen = await jam.play_until(lambda seen: seen.value("thru") == "on", "thru")
        assert (seen.settings.bars, seen.settings.mixer[Part.MELODY].level, seen.settings.temperature) == (2, 95, 3)
        for name, value in (("bars", 2), ("melody-level", 95), ("temperature", 3), ("thru", "on")):
            assert told(value) in jam.line(name)

    jammed(tmp_path, scene)


# --- every key of the table -----------------------------------------------------------------------


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
                        another.ask(Set(name, value))
                    another.ask(Start())
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


# --- what everybody may need at once --------------------------------------------------------------


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


# --- knobs, presets, ports ------------------------------------------------------------------------


def test_a_knob_is_learned_and_turns_what_it_was_learned_for(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        await jam.press("l")
        await jam.pilot.until(lambda: jam.daemon._router.controllers._controllers.learning, "learning")
        await jam.pilot.until(lambda: "move the knob for tempo" in jam.app.notices.kept, "word of it")
        for value in (10, 20):
            jam.daemon.turn((0xB0, 70, value))
            await jam.play()
        await jam.play_until(lambda seen: "bound to tempo" in seen.system.remark, "word of it")
        assert "bound to tempo" in jam.app.notices.kept[-1]
        jam.daemon.turn((0xB0, 70, 64))
        await jam.asked(Set)
        turned = jam.daemon.asked[-1]
        assert isinstance(turned, Set)
        assert turned.control == "tempo"
        assert isinstance(turned.value, float)
        assert turned.value > 150
        await jam.play_until(lambda seen: seen.tempo == turned.value, "tempo")
        assert told(turned.value)[:5] in jam.line("tempo")
        await jam.press("f")
        await jam.pilot.until(lambda: "no longer bound to tempo" in jam.app.notices.kept[-1], "word of it")
        jam.daemon.turn((0xB0, 70, 80))
        await jam.play(2)
        await jam.asked()

    jammed(tmp_path, scene)


def test_presets_are_kept_recalled_picked_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"

    async def scene(jam: Jam) -> None:
        await jam.press("s", *"slow", "enter")
        assert [preset.name for preset in load(path)] == ["slow"]
        await jam.press("right", "B")
        await jam.asked(Set("tempo", 124.0), Set("bars", 2))
        await jam.play_until(lambda seen: (seen.tempo, seen.settings.bars) == (124, 2), "change")
        await jam.press("1")
        await jam.asked(Set("tempo", 120.0), Set("bars", 1))
        await jam.play_until(lambda seen: (seen.tempo, seen.settings.bars) == (120, 1), "preset")
        assert "120" in jam.line("tempo")
        others = [Preset(f"at {60 + n}", {"tempo": 60.0 + n}) for n in range(2, 10)]
        save(path, (*load(path), *others))
        jam.app.actions.groups.presets.read()
        for n in range(2, 10):
            await jam.press(str(n))
            await jam.asked(Set("tempo", 60.0 + n))
        for n in range(2, 10):
            await jam.press("f4", str(n))
            await jam.asked(Set("tempo", 60.0 + n))
        assert len(jam.app.screen_stack) == 1
        await jam.press("f4", "down", "delete", "escape")
        assert [preset.name for preset in load(path)] == ["slow", *(preset.name for preset in others[1:])]

    jammed(tmp_path, scene)


def test_ports_are_connected_by_their_digits(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        await jam.press("f2")
        await jam.pilot.until(lambda: "Launchkey" in jam.screen(), "the ports")
        assert jam.ran[0] == ["ports", "--json", "--api", "jack"]
        await jam.press("2", "4")
        await jam.asked(Connect("input", "Launchkey"), Connect("output", "FLUID"))
        await jam.play_until(lambda seen: seen.system.midi.output == "FLUID", "the port")
        await jam.pilot.until(lambda: "plays through: FLUID" in jam.screen(), "the port")
        assert "hears: Launchkey" in jam.screen()
        await jam.press("escape")
        assert "it plays to FLUID" in jam.text(StatusLine)
        assert "it hears Launchkey" in jam.text(StatusLine)

    jammed(tmp_path, scene)


# --- the piano ------------------------------------------------------------------------------------


def test_a_call_on_the_computer_keyboard_is_heard_sounds_and_is_answered(tmp_path: Path) -> None:
    async def scene(jam: Jam) -> None:
        yours = Part.YOU.channel
        seen = await jam.play_until(lambda seen: seen.turn.who is Who.YOU and seen.place.beat == 1, "turn of yours")
        call, pitches = "qetu5", [72, 76, 79, 83, 78]
        heard: list[int] = []
        for letter, pitch in zip(call, pitches, strict=True):
            await jam.press(letter)
            await jam.pilot.until(
                lambda pitch=pitch: bytes((NOTE_ON | yours, pitch, 80)) in jam.daemon.sent,  # type: ignore[misc]
                "its sound",
            )
            seen = await jam.play()
            assert pitch in seen.system.midi.keys
            heard += [onset.pitch for onset in seen.heard.onsets]
            assert UNICODE.you.body in jam.text(Keyboard)
            jam.now_s[0] += 0.3
        await jam.press("tab")  # every key is let go
        await jam.pilot.until(
            lambda: all(
                any(sent[:2] == bytes((NOTE_OFF | yours, pitch)) for sent in jam.daemon.sent) for pitch in pitches
            ),
            "its end",
        )
        presses = [command for command in jam.daemon.asked if isinstance(command, Press)]
        assert [press.pitch for press in presses if press.velocity] == pitches
        assert UNICODE.you.body in jam.text(PianoRoll)
        seen = await jam.play_until(lambda seen: seen.turn.who is Who.IMPROV, "turn of improv's")
        heard += [onset.pitch for onset in seen.heard.onsets]
        assert heard == pitches
        assert not seen.system.midi.keys
        answer: list[int] = []
        while seen.turn.who is Who.IMPROV:
            answer += [onset.pitch for onset in seen.played.onsets]
            seen = await jam.play()
        assert answer
        assert {bytes((NOTE_ON | Part.MELODY.channel, pitch)) for pitch in answer} <= {
            sent[:2] for sent in jam.daemon.sent
        }
        roll = jam.text(PianoRoll)
        assert UNICODE.improv.onset in roll or any(half in roll for half in UNICODE.improv.halves)
        assert f"{UNICODE.roll.turn}improv" in roll

    jammed(tmp_path, scene, letters=Letters.PIANO)
