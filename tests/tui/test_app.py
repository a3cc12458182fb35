"""The terminal interface, played by a pilot against a link that only notes what is asked of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from rich.cells import cell_len
from textual.widgets import Input, OptionList

from improv.config.instance import Instance
from improv.config.presets import load, preset_of, save
from improv.control.socket_server import ControlServer
from improv.errors import ImprovError, InputNotFound, UsageError
from improv.music.notes import SILENCE
from improv.music.theory import Chord, Form, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import (
    TARGETS,
    Command,
    Connect,
    HandOver,
    Learn,
    Nudge,
    Panic,
    Press,
    Restart,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.snapshot import Harmony, MidiStatus, NetworkStatus, Snapshot, StepHealth, SystemStatus
from improv.system.fluidsynth import Advice
from improv.tui.app import ImprovApp
from improv.tui.client import Answered, DaemonLink, Gone, Joined, News, NotStarted, Seen, latest
from improv.tui.connection import GONE
from improv.tui.input.key_bindings import TABLE, KeyContext, Letters
from improv.tui.options import ScreenOptions
from improv.tui.screens.base import Entry, HelpScreen, LogScreen, tail
from improv.tui.screens.lists import ChoicesScreen, ModelsScreen, PortsScreen, PresetsScreen
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.theme.themes import DARK, LIGHT
from improv.tui.views.control_rows import UNSUPPORTED, slider_cells
from improv.tui.views.controls import Controls
from improv.tui.views.footer import Banner, Footer
from tests.control.test_socket import Daemon, served
from tests.tui.pilot import UNSPARING, QuickPilot

FORM = Form.parse(" | ".join(["C7"] * 12))
KEYS = SystemStatus(
    description="plays",
    midi=MidiStatus(api="alsa", input="nanoKEY2", output="FLUID"),
    network=NetworkStatus(model="eck2002-blues"),
)
SEEN = Snapshot(
    step=8,
    place=Place.of(8, FORM),
    turn=Turn(Who.YOU, 0, 32),
    beats_left=12,
    playing=True,
    harmony=Harmony(chord=Chord.parse("C7"), next_chord=Chord.parse("F7"), form=" | ".join(["C7"] * 12)),
    heard=SILENCE,
    played=SILENCE,
    tempo=120.0,
    swing=0.5,
    settings=Settings(mode=Mode.TRADE),
    health=StepHealth(missed_steps=0, faults=0, fault=""),
    system=KEYS,
)
ALONE = replace(SEEN, system=replace(KEYS, midi=replace(KEYS.midi, input="virtual port 'improv'")))
PORTS = {"api": "alsa", "inputs": ["nanoKEY2", "Launchkey"], "outputs": ["FLUID"]}


class Scripted:
    """A link that notes what is asked, and tells what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.started = 0
        self.tell: Callable[[News], object] = print

    def listen(self, tell: Callable[[News], object]) -> None:
        self.tell = tell

    def ask(self, command: Command) -> None:
        self.asked.append(command)

    def start_daemon(self) -> None:
        self.started += 1

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class Stage:
    """An interface that runs, and everybody around it."""

    app: ImprovApp
    link: Scripted
    pilot: QuickPilot
    ran: list[Sequence[str]]
    now_s: list[float] = field(default_factory=lambda: [100.0])

    async def tell(self, *news: News) -> None:
        for told in news:
            self.link.tell(told)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    def asked(self) -> list[Command]:
        """What has been asked for since the last time."""
        asked, self.link.asked = self.link.asked, []
        return asked

    @property
    def controls(self) -> Controls:
        return self.app.screen_stack[0].query_one(Controls)

    @property
    def toasts(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]

    def screen(self) -> str:
        """What stands on the screen, as text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)


Scene = Callable[[Stage], Awaitable[None]]


def staged(
    tmp_path: Path,
    scene: Scene,
    seen: Snapshot | None = SEEN,
    size: tuple[int, int] = (120, 40),
    toasts: bool = False,
    **given: Any,
) -> ImprovApp:
    """Run the interface, joined to a daemon that has told a snapshot, through a scene."""
    link, ran, now_s = Scripted(), [], [100.0]

    async def runs(words: Sequence[str]) -> str:
        ran.append(words)
        match words[0]:
            case "ports":
                return json.dumps(PORTS)
            case "models":
                return json.dumps({"eck2002-blues": "the blues"})
        return "wrote /jams/last.mid\n"

    setting: dict[str, Any] = {
        "log": tmp_path / "log",
        "presets": tmp_path / "config" / "presets.toml",
        "run_command": runs,
    }
    setting["advise"] = lambda api, there: Advice("Type in another terminal", f"fluidsynth -m {api} /fonts/piano.sf2")
    setting |= {"clock": lambda: now_s[0], "drawing_share": UNSPARING} | given
    app = ImprovApp(link, ScreenOptions(**setting))

    async def play() -> None:
        async with app.run_test(size=size, notifications=toasts):
            stage = Stage(app, link, QuickPilot(app), ran, now_s)
            await stage.pilot.pause()
            if seen is not None:
                await stage.tell(Joined(4711), Seen(seen))
            await scene(stage)

    asyncio.run(play())
    return app


# --- keys, palette, help: one table ---------------------------------------------------------------


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


def test_the_palette_does_what_it_says(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.press(*"mode duet")
        await stage.app.workers.wait_for_complete()
        await stage.pilot.pause(0.3)
        await stage.press("enter")
        await stage.pilot.pause()
        assert stage.asked() == [Set("mode", "duet")]

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
                stage.controls.refused(control)

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


# --- controls -------------------------------------------------------------------------------------


def test_every_control_can_be_chosen_and_nudged_from_the_keyboard(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turned = []
        for name, control in CONTROLS.items():
            assert stage.controls.selected is control
            await stage.press("right", "left")
            turned += [command.control for command in stage.asked() if isinstance(command, Set)]
            assert name in turned or control.share(SEEN.value(name)) in (0.0, 1.0)
            await stage.press("down")
        assert set(turned) >= set(CONTROLS) - {"top-p"}

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
        await stage.press("down", "down", "enter")
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
        names = list(CONTROLS)
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

    staged(tmp_path, scene)


def _scroll_up() -> Any:
    from textual.events import MouseScrollUp

    return MouseScrollUp


def test_a_control_the_network_is_deaf_to_says_so_in_words(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        line = next(line for line in stage.screen().split("\n") if "density" in line)
        assert UNSUPPORTED in line

    staged(
        tmp_path,
        scene,
        replace(SEEN, system=replace(KEYS, network=replace(KEYS.network, unsupported_controls=("density",)))),
    )


def test_the_footer_can_be_clicked_on_panic_first(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.pilot.click(Footer, offset=(2, 0))
        assert stage.asked() == [Panic()]

    staged(tmp_path, scene, size=(40, 12))


# --- the piano ------------------------------------------------------------------------------------


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


# --- the daemon -----------------------------------------------------------------------------------


def test_when_the_daemon_goes_it_says_so_and_rejoins(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        assert GONE in stage.screen()
        await stage.press("space", "right")
        assert stage.asked() == []
        await stage.press("s")
        assert stage.link.started == 1
        await stage.tell(Joined(4712), Seen(replace(SEEN, tempo=99.0)))
        assert GONE not in stage.screen()
        assert "99 bpm" in stage.screen()

    staged(tmp_path, scene)


def test_why_it_cannot_be_talked_to_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone("use programs of one version"))
        assert "use programs of one version" in stage.screen()

    staged(tmp_path, scene)


def test_it_shows_itself_before_the_daemon_is_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.link.started == 1
        assert "starting..." in stage.screen()
        await stage.tell(Gone(""))
        assert "starting..." in stage.screen()
        await stage.tell(Joined(1), Seen(SEEN))
        assert "starting..." not in stage.screen()

    staged(tmp_path, scene, None, starts_daemon=True)


@pytest.mark.parametrize(("starts", "says"), [(True, "starting..."), (False, "joining...")])
def test_nothing_is_said_of_a_jam_before_it_has_been_seen(tmp_path: Path, starts: bool, says: str) -> None:
    async def scene(stage: Stage) -> None:
        for news in ((), (Joined(1),)):
            await stage.tell(*news)
            told = stage.screen()
            assert says in told
            assert not any(words in told for words in ("120 bpm", "trade", "PIANO", "COMMANDS", "eck2002-blues"))
            assert all(
                line.rstrip().endswith("──") for line in told.split("\n") if " tempo " in line or " seed " in line
            )
        await stage.tell(Seen(ALONE))
        told = stage.screen()
        assert says not in told
        assert all(words in told for words in ("120 bpm", "trade", "PIANO", "eck2002-blues"))

    staged(tmp_path, scene, None, starts_daemon=starts)


def test_a_daemon_that_cannot_start_ends_it_with_the_reason(tmp_path: Path) -> None:
    error = InputNotFound("no MIDI input is called x")

    async def scene(stage: Stage) -> None:
        await stage.tell(NotStarted(error))

    assert staged(tmp_path, scene, None, starts_daemon=True).return_value is error


def test_options_are_asked_for_once_it_is_there_and_only_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.asked() == [Set("tempo", 99.0)]
        assert stage.toasts == ["said"]
        await stage.tell(Gone(""), Joined(2))
        assert stage.asked() == []

    staged(tmp_path, scene, first_commands=(Set("tempo", 99.0),), first_notices=("said",))


def test_only_the_newest_of_many_snapshots_is_shown(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        shown: list[float] = []
        controls = stage.controls
        original = controls.show

        def show(seen: Snapshot) -> None:
            shown.append(seen.tempo)
            original(seen)

        controls.show = show  # type: ignore[method-assign]
        for tempo in range(60, 200):
            stage.link.tell(Seen(replace(SEEN, tempo=float(tempo))))
        await stage.pilot.pause()
        assert shown == [199.0]

    staged(tmp_path, scene)


# --- beside the jam -------------------------------------------------------------------------------


def test_ports_are_picked_from_the_live_list(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        assert isinstance(stage.app.screen, PortsScreen)
        await stage.pilot.pause()
        assert "Launchkey" in stage.screen()
        assert stage.ran[0] == ["ports", "--json", "--api", "alsa"]
        await stage.press("2")
        assert stage.asked() == [Connect("input", "Launchkey")]
        await stage.press("5")
        assert stage.asked() == [Connect("output", "")]
        assert isinstance(stage.app.screen, PortsScreen)

    staged(tmp_path, scene)


def test_why_there_are_no_ports_is_told(tmp_path: Path) -> None:
    async def fails(words: Sequence[str]) -> str:
        raise ImprovError("no MIDI system answers")

    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        await stage.pilot.pause()
        assert "no MIDI system answers" in stage.screen()

    staged(tmp_path, scene, run_command=fails)


def test_a_network_is_picked_with_the_arrows(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        screen = stage.app.screen
        assert isinstance(screen, ModelsScreen)
        names = screen._names
        assert screen.query_one(OptionList).highlighted == names.index("eck2002-blues")
        await stage.press("down", "enter")
        assert stage.asked() == [Set("model", names[(names.index("eck2002-blues") + 1) % len(names)])]

    staged(tmp_path, scene)


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


def test_the_last_take_is_exported_and_it_says_where(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f6")
        await stage.app.workers.wait_for_complete()
        assert ["export", "last"] in stage.ran
        assert stage.toasts == ["wrote /jams/last.mid"]

    staged(tmp_path, scene)


def test_the_log_tells_what_the_daemon_wrote_and_what_was_seen(tmp_path: Path) -> None:
    line = {"time": "2026-01-02T03:04:05.678+00:00", "level": "error", "what": "it broke", "error": "OSError"}
    (tmp_path / "log").write_text(f"{json.dumps(line)}\nno json\n")

    async def scene(stage: Stage) -> None:
        await stage.tell(
            Seen(
                replace(
                    SEEN, health=replace(SEEN.health, fault="late"), system=replace(KEYS, remark="nanoKEY2 is gone")
                )
            )
        )
        await stage.press("f7")
        assert isinstance(stage.app.screen, LogScreen)
        await stage.pilot.pause()
        told = stage.screen()
        assert "03:04:05 ERROR it broke  error=OSError" in told
        assert "nanoKEY2 is gone" in told
        assert "late" in told

    staged(tmp_path, scene)
    assert tail(tmp_path / "none") == []
    assert tail(tmp_path / "log")[-1] == "no json"


# --- how it looks ---------------------------------------------------------------------------------


SIZES = ((160, 50), (120, 40), (80, 24), (200, 8), (40, 12), (60, 20), (20, 6), (30, 60))


@pytest.mark.parametrize(
    ("glyphs", "sizes"),
    [(UNICODE, SIZES[::2]), pytest.param(UNICODE, SIZES[1::2], marks=pytest.mark.full), (ASCII, SIZES[5::2])],
    ids=["unicode", "unicode, other sizes", "ascii"],
)
def test_whatever_the_size_panic_and_the_chosen_control_are_there(
    tmp_path: Path, glyphs: Any, sizes: Sequence[tuple[int, int]]
) -> None:
    async def scene(stage: Stage) -> None:
        for size in sizes:
            await stage.pilot.resize_terminal(*size)
            told = stage.screen()
            assert "PANIC" in told, size
            assert "tempo" in told, size
            for key in ("f1", "f2", "f3", "f4", "f7", "escape", "enter", "escape", "ctrl+p"):
                await stage.press(key)
                told = stage.screen()
                assert {cell_len(line) for line in told.split("\n")} == {size[0]}, (size, key)
                assert not glyphs.plain or told.isascii(), (size, key)
            await stage.press("escape")
            assert len(stage.app.screen_stack) == 1

    staged(tmp_path, scene, glyphs=glyphs)


@pytest.mark.full
def test_a_storm_of_sizes_and_keys_leaves_it_whole(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for n in range(12):
            await stage.pilot.resize_terminal(1 + (n * 37) % 170, 1 + (n * 23) % 60)
            stage.link.tell(Seen(replace(SEEN, step=8 + n, place=Place.of(8 + n, FORM))))
            await stage.press(("f1", "down", "f2", "right", "escape", "f4")[n % 6])
        await stage.press("escape")
        await stage.pilot.resize_terminal(80, 24)
        await stage.pilot.pause()
        assert "PANIC" in stage.screen()

    staged(tmp_path, scene)


def test_the_theme_is_remembered(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.app.theme == DARK
        await stage.press("d")

    async def again(stage: Stage) -> None:
        assert stage.app.theme == LIGHT

    staged(tmp_path, scene)
    staged(tmp_path, again)


def test_without_colours_no_theme_of_the_terminals_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(stage: Stage) -> None:
        assert stage.app.no_color
        assert not stage.app.current_theme.ansi

    staged(tmp_path, scene, theme="textual-ansi")


# --- the real link --------------------------------------------------------------------------------


def test_settings_that_are_overtaken_are_not_sent() -> None:
    commands: list[Command | None] = [Set("tempo", 1), Panic(), Set("bars", 2), Set("tempo", 3), None, Nudge("bars", 1)]
    assert latest(commands) == [Panic(), Set("bars", 2), Set("tempo", 3), Nudge("bars", 1)]


def test_the_link_joins_tells_asks_and_says_when_the_daemon_is_gone() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    daemon = Daemon(note="noted")
    link = DaemonLink(at, lambda: None)
    with ControlServer(at.socket, at.name, daemon.ask) as server, served(server) as show:
        link.listen(news.put)
        assert isinstance(news.get(timeout=180), Joined)
        show(SEEN)
        assert news.get(timeout=180) == Seen(SEEN)
        link.ask(Set("tempo", 99.0))
        assert news.get(timeout=180) == Answered(Set("tempo", 99.0), "noted")
        link.ask(Learn("seed"))
        assert news.get(timeout=180) == Answered(Learn("seed"), "the seed is not for knobs", is_error=True)
    assert news.get(timeout=180) == Gone("")
    link.close()
    assert daemon.asked == [Set("tempo", 99.0), Learn("seed")]


def test_the_link_says_why_a_daemon_did_not_start() -> None:
    error = UsageError("no such port")
    news: SimpleQueue[News] = SimpleQueue()

    def starts() -> None:
        raise error

    link = DaemonLink(Instance(), starts)
    link._tell = news.put
    link.start_daemon()
    assert news.get(timeout=180) == NotStarted(error)


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


def test_the_banner_is_not_there_while_all_is_well(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert not stage.app.screen.query_one(Banner).display

    staged(tmp_path, scene)
