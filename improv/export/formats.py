"""THE table of endings: which kind of file each stands for, and what writes it.

A writer is loaded when its kind is asked for: a MIDI file needs no synth, a picture no sound.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Literal

from improv.config.values import absolute, check_writable
from improv.dataclass import dataclass
from improv.errors import NotWritten, UsageError
from improv.export.performance import Performance
from improv.protocol.control import nearest
from improv.system.whole_file import whole_file

Progress = Callable[[float], object]
"""Is told how much is done, from 0 to 1; `float` where it is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen of a file besides its kind."""

    bits: int = 24
    """Of a sample of sound: 16 or 24."""
    soundfont: Path | None = None
    """The SoundFont that makes the sound; None for the best that is found."""


Write = Callable[[Performance, BinaryIO, Progress], str]
"""Writes a performance to an open file, and returns what there is to say of it."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    name: str
    """What it is, with its article."""
    kind: Literal["notes", "sound", "picture"]
    writer: str
    """A module of this wing and a function in it, which makes ready what writes such files: of `Options` a `Write`."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        ".mid": Format("a MIDI file", "notes", "midi_file.midi_writer"),
        ".wav": Format("a file of sound", "sound", "sound.wav_writer"),
        ".flac": Format("a file of sound", "sound", "sound.flac_writer"),
        ".png": Format("a picture", "picture", "png.png_writer"),
        ".svg": Format("a picture", "picture", "svg.svg_writer"),
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

    UsageError for an unknown ending, NotWritten if no file can be written there.
    """
    format_of(path)
    path = absolute(path)
    if path.exists() and not path.is_dir() and not path.is_file():  # to open a pipe would wait for its reader
        raise NotWritten(f"{path}: it is no ordinary file; choose another file to write to")
    path = check_writable(path)
    _check_folder(path)
    return path


def _check_folder(path: Path) -> None:
    """NotWritten if no file can be put beside a path: it is written there first."""
    try:
        beside = path.resolve().with_name(f".{path.name[:100]}.part")
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise NotWritten(f"{path.parent}: {error.strerror}; choose another folder to write to") from error


def open_writer(path: Path, options: Options = Options()) -> Callable[[Performance, Progress], str]:  # noqa: B008 a value
    """Make everything ready that a file needs; return what writes a performance to it, whole or not at all.

    What is returned returns what there is to say of the file, and raises NotWritten if it cannot be written, or
    UsageError for a performance that is too long for its kind. UsageError for an unknown ending or wrong options,
    NotWritten for a path that cannot be written to, Unavailable if there is nothing to make sound with.
    """
    module, _, function = format_of(path).writer.partition(".")
    path = check_file(path)
    write: Write = getattr(import_module(f"improv.export.{module}"), function)(options)

    def write_whole(performance: Performance, progress: Progress = float) -> str:
        try:
            with whole_file(path) as file:
                return write(performance, file, progress)
        except OSError as error:
            raise NotWritten(f"{path}: {error.strerror or error}; choose another file to write to") from error

    return write_whole


def write_file(performance: Performance, path: Path, options: Options = Options()) -> str:  # noqa: B008 a value
    """Write a performance to a file of the kind that its ending stands for; see `open_writer`."""
    return open_writer(path, options)(performance, float)
