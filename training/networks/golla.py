"""The two networks of a report on folk melodies: an LSTM, and a transformer's encoder that steps.

Golla, Music Generation with LSTM and Transformers: the next of a song's sixteenths from those before. The LSTM has the
report's sizes (256 units, dropout, softmax). Of the transformer the report gives token and position embeddings, an
encoder and a pooling layer; sizes are ours, and so is what makes it step: it attends backwards only, to the last
`WINDOW` sixteenths, whose keys and values are rings, and a position is the distance from a key (Shaw et al. 2018,
section 3.2), because in a ring no other stays the same.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, scaled_dot_product_attention

from training.networks import Network

HIDDEN = 256
"""Units of the LSTM (the report's figure 5)."""

WINDOW = 64
"""Sixteenths that the transformer looks back over, the one that has just been heard among them."""

BAR = 16
"""Sixteenths that a note or a rest of the songs lasts at most, but for some that are tied."""

_TOO_LONG_NATS = 8.0
"""How much less likely it is that what has lasted so long goes on."""

WIDTH, VIEWS, LAYERS = 128, 4, 2
"""Of an embedding, ways in which a layer looks back at once, and layers."""

_EACH = WIDTH // VIEWS


class GollaLstm(Network):
    """One LSTM layer, dropout, and a dense layer: the logits of the next event."""

    FEATURES = ("event",)
    HEADS = ("next_event",)
    STATE: ClassVar[Mapping[str, int]] = {"out": HIDDEN, "cells": HIDDEN}

    def __init__(self, units: int, dropout: float = 0.2) -> None:
        """Draw weights as Keras does: Glorot & Bengio's for inputs, orthogonal within, forget gates that are open."""
        super().__init__()
        self.units = units
        self.layer = nn.LSTM(units, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(HIDDEN, units)
        inputs, within, given, unused = self.layer.parameters()
        for weights in (inputs, self.dense.weight):
            nn.init.xavier_uniform_(weights)
        nn.init.orthogonal_(within)
        for biases in (given, unused, self.dense.bias):
            nn.init.zeros_(biases)
        with torch.no_grad():
            given[HIDDEN : 2 * HIDDEN] = 1
        unused.requires_grad_(False)  # PyTorch has two biases where one is enough

    def logits(self, events: Tensor) -> Tensor:
        """Return the logits of what follows each event, (steps, batch, units), from events by number (steps, batch)."""
        put_out, _ = self.layer(one_hot(events, self.units).float())
        found: Tensor = self.dense(self.dropout(put_out))
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return the logits (1, units) of the event that follows the memory as it is given, and the memory after one.

        `given` is an event, one-hot (1, units), then what the layer put out and its cells, each (1, 256).
        """
        event, out, cells = given
        _, (new_out, new_cells) = self.layer(event[None], (out[None], cells[None]))
        return self.dense(out), new_out[0], new_cells[0]


class _Gelu(nn.Module):
    """BERT's activation, as it can be approximated by a logistic function (Hendrycks & Gimpel 2016, section 2)."""

    def forward(self, given: Tensor) -> Tensor:
        """Return what is activated, of the same shape."""
        return given * torch.sigmoid(1.702 * given)


class _Encoder(nn.Module):
    """A layer of a transformer's encoder (Vaswani et al. 2017, section 3.1, normalised before each part)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.before = nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.mixed = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.place = nn.Parameter(torch.randn(WINDOW, WIDTH) * 0.02)
        self.fed = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), _Gelu(), nn.Linear(4 * WIDTH, WIDTH))
        self.dropout = nn.Dropout(dropout)

    def keys_and_values(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values (..., width) of places (..., width)."""
        normal = self.before(given)
        return self.key(normal), self.value(normal)

    def sequence(self, given: Tensor) -> Tensor:
        """Return what places of sequences become, both (steps, batch, width); before the first there are zeros."""
        steps, batch, _ = given.shape
        key, value = self.keys_and_values(given)
        nothing = given.new_zeros(WINDOW - 1, batch, WIDTH)
        query, keys, values = (
            _by_head(each)
            for each in (self.query(self.before(given)), torch.cat((nothing, key)), torch.cat((nothing, value)))
        )
        now, then = (torch.arange(count, device=given.device) for count in (steps, steps + WINDOW - 1))
        slot = then - now[:, None]  # of the ring: the oldest is 0
        places = self.place.view(WINDOW, VIEWS, _EACH).permute(1, 2, 0)
        by_slot = query @ places / sqrt(_EACH)  # (batch, heads, steps, window)
        inside = (slot >= 0) & (slot < WINDOW)
        by_place = by_slot.gather(-1, slot.clamp(0, WINDOW - 1).expand(*by_slot.shape[:2], -1, -1))
        seen = scaled_dot_product_attention(query, keys, values, by_place.masked_fill(~inside, -1e9))
        return self._after(given, seen.permute(2, 0, 1, 3).flatten(-2))

    def step(self, given: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return what the latest place (batch, width) becomes, from rings of keys and values (batch, window, width)."""
        query = self.query(self.before(given)).view(-1, VIEWS, 1, _EACH)
        key, value = (each.view(-1, WINDOW, VIEWS, _EACH).transpose(1, 2) for each in (keys + self.place, values))
        shares = (query @ key.transpose(2, 3) / sqrt(_EACH)).softmax(-1)  # (batch, heads, 1, window)
        return self._after(given, (shares @ value).view(-1, WIDTH))

    def _after(self, given: Tensor, seen: Tensor) -> Tensor:
        """Return places after what was seen has been added to them, and what is made of both."""
        added = given + self.dropout(self.mixed(seen))
        result: Tensor = added + self.dropout(self.fed(added))
        return result


class GollaTransformer(Network):
    """Token embeddings, two encoder layers, and pooling: the logits of the next event."""

    FEATURES = ("event",)
    HEADS = ("next_event",)
    STATE: ClassVar[Mapping[str, int]] = {
        **{f"{kind}_{layer}": WINDOW * WIDTH for layer in range(1, LAYERS + 1) for kind in ("keys", "values")},
        "encoded": WINDOW * WIDTH,
    }

    def __init__(self, units: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.units = units
        self.token = nn.Linear(units, WIDTH, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(_Encoder(dropout) for _ in range(LAYERS))
        self.normal = nn.LayerNorm(WIDTH)
        self.pooled = nn.Linear(2 * WIDTH, WIDTH)
        self.dense = nn.Linear(WIDTH, units)

    def logits(self, events: Tensor) -> Tensor:
        """Return the logits of what follows each event, (steps, batch, units), from events by number (steps, batch)."""
        places = self.dropout(self.token(one_hot(events, self.units).float()))
        for layer in self.layers:
            assert isinstance(layer, _Encoder)
            places = layer.sequence(places)
        encoded = self.normal(places)
        sums = torch.cat((encoded.new_zeros(WINDOW, *encoded.shape[1:]), encoded.cumsum(0)))
        return self._head(encoded, (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return the logits (1, units) of the event that follows the memory as it is given, and the memory after one.

        `given` is an event, one-hot (1, units), then rings of `WINDOW` places, the latest last, each (1, window *
        width): keys and values of each layer, and what the last layer made of the places.
        """
        event, *rings, encoded = given
        place = self.token(event)
        after: list[Tensor] = []
        for layer, keys, values in zip(self.layers, rings[::2], rings[1::2], strict=True):
            assert isinstance(layer, _Encoder)
            key, value = layer.keys_and_values(place)
            after += [torch.cat((keys[:, WIDTH:], key), dim=1), torch.cat((values[:, WIDTH:], value), dim=1)]
            place = layer.step(place, *(each.view(-1, WINDOW, WIDTH) for each in after[-2:]))
        known = encoded.view(-1, WINDOW, WIDTH)
        logits = self._head(known[:, -1], known.mean(1))
        return (logits, *after, torch.cat((encoded[:, WIDTH:], self.normal(place)), dim=1))

    def _head(self, latest: Tensor, mean: Tensor) -> Tensor:
        """Return logits from the latest of the encoded places and their mean, pooled as in BERT: dense, then tanh."""
        pooled = torch.tanh(self.pooled(torch.cat((latest, mean), dim=-1)))
        found: Tensor = self.dense(self.dropout(pooled))
        return found


class GollaPlayed(Network):
    """One of the networks as it is played: what is in no song does not lead it where it would stay.

    An empty memory is that in which a song is about to begin, as the report's program puts the symbols that end a song
    before every melody; what is kept is how far the memory is from there. Songs hold notes and rests for a bar at most.
    So after a bar of rest the memory is empty again, and what has lasted a bar is unlikely to go on. Both are ours.
    """

    FEATURES = ("event",)
    HEADS = ("next_event",)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, network: GollaLstm | GollaTransformer, begun: Sequence[Tensor], hold: int, notes: int) -> None:
        """Take a network, its states where a song is about to begin, each (1, width), and what its units are.

        `hold` is the unit that holds what is; the first `notes` units are notes.
        """
        super().__init__()
        self.STATE = {**network.STATE, "left": 1, "sounds": 1}  # type: ignore[misc]
        self.network = network
        self.hold, self.notes = hold, notes
        for name, state in zip(network.STATE, begun, strict=True):
            self.register_buffer(f"begun_{name}", state)
        self.register_buffer("held", one_hot(torch.tensor([hold]), network.units).float())

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: the logits of the next event, and the memory after an event.

        The last two of the memory are the sixteenths for which what is may go on, and whether it is a note.
        """
        event, *states, left, sounds = given
        begun = [self.get_buffer(f"begun_{name}") for name in self.network.STATE]
        logits, *moved = self.network(event, *(state + first for state, first in zip(states, begun, strict=True)))
        logits = logits - _TOO_LONG_NATS * (1 - left.clamp(0, 1)) * self.get_buffer("held")
        holds = event[:, self.hold : self.hold + 1]
        begins = event[:, : self.hold + 2].sum(-1, keepdim=True) - holds  # a note, or the rest after the hold
        new_left = holds * torch.relu(left - 1) + begins * BAR
        new_sounds = holds * sounds + event[:, : self.notes].sum(-1, keepdim=True)
        is_over = holds * (1 - new_sounds) * (1 - new_left.clamp(0, 1))
        after = ((state - first) * (1 - is_over) for state, first in zip(moved, begun, strict=True))
        return (logits, *after, new_left, new_sounds)


def _by_head(given: Tensor) -> Tensor:
    """Return vectors (places, batch, width) divided by heads (batch, heads, places, width of a head)."""
    return given.view(*given.shape[:2], VIEWS, _EACH).permute(1, 2, 0, 3)
