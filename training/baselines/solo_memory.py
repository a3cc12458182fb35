"""What followed the same context earlier in the same solo: what a blend of Markov chains gains by remembering it.

`python -m training markov` prints the blend with such a memory beside the one without.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from training.baselines.markov import (
    LONGEST,
    Chain,
    Choices,
    Shares,
    blend_recipes,
    fit_blend,
    is_judged,
    judged_choices,
    learn,
    mixture_shares,
    nats,
    pitches,
    rhythms,
)
from training.datasets.sequences import Sequence as Solo

ORDERS = range(LONGEST + 1)
"""The longest contexts of the memories that are mixed: of no choice to five."""


def remembered(choices: Choices, usual: Shares) -> Shares:
    """Return the probability of each choice for a memory of its solo of each of `ORDERS`, shape (orders, choices).

    A memory has counted what followed its contexts earlier in the solo, and keeps as much for the shorter context as
    different choices followed (Witten-Bell); below the shortest lies `usual`, the probability of each choice for a
    model without a memory, shape (choices,).
    """
    found = np.empty((len(ORDERS), len(choices.chosen)))
    solo, followed = -1, defaultdict[tuple[int, ...], Counter[int]](Counter)
    for at, (chosen, of, past) in enumerate(zip(choices.chosen, choices.solo, choices.past, strict=True)):
        if of != solo:
            solo, followed = int(of), defaultdict(Counter)
        likely, known = float(usual[at]), tuple(int(each) for each in past[:LONGEST])
        for order in ORDERS:
            counted = followed[known[:order]]
            if total := counted.total():
                likely = (counted[int(chosen)] + len(counted) * likely) / (total + len(counted))
            found[order, at] = likely
        for order in ORDERS:
            followed[known[:order]][int(chosen)] += 1
    return found


def as_intervals(pitches: Choices) -> Choices:
    """Return pitches as how far each lies from the one before it, so that a figure is known wherever it begins."""
    line = np.concatenate((pitches.chosen[:, None], pitches.past), axis=1)
    apart = line[:, :-1] - line[:, 1:]
    return replace(pitches, chosen=apart[:, 0], past=apart[:, 1:])


def by_place(choices: Choices) -> Choices:
    """Return choices that are told apart by the place in the bar as well: it is the last thing to be forgotten."""
    past = choices.past * (choices.place.max() + 1) + choices.place[:, None]
    return replace(choices, past=past)


def with_memory(chains: Sequence[Chain], choices: Choices, fitted_to: Choices, *, melodic: bool) -> Shares:
    """Return the surprise of a blend of chains and of memories of the solo at each choice, in nats, shape (choices,).

    Both mixtures are fitted to other choices, by expectation maximisation. Choices are whole solos; `melodic` says
    whether they are pitches, of which intervals are remembered too.
    """
    blend = fit_blend(chains, fitted_to)

    def experts(of: Choices) -> Shares:
        usual = blend.probability(of.chosen, of.past, of.place)
        kinds = [of, by_place(of), *([as_intervals(of)] if melodic else [])]
        return np.concatenate((usual[None], *(remembered(each, usual) for each in kinds)))

    return np.asarray(-np.log(mixture_shares(experts(fitted_to)) @ experts(choices)))


def memory_lines(training: Sequence[Solo], fitted_to: Sequence[Solo], solos: Sequence[Solo]) -> Iterator[str]:
    """Yield what a blend gains on solos by a memory of each, both fitted to others: lines of a table, nats a choice."""
    totals = np.zeros(2)
    for what, choices in (("rhythm", rhythms), ("note", pitches)):
        chains = [learn(recipe, choices(training)) for recipe in blend_recipes()]
        blend = fit_blend(chains, judged_choices(choices, fitted_to))
        whole, judged = choices(solos), is_judged(choices, solos)
        without = nats(blend, whole)[judged]
        memory = with_memory(chains, whole, choices(fitted_to), melodic=choices is pitches)[judged]
        totals += without.sum(), memory.sum()
        yield _compared(what, without.mean(), memory.mean())
    steps = int(is_judged(rhythms, solos).sum())
    yield _compared("step", *totals / steps)


def _compared(what: str, without: float, memory: float) -> str:
    return f"{what}: blend {without:.4f}, with a memory of the solo {memory:.4f}, {memory / without:.4f} times as much"
