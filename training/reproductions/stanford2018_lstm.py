"""Xu, Xu & Tang 2018, sections IV.ii and V: two LSTM layers of 128 units say the next note of a melody.

The report cuts its melodies into windows of ten notes, but says that the memory is what the network has over the
regression. Both are trained: in windows of ten, as measured there, and in longer stretches whose memory goes on, which
is the network that plays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from training.corpora import piano_midi
from training.datasets.piano_notes import Units
from training.networks.note_lstm import NoteLstm
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
from training.trainers.checkpoints import Log
from training.trainers.next_symbol import NextSymbol, judge
from training.trainers.progress import portion
from training.trainers.train import Config, train

NAME = "stanford2018-lstm"

HIDDEN, DROPOUT = 128, 0.2

CONFIG = Config(updates=1_600, batch=64, steps=32, rate=1e-3, schedule="constant", check_every=40, patience=8)
"""Of the network whose memory goes on. Batch, size and dropout are the report's; its optimiser is not said."""

IN_WINDOWS = 2
"""So many times as many updates has the network that is trained in windows of ten."""

SIDES = (0.70, 0.15, 0.15)
"""The shares of the pieces to learn from, to choose by and to judge by (section V)."""

_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Learned:
    """The networks of a composer, and the pieces that judge them."""

    melodies: Melodies
    network: NoteLstm
    log: Log
    in_windows: NoteLstm
    sides: tuple[tuple[Units, ...], ...]

    @property
    def judged(self) -> tuple[Units, ...]:
        """The pieces of the test side."""
        return self.sides[2]


def learn(run: Run, melodies: Melodies, first: float, last: float) -> Learned:
    """Return a composer's networks; `first` to `last` is the share of the run's progress that this is."""
    sides = melodies.sides(*SIDES, seed=run.config.seed)
    units = len(melodies.vocabulary)
    sizes = {"units": units, "hidden": HIDDEN, "dropout": DROPOUT}
    task = NextSymbol(sides[0], sides[1], lambda: NoteLstm(units, HIDDEN, DROPOUT), sizes)
    half = (first + last) / 2
    begun = f"{NAME}-{melodies.composer.lower()}"
    windows = replace(
        run.config, steps=WINDOW + 1, updates=IN_WINDOWS * run.config.updates,
        check_every=IN_WINDOWS * run.config.check_every,
    )  # fmt: skip
    network, log = train(
        run.config, task, checkpoint=run.folder / f"{begun}.checkpoint", device=run.device,
        progressed=portion(run.progressed, first, half, melodies.composer),
    )  # fmt: skip
    in_windows, _ = train(
        windows, task, checkpoint=run.folder / f"{begun}-windows.checkpoint", device=run.device,
        progressed=portion(run.progressed, half, last, f"{melodies.composer}, windows of ten"),
    )  # fmt: skip
    assert isinstance(network, NoteLstm)
    assert isinstance(in_windows, NoteLstm)
    return Learned(melodies, network, log, in_windows, sides)


@torch.no_grad()
def accuracy_in_windows(network: NoteLstm, songs: Sequence[Units]) -> float:
    """Return how often the likeliest note is the next one after ten notes heard with an empty memory, 0 to 1."""
    every = np.concatenate([
        np.lib.stride_tricks.sliding_window_view(song, WINDOW + 1) for song in songs if len(song) > WINDOW
    ])  # fmt: skip
    right = 0
    for first in range(0, len(every), _AT_ONCE):
        windows = torch.from_numpy(every[first : first + _AT_ONCE].T.copy())
        right += int((network.sequence(windows)[-1].argmax(-1) == windows[-1]).sum())
    return right / len(every)


def accuracies(learned: Learned) -> tuple[Figure, ...]:
    """Return how often each network of a composer is right on the test side."""
    judged, composer = learned.judged, learned.melodies.composer
    of_regression = f"not said; the regression's is {THEIR_ACCURACY[composer]}"
    return (
        Figure(
            f"next note, {composer}, trained and judged in windows of ten",
            percent(accuracy_in_windows(learned.in_windows, judged)), of_regression,
            "on pieces that were not learned from: compare the regression's figure for songs apart",
        ),
        Figure(
            f"next note, {composer}, memory goes on", percent(judge(learned.network, judged, WINDOW)["accuracy"]),
            "not said", f"surprise {judge(learned.network, judged, WINDOW)['nats']:.3f} nats a note",
        ),
        Figure(
            f"next note, {composer}, memory goes on, the pieces that it learned",
            percent(judge(learned.network, learned.sides[0], WINDOW)["accuracy"]), "not said",
        ),
    )  # fmt: skip


