"""The plain terminal: a performance as lines of text, and what each key asks for."""

import io
import os
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from improv.control.terminal import Keys, Lines
from improv.models.contract import Tensors
from improv.music.clock import SimulatedClock
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Set, Start, Stop
from improv.protocol.controls import TEMPERATURE, TEMPO, TOGETHER
from improv.protocol.heard import Heard
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import Echo
from tests.runtime.test_engine import Commands, played, script

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
            lines.observe(snapshot(moment.session, moment.planned))
        lines.close()
    assert plain.getvalue().splitlines() == screen.shown()
    assert all(len(line) <= 80 for line in screen.shown())
    return screen.shown()


def test_a_trade(echo: Echo, begun: Begun) -> None:
    call = script((0.02, 0.30, 60), (0.52, 0.71, 63), (0.98, 1.9, 67), (1.27, 1.9, 70), (4.3, 4.45, 72), (4.6, 5.9, 70))
    assert shown(begun(), echo, call, last_step=39) == [
        "120 bpm, temperature 0.8",
        "chorus 1 bar 1  C7       you    C4    .     Eb4   .     G4    Bb4   -     -",
        "chorus 1 bar 2  F7       improv B4    C5    C4    Db4   D4    Eb4   E4    F4",
        "chorus 1 bar 3  C7       you    .     C5    Bb4   -     -     -     -     -",
        "chorus 1 bar 4  G7       improv B4    C5    C4    Db4   D4    Eb4   E4    F4",
        "chorus 2 bar 1  C7       you    .     .     .     .     .     .     .",
    ]


def test_a_duet_shows_yours_after_improvs(echo: Echo, begun: Begun) -> None:
    session = begun(Mode.DUET)
    session = replace(session, settings=replace(session.settings, duet=TOGETHER))
    assert shown(session, echo, script((0.5, 0.9, 60), (0.5, 0.9, 67)), last_step=7) == [
        "120 bpm, temperature 0.8",
        "chorus 1 bar 1  C7       both   C4/.  Db4/. D4/C4+G4 Ab4/- A4/.  Bb4/. B4/.  C5/",
    ]


def test_a_count_in_and_a_bar_of_two_chords(begun: Begun) -> None:
    assert shown(begun(Mode.SOLO, count_in_bars=1), Echo("C7 F7 | G7"), last_step=15) == [
        "120 bpm, temperature 0.8",
        "count-in                        1           2           3           4",
        "chorus 1 bar 1  C7 F7    improv C4    Db4   D4    Eb4   E4    F4    F#4   G4",
        "chorus 1 bar 2  G7       improv Ab4   A4    Bb4   B4    C5    C4    Db4   D4",
    ]


def test_what_is_turned_has_a_line_of_its_own(echo: Echo, begun: Begun) -> None:
    turning = Commands((0.6, Set("tempo", 240)), (1.1, Set("temperature", 0.5)))
    assert shown(begun(Mode.SOLO), echo, turning, last_step=7) == [
        "120 bpm, temperature 0.8",
        "chorus 1 bar 1  C7       improv C4    Db4   D4",
        "240 bpm",
        "chorus 1 bar 1  C7       improv                   Eb4   E4    F4",
        "temperature 0.5",
        "chorus 1 bar 1  C7       improv                                     F#4   G4",
    ]


