"""What an encoding is: how one kind of network sees a performance, and how its choices make a cell.

The session speaks to every network through here. This room must never know what any of them looks like inside.
"""

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import field
from functools import cache
from typing import Annotated, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.music.grid import Grid
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import Chord, Form
from improv.protocol.json_codec import JsonName

CHORD_HEAD = "next_chord"

Bias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steer:
    """How the player wants the next cell to be: see the controls of the same names.

    `steps_left` of a phrase that has to end: 2 at its last beat; None where nothing ends. `strikes` where a note has to
    begin. `beside` are the player's notes as MIDI pitches of the network, where improv plays beside them: it keeps a
    semitone and unison away from them, and all but the chord's root and fifth is less likely by `not_open_nats`.
    `lets_go` where what sounds has to end. `compass` are the lowest and the highest MIDI pitch, in the network's key;
    None where it has none. `breath` is 0 where improv is not alone. `follows` are the intervals by which the next notes
    are to move, in semitones, from the pitch `follows_from` on or from the step's first note, and `begins_on` the pitch
    that the step's first note is to have. `rise` is by how many nats a pitch is likelier than the one a semitone below.
    """

    density: float = 0.0
    rests: float = 0.0
    leaning: float = 0.0
    steps_left: int | None = None
    strikes: bool = False
    beside: frozenset[int] = frozenset()
    not_open_nats: float = 0.0
    lets_go: bool = False
    compass: tuple[int, int] | None = None
    breath: float = 0.0
    follows: tuple[int, ...] = ()
    follows_from: int | None = None
    begins_on: int | None = None
    rise: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of those that a cell takes: the head that is asked, and what is known before it."""

    head: str
    bias: Bias
    """What is added to the logarithm of each unit's probability, shape (units,); -inf forbids it."""
    pitches: tuple[int, ...] = ()
    """The MIDI pitch each unit stands for, if they do; units behind the last are none, such as one that holds."""
    features: Tensors = field(default_factory=dict)
    """What the network is told of the choices so far; nothing before the first."""
    least_temperature: float = 0.0
    """It is drawn at no lower one."""
    least_top_p: float = 0.0
    """It is drawn among no fewer than make up this probability."""
    most_top_p: float = 1.0
    """It is drawn among no more than make up this probability."""
    rows: tuple[int, ...] = ()
    """Where a head has several choices, each a row of units: which of them are asked for."""
    moves: tuple[Tensors, ...] = ()
    """What the network's line is moved by before the head is asked: the choices before it, as far as it hears them."""


@cache
def unit_rows(count: int) -> NDArray[np.float32]:
    """Return all one-hot rows and a last row of zeros, shape (count + 1, count).

    Rows are shared by all who ask, and so cannot be written to.
    """
    rows = np.eye(count + 1, count, dtype=np.float32)
    rows.flags.writeable = False
    return rows


@cache
def one_hot(unit: int | None, count: int) -> Tensor:
    """Return the one-hot row of a unit, shape (1, count); zeros for None. It is shared, and cannot be written to."""
    row = count if unit is None else unit
    return unit_rows(count)[row : row + 1]


def struck_cells(pitches: tuple[int, ...]) -> tuple[Cell, ...]:
    """Return a melody given as one MIDI pitch a step as cells, each note struck; 0 is a silent step."""
    return tuple(Cell(onsets=(Onset(pitch),)) if pitch else SILENCE for pitch in pitches)


def digest(meaning: Mapping[str, Any]) -> str:
    """Return a fingerprint of JSON data that describes what an encoding's numbers mean, in hexadecimal."""
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint_of(encoding: Any, numbers: Mapping[str, Any]) -> str:
    """Return the fingerprint of an encoding: of its class, its features and heads, and its other `numbers`, as JSON."""
    heads = {name: head.meaning for name, head in encoding.heads.items()}
    return digest({"encoding": type(encoding).__name__, "features": encoding.features, "heads": heads, **numbers})


Decoder: TypeAlias = Generator[Choice, int, Cell]
"""Asks for one choice after another, is sent the unit that was drawn, and returns the cell they make.

Of a `bernoulli` head, of which any units may be on, it is sent a number with a bit for each unit that is.
"""


