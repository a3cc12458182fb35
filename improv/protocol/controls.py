"""What can be turned: controls with range, default and help, and the settings of a performance."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.music.parts import MIXED_PARTS, ROW_OF, Part
from improv.music.theory import PITCH_CLASSES, pitch_class
from improv.music.turns import Mode
from improv.protocol.json_codec import Inlined

Value = float | str
"""The value of a control: a number or a word."""

OFF, ON = "off", "on"

OWN = "own"
"""The key a network was trained in."""


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

    @property
    def field(self) -> str:
        """Name of the control as a field of `Settings`, in files and in options: `top_p` for `top-p`."""
        return self.name.replace("-", "_")

    @property
    def is_number(self) -> bool:
        """True for a control whose values are numbers, False for one whose values are words."""
        return not isinstance(self.default, str)

    @property
    def is_switch(self) -> bool:
        """True for a control that is either off or on."""
        return self.choices == (OFF, ON)

    @property
    def range(self) -> str:
        """The values allowed, as a help text gives them: `20 to 400 bpm`."""
        if not self.is_number:
            return ", ".join(self.choices) or "a name"
        return f"{number(self.low)} to {number(self.high)}" + (f" {self.unit}" if self.unit else "")

    def checked(self, value: Value) -> Value:
        """Return a valid value in the control's type: int, float or word.

        UsageError for one it may not have, NaN among them.
        """
        if not self.is_number:
            return self._word(value)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise UsageError(f"{self.name} {value!r} is no number; give {self.range}") from None
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.name} {number(value)} is out of range; give {self.range}")
        if self.whole and value != int(value):
            raise UsageError(f"{self.name} {value:g} is not a whole number; give {self.range}")
        return int(value) if self.whole else float(value)

    def nudged(self, value: Value, by: float) -> Value:
        """Return a value moved by an amount, clipped to the range.

        A word moves by that many choices.
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

    def _word(self, value: Value) -> str:
        word = f"{value:g}" if not isinstance(value, str) else value
        if self.name == "key" and word != OWN:
            try:
                return PITCH_CLASSES[pitch_class(word)]
            except ValueError as error:
                raise UsageError(f"{error}; give a key such as C, F# or Bb, or {OWN} for the model's") from error
        if self.choices and word not in self.choices:
            raise UsageError(f"{self.name} {word!r} is unknown{nearest(word, self.choices)}; choose from {self.range}")
        if not word:
            raise UsageError(f"{self.name} needs a name")
        return word


def number(value: float) -> str:
    """Return a number as short text: 120, 0.67, 2147483647."""
    return f"{value:.0f}" if value == value // 1 and abs(value) < 1e12 else f"{value:g}"


def nearest(word: str, names: tuple[str, ...]) -> str:
    """Return a hint at the nearest name, to end an error message with; empty if none is near."""
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


_SWITCH = (OFF, ON)

TEMPO = Control("tempo", "Quarter notes a minute.", 120, 20, 400, "bpm", nudge=4)

SWING = Control(
    "swing", "Share of a beat its first eighth takes: 0.5 straight, 0.67 triplets.", 0.6, 0.5, 0.75, nudge=0.01
)

MODE = Control(
    "mode",
    "trade: turns of some bars; phrase: it answers when you pause; duet: both at once; solo: improv alone; "
    "listen: you alone.",
    str(Mode.TRADE),
    choices=tuple(map(str, Mode)),
)

BARS = Control("bars", "Bars in a turn when trading.", 4, 1, 96, "bars", nudge=1, whole=True)

GAP = Control("gap", "Beats of silence that end your phrase, in phrase mode.", 1.5, 0.5, 8, "beats", nudge=0.5)

TEMPERATURE = Control(
    "temperature", "How freely notes are drawn: 0 the likeliest, 1 as trained, above 1 wilder.", 0.8, 0, 3, nudge=0.1
)

TOP_P = Control(
    "top-p", "Leave out the unlikeliest notes: only those that make up this probability are drawn.", 1, 0, 1, nudge=0.05
)

DENSITY = Control(
    "density", "How busy the answer is: below 0 it holds more, above 0 it strikes more.", 0, -1, 1, nudge=0.1
)

RESTS = Control(
    "rests", "How much the answer pauses: below 0 it plays on, above 0 it rests more often and longer.",
    0, -1, 1, nudge=0.1,
)  # fmt: skip

REGISTER = Control("register", "Octaves the answer lies above yours.", 0, -2, 2, "octaves", nudge=1, whole=True)

LEANING = Control(
    "leaning", "How much the answer leans on chord tones: 0 as it likes, 1 nothing else.", 0, 0, 1, nudge=0.1
)

CHANGES = Control(
    "changes", "How freely chords are drawn: 0 keeps to the form, 1 changes it as players do, above 1 wilder.",
    0, 0, 1.5, nudge=0.1,
)  # fmt: skip

KEY = Control("key", f"The key to play in; {OWN} is the model's.", OWN, choices=(OWN, *PITCH_CLASSES))

SEED = Control(
    "seed", "Another seed, other notes; the same one makes a jam repeatable.", 0, 0, 2**31 - 1, whole=True, nudge=1
)

COUNT_IN = Control("count-in", "Bars of clicks before the top of the form.", 1, 0, 4, "bars", nudge=1, whole=True)

LEVELS: Mapping[Part, Control] = MappingProxyType(
    {
        part: Control(
            f"{part.label}-level",
            f"MIDI volume of {part.row.description}; 0 is silent.",
            part.row.level or 0,
            0,
            127,
            nudge=5,
            whole=True,
        )
        for part in MIXED_PARTS
    }
)
"""The level of each part that improv plays."""

