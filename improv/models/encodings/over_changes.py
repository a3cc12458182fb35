"""A line that knows no chords over the changes of another network: two encodings as one.

The changes make a step each step. The line moves at a pace of its own, as `Line` says: once for each note, sixteenth or
frame, several times in a step or not at all.
"""

from typing import Protocol

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import CHORD_HEAD, Bias, Decoder, Encoding, Steer, StepInput, TensorMeaning, digest
from improv.music.grid import Grid
from improv.music.notes import Cell
from improv.music.theory import Chord, Form


class Line(TensorMeaning, Protocol):
    """How a network that improvises a line alone hears and decides it, on a grid of eighths.

    Its features are those of a move, and each of its heads is computed from the state alone.
    """

    @property
    def finest_ticks(self) -> int:
        """The finest position inside a step that the line can tell apart, in ticks."""
        ...

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """The names of the controls that it cannot obey."""
        ...

    @property
    def hears(self) -> str:
        """What a network hears of a melody, in a few words."""
        ...

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches that it can play, ascending."""
        ...

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return what the network is moved by, one after another, to have heard what sounded in a step."""
        ...

    def decode(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choices that make the next cell, and return it: see `Encoding.decode_cell`."""
        ...

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return cells for a melody given as one sounding MIDI pitch a step."""
        ...


@dataclass(frozen=True, slots=True)
class OverChanges:
    """An encoding whose chords are those of one encoding, and whose melody is a line of another kind."""

    line: Line
    changes: Encoding

    @property
    def hears(self) -> str:
        """What the line hears of a melody, in a few words."""
        return self.line.hears

    @property
    def grid(self) -> Grid:
        """The grid that the changes step on, which is that of the session."""
        return self.changes.grid

    @property
    def finest_ticks(self) -> int:
        """The finest position inside a step that the line can tell apart, in ticks."""
        return self.line.finest_ticks

    @property
    def lookahead_steps(self) -> int:
        """Number of chords that the changes decide ahead."""
        return self.changes.lookahead_steps

    @property
    def fingerprint(self) -> str:
        """A digest of both fingerprints."""
        return digest({"line": self.line.fingerprint, "changes": self.changes.fingerprint})

    @property
    def features(self) -> dict[str, Shape]:
        """Those of the changes, fed each step, and those of the line, fed each move."""
        return self.changes.features | self.line.features

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The next chord of the changes, and the line's heads."""
        return {CHORD_HEAD: self.changes.heads[CHORD_HEAD]} | self.line.heads

    @property
    def line_features(self) -> tuple[str, ...]:
        """The features that the line is moved by."""
        return tuple(self.line.features)

    @property
    def melody_heads(self) -> tuple[str, ...]:
        """The heads that decide the line."""
        return tuple(self.line.heads)

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """The line's, and `changes` where the changes cannot obey it; no line is told of a voice."""
        of_changes = tuple(name for name in self.changes.unsupported_controls if name == "changes")
        return (*self.line.unsupported_controls, *of_changes, "voice")

    def encode(self, step_input: StepInput) -> Tensors:
        """Return the input tensors of a step of the changes."""
        return self.changes.encode(step_input)

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return the line's moves for what sounded in a step.

        A chorus that a network is primed with is no silence to it: a line without anything before it begins as its
        network does.
        """
        primed = step_input.steps_played is None and not step_input.frame.melody.pitches
        return () if primed else self.line.moves(step_input)

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the pitches that the line can play."""
        return self.line.melody_pitches()

    def chord_units(self, chord: Chord) -> Tensor:
        """Return a chord as units of the changes."""
        return self.changes.chord_units(chord)

    def chord_bias(self, step_input: StepInput) -> Bias:
        """Return the bias that keeps the form, as the changes have it."""
        return self.changes.chord_bias(step_input)

    def chord(self, units: Tensor, form: Form) -> Chord | None:
        """Return the chord of units of the changes."""
        return self.changes.chord(units, form)

    def decode_cell(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the line's choices, and return its cell."""
        return self.line.decode(steer, chord, before, heard)

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return the line's cells for a melody."""
        return self.line.melody(pitches)
