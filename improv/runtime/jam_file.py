"""The file that a jam leaves when it is over: MIDI, sound or a picture, made of its takes.

MIDI is written here. What needs more is made by an `improv export` of its own, so that nothing large is loaded where
the music plays, and Ctrl-C ends that alone. It must never raise: the music is over, and its take is safe.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from improv.errors import ImprovError
from improv.export.formats import format_of, write_file
from improv.recording import Recording, join_takes, read_take
from improv.system import programs

if TYPE_CHECKING:
    from improv.export.performance import Performance

_NOTES = ".mid"
"""What can always be written."""

_INTERRUPTED = (130, -2)
"""How a program ends that Ctrl-C has reached, early or late."""

_REASON = 200
"""Characters of why something was not made."""


def write_jam(
    save: Path,
    takes: Sequence[Path],
    say: Callable[[str], None],
    *,
    played: "Performance | None" = None,
    asked_for: bool = True,
) -> None:
    """Write a jam to `save` by its ending, from the takes it was recorded in, and say what became of it.

    `played` is what was played where there is no take. A file that was not `asked_for` may be a MIDI file instead where
    the other cannot be made.
    """
    try:
        if format_of(save).kind == "notes" or played is not None:
            _write_notes(save.with_suffix(_NOTES) if played is not None else save, takes, played, say)
            return
    except (ImprovError, OSError) as error:
        say(f"{save} is not written: {error}")
        return
    readable = [path for path in takes if _read(path) is not None]
    if not readable:
        say(f"{save} is not written: there is no recording any more")
        return
    why = _export(save, readable, say)
    if not why:
        return
    say(f"{save} is not written: {why}; improv export {readable[0].stem} {save.name} makes it")
    if not asked_for:
        write_jam(save.with_suffix(_NOTES), takes, say)


def _write_notes(save: Path, takes: Sequence[Path], played: "Performance | None", say: Callable[[str], None]) -> None:
    from improv.export.collector import performance_of

    if played is not None:
        write_file(played, save)
    elif recordings := [recording for path in takes if (recording := _read(path)) is not None]:
        recording = join_takes(recordings)
        write_file(performance_of(recording), save)
        for text in recording.missing:
            say(text)
    else:
        say(f"{save} is not written: there is no recording any more")
        return
    say(f"wrote {save}")


def _read(take: Path) -> Recording | None:
    """Return what is in a take; None if it cannot be read, which was said when that happened."""
    with suppress(ImprovError):
        return read_take(take)
    return None


def _export(save: Path, takes: Sequence[Path], say: Callable[[str], None]) -> str:
    """Have `improv export` write takes that continue each other, and say what it says; return why it has not."""
    first, *others = (str(path) for path in takes)
    continued = [f"--continued={path}" for path in others]
    on_terminal = sys.stderr is not None and sys.stderr.isatty()  # there it shows how far it is
    try:
        done = subprocess.run(  # noqa: S603 it is improv itself
            programs.improv("export", first, str(save), *continued),
            env=programs.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if on_terminal else subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode == 0:
        for line in [*(done.stderr or "").splitlines(), *done.stdout.splitlines()]:
            say(line)
        return ""
    if done.returncode in _INTERRUPTED:
        return "it was interrupted"
    *_, last = ["it failed", *(done.stderr or "").splitlines()]
    return last.removeprefix("improv: ")[:_REASON]
