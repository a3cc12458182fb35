"""Turns as lines of text for tests, a character a step.

What you play:  . nothing   x a short note   X two at once   o a note held as long as - follows   h the turn handed over
Whose turn:     n neither's (count-in)   y yours   i improv's   b both's, in capitals where it begins
"""

from collections.abc import Sequence

from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import (
    Mode,
    Who,
)
from improv.protocol.commands import Command, HandOver
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import Echo

LETTERS = {Who.NEITHER: "n", Who.YOU: "y", Who.IMPROV: "i", Who.BOTH: "b"}
MAY_PLAY = {
    Mode.TRADE: {Who.YOU, Who.IMPROV},
    Mode.PHRASE: {Who.YOU, Who.IMPROV},
    Mode.DUET: {Who.BOTH},
    Mode.SOLO: {Who.IMPROV},
    Mode.LISTEN: {Who.YOU},
}


def notes(played: str, transport: Transport, first: int) -> list[tuple[Timed, ...]]:
    """What arrives in each step of a line."""
    arriving, held = [], False
    for step, sign in enumerate(played, first):
        at_s, soon_s = transport.time_of(step), transport.time_of(step) + 0.1 * transport.step_s
        struck = {"x": (60,), "X": (60, 64), "o": (67,)}.get(sign, ())
        heard = [Timed(at_s, NoteOff(Part.YOU, 67))] if held and sign != "-" else []
        heard += [Timed(at_s, NoteOn(Part.YOU, pitch, 80)) for pitch in struck]
        heard += [Timed(soon_s, NoteOff(Part.YOU, pitch)) for pitch in struck if sign != "o"]
        held = sign == "o" or (held and sign == "-")
        arriving.append(tuple(heard))
    return arriving


def sessions(
    played: str,
    mode: Mode,
    *,
    bars: int = 1,
    gap: float = 1.5,
    count_in: int = 0,
    wait: int = 0,
    asked: dict[int, tuple[Command, ...]] | None = None,
) -> list[Session]:
    """The session at each step of a line, and at the one after it."""
    model, transport = Echo(), Transport(0, 0.0, 120)
    chosen = Settings(mode=mode, bars=bars, gap=gap, wait=wait, count_in=1)
    session, _ = advance(begin(model, chosen, transport, count_in_bars=count_in), Heard(), model)
    passed = [session]
    for sign, arrived in zip(played, notes(played, transport, session.step), strict=True):
        commands = (HandOver(),) if sign == "h" else (asked or {}).get(session.step, ())
        session, _ = advance(session, Heard(arrived, commands), model)
        passed.append(session)
    return passed


def check(turns: str, left: Sequence[float | None], passed: list[Session]) -> None:
    """Whose turn it is at each step, and for how many beats when a turn begins."""
    began = [session for session in passed if session.turn.start == session.step][: len(left)]
    letters = [(LETTERS[session.turn.who], session.turn.start == session.step) for session in passed]
    assert "".join(letter.upper() if begins else letter for letter, begins in letters[:-1]) == turns
    assert [snapshot(session, session).beats_left for session in began] == list(left)


def line(text: str) -> str:
    return text.replace(" ", "")
