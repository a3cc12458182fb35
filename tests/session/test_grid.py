"""A network of another grid than eighths: session, clock, turns, player and take read the steps from its encoding."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from improv.export.collector import Collector
from improv.export.formats import write_file
from improv.export.messages import TICKS_A_BEAT
from improv.midi.player import Player
from improv.midi.sources import NullSink
from improv.models.contract import Tensor, Tensors
from improv.models.encodings import LocalNotes
from improv.music.clock import SimulatedClock
from improv.music.grid import Grid
from improv.music.notes import NoteOn
from improv.music.parts import Part
from improv.music.theory import Form, Place
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import from_json, to_json
from improv.protocol.snapshot import Snapshot
from improv.recording.replay import entry_of
from improv.runtime.engine import Lead, perform
from improv.session.fallback import fallback
from improv.session.lifecycle import begin
from improv.session.state import Moment
from improv.session.view import snapshot
from tests.conftest import Echo
from tests.recording.performed import HEAD

SIXTEENTHS = Grid(4)


@dataclass(frozen=True, slots=True)
class Sixteenths(LocalNotes):
    """Local notes, one step a sixteenth."""

    @property
    def grid(self) -> Grid:
        return SIXTEENTHS


class Quick:
    """The echo of a form of two bars, which makes a step each sixteenth."""

    def __init__(self) -> None:
        self._echo = Echo("C7 | F7")
        self._chords = [LocalNotes().chord_units(chord) for chord in Form.parse("C7 | F7", SIXTEENTHS).chords]
        self.spec = replace(self._echo.spec, encoding="sixteenths", steps_per_beat=4)

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        heads, memory = self._echo.step(features, memory)
        chord = self._chords[int(memory["count"][0, 0]) % len(self._chords)]
        return {**heads, "next_chord": (20 * chord - 10)[None].astype(np.float32)}, memory

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        raise AssertionError("its melody is one choice a step")

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Quick:
    from improv.models import encodings

    known: dict[str, Any] = {**encodings.ENCODINGS, "sixteenths": Sixteenths()}
    monkeypatch.setattr(encodings, "ENCODINGS", known)
    return Quick()


def test_a_network_of_sixteenths_is_played_in_time(quick: Quick) -> None:
    transport = Transport(0, 0.0, 120, grid=SIXTEENTHS)
    session = begin(quick, Settings(mode=Mode.TRADE, bars=1, dynamics=0, feel=0), transport, count_in_bars=1)
    moments: list[Moment] = []
    with Player(SimulatedClock(-3.0), NullSink(), []) as player:
        ended = perform(session, quick, player, moments.append, lead=Lead(), last_step=63)
    assert ended.place == 63  # two choruses of two bars of sixteen steps
    assert ended.health.faults == ended.health.missed_steps == 0
    assert transport.step_s == 0.125
    turns = {(moment.session.turn.who, moment.session.turn.start, moment.session.turn.end) for moment in moments}
    assert turns == {
        (Who.NEITHER, -16, 0), (Who.YOU, 0, 16), (Who.IMPROV, 16, 32), (Who.YOU, 32, 48), (Who.IMPROV, 48, 64),
    }  # fmt: skip
    chords = [moment.session.band.frame.chord for moment in moments if moment.session.place >= 0]
    assert [chord and chord.symbol for chord in chords[:32:16]] == ["C7", "F7"]
    struck = [
        placed.tick
        for moment in moments
        for placed in moment.played.events
        if isinstance(placed.event, NoteOn) and placed.event.part is Part.MELODY
    ]
    assert struck
    assert {tick % 3 for tick in struck} == {0}
    assert {tick % 6 for tick in struck} == {0, 3}  # between the eighths too
    clicks = [placed.tick for moment in moments for placed in moment.played.events if placed.event.part is Part.DRUMS]
    assert min(clicks) == -48


def test_a_take_of_sixteenths_is_marked_where_its_turns_begin(quick: Quick, tmp_path: Path) -> None:
    session = begin(quick, Settings(mode=Mode.TRADE, bars=1), Transport(0, 0.0, 120, grid=SIXTEENTHS))
    head = replace(
        HEAD, settings=session.settings, transport=session.position.transport, count_in_bars=0, form="C7 | F7"
    )
    take = Collector(head, "sixteenths")
    with Player(SimulatedClock(-3.0), NullSink(), []) as player:
        perform(session, quick, player, lambda moment: take.observe(entry_of(moment)), lead=Lead(), last_step=63)
    write_file(take.performance(), tmp_path / "take.mid")
    at, markers = 0.0, []
    for message in mido.MidiFile(tmp_path / "take.mid").tracks[0]:
        at += message.time / TICKS_A_BEAT
        if message.type == "marker":
            markers.append((at, message.text))
    assert markers == [(0, "Chorus 1 - you"), (4, "improv"), (8, "Chorus 2 - you"), (12, "improv"), (16, "Ending")]
    told = from_json(Snapshot, to_json(snapshot(session, session)))
    assert told.grid == SIXTEENTHS


def test_the_fallback_of_sixteenths_is_on_the_beats(quick: Quick) -> None:
    session = begin(quick, Settings(mode=Mode.SOLO, feel=0), Transport(0, 0.0, 120, grid=SIXTEENTHS))
    struck = []
    for _ in range(32):
        session, played = fallback(session, Heard(), quick, "late")
        struck += [
            placed.tick
            for placed in played.events
            if isinstance(placed.event, NoteOn) and placed.event.part is Part.MELODY
        ]
    assert struck == list(range(0, 96, 12))


def test_a_grid_is_told_in_json_only_where_it_is_not_eighths() -> None:
    eighths, sixteenths = Transport(0, 0.0, 120.0), Transport(0, 0.0, 120.0, grid=SIXTEENTHS)
    assert "steps_per_beat" not in to_json(eighths)
    assert to_json(sixteenths)["steps_per_beat"] == 4
    for transport in (eighths, sixteenths):
        assert from_json(Transport, to_json(transport)) == transport


def test_a_grid_divides_the_beat() -> None:
    assert (SIXTEENTHS.ticks_per_step, SIXTEENTHS.steps_per_bar) == (3, 16)
    assert Place.of(21, Form.parse("C7 | F7", SIXTEENTHS)) == Place(1, 2, 2)
    assert Form.parse("C7 | C7 F7", SIXTEENTHS).text == "C7 | C7 F7"
    with pytest.raises(ValueError, match="5 steps do not divide"):
        Grid(5)
