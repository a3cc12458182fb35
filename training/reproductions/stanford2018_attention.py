"""Xu, Xu & Tang 2018, sections IV.ii and V: two LSTM layers of 64 units that attend to what they put out before.

It is told in sixteenths: a note begins, what is goes on, or a rest begins, as in Magenta's attention_rnn, whose values
of size and batch the report took over. From there come also how far it looks back, and that half of what leaves a layer
is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from improv.models.encodings.symbols import END, HOLD, REST, pitches_of
from improv.music.theory import pitch_name
from training.corpora import piano_midi
from training.corpora.piano_midi import Piece
from training.datasets.piano_notes import HIGHEST, LOWEST, SIXTEENTHS_A_QUARTER, Units, Vocabulary, events, shares
from training.networks.attention_lstm import AttentionLstm
from training.reproductions import Figure, Reproduction, Run
from training.reproductions.lines import halved_export
from training.reproductions.pictures import Played, curves, histogram, roll, write_midi
from training.reproductions.stanford2018 import COMPOSERS, SONGS, TOGETHER, histogram_of, percent, rated
from training.trainers.checkpoints import Log
from training.trainers.next_symbol import NextSymbol, generate, judge, most_common
from training.trainers.progress import portion
from training.trainers.train import Config, train

NAME = "stanford2018-attention"

HIDDEN, DROPOUT = 64, 0.5
LOOKED_BACK = 40
"""Steps, as in attention_rnn: two bars and a half."""

CONFIG = Config(
    updates=840, batch=64, steps=64, rate=2e-3, schedule="constant", clip=3.0, check_every=20, patience=6
)  # fmt: skip
"""Batch and size are the report's, the clipping attention_rnn's."""

SIDES = (0.70, 0.15, 0.15)

PRIMER, SONG_EVENTS = 32, 256
"""Events that a song begins with and that are generated: two bars, and sixteen."""

_BPM = 100
_SIXTEENTH_S = 60 / _BPM / SIXTEENTHS_A_QUARTER


@dataclass(frozen=True, slots=True)
class Learned:
    """The network of a composer, and what it was trained and judged with."""

    composer: str
    vocabulary: Vocabulary
    network: AttentionLstm
    log: Log
    sides: tuple[tuple[Units, ...], ...]

    def pitches(self, song: Units) -> list[int]:
        """Return the pitches of the notes that begin in a song."""
        return [pitch for unit in song for pitch in pitches_of(self.vocabulary.symbols[unit])]

    def all_pitches(self) -> list[list[int]]:
        """Return the pitches of the notes of each of the composer's pieces."""
        return [self.pitches(song) for side in self.sides for song in side]


def learn(run: Run, composer: str, pieces: Sequence[Piece], first: float, last: float) -> Learned:
    """Return a composer's network; `first` to `last` is the share of the run's progress that this is."""
    written = [events(piece) for piece in piano_midi.by(composer, pieces)]
    vocabulary = Vocabulary.of([*written, (HOLD, REST, END)])
    sides = shares([vocabulary.units(song) for song in written], *SIDES, seed=run.config.seed)
    units = len(vocabulary)
    sizes = {"units": units, "hidden": HIDDEN, "window": LOOKED_BACK, "dropout": DROPOUT}
    task = NextSymbol(sides[0], sides[1], lambda: AttentionLstm(units, HIDDEN, LOOKED_BACK, DROPOUT), sizes)
    network, log = train(
        run.config, task, checkpoint=run.folder / f"{NAME}-{composer.lower()}.checkpoint", device=run.device,
        progressed=portion(run.progressed, first, last, composer),
    )  # fmt: skip
    assert isinstance(network, AttentionLstm)
    return Learned(composer, vocabulary, network, log, sides)


