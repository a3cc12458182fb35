"""What the command line prints, all of it: here names that come from outside are made harmless.

A port, a take, a model or a file may be called what a terminal would obey.
"""

import errno
import json
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import typer

from improv.system.printable import printable


def say(text: object, *, err: bool = False) -> None:
    """Print one line, without its control characters; OSError if it cannot be printed."""
    line = printable(str(text))
    try:
        typer.echo(line, err=err)
    except UnicodeEncodeError as error:  # a terminal that has fewer letters
        typer.echo(line.encode(error.encoding, "replace").decode(error.encoding), err=err)


class Beside:
    """Prints lines beside something that must go on whatever becomes of them; a context that raises at its end.

    OSError if a line could not be printed; a reader that has closed its end (a pipe into `head`) is no error.
    """

    def __init__(self) -> None:
        self._failure: OSError | None = None

    def __enter__(self) -> "Beside":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._failure is not None and self._failure.errno not in (errno.EPIPE, errno.EIO):
            raise self._failure

    def say(self, text: str) -> None:
        """Print a line. An OSError is kept, and raised at the end of the context."""
        try:
            say(text)
        except OSError as error:
            self._failure = self._failure or error


def say_lines(lines: str | Iterable[str], *, err: bool = False) -> None:
    """Print lines, or a text split at its line breaks. Names from outside may hold line breaks: give those as lines."""
    for line in lines.split("\n") if isinstance(lines, str) else lines:
        say(line, err=err)


def say_json(value: Any) -> None:
    """Print a value as indented JSON, in ASCII."""
    typer.echo(json.dumps(value, indent=1))
