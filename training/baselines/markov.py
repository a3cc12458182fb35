"""Markov chains over the choices that a network of lines makes: what it has to be better than, and two lines that are
no better than chance: `python -m training markov PATH` prints how surprised each chain is.

A chain chooses a rhythm for each step after the last few rhythms, and a pitch for each note after the last few
pitches, counted from the key; both may know the place in the bar. Nothing here knows a tensor of PyTorch.

Both ways of smoothing are those of Chen & Goodman (An Empirical Study of Smoothing Techniques for Language Modeling,
TR-10-98, Harvard 1998): Witten-Bell, and modified Kneser-Ney, interpolated with every shorter context.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from improv.music.notes import SILENCE, Cell, Frame
from improv.music.rhythm import RHYTHMS, Rhythm, cell_of
from improv.music.theory import STEPS_PER_BAR, Form
from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split
from training.datasets.sequences import CELLS, STEP, UNIT, sequences
from training.datasets.sequences import Sequence as Solo

LONGEST = 5
"""The longest context."""

REMEMBERED = 10
"""How many of the choices before are known."""

PENTATONIC = (0, 3, 5, 7, 10)
"""The minor pentatonic scale on the key, which fits every bar of a blues."""

WALKED = range(55, 85)
"""Where a walk on it stays, G3 to C6."""

_LEAST, _MOST = 0.1, 0.9
"""What is taken from a count at least and at most, so that few counts neither say everything nor nothing."""

ROUNDS = 100
"""Of expectation maximisation, more than change anything."""

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices in their order, and what was known at each."""

    kinds: int
    """How many there are to choose from."""
    chosen: Numbers
    """(choices,)"""
    past: Numbers
    """(choices, REMEMBERED), the latest first; `kinds` before the first one."""
    place: Numbers
    """The step in its bar, (choices,)."""
    solo: Numbers
    """Which solo they are of, (choices,)."""
    is_blues: NDArray[np.bool_]
    """(choices,)"""

    def only(self, which: NDArray[np.bool_]) -> "Choices":
        """Return the choices selected by a mask, shape (choices,)."""
        return Choices(
            self.kinds,
            self.chosen[which],
            self.past[which],
            self.place[which],
            self.solo[which],
            self.is_blues[which],
        )


def rhythms(solos: Sequence[Solo]) -> Choices:
    """Return the rhythm of every step of the solos as choices."""
    return _choices(len(RHYTHMS), solos, lambda solo: (solo.rhythms, np.arange(solo.steps)))


def pitches(solos: Sequence[Solo]) -> Choices:
    """Return the pitch of every note of the solos as choices."""
    return _choices(CELLS.pitch_count, solos, lambda solo: (solo.notes[:, UNIT], solo.notes[:, STEP]))


def judged_choices(choices: Callable[[Sequence[Solo]], Choices], solos: Sequence[Solo]) -> Choices:
    """Return the choices that networks are judged by: all but those of each solo's first step."""
    return choices(solos).only(is_judged(choices, solos))


def is_judged(choices: Callable[[Sequence[Solo]], Choices], solos: Sequence[Solo]) -> NDArray[np.bool_]:
    """Return which choices are not of the first step of their solo, shape (choices,)."""
    first = [np.arange(solo.steps) == 0 if choices is rhythms else solo.notes[:, STEP] == 0 for solo in solos]
    return ~np.concatenate(first)


def _choices(kinds: int, solos: Sequence[Solo], line: Callable[[Solo], tuple[Numbers, Numbers]]) -> Choices:
    lines = [line(solo) for solo in solos]
    padded = [np.concatenate((np.full(REMEMBERED, kinds), made)) for made, _ in lines]
    ago = range(1, REMEMBERED + 1)
    pasts = [np.stack([each[REMEMBERED - back : len(each) - back] for back in ago], axis=1) for each in padded]
    number = np.repeat(np.arange(len(lines)), [len(made) for made, _ in lines])
    return Choices(
        kinds,
        np.concatenate([made for made, _ in lines]),
        np.concatenate(pasts),
        np.concatenate([steps for _, steps in lines]) % STEPS_PER_BAR,
        number,
        np.array([solo.is_blues for solo in solos])[number],
    )