MUTES: Mapping[Part, Control] = MappingProxyType(
    {
        part: Control(f"{part.label}-mute", f"Silence {part.row.description}.", OFF, choices=_SWITCH, nudge=1)
        for part in MIXED_PARTS
    }
)
"""The mute of each part that improv plays."""

THRU = Control("thru", "Pass what you play on, as it is.", OFF, choices=_SWITCH, nudge=1)

MODEL = Control("model", "The network that plays: a name (improv models) or an .onnx file.", "partner")

CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        control.name: control
        for control in (
            TEMPO, SWING, MODE, BARS, GAP, TEMPERATURE, TOP_P, DENSITY, RESTS, REGISTER, LEANING, CHANGES, KEY, MODEL,
            SEED, COUNT_IN, *LEVELS.values(), *MUTES.values(), THRU,
        )
    }
)  # fmt: skip
"""Everything that can be turned while it plays."""

SYSTEM_CONTROLS = frozenset({MODEL.name, THRU.name})
"""Controls of the system that plays; all others are a session's."""

MELODY_CONTROLS = tuple(
    control.name
    for control in (
        TEMPERATURE, TOP_P, DENSITY, RESTS, REGISTER, LEANING, SEED, LEVELS[Part.MELODY], MUTES[Part.MELODY],
    )
)  # fmt: skip
"""The controls that only a network with a melody can obey."""


def control_named(name: str) -> Control:
    """Return the control with a name; UsageError, with the nearest name, if there is none."""
    if name not in CONTROLS:
        raise UsageError(f"no control {name!r}{nearest(name, tuple(CONTROLS))}; choose from {', '.join(CONTROLS)}")
    return CONTROLS[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMix:
    """The level and the mute of a part."""

    level: int
    """MIDI volume, 0 to 127."""
    mute: str = OFF
    """On where it is silenced."""

    @property
    def is_audible(self) -> bool:
        """True if the part is neither muted nor at level 0."""
        return self.mute != ON and self.level > 0


@dataclass(frozen=True, slots=True)
class Mixer:
    """The level and the mute of each part in `MIXED_PARTS`; JSON has each as a field named by its control."""

    rows: tuple[PartMix, ...] = tuple(PartMix(level=int(LEVELS[part].default)) for part in MIXED_PARTS)
    """In the order of `MIXED_PARTS`."""

    def __getitem__(self, part: Part) -> PartMix:
        return self.rows[ROW_OF[part]]

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of `MIXED_PARTS` as MIDI volumes, 0 to 127."""
        return tuple([row.level for row in self.rows])

    @classmethod
    def json_types(cls) -> Mapping[str, Any]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return {control.field: int for control in LEVELS.values()} | {control.field: str for control in MUTES.values()}

    def json_values(self) -> Mapping[str, Value]:
        """See `improv.protocol.json_codec.JsonTable`."""
        values: dict[str, Value] = {LEVELS[part].field: self[part].level for part in MIXED_PARTS}
        return values | {MUTES[part].field: self[part].mute for part in MIXED_PARTS}

    @classmethod
    def from_json_values(cls, values: Mapping[str, Any]) -> "Mixer":
        """See `improv.protocol.json_codec.JsonTable`. A part that is not named was added since: it is muted."""
        absent = {MUTES[part].field: ON for part in MIXED_PARTS if LEVELS[part].field not in values}
        return cls().with_values({**absent, **values})

    def with_values(self, values: Mapping[str, Value]) -> "Mixer":
        """Return the mixer with other values, given by control field such as `melody_level`."""
        now = {**self.json_values(), **values}
        return Mixer(
            tuple(PartMix(level=int(now[LEVELS[part].field]), mute=str(now[MUTES[part].field])) for part in MIXED_PARTS)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the player has chosen: the values of the controls that the session obeys.

    Tempo and swing belong to the transport, `model` to the daemon, `thru` to the player process.
    """

    mode: Mode
    bars: int = int(BARS.default)
    gap: float = float(GAP.default)
    temperature: float = float(TEMPERATURE.default)
    top_p: float = float(TOP_P.default)
    density: float = float(DENSITY.default)
    rests: float = float(RESTS.default)
    register: int = int(REGISTER.default)
    leaning: float = float(LEANING.default)
    changes: float = float(CHANGES.default)
    key: str = str(KEY.default)
    seed: int = int(SEED.default)
    count_in: int = int(COUNT_IN.default)
    mixer: Inlined[Mixer] = Mixer()

    @classmethod
    def of(cls, **fields: Any) -> "Settings":
        """Return settings from values by control field, such as `top_p` or `melody_level`.

        The rest have their defaults.
        """
        mixed = {name: fields.pop(name) for name in Mixer.json_types() if name in fields}
        return cls(**fields, mixer=Mixer().with_values(mixed))

    @classmethod
    def have(cls, control: Control) -> bool:
        """Return whether a control is a field of the settings."""
        return control.field in cls.__slots__ or control.field in Mixer.json_types()

    def value(self, control: Control) -> Value:
        """Return the value of a control that the settings have."""
        mixed = self.mixer.json_values()
        value: Value = mixed[control.field] if control.field in mixed else getattr(self, control.field)
        return value

    def with_value(self, control: Control, value: Value) -> "Settings":
        """Return the settings with another, valid value of a control (see `Control.checked`)."""
        if control.field in Mixer.json_types():
            return replace(self, mixer=self.mixer.with_values({control.field: value}))
        chosen: Any = Mode(str(value)) if control is MODE else value
        return replace(self, **{control.field: chosen})
