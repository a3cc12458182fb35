"""The plain terminal: a performance as lines of text, and what each key asks for."""

import io
import os
import shutil
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from improv.messages import TEMPERATURE, TEMPO, Command, Panic, SetTemperature, SetTempo, Stop
from improv.model import Tensors
from improv.session import Session
from improv.terminal import Keys, Lines
from improv.transport import SimulatedClock
from improv.turns import Mode
from tests.conftest import Echo
from tests.onnx_models import saved, walker
from tests.test_engine import Commands, played, script

Begun = Callable[..., Session]


class Terminal(io.StringIO):
    """A screen that shows what is printed after the last return of each line."""

    def isatty(self) -> bool:
        return True

    def shown(self) -> list[str]:
        return [line.rpartition("\r")[2] for line in self.getvalue().split("\n")][:-1]


def shown(session: Session, model: Echo, *sources: Any, last_step: int = 31) -> list[str]:
    """What a performance looks like; the same on a live screen, where a line grows while it is played."""
    _, _, _, moments = played(session, model, *sources, last_step=last_step, clock=SimulatedClock(-10))
    plain, screen = io.StringIO(), Terminal()
    for out in (plain, screen):
        lines = Lines(out)
        for moment in moments:
            lines.observe(moment)
        lines.close()
    assert plain.getvalue().splitlines() == screen.shown()
    assert all(len(line) <= 80 for line in screen.shown())
    return screen.shown()


def test_a_trade(echo: Echo, begun: Begun) -> None:
    call = script((0.02, 0.30, 60), (0.52, 0.71, 63), (0.98, 1.9, 67), (1.27, 1.9, 70), (4.3, 4.45, 72), (4.6, 5.9, 70))
    assert shown(begun(), echo, call, last_step=39) == [
        "120 bpm, temperature 1",
        "chorus 1 bar 1  C7       you    C4    .     Eb4   .     G4    Bb4   -     -",
        "chorus 1 bar 2  F7       improv B4    C5    C4    Db4   D4    Eb4   E4    F4",
        "chorus 1 bar 3  C7       you    .     C5    Bb4   -     -     -     -     -",
        "chorus 1 bar 4  G7       improv B4    C5    C4    Db4   D4    Eb4   E4    F4",
        "chorus 2 bar 1  C7       you    .     .     .     .     .     .     .",
    ]


def test_a_duet_shows_yours_after_improvs(echo: Echo, begun: Begun) -> None:
    assert shown(begun(Mode.DUET), echo, script((0.5, 0.9, 60), (0.5, 0.9, 67)), last_step=7) == [
        "120 bpm, temperature 1",
        "chorus 1 bar 1  C7       both   C4/.  Db4/. D4/C4+G4 Ab4/- A4/.  Bb4/. B4/.  C5/",
    ]


def test_a_count_in_and_a_bar_of_two_chords(begun: Begun) -> None:
    model = Echo("C7 F7 | G7")
    session = begun(Mode.SOLO, count_in_bars=1)
    assert shown(session, model, last_step=15)[1:] == ["count-in                        1           2           3           4"]


def test_what_was_turned_has_a_line_of_its_own(echo: Echo, begun: Begun) -> None:
    turning = Commands((0.6, SetTempo(240)), (2.0, SetTemperature(0.5)))
    assert shown(begun(Mode.SOLO), echo, turning, last_step=15) == []


class Failing(Echo):
    """A network that raises from its ninth step on."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        if len(self.fed) > 8:
            raise RuntimeError("out of notes")
        return super().step(features, memory)


def test_a_fault_is_told(begun: Begun) -> None:
    model = Failing()
    session = begun(Mode.SOLO)
    assert shown(session, model, last_step=15) == []
