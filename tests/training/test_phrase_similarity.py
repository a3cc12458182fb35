"""How alike phrases are: alike to themselves, either way round, and by hand; and calls that are known again."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.test_metrics import eighths, line, moved
from training.metrics.figures import divergence
from training.metrics.melody import Melody
from training.metrics.phrase_similarity import (
    AMONG,
    LEAST_NOTES,
    Exchange,
    Phrase,
    exchanges,
    found_calls,
    likenesses,
    phrase,
    phrases_of,
    report,
    retrieval,
    similarity,
)

C, D, E, F, G, A = 60, 62, 64, 65, 67, 69


@st.composite
def phrases(draw: st.DrawFn) -> Phrase:
    """Notes on any tick of two bars."""
    onsets = sorted(draw(st.sets(st.integers(0, 94), min_size=1, max_size=12)))
    ends = [*onsets[1:], 96]
    pitches = draw(st.lists(st.integers(48, 84), min_size=len(onsets), max_size=len(onsets)))
    return phrase(Melody(np.array(onsets), np.array(ends), np.array(pitches), np.zeros((16, 12), np.bool_)))


@given(phrases())
def test_a_phrase_is_like_itself(one: Phrase) -> None:
    assert similarity(one, one) == pytest.approx(1)


@given(phrases(), phrases())
def test_likeness_is_the_same_either_way_round_and_from_nothing_to_one(one: Phrase, other: Phrase) -> None:
    assert similarity(one, other) == pytest.approx(similarity(other, one))
    assert all(-1e-9 <= part <= 1 + 1e-9 for part in likenesses(one, other).values())


def test_neither_the_octave_nor_the_bar_matters_but_the_key_does() -> None:
    call = eighths(C, E, G, E, D, C)
    assert similarity(phrase(call), phrase(moved(call, 12, bars=2))) == pytest.approx(1)
    parts = likenesses(phrase(call), phrase(moved(call, 1)))
    assert parts == pytest.approx({"rhythm": 1, "contour": 1, "interval": 1, "pitch class": 0})


def test_what_goes_down_where_the_other_goes_up_has_another_contour() -> None:
    parts = likenesses(phrase(eighths(C, D, F, G)), phrase(eighths(G, F, D, C)))
    assert parts["contour"] == pytest.approx(0)
    assert parts["rhythm"] == pytest.approx(1)
    assert parts["pitch class"] == pytest.approx(1)


def test_rhythm_by_hand() -> None:
    even, long_and_short = eighths(C, D, E), line((0, 6, C), (6, 12, D), (12, 24, E))
    lengths = 1 - sqrt(divergence(np.array([3.0, 0.0]), np.array([2.0, 1.0])))
    rhythm = likenesses(phrase(even), phrase(long_and_short))["rhythm"]
    assert rhythm == pytest.approx((1 + lengths + 1 + (3 / 24) / (3 / 18)) / 4)


def test_figures_by_hand() -> None:
    one, other = phrase(eighths(C, D, E, F)), phrase(eighths(G, A, A + 2, C))
    steps = 1 - sqrt(divergence(np.array([2.0, 1.0, 0.0]), np.array([2.0, 0.0, 1.0])))
    assert likenesses(one, other)["interval"] == pytest.approx((steps + 1 / 3) / 2)


def test_phrases_that_are_too_short_are_no_calls() -> None:
    found = phrases_of(line(*((at, at + 6, C) for at in (0, 6, 12, 36, 42, 60, 66, 72, 96, 102, 108)), bars=3))
    assert [one is not None for one in found] == [True, False, True, True]
    assert LEAST_NOTES == 3
    (only,) = exchanges("a", found)
    assert (only.call, only.answer) == (found[2], found[3])


def unlike(seed: int) -> Phrase:
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.integers(1, 12, 10))
    return phrase(Melody(onsets, onsets + 1, rng.integers(48, 72, 10), np.zeros((16, 12), np.bool_)))


def test_an_answer_that_repeats_its_call_is_known_among_others() -> None:
    call, others = unlike(0), [unlike(seed) for seed in range(1, 40)]
    copied = Exchange(call, phrase(eighths(C, D, E)), "a"), Exchange(call, unlike(0), "a")
    found = found_calls(copied, {"a": [call], "b": others})
    assert found[1] == 1
    assert found_calls(copied, {"a": [call], "b": others}).tolist() == found.tolist()


def test_where_all_are_the_same_it_is_chance() -> None:
    exchange = Exchange(unlike(1), unlike(2), "a")
    assert found_calls([exchange], {"b": [unlike(1)] * 20})[0] == pytest.approx(1 / AMONG)


def test_the_others_are_of_other_solos_or_of_the_same() -> None:
    exchange = Exchange(unlike(0), unlike(0), "a")
    same, strangers = [unlike(0)] * AMONG, [unlike(seed) for seed in range(1, 40)]
    others = {"a": [exchange.call, *same], "b": strangers}
    assert found_calls([exchange], others)[0] == 1
    assert found_calls([exchange], others, same_solo=True)[0] == pytest.approx(1 / AMONG)
    assert np.isnan(found_calls([exchange], {"a": same, "b": strangers[:3]})[0])


def test_the_share_of_found_calls_is_over_all_that_were_tried() -> None:
    made = [Exchange(unlike(0), unlike(1), solo) for solo in "aaab"]
    figure = retrieval(made, np.array([1.0, 0.5, 0.0, np.nan]))
    assert figure.value == 0.5
    assert (figure.low, figure.high) == (0.5, 0.5)
    assert retrieval(made, np.array([1.0, 1.0, 1.0, 0.0])).value == 0.75


def test_retrieval_is_told() -> None:
    rng = np.random.default_rng(3)
    solos = {
        name: line(
            *(
                (96 * bar + 6 * at, 96 * bar + 6 * at + 6, int(rng.integers(C, A)))
                for bar in range(9)
                for at in range(6)
            ),
            bars=18,
        )
        for name in "abc"
    }
    lines = list(report(solos))
    assert lines[0].startswith("24 phrases that follow another; chance 0.062")
    assert lines[1].startswith("  among phrases of other solos (24):")
    assert lines[2].startswith("  among phrases of the same solo (0):      nan")