def reproduce(run: Run) -> Reproduction:
    """Train the networks of both composers, measure, export and draw."""
    composers = melodies_of(piano_midi.FOLDER)
    share = 0.9 / len(composers)
    found = [learn(run, each, place * share, (place + 1) * share) for place, each in enumerate(composers)]
    run.progressed(0.9, "measuring")
    exported = found[0]
    figures = [figure for each in found for figure in accuracies(each)]
    likeliest, drawn = (
        Sample.drawn(exported.network, exported.melodies, exported.judged, temperature, run.config.seed)
        for temperature in (0.0, 1.0)
    )
    figures += [*most_common_figures("the LSTM", likeliest, drawn, "11.65 %"), *of_people(composers), rated("5.86")]
    run.progressed(0.95, "exporting")
    model = run.out / f"{NAME}.onnx"
    halved_export(
        exported.network, model, "notes", exported.melodies.vocabulary.symbols, run.config.seed,
        {"validation_nats": min(each["nats"] for each in exported.log.checks)},
    )  # fmt: skip
    files = _files(run, found, likeliest, drawn)
    return Reproduction(tuple(figures), (*_REMARKS, *(_trained(each, run.config) for each in found)), (*files, model))


def _trained(learned: Learned, config: Config) -> str:
    checks = learned.log.checks
    best = min(checks, key=lambda each: each["nats"])
    epochs = config.batch * config.steps / sum(map(len, learned.sides[0]))
    return (
        f"{learned.melodies.composer}: {len(learned.sides[0])}, {len(learned.sides[1])} and {len(learned.sides[2])} "
        f"pieces; best after {best['update'] * epochs:.0f} epochs ({best['nats']:.3f} nats a note on the validation "
        f"pieces) of {checks[-1]['update'] * epochs:.0f}."
    )


def _files(run: Run, found: Sequence[Learned], likeliest: Sample, drawn: Sample) -> tuple[Path, ...]:
    """Draw and write what there is to see and hear; return the files."""
    notes, losses = run.folder / f"{NAME}-notes.png", run.folder / f"{NAME}-curves.png"
    samples = {"LSTM, likeliest": likeliest, "LSTM, drawn": drawn}
    composer = found[0].melodies.composer
    histogram(notes, histograms(found[0].melodies, samples), title=f"Notes of {composer} and of the LSTM")
    series: Mapping[str, list[float]] = {
        f"{each.melodies.composer}, {side}": [check[name] for check in each.log.checks]
        for each in found
        for side, name in (("training", "training"), ("validation", "nats"))
    }
    curves(losses, series, title=NAME, x=f"{run.config.check_every} updates", y="nats a note")
    files = [notes, losses]
    for sample, what in ((likeliest, "likeliest"), (drawn, "drawn")):
        picture, song = run.folder / f"{NAME}-{what}.png", played(sample.songs[0])
        roll(picture, song, title=f"{NAME}, {what}, 100 notes", seconds=25)
        write_midi(picture.with_suffix(".mid"), song)
        files += [picture, picture.with_suffix(".mid")]
    return tuple(files)


_REMARKS = (
    "As the report: two LSTM layers of 128 units, dropout 0.2 after each, batches of 64, 70 % of the pieces to learn "
    "from, 15 % to choose by, 15 % to judge by; one pitch of each note or chord of both hands (ours: the highest).",
    "Ours: Adam at 0.001 until the validation pieces gain nothing for 320 updates (640 in windows); each note of a "
    "stretch is learned, from an empty memory on; stretches are of 32 notes, beside them windows of ten.",
    "No cross-validation, as in the report: it became too expensive.",
    "The exported network is the one trained on Beethoven, whose memory goes on; Mozart's is measured.",
)
