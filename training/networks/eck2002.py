"""The networks of Eck & Schmidhuber 2002: LSTM memory blocks, chords leading and melody following.

A partition is four memory blocks of two cells, with one input, one forget and one output gate a
block that its cells share (section 3.1). Its outputs see its cells and its own inputs. Experiment
1 is one partition for chords; experiment 2 adds one for melody, which also sees the cells of the
chords, while nothing of the melody ever reaches the chords (section 4.1).
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.models.encodings import ENCODINGS
from training.networks import Network

ENCODING = "local_notes"

BLOCKS = 4
CELLS_A_BLOCK = 2
CELLS = BLOCKS * CELLS_A_BLOCK

GATE_BIASES = (-0.5, -1.0, -1.5, -2.0)
"""Of the input, forget and output gates of the blocks, so that they come on line one by one (section 3.1)."""

OUTPUT_BIAS = 0.5
INITIAL_WEIGHT = 0.5
"""Weights start uniform within plus or minus this; the paper does not say. A tenth of it never learns the form."""

_UNITS = {name: shape[-1] for name, shape in ENCODINGS[ENCODING].features.items()}

State = tuple[Tensor, Tensor]
"""What the cells put out, and what they hold."""


class Partition(nn.Module):
    """Four memory blocks of two cells and the output units they feed.

    `units` is the number of input and output units, `context` how many further inputs the blocks
    have and the outputs have not. In every matrix the last column is the bias. Weights are drawn from `generator`,
    or from PyTorch's own random numbers.
    """

    def __init__(self, units: int, context: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.units = units
        self.context = context

        def uniform(*shape: int) -> Tensor:
            return (2 * torch.rand(*shape, generator=generator) - 1) * INITIAL_WEIGHT

        width = units + context + CELLS + 1
        self.gates = nn.Parameter(uniform(3, BLOCKS, width))  # input, forget, output gate of each block
        self.cells = nn.Parameter(uniform(CELLS, width))
        self.output = nn.Parameter(uniform(units, units + CELLS + 1))
        with torch.no_grad():
            self.gates[..., -1] = torch.tensor(GATE_BIASES)
            self.output[:, -1] = OUTPUT_BIAS

    def at_rest(self, batch: int = 1) -> State:
        """Return the initial state: two tensors of zeros, (1, batch, 8)."""
        return torch.zeros(1, batch, CELLS), torch.zeros(1, batch, CELLS)

    def _rows(self) -> Tensor:
        """Return all weights into the cells in the order of an ordinary LSTM; a gate's row serves both its cells."""
        into, forget, out = self.gates.repeat_interleave(CELLS_A_BLOCK, dim=1)
        return torch.cat((into, forget, self.cells, out))

    def sequence(self, inputs: Tensor, context: Tensor | None, state: State) -> tuple[Tensor, Tensor, State]:
        """Return logits (t, b, units), outputs of the cells (t, b, 8) and the final state, in one fused call.

        `inputs` is (t, b, units), `context` (t, b, context) or None. The same arithmetic as `step`.
        """
        rows = self._rows()
        seen = self.units + self.context
        weights = [rows[:, :seen], rows[:, seen:-1], rows[:, -1], torch.zeros(len(rows))]
        fed = inputs if context is None else torch.cat((inputs, context), dim=2)
        put_out, *after = torch._VF.lstm(fed, state, weights, True, 1, 0.0, False, False, False)
        return self._read_out(inputs, put_out), put_out, (after[0], after[1])

    def step(self, inputs: Tensor, context: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return logits (1, units) of one step and the new state, from inputs (1, units) and a state of two (1, 8).

        Computed in double precision, whatever runs it: a form that is counted for hours amplifies
        the last bits in which two runtimes' single-precision functions differ.
        """
        put_out, held = (part.double() for part in state)
        seen = inputs.double() if context is None else torch.cat((inputs, context), dim=1).double()
        rows = self._rows().double()
        nets = torch.cat((seen, put_out), dim=1) @ rows[:, :-1].T + rows[:, -1]
        into, forget, candidate, out = nets.chunk(4, dim=1)
        held = forget.sigmoid() * held + into.sigmoid() * candidate.tanh()
        put_out = out.sigmoid() * held.tanh()
        return self._read_out(inputs.double(), put_out).float(), (put_out.float(), held.float())

    def _read_out(self, inputs: Tensor, put_out: Tensor) -> Tensor:
        output = self.output.to(put_out.dtype)
        return torch.cat((inputs, put_out), dim=-1) @ output[:, :-1].T + output[:, -1]


class Chords(Network):
    """Experiment 1: one partition that learns the changes (section 3.1)."""

    FEATURES = ("chord",)
    STATE: ClassVar[Mapping[str, int]] = {"chord_out": CELLS, "chord_cells": CELLS}
    HEADS = ("next_chord",)

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.chords = Partition(_UNITS["chord"], 0, generator)

    def forward(self, chord: Tensor, chord_out: Tensor, chord_cells: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of the next chord (1, 12), and the new `chord_out` and `chord_cells` (1, 8)."""
        logits, state = self.chords.step(chord, None, (chord_out, chord_cells))
        return logits, *state


class Blues(Network):
    """Experiment 2: a partition for the changes and one for the melody over them (section 4.1)."""

    FEATURES = ("chord", "melody")
    STATE: ClassVar[Mapping[str, int]] = {**Chords.STATE, "melody_out": CELLS, "melody_cells": CELLS}
    HEADS = ("next_chord", "next_melody")

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.chords = Partition(_UNITS["chord"], 0, generator)
        self.melody = Partition(_UNITS["melody"], CELLS, generator)

    def forward(
        self,
        chord: Tensor,
        melody: Tensor,
        chord_out: Tensor,
        chord_cells: Tensor,
        melody_out: Tensor,
        melody_cells: Tensor,
    ) -> tuple[Tensor, ...]:
        """Return one step: logits of the next chord (1, 12) and melody note (1, 13), and the four new states (1, 8).

        What the melody's blocks see of the chords' cells is one step old, like every recurrent
        connection.
        """
        melody_logits, melody_state = self.melody.step(melody, chord_out, (melody_out, melody_cells))
        chord_logits, chord_state = self.chords.step(chord, None, (chord_out, chord_cells))
        return chord_logits, melody_logits, *chord_state, *melody_state
