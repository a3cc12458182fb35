"""The control protocol: lines of JSON, checked as they come in; for writers of clients: docs/reference/protocol.md."""

from collections.abc import Mapping
from reprlib import repr as shortly
from types import MappingProxyType
from typing import Any

from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.protocol.commands import TRIGGERS, Command, Connect, Forget, Learn, Nudge, Press, Set, Tap
from improv.protocol.control import Control, Value, nearest
from improv.protocol.json_codec import from_json, json_fields, to_json
from improv.protocol.mixer import place_of

PROTOCOL = 1
"""The version both ends name first; a client of another one is turned away."""

MAX_FRAME_BYTES = 64 << 10

MAX_TEXT = 4096
"""Characters in a text a client sends."""

MAX_ID = 1 << 53

PER_S_LOW, PER_S_HIGH = 1, 30

_MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first line of a server."""

    improv: int
    """The protocol it speaks."""
    version: str
    pid: int
    instance: str


@dataclass(frozen=True, slots=True)
class Status:
    """Ask for the newest snapshot."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask for each new snapshot from now on, at most so many a second."""

    per_s: float = 20.0
    """From `PER_S_LOW` to `PER_S_HIGH`; UsageError otherwise."""

    def __post_init__(self) -> None:
        if not PER_S_LOW <= self.per_s <= PER_S_HIGH:
            raise UsageError(f"per_s {self.per_s:g} is out of range; give {PER_S_LOW} to {PER_S_HIGH}")


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Ask for no more new snapshots."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Ask for the table of controls."""


Request = Command | Status | Watch | Unwatch | Controls

_REQUESTS: Mapping[str, Any] = MappingProxyType(
    {
        "set": Set,
        "nudge": Nudge,
        "tap": Tap,
        **{name: type(command) for name, command in TRIGGERS.items()},
        "learn": Learn,
        "forget": Forget,
        "press": Press,
        "connect": Connect,
        "status": Status,
        "watch": Watch,
        "unwatch": Unwatch,
        "controls": Controls,
    }
)

_NAMES = MappingProxyType({kind: name for name, kind in _REQUESTS.items()})

_TYPE_NAMES = MappingProxyType({str: "a text", int: "a whole number", float: "a number", Value: "a number or a text"})


def parse_request(raw: Mapping[str, Any], now_s: float) -> Request:
    """Return the request in a JSON object; UsageError says what is wrong with it.

    A tap is stamped with `now_s`, in seconds of the monotonic clock.
    """
    name, given = raw.get("do"), {field: value for field, value in raw.items() if field != "do"}
    if not isinstance(name, str) or name not in _REQUESTS:
        hint = nearest(name[:40], tuple(_REQUESTS)) if isinstance(name, str) else ""
        wrong = f"nothing can be asked as {shortly(name)}{hint}" if "do" in raw else "the request lacks do"
        raise UsageError(f"{wrong}; do is one of {', '.join(_REQUESTS)}")
    kind = _REQUESTS[name]
    hints, needed = ({}, frozenset[str]()) if kind is Tap else json_fields(kind)
    for field in given:
        if field not in hints:
            hint = nearest(field[:40], tuple(hints)) or f"; it takes {', '.join(hints) or 'nothing'}"
            raise UsageError(f"{name} has no {shortly(field)}{hint}")
    if missing := sorted(needed - given.keys()):
        raise UsageError(f"{name} lacks {', '.join(missing)}; it takes {', '.join(hints)}")
    if kind is Tap:
        return Tap(now_s)
    request: Request = kind(**{field: _value(field, hints[field], value) for field, value in given.items()})
    return request


def request_for(command: Command) -> dict[str, Any]:
    """Return the JSON object that asks for a command. A tap has no time in it: the daemon stamps it on arrival."""
    fields = {} if isinstance(command, Tap) else to_json(command)
    return {"do": _NAMES[type(command)], **fields}


def describe(control: Control) -> dict[str, Any]:
    """Return the description of a control as JSON data: name, range, default, help, and its place in the mixer."""
    raw: dict[str, Any] = {"name": control.name, "help": control.help, "default": control.default}
    raw |= {"range": control.range, "unit": control.unit}
    if (place := place_of(control)) is not None:
        raw |= {"part": place[0].label, "column": place[1]}
    if control.former:
        raw["former"] = list(control.former)
    if control.is_number:
        words = {"words": list(control.words)} if control.words else {}
        return raw | {"low": control.low, "high": control.high, "whole": control.whole} | words
    return raw | {"choices": list(control.choices)}


def _value(field: str, hint: Any, raw: Any) -> Any:
    try:
        value = from_json(hint, raw)
    except ValueError:
        raise UsageError(f"{field} {shortly(raw)} is not {_TYPE_NAMES[hint]}") from None
    if isinstance(value, str) and (len(value) > MAX_TEXT or not value.isprintable()):
        raise UsageError(f"{field} has to be at most {MAX_TEXT} characters that can be printed")
    return value


def take_id(raw: dict[str, Any]) -> dict[str, Any]:
    """Remove the id from a request, and return it as the field `id` of the answer; {} without an id.

    UsageError for an id that is neither a whole number nor a short text.
    """
    if "id" not in raw:
        return {}
    name = raw.pop("id")
    if (type(name) is int and abs(name) <= MAX_ID) or (isinstance(name, str) and len(name) <= MAX_TEXT):
        return {"id": name}
    raise UsageError(f"id has to be a text of at most {MAX_TEXT} characters or a whole number")


def one_line(text: object) -> str:
    """Return a text as one line of limited length, for an error message."""
    return " ".join(str(text).split())[:_MAX_ERROR]
