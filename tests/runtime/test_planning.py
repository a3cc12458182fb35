"""Drafts in a jam: drawn in the time that is left, the same live as in a render where all are there in time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import pytest

from improv.config.values import Tune
from improv.midi.player import Player
from improv.midi.sources import NullSink, Script
from improv.models.catalog import find_model
from improv.models.contract import StepModel, Tensor, Tensors
from improv.models.onnx_runtime import OnnxModel
from improv.music.clock import SimulatedClock
from improv.music.notes import Frame, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.turns import Mode, Who
from improv.protocol.commands import Command, Set
from improv.protocol.snapshot import How
from improv.recording import Head, Recording
from improv.recording.replay import entry_of, replayed
from improv.runtime.engine import Lead, perform
from improv.runtime.opening import begin_tune
from improv.session.drafts import AHEAD_STEPS
from improv.session.state import Moment
from tests.runtime.test_engine import Commands

LICK = (60, 63, 65, 67, 70, 67, 65, 63)
STEP_S = 0.25


@cache
def partner() -> OnnxModel:
    return OnnxModel(find_model("partner"))


class Slow:
    """A network each step of which takes a time, on a simulated clock, in the drafts that come after so many steps."""

    def __init__(self, clock: SimulatedClock, takes_s: float) -> None:
        self.spec = partner().spec
        self._clock, self._takes_s = clock, takes_s

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self._clock.wait_until(self._clock.now() + self._takes_s)
        return partner().step(features, memory)

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        return partner().head_logits(head, features, memory)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


class FailingDrafts(Slow):
    """A network that fails where it is asked more than once within a moment, as drafts ask it."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock, 0)
        self._asked_s: list[float] = []

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        self._asked_s = [*self._asked_s[-3:], self._clock.now()]
        if self._asked_s.count(self._clock.now()) == 4:
            raise RuntimeError("asked too often")
        return super().step(features, memory)


def lick(*notes: int, first_step: int = 0, length_s: float = 0.2) -> list[Timed]:
    """Notes an eighth apart from a step on; no ticks are known of them."""
    timed = []
    for number, pitch in enumerate(notes):
        at = (first_step + number) * STEP_S
        timed += [Timed(at, NoteOn(Part.YOU, pitch, 80)), Timed(at + length_s, NoteOff(Part.YOU, pitch))]
    return timed


CALL = lick(*LICK[:5])
LONG_CALL = lick(*LICK)


def jam(
    notes: Sequence[Timed] = tuple(CALL),
    *,
    commands: Sequence[tuple[float, Command]] = (),
    model: Callable[[SimulatedClock], StepModel] = lambda _clock: partner(),
    steps: int = 32,
    live: bool = True,
    **controls: Any,
) -> list[Moment]:
    clock, moments = SimulatedClock(-1), list[Moment]()
    tune = Tune.of(**{"bars": 1, "count_in": 0, "drafts": 3, "tempo": 120, "swing": 0.5, **controls})
    session = begin_tune(tune, partner(), Mode.TRADE, 0)
    sources: list[Any] = [Script(notes), Commands(*commands)]
    with Player(clock, NullSink(), sources) as player:
        perform(session, model(clock), player, moments.append, lead=Lead(), last_step=steps - 1, time_waits=not live)
    return moments


def melody(moments: Sequence[Moment]) -> list[Frame]:
    return [moment.session.band.frame for moment in moments]


def chosen(moments: Sequence[Moment]) -> dict[int, int]:
    """The drafts that were chosen, by the step they are played from."""
    return {moment.session.step: moment.draft for moment in moments if moment.draft}


def again(moments: Sequence[Moment]) -> int:
    """Replay a jam as a take; the number of steps that were the same."""
    first = moments[0].session
    head = Head(
        improv="test", began="2002-01-01T00:00:00+00:00", model="partner", model_sha256="",
        settings=first.settings, transport=first.position.transport, count_in_bars=0, form=partner().spec.form, key="C",
    )  # fmt: skip
    entries = tuple(entry_of(moment) for moment in moments)
    take = Recording(head=head, entries=entries, remarks=(), ended="stopped", damage="")
    return sum(step.session is not None for step in replayed(take, lambda *_: partner()))


def test_an_answer_is_planned_from_its_first_step_where_the_call_ends_early() -> None:
    moments = jam()
    assert chosen(moments).keys() >= {8, 24}
    assert [moment.session.network.stream for moment in moments[8:16]] == [chosen(moments)[8]] * 8


def test_a_call_that_goes_on_to_the_bar_line_is_answered_by_a_draft_a_little_later() -> None:
    found = chosen(jam(LONG_CALL))
    assert min(found) in (8 + 1, 8 + AHEAD_STEPS)


