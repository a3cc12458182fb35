"""Xu, Xu & Tang 2018, sections IV.i and V: logistic regression on the last ten notes, a network with a window.

The report does not say whether its 85 % are examples or songs. Both are measured: of examples, cut from the same songs,
those that are judged overlap with those that were learned.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from training.corpora import piano_midi
from training.datasets.digest import digest
from training.datasets.piano_notes import Units
from training.networks.window_softmax import WindowSoftmax
from training.reproductions import Figure, Reproduction, Run
from training.reproductions.lines import halved_export
from training.reproductions.pictures import curves, histogram, roll, write_midi
from training.reproductions.stanford2018 import (
    THEIR_ACCURACY,
    WINDOW,
    Melodies,
    Sample,
    histograms,
    melodies_of,
    most_common_figures,
    of_people,
    percent,
    played,
    rated,
)
from training.trainers.progress import Progressed, portion
from training.trainers.train import Config

NAME = "stanford2018-logistic"

CONFIG = Config(updates=100, batch=1, steps=WINDOW, rate=0.0)
"""Its updates are the rounds of L-BFGS at most, which are scikit-learn's own; it has no learning rate."""

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""C: how little the weights are held back (section V)."""

FOLDS, LEARNED = 4, 0.85

_IMPOSSIBLE = -20.0
"""The logit of a note that was not learned."""

Accuracies = Mapping[float, float]
"""The mean accuracy over the folds, by C."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows of ten notes, the note after each, and the song it is of."""

    past: NDArray[np.int64]
    """(examples, 10), the earliest first."""
    next: Units
    song: Units
    units: int

    @classmethod
    def of(cls, melodies: Melodies) -> "Examples":
        """Return all windows of melodies."""
        long = [song for song in melodies.songs.values() if len(song) > WINDOW]
        windows = [np.lib.stride_tricks.sliding_window_view(song, WINDOW + 1) for song in long]
        every = np.concatenate(windows)
        song = np.repeat(np.arange(len(long)), [len(each) for each in windows])
        return cls(every[:, :WINDOW], every[:, WINDOW], song, len(melodies.vocabulary))

    def __len__(self) -> int:
        return len(self.next)

    def chosen(self, which: NDArray[np.int64]) -> "Examples":
        """Return some of the examples, by their numbers."""
        return Examples(self.past[which], self.next[which], self.song[which], self.units)

    def design(self) -> csr_array:
        """Return the ten notes of each window one-hot, (examples, 10 * units)."""
        columns = (self.past + np.arange(WINDOW) * self.units).ravel()
        starts = np.arange(0, columns.size + 1, WINDOW)
        return csr_array((np.ones(columns.size), columns, starts), (len(self), WINDOW * self.units))

    def split(self, of: str, seed: int) -> tuple["Examples", "Examples"]:
        """Return 85 % to learn from and the rest to judge by, `of` all examples or all songs."""
        labels = np.arange(len(self)) if of == "examples" else self.song
        every = np.unique(labels)
        learned = np.random.default_rng(seed).permutation(every)[: round(LEARNED * len(every))]
        inside = np.isin(labels, learned)
        return self.chosen(np.flatnonzero(inside)), self.chosen(np.flatnonzero(~inside))

    def folds(self, of: str, seed: int) -> list[tuple["Examples", "Examples"]]:
        """Return four ways to learn from three quarters and judge by one, of examples or of songs."""
        if of == "examples":
            parts = KFold(FOLDS, shuffle=True, random_state=seed).split(self.next)
        else:
            parts = GroupKFold(FOLDS).split(self.next, groups=self.song)
        return [(self.chosen(learned), self.chosen(judged)) for learned, judged in parts]


