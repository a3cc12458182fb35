"""Markov chains against counts made by hand, and the lines they draw."""

from collections.abc import Sequence
from itertools import pairwise, product
from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.music.rhythm import NUMBERS, RHYTHMS, Rhythm, rhythm_of, top_line
from improv.music.theory import STEPS_PER_BAR, Chord, Form
from tests.training.test_solos import solo
from training.baselines import markov
from training.baselines.markov import (
    LONGEST,
    PENTATONIC,
    REMEMBERED,
    Blend,
    Chain,
    Choices,
    Chooser,
    Recipe,
    Smoothing,
    cross_validated_nats,
    discounts,
    draw_line,
    fit_blend,
    learn,
    nats,
    pentatonic,
    pitches,
    rhythms,
    surprise,
)
from training.corpora.solos import Note, notes_in
from training.datasets.sequences import CELLS, sequence
from training.datasets.sequences import Sequence as Solo

FORM = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | C7 | G7 | F7 | C7 | G7")
A, B, C = range(3)


def line(*chosen: int, kinds: int = 3, is_blues: bool = True, solo: int = 0) -> Choices:
    """Choices one after another, from the beginning of a bar."""
    padded = [kinds] * LONGEST + list(chosen)
    past = [padded[at : at + LONGEST][::-1] for at in range(len(chosen))]
    numbers = np.arange(len(chosen))
    return Choices(
        kinds,
        np.array(chosen, np.int64),
        np.array(past, np.int64).reshape(-1, LONGEST),
        numbers % STEPS_PER_BAR,
        np.full(len(chosen), solo),
        np.full(len(chosen), is_blues),
    )


def both(one: Choices, other: Choices) -> Choices:
    names = ("chosen", "past", "place", "solo", "is_blues")
    return Choices(one.kinds, *(np.concatenate((getattr(one, name), getattr(other, name))) for name in names))


def after(chooser: Chooser, *past: int, kinds: int = 3, place: int = 0) -> list[float]:
    """How likely each choice is after some, the latest last."""
    known = np.array([*past[::-1], *[kinds] * LONGEST][:LONGEST])
    return list(chooser.probability(np.arange(kinds), np.tile(known, (kinds, 1)), np.full(kinds, place)))


def test_witten_bell_by_hand() -> None:
    chain = learn(Recipe(1, Smoothing.WITTEN_BELL), line(A, B, A, B, A, kinds=2))
    first = (3 + 2 / 2) / (5 + 2)  # three of five, and two different ones leave two to chance
    assert after(chain, B, kinds=2)[A] == pytest.approx((2 + first) / (2 + 1))
    assert after(chain, A, kinds=2)[B] == pytest.approx((2 + 1 - first) / (2 + 1))


def test_the_place_is_the_last_to_be_forgotten() -> None:
    chain = learn(Recipe(1, Smoothing.WITTEN_BELL, place=True), line(*[A] * 7, B, *[A] * 7, B))
    never = (2 + 2 / 3) / (16 + 2)
    at_the_end = (2 + never) / (2 + 1)
    assert after(chain, C, place=7)[B] == pytest.approx((2 + never) / 3)
    assert after(chain, A, place=7)[B] == pytest.approx((2 + at_the_end) / 3)


def test_discounts_follow_the_counts_of_counts() -> None:
    assert discounts(np.array([1] * 4 + [2] * 2 + [3, 4])).tolist() == pytest.approx([0, 0.5, 1.25, 1.0])


@given(st.lists(st.integers(1, 9)))
def test_no_discount_takes_nothing_or_more_than_there_is(counts: list[int]) -> None:
    nothing, *some = discounts(np.array(counts, np.int64))
    assert nothing == 0
    assert all(0 < taken < count for count, taken in enumerate(some, start=1))


def test_kneser_ney_by_hand() -> None:
    chosen = (A, B, A, B, A, C, A, B)
    chain = learn(Recipe(1), line(*chosen))
    # After nothing, B or C comes A (three contexts, the solo's beginning is one); after A only B or C.
    kinds = np.array([3, 1, 1])
    taken = discounts(kinds)[kinds]
    of_one = (kinds - taken + taken.sum() / 3) / 5
    pairs = discounts(np.array([1, 3, 2, 1, 1]))
    left = pairs[3] + pairs[1]
    assert after(chain, A)[B] == pytest.approx((3 - pairs[3] + left * of_one[B]) / 4)
    assert after(chain, A)[A] == pytest.approx(left * of_one[A] / 4)
    assert after(chain, C)[A] == pytest.approx((1 - pairs[1]) + pairs[1] * of_one[A])


