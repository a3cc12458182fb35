"""The options of commands that write a performance to a file, and what they say of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from improv.errors import UsageError

if TYPE_CHECKING:
    from improv.export.formats import Options

_PROFILE = "IMPROV_PROFILE"
"""The environment variable of a profile of the configuration, in which a SoundFont may be named."""

FILE = "The file to write; its ending says what it is: .mid, .wav, .flac, .png or .svg."

Bits = Annotated[int | None, typer.Option(help="Bits of a sample of sound: 16 or 24; 24 if not given.")]
SoundFont = Annotated[
    Path | None,
    typer.Option(
        help="The SoundFont that makes the sound (.sf2). If not given, that of config.toml, or the best that is found."
    ),
]


def file_options(path: Path, bits: int | None, soundfont: Path | None) -> "Options":
    """Return what was chosen of a file; UsageError where it has no such thing."""
    from improv.export.formats import Options, format_of

    given = {"bits": bits, "soundfont": soundfont}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if format_of(path).kind == "sound":
        from improv.config.load import load

        if font := load(profile=os.environ.get(_PROFILE), given={}).sound.soundfont:
            chosen.setdefault("soundfont", font)
    elif chosen:
        names = " and ".join(f"--{name}" for name in chosen)
        raise UsageError(f"{path}: {format_of(path).name} has no sound; leave {names} out")
    return Options(**chosen)


def wrote(path: Path, said: str) -> str:
    """Return a line about a file that was written."""
    return f"wrote {path}" + (f": {said}" if said else "")
