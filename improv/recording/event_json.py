"""Notes, events and commands as a take writes them: shorter than their types, as JSON data.

What is not as it should be is a ValueError. It must never touch a file.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, assert_never, get_args

from improv.music.notes import Event, NoteEvent, NoteOff, NoteOn, Program, Timed, Volume
from improv.music.parts import Part
from improv.protocol.commands import Command
from improv.protocol.json_codec import from_json

_COMMANDS: Mapping[str, type] = MappingProxyType({kind.__name__: kind for kind in get_args(Command)})


def plain_note(timed: Timed) -> list[Any]:
    """Return a note that was heard: its time in seconds, the note, and its tick where that is known."""
    known = [] if timed.tick is None else [timed.tick]
    return [timed.time_s, *plain_event(timed.event), *known]


def plain_event(event: Event) -> tuple[str | int, ...]:
    """Return what was played: its kind, part and numbers."""
    match event:
        case NoteOn(part, pitch, velocity):
            return "on", part, pitch, velocity
        case NoteOff(part, pitch):
            return "off", part, pitch
        case Volume(part, level):
            return "volume", part, level
        case Program(part, number):
            return "program", part, number
        case _:
            assert_never(event)


def event_of(raw: Sequence[Any]) -> Event:
    """Return what was played, from what `plain_event` makes of it."""
    match raw:
        case ["volume", str(part), int(level)] if 0 <= level < 128:
            return Volume(Part(part), level)
        case ["program", str(part), int(number)] if 0 <= number < 128:
            return Program(Part(part), number)
        case _:
            return _note(raw)


def timed_of(raw: Sequence[Any]) -> Timed:
    """Return a note that was heard; what follows it is its tick, where that was known."""
    at, *note = raw
    known = len(note) - (4 if note[:1] == ["on"] else 3)
    if known > 0:
        return Timed(from_json(float, at), _note(note[:-known]), from_json(int, note[-1]))
    return Timed(from_json(float, at), _note(note))


def _note(raw: Sequence[Any]) -> NoteEvent:
    match raw:
        case ["on", str(part), int(pitch), int(velocity)] if 0 <= pitch < 128 and 0 < velocity < 128:
            return NoteOn(Part(part), pitch, velocity)
        case ["off", str(part), int(pitch)] if 0 <= pitch < 128:
            return NoteOff(Part(part), pitch)
        case _:
            raise ValueError(f"{str(raw)[:40]} is no note")


def command_of(raw: Mapping[str, Any]) -> Command:
    """Return a command, from its name and what it was given."""
    [(name, given)] = raw.items() if isinstance(raw, dict) else [("", {})]
    if name not in _COMMANDS:
        raise ValueError(f"{name!r} is no command")
    command: Command = from_json(_COMMANDS[name], given)
    return command


def tick_of(raw: Any) -> float:
    """Return a tick: a whole one, or one with a fraction, as drummers play."""
    number: float = from_json(int if type(raw) is int else float, raw)
    return number
