"""The root of the command line: what is said before any command, and how each ends: in one line and an exit status."""

import errno
import os
import sys
from contextlib import suppress
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from improv import __version__
from improv.cli.groups import Commands
from improv.cli.output import say, say_lines
from improv.config.load import unknown_names
from improv.errors import ImprovError


def new_root() -> typer.Typer:
    """Return the command line without any command."""
    root = typer.Typer(
        help="A jam partner for MIDI: you play over a 12-bar blues, a network that has learned it answers.",
        cls=Commands,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    root.callback(invoke_without_command=True)(_main)
    return root


def _version(wanted: bool) -> None:
    if wanted:
        say(f"improv {__version__}")
        raise typer.Exit


def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version of improv.")
    ] = False,
) -> None:
    for said in unknown_names(os.environ):  # left unsaid, what was meant would silently not be done
        say(f"improv: {said}", err=True)
    if context.invoked_subcommand is None:
        say_lines(context.get_help())


def run(app: typer.Typer) -> None:
    """Run a command line, and exit with its status. Every failure is one line on stderr."""
    try:
        status = app(prog_name="improv", standalone_mode=False)
    except (ImprovError, TyperException) as error:
        status = error.exit_status if isinstance(error, ImprovError) else error.exit_code
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        if context := getattr(error, "ctx", None):
            message = f"{message.rstrip('.?')}; see {context.command_path} --help"
        say(f"improv: {' '.join(message.split())}", err=True)
    except (Abort, KeyboardInterrupt):
        status = 130
    except OSError as error:
        status = _not_written(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        status = status or _not_written(error)
        sys.stdout = None  # Python would complain at its end
    except ValueError:  # it is closed
        sys.stdout = None
    try:
        sys.exit(status)
    finally:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()


def _not_written(error: OSError) -> int:
    """Say that the system has refused something, in one line; the exit status. Of a reader that has gone nothing."""
    if error.errno in (errno.EPIPE, errno.EIO):
        sys.stdout = None
        return 0 if error.errno == errno.EIO else 1
    with suppress(OSError):
        say(f"improv: {error.filename or 'stdout'}: {error.strerror or error}", err=True)
    return 1
