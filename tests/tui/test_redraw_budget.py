"""The interface takes no more of a processor than its share, and shows what matters all the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.timer import Timer

from improv.music.notes import Cell
from improv.tui.client import Seen
from improv.tui.redraw_budget import DrawingBudget
from improv.tui.views.turn_banner import TurnBanner
from tests.tui.stage import SEEN, Stage, staged

SHARE = 0.05


class Machine:
    """A clock and a processor that a test turns on."""

    def __init__(self) -> None:
        self.now_s = self.used_s = 0.0

    def budget(self) -> DrawingBudget:
        return DrawingBudget(SHARE, lambda: self.now_s, lambda: self.used_s)

    def passes(self, seconds: float, busy_s: float = 0.0) -> None:
        self.now_s += seconds
        self.used_s += busy_s


def test_what_passes_is_gained_and_what_is_used_is_lost() -> None:
    machine = Machine()
    budget = machine.budget()
    full_s = budget.left_s()
    machine.passes(1, busy_s=0.07)
    assert budget.left_s() == pytest.approx(full_s + SHARE - 0.07)
    machine.passes(0.1)
    assert budget.left_s() == pytest.approx(full_s + SHARE * 1.1 - 0.07)


def test_no_more_is_saved_than_some_frames_and_no_more_owed_than_a_second_pays() -> None:
    machine = Machine()
    budget = machine.budget()
    full_s = budget.left_s()
    machine.passes(3600)
    assert budget.left_s() == full_s
    assert budget.wait_s() == 0
    machine.passes(10, busy_s=9)
    owed_s = budget.left_s()
    assert owed_s < 0
    assert budget.wait_s() == pytest.approx(-owed_s / SHARE)
    machine.passes(budget.wait_s() + 0.01)
    assert budget.left_s() > 0
    assert -owed_s / SHARE <= 1


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.001, 0.03)), min_size=1, max_size=200))
def test_who_draws_only_with_something_left_takes_its_share_and_one_burst(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    budget = machine.budget()
    full_s = budget.left_s()
    for step_s, frame_s in steps:
        machine.passes(step_s, busy_s=min(frame_s, step_s) if budget.left_s() > 0 else 0.0)
    assert machine.used_s <= full_s + SHARE * machine.now_s + 0.03


def drawn(stage: Stage) -> object:
    """The snapshot that is on the screen, told by the first view of it."""
    return stage.app.query_one(TurnBanner)._rows


def spend(stage: Stage, monkeypatch: pytest.MonkeyPatch, left_s: float) -> None:
    monkeypatch.setattr(stage.app._redraw, "_budget", _Left(left_s))


class _Left:
    def __init__(self, left_s: float) -> None:
        self._left_s = left_s

    def left_s(self) -> float:
        return self._left_s

    def wait_s(self) -> float:
        return 0.0


def plays(step: int, **changes: Any) -> Seen:
    place = replace(SEEN.place, bar=1 + step // 8 % 12, beat=1 + step // 2 % 4)
    return Seen(replace(SEEN, step=step, place=place, played=Cell(), **changes))


@pytest.mark.parametrize(
    ("left_s", "on_beat", "off_beat"), [(0.05, True, True), (0.01, True, False), (-0.01, False, False)]
)
def test_beats_come_first_where_time_is_short(
    left_s: float, on_beat: bool, off_beat: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(plays(100))
        spend(stage, monkeypatch, left_s)
        before = drawn(stage)
        await stage.tell(plays(109))
        assert (drawn(stage) != before) is off_beat
        before = drawn(stage)
        await stage.tell(plays(118))
        assert (drawn(stage) != before) is on_beat
        assert stage.app.connection.seen is not None
        assert stage.app.connection.seen.step == 118  # what is not drawn is known

    staged(tmp_path, scene)


def test_what_was_left_out_is_shown_when_nothing_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(plays(100))
        spend(stage, monkeypatch, -1)
        before, later = drawn(stage), list[Callable[[], None]]()

        def set_timer(_in_s: float, call: Callable[[], None]) -> Timer:
            later.append(call)
            return Timer(stage.app, 60)

        monkeypatch.setattr(stage.app._redraw, "_call_in", set_timer)
        await stage.tell(plays(109))
        await stage.tell(plays(111))
        assert drawn(stage) == before
        (draw,) = later
        draw()
        assert drawn(stage) != before

    staged(tmp_path, scene)


def test_what_is_turned_is_shown_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(plays(100))
        spend(stage, monkeypatch, -1)
        before = drawn(stage)
        await stage.tell(plays(109, settings=replace(SEEN.settings, temperature=1.9)))
        assert drawn(stage) != before

    staged(tmp_path, scene)


def test_the_roll_keeps_the_notes_of_steps_that_were_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(plays(100))
        spend(stage, monkeypatch, -1)
        roll = stage.app.jam.music[1]
        for step in range(101, 111):
            await stage.tell(plays(step))
        assert [column.step for column in roll._history.columns[-11:]] == list(range(100, 111))

    staged(tmp_path, scene)
