"""Whichever of improv's processes dies, the music goes on in its place; real processes, no ports.

What is heard of it is judged over real ports in tests/ports. Here it is what is recorded.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from improv.config.values import Tune, Wiring
from improv.control.midi_controllers import Controllers
from improv.errors import Unavailable
from improv.music.notes import NoteOn
from improv.music.parts import Part
from improv.music.turns import Mode
from improv.protocol.commands import Command, Connect, Nudge, Quit, Set
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import How
from improv.recording import Entry, Head, Recording, State, find_take, read_take
from improv.recording.replay import check
from improv.runtime.interfaces import Interface, Interfaces
from improv.runtime.ipc_messages import Alive, Begin, Ended, Moved, Opened, StepReport, TakeOver
from improv.runtime.live_status import LiveStatus
from improv.runtime.managed_process import ManagedProcess
from improv.runtime.router import CommandRouter
from improv.runtime.supervised_player import SupervisedPlayer
from improv.runtime.supervisor import Supervisor
from tests.control.socket.conftest import SEEN
from tests.ports.patience import ATTEMPTS, eventually
from tests.ports.programs import children

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the children")

JAM = "jam --api none --mode solo --tempo 400 --count-in 0 --seed 5 --save jam.mid"
UNHURRIED = JAM.replace("400", "120")
"""Slow enough that the network is in time for every step on a machine that is busy."""

ENGINE, PLAYER = "engine", "player"


class Jam:
    """A running jam and its processes."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path) -> None:
        self.process = process
        self._out = out

    def child(self, program: str) -> int:
        """The process number of its engine or player, 0 if there is none."""
        return children(self.process.pid).get(program, 0)

    @property
    def said(self) -> list[str]:
        """The lines it has printed."""
        return self._out.read_text().splitlines()

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it has said something."""
        eventually(lambda: sum(text in line for line in self.said) >= times, f"{text!r} in {self.said}")

    def another(self, program: str, than: int) -> int:
        """The process that has taken another one's place."""
        eventually(lambda: self.child(program) not in (0, than), f"another {program}")
        return self.child(program)

    def end(self) -> list[str]:
        """Ask it to stop; what it has said in the end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        return self.said


@pytest.fixture
def jam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jam]]:
    monkeypatch.chdir(tmp_path)
    started: list[subprocess.Popen[bytes]] = []

    def start(line: str = JAM) -> Jam:
        out = tmp_path / "out.txt"
        with out.open("wb") as written:
            command = [sys.executable, "-u", "-m", "improv", *shlex.split(line)]
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written))
        running = Jam(started[-1], out)
        running.says("bar 2")
        return running

    yield start
    for process in started:
        process.kill()
        process.wait()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does not run for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGCONT)


def taken(takes: Path) -> Recording:
    """What was recorded, which comes out the same when it is decided again."""
    path = find_take("last", takes)
    checked = check(path)
    recording = checked.recording
    assert (recording, checked.unchecked) == (read_take(path), 0)
    expected = 0
    for entry in recording.entries[:-1]:  # the last one may close the one before it
        expected += entry.skipped_choruses * CHORUS  # a machine that is busy may miss whole choruses
        assert entry.step == expected
        expected += 1
    return recording


def test_an_engine_that_is_killed_is_back_in_its_place(jam: Callable[..., Jam], takes: Path) -> None:
    running = jam()
    engine, player = running.child(ENGINE), running.child(PLAYER)
    for _ in range(3):
        os.kill(engine, signal.SIGKILL)
        engine = running.another(ENGINE, engine)
        before = sum("bar" in line for line in running.said)
        eventually(lambda before=before: sum("bar" in line for line in running.said) > before + 2, "bars")  # type: ignore[misc]
    assert running.child(PLAYER) == player
    said = running.end()
    assert sum("the engine has died; another takes its place" in line for line in said) == 3
    recording = taken(takes)
    assert recording.ended
    assert [remark.text for remark in recording.remarks] == ["the engine has died; another takes its place"] * 3
    assert {How.FALLBACK, How.SKIPPED} & {entry.how for entry in recording.entries}
    assert {entry.transport for entry in recording.entries} == {recording.head.transport}
    assert all(entry.chord == chord_at(entry.step) for entry in recording.entries)


CHORUS = 12 * 8
STEPS = 3 * 8

BARS = ("C7", "F7", "C7", "C7", "F7", "F7", "C7", "Em7 A7", "Dm7", "G7", "C7", "G7")


def chord_at(step: int) -> str:
    """The model's form, as its chords are written."""
    chords = BARS[step // 8 % 12].split()
    return chords[step % 8 * len(chords) // 8]


def test_a_player_that_is_killed_is_replaced_and_nothing_is_lost(jam: Callable[..., Jam], takes: Path) -> None:
    running = jam(UNHURRIED)
    engine, player = running.child(ENGINE), running.child(PLAYER)
    os.kill(player, signal.SIGKILL)
    running.says("the ports are open again")
    running.says("bar 4")
    assert running.child(ENGINE) == engine
    running.end()
    assert How.NETWORK in {entry.how for entry in taken(takes).entries[STEPS:]}


@pytest.mark.parametrize(("program", "says"), [(PLAYER, "the player is stuck"), (ENGINE, "the engine is stuck")])
def test_what_is_stuck_is_killed_and_replaced(program: str, says: str, jam: Callable[..., Jam], takes: Path) -> None:
    running = jam()
    pid = running.child(program)
    with stopped(pid):
        running.says(says)
        running.another(program, pid)
    said = len(running.said)
    eventually(lambda: len(running.said) > said + 3, "more bars")
    running.end()
    assert taken(takes).entries


def test_when_the_daemon_is_killed_its_children_end_and_the_take_is_whole(jam: Callable[..., Jam], takes: Path) -> None:
    running = jam()
    children = [running.child(ENGINE), running.child(PLAYER)]
    assert all(children)
    running.process.kill()
    running.process.wait()
    eventually(lambda: not any(_runs(child) for child in children), "both children to end")
    recording = taken(takes)
    assert recording.recovered
    assert len(recording.entries) >= 8


def _runs(pid: int) -> bool:
    """Whether a process runs: one that has ended may wait for its parent to ask how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_jam_that_was_disturbed_is_what_it_would_have_been(jam: Callable[..., Jam], takes: Path) -> None:
    """The network's memory survives an engine: with the same seed the same notes are chosen where none was missed."""

    def disturb(running: Jam) -> None:
        os.kill(running.child(PLAYER), signal.SIGKILL)
        running.says("the ports are open again")

    for _ in range(ATTEMPTS):
        undisturbed, disturbed = in_time(jam, takes, lambda running: None), in_time(jam, takes, disturb)
        if min(len(undisturbed), len(disturbed)) == STEPS:
            break
    else:
        pytest.fail("the network was never in time for three bars")
    assert struck(undisturbed) <= struck(disturbed)  # and what was held is struck again by the new player
    assert [entry.chord for entry in undisturbed] == [entry.chord for entry in disturbed]


def in_time(jam: Callable[..., Jam], takes: Path, disturb: Callable[[Jam], None]) -> list[Entry]:
    """The steps of the first three bars of a jam that is disturbed, up to one that the network was too late for.

    Its notes lie on the grid: where a note that is struck again lies bears on where the next one does.
    """
    running = jam(f"{UNHURRIED} --feel 0")
    disturb(running)
    running.says("bar 4")
    running.end()
    entries = taken(takes).entries[:STEPS]
    return [*takewhile(lambda entry: entry.how is How.NETWORK, entries)]


def struck(entries: list[Entry]) -> set[tuple[float, int]]:
    """(tick, pitch) of the melody's onsets."""
    return {
        (placed.tick, placed.event.pitch)
        for entry in entries
        for placed in entry.events
        if isinstance(placed.event, NoteOn) and placed.event.part is Part.MELODY
    }


class Impatient:
    """A player who turns the tempo and kills the engine before it can tell of it."""

    def __init__(self, *, kills: bool = True) -> None:
        self.status = LiveStatus()
        self.supervisor: Supervisor | None = None
        self.tempos: list[float] = []
        self.kills = kills
        self.enough = 17

    def begun(self, head: Head) -> None: ...

    def step_reported(self, report: StepReport) -> None:
        self.tempos.append(report.seen.tempo)

    wants_state = False

    def state_reported(self, state: State) -> None: ...

    def lost(self, count: int, why: str) -> None: ...

    def changed(self) -> None: ...

    def remark(self, text: str) -> None: ...

    def controller_moved(self, time_s: float, message: bytes) -> str:
        return ""

    def lights_reset(self) -> None: ...

    def picked(self, end: str, name: str, api: str) -> str:
        raise AssertionError

    def readables(self) -> list[Any]:
        return []

    def poll(self) -> list[Command]:
        if len(self.tempos) >= 8 and self.kills:  # several may have been told at once
            self.kills, self.enough = False, 1000  # the next engine may have many steps to make up for first
            assert self.supervisor is not None
            self.supervisor.engine.submit(Set("tempo", 90))
            children_ = children(os.getpid())
            os.kill(children_["engine"], signal.SIGKILL)
        return [Quit()] if len(self.tempos) >= self.enough or 90 in self.tempos else []


def test_what_was_asked_of_an_engine_that_died_is_asked_of_the_next() -> None:
    impatient = Impatient()
    tune = Tune.of(model="eck2002-blues", tempo=240, count_in=0)
    with Supervisor(tune, Wiring(api="none"), impatient) as impatient.supervisor:
        interfaces = only(impatient, impatient.supervisor)
        assert impatient.supervisor.ready(interfaces) is not None
        impatient.supervisor.play(Begin(Mode.SOLO, 1), interfaces)
    assert (impatient.tempos[0], impatient.tempos[-1]) == (240, 90)


def test_what_is_asked_before_an_engine_has_begun_is_done_once() -> None:
    patient = Impatient(kills=False)
    tune = Tune.of(model="eck2002-blues", tempo=240, count_in=0)
    with Supervisor(tune, Wiring(api="none"), patient) as supervisor:
        interfaces = only(patient, supervisor)
        assert supervisor.ready(interfaces) is not None
        CommandRouter(supervisor, Controllers(())).submit(Nudge("tempo", 4))
        supervisor.play(Begin(Mode.SOLO, 1), interfaces)
    assert patient.tempos[-1] == 244


def only(interface: Interface, supervisor: Supervisor) -> Interfaces:
    """An interface, and the router that it asks at."""
    interfaces = Interfaces(CommandRouter(supervisor, Controllers(())).submit, supervisor.remark)
    interfaces.add(interface)
    return interfaces


class Noting:
    """A process that only notes what it is told."""

    gone = waits = False

    def __init__(self, *said: Any) -> None:
        self.link = self
        self.told: list[Any] = []
        self.said, self.dropped, self.closed, self.killed = list(said), 0, False, False

    def send(self, value: object) -> bool:
        self.told.append(value)
        return True

    def receive(self) -> list[Any]:
        said, self.said = self.said, []
        return said

    def kill(self) -> None:
        self.killed = True


OPENED = Opened("", "jack", hears=True, plays=True, realtime=False)


def with_player(monkeypatch: pytest.MonkeyPatch) -> tuple[SupervisedPlayer, Noting]:
    supervisor, noting = Supervisor(Tune.of(model="eck2002-blues"), Wiring(), Impatient()), Noting()
    monkeypatch.setattr(supervisor.engine, "prepared", None)
    supervisor.player.process.adopt(noting)  # type: ignore[arg-type]
    return supervisor.player, noting


def says(process: ManagedProcess, *messages: object) -> None:
    """Have a process that only notes say something."""
    process.child.said += messages  # type: ignore[union-attr]
    process.receive()


def test_a_port_that_was_asked_for_of_a_player_that_died_is_asked_of_the_next_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    player, noting = with_player(monkeypatch)
    asked = [Connect("output", "oboe"), Connect("input", "")]
    with pytest.raises(Unavailable, match="the MIDI ports are closed"):
        player.connect(asked[0])
    says(player.process, OPENED)
    for connect in asked:
        player.connect(connect)
    says(player.process, Moved("input", "", None, "no"))
    told = list[list[Connect]]()
    for _ in range(2):
        noting.gone = True
        monkeypatch.setattr(player.process, "start", lambda: None)
        player.process.check()
        player.process.adopt(noting := Noting())  # type: ignore[arg-type]
        says(player.process, OPENED)
        told.append([message for message in noting.told if isinstance(message, Connect)])
    assert told == [asked[:1], []]


def test_no_process_is_taken_for_stuck_while_a_midi_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    player, _ = with_player(monkeypatch)
    player.host.adopt(Noting())  # type: ignore[arg-type]
    says(player.process, OPENED)
    says(player.host, Alive())
    assert player.process.patience_s == player.host.patience_s < 2
    says(player.host, Alive(waits_for_server=True))
    assert player.process.patience_s == player.host.patience_s > 10
    says(player.host, Alive())
    says(player.process, Alive(waits_for_server=True))
    assert player.process.patience_s > 10 > player.host.patience_s
    says(player.process, Alive())
    assert player.process.patience_s < 2


@pytest.mark.parametrize("dead", ["no process", "the host", "a player without a host"])
def test_what_the_process_that_died_last_has_left_is_silenced_although_none_goes_on(
    dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    player, noting = with_player(monkeypatch)
    if dead != "a player without a host":
        player.host.adopt(Noting())  # type: ignore[arg-type]
    synth = PortStatus(role="output", name="synth:in", peers=("synth:in",))
    says(player.process, replace(OPENED, ports=(synth,)))
    player.standby.adopt(standby := Noting())  # type: ignore[arg-type]
    noting.gone = True
    if dead == "the host":
        player.host.child.gone = True  # type: ignore[union-attr, misc]
    player.leave_silent()
    (last,) = standby.told
    if dead == "no process":  # the host silences what a player has left
        assert last == Quit()
    else:
        assert isinstance(last, TakeOver)
        assert (last.ports, last.kept) == ((synth,), False)


def test_a_server_that_goes_while_no_player_is_there_to_tell_is_told_by_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    player, noting = with_player(monkeypatch)
    player.host.adopt(host := Noting())  # type: ignore[arg-type]
    player.standby.adopt(standby := Noting())  # type: ignore[arg-type]
    says(player.host, Alive(server_gone=True), Alive())
    assert (host.killed, noting.killed, standby.killed) == (True, True, True)
    assert (player.host.child, player.process.child, player.standby.child) == (None, None, None)


def test_a_step_is_recorded_once_a_session_is_known_to_go_on_from() -> None:
    """Else an engine that dies before it has told the session has its steps recorded twice, and decided otherwise."""
    recorded: list[Any] = []
    audience: Any = SimpleNamespace(step_reported=recorded.append, lost=lambda *_: None, status=LiveStatus())
    supervisor = Supervisor(Tune.of(model="partner"), Wiring(api="none"), audience)
    with closing(supervisor.player):
        engine = supervisor.engine.process
        engine.adopt(Noting())  # type: ignore[arg-type]
        for step, session in ((1, b"after 1"), (2, b""), (3, b"")):
            says(engine, StepReport(replace(SEEN, step=step), None, session))
        assert [told.seen.step for told in recorded] == [1]
        says(engine, StepReport(replace(SEEN, step=4), None, b"after 4"))
        assert [told.seen.step for told in recorded] == [1, 2, 3, 4]
        says(engine, StepReport(replace(SEEN, step=5), None, b""), Ended(0.0, None))
        assert [told.seen.step for told in recorded] == [1, 2, 3, 4, 5]
