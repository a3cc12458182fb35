"""Actions that keep and recall presets."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from improv.config.presets import Preset, PresetStore, preset_of
from improv.errors import ImprovError
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot
from improv.tui.connection import Connection
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.notices import Notices
from improv.tui.options import ScreenOptions
from improv.tui.screens.base import Entry
from improv.tui.screens.lists import PresetsScreen
from improv.tui.screens.navigation import Navigation
from improv.tui.views.controls import Controls


class PresetActions:
    """The actions on presets, which other interfaces may keep and remove, too."""

    def __init__(
        self,
        controls: Controls,
        connection: Connection,
        navigation: Navigation,
        notices: Notices,
        options: ScreenOptions,
    ) -> None:
        self._store = PresetStore(options.presets)
        self._controls = controls
        self._connection = connection
        self._navigation = navigation
        self._notices = notices
        self._glyphs = options.glyphs

    @property
    def presets(self) -> tuple[Preset, ...]:
        """The presets as they were read last."""
        return self._store.presets

    def read(self) -> None:
        """Read the presets, and show what is wrong with their file."""
        self._store.read()
        if self._store.wrong:
            self._notices.show_error(self._store.wrong)

    def open_list(self) -> None:
        """Open the list of presets as they are in the file now."""
        self.read()
        self._navigation.open(PresetsScreen(self._glyphs, lambda: self.presets))

    def recall_digit(self, digit: int) -> None:
        """Recall a preset by its place, from 1."""
        if digit <= len(self.presets):
            self.recall(self.presets[digit - 1])
        else:
            self._notices.show(f"there is no preset {digit}; {BY_ACTION['save_preset'].letters[0]} keeps one")

    def recall(self, preset: Preset) -> None:
        """Set every control to its value in a preset."""
        seen = self._connection.seen
        if seen is None:
            return
        if self._connection.is_gone:
            self._connection.refuse()
            return
        for wanted in preset.commands(seen):
            self._controls.turn(CONTROLS[wanted.control], wanted.value)
        self._notices.show(preset.name)

    def save(self) -> None:
        """Ask for a name, and store all control values under it; a file that cannot be read is left as it is."""
        if self._store.wrong:
            self.read()
        seen = self._connection.seen
        if seen is None or self._store.wrong:
            return
        name = f"preset {len(self.presets) + 1}"
        check = partial(self._as_it_stands, seen)
        self._navigation.open(Entry("preset", "its name; that of another replaces it", name, check), self._keep)

    def remove(self) -> None:
        """Remove the preset that is highlighted in the list."""
        screen = self._navigation.current(PresetsScreen)
        if screen is not None and (preset := screen.chosen) is not None:
            done = f"{preset.name} removed; {BY_ACTION['put_back'].in_lists[0]} puts it back"
            self._change(partial(self._store.remove, preset), done)
            screen.refresh_rows()

    def put_back(self) -> None:
        """Put back the preset that was removed or replaced last, while the list is open."""
        screen = self._navigation.current(PresetsScreen)
        if screen is not None and (preset := self._store.removed) is not None:
            self._change(self._store.put_back, f"{preset.name} is back")
            screen.refresh_rows()

    def _keep(self, preset: Preset) -> None:
        puts_back = f"{BY_ACTION['put_back'].in_lists[0]} in the list puts back the old one"
        self._change(partial(self._store.keep, preset), "kept", f"{preset.name} replaced; {puts_back}")

    def _as_it_stands(self, seen: Snapshot, name: str) -> Preset:
        """How the controls stand at this moment: what was asked for last counts already."""
        known = preset_of(name, seen)
        values = {control: self._controls.value(CONTROLS[control]) for control in known.values}
        return replace(known, values=MappingProxyType(values))

    def _change(self, change: Callable[[], bool | None], done: str, replaced: str = "") -> None:
        """Change what is kept, and say that it is done or another was replaced, or why not."""
        try:
            is_replaced = change()
        except ImprovError as error:
            self._notices.show_error(str(error))
        else:
            self._notices.show(replaced if is_replaced else done)
