"""Piano pieces as sequences of symbols: a note or chord at a time without its length, or one event each sixteenth.

As music21 reads a MIDI file, the chords of each hand are apart, and of what begins at once the right hand comes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.symbols import END, HOLD, REST, pitches_of
from training.corpora.piano_midi import Note, Piece

T = TypeVar("T")

Pitches = tuple[int, ...]
Units = NDArray[np.int64]

SIXTEENTHS_A_QUARTER = 4
LOWEST, HIGHEST = 48, 83
"""Pitches of events; others are moved by octaves (Magenta's melody_rnn, on which the attention network was built)."""

LONGEST = 16
"""Sixteenths that an event lasts at most, a bar."""

RIGHT_HAND = 0

_TOGETHER = 48
"""Notes of a hand are a chord if they begin within one of so many parts of a quarter note."""


def chords(piece: Piece) -> list[Pitches]:
    """Return the notes and chords of a piece in order, each as the pitches that one hand strikes at once, ascending."""
    found: dict[tuple[int, int], set[int]] = {}
    for note in piece.notes:
        found.setdefault((round(note.onset * _TOGETHER), note.hand), set()).add(note.pitch)
    return [tuple(sorted(found[when])) for when in sorted(found)]


def melody(piece: Piece) -> list[int]:
    """Return one pitch of each note or chord of a piece, the highest."""
    return [pitches[-1] for pitches in chords(piece)]


def events(piece: Piece) -> list[str]:
    """Return the melody of the right hand as one event each sixteenth, from its first note to its end.

    Of notes that begin in one sixteenth the highest stays; a note ends where the next one begins. What lasts longer
    than `LONGEST`, mostly the silence of the hand, is cut to that, as Magenta's melodies end with a bar of silence: a
    network that has heard bars of `_` would say nothing else.
    """
    onsets: dict[int, Note] = {}
    for note in piece.notes:
        if note.hand == RIGHT_HAND:
            at = round(note.onset * SIXTEENTHS_A_QUARTER)
            if at not in onsets or note.pitch > onsets[at].pitch:
                onsets[at] = note
    if not onsets:
        return [END]
    begins = sorted(onsets)
    last = max(begins[-1] + 1, round(onsets[begins[-1]].end * SIXTEENTHS_A_QUARTER))
    found = [HOLD] * (last - begins[0])
    for at, following in pairwise([*begins, last]):
        found[at - begins[0]] = str(_in_range(onsets[at].pitch))
        end = max(at + 1, round(onsets[at].end * SIXTEENTHS_A_QUARTER))
        if end < following:
            found[end - begins[0]] = REST
    return [*_shortened(found), END]


def _shortened(song: Iterable[str]) -> Iterator[str]:
    """Yield events without those that go on with what has lasted for `LONGEST` sixteenths."""
    lasted = 0
    for event in song:
        lasted = lasted + 1 if event == HOLD else 1
        if lasted <= LONGEST:
            yield event


def _in_range(pitch: int) -> int:
    if pitch < LOWEST:
        return LOWEST + (pitch - LOWEST) % 12
    return pitch if pitch <= HIGHEST else HIGHEST - (HIGHEST - pitch) % 12


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The symbols that there are; a unit is the number of one."""

    symbols: tuple[str, ...]

    @classmethod
    def of(cls, songs: Iterable[Iterable[str]]) -> "Vocabulary":
        """Return the vocabulary of all symbols in songs: chords by their pitches, what is none of them at the end."""
        found = {each for song in songs for each in song}
        notes = sorted((each for each in found if pitches_of(each)), key=pitches_of)
        return cls((*notes, *(each for each in (HOLD, REST, END) if each in found)))

    def __len__(self) -> int:
        return len(self.symbols)

    def units(self, song: Iterable[str]) -> Units:
        """Return the units of a song, (notes,); KeyError for a symbol that there is not."""
        of = self.by_symbol
        return np.array([of[each] for each in song], np.int64)

    @property
    def by_symbol(self) -> Mapping[str, int]:
        """The unit of each symbol."""
        return MappingProxyType({each: unit for unit, each in enumerate(self.symbols)})


def shares(songs: Sequence[T], *parts: float, seed: int) -> tuple[tuple[T, ...], ...]:
    """Return songs divided at random into parts of these shares of their number, each in order."""
    order = np.random.default_rng(seed).permutation(len(songs))
    ends = np.round(np.cumsum(parts) / sum(parts) * len(songs)).astype(int)
    return tuple(tuple(songs[at] for at in sorted(order[start:end])) for start, end in pairwise([0, *ends.tolist()]))