class Smoothing(StrEnum):
    """What a context keeps for what never followed it."""

    WITTEN_BELL = "Witten-Bell"
    KNESER_NEY = "Kneser-Ney"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a chain follows from."""

    order: int
    """How many of the last choices it knows: 1 to LONGEST."""
    smoothing: Smoothing = Smoothing.KNESER_NEY
    place: bool = False
    """Whether it knows the place in the bar; it is the last thing to be forgotten."""
    blues: float = 1.0
    """How often a blues is counted; `inf`: nothing else is."""

    @property
    def depths(self) -> tuple[tuple[bool, int], ...]:
        """The contexts of the chain, shortest first: whether the place is in it, and the number of past choices."""
        known = [(self.place, choices) for choices in range(self.order + 1)]
        return ((False, 0), *known) if self.place else tuple(known)


class Chooser(Protocol):
    """A distribution over choices, given those before."""

    def probability(self, chosen: Numbers, past: Numbers, place: Numbers) -> Shares:
        """Return the probability of choices (n,) after their pasts (n, REMEMBERED), at places (n,)."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What followed the contexts of one depth: p(x | context) = (kept + freed * p(x | the shorter context)) / whole."""

    pairs: Numbers
    """A context and what followed it as one number, ascending, (pairs,)."""
    kept: Shares
    contexts: Numbers
    """As numbers, ascending, (contexts,)."""
    freed: Shares
    whole: Shares


@dataclass(frozen=True, slots=True)
class Chain:
    """A Markov chain; a context that never occurred is as the longest of its parts that did."""

    recipe: Recipe
    kinds: int
    levels: tuple[_Level, ...]

    def probability(self, chosen: Numbers, past: Numbers, place: Numbers) -> Shares:
        """Return the probability of choices (n,) after their pasts (n, REMEMBERED), at places (n,)."""
        found = np.full(len(chosen), 1 / self.kinds)
        for level, depth in zip(self.levels, self.recipe.depths, strict=True):
            contexts = _contexts(self.kinds, past, place, depth)
            kept = _looked_up(level.pairs, level.kept, contexts * self.kinds + chosen)
            freed = _looked_up(level.contexts, level.freed, contexts)
            whole = _looked_up(level.contexts, level.whole, contexts)
            known = whole > 0
            found[known] = (kept[known] + freed[known] * found[known]) / whole[known]
        return found


@dataclass(frozen=True, slots=True)
class Blend:
    """A mixture of chains."""

    chains: tuple[Chain, ...]
    shares: Shares

    def probability(self, chosen: Numbers, past: Numbers, place: Numbers) -> Shares:
        """Return the probability of choices (n,) after their pasts (n, REMEMBERED), at places (n,)."""
        return self.shares @ np.stack([chain.probability(chosen, past, place) for chain in self.chains])


def learn(recipe: Recipe, choices: Choices) -> Chain:
    """Return the Markov chain of a recipe, counted from choices.

    Witten-Bell: a context keeps as much for the shorter one as different things followed it. Kneser-Ney: so much is
    taken from what was counted once, twice or more often as count-of-counts say (`discounts`), and a shorter context
    counts in how many longer ones a choice was made, not how often. A blues that counts more does so after that:
    discounts are of real counts.
    """
    weights = np.where(choices.is_blues, 1.0 if recipe.blues == inf else recipe.blues, float(recipe.blues < inf))
    choices, weights = choices.only(weights > 0), weights[weights > 0]
    levels: list[_Level] = []
    longer: Numbers | None = None
    for depth in reversed(recipe.depths):
        contexts = _contexts(choices.kinds, choices.past, choices.place, depth)
        pairs = contexts * choices.kinds + choices.chosen
        if recipe.smoothing is Smoothing.KNESER_NEY and longer is not None:
            _, first, which = np.unique(longer, return_index=True, return_inverse=True)
            levels.append(
                _level(recipe.smoothing, choices.kinds, pairs[first], _sums(which, weights) / np.bincount(which))
            )
        else:
            levels.append(_level(recipe.smoothing, choices.kinds, pairs, weights))
        longer = pairs
    return Chain(recipe, choices.kinds, tuple(reversed(levels)))


