"""What the controls of drawing do: temperature, top-p, density, leaning and the seed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.encodings import Steer
from improv.models.sampling import one_unit
from improv.music.notes import SILENCE, Cell, Onset
from improv.music.theory import Chord
from improv.protocol.commands import Set
from improv.session.state import Session
from improv.session.view import snapshot
from tests.session.steady import C7, NOTES, PITCHES, Steady, opened, struck, through

LOGITS = np.array([[-2, 0.3, 1.4, -0.5, 0.9, -3, 2.2, 0.1, -1, 0.6, -0.2, 1.9, -4]], np.float32)


def entropy(probabilities: Any) -> float:
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())


def test_temperature_evens_out() -> None:
    found = [one_unit(LOGITS, temperature) for temperature in (0, 0.1, 0.3, 0.7, 1, 1.5, 3)]
    assert [likely.max() for likely in found] == sorted((likely.max() for likely in found), reverse=True)
    assert [entropy(likely) for likely in found] == sorted(entropy(likely) for likely in found)
    assert found[0].tolist() == [float(unit == LOGITS.argmax()) for unit in range(13)]


def test_top_p_keeps_the_likeliest_and_no_more_than_needed() -> None:
    plain = one_unit(LOGITS, 1)
    likeliest = np.argsort(-plain)
    for top_p in np.linspace(0, 1, 41):
        kept = one_unit(LOGITS, 1, top_p=float(top_p))
        count = int((kept > 0).sum())
        assert set(np.flatnonzero(kept)) == set(likeliest[:count])
        assert plain[likeliest[:count]].sum() >= top_p - 1e-9
        assert count == 1 or plain[likeliest[: count - 1]].sum() < top_p
        assert kept[likeliest[:count]] == pytest.approx(plain[likeliest[:count]] / plain[likeliest[:count]].sum())


@pytest.mark.parametrize("held", [60, 64, 66])
def test_density_moves_the_weight_of_the_note_that_would_be_held(held: int) -> None:
    before = Cell(onsets=(Onset(held),))
    weights = []
    for density in (-1, -0.5, -0.1, 0, 0.1, 0.5, 1):
        likely = one_unit(LOGITS, 1, bias=NOTES.bias(Steer(density=density), C7, before))
        weights.append(likely[held - 60])
        others = np.delete(likely, held - 60)
        assert others / others.sum() == pytest.approx(np.delete(one_unit(LOGITS, 1), held - 60) / (1 - PLAIN[held]))
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > 2 * weights[3] > 4 * weights[-1]
    assert NOTES.bias(Steer(density=1), C7, SILENCE).tolist() == [0] * 13
    assert NOTES.bias(Steer(density=1), C7, Cell(held=(held,))).tolist() == [0] * 13  # it is struck anew anyway


PLAIN = dict(zip(PITCHES, one_unit(LOGITS, 1), strict=True))


@pytest.mark.parametrize("symbol", ["C7", "F#dim7", "Bbmaj7", "Em7b5"])
def test_leaning_leans_on_chord_tones_and_at_its_end_leaves_nothing_else(symbol: str) -> None:
    chord = Chord.parse(symbol)
    inside = np.array([pitch % 12 in chord.pitch_classes for pitch in PITCHES])
    share = []
    for leaning in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1):
        likely = one_unit(LOGITS, 1, bias=NOTES.bias(Steer(leaning=leaning), chord, SILENCE))
        share.append(likely[inside].sum())
        assert likely[inside] / share[-1] == pytest.approx(one_unit(LOGITS, 1)[inside] / share[0])
    assert share == sorted(share)
    assert share[1] > share[0]
    assert share[-1] == pytest.approx(1)
    assert not likely[~inside].any()


def test_leaning_where_there_is_no_chord_leans_on_nothing() -> None:
    assert NOTES.bias(Steer(leaning=1), None, SILENCE).tolist() == [0] * 13


@given(
    st.lists(st.floats(-80, 80), min_size=13, max_size=13),
    st.floats(0, 3),
    st.floats(0, 1),
    st.builds(Steer, st.floats(-1, 1), st.floats(0, 1), st.none() | st.integers(0, 8)),
    st.sampled_from([None, C7, Chord.parse("F#dim7"), Chord(3, (0, 1, 2))]),
    st.sampled_from([SILENCE, Cell(onsets=(Onset(60),)), Cell(onsets=(Onset(66), Onset(72)))]),
)
def test_something_can_always_be_drawn(
    logits: list[float], temperature: float, top_p: float, steer: Steer, chord: Chord | None, before: Cell
) -> None:
    bias = NOTES.bias(steer, chord, before)
    likely = one_unit(np.array([logits], np.float32), temperature, bias=bias, top_p=top_p)
    assert likely.sum() == pytest.approx(1)
    assert (likely >= 0).all()
    assert not likely[np.isneginf(bias)].any()


def test_in_a_session_they_do_what_they_say() -> None:
    """Over four choruses: coldest, narrowest, strictest, and from holding to striking."""
    model = Steady(LOGITS[0])

    def drawn(**chosen: Any) -> tuple[set[int], int, list[Session]]:
        sessions, leaving = through(opened(model, build=0.0, **chosen), model, 128)
        onsets = struck(leaving)
        return {pitch for _, pitch in onsets}, len(onsets), sessions

    likeliest = {PITCHES[int(LOGITS.argmax())]}
    assert drawn(temperature=0.0)[0] == likeliest
    assert drawn(top_p=0.0)[0] == likeliest
    assert likeliest < drawn(temperature=1.0)[0]
    for session in drawn(leaning=1.0)[2]:
        chord = session.band.frame.chord
        assert chord is not None
        assert {pitch % 12 for pitch in session.band.frame.melody.pitches} <= chord.pitch_classes
    counts = [drawn(density=density)[1] for density in (-1.0, 0.0, 1.0)]
    assert counts == sorted(set(counts))


def test_another_seed_draws_other_notes_from_the_next_step_on() -> None:
    model = Steady(LOGITS[0])
    (plain, same), (turned, other) = (through(opened(model), model, 64, {20: (Set("seed", seed),)}) for seed in (1, 2))
    assert struck(same[:21]) == struck(other[:21])
    assert struck(same[21:]) != struck(other[21:])
    assert [session.band.frame.chord for session in plain] == [session.band.frame.chord for session in turned]


def test_units_behind_those_of_pitches_are_drawn_and_not_shown() -> None:
    """Such as one that holds a note."""
    session = through(opened(Steady()), Steady(), 1)[0][-1]
    said = session.network.logits
    assert said is not None
    fewer = replace(session, network=replace(session.network, logits=replace(said, pitches=said.pitches[:-2])))
    shown = [snapshot(each, each).network.probabilities for each in (session, fewer)]
    assert shown[1] == shown[0][:-2]
