"""A stage for the screen: an app with a pilot, and a link that only notes what is asked of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from improv.music.notes import SILENCE
from improv.music.theory import Chord, Form, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import (
    Command,
)
from improv.protocol.controls import Settings
from improv.protocol.snapshot import Harmony, MidiStatus, NetworkStatus, Snapshot, StepHealth, SystemStatus
from improv.synth.advice import Advice
from improv.tui.app import ImprovApp
from improv.tui.client import Joined, News, Seen
from improv.tui.options import ScreenOptions
from improv.tui.views.base import View
from improv.tui.views.controls import Controls
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

    def submit(self, command: Command) -> None:
        self.asked.append(command)

    def start_daemon(self) -> None:
        self.started += 1

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class Stage:
    """An app that runs, with its link, its pilot, the commands it ran and its clock."""

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


def shown_text(view: View) -> str:
    return "\n".join(strip.text for strip in view.render_lines(view.size.region))
