"""A memory of the solo beside a melody network: what followed the same notes, and the same rhythms, earlier.

A network whose weights stay as they are knows how people play. What this player likes, in this solo, can be counted
while it lasts (a cache: Kuhn & De Mori 1990, A cache-based natural language model for speech recognition). So of the
last notes it is counted which pitch followed the same pitches and which interval the same intervals, and of the last
steps which rhythm followed the same rhythms, the same at this place in the bar, and the same rhythms with the same
pitches. Contexts are of no symbol to six. What a longer one has counted is smoothed by the shorter one, the shortest by
what the network says (Witten & Bell 1991, method C), and all are multiplied, each to a power of its own (log-linear
interpolation: Klakow 1998, Log-linear interpolation of language models).

The powers are fitted after the network has learned, to solos from which it learned nothing; see
`training.trainers.solo_memory`. Where it answers a call the network decides alone: how players answer it has learned.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.networks import Network
from training.networks.melody_lstm import CELLS, PITCHES, MelodyLstm, latest_pitches

REMEMBERED = 1_024
"""The notes that are counted, and the steps: four minutes at 120 beats a minute, ten choruses."""

ORDERS = (0, 1, 2, 3, 4, 6)
"""How many symbols contexts have."""

NOTE_KINDS, STEP_KINDS = 2, 3
"""The contexts of a pitch: pitches, intervals. Those of a rhythm: rhythms, cells, rhythms at its place in the bar."""

_ALMOST_NOTHING = 1e-6
"""How much a context that has seen nothing counts of what the shorter one says: it says the same."""

_LEAST = 2.0**-24
"""The least probability of a unit."""

_STEPS_PER_BAR = CELLS.grid.steps_per_bar
_LONGEST = max(ORDERS)
_BACK = range(1, _LONGEST + 1)


class SoloMemory(Network):
    """A melody network with a memory of the solo: a step of the network, its choices bent by what is remembered.

    `recent_notes` are the units of the last notes, the latest last, counted from 1; `recent_rhythms` the rhythms of the
    last steps, counted so, and `recent_cells` each with the pitch the line had reached. 0 stands where there is none.
    """

    FEATURES = (*MelodyLstm.FEATURES, "notes", "chosen_notes", "motifs")
    HEADS = MelodyLstm.HEADS
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, melody: MelodyLstm) -> None:
        super().__init__()
        self.melody = melody
        recent = dict.fromkeys(("recent_notes", "recent_rhythms", "recent_cells"), REMEMBERED)
        self.STATE = {**melody.STATE, **recent}  # type: ignore[misc]
        self.pitch_powers = nn.Parameter(no_powers(NOTE_KINDS))
        self.rhythm_powers = nn.Parameter(no_powers(STEP_KINDS))

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: rhythm and pitch logits, then the new states in order, each (1, width)."""
        features = dict(zip(self.FEATURES, given, strict=False))
        state = dict(zip(self.STATE, given[len(self.FEATURES) :], strict=True))
        fed = (*(features[name] for name in self.melody.FEATURES), *(state[name] for name in self.melody.STATE))
        rhythm, pitch, *new = self.melody(*fed)
        line = latest_pitches(state["line"], features["line"])
        rhythms, cells = steps_after(state["recent_rhythms"], state["recent_cells"], features["rhythm"], line)
        notes = notes_after(state["recent_notes"], features["notes"])
        counts = features["motifs"] * (features["asked_rhythm"].sum(-1, keepdim=True) == 0)
        of_pitch = pitch_evidence(pitch, notes_after(state["recent_notes"], features["chosen_notes"]))
        bent_pitch = bent(pitch, of_pitch, counts * self.pitch_powers + (1 - counts) * no_powers(NOTE_KINDS))
        of_rhythm = rhythm_evidence(rhythm, rhythms, cells)
        bent_rhythm = bent(rhythm, of_rhythm, counts * self.rhythm_powers + (1 - counts) * no_powers(STEP_KINDS))
        rhythm, pitch = torch.where(counts > 0, bent_rhythm, rhythm), torch.where(counts > 0, bent_pitch, pitch)
        return rhythm, pitch, *new, notes, rhythms, cells


def no_powers(kinds: int) -> Tensor:
    """Return the powers of contexts of some kinds with which nothing is remembered; the last is the network's own."""
    return torch.cat((torch.zeros(kinds * len(ORDERS)), torch.ones(1)))


def bent(logits: Tensor, evidence: Tensor, powers: Tensor) -> Tensor:
    """Return logits (choices, units) that are bent by evidence (choices, contexts, units), each to its power.

    Powers are (contexts + 1,), or (1, contexts + 1).
    """
    found: Tensor = powers[..., -1:] * logits.log_softmax(-1) + (powers[..., :-1, None] * evidence).sum(-2)
    return found


