"""Each command goes to what it concerns, and to nothing else."""

from typing import Any, get_args

import pytest

from improv.control.midi_controllers import Controllers
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
from improv.protocol.snapshot import MidiStatus, NetworkStatus, SystemStatus
from improv.runtime.live_status import LiveStatus
from improv.runtime.router import CommandRouter

CONCERNS: list[tuple[Command, list[Any]]] = [
    (Set("tempo", 90), [("engine.submit", Set("tempo", 90.0))]),
    (Nudge("tempo", 4), [("engine.submit", Nudge("tempo", 4))]),
    (Tap(1.0), [("engine.submit", Tap(1.0))]),
    (Start(), [("engine.submit", Start())]),
    (Stop(), [("engine.submit", Stop())]),
    (Restart(), [("engine.submit", Restart())]),
    (HandOver(), [("engine.submit", HandOver())]),
    (Set("thru", "on"), [("player.pass_on", True)]),
    (Nudge("thru", 1), [("player.pass_on", True)]),
    (Connect("output", "oboe"), [("player.connect", Connect("output", "oboe"))]),
    (Press(60, 80), [("player.send", Press(60, 80))]),
    (Panic(), [("panic",)]),
    (Quit(), [("quit",)]),
    (Set("model", "partner"), [("swap_model", "partner")]),
    (Learn("tempo"), [("player.report_controllers",)]),
    (Forget("tempo"), [("player.report_controllers",)]),
]


STATUS = SystemStatus(
    midi=MidiStatus(api="jack"), network=NetworkStatus(model="partner", unsupported_controls=("density",))
)


class Recorder:
    """A supervisor, its player and its engine: what each is asked for."""

    passes_on = False

    def __init__(self, name: str = "", calls: list[Any] | None = None) -> None:
        self.calls: list[Any] = [] if calls is None else calls
        self._name = name
        if not name:
            self.status = LiveStatus()
            self.status.add(lambda status: STATUS)
            self.player, self.engine = Recorder("player.", self.calls), Recorder("engine.", self.calls)

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **named: Any) -> None:
            known = [] if name == "report_controllers" else [*values, *named.values()]
            self.calls.append((f"{self._name}{name}", *known))

        return call


@pytest.mark.parametrize(("command", "calls"), CONCERNS, ids=lambda value: type(value).__name__)
def test_a_command_goes_to_what_it_concerns(command: Command, calls: list[Any]) -> None:
    supervisor: Any = Recorder()
    CommandRouter(supervisor, Controllers(())).submit(command)
    assert supervisor.calls == calls


def test_every_command_is_here() -> None:
    assert {type(command) for command, _ in CONCERNS} == set(get_args(Command))


def test_a_control_that_the_network_cannot_obey_is_turned_and_a_note_says_so() -> None:
    supervisor: Any = Recorder()
    router = CommandRouter(supervisor, Controllers(()))
    assert router.submit(Set("density", 0.5)) == "partner cannot obey density"
    assert router.submit(Set("tempo", 90)) == ""
    assert [name for name, _ in supervisor.calls] == ["engine.submit"] * 2
