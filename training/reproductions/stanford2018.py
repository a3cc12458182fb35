"""What the rows of Xu, Xu & Tang 2018 (Music Generation with LSTMs) share: its composers, its figures, its samples."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from improv.models.encodings.symbols import symbol_of
from improv.music.theory import pitch_name
from training.corpora import piano_midi
from training.corpora.piano_midi import Piece
from training.datasets.piano_notes import Units, Vocabulary, melody, shares
from training.networks import Network
from training.reproductions import Figure
from training.reproductions.pictures import Played
from training.trainers.next_symbol import generate, most_common

COMPOSERS = ("Beethoven", "Mozart")
"""The networks of the first are exported, those of the second are measured."""

WINDOW = 10
"""Notes that the next one follows from (section III)."""

THEIR_ACCURACY = MappingProxyType({"Beethoven": "28.5 %", "Mozart": "29.9 %"})
THEIR_MOST_COMMON = MappingProxyType({"Beethoven": "5.91 %", "Mozart": "3.23 %"})

SONGS, SONG_NOTES = 30, 100
"""Songs that are generated for a sample, and how long they are."""

TOGETHER = 3
"""Songs whose notes are counted together, as in section VI.iii."""

NOTE_S = 0.25


@dataclass(frozen=True, slots=True)
class Melodies:
    """The melodies of a composer, one pitch of each note or chord, as units."""

    composer: str
    vocabulary: Vocabulary
    songs: Mapping[str, Units]
    """By the name of the piece."""

    @classmethod
    def of(cls, composer: str, pieces: Sequence[Piece]) -> "Melodies":
        """Return the melodies of a composer's pieces."""
        written = {
            piece.name: [symbol_of((pitch,)) for pitch in melody(piece)] for piece in piano_midi.by(composer, pieces)
        }
        vocabulary = Vocabulary.of(written.values())
        return cls(composer, vocabulary, {name: vocabulary.units(song) for name, song in written.items()})

    def sides(self, *parts: float, seed: int) -> tuple[tuple[Units, ...], ...]:
        """Return the melodies divided at random into parts of these shares."""
        return tuple(tuple(self.songs[name] for name in side) for side in shares(list(self.songs), *parts, seed=seed))

    def pitches(self, song: Units) -> list[int]:
        """Return a melody as MIDI pitches."""
        return [int(self.vocabulary.symbols[unit]) for unit in song]


@dataclass(frozen=True, slots=True)
class Sample:
    """Songs that were generated, and what section VI.iii asks of them."""

    songs: tuple[tuple[int, ...], ...]
    """As MIDI pitches."""

    @classmethod
    def drawn(
        cls, network: Network, melodies: Melodies, primers: Sequence[Units], temperature: float, seed: int
    ) -> "Sample":
        """Return `SONGS` songs of a network, each begun with ten notes of one of the primers."""
        rng = np.random.default_rng(seed)
        songs = []
        for number in range(SONGS):
            song = primers[number % len(primers)]
            start = int(rng.integers(max(1, len(song) - WINDOW + 1)))
            primer = song[start : start + WINDOW]
            found = generate(network, primer, SONG_NOTES, temperature=temperature, seed=seed + number)
            songs.append(tuple(melodies.pitches(found)))
        return cls(tuple(songs))

    def by_groups(self, measure: Callable[[Sequence[Sequence[int]]], float]) -> float:
        """Return the mean of a measure over groups of `TOGETHER` songs."""
        groups = [self.songs[first : first + TOGETHER] for first in range(0, len(self.songs), TOGETHER)]
        return float(np.mean([measure(group) for group in groups]))

    def most_common(self) -> float:
        """Return the mean share of the most common note of three songs, 0 to 1."""
        return self.by_groups(most_common)

    def different(self) -> float:
        """Return the mean number of different notes in three songs."""
        return self.by_groups(lambda songs: len({note for song in songs for note in song}))


def most_common_figures(source: str, likeliest: Sample, drawn: Sample, theirs: str) -> tuple[Figure, ...]:
    """Return the most-common-note figures of a network's songs, the likeliest note each time and drawn."""
    return (
        Figure(
            f"most common note, three songs of {source}, the likeliest note each time",
            percent(likeliest.most_common()), theirs,
            f"ten times three songs of {SONG_NOTES} notes; of theirs it is not said how long they are, nor how notes "
            "were chosen",
        ),
        Figure(
            f"most common note, three songs of {source}, drawn at temperature 1", percent(drawn.most_common()), theirs
        ),
        Figure(
            f"different notes in three songs of {source}, the likeliest note each time", f"{likeliest.different():.1f}",
            "11" if source == "the regression" else "not said",
        ),
    )  # fmt: skip


def of_people(composers: Sequence[Melodies]) -> tuple[Figure, ...]:
    """Return the most-common-note figures of the composers' own pieces."""
    why = (
        "the report's two figures are near ours with the composers exchanged (5.91 beside our Mozart, 3.23 beside our "
        "Beethoven): its rows may be so"
    )
    return tuple(
        Figure(
            f"most common note, {each.composer}", percent(most_common([song.tolist() for song in each.songs.values()])),
            THEIR_MOST_COMMON[each.composer], why,
        )
        for each in composers
    )  # fmt: skip


def rated(theirs: str) -> Figure:
    """Return the figure of the listening test, which only listeners can give."""
    return Figure(
        "rated by listeners, 1 to 10", "not yet", theirs,
        "`python -m training listen` asks yours; of 16 listeners, a piece by Mozart set as 10",
    )  # fmt: skip


def percent(share: float) -> str:
    """Return a share as the report writes it."""
    return f"{100 * share:.2f} %"


def histogram_of(songs: Sequence[Sequence[int]], lowest: int, highest: int) -> dict[str, float]:
    """Return how often each pitch from the lowest to the highest is in songs, by its name."""
    counts = Counter(pitch for song in songs for pitch in song)
    return {pitch_name(pitch): counts[pitch] for pitch in range(lowest, highest + 1)}


def histograms(melodies: Melodies, samples: Mapping[str, Sample]) -> dict[str, dict[str, float]]:
    """Return the note histograms of a composer and of samples, over the same pitches."""
    own = [melodies.pitches(song) for song in melodies.songs.values()]
    struck = [pitch for song in own for pitch in song]
    span = min(struck), max(struck)
    return {
        melodies.composer: histogram_of(own, *span),
        **{name: histogram_of(sample.songs, *span) for name, sample in samples.items()},
    }


def played(song: Sequence[int]) -> list[Played]:
    """Return a melody as even notes of a quarter of a second: the report's has no rhythm."""
    return [Played(pitch, place * NOTE_S, (place + 1) * NOTE_S) for place, pitch in enumerate(song)]


def melodies_of(folder: Path) -> tuple[Melodies, ...]:
    """Return the melodies of both composers."""
    pieces, _ = piano_midi.read(folder)
    return tuple(Melodies.of(composer, pieces) for composer in COMPOSERS)
