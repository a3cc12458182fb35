"""A progress bar on the terminal, for what takes longer than a moment; where there is no terminal, nothing is shown.

It is on standard error, so that nothing of it is in what another program reads. It must never hold up the work: a
terminal that is gone is no error.
"""

import os
import shutil
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from improv.cli.output import say
from improv.system.printable import printable

_AFTER_S, _EVERY_S = 0.3, 0.1
"""When it is shown first, and how often it changes, in seconds."""

_MOST_CELLS, _LEAST_CELLS = 40, 8


class ProgressBar:
    """A line that says what is done and how far it is; a context that leaves the terminal as it was.

    Called with a share from 0 to 1.
    """

    def __init__(self, what: str) -> None:
        self._what = printable(what)
        self._begun_s = self._next_s = 0.0
        self._shown = False
        self._wanted = _has_terminal()

    def __enter__(self) -> Self:
        self._begun_s = time.monotonic()
        self._next_s = self._begun_s + _AFTER_S
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
        if not self._wanted or (now_s := time.monotonic()) < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        self._shown = True
        self._write("\r" + self._line(min(1.0, max(0.0, share)), now_s - self._begun_s) + "\x1b[K")

    def _line(self, share: float, passed_s: float) -> str:
        left_s = round(passed_s / share - passed_s) if share > 0.05 else None
        left = f"  {left_s // 60}:{left_s % 60:02} left" if left_s is not None else ""
        width = shutil.get_terminal_size().columns - 1
        cells = min(_MOST_CELLS, width - len(self._what) - len(left) - 10)
        if cells < _LEAST_CELLS:
            return f"{share:4.0%}{left}"[:width]
        full = round(share * cells)
        return f"{self._what}  [{'#' * full}{'.' * (cells - full)}] {share:4.0%}{left}"

    def _clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # it was closed
            self._wanted = self._shown = False


def _has_terminal() -> bool:
    """Return whether standard error is a terminal on which a line can be painted over."""
    with suppress(OSError, ValueError, AttributeError):
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return False
