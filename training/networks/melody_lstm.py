"""The melody: two LSTM layers over steps, and for each step a rhythm, then a pitch for each onset.

The memory moves once a step. Between the layers each step attends to the last bars: it looks for steps that followed
what has just been played, and takes from them what came then (attention: Vaswani et al. 2017, section 3.2; over a
window, its distances learned: Shaw et al. 2018, section 3.1). A choice within the step is made from the memory after it
and the choices before it, so that a head can be called again while the memory stays where it is.

A pitch is scored by experts whose logits add up: the pitch itself, the interval from the pitch before, the degree over
the root of the chord and of the chord that comes (the views that Impro-Visor's networks take of a note, and the
key's), and the distance from what the player played at the same place, where the player is answered. One more expert
copies: it looks for notes of the last bars that followed the like of what the next one follows, and moves as they moved
(a pointer mixed with what the network would choose itself: Merity et al. 2017, Pointer Sentinel Mixture Models,
section 2.3).
"""

from collections.abc import Mapping
from math import log, sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.models.encodings import Cells
from improv.music.rhythm import RHYTHMS as RHYTHMS_IN_ORDER
from training.networks import Network

CELLS = Cells(tells_story=True)
PITCHES = CELLS.pitch_count
INTERVALS = 2 * PITCHES - 1
RHYTHMS = CELLS.heads["next_rhythm"].shape[1]
PITCH_CLASSES = 12

WINDOW = 128
"""The steps it looks back over, sixteen bars."""

VIEWS, VIEWED = 4, 32
"""How many ways it looks back at once, and the width of each."""

COPIED = 32
"""The width of what a note is found by that may be copied."""

_LEAST, _NEVER = 2.0**-24, -(2.0**14)
"""The least probability of a pitch, and the score of what cannot be copied: in half precision as they are here."""

_KEPT = VIEWS * VIEWED
_SLOTS = 2 * WINDOW
"""Of each step the last two notes can be copied."""

_WIDTH = {name: shape[1] for name, shape in CELLS.features.items()}
_PLAYED = (
    "rhythm", "onsets", "chord", "chord_ahead", "place", "who", "tempo", "asked_rhythm", "asked", "answered",
    "voice", "register", "story", "turn_left",
)  # fmt: skip
_CHOSEN = ("chosen_rhythm", "chosen_tick", "chosen_asked")


class Reading(nn.Module):
    """What a step is read as: what sounds, seen from the key, from the chords and from the pitch before."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.shift = nn.Embedding(PITCH_CLASSES, hidden)
        relative = 3 * PITCH_CLASSES
        self.read = nn.Linear(sum(_WIDTH[name] for name in _PLAYED) + 2 * PITCHES + relative, hidden)
        self.interval_read = nn.Embedding(INTERVALS, hidden)

    def forward(self, features: Mapping[str, Tensor], line: Tensor, shift: Tensor) -> Tensor:
        """Return the embedding of steps, (..., hidden), from features and the last two pitches, each (..., width)."""
        latest, before = line.chunk(2, dim=-1)
        chord, ahead = features["chord"], features["chord_ahead"]
        relative = (_degrees(features["onsets"], chord), _degrees(latest, chord), _degrees(latest, ahead))
        played = torch.cat((*(features[name] for name in _PLAYED), line, *relative), dim=-1)
        read = self.read(played) + self.interval_read(_interval(latest, before)) + self.shift(shift)
        return torch.relu(read)


class PitchHead(nn.Module):
    """The next pitch, scored by experts whose logits add up: by pitch, interval, degrees and distance from a call."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        choice = sum(_WIDTH[name] for name in (*_CHOSEN, "chord", "chord_ahead"))
        self.choice = nn.Linear(hidden + choice + 2 * PITCHES + 2 * PITCH_CLASSES, hidden)
        self.interval_before = nn.Embedding(INTERVALS, hidden)
        self.from_asked = nn.Embedding(INTERVALS, hidden)
        self.by_pitch = nn.Linear(hidden, PITCHES)
        self.by_interval = nn.Linear(hidden, INTERVALS)
        self.by_degree = nn.Linear(hidden, PITCH_CLASSES)
        self.by_degree_ahead = nn.Linear(hidden, PITCH_CLASSES)
        self.by_asked = nn.Linear(hidden, INTERVALS)

    def forward(self, context: Tensor, features: Mapping[str, Tensor], line: Tensor) -> tuple[Tensor, Tensor]:
        """Return pitch logits (notes, pitches) and what they are scored from (notes, hidden).

        They follow from context, features with the choices so far, and the last pitches.
        """
        latest, one_before = line.chunk(2, dim=-1)
        chord, ahead, asked = features["chord"], features["chord_ahead"], features["chosen_asked"]
        relative = (_degrees(latest, chord), _degrees(latest, ahead))
        known = torch.cat((context, *(features[name] for name in _CHOSEN), chord, ahead, line, *relative), dim=-1)
        is_asked = asked.sum(-1, keepdim=True)
        read = self.choice(known) + self.interval_before(_interval(latest, one_before))
        read = torch.relu(read + is_asked * self.from_asked(_interval(latest, asked)))
        scored = functional.dropout(read, self.dropout, self.training)
        pitches = torch.arange(PITCHES, device=line.device)
        logits: Tensor = (
            self.by_pitch(scored)
            + self.by_interval(scored).gather(-1, pitches - latest.argmax(-1)[..., None] + PITCHES - 1)
            + _is(chord) * self.by_degree(scored).gather(-1, _degree_of(pitches, chord))
            + _is(ahead) * self.by_degree_ahead(scored).gather(-1, _degree_of(pitches, ahead))
            + is_asked * self.by_asked(scored).gather(-1, pitches - asked.argmax(-1)[..., None] + PITCHES - 1)
        )
        return logits, scored


