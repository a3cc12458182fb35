"""How lines are played, in numbers: how loud and how late their notes are, and how many of the short ones are tied.

People's are the database's; improv's are those of the files that it renders, whose notes are paired with those of the
same render without expression, so that it is known where each is notated.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from improv.errors import DataError
from improv.models.encodings.expression import HALF_A_TICK
from improv.music.grid import TICKS_PER_BEAT
from improv.music.parts import Part
from improv.music.transport import Transport
from training.metrics.bootstrap import Figure, Resample, resamples

Reals = NDArray[np.float64]

SHORT_TICKS = TICKS_PER_BEAT
"""A note is short if the next one begins within a beat."""


@dataclass(frozen=True, slots=True)
class PlayedLine:
    """The notes of one solo as they were played; nan where that is not known, each (notes,)."""

    velocities: Reals
    """MIDI."""
    late_ms: Reals
    """How much later than their places on the swung grid."""
    silences: Reals
    """The silence between a note and the next, in ticks; nan where the next does not begin within a beat."""


@dataclass(frozen=True, slots=True)
class FileNote:
    """A note of the melody in a MIDI file, in beats."""

    onset: float
    end: float
    pitch: int
    velocity: int


def notes_of_file(path: Path) -> list[FileNote]:
    """Return the melody's notes in a MIDI file that improv has rendered, in order of onset."""
    midi = mido.MidiFile(path)
    found: list[FileNote] = []
    for track in midi.tracks:
        if not track.name.casefold().startswith(Part.MELODY.label):
            continue
        at, begun = 0, dict[int, tuple[int, int]]()
        for message in track:
            at += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note] = at, message.velocity
            elif message.type in ("note_off", "note_on") and message.note in begun:
                onset, velocity = begun.pop(message.note)
                found.append(FileNote(onset / midi.ticks_per_beat, at / midi.ticks_per_beat, message.note, velocity))
    return sorted(found, key=lambda note: note.onset)


def line_of_files(played: Path, notated: Path, bpm: float, swing: float) -> PlayedLine:
    """Return a rendered line beside the same one without expression; DataError if they are of other notes."""
    notes, places = notes_of_file(played), notes_of_file(notated)
    if [note.pitch for note in notes] != [note.pitch for note in places]:
        raise DataError(f"{played} and {notated} are of other notes")
    transport = Transport(0, 0.0, bpm, swing)
    ticks = [round(transport.tick_of_beats(note.onset)) for note in places]
    silences = [
        max(0.0, after.onset - note.end) / (after.onset - note.onset) * (to - tick)
        if 0 < to - tick <= SHORT_TICKS
        else nan
        for note, after, tick, to in zip(notes, notes[1:], ticks, ticks[1:], strict=False)
    ]
    late = [(note.onset - place.onset) * 60_000 / bpm for note, place in zip(notes, places, strict=True)]
    return PlayedLine(np.array([note.velocity for note in notes], float), np.array(late), np.array(silences))


def touch_figures(lines: Sequence[PlayedLine]) -> dict[str, Figure]:
    """Return figures of how lines are played, with the intervals of resampling whole lines."""
    velocities, late = [line.velocities for line in lines], [line.late_ms for line in lines]
    pairs = [(line.velocities[:-1], line.velocities[1:]) for line in lines]
    tied = [(line.silences < HALF_A_TICK).astype(float)[~np.isnan(line.silences)] for line in lines]
    return {
        "velocity, standard deviation": _figure(_moments(velocities), _spread_within),
        "velocity, correlation with the note before": correlation(pairs),
        "short notes fully legato": _figure(_moments(tied), _mean),
        "late, mean, ms": _figure(_moments(late), _mean),
        "late, standard deviation, ms": _figure(_moments(late), _spread),
    }


def correlation(pairs: Iterable[tuple[Reals, Reals]]) -> Figure:
    """Return the correlation over all notes of pairs of arrays, one pair for each solo; nan in either is left out."""
    rows = []
    for one, other in pairs:
        known = ~(np.isnan(one) | np.isnan(other))
        x, y = one[known], other[known]
        rows.append((len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()))
    return _figure(np.array(rows), _correlated)


def _moments(values: Sequence[Reals]) -> Reals:
    """Return number, sum and sum of squares of each array's known values, and its squares from its own mean."""
    known = [each[~np.isnan(each)] for each in values]
    return np.array([
        (len(each), each.sum(), (each * each).sum(), ((each - each.mean()) ** 2).sum() if len(each) else 0.0)
        for each in known
    ])  # fmt: skip


def _figure(rows: Reals, of_sums: Callable[[Reals], float], draws: Sequence[Resample] | None = None) -> Figure:
    return Figure.of([of_sums(rows[draw].sum(axis=0)) for draw in draws or resamples(len(rows))])


def _mean(sums: Reals) -> float:
    return float(sums[1] / sums[0]) if sums[0] else nan


def _spread(sums: Reals) -> float:
    return sqrt(max(0.0, float(sums[2] / sums[0] - (sums[1] / sums[0]) ** 2))) if sums[0] else nan


def _spread_within(sums: Reals) -> float:
    """Return the standard deviation within lines, each around its own mean."""
    return sqrt(float(sums[3] / sums[0])) if sums[0] else nan


def _correlated(sums: Reals) -> float:
    count, x, y, xx, yy, xy = sums
    if not count:
        return nan
    spread = (xx / count - (x / count) ** 2) * (yy / count - (y / count) ** 2)
    return float((xy / count - x * y / count**2) / sqrt(spread)) if spread > 0 else 0.0
