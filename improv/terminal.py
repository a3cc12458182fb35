"""The plain terminal: the music as lines of text, and keys that steer it while it plays.

What the terminal UI will show in full is here in one line a bar. It must never slow the music: it
prints a few bytes a step and reads keys without waiting.
"""

import os
import select
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from improv.engine import Moment
from improv.messages import TEMPERATURE, TEMPO, Command, Panic, SetTemperature, SetTempo, Snapshot, Stop
from improv.music import SILENCE, STEPS_PER_BAR, STEPS_PER_BEAT, Cell, Timed, notes_text
from improv.session import snapshot
from improv.turns import Who

KEYS_HELP = "keys: + - tempo, [ ] temperature, p panic, q quit"

_POLL_S = 0.02
_TEMPO_NUDGE_BPM = 4
_TEMPERATURE_NUDGE = 0.1


class Lines:
    """Prints a line a bar as it is played: chorus, bar, chord, whose turn, and the notes eighth by eighth.

    Your notes stand in round brackets, improv's are bare, a dash goes on sounding, a dot is silence.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._step: int | None = None
        self._head = ""
        self._cells: list[str] = []
        self._fault = ""

    def observe(self, moment: Moment) -> None:
        """Show a step: what improv plays in it, and what you played in the one before."""
        seen = snapshot(moment.session, moment.planned)
        if self._cells and self._cells[-1] == _YOURS:
            self._cells[-1] = f"({text})" if (text := _cell_text(seen.heard)) not in ".-" else text
        if seen.step == self._step:  # the performance has ended in this step
            return
        self._step = seen.step
        if seen.fault != self._fault:
            self._fault = seen.fault
            self._end_line()
            self._print(f"fault: {seen.fault}\n")
        if seen.step % STEPS_PER_BAR == 0 or not self._cells:
            self._end_line()
            self._head = _head(seen)
        elif seen.chord is not None and seen.chord.symbol not in self._head.split():
            self._head = f"{self._head.rstrip()} {seen.chord.symbol}"
        self._cells.append(_step_text(seen))
        if self._live:
            self._print(f"\r{self._line()}")

    def close(self) -> None:
        """End the last line."""
        self._end_line()

    def _line(self) -> str:
        return f"{self._head:<48} {' '.join(f'{cell:<5}' for cell in self._cells)}".rstrip()

    def _end_line(self) -> None:
        if self._cells:
            self._print(f"\r{self._line()}\n" if self._live else f"{self._line()}\n")
        self._cells = []

    def _print(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


_YOURS = " "
"""Stands for a step of yours until it is over and what you played in it is known."""


def _head(seen: Snapshot) -> str:
    if seen.turn.who == Who.NOBODY:
        return f"count-in              {seen.tempo_bpm:g} bpm"
    place = f"chorus {seen.place.chorus} bar {seen.place.bar}"
    return f"{place:<18} {seen.tempo_bpm:>4g} bpm  {seen.turn.who:<7} {seen.chord.symbol if seen.chord else '-'}"


def _step_text(seen: Snapshot) -> str:
    who = seen.turn.who
    if who == Who.NOBODY:
        return str(seen.place.beat) if seen.step % STEPS_PER_BEAT == 0 else ""
    return _YOURS if who == Who.YOU else _cell_text(seen.played)


def _cell_text(cell: Cell) -> str:
    if cell == SILENCE:
        return "."
    return notes_text(sorted(onset.pitch for onset in cell.onsets)) if cell.onsets else "-"


class Keys:
    """Commands from single keys of a terminal, read without waiting; a context that restores the terminal."""

    def __init__(self, bpm: float, temperature: float) -> None:
        self._bpm = bpm
        self._temperature = temperature
        self._restore: Any = None
        self._open = True

    def __enter__(self) -> Self:
        import termios
        import tty

        self._restore = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import termios

        if self._restore is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._restore)

    def poll(self, now_s: float) -> Sequence[Timed | Command]:
        """The commands of the keys struck since the last time."""
        if not self._open or not select.select([sys.stdin], [], [], 0)[0]:
            return ()
        struck = os.read(sys.stdin.fileno(), 64)
        self._open = bool(struck)  # nothing to read means the terminal has gone
        return [command for key in struck.decode(errors="ignore") if (command := self._command(key))]

    def next_poll_s(self, now_s: float) -> float:
        """Fifty times a second."""
        return now_s + _POLL_S

    def _command(self, key: str) -> Command | None:
        match key:
            case "+" | "=":
                self._bpm = TEMPO.nudged(self._bpm, _TEMPO_NUDGE_BPM)
                return SetTempo(self._bpm)
            case "-" | "_":
                self._bpm = TEMPO.nudged(self._bpm, -_TEMPO_NUDGE_BPM)
                return SetTempo(self._bpm)
            case "]":
                self._temperature = TEMPERATURE.nudged(self._temperature, _TEMPERATURE_NUDGE)
                return SetTemperature(self._temperature)
            case "[":
                self._temperature = TEMPERATURE.nudged(self._temperature, -_TEMPERATURE_NUDGE)
                return SetTemperature(self._temperature)
            case "p":
                return Panic()
            case "q":
                return Stop()
            case _:
                return None
