"""Actions that open and close what lies beside the jam."""

from improv.protocol.commands import Learn
from improv.tui.connection import Connection
from improv.tui.input.letter_keys import LetterKeys
from improv.tui.notices import Notices
from improv.tui.options import ScreenOptions
from improv.tui.palette import Palette
from improv.tui.screens.base import HelpScreen, LogScreen
from improv.tui.screens.lists import ListScreen
from improv.tui.screens.navigation import Navigation
from improv.tui.screens.ports import PortsScreen


class ScreenActions:
    """The actions that open, close and pick."""

    def __init__(
        self,
        letter_keys: LetterKeys,
        connection: Connection,
        navigation: Navigation,
        notices: Notices,
        options: ScreenOptions,
    ) -> None:
        self._navigation = navigation
        self._connection = connection
        self._letter_keys = letter_keys
        self._notices = notices
        self._options = options

    def open_help(self) -> None:
        """Open the help, or close it if it is open."""
        options = self._options
        self._navigation.open(HelpScreen(options.glyphs, options.layout, self._letter_keys.letters))

    def open_palette(self) -> None:
        """Open the command palette."""
        self._navigation.open_palette(Palette(placeholder="Find anything"))

    def open_ports(self) -> None:
        """Open the list of MIDI ports, or close it if it is open."""
        options = self._options
        self._navigation.open(PortsScreen(options.glyphs, options.run_command, self._connection.system, options.advise))

    def open_log(self) -> None:
        """Open the log, or close it if it is open."""
        self._navigation.open(LogScreen(self._options.glyphs, self._options.log, self._notices.kept))

    def pick(self, digit: int) -> None:
        """Pick a row of the open list by its number, counted from 1."""
        if (screen := self._navigation.current(ListScreen)) is not None:  # type: ignore[type-abstract]
            screen.pick(digit)

    def close(self) -> None:
        """Close the open screen; in the jam itself, stop waiting for a knob to learn."""
        if not self._navigation.close() and self._connection.system.learning:
            self._connection.submit(Learn(""))
