"""What the two networks of the report on folk melodies share: songs as events, the task, figures and what they play.

Golla, Music Generation with LSTM and Transformers. The songs are laid out as in the lessons whose code the report
follows (V. Velardo, Generating melodies with LSTM nets): 64 times the symbol that ends a song, and then the song.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from improv.models.contract import Tensors
from improv.models.encodings.symbols import END, HOLD, REST, pitches_of
from training.corpora import esac
from training.corpora.esac import Song
from training.datasets.digest import digest
from training.networks.golla import GollaLstm, GollaPlayed, GollaTransformer
from training.reproductions.pictures import Played
from training.trainers.export import PARITY_STEPS
from training.trainers.train import Config, Task

Golla: TypeAlias = GollaLstm | GollaTransformer

TRAINED, HELD_OUT = 2_000, 200
"""Songs to learn from, as in the report; and songs to choose by, and as many more to judge by."""

DELIMITERS = 64
"""Symbols between songs, as many as the report's sequences have."""

SPLIT_SEED = 1
"""The songs are the same for every run."""

ENCODING = "events"
_SIXTEENTH_S = 0.125
"""At 120 quarter notes a minute, the tempo of the MIDI files that the report's program writes."""

MOST_STEPS = 500
"""Sixteenths after which a melody is cut off, as in the lessons."""

_SCALE = frozenset((0, 2, 4, 5, 7, 9, 11))
_JUDGED_AT_ONCE = 20

