"""The figures of sets of melodies with their intervals: `python -m training metrics PATH` prints the test side's.

They show how near one set of melodies is to another. Nothing here needs PyTorch.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split
from training.metrics.bootstrap import SAMPLES, Figure, resamples
from training.metrics.figures import (
    chord_tones,
    density,
    divergence,
    durations,
    grooving_similarity,
    intervals,
    mean_of_known,
    most_common_note,
    phrase_beginnings,
    phrase_falls,
    phrase_lengths,
    pitch_class_entropy,
    pitch_range,
    rests,
)
from training.metrics.melody import Melody, of_solo, windows
from training.metrics.repetition import longest_shared, repetition
from training.metrics.structure import structureness


def figures(line: Melody) -> dict[str, float]:
    """Return all figures of one melody by name; nan where undefined."""
    return {
        "entropy of a bar, bits": pitch_class_entropy(line, 1),
        "entropy of four bars, bits": pitch_class_entropy(line, 4),
        "grooving similarity": grooving_similarity(line),
        **{f"structureness, {name}": figure for name, figure in structureness(line).items()},
        "most common note": most_common_note(line),
        "range, semitones": pitch_range(line),
        **{f"chord tones on {name}": share for name, share in chord_tones(line).items()},
        **{f"phrase, {unit}": length for unit, length in phrase_lengths(line).items()},
        "phrases begun like one of the last three": phrase_beginnings(line),
        "phrases that end lower": phrase_falls(line),
        "rests": rests(line),
        "onsets an eighth": density(line),
        "repetition in a chorus": mean_of_known([repetition(part) for part in windows(line)]),
        "repetition in the solo": repetition(line),
    }


@dataclass(frozen=True, slots=True)
class References:
    """What a set of melodies is compared with."""

    like: Sequence[Melody]
    """Melodies whose intervals and durations they should have."""
    known: Sequence[Melody]
    """Melodies that they could have been copied from."""


def measure(
    lines: Sequence[Melody], references: References, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Figure]:
    """Return figures of a set of melodies: means, divergences from a reference, and the longest copied runs.

    Intervals are of resampling whole melodies. A divergence grows by resampling, so that its interval lies high.
    """
    draws = resamples(len(lines), samples, seed)
    rows = [figures(line) for line in lines]
    found: dict[str, list[float]] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        found[name] = [mean_of_known(values[draw]) for draw in draws]
    for name, histogram in (("interval", intervals), ("duration", durations)):
        ours, wanted = (np.array([histogram(line) for line in those]) for those in (lines, references.like))
        found[f"{name} divergence, bits"] = [divergence(ours[draw].sum(axis=0), wanted.sum(axis=0)) for draw in draws]
    copied = longest_shared(lines, references.known)
    longest, of_windows = np.array([run for run, _ in copied]), [runs for _, runs in copied]
    found["longest copied, notes"] = [float(longest[draw].mean()) for draw in draws]
    found["copied in a chorus, 99th percentile, notes"] = [
        _high(np.concatenate([of_windows[which] for which in draw])) for draw in draws
    ]
    return {name: Figure.of(values) for name, values in found.items()}


def _high(runs: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the 99th percentile of the longest runs of choruses; NaN of melodies without notes."""
    return float(np.quantile(runs, 0.99)) if len(runs) else nan


def report(sets: Mapping[str, tuple[Sequence[Melody], References]]) -> Iterable[str]:
    """Yield the figures of sets of melodies as lines of text, by the name of the set."""
    for what, (lines, references) in sets.items():
        yield f"{what}: {len(lines)} melodies, {sum(len(line.onsets) for line in lines):,} notes"
        for name, figure in measure(lines, references).items():
            yield f"  {name:44}{figure}"


def main() -> None:
    """Print the figures of the solos of the test side."""
    parser = argparse.ArgumentParser(description="Figures of the test side's solos, to compare others with.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    sides = split(read_for(parser, parser.parse_args().path)[0])
    training, test = ([(solo.is_blues, of_solo(solo)) for solo in side] for side in (sides.training, sides.test))
    known = [line for _, line in training]
    sets = {
        "test blues": ([line for blues, line in test if blues], References([line for b, line in training if b], known)),
        "all of test": ([line for _, line in test], References(known, known)),
    }
    for line in report(sets):
        print(line)


if __name__ == "__main__":
    main()
