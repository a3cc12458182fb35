"""Steps and ticks to seconds and back, under tempo and swing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from improv.music.clock import SimulatedClock
from improv.music.theory import TICKS_PER_STEP
from improv.music.transport import Transport

steps = st.integers(-1_000, 100_000)
swings = st.floats(0.5, 0.75)
transports = st.builds(
    Transport,
    anchor_step=st.integers(-100, 10_000),
    anchor_s=st.floats(0, 1e6),
    bpm=st.floats(20, 400),
    swing=swings,
)


@example(Transport(anchor_step=-1, anchor_s=524288.0, bpm=380.0, swing=0.75), 0)  # of a machine that runs for days
@given(transports, steps)
def test_a_step_begins_when_it_begins(transport: Transport, step: int) -> None:
    assert transport.step_at(transport.time_of(step)) == step


@given(transports, steps, st.integers(0, 5))
def test_a_tick_is_nearest_to_its_own_time(transport: Transport, step: int, tick: int) -> None:
    ticks = step * TICKS_PER_STEP + tick
    assert transport.nearest_tick(transport.time_of_tick(ticks), 1) == ticks


@given(transports, steps)
def test_time_only_runs_forward(transport: Transport, step: int) -> None:
    times = [transport.time_of_tick(step * TICKS_PER_STEP + tick) for tick in range(25)]
    assert times == sorted(times)
    assert len(set(times)) == 25


@given(transports, st.integers(0, 1_000), st.floats(20, 400), st.integers(0, 100))
def test_a_tempo_change_moves_nothing_before_it_and_everything_after(
    transport: Transport, ahead: int, bpm: float, later: int
) -> None:
    at = transport.anchor_step + ahead
    changed = transport.with_bpm(bpm, from_step=at)
    assert changed.time_of(at) == pytest.approx(transport.time_of(at))
    beats = changed.beats_of_tick((at + later) * TICKS_PER_STEP) - changed.beats_of_tick(at * TICKS_PER_STEP)
    assert changed.time_of(at + later) == pytest.approx(changed.time_of(at) + beats * 60 / bpm)


def test_swing_delays_the_second_eighth_and_no_beat() -> None:
    straight, swung = Transport(0, 0.0, 60), Transport(0, 0.0, 60, swing=2 / 3)
    assert [straight.time_of(step) for step in range(4)] == [0, 0.5, 1, 1.5]
    assert [swung.time_of(step) for step in range(4)] == pytest.approx([0, 2 / 3, 1, 5 / 3])


@pytest.mark.parametrize(("time_s", "step"), [(0.0, 0), (0.24, 0), (0.26, 1), (0.74, 1), (-0.1, 0), (-0.3, -1)])
def test_an_onset_belongs_to_its_nearest_step(time_s: float, step: int) -> None:
    assert Transport(0, 0.0, 60).nearest_tick(time_s, TICKS_PER_STEP) == step * TICKS_PER_STEP


def test_simulated_waiting_jumps_through_what_is_scripted() -> None:
    clock, happened = SimulatedClock(), []
    clock.at(2, lambda: happened.append(clock.now()))
    clock.at(1, lambda: happened.append(clock.now()))
    clock.wait_until(3)
    clock.wait_until(1)
    assert (happened, clock.now()) == ([1, 2], 3)
