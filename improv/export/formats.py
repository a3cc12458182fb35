"""THE table of endings: which kind of file each stands for, and what writes it.

A writer is loaded when its kind is asked for: a MIDI file needs no synth, a picture no sound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from improv.config.values import check_writable
from improv.errors import InputNotFound, UsageError
from improv.export.performance import Performance
from improv.protocol.controls import nearest
from improv.system.whole_file import whole_file

Progress = Callable[[float], object]
"""Is told how much is done, from 0 to 1; `float` where it is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen of a file besides its kind."""

    bits: int = 24
    """Of a sample of sound: 16 or 24."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    name: str
    """What it is, with its article."""
    kind: Literal["notes", "sound", "picture"]
    writer: str
    """Its writer: a module of this wing and a function in it, which is given a performance, an open file,
    `Options` and a `Progress`."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        ".mid": Format("a MIDI file", "notes", "midi_file.write_midi"),
        ".png": Format("a picture", "picture", "png.write_png"),
        ".svg": Format("a picture", "picture", "svg.write_svg"),
    }
)
"""By the ending of a file's name, in lower case."""

_ALIKE = MappingProxyType({".midi": ".mid", ".smf": ".mid", ".wave": ".wav"})
"""Other names for the same endings."""


def endings() -> str:
    """Return the endings that improv writes, as a text: `.mid, .wav or .png`."""
    *most, last = FORMATS
    return f"{', '.join(most)} or {last}" if most else last


def format_of(path: Path) -> Format:
    """Return the format that the ending of a file's name stands for; UsageError names the endings there are."""
    ending = path.suffix.lower()
    ending = _ALIKE.get(ending, ending)
    if ending in FORMATS:
        return FORMATS[ending]
    what = f"no file that ends in {path.suffix}" if path.suffix else "no file without an ending"
    raise UsageError(
        f"{path}: improv writes {what}{nearest(ending, tuple(FORMATS))}; give one that ends in {endings()}"
    )


def check_file(path: Path) -> Path:
    """Return a path made absolute, to which a file can be written. Call it before a performance.

    UsageError for an unknown ending, InputNotFound if no file can be written there.
    """
    format_of(path)
    path = check_writable(path)
    _check_folder(path)
    return path


def _check_folder(path: Path) -> None:
    """InputNotFound if no file can be put beside a path: it is written there first."""
    try:
        beside = path.resolve().with_name(f".{path.name[:100]}.part")
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise InputNotFound(f"{path.parent}: {error.strerror}; choose another folder to write to") from error


def write_file(
    performance: Performance,
    path: Path,
    options: Options = Options(),
    progress: Progress = float,
) -> None:
    """Write a performance to a file of the kind that its ending stands for, whole or not at all.

    UsageError for an unknown ending, InputNotFound if it cannot be written.
    """
    module, _, function = format_of(path).writer.partition(".")
    write = getattr(import_module(f"improv.export.{module}"), function)
    try:
        with whole_file(path) as file:
            write(performance, file, options, progress)
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror or error}; choose another file to write to") from error