def _level(smoothing: Smoothing, kinds: int, pairs: Numbers, weights: Shares) -> _Level:
    seen, which = np.unique(pairs, return_inverse=True)
    counts, weighed = np.bincount(which), _sums(which, weights)
    contexts, context = np.unique(seen // kinds, return_inverse=True)
    if smoothing is Smoothing.WITTEN_BELL:
        freed = _sums(context, np.ones(len(seen)))
        return _Level(seen, weighed, contexts, freed, _sums(context, weighed) + freed)
    taken = weighed * discounts(counts)[np.minimum(counts, 3)] / counts
    return _Level(seen, weighed - taken, contexts, _sums(context, taken), _sums(context, weighed))


def _sums(which: Numbers, weights: Shares) -> Shares:
    """Return the sum of the weights of each number from 0 on."""
    return np.bincount(which, weights).astype(np.float64)


def discounts(counts: Numbers) -> Shares:
    """Return the discounts of counts of 0, 1, 2 and 3 or more, (4,) (Chen & Goodman 1998, section 3.1).

    With n1 to n4 the numbers of things that were counted so often, and Y = n1 / (n1 + 2 n2):
    D1 = 1 - 2 Y n2 / n1, D2 = 2 - 3 Y n3 / n2, D3 = 3 - 4 Y n4 / n3.
    """
    n = np.bincount(counts, minlength=5)[:5].astype(np.float64)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.0
    found = [k - (k + 1) * y * n[k + 1] / n[k] if n[k] else k / 2 for k in (1, 2, 3)]
    return np.array([0.0, *(np.clip(one, _LEAST * k, _MOST * k) for k, one in enumerate(found, start=1))])


def _contexts(kinds: int, past: Numbers, place: Numbers, depth: tuple[bool, int]) -> Numbers:
    """Return contexts as numbers, (n,)."""
    knows_place, choices = depth
    numbers = place.astype(np.int64) if knows_place else np.zeros(len(place), np.int64)
    for ago in range(choices):
        numbers = numbers * (kinds + 1) + past[:, ago]
    return numbers


def _looked_up(keys: Numbers, values: Shares, asked: Numbers) -> Shares:
    """Return the values of keys, which ascend; 0 for a number that is no key."""
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, values[at], 0.0)


def fit_blend(chains: Sequence[Chain], choices: Choices) -> Blend:
    """Return the mixture of chains with the least surprise, by expectation maximisation (Jelinek & Mercer 1980)."""
    likely = np.stack([chain.probability(choices.chosen, choices.past, choices.place) for chain in chains])
    return Blend(tuple(chains), mixture_shares(likely))


def mixture_shares(likely: Shares) -> Shares:
    """Return the shares of experts in a mixture, (experts,), by their probabilities of choices, (experts, choices)."""
    shares = np.full(len(likely), 1 / len(likely))
    for _ in range(ROUNDS):
        each = shares[:, None] * likely
        shares = (each / each.sum(axis=0)).mean(axis=1)
    return shares


def nats(chooser: Chooser, choices: Choices) -> Shares:
    """Return the surprise of a model at each choice, in nats, shape (choices,)."""
    return -np.log(chooser.probability(choices.chosen, choices.past, choices.place))


def surprise(rhythm: Chooser, pitch: Chooser, solos: Sequence[Solo]) -> dict[str, float]:
    """Return the mean surprise in nats: `rhythm` a step, `note` a note, and `step` for both together."""
    of_rhythm, of_pitch = nats(rhythm, judged_choices(rhythms, solos)), nats(pitch, judged_choices(pitches, solos))
    return {
        "rhythm": float(of_rhythm.mean()),
        "note": float(of_pitch.mean()),
        "step": float((of_rhythm.sum() + of_pitch.sum()) / len(of_rhythm)),
    }


# --- lines that are drawn ---


def draw_line(rhythm: Chooser, pitch: Chooser, form: Form, choruses: int, seed: int) -> tuple[Frame, ...]:
    """Return a melody over some choruses in C, each choice drawn by its probability.

    Nothing is held where nothing sounds. The chains do not hear the chords.
    """
    rng = np.random.default_rng(seed)
    held = np.array([each.held for each in RHYTHMS])
    rhythms_so_far, units = [len(RHYTHMS)] * REMEMBERED, [CELLS.pitch_count] * REMEMBERED
    sounding: int | None = None
    found = []
    for step in range(choruses * form.steps):
        likely = _distribution(rhythm, len(RHYTHMS), rhythms_so_far, step)
        number = _draw(np.where(held & (sounding is None), 0.0, likely), rng)
        rhythms_so_far.append(number)
        for _ in RHYTHMS[number].ticks:
            units.append(_draw(_distribution(pitch, CELLS.pitch_count, units, step), rng))
        played = units[len(units) - len(RHYTHMS[number].ticks) :]
        cell = cell_of(RHYTHMS[number], tuple(CELLS.pitch_low + unit for unit in played), sounding)
        sounding = max(cell.sounding_after, default=None)
        found.append(Frame(cell, form.chord_at(step)))
    return tuple(found)


def _distribution(chooser: Chooser, kinds: int, so_far: Sequence[int], step: int) -> Shares:
    past = np.array(so_far[: -REMEMBERED - 1 : -1])
    return chooser.probability(np.arange(kinds), np.tile(past, (kinds, 1)), np.full(kinds, step % STEPS_PER_BAR))


def _draw(likely: Shares, rng: np.random.Generator) -> int:
    return int(rng.choice(len(likely), p=likely / likely.sum()))


