"""Which solos of the Weimar Jazz Database a network learns from, which choose it and which judge it.

Solos over one tune are on one side together, alternate takes and other performers too: their changes are the same,
and often their licks. The sides were drawn once, about 80, 10 and 10 of a hundred blues and as many of the others,
and stand in `wjazzd_split.json`; `python -m training.corpora.wjazzd_split PATH` draws them again, the same.

A solo that is not listed is used for nothing: the makers' own file has ten more, with which others can check our
figures.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from training.corpora.solos import Solo
from training.corpora.wjazzd import read_for

LIST = Path(__file__).with_suffix(".json")

HELD_OUT = 0.1
"""The share of the blues, and of the others, that validation and test have each at most."""


class Side(StrEnum):
    """What a solo is for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Split:
    """Solos by what they are for; those that are listed nowhere by name, with the side of their tune if it is known."""

    training: tuple[Solo, ...]
    validation: tuple[Solo, ...]
    test: tuple[Solo, ...]
    unlisted: Mapping[str, Side | None]


def tune(solo: Solo) -> str:
    """Return a normalised title and composer, the same for all solos over one composition."""
    return "/".join("".join(filter(str.isalnum, text.casefold())) for text in (solo.title, solo.composer))


def sides() -> dict[str, Side]:
    """Return the side (training, validation or test) of each listed solo, by name."""
    listed = json.loads(LIST.read_text())
    return {name: side for side in Side for name in listed[side]}


def split(solos: Iterable[Solo]) -> Split:
    """Return the solos of each side, in the order given."""
    listed, solos = sides(), tuple(solos)
    known = {tune(solo): listed[solo.name] for solo in solos if solo.name in listed}
    by_side = {side: tuple(solo for solo in solos if listed.get(solo.name) is side) for side in Side}
    return Split(
        by_side[Side.TRAINING],
        by_side[Side.VALIDATION],
        by_side[Side.TEST],
        {solo.name: known.get(tune(solo)) for solo in solos if solo.name not in listed},
    )


def draw_sides(solos: Iterable[Solo]) -> dict[Side, list[str]]:
    """Return the names of the solos of each side, sorted. All solos over one tune go to the same side.

    Tunes come in the order of their hashes, which no generator of random numbers can change.
    """
    tunes: defaultdict[str, list[Solo]] = defaultdict(list)
    for solo in solos:
        tunes[tune(solo)].append(solo)
    in_order = sorted(tunes, key=lambda name: sha256(name.encode()).hexdigest())
    found: dict[Side, list[str]] = {side: [] for side in Side}
    for is_blues in (True, False):
        kind = [tunes[name] for name in in_order if any(solo.is_blues for solo in tunes[name]) == is_blues]
        for side, names in _dealt(kind).items():
            found[side] += names
    return {side: sorted(names) for side, names in found.items()}


def _dealt(tunes: Sequence[Sequence[Solo]]) -> dict[Side, list[str]]:
    whole = sum(map(len, tunes))
    room = {Side.TEST: HELD_OUT * whole, Side.VALIDATION: HELD_OUT * whole, Side.TRAINING: whole}
    dealt: dict[Side, list[str]] = {side: [] for side in Side}
    for solos in tunes:
        side = next(side for side in room if len(dealt[side]) + len(solos) <= room[side])
        dealt[side] += [solo.name for solo in solos]
    return dealt


def main() -> None:
    """Draw the sides and write them to the list in the repository."""
    parser = argparse.ArgumentParser(description="Draw which solos are for training, validation and test.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    solos, _ = read_for(parser, parser.parse_args().path)
    LIST.write_text(json.dumps(draw_sides(solos), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
