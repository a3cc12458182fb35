"""Any Standard MIDI Files read into solos: `python -m training.corpora.midi_files FOLDER` says what is in them.

Of each file one melody is read, as far as it is in 4/4, onto twelve ticks a beat; there are no chords. A file that
cannot be read is named and left out, whatever is in it: nothing here may fail on a broken byte.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import inf
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
from symusic.core import ScoreTick, TrackTick

from improv.errors import DataError, ImprovError, InputNotFound
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from training.corpora.solos import Note, Solo

SUFFIXES = (".mid", ".midi")

TICKS_PER_BAR = BEATS_PER_BAR * TICKS_PER_BEAT

MOST_BYTES = 4 * 2**20
MOST_BARS = 4_000
"""A longer file, two hours or so, is no melody but a broken one, and would take all memory in rests."""

CHORDS_IN_A_MELODY = 0.1
"""The share of its onsets that may be of several notes at once."""

PHRASE_REST = TICKS_PER_BEAT
"""After so long a rest a phrase begins: 86 % of these places, and 83 % of its own, in the Weimar Jazz Database."""

_BASSES = range(32, 40)
"""General MIDI: a walking bass has one note at a time too, and often more of them than the melody."""

_USUAL_BPM = 120.0

_PROFILES = MappingProxyType(
    {
        "maj": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "min": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    }
)
"""How well each pitch class above the tonic fits a key (Krumhansl & Kessler 1982)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and the files that were not, each with the reason."""

    solos: int
    bars: int
    notes: int
    left_out: Mapping[str, str]

    def __str__(self) -> str:
        lines = [
            "read",
            f"{self.solos:>8,} files",
            f"{self.bars:>8,} bars of 4/4",
            f"{self.notes:>8,} notes",
            "left out",
            f"{len(self.left_out):>8,} files",
            *(f"{name}: {reason}" for name, reason in self.left_out.items()),
        ]
        return "\n".join(lines)


def read(folder: Path) -> tuple[tuple[Solo, ...], Report]:
    """Return a solo for each MIDI file in a folder and its subfolders, and a report.

    InputNotFound if it is no folder.
    """
    if not folder.is_dir():
        raise InputNotFound(f"{folder}: no such folder; give one with MIDI files")
    solos: list[Solo] = []
    left_out: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()):
        name = path.relative_to(folder).as_posix()
        try:
            solos.append(read_file(path, name))
        except ImprovError as error:
            left_out[name] = str(error)
    bars, notes = sum(solo.bars for solo in solos), sum(len(solo.notes) for solo in solos)
    return tuple(solos), Report(len(solos), bars, notes, MappingProxyType(left_out))


def read_file(path: Path, name: str) -> Solo:
    """Return the melody of a MIDI file as a solo; InputNotFound or DataError if it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"larger than {MOST_BYTES >> 20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise InputNotFound(error.strerror or "cannot be read") from error
    try:
        score = ScoreTick.from_midi(content)
    except Exception as error:  # symusic raises many kinds of error on broken bytes
        raise DataError(f"no MIDI file, or a broken one ({error})") from error
    if score.tpq <= 0:
        raise DataError("no MIDI file, or a broken one (a beat has no ticks)")
    return _solo(score, name)


