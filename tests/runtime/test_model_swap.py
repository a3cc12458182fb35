"""Another network takes over while it plays: real processes, no ports."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from improv.config.values import Tune, Wiring
from improv.music.grid import EIGHTHS, Grid
from improv.music.turns import Mode
from improv.protocol.commands import Command, Quit, Set
from improv.protocol.snapshot import How
from improv.recording import Head, Journal, Recording, State, read_take
from improv.recording.replay import check
from improv.runtime.ipc_messages import Begin, Prepared, StepReport
from improv.runtime.live_status import LiveStatus
from improv.runtime.model_swap import ModelSwap
from improv.runtime.supervisor import Supervisor
from improv.session.fallback import LATE
from tests.ports.programs import children
from tests.runtime.test_supervisor import only

STEPS_BETWEEN = 16
"""So long a thing that has been done is let show before the next."""


class Listener:
    """Has things done one after another, each some steps after the one before has shown, and records what happens."""

    def __init__(self, takes: Path, *script: tuple[Command | str, Callable[["Listener"], object]]) -> None:
        self.status = LiveStatus()
        self.supervisor: Supervisor | None = None
        self.reports: list[StepReport] = []
        self.remarks: list[str] = []
        self._takes = takes
        self._script = list(script)
        self._shown: Callable[[Listener], object] = lambda listener: True
        self._next_step: int | None = None
        self._journal: Journal | None = None

    @property
    def model(self) -> str:
        """The network that has played last."""
        return self.reports[-1].seen.system.network.model

    @property
    def recording(self) -> Recording:
        """The take."""
        assert self._journal is not None
        assert self._journal.path is not None
        self._journal.end("over")
        self._journal.__exit__(None, None, None)
        return read_take(self._journal.path)

    def begun(self, head: Head) -> None:
        self._journal = Journal(self._takes, head).__enter__()

    def step_reported(self, report: StepReport) -> None:
        self.reports.append(report)
        if report.entry is not None and self._journal is not None:
            self._journal.append(report.entry)

    wants_state = False

    def state_reported(self, state: State) -> None: ...

    def lost(self, count: int, why: str) -> None: ...

    def changed(self) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def controller_moved(self, time_s: float, message: bytes) -> str:
        raise AssertionError

    def lights_reset(self) -> None:
        raise AssertionError

    def picked(self, end: str, name: str, api: str) -> str:
        raise AssertionError

    def readables(self) -> list[Any]:
        return []

    def poll(self) -> list[Command]:
        if not self.reports:
            return []
        step = self.reports[-1].seen.step
        if self._next_step is None and self._shown(self):
            self._next_step = step + STEPS_BETWEEN
        if self._next_step is None or step < self._next_step:
            return []
        if not self._script:
            return [Quit()]
        what, self._shown = self._script.pop(0)
        self._next_step = None
        if isinstance(what, str):
            os.kill(children(os.getpid())[what], signal.SIGKILL)
            return []
        return [what]


def plays(model: str) -> Callable[[Listener], bool]:
    """Whether a network has taken over."""
    return lambda listener: listener.model == model


def performed(listener: Listener, model: str = "eck2002-blues") -> list[str]:
    """Play; the network at each step."""
    tune = Tune.of(model=model, tempo=400, count_in=0)
    with Supervisor(tune, Wiring(api="none"), listener) as listener.supervisor:
        interfaces = only(listener, listener.supervisor)
        assert listener.supervisor.ready(interfaces) is not None
        listener.supervisor.play(Begin(Mode.SOLO, 1), interfaces)
    return [report.seen.system.network.model for report in listener.reports]


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the children")


def test_another_network_takes_over_on_a_step_and_in_its_place(tmp_path: Path) -> None:
    listener = Listener(tmp_path, (Set("model", "eck2002-chords"), plays("eck2002-chords")))
    models = performed(listener)
    assert {*models} == {"eck2002-blues", "eck2002-chords"}
    assert models[-1] == "eck2002-chords"
    assert listener.supervisor is not None
    assert listener.status.now.engine_deaths == 0
    entries = listener.recording.entries
    assert list(dict.fromkeys(entry.step for entry in entries)) == [*range(entries[-1].step + 1)]
    assert {told.seen.health.fault for told in listener.reports} <= {"", LATE}  # which a busy machine may make it
    assert How.IDLE not in {entry.how for entry in entries}
    assert [bool(entry.model) for entry in entries].count(True) == 1


def test_a_take_in_which_the_network_changed_replays_bit_for_bit(tmp_path: Path) -> None:
    listener = Listener(
        tmp_path,
        (Set("model", "eck2002-chords"), plays("eck2002-chords")),
        (Set("model", "eck2002-blues"), plays("eck2002-blues")),
    )
    models = performed(listener)
    assert [models[0], models[-1]] == ["eck2002-blues", "eck2002-blues"]
    recording = listener.recording
    assert sum(bool(entry.model) for entry in recording.entries) == 2
    assert check(next(tmp_path.glob("*.take"))).recording.entries == recording.entries


def test_a_network_that_cannot_be_loaded_changes_nothing(tmp_path: Path) -> None:
    listener = Listener(tmp_path, (Set("model", "nobody"), lambda listener: listener.remarks))
    assert {*performed(listener)} == {"eck2002-blues"}
    assert any("nobody" in remark for remark in listener.remarks)


def test_an_engine_that_dies_after_the_change_is_replaced_with_the_new_network(tmp_path: Path) -> None:
    listener = Listener(
        tmp_path,
        (Set("model", "eck2002-chords"), plays("eck2002-chords")),
        ("engine", lambda listener: listener.supervisor and listener.status.now.engine_deaths),
    )
    models = performed(listener)
    assert models[-1] == "eck2002-chords"
    assert listener.supervisor is not None
    assert listener.status.now.engine_deaths == 1


@pytest.mark.parametrize(("grid", "swaps"), [(EIGHTHS, False), (Grid(4), True)])
def test_a_network_of_another_grid_plays_only_from_the_beginning(
    grid: Grid, swaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    killed: list[str] = []
    link = SimpleNamespace(send=lambda _: True, receive=lambda: [Prepared("sixteenths", grid=Grid(4))])
    child = SimpleNamespace(link=link, gone=False, kill=lambda: killed.append("sixteenths"))
    swap = ModelSwap(LiveStatus(), said.append)
    monkeypatch.setattr(swap.process, "_make", lambda: child)
    swap.request("eck2002-blues", Tune.of(model="partner"))
    swap.process.receive()
    assert (swap.loaded(grid) is not None) is swaps
    assert not swap.process.running  # it plays, or it has ended
    assert (killed, [text.partition(":")[0] for text in said]) == (
        ([], []) if swaps else (["sixteenths"], ["sixteenths makes 4 steps a beat, this jam 2"])
    )