def test_what_follows_one_thing_only_is_unlikely_elsewhere() -> None:
    for smoothing in Smoothing:
        chain = learn(Recipe(1, smoothing), line(*[A, B, 2, A, B, 3, A, B, 4] * 9, kinds=6))
        unseen = after(chain, 5, kinds=6)
        assert (unseen[B] < unseen[A]) == (smoothing is Smoothing.KNESER_NEY)


CHOSEN = [0, 1, 2, 0, 1, 1, 2, 2, 2, 0, 3, 0, 1, 2, 3, 3, 0, 1]
CHAINS = [
    learn(Recipe(order, smoothing, place, blues), both(line(*CHOSEN, kinds=4), line(1, 0, 2, kinds=4, is_blues=False)))
    for order, smoothing, place, blues in product((1, 3, LONGEST), Smoothing, (False, True), (1.0, 3.0, inf))
]


@given(
    chain=st.sampled_from(CHAINS),
    past=st.lists(st.integers(0, 3), max_size=LONGEST),
    place=st.integers(0, STEPS_PER_BAR - 1),
)
@settings(max_examples=400)
def test_probabilities_sum_to_one_after_anything(chain: Chain, past: list[int], place: int) -> None:
    likely = after(chain, *past, kinds=4, place=place)
    assert sum(likely) == pytest.approx(1)
    assert min(likely) > 0


def test_a_blend_sums_to_one_and_is_no_more_surprised_than_its_best_chain() -> None:
    heard = line(0, 1, 2, 2, 0, 3, 1, 1, kinds=4)
    blend = fit_blend(CHAINS, heard)
    assert blend.shares.sum() == pytest.approx(1)
    assert sum(after(blend, 0, 1, kinds=4)) == pytest.approx(1)
    assert nats(blend, heard).mean() <= min(nats(chain, heard).mean() for chain in CHAINS) + 1e-4


def test_shares_found_without_a_solo_know_nothing_of_it() -> None:
    heard = both(line(0, 1, 2, 3, kinds=4), line(3, 3, 2, 0, kinds=4, solo=1))
    alone = [
        nats(fit_blend(CHAINS, heard.only(heard.solo != which)), heard.only(heard.solo == which)).sum()
        for which in (0, 1)
    ]
    assert cross_validated_nats(CHAINS, heard) == pytest.approx(sum(alone) / 8)


@pytest.mark.parametrize("smoothing", Smoothing)
def test_a_context_that_never_occurred_is_as_the_longest_part_that_did(smoothing: Smoothing) -> None:
    chain = learn(Recipe(3, smoothing), line(A, B, A, C, A, B, B, A))
    assert after(chain, C, C, B) == after(chain, C, B) == after(chain, B) != after(chain, A)


def test_a_blues_can_count_more_or_alone() -> None:
    blues, other = line(A, B, A, B), line(A, A, A, A, is_blues=False)
    recipe = Recipe(1, Smoothing.WITTEN_BELL, blues=2.0)
    twice = learn(Recipe(1, Smoothing.WITTEN_BELL), both(both(blues, blues), other))
    assert after(learn(recipe, both(blues, other)), A) == pytest.approx(after(twice, A))
    only = learn(Recipe(1, blues=inf), both(blues, other))
    assert after(only, A) == pytest.approx(after(learn(Recipe(1), blues), A))


# --- solos -----------------------------------------------------------------------------------


