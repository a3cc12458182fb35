"""What clients see while a controller is being learned."""

from types import SimpleNamespace

import pytest

from improv.config.instance import Instance
from improv.control.midi_controllers import Controllers
from improv.errors import UsageError
from improv.protocol.commands import Learn
from improv.protocol.snapshot import MidiStatus, Snapshot, SystemStatus
from improv.runtime.observers import Audience
from improv.runtime.router import CommandRouter
from tests.cli.fake_daemon import SEEN


def test_whoever_watches_sees_what_is_learned_and_without_midi_nothing_is() -> None:
    there = SimpleNamespace(system=SystemStatus(midi=MidiStatus(api="jack")), want=lambda wanted: None)
    shown: list[Snapshot] = []
    audience = Audience(SimpleNamespace(), print)
    audience.desk = CommandRouter(there, Controllers(()), Instance())  # type: ignore[arg-type]
    audience.watched_by = [SimpleNamespace(show=shown.append)]
    audience.last = SimpleNamespace(seen=SEEN)  # type: ignore[assignment]
    for target in ("tempo", ""):
        audience.desk.ask(Learn(target))
        audience.changed(there.system)
    assert [seen.system.learning for seen in shown] == ["tempo", ""]
    there.system = SystemStatus(midi=MidiStatus(api="none"))
    with pytest.raises(UsageError, match="no knob to learn from"):
        audience.desk.ask(Learn("tempo"))
