"""`improv programs`: the names of General MIDI's programs and of drum kits, found by a part of a name."""

from typing import Annotated

import typer

from improv.cli.options import Json
from improv.cli.output import say, say_json
from improv.errors import InputNotFound
from improv.music.programs import FAMILIES, KITS, PROGRAM_NAMES
from improv.protocol.control import as_word


def programs(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="Part of a name, such as sax, or of a family.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the sounds that --program can name: General MIDI's programs, and drum kits.

    A number counts from 0, as MIDI's bytes do; many synths count from 1 on their displays.
    """
    wanted = as_word(" ".join(words or []))
    found = [row for row in _rows() if wanted in as_word(" ".join(row[:2]))]
    if not found:
        raise InputNotFound(f"no program is called {' '.join(words or [])!r}; improv programs lists them all")
    if as_json:
        say_json([{"family": family, "name": name, "program": number} for family, name, number in found])
        return
    before = ""
    for family, name, number in found:
        if family != before:
            say(f"{family}:")
        before = family
        say(f"  {number:>3}  {as_word(name):<22} {name}")


def _rows() -> list[tuple[str, str, int]]:
    """The family, the name and the number of each program, then of each kit."""
    rows = [(family, name, PROGRAM_NAMES.index(name)) for family, names in FAMILIES.items() for name in names]
    return rows + [("Drum kits, of the drums", name, number) for number, name in KITS.items()]