class Copying(nn.Module):
    """The intervals by which notes moved, each found by what it followed, and a share that is not copied."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.key = nn.Linear(hidden, COPIED)
        self.key_interval = nn.Embedding(INTERVALS, COPIED)
        self.query = nn.Linear(hidden, COPIED)
        self.distance = nn.Parameter(torch.zeros(WINDOW))
        self.not_copied = nn.Linear(hidden, 1)
        self.register_buffer("nothing", torch.zeros(INTERVALS), persistent=False)
        nn.init.constant_(self.not_copied.bias, log(_SLOTS))  # at first it copies about half as often as not

    def remembered(self, context: Tensor, played: Tensor, before: Tensor, onsets: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys (..., 2, width) and intervals (..., 2) of the last two notes of steps; 0 where there is none.

        `context` is the one before a step, `played` its last two pitches and `before` the last two before it, each
        (..., width) with the latest first; `onsets` (...) is the number of its notes. Intervals are counted from 1.
        """
        one, two = played.chunk(2, dim=-1)
        was, was_before = before.chunk(2, dim=-1)
        is_single = (onsets < 2)[..., None].to(one.dtype)
        reached_from = is_single * was + (1 - is_single) * two
        earlier = is_single * was_before + (1 - is_single) * was
        is_there = torch.stack(
            ((onsets > 0) & (reached_from.sum(-1) > 0), (onsets == 2) & (was.sum(-1) > 0)), dim=-1
        )  # fmt: skip
        moved = torch.stack((_interval(one, reached_from), _interval(two, was)), dim=-1)
        moved_before = torch.stack((_interval(reached_from, earlier), _interval(was, was_before)), dim=-1)
        return self.key(context)[..., None, :] + self.key_interval(moved_before), is_there * (moved + 1)

    def forward(self, scored: Tensor, keys: Tensor, intervals: Tensor, ago: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share of each interval (..., notes, intervals), and the share that is not copied (..., notes, 1).

        `scored` (..., notes, hidden) is what a pitch is scored from, `keys` (..., slots, width) and `intervals`
        (..., slots) are what is remembered, `ago` (..., notes, slots) how many steps before a note's it was played;
        what is not in the window is not looked at.
        """
        scores = self.query(scored) @ keys.transpose(-1, -2) / sqrt(COPIED)
        scores = scores + functional.embedding(ago.clamp(1, WINDOW) - 1, self.distance[:, None])[..., 0]
        is_seen = (intervals > 0)[..., None, :] & (ago >= 1) & (ago <= WINDOW)
        scores = torch.where(is_seen, scores, torch.full_like(scores, _NEVER))
        shares = torch.cat((scores, self.not_copied(scored)), dim=-1).softmax(-1)
        moved = (intervals - 1).clamp(min=0)[..., None, :].expand_as(scores)
        nothing = self.get_buffer("nothing") * shares[..., -1:]
        return nothing.scatter_add(-1, moved, shares[..., :-1]), shares[..., -1:]


def mixed(logits: Tensor, copied: Tensor, not_copied: Tensor, latest: Tensor) -> Tensor:
    """Return logits (..., pitches) of pitches that are copied for a share, from `Copying` and the latest pitch."""
    pitches = torch.arange(PITCHES, device=logits.device)
    moved = copied.gather(-1, pitches - latest.argmax(-1)[..., None] + PITCHES - 1)
    found: Tensor = (not_copied * logits.softmax(-1) + moved + _LEAST).log()
    return found


class MelodyLstm(Network):
    """The rhythm and pitches of the next step.

    `hidden` is the number of units in each layer; `dropout` the share of what leaves a layer that is dropped, the same
    units for a whole sequence.
    """

    FEATURES = (*_PLAYED, "line", *_CHOSEN, "chosen_line")
    HEADS = ("next_rhythm", "next_pitch")
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        layers = {f"{kind}_{layer}": hidden for layer in ("lower", "upper") for kind in ("out", "cells")}
        self.STATE = {  # type: ignore[misc]
            "line": 2 * PITCHES, "context": hidden, "keys": WINDOW * _KEPT, "values": WINDOW * _KEPT,
            "copy_keys": _SLOTS * COPIED, "copy_intervals": _SLOTS, **layers,
        }  # fmt: skip
        self.dropout = dropout
        self.reading = Reading(hidden)
        self.lower = nn.LSTM(hidden, hidden)
        self.query = nn.Linear(hidden, _KEPT)
        self.key = nn.Linear(2 * hidden, _KEPT)
        self.value = nn.Linear(2 * hidden, _KEPT)
        self.distance = nn.Parameter(torch.zeros(VIEWS, WINDOW))
        self.seen = nn.Linear(_KEPT, hidden)
        self.upper = nn.LSTM(hidden, hidden)
        self.rhythm = nn.Sequential(
            nn.Linear(hidden + _WIDTH["place"] + _WIDTH["asked_rhythm"], hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, RHYTHMS),
        )
        self.pitch = PitchHead(hidden, dropout)
        self.copying = Copying(hidden)
        self.register_buffer(
            "onset_counts", torch.tensor([float(len(rhythm.ticks)) for rhythm in RHYTHMS_IN_ORDER]), False
        )

    # --- what training and playing share ---

    def rhythm_logits(self, context: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Return rhythm logits (..., rhythms) from a step's context (..., hidden) and its features."""
        logits: Tensor = self.rhythm(torch.cat((context, features["place"], features["asked_rhythm"]), dim=-1))
        return logits

    def onsets_of(self, rhythm: Tensor) -> Tensor:
        """Return the number of onsets (...) of rhythms, one-hot (..., rhythms)."""
        counts: Tensor = rhythm @ self.get_buffer("onset_counts")
        return counts

    def _key_and_value(self, read: Tensor, before: Tensor, lower: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a step is found by (what it followed) and what is taken from it, (..., views * width)."""
        return self.key(torch.cat((before, lower), dim=-1)), self.value(torch.cat((read, lower), dim=-1))

    # --- training: whole sequences ---

    def contexts(self, features: Mapping[str, Tensor], line: Tensor, shift: Tensor) -> Tensor:
        """Return the context of each step, (steps, batch, hidden), from features and `line`, (steps, batch, width).

        `line` has the last two pitches at each step; `shift` (batch,) is how many semitones each sequence was
        transposed by, modulo 12.
        """
        read = self.reading(features, line, shift)
        lower, _ = self.lower(read)
        before = torch.cat((torch.zeros_like(lower[:1]), lower[:-1]))
        lower, before = self._dropped(lower, before)
        looked = lower + self.seen(self._attend(self.query(lower), *self._key_and_value(read, before, lower)))
        upper, _ = self.upper(looked)
        (context,) = self._dropped(upper + looked)
        return context

    def pitch_logits(
        self, contexts: Tensor, features: Mapping[str, Tensor], known: Mapping[str, Tensor], line: Tensor,
        lines: Tensor, which: Tensor, step: Tensor,
    ) -> Tensor:  # fmt: skip
        """Return the logits (notes, pitches) of notes of a batch, which lie in steps `step` of sequences `which`.

        `contexts`, `features` and `lines` are of whole sequences, as `contexts` takes and returns them; `known` and
        `line` are of the notes: the features with the choices so far, and the last two pitches.
        """
        logits, scored = self.pitch(contexts[step - 1, which], known, line)
        before = torch.cat((torch.zeros_like(contexts[:1]), contexts[:-1]))
        lines_before = torch.cat((torch.zeros_like(lines[:1]), lines[:-1]))
        keys, intervals = self.copying.remembered(
            before, _of_step(features["onsets"], lines), lines_before, self.onsets_of(features["rhythm"])
        )
        steps, batch, _ = contexts.shape
        keys, intervals = keys.permute(1, 0, 2, 3).flatten(1, 2), intervals.permute(1, 0, 2).flatten(1)
        counts = torch.bincount(which, minlength=batch)
        number = torch.arange(len(which), device=which.device) - (counts.cumsum(0) - counts)[which]
        by_sequence = scored.new_zeros(batch, int(counts.max()), scored.shape[-1])
        by_sequence = by_sequence.index_put((which, number), scored)
        at = step.new_zeros(by_sequence.shape[:2]).index_put((which, number), step)
        slots = torch.arange(steps, device=step.device).repeat_interleave(2)
        copied, not_copied = self.copying(by_sequence, keys, intervals, at[..., None] - slots)
        return mixed(logits, copied[which, number], not_copied[which, number], line.chunk(2, dim=-1)[0])

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return what each step takes from the last `WINDOW` steps, itself the nearest, (steps, batch, views * width).

        Before the first step there are zeros.
        """
        steps, batch, _ = queries.shape
        nothing = queries.new_zeros(WINDOW - 1, batch, _KEPT)

        def by_view(kept: Tensor) -> Tensor:
            return kept.view(*kept.shape[:2], VIEWS, VIEWED).permute(1, 2, 0, 3)

        keys, values = (by_view(torch.cat((nothing, kept))) for kept in (keys, values))
        now, then = (torch.arange(count, device=queries.device) for count in (steps, steps + WINDOW - 1))
        ago = now[:, None] + WINDOW - 1 - then
        places = self.distance[:, ago.clamp(0, WINDOW - 1)].masked_fill((ago < 0) | (ago >= WINDOW), -1e9)
        seen: Tensor = functional.scaled_dot_product_attention(by_view(queries), keys, values, attn_mask=places[None])
        return seen.permute(2, 0, 1, 3).flatten(-2)

    def _dropped(self, *outputs: Tensor) -> tuple[Tensor, ...]:
        """Return outputs without some units, the same ones at every step (Gal & Ghahramani 2016, section 4)."""
        if not self.training:
            return outputs
        kept = torch.full_like(outputs[0][:1], 1 - self.dropout).bernoulli() / (1 - self.dropout)
        return tuple(each * kept for each in outputs)

    # --- playing: one step ---

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step in C: rhythm and pitch logits, then the new states in order, each (1, width).

        The rhythm is of the step that is made. The pitch follows from the memory as it is given, so that it can be
        called for again after the step.
        """
        features = dict(zip(self.FEATURES, given, strict=False))
        state = dict(zip(self.STATE, given[len(self.FEATURES) :], strict=True))
        line = latest_pitches(state["line"], features["line"])
        read = self.reading(features, line, torch.zeros(1, dtype=torch.int64))
        lower, (out_lower, cells_lower) = self.lower(read[None], (state["out_lower"][None], state["cells_lower"][None]))
        key, value = self._key_and_value(read, state["out_lower"], lower[0])
        keys = torch.cat((state["keys"][:, _KEPT:], key), dim=-1)
        values = torch.cat((state["values"][:, _KEPT:], value), dim=-1)
        looked = lower + self.seen(self._attend_once(self.query(lower[0]), keys, values))
        upper, (out_upper, cells_upper) = self.upper(looked, (state["out_upper"][None], state["cells_upper"][None]))
        context = (upper + looked)[0]
        rhythm = self.rhythm_logits(context, features)
        pitch = self._pitch_once(features, state)
        onsets = self.onsets_of(features["rhythm"])
        new_keys, new_intervals = self.copying.remembered(state["context"], features["line"], state["line"], onsets)
        copy_keys = torch.cat((state["copy_keys"][:, 2 * COPIED :], new_keys.flatten(1)), dim=-1)
        copy_intervals = torch.cat((state["copy_intervals"][:, 2:], new_intervals.float()), dim=-1)
        return (
            rhythm, pitch, line, context, keys, values, copy_keys, copy_intervals,
            out_lower[0], cells_lower[0], out_upper[0], cells_upper[0],
        )  # fmt: skip

    def _pitch_once(self, features: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Tensor:
        """Return pitch logits (1, pitches) from features with the choices so far, and the state after the step."""
        line = latest_pitches(state["line"], features["chosen_line"])
        logits, scored = self.pitch(state["context"], features, line)
        ago = torch.arange(WINDOW, 0, -1).repeat_interleave(2)[None]
        keys, intervals = state["copy_keys"].view(_SLOTS, COPIED), state["copy_intervals"][0].long()
        copied, not_copied = self.copying(scored, keys, intervals, ago)
        return mixed(logits, copied, not_copied, line.chunk(2, dim=-1)[0])

    def _attend_once(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return what one step takes from the keys and values of the whole window, (1, views * width)."""
        of_view = torch.eye(VIEWS).repeat_interleave(VIEWED, dim=1)
        scores = (query * of_view) @ keys.view(WINDOW, _KEPT).T / sqrt(VIEWED) + self.distance.flip(-1)
        seen = scores.softmax(-1) @ values.view(WINDOW, _KEPT)
        return (seen * of_view).sum(0, keepdim=True)


def _of_step(onsets: Tensor, lines: Tensor) -> Tensor:
    """Return the last two pitches of steps where both are of the step, as a network is fed them (..., 2 * pitches).

    Of a step with one note the second pitch is one before it, which nothing reads.
    """
    return lines * (onsets.sum(-1, keepdim=True) > 0)


def latest_pitches(line: Tensor, latest: Tensor) -> Tensor:
    """Return the last two pitches after new ones, both (..., 2 * pitches), latest first; zeros for none."""
    one, two = latest.chunk(2, dim=-1)
    was, was_before = line.chunk(2, dim=-1)
    some, both = one.sum(-1, keepdim=True), two.sum(-1, keepdim=True)
    now = one + (1 - some) * was
    before = two + (1 - both) * (some * was + (1 - some) * was_before)
    return torch.cat((now, before), dim=-1)


def _interval(upper: Tensor, lower: Tensor) -> Tensor:
    """Return the number (...) of the interval from one pitch up to another, both one-hot (..., pitches)."""
    return upper.argmax(-1) - lower.argmax(-1) + PITCHES - 1


def _is(chord: Tensor) -> Tensor:
    """Return 1 where there is a chord (..., 24), 0 where there is none; (..., 1)."""
    return chord[..., :PITCH_CLASSES].sum(-1, keepdim=True)


def _degree_of(pitches: Tensor, chord: Tensor) -> Tensor:
    """Return the semitones of each pitch above the root of a chord (..., 24), 0 to 11; (..., pitches)."""
    root = chord[..., :PITCH_CLASSES].argmax(-1, keepdim=True)
    return (pitches + CELLS.pitch_low - root + PITCH_CLASSES) % PITCH_CLASSES


def _degrees(pitches: Tensor, chord: Tensor) -> Tensor:
    """Return pitches that are on (..., pitches) as degrees above a chord's root (..., 12); none without a chord."""
    classes = pitches.reshape(*pitches.shape[:-1], -1, PITCH_CLASSES).sum(-2)
    root = chord[..., :PITCH_CLASSES].argmax(-1, keepdim=True)
    degrees = torch.arange(PITCH_CLASSES, device=pitches.device) + 5 * PITCH_CLASSES - CELLS.pitch_low
    above: Tensor = _is(chord) * classes.gather(-1, (degrees + root) % PITCH_CLASSES)
    return above
