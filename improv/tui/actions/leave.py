"""Actions that leave the screen: for good, for the shell, or with the end of the jam."""

from collections.abc import Callable

from improv.tui.input.key_bindings import BY_ACTION, KeyContext, Letters
from improv.tui.notices import Notices

_TWICE_S = 3.0
"""Within so long the end of the jam has to be asked for twice."""


class LeaveActions:
    """The actions that leave: `leave` gets whether to end the jam, `driver` returns the driver of the terminal."""

    def __init__(
        self,
        leave: Callable[[bool], object],
        driver: Callable[[], object],
        notices: Notices,
        clock: Callable[[], float],
        letters: Callable[[], Letters],
    ) -> None:
        self._leave = leave
        self._driver = driver
        self._notices = notices
        self._clock = clock
        self._letters = letters
        self._ends_until_s = -1.0

    def quit(self) -> None:
        """Leave the screen; the jam plays on."""
        self._leave(False)

    def quit_and_stop(self) -> None:
        """Leave the screen and end the jam, if struck twice within three seconds."""
        now_s = self._clock()
        if now_s <= self._ends_until_s:
            self._leave(True)
            return
        self._ends_until_s = now_s + _TWICE_S
        self._notices.show(f"{BY_ACTION['quit_and_stop'].hint(KeyContext.JAM, self._letters())} again ends the jam")

    def suspend(self) -> None:
        """Suspend the screen as Ctrl-Z does; the jam plays on."""
        suspend = getattr(self._driver(), "suspend", None)
        if suspend is None:
            self._notices.show_error("there is no shell to go back to here")
        else:
            suspend()
