"""Networks of lines in a jam: they hear the player, answer in their turn, in the player's key; others take over."""

from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest

from improv.models.contract import StepModel
from improv.models.encodings import encoding_of
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import Frame, NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import Restart, Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.recording import Head, Recording
from improv.recording.replay import entry_of, replayed
from improv.runtime.timely_networks import Remembering
from improv.session.drafts import drafts_due
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, finish
from improv.session.network import swapped
from improv.session.state import Session
from improv.session.step import advance
from tests.models.line_models import SYMBOLS, loaded
from tests.models.onnx_models import saved, walker
from tests.runtime.test_engine import Commands, played, script
from tests.session.steady import drone, opened, through

KINDS = tuple(SYMBOLS)
CALL = ((0.02, 0.4, 64), (0.51, 0.9, 67), (0.76, 0.9, 69), (1.27, 1.8, 72), (1.27, 1.8, 64))
"""A phrase in the first bar at 120 bpm: onset, end, pitch; it ends with two notes together."""


def begun(model: StepModel, mode: Mode = Mode.TRADE, **settings: object) -> Session:
    """A session at 120 bpm whose turns are of one bar."""
    chosen = Settings(mode=mode, bars=1, seed=1, **settings)  # type: ignore[arg-type]
    return begin(model, chosen, Transport(0, 0.0, 120))


def paired(events: Iterator[Placed]) -> Mapping[tuple[Part, int], int]:
    """What still sounds after events, each time that it does; AssertionError for an end of nothing."""
    sounding: dict[tuple[Part, int], int] = {}
    for placed in events:
        match placed.event:
            case NoteOn(part, pitch):
                assert (part, pitch) not in sounding, f"{pitch} of {part} begins while it sounds"
                sounding[part, pitch] = int(placed.tick)
            case NoteOff(part, pitch):
                sounding.pop((part, pitch), None)
    return sounding


