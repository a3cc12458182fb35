"""The encoding of Eck & Schmidhuber (2002): one unit a note, and which notes sound."""

from dataclasses import asdict
from math import inf

import numpy as np

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import (
    CHORD_HEAD,
    Bias,
    Choice,
    Decoder,
    Steer,
    StepInput,
    fingerprint_of,
)
from improv.models.encodings.biases import chord_leaning, keeping_clear
from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import SILENCE, Cell, Onset
from improv.music.theory import Chord, Form

MELODY_HEAD = "next_melody"
"""Of a network that makes one choice of a melody a step."""

_DENSITY_NATS = 3.0
"""How strongly density at its end bends the logarithm of a probability."""


@dataclass(frozen=True, slots=True)
class LocalNotes:
    """One unit a note, 1.0 for on, no other coding (Eck & Schmidhuber 2002, section 2.2).

    Twelve chord units from `chord_low` and thirteen melody units from `melody_low` (figure 1). A
    slice of time says which notes sound and not which begin, so a note that repeats is ambiguous
    (section 2.2 leaves this open). Here it is held for a quarter and then struck again, which reads
    the training data, all quarter notes, exactly, and a quarter off the beat as a syncopation.
    """

    chord_low: int = 48
    chord_notes: int = 12
    melody_low: int = 60
    melody_notes: int = 13

    @property
    def hears(self) -> str:
        """In a musician's words: the thirteen notes of an octave, on or off in each eighth."""
        return "which notes from C to C sound in each eighth"

    @property
    def grid(self) -> Grid:
        """The grid of eighths: two steps a beat."""
        return EIGHTHS

    @property
    def finest_ticks(self) -> int:
        """One whole step: the encoding knows no finer position."""
        return self.grid.ticks_per_step

    @property
    def lookahead_steps(self) -> int:
        """Zero: the chord of each step is decided together with its melody."""
        return 0

    @property
    def fingerprint(self) -> str:
        """A digest of the constants of this module and of the tensors' names."""
        return fingerprint_of(self, {"repeats": "struck each quarter", **asdict(self)})

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of `chord` (1, 12) and `melody` (1, 13)."""
        return {"chord": (1, self.chord_notes), "melody": (1, self.melody_notes)}

    @property
    def line_features(self) -> tuple[str, ...]:
        """None: everything moves once a step."""
        return ()

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return nothing: everything moves once a step."""
        return ()

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches C4 to C5."""
        return tuple(range(self.melody_low, self.melody_low + self.melody_notes))

    def chord_units(self, chord: Chord) -> Tensor:
        """Return a chord's notes within one octave as units, shape (12,)."""
        units = np.zeros(self.chord_notes, np.float32)
        units[[pitch - self.chord_low for pitch in chord.voiced(self.chord_low)]] = 1
        return units

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """Chords by threshold (section 3.2), one melody note by normalised probabilities (4.2)."""
        return {
            CHORD_HEAD: HeadSpec((1, self.chord_notes), "bernoulli"),
            MELODY_HEAD: HeadSpec((1, self.melody_notes), "normalised_bernoulli"),
        }

    def encode(self, step_input: StepInput) -> Tensors:
        """Return the input tensors of a step.

        Every note that sounds in it, moved by octaves into the melody's range.
        """
        melody = np.zeros(self.melody_notes, np.float32)
        melody[[self._unit(pitch) for pitch in step_input.frame.melody.pitches]] = 1
        chord = np.zeros(self.chord_notes, np.float32)
        if step_input.frame.chord is not None:
            chord = self.chord_units(step_input.frame.chord)
        return {"chord": chord[None], "melody": melody[None]}  # (1, 12), (1, 13)

    def _unit(self, pitch: int) -> int:
        above = pitch - self.melody_low
        return above if 0 <= above < self.melody_notes else above % 12

    def chord_bias(self, step_input: StepInput) -> Bias:
        """Return zero: each note of the chord is decided by itself."""
        return np.zeros(self.chord_notes)

    def chord(self, units: Tensor, form: Form) -> Chord | None:
        """Return the chord whose notes are on."""
        on = np.flatnonzero(units) + self.chord_low
        return Chord.of((int(pitch) % 12 for pitch in on), known=form.chords)

    @property
    def melody_heads(self) -> tuple[str, ...]:
        """The one head that draws a note for each step."""
        return (MELODY_HEAD,)

    def decode_cell(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of one pitch and return the cell: held if that pitch has just begun, else struck."""
        pitches = self.melody_pitches()
        unit = yield Choice(MELODY_HEAD, self.bias(steer, chord, before), pitches)
        return _cell(pitches[unit], before)

    def bias(self, steer: Steer, chord: Chord | None, before: Cell) -> Bias:
        """Return what is added to the log probability of each pitch: a denser line holds its notes less.

        A phrase ends with a chord tone struck on its last beat and held.
        """
        pitches = np.array(self.melody_pitches())
        again = np.isin(pitches, [onset.pitch for onset in before.onsets])
        inside = np.isin(pitches % 12, list(chord.pitch_classes) if chord else range(12))
        bias = np.where(again, -_DENSITY_NATS * steer.density, 0.0)
        bias = bias + chord_leaning(self.melody_pitches(), chord, steer.leaning)
        bias = bias + keeping_clear(self.melody_pitches(), steer, chord)
        if steer.steps_left == self.grid.steps_per_beat and (inside & ~again).any():
            bias = np.where(inside & ~again, bias, -inf)
        if steer.strikes:
            bias = np.where(again, -inf, bias)
        if steer.steps_left is not None and steer.steps_left < self.grid.steps_per_beat and again.any():
            bias = np.where(again, 0.0, -inf)
        return bias

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`rests` and `changes`, as notes draw rests and chords; the controls of solos; and `voice`."""
        return "rests", "breath", "build", "motifs", "changes", "voice"

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody given as one sounding pitch a step, as cells."""
        cells: list[Cell] = []
        for pitch in pitches:
            cells.append(_cell(pitch, cells[-1] if cells else SILENCE))
        return tuple(cells)


def _cell(pitch: int, before: Cell) -> Cell:
    """Return a held note where the same one has just begun, else a new one."""
    if any(onset.pitch == pitch for onset in before.onsets):
        return Cell(held=(pitch,))
    return Cell(onsets=(Onset(pitch),))
