"""What to play and how to reach the world, as values that have been checked.

Today they come from the command line alone; None means that improv chooses.
"""

from dataclasses import dataclass
from pathlib import Path

from improv.errors import InputNotFound, UsageError
from improv.messages import COUNT_IN_BARS, SWING, TEMPERATURE, TEMPO, TURN_BARS
from improv.music import pitch_class
from improv.turns import Mode

DEFAULT_MODEL = "eck2002-blues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """What to play: the same words for a jam and a render. None means improv chooses."""

    model: str
    mode: Mode | None = None
    bars: int = int(TURN_BARS.default)
    tempo: float = TEMPO.default
    temperature: float = TEMPERATURE.default
    key: str | None = None
    swing: float = SWING.default
    count_in: int = int(COUNT_IN_BARS.default)
    seed: int | None = None
    choruses: int | None = None
    provider: str | None = None

    def checked(self) -> "Tune":
        """The tune, if every value is within its range; UsageError otherwise."""
        TEMPO.checked(self.tempo)
        TEMPERATURE.checked(self.temperature)
        SWING.checked(self.swing)
        TURN_BARS.checked(self.bars)
        COUNT_IN_BARS.checked(self.count_in)
        if self.choruses is not None and self.choruses < 1:
            raise UsageError(f"choruses {self.choruses} is out of range; give 1 or more")
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"seed {self.seed} is out of range; give 0 or more")
        try:
            pitch_class("C" if self.key is None else self.key)
        except ValueError as error:
            raise UsageError(f"{error}; give a key such as C, F# or Bb") from error
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How a jam reaches the world; None is a virtual port of our own, or the first system that answers."""

    api: str | None = None
    input: str | None = None
    output: str | None = None
    thru: bool = False
    """Whether what you play is passed on to the output as it arrives."""
    save: Path | None = None
    listens: bool = True
    """Whether there is an input at all."""
    standby: bool = False
    """Whether only the named output is opened, and kept until another wiring comes."""
    patient: bool = False
    """Whether a port that is not there is waited for, as when a lost MIDI server has come back."""


def check_writable(path: Path) -> None:
    """InputNotFound if a file cannot be written there: better said before a performance than after it."""
    there = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; choose another file to write to") from error
    if not there:
        path.unlink()
