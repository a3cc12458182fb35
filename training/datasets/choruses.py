"""The chords of blues choruses as the chord network learns from them: inputs at each step, and the chord after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from improv.models.encodings import Cells, StepInput
from improv.models.encodings.cells import PILLARS
from improv.music.notes import SILENCE, Frame
from improv.music.theory import BLUES_BARS, STEPS_PER_BAR, Chord
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import tune
from training.datasets.sequences import FORM_STEPS, in_c

CELLS = Cells()


@dataclass(frozen=True, slots=True)
class Run:
    """The chords of choruses that follow each other."""

    tune: str
    newest: Tensor
    """The newest chord at each step, (steps, 24)."""
    place: Tensor
    """The place in the form that is decided, (steps, 20)."""
    units: Tensor
    """The unit of the chord that is `newest` one step later, (steps,); the last is followed by the first."""

    @property
    def choruses(self) -> int:
        """Number of choruses in the run."""
        return len(self.units) // FORM_STEPS

    def cut(self, first: int, steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return newest chords, places and units of `steps` steps from a chorus on.

        After the last chorus comes the first.
        """
        at = (torch.arange(steps) + first * FORM_STEPS) % len(self.units)
        return self.newest[at], self.place[at], self.units[at]


def runs(solos: Iterable[Solo]) -> list[Run]:
    """Return runs of consecutive choruses in C, from the blues solos that keep the form."""
    found: list[Run] = []
    for solo in solos:
        if not solo.is_blues or solo.tonic is None:
            continue
        chords = [frame.chord for frame in in_c(solo)]
        tops = [top for top in solo.choruses if keeps_form(chords[top * STEPS_PER_BAR :])]
        begins = [top for top in tops if top - BLUES_BARS not in tops]
        for first in begins:
            last = first
            while last in tops:
                last += BLUES_BARS
            found.append(_run(tune(solo), chords[first * STEPS_PER_BAR : last * STEPS_PER_BAR]))
    return found


def keeps_form(chords: Sequence[Chord | None]) -> bool:
    """Return whether a chorus in C, one chord a step, has the first degree on top and the fourth in bar 5.

    What improv plays always does. A few of the database's blues do not, some of them because they stand in another
    key there than in the music; nothing is learned from those.
    """
    at = {place: chords[place] for place in PILLARS}
    return all(chord is not None and chord.root == PILLARS[place] for place, chord in at.items())


def _run(name: str, chords: Sequence[Chord | None]) -> Run:
    steps = len(chords)
    encoded = []
    for newest in range(steps):  # heard a bar after it was settled: by then the melody is a bar behind
        now = newest - CELLS.lookahead_steps
        lookahead = tuple(chords[(now + after) % steps] for after in range(1, CELLS.lookahead_steps + 1))
        encoded.append(CELLS.encode(StepInput(Frame(SILENCE, None), now % FORM_STEPS, lookahead, FORM_STEPS)))
    units = [int(np.argmax(CELLS.chord_units(chords[(newest + 1) % steps]))) for newest in range(steps)]
    newest_chords, places = (np.concatenate([each[name] for each in encoded]) for name in ("newest_chord", "place"))
    return Run(name, torch.from_numpy(newest_chords), torch.from_numpy(places), torch.tensor(units))
