"""The classifier two-sample test: how well a classifier separates two sets of choruses.

At chance, one half, it cannot tell improv's from people's (Lopez-Paz & Oquab 2017, Revisiting Classifier Two-Sample
Tests, section 3). The classifier is a small forest on each chorus's own figures and histograms
(`training.metrics.report`), so it hears what they say and nothing else: that it cannot separate them does not mean that
a listener could not.
"""

from collections.abc import Sequence
from math import ceil, isnan

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedGroupKFold

from improv.music.grid import TICKS_PER_BEAT
from improv.music.theory import PITCH_CLASSES
from training.metrics.bootstrap import SAMPLES, Figure, resamples
from training.metrics.figures import durations, intervals
from training.metrics.melody import Melody, Reals, windows
from training.metrics.report import figures

FOLDS = 4
ROUNDS = 3
"""How many times the folds are drawn, at least."""

TREES = 100


def features(chorus: Melody) -> Reals:
    """Return the classifier's features of a chorus, one row.

    Its figures, 0 where it has none, then shares of its intervals, durations, pitch classes and places in the beat.
    """
    counts = (
        intervals(chorus),
        durations(chorus),
        np.bincount(chorus.pitches % len(PITCH_CLASSES), minlength=len(PITCH_CLASSES)),
        np.bincount(chorus.onsets % TICKS_PER_BEAT, minlength=TICKS_PER_BEAT),
    )
    known = [0.0 if isnan(figure) else figure for figure in figures(chorus).values()]
    return np.concatenate([known, *(each / max(1, each.sum()) for each in counts)])


def two_sample_accuracy(
    lines: Sequence[Melody], people: Sequence[Melody], samples: int = SAMPLES, seed: int = 0
) -> Figure:
    """Return how often a classifier tells two sets of choruses apart: 0.5 by chance, 1 if always.

    Each chorus is judged by a classifier that has learned from other melodies only: all choruses of a melody are in one
    fold (`FOLDS`, drawn `ROUNDS` times or more). A classifier never learns from more melodies of one set than of the
    other, or it would lean to the larger one: of that another part is used each time. The interval is of resampling
    whole melodies of both sets; that classifiers which learned from other melodies would differ is not in it. With few
    melodies it is wide, and what cannot be separated comes out below one half: what is held out is then what the
    classifier has learned the least of. Nan with fewer than two melodies in a set that have notes.
    """
    lines, people = ([each for each in those if windows(each)] for those in (lines, people))
    fewer = min(len(lines), len(people))
    if fewer < 2:
        return Figure(np.nan, np.nan, np.nan)
    cut = [[features(chorus) for chorus in windows(line)] for line in (*lines, *people)]
    melodies = np.repeat(np.arange(len(cut)), [len(choruses) for choruses in cut])
    known = np.array([each for choruses in cut for each in choruses])
    is_person = melodies >= len(lines)
    right, judged = np.zeros(len(known)), np.zeros(len(known))
    rounds = max(ROUNDS, ceil(max(len(lines), len(people)) / fewer))
    for drawn in range(rounds):
        turn = range(drawn * fewer, (drawn + 1) * fewer)
        used = [at % len(lines) for at in turn] + [len(lines) + at % len(people) for at in turn]
        here = np.flatnonzero(np.isin(melodies, used))
        folds = StratifiedGroupKFold(min(FOLDS, fewer), shuffle=True, random_state=seed + drawn)
        for learns, judges in folds.split(known[here], is_person[here], melodies[here]):
            forest = ExtraTreesClassifier(
                TREES, class_weight="balanced", min_samples_leaf=2, random_state=seed + drawn, n_jobs=1
            )
            forest.fit(known[here[learns]], is_person[here[learns]])
            right[here[judges]] += forest.predict(known[here[judges]]) == is_person[here[judges]]
            judged[here[judges]] += 1
    sums, counts = np.bincount(melodies, right, len(cut)), np.bincount(melodies, judged, len(cut))
    draws = zip(resamples(len(lines), samples, seed), resamples(len(people), samples, seed + 1), strict=True)
    return Figure.of(
        float(np.mean([sums[which].sum() / counts[which].sum() for which in (ours, len(lines) + theirs)]))
        for ours, theirs in draws
    )