def fit(examples: Examples, strength: float, rounds: int) -> WindowSoftmax:
    """Return the regression fitted to examples, as a network; it is stopped after so many rounds of L-BFGS."""
    found = LogisticRegression(C=strength, max_iter=rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped on purpose
        found.fit(examples.design(), examples.next)
    weights, bias = found.coef_, found.intercept_
    if len(found.classes_) == 2:  # what it gives is the logit of the second over the first
        weights, bias = (np.concatenate((np.zeros_like(each), each)) for each in (weights, bias))
    network = WindowSoftmax(examples.units, WINDOW)
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.bias.fill_(_IMPOSSIBLE)
        network.output.weight[found.classes_] = torch.tensor(weights, dtype=torch.float32)
        network.output.bias[found.classes_] = torch.tensor(bias, dtype=torch.float32)
    return network.eval()


@torch.no_grad()
def accuracy(network: WindowSoftmax, examples: Examples) -> float:
    """Return how often the likeliest note is the next one, 0 to 1."""
    weights, bias = (each.detach().numpy() for each in (network.output.weight, network.output.bias))
    logits = examples.design() @ weights.T + bias
    return float((logits.argmax(axis=1) == examples.next).mean())


class Known:
    """Accuracies that a run has found before, kept in a file, so that one that was stopped goes on."""

    def __init__(self, path: Path, follows_from: str) -> None:
        self._path, self._follows_from = path, follows_from
        self._found: dict[str, float] = {}
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["follows_from"] == follows_from:
                self._found = kept["found"]

    def accuracy(self, name: str, learned: Examples, judged: Examples, strength: float, rounds: int) -> float:
        """Return the accuracy of a fit, which is fitted only if it is not known."""
        if name not in self._found:
            self._found[name] = accuracy(fit(learned, strength, rounds), judged)
            self._path.write_text(json.dumps({"follows_from": self._follows_from, "found": self._found}, indent=1))
        return self._found[name]


def searched(
    examples: Examples, of: str, composer: str, run: Run, known: Known, progressed: Progressed
) -> tuple[Accuracies, float, float]:
    """Return the accuracy over four folds by C, the best C, and the accuracy of its fit on the rest, 0 to 1."""
    learned, judged = examples.split(of, run.config.seed)
    folds = learned.folds(of, run.config.seed)
    means: dict[float, float] = {}
    for place, strength in enumerate(STRENGTHS):
        found = []
        for fold, (inside, outside) in enumerate(folds):
            name = f"{composer}, {of}, C {strength:g}, fold {fold + 1}"
            progressed((place * FOLDS + fold) / (len(STRENGTHS) * FOLDS + 1), name)
            found.append(known.accuracy(name, inside, outside, strength, run.config.updates))
        means[strength] = float(np.mean(found))
    best = max(means, key=means.__getitem__)
    progressed(1, f"{composer}, {of}, C {best:g}")
    rest = known.accuracy(f"{composer}, {of}, C {best:g}", learned, judged, best, run.config.updates)
    return means, best, rest


def reproduce(run: Run) -> Reproduction:
    """Fit, measure, export and draw the regressions of both composers."""
    composers = melodies_of(piano_midi.FOLDER)
    parts = (digest(song) for each in composers for song in each.songs.values())
    known = Known(run.folder / "fits.json", digest([repr(run.config), *parts]))
    figures: list[Figure] = []
    exported: tuple[Melodies, WindowSoftmax, float] | None = None
    by_strength: dict[str, list[float]] = {}
    for place, melodies in enumerate(composers):
        examples = Examples.of(melodies)
        for half, of in enumerate(("examples", "songs")):
            begin = (2 * place + half) / (2 * len(composers))
            part = portion(run.progressed, begin, begin + 1 / (2 * len(composers)))
            means, best, rest = searched(examples, of, melodies.composer, run, known, part)
            figures += _accuracies(melodies.composer, of, means, best, rest, len(examples))
            by_strength[f"{melodies.composer}, {of} apart"] = list(means.values())
            if exported is None:
                learned, _ = examples.split(of, run.config.seed)
                exported = (melodies, fit(learned, best, run.config.updates), rest)
    assert exported is not None
    melodies, network, judged = exported
    likeliest, drawn = _samples(network, melodies, run.config.seed)
    figures += [
        *most_common_figures("the regression", likeliest, drawn, "22.73 %"),
        *of_people(composers),
        rated("2.93"),
    ]
    files = _files(run, melodies, likeliest, drawn, by_strength)
    model = run.out / f"{NAME}.onnx"
    halved_export(
        network, model, "notes", melodies.vocabulary.symbols, run.config.seed, {"validation_accuracy": judged}
    )
    return Reproduction(tuple(figures), _REMARKS, (*files, model))


def _samples(network: WindowSoftmax, melodies: Melodies, seed: int) -> tuple[Sample, Sample]:
    songs = list(melodies.songs.values())
    likeliest, drawn = (Sample.drawn(network, melodies, songs, temperature, seed) for temperature in (0.0, 1.0))
    return likeliest, drawn


def _accuracies(
    composer: str, of: str, means: Accuracies, best: float, rest: float, examples: int
) -> tuple[Figure, ...]:
    folds = ", ".join(f"C {strength:g}: {percent(mean)}" for strength, mean in means.items())
    theirs, is_theirs = THEIR_ACCURACY[composer], of == "examples"
    return (
        Figure(
            f"next note, {composer}, 4 folds, {of} apart", folds,
            f"best with C 10 ({theirs})" if is_theirs else "not said",
            f"{examples:,} examples here; the report had 74,593 of 26 pieces by Beethoven, and 18 pieces by Mozart"
            if is_theirs
            else "no piece is on both sides; in the report it seems that examples of one piece were",
        ),
        Figure(
            f"next note, {composer}, the remaining 15 % of the {of}, C {best:g}", percent(rest),
            theirs if is_theirs else "not said",
        ),
    )  # fmt: skip


def _files(
    run: Run, melodies: Melodies, likeliest: Sample, drawn: Sample, by_strength: Mapping[str, Sequence[float]]
) -> tuple[Path, ...]:
    """Draw and write what there is to see and hear; return the files."""
    folder = run.folder
    notes, strengths, likely, free = (
        folder / f"{NAME}-{what}.png" for what in ("notes", "strengths", "likeliest", "drawn")
    )
    samples = {"regression, likeliest": likeliest, "regression, drawn": drawn}
    histogram(notes, histograms(melodies, samples), title=f"Notes of {melodies.composer} and of the regression")
    curves(
        strengths, by_strength, title="Next note, accuracy over four folds",
        x=f"C: {', '.join(f'{each:g}' for each in STRENGTHS)}", y="accuracy",
    )  # fmt: skip
    files = [notes, strengths]
    for picture, sample, how in ((likely, likeliest, "the likeliest note each time"), (free, drawn, "drawn")):
        song = played(sample.songs[0])
        roll(picture, song, title=f"{NAME}, {how}, 100 notes", seconds=25)
        write_midi(picture.with_suffix(".mid"), song)
        files += [picture, picture.with_suffix(".mid")]
    return tuple(files)


_REMARKS = (
    "As the report: ten notes one-hot, one pitch of each note or chord of both hands (ours: the highest), C from 0.1, "
    "1, 10 and 100 by four-fold cross-validation on 85 % of the data, Beethoven and Mozart apart.",
    "Ours: multinomial, fitted by scikit-learn's L-BFGS for 100 rounds at most on sparse vectors. Hands are read as "
    "music21 reads them: chords of each hand apart, in the order of their onsets.",
    "The exported network is the one fitted to 85 % of Beethoven's examples; Mozart's is measured.",
)
