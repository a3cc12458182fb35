"""THE table of actions: which method each action of the key table calls. A test holds the two tables together."""

from collections.abc import Callable, Iterator
from functools import partial
from inspect import isawaitable
from typing import Any

from textual.app import SystemCommand

from improv.dataclass import dataclass
from improv.protocol.controls import BARS, MODE
from improv.tui.actions.controls import ControlActions
from improv.tui.actions.leave import LeaveActions
from improv.tui.actions.play import PlayActions
from improv.tui.actions.presets import PresetActions
from improv.tui.actions.screens import ScreenActions
from improv.tui.actions.takes import TakeActions
from improv.tui.connection import Connection
from improv.tui.input.letter_keys import LetterKeys
from improv.tui.palette import palette_commands
from improv.tui.theme.themes import Themes

Action = Callable[..., Any]
"""Does an action; where its row of the key table takes the key, with the digit that was struck."""

_FAR = 10
"""How many nudges go with shift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionGroups:
    """The objects that do the actions."""

    play: PlayActions
    controls: ControlActions
    screens: ScreenActions
    presets: PresetActions
    takes: TakeActions
    leave: LeaveActions
    letter_keys: LetterKeys
    themes: Themes
    connection: Connection


def by_name(groups: ActionGroups) -> dict[str, Action]:
    """Return a function for each action, by its name in the key table and in its order."""
    play, turn, keys, controls = groups.play, groups.controls, groups.letter_keys, groups.controls.controls
    return {
        "start_stop": play.start_stop,
        "panic": play.panic,
        "hand_over": play.hand_over,
        "restart": play.restart,
        "tap": play.tap,
        "next_mode": partial(controls.nudge, MODE, 1),
        "fewer_bars": partial(controls.nudge, BARS, -1),
        "more_bars": partial(controls.nudge, BARS, 1),
        "previous_control": partial(controls.move, -1),
        "next_control": partial(controls.move, 1),
        "less": partial(turn.nudge, -1),
        "more": partial(turn.nudge, 1),
        "much_less": partial(turn.nudge, -_FAR),
        "much_more": partial(turn.nudge, _FAR),
        "edit": turn.edit_selected,
        "default": turn.reset_selected,
        "mute": turn.mute_selected,
        "solo": turn.solo_selected,
        "learn": turn.learn_selected,
        "forget": turn.forget_selected,
        "help": groups.screens.open_help,
        "palette": groups.screens.open_palette,
        "letters": keys.toggle,
        "ports": groups.screens.open_ports,
        "models": turn.open_models,
        "presets": groups.presets.open_list,
        "recall": groups.presets.recall_digit,
        "save_preset": groups.presets.save,
        "remove": groups.presets.remove,
        "put_back": groups.presets.put_back,
        "export": groups.takes.export,
        "log": groups.screens.open_log,
        "theme": groups.themes.toggle,
        "pick": groups.screens.pick,
        "close": groups.screens.close,
        "octave_down": partial(keys.shift_octave, -1),
        "octave_up": partial(keys.shift_octave, 1),
        "softer": partial(keys.change_velocity, -1),
        "louder": partial(keys.change_velocity, 1),
        "start_again": groups.connection.start_again,
        "quit": groups.leave.quit,
        "suspend": groups.leave.suspend,
        "quit_and_stop": groups.leave.quit_and_stop,
    }


class Actions:
    """The actions of a screen; `done` is called after each."""

    def __init__(self, groups: ActionGroups, done: Callable[[], object]) -> None:
        self.groups = groups
        self.by_name = by_name(groups)
        self._done = done

    async def perform(self, action: str, digit: str = "") -> None:
        """Perform an action of the key table; `digit` is the digit that was struck, for actions that take one."""
        result = self.by_name[action](*([int(digit)] if digit else []))
        if isawaitable(result):
            await result
        self._done()

    def palette_commands(self, call_later: Callable[..., object]) -> Iterator[SystemCommand]:
        """Yield the commands of the palette; `call_later` runs one once the palette is closed."""
        groups = self.groups
        return palette_commands(partial(call_later, self.perform), groups.controls, groups.presets, groups.themes)
