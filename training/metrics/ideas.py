"""How the phrases of people's solos repeat ideas: `python -m training ideas` prints what the control `build` goes by.

The makers of the Weimar Jazz Database labelled the ideas of each solo (Frieler, Pfleiderer, Abeßer & Zaddach 2016,
Midlevel analysis of monophonic jazz solos, Musicae Scientiae 20, 2): `#lick` is a lick that repeats the idea before,
`##lick` the one before that, `#5lick` the fifth before; `+` and `-` say that it is moved up or down, `~` that no
rest divides it from the idea before, and `void->` that a pause does.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from training.corpora import wjazzd
from training.corpora.wjazzd_tables import Sound, Tables, read_tables

_REPEAT = re.compile(r"(?:void->)?~?\*?(#+)(\d*)([+-]?)")


@dataclass(frozen=True, slots=True)
class Idea:
    """An idea with which a phrase begins."""

    back: int = 0
    """Which of the ideas before it repeats, 1 the latest; 0 where it is new."""
    moved: int = 0
    """1 where it repeats it higher, -1 lower, 0 where it was."""

    @classmethod
    def of(cls, label: str) -> "Idea":
        """Return the idea that a label names."""
        found = _REPEAT.match(label)
        if found is None:
            return cls()
        marks, number, sign = found.groups()
        return cls(int(number) if number else len(marks), {"+": 1, "-": -1}.get(sign, 0))


def phrase_ideas(sounds: Iterable[Sound]) -> tuple[Idea, ...]:
    """Return the ideas with which the phrases of one solo begin, from its notes in their order."""
    return tuple(Idea.of(next(notes).idea) for _, notes in groupby(sounds, key=lambda sound: sound.phrase))


@dataclass(frozen=True, slots=True)
class Repeats:
    """How phrases repeat ideas, as shares of 0 to 1."""

    phrases: int
    after_new: float
    """Of the phrases after one that did not repeat an idea."""
    after_repeat: float
    """Of the phrases after one that did."""
    back: tuple[float, float, float]
    """Of the repeats those of the latest idea, of the one before it, and of an earlier one."""
    moved: tuple[float, float, float]
    """Of the repeats those that are lower, where the idea was, and higher."""


def repeats(solos: Sequence[Sequence[Idea]]) -> Repeats:
    """Return how the phrases of solos repeat ideas; what there is none of is nan."""
    pairs = [pair for solo in solos for pair in pairwise(solo)]
    found = [idea for solo in solos for idea in solo if idea.back]

    def share(of: Iterable[bool]) -> float:
        """Return the share of those that are true, 0 to 1; nan of none."""
        told = list(of)
        return float(np.mean(told)) if told else float("nan")

    return Repeats(
        sum(map(len, solos)),
        share(later.back > 0 for earlier, later in pairs if not earlier.back),
        share(later.back > 0 for earlier, later in pairs if earlier.back),
        (share(idea.back == 1 for idea in found), share(idea.back == 2 for idea in found),
         share(idea.back > 2 for idea in found)),
        (share(idea.moved < 0 for idea in found), share(idea.moved == 0 for idea in found),
         share(idea.moved > 0 for idea in found)),
    )  # fmt: skip


def table(tables: Tables) -> Table:
    """Return how phrases repeat ideas, in blues and in all solos, as a table."""
    by_solo = {melid: phrase_ideas(notes) for melid, notes in groupby(tables.sounds, key=lambda sound: sound.melid)}
    blues = [by_solo[head.melid] for head in tables.heads if head.tonality == "BLUES" and head.melid in by_solo]
    found = Table("phrases that repeat an idea", "blues", "all solos")
    columns = [repeats(each) for each in (blues, list(by_solo.values()))]
    for name, figures in (
        ("phrases", [f"{each.phrases:,}" for each in columns]),
        ("after one that does not", [f"{each.after_new:.3f}" for each in columns]),
        ("after one that does", [f"{each.after_repeat:.3f}" for each in columns]),
        ("the latest idea, the one before, an earlier one", [_three(each.back) for each in columns]),
        ("lower, where it was, higher", [_three(each.moved) for each in columns]),
    ):
        found.add_row(name, *figures)
    return found


def _three(shares: Iterable[float]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)


def main() -> None:
    """Print how the phrases of the Weimar Jazz Database repeat ideas."""
    parser = argparse.ArgumentParser(description="How the phrases of people's solos repeat ideas.")
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")
    Console().print(table(read_tables(parser.parse_args().data)))


if __name__ == "__main__":
    main()