class Failing(Echo):
    """A network that is out of notes for three steps after nine; when one has failed it is asked twice in the next."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        if 9 <= len(self.fed) < 14:
            self.fed.append({})
            raise RuntimeError("out of notes")
        return super().step(features, memory)


def test_faults_are_told(begun: Begun) -> None:
    """Steps that fail in a row once, and how many it were once they no longer do."""
    assert shown(begun(Mode.SOLO), Failing(), last_step=15)[-5:] == [
        "chorus 1 bar 2  F7       improv Ab4",
        "fault 1: RuntimeError: out of notes",
        "chorus 1 bar 2  F7       improv       .     A4    .",
        "fault 3: RuntimeError: out of notes",
        "chorus 1 bar 2  F7       improv                         C4    Db4   D4    Eb4",
    ]


# --- keys ---------------------------------------------------------------------------------------

Strike = Callable[[str], list[Command]]
FASTER, SLOWER = Nudge("tempo", 4), Nudge("tempo", -4)
WILDER, TAMER = Nudge("temperature", 0.1), Nudge("temperature", -0.1)


@pytest.fixture
def fingers(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.FileIO]:
    """The other end of standard input."""
    near, far = os.pipe()
    with open(near) as stdin, open(far, "wb", buffering=0) as fingers:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stdin)
        yield fingers


@pytest.fixture
def strike(fingers: io.FileIO) -> Strike:
    """What keys ask for."""
    keys = Keys()

    def strike(struck: str) -> list[Command]:
        if struck:
            fingers.write(struck.encode())
        return list(keys.poll())

    return strike


@pytest.mark.parametrize(
    ("struck", "commands"),
    [
        ("", []),
        ("+", [FASTER]),
        ("=", [FASTER]),
        ("-", [SLOWER]),
        ("_", [SLOWER]),
        ("]", [WILDER]),
        ("[", [TAMER]),
        ("p", [Panic()]),
        ("h", [HandOver()]),
        ("r", [Restart()]),
        ("q", [Quit()]),
        ("   ", [Stop(), Start(), Stop()]),
        (" r ", [Stop(), Restart(), Stop()]),
        ("++-", [FASTER, FASTER, SLOWER]),
        ("]]]", [WILDER, WILDER, WILDER]),
        ("+[q", [FASTER, TAMER, Quit()]),
        ("xyzQ\n\t\x00é", []),
        ("\x1b[A\x1b[D\x1bOP\x1b[15~", []),  # arrows and function keys
        ("\x1b[A+", [FASTER]),
    ],
)
def test_each_key_asks_for_one_thing(struck: str, commands: list[Command], strike: Strike) -> None:
    assert strike(struck) == commands
    assert strike("") == []


def test_a_key_turns_no_further_than_its_range(strike: Strike, echo: Echo, begun: Begun) -> None:
    session = begun(Mode.SOLO)

    def ends(struck: str) -> tuple[float, float]:
        nonlocal session
        for _ in range(100):
            session, _ = advance(session, Heard((), tuple(strike(struck))), echo)
        return session.position.transport.bpm, session.settings.temperature

    assert ends("+") == (TEMPO.high, TEMPERATURE.default)
    assert ends("-") == (TEMPO.low, TEMPERATURE.default)
    assert ends("+") == (TEMPO.high, TEMPERATURE.default)
    assert ends("]") == (TEMPO.high, TEMPERATURE.high)
    assert ends("[") == (TEMPO.high, TEMPERATURE.low)


def test_a_terminal_that_is_gone_is_not_asked_again(
    strike: Strike, fingers: io.FileIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, answers = os.read, list[bytes]()

    def noted(descriptor: int, size: int) -> bytes:
        answers.append(read(descriptor, size))
        return answers[-1]

    monkeypatch.setattr(os, "read", noted)
    assert strike("+") == [FASTER]
    fingers.close()
    assert strike("") + strike("") + strike("") == []
    assert answers == [b"+", b""]


def test_keys_come_one_by_one_and_the_terminal_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    with open(master, "wb", buffering=0) as fingers, open(slave) as stdin:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stdin)
        before = termios.tcgetattr(stdin)
        with Keys() as keys:
            local = termios.tcgetattr(stdin)[3]
            assert not local & (termios.ICANON | termios.ECHO)
            assert local & termios.ISIG  # Ctrl-C is still Ctrl-C
            fingers.write(b"+")
            assert keys.poll() == [FASTER]
        assert termios.tcgetattr(stdin) == before
        with pytest.raises(ZeroDivisionError), Keys():
            _ = 1 / 0
        assert termios.tcgetattr(stdin) == before


def test_a_turn_that_is_taken_is_told_once(echo: Echo, begun: Begun) -> None:
    lines = shown(begun(), echo, script((3.1, 3.2, 60)), last_step=31)
    assert lines.count("you took its turn: 5.5 beats") == 1
    told = lines.index("you took its turn: 5.5 beats")
    assert lines[told - 1].startswith("chorus 1 bar 2  F7       improv ")
    assert lines[told + 1].startswith("chorus 1 bar 2  F7       you ")
