"""How solos go from chorus to chorus: `python -m training arcs` prints what the control `build` goes by.

Beside the blues solos of the Weimar Jazz Database it can lay those that networks play alone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from improv.errors import ImprovError
from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.session.build import SOLO_CHORUSES
from training.corpora import wjazzd
from training.metrics.melody import CHORUS_BARS, Melody, Reals, chorus_starts, melody, of_solo, windows
from training.rendering.playing import play_alone

PLACES = ("the first", "first third", "second third", "last third", "the last")
"""The places of choruses in a solo; the thirds are of those between the first and the last."""

_LEAST_CHORUSES, _LEAST_NOTES = 3, 8
"""A shorter solo has no arc; a chorus with fewer notes is no part of one."""

_SOLOS, _BPM = 40, 160.0
"""How many solos a network plays, and their tempo, which is that of blues soloists."""


@dataclass(frozen=True, slots=True)
class Arc:
    """How the choruses of one solo differ from its average, each (choruses,)."""

    notes: Reals
    """For one note of the solo's average chorus."""
    pitch: Reals
    """The mean pitch, in semitones above the solo's."""

    def at(self, place: int) -> list[tuple[float, float]]:
        """Return notes and pitch of the choruses at one of `PLACES`."""
        last = len(self.notes) - 1
        places = [0, *[1 + 3 * (each - 1) // (last - 1) for each in range(1, last)], len(PLACES) - 1]
        found = zip(places, self.notes.tolist(), self.pitch.tolist(), strict=True)
        return [(notes, pitch) for at, notes, pitch in found if at == place]


def arc(line: Melody) -> Arc | None:
    """Return the arc of a solo in choruses of twelve bars; None if it has fewer than three of eight notes and more."""
    if not chorus_starts(line):
        return None
    choruses = [chorus.pitches for chorus in windows(line) if len(chorus.pitches) >= _LEAST_NOTES]
    if len(choruses) < _LEAST_CHORUSES:
        return None
    notes = np.array([len(pitches) for pitches in choruses], float)
    mean = np.concatenate(choruses).mean()
    return Arc(notes / notes.mean(), np.array([pitches.mean() - mean for pitches in choruses]))


def table(name: str, arcs: Sequence[Arc]) -> Table:
    """Return the mean of arcs at each place, and its standard error, as a table."""
    found = Table("", *PLACES, title=f"{name}: {len(arcs)} solos")
    at_places = [
        np.array([each for one in arcs for each in one.at(place)]).reshape(-1, 2) for place in range(len(PLACES))
    ]
    for column, what in enumerate(("notes, of an average chorus", "mean pitch, semitones above the solo's")):
        found.add_row(what, *[_mean(at[:, column]) for at in at_places])
    return found


def _mean(figures: Reals) -> str:
    if not len(figures):
        return "-"
    return f"{figures.mean():.2f} ± {figures.std() / sqrt(len(figures)):.2f}"


def played_arc(model: OnnxModel, seed: int) -> Arc | None:
    """Return the arc of a solo that a network plays alone, at the default settings; None if it has too few notes."""
    return arc(melody(play_alone(model, SOLO_CHORUSES * CHORUS_BARS, Settings(mode=Mode.SOLO, seed=seed), _BPM)))


def main() -> None:
    """Print how people's blues solos go from chorus to chorus, and those of networks."""
    parser = argparse.ArgumentParser(description="How solos go from chorus to chorus.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names or files of models to lay beside people")
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")
    parser.add_argument("--solos", type=int, default=_SOLOS, help=f"that each model plays [{_SOLOS}]")
    arguments = parser.parse_args()
    console = Console()
    people = [arc(of_solo(solo)) for solo in wjazzd.read_for(parser, arguments.data)[0] if solo.is_blues]
    console.print(table("people", [each for each in people if each is not None]))
    try:
        for path in map(find_model, arguments.models):
            model = OnnxModel(path)
            arcs = [played_arc(model, seed) for seed in track(range(arguments.solos), path.stem, transient=True)]
            console.print(table(path.stem, [each for each in arcs if each is not None]))
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


if __name__ == "__main__":
    main()
