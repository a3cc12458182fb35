"""What the screen is started with: how it looks, where its files are, and what it asks for first."""

import time
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from improv.dataclass import dataclass
from improv.protocol.commands import Command
from improv.synth.advice import advice
from improv.tui.client import run_improv
from improv.tui.input.key_bindings import LAYOUTS, Layout
from improv.tui.redraw_budget import SHARE
from improv.tui.screens.lists import RunCommand
from improv.tui.screens.ports import Advise
from improv.tui.theme.glyphs import UNICODE, Glyphs


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenOptions:
    """What the screen is started with."""

    glyphs: Glyphs = UNICODE
    layout: Layout = LAYOUTS["qwerty"]
    theme: str = ""
    """The theme to wear; empty for the one that was used last."""
    log: Path
    """The daemon's log."""
    presets: Path
    """The file of presets; the name of the last theme is kept beside it."""
    starts_daemon: bool = False
    """Whether no daemon plays yet, so that the screen has one started."""
    first_commands: tuple[Command, ...] = ()
    """What is asked for as soon as the daemon is there."""
    first_notices: tuple[str, ...] = ()
    """What is said as soon as the daemon is there."""
    run_command: RunCommand = field(default=run_improv)
    """Runs an improv command in a process of its own."""
    advise: Advise = lambda api, there: advice(api, there=there)
    """Says how to make improv sound on this machine."""
    drawing_share: float = SHARE
    """The share of one core that drawing may take."""
    clock: Callable[[], float] = time.monotonic
    """Seconds of a clock that never goes back."""
