"""What can be asked for while it plays: commands, valid by construction.

A command checks itself when it is made, by what its control declares. So it is checked once, at the interface where
text, JSON, OSC or MIDI becomes a command; further in every command is valid by its type. One that cannot be raises
UsageError, which says what it may be.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.protocol.control import Value, nearest
from improv.protocol.controls import CONTROLS, control_named, current


@dataclass(frozen=True, slots=True)
class Set:
    """Turn a control to a value, from the next step on."""

    control: str
    """One of `CONTROLS`."""
    value: Value
    """As the control keeps it: a whole number, a float or one of its words."""

    def __post_init__(self) -> None:
        control = control_named(self.control)
        object.__setattr__(self, "control", control.name)
        object.__setattr__(self, "value", control.checked(self.value))


@dataclass(frozen=True, slots=True)
class Nudge:
    """Turn a control by an amount from where it is; a word moves by so many choices."""

    control: str
    """One of `CONTROLS` that is a number or has choices."""
    by: float
    """A finite number, in the control's unit."""

    def __post_init__(self) -> None:
        control = control_named(self.control)
        object.__setattr__(self, "control", control.name)
        if not math.isfinite(self.by):
            raise UsageError(f"{self.control} can't be moved by {self.by:g}; give a number")
        if not control.is_number and not control.choices:
            raise UsageError(f"{self.control} can't be nudged; set it")


@dataclass(frozen=True, slots=True)
class Tap:
    """Tap a beat of the wanted tempo."""

    time_s: float
    """When it was tapped, in seconds of the clock: a finite number."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.time_s):
            raise UsageError("a tap needs a time in seconds")


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
    """Give the turn to the other one: to improv in the player's, to the player in improv's."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence everything at once and play on."""


@dataclass(frozen=True, slots=True)
class Learn:
    """Bind the next moved knob, key or pedal to a control or a trigger."""

    target: str
    """One of `TARGETS`; empty to stop waiting for one."""

    def __post_init__(self) -> None:
        if self.target:
            object.__setattr__(self, "target", checked_target(self.target))


@dataclass(frozen=True, slots=True)
class Forget:
    """Unbind every knob, key and pedal from a control or a trigger."""

    target: str
    """One of `TARGETS`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", checked_target(self.target))


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key of an instrument that has no MIDI, heard and sounding as the player's own; velocity 0 lets it go."""

    pitch: int
    """MIDI pitch, 0 to 127."""
    velocity: int
    """0 to 127."""

    def __post_init__(self) -> None:
        if not (0 <= self.pitch <= 127 and 0 <= self.velocity <= 127):
            raise UsageError(f"no key {self.pitch} with velocity {self.velocity}; give 0 to 127")


@dataclass(frozen=True, slots=True)
class Connect:
    """Hear or play through another port from now on."""

    end: str
    """One of `ENDS`."""
    name: str
    """The port's name or part of it; empty for a virtual port of our own, which may be asked for as `virtual`."""

    def __post_init__(self) -> None:
        if self.end not in ENDS:
            raise UsageError(f"nothing is called {self.end!r}{nearest(self.end, ENDS)}; choose from {', '.join(ENDS)}")
        if is_virtual(self.name):
            object.__setattr__(self, "name", "")


@dataclass(frozen=True, slots=True)
class Quit:
    """End the performance at once."""


SessionCommand = Set | Nudge | Tap | Start | Stop | Restart | HandOver | Panic
"""What a session obeys: a step of it. `improv.runtime.router` gives the other commands to others."""

Command = SessionCommand | Learn | Forget | Press | Connect | Quit

ENDS = ("input", "output")
"""The two ends of improv that have a port."""

_VIRTUAL = "virtual"


def is_virtual(name: str) -> bool:
    """Return whether a port's name asks for a virtual port of improv's own: empty or `virtual`."""
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
"""The commands that need no more than their name; a tap is one more, but it needs its time."""

TARGETS = (*(name for name, control in CONTROLS.items() if control.is_number or control.choices), *TRIGGERS, "tap")
"""Everything that a knob, a key or a pedal can be bound to."""


def checked_target(target: str) -> str:
    """Return a target that a knob, a key or a pedal can be bound to, by its present name.

    UsageError, with the nearest name, if there is none.
    """
    target = current(target)
    if target not in TARGETS:
        raise UsageError(f"nothing is called {target!r}{nearest(target, TARGETS)}; choose from {', '.join(TARGETS)}")
    return target
