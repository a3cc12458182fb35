"""The terminal interface where it was wrong once."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import CodeType, FrameType
from typing import Any

import pytest
from rich.cells import cell_len
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.color import Color
from textual.events import Key
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets._toast import Toast

from improv.config.instance import Instance
from improv.config.presets import load, preset_of, save
from improv.control.socket_server import ControlServer
from improv.errors import DataError
from improv.protocol.commands import Connect, Learn, Panic, Press, Set, Start, Stop, Tap
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import MidiStatus, Snapshot, SystemStatus
from improv.system.fluidsynth import Found, advice
from improv.tui import client as daemon_link
from improv.tui.app import ImprovApp
from improv.tui.client import Answered, DaemonLink, Gone, Joined, News, NotStarted, Seen, Started
from improv.tui.connection import Inbox
from improv.tui.input.key_bindings import TABLE
from improv.tui.options import ScreenOptions
from improv.tui.palette import Palette
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import Choice, ChoicesScreen, PortsScreen
from improv.tui.theme.contrast import contrast, variables
from improv.tui.theme.glyphs import ASCII, CONSOLE, UNICODE, glyphs_of
from improv.tui.theme.themes import DARK, LIGHT
from improv.tui.views.base import View, turn_word
from improv.tui.views.control_lines import NAMES
from improv.tui.views.control_rows import slider_cells
from improv.tui.views.status import StatusLine
from improv.tui.views.turn_banner import TurnBanner
from tests.conftest import tiers
from tests.control.test_socket import Daemon, served
from tests.tui.test_app import ALONE, KEYS, PORTS, SEEN, Scripted, Stage, staged

# --- the link -------------------------------------------------------------------------------------


def told(news: "SimpleQueue[News]", kind: type) -> News:
    """The next news of a kind."""
    while not isinstance(one := news.get(timeout=180), kind):
        pass
    return one


def test_the_first_command_after_a_daemon_has_been_started_again_is_done() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.listen(news.put)
    for _ in range(2):
        daemon = Daemon(note="done")
        with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
            told(news, Joined)
            link.ask(Panic())
            assert told(news, Answered) == Answered(Panic(), "done")
            assert daemon.asked == [Panic()]
        told(news, Gone)
    link.close()


def test_a_command_that_nobody_takes_is_told_of_once() -> None:
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    link = DaemonLink(at, lambda: None)
    link.ask(Set("tempo", 90.0))
    link.ask(Stop())
    link.listen(news.put)
    said = told(news, Answered)
    assert isinstance(said, Answered)
    assert said.command == Set("tempo", 90.0)
    assert said.is_error
    assert "no improv is playing" in said.text
    daemon = Daemon(note="done")
    with ControlServer(at.socket, at.name, daemon.ask) as server, served(server):
        told(news, Joined)
        link.ask(Panic())
        assert told(news, Answered) == Answered(Panic(), "done")
    link.close()
    assert daemon.asked == [Panic()]


def test_a_daemon_that_hangs_is_noticed_and_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_link, "_PROBED_S", 0.5)
    at = Instance()
    news: SimpleQueue[News] = SimpleQueue()
    now_s = [100.0]
    link = DaemonLink(at, lambda: None, clock=lambda: now_s[0])
    with ControlServer(at.socket, at.name, Daemon().ask) as server:
        with served(server):
            link.listen(news.put)
            told(news, Joined)
            link.ask(Panic())
            assert told(news, Answered) == Answered(Panic(), "")
        now_s[0] += 2 * daemon_link.SILENT_S  # and nobody serves it any more
        gone = told(news, Gone)
        assert isinstance(gone, Gone)
        assert gone.is_silent
        with served(server):
            told(news, Joined)
    link.close()


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


def test_what_is_about_to_be_started_is_not_started_by_a_key_too(tmp_path: Path) -> None:
    link = Scripted()
    options = ScreenOptions(log=tmp_path / "log", presets=tmp_path / "presets", starts_daemon=True)
    ImprovApp(link, options).actions.by_name["start_again"]()
    assert link.started == 0


# --- what threads tell ----------------------------------------------------------------------------


@contextmanager
def interrupted(code: CodeType, at: int, by: Callable[[], object]) -> Iterator[list[int]]:
    """Something else happens before one of a function's own instructions, by its number, as threads may have it.

    What is left of the number is kept in the list: nothing happens where the function is over before.
    """
    left = [at]

    def trace(frame: FrameType, event: str, _: object) -> Callable[[FrameType, str, object], Any] | None:
        if frame.f_code is not code:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                by()
                return None
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield left
    finally:
        sys.settrace(before)


@pytest.mark.parametrize(
    "before", tiers((Joined(1), Seen(SEEN)), (Started(),)), ids=["while others are taken in", "while it is gone"]
)
def test_whenever_a_daemon_joins_what_it_shows_is_seen(tmp_path: Path, before: Sequence[News]) -> None:
    async def scene(stage: Stage) -> None:
        for at in itertools.count():
            await stage.tell(Gone(""))
            newest = replace(SEEN, tempo=60.0 + at)

            def join(newest: Snapshot = newest) -> None:
                stage.link.tell(Joined(2))
                stage.link.tell(Seen(newest))

            with interrupted(Inbox.take.__code__, at, join) as left:
                await stage.tell(*before)
            if left[0] >= 0:
                break
            assert stage.app.connection.seen is newest, f"lost at instruction {at}"
        assert at > 20

    staged(tmp_path, scene)


def test_what_is_told_while_news_are_taken_in_is_seen(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for at in itertools.count():
            newest = replace(SEEN, tempo=60.0 + at)
            with interrupted(Inbox.put.__code__, at, stage.app.on_improv_app_news_arrived) as left:
                stage.link.tell(Seen(newest))
            await stage.pilot.pause()
            if left[0] >= 0:
                break
            assert stage.app.connection.seen is newest, f"lost at instruction {at}"
        assert at > 20

    staged(tmp_path, scene)


# --- leaving, stopping, panic ---------------------------------------------------------------------


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


def test_a_daemon_that_has_gone_plays_and_records_nothing_and_what_is_asked_of_it_is_refused_once(
    tmp_path: Path,
) -> None:
    playing = replace(
        ALONE, system=replace(ALONE.system, recording=replace(ALONE.system.recording, take="2026-11-21.improv"))
    )

    async def scene(stage: Stage) -> None:
        band, status = stage.app.screen.query_one(TurnBanner), stage.app.screen.query_one(StatusLine)
        assert "● rec" in _shown(status)
        await stage.tell(Gone(""))
        assert "s starts it again" in _shown(band)
        assert band.seen is not None
        assert turn_word(band.seen) == "GONE"
        assert UNICODE.gauge.rest * 20 in _shown(band)
        assert _shown(status).split() == ["no", "improv", "is", "there"]
        await stage.press("right", "space", "f9", "f5", "f8", "q", *"1", "enter", *"33", "enter")
        assert stage.toasts == ["no improv is there; s starts it again"]
        assert stage.asked() == []
        stage.now_s[0] += 7
        await stage.press("space")
        assert stage.toasts == ["no improv is there; s starts it again"] * 2
        await stage.tell(Joined(2), Seen(playing))
        assert "beats, then improv" in _shown(band)
        assert "● rec" in _shown(status)
        await stage.press("f1")
        await stage.tell(Gone("improv does not answer", is_silent=True))
        assert "GONE" in stage.screen()
        stage.now_s[0] += 7
        await stage.press("f9")
        assert stage.toasts[-1] == "no improv answers"

    staged(tmp_path, scene, playing)


def _shown(view: View) -> str:
    return "\n".join(strip.text for strip in view.render_lines(view.size.region))


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


def test_what_has_gone_wrong_is_loud_while_it_is_news_and_then_stays_told(tmp_path: Path) -> None:
    late = replace(SEEN, health=replace(SEEN.health, faults=1, fault="the network was late"))

    async def scene(stage: Stage) -> None:
        line = stage.app.screen.query_one(StatusLine)
        for faults, says in (
            (late, "▲ 1 fault: the network was late"),
            (replace(late, health=replace(late.health, faults=2)), "▲ 2 faults"),
        ):
            await stage.tell(Seen(faults))
            assert _shown(line).startswith(says)
            stage.now_s[0] += 9
            await stage.tell(Seen(replace(faults, tempo=121.0)))
            assert _shown(line).startswith(says)
            stage.now_s[0] += 2
            await stage.tell(Seen(faults))
            assert "▲" not in _shown(line)
            assert _shown(line).rstrip().endswith(says.partition(":")[0].removeprefix("▲ "))
        await stage.tell(Seen(replace(late, health=replace(late.health, faults=2, missed_steps=1))))
        assert "▲ 1 missed" in _shown(line)

    staged(tmp_path, scene, size=(160, 50))


# --- starting again -------------------------------------------------------------------------------


def test_what_had_been_turned_is_turned_again_in_what_was_started_again_from_here(tmp_path: Path) -> None:
    turned = replace(SEEN, tempo=90.0, settings=replace(SEEN.settings, bars=2))

    async def scene(stage: Stage) -> None:
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s", "s", "s")
        assert stage.link.started == 1
        await stage.tell(Joined(2), Seen(SEEN))
        assert stage.asked() == []
        await stage.tell(Started())
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(Joined(3), Started())
        assert stage.asked() == []
        await stage.tell(Seen(SEEN))
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]

    staged(tmp_path, scene)


def test_what_somebody_else_has_started_is_joined_as_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(NotStarted(Instance().already_running()))
        assert stage.toasts == []
        await stage.tell(Joined(2), Seen(replace(SEEN, tempo=90.0)))
        assert stage.asked() == []

    staged(tmp_path, scene)


# --- beside the jam -------------------------------------------------------------------------------


def test_a_digit_picks_no_port_before_the_ports_are_known(tmp_path: Path) -> None:
    known = asyncio.Event()

    async def slow(words: Sequence[str]) -> str:
        await known.wait()
        return json.dumps(PORTS)

    async def scene(stage: Stage) -> None:
        await stage.press("f2", "1", "2", "enter")
        assert stage.asked() == []
        known.set()
        await stage.pilot.pause()
        await stage.press("2")
        assert stage.asked() == [Connect("input", "Launchkey")]

    staged(tmp_path, scene, run_command=slow)


def test_the_highlight_stays_on_its_port_when_another_comes_before_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        screen = stage.app.screen
        assert isinstance(screen, PortsScreen)
        await stage.pilot.pause()
        await stage.press("down")
        assert screen.highlighted is not None
        assert screen.highlighted.text == "Launchkey"
        screen._found = {"input": ["a new one", "nanoKEY2", "Launchkey"], "output": []}
        screen.refresh_rows()
        assert screen.highlighted.text == "Launchkey"

    staged(tmp_path, scene)


@pytest.mark.parametrize(
    ("now", "names", "marked"),
    [
        ("synth", ["synth", "synth 2"], ["synth"]),
        ("synth 2", ["synth", "synth 2"], ["synth 2"]),
        ("Synth:port 20:0", ["synth", "synth:port 24:0"], ["synth:port 24:0"]),
        ("", ["synth"], []),
    ],
)
def test_the_port_that_is_used_is_marked_and_no_other(now: str, names: list[str], marked: list[str]) -> None:
    async def runs(words: Sequence[str]) -> str:
        return ""

    screen = PortsScreen(
        UNICODE, runs, replace(KEYS, midi=replace(KEYS.midi, input="", output=now)), lambda api, there: advice(api)
    )
    screen._found = {"input": [], "output": names}
    assert [row.text for row in screen.rows() if isinstance(row, Choice) and row.is_on] == marked


def test_a_value_that_was_only_looked_at_stays_exactly_as_it_is(tmp_path: Path) -> None:
    seen = replace(SEEN, tempo=119.38271, settings=replace(SEEN.settings, seed=1234567891))

    async def scene(stage: Stage) -> None:
        for name in ("seed", "tempo"):
            stage.controls.select(name)
            await stage.press("enter", "enter")
            assert len(stage.app.screen_stack) == 1
            assert stage.asked() == []

    staged(tmp_path, scene, seen)


def test_there_is_one_palette_and_it_leaves_what_is_being_typed_alone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for key in ("enter", "s"):
            await stage.press(key)
            entry = stage.app.screen
            assert isinstance(entry, Entry)
            await stage.press(*"12", "ctrl+p", "3")
            assert stage.app.screen is entry
            assert entry.query_one(Input).value.endswith("123")
            await stage.press("escape")
        for key in ("", "f1", "f2", "f4"):
            await stage.press(*[key] if key else [])
            beneath = tuple(stage.app.screen_stack)
            await stage.press("ctrl+p", "ctrl+p")
            *under, palette = stage.app.screen_stack
            assert tuple(under) == beneath
            assert isinstance(palette, Palette)
            await stage.press("escape")
            assert tuple(stage.app.screen_stack) == beneath
            await stage.press(*["escape"] if key else [])

    staged(tmp_path, scene)


def test_the_palette_says_of_a_theme_that_it_is_worn(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        told = {command.help for command in stage.app.get_system_commands(stage.app.screen) if "theme" in command.title}
        assert told == {"Wear this theme."}

    staged(tmp_path, scene)


# --- presets --------------------------------------------------------------------------------------


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


def test_what_is_exported_is_the_take_of_this_jam(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f6")
        await stage.app.workers.wait_for_complete()
        assert ["export", "jam-1"] in stage.ran

    staged(tmp_path, scene, replace(SEEN, system=replace(KEYS, recording=replace(KEYS.recording, take="jam-1"))))


# --- controls -------------------------------------------------------------------------------------


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


def test_the_jam_is_seen_to_go_on_while_a_value_is_typed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("enter")
        assert "enter sets it, esc cancels" in stage.screen()
        await stage.tell(Seen(replace(SEEN, system=replace(KEYS, remark="a keyboard came"))))
        assert "a keyboard came" in stage.screen()

    staged(tmp_path, scene)


def test_without_midi_there_are_no_ports_to_pick_and_a_system_that_is_there_by_now_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f2", "1", "enter")
        await stage.pilot.until(lambda: "restart --api alsa" in stage.screen(), "what to do")
        assert "improv was started without MIDI: you hear nothing" in stage.screen()
        assert "It has no ports: --api none, or no MIDI system" in stage.screen()
        assert "nanoKEY2" not in stage.screen()
        assert stage.asked() == []

    system = SystemStatus(description="no ports", midi=MidiStatus(api="none"))
    staged(tmp_path, scene, replace(SEEN, system=system), advise=lambda api, there: advice(api, Found(), there=there))


# --- the palette ----------------------------------------------------------------------------------


def test_the_palette_tells_every_key_and_takes_none_for_markup(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.pilot.until(lambda: "dark/light" in stage.screen(), "the palette")
        told = stage.screen()
        assert [row.action for row in TABLE if not row.takes_key and f"{row.help} [{row.label}]" not in told] == []

    staged(tmp_path, scene, size=(120, 150))


# --- how it looks ---------------------------------------------------------------------------------

_GUIDES = {"view--faint", "option-list--separator"}
"""Decoration: lines that guide the eye, and say nothing."""

_DRAWN = {"view--planned", "view--white", "view--you-white", "controls--rest"}
"""No text: notes that are planned, the edges of keys, what marks those that you hold, and what a slider leaves."""


def _contrast(style: Style) -> float:
    def luminance(colour: ColorTriplet) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    assert style.color is not None
    assert style.bgcolor is not None
    assert not style.dim  # of which every terminal makes something else
    both = sorted((luminance(style.color.get_truecolor()), luminance(style.bgcolor.get_truecolor())))
    return (both[1] + 0.05) / (both[0] + 0.05)


def _written(screen: Screen[object]) -> Iterator[tuple[str, Style]]:
    """What can be read on a screen, a piece of one style each, but for what lies behind it."""
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for text, style, _ in strip:
            if any(map(str.isalnum, text)) and style and screen.get_widget_at(x, y)[0] is not screen:
                yield text.strip(), style
            x += cell_len(text)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.full)], ids=["dark and light", "every"])
def test_everything_can_be_told_from_its_ground_in_every_theme(every: bool, tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        app, found = stage.app, dict[tuple[str, str], float]()
        here = app.themes.available
        themes = set(here) if every else {next(name for name in here if here[name] is dark) for dark in (True, False)}

        def note(theme: str, what: str, style: Style) -> None:
            found[theme, what] = min(_contrast(style), found.get((theme, what), 21))

        await stage.tell(Gone("no more"))
        app.notify("this is said", timeout=1000)
        app.notify("this is wrong", timeout=1000, severity="error")
        for theme in themes:
            app.theme = theme
            for key in ("escape", "f2", "enter", "ctrl+p"):  # the jam, a list, a line to type into, the palette
                await stage.press("escape", key)
                for role in app._component_styles:
                    note(theme, role, app.get_component_styles(role).rich_style)
                for widget in app.screen.query(Widget):
                    for role in widget._component_styles:
                        note(theme, role, widget.get_component_rich_style(role))
                for text, style in _written(app.screen):
                    note(theme, text, style)
        texts = ("this is said", "this is wrong", "tempo", "1   nanoKEY2", "120", "Start playing, or stop. [space]")
        assert found.keys() >= {(theme, text) for theme in themes for text in texts}
        faint = {
            what: round(ratio, 2)
            for what, ratio in found.items()
            if what[1] not in _GUIDES and ratio < (3 if what[1] in _DRAWN else 4.5)
        }
        assert not faint

    mixed = replace(
        SEEN,
        health=replace(SEEN.health, faults=1, fault="late"),
        system=replace(
            KEYS, midi=replace(KEYS.midi, keys=(60, 61)), network=replace(KEYS.network, unsupported_controls=("top-p",))
        ),
    )
    staged(tmp_path, scene, mixed, size=(80, 24), toasts=True)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("size", [(40, 12), (120, 40), (160, 50)])
def test_a_toast_is_as_wide_as_its_words_stands_out_and_leaves_the_status_line_alone(
    tmp_path: Path, theme: str, size: tuple[int, int]
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Answered(Panic(), ""), Answered(Stop(), "no", is_error=True))
        said, wrong = stage.app.screen.query(Toast)
        assert [toast.size.width for toast in (said, wrong)] == [len("silenced"), len("no")]
        assert wrong.region.bottom == stage.app.screen.query_one(StatusLine).region.y
        for toast in (said, wrong):
            assert contrast(toast.background_colors[1], stage.app.screen.background_colors[1]) > 3

    staged(tmp_path, scene, size=size, theme=theme, toasts=True)


_INKED = {"░": 0.25, "▒": 0.5, "▓": 0.75, "█": 1.0}
"""How much of a cell a glyph covers."""


def test_a_note_that_is_planned_is_seen_and_fainter_than_one_that_was_played() -> None:
    for name, theme in BUILTIN_THEMES.items():
        if theme.ansi:
            continue
        of_theme = theme.to_color_system().generate()
        ours = variables(of_theme)
        ground, its, coming = map(Color.parse, (of_theme["background"], ours["text-primary"], ours["planned"]))
        for planned, played in (
            (UNICODE.planned.body, UNICODE.improv.body),
            (UNICODE.planned.onset, UNICODE.improv.onset),
        ):
            seen = contrast(ground.blend(coming, _INKED[planned]), ground)
            loud = contrast(ground.blend(its, _INKED[played]), ground)
            assert 1.75 < seen < 0.9 * loud, name
            assert planned != UNICODE.you.body


_SHOWS_ITSELF = """
import sys
from pathlib import Path
from improv.tui.app import ImprovApp
from improv.tui.options import ScreenOptions
from tests.tui.test_app import Scripted
folder = Path(sys.argv[1])
print("it says", ImprovApp(Scripted(), ScreenOptions(log=folder / "log", presets=folder / "presets.toml")).run())
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_told_to_end_it_leaves_the_terminal_as_it_was(tmp_path: Path, name: str) -> None:
    ours, its = os.openpty()
    code = [sys.executable, "-c", _SHOWS_ITSELF, str(tmp_path)]
    child = subprocess.Popen(code, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    said = b""
    try:
        while b"PANIC" not in said:
            said += os.read(ours, 1 << 16)
        child.send_signal(getattr(signal, name))
        while b"it says False" not in said:
            said += os.read(ours, 1 << 16)
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h")
    assert said.rindex(b"\x1b[?1000l") > said.rindex(b"\x1b[?1000h")


_CP437_SIGNS = "☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂"
"""What code page 437 has where others have control characters."""


def test_the_console_of_linux_is_given_what_its_fonts_have() -> None:
    assert glyphs_of(ascii=False, encoding="utf-8", term="linux") is CONSOLE
    assert glyphs_of(ascii=True, encoding="utf-8", term="linux") is ASCII
    assert glyphs_of(ascii=False, encoding="utf-8", term="xterm-256color") is UNICODE
    assert "".join(char for char in CONSOLE.characters if char not in _CP437_SIGNS).encode("cp437")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_the_whole_screen_is_drawn_with_what_the_console_has(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        strips = stage.app.screen._compositor.render_strips()
        text = "".join(char for strip in strips for char in strip.text if char not in _CP437_SIGNS)
        assert text.encode("cp437")

    held = replace(
        KEYS, midi=replace(KEYS.midi, keys=(36, 48, 60, 72, 84, 96)), recording=replace(KEYS.recording, take="jam-1")
    )
    staged(
        tmp_path, scene, replace(SEEN, system=held, health=replace(SEEN.health, faults=1)), size=size, glyphs=CONSOLE
    )


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind")
def test_told_to_end_when_its_terminal_has_gone_it_does(tmp_path: Path) -> None:
    ours, its = os.openpty()
    code = [sys.executable, "-c", _SHOWS_ITSELF, str(tmp_path)]
    child = subprocess.Popen(code, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    try:
        said = b""
        while b"PANIC" not in said:
            said += os.read(ours, 1 << 16)
        os.close(ours)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()
