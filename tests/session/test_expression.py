"""How the melody is played: bent by two controls and no more, within its step and in order, and the same every time."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from improv.config.values import Tune
from improv.models.contract import StepModel, Tensor, Tensors
from improv.models.encodings.expression import MIDDLE, VELOCITY_EDGES
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import from_json, to_json
from improv.recording import State
from improv.recording.replay import restored, state_of
from improv.runtime.opening import open_network
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.expression_state import AS_NOTATED
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, finish
from improv.session.state import PlayingStyle, Session
from improv.session.step import advance
from tests.conftest import tried
from tests.session.band.networks import Chance
from tests.session.steady import drone

SHIPPED = Path(__file__).parents[2] / "exported_models"
STEPS = 96
SEEDS = st.integers(0, 2**31)


@cache
def opened() -> StepModel:
    return open_network(Tune())


@pytest.fixture(scope="module")
def partner() -> StepModel:
    return opened()


@pytest.fixture(scope="module")
def shipped() -> Networks:
    return {Part.MELODY: OnnxModel(SHIPPED / "expression.onnx")}


def begun(model: StepModel, *, bpm: float = 120, swing: float = 0.6, **chosen: Any) -> Session:
    settings = Settings.of(**{"mode": Mode.SOLO, "seed": 1, "style": Style.PADS, "comp_mute": "on", **chosen})
    return begin(model, settings, Transport(0, 0.0, bpm, swing))


def played(
    session: Session, model: StepModel, networks: Networks = NO_NETWORKS, steps: int = STEPS
) -> tuple[list[Session], list[tuple[Placed, ...]]]:
    """Return the sessions of some steps, and what is played of the melody in each."""
    sessions, events = [], []
    for _ in range(steps):
        session, now = advance(session, Heard(), model, networks)
        sessions.append(session)
        events.append(tuple(placed for placed in now.events if placed.event.part is Part.MELODY))
    return sessions, events


def onsets(events: list[tuple[Placed, ...]]) -> list[tuple[float, int, int]]:
    return [
        (placed.tick, placed.event.pitch, placed.event.velocity)
        for step in events
        for placed in step
        if isinstance(placed.event, NoteOn)
    ]


def pitches(events: list[tuple[Placed, ...]]) -> list[int]:
    return [pitch for _, pitch, _ in onsets(events)]


def lengths(events: list[tuple[Placed, ...]]) -> list[tuple[float, float]]:
    """Return the onset and the end of each note of one line."""
    found, begun_at = [], dict[int, float]()
    for placed in (placed for step in events for placed in step):
        match placed.event:
            case NoteOn(_, pitch, _):
                begun_at[pitch] = placed.tick
            case NoteOff(_, pitch):
                found.append((begun_at.pop(pitch), placed.tick))
            case _:
                pass
    return sorted(found)


# --- bounds -------------------------------------------------------------------------------------


@tried(25, 250, SEEDS, st.floats(0, 1), st.floats(0, 1), st.floats(30, 400), st.floats(0.5, 0.75), st.booleans())
def test_notes_stay_in_their_steps_and_in_order_and_each_is_ended_once(
    seed: int, dynamics: float, feel: float, bpm: float, swing: float, by_network: bool
) -> None:
    model = opened()
    networks = {Part.MELODY: Chance(Part.MELODY)} if by_network else NO_NETWORKS
    session = begun(model, seed=seed, dynamics=dynamics, feel=feel, bpm=bpm, swing=swing)
    sessions, events = played(session, model, networks, 64)
    assert not any(each.band.by_rule for each in sessions)
    sounding: dict[int, float] = {}
    last = -1.0
    for session, step in zip(sessions, events, strict=True):
        notated = [(session.tick + onset.tick, onset.pitch) for onset in session.band.frame.melody.onsets]
        struck = [(placed.tick, placed.event.pitch) for placed in step if isinstance(placed.event, NoteOn)]
        assert [pitch for _, pitch in struck] == [pitch for _, pitch in sorted(notated)]
        for placed in step:
            assert placed.tick >= last
            match placed.event:
                case NoteOn(_, pitch, velocity):
                    assert session.tick <= placed.tick < session.tick + 6
                    assert placed.tick > last or not sounding
                    assert not sounding  # one line: what begins ends what sounds
                    assert 1 <= velocity <= 127
                    sounding[pitch] = placed.tick
                case NoteOff(_, pitch):
                    assert session.tick - 4 <= placed.tick <= session.tick + 6
                    assert placed.tick > sounding.pop(pitch)
                case _:
                    raise AssertionError(placed)
            last = placed.tick
    ends = [placed.event for placed in finish(sessions[-1]).events if isinstance(placed.event, NoteOff)]
    assert [end.pitch for end in ends if end.part is Part.MELODY] == list(sounding)


@tried(10, 100, SEEDS, st.sampled_from([Mode.DUET, Mode.TRADE, Mode.PHRASE, Mode.SOLO]))
def test_what_improv_chooses_to_play_is_the_same_however_it_is_played(seed: int, mode: Mode) -> None:
    model = opened()
    flat = played(begun(model, seed=seed, mode=mode, dynamics=0, feel=0), model, NO_NETWORKS, 64)
    bent = played(begun(model, seed=seed, mode=mode), model, {Part.MELODY: Chance(Part.MELODY)}, 64)
    assert [each.band.frame for each in flat[0]] == [each.band.frame for each in bent[0]]
    assert pitches(flat[1]) == pitches(bent[1])


def test_flat_is_as_notated_and_asks_nothing(partner: StepModel) -> None:
    network = Chance(Part.MELODY)
    sessions, events = played(begun(partner, dynamics=0, feel=0), partner, {Part.MELODY: network})
    assert network.asked == 0
    assert all(tick == int(tick) for tick, _, _ in onsets(events))
    assert {velocity for _, _, velocity in onsets(events)} <= {MIDDLE - 10, MIDDLE, MIDDLE + 10}
    assert all(not each.band.expression.notes and each.band.expression.line.pitch is None for each in sessions)


def test_each_control_bends_what_it_is_named_after(partner: StepModel, shipped: Networks) -> None:
    flat, loud, free, both = (
        played(begun(partner, dynamics=dynamics, feel=feel), partner, shipped)[1]
        for dynamics, feel in ((0, 0), (1, 0), (0, 1), (1, 1))
    )
    assert [tick for tick, _, _ in onsets(loud)] == [tick for tick, _, _ in onsets(flat)]
    assert lengths(loud) == lengths(flat)
    assert len({velocity for _, _, velocity in onsets(loud)}) > 20
    assert [velocity for _, _, velocity in onsets(free)] == [velocity for _, _, velocity in onsets(flat)]
    assert (
        [tick for tick, _, _ in onsets(free)]
        == [tick for tick, _, _ in onsets(both)]
        != [tick for tick, _, _ in onsets(flat)]
    )
    assert [velocity for _, _, velocity in onsets(both)] == [velocity for _, _, velocity in onsets(loud)]


def test_half_turned_up_bends_half_as_far(partner: StepModel, shipped: Networks) -> None:
    def bent(dynamics: float, feel: float) -> list[tuple[float, int, int]]:
        return onsets(played(begun(partner, dynamics=dynamics, feel=feel), partner, shipped)[1])

    for (at, _, plain), (half_at, _, half), (far_at, _, whole) in zip(
        bent(0, 0), bent(0.5, 0.5), bent(1, 1), strict=True
    ):
        assert half == pytest.approx((plain + whole) / 2, abs=1)
        assert abs(half_at - at) <= abs(far_at - at) + 0.01


def test_a_line_is_as_loud_as_the_player(partner: StepModel, shipped: Networks) -> None:
    means = []
    for velocity in (40, 88):
        found: list[int] = []
        for seed in range(4):
            session = begun(partner, seed=seed)
            session = replace(session, band=replace(session.band, style=PlayingStyle(velocity, follows=True)))
            found += [each for _, _, each in onsets(played(session, partner, shipped)[1])]
        means.append(sum(found) / len(found))
    assert means[0] == pytest.approx(40, abs=6)
    assert means[1] == pytest.approx(88, abs=10)


@pytest.mark.parametrize("velocity", [1, 127])
def test_no_velocity_leaves_midi_s_range(partner: StepModel, shipped: Networks, velocity: int) -> None:
    session = begun(partner)
    session = replace(session, band=replace(session.band, style=PlayingStyle(velocity, follows=True)))
    found = {each for _, _, each in onsets(played(session, partner, shipped)[1])}
    assert found <= set(range(1, 128))


# --- the shipped network ------------------------------------------------------------------------


def test_people_s_touch_is_neither_even_nor_tied(partner: StepModel, shipped: Networks) -> None:
    _, events = played(begun(partner, seed=4), partner, shipped, 96 * 3)
    struck = onsets(events)
    velocities = [velocity for _, _, velocity in struck]
    assert max(velocities) - min(velocities) > 60
    gaps = [after - end for (_, end), (after, _) in pairwise(lengths(events)) if after - end < 4]
    tied = sum(gap < 0.5 for gap in gaps) / len(gaps)
    assert 0.2 < tied < 0.8
    late = [tick % 6 for tick, _, _ in struck]
    assert sum(0 < each < 1.5 for each in late) > len(late) / 4


def test_the_same_seed_gives_the_same_and_another_one_another(partner: StepModel, shipped: Networks) -> None:
    one, again, other = (played(begun(partner, seed=seed), partner, shipped)[1] for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_call_that_is_heard_otherwise_changes_no_draw(partner: StepModel, shipped: Networks) -> None:
    """Draws are of the note's place and the seed alone: a control that has no part in it leaves them alone."""
    one = onsets(played(begun(partner), partner, shipped)[1])
    other = onsets(played(begun(partner, band=0.9, comp_mute="off"), partner, shipped)[1])
    assert one == other