def accuracies(learned: Learned) -> tuple[Figure, ...]:
    """Return how often the network of a composer is right on the test side, beside what always saying `_` reaches."""
    judged = judge(learned.network, learned.sides[2])
    hold = learned.vocabulary.by_symbol[HOLD]
    is_new = [song != hold for song in learned.sides[2]]
    holds = 1 - float(np.mean(np.concatenate(is_new)))
    return (
        Figure(
            f"next event, {learned.composer}, pieces that were not learned from", percent(judged["accuracy"]),
            "not said",
            f"{percent(holds)} of the events go on with what is; surprise {judged['nats']:.3f} nats a sixteenth",
        ),
        Figure(
            f"next event, {learned.composer}, the pieces that it learned",
            percent(judge(learned.network, learned.sides[0])["accuracy"]), "not said",
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """Songs that were generated, as units."""

    songs: tuple[Units, ...]

    @classmethod
    def drawn(cls, learned: Learned, temperature: float, seed: int) -> "Sample":
        """Return `SONGS` songs, each begun with two bars of a piece of the test side."""
        rng = np.random.default_rng(seed)
        never = [learned.vocabulary.by_symbol[END]]
        songs = []
        for number in range(SONGS):
            piece = learned.sides[2][number % len(learned.sides[2])]
            start = int(rng.integers(max(1, len(piece) - PRIMER)))
            primer = piece[start : start + PRIMER]
            song = generate(
                learned.network, primer, SONG_EVENTS, temperature=temperature, seed=seed + number, never=never
            )
            songs.append(song)
        return cls(tuple(songs))


def sample_figures(learned: Learned, sample: Sample, how: str) -> tuple[Figure, ...]:
    """Return what songs of a network are like: the most common note of three, and what becomes of its sixteenths."""
    songs = [learned.pitches(song) for song in sample.songs]
    groups = [songs[first : first + TOGETHER] for first in range(0, len(songs), TOGETHER)]
    found = [most_common(group) for group in groups if any(group)]
    of = learned.vocabulary.by_symbol
    own, ours = (
        {what: np.mean(np.concatenate(side) == of[what]) for what in (HOLD, REST)}
        for side in (learned.sides[2], sample.songs)
    )
    return (
        Figure(
            f"most common note, three songs of the network, {how}", percent(float(np.mean(found))) if found else "none",
            "not said", f"the composer's own, as it is told here: {percent(most_common(learned.all_pitches()))}",
        ),
        Figure(
            f"sixteenths that hold and that begin a rest, {how}", f"{percent(ours[HOLD])}, {percent(ours[REST])}",
            "not said", f"{learned.composer}, test side: {percent(own[HOLD])}, {percent(own[REST])}",
        ),
    )  # fmt: skip


def played(vocabulary: Vocabulary, song: Units) -> list[Played]:
    """Return a song of events as notes in seconds."""
    found: list[Played] = []
    pitch, began = None, 0
    for place, unit in enumerate([*song.tolist(), vocabulary.by_symbol[END]]):
        what = vocabulary.symbols[unit]
        if what == HOLD:
            continue
        if pitch is not None:
            found.append(Played(pitch, began * _SIXTEENTH_S, place * _SIXTEENTH_S))
        (pitch,), began = pitches_of(what) or (None,), place
    return found


def reproduce(run: Run) -> Reproduction:
    """Train the networks of both composers, measure, export and draw."""
    pieces, _ = piano_midi.read(piano_midi.FOLDER)
    share = 0.9 / len(COMPOSERS)
    found = [
        learn(run, composer, pieces, place * share, (place + 1) * share) for place, composer in enumerate(COMPOSERS)
    ]
    run.progressed(0.9, "measuring")
    exported = found[0]
    figures = [figure for each in found for figure in accuracies(each)]
    likeliest, drawn = (Sample.drawn(exported, temperature, run.config.seed) for temperature in (0.0, 1.0))
    figures += sample_figures(exported, likeliest, "the likeliest event each time")
    figures += sample_figures(exported, drawn, "drawn at temperature 1")
    figures.append(rated("5.31"))
    run.progressed(0.95, "exporting")
    model = run.out / f"{NAME}.onnx"
    halved_export(
        exported.network, model, "events", exported.vocabulary.symbols, run.config.seed,
        {"validation_nats": min(each["nats"] for each in exported.log.checks)}, is_primed=True,
    )  # fmt: skip
    files = _files(run, found, likeliest, drawn)
    return Reproduction(tuple(figures), (*_REMARKS, *(_trained(each, run.config) for each in found)), (*files, model))


def _trained(learned: Learned, config: Config) -> str:
    best = min(learned.log.checks, key=lambda each: each["nats"])
    epochs = best["update"] * config.batch * config.steps / sum(map(len, learned.sides[0]))
    return (
        f"{learned.composer}: {', '.join(str(len(side)) for side in learned.sides)} pieces; best after {epochs:.0f} "
        f"epochs ({best['nats']:.3f} nats a sixteenth on the validation pieces) of "
        f"{learned.log.checks[-1]['update'] * config.batch * config.steps / sum(map(len, learned.sides[0])):.0f}."
    )


def _files(run: Run, found: Sequence[Learned], likeliest: Sample, drawn: Sample) -> tuple[Path, ...]:
    """Draw and write what there is to see and hear; return the files."""
    exported = found[0]
    notes, losses = run.folder / f"{NAME}-notes.png", run.folder / f"{NAME}-curves.png"
    of_songs = {
        exported.composer: exported.all_pitches(),
        "attention, likeliest": [exported.pitches(song) for song in likeliest.songs],
        "attention, drawn": [exported.pitches(song) for song in drawn.songs],
    }
    histogram(
        notes, {name: histogram_of(songs, LOWEST, HIGHEST) for name, songs in of_songs.items()},
        title=f"Notes of {exported.composer} and of the network, {pitch_name(LOWEST)} to {pitch_name(HIGHEST)}",
    )  # fmt: skip
    series = {
        f"{each.composer}, {side}": [check[name] for check in each.log.checks]
        for each in found
        for side, name in (("training", "training"), ("validation", "nats"))
    }
    curves(losses, series, title=NAME, x=f"{run.config.check_every} updates", y="nats a sixteenth")
    files = [notes, losses]
    for sample, what in ((likeliest, "likeliest"), (drawn, "drawn")):
        picture, song = run.folder / f"{NAME}-{what}.png", played(exported.vocabulary, sample.songs[0])
        roll(picture, song, title=f"{NAME}, {what}, 16 bars", seconds=SONG_EVENTS * _SIXTEENTH_S)
        write_midi(picture.with_suffix(".mid"), song, _BPM)
        files += [picture, picture.with_suffix(".mid")]
    return tuple(files)


_REMARKS = (
    "As the report: two LSTM layers of 64 units, attention by its equations 1 to 3, batches of 64, 70 % of the pieces "
    "to learn from, 15 % to choose by, 15 % to judge by; rest and hold events.",
    "As attention_rnn of Magenta, its code base: sixteenths, 40 of them looked back over, the attention around the "
    "lower layer, what is attended to read beside the next input and mixed into the output; dropout 0.5, gradients "
    "clipped at 3; melodies folded into C3 to B5, silences cut to a bar.",
    "Ours: the melody is the top line of the right hand alone (Magenta would take that of each track); events alone "
    "are read, without attention_rnn's features of key and repetition; Adam at 0.002 on stretches of four bars, "
    "stopped when the validation pieces gained nothing for 120 updates, or after 840 (attention_rnn has 20,000).",
    "The exported network is the one trained on Beethoven; Mozart's is measured.",
)
