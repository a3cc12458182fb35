"""The plain terminal: the music as lines of text, and keys that steer it while it plays.

What the terminal UI will show in full is here in one line a bar. It must never slow the music: it
prints a few bytes a step and reads keys without waiting.
"""

import errno
import io
import os
import re
import select
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from improv.music.notes import SILENCE, Cell, notes_text
from improv.music.turns import Who, taken_text
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Start, Stop
from improv.protocol.controls import TEMPERATURE, TEMPO
from improv.protocol.snapshot import Snapshot
from improv.system.printable import printable

KEYS_HELP = "keys: + - tempo, [ ] temperature, h hand over, space stop or start, r restart, p panic, q quit"

_ESCAPE_SEQUENCE = re.compile(rb"\x1b(?:[\[O][0-?]*[ -/]*[@-~])?")
"""What an arrow or a function key sends; a bracket and a letter are among it."""


class Lines:
    """The music as text, a line a bar: chorus, bar, chords, whose turn it is, and the notes step by step.

    A dash is a note that goes on, a dot silence; where both play, the player's notes stand after a stroke. Changes of
    tempo, temperature, missed steps and faults have lines of their own. Fits 80 columns, but for a duet's; the line
    that is being played is cut to the terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._pipe = _has_a_reader(out)
        self._step: int | None = None
        self._news: tuple[str, ...] = ()
        self._missed = self._faults = 0
        self._troubles: tuple[str, ...] = ()
        self._head = ""
        self._who = Who.NEITHER
        self._cells: list[str] = []

    def observe(self, seen: Snapshot) -> None:
        """Print a step: what improv plays in it, and what the player played in the one before."""
        if seen.step == self._step:  # the performance has ended in this step
            return
        self._hear(_cell_text(seen.heard))
        self._step = seen.step
        self._tell(self._news_of(seen))
        inside = seen.step_in_bar
        if inside == 0 or not self._cells or seen.turn.who is not self._who:
            self._end_line()
            self._head, self._who = _head(seen), seen.turn.who
            self._cells = [""] * inside
        elif seen.harmony.chord is not None and seen.harmony.chord.symbol not in self._head.split():
            self._head = self._head.replace(
                _ROOM_FOR_A_CHORD, f" {seen.harmony.chord.symbol:<{len(_ROOM_FOR_A_CHORD) - 1}}", 1
            )
        self._cells.append(_step_text(seen))
        if self._live:
            self._write("\r", self._line()[: shutil.get_terminal_size().columns - 1])

    def remark(self, text: str) -> None:
        """Print a remark as a line of its own."""
        self._end_line()
        self._write("", text, "\n")

    def close(self) -> None:
        """End the last line of the terminal."""
        self._hear("")
        self._end_line()

    def _hear(self, text: str) -> None:
        """Fill in what the player played in the last step shown, once it is over."""
        if self._cells and self._cells[-1].endswith(_YOURS):
            self._cells[-1] = self._cells[-1].removesuffix(_YOURS) + text

    def _news_of(self, seen: Snapshot) -> tuple[str, ...]:
        """Return what there is to tell besides notes; steps that fail in a row are told once a bar."""
        missing, failing = seen.health.missed_steps > self._missed, seen.health.faults > self._faults
        self._missed, self._faults = seen.health.missed_steps, seen.health.faults
        if not missing and not (failing and self._troubles and seen.step_in_bar):
            self._troubles = _troubles(seen)
        taken = (taken_text(seen.turn),) if seen.took_turn else ()
        return (*taken, f"{seen.tempo:g} bpm", f"temperature {seen.settings.temperature:g}", *self._troubles)

    def _tell(self, news: tuple[str, ...]) -> None:
        fresh = [new for new in news if new not in self._news]
        self._news = news
        if fresh:
            self._end_line()
            self._write("", ", ".join(fresh), "\n")

    def _line(self) -> str:
        return (self._head + " ".join(f"{cell:<5}" for cell in self._cells)).rstrip()

    def _end_line(self) -> None:
        if self._cells:
            self._write("\r" if self._live else "", self._line(), "\n")
        self._cells = []

    def _write(self, before: str, text: str, after: str = "") -> None:
        """Write a text that may hold names given by others, unless the reader has stopped or gone.

        Nothing may hold the music up.
        """
        try:
            if not self._pipe or select.select([], [self._out], [], 0)[1]:
                self._out.write(f"{before}{printable(text)}{after}")
                self._out.flush()
        except (OSError, ValueError):
            self._out, self._pipe, self._live = io.StringIO(), False, False


def _has_a_reader(out: TextIO) -> bool:
    """Return whether writing may have to wait for a reader: not where there is no file behind it."""
    try:
        out.fileno()
    except (OSError, ValueError):
        return False
    return os.name == "posix"


_YOURS = "?"
"""Stands for a step of yours until it is over and what you played in it is known."""

_ROOM_FOR_A_CHORD = " " * 5


def _troubles(seen: Snapshot) -> tuple[str, ...]:
    missed = (
        (f"{seen.health.missed_steps} step{'s' * (seen.health.missed_steps > 1)} missed",)
        if seen.health.missed_steps
        else ()
    )
    return (*missed, f"fault {seen.health.faults}: {seen.health.fault}") if seen.health.faults else missed


def _head(seen: Snapshot) -> str:
    if seen.turn.who == Who.NEITHER:
        return f"{'count-in':<32}"
    place = f"chorus {seen.place.chorus} bar {seen.place.bar}"
    chord = seen.harmony.chord.symbol if seen.harmony.chord else "-"
    return f"{place:<16}{chord:<{4 + len(_ROOM_FOR_A_CHORD)}}{seen.turn.who:<7}"


def _step_text(seen: Snapshot) -> str:
    match seen.turn.who:
        case Who.NEITHER:
            return str(seen.place.beat) if seen.step % seen.grid.steps_per_beat == 0 else ""
        case Who.YOU:
            return _YOURS
        case Who.IMPROV:
            return _cell_text(seen.played)
        case Who.BOTH:
            return f"{_cell_text(seen.played)}/{_YOURS}"


def _cell_text(cell: Cell) -> str:
    if cell == SILENCE:
        return "."
    return notes_text(sorted(onset.pitch for onset in cell.onsets)) if cell.onsets else "-"


class Keys:
    """Single keys of a terminal as commands, read without waiting; a context that restores the terminal.

    Only a job in the terminal's foreground may change it: one in the background would be stopped. Once it comes to the
    foreground its keys are read.
    """

    def __init__(self) -> None:
        self._playing = True
        self._restore: Any = None
        self._open = True
        self._grabbed = False

    def __enter__(self) -> Self:
        self.grab()
        return self

    @property
    def in_front(self) -> bool:
        """True while this process is in the terminal's foreground."""
        try:
            return self._open and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
        except OSError as error:
            return error.errno == errno.ENOTTY  # it is no terminal that a job could be in front of
        except ValueError:  # it is closed
            return False

    def grab(self) -> None:
        """Switch the terminal to single keys without echo, if this job is in the foreground."""
        import termios
        import tty

        self._grabbed = self.in_front
        if self._grabbed:
            with suppress(termios.error):  # it has gone, or is none
                found = termios.tcgetattr(sys.stdin)
                if self._restore is None or found[3] & termios.ICANON:  # as it is for everybody else
                    self._restore = found
                tty.setcbreak(sys.stdin, termios.TCSADRAIN)

    def release(self) -> None:
        """Restore the terminal's settings, if this job is in the foreground."""
        import termios

        if self._restore is not None and self._grabbed and self.in_front:
            with suppress(termios.error, OSError):  # the terminal may have gone
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._restore)
        self._grabbed = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def show(self, seen: Snapshot) -> None:
        """Take in a snapshot: the space bar stops what plays, and starts what is stopped."""
        self._playing = seen.playing

    def readables(self) -> Sequence[Any]:
        """Return the terminal as the one file to wait for; nothing once it is gone."""
        return [sys.stdin] if self._may_read() else []

    def poll(self) -> Sequence[Command]:
        """Return the commands of the keys struck since the last call."""
        if not self._may_read() or not select.select([sys.stdin], [], [], 0)[0]:
            return ()
        try:
            struck = os.read(sys.stdin.fileno(), 64)
        except OSError:
            struck = b""
        self._open = bool(struck)  # nothing to read means the terminal has gone
        keys = _ESCAPE_SEQUENCE.sub(b"", struck).decode(errors="ignore")
        return [command for key in keys if (command := self._command(key))]

    def _may_read(self) -> bool:
        """Return whether the terminal gives single keys to this job; have it do so where it can."""
        if not self.in_front:
            self._grabbed = False
        elif not self._grabbed:
            self.grab()
        return self._grabbed

    def _command(self, key: str) -> Command | None:
        match key:
            case "+" | "=":
                return Nudge(TEMPO.name, TEMPO.nudge)
            case "-" | "_":
                return Nudge(TEMPO.name, -TEMPO.nudge)
            case "]":
                return Nudge(TEMPERATURE.name, TEMPERATURE.nudge)
            case "[":
                return Nudge(TEMPERATURE.name, -TEMPERATURE.nudge)
            case "h":
                return HandOver()
            case " ":
                self._playing = not self._playing
                return Start() if self._playing else Stop()
            case "r":
                self._playing = True
                return Restart()
            case "p":
                return Panic()
            case "q":
                return Quit()
            case _:
                return None
