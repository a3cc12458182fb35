"""What the command line prints, all of it: here what others have named becomes harmless.

A port, a take, a model or a file may be called what a terminal would obey.
"""

import json
from collections.abc import Iterable
from typing import Any

import typer

from improv.plain import printable


def say(text: object, *, err: bool = False) -> None:
    """Print one line, whatever it holds; OSError where it cannot be printed."""
    line = printable(str(text))
    try:
        typer.echo(line, err=err)
    except UnicodeEncodeError as error:  # a terminal that has fewer letters
        typer.echo(line.encode(error.encoding, "replace").decode(error.encoding), err=err)


def say_lines(lines: str | Iterable[str], *, err: bool = False) -> None:
    """Print lines, or a text of ours by its line breaks: no name of somebody else's may bring one."""
    for line in lines.split("\n") if isinstance(lines, str) else lines:
        say(line, err=err)


def say_json(value: Any) -> None:
    """Print a value as JSON over several lines, in ASCII."""
    typer.echo(json.dumps(value, indent=1))
