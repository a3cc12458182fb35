"""The Groove MIDI Dataset read into drum takes: `python -m training.corpora.groove_midi FOLDER` says what is in it.

Of each take that is in a style of the encoding, strokes are read onto its grid: first what the drummer was early or
late as a whole is taken off, then the swing, which belongs to the playback; what is left of each stroke's time is its
micro-timing. Source: Gillick et al. 2019, Learning to Groove with Inverse Sequence Transformations; CC BY 4.0.
"""

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from types import MappingProxyType

from symusic.core import ScoreTick

from improv.errors import DataError, ImprovError, InputNotFound
from improv.models.encodings.drum_grids import GRID, SUBSTEP_TICKS, SUBSTEPS, Sound, Stroke, Strokes
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.transport import STRAIGHT, Transport

FOLDER = Path(os.environ.get("IMPROV_DATA", "../shared/data")) / "groove_midi"
"""Where it lies, unless another place is named."""

SIDES = MappingProxyType({"train": "training", "validation": "validation", "test": "test"})
"""What the dataset calls the sides of its split, and what they are called here."""

SOUND_OF = MappingProxyType(
    {
        **dict.fromkeys((42, 22), Sound.CLOSED_HAT),
        **dict.fromkeys((46, 26), Sound.OPEN_HAT),
        **dict.fromkeys((51, 53, 59), Sound.RIDE),
        **dict.fromkeys((49, 52, 55, 57), Sound.CRASH),
        **dict.fromkeys((38, 40), Sound.SNARE),
        37: Sound.SIDE_STICK,
        **dict.fromkeys((45, 47, 48, 50), Sound.HIGH_TOM),
        **dict.fromkeys((41, 43, 58), Sound.LOW_TOM),
        36: Sound.KICK,
        44: Sound.PEDAL_HAT,
    }
)
"""The sound of each pitch of the dataset's electronic kit."""

_SLOW_BPM = 90
"""A shuffle that is faster is no slow 12/8."""

_SWUNG = ("swing", "shuffle", "slow")

_STYLE_OF = MappingProxyType(
    {
        "blues/shuffle": "slow",
        "rock/shuffle": "shuffle",
        "funk/purdieshuffle": "shuffle",
        "jazz": "swing",
        "jazz/swing": "swing",
        "jazz/fast": "swing",
        "jazz/mediumfast": "swing",
        "neworleans/funk": "new-orleans",
        "neworleans/secondline": "new-orleans",
        "jazz/march": "new-orleans",
        "funk": "funk",
        "funk/fast": "funk",
        "funk/rock": "funk",
        "funk/latin": "funk",
        "jazz/funk": "funk",
        "jazz/fusion": "funk",
        **{f"funk/groove{number}": "funk" for number in (1, 2, 5)},
    }
)
"""The style of the encoding that each of the dataset's belongs to. `blues/shuffle` is a slow 12/8."""

_OFF_BEAT = (0.54, 0.78)
"""The shares of a beat between which the second eighth of a swung one begins."""

_USUAL_SWING = 0.62
_LEAST_HITS = 20
"""The swing of a take whose cymbals have fewer strokes off the beat, which say nothing."""

_NEAR_BEAT, _NEAR_GRID = 0.12, 0.08
"""How far a stroke on a beat, and on the grid, lies from it at most, in beats."""

_MOSTLY = 0.76
"""The share of its strokes that are on the grid in a take that keeps one: what has less is a drum solo."""

_LEAST_STROKES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Drums as they were played, from the first bar line on, whole bars."""

    name: str
    drummer: str
    style: str
    side: str
    """`training`, `validation` or `test`, as the dataset splits it."""
    bpm: float
    swing: float
    """The share of a beat that its first eighth takes."""
    is_fill: bool
    """Whether it was played as a fill, a bar or two; else as a beat."""
    steps: tuple[Strokes, ...]
    """The strokes of each step of the grid."""

    @property
    def bars(self) -> int:
        """Number of bars in the take."""
        return len(self.steps) // GRID.steps_per_bar


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what was not, with the reason."""

    takes: Sequence[Take]
    left_out: Mapping[str, int]
    """How many takes were left out for each reason."""

    def __str__(self) -> str:
        bars: Counter[tuple[str, str]] = Counter()
        for take in self.takes:
            bars[take.style, take.side] += take.bars
        lines = ["read, bars of each style and side", *(f"{n:>8,} {' '.join(key)}" for key, n in sorted(bars.items()))]
        return "\n".join([*lines, "left out, takes", *(f"{n:>8,} {why}" for why, n in self.left_out.items())])


def read(folder: Path) -> tuple[tuple[Take, ...], Report]:
    """Return the takes of the encoding's styles, and a report; InputNotFound or DataError if they cannot be read."""
    try:
        with (folder / "info.csv").open(encoding="utf-8", newline="") as listed:
            rows = list(csv.DictReader(listed))
    except OSError as error:
        raise InputNotFound(f"{folder}: {error.strerror}; give the folder with info.csv") from error
    takes: list[Take] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        try:
            found = _take(folder, row)
        except KeyError as error:
            raise DataError(f"{folder / 'info.csv'}: it has no column {error}; give the dataset's own file") from error
        if isinstance(found, str):
            left_out[found] += 1
        else:
            takes.append(found)
    return tuple(takes), Report(takes, left_out)


