"""The interfaces through which commands come, served in turn while it plays. One that fails, fails alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from improv.errors import ImprovError
from improv.protocol.commands import Command


class Interface(Protocol):
    """A way in for commands: keys, signals, a control socket."""

    def poll(self) -> Sequence[Command]:
        """Return the commands that have arrived, without waiting; not those the interface has submitted itself."""
        ...

    def readables(self) -> Sequence[Any]:
        """Return the sockets and files that become readable when commands arrive."""
        ...


class Interfaces:
    """All interfaces, and what else is done now and then while it plays.

    `submit` has a command done, and returns a note or raises ImprovError; `say` shows either, and what fails.
    """

    def __init__(self, submit: Callable[[Command], str], say: Callable[[str], None]) -> None:
        self._submit, self._say = submit, say
        self._interfaces: list[Interface] = []
        self._tasks: list[Callable[[], object]] = []
        self._failures: dict[int, str] = {}
        """Why an interface or a task has failed, as was said."""

    def add(self, interface: Interface) -> None:
        """Poll an interface from now on."""
        self._interfaces.append(interface)

    def add_tasks(self, *tasks: Callable[[], object]) -> None:
        """Call these functions each time the interfaces are polled; they must return at once."""
        self._tasks += tasks

    def poll(self) -> None:
        """Submit the commands that have arrived at all interfaces, and run the tasks."""
        for interface in self._interfaces:
            with self._alone(interface):
                for command in interface.poll():
                    self._asked(command)
        for task in self._tasks:
            with self._alone(task):
                task()

    def readables(self) -> list[Any]:
        """Return the sockets and files of all interfaces that have not failed."""
        readables: list[Any] = []
        for interface in self._interfaces:
            if id(interface) not in self._failures:
                try:
                    readables += interface.readables()
                except Exception as error:
                    self._failed(interface, error)
        return readables

    def _asked(self, command: Command) -> None:
        try:
            note = self._submit(command)
        except ImprovError as error:
            note = str(error)
        if note:
            self._say(note)

    @contextmanager
    def _alone(self, which: object) -> Iterator[None]:
        """Say what fails, once; the others are served all the same."""
        try:
            yield
        except Exception as error:
            self._failed(which, error)
        else:
            self._failures.pop(id(which), None)

    def _failed(self, which: object, error: Exception) -> None:
        failure = f"an interface has failed: {reason(error)}"
        if self._failures.get(id(which)) != failure:
            self._failures[id(which)] = failure
            self._say(failure)


def reason(error: Exception) -> str:
    """Return the class and message of an unexpected exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
