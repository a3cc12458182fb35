"""`improv daemon` and `improv panic`, a small program playing the daemon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from improv.cli import daemon
from improv.config.instance import Instance
from improv.midi import ports, systems
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import MidiStatus, SystemStatus
from improv.system.systemd import unit_of
from tests.cli.fake_daemon import World, improv
from tests.ports.patience import eventually


def test_it_starts_plays_and_stops(world: World) -> None:
    status, said = improv("daemon start --tempo 132 --output Synth")
    pid = world.spawned[0].pid
    assert (status, said) == (0, f"improv is playing (PID {pid}): jack: plays to Synth\n")
    assert world.arguments == [["daemon", "run", "--instance=default", "--output=Synth", "--tempo=132.0"]]
    status, said = improv("daemon status")
    assert status == 0
    assert said.startswith(f"improv is playing (PID {pid}): jack: plays to Synth\necho, trade, 132.5 bpm, playing")
    assert improv("daemon stop") == (0, f"improv has stopped (PID {pid})\n")
    assert world.heard == "Quit()\n"
    assert world.spawned[0].wait() == 0
    assert improv("daemon stop") == (0, "nothing to stop: no improv is playing\n")


def test_status_as_json(world: World) -> None:
    status, said = improv("daemon status --json")
    assert status == 69
    assert json.loads(said)["running"] is False
    improv("daemon start")
    status, said = improv("daemon status --json")
    found = json.loads(said)
    assert status == 0
    assert (found["running"], found["pid"], found["instance"]) == (True, world.spawned[0].pid, "default")
    assert (found["answers"], found["tempo"], found["model"]) == (True, 132.5, "echo")


def test_status_where_none_plays(world: World) -> None:
    status, said = improv("daemon status --instance stage")
    assert (status, said) == (69, "no improv is playing as stage; start one with: improv daemon start --instance stage")


def test_a_second_start_says_who_is_playing(world: World) -> None:
    improv("daemon start")
    status, said = improv("daemon start --tempo 100")
    assert status == 75
    assert f"PID {world.spawned[0].pid}, instance default" in said
    assert len(world.spawned) == 1


def test_instances_play_side_by_side(world: World) -> None:
    for name in ("left", "right"):
        assert improv(f"daemon start --instance {name}")[0] == 0
    improv("daemon stop --instance left")
    assert [Instance(name).running() for name in ("left", "right")] == [None, world.spawned[1].pid]


def test_one_that_cannot_start_says_why(world: World) -> None:
    world.manner.append("refuses")
    status, said = improv("daemon start --output Synth")
    assert (status, said) == (1, "improv: no MIDI output 'Synth'; the outputs are: none\n")
    assert Instance().running() is None


@pytest.mark.parametrize(("manner", "means"), [("deaf", ["SIGTERM"]), ("stubborn", ["SIGTERM", "SIGKILL"])])
def test_one_that_does_not_end_is_made_to(
    manner: str, means: list[str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = [("", 0.0), ("SIGTERM", 0.0), ("SIGKILL", 0.0)][: len(means)]
    monkeypatch.setattr(daemon, "_STOPPING", (*patience, (means[-1], 60.0)))
    world.manner.append(manner)
    improv("daemon start")
    pid = world.spawned[0].pid
    status, said = improv("daemon stop")
    forced = [f"it does not end; sending {each}" for each in means]
    assert (status, said.splitlines()) == (0, [*forced, f"improv has stopped (PID {pid})"])
    assert world.spawned[0].wait() < 0
    assert Instance().running() is None


def test_after_a_kill_another_starts(world: World) -> None:
    improv("daemon start")
    world.spawned[0].kill()
    world.spawned[0].wait()
    assert improv("daemon status")[0] == 69
    assert improv("daemon start") == (0, f"improv is playing (PID {world.spawned[1].pid}): jack: plays to Synth\n")


@pytest.mark.parametrize(("peers", "told"), [((), True), (("synth",), False), (None, False)])
def test_an_output_without_a_synth_is_told_with_what_to_do(peers: tuple[str, ...] | None, told: bool) -> None:
    output = PortStatus(role="output", name="improv out", virtual=True, peers=peers)
    said = " ".join(daemon.synth_hint(SystemStatus(midi=MidiStatus(output="improv out", ports=(output,)))))
    assert ("improv ctl connect output NAME" in said) == told


@pytest.mark.parametrize(
    ("options", "given"), [("", ["--output=Synth", "--tempo=90.0"]), ("--tempo 100", ["--tempo=100.0"])]
)
def test_a_restart_plays_on_as_before_unless_told_otherwise(options: str, given: list[str], world: World) -> None:
    improv("daemon start --tempo 90 -o Synth")
    status, said = improv(f"daemon restart {options}")
    before, after = (process.pid for process in world.spawned)
    assert status == 0
    assert said.splitlines() == [
        f"improv has stopped (PID {before})",
        f"improv is playing (PID {after}): jack: plays to Synth",
    ]
    assert world.arguments[1][3:] == given


def test_a_restart_where_none_plays_starts_with_what_is_given(world: World) -> None:
    improv("daemon start --tempo 90")
    improv("daemon stop")
    assert improv("daemon restart")[0] == 0
    assert world.arguments[1][3:] == []  # what an improv that has ended was started with is not meant


def test_a_restart_after_a_crash_starts_with_what_the_dead_one_had(world: World) -> None:
    improv("daemon start --tempo 90")
    world.spawned[0].kill()
    world.spawned[0].wait()
    assert improv("daemon restart")[0] == 0
    assert world.arguments[1][3:] == ["--tempo=90.0"]


def test_a_restart_knows_the_options_of_one_that_another_program_has_started(world: World) -> None:
    with (world.folder / "err").open("wb") as stderr:
        daemon._spawned(["daemon", "run", "--instance=default", "--tempo=77.0"], stderr)
    eventually(lambda: Instance().running(), "the daemon")
    world.arguments.clear()
    assert improv("daemon restart")[0] == 0
    assert world.arguments[0][3:] == ["--tempo=77.0"]


@pytest.fixture
def systemctl(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that writes down what it was told, and fails if it finds a file; what starts is a unit's."""
    program = world.folder / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> "{world.folder}/told"\ntest ! -e "{world.folder}/fails"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("UNIT", "--user improv.service")
    return world.folder / "told"


