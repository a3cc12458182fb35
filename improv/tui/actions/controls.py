"""Actions that turn controls: the selected one, or one by its name."""

from collections.abc import Mapping

from improv.models.catalog import model_paths
from improv.music.parts import Part
from improv.protocol.commands import TARGETS, Forget, Learn
from improv.protocol.control import Control, Value, number
from improv.protocol.controls import MODEL
from improv.protocol.mixer import COLUMNS, MUTES, PROGRAMS, SOLOS
from improv.tui.connection import Connection
from improv.tui.notices import Notices
from improv.tui.options import ScreenOptions
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import ChoicesScreen, ModelsScreen, ProgramsScreen
from improv.tui.screens.navigation import Navigation
from improv.tui.views.controls import Controls
from improv.tui.views.part_rows import PART_OF


class ControlActions:
    """The actions that turn controls, which show at once what is asked for."""

    def __init__(
        self,
        controls: Controls,
        connection: Connection,
        navigation: Navigation,
        notices: Notices,
        options: ScreenOptions,
    ) -> None:
        self.controls = controls
        self._connection = connection
        self._navigation = navigation
        self._notices = notices
        self._options = options

    # --- the selected control ---

    def nudge(self, times: int) -> None:
        """Turn the selected control by some nudges; a network or a word moves to the next choices."""
        control = self.controls.selected
        names = tuple(model_paths()) if control is MODEL else ()
        if names:
            now = self.controls.value(MODEL)
            at = names.index(str(now)) if now in names else -1
            self.controls.turn(MODEL, names[(at + (1 if times > 0 else -1)) % len(names)])
        else:
            self.controls.nudge(control, times)

    def edit_selected(self) -> None:
        """Ask for a value of the selected control, to be typed or picked from a list; of a part for its program."""
        part = self._selected_part
        self.edit(self.controls.selected if part is None else PROGRAMS[part])

    def reset_selected(self) -> None:
        """Set the selected control to its default; of a part, all that the mixer has of it."""
        part = self._selected_part
        for control in [self.controls.selected] if part is None else [column[part] for column in COLUMNS.values()]:
            self.controls.turn(control, control.default)

    def mute_selected(self) -> None:
        """Mute the selected part, or let it be heard again."""
        self._switch_selected(MUTES)

    def solo_selected(self) -> None:
        """Solo the selected part, or no longer."""
        self._switch_selected(SOLOS)

    def _switch_selected(self, column: Mapping[Part, Control]) -> None:
        if (part := self._selected_part) is None:
            self._notices.show_error("choose a part of the mixer first, at the end of the list of controls")
        else:
            self.controls.nudge(column[part], 1)

    @property
    def _selected_part(self) -> Part | None:
        """The part whose row of the mixer is selected."""
        return PART_OF.get(self.controls.selected.name)

    def learn_selected(self) -> None:
        """Learn a knob for the selected control."""
        self.learn(self.controls.selected.name)

    def forget_selected(self) -> None:
        """Forget the knobs of the selected control, if knobs can turn it."""
        if (target := self.controls.selected.name) in TARGETS:
            self._connection.submit(Forget(target))

    # --- a control by its name ---

    def choose(self, control: Control) -> None:
        """Select a control, and ask for its value."""
        self.controls.select(control.name)
        self.edit(control)

    def edit(self, control: Control) -> None:
        """Ask for a value of a control, typed or picked from a list; a switch is switched at once."""
        value = self.controls.value(control)
        if control is MODEL:
            self.open_models()
        elif control.is_switch:
            self.controls.nudge(control, 1)
        elif control.names:
            self._navigation.open(ProgramsScreen(self._options.glyphs, control, value))
        elif control.choices:
            self._navigation.open(ChoicesScreen(self._options.glyphs, control, value))
        else:
            self._navigation.open(
                _entry(control, value),
                lambda wanted: self.controls.turn(control, wanted),
            )

    def open_models(self) -> None:
        """Open the list of networks."""
        self._navigation.open(ModelsScreen(self._options.glyphs, self._options.run_command, self._connection.system))

    def learn(self, target: str) -> None:
        """Bind the next knob, key or pedal to a target; asked for again, stop waiting for one."""
        if target == self._connection.system.learning:
            self._connection.submit(Learn(""))
        elif target in TARGETS:
            self._connection.submit(Learn(target))  # the daemon says what to do now
        else:
            self._notices.show_error(f"{target} can't be turned by a knob")

    def forget(self, target: str) -> None:
        """Unbind all knobs, keys and pedals from a target."""
        self._connection.submit(Forget(target))


def _entry(control: Control, value: Value) -> Entry:
    """A line to type a control's value into; what was not changed stays exactly what it was."""
    offered = value if isinstance(value, str) else number(value)
    about = control.help if isinstance(value, str) else f"{control.help} [{control.range}]"
    return Entry(control.name, about, offered, lambda typed: value if typed == offered else control.checked(typed))
