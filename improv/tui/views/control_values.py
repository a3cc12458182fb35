"""Where the controls stand: as the daemon shows them, or as they were asked for until that is seen.

No value is shown that was refused, and none for ever that the daemon did not take.
"""

from improv.dataclass import dataclass
from improv.protocol.control import Control, Value
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot

_PATIENCE = 4.0
"""How many steps a value that was asked for may take until it is seen."""

_STOPPED = 0.25
"""How much of a step a snapshot counts while playing is stopped: there is one for each command."""


@dataclass(frozen=True, slots=True)
class _Request:
    value: Value
    steps_left: float


class ControlValues:
    """The values of all controls."""

    def __init__(self) -> None:
        self._shown: dict[str, Value] = {}
        self._numbers: dict[str, Value] = {}
        self._requests: dict[str, _Request] = {}
        self._step = 0
        self.unsupported: tuple[str, ...] = ()
        """The controls that the network cannot obey."""

    @property
    def are_known(self) -> bool:
        """True once a snapshot has been seen."""
        return bool(self._shown)

    def value(self, control: Control) -> Value:
        """Return the value of a control, or the one asked for; its default before the first snapshot."""
        request = self._requests.get(control.name)
        return self._shown.get(control.name, control.default) if request is None else request.value

    def number(self, control: Control) -> Value:
        """Return the value of a control, and the number in force where it is a word that stands for one."""
        value = self.value(control)
        return self._numbers.get(control.name, control.low) if value in control.words else value

    def take(self, seen: Snapshot) -> bool:
        """Take in a snapshot; return whether any value changed."""
        before = (self._shown, self._numbers, self.unsupported, self._requested)
        shown = {name: seen.value(name) for name in CONTROLS}
        passed = abs(seen.step - self._step) if seen.playing else _STOPPED
        self._requests = {
            name: _Request(request.value, request.steps_left - passed)
            for name, request in self._requests.items()
            if request.value != shown[name] and request.steps_left > passed
        }
        self._step, self._shown, self.unsupported = seen.step, shown, seen.system.network.unsupported_controls
        self._numbers = {name: seen.number(name) for name, control in CONTROLS.items() if control.words}
        return before != (self._shown, self._numbers, self.unsupported, self._requested)

    def request(self, control: Control, value: Value) -> bool:
        """Show a value that was asked for; return whether it differs from the present one."""
        is_new = value != self.value(control)
        if is_new:
            self._requests[control.name] = _Request(value, _PATIENCE)
        return is_new

    def refuse(self, control: str) -> bool:
        """Take back a value asked for, by the control's name; return whether there was one."""
        return self._requests.pop(control, None) is not None

    def refuse_all(self) -> None:
        """Take back all values asked for, as the daemon has gone."""
        self._requests.clear()

    @property
    def _requested(self) -> dict[str, Value]:
        return {name: request.value for name, request in self._requests.items()}
