"""`improv daemon` and `improv panic`, a small program playing the daemon; its log, its unit, what systemd hears."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
import typer
from typer.testing import CliRunner

from improv.cli import daemon
from improv.cli.options import Given, with_jam
from improv.config.instance import Instance
from improv.control.midi_controllers import Controllers
from improv.errors import AlreadyRunning, ImprovError, UsageError
from improv.midi import ports
from improv.music.notes import Cell
from improv.music.theory import Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import Learn
from improv.protocol.controls import Settings
from improv.protocol.json_codec import printable
from improv.protocol.snapshot import PortStatus, Rig, Snapshot
from improv.runtime import log as logs
from improv.runtime.ipc_messages import Opened
from improv.runtime.log import Log
from improv.runtime.observers import Audience
from improv.runtime.router import CommandRouter
from improv.system.systemd import READY, WATCHDOG, notify, status, unit, unit_of, watchdog_s
from tests.ports.jack import eventually

FAKE = '''
"""In the place of `improv daemon run`: it holds the instance and answers, and obeys as far as its manner lets it."""
import os, signal, sys
from select import select
from improv.config.instance import Instance
from improv.control.socket_server import ControlServer
from improv.protocol.commands import Quit
from tests.cli.test_daemon_command import SEEN

manner, name = sys.argv[1], sys.argv[2].partition("=")[2]
if manner == "refuses":
    sys.exit("some library has something to say\\nimprov: no MIDI output 'Synth'; the outputs are: none\\n")
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
asked = []

def ask(command):
    asked.append(command)
    with open(sys.argv[3], "a") as heard:
        heard.write(f"{command}\\n")
    return ""

here = Instance(name)
with here.held(sys.argv[4:], os.environ.get("UNIT", "").split()), ControlServer(here.socket, here.name, ask) as server:
    server.show(SEEN)
    while manner != "obeys" or Quit() not in asked:
        select(server.wakers(), [], [], 0.05)
        server.poll()
'''
"""obeys, deaf (to what it is asked), stubborn (to SIGTERM too), refuses (to start)."""

SEEN = Snapshot(
    step=13,
    place=Place(1, 2, 3),
    turn=Turn(Who.IMPROV, 8, 16),
    beats_left=1.5,
    playing=True,
    chord=None,
    next_chord=None,
    heard=Cell(),
    played=Cell(),
    tempo=132.5,
    swing=0.5,
    settings=Settings(mode=Mode.TRADE),
    missed_steps=0,
    faults=0,
    fault="",
    rig=Rig(says="jack: plays to Synth", model="echo"),
)
"""What the program tells of itself."""

IMPROV = typer.Typer()
IMPROV.add_typer(daemon.app, name="daemon")
IMPROV.command()(daemon.panic)


@dataclass(frozen=True)
class World:
    """Where the command line is tried: what it starts, and what that was asked."""

    folder: Path
    manner: list[str]
    spawned: list["subprocess.Popen[bytes]"]
    arguments: list[list[str]]

    @property
    def heard(self) -> str:
        """What the program was asked, a line each."""
        path = self.folder / "heard"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose daemons are the program above; nothing of it lives longer than the test."""
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("IMPROV_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path / "takes"))
    monkeypatch.setenv("IMPROV_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setattr(daemon, "_STOPPING", (("", 60.0), ("SIGTERM", 60.0), ("SIGKILL", 60.0)))
    world = World(tmp_path, ["obeys"], [], [])

    def spawned(arguments: list[str], stderr: IO[Any]) -> "subprocess.Popen[bytes]":
        world.arguments.append(list(arguments))
        command = [sys.executable, "-c", FAKE, world.manner[-1], arguments[2], str(tmp_path / "heard")]
        command += arguments[3:]
        world.spawned.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr))
        return world.spawned[-1]

    monkeypatch.setattr(daemon, "_spawned", spawned)
    yield world
    for process in world.spawned:
        process.kill()
        process.wait()


def improv(line: str) -> tuple[int, str]:
    """Run a command: its status, and what it said; what it raises is the status of that."""
    result = CliRunner().invoke(IMPROV, line.split())
    if isinstance(result.exception, ImprovError):
        return result.exception.exit_status, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


# --- starting and stopping ------------------------------------------------------------------------


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


