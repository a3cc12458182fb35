"""The Weimar Jazz Database read into solos: `python -m training.corpora.wjazzd PATH` says what is in it.

PATH is a folder of the makers' tables, or their own `wjazzd.db`. A note's place is the one the makers annotated, a
tatum of a beat of a bar, never its second: swung eighths lie on half a beat. Nothing read here is ever written out,
for the solos transcribe performances under copyright. Source: Pfleiderer et al., Inside the Jazzomat, Schott Campus
2017; the database is under the Open Database License 1.0.
"""

import argparse
import os
import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import inf
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TypeVar

from improv.errors import ImprovError
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.theory import BLUES_BARS, QUALITIES, Chord, pitch_class
from training.corpora.solos import Note, Solo, frames, notes_in
from training.corpora.wjazzd_tables import DATABASE, NO_CHORD, Beat, Head, Sound, Tables, read_tables

FOLDER = Path(os.environ.get("IMPROV_DATA", "../shared/data")) / "wjazzd"
"""Where it lies, unless another place is named."""

BEATS_OF_A_CHORUS = BLUES_BARS * BEATS_PER_BAR
SLOWEST_BPM = (0, 100, 140, 180, 240)
"""Where each class of tempo begins."""

OnBeat = TypeVar("OnBeat")

_METRE = f"{BEATS_PER_BAR}/4"
_BLUES, _SWING = "BLUES", "SWING"
_MIDDLE_VELOCITY = 88
_DB_A_DECADE = 40
"""A velocity ten times as high is so much louder (MIDI Manufacturers Association, DLS Level 1)."""

_KINDS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "": QUALITIES[""],
        "6": QUALITIES["6"],
        "7": QUALITIES["7"],
        "j7": QUALITIES["maj7"],
        "-": QUALITIES["m"],
        "-6": QUALITIES["m6"],
        "-7": QUALITIES["m7"],
        "-j7": QUALITIES["m"],
        "m7b5": QUALITIES["m7b5"],
        "o": QUALITIES["dim7"],  # as it is played
        "o7": QUALITIES["dim7"],
        "sus": QUALITIES["7sus"],
        "sus7": QUALITIES["7sus"],
        "+": QUALITIES[""],  # a raised fifth is an alteration like any other
        "+7": QUALITIES["7"],
        "+j7": QUALITIES["maj7"],
    }
)
"""The makers' kinds of chord, tensions apart, as intervals."""

_INSTRUMENTS = MappingProxyType(
    {
        "ts": "tenor", "ts-c": "tenor", "as": "alto", "ss": "soprano", "bs": "baritone", "cl": "clarinet",
        "bcl": "clarinet", "tp": "trumpet", "cor": "trumpet", "tb": "trombone", "vib": "vibraphone", "g": "guitar",
        "p": "piano",
    }
)  # fmt: skip
"""The makers' instruments, as voices."""

_SYMBOL = re.compile(
    rf"(?P<root>[A-G][#b]?)(?P<kind>{'|'.join(map(re.escape, _KINDS))})"
    r"(?:alt|9[b#]?|11#?|13b?)*(?:/[A-G][#b]?)?"
)
_KEY = re.compile(r"(?P<tonic>[A-G][#b]?)(?:-(?P<mode>\w+))?")


