"""Basses as a network learns from them: what it is fed at each beat, the next target, and the note that follows.

The pitches are estimates, and many are wrong. So whole solos are left out whose bass seldom has the root or the fifth
where the chord changes; and of the others no note is learned that the encoding would not allow, nor any on the way to
such a target.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.bass_lines import (
    HIGHEST,
    LEAP,
    BassInput,
    BassLines,
    distance,
    in_range,
    target_bias,
    way_bias,
)
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.theory import BLUES_BARS, Chord
from training.corpora.solos import Solo

LINES = BassLines()

CLEAR = 0.5
"""The least share of roots and fifths at changes in a solo whose bass is taken to be known."""

LEAST_CHANGES = 12
"""In fewer a share says nothing."""

SLOWEST_BPM = 90
"""Basses seldom walk below."""

FEATURES = ("line", "chords", "way", "place", "tempo", "target", "chosen_target")

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Walk:
    """A bass over its chords, beat by beat, from a bar line on."""

    name: str
    chords: tuple[Chord | None, ...]
    pitches: tuple[int | None, ...]
    """MIDI, in the range of the encoding."""
    bpm: float
    density: tuple[float, ...]
    """The soloist's onsets a beat over the bar before each beat."""
    places: tuple[int, ...]
    """The beat of the form, counted from its top; from the bar line where no form is known."""
    form_beats: tuple[int, ...]
    """The beats of that form; 0 where none is known."""

    def is_change(self, beat: int) -> bool:
        """Return whether another chord begins with a beat."""
        chord = self.chords[beat]
        return chord is not None and (beat == 0 or self.chords[beat - 1] != chord)

    def is_target(self, beat: int) -> bool:
        """Return whether a beat begins a bar or has another chord than the one before."""
        return beat % BEATS_PER_BAR == 0 or self.is_change(beat)


def walk(solo: Solo) -> Walk:
    """Return the bass of a solo."""
    onsets = np.zeros(len(solo.chords) + 1)
    for note in solo.notes:
        onsets[note.onset // TICKS_PER_BEAT] += 1
    places, forms = list(range(len(solo.chords))), [0] * len(solo.chords)
    for top in solo.choruses:
        for place in range(BLUES_BARS * BEATS_PER_BAR):
            places[top * BEATS_PER_BAR + place], forms[top * BEATS_PER_BAR + place] = place, BLUES_BARS * BEATS_PER_BAR
    heard = [onsets[max(0, beat - BEATS_PER_BAR) : beat] for beat in range(len(solo.chords))]
    return Walk(
        solo.name,
        solo.chords,
        tuple(None if pitch is None else in_range(pitch) for pitch in solo.bass),
        solo.tempo_bpm,
        tuple(float(each.mean()) if len(each) else 1.0 for each in heard),
        tuple(places),
        tuple(forms),
    )


def root_or_fifth(line: Walk) -> tuple[int, int]:
    """Return at how many changes the bass has the root or the fifth, and at how many it is known."""
    found = [
        (pitch - chord.root) % 12 in {0, *({6, 7, 8} & set(chord.intervals))}
        for beat, (chord, pitch) in enumerate(zip(line.chords, line.pitches, strict=True))
        if chord is not None and pitch is not None and line.is_change(beat)
    ]
    return sum(found), len(found)


def is_clear(line: Walk) -> bool:
    """Return whether the bass of a solo is taken to be known."""
    right, known = root_or_fifth(line)
    return known >= LEAST_CHANGES and right >= CLEAR * known


def walks(solos: Iterable[Solo]) -> list[Walk]:
    """Return the basses of swing solos that are known, at tempos at which basses walk."""
    swing = (solo for solo in solos if solo.feel == "SWING" and solo.tempo_bpm >= SLOWEST_BPM and any(solo.bass))
    return [line for line in map(walk, swing) if is_clear(line)]


@dataclass(frozen=True, slots=True)
class BassSequence:
    """One bass as arrays over its beats."""

    name: str
    features: dict[str, NDArray[np.float32]]
    """Each (beats, width): what the network is fed when it decides each beat."""
    target: NDArray[np.int64]
    """The unit of the target that is chosen at each beat, (beats,); -1 where none is, or it is not learned."""
    pitch: NDArray[np.int64]
    """The unit of the note that is chosen at each beat, (beats,); -1 likewise."""

    @property
    def beats(self) -> int:
        """Number of beats in the sequence."""
        return len(self.pitch)

    def parts(self) -> Iterator[str | NDArray[Any]]:
        """Yield all that is learned from, for a digest."""
        yield self.name
        yield from self.features.values()
        yield from (self.target, self.pitch)


def inputs(line: Walk) -> Iterator[tuple[BassInput, int | None, int | None]]:
    """Yield for each beat its input, the pitch that is its target, and the pitch that was played."""
    beats = len(line.chords)
    last: list[int] = []
    for beat in range(beats):
        target_beat = next((each for each in range(beat, beats) if line.is_target(each)), beats - 1)
        target = line.pitches[target_beat]
        begins = beat == 0 or line.is_target(beat - 1)
        given = BassInput(
            pitch=last[-1] if last else None,
            before=last[-2] if len(last) > 1 else None,
            target=None if begins else target,
            beats=target_beat - beat,
            chord=line.chords[beat],
            target_chord=line.chords[target_beat],
            changes=line.is_change(target_beat),
            place=line.places[beat],
            form_beats=line.form_beats[beat],
            bpm=line.bpm,
            density=line.density[beat],
        )
        pitch = line.pitches[beat]
        yield given, target, pitch
        if pitch is not None:
            last.append(pitch)


def sequence(line: Walk) -> BassSequence:
    """Return a bass as arrays."""
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in FEATURES}
    targets, pitches = [], []
    for given, target, pitch in inputs(line):
        encoded = dict(LINES.encode(given))
        latest = given.pitch
        begins, wanted, unit = given.target is None, UNKNOWN, UNKNOWN
        if latest is not None and target is not None and abs(target - latest) <= 2 * LEAP:
            encoded["chosen_target"] = distance(target - latest)
            reached = target - latest + LEAP
            allowed = target_bias(latest, given.target_chord, HIGHEST, changes=False)
            if begins and 0 <= reached < len(allowed) and np.isfinite(allowed[reached]):
                wanted = reached
            if given.beats and pitch is not None and 0 <= pitch - latest + LEAP < len(allowed):
                of_way = way_bias(latest, given.before, target, given.beats, given.chord, given.target_chord, HIGHEST)
                plausible = given.target_chord is None or target % 12 in given.target_chord.pitch_classes
                if plausible and np.isfinite(of_way[pitch - latest + LEAP]):
                    unit = pitch - latest + LEAP
        for name in FEATURES:
            features[name].append(encoded[name])
        targets.append(wanted)
        pitches.append(unit)
    return BassSequence(
        line.name,
        {name: np.concatenate(rows) for name, rows in features.items()},
        np.array(targets, np.int64),
        np.array(pitches, np.int64),
    )


def sequences(lines: Sequence[Walk]) -> list[BassSequence]:
    """Return basses as arrays."""
    return [sequence(line) for line in lines]
