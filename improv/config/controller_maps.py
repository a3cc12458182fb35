"""Which knob, key or pedal turns what."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from improv.config.endless_knobs import DECODERS, Relative
from improv.dataclass import dataclass
from improv.protocol.commands import TARGETS
from improv.protocol.control import Control
from improv.protocol.controls import CONTROLS, TEMPO, current

Kind = Literal["cc", "note", "program"]

Takeover = Literal["pickup", "jump"]

AUTO: Final = "auto"

_KINDS: Mapping[Kind, str] = MappingProxyType({"cc": "CC", "note": "key", "program": "program"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """What a knob, key or pedal of a MIDI controller is bound to."""

    kind: Kind
    number: int
    """The controller, pitch or program, 0 to 127."""
    channel: int | None = None
    """1 to 16; None is any."""
    target: str
    """A name of `improv.protocol.commands.TARGETS`."""
    takeover: Takeover = "pickup"
    """pickup: a knob first has to pass the control's value; jump: it moves the control at once."""
    relative: Literal["auto", "off"] | Relative = AUTO
    """The encoding of an endless knob's values; off for a knob with an end, auto to find out."""

    @property
    def name(self) -> str:
        """The controller as words: `CC 20 on channel 1`."""
        channel = "" if self.channel is None else f" on channel {self.channel}"
        return f"{_KINDS[self.kind]} {self.number}{channel}"


MAP: Mapping[str, Control] = MappingProxyType(
    {
        "kind": Control("kind", "What the controller sends.", "cc", choices=("cc", "note", "program")),
        "number": Control("number", "The controller, pitch or program.", 20, 0, 127, whole=True),
        "channel": Control("channel", "Any if not given.", 1, 1, 16, whole=True),
        "target": Control(
            "target", "A control, or what a pedal asks for.", TEMPO.name, choices=TARGETS, spelled=current
        ),
        "takeover": Control(
            "takeover", "Whether a knob picks the value up or jumps.", "pickup", choices=("pickup", "jump")
        ),
        "relative": Control(
            "relative",
            "How an endless knob says how far it was turned; off for one that has an end, auto to find out.",
            AUTO,
            choices=(AUTO, "off", *DECODERS),
        ),
    }
)
"""The keys of a `[[map]]`."""

OPTIONAL = ("channel", "takeover", "relative")

SUSTAIN = 64

_RESERVED: Mapping[int, str] = MappingProxyType(
    {
        **dict.fromkeys((0, 32), "bank select"),
        **dict.fromkeys((6, 38), "data entry"),
        **dict.fromkeys(range(98, 102), "a parameter number"),
        **dict.fromkeys(range(120, 128), "a channel mode message"),
    }
)


def why_reserved(controller: int, target: str) -> str:
    """Return why a controller number may not be bound to a target, in a sentence; empty if it may be bound."""
    if controller == SUSTAIN and target != "hand-over":
        return f"CC {SUSTAIN} is the sustain pedal; it can be mapped to hand-over alone"
    if controller in _RESERVED:
        return f"CC {controller} is {_RESERVED[controller]}; map another controller"
    return ""


def needs_a_knob(target: str) -> bool:
    """Return whether a target takes a number, so that no key and no program change can be bound to it."""
    return target in CONTROLS and CONTROLS[target].is_number


def why_unfit(mapped: Map) -> str:
    """Return why a map is not allowed, in a sentence; empty if it is allowed."""
    if mapped.kind == "cc":
        return why_reserved(mapped.number, mapped.target) or _unfit_endless(mapped)
    if mapped.relative not in (AUTO, "off"):
        return f"{mapped.name} is no endless knob; leave relative out"
    if needs_a_knob(mapped.target):
        return f"{mapped.name} cannot turn {mapped.target}; map a knob, which sends CC"
    return ""


def _unfit_endless(mapped: Map) -> str:
    if mapped.relative in DECODERS and mapped.target not in CONTROLS:
        return f"an endless knob cannot ask for {mapped.target}; map a key, a pedal or a button"
    return ""