@dataclass(frozen=True, slots=True)
class StepInput:
    """The input of one step: what sounded in it, where that was, and what is known of the steps to come.

    Takes call some fields by their earlier names.
    """

    frame: Frame
    place: int = 0
    """Steps from the top of the form; below zero it is counted in."""
    chord_lookahead: Annotated[tuple[Chord | None, ...], JsonName("ahead")] = ()
    """The chords of the steps that follow, as many as are decided: see `Encoding.lookahead_steps`."""
    form_steps: int = 0
    """The steps of the form; 0 where there is none that is known."""
    players_turn: Annotated[bool, JsonName("yours")] = False
    """Whether the player had the turn."""
    improv_plays: Annotated[bool, JsonName("answers")] = False
    """Whether improv plays in the step that is decided."""
    call_cell: Annotated[Cell | None, JsonName("asked")] = None
    """What the player played at the same place of their turn as the step that is decided has in improv's."""
    previous_call_cell: Annotated[Cell | None, JsonName("answered")] = None
    """The call cell of this step."""
    bpm: float = 120.0
    """The tempo, in quarter notes a minute."""
    beside: Annotated[Cell | None, JsonName("beside", sparse=True)] = None
    """What the player played beside improv, where the frame holds improv's line alone."""
    voice: Annotated[str, JsonName("voice", absent="")] = ""
    """The instrument that improv plays like, one of `improv.music.voices.VOICES`; empty where it is none."""
    register: Annotated[float | None, JsonName("register", absent=None)] = None
    """The mean pitch that improv keeps to, a MIDI pitch in the network's key; None where it keeps to none."""
    steps_played: Annotated[int | None, JsonName("steps_played", absent=None)] = None
    """The steps since improv's first chorus began, up to the one that is decided; None where that is not known."""
    steps_to_play: Annotated[int | None, JsonName("steps_to_play", absent=None)] = None
    """The steps from the one that is decided to the end of the tune; None where that is not known."""
    turn_left: Annotated[int | None, JsonName("turn_left", absent=None)] = None
    """The steps from the one that is decided to the end of improv's turn; None where that is open, or not improv's."""
    previous: Annotated[Cell | None, JsonName("previous", sparse=True)] = None
    """What sounded in the step before; None where that is not known, or the encoding does not ask for it."""
    motifs: Annotated[float, JsonName("motifs", absent=1.0)] = 1.0
    """How much a line comes back to what was played before: 0 as the network has it, 1 as foretells people best."""

    def before_decision(
        self, *, improv_plays: bool, call_cell: Cell | None, turn_left: int | None = None, motifs: float = 1.0
    ) -> "StepInput":
        """Return the input with what is known of the step that is decided from it."""
        told = (improv_plays, turn_left, motifs)
        if told == (self.improv_plays, self.turn_left, self.motifs) and call_cell is self.call_cell:
            return self
        return StepInput(
            self.frame,
            self.place,
            self.chord_lookahead,
            self.form_steps,
            self.players_turn,
            improv_plays,
            call_cell,
            self.previous_call_cell,
            self.bpm,
            self.beside,
            self.voice,
            self.register,
            self.steps_played,
            self.steps_to_play,
            turn_left,
            self.previous,
            motifs,
        )


class TensorMeaning(Protocol):
    """What the tensors of networks mean."""

    @property
    def fingerprint(self) -> str:
        """A short digest that changes whenever the meaning of a tensor changes."""
        ...

    @property
    def features(self) -> dict[str, Shape]:
        """The shape of each input tensor that `encode` makes, by name."""
        ...

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The heads that a network may have, by name, and what their logits mean."""
        ...


class Vocabulary(TensorMeaning, Protocol):
    """What any encoding says of its networks."""

    @property
    def grid(self) -> Grid:
        """The grid of the networks that use this encoding."""
        ...


class Encoding(Vocabulary, Protocol):
    """How a network that improvises melody and changes sees a performance. Session and engine follow its grid."""

    @property
    def hears(self) -> str:
        """What a network hears of a melody, in a few words."""
        ...

    @property
    def finest_ticks(self) -> int:
        """The finest position inside a step that the encoding can tell apart, in ticks."""
        ...

    @property
    def lookahead_steps(self) -> int:
        """Number of chords known beyond the step input's own; the network decides the one after these."""
        ...

    def encode(self, step_input: StepInput) -> Tensors:
        """Return the input tensors of one step by name, all in the network's key."""
        ...

    @property
    def line_features(self) -> tuple[str, ...]:
        """The features that a network's line is moved by at a pace of its own; none where it has no such line."""
        ...

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return what a network's line is moved by, one after another, to have heard what sounded in a step."""
        ...

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitch each unit of the melody stands for."""
        ...

    def chord_units(self, chord: Chord) -> Tensor:
        """Return a chord as units, 1.0 for on and 0.0 for off, shape (units,)."""
        ...

    def chord_bias(self, step_input: StepInput) -> Bias:
        """Return what is added to the log probability of each chord unit to keep the form, shape (units,)."""
        ...

    def chord(self, units: Tensor, form: Form) -> Chord | None:
        """Return the chord of the units that are on (1.0), with the root that the form gives it; None for no chord."""
        ...

    @property
    def melody_heads(self) -> tuple[str, ...]:
        """The heads that a network with a melody must have. `heads` says which depend on others."""
        ...

    def decode_cell(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choices that make the next cell, one after another, and return the cell.

        `chord` is the one that will sound, in the network's key, `before` improv's own cell that it follows, `heard`
        what the network was fed of the step before: among it the cell of the player's that it answers.
        """
        ...

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """The names of the controls that a network of this kind cannot obey."""
        ...

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return cells for a melody given as one sounding MIDI pitch a step."""
        ...
