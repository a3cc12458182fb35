"""The command palette: everything that can be asked for, found by typing.

Its rows come from the key table, the presets, the controls and the themes; it does nothing that no key or list does.
"""

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import ComposeResult, SystemCommand
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input

from improv.protocol.commands import TARGETS
from improv.protocol.controls import CONTROLS
from improv.tui.actions.controls import ControlActions
from improv.tui.actions.presets import PresetActions
from improv.tui.input.key_bindings import BY_ACTION, TABLE
from improv.tui.screens.base import LONGEST_LINE, DismissedOnce
from improv.tui.screens.too_small import TooSmall
from improv.tui.theme.themes import Themes


class Palette(DismissedOnce, CommandPalette):
    """The command palette with a steady cursor: nothing is drawn where nothing changes."""

    def compose(self) -> ComposeResult:
        """Compose Textual's palette, and a cover for it where the terminal is too small."""
        yield from super().compose()
        yield TooSmall()

    def on_mount(self) -> None:
        """Stop the cursor's blinking, and limit the length of pasted text."""
        for line in self.query(Input):
            line.cursor_blink, line.max_length = False, LONGEST_LINE

    def _action_command_list(self, action: str) -> None:
        """Move in the list, if there is room for any of it: Textual knows no pages of nothing."""
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)


class PaletteProvider(SystemCommandsProvider):
    """What the palette finds: while nothing is typed, in the order of the key table."""

    async def discover(self) -> Hits:
        """Yield all commands, for an empty search."""
        for title, about, run, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, run, help=about)


def palette_commands(
    perform: Callable[[str], object],
    controls: ControlActions,
    presets: PresetActions,
    themes: Themes,
) -> Iterator[SystemCommand]:
    """Yield a title, a line of help and a callback for every command of the palette.

    `perform` does an action of the key table by its name.
    """
    for row in TABLE:
        if not row.takes_key:
            yield SystemCommand(row.title, rf"{row.help} \[{row.label}]", partial(perform, row.action))
    recall, learn, forget = (BY_ACTION[action] for action in ("recall", "learn", "forget"))
    for digit, preset in enumerate(presets.presets[: len(recall.letters)], 1):
        name = preset.name.replace("[", r"\[")  # the palette takes its titles for markup
        yield SystemCommand(f"{recall.title} {digit}: {name}", recall.help, partial(presets.recall, preset))
    for control in CONTROLS.values():
        yield SystemCommand(f"set {control.name}", control.help, partial(controls.choose, control))
        for choice in (*control.choices, *control.words):
            turn = partial(controls.controls.turn, control, choice)
            yield SystemCommand(f"{control.name} {choice}", control.help, turn)
    for target in TARGETS:
        yield SystemCommand(f"{learn.title} {target}", learn.help, partial(controls.learn, target))
        yield SystemCommand(f"{forget.title} {target}", forget.help, partial(controls.forget, target))
    for name in themes.available:
        yield SystemCommand(f"theme {name}", "Wear this theme.", partial(themes.apply, name))
