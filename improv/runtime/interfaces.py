"""The interfaces through which commands come, served in turn while it plays. One that fails, fails alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from improv.errors import ImprovError
from improv.protocol.commands import Command


class Interface(Protocol):
    """A way in for commands: keys, signals, a control socket."""

    def poll(self) -> Sequence[Command]:
        """Return the commands that have come and have not been asked for yet; returns at once."""
        ...

    def readables(self) -> Sequence[Any]:
        """Return the sockets and files that become readable when there is something to ask for."""
        ...


class Interfaces:
    """All of them, and what else is to be done now and then while it plays.

    `submit` has a command done, and returns a note or raises an ImprovError; `say` tells of either, and of what fails.
    """

    def __init__(self, submit: Callable[[Command], str], say: Callable[[str], None]) -> None:
        self._submit, self._say = submit, say
        self._interfaces: list[Interface] = []
        self._chores: list[Callable[[], object]] = []
        self._failures: dict[int, str] = {}
        """Why an interface or a chore has failed, as was said."""

    def add(self, interface: Interface) -> None:
        """Serve an interface from now on."""
        self._interfaces.append(interface)

    def also(self, *chores: Callable[[], object]) -> None:
        """Call these from now on whenever the interfaces are served: they return at once."""
        self._chores += chores

    def poll(self) -> None:
        """Have done what is asked for now, and what else is to be done."""
        for interface in self._interfaces:
            with self._alone(interface):
                for command in interface.poll():
                    self._asked(command)
        for chore in self._chores:
            with self._alone(chore):
                chore()

    def readables(self) -> list[Any]:
        """What becomes readable when something is asked for. One that has failed is left out: it may be so for ever."""
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
    """What an exception that nothing was prepared for says, in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
