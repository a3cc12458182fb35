"""What is known, put on the screens that are open: snapshots, the banner, what letters are, notices.

Nothing is asked of the daemon here but what it lost: the controls of one that was started again.
"""

from collections.abc import Callable, Sequence
from typing import Any

from textual.screen import Screen

from improv.protocol.commands import Set
from improv.protocol.snapshot import Snapshot
from improv.tui.client import Answered, Gone, News
from improv.tui.connection import Connection
from improv.tui.input.letter_keys import LetterKeys
from improv.tui.notices import Notices
from improv.tui.screens.base import HelpScreen, SideScreen
from improv.tui.screens.jam import JamScreen
from improv.tui.screens.navigation import key_context_of
from improv.tui.screens.ports import VIRTUAL
from improv.tui.views.prompt import prompts


class Presenter:
    """Shows a connection on the jam and on whatever is open beside it; `screens` returns those, the seen one last."""

    def __init__(
        self,
        jam: JamScreen,
        connection: Connection,
        letter_keys: LetterKeys,
        notices: Notices,
        screens: Callable[[], Sequence[Screen[Any]]],
    ) -> None:
        self._jam = jam
        self._connection = connection
        self._letter_keys = letter_keys
        self._notices = notices
        self._screens = screens

    def show_news(self, news: News) -> None:
        """Draw news that the connection has taken in."""
        match news:
            case Gone():
                self._letter_keys.notes.forget()
                self._jam.controls.take_back_all()
                if (left := self._connection.snapshot) is not None:
                    self._jam.take_last(left)
                    self.draw()
            case Answered(command, text, is_error):
                if is_error and isinstance(command, Set):
                    self._jam.controls.take_back(command.control)
                (self._notices.show_error if is_error else self._notices.show)(text or "silenced")
            case _:
                pass
        self.show_state()

    def take(self, seen: Snapshot, before: Snapshot | None, *, is_joining: bool) -> None:
        """Take in a snapshot without drawing it; `is_joining`: it is the first one of its daemon."""
        if before is None:
            self._letter_keys.suggest(
                has_keyboard=bool(seen.system.midi.input) and not seen.system.midi.input.startswith(VIRTUAL)
            )
        if is_joining or before is None or seen.system.learning != before.system.learning:
            self.show_state()
        self._notices.compare(seen, before, is_joining=is_joining)
        self._jam.take(seen)

    def draw(self) -> None:
        """Draw the newest snapshot."""
        self._jam.redraw()
        self._show_side_screen()

    def show_state(self) -> None:
        """Update footers, banners and the drawn piano on all visible screens."""
        connection, letters = self._connection, self._letter_keys.letters
        mode = self._letter_keys.label(is_known=connection.seen is not None)
        self._jam.keyboard.show_labels(self._letter_keys.labels)
        learning = prompts(connection.seen)[0] if connection.seen and connection.system.learning else ""
        for screen in self._screens():
            if isinstance(screen, JamScreen | SideScreen) and screen.is_mounted:  # one that comes asks when it is ready
                screen.footer.show(key_context_of(screen), letters, mode)
                banner = connection.banner or (learning if isinstance(screen, SideScreen) else "")
                screen.banner.say(banner, calm=connection.is_calm)
            if isinstance(screen, HelpScreen):
                screen.show_letters(letters)

    def show_all(self) -> None:
        """Draw all of a screen that has just opened."""
        self.show_state()
        self._show_side_screen()

    def _show_side_screen(self) -> None:
        screens, shown = self._screens(), self._connection.snapshot
        if screens and isinstance(aside := screens[-1], SideScreen) and shown is not None:
            aside.show(shown)
