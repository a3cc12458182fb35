"""config.toml: read with the place of each value, so that what is wrong is told with its line."""

import errno
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from improv.config.controller_maps import MAP, OPTIONAL, Map, why_unfit
from improv.config.values import TABLES
from improv.dataclass import dataclass
from improv.errors import DataError, InputNotFound, UsageError
from improv.protocol.control import OFF, ON, Control, Value, nearest
from improv.protocol.controls import CONTROLS, current
from improv.system.safe_files import read_file
from improv.system.text_file import NoText, decoded

Entry = tuple[Value | None, str]
"""A value and where it came from."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_value(control: Control, value: object) -> Value:
    """Return a TOML value as its control stores it; UsageError for a wrong type or an invalid value."""
    match value:
        case bool() if control.is_switch:
            return ON if value else OFF
        case bool():
            pass
        case int() | float() if control.is_number:
            try:
                return control.checked(float(value))
            except OverflowError:
                return control.checked(math.inf if value > 0 else -math.inf)
        case str() if not control.is_number or control.words or control.names:
            if _UNPRINTABLE.search(value):
                raise UsageError(f"{control.name} {value!r} has characters that cannot be printed; take them out")
            return control.checked(value)
    if control.is_switch:
        raise UsageError(f"{control.name} needs true or false, not {_kind(value)}")
    need = "a number" if control.is_number else "a string"
    raise UsageError(f"{control.name} needs {need}, not {_kind(value)}; give {control.range}")


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"


_MOST_BYTES, _LONGEST_LINE = 1 << 16, 1000
"""A parser takes gigabytes for a key of many parts; no file may do that to a jam."""

_LONGEST_STATEMENT, _DEEPEST = 100, 6
"""Lines, keys: nothing that may stand in a configuration is longer or deeper."""

_Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""


def read_config(path: Path, *, named: bool) -> str:
    """Return the text of a configuration file; empty if it was not named (`named`) and does not exist."""
    if str(path) == os.devnull:  # as programs are told to use no configuration
        return ""
    try:
        content = read_file(path, _MOST_BYTES)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named:
            return ""
        if error.errno == errno.EFBIG:
            raise DataError(f"{path.name}: {error.strerror}; no configuration is") from error
        raise InputNotFound(f"{path}: {error.strerror}; give a configuration file that can be read") from error
    try:
        return decoded(content)
    except NoText as error:
        raise DataError(f"{path.name}:{error.line}: {error}") from None


@dataclass(frozen=True, slots=True)
class Layer:
    """The values and maps that a file, or a profile in it, sets."""

    entries: dict[str, Entry]
    maps: list[tuple[Map, str]] | None


class TomlFile:
    """A configuration file, read whole with all its profiles: a mistake is found at home, not on stage."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines: Mapping[_Place, int] = {}
        document = self._parsed(text)
        self._lines = _lines(text)
        profiles = document.pop("profile", {})
        if not isinstance(profiles, dict):
            self._refuse(("profile",), f"profile needs tables such as [profile.stage.controls], not {_kind(profiles)}")
        own = self._layer(document, (), (*TABLES, "map", "profile"))
        self.entries, self.maps = own.entries, own.maps
        self._profiles = {name: self._profile(name, content) for name, content in profiles.items()}

    def profile(self, name: str, chooser: str) -> Layer:
        """Return the settings of a profile; UsageError if there is none, its text led by `chooser`."""
        if name not in self._profiles:
            there = f"; there are {', '.join(map(_shown, self._profiles))}" if self._profiles else "; it has none"
            hint = nearest(name, tuple(self._profiles))
            raise UsageError(f"{chooser}{self._path.name}: no profile {_shown(name)}{hint}{there}")
        return self._profiles[name]

    def _parsed(self, text: str) -> dict[str, Any]:
        for number, written in enumerate(text.split("\n"), 1):
            if len(written) > _LONGEST_LINE:
                text = f"this line is longer than {_LONGEST_LINE} characters; no configuration's is"
                raise DataError(f"{self._path.name}:{number}: {text}")
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            said = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
            message, line = said.groups() if said else (str(error), None)
            line = line or text.rstrip("\n").count("\n") + 1
            raise DataError(f"{self._path.name}:{line}: this is no TOML: {message}") from None
        except (ValueError, RecursionError):
            raise DataError(f"{self._path.name}: a value is nested too deep") from None

    def _profile(self, name: str, content: object) -> Layer:
        if not isinstance(content, dict):
            text = f"profile {_shown(name)} needs tables such as [profile.stage.controls], not {_kind(content)}"
            self._refuse(("profile", name), text)
        return self._layer(content, ("profile", name), (*TABLES, "map"))

    def _layer(self, content: Mapping[str, Any], place: _Place, names: tuple[str, ...]) -> Layer:
        entries: dict[str, Entry] = {}
        maps = None
        for name, value in content.items():
            here = (*place, name)
            if name == "map":
                maps = self._maps(value, here)
            elif name not in TABLES:
                what = f"table [{_title(here)}]" if isinstance(value, dict | list) else f"key {_shown(name)}"
                within = f" in [{_title(place)}]" if place and not isinstance(value, dict | list) else ""
                self._refuse(here, f"no {what}{within}{self._hint(name, place, names)}")
            elif not isinstance(value, dict):
                self._refuse(here, f"{name} needs a table, [{_title(here)}], not {_kind(value)}")
            else:
                for key, entry in value.items():
                    if (now := _name_now(name, key)) != key and now in value:
                        self._refuse((*here, key), f"{key} is called {now} now, and both are given; leave {key} out")
                    entries[f"{name}.{now}"] = self._entry(name, key, entry, here)
        return Layer(entries, maps)

    def _entry(self, table: str, key: str, value: object, place: _Place) -> Entry:
        here, controls = (*place, key), TABLES[table]
        if (name := _name_now(table, key)) not in controls:
            hint = self._hint(key, place[:-1], tuple(controls))
            self._refuse(here, f"no key {_shown(key)} in [{_title(place)}]{hint}")
        return self._value(controls[name], value, here), self._origin(here)

    def _maps(self, value: object, place: _Place) -> list[tuple[Map, str]]:
        if not isinstance(value, list):
            self._refuse(place, f"map needs an array of tables: write [[{_title(place)}]] above each")
        maps: dict[tuple[str, int, int | None], tuple[Map, str]] = {}
        for index, entry in enumerate(value):
            mapped = self._map(entry, (*place, index))
            source = mapped.kind, mapped.number, mapped.channel
            if source in maps:
                both = f"{maps[source][0].target} and {mapped.target}"
                self._refuse((*place, index, "number"), f"{mapped.name} is mapped to {both}; take one of them out")
            maps[source] = mapped, self._origin((*place, index))
        return list(maps.values())

    def _map(self, entry: object, place: _Place) -> Map:
        title = f"[[{_title(place[:-1])}]]"
        if not isinstance(entry, dict):
            self._refuse(place, f"each {title} needs a table, not {_kind(entry)}")
        values: dict[str, Any] = {}
        for key, value in entry.items():
            if key not in MAP:
                self._refuse((*place, key), f"no key {_shown(key)} in {title}{_hint_of_map(key)}")
            values[key] = self._value(MAP[key], value, (*place, key))
        for key in MAP:
            if key not in values and key not in OPTIONAL:
                self._refuse(place, f"this {title} has no {key}; give {MAP[key].range}")
        mapped = Map(**values)
        if why := why_unfit(mapped):
            self._refuse((*place, "number"), why)
        return mapped

    def _value(self, control: Control, value: object, place: _Place) -> Value:
        try:
            return check_value(control, value)
        except UsageError as error:
            self._refuse(place, str(error))

    def _hint(self, name: str, place: _Place, names: tuple[str, ...]) -> str:
        """Return a hint at the table a key belongs to, or at the name that was meant."""
        for table, controls in TABLES.items():
            if name in controls:
                return f" (it belongs in [{_title((*place, table))}])"
        return nearest(name, names)

    def _at(self, place: _Place) -> str:
        line = self._lines.get(place)
        return f"{self._path.name}:{line}" if line else self._path.name

    def _origin(self, place: _Place) -> str:
        return self._at(place) + (f" [{_title(place[:2])}]" if place[0] == "profile" else "")

    def _refuse(self, place: _Place, text: str) -> NoReturn:
        raise DataError(f"{self._at(place)}: {text}")