@pytest.mark.parametrize("kind", KINDS)
def test_it_hears_the_player_and_answers_in_its_turn(kind: str, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    _, _, _, moments = played(begun(model), model, script(*CALL), last_step=15)  # type: ignore[arg-type]
    memories = [moment.session.network.memory["line_last"] for moment in moments]
    assert any((memory != 0).any() for memory in memories[:9])
    by_turn = {who: sum(len(m.played.frame.melody.onsets) for m in moments if m.session.turn.who is who) for who in Who}
    assert by_turn[Who.YOU] == 0
    assert by_turn[Who.IMPROV] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_hears_is_in_its_own_key_and_what_it_plays_in_the_players(kind: str, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    up = tuple((at, until, pitch + 3) for at, until, pitch in CALL)
    found = []
    for key, call in (("C", CALL), ("D#", up)):
        _, _, _, moments = played(begun(model, key=key), model, script(*call), last_step=15)  # type: ignore[arg-type]
        found.append([m.session.network.output.melody for m in moments])
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_performance_with_it_is_decided_again_from_its_take(kind: str, mode: Mode, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    asked = Commands((1.3, Set("tempo", 200)), (2.2, Set("density", 1)), (3.0, Restart()), (3.1, Set("tempo", 57)))
    session = begun(model, mode)
    _, _, _, moments = played(session, model, asked, script(*CALL), last_step=47)  # type: ignore[arg-type]
    assert {moment.session.health.faults for moment in moments} == {0}
    spec = model.spec
    head = Head(
        improv="test", began="2002-01-01T00:00:00+00:00", model=spec.name, model_sha256=model.sha256,
        settings=session.settings, transport=session.position.transport, count_in_bars=0, form=spec.form, key=spec.key,
    )  # fmt: skip
    take = Recording(head=head, entries=tuple(map(entry_of, moments)), remarks=(), ended="stopped", damage="")
    again = [step.entry.step for step in replayed(take, lambda *_: loaded(kind, tmp_path))]
    assert again == [moment.session.step for moment in moments]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_planned_again_is_not_computed_again(kind: str, tmp_path: Path) -> None:
    model = Counting(loaded(kind, tmp_path))
    remembering = Remembering(model)
    session = begun(remembering)
    heard = Heard((Timed(0.1, NoteOn(Part.YOU, 64, 80)), Timed(0.2, NoteOff(Part.YOU, 64))))
    for _ in range(12):
        first, _ = advance(session, heard, remembering)
        asked = model.moves
        again, _ = advance(session, heard, remembering)
        assert model.moves == asked
        assert again == first
        session, heard = first, Heard()
    assert asked


def test_what_sounded_before_each_step_is_known_to_a_line_that_takes_over(tmp_path: Path) -> None:
    other, model = drone("D7 | G7 | D7 | A7", "D", pitch=66), loaded("events", tmp_path)
    sessions, _ = through(opened(other), other, 33)
    session = swapped(sessions[-1], model)
    heard = [each for each in session.network.pending_inputs if each.steps_played is not None]
    assert len(heard) == 32
    assert {pitch for each in heard for pitch in each.frame.melody.pitches} == {64}
    assert [each.previous for each in heard[1:]] == [each.frame.melody for each in heard[:-1]]


class Counting:
    """A network whose moves are counted."""

    def __init__(self, model: OnnxModel) -> None:
        self.spec, self.step, self.head_logits = model.spec, model.step, model.head_logits
        self._model, self.moves = model, 0

    def move(self, features, memory):  # type: ignore[no-untyped-def]
        self.moves += 1
        return self._model.move(features, memory)


def test_a_piano_is_drawn_as_freely_as_it_has_to_be_and_no_more(tmp_path: Path) -> None:
    model = loaded("piano", tmp_path)

    def melody(**settings: float) -> list[Frame]:
        session, frames = begun(model, Mode.SOLO, drafts=0, **settings), []
        for _ in range(48):
            session, _ = advance(session, Heard(), model)
            frames.append(session.network.output)
        return frames

    usual = melody()
    assert usual == melody(temperature=1.15, top_p=0.95)
    assert usual == melody(temperature=0.0) == melody(top_p=0.2)
    assert usual != melody(temperature=2.5)


@pytest.mark.parametrize("kind", KINDS)
def test_drafts_are_drawn_where_anything_is(kind: str, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    session = begun(model)
    for _ in range(7):
        session, _ = advance(session, Heard(), model)
    assert drafts_due(session, model) == (None if kind == "roll" else 8)


@pytest.mark.parametrize("kind", KINDS)
def test_of_what_was_before_it_took_over_it_hears_four_bars(kind: str, tmp_path: Path) -> None:
    model, walks = loaded(kind, tmp_path), OnnxModel(saved(walker(), tmp_path / "walker.onnx"))
    session = begun(walks, Mode.SOLO)
    for _ in range(64):
        session, _ = advance(session, Heard(), walks)
    session = swapped(session, model)
    encoding, pending = encoding_of(model.spec), session.network.pending_inputs
    assert not any(encoding.moves(each) for each in pending[:-32])
    assert any(encoding.moves(each) for each in pending[-32:])
    assert [each.frame.chord for each in pending[-32:]] == [
        each.frame.chord for each in session.network.recent_inputs[-32:]
    ]
    assert session.network.recent_inputs[0].frame.melody.pitches  # others may take over in their turn


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_missed_while_it_failed_it_hears_later(kind: str, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    heard = Heard((Timed(0.0, NoteOn(Part.YOU, 64, 80)), Timed(0.2, NoteOff(Part.YOU, 64))))
    well, ill = begun(model), begun(model)
    well, _ = advance(well, Heard(), model)
    ill, _ = advance(ill, Heard(), model)
    for step in range(3):
        well, _ = advance(well, heard if step == 0 else Heard(), model)
        ill, _ = fallback(ill, heard if step == 0 else Heard(), model, "no")
    well, _ = advance(well, Heard(), model)
    ill, _ = advance(ill, Heard(), model)
    assert (well.network.memory["line_last"] == ill.network.memory["line_last"]).all()


def test_all_take_over_from_each_other_every_four_bars_for_ten_minutes(tmp_path: Path) -> None:
    """At 120 bpm, with a player who plays in their turns; nothing hangs, and nothing raises."""
    models: list[StepModel] = [loaded(kind, tmp_path) for kind in KINDS]
    models.append(OnnxModel(saved(walker(), tmp_path / "walker.onnx")))
    session, rng = begun(models[0], key="F"), np.random.default_rng(1)
    events: list[Placed] = []
    playing = islice(cycle(models), None)
    model = next(playing)
    down: int | None = None
    for step in range(2400):
        if step and step % 32 == 0:
            model = next(playing)
            session = swapped(session, model)
        notes: list[Timed] = []
        at = (step + float(rng.random()) / 2) * 0.25
        if down is not None:
            notes.append(Timed(at, NoteOff(Part.YOU, down)))
            down = None
        elif session.turn.who is Who.YOU and rng.random() < 0.6:
            down = int(rng.integers(40, 96))
            notes.append(Timed(at, NoteOn(Part.YOU, down, 80)))
        session, done = advance(session, Heard(tuple(notes)), model)
        events += done.events
    events += finish(session).events
    assert session.health.faults == 0
    assert not paired(iter(events))
    assert {type(placed.event) for placed in events} >= {NoteOn, NoteOff}