def _take(folder: Path, row: Mapping[str, str]) -> Take | str:
    """Return the take of a row, or why it is left out."""
    style = _STYLE_OF.get(row["style"])
    if style == "slow" and float(row["bpm"]) > _SLOW_BPM:
        style = "shuffle"
    if style is None:
        return "in another style"
    if row["time_signature"] != "4-4":
        return "in another metre"
    path = folder / row["midi_filename"]
    try:
        score = ScoreTick.from_midi(path.read_bytes())
    except Exception as error:  # symusic raises many kinds of error on broken bytes
        raise DataError(f"{path}: no MIDI file, or a broken one ({error})") from error
    hits = sorted(
        (note.time / score.tpq, SOUND_OF[note.pitch], note.velocity)
        for track in score.tracks
        for note in track.notes
        if note.pitch in SOUND_OF
    )
    bpm, is_fill = float(row["bpm"]), row["beat_type"] == "fill"
    hits = _centred(hits)
    swing = STRAIGHT
    if style in _SWUNG:
        if not is_fill and (found := _swing(hits)) is not None and not _OFF_BEAT[0] <= found:
            hits, bpm = (
                [(2 * beat, sound, velocity) for beat, sound, velocity in hits],
                2 * bpm,
            )  # counted at half its tempo
        found = None if is_fill else _swing(hits)
        if found is not None and not _OFF_BEAT[0] <= found <= _OFF_BEAT[1]:
            return "not swung"
        swing = _USUAL_SWING if found is None else found
    placed = [_placed(hit, swing, bpm) for hit in hits]
    near = sum(abs(stroke.late_ms) <= _NEAR_GRID * 60_000 / bpm for _, stroke in placed)
    if not is_fill and (len(hits) < _LEAST_STROKES or near < _MOSTLY * len(hits)):
        return "too free, or too short"
    return Take(
        name=row["id"], drummer=row["drummer"], style=style, side=SIDES[row["split"]], bpm=bpm, swing=round(swing, 3),
        is_fill=is_fill, steps=_steps(placed),
    )  # fmt: skip


_Hit = tuple[float, Sound, int]
"""Beats from the first bar line, sound, MIDI velocity."""


def _centred(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return hits without what they are early or late as a whole."""
    off = [beat - round(beat) for beat, *_ in hits if abs(beat - round(beat)) < _NEAR_BEAT]
    late = median(off) if off else 0.0
    return [(max(0.0, beat - late), sound, velocity) for beat, sound, velocity in hits]


def _swing(hits: Iterable[_Hit]) -> float | None:
    """Return the share of a beat that its first eighth takes, by the cymbals; None where they do not say it."""
    cymbals = (Sound.CLOSED_HAT, Sound.OPEN_HAT, Sound.RIDE, Sound.PEDAL_HAT)
    off = [beat % 1 for beat, sound, _ in hits if sound in cymbals and 0.42 < beat % 1 < 0.8]
    return median(off) if len(off) >= _LEAST_HITS else None


def _placed(hit: _Hit, swing: float, bpm: float) -> tuple[int, Stroke]:
    """Return a hit as a stroke, with the step it is in."""
    beat, sound, velocity = hit
    transport = Transport(0, 0.0, bpm, swing)
    nearest = transport.nearest_tick(beat * 60 / bpm, SUBSTEP_TICKS)
    late_ms = (beat - transport.beats_of_tick(nearest)) * 60_000 / bpm
    step, inside = divmod(nearest, GRID.ticks_per_step)
    return step, Stroke(sound, inside // SUBSTEP_TICKS, velocity, late_ms)


def _steps(placed: Iterable[tuple[int, Stroke]]) -> tuple[Strokes, ...]:
    """Return strokes by step, in whole bars; of several of one sound at one place the loudest."""
    loudest: dict[tuple[int, int, Sound], Stroke] = {}
    for step, stroke in placed:
        key = (step, stroke.substep, stroke.sound)
        if key not in loudest or loudest[key].velocity < stroke.velocity:
            loudest[key] = stroke
    last = max((step for step, *_ in loudest), default=-1)
    bars = -(-(last + 1) // GRID.steps_per_bar)
    steps: list[list[Stroke]] = [[] for _ in range(bars * GRID.steps_per_bar)]
    for (step, *_), stroke in sorted(loudest.items()):
        steps[step].append(stroke)
    return tuple(tuple(strokes) for strokes in steps)


HELD_OUT = 0.25
LEAST_HELD_OUT = 3
"""Where the dataset's split holds out fewer takes of a style, the last quarter of its long
takes is held out too: one drummer's way is no measure of a style."""

_HELD_OUT_BARS, _LONG_BARS = 16, 48


def held_out(takes: Sequence[Take]) -> tuple[Take, ...]:
    """Return the takes with a side for each style: training, and what judges, `validation` or `test`.

    Where a style's validation and test sides together have fewer than `LEAST_HELD_OUT` takes of beats, the last
    quarter of each of its long training takes is of the test side too.
    """
    judged = Counter(
        take.style for take in takes if take.side != "training" and not take.is_fill and take.bars >= _HELD_OUT_BARS
    )
    found: list[Take] = []
    for take in takes:
        if judged[take.style] >= LEAST_HELD_OUT or take.side != "training" or take.bars < _LONG_BARS:
            found.append(take)
            continue
        phrase = BEATS_PER_BAR * GRID.steps_per_bar
        kept = round(len(take.steps) * (1 - HELD_OUT) / phrase) * phrase
        found += [replace(take, steps=take.steps[:kept]), replace(take, side="test", steps=take.steps[kept:])]
    return tuple(found)


def main() -> None:
    """Print a report on the dataset."""
    parser = argparse.ArgumentParser(description="What is in the Groove MIDI Dataset, and what of it is read.")
    parser.add_argument("path", type=Path, help="the folder with info.csv")
    try:
        takes, report = read(parser.parse_args().path)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")
    print(replace(report, takes=held_out(takes)))


assert SUBSTEPS * SUBSTEP_TICKS * GRID.steps_per_beat == TICKS_PER_BEAT

if __name__ == "__main__":
    main()
