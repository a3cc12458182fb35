"""Solos as a network learns from them: what it is fed at each step, and the choices that the soloist made at the next.

The features are those that the runtime feeds, made by the same encoding, so that nothing can be meant
differently; everything is in the key of C.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings import Cells, StepInput
from improv.models.encodings.cells import call_pitch_at
from improv.music.notes import Frame
from improv.music.rhythm import NUMBERS, rhythm_of, top_line
from improv.music.theory import BLUES_BARS, PITCH_CLASSES, STEPS_PER_BAR, Chord, shortest_way
from improv.music.voices import VOICES
from training.corpora.solos import Solo, frames

CELLS = Cells(tells_story=True)
KEY = "C"
FORM_STEPS = BLUES_BARS * STEPS_PER_BAR
FEATURES = (
    "rhythm", "onsets", "chord", "chord_ahead", "place", "who", "tempo", "asked_rhythm", "asked", "answered",
    "voice", "register", "story", "turn_left",
)  # fmt: skip
"""What a melody is fed of what the encoding tells; its line and the choices so far come from the notes."""

STEP, NUMBER, TICK, UNIT, BEFORE, BEFORE_THAT, ASKED = range(7)
"""The columns of `Sequence.notes`; a unit that is not there is -1."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One solo: arrays over its steps and over its notes."""

    name: str
    is_blues: bool
    features: dict[str, NDArray[np.uint8]]
    """Each (steps, width), 0 or 1."""
    rhythms: NDArray[np.int64]
    """The rhythm played in each step, (steps,)."""
    notes: NDArray[np.int64]
    """(notes, 7): its step, its number within that, its tick, its unit, the two before it, and the one it answers."""
    counts: NDArray[np.uint8]
    """1 for each step whose choices are learned, (steps,)."""

    @property
    def steps(self) -> int:
        """Number of steps in the sequence."""
        return len(self.rhythms)


def in_c(solo: Solo) -> tuple[Frame, ...]:
    """Return the frames of a solo, in C; ValueError for a solo without a key."""
    if solo.tonic is None:
        raise ValueError(f"{solo.name} has no key")
    up = -shortest_way(KEY, PITCH_CLASSES[solo.tonic])
    return tuple(
        Frame(frame.melody.transposed(up), frame.chord and frame.chord.transposed(up)) for frame in frames(solo)
    )


def step_inputs(
    solo: Solo, begins: int = 0, steps: int | None = None, *, as_performed: bool = False
) -> tuple[StepInput, ...]:
    """Return the step inputs of a solo as the runtime makes them when improv plays alone.

    `begins` is the step of a longer solo, of `steps` steps, that this one is cut from. Its mean pitch is told as its
    register; with `as_performed` it is that of the instrument, and how long the solo is is not told.
    """
    line = in_c(solo)
    steps = solo.steps if steps is None else steps
    pitches = [onset.pitch for frame in line for onset in frame.melody.onsets]
    register = sum(pitches) / len(pitches) if pitches else None
    if as_performed:
        register = VOICES[solo.voice].mean if solo.voice else None
    chords: list[Chord | None] = [frame.chord for frame in line]
    chords += chords[-1:] * (CELLS.lookahead_steps + 1)
    of_form: dict[int, int] = {}
    for top in solo.choruses:
        of_form |= {top * STEPS_PER_BAR + place: place for place in range(FORM_STEPS)}
    found = []
    for step, frame in enumerate(line):
        decided = of_form.get(step + 1)
        place, form_steps = (step, 0) if decided is None else (decided - 1, FORM_STEPS)
        ahead = tuple(chords[step + 1 : step + 1 + CELLS.lookahead_steps])
        decides = begins + step + 1
        to_play = None if as_performed else max(steps - decides, 0)
        found.append(
            StepInput(
                frame, place, ahead, form_steps, improv_plays=True, bpm=solo.tempo_bpm, voice=solo.voice,
                register=register, steps_played=decides, steps_to_play=to_play,
            )
        )  # fmt: skip
    return tuple(found)


def sequence(solo: Solo, *, as_performed: bool = False) -> Sequence:
    """Return a solo as arrays; ValueError for a solo without a key. For `as_performed` see `step_inputs`."""
    return as_sequence(solo.name, solo.is_blues, step_inputs(solo, as_performed=as_performed))


def as_sequence(name: str, is_blues: bool, steps: Iterable[StepInput]) -> Sequence:
    """Return step inputs as arrays; steps that improv did not play are not learned."""
    steps = tuple(steps)
    encoded = [CELLS.encode(each) for each in steps]
    cells = [each.frame.melody for each in steps]
    notes: list[tuple[int, ...]] = []
    line = [-1, -1]
    for step, (cell, each) in enumerate(zip(cells, steps, strict=True)):
        pitches = [CELLS.unit(pitch) for pitch in top_line(cell)]
        for number, (tick, unit) in enumerate(zip(rhythm_of(cell).ticks, pitches, strict=True)):
            call = each.previous_call_cell
            called = None if call is None else call_pitch_at(call, tick)
            notes.append((step, number, tick, unit, line[-1], line[-2], -1 if called is None else CELLS.unit(called)))
            line.append(unit)
    return Sequence(
        name,
        is_blues,
        {feature: np.concatenate([tensors[feature] for tensors in encoded]).astype(np.uint8) for feature in FEATURES},
        np.array([NUMBERS[rhythm_of(cell)] for cell in cells]),
        np.array(notes, np.int64).reshape(-1, 7),
        np.array([1, *(each.improv_plays for each in steps[:-1])], np.uint8),
    )


def sequences(solos: Iterable[Solo], *, as_performed: bool = False) -> list[Sequence]:
    """Return the solos that have a key, as arrays. For `as_performed` see `step_inputs`."""
    return [sequence(solo, as_performed=as_performed) for solo in solos if solo.tonic is not None]
