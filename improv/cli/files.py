"""The options of commands that write a performance to a file, and what they say of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from improv.errors import UsageError

if TYPE_CHECKING:
    from improv.export.formats import Options

_SOUNDFONT = "IMPROV_SOUNDFONT"
"""The environment variable of the SoundFont, as of a jam."""

FILE = "The file to write; its ending says what it is: .mid, .wav, .flac, .png or .svg."

Bits = Annotated[int | None, typer.Option(help="Bits of a sample of sound: 16 or 24; 24 if not given.")]
SoundFont = Annotated[
    Path | None, typer.Option(help="The SoundFont that makes the sound (.sf2). If not given, the best that is found.")
]


def file_options(path: Path, bits: int | None, soundfont: Path | None) -> "Options":
    """Return what was chosen of a file; UsageError where it has no such thing."""
    from improv.export.formats import Options, format_of

    given = {"bits": bits, "soundfont": soundfont}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if format_of(path).kind == "sound":
        if named := os.environ.get(_SOUNDFONT):
            chosen.setdefault("soundfont", Path(named))
    elif chosen:
        names = " and ".join(f"--{name}" for name in chosen)
        raise UsageError(f"{path}: {format_of(path).name} has no sound; leave {names} out")
    return Options(**chosen)


def wrote(path: Path, said: str) -> str:
    """Return a line about a file that was written."""
    return f"wrote {path}" + (f": {said}" if said else "")