def test_status_of_nobody(world: World) -> None:
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
def test_an_output_that_nobody_hears_is_told_with_what_to_do(peers: tuple[str, ...] | None, told: bool) -> None:
    output = PortStatus(role="output", name="improv out", virtual=True, peers=peers)
    said = " ".join(daemon.unheard(Rig(output="improv out", ports=(output,))))
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


def test_a_restart_of_nobody_starts_with_what_is_given(world: World) -> None:
    improv("daemon start --tempo 90")
    improv("daemon stop")
    assert improv("daemon restart")[0] == 0
    assert world.arguments[1][3:] == []  # what somebody was started with who has ended since is not meant


def test_a_restart_after_a_crash_starts_with_what_the_dead_one_had(world: World) -> None:
    improv("daemon start --tempo 90")
    world.spawned[0].kill()
    world.spawned[0].wait()
    assert improv("daemon restart")[0] == 0
    assert world.arguments[1][3:] == ["--tempo=90.0"]


def test_a_restart_knows_the_options_of_one_that_somebody_else_has_started(world: World) -> None:
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


# --- options --------------------------------------------------------------------------------------

LINES = [
    "",
    "--tempo 90.5 --swing 0.6 -m walker",
    "--register -1 --density -0.5",
    "--thru --no-click-mute --chords-mute",
    "--input keys -o Synth --api jack --lights Launchpad",
    "--choruses 2 --provider cpu --seed 7",
    "--mode phrase --key Bb --gap 2 --profile stage",
    "--save jam.mid",
    "--model mine/walker.onnx",
]


def parsed(words: list[str]) -> Given:
    """What a command makes of these options."""
    app, found = typer.Typer(), list[Given]()

    def take(given: Given) -> None:
        found.append(given)

    app.command()(with_jam(take))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return found[0]


