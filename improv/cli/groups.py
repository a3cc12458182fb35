"""A group of commands: what each does is told whole in a help text, and a switch may be given with its word."""

from typing import Any

from typer.core import TyperGroup

from improv.cli.options import spelled_out

_WHOLE = 10_000
"""Characters of a line about a command: more than any has."""


class Commands(TyperGroup):
    """A group of commands whose help cuts no sentence short, and which takes `--bass-mute on` for `--bass-mute`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take in the words of a command line."""
        return super().parse_args(ctx, spelled_out(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands into a help text: name and first sentence of each that is not hidden."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, row.get_short_help_str(_WHOLE)) for name, row in found.items() if row and not row.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