def skyline(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return the upper line of notes, each cut where the next one begins; rests number the phrases.

    Of notes that begin together the highest is in it (Uitdenbogerd & Zobel 1998), and none that a higher one
    outlasts, so a right hand is found above a left one, and a melody whose notes overlap a little stays whole.
    """
    line: list[Note] = []
    until: dict[int, int] = {}  # by pitch, when its latest note in the line ends
    for note in sorted(notes, key=lambda note: (note.onset, -note.pitch)):
        outlasted = any(end >= note.end for pitch, end in until.items() if pitch >= note.pitch)
        if outlasted or (line and line[-1].onset == note.onset):
            continue
        line.append(note)
        until[note.pitch] = note.end
    ends = [min(note.end, after.onset) for note, after in pairwise(line)] + [note.end for note in line[-1:]]
    rests = (False, *(after.onset - end >= PHRASE_REST for end, after in zip(ends, line[1:], strict=False)))
    return tuple(
        replace(note, end=end, phrase=phrase) for note, end, phrase in zip(line, ends, accumulate(rests), strict=False)
    )


def estimated_key(notes: Iterable[Note]) -> tuple[int | None, str]:
    """Return the tonic (pitch class) and mode whose key profile correlates best with the notes.

    No tonic where they are like none: no notes, or all twelve alike. After Krumhansl 1990, chapter 4.
    """
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.end - note.onset
    if not weights.std():
        return None, ""
    profiles = [np.roll(profile, tonic) for profile in _PROFILES.values() for tonic in range(12)]
    likeness = np.corrcoef(weights, profiles)[0, 1:]  # (24,)
    mode, tonic = divmod(int(likeness.argmax()), 12)
    return tonic, list(_PROFILES)[mode]


def _solo(score: ScoreTick, name: str) -> Solo:
    voices = [(track.program, _notes(track, score.tpq)) for track in score.tracks if not track.is_drum]
    line = skyline(_melody(voices))
    if not line:
        raise DataError("no melody")
    stretches = [(start, [note for note in line if start <= note.onset < end]) for start, end in _four_four(score)]
    start, heard = max(stretches, key=lambda stretch: len(stretch[1]), default=(0, []))
    if not heard:
        raise DataError("nothing in 4/4")
    first = start + (heard[0].onset - start) // TICKS_PER_BAR * TICKS_PER_BAR
    bars = -(-(heard[-1].end - first) // TICKS_PER_BAR)
    if bars > MOST_BARS:
        raise DataError(f"{bars:,} bars long")
    tonic, mode = _key(score) or estimated_key(note for _, notes in voices for note in notes)
    return Solo(
        name=name,
        title=PurePosixPath(name).stem,
        composer="",
        performer="",
        tonic=tonic,
        mode=mode,
        is_blues=False,
        feel="",
        tempo_bpm=_tempo_bpm(score, heard[0].onset),
        notes=tuple(
            replace(note, onset=note.onset - first, end=note.end - first, phrase=note.phrase - heard[0].phrase)
            for note in heard
        ),
        chords=(None,) * (bars * BEATS_PER_BAR),
    )


def _tick(time: int, tpq: int) -> int:
    """Return the tick that is nearest to a time in the file's own ticks."""
    return (2 * time * TICKS_PER_BEAT + tpq) // (2 * tpq)


def _notes(track: TrackTick, tpq: int) -> list[Note]:
    """Return a track's notes on the nearest ticks, none shorter than one; broken files have times below 0."""
    return [
        Note(_tick(note.time, tpq), max(_tick(note.end, tpq), _tick(note.time, tpq) + 1), note.pitch, 0, note.velocity)
        for note in track.notes
        if note.time >= 0
    ]


def _melody(voices: Sequence[tuple[int, list[Note]]]) -> list[Note]:
    """Return the notes of the track with the most onsets, basses apart, among those that hardly have a chord.

    Where every track has chords, as of a piano, it is the one with the most onsets of all.
    """
    found = [notes for program, notes in voices if program not in _BASSES] or [notes for _, notes in voices]

    def is_a_line(notes: list[Note]) -> bool:
        together = Counter(note.onset for note in notes)
        return sum(count > 1 for count in together.values()) <= CHORDS_IN_A_MELODY * len(together)

    lines = [notes for notes in found if notes and is_a_line(notes)]
    return max(lines or found, key=lambda notes: len({note.onset for note in notes}), default=[])


def _four_four(score: ScoreTick) -> list[tuple[int, float]]:
    """Return where the file is in 4/4 without its bar lines moving, from tick to tick; so it begins.

    Whatever has four quarters a bar will do, 2/2 for one.
    """
    stretches: list[tuple[int, float]] = []
    start: int | None = 0
    for metre in score.time_signatures:
        tick = _tick(metre.time, score.tpq)
        four_quarters = metre.numerator == metre.denominator > 0
        if start is not None and four_quarters and (tick - start) % TICKS_PER_BAR == 0:
            continue
        if start is not None:
            stretches.append((start, tick))
        start = tick if four_quarters else None
    return stretches if start is None else [*stretches, (start, inf)]


def _key(score: ScoreTick) -> tuple[int, str] | None:
    """Return the first key the file names: its sharps, or flats below 0, along the circle of fifths."""
    for key in score.key_signatures:
        if -7 <= key.key <= 7:
            return ((key.key * 7 + 9) % 12, "min") if key.tonality == 1 else (key.key * 7 % 12, "maj")
    return None


def _tempo_bpm(score: ScoreTick, tick: int) -> float:
    """Return the tempo at a tick, in quarter notes a minute."""
    tempos = [tempo.qpm for tempo in score.tempos if _tick(tempo.time, score.tpq) <= tick and 0 < tempo.qpm < inf]
    return tempos[-1] if tempos else _USUAL_BPM


def main() -> None:
    """Print a report on the MIDI files of a folder."""
    parser = argparse.ArgumentParser(description="What is in a folder of MIDI files, and what of it is read.")
    parser.add_argument("folder", type=Path)
    try:
        _, report = read(parser.parse_args().folder)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    print(report)


if __name__ == "__main__":
    main()
