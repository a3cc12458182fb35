"""Where commands go: to whom each concerns, checked and answered."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from improv.config.controller_maps import Map
from improv.config.instance import Instance
from improv.control.midi_controllers import Controllers, from_file, to_text
from improv.errors import ImprovError, UsageError
from improv.protocol.commands import Command, Connect, Forget, Learn, Nudge, Set, checked
from improv.protocol.controls import CONTROLS, MODEL, Value, control_named
from improv.protocol.snapshot import Snapshot
from improv.runtime.supervisor import Door, Supervisor
from improv.system.private_files import make_folder
from improv.system.safe_files import read_file

_MOST_LEARNED_BYTES = 1 << 20


class CommandRouter:
    """Where every door asks: it knows who obeys what, where the controls stand, and what a knob means."""

    def __init__(self, supervisor: Supervisor, controllers: Controllers, instance: Instance) -> None:
        self._supervisor = supervisor
        self._controllers = controllers
        self._instance = instance
        self._stands: dict[str, Value] = {}
        self._said = ""
        self._seen: Snapshot | None = None

    @property
    def learning(self) -> str:
        """What the next knob that is moved is going to turn."""
        return self._controllers.learning

    def begin(self) -> None:
        """Have the player tell of the knobs that are bound."""
        self._supervisor.want(self._controllers.wanted)

    def ask(self, command: Command) -> str:
        """Have a command done: a note for whoever asked, or nothing; ImprovError for what cannot be, whatever it is.

        No request ends a jam: what nobody has foreseen is told as a remark besides.
        """
        try:
            return self._done(command)
        except ImprovError:
            raise
        except Exception as error:
            raise ImprovError(self._unforeseen(f"{type(command).__name__} could not be done", error)) from error

    def _unforeseen(self, what: str, error: Exception) -> str:
        text = f"{what}: {_reason(error)}"
        self._supervisor.remark(text)
        return text

    def _done(self, command: Command) -> str:
        command = checked(command)
        match command:
            case Learn() if self._supervisor.system.midi.api in ("", "none"):
                raise UsageError("there is no MIDI system here, and so no knob to learn from")
            case Learn(target):
                note = self._controllers.learn(target)
                self.begin()
                return note
            case Forget(target):
                note = self._controllers.forget(target)
                self._keep_learned()
                return note
            case Connect() if self._supervisor.system.midi.api in ("", "none"):
                raise UsageError("there is no MIDI system here, and so no port")
            case Set(name, value) if name != MODEL.name:
                self._stands[name] = value
            case Nudge(name, by) if name in self._stands:
                self._stands[name] = control_named(name).nudged(self._stands[name], by)
        self._supervisor.ask(command)
        name = command.control if isinstance(command, Set | Nudge) else ""
        system = self._supervisor.system
        return f"{system.network.model} cannot obey {name}" if name in system.network.unsupported_controls else ""

    def stands(self, name: str) -> Value:
        """Where a control stands, as far as is known here: what was asked for last, until it is seen elsewhere."""
        return self._stands.get(name, control_named(name).default)

    def show(self, seen: Snapshot) -> None:
        """Take in where the controls stand now, and light the knobs."""
        before, self._seen = self._seen, seen
        for name in CONTROLS:
            if before is None or seen.value(name) != before.value(name):
                self._stands[name] = seen.value(name)
        self._light()

    def darkened(self) -> None:
        """Tell the lights all of it again."""
        self._controllers.forget_lights()
        if self._seen is not None:
            self._light()

    def _light(self) -> None:
        self._supervisor.light(self._controllers.lights(self.stands, time.monotonic()))

    def turned(self, time_s: float, message: bytes) -> str:
        """A knob, a key or a pedal was moved: what there is to say of it."""
        learned, learning, notes = self._controllers.learned, self._controllers.learning, list[str]()
        try:
            for command in self._controllers.turned(message, self.stands, time_s):
                with _noted(notes):
                    notes.append(self.ask(command))
            if self._controllers.learned != learned or (learning and not self._controllers.learning):
                self._keep_learned()
        except Exception as error:
            return self._unforeseen("a controller could not be obeyed", error)
        said, self._said = self._said, self._controllers.remark or next(filter(None, notes), "")
        return self._said if self._said != said else ""  # a knob says a thing once

    def _keep_learned(self) -> None:
        self.begin()
        with suppress(OSError):
            make_folder(self._instance.learned.parent)
            self._instance.learned.write_text(to_text(self._controllers.learned), encoding="utf-8")


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Have what cannot be done stand among the notes."""
    try:
        yield
    except ImprovError as error:
        notes.append(str(error))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


class GuardedInterface:
    """A door that fails alone: it is told, and whoever else asks is heard all the same."""

    def __init__(self, door: Door, say: Callable[[str], None]) -> None:
        self._door = door
        self._say = say
        self._failure = ""

    def poll(self) -> Sequence[Command]:
        """What is asked for at the door; nothing if it has failed, which is told once."""
        try:
            asked = self._door.poll()
        except Exception as error:
            failure, self._failure = self._failure, f"an interface has failed: {_reason(error)}"
            if self._failure != failure:
                self._say(self._failure)
            return ()
        self._failure = ""
        return asked

    def wakers(self) -> Sequence[Any]:
        """Those of the door, unless it has failed: it would be woken for ever."""
        if self._failure:
            return ()
        try:
            return self._door.wakers()
        except Exception as error:
            self._failure = f"an interface has failed: {_reason(error)}"
            self._say(self._failure)
            return ()


class RouterInterface:
    """A door whose visitors ask at the desk, and are told what it says."""

    def __init__(self, door: Door, desk: CommandRouter, say: Callable[[str], None]) -> None:
        self._door = door
        self._desk = desk
        self._say = say

    def poll(self) -> Sequence[Command]:
        """Nothing: what is asked for is done already."""
        for command in self._door.poll():
            notes = list[str]()
            with _noted(notes):
                notes.append(self._desk.ask(command))
            for note in filter(None, notes):
                self._say(note)
        return ()

    def wakers(self) -> Sequence[Any]:
        """Those of the door."""
        return self._door.wakers()


def learned_maps(instance: Instance, say: Callable[[str], None]) -> tuple[Map, ...]:
    """What was learned from controllers before; nothing, where nothing can be read, which is said."""
    try:
        return from_file(read_file(instance.learned, _MOST_LEARNED_BYTES))
    except FileNotFoundError:
        return ()
    except (OSError, ImprovError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        say(f"{instance.learned}: {reason}")
        return ()
