"""A duet: each voice is heard as what it is, and improv leaves room, keeps clear and answers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.encodings import Steer
from improv.models.encodings.biases import keeping_clear
from improv.models.encodings.cells import Cells
from improv.music.notes import Cell
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import Set
from improv.protocol.controls import APART, TOGETHER, Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import from_json, to_json
from improv.recording.replay import restored, state_of
from improv.session.duet import hears_apart, steering_beside
from improv.session.lifecycle import begin
from improv.session.network import call_cell
from improv.session.state import Session
from improv.session.step import advance, prepare_step
from tests.session.test_drafts import C7, LICK, partner, struck

CELLS = Cells()


def duet(steps: int, *, called: int = 6, **settings: Any) -> list[Session]:
    """The sessions of a duet, in the first steps of which a lick is played."""
    session = begin(partner(), Settings(mode=Mode.DUET, **settings), Transport(0, 0.0, 120))
    found = []
    for step in range(steps):
        session, _ = advance(session, struck(step, LICK[step]) if step < called else Heard(), partner())
        found.append(session)
    return found


def pitches(cell: Cell | None) -> list[int]:
    return [onset.pitch for onset in cell.onsets] if cell else []


def test_the_network_is_fed_the_player_s_line_while_they_play_and_its_own_while_they_rest() -> None:
    sessions = duet(20)
    assert all(hears_apart(session) for session in sessions)
    inputs = sessions[-1].network.recent_inputs
    assert [pitches(each.frame.melody) for each in inputs[:6]] == [[pitch] for pitch in LICK[:6]]
    assert [each.players_turn for each in inputs[:6]] == [True] * 6
    assert not any(each.players_turn for each in inputs[9:])
    for session, each in zip(sessions[9:-1], inputs[9:], strict=True):
        assert each.frame == session.network.output
    assert [pitches(each.beside) for each in inputs] == [[pitch] for pitch in LICK[:6]] + [[]] * (len(inputs) - 6)


def test_together_both_are_one_line() -> None:
    sessions = duet(8, duet=TOGETHER)
    inputs = sessions[-1].network.recent_inputs
    assert all(each.beside is None and not each.players_turn for each in inputs)
    for step, (session, each) in enumerate(zip(sessions[:5], inputs[:5], strict=True)):
        assert pitches(each.frame.melody) == [LICK[step], *pitches(session.network.output.melody)]


def test_a_phrase_is_answered_from_its_first_beat_a_beat_after_it() -> None:
    sessions = duet(16)
    answered = [pitches(call_cell(session, session.step)) for session in sessions]
    assert answered[:7] == [[]] * 7
    assert answered[8:14] == [[pitch] for pitch in LICK[:6]]
    assert call_cell(sessions[14], 14) is None  # the phrase is over, and improv goes on by itself


def test_a_player_who_goes_on_is_not_answered_yet() -> None:
    assert all(call_cell(session, session.step) is None for session in duet(8, called=8))


def steered(session: Session) -> Steer:
    step = prepare_step(session, Heard(), CELLS)
    return steering_beside(step.session, step.before)


def test_there_are_fewer_notes_beside_a_player_s_and_more_while_they_rest() -> None:
    sessions = duet(16)
    beside, free = steered(sessions[5]), steered(sessions[15])
    assert beside.density < 0 < free.density
    assert beside.rests > free.rests == 0
    assert beside.leaning > free.leaning == 0
    assert set(LICK[4:6]) == beside.beside
    assert not free.beside
    assert not free.lets_go


@pytest.mark.parametrize(
    ("name", "value", "more"), [("density", 0.5, 0.5), ("rests", -0.4, -0.4), ("leaning", 1.0, 0.4)]
)
def test_the_player_s_controls_still_count(name: str, value: float, more: float) -> None:
    given: dict[str, Any] = {name: value}
    usual, turned = steered(duet(6)[5]), steered(duet(6, **given)[5])
    assert getattr(turned, name) - getattr(usual, name) == pytest.approx(more)


def test_what_sounds_too_near_to_the_player_is_let_go() -> None:
    session = duet(6)[5]
    for above, lets_go in ((0, True), (1, True), (11, True), (4, False), (7, False), (13, True)):
        now = replace(session, network=replace(session.network, output=replace(session.network.output, melody=Cell(
            held=(LICK[5] + above,)))))  # fmt: skip
        now = replace(now, listener=replace(now.listener, recent_keys=now.listener.recent_keys[-1:]))
        assert steered(now).lets_go is lets_go, above


def test_another_key_is_kept_clear_of_as_the_network_knows_it() -> None:
    assert steered(duet(6)[5]).beside != steered(duet(6, key="D")[5]).beside


@given(st.frozensets(st.integers(0, 11), min_size=1, max_size=4), st.integers(0, 11))
def test_semitones_are_the_least_likely_and_what_lies_far_is_as_likely_as_ever(
    beside: frozenset[int], pitch_class: int
) -> None:
    bias = keeping_clear(tuple(range(60, 72)), Steer(beside=beside))  # the player is octaves below
    nearest = min(min((pitch_class - other) % 12, (other - pitch_class) % 12) for other in beside)
    assert nearest != 1 or bias[pitch_class] == bias.min()
    assert (bias[pitch_class] == 0) == (nearest > 3)
    assert np.all(bias <= 0)


def test_a_line_keeps_out_of_the_player_s_way_and_to_root_and_fifth() -> None:
    pitches = tuple(range(48, 85))
    bias = dict(zip(pitches, keeping_clear(pitches, Steer(beside=frozenset({60}))), strict=True))
    assert bias[55] < bias[79]  # a fourth below, and an octave and a fifth above
    over = dict(zip(pitches, keeping_clear(pitches, Steer(beside=frozenset({63}), not_open_nats=2.0), C7), strict=True))
    assert over[84] > over[82]
    assert over[79] > over[82]


def test_improv_keeps_farther_from_the_player_than_in_takes_from_before() -> None:
    now = duet(6)[5]
    keys = tuple(replace(now.listener.recent_keys[-1], pitch=pitch) for pitch in (60, 64, 67))
    now = replace(now, listener=replace(now.listener, recent_keys=keys))
    then = replace(now, settings=replace(now.settings, soloist_rules=0))
    assert steered(now).beside > steered(then).beside
    assert steered(now).not_open_nats > steered(then).not_open_nats


def test_nothing_is_kept_clear_of_where_nobody_plays() -> None:
    assert not keeping_clear((60, 61), Steer()).any()


def test_a_note_that_is_let_go_is_hardly_ever_held() -> None:
    held, free = (CELLS.rhythm_choice(Steer(lets_go=lets_go), sounds=True).bias for lets_go in (True, False))
    assert (held <= free).all()
    assert (held < free).sum() == 2  # held, and held for half the step


def test_a_duet_is_kept_in_a_take() -> None:
    session = duet(10)[-1]
    assert restored(state_of(session, partner(), ""), partner()) == session


def test_settings_of_takes_before_have_both_as_one_line() -> None:
    raw = to_json(Settings(mode=Mode.DUET))
    assert from_json(Settings, raw).duet == APART
    del raw["duet"]
    assert from_json(Settings, raw).duet == TOGETHER


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.DUET])
def test_other_modes_know_nothing_of_it(mode: Mode) -> None:
    session, _ = advance(duet(6)[-1], Heard((), (Set("mode", str(mode)),)), partner())
    assert session.turn.who is not Who.BOTH
    assert not hears_apart(session)
    session, _ = advance(session, Heard(), partner())
    assert session.network.recent_inputs[-1].beside is None
