"""Controllers for tests, and controls that obey them: at once, or with the next step."""

from collections.abc import Sequence

from improv.config.controller_maps import Map
from improv.control.midi_controllers import Controllers
from improv.protocol.commands import Command, Nudge, Set
from improv.protocol.control import Value
from improv.protocol.controls import CONTROLS

KNOB, PAD, PEDAL, PATCH = 21, 36, 64, 5


def cc(number: int, value: int, channel: int = 1) -> bytes:
    return bytes((0xB0 | channel - 1, number, value))


def key(pitch: int, velocity: int = 100, channel: int = 1) -> bytes:
    return bytes((0x90 | channel - 1, pitch, velocity))


def patch(number: int, channel: int = 1) -> bytes:
    return bytes((0xC0 | channel - 1, number))


def knob(target: str, number: int = KNOB, channel: int | None = None, jump: bool = False) -> Map:
    return Map(kind="cc", number=number, channel=channel, target=target, takeover="jump" if jump else "pickup")


class Rig:
    """Controllers, and controls that obey: at once, or with the next step."""

    def __init__(self, *maps: Map, learned: Sequence[Map] = (), by_step: bool = False) -> None:
        self.controllers = Controllers(maps, learned)
        self.stood: dict[str, Value] = {name: control.default for name, control in CONTROLS.items()}
        self.now_s = 0.0
        self._by_step = by_step
        self._asked: list[Command] = []

    def move(self, message: bytes, after_s: float = 0.01) -> list[Command]:
        self.now_s += after_s
        commands = self.controllers.commands_for(message, self.stood.__getitem__, self.now_s)
        self._asked += commands
        if not self._by_step:
            self.step()
        return commands

    def turn(self, *values: int, number: int = KNOB) -> list[Value]:
        """Move a knob through positions: what its control was set to."""
        commands = [command for value in values for command in self.move(cc(number, value))]
        return [command.value for command in commands if isinstance(command, Set)]

    def step(self) -> None:
        for command in self._asked:
            match command:
                case Set(name, value):
                    self.stood[name] = CONTROLS[name].checked(value)
                case Nudge(name, by):
                    self.stood[name] = CONTROLS[name].nudged(self.stood[name], by)
        self._asked.clear()

    def lights(self, after_s: float = 1.0) -> list[bytes]:
        self.now_s += after_s
        return self.controllers.light_messages(self.stood.__getitem__, self.now_s)


def at(control: str, position: int) -> Value:
    return CONTROLS[control].scaled(position / 127)
