"""A progress bar on the terminal, for what takes longer than a moment; where there is no terminal, nothing is shown.

It is on standard error, so that nothing of it is in what another program reads. It must never hold up the work: a
terminal that is gone is no error.
"""

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from improv.cli.output import say
from improv.system.printable import printable

_AFTER_S, _EVERY_S = 0.3, 0.1
"""When it is shown first, and how often it changes, in seconds."""


class ProgressBar:
    """A line that says what is done and how far it is; a context that leaves the terminal as it was.

    Called with a share from 0 to 1.
    """

    def __init__(self, what: str) -> None:
        console = Console(stderr=True)
        text = TextColumn("{task.description}", markup=False)
        self._bar = Progress(
            text,
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )
        self._task = self._bar.add_task(printable(what), total=1.0)
        self._next_s = 0.0

    def __enter__(self) -> Self:
        self._next_s = time.monotonic() + _AFTER_S
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def say(self, text: str) -> None:
        """Print a line on standard error, above the bar."""
        self._clear()
        say(text, err=True)

    def __call__(self, share: float) -> None:
        """Show how much is done, from 0 to 1, if it is time to."""
        if (now_s := time.monotonic()) < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        with suppress(OSError, ValueError):  # the terminal was closed
            self._bar.start()
            self._bar.update(self._task, completed=share, refresh=True)

    def _clear(self) -> None:
        with suppress(OSError, ValueError):
            self._bar.stop()
