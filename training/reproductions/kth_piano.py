"""Anadon, Bou, Khan & Myriokefalitakis, LSTM for Piano Music Generation (KTH, DT2119): notes and chords as states.

Notes and chords are unique states without lengths; two LSTM layers of 128 units say which follows 40 others. Where the
poster learns only the state after each window of 40, every third place one, here each state of a window is learned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.symbols import pitches_of, symbol_of
from training.corpora import piano_midi
from training.corpora.piano_midi import Piece
from training.datasets.piano_notes import Pitches, Units, Vocabulary, chords, shares
from training.networks import Network
from training.networks.note_lstm import NoteLstm
from training.reproductions import Figure, Reproduction, Run
from training.reproductions.lines import halved_export
from training.reproductions.pictures import Played, curves, roll, tsne, write_midi
from training.trainers.checkpoints import Log
from training.trainers.next_symbol import NextSymbol, generate, judge
from training.trainers.progress import Progressed, portion
from training.trainers.train import Config, train

NAME = "kth-piano"

PIECES = 150
"""Drawn from all that there are, each as likely."""

HIDDEN, DROPOUT = 128, 0.2
"""The poster does not say how much is dropped."""

WINDOW, STRIDE = 40, 3
DIVERSITIES = (0.2, 0.5, 1.0, 1.2)
"""Temperatures; the poster does not say which."""

GENERATED = 40
"""States of a song that is generated, as the poster's."""

EPOCHS = 50
"""As many as the poster's; the loss of held-out songs is at its lowest after nine."""

_EPOCH = 131
"""Updates that learn as many states as an epoch of the poster, one for each third window: about 84,000."""

CONFIG = Config(
    updates=EPOCHS * _EPOCH, batch=16, steps=WINDOW, rate=4e-4, schedule="constant", optimiser="rmsprop", momentum=0.9,
    check_every=_EPOCH, keeps="latest",
)  # fmt: skip
"""Its rate is where the search begins."""

COARSE, FINE = (0.1, 1.0, 10.0), (0.4, 2.5)
"""The rates that are tried first, as multiples of the config's, and then around the best of them."""

SEARCHED = 2
"""Epochs that each rate is tried for."""

_HELD_OUT = 0.1
_SONGS = 30
"""Songs that are generated with each diversity."""

_NOTE_S = 0.25


@dataclass(frozen=True, slots=True)
class Songs:
    """The pieces that are learned from and those that are held out, as states."""

    vocabulary: Vocabulary
    training: tuple[Units, ...]
    validation: tuple[Units, ...]

    @classmethod
    def of(cls, pieces: Sequence[Piece], seed: int) -> "Songs":
        """Return pieces as states, a tenth of them held out at random; the vocabulary is that of all of them."""
        sides = shares(pieces, 1 - _HELD_OUT, _HELD_OUT, seed=seed)
        written = [[[symbol_of(chord) for chord in chords(piece)] for piece in side] for side in sides]
        vocabulary = Vocabulary.of(song for side in written for song in side)
        training, validation = (tuple(vocabulary.units(song) for song in side) for side in written)
        return cls(vocabulary, training, validation)

    def task(self) -> NextSymbol:
        """Return what the network is trained for: to foretell each state of the songs from those before it."""
        units = len(self.vocabulary)
        sizes = {"units": units, "hidden": HIDDEN, "dropout": DROPOUT}
        return NextSymbol(self.training, self.validation, lambda: NoteLstm(units, HIDDEN, DROPOUT), sizes)

    def pitches(self, units: Units) -> list[Pitches]:
        """Return the pitches of states."""
        return [pitches_of(self.vocabulary.symbols[unit]) for unit in units]


