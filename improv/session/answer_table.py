"""THE table by which drafts of an answer are compared: what people's answers are like, and how much each figure weighs.

People's are the middle half of 938 answers: the four bars after four bars of blues, in the training solos of the Weimar
Jazz Database (M. Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017; Open Database License 1.0), by `figures`
of `improv.session.answer_figures`. `python -m training answers` prints them. An answer that has only begun is held to
the same. It must never hold anything but numbers.
"""

from collections.abc import Mapping
from types import MappingProxyType

from improv.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a figure of an answer should be: from `low` to `high`; a `width` beyond costs `weight`."""

    low: float
    high: float
    width: float
    weight: float

    def cost(self, value: float) -> float:
        """Return what a value of the figure costs, 0 where it is as wanted."""
        return self.weight * max(0.0, self.low - value, value - self.high) / self.width


WANTED: Mapping[str, Wanted] = MappingProxyType(
    {
        "notes": Wanted(-0.34, 0.45, 0.79, 1.0),
        "shared": Wanted(0.23, 0.5, 0.21, 3.0),
        "same": Wanted(0.0, 0.06, 0.06, 0.5),
        "strong": Wanted(0.4, 0.67, 0.34, 4.0),
        "range": Wanted(12, 20, 8, 0.5),
        "leap": Wanted(5, 10, 5, 0.3),
        "start": Wanted(0.0, 0.5, 1.0, 0.1),
        "avoid": Wanted(0, 0, 1, 6.0),
        "cut": Wanted(0, 0, 1, 0.5),
        "ends": Wanted(1, 1, 1, 1.0),
        "likeness": Wanted(0.75, 1, 0.1, 6.0),
    }
)
"""By the name of a figure. `avoid`, `cut` and `ends` are of notes, of which a single answer has few: people have 0.07
avoid notes among long ones, 68 % of their fours are cut by the bar line, and 84 % of their phrases end on a tone of
chord or key. Likeness is not people's, who go on where a partner answers. With the lowest quarter of people's for
`strong`, 0.33, the mean of all answers would lie below theirs."""

LEAST_NOTES = 3
"""An answer has so many notes at least."""

LACKING_COST = 100.0
"""What each note costs that an answer lacks, whatever else it is like."""


def cost(figures: Mapping[str, float], lacking: int) -> float:
    """Return what an answer costs by its figures and the number of notes that it lacks: the less, the better it is."""
    return LACKING_COST * lacking + sum(WANTED[name].cost(value) for name, value in figures.items())