def read_chord(symbol: str) -> Chord | None:
    """Return the chord of a symbol of the database; None for `NC`, ValueError for an invalid symbol.

    Tensions, alterations and basses are left out: ten kinds of chord remain.
    """
    if symbol == NO_CHORD:
        return None
    found = _SYMBOL.fullmatch(symbol)
    if not found:
        raise ValueError(f"{symbol!r} is no chord symbol of the Weimar Jazz Database")
    return Chord(pitch_class(found["root"]), _KINDS[found["kind"]])


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, as counts."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part / self.whole:.1%} of {self.whole:,}" if self.whole else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was read, what was not and why; names are those of solos."""

    solos: int
    blues: int
    bars: int
    notes: int
    choruses: int
    other_choruses: int
    """Choruses of a blues that are not exactly twelve bars of 4/4."""
    other_metre: tuple[str, ...]
    """Solos without a beat of 4/4."""
    cut: tuple[str, ...]
    """Solos of which only the longest stretch of 4/4 was read."""
    notes_left_out: int
    """Notes of those solos, and of these outside that stretch."""
    notes_collided: int
    """Notes that fell on the tick of the next one, and gave way to it."""
    keys_inferred: tuple[str, ...]
    """Blues that say no key, taken to be in that of the first chord of their first chorus."""
    keys_corrected: tuple[str, ...]
    """Blues whose choruses mostly begin on one chord that is not that of the key they say, taken to be in its."""
    without_key: tuple[str, ...]
    unread_chords: tuple[str, ...]
    """Symbols that are none, taken as no chord."""
    on_grid: Mapping[str, Share]
    """The notes whose place is exactly one of twelve in a beat, by tempo."""
    returned: Share
    """The notes that come back from frames with onset, end and pitch as they were."""

    def __str__(self) -> str:
        def line(what: str, names: Sequence[str]) -> str:
            return f"{len(names):>8,} {what}" + (f": {', '.join(names)}" if names else "")

        lines = [
            "read",
            f"{self.solos:>8,} solos, {self.blues:,} of them blues",
            f"{self.bars:>8,} bars of 4/4",
            f"{self.notes:>8,} notes",
            f"{self.choruses:>8,} choruses of a blues that are exactly twelve bars",
            "left out",
            line("solos in another metre", self.other_metre),
            line("solos but for their longest stretch of 4/4", self.cut),
            f"{self.notes_left_out:>8,} notes outside of it",
            f"{self.notes_collided:>8,} notes on the tick of the next one",
            f"{self.other_choruses:>8,} choruses of a blues that are longer or shorter, as choruses",
            "taken to be",
            line("blues in the key of their first chord", self.keys_inferred),
            line("blues in the key on which most choruses begin, and not in the one they say", self.keys_corrected),
            line("solos in no key", self.without_key),
            line("unknown symbols no chord", self.unread_chords),
            f"exactly on one of {TICKS_PER_BEAT} places in a beat",
            *(f"{what:>24}: {share}" for what, share in self.on_grid.items()),
            "back from frames as they were",
            f"{'notes':>24}: {self.returned}",
        ]
        return "\n".join(lines)


def read(path: Path) -> tuple[tuple[Solo, ...], Report]:
    """Return the solos in the order of the database, and a report; InputNotFound or DataError if it cannot be read."""
    tables = read_tables(path)
    readings = _readings(tables)
    return tuple(reading.solo for reading in readings if reading.solo), _report(readings)


def read_for(parser: argparse.ArgumentParser, path: Path) -> tuple[tuple[Solo, ...], Report]:
    """Return the result of `read`; exit the command with an error message if the database cannot be read."""
    try:
        return read(path)
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What became of one solo: None where it has no beat of 4/4."""

    name: str
    solo: Solo | None
    cut: bool
    sounds: int
    """How many notes the stretch that was read has."""
    sounds_on_grid: int
    sounds_left_out: int
    other_choruses: int
    key_inferred: bool
    in_another_key: bool
    unread_chords: frozenset[str]


def _readings(tables: Tables) -> list[_Reading]:
    sounds: defaultdict[int, list[Sound]] = defaultdict(list)
    for sound in tables.sounds:
        sounds[sound.melid].append(sound)
    beats: defaultdict[int, list[Beat]] = defaultdict(list)
    for beat in tables.beats:
        beats[beat.melid].append(beat)
    return [_reading(head, sounds[head.melid], beats[head.melid]) for head in tables.heads]


def _reading(head: Head, sounds: Sequence[Sound], beats: Sequence[Beat]) -> _Reading:
    stretch = _longest_stretch(beats)
    places = {(beat.bar, beat.beat) for beat in stretch}
    within = [sound for sound in sounds if (sound.bar, sound.beat) in places]
    is_blues = head.tonality == _BLUES
    chords, unread = _chords(stretch)
    choruses = _choruses(stretch, beats) if is_blues else ()
    key = _KEY.fullmatch(head.key)
    tonic = pitch_class(key["tonic"]) if key else None
    if is_blues and key is None:
        tonic = next((chord.root for chord, beat in zip(chords, stretch, strict=True) if chord and beat.chorus), None)
    other = _tonic_of_choruses(stretch, chords) if is_blues and key else None
    in_another_key = other is not None and tonic != other
    tonic = other if in_another_key else tonic
    solo = None
    if stretch:
        notes = _notes(within, stretch)
        solo = Solo(
            name=head.name,
            title=head.title,
            composer=head.composer,
            performer=head.performer,
            tonic=tonic,
            mode=(key["mode"] or "") if key else "",
            is_blues=is_blues,
            feel=head.feel,
            tempo_bpm=head.tempo_bpm,
            notes=notes,
            chords=_whole_bars(chords, stretch[0].beat - 1, notes[-1].end if notes else 0),
            bass=_whole_bars([beat.bass for beat in stretch], stretch[0].beat - 1, notes[-1].end if notes else 0),
            choruses=choruses,
            voice=_INSTRUMENTS.get(head.instrument, ""),
        )
    return _Reading(
        name=head.name,
        solo=solo,
        cut=0 < len(stretch) < len(beats),
        sounds=len(within),
        sounds_on_grid=sum((sound.tatum - 1) * TICKS_PER_BEAT % sound.division == 0 for sound in within),
        sounds_left_out=len(sounds) - len(within),
        other_choruses=len({beat.chorus for beat in beats} - {0}) - len(choruses) if is_blues else 0,
        key_inferred=is_blues and key is None,
        in_another_key=in_another_key,
        unread_chords=unread,
    )


