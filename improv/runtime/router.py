"""The command router: each command to what it concerns. This is the one place where that is decided."""

from pathlib import Path
from typing import assert_never

from improv.control.midi_controllers import Controllers
from improv.errors import ImprovError, UsageError
from improv.protocol.commands import (
    Command,
    Connect,
    Forget,
    HandOver,
    Learn,
    Nudge,
    Panic,
    Press,
    Quit,
    Restart,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.control import ON
from improv.protocol.controls import MODEL, THRU
from improv.runtime.interfaces import reason
from improv.runtime.live_controllers import LiveControllers
from improv.runtime.supervisor import Supervisor


class CommandRouter:
    """Gives each command to the player, the engine, the supervisor or the controllers. Interfaces submit them here."""

    def __init__(self, supervisor: Supervisor, controllers: Controllers, learned: Path | None = None) -> None:
        self.controllers = LiveControllers(controllers, learned, supervisor, self.submit)
        """What the knobs, keys and pedals of MIDI controllers mean; `learned` is the file of what was learned."""
        self._supervisor = supervisor

    def submit(self, command: Command) -> str:
        """Carry out a command; return a note on it or "". ImprovError if it cannot be done.

        An unexpected error becomes an ImprovError and a remark: no command ends a jam.
        """
        try:
            return self._route(command)
        except ImprovError:
            raise
        except Exception as error:
            text = f"{type(command).__name__} could not be done: {reason(error)}"
            self._supervisor.remark(text)
            raise ImprovError(text) from error

    def _route(self, command: Command) -> str:  # noqa: PLR0912 a case for each kind of command
        supervisor, player, engine = self._supervisor, self._supervisor.player, self._supervisor.engine
        match command:
            case Learn(target):
                self._needs_midi("no knob to learn from")
                return self.controllers.learn(target)
            case Forget(target):
                return self.controllers.forget(target)
            case Quit():
                supervisor.quit()
            case Panic():
                supervisor.panic()
            case Connect():
                self._needs_midi("no port")
                player.connect(command)
            case Press():
                player.send(command)
            case Set(MODEL.name, value):
                supervisor.swap_model(str(value))
            case Set(THRU.name, value):
                player.pass_on(on=value == ON)
                self.controllers.expect(THRU.name, value)
            case Nudge(THRU.name, by):
                player.pass_on(on=not player.passes_on)
                self.controllers.expect_moved(THRU.name, by)
            case Set(name, value):
                engine.submit(command)
                self.controllers.expect(name, value)
                return self._note_on(name)
            case Nudge(name, by):
                engine.submit(command)
                self.controllers.expect_moved(name, by)
                return self._note_on(name)
            case Tap() | Start() | Stop() | Restart() | HandOver():
                engine.submit(command)
            case _:
                assert_never(command)
        return ""

    def _needs_midi(self, lack: str) -> None:
        """Raise UsageError where there is no MIDI system."""
        if self._supervisor.status.now.midi.api in ("", "none"):
            raise UsageError(f"there is no MIDI system here, and so {lack}")

    def _note_on(self, name: str) -> str:
        """Return that the network that plays cannot obey a control, if it cannot."""
        network = self._supervisor.status.now.network
        return f"{network.model} cannot obey {name}" if name in network.unsupported_controls else ""
