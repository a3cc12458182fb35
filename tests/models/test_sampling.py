"""How choices are drawn: temperature, probabilities, seed and step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.sampling import draw, log_sigmoid, on_units, one_unit

logits = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=13).map(lambda x: np.array([x], np.float32))


@given(logits)
def test_at_temperature_one_the_units_probabilities_are_normalised(some: np.ndarray) -> None:
    own = np.exp(log_sigmoid(some)).ravel()
    assert one_unit(some, 1) == pytest.approx(own / own.sum(), abs=1e-9)


@given(logits, st.floats(0, 3))
def test_probabilities_sum_to_one_at_any_temperature(some: np.ndarray, temperature: float) -> None:
    probabilities = one_unit(some, temperature)
    assert probabilities.sum() == pytest.approx(1)
    assert (probabilities >= 0).all()


def test_temperature_sharpens_and_flattens() -> None:
    some = np.array([[2.0, 0.0, -2.0]], np.float32)
    cold, own, hot = (one_unit(some, temperature)[0] for temperature in (0.3, 1, 3))
    assert cold > own > hot
    assert one_unit(some, 0).tolist() == [1, 0, 0]


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    even = np.full(13, 1 / 13)
    assert draw(even, 7, 3) == draw(even, 7, 3)
    assert len({draw(even, 7, step) for step in range(200)}) == 13
    assert [draw(even, 7, step) for step in range(50)] != [draw(even, 8, step) for step in range(50)]


def test_draws_follow_the_probabilities() -> None:
    probabilities = np.array([0.7, 0.0, 0.3])
    counts = np.bincount([draw(probabilities, 1, step) for step in range(4_000)], minlength=3)
    assert counts[1] == 0
    assert counts[0] / 4_000 == pytest.approx(0.7, abs=0.03)


def test_a_unit_is_on_above_one_half() -> None:
    assert on_units(np.array([-1, -1e-3, 1e-3, 1], np.float32)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        one_unit(np.array([[0, value]], np.float32), 1)
