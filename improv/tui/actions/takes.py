"""The action that writes a take as a MIDI file."""

from collections.abc import Callable, Coroutine
from typing import Any

from improv.errors import ImprovError
from improv.tui.connection import Connection
from improv.tui.notices import Notices
from improv.tui.screens.lists import RunCommand


class TakeActions:
    """Export takes with `run_command`; `in_background` runs a task while the screen goes on."""

    def __init__(
        self,
        connection: Connection,
        notices: Notices,
        run_command: RunCommand,
        in_background: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
    ) -> None:
        self._connection = connection
        self._notices = notices
        self._run_command = run_command
        self._in_background = in_background

    def export(self) -> None:
        """Write the take of this jam, or the last take, as a MIDI file; show its path."""
        self._in_background(self._export)

    async def _export(self) -> None:
        try:
            said = await self._run_command(["export", self._connection.system.recording.take or "last"])
        except ImprovError as error:
            self._notices.show_error(str(error))
        else:
            self._notices.show(said.strip())