def test_a_long_note_that_another_ends_is_ended_in_the_step_before_at_the_earliest() -> None:
    model = drone("C7 | F7 | C7 | G7")

    class Short(Chance):
        def _said(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
            logits = super()._said(head, features, memory) * 0
            logits[0, 0] = 50
            return logits

    _, events = played(begun(model), model, {Part.MELODY: Short(Part.MELODY)}, 32)
    assert {velocity for _, _, velocity in onsets(events)} <= set(range(VELOCITY_EDGES[0], VELOCITY_EDGES[1] + 1))
    gaps = [after - end for (_, end), (after, _) in pairwise(lengths(events))]
    assert gaps
    assert all(gap <= 4.01 for gap in gaps)
    assert max(gaps) > 3.9


# --- by rule ------------------------------------------------------------------------------------


def test_where_there_is_no_network_a_rule_plays(partner: StepModel) -> None:
    sessions, events = played(begun(partner), partner)
    velocities = [velocity for _, _, velocity in onsets(events)]
    assert len(set(velocities)) > 15
    assert sum(velocities) / len(velocities) == pytest.approx(MIDDLE, abs=5)
    assert any(tick % 1 for tick, _, _ in onsets(events))
    assert not any(each.band.by_rule for each in sessions)


def test_a_network_that_fails_is_replaced_by_the_rule_and_told_and_goes_on_where_it_was(partner: StepModel) -> None:
    failing = {Part.MELODY: Chance(Part.MELODY, frozenset({3}))}
    sessions, events = played(begun(partner), partner, failing)
    (failed,) = [each for each in sessions if each.band.by_rule]
    (said,) = failed.band.by_rule
    assert (said.part, said.why) == (Part.MELODY, "RuntimeError: out of order")
    assert failed.band.expression.notes
    asked = sum(len(each.band.frame.melody.onsets) for each in sessions if not each.band.by_rule)
    assert sessions[-1].band.expression.memory[0] == asked
    assert pitches(events) == pitches(played(begun(partner), partner)[1])


def test_logits_that_are_no_numbers_are_a_failure(partner: StepModel) -> None:
    class Nowhere(Chance):
        def _said(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
            return super()._said(head, features, memory) * float("nan")

    sessions, _ = played(begun(partner), partner, {Part.MELODY: Nowhere(Part.MELODY)}, 48)
    said = [each.why for session in sessions for each in session.band.by_rule]
    assert said
    assert all("not finite" in each for each in said)


def test_a_step_without_the_soloist_is_by_rule_and_ends_nothing_before_it(
    partner: StepModel, shipped: Networks
) -> None:
    sessions, _ = played(begun(partner), partner, shipped, 40)
    for session in sessions:
        later, now = fallback(session, Heard(), partner, "it failed")
        assert all(placed.tick >= later.tick for placed in now.events)
        assert later.band.expression.memory == session.band.expression.memory


# --- what is kept -------------------------------------------------------------------------------


def test_turned_down_while_it_plays_every_note_still_ends(partner: StepModel, shipped: Networks) -> None:
    session, events = begun(partner, seed=5), list[Placed]()
    for step in range(STEPS):
        value = (step // 7) % 2
        asked = (Set("feel", value), Set("dynamics", value)) if step % 7 == 0 else ()
        session, now = advance(session, Heard(commands=asked), partner, shipped)
        events += now.events
    events += finish(session).events
    sounding: set[int] = set()
    for placed in events:
        match placed.event:
            case NoteOn(Part.MELODY, pitch, _):
                assert pitch not in sounding
                sounding.add(pitch)
            case NoteOff(Part.MELODY, pitch):
                sounding.remove(pitch)
            case _:
                pass
    assert not sounding


def test_a_session_in_a_take_has_how_its_melody_is_played(partner: StepModel, shipped: Networks) -> None:
    sessions, _ = played(begun(partner), partner, shipped, 40)
    stated = state_of(sessions[-1], partner, "")
    back = restored(State(stated.step, stated.session, stated.model, ""), partner)
    assert back.band.expression == sessions[-1].band.expression != AS_NOTATED
    one, other = (advance(each, Heard(), partner, shipped)[1] for each in (sessions[-1], back))
    assert one == other


def test_what_was_written_before_these_controls_is_read_as_flat() -> None:
    raw = to_json(Settings(mode=Mode.SOLO))
    assert (raw.pop("dynamics"), raw.pop("feel")) == (1, 1)
    old = from_json(Settings, raw)
    assert (old.dynamics, old.feel) == (0, 0)
    assert isinstance(raw, Mapping)
