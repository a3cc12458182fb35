"""What an encoding is: how one kind of network sees a performance, and how its choices make a cell.

The session speaks to every network through here. This room must never know what any of them looks like inside.
"""

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import inf
from typing import Annotated, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.music.grid import Grid
from improv.music.notes import Cell, Frame
from improv.music.theory import Chord, Form
from improv.protocol.json_codec import JsonName

CHORD_HEAD = "next_chord"

Bias = NDArray[np.float64]

_LEANING_NATS = 2.0
"""How strongly leaning half-way bends the logarithm of a probability."""


@dataclass(frozen=True, slots=True)
class Steer:
    """How the player wants the next cell to be: see the controls of the same names.

    `steps_left` of a phrase that has to end: 2 at its last beat; None where nothing ends. `strikes` where a note has to
    begin.
    """

    density: float = 0.0
    rests: float = 0.0
    leaning: float = 0.0
    steps_left: int | None = None
    strikes: bool = False


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


@cache
def unit_rows(count: int) -> NDArray[np.float32]:
    """Return a row for each unit, in which it alone is on, and a last one of zeros: shape (count + 1, count).

    Rows are shared by all who ask, and so cannot be written to.
    """
    rows = np.eye(count + 1, count, dtype=np.float32)
    rows.flags.writeable = False
    return rows


def one_hot(unit: int | None, count: int) -> Tensor:
    """Return the row in which a unit alone is on, or none for None, shape (1, count)."""
    row = count if unit is None else unit
    return unit_rows(count)[row : row + 1]


@lru_cache(maxsize=256)
def chord_leaning(pitches: tuple[int, ...], chord: Chord | None, leaning: float) -> Bias:
    """Return what leaning on a chord adds to each pitch that is none of its tones; zeros where there is no chord."""
    bias = np.zeros(len(pitches))
    if leaning and chord is not None:
        outside = ~np.isin(np.asarray(pitches) % 12, list(chord.pitch_classes))
        bias[outside] = -inf if leaning >= 1 else -_LEANING_NATS * leaning / (1 - leaning)
    bias.flags.writeable = False
    return bias


def digest(meaning: Mapping[str, Any]) -> str:
    """Return a fingerprint of what numbers mean, given as JSON can tell it."""
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]


Decoder: TypeAlias = Generator[Choice, int, Cell]
"""Asks for one choice after another, is sent the unit that was drawn, and returns the cell they make."""


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


class Encoding(Protocol):
    """How one kind of network sees a performance."""

    @property
    def grid(self) -> Grid:
        """The steps that its networks make; session, clock and engine take theirs from it."""
        ...

    @property
    def finest_ticks(self) -> int:
        """The finest position inside a step that it tells apart, in ticks."""
        ...

    @property
    def lookahead_steps(self) -> int:
        """How many chords after the step input's own are decided already; the network decides the one after these."""
        ...

    @property
    def fingerprint(self) -> str:
        """A short digest that changes whenever the meaning of a tensor does."""
        ...

    @property
    def features(self) -> dict[str, Shape]:
        """The shape of each tensor `encode` makes."""
        ...

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The heads a network may have, `next_chord` and those of the melody, and what their logits mean."""
        ...

    def encode(self, step_input: StepInput) -> Tensors:
        """Return the input tensors of one step by name, all in the network's key."""
        ...

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitch each unit of the melody stands for."""
        ...

    def chord_units(self, chord: Chord) -> Tensor:
        """Return a chord's units, 1.0 for on."""
        ...

    def chord_bias(self, step_input: StepInput) -> Bias:
        """Return what is added to the logarithm of each chord's probability, shape (units,): what keeps the form."""
        ...

    def chord(self, units: Tensor, form: Form) -> Chord | None:
        """Return the chord that the units which are on (1.0) stand for, named as the form names it."""
        ...

    @property
    def melody_heads(self) -> tuple[str, ...]:
        """The heads that a network which improvises has; each says in `heads` which others it is asked after."""
        ...

    def decode_cell(self, steer: Steer, chord: Chord | None, before: Cell, call: Cell | None = None) -> Decoder:
        """Ask for the choices that the next cell takes, one after another.

        `chord` is the one that will sound, in the network's key, `before` the cell it follows, `call` the
        player's that it answers.
        """
        ...

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """The names of the controls that a network of this kind cannot obey."""
        ...

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody given as one sounding pitch a step, as cells."""
        ...