def test_what_systemd_keeps_is_ended_and_begun_again_by_systemd(world: World, systemctl: Path) -> None:
    improv("daemon start")
    pid = world.spawned[0].pid
    assert improv("daemon restart") == (0, f"improv is playing (PID {pid})\n")
    assert improv("daemon stop") == (0, "improv has stopped\n")
    assert systemctl.read_text().splitlines() == [
        "restart --user improv.service",
        "stop --user improv.service",
    ]
    assert world.heard == ""
    assert len(world.spawned) == 1


def test_what_systemd_keeps_and_does_not_end_is_left_alone(world: World, systemctl: Path) -> None:
    (world.folder / "fails").touch()
    improv("daemon start")
    for word in ("stop", "restart"):
        status, said = improv(f"daemon {word}")
        assert status == 1
        assert said.endswith(f"try: systemctl {word} --user improv.service")
    assert Instance().running() == world.spawned[0].pid


def test_the_options_of_a_unit_are_not_given_here(world: World, systemctl: Path) -> None:
    improv("daemon start")
    status, said = improv("daemon restart --tempo 100")
    assert (status, said.split(": ")[1]) == (2, "systemctl edit --full --user improv.service")
    assert Instance().running() == world.spawned[0].pid
    assert not systemctl.exists()


def test_who_waits_for_one_that_never_plays_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_STARTING_S", 0.0)
    status, said = improv("daemon start")
    assert (status, said.split(";")[0]) == (1, "nothing plays after 0 s")
    assert world.spawned[0].wait() < 0


def test_what_is_spawned_is_a_session_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb") as stderr:
        process = daemon._spawned(["daemon", "run", "--tempo=19"], stderr)  # which is refused
        with process:
            assert os.getsid(process.pid) == process.pid
    assert process.returncode != 0


def test_what_plays_has_kept_what_it_was_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, as a service manager starts it: systemd says in its environment which process it has started."""
    command = f"exec {sys.executable} -m improv daemon run --tempo 90 --api none --mode solo --save {tmp_path}/jam.mid"
    with subprocess.Popen(["sh", "-c", f"SYSTEMD_EXEC_PID=$$ {command}"], stderr=subprocess.PIPE) as process:
        eventually(lambda: Instance().origin() or process.poll() is not None, "the daemon")
        arguments = ("--api=none", f"--save={tmp_path}/jam.mid", "--mode=solo", "--tempo=90.0")
        origin = Instance().origin()
        process.terminate()
        assert origin is not None
        assert (origin.pid, sorted(origin.arguments), origin.unit) == (process.pid, sorted(arguments), unit_of_ours())


def unit_of_ours() -> tuple[str, ...]:
    """What the tests are to systemctl, were they started by systemd."""
    return unit_of(Path("/proc/self/cgroup").read_text())


class Out:
    """An output in the place of rtmidi's."""

    silenced: list[tuple[str, str]] = []  # noqa: RUF012 the test empties it

    def __init__(self, wanted: str, api: str) -> None:
        self.name = wanted
        self._api = api

    def __enter__(self) -> "Out":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def silence(self) -> None:
        self.silenced.append((self.name, self._api))


@pytest.mark.parametrize(
    ("line", "config", "ends"),
    [
        ("panic --output Synth --api jack", "", (0, "silenced Synth\n", [("Synth", "jack")])),
        ("panic", '[ports]\noutput = "FLUID"\n', (0, "silenced FLUID\n", [("FLUID", "alsa")])),
        (
            "panic",
            "",
            (2, "no improv is playing; name the --output to silence (improv ports lists them)", []),
        ),
    ],
)
def test_panic_where_no_improv_is_playing(
    line: str, config: str, ends: tuple[int, str, list[tuple[str, str]]], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "OutputPort", Out)
    monkeypatch.setattr(systems, "reachable_api", lambda wanted: wanted or "alsa")
    monkeypatch.setattr(Out, "silenced", [])
    (world.folder / "config.toml").write_text(config)
    assert (*improv(line), Out.silenced) == ends


def test_panic_is_the_daemons_where_one_plays(world: World) -> None:
    improv("daemon start")
    assert improv("panic") == (0, "silenced\n")
    assert world.heard == "Panic()\n"
