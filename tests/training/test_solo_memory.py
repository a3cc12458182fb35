"""What a memory of a solo knows: what followed the same context earlier in it, and nothing of other solos."""

import numpy as np

from training.baselines.markov import REMEMBERED, Choices
from training.baselines.solo_memory import ORDERS, as_intervals, by_place, remembered

KINDS = 20


def choices(*solos: list[int]) -> Choices:
    """Solos as choices, a place each."""
    pasts = [
        ([KINDS] * REMEMBERED + solo)[: REMEMBERED + at][::-1][:REMEMBERED] for solo in solos for at in range(len(solo))
    ]
    numbers = [number for number, solo in enumerate(solos) for _ in solo]
    places = [at % 8 for solo in solos for at in range(len(solo))]
    chosen = [each for solo in solos for each in solo]
    return Choices(
        KINDS, np.array(chosen), np.array(pasts), np.array(places), np.array(numbers), np.array([True] * len(chosen))
    )


def test_what_followed_before_is_expected_and_more_so_in_a_longer_context() -> None:
    of = choices([1, 2, 3, 1, 2, 3, 1, 2, 3])
    likely = remembered(of, np.full(9, 0.05))
    assert likely.shape == (len(ORDERS), 9)
    assert likely[:, 0].tolist() == [0.05] * len(ORDERS)  # nothing was before
    by_itself = (1 + 3 * 0.05) / (4 + 3)  # of 1, 2, 3, 1, three kinds: once a 2
    assert np.isclose(likely[0, 4], by_itself)
    assert np.isclose(likely[1, 4], (1 + by_itself) / 2)  # after a 1 there was a 2 once
    assert (likely[1:, 8] > 0.7).all()
    assert likely[0, 8] < 0.5
    assert (np.diff(likely[:3, 8]) > 0).all()


def test_another_solo_is_not_remembered() -> None:
    likely = remembered(choices([1, 2, 3], [1, 2, 3]), np.full(6, 0.05))
    assert (likely[:, :3] == likely[:, 3:]).all()


def test_the_probabilities_of_all_choices_sum_to_one() -> None:
    line, usual = [1, 2, 1, 3, 1, 2], np.full(KINDS, 1 / KINDS)
    found = np.array([remembered(choices([*line, last]), np.full(7, usual[last]))[:, -1] for last in range(KINDS)])
    assert np.allclose(found.sum(axis=0), 1)


def test_a_figure_is_known_as_intervals_wherever_it_begins() -> None:
    of = choices([1, 3, 5, 4, 7, 9, 11, 10])
    assert as_intervals(of).chosen[1:].tolist() == [2, 2, -1, 3, 2, 2, -1]
    plain, moved = (remembered(each, np.full(8, 0.05))[2] for each in (of, as_intervals(of)))
    assert moved[-1] > 0.5 > plain[-1]


def test_the_place_in_the_bar_tells_contexts_apart() -> None:
    of = choices([1, 2] * 8)
    assert len({tuple(past) for past in by_place(of).past[REMEMBERED:].tolist()}) > 2
    assert (by_place(of).chosen == of.chosen).all()
