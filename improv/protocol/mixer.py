"""The mixer: level, mute, solo and program of each part that improv plays, as controls and as values.

All of it is made from the table of parts and from `COLUMNS`: a part is a row, what can be turned of each is a column.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from improv.dataclass import dataclass
from improv.music.parts import MIXED_PARTS, ROW_OF, Part
from improv.music.programs import KIT_NAMES, PROGRAM_NAMES
from improv.protocol.control import OFF, ON, SWITCH, Control, Value

# --- the controls ---------------------------------------------------------------------------------


def _level(name: str, part: Part) -> Control:
    text = f"MIDI volume of {part.row.description}; 0 is silent."
    return Control(name, text, part.row.level or 0, 0, 127, nudge=5, whole=True, former=_former(part, "level"))


def _mute(name: str, part: Part) -> Control:
    text = f"Silence {part.row.description}."
    return Control(name, text, OFF, choices=SWITCH, nudge=1, former=_former(part, "mute"))


def _solo(name: str, part: Part) -> Control:
    text = f"Hear {part.row.description} alone, with other parts whose solo is on."
    return Control(name, text, OFF, choices=SWITCH, nudge=1)


def _program(name: str, part: Part) -> Control:
    text = f"General MIDI {'kit' if part.is_percussion else 'program'} of {part.row.description}, from 0 on or by name."
    names = KIT_NAMES if part.is_percussion else PROGRAM_NAMES
    return Control(name, text, part.row.program, 0, 127, nudge=1, whole=True, names=names)


def _former(part: Part, column: str) -> tuple[str, ...]:
    """Return the former name of a control, of a part that had another label when there were levels and mutes alone."""
    return (f"{part.row.former}-{column}",) if part.row.former else ()


COLUMNS: Mapping[str, Mapping[Part, Control]] = MappingProxyType(
    {
        name: MappingProxyType({part: control(f"{part.label}-{name}", part) for part in MIXED_PARTS})
        for name, control in (("level", _level), ("mute", _mute), ("solo", _solo), ("program", _program))
    }
)
"""What can be turned of each part: the columns of the mixer, named as the fields of `PartMix`."""

LEVELS, MUTES, SOLOS, PROGRAMS = COLUMNS.values()

PART_CONTROLS = tuple(control for column in COLUMNS.values() for control in column.values())
"""Every control of the mixer, column by column."""

_FIELDS: Mapping[str, tuple[Part, str]] = MappingProxyType(
    {control.field: (part, name) for name, column in COLUMNS.items() for part, control in column.items()}
)
"""The part and the column of each control, by its field."""


def place_of(control: Control) -> tuple[Part, str] | None:
    """Return the part and the column of a control in the mixer; None for one that is not of the mixer."""
    return _FIELDS.get(control.field)


_FORMER_FIELDS: Mapping[str, str] = MappingProxyType(
    {former.replace("-", "_"): control.field for control in PART_CONTROLS for former in control.former}
)
"""The field of each control by the name that the field had before."""

# --- the values -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMix:
    """How a part is mixed: a field for each of `COLUMNS`."""

    level: int
    """MIDI volume, 0 to 127."""
    mute: str = OFF
    """On where it is silenced."""
    solo: str = OFF
    """On where only parts whose solo is on are heard."""
    program: int
    """General MIDI program, 0 to 127; of percussion the number of a kit."""


def _mixed(values: Mapping[str, Value]) -> tuple[PartMix, ...]:
    """Return how `MIXED_PARTS` are mixed, with a value by the field of each control."""
    rows: dict[Part, dict[str, Any]] = {part: {} for part in MIXED_PARTS}
    for field, (part, column) in _FIELDS.items():
        rows[part][column] = values[field]
    return tuple(PartMix(**row) for row in rows.values())


@dataclass(frozen=True, slots=True)
class Mixer:
    """How each part in `MIXED_PARTS` is mixed; JSON has a field for each control, under its former name as well."""

    rows: tuple[PartMix, ...] = _mixed({control.field: control.default for control in PART_CONTROLS})
    """In the order of `MIXED_PARTS`."""

    def __getitem__(self, part: Part) -> PartMix:
        return self.rows[ROW_OF[part]]

    def is_audible(self, part: Part) -> bool:
        """Return whether a part is heard: not muted, not at level 0, and soloed if any part is."""
        row = self[part]
        soloed = row.solo == ON or ON not in [each.solo for each in self.rows]
        return soloed and row.mute != ON and row.level > 0

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of `MIXED_PARTS` as MIDI volumes, 0 to 127."""
        return tuple([row.level for row in self.rows])

    @property
    def programs(self) -> tuple[int, ...]:
        """The General MIDI programs of `MIXED_PARTS`, 0 to 127."""
        return tuple([row.program for row in self.rows])

    def value(self, control: Control) -> Value:
        """Return the value of one of `PART_CONTROLS`."""
        part, column = _FIELDS[control.field]
        value: Value = getattr(self[part], column)
        return value

    @classmethod
    def json_types(cls) -> Mapping[str, Any]:
        """See `improv.protocol.json_codec.JsonTable`."""
        types = {control.field: int if control.is_number else str for control in PART_CONTROLS}
        return types | {former: types[field] for former, field in _FORMER_FIELDS.items()}

    def json_values(self) -> Mapping[str, Value]:
        """See `improv.protocol.json_codec.JsonTable`."""
        values: dict[str, Value] = {field: getattr(self[part], column) for field, (part, column) in _FIELDS.items()}
        return values | {former: values[field] for former, field in _FORMER_FIELDS.items()}

    @classmethod
    def from_json_values(cls, values: Mapping[str, Any]) -> "Mixer":
        """See `improv.protocol.json_codec.JsonTable`. A part that is not named was added since: it is muted."""
        named = _current(values)
        absent = {MUTES[part].field: ON for part in MIXED_PARTS if LEVELS[part].field not in named}
        return cls().with_values({**absent, **named})

    def with_values(self, values: Mapping[str, Value]) -> "Mixer":
        """Return the mixer with other values, given by control field such as `melody_level`."""
        return Mixer(_mixed({**self.json_values(), **_current(values)}))


def _current(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values by the fields that they have now; a field's own value counts more than one by its former name."""
    former = {_FORMER_FIELDS[field]: value for field, value in values.items() if field in _FORMER_FIELDS}
    return former | {field: value for field, value in values.items() if field not in _FORMER_FIELDS}