@pytest.mark.parametrize("line", LINES)
def test_what_is_passed_on_is_what_was_given(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = parsed(line.split())
    again = parsed(given.arguments())
    model = given.values.get("controls.model", "walker")
    moved = {"controls.model": str(tmp_path / str(model))} if str(model).endswith(".onnx") else {}
    assert (again.values, again.profile) == ({**given.values, **moved}, given.profile)
    assert again.save == (given.save and tmp_path / given.save)  # from wherever it is run
    assert bool(given.arguments()) == bool(line)


def test_what_is_given_goes_over_the_configuration(world: World) -> None:
    (world.folder / "config.toml").write_text('[ports]\noutput = "Synth"\n[controls]\ntempo = 90\nswing = 0.6\n')
    config = parsed(["--tempo", "100", "--save", "jam.mid"]).config()
    assert (config.tune.tempo, config.tune.swing) == (100, 0.6)
    assert (config.wiring.output, config.wiring.save) == ("Synth", Path("jam.mid"))


# --- panic ----------------------------------------------------------------------------------------


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
    monkeypatch.setattr(ports, "reachable_api", lambda wanted: wanted or "alsa")
    monkeypatch.setattr(Out, "silenced", [])
    (world.folder / "config.toml").write_text(config)
    assert (*improv(line), Out.silenced) == ends


def test_panic_is_the_daemons_where_one_plays(world: World) -> None:
    improv("daemon start")
    assert improv("panic") == (0, "silenced\n")
    assert world.heard == "Panic()\n"


# --- the unit -------------------------------------------------------------------------------------


def keys_of(text: str) -> Mapping[str, Mapping[str, str]]:
    """The keys of a unit, by section."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_unit_that_is_shipped() -> None:
    found = keys_of(daemon._SERVICE.read_text())
    service = found["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert service["SuccessExitStatus"] == "130"  # an interrupt while it was being started
    assert int(service["WatchdogSec"]) > 0
    assert str(AlreadyRunning.exit_status) in service["RestartPreventExitStatus"].split()
    assert service["ExecStart"].endswith("improv daemon run")
    assert re.fullmatch(r"-\S+improv panic", service["ExecStopPost"])  # with no output there is nothing to silence
    assert service["RuntimeDirectoryMode"] == "0700"
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateUsers", "RestrictNamespaces", "ProtectKernelModules"):
        assert service[key] == "yes"
    assert found["Install"] == {"WantedBy": "default.target"}


def test_the_unit_of_this_machine(world: World) -> None:
    status, said = improv("daemon unit --instance stage --output FLUID_100% --tempo 90")
    assert status == 0
    service, shipped = keys_of(said)["Service"], keys_of(daemon._SERVICE.read_text())["Service"]
    start = f"{sys.executable} -P -m improv daemon run --instance=stage --output=FLUID_100%% --tempo=90.0"
    assert service["ExecStart"] == start
    assert service["ExecStopPost"] == f"-{sys.executable} -P -m improv panic --instance=stage --output=FLUID_100%%"
    assert set(service["ReadWritePaths"].split()) == {f"-{world.folder / name}" for name in ("state", "takes")}
    assert (world.folder / "takes").is_dir()
    assert service["WorkingDirectory"] == f"-{world.folder / 'state'}"
    changed = {"ExecStart", "ExecStopPost", "ReadWritePaths", "WorkingDirectory"}
    assert {key: service[key] for key in service.keys() - changed} == {
        key: shipped[key] for key in shipped.keys() - changed
    }


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("plain", "plain"),
        ("100%", "100%%"),
        ("two words", '"two words"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("$HOME", "$$HOME"),
        ("a;b", '"a;b"'),
    ],
)
def test_a_word_in_a_unit(word: str, quoted: str) -> None:
    assert daemon._line([word]) == quoted


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("text", ["shipped", "printed"])
def test_the_exposure_of_the_service(text: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(world.folder))
    path = world.folder / "improv.service"
    path.write_text(daemon._SERVICE.read_text() if text == "shipped" else improv("daemon unit")[1])
    analyze = ["systemd-analyze", "--user", "security", "--offline=true", "--no-pager"]
    said = subprocess.run([*analyze, str(path)], capture_output=True, text=True, check=False, timeout=180)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    if level is None:
        pytest.skip(f"this systemd cannot judge it: {said.stderr.strip()}")
    assert float(level[1]) <= 3.0
    assert "Unknown" not in said.stderr


# --- what systemd is told -------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["path", "abstract"])
def test_systemd_is_told(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = str(tmp_path / "notify") if where == "path" else f"@improv-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{named[1:]}" if where == "abstract" else named)
        manager.settimeout(180)
        monkeypatch.setenv("NOTIFY_SOCKET", named)
        notify(READY, status("plays to Synth\nSTOPPING=1"))
        notify(WATCHDOG)
        assert manager.recv(4096) == b"READY=1\nSTATUS=plays to Synth STOPPING=1"
        assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", [None, "", "nowhere", "/nowhere/at/all", "@nobody-listens", "/" + "x" * 200])
def test_nobody_is_told_where_nobody_listens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)


def test_a_manager_that_does_not_read_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(5000):
            notify(WATCHDOG)
        assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("microseconds", "pid", "every_s"),
    [
        ("10000000", None, 5.0),
        ("10000000", "us", 5.0),
        ("10000000", "1", None),
        ("", None, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_how_often_it_says_that_it_lives(
    microseconds: str, pid: str | None, every_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "us" else pid)
    assert watchdog_s() == every_s


UNITS = {
    # the control groups of a process, what it is to systemctl
    "a service of the user's": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/improv.service\n",
        ("--user", "improv.service"),
    ),
    "an instance of a template": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-improv.slice/improv@stage.service\n",
        ("--user", "improv@stage.service"),
    ),
    "a service of the system": ("0::/system.slice/improv.service\n", ("improv.service",)),
    "with the older control groups": (
        "2:cpu:/\n1:name=systemd:/user.slice/user@1000.service/improv.service\n0::/\n",
        ("--user", "improv.service"),
    ),
    "a terminal": ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n", ()),
    "a container": ("0::/\n", ()),
    "nothing": ("", ()),
    "what a shell would obey": ("0::/system.slice/$(rm -r x).service\n", ()),
}


@pytest.mark.parametrize(("groups", "found"), UNITS.values(), ids=UNITS)
def test_a_unit_by_the_control_groups(groups: str, found: tuple[str, ...]) -> None:
    assert unit_of(groups) == found


def test_only_what_systemd_itself_has_started_is_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: "0::/system.slice/improv.service\n")
    monkeypatch.setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef")  # inherited from a terminal, say
    monkeypatch.delenv("SYSTEMD_EXEC_PID", raising=False)
    assert unit() == ()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getppid()))
    assert unit() == ()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    assert unit() == ("improv.service",)


# --- the log --------------------------------------------------------------------------------------


def test_a_log_is_json_by_line(tmp_path: Path) -> None:
    path = tmp_path / "state" / "default.log"
    with Log(path) as log:
        log.say("it plays", port="Key\x1b[2Jboard", ports=["a\nb"], onsets=3, late=None)
        log.fail("100% \x07wrong", what="else")
    plays, wrong = (json.loads(line) for line in path.read_text().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", plays.pop("time"))
    assert plays == {
        "level": "info",
        "what": "it plays",
        "port": "Key [2Jboard",
        "ports": ["a b"],
        "onsets": 3,
        "late": None,
    }
    assert (wrong["level"], wrong["what"]) == ("error", "100%  wrong")


def test_a_log_begins_anew_and_keeps_two_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 1000)
    with Log(tmp_path / "a.log") as log:
        for number in range(100):
            log.say("x" * 100, number=number)
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_size <= 1000 for path in kept)
    assert json.loads(kept[0].read_text().splitlines()[-1])["number"] == 99


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def below_a_file(path: Path) -> Path:
    path.write_text("")
    return path / "a.log"


@pytest.mark.parametrize("place", [a_folder, below_a_file, lambda _: Path("/dev/full")])
def test_a_log_that_cannot_be_written_fails_nobody(
    place: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Log(place(tmp_path / "here")) as log:
        log.say("it plays")
        log.fail("it does not", error=OSError("full"))
    assert capfd.readouterr() == ("", "")


def test_a_log_is_on_stderr_too_where_that_is_wanted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Log(tmp_path / "a.log", to_stderr=True) as log:
        log.say("it\tplays")
    assert capfd.readouterr() == ("", "it plays\n")


@pytest.mark.parametrize(
    ("text", "shown"), [("Keyboard é 鍵", "Keyboard é 鍵"), ("a\x1b]0;b\x07", "a ]0;b "), ("\u202eabc\r\n", " abc  ")]
)
def test_what_others_call_their_ports_is_only_text(text: str, shown: str) -> None:
    assert printable(text) == shown


# --- learning -------------------------------------------------------------------------------------


def test_whoever_watches_sees_what_is_learned_and_without_midi_nothing_is() -> None:
    there = SimpleNamespace(rig=Rig(api="jack"), want=lambda wanted: None)
    shown: list[Snapshot] = []
    audience = Audience(SimpleNamespace(), print)
    audience.desk = CommandRouter(there, Controllers(()), Instance())  # type: ignore[arg-type]
    audience.watched_by = [SimpleNamespace(show=shown.append)]
    audience.last = SimpleNamespace(seen=SEEN)  # type: ignore[assignment]
    for target in ("tempo", ""):
        audience.desk.ask(Learn(target))
        audience.changed(there.rig)
    assert [seen.rig.learning for seen in shown] == ["tempo", ""]
    there.rig = Rig(api="none")
    with pytest.raises(UsageError, match="no knob to learn from"):
        audience.desk.ask(Learn("tempo"))


# --- the mode where nobody has chosen one ---------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "letters", "mode"),
    [
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=())], True, Mode.PHRASE, id="letters"
        ),
        pytest.param([PortStatus(role="input", name="improv in", virtual=True)], True, Mode.PHRASE, id="nobody knows"),
        pytest.param([], True, Mode.PHRASE, id="letters without MIDI"),
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=("keys",))],
            True,
            Mode.TRADE,
            id="plugged in",
        ),
        pytest.param([PortStatus(role="input", name="keys", peers=("keys",))], True, Mode.TRADE, id="a keyboard"),
        pytest.param(
            [PortStatus(role="input", name="keys")], True, Mode.TRADE, id="a keyboard, as far as anybody knows"
        ),
        pytest.param(
            [PortStatus(role="input", name="keys", peers=())], True, Mode.PHRASE, id="a keyboard that has gone"
        ),
        pytest.param(
            [PortStatus(role="input", name="improv in", virtual=True, peers=())], False, Mode.TRADE, id="a port"
        ),
        pytest.param([], False, Mode.SOLO, id="nothing at all"),
    ],
)
def test_the_mode_is_what_one_can_play_on(inputs: list[PortStatus], letters: bool, mode: Mode) -> None:
    from improv.runtime.daemon import _mode_for

    opened = Opened("", "jack", hears=bool(inputs), plays=True, realtime=False, ports=tuple(inputs))
    assert _mode_for(opened, letters=letters) is mode
