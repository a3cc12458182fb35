"""Endless knobs: what their messages mean, and how they are told from knobs that have an end.

A knob with an end sends its position, an endless one how far it was turned, in one of four encodings (the names are
those of DAWs). Pure: the values of one controller in, a kind or a number of steps out.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

Relative = Literal["twos-complement", "sign-magnitude", "binary-offset", "up-down"]

DECODERS: Mapping[Relative, Callable[[int], int]] = MappingProxyType(
    {
        "twos-complement": lambda value: value if value < 64 else value - 128,
        "sign-magnitude": lambda value: value if value < 64 else 64 - value,
        "binary-offset": lambda value: value - 64,
        "up-down": lambda value: 1 if value >= 64 else -1,
    }
)
"""How many steps to the right a value means, below 0 to the left: one is 1 and 127, 1 and 65, 65 and 63, 127 and 0."""

_FASTEST = 15
"""The most steps in one message of an endless knob at first; a value further from rest is a position."""

_SURE = 3
"""How often a value has to repeat to show an endless knob: one with an end does not repeat it so often."""

_FAR = 16
"""A hand does not pass that many positions between two messages."""

_KEPT = 32


class KnobClassifier:
    """Tells an endless knob from one with an end by the first values it sends."""

    def __init__(self) -> None:
        self.kind: Relative | Literal["absolute", ""] = ""
        """The kind of the knob; empty while the values do not tell."""
        self._values: list[int] = []
        self._row = 0
        """How often the last value has repeated."""
        self._repeated: set[int] = set()
        """The values that have repeated `_SURE` times."""

    def observe(self, value: int) -> None:
        """Take in a value of the knob, 0 to 127. Once the knob's kind is found, it stays.

        Only values to the left may correct it to another endless kind.
        """
        self._row = self._row + 1 if self._values[-1:] == [value] else 1
        if self._row >= _SURE:
            self._repeated.add(value)
        self._values = [*self._values[1 - _KEPT :], value]
        if self.kind == "":
            self.kind = self._judged()
        elif self.kind == "twos-complement" and 64 < value <= 64 + _FASTEST and max(self._values) < 128 - _FASTEST:
            self.kind = "sign-magnitude"

    def mark_absolute(self) -> None:
        """Note that the knob sends 14-bit values. No endless knob does, so it has two ends."""
        self.kind = self.kind or "absolute"

    def leaps(self, before: int, value: int) -> bool:
        """Return whether two values lie further apart than a hand turns; False once the knob's kind is known."""
        return self.kind == "" and abs(value - before) > _FAR

    @property
    def relative(self) -> Relative | None:
        """The encoding of an endless knob's values; None for a knob with an end, and while the kind is not known."""
        return None if self.kind in ("", "absolute") else self.kind  # type: ignore[return-value]

    @property
    def is_settled(self) -> bool:
        """True once the encoding is certain. Two encodings look alike as long as the knob turns right only."""
        return self.relative is not None and (self.kind != "twos-complement" or max(self._values) > 64)

    @property
    def advice(self) -> str:
        """Advice to the player on how to turn the knob so that its kind can be found; empty if none is needed."""
        if self.kind or not self._values:
            return ""
        if set(self._values) == {0, 127} and len(self._values) > _SURE:
            return "it sends 127 and 0 alone, as a button does; turn a knob"
        if self._repeated & {65, 127} and len(set(self._values)) == 1:
            return "it is an endless knob; turn it the other way too"
        return ""

    def _judged(self) -> Relative | Literal["absolute", ""]:
        seen = set(self._values)
        if seen <= {0, 127}:
            return "up-down" if seen == {0, 127} and self._repeated else ""
        small = {value for value in seen if 0 < value <= _FASTEST}
        high = {value for value in seen if value >= 128 - _FASTEST}
        above = {value for value in seen if 64 < value <= 64 + _FASTEST}
        below = {value for value in seen if 64 - _FASTEST <= value < 64}
        if seen - small - high - above - below:  # 0 and 64 too: by those no endless knob turns anything
            return "absolute"
        goes_on = bool(self._repeated & {1, 2, 126, 127, 65, 66, 62, 63}) or self._turns() > 1
        if not goes_on:
            return ""
        if small and not above and not below:
            return "twos-complement"
        if small and above and not high and not below:
            return "sign-magnitude"
        return "binary-offset" if below and not small and not high else ""

    def _turns(self) -> int:
        """Return how often the values went from one zone of endless knobs to another."""
        zones = [(value + 16) // 32 * 2 + (value > 64) for value in self._values]
        return sum(one != other for one, other in pairwise(zones))