def pentatonic(form: Form, choruses: int, seed: int, struck: float = 0.75) -> tuple[Frame, ...]:
    """Return a random walk on the pentatonic scale of C: a share `struck` of the eighths is struck, others are held."""
    rng = np.random.default_rng(seed)
    ladder = [pitch for pitch in CELLS.melody_pitches() if pitch in WALKED and pitch % 12 in PENTATONIC]
    at = len(ladder) // 2
    cell, found = SILENCE, []
    for step in range(choruses * form.steps):
        if rng.random() < struck:
            cell = cell_of(Rhythm((0,)), (ladder[at],), None)
            way = int(rng.choice((-1, 1)))
            at += way if 0 <= at + way < len(ladder) else -way
        else:
            cell = Cell(held=tuple(cell.pitches))
        found.append(Frame(cell, form.chord_at(step)))
    return tuple(found)


# --- the table ---

ORDERS = range(1, LONGEST + 1)
COUNTED = (1.0, 2.0, 4.0, inf)
"""How often a blues is counted."""


def chain_recipes() -> tuple[Recipe, ...]:
    """Return the recipes of all chains that are compared."""
    return tuple(
        Recipe(order, smoothing, place, blues)
        for smoothing in Smoothing
        for place in (False, True)
        for blues in COUNTED
        for order in ORDERS
    )


def blend_recipes() -> tuple[Recipe, ...]:
    """Return the recipes of the chains in the blend."""
    return tuple(
        Recipe(order, place=place, blues=blues) for place in (False, True) for blues in (1.0, inf) for order in ORDERS
    )


def _means(chooser: Chooser, of: Mapping[str, Choices]) -> dict[str, float]:
    return {side: float(nats(chooser, choices).mean()) for side, choices in of.items()}


def cross_validated_nats(chains: Sequence[Chain], choices: Choices) -> float:
    """Return the mean surprise of a blend in nats, at each solo with weights fitted to the other solos."""
    likely = np.stack([chain.probability(choices.chosen, choices.past, choices.place) for chain in chains])
    total = 0.0
    for solo in np.unique(choices.solo):
        here = choices.solo == solo
        total -= float(np.log(mixture_shares(likely[:, ~here]) @ likely[:, here]).sum())
    return total / len(choices.chosen)


def table(solos: Mapping[str, Sequence[Solo]]) -> Iterable[str]:
    """Yield the lines of a table: the surprise of every chain in nats a choice, of the best one and of the blend."""
    blues = {side: [solo for solo in solos[side] if solo.is_blues] for side in ("validation", "test")}
    best: list[Chain] = []
    blends: list[Blend] = []
    for what, choices in (("rhythm", rhythms), ("note", pitches)):
        training, of = (
            choices(solos["training"]),
            {side: judged_choices(choices, those) for side, those in blues.items()},
        )
        found = {recipe: _means(learn(recipe, training), of) for recipe in chain_recipes()}
        yield f"{what}, validation/test{' ':20}" + "".join(f"{f'order {order}':14}" for order in ORDERS).rstrip()
        for rows in zip(*[iter(found.items())] * len(ORDERS), strict=True):
            figures = " ".join(f"{means['validation']:.4f}/{means['test']:.4f}" for _, means in rows)
            yield f"  {_label(rows[0][0])} {figures}"
        chosen = min(found, key=lambda recipe: found[recipe]["validation"])
        yield f"  best: order {chosen.order}, {_label(chosen)}"
        best.append(learn(chosen, training))
        chains = [learn(recipe, training) for recipe in blend_recipes()]
        blends.append(fit_blend(chains, of["validation"]))
        means = _means(blends[-1], of)
        blind = cross_validated_nats(chains, of["validation"])
        yield f"  blend of {len(chains)}: {means['validation']:.4f} ({blind:.4f} unseen)/{means['test']:.4f}"
    for name, pair in (("best chains", best), ("blends", blends)):
        for side, those in blues.items():
            figures = ", ".join(f"{what} {mean:.4f}" for what, mean in surprise(pair[0], pair[1], those).items())
            yield f"{name}, {side}: {figures}"


def _label(recipe: Recipe) -> str:
    blues = "blues only" if recipe.blues == inf else f"blues x{recipe.blues:g}"
    return f"{recipe.smoothing:11} {'place' if recipe.place else '-':5} {blues:10}"


def main() -> None:
    """Print the table of the Markov chains' surprise."""
    parser = argparse.ArgumentParser(description="How surprised Markov chains are by the blues.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    sides = split(read_for(parser, parser.parse_args().path)[0])
    solos = {side: sequences(getattr(sides, side)) for side in ("training", "validation", "test")}
    for line in table(solos):
        print(line, flush=True)
    from training.baselines.solo_memory import memory_lines  # noqa: PLC0415 it is made of what is here

    blues = {side: [solo for solo in those if solo.is_blues] for side, those in solos.items()}
    for line in memory_lines(solos["training"], blues["validation"], blues["test"]):
        print(f"test, {line}", flush=True)


if __name__ == "__main__":
    main()