def _name_now(table: str, key: str) -> str:
    """Return the present name of a key, which may be the former one of a control."""
    return current(key) if TABLES[table] is CONTROLS else key


def _hint_of_map(key: str) -> str:
    """Return a hint at what was meant by a key that no `[[map]]` has."""
    if key in MAP["kind"].choices:
        return f' (write kind = "{key}" and number = ...)'
    return nearest(key, tuple(MAP)) or f"; give {', '.join(MAP)}"


def _shown(name: str | int) -> str:
    """Return a key as TOML writes it, whatever characters it has."""
    return str(name) if re.fullmatch(r"[A-Za-z0-9_-]+", str(name)) else repr(name)


def _title(place: _Place) -> str:
    return ".".join(map(_shown, place))


def _lines(text: str) -> Mapping[_Place, int]:
    """Return the line of each key and table of a valid file, from 1.

    Each statement is parsed by itself, which spares a second reader of TOML: it ends at the first line with which it is
    valid. Behind a statement that is too long to be ours no lines are known.
    """
    found: dict[_Place, int] = {}
    arrays: dict[_Place, int] = {}
    table: _Place = ()
    statement, first = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        first = first if statement else number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except (ValueError, RecursionError):
            if number - first == _LONGEST_STATEMENT:
                break
            continue
        if statement.lstrip().startswith("["):
            table = _header(parsed, arrays)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], first)
        else:
            for place in _places(parsed, table):
                found.setdefault(place, first)
        statement = ""
    return found


def _header(parsed: Any, arrays: dict[_Place, int]) -> _Place:
    """Return the keys that lead to the table a header begins; `arrays` counts the tables of each array."""
    place: _Place = ()
    while isinstance(parsed, dict) and parsed and len(place) < _DEEPEST:
        ((name, parsed),) = parsed.items()
        place = (*place, name)
        if isinstance(parsed, list):
            arrays[place] = arrays.get(place, 0) + 1
        if place in arrays:
            place = (*place, arrays[place] - 1)
    return place


def _places(value: object, place: _Place) -> Iterator[_Place]:
    """Yield the keys that lead to a value, and to all values in it."""
    yield place
    if len(place) < _DEEPEST and isinstance(value, dict | list):
        for name, within in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(within, (*place, name))