_PHRASE = 8
"""Notes in a row that are looked for in the songs learned from."""

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Songs:
    """Songs on three sides, and the symbols of those that are learned from; others that have more are left out."""

    sides: esac.Sides
    read: int
    dropped: Mapping[str, int]

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the songs that are learned from: pitches upwards, then hold, rest and end."""
        found = {symbol for song in self.sides.training for symbol in song.symbols()} - {HOLD, REST}
        return (*sorted(found, key=int), HOLD, REST, END)

    def known(self, songs: Iterable[Song]) -> list[Song]:
        """Return the songs that can be written in the symbols."""
        return [song for song in songs if set(song.symbols()) <= set(self.symbols)]

    def numbers(self, symbols: Iterable[str]) -> Numbers:
        """Return symbols by number."""
        number = {symbol: place for place, symbol in enumerate(self.symbols)}
        return np.array([number[symbol] for symbol in symbols], np.int64)


def read(folder: Path = esac.FOLDER, training: int = TRAINED, held_out: int = HELD_OUT) -> Songs:
    """Return the songs of the collection; InputNotFound where it is missing, DataError if it is not as expected."""
    songs, dropped = esac.read(folder)
    return Songs(esac.split(songs, training, held_out, SPLIT_SEED), len(songs), dropped)


@dataclass(frozen=True)
class FolkTask(Task[Golla, Tensor]):
    """The next sixteenth of folk songs."""

    score: ClassVar[str] = "nats"

    songs: Songs
    fresh: Callable[[int], Golla]
    """A new network for so many symbols."""
    sampled: int = 100
    """Songs learned from that each check looks at, beside those that were not."""

    @cached_property
    def stream(self) -> Numbers:
        """The songs that are learned from in one line, each after its delimiters."""
        symbols: list[str] = []
        for song in self.songs.sides.training:
            symbols += [END] * DELIMITERS + song.symbols()
        return self.songs.numbers(symbols + [END] * DELIMITERS)

    def settings(self) -> Mapping[str, object]:
        """Return the symbols, and digests of what is learned from and what is judged by."""
        judged = self.songs.numbers(s for song in self.songs.sides.validation for s in (*song.symbols(), END))
        return {"symbols": self.songs.symbols, "learned_from": digest([self.stream, judged])}

    def network(self) -> Golla:
        """Return a new network."""
        return self.fresh(len(self.songs.symbols))

    def batch(self, config: Config, rng: np.random.Generator) -> Tensor:
        """Return stretches that begin anywhere, by number, (steps + 1, batch)."""
        starts = rng.integers(0, len(self.stream) - config.steps, config.batch)
        return torch.from_numpy(self.stream[starts[None] + np.arange(config.steps + 1)[:, None]])

    def losses(self, network: Golla, batch: Tensor) -> Mapping[str, Tensor]:
        """Return the surprise at every event of the stretches but the first."""
        batch = batch.to(network.dense.weight.device)
        return {"event": cross_entropy(network.logits(batch[:-1]).flatten(0, 1), batch[1:].flatten())}

    def validate(self, network: Golla) -> Mapping[str, float]:
        """Return figures of songs held out, and by names that say so, of some that were learned from."""
        held_out = judge(network, self.songs, self.songs.known(self.songs.sides.validation))
        learned = judge(network, self.songs, self.songs.sides.training[: self.sampled])
        return {**held_out, **{f"learned {name}": value for name, value in learned.items()}}


@torch.no_grad()
def judge(network: Golla, songs: Songs, judged: Sequence[Song]) -> dict[str, float]:
    """Return how well the next symbols of songs are foretold, each song after its delimiters.

    `nats` and `accuracy` are of a song's own symbols and the first that ends it; `onset accuracy` of the pitches and
    rests that begin in it; `loss` and `report accuracy` of all targets as the report counts them, 64 ends among them.
    """
    hold, end = songs.numbers((HOLD, END))
    device = network.dense.weight.device
    nats: list[Tensor] = []
    right: list[Tensor] = []
    wanted: list[Tensor] = []
    own: list[Tensor] = []
    ordered = sorted(judged, key=lambda song: len(song.symbols()))
    for first in range(0, len(ordered), _JUDGED_AT_ONCE):
        rows = [song.symbols() for song in ordered[first : first + _JUDGED_AT_ONCE]]
        longest = max(len(row) for row in rows)
        laid = [[END] * DELIMITERS + row + [END] * (DELIMITERS + longest - len(row)) for row in rows]
        events = torch.from_numpy(np.stack([songs.numbers(each) for each in laid], axis=1)).to(device)
        targets = events[DELIMITERS:]
        logits = network.logits(events[:-1])[DELIMITERS - 1 :]
        lengths = torch.tensor([len(row) for row in rows], device=device)
        at = torch.arange(len(targets), device=device)[:, None]
        counted = at < lengths + DELIMITERS
        surprise = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
        nats.append(surprise[counted])
        right.append((logits.argmax(-1) == targets)[counted])
        wanted.append(targets[counted])
        own.append((at <= lengths).expand_as(targets)[counted])
    surprise, is_right, target, is_own = (torch.cat(each) for each in (nats, right, wanted, own))
    begins = is_own & (target != hold) & (target != end)
    return {
        "nats": float(surprise[is_own].mean()),
        "accuracy": float(is_right[is_own].float().mean()),
        "onset accuracy": float(is_right[begins].float().mean()),
        "loss": float(surprise.mean()),
        "report accuracy": float(is_right.float().mean()),
    }


def always_held(judged: Sequence[Song]) -> float:
    """Return the accuracy of always foretelling that what sounds is held, of songs' own symbols and their ends."""
    symbols = [symbol for song in judged for symbol in (*song.symbols(), END)]
    return symbols.count(HOLD) / len(symbols)


@torch.no_grad()
def go_on(
    network: Golla, songs: Songs, begun: Sequence[Sequence[str]], temperature: float, seed: int
) -> list[list[str]]:
    """Return how a network goes on with songs, after delimiters and what is begun: until it ends them or is cut off.

    What is begun is of one length. Each symbol is drawn at a temperature from what the network expects.
    """
    rng, units = np.random.default_rng(seed), len(songs.symbols)
    numbers = np.stack([songs.numbers([END] * DELIMITERS + list(each)) for each in begun], axis=1)
    states = tuple(torch.zeros(len(begun), width) for width in network.STATE.values())
    found: list[Numbers] = []
    for place in range(DELIMITERS + MOST_STEPS):
        if place < len(numbers):
            now = numbers[place]
        else:
            logits = network(torch.zeros(len(begun), units), *states)[0].double() / temperature
            reached = logits.softmax(-1).numpy().cumsum(-1)
            now = (reached < rng.random(len(begun))[:, None]).sum(-1).clip(0, units - 1)
            found.append(now)
        states = network(one_hot(torch.from_numpy(now), units).float(), *states)[1:]
    lines = [[songs.symbols[number] for number in line] for line in np.stack(found, axis=1)]
    return [line[: line.index(END)] if END in line else line for line in lines]