def _tonic_of_choruses(stretch: Sequence[Beat], chords: Sequence[Chord | None]) -> int | None:
    """Return the root on which at least two thirds of the choruses begin; None where there is none."""
    tops = Counter(
        chord.root
        for chord, beat, before in zip(chords, stretch, (None, *stretch), strict=False)
        if chord and beat.chorus and before and beat.chorus != before.chorus
    )
    root, count = max(tops.items(), key=lambda each: each[1], default=(None, 0))
    return root if 3 * count >= 2 * tops.total() else None


def _longest_stretch(beats: Sequence[Beat]) -> Sequence[Beat]:
    """Return the most beats in a row that are of 4/4 and counted without a gap."""
    stretches: list[list[Beat]] = [[]]
    for beat in beats:
        last = stretches[-1]
        if beat.signature != _METRE or (last and _count(beat) != _count(last[-1]) + 1):
            stretches.append([])
        if beat.signature == _METRE:
            stretches[-1].append(beat)
    return max(stretches, key=len)


def _count(place: Beat | Sound) -> int:
    """Return the beats of 4/4 from bar 0 to a place."""
    return place.bar * BEATS_PER_BAR + place.beat - 1


def _notes(sounds: Sequence[Sound], beats: Sequence[Beat]) -> tuple[Note, ...]:
    """Return sounds as notes on their nearest ticks, each as long as its share of the time until the next one.

    A swung eighth on the beat lasts longer in seconds than the one after it, and as long in ticks. Where two fall on
    one tick the later one stays: an ornament gives way to what it leads to.
    """
    first = beats[0].bar * BEATS_PER_BAR
    by_tick = {_tick(sound) - first * TICKS_PER_BEAT: sound for sound in sounds}
    heard = list(by_tick.values())
    lengths = [
        min(_length(sound, later - tick, after.onset_s - sound.onset_s), later - tick)
        for (tick, sound), (later, after) in pairwise(by_tick.items())
    ]
    lengths += [_length(sound, TICKS_PER_BEAT, sound.beat_s) for sound in heard[-1:]]
    phrases = {phrase: number for number, phrase in enumerate(dict.fromkeys(sound.phrase for sound in heard))}
    velocities = _velocities([sound.loudness_db for sound in heard])
    clock = [(beat.onset_s, _count(beat) - first) for beat in beats if beat.onset_s is not None]
    return tuple(
        Note(tick, tick + length, sound.pitch, phrases[sound.phrase], velocity, _played(sound, clock))
        for (tick, sound), length, velocity in zip(by_tick.items(), lengths, velocities, strict=True)
    )


def _played(sound: Sound, clock: Sequence[tuple[float, int]]) -> tuple[float, float] | None:
    """Return when a sound began and ended, in the band's beats, each of which has its second; None without two."""
    if len(clock) < 2:
        return None
    after = min(max(bisect(clock, (sound.onset_s, inf)), 1), len(clock) - 1)
    (begin_s, begin), (end_s, end) = clock[after - 1], clock[after]
    a_second = (end - begin) / (end_s - begin_s)
    onset = begin + (sound.onset_s - begin_s) * a_second
    return onset, onset + sound.duration_s * a_second


def _tick(sound: Sound) -> int:
    """Return the tick nearest to a sound, from bar 0; half-way the later one, which keeps 32nds apart."""
    within = (2 * (sound.tatum - 1) * TICKS_PER_BEAT + sound.division) // (2 * sound.division)
    return _count(sound) * TICKS_PER_BEAT + within


def _length(sound: Sound, ticks: int, span_s: float) -> int:
    """Return how many ticks a sound lasts, if `ticks` last `span_s` seconds."""
    return max(round(sound.duration_s / span_s * ticks), 1)


def _velocities(levels_db: Sequence[float | None]) -> list[int | None]:
    """Return loudness as velocities around the solo's own median, for how loud a recording is says nothing."""
    middle_db = median([level_db for level_db in levels_db if level_db is not None] or [0.0])

    def velocity(level_db: float) -> int:
        return min(127, max(1, round(_MIDDLE_VELOCITY * 10 ** ((level_db - middle_db) / _DB_A_DECADE))))

    return [None if level_db is None else velocity(level_db) for level_db in levels_db]