@pytest.mark.parametrize("notes", [CALL, LONG_CALL], ids=["early", "late"])
@pytest.mark.parametrize("drafts", [0, 1, 3])
def test_a_jam_plays_what_a_render_plays(notes: Sequence[Timed], drafts: int) -> None:
    live, rendered = jam(notes, drafts=drafts), jam(notes, drafts=drafts, live=False)
    assert melody(live) == melody(rendered)
    assert chosen(live) == chosen(rendered)
    assert not any(moment.late_drafts for moment in (*live, *rendered))
    assert bool(chosen(live)) == bool(drafts)


def test_drafts_change_the_answer_and_nothing_before_it() -> None:
    without, planned = jam(drafts=0), jam(drafts=8)
    assert melody(without)[:8] == melody(planned)[:8]
    assert melody(without)[8:16] != melody(planned)[8:16]


def test_where_not_all_drafts_are_there_in_time_the_best_of_those_is_played_and_the_take_says_so() -> None:
    moments, quick = jam(model=lambda clock: Slow(clock, 0.02), drafts=8), jam(drafts=8)
    late = {moment.session.step for moment in moments if moment.late_drafts}
    assert late
    assert late == chosen(moments).keys()
    assert melody(moments)[:8] == melody(quick)[:8]
    for few in range(1, 8):
        if chosen(moments)[8] == chosen(jam(drafts=few))[8]:
            assert melody(moments)[:16] == melody(jam(drafts=few))[:16]
            break
    else:
        pytest.fail("it is not what fewer drafts choose")
    assert all(moment.how is How.NETWORK for moment in moments[:-1])
    assert again(moments) == len(moments)


def test_drafts_that_come_too_late_are_dropped_for_the_turn_and_the_take_says_so() -> None:
    moments = jam(model=lambda clock: Slow(clock, 0.08), drafts=8)
    late = [moment.session.step for moment in moments if moment.late_drafts]
    assert late
    assert not chosen(moments)
    assert len({moment.session.turn.start for moment in moments if moment.late_drafts}) == len(late)
    assert all(moment.how is How.NETWORK for moment in moments[:-1])
    assert [entry_of(moment).late_drafts for moment in moments] == [moment.late_drafts for moment in moments]
    assert again(moments) == len(moments)


def test_no_step_is_late_because_of_drafts() -> None:
    planned = jam(model=lambda clock: Slow(clock, 0.08), drafts=8)
    assert all(moment.session.health.faults == 0 for moment in planned)
    assert melody(planned) == melody(jam(drafts=0))


def test_a_take_is_replayed_with_the_drafts_that_were_chosen() -> None:
    moments = jam(LONG_CALL)
    assert chosen(moments)
    assert again(moments) == len(moments)
    other = [replace(moment, draft=0) for moment in moments]
    with pytest.raises(Exception, match="is not what was recorded"):
        again(other)


def test_a_note_in_the_answer_that_takes_nothing_back_has_the_rest_drafted_again() -> None:
    notes = [*CALL, *lick(72, first_step=16)]
    moments, rendered = (jam(notes, bars=2, live=live) for live in (True, False))
    assert [step for step in chosen(moments) if step >= 16] == [16, 17 + AHEAD_STEPS, 24]
    assert melody(moments) == melody(rendered)
    assert again(moments) == len(moments)


def test_a_control_that_is_turned_in_the_answer_is_followed_by_new_drafts() -> None:
    moments = jam(commands=((18.4 * STEP_S, Set("temperature", 1.2)),), bars=2, steps=32)
    found = chosen(moments)
    assert [step for step in found if 16 <= step < 32] == [16, 19 + AHEAD_STEPS]


def test_a_network_that_fails_in_drafts_plays_on_without() -> None:
    moments = jam(model=FailingDrafts, drafts=8)
    assert not chosen(moments)
    assert melody(moments)[:8] == melody(jam(drafts=0))[:8]
    assert any(moment.session.band.frame.melody.onsets for moment in islice(moments, 8, 16))


@pytest.mark.parametrize("mode", [Mode.SOLO, Mode.DUET, Mode.LISTEN])
def test_where_no_length_is_known_nothing_is_drafted(mode: Mode) -> None:
    moments = jam(commands=((0.0, Set("mode", str(mode))),))
    assert not chosen(moments)
    assert not any(moment.late_drafts for moment in moments)


@pytest.mark.parametrize("notes", [CALL, LONG_CALL, lick(60), lick(*LICK, first_step=1)])
def test_an_answer_to_a_call_is_never_silent(notes: Sequence[Timed]) -> None:
    for seed in range(4):
        moments = jam(notes, seed=seed, drafts=2, steps=16)
        turn = [moment for moment in moments if moment.session.turn.who is Who.IMPROV and moment.session.step < 16]
        assert sum(len(moment.session.band.frame.melody.onsets) for moment in turn[:8]) >= 3


def test_a_duet_is_the_same_live_and_in_a_render_and_is_replayed() -> None:
    commands = ((0.0, Set("mode", str(Mode.DUET))),)
    live, rendered = (jam(LONG_CALL, commands=commands, live=each) for each in (True, False))
    assert melody(live) == melody(rendered)
    assert again(live) == len(live)