def played(*pitches: int) -> Solo:
    """Eighth notes from the top of a bar."""
    bars = -(-len(pitches) // STEPS_PER_BAR)
    notes = [Note(6 * at, 6 * at + 6, pitch) for at, pitch in enumerate(pitches)]
    return sequence(solo(*notes, chords=(Chord.parse("C7"),) * 4 * bars))


def test_choices_of_solos_know_what_came_before_in_the_same_one() -> None:
    solos = [played(60, 62, 64), played(67)]
    found = pitches(solos)
    low, none = CELLS.pitch_low, CELLS.pitch_count
    assert found.chosen.tolist() == [60 - low, 62 - low, 64 - low, 67 - low]
    assert found.past[2].tolist() == [62 - low, 60 - low, *[none] * (REMEMBERED - 2)]
    assert found.past[3].tolist() == [none] * REMEMBERED
    assert found.place.tolist() == [0, 1, 2, 0]
    struck = NUMBERS[Rhythm((0,))]
    assert rhythms(solos).chosen.tolist() == [struck] * 3 + [0] * 5 + [struck] + [0] * 7


class Even:
    """Whatever there is, one of so many is as likely as any other."""

    def __init__(self, kinds: int) -> None:
        self.kinds = kinds

    def probability(self, chosen: markov.Numbers, past: markov.Numbers, place: markov.Numbers) -> markov.Shares:
        return np.full(len(chosen), 1 / self.kinds)


def test_surprise_leaves_out_the_first_step_as_a_networks_does() -> None:
    found = surprise(Even(2), Even(8), [played(60, 62, 64)])
    assert found == pytest.approx({"rhythm": log(2), "note": log(8), "step": (7 * log(2) + 2 * log(8)) / 7})


# --- lines that are drawn ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def chains() -> tuple[Chain, Chain]:
    solos: Sequence[Solo] = [played(60, 63, 65, 63, 60, 70, 67, 65, 63, 60), played(72, 70, 67, 65, 63, 60)]
    return learn(Recipe(3), rhythms(solos)), learn(Recipe(3), pitches(solos))


def test_a_drawn_line_follows_from_its_seed(chains: tuple[Chain, Chain]) -> None:
    one, again, other = (draw_line(*chains, FORM, 1, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert [frame.chord for frame in one] == list(FORM.chords)


def test_nothing_is_held_where_nothing_sounds_and_every_choice_can_be_read_again(chains: tuple[Chain, Chain]) -> None:
    frames = draw_line(*chains, FORM, 2, 3)
    assert len(frames) == 2 * FORM.steps
    sounding: frozenset[int] = frozenset()
    for frame in frames:
        assert set(frame.melody.held) <= sounding
        assert rhythm_of(frame.melody) in RHYTHMS
        assert len(top_line(frame.melody)) == len(frame.melody.onsets)
        sounding = frame.melody.sounding_after


def test_what_a_chain_is_sure_of_it_plays() -> None:
    struck, silent = NUMBERS[Rhythm((0,))], 0
    recipe = Recipe(1, Smoothing.WITTEN_BELL)
    every_other = learn(recipe, line(*[struck, silent] * 400, kinds=len(RHYTHMS)))
    scale = learn(recipe, line(*[20, 24, 27] * 400, kinds=CELLS.pitch_count))
    found = notes_in(draw_line(every_other, scale, FORM, 1, 0))
    usual = [two.pitch - one.pitch in (4, 3, -7) for one, two in pairwise(found)]
    assert sum(usual) / len(usual) > 0.9
    assert sum(note.end - note.onset == 6 for note in found) / len(found) > 0.9


def test_a_walk_on_the_pentatonic_scale_goes_to_neighbours() -> None:
    frames = pentatonic(FORM, 2, 1)
    assert frames == pentatonic(FORM, 2, 1) != pentatonic(FORM, 2, 2)
    line = [note.pitch for note in notes_in(frames)]
    assert {pitch % 12 for pitch in line} == set(PENTATONIC)
    assert all(abs(two - one) in (2, 3) for one, two in pairwise(line))
    assert 0.6 < len(line) / len(frames) < 0.9


def test_every_chain_that_is_tried_is_told_of() -> None:
    solos = [played(60, 63, 65, 63, 60, 70, 67, 65), played(72, 70, 67, 65, 63, 60)]
    lines = list(markov.table({"training": solos, "validation": solos, "test": solos[:1]}))
    assert sum(line.startswith("  Witten-Bell") for line in lines) == len(markov.chain_recipes()) / 5
    assert lines[-1].startswith("blends, test: rhythm 0")


def test_a_blend_of_one_is_that_one() -> None:
    chain = CHAINS[0]
    assert after(Blend((chain,), np.ones(1)), 0, kinds=4) == after(chain, 0, kinds=4)
