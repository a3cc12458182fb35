"""What to play and how to reach the world, as values that have been checked.

Today they come from the command line alone; None means that improv chooses.
"""

from dataclasses import dataclass
from pathlib import Path

from improv.errors import InputNotFound, UsageError
from improv.messages import CONTROLS, MODE, ON, SEED, SWING, TEMPO, Control, Settings, Value, control_named
from improv.turns import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """What to play: where the controls stand at first, for a jam and a render alike.

    What is not given has its default, but for the mode and the seed, which improv chooses.
    """

    given: tuple[tuple[str, Value], ...] = ()
    """Names of controls, and their values."""
    choruses: int | None = None
    """End after so many; None is never."""
    provider: str | None = None

    @classmethod
    def of(cls, *, choruses: int | None = None, provider: str | None = None, **controls: Value | None) -> "Tune":
        """A tune by the fields of its controls, None where nothing is given; UsageError for what cannot be."""
        given = {}
        for field, value in controls.items():
            if value is not None:
                control = control_named(field.replace("_", "-"))
                given[control.name] = control.checked(value)
        if choruses is not None and choruses < 1:
            raise UsageError(f"choruses {choruses} is out of range; give 1 or more")
        return cls(given=tuple(given.items()), choruses=choruses, provider=provider)

    def value(self, control: Control) -> Value:
        """Where a control stands at first."""
        return dict(self.given).get(control.name, control.default)

    @property
    def model(self) -> str:
        """The network's name, or its file."""
        return str(self.value(CONTROLS["model"]))

    @property
    def mode(self) -> Mode | None:
        """The mode that was chosen, if one was."""
        mode = dict(self.given).get(MODE.name)
        return None if mode is None else Mode(str(mode))

    @property
    def seed(self) -> int | None:
        """The seed that was chosen, if one was."""
        seed = dict(self.given).get(SEED.name)
        return None if seed is None else int(seed)

    @property
    def thru(self) -> bool:
        """Whether what you play is passed on from the start."""
        return self.value(CONTROLS["thru"]) == ON

    @property
    def tempo(self) -> float:
        """In beats per minute."""
        return float(self.value(TEMPO))

    @property
    def swing(self) -> float:
        """The share of a beat its first eighth takes."""
        return float(self.value(SWING))

    @property
    def count_in(self) -> int:
        """Bars."""
        return int(self.value(CONTROLS["count-in"]))

    def settings(self, mode: Mode, seed: int) -> Settings:
        """The other controls."""
        fields = {CONTROLS[name].field: value for name, value in self.given}
        kept = {name: fields[name] for name in Settings.__slots__ if name in fields}
        return Settings(**{**kept, "mode": mode, "seed": seed})  # type: ignore[arg-type]  # checked as they were given


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