# --- what is remembered -------------------------------------------------------------------------


def notes_after(recent: Tensor, notes: Tensor) -> Tensor:
    """Return the recent notes (choices, `REMEMBERED`) after more of them (choices, most); zeros for no more."""
    count = (notes > 0).long().sum(-1, keepdim=True)
    found: Tensor = torch.cat((recent, notes), dim=-1).gather(-1, count + torch.arange(REMEMBERED))
    return found


def steps_after(rhythms: Tensor, cells: Tensor, rhythm: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
    """Return the recent rhythms and cells after another step: its rhythm, and the last two pitches by then."""
    latest = line.chunk(2, -1)[0]
    number = rhythm.argmax(-1, keepdim=True).to(rhythms.dtype)
    reached = (latest.argmax(-1, keepdim=True) + 1) * latest.sum(-1, keepdim=True)
    cell = number * (PITCHES + 1) + reached + 1
    return torch.cat((rhythms[:, 1:], number + 1), dim=-1), torch.cat((cells[:, 1:], cell), dim=-1)


# --- what it says of the next choice --------------------------------------------------------------


def pitch_evidence(logits: Tensor, notes: Tensor) -> Tensor:
    """Return the evidence of contexts for each pitch, (choices, kinds * orders, pitches): see `evidence`.

    `logits` (choices, pitches) are the network's, `notes` (choices, `REMEMBERED`) the recent ones.
    """
    before = torch.cat((torch.zeros_like(notes[:, :1]), notes[:, :-1]), dim=-1)
    moved = (before > 0) * (notes - before)
    reached = (moved + notes[:, -1:]) * (before > 0)
    followed = torch.stack((notes, reached * (reached <= PITCHES)), dim=1)
    symbols = torch.stack((notes, moved + (before > 0) * PITCHES), dim=1)
    return evidence(logits, followed, _same(symbols))


def rhythm_evidence(logits: Tensor, rhythms: Tensor, cells: Tensor) -> Tensor:
    """Return the evidence of contexts for each rhythm, (choices, kinds * orders, rhythms): see `evidence`.

    `logits` (choices, rhythms) are the network's, `rhythms` and `cells` (choices, `REMEMBERED`) the recent ones.
    """
    same = _same(torch.stack((rhythms, cells), dim=1))
    at_place = (torch.arange(REMEMBERED, 0, -1) % _STEPS_PER_BAR == 0).to(rhythms.dtype)
    return evidence(logits, rhythms[:, None], torch.cat((same, same[:, :1] * at_place), dim=1))


def _same(symbols: Tensor) -> Tensor:
    """Return 1 where what came before a symbol is what came before the next one, (choices, kinds, orders, symbols).

    `symbols` are (choices, kinds, symbols). They are compared over each of `ORDERS`; nothing is like what is not there.
    """
    count = symbols.shape[-1]
    padded = torch.cat((torch.zeros_like(symbols[..., :_LONGEST]), symbols), dim=-1)
    earlier = torch.stack([padded[..., _LONGEST - ago : _LONGEST - ago + count] for ago in _BACK], dim=-2)
    now = symbols[..., -_LONGEST:].flip(-1)[..., None]
    differs = 1 - ((earlier == now) & (now > 0)).to(symbols.dtype)
    within = torch.tensor([[float(ago <= order) for ago in _BACK] for order in ORDERS])
    return torch.relu(1 - within @ differs)


def evidence(logits: Tensor, followed: Tensor, same: Tensor) -> Tensor:
    """Return how much likelier each unit is for a context than for the network: the logarithm of the ratio.

    `logits` are (choices, units); `followed` (choices, kinds or 1, slots) says what came at each slot, counted from 1,
    0 or less for nothing; `same` (choices, kinds, orders, slots) is 1 where it followed the context of a kind and
    order. Returned are (choices, kinds * orders, units).
    """
    usual = logits.softmax(-1)[:, None, None]
    unit = torch.relu(followed - 1)[:, :, None] + 0 * same
    came = same * (followed > 0)[:, :, None]
    counted = (0 * usual + 0 * same[..., :1]).scatter_add(-1, unit.long(), came)
    different = (counted > 0).to(logits.dtype).sum(-1, keepdim=True) + _ALMOST_NOTHING
    total = counted.sum(-1, keepdim=True) + different
    likely, found = usual, []
    for share, rest in zip(torch.split(counted / total, 1, 2), torch.split(different / total, 1, 2), strict=True):
        likely = share + rest * likely
        found.append(likely)
    each = (torch.cat(found, dim=2) + _LEAST).log() - (usual + _LEAST).log()
    return each.flatten(1, 2)
