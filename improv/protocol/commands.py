"""What can be asked for while it plays: commands, checked before they go anywhere."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from improv.errors import UsageError
from improv.protocol.controls import CONTROLS, Value, control_named, nearest


@dataclass(frozen=True, slots=True)
class Set:
    """Turn a control to a value, from the next step on."""

    control: str
    value: Value


@dataclass(frozen=True, slots=True)
class Nudge:
    """Turn a control by an amount from where it is."""

    control: str
    by: float


@dataclass(frozen=True, slots=True)
class Tap:
    """A beat of the tempo that is wanted, in seconds of the clock."""

    time_s: float


@dataclass(frozen=True, slots=True)
class Start:
    """Play from the top of the form, counted in, if playing is stopped."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop playing at the next step; everything stays ready."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Go back to the top of the form, counted in; start, if playing is stopped."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give the turn to the other one: to improv in yours, to you in its."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence everything at once and play on."""


@dataclass(frozen=True, slots=True)
class Learn:
    """Have the next knob, key or pedal that is moved turn a control, or ask for one of `TRIGGERS`."""

    target: str
    """Nothing: wait for none any more."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Have no knob, key or pedal turn this any more."""

    target: str


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key of an instrument that has no MIDI, heard and sounding as your own; velocity 0 lets it go."""

    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Connect:
    """Hear or play through another port from now on: part of its name, or `virtual` or nothing for one of our own."""

    end: str
    """One of `ENDS`."""
    name: str


@dataclass(frozen=True, slots=True)
class Quit:
    """End the performance at once."""


Command = Set | Nudge | Tap | Start | Stop | Restart | HandOver | Panic | Learn | Forget | Press | Connect | Quit

ENDS = ("input", "output")

_VIRTUAL = "virtual"


def is_virtual(name: str) -> bool:
    """Whether what stands in the place of a port's name asks for a virtual port of our own."""
    return name.strip().casefold() in ("", _VIRTUAL)


TRIGGERS: Mapping[str, Command] = MappingProxyType(
    {
        "start": Start(),
        "stop": Stop(),
        "restart": Restart(),
        "hand-over": HandOver(),
        "panic": Panic(),
        "quit": Quit(),
    }
)
"""The commands that are asked for by their name alone, and tap, which is stamped when it is asked for."""

TARGETS = (*(name for name, control in CONTROLS.items() if control.is_number or control.choices), *TRIGGERS, "tap")
"""Everything that a knob, a key or a pedal can be bound to."""


def nothing_to_learn(target: str) -> str:
    """What is said of a target that nothing is called: the nearest one, and all that there are."""
    return f"nothing is called {target!r}{nearest(target, TARGETS)}; choose from {', '.join(TARGETS)}"


def checked(command: Command) -> Command:  # noqa: PLR0912 a case for each kind that can be wrong
    """The command, if its control is there and may have its value; UsageError otherwise."""
    match command:
        case Set(name, value):
            return Set(name, control_named(name).checked(value))
        case Nudge(name, by):
            control = control_named(name)
            if not math.isfinite(by):
                raise UsageError(f"{name} can't be moved by {by:g}; give a number")
            if not control.is_number and not control.choices:
                raise UsageError(f"{name} can't be nudged; set it")
            return command
        case Learn(""):
            return command
        case Learn(target) | Forget(target):
            if target not in TARGETS:
                raise UsageError(nothing_to_learn(target))
            return command
        case Tap(time_s):
            if not math.isfinite(time_s):
                raise UsageError("a tap needs a time in seconds")
            return command
        case Press(pitch, velocity):
            if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
                raise UsageError(f"no key {pitch} with velocity {velocity}; give 0 to 127")
            return command
        case Connect(end, name):
            if end not in ENDS:
                raise UsageError(f"nothing is called {end!r}{nearest(end, ENDS)}; choose from {', '.join(ENDS)}")
            return Connect(end, "") if is_virtual(name) else command
        case _:
            return command
