"""Calls cut out of solos, and how often they are known by their answers.

A call is some bars of a blues chorus, from bar line to bar line, as a musician who trades with improv plays them; its
answer is all of the next turn. A call is known by its answer if `training.metrics.phrase_similarity` finds the answer
most like it among sixteen calls, the others from other solos; all are meant to be played at one tempo, so that nothing
but notes gives a call away. Nothing here plays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Frame
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, TICKS_PER_STEP
from training.corpora.solos import Note, Solo, notes_in
from training.datasets.sequences import in_c
from training.metrics.bootstrap import SAMPLES, Figure, grouped_mean
from training.metrics.melody import CHORUS_BARS, Melody, chorus_starts, melody
from training.metrics.phrase_similarity import LEAST_NOTES, Exchange, Phrase, found_calls, phrase, retrieval

ECHOED = 0.75
"""An answer that has more of its call's notes again than this is a verbatim echo."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Some bars of a solo in C, with ticks and bars counted from their first."""

    solo: str
    bars: int
    place: int
    """The bar of the chorus that it begins at, from 0 on."""
    notes: tuple[Note, ...]
    line: Melody
    next_line: Melody
    """What the soloist played in as many bars after it."""
    played: tuple[tuple[float, float], ...] = ()
    """When the notes began and ended as they were played, in beats of the band; empty where that is not known."""
    bpm: float = 120.0
    """The tempo at which they were."""
    frames: tuple[Frame, ...] = ()
    """`line` as frames."""
    next_frames: tuple[Frame, ...] = ()
    """`next_line` as frames."""


def calls(solo: Solo, bars: int) -> tuple[Call, ...]:
    """Return the calls of a solo: `bars` bars with at least three notes, followed by as many bars.

    Only those at a place that can be a player's turn when trading from the top of a chorus on: every four bars, but of
    two bars every other. Where no chorus is known every twelve bars count as one.
    """
    line = in_c(solo)
    every = bars if CHORUS_BARS // bars % 2 else 2 * bars
    found = []
    for top in chorus_starts(melody(line, solo.choruses)):
        for place in range(0, CHORUS_BARS, every):
            first = (top + place) * STEPS_PER_BAR
            middle, last = first + bars * STEPS_PER_BAR, first + 2 * bars * STEPS_PER_BAR
            if last <= len(line):
                frames, later = tuple(line[first:middle]), tuple(line[middle:last])
                called, answered = melody(frames), melody(later)
                if len(called.onsets) >= LEAST_NOTES:
                    notes = notes_in(line[first:middle])
                    played = _played(solo, notes, first * TICKS_PER_STEP)
                    found.append(
                        Call(solo.name, bars, place, notes, called, answered, played, solo.tempo_bpm, frames, later)
                    )
    return tuple(found)


def _played(solo: Solo, notes: Sequence[Note], first_tick: int) -> tuple[tuple[float, float], ...]:
    """Return when the notes of a call were played; a note that sounds into it begins with it.

    Empty where it is not known.
    """
    known = {note.onset - first_tick: note.played_beats for note in solo.notes}
    start = first_tick / TICKS_PER_BEAT
    found = []
    for note in notes:
        beats = known.get(note.onset, (start, start + note.end / TICKS_PER_BEAT))
        if beats is None:
            return ()
        found.append((beats[0] - start, beats[1] - start))
    return tuple(found)


def is_echo(call: Melody, answer: Melody) -> bool:
    """Return whether an answer repeats its call.

    It is if more than three in four of the call's notes come back at the same tick of the turn with the same pitch
    class, in whatever octave. An answer that is moved to another degree or place is none.
    """
    ours, theirs = (
        set(zip(line.onsets.tolist(), (line.pitches % len(PITCH_CLASSES)).tolist(), strict=True))
        for line in (call, answer)
    )
    return len(ours & theirs) > ECHOED * len(ours)


def recognised(made: Sequence[Call], answers: Sequence[Melody], among: Sequence[Call]) -> Figure:
    """Return the share of calls recognised by their answers among sixteen, with its interval; chance is 1/16.

    The other fifteen are drawn from the calls of other solos in `among`. The interval is of resampling whole solos. By
    silence no call is known. Nan where there are too few others.
    """
    phrases = {call: phrase(call.line) for call in {*made, *among}}
    others: dict[str, list[Phrase]] = {}
    for call in among:
        others.setdefault(call.solo, []).append(phrases[call])
    exchanges = [
        Exchange(phrases[call], phrase(line) if len(line.onsets) else None, call.solo)
        for call, line in zip(made, answers, strict=True)
    ]
    return retrieval(exchanges, found_calls(exchanges, others))


def echoes(made: Sequence[Call], answers: Sequence[Melody], samples: int = SAMPLES, seed: int = 0) -> Figure:
    """Return the share of answers that repeat their call, with the interval of resampling whole solos."""
    are_echoes = np.array([is_echo(call.line, line) for call, line in zip(made, answers, strict=True)], np.float64)
    return grouped_mean(are_echoes, [call.solo for call in made], samples, seed)
