"""A fallback plan that goes on from an earlier one holds the very events of one that is planned anew."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Panic, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.fallback import LATE, FallbackPlan, fallback, fallback_plan
from improv.session.lifecycle import begin, idled
from improv.session.state import Session
from improv.session.step import advance
from tests.conftest import Echo

STEPS = 8
MODELS = Path(__file__).resolve().parents[2] / "exported_models"

COMMANDS: Sequence[Command] = (
    Set("temperature", 0.3), Set("density", 0.5), Set("changes", 1.0), Set("tempo", 180.0), Set("swing", 0.6),
    Set("key", "Eb"), Set("register", 1), Set("mode", "phrase"), Set("mode", "trade"), Set("mode", "solo"),
    Set("bars", 2), Set("comp-mute", "on"), Set("comp-mute", "off"), Set("melody-level", 60),
    HandOver(), Panic(), Restart(), Stop(), Start(), Tap(1.0),
)  # fmt: skip


@pytest.fixture(scope="module", params=["echo", "eck2002-blues", "partner"])
def model(request: pytest.FixtureRequest) -> StepModel:
    return Echo() if request.param == "echo" else OnnxModel(MODELS / f"{request.param}.onnx")


@pytest.mark.parametrize("mode", [Mode.SOLO, Mode.TRADE, Mode.PHRASE, Mode.DUET])
def test_a_plan_that_goes_on_is_the_plan_made_anew(model: StepModel, mode: Mode) -> None:
    chance = random.Random(str(mode))
    session = begin(model, Settings(mode=mode, bars=1, seed=3), Transport(-8, 0.0, 120), count_in_bars=1)
    plan: FallbackPlan | None = None
    for _ in range(160):
        heard = Heard(notes(session, chance), tuple(chance.sample(COMMANDS, chance.random() < 0.15)))
        if not session.position.playing:
            session = idled(session, Heard((), (Start(),)), 0.0)
        elif chance.random() < 0.1:
            session, _ = fallback(session, heard, model, LATE)
        else:
            session, _ = advance(session, heard, model)
        plan = fallback_plan(session, Heard(), model, STEPS, plan)
        assert plan.events == fallback_plan(session, Heard(), model, STEPS).events
        assert [each.step for each in plan.sessions] == (
            [session.step + after for after in range(1, STEPS + 1)] if session.position.playing else []
        )


def test_one_new_step_is_planned_where_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnnxModel(MODELS / "partner.onnx")
    session = begin(model, Settings(mode=Mode.SOLO), Transport(0, 0.0, 120))
    plan: FallbackPlan | None = None
    planned = 0

    def counted(*given: object) -> object:
        nonlocal planned
        planned += 1
        return fallback(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("improv.session.fallback.fallback", counted)
    for step in range(64):
        session, _ = advance(session, Heard((), (Set("temperature", step / 64),)), model)
        plan = fallback_plan(session, Heard(), model, STEPS, plan)
    # one a step, but for the first, and where a phrase that begins has moved to another register
    assert planned < 64 + 4 * STEPS


def notes(session: Session, chance: random.Random) -> tuple[Timed, ...]:
    """A key now and then, down or up, somewhere in the step."""
    if chance.random() < 0.7:
        return ()
    at_s = session.position.transport.time_of_tick(session.step * 6 + chance.randrange(6))
    down = [key.pitch for key in session.listener.keys if key.release is None]
    if down:
        return (Timed(at_s, NoteOff(Part.YOU, down[0])),)
    return (Timed(at_s, NoteOn(Part.YOU, chance.randrange(50, 80), 90)),)
