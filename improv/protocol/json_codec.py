"""Values as plain JSON and back, for what is kept in files and what is said over sockets.

Dataclasses by field, enums by value, tuples as lists, chords by their symbol; floats come back
exactly. What is not as it should be is a ValueError, never a guess: NaN and infinities too. It must
never know a file or a socket.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from reprlib import repr as shortly
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from improv.errors import DataError
from improv.music.theory import Chord

encoded = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""A plain value as JSON on one line, in ASCII; ValueError for NaN and infinities."""


_NAME = "json"


def json_name(name: str) -> Mapping[str, str]:
    """Return the metadata of a dataclass field that JSON knows by another name, on which files and programs rely."""
    return {_NAME: name}


def name_of(each: Field[Any]) -> str:
    """Return the name by which JSON knows a dataclass field."""
    return str(each.metadata.get(_NAME, each.name))


def plain(value: Any) -> Any:
    """A value as JSON knows it: fields by name."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Chord) and _is_named(value):
        return value.symbol
    if is_dataclass(value):
        return {name_of(each): plain(getattr(value, each.name)) for each in fields(value)}
    return value


def parsed(text: str) -> dict[str, Any]:
    """The JSON object a text holds; ValueError if it holds none."""
    try:
        raw = _DECODE(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(raw, dict):
        raise ValueError("it is no JSON object")
    return raw


def made(hint: Any, raw: Any) -> Any:
    """The value of a type that a plain value stands for; ValueError if it stands for none."""
    if hint is float and type(raw) is int:
        with suppress(OverflowError):
            raw = float(raw)
    if type(raw) is hint and (hint is not float or math.isfinite(raw)):
        return raw
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for option in inner:
            with suppress(ValueError):
                return made(option, raw)
    elif origin is tuple and isinstance(raw, list) and inner[1:] == (...,):
        return tuple(made(inner[0], item) for item in raw)
    elif isinstance(hint, type):
        if hint is Chord and isinstance(raw, str):
            return Chord.parse(raw)
        if is_dataclass(hint) and isinstance(raw, dict):
            return object_of(hint, raw)
        if issubclass(hint, Enum):
            return hint(raw)
    raise ValueError(f"{shortly(raw)} is no {getattr(hint, '__name__', hint)}")


def object_of(kind: Any, raw: Mapping[str, Any]) -> Any:
    """A dataclass from its fields; one that was given a default after it was written takes it."""
    hints, needed = fields_of(kind)
    if missing := sorted(needed - raw.keys()):
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    if unknown := sorted(raw.keys() - hints.keys()):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    attributes = attributes_of(kind)
    return kind(**{attributes[name]: made(hints[name], value) for name, value in raw.items()})


@cache
def fields_of(kind: type) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the types of a dataclass's fields by their names in JSON, and the names that must be given."""
    hints = get_type_hints(kind)
    needed = (name_of(each) for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)
    return {name: hints[attribute] for name, attribute in attributes_of(kind).items()}, frozenset(needed)


@cache
def attributes_of(kind: type) -> Mapping[str, str]:
    """Return the attributes of a dataclass by their names in JSON."""
    return {name_of(each): each.name for each in fields(kind)}


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Whatever a malformed content leads to, as a DataError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{what} is not what it should be ({reason})") from error


def _is_named(chord: Chord) -> bool:
    try:
        return Chord.parse(chord.symbol) == chord
    except ValueError:
        return False


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_DECODE = json.JSONDecoder(parse_constant=_refuse).decode


def printable(text: str) -> str:
    """A text without what a terminal would obey, a line break included: ports and files are named by others."""
    return "".join(character if character.isprintable() else " " for character in text)
