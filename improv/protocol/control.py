"""A control: something that can be turned, with the values it may have, and one line of help."""

import difflib
from collections.abc import Callable

from improv.dataclass import dataclass
from improv.errors import UsageError

Value = float | str
"""The value of a control: a number or a word."""

OFF, ON = "off", "on"

SWITCH = (OFF, ON)
"""The choices of a control that is either off or on."""


@dataclass(frozen=True, slots=True)
class Control:
    """Something that can be turned: its name, its default, the values it may have, and one line of help.

    The value of a number lies from `low` to `high`. A word is one of `choices`; where there are none, any word will do.
    """

    name: str
    help: str
    default: Value
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    nudge: float = 0.0
    """The amount by which one press of a key moves it."""
    whole: bool = False
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Words that a number may be instead: improv chooses the number then."""
    names: tuple[str, ...] = ()
    """The name of each value of a whole number from 0 on; a name is taken for its number."""
    spelled: Callable[[str], str] = str
    """Returns a word as it is spelled among the choices; UsageError for one that means none of them."""
    former: tuple[str, ...] = ()
    """What it was called before; files, clients and command lines may still call it so."""

    @property
    def field(self) -> str:
        """Name of the control as a field of `Settings`, in files and in options: `top_p` for `top-p`."""
        return self.name.replace("-", "_")

    @property
    def is_number(self) -> bool:
        """True for a control whose values are numbers, False for one whose values are words."""
        return not isinstance(self.default, str) or bool(self.words)

    @property
    def is_switch(self) -> bool:
        """True for a control that is either off or on."""
        return self.choices == SWITCH

    @property
    def range(self) -> str:
        """The values allowed, as a help text gives them: `20 to 400 bpm`."""
        if not self.is_number:
            return ", ".join(self.choices) or "a name"
        numbers = f"{number(self.low)} to {number(self.high)}" + (f" {self.unit}" if self.unit else "")
        numbers += ", or a name" if self.names else ""
        return ", or ".join((numbers, *self.words))

    @property
    def words_of_values(self) -> tuple[str, ...]:
        """The words that a value may be given as, for a shell to complete."""
        return (*self.choices, *self.words, *(as_word(name) for name in self.names if name))

    def checked(self, value: Value) -> Value:
        """Return a valid value in the control's type: int, float or word.

        UsageError for one it may not have, NaN among them.
        """
        if not self.is_number:
            return self._word(value)
        if isinstance(value, str):
            if value in self.words:
                return value
            value = self._number(value)
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.name} {number(value)} is out of range; give {self.range}")
        if self.whole and value != int(value):
            raise UsageError(f"{self.name} {value:g} is not a whole number; give {self.range}")
        return int(value) if self.whole else float(value)

    def nudged(self, value: Value, by: float) -> Value:
        """Return a value moved by an amount, clipped to the range.

        A word moves by that many choices; a word that stands for a number stays.
        """
        if isinstance(value, str):
            if value not in self.choices:
                return value
            return self.choices[(self.choices.index(value) + round(by)) % len(self.choices)]
        moved = min(self.high, max(self.low, round(value + by, 3)))
        return round(moved) if self.whole else float(moved)

    def scaled(self, share: float) -> Value:
        """Return the value at a share (0 to 1) of the range, as a knob's position gives it."""
        share = min(1.0, max(0.0, share))
        if not self.is_number:
            return self.choices[min(len(self.choices) - 1, int(share * len(self.choices)))]
        value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else round(value, 3)

    def share(self, value: Value) -> float:
        """Return the position of a value in the range, 0 to 1: the inverse of `scaled`."""
        if isinstance(value, str):
            return self.choices.index(value) / max(1, len(self.choices) - 1) if value in self.choices else 0.0
        return (value - self.low) / (self.high - self.low)

    def about(self, choice: Value) -> str:
        """Return what a choice means, from the control's help (`word: meaning; word: meaning`).

        Else empty.
        """
        told = (part.partition(": ") for part in self.help.removesuffix(".").split("; "))
        return next((meaning for word, _, meaning in told if word == choice), "")

    def name_of(self, value: Value) -> str:
        """Return the name of a value that has one, such as `Tenor Sax` of a program; else empty."""
        return "" if isinstance(value, str) or not 0 <= value < len(self.names) else self.names[int(value)]

    def _number(self, word: str) -> float:
        """Return the number that a text says, or that a name stands for."""
        try:
            return float(word)
        except ValueError:
            named = {as_word(name): number for number, name in enumerate(self.names) if name}
            if (number := named.get(as_word(word))) is not None:
                return number
            if named:
                hint = nearest(as_word(word), tuple(named))
                raise UsageError(f"{self.name} {word!r} is no name{hint}; improv programs lists them") from None
            raise UsageError(f"{self.name} {word!r} is no number; give {self.range}") from None

    def _word(self, value: Value) -> str:
        word = self.spelled(f"{value:g}" if not isinstance(value, str) else value)
        if self.choices and word not in self.choices:
            raise UsageError(f"{self.name} {word!r} is unknown{nearest(word, self.choices)}; choose from {self.range}")
        if not word:
            raise UsageError(f"{self.name} needs a name")
        return word


def as_word(name: str) -> str:
    """Return a name as one word of a command line: `tenor-sax` for `Tenor Sax`."""
    letters = "".join(letter if letter.isalnum() else " " for letter in name.casefold())
    return "-".join(letters.split())


def number(value: float) -> str:
    """Return a number as short text: 120, 0.67, 2147483647."""
    return f"{value:.0f}" if value == value // 1 and abs(value) < 1e12 else f"{value:g}"


def nearest(word: str, names: tuple[str, ...]) -> str:
    """Return a hint at the nearest name, to end an error message with; empty if none is near."""
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
