"""An improviser of lines: two LSTM layers over steps, and for each step a rhythm, then a pitch for each onset.

The memory moves once a step. A choice within the step is made from the step's context and the choices before it,
so the heads can be asked again with more choices known while the memory stays where it was.

A pitch is scored by three experts, whose logits add up: the pitch itself, the interval from the pitch before, and the
degree over the root of the chord (the two views that Impro-Visor's networks take of a note, and the key's).
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.encoding import Cells
from training.networks import Network

CELLS = Cells()
PITCHES = CELLS.pitch_count
INTERVALS = 2 * PITCHES - 1
RHYTHMS = CELLS.heads["next_rhythm"].shape[1]
PITCH_CLASSES = 12
_WIDTH = {name: shape[1] for name, shape in CELLS.features.items()}
_PLAYED = ("rhythm", "onsets", "chord", "chord_ahead", "place", "who")


class Lines(Network):
    """`hidden` units in each layer; `dropout` is of what leaves a layer, the same units for a whole sequence."""

    FEATURES = (*_PLAYED[:2], "line", *_PLAYED[2:], "chosen_rhythm", "chosen_line", "chosen_tick")
    HEADS = ("next_rhythm", "next_pitch")
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        layers = {f"{kind}_{layer}": hidden for layer in (1, 2) for kind in ("out", "cells")}
        self.STATE = {"line": 2 * PITCHES} | layers  # type: ignore[misc]
        self.dropout = dropout
        self.shift = nn.Embedding(PITCH_CLASSES, hidden)
        self.read = nn.Linear(sum(_WIDTH[name] for name in _PLAYED) + 2 * PITCHES, hidden)
        self.lower = nn.LSTM(hidden, hidden)
        self.upper = nn.LSTM(hidden, hidden)
        self.rhythm = nn.Sequential(
            nn.Linear(hidden + _WIDTH["place"], hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, RHYTHMS)
        )
        choice = RHYTHMS + _WIDTH["chosen_tick"] + 2 * PITCHES + _WIDTH["chord"]
        self.choice = nn.Linear(hidden + choice, hidden)
        self.interval_before = nn.Embedding(INTERVALS, hidden)
        self.by_pitch = nn.Linear(hidden, PITCHES)
        self.by_interval = nn.Linear(hidden, INTERVALS)
        self.by_degree = nn.Linear(hidden, PITCH_CLASSES)

    # --- what training and playing share ---

    def _read(self, features: Mapping[str, Tensor], line: Tensor, shift: Tensor) -> Tensor:
        played = torch.cat((*(features[name] for name in _PLAYED), line), dim=-1)
        return torch.relu(self.read(played) + self.shift(shift))

    def rhythm_logits(self, context: Tensor, place: Tensor) -> Tensor:
        """Logits (..., rhythms) from a step's context (..., hidden) and the place of the step that is decided."""
        logits: Tensor = self.rhythm(torch.cat((context, place), dim=-1))
        return logits

    def pitch_logits(self, context: Tensor, chosen: Mapping[str, Tensor], line: Tensor, chord: Tensor) -> Tensor:
        """Logits (notes, pitches) from the context, the choices so far, the two pitches before and the chord."""
        latest, one_before = line.chunk(2, dim=-1)
        before = latest.argmax(-1)
        step = before - one_before.argmax(-1) + PITCHES - 1
        known = torch.cat((context, chosen["chosen_rhythm"], chosen["chosen_tick"], line, chord), dim=-1)
        scored = torch.relu(self.choice(known) + self.interval_before(step))
        scored = functional.dropout(scored, self.dropout, self.training)
        pitches = torch.arange(PITCHES, device=line.device)
        intervals = pitches - before[..., None] + PITCHES - 1
        root, is_chord = chord[..., :PITCH_CLASSES].argmax(-1), chord[..., :PITCH_CLASSES].sum(-1, keepdim=True)
        degrees = (pitches + CELLS.pitch_low - root[..., None]) % PITCH_CLASSES
        logits: Tensor = (
            self.by_pitch(scored)
            + self.by_interval(scored).gather(-1, intervals)
            + is_chord * self.by_degree(scored).gather(-1, degrees)
        )
        return logits

    # --- training: whole sequences ---

    def contexts(self, features: Mapping[str, Tensor], line: Tensor, shift: Tensor) -> Tensor:
        """The context of every step, (steps, batch, hidden), from features and the line so far, (steps, batch, width).

        `shift` (batch,) is how many semitones each sequence was transposed by, modulo 12.
        """
        lower, _ = self.lower(self._read(features, line, shift))
        lower = self._dropped(lower)
        upper, _ = self.upper(lower)
        return self._dropped(upper + lower)

    def _dropped(self, outputs: Tensor) -> Tensor:
        """Without some units, the same ones at every step (Gal & Ghahramani 2016, section 4)."""
        if not self.training:
            return outputs
        kept = torch.full_like(outputs[:1], 1 - self.dropout).bernoulli()
        return outputs * kept / (1 - self.dropout)

    # --- playing: one step ---

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """One step in the key of C: (rhythm, pitch, line, then what each layer puts out and holds), each (1, width)."""
        features = dict(zip(self.FEATURES, given, strict=False))
        state = dict(zip(self.STATE, given[len(self.FEATURES) :], strict=True))
        line = followed(state["line"], features["line"])
        read = self._read(features, line, torch.zeros(1, dtype=torch.int64))[None]
        lower, (out_1, cells_1) = self.lower(read, (state["out_1"][None], state["cells_1"][None]))
        upper, (out_2, cells_2) = self.upper(lower, (state["out_2"][None], state["cells_2"][None]))
        context = (upper + lower)[0]
        chosen = followed(line, features["chosen_line"])
        rhythm = self.rhythm_logits(context, features["place"])
        pitch = self.pitch_logits(context, features, chosen, features["chord"])
        return rhythm, pitch, line, out_1[0], cells_1[0], out_2[0], cells_2[0]


def followed(line: Tensor, latest: Tensor) -> Tensor:
    """The last two pitches after some more: both (..., 2 * pitches), the latest first, zeros where there is none."""
    one, two = latest.chunk(2, dim=-1)
    was, was_before = line.chunk(2, dim=-1)
    some, both = one.sum(-1, keepdim=True), two.sum(-1, keepdim=True)
    now = one + (1 - some) * was
    before = two + (1 - both) * (some * was + (1 - some) * was_before)
    return torch.cat((now, before), dim=-1)
