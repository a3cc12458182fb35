"""Classical piano pieces of piano-midi.de: `python -m training.corpora.piano_midi FOLDER` says what is in them.

The files were sequenced from scores, step by step, and then given tempos and loudness, so that notes lie exactly on
their quarter notes while seconds follow a pianist's rubato. A note lasts as long as its key is held; the pedal is not
read. Source: Bernd Krueger, Classical Piano Midi Page, piano-midi.de; CC BY-SA 3.0 DE.
"""

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from symusic.core import ScoreTick

from improv.errors import DataError, ImprovError, InputNotFound

FOLDER = Path(os.environ.get("IMPROV_DATA", "../shared/data")) / "piano_midi_de"
"""Where it lies, unless another place is named."""

DATA = {
    "source": "Classical Piano Midi Page (piano-midi.de), MIDI files sequenced by Bernd Krueger",
    "licence": "CC BY-SA 3.0 DE",
}
"""What a model file says of the pieces that it was trained on."""

_LIST = "metadata.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A key that is struck and held."""

    pitch: int
    velocity: int
    onset: float
    """In quarter notes from the beginning of the file."""
    end: float
    onset_s: float
    """In seconds from the beginning of the file."""
    end_s: float
    hand: int
    """The track it is in: 0 is mostly the right hand, 1 the left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece, or a movement of one."""

    name: str
    """Of its file, without the ending."""
    composer: str
    title: str
    notes: tuple[Note, ...]
    """By onset, then pitch."""

    @property
    def end_s(self) -> float:
        """When the last note ends, in seconds."""
        return max((note.end_s for note in self.notes), default=0.0)


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what was not, with the reason."""

    pieces: Mapping[str, int]
    """How many pieces there are of each composer."""
    notes: int
    left_out: Mapping[str, int]
    """How many notes were left out or cut short for each reason."""

    def __str__(self) -> str:
        lines = [f"{number:>8,} {composer}" for composer, number in sorted(self.pieces.items())]
        rest = [f"{number:>8,} {why}" for why, number in sorted(self.left_out.items())]
        return "\n".join([*lines, f"{self.notes:>8,} notes", *rest])


def read(folder: Path = FOLDER) -> tuple[tuple[Piece, ...], Report]:
    """Return all pieces, by composer and name, and a report; InputNotFound or DataError if they cannot be read."""
    left_out: Counter[str] = Counter()
    pieces = sorted(
        (_piece(folder, row, left_out) for row in _listed(folder)), key=lambda each: (each.composer, each.name)
    )
    composers = Counter(piece.composer for piece in pieces)
    return tuple(pieces), Report(composers, sum(len(piece.notes) for piece in pieces), left_out)


def by(composer: str, pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces of a composer; DataError if there is none."""
    found = tuple(piece for piece in pieces if piece.composer == composer)
    if not found:
        raise DataError(f"there is no piece by {composer}; give the folder of piano-midi.de with all its composers")
    return found


def _listed(folder: Path) -> Sequence[Mapping[str, str]]:
    """Return the rows of the list of pieces."""
    try:
        with (folder / _LIST).open(encoding="utf-8", newline="") as listed:
            rows = list(csv.DictReader(listed))
    except OSError as error:
        raise InputNotFound(f"{folder}: {error.strerror}; give the folder with {_LIST}") from error
    missing = {"composer", "title", "midi"} - set(rows[0] if rows else ())
    if missing:
        raise DataError(f"{folder / _LIST}: it has no column {', '.join(sorted(missing))}; give the corpus's own file")
    return rows


def _piece(folder: Path, row: Mapping[str, str], left_out: Counter[str]) -> Piece:
    path = folder / row["midi"]
    if not path.exists():  # the list has some names in capitals
        path = path.with_name(path.name.lower())
    try:
        score = ScoreTick.from_midi(path.read_bytes())
    except Exception as error:  # symusic raises many kinds of error on broken bytes
        raise DataError(f"{path}: no MIDI file, or a broken one ({error})") from error
    tracks = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    left_out["on the drum channel"] += sum(len(track.notes) for track in score.tracks if track.is_drum)
    struck = [
        (note.time, note.end, note.pitch, note.velocity, hand)
        for hand, track in enumerate(tracks)
        for note in track.notes
    ]
    seconds = _seconds(score, struck)
    notes = [
        Note(
            pitch=pitch, velocity=velocity, onset=start / score.tpq, end=end / score.tpq, onset_s=start_s, end_s=end_s,
            hand=hand,
        )
        for (start, end, pitch, velocity, hand), (start_s, end_s) in zip(struck, seconds, strict=True)
    ]  # fmt: skip
    return Piece(
        name=path.stem, composer=row["composer"], title=row["title"].replace("_", " "), notes=_playable(notes, left_out)
    )


def _seconds(score: ScoreTick, struck: Sequence[tuple[int, ...]]) -> list[tuple[float, float]]:
    """Return when notes begin and end in seconds, from their ticks and the tempos."""
    tempos = {0: 120.0, **{tempo.time: tempo.qpm for tempo in sorted(score.tempos, key=lambda each: each.time)}}
    ticks = np.array([*tempos, max((end for _, end, *_ in struck), default=0) + 1], dtype=float)
    a_tick = 60 / np.array(list(tempos.values())) / score.tpq
    at = np.concatenate(([0.0], np.cumsum(np.diff(ticks).clip(min=0) * a_tick)))
    began, ended = (np.interp([note[which] for note in struck], ticks, at) for which in (0, 1))
    return list(zip(began.tolist(), ended.tolist(), strict=True))


def _playable(notes: Iterable[Note], left_out: Counter[str]) -> tuple[Note, ...]:
    """Return notes as one keyboard plays them: a key comes up before it is struck again."""
    kept: dict[int, list[Note]] = {}
    for note in sorted(notes, key=lambda each: (each.onset, -each.end, each.hand)):
        of_key = kept.setdefault(note.pitch, [])
        if note.end <= note.onset:
            left_out["of no length"] += 1
        elif of_key and of_key[-1].onset == note.onset:
            left_out["struck by both hands at once"] += 1
        else:
            if of_key and of_key[-1].end > note.onset:
                left_out["cut short where its key is struck again"] += 1
                of_key[-1] = replace(of_key[-1], end=note.onset, end_s=note.onset_s)
            of_key.append(note)
    return tuple(
        sorted((note for of_key in kept.values() for note in of_key), key=lambda each: (each.onset, each.pitch))
    )


def main() -> None:
    """Print what is in the corpus."""
    parser = argparse.ArgumentParser(description="Say what is in the pieces of piano-midi.de.")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help=f"where it lies [{FOLDER}]")
    try:
        print(read(parser.parse_args().folder)[1])
    except ImprovError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
