"""The lists of ports and of networks."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import OptionList

from improv.errors import ImprovError
from improv.protocol.commands import (
    Connect,
    Set,
)
from improv.protocol.snapshot import MidiStatus, SystemStatus
from improv.synth.advice import Found, advice
from improv.tui.screens.lists import Choice, ModelsScreen
from improv.tui.screens.ports import PortsScreen
from improv.tui.theme.glyphs import UNICODE
from tests.tui.stage import KEYS, PORTS, SEEN, Stage, staged


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
