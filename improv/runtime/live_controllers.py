"""The knobs, keys and pedals of MIDI controllers while it plays: what they turn, and what their lights show.

What is learned is kept in a file. It submits commands like any interface, and must never turn anything by itself.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from improv.config.controller_maps import Map
from improv.config.instance import Instance
from improv.control.midi_controllers import Controllers, from_file, to_text
from improv.errors import ImprovError
from improv.protocol.commands import Command
from improv.protocol.control import Value
from improv.protocol.controls import CONTROLS, control_named
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.runtime.interfaces import reason
from improv.runtime.ipc_messages import Lights
from improv.runtime.supervisor import Supervisor
from improv.system.private_files import make_folder
from improv.system.safe_files import read_file

_MOST_LEARNED_BYTES = 1 << 20


class LiveControllers:
    """Submits what moved knobs mean, has the player report those that are bound, and keeps what was learned."""

    def __init__(
        self, controllers: Controllers, learned: Path | None, supervisor: Supervisor, submit: Callable[[Command], str]
    ) -> None:
        self._controllers = controllers
        self._learned = learned
        self._supervisor = supervisor
        self._submit = submit
        self._expected: dict[str, Value] = {}
        self._seen: Snapshot | None = None
        self._note = ""
        """The last note on a knob: it is shown once."""
        supervisor.status.add(self._status_of_controllers)

    def watch_bound(self) -> None:
        """Tell the player which controllers are bound, so that it reports them."""
        self._supervisor.player.report_controllers(self._controllers.controller_filter)

    def learn(self, target: str) -> str:
        """Bind the next knob that moves to a target; return a note for the user."""
        note = self._controllers.learn(target)
        self.watch_bound()
        return note

    def forget(self, target: str) -> str:
        """Unbind all knobs from a target; return a note for the user."""
        note = self._controllers.forget(target)
        self._keep_learned()
        return note

    def _status_of_controllers(self, status: SystemStatus) -> SystemStatus:
        return replace(status, learning=self._controllers.learning)

    # --- where the controls stand -----------------------------------------------------------------

    def expected_value(self, name: str) -> Value:
        """Return the value of a control: the last one submitted, until a snapshot shows another."""
        return self._expected.get(name, control_named(name).default)

    def expect(self, name: str, value: Value) -> None:
        """Note that a control will have a value that was submitted."""
        self._expected[name] = value

    def expect_moved(self, name: str, by: float) -> None:
        """Note that a control will be moved by an amount, if its value is known."""
        if name in self._expected:
            self._expected[name] = control_named(name).nudged(self._expected[name], by)

    def show(self, seen: Snapshot) -> None:
        """Take in the controls' values from a snapshot, and light the knobs."""
        before, self._seen = self._seen, seen
        for name in CONTROLS:
            if before is None or seen.number(name) != before.number(name):
                self._expected[name] = seen.number(name)
        self._light()

    def lights_reset(self) -> None:
        """Send all lights again."""
        self._controllers.invalidate_lights()
        if self._seen is not None:
            self._light()

    def _light(self) -> None:
        if lights := self._controllers.light_messages(self.expected_value, time.monotonic()):
            self._supervisor.player.send(Lights(list(lights)))

    # --- moved ------------------------------------------------------------------------------------

    def controller_moved(self, time_s: float, message: bytes) -> str:
        """Submit the commands of a moved knob, key or pedal, at a time in seconds; return a note or ""."""
        try:
            note = self._moved(time_s, message)
        except Exception as error:
            text = f"a controller could not be obeyed: {reason(error)}"
            self._supervisor.remark(text)
            return text
        before, self._note = self._note, note
        return note if note != before else ""

    def _moved(self, time_s: float, message: bytes) -> str:
        learned, learning, notes = self._controllers.learned, self._controllers.learning, list[str]()
        for command in self._controllers.commands_for(message, self.expected_value, time_s):
            try:
                notes.append(self._submit(command))
            except ImprovError as error:
                notes.append(str(error))
        if self._controllers.learned != learned or (learning and not self._controllers.learning):
            self._keep_learned()
        return self._controllers.remark or next(filter(None, notes), "")

    def _keep_learned(self) -> None:
        self.watch_bound()
        if self._learned is None:
            return
        with suppress(OSError):
            make_folder(self._learned.parent)
            self._learned.write_text(to_text(self._controllers.learned), encoding="utf-8")


def learned_maps(instance: Instance, say: Callable[[str], None]) -> tuple[Map, ...]:
    """Return the maps learned earlier; none if the file cannot be read, which is reported through `say`."""
    try:
        return from_file(read_file(instance.learned, _MOST_LEARNED_BYTES))
    except FileNotFoundError:
        return ()
    except (OSError, ImprovError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        say(f"{instance.learned}: {why}")
        return ()
