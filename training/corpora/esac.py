"""Folk songs in EsAC notation, in C major or A minor: `python -m training.corpora.esac [FOLDER]` says what is read.

The Essen folk-song collections (H. Schaffrath, Essen Associative Code), as jazzodata publishes them under the MIT
licence. A digit is a degree of the major scale on the tonic, `0` a rest; `-` and `+` before it an octave down or up,
`#` and `b` after it accidentals; each `_` doubles its duration, each `.` adds half of what was added before; `^` goes
on with what sounded before. Songs are kept whose durations are those that the well-known lessons on folk-song networks
accept (V. Velardo, Generating melodies with LSTM nets, 2020), with the tonic moved to C4 or A4 as those do.
"""

import argparse
import csv
import gzip
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np

from improv.errors import DataError, ImprovError, InputNotFound
from improv.models.encodings.symbols import HOLD, REST, symbol_of

FOLDER = Path(os.environ.get("IMPROV_DATA", "../shared/data")) / "esac"
"""Where it lies, unless another place is named."""

TABLE = "folksongs.csv.gz"

ACCEPTED = frozenset(Fraction(text) for text in ("1/4", "1/2", "3/4", "1", "3/2", "2", "3", "4"))
"""Durations in quarter notes."""

SIXTEENTH = Fraction(1, 4)

DATA = {
    "source": "folk songs of the Essen collections in EsAC notation (H. Schaffrath and others), from jazzodata",
    "licence": "MIT (jazzodata)",
}

_DEGREES = (0, 2, 4, 5, 7, 9, 11)
_TONIC = MappingProxyType({"maj": 60, "min": 69})
_ACCIDENTALS = MappingProxyType({"": 0, "#": 1, "b": -1})
_TOKEN = re.compile(r"(?P<octave>[-+]*)(?P<degree>[0-7])(?P<accidental>[#b]?)(?P<length>_*\.*)|\^(?P<tied>_*\.*)|\s+")


class _NotRead(Exception):
    """Why a song is left out, in few words."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A pitch, or none for a rest, and how long it lasts in quarter notes, each tied part by itself."""

    pitch: int | None
    parts: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Song:
    """A melody in C major or A minor."""

    name: str
    title: str
    is_major: bool
    tones: tuple[Tone, ...]

    @property
    def group(self) -> str:
        """The name without the letter by which variants of one song differ."""
        return self.name.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") or self.name

    def symbols(self) -> list[str]:
        """Return the song in sixteenths: a pitch or a rest begins, and is held; without an end."""
        found: list[str] = []
        for tone in self.tones:
            begins = REST if tone.pitch is None else symbol_of((tone.pitch,))
            found += [begins] + [HOLD] * (int(sum(tone.parts) / SIXTEENTH) - 1)
        return found


@dataclass(frozen=True, slots=True)
class Sides:
    """Songs to learn from, to choose by and to judge by; variants of a song are on one side."""

    training: tuple[Song, ...]
    validation: tuple[Song, ...]
    test: tuple[Song, ...]


def read(folder: Path = FOLDER) -> tuple[list[Song], Counter[str]]:
    """Return the songs of the collection and, by reason, how many were left out.

    InputNotFound where there is no table, DataError for one that is not as expected.
    """
    path = folder / TABLE
    if not path.exists():
        raise InputNotFound(f"{path} is not there: IMPROV_DATA names the folder of corpora")
    songs: list[Song] = []
    dropped: Counter[str] = Counter()
    known: set[tuple[Tone, ...]] = set()
    for row in _rows(path):
        try:
            song = song_of(row)
        except _NotRead as why:
            dropped[str(why)] += 1
            continue
        if song.tones in known:
            dropped["the same as another"] += 1
            continue
        known.add(song.tones)
        songs.append(song)
    return songs, dropped


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    """Yield the rows of the table."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := {"id", "title", "key", "unit", "melstring"} - set(reader.fieldnames or ()):
                raise DataError(f"{path} has no column {min(missing)}")
            yield from reader
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def song_of(row: Mapping[str, str]) -> Song:
    """Return the song of a row of the table."""
    _, _, mode = row["key"].partition("-")
    if mode not in _TONIC:
        raise _NotRead("neither major nor minor")
    melody, end, _ = row["melstring"].partition("//")
    if not end or not row["unit"].isdecimal() or not int(row["unit"]):
        raise _NotRead("not understood")
    if "(" in melody:
        raise _NotRead("tuplets")
    tones = tones_of(melody, Fraction(4, int(row["unit"])), _TONIC[mode])
    if any(part not in ACCEPTED for tone in tones for part in tone.parts):
        raise _NotRead("other durations")
    if not any(tone.pitch is not None for tone in tones):
        raise _NotRead("no notes")
    return Song(row["id"], row["title"], mode == "maj", tuple(tones))


def tones_of(melody: str, unit: Fraction, tonic: int) -> list[Tone]:
    """Return the tones of a melody in EsAC whose shortest note lasts `unit` quarter notes, over a tonic."""
    found: list[Tone] = []
    at = 0
    while at < len(melody):
        token = _TOKEN.match(melody, at)
        if token is None:
            raise _NotRead("not understood")
        at = token.end()
        if token["degree"] is not None:
            pitch = None
            if degree := int(token["degree"]):
                octaves = token["octave"].count("+") - token["octave"].count("-")
                pitch = tonic + _DEGREES[degree - 1] + _ACCIDENTALS[token["accidental"]] + 12 * octaves
            elif token["octave"] or token["accidental"]:
                raise _NotRead("not understood")
            found.append(Tone(pitch, (unit * _length(token["length"]),)))
        elif token["tied"] is not None:
            if not found:
                raise _NotRead("not understood")
            found[-1] = Tone(found[-1].pitch, (*found[-1].parts, unit * _length(token["tied"])))
    return found


def _length(marks: str) -> Fraction:
    """Return a duration in units from its underscores and dots."""
    dots = marks.count(".")
    return Fraction(2 ** marks.count("_")) * (2 - Fraction(1, 2**dots))


def split(songs: Sequence[Song], training: int, held_out: int, seed: int) -> Sides:
    """Return songs drawn by a seed: so many to learn from, and twice so many held out, fewer where there are fewer.

    No song on one side is a variant of one on another.
    """
    groups: dict[str, list[Song]] = {}
    for song in songs:
        groups.setdefault(song.group, []).append(song)
    names = sorted(groups)
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    sides: list[list[Song]] = [[], [], []]
    wanted = (held_out, held_out, training)
    place = 0
    for name in order:
        if place < len(sides) - 1 and len(sides[place]) >= wanted[place]:
            place += 1
        sides[place] += groups[name]
    test, validation, rest = (tuple(side[:count]) for side, count in zip(sides, wanted, strict=True))
    return Sides(rest, validation, test)


def main() -> None:
    """Print a report on the collection."""
    parser = argparse.ArgumentParser(description="What is in the folk-song collection, and what of it is read.")
    parser.add_argument("path", type=Path, nargs="?", default=FOLDER, help=f"the folder with {TABLE} [{FOLDER}]")
    try:
        songs, dropped = read(parser.parse_args().path)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    symbols = Counter(symbol for song in songs for symbol in song.symbols())
    print(f"{len(songs):,} songs are read, {sum(song.is_major for song in songs):,} of them in major")
    print(f"left out: {', '.join(f'{count:,} {why}' for why, count in dropped.most_common())}")
    print(f"{sum(symbols.values()):,} sixteenths of {len(symbols)} symbols: {' '.join(sorted(symbols))}")


if __name__ == "__main__":
    main()