def drawn(pieces: Sequence[Piece], seed: int) -> list[Piece]:
    """Return `PIECES` of the pieces, or all where there are fewer, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(pieces))[:PIECES]
    return [pieces[at] for at in sorted(order)]


def found_rate(run: Run, task: NextSymbol, progressed: Progressed) -> tuple[float, Mapping[float, float]]:
    """Return the learning rate that a search from coarse to fine finds, and the validation loss of each, in nats."""
    losses: dict[float, float] = {}
    tries = len(COARSE) + len(FINE)
    for factors in (COARSE, FINE):
        best = min(losses, key=losses.__getitem__, default=run.config.rate)
        for factor in factors:
            rate = float(f"{best * factor:.2g}")
            config = replace(run.config, rate=rate, updates=min(run.config.updates, SEARCHED * _EPOCH))
            part = portion(progressed, len(losses) / tries, (len(losses) + 1) / tries, f"rate {rate:g}")
            checkpoint = run.folder / f"{NAME}-rate-{rate:g}.checkpoint"
            _, log = train(config, task, checkpoint=checkpoint, progressed=part, device=run.device)
            last = log.checks[-1]["nats"]
            losses[rate] = last if np.isfinite(last) else np.inf
    return min(losses, key=losses.__getitem__), losses


def portrait(song: Sequence[Pitches]) -> NDArray[np.float32]:
    """Return features of a song: the shares of its pitches (128), of their classes (12), and of chords by size (4)."""
    struck = [pitch for chord in song for pitch in chord]
    pitches = np.bincount(struck, minlength=128) / len(struck)
    classes = np.bincount([pitch % 12 for pitch in struck], minlength=12) / len(struck)
    sizes = np.bincount([min(len(chord), 4) - 1 for chord in song], minlength=4) / len(song)
    return np.concatenate((pitches, classes, sizes)).astype(np.float32)


def stretches(songs: Sequence[Units], rng: np.random.Generator) -> list[tuple[Units, Units]]:
    """Return of each song a window that a generation may begin with, and the states that truly follow it."""
    found = []
    for song in songs:
        if len(song) >= WINDOW + GENERATED:
            start = int(rng.integers(len(song) - WINDOW - GENERATED + 1))
            found.append((song[start : start + WINDOW], song[start + WINDOW : start + WINDOW + GENERATED]))
    return found


def distance(songs: NDArray[np.float32], to: NDArray[np.float32]) -> float:
    """Return how far the portraits of songs (songs, features) are from the nearest of others, the mean."""
    apart = np.linalg.norm(songs[:, None] - to[None], axis=-1)
    return float(apart.min(axis=1).mean())


def played(song: Sequence[Pitches]) -> list[Played]:
    """Return states as even notes of a quarter of a second."""
    return [
        Played(pitch, place * _NOTE_S, (place + 1) * _NOTE_S) for place, chord in enumerate(song) for pitch in chord
    ]


def reproduce(run: Run) -> Reproduction:
    """Search for the learning rate, train, measure, export and draw."""
    pieces, _ = piano_midi.read(piano_midi.FOLDER)
    songs = Songs.of(drawn(pieces, run.config.seed), run.config.seed)
    task = songs.task()
    rate, losses = found_rate(run, task, portion(run.progressed, 0, 0.15))
    network, log = train(
        replace(run.config, rate=rate), task, checkpoint=run.folder / f"{NAME}.checkpoint",
        progressed=portion(run.progressed, 0.15, 0.95), device=run.device,
    )  # fmt: skip
    run.progressed(0.95, "measuring")
    figures, files = _measure(run, songs, network, log)
    model = run.out / f"{NAME}.onnx"
    halved_export(
        network, model, "notes", songs.vocabulary.symbols, run.config.seed,
        {"validation_nats": min(each["nats"] for each in log.checks)},
    )  # fmt: skip
    of_search = ", ".join(f"{each:g}: {loss:.2f}" for each, loss in sorted(losses.items()))
    searched = f"Validation loss in nats after {SEARCHED} epochs, by learning rate: {of_search}; {rate:g} was taken."
    return Reproduction(figures, (*_REMARKS, searched), (*files, model))


def _measure(run: Run, songs: Songs, network: Network, log: Log) -> tuple[tuple[Figure, ...], tuple[Path, ...]]:
    """Return the figures of a trained network, and the files that show and sound it."""
    rng = np.random.default_rng(run.config.seed)
    held_out, learned = stretches(songs.validation, rng), stretches(songs.training, rng)
    own = {"songs learned from": [true for _, true in learned], "songs held out": [true for _, true in held_out]}
    made = {
        diversity: [
            generate(network, held_out[number % len(held_out)][0], GENERATED, temperature=diversity, seed=number)
            for number in range(_SONGS)
        ]
        for diversity in DIVERSITIES
    }
    groups = own | {f"diversity {diversity:g}": found for diversity, found in made.items()}
    portraits = {name: np.stack([portrait(songs.pitches(each)) for each in found]) for name, found in groups.items()}
    files = _files(run, songs, log, portraits, made)
    return (*_loss_figures(songs, network, log), *_song_figures(portraits, made)), files


def _loss_figures(songs: Songs, network: Network, log: Log) -> tuple[Figure, ...]:
    losses = epochs_of(log)
    judged = judge(network, songs.validation)
    last = max(1, len(losses) // 5)
    fell = f", {losses[-1] - losses[-1 - last]:+.3f} over the last {last} epochs" if len(losses) > last else ""
    return (
        Figure("unique states", f"{len(songs.vocabulary):,}", "not said", "notes and chords of each hand apart"),
        Figure(
            f"loss after {len(losses)} epochs", f"{losses[-1]:.3f} nats{fell}", "still falling",
            f"{losses[0]:.3f} after the first; {np.log(len(songs.vocabulary)):.3f} would be all states alike",
        ),
        Figure(
            "held-out songs", f"{judged['nats']:.3f} nats a state, {100 * judged['accuracy']:.1f} % right", "not said",
            f"best after epoch {int(np.argmin([each['nats'] for each in log.checks])) + 1}",
        ),
    )  # fmt: skip


def _song_figures(
    portraits: Mapping[str, NDArray[np.float32]], made: Mapping[float, Sequence[Units]]
) -> tuple[Figure, ...]:
    learned = portraits["songs learned from"]
    true = distance(portraits["songs held out"], learned)
    return tuple(
        Figure(
            f"diversity {diversity:g}: distance to the nearest song, different states of {GENERATED}",
            f"{distance(portraits[f'diversity {diversity:g}'], learned):.3f}, "
            f"{np.mean([len(set(song.tolist())) for song in songs]):.1f}",
            "similar, by the look of t-SNE", f"stretches of held-out songs are {true:.3f} from the nearest",
        )
        for diversity, songs in made.items()
    )  # fmt: skip


def epochs_of(log: Log) -> list[float]:
    """Return the mean training loss of each epoch, in nats a state."""
    losses = log.losses["symbols"]
    return [float(np.mean(losses[first : first + _EPOCH])) for first in range(0, len(losses), _EPOCH)]


def _files(
    run: Run,
    songs: Songs,
    log: Log,
    portraits: Mapping[str, NDArray[np.float32]],
    made: Mapping[float, Sequence[Units]],
) -> tuple[Path, ...]:
    """Draw and write what there is to see and hear; return the files."""
    losses, near = run.folder / f"{NAME}-curves.png", run.folder / f"{NAME}-tsne.png"
    series = {"training": epochs_of(log), "held-out songs": [each["nats"] for each in log.checks]}
    curves(losses, series, title=f"{NAME}: {len(songs.training)} songs", y="nats a state")
    tsne(near, portraits, title=f"{NAME}: {GENERATED} states of songs, and generated ones", seed=run.config.seed)
    files = [losses, near]
    for diversity, found in made.items():
        picture = run.folder / f"{NAME}-{diversity:g}.png"
        notes = played(songs.pitches(found[0]))
        roll(picture, notes, title=f"{NAME}, diversity {diversity:g}, {GENERATED} states", seconds=GENERATED * _NOTE_S)
        write_midi(picture.with_suffix(".mid"), notes)
        files += [picture, picture.with_suffix(".mid")]
    return tuple(files)


_REMARKS = (
    "As the poster: 150 pieces, notes and chords as unique states without lengths, windows of 40, two layers of 128 "
    "units with tanh, dropout after each, a softmax over all states, categorical cross-entropy, RMSProp with momentum "
    "and without decay, its learning rate found from coarse to fine by the loss of held-out songs, songs of 40 "
    "states that go on from a random window.",
    "Ours: each state of a window is learned, not the one after it alone; an epoch is as many learned states as the "
    "poster's, one for each third place of the pieces, in updates of 16 windows. Chords are of one hand. Dropout 0.2, "
    "momentum 0.9, diversities 0.2, 0.5, 1.0 and 1.2 are not said there. A tenth of the 150 pieces is held out.",
    "Portraits of songs, for t-SNE: shares of pitches, of pitch classes and of chords by size, over 40 states.",
)
