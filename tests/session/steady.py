"""A network that always says the same of its melody, and a session of it that tests turn."""

from dataclasses import replace
from typing import Any

import numpy as np

from improv.models.contract import StepModel, Tensors
from improv.models.encodings import MELODY_HEAD, LocalNotes
from improv.music.notes import NoteEvent, NoteOn
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import Chord
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.state import Played, Session
from improv.session.step import advance
from tests.conftest import Echo

NOTES = LocalNotes()
PITCHES = NOTES.melody_pitches()
C7 = Chord.parse("C7")
STEP_S = 0.25


class Steady(Echo):
    """A network that counts the form and always has the same to say of the melody."""

    def __init__(self, logits: Any = None, changes: str = "C7 | F7 | C7 | G7", key: str = "C") -> None:
        super().__init__(changes)
        self.spec = replace(self.spec, key=key)
        self._logits = np.linspace(-3, 1, len(PITCHES)) if logits is None else logits

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        outputs, memory = super().step(features, memory)
        return {**outputs, MELODY_HEAD: np.asarray(self._logits, np.float32)[None]}, memory


def drone(changes: str = "C7 | F7 | C7 | G7", key: str = "C", pitch: int = 64) -> Steady:
    """A network that holds a note, struck each quarter."""
    return Steady([30.0 if candidate == pitch else -30.0 for candidate in PITCHES], changes, key)


def opened(model: StepModel, mode: Mode = Mode.SOLO, *, count_in_bars: int = 0, **chosen: Any) -> Session:
    """A session at 120 bpm, one step before its first. Chords are pads, the melody is as it is notated."""
    settings = Settings.of(
        **{"mode": mode, "seed": 1, "bars": 1, "style": Style.PADS, "dynamics": 0, "feel": 0, **chosen}
    )
    return begin(model, settings, Transport(0, 0.0, 120), count_in_bars=count_in_bars)


def through(
    session: Session, model: StepModel, steps: int, asked: dict[int, tuple[Command, ...]] | None = None
) -> tuple[list[Session], list[Played]]:
    """Advance through steps, something asked for in some of them."""
    sessions, leaving = [], []
    for _ in range(steps):
        session, leaves = advance(session, Heard((), (asked or {}).get(session.step, ())), model)
        sessions.append(session)
        leaving.append(leaves)
    return sessions, leaving


def told(leaving: Played, part: Part) -> list[str]:
    """What begins and ends at a step: +64 -60."""
    events = [placed.event for placed in leaving.events if placed.event.part is part]
    return [
        f"{'+' if isinstance(event, NoteOn) else '-'}{event.pitch}" for event in events if isinstance(event, NoteEvent)
    ]


def struck(leaving: list[Played], part: Part = Part.MELODY) -> list[tuple[int, int]]:
    """Step and pitch of what begins."""
    events = [placed for played in leaving for placed in played.events if placed.event.part is part]
    return [(int(placed.tick) // 6, placed.event.pitch) for placed in events if isinstance(placed.event, NoteOn)]
