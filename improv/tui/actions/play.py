"""Actions that ask the daemon for something at once: start, stop, panic, turns, tempo."""

from improv.protocol.commands import HandOver, Panic, Restart, Start, Stop, Tap
from improv.tui.connection import Connection
from improv.tui.input.note_timers import NoteTimers
from improv.tui.notices import Notices


class PlayActions:
    """The actions that play."""

    def __init__(self, connection: Connection, notes: NoteTimers, notices: Notices) -> None:
        self._connection = connection
        self._notes = notes
        self._notices = notices

    def start_stop(self) -> None:
        """Start the jam if it is stopped, stop it if it plays."""
        seen = self._connection.seen
        self._connection.submit(Stop() if seen is not None and seen.playing else Start())

    def panic(self) -> None:
        """End every note at once, and release the keys of the computer piano."""
        self._notes.lift_all()
        if self._connection.is_gone:
            self._notices.show_error("nothing was silenced, as no improv answers; try improv panic")
        else:
            self._connection.submit(Panic())

    def hand_over(self) -> None:
        """Give the turn to the other player."""
        self._connection.submit(HandOver())

    def restart(self) -> None:
        """Go back to the top of the form."""
        self._connection.submit(Restart())

    def tap(self) -> None:
        """Tap the tempo; the daemon notes the time of arrival."""
        self._connection.submit(Tap(0.0))
