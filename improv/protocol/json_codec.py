"""Values as JSON and back, for what is kept in files and what is said over sockets.

Dataclasses are objects by field, enums their value, tuples arrays, chords their symbol; floats come back exactly.
A field may have another name in JSON (`JsonName`), or stand there as fields of its own (`Inlined`): so values can be
grouped and renamed while files and clients keep their names. What is malformed is a ValueError, never a guess: NaN
and infinities too. It must never know a file or a socket.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from reprlib import repr as shortly
from types import UnionType
from typing import Annotated, Any, Protocol, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from improv.dataclass import dataclass
from improv.errors import DataError, UsageError
from improv.music.theory import Chord

json_text = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Return JSON data as text on one line, in ASCII; ValueError for NaN and infinities."""


_ITS_DEFAULT = object()
"""Stands for the default of a field."""


@dataclass(frozen=True, slots=True)
class JsonName:
    """The name of a dataclass field in JSON: `description: Annotated[str, JsonName("says")]`."""

    name: str
    absent: Any = _ITS_DEFAULT
    """What the field is where JSON lacks it, if that is another value than its default."""
    sparse: bool = False
    """Whether it is left out of JSON where it is empty."""


_INLINED = JsonName("")

_T = TypeVar("_T")

Inlined = Annotated[_T, _INLINED]
"""A dataclass field whose value's own fields stand in JSON among those of the dataclass."""


class JsonTable(Protocol):
    """A value that names its fields in JSON itself, because a table says which there are.

    One whose class says `json_inlined` stands among the fields of whatever value has it.
    """

    @classmethod
    def json_types(cls) -> Mapping[str, Any]:
        """Return the type of each field by its name in JSON; each may be left out."""
        ...

    def json_values(self) -> Mapping[str, Any]:
        """Return the value of each field by its name in JSON."""
        ...

    @classmethod
    def from_json_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the value with these fields; a field left out has its default."""
        ...


def to_json(value: Any) -> Any:
    """Return a value as JSON data: dicts, lists, numbers, texts, booleans and None."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Chord) and _is_named(value):
        return value.symbol
    if is_dataclass(value):
        return _object(value)
    return value


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in a text; ValueError if the text holds anything else."""
    try:
        raw = _DECODE(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(raw, dict):
        raise ValueError("it is no JSON object")
    return raw


def from_json(kind: Any, raw: Any) -> Any:
    """Return the value of type `kind` that JSON data stands for; ValueError if the data does not fit.

    A field with a default may be missing: an older version wrote the data (see `JsonName.absent`).
    """
    if kind is float and type(raw) is int:
        with suppress(OverflowError):
            raw = float(raw)
    if type(raw) is kind and (kind is not float or math.isfinite(raw)):
        return raw
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for option in inner:
            with suppress(ValueError):
                return from_json(option, raw)
    elif origin is tuple and isinstance(raw, list) and inner[1:] == (...,):
        return tuple(from_json(inner[0], item) for item in raw)
    elif isinstance(kind, type):
        if kind is Chord and isinstance(raw, str):
            return Chord.parse(raw)
        if is_dataclass(kind) and isinstance(raw, dict):
            return _from_object(kind, raw)
        if issubclass(kind, Enum):
            return kind(raw)
    raise ValueError(f"{shortly(raw)} is no {getattr(kind, '__name__', kind)}")


@cache
def json_fields(kind: type) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the types of a dataclass's fields by their names in JSON, and the names that must be given."""
    if _is_table(kind):
        table: type[JsonTable] = kind
        return table.json_types(), frozenset()
    types: dict[str, Any] = {}
    required: set[str] = set()
    for each in _declared(kind):
        inner = json_fields(each.kind) if each.inlined else ({each.name: each.kind}, frozenset({each.name}))
        types |= inner[0]
        required |= frozenset() if each.has_default else inner[1]
    return types, frozenset(required)


@contextmanager
def as_data_error(what: str) -> Iterator[None]:
    """Turn errors of malformed data within the context into DataError, which names `what` and the reason."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{what} is not what it should be ({reason})") from error


def _object(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, by name in JSON."""
    kind: Any = type(value)
    if _is_table(kind):
        return {name: to_json(item) for name, item in value.json_values().items()}
    raw: dict[str, Any] = {}
    for each in _declared(kind):
        item = getattr(value, each.attribute)
        if each.inlined:
            raw |= _object(item)
        elif item or not each.sparse:
            raw[each.name] = to_json(item)
    return raw


def _from_object(kind: type, raw: Mapping[str, Any]) -> Any:
    """Return the dataclass that has these fields; ValueError for one that is unknown, missing or malformed."""
    types, required = json_fields(kind)
    if missing := sorted(required - raw.keys()):
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    if unknown := sorted(raw.keys() - types.keys()):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    try:
        return from_fields(kind, {name: from_json(types[name], item) for name, item in raw.items()})
    except UsageError as error:  # of a value that checks itself, as a command does
        raise ValueError(str(error)) from error


def from_fields(kind: type, values: Mapping[str, Any]) -> Any:
    """Return the dataclass with these values by name in JSON, and defaults for the rest."""
    if _is_table(kind):
        table: type[JsonTable] = kind
        return table.from_json_values(values)
    given: dict[str, Any] = {}
    for each in _declared(kind):
        if not each.inlined:
            if (value := values.get(each.name, each.absent)) is not _ITS_DEFAULT:
                given[each.attribute] = value
        elif own := {name: values[name] for name in json_fields(each.kind)[0] if name in values}:
            given[each.attribute] = from_fields(each.kind, own)
    return kind(**given)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A field of a dataclass, as JSON has it."""

    attribute: str
    name: str
    """In JSON."""
    kind: Any
    inlined: bool
    has_default: bool
    absent: Any = _ITS_DEFAULT
    """What it is where JSON lacks it."""
    sparse: bool = False
    """Whether it is left out where it is empty."""


@cache
def _declared(kind: Any) -> tuple[_Declared, ...]:
    """Return the fields of a dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    declared = []
    for each in fields(kind):
        hint, json_name = hints[each.name], JsonName(each.name)
        if get_origin(hint) is Annotated:
            hint, json_name = get_args(hint)
        name = json_name.name
        has_default = each.default is not MISSING or each.default_factory is not MISSING
        inlined = name == _INLINED.name or getattr(hint, "json_inlined", False)
        declared.append(_Declared(each.name, name, hint, inlined, has_default, json_name.absent, json_name.sparse))
    return tuple(declared)


@cache
def _is_table(kind: Any) -> bool:
    """Return whether values of a type are a `JsonTable`."""
    return hasattr(kind, "json_types")


def _is_named(chord: Chord) -> bool:
    try:
        return Chord.parse(chord.symbol) == chord
    except ValueError:
        return False


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_DECODE = json.JSONDecoder(parse_constant=_refuse).decode