@torch.no_grad()
def as_played(network: Golla, songs: Songs) -> GollaPlayed:
    """Return a network as it is played: its memory, where it is empty, is that after the delimiters before a song."""
    hold, end = songs.numbers((HOLD, END))
    delimiter = one_hot(torch.tensor([int(end)]), len(songs.symbols)).float()
    states = tuple(torch.zeros(1, width) for width in network.STATE.values())
    for _ in range(DELIMITERS):
        states = network(delimiter, *states)[1:]
    return GollaPlayed(network, states, int(hold), int(hold))


def probes(songs: Songs, seed: int) -> Iterator[Tensors]:
    """Yield the features of `PARITY_STEPS` moves: songs held out, rests and notes that are held long, random events."""
    heard = songs.numbers(s for song in songs.known(songs.sides.test) for s in (*song.symbols(), END))
    long = songs.numbers([symbol for begins in (HOLD, REST, songs.symbols[0]) for symbol in (begins, *(HOLD,) * 40)])
    drawn = np.random.default_rng(seed).integers(0, len(songs.symbols), PARITY_STEPS)
    for number in np.concatenate((heard[: PARITY_STEPS // 2], long, drawn))[:PARITY_STEPS]:
        yield {"event": np.eye(len(songs.symbols), dtype=np.float32)[[number]]}


def notes_of(symbols: Iterable[str]) -> list[tuple[int, int, int]]:
    """Return the notes of a song as pitch, first sixteenth, and the one after their last; what is held is held on."""
    found: list[tuple[int, int, int]] = []
    pitch, began, place = None, 0, -1
    for place, symbol in enumerate(symbols):
        if symbol == HOLD:
            continue
        if pitch is not None:
            found.append((pitch, began, place))
        pitch, began = next(iter(pitches_of(symbol)), None), place
    if pitch is not None:
        found.append((pitch, began, place + 1))
    return found


def played(symbols: Iterable[str]) -> list[Played]:
    """Return the notes of a song in seconds."""
    return [Played(pitch, begin * _SIXTEENTH_S, end * _SIXTEENTH_S) for pitch, begin, end in notes_of(symbols)]


@dataclass(frozen=True, slots=True)
class Melodies:
    """What songs are like: how often which pitch and which duration in sixteenths, and more."""

    pitches: Counter[str]
    durations: Counter[str]
    scale: float
    """The share of notes on the white keys."""
    repeated: float
    """The share of notes that repeat the one before."""
    leaps: float
    """The share of intervals beyond a fifth."""
    known: float
    """The share of eight notes in a row, with their durations, that are in songs that were learned from."""


def melodies(lines: Sequence[Sequence[str]], songs: Songs) -> Melodies:
    """Return what melodies are like, each in symbols."""
    known = {phrase for song in songs.sides.training for phrase in _phrases(song.symbols())}
    notes = [notes_of(line) for line in lines]
    all_notes = [note for each in notes for note in each]
    steps = [abs(after[0] - before[0]) for each in notes for before, after in pairwise(each)]
    phrases = [phrase for line in lines for phrase in _phrases(line)]
    return Melodies(
        Counter(str(pitch) for pitch, _, _ in sorted(all_notes)),
        Counter(str(length) for length in sorted(end - begin for _, begin, end in all_notes)),
        _share(note[0] % 12 in _SCALE for note in all_notes),
        _share(step == 0 for step in steps),
        _share(step > 7 for step in steps),
        _share(phrase in known for phrase in phrases),
    )


def _phrases(line: Sequence[str]) -> list[tuple[tuple[int, int], ...]]:
    notes = [(pitch, end - begin) for pitch, begin, end in notes_of(line)]
    return [tuple(notes[first : first + _PHRASE]) for first in range(len(notes) - _PHRASE + 1)]


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / max(1, len(found))


def apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return how far apart two histograms are: half the sum of the differences of their shares, 0 to 1."""
    of_one, of_other = (sum(each.values()) or 1 for each in (one, other))
    return sum(abs(one.get(key, 0) / of_one - other.get(key, 0) / of_other) for key in {*one, *other}) / 2