def _chords(beats: Sequence[Beat]) -> tuple[list[Chord | None], frozenset[str]]:
    """Return the chord on each beat, and the symbols that are none."""
    known: dict[str, Chord | None] = {}
    unread = set()
    for symbol in {beat.symbol for beat in beats}:
        try:
            known[symbol] = read_chord(symbol)
        except ValueError:
            known[symbol] = None
            unread.add(symbol)
    return [known[beat.symbol] for beat in beats], frozenset(unread)


def _whole_bars(on_beats: Sequence[OnBeat | None], before: int, last_tick: int) -> tuple[OnBeat | None, ...]:
    """Return what is on each beat in whole bars, from `before` beats before the first to the end of the last note."""
    beats = max(before + len(on_beats), -(-last_tick // TICKS_PER_BEAT))
    whole = -(-beats // BEATS_PER_BAR) * BEATS_PER_BAR
    return (None,) * before + tuple(on_beats) + (None,) * (whole - before - len(on_beats))


def _choruses(stretch: Sequence[Beat], beats: Iterable[Beat]) -> tuple[int, ...]:
    """Return the bars at which choruses of exactly twelve bars begin."""
    lengths = Counter(beat.chorus for beat in beats)
    groups = (list(group) for _, group in groupby(stretch, key=lambda beat: beat.chorus))
    return tuple(
        group[0].bar - stretch[0].bar
        for group in groups
        if group[0].chorus and group[0].beat == 1 and len(group) == lengths[group[0].chorus] == BEATS_OF_A_CHORUS
    )


def _report(readings: Sequence[_Reading]) -> Report:
    found = [(reading, reading.solo) for reading in readings if reading.solo]
    solos = [solo for _, solo in found]

    def on_grid(slowest_bpm: float, fastest_bpm: float, feels: Container[str]) -> Share:
        those = [
            reading for reading, solo in found if slowest_bpm <= solo.tempo_bpm < fastest_bpm and solo.feel in feels
        ]
        return Share(sum(reading.sounds_on_grid for reading in those), sum(reading.sounds for reading in those))

    feels = {solo.feel for solo in solos}
    on_grid_by_tempo = {"at any tempo": on_grid(0, inf, feels)}
    for slowest_bpm, fastest_bpm in pairwise((*SLOWEST_BPM, inf)):
        tempo = f"{slowest_bpm} to {fastest_bpm} bpm" if fastest_bpm < inf else f"{slowest_bpm} bpm and above"
        on_grid_by_tempo[tempo] = on_grid(slowest_bpm, fastest_bpm, feels)
    on_grid_by_tempo["swing, 100 bpm and above"] = on_grid(100, inf, (_SWING,))
    notes = sum(len(solo.notes) for solo in solos)
    return Report(
        solos=len(solos),
        blues=sum(solo.is_blues for solo in solos),
        bars=sum(solo.bars for solo in solos),
        notes=notes,
        choruses=sum(len(solo.choruses) for solo in solos),
        other_choruses=sum(reading.other_choruses for reading in readings),
        other_metre=tuple(reading.name for reading in readings if not reading.solo),
        cut=tuple(reading.name for reading in readings if reading.cut),
        notes_left_out=sum(reading.sounds_left_out for reading in readings),
        notes_collided=sum(reading.sounds for reading in readings) - notes,
        keys_inferred=tuple(reading.name for reading, _ in found if reading.key_inferred),
        keys_corrected=tuple(reading.name for reading, _ in found if reading.in_another_key),
        without_key=tuple(solo.name for solo in solos if solo.tonic is None),
        unread_chords=tuple(sorted(frozenset().union(*(reading.unread_chords for reading in readings)))),
        on_grid=MappingProxyType(on_grid_by_tempo),
        returned=Share(sum(_returned(solo) for solo in solos), notes),
    )


def _returned(solo: Solo) -> int:
    """Return how many of a solo's notes frames give back as they were."""
    there = {(note.onset, note.end, note.pitch) for note in solo.notes}
    return len(there & {(note.onset, note.end, note.pitch) for note in notes_in(frames(solo))})


def main() -> None:
    """Print a report on the database."""
    parser = argparse.ArgumentParser(description="What is in the Weimar Jazz Database, and what of it is read.")
    parser.add_argument("path", type=Path, help=f"the folder of its tables, or {DATABASE}")
    _, report = read_for(parser, parser.parse_args().path)
    print(report)


if __name__ == "__main__":
    main()
