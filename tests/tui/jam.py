"""A screen beside a daemon on simulated time, with the real socket between them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from textual.widget import Widget

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.music.turns import Mode
from improv.protocol.commands import Command
from improv.protocol.control import Value, number
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot
from improv.tui.app import ImprovApp
from improv.tui.client import DaemonLink
from improv.tui.input.key_bindings import Letters
from improv.tui.options import ScreenOptions
from improv.tui.views.controls import Controls
from improv.tui.views.part_rows import PART_OF
from tests.simulated import SimulatedDaemon
from tests.tui.pilot import UNSPARING, QuickPilot

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
        """What the screen says of a control; of a part's level, in the row of the part."""
        name = PART_OF[control].label if control in PART_OF else control
        return next(line[2:] for line in self.text(Controls).split("\n") if line[2:].startswith(f"{name} "))


def told(value: Value) -> str:
    return value if isinstance(value, str) else number(value)


Scene = Callable[[Jam], Awaitable[None]]


def jammed(
    tmp_path: Path,
    scene: Scene,
    mode: Mode = Mode.TRADE,
    letters: Letters = Letters.COMMANDS,
    size: tuple[int, int] = (120, 60),
) -> ImprovApp:
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
            async with app.run_test(size=size):
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
