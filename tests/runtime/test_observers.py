"""What clients see while a controller is being learned."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from improv.control.midi_controllers import Controllers
from improv.errors import UsageError
from improv.protocol.commands import Learn
from improv.protocol.snapshot import MidiStatus, Snapshot
from improv.runtime.observers import Audience
from improv.runtime.router import CommandRouter
from tests.cli.fake_daemon import SEEN


def test_clients_see_what_is_learned_and_without_midi_nothing_is() -> None:
    audience, apis = Audience(SimpleNamespace(), print), ["jack"]
    audience.status.add(lambda status: replace(status, midi=MidiStatus(api=apis[-1])))
    there: Any = SimpleNamespace(status=audience.status, player=SimpleNamespace(report_controllers=print), engine=None)
    shown: list[Snapshot] = []
    router = CommandRouter(there, Controllers(()))
    audience.watched_by = [SimpleNamespace(show=shown.append)]
    audience.last = SimpleNamespace(seen=SEEN)  # type: ignore[assignment]
    for target in ("tempo", ""):
        router.submit(Learn(target))
        audience.changed()
    assert [seen.system.learning for seen in shown] == ["tempo", ""]
    apis.append("none")
    with pytest.raises(UsageError, match="no knob to learn from"):
        router.submit(Learn("tempo"))
