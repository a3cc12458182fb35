"""Solos as a network learns from them how notes are played: what it is fed as each begins, and how that was played.

Loudness is the database's, around the solo's own median. Timing is measured against the beats of the band, with
eighths as far swung as improv swings them at that tempo; a beat of sixteenths is measured against even ones, for so
people play them. What the notation cannot mean (a quintuplet, a place far from the onset) teaches no timing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.expression import (
    PHRASE_TICKS,
    TIMING_EDGES_MS,
    Expression,
    Line,
    NoteInput,
    length_class,
    timing_class,
    velocity_class,
)
from improv.music.grid import TICKS_PER_BEAT
from improv.music.rhythm import HALF
from improv.music.styles import Style, auto_swing
from improv.music.theory import STEPS_PER_BEAT, TICKS_PER_STEP
from improv.music.transport import STRAIGHT, Transport
from training.corpora.solos import Note, Solo

EXPRESSION = Expression()

FEATURES = ("place", "note", "phrase", "history")

UNKNOWN = -1

SWUNG = ("SWING", "TWOBEAT")
"""The feels of the corpus whose eighths swing."""

_FAR_MS = 1.5 * TIMING_EDGES_MS[-1]
"""An onset farther from its place is taken to be notated otherwise than it was meant."""

_SIXTEENTHS = frozenset({3, 9})
"""Ticks of a beat that belong to sixteenths."""

_ODD = frozenset({1, 5, 7, 11})
"""Ticks to which notes of other divisions were rounded: they say nothing of timing."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a note was played; None where that is not known."""

    velocity: int | None
    late_ms: float | None
    share: float | None
    """How much of its time the note before it sounds; None also where that is notated to end earlier."""
    gap: float | None
    """How much of the time from the onset before is silent, in ticks; None where that is more than a beat ago."""


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as a network is fed it, and as it was played."""

    given: NoteInput
    played: Played


def swing_of(solo: Solo) -> float:
    """Return the swing that improv would take under a solo."""
    return auto_swing(Style.SWING, solo.tempo_bpm) if solo.feel in SWUNG else STRAIGHT


def played_notes(solo: Solo) -> Iterator[PlayedNote]:
    """Yield the notes of a solo in order."""
    swing, notes = swing_of(solo), solo.notes
    grids = _grids([note.onset for note in notes], solo.tempo_bpm, swing)
    line, last_end, last = Line(), 0, None
    for note, after in zip(notes, (*notes[1:], None), strict=True):
        onset, pitch = note.onset, note.pitch
        step_end = (onset // TICKS_PER_STEP + 1) * TICKS_PER_STEP
        given = NoteInput(
            line=line,
            onset=onset,
            place=onset,
            pitch=pitch,
            room=(step_end if after is None else min(step_end, after.onset)) - onset,
            rested=onset - last_end >= PHRASE_TICKS,
            chord=solo.chords[onset // TICKS_PER_STEP // STEPS_PER_BEAT],
            bpm=solo.tempo_bpm,
            swing=swing,
        )
        grid = grids.get(onset // TICKS_PER_BEAT, Transport(0, 0.0, solo.tempo_bpm, swing))
        share, gap = _length(last, note)
        played = Played(note.velocity, _late_ms(note, grid), share if last_end == onset else None, gap)
        yield PlayedNote(given, played)
        velocity = line.level if played.velocity is None else played.velocity
        line = line.after(
            onset=onset,
            pitch=pitch,
            begins=given.rested,
            velocity=float(velocity),
            late_ms=played.late_ms or 0.0,
            share=1.0 if played.share is None else played.share,
        )
        last_end, last = _notated_end(note, after), note


def _grids(onsets: Sequence[int], bpm: float, swing: float) -> dict[int, Transport]:
    """Return what the onsets of each beat are measured against, by the number of the beat."""
    even = {onset // TICKS_PER_BEAT for onset in onsets if onset % TICKS_PER_BEAT in _SIXTEENTHS}
    return {beat: Transport(0, 0.0, bpm, STRAIGHT) for beat in even} if swing != STRAIGHT else {}


def _late_ms(note: Note, grid: Transport) -> float | None:
    """Return how much later than its place a note was played, in milliseconds; None where that says nothing."""
    if note.played_beats is None or note.onset % TICKS_PER_BEAT in _ODD:
        return None
    late_ms = (note.played_beats[0] - grid.beats_of_tick(note.onset)) * 60_000 / grid.bpm
    return late_ms if abs(late_ms) <= _FAR_MS else None


def _notated_end(note: Note, after: Note | None) -> int:
    """Return the tick at which a note ends as a network of cells has it: see `improv.music.rhythm.rhythm_of`."""
    step, inside = divmod(note.end, TICKS_PER_STEP)
    start, begins = step * TICKS_PER_STEP, note.onset // TICKS_PER_STEP == step
    next_step = None if after is None else after.onset // TICKS_PER_STEP
    if inside and after is not None and next_step == step:  # what ends before a note of its step is tied to it
        return after.onset
    if not inside or (inside == 1 and not begins):
        end = start
    elif inside > HALF or note.onset - start >= HALF:
        end = start + TICKS_PER_STEP
    else:
        return start + HALF
    return after.onset if after is not None and next_step == end // TICKS_PER_STEP else end


def _length(note: Note | None, after: Note) -> tuple[float | None, float | None]:
    """Return the share of the time to the next onset that a note sounds, and the silence after it in ticks."""
    if (
        note is None
        or note.played_beats is None
        or after.played_beats is None
        or after.played_beats[0] <= note.played_beats[0]
    ):
        return None, None
    (began, ended), until = note.played_beats, after.played_beats[0]
    share, ticks = min(1.0, (ended - began) / (until - began)), after.onset - note.onset
    return share, (1 - share) * ticks if ticks <= TICKS_PER_BEAT else None


@dataclass(frozen=True, slots=True)
class ExpressionSequence:
    """One solo as arrays over its notes."""

    name: str
    features: NDArray[np.float32]
    """What a network is fed, side by side in the order of `FEATURES`, (notes, width)."""
    units: NDArray[np.int64]
    """The classes of velocity, timing and length, (notes, 3); -1 where one is not known."""
    velocities: NDArray[np.float64]
    """MIDI velocities, (notes,); nan where one is not known."""
    places: NDArray[np.int64]
    """The tick of the bar of each note, (notes,)."""

    def parts(self) -> Iterator[str | NDArray[Any]]:
        """Yield all that is learned from, for a digest."""
        yield self.name
        yield from (self.features, self.units)


def sequence(solo: Solo) -> ExpressionSequence:
    """Return a solo as arrays."""
    rows, units, velocities, places = [], [], [], []
    for note in played_notes(solo):
        encoded, played = EXPRESSION.encode(note.given), note.played
        rows.append(np.concatenate([encoded[name] for name in FEATURES], axis=1))
        units.append(
            (
                UNKNOWN if played.velocity is None else velocity_class(played.velocity),
                UNKNOWN if played.late_ms is None else timing_class(played.late_ms),
                UNKNOWN
                if played.share is None
                else length_class(played.share, note.given.onset - note.given.line.onset),
            )
        )
        velocities.append(np.nan if played.velocity is None else float(played.velocity))
        places.append(note.given.place % (4 * TICKS_PER_BEAT))
    width = sum(EXPRESSION.features[name][1] for name in FEATURES)
    return ExpressionSequence(
        solo.name,
        np.concatenate(rows) if rows else np.zeros((0, width), np.float32),
        np.array(units, np.int64).reshape(-1, 3),
        np.array(velocities),
        np.array(places, np.int64),
    )


def sequences(solos: Iterable[Solo]) -> list[ExpressionSequence]:
    """Return the solos whose notes have a loudness, as arrays."""
    found = [sequence(solo) for solo in solos if any(note.velocity is not None for note in solo.notes)]
    return [each for each in found if len(each.units)]
