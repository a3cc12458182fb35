"""`improv ctl` end to end: each command line against a real server, and what it prints."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from improv.cli.ctl import app
from improv.config.instance import Instance
from improv.control.socket_protocol import describe
from improv.control.socket_server import ControlServer
from improv.errors import ImprovError, Unavailable, UsageError
from improv.music.turns import Who
from improv.protocol.commands import (
    TARGETS,
    Command,
    Connect,
    Forget,
    HandOver,
    Learn,
    Nudge,
    Panic,
    Quit,
    Restart,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.controls import CONTROLS
from improv.protocol.json_codec import from_json
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import Snapshot
from tests.control.socket.conftest import SEEN, Daemon, served


@dataclass(frozen=True)
class Done:
    """How a command line ended."""

    status: int
    out: str
    err: str


Ctl = Callable[..., Done]


@pytest.fixture
def ctl(capsys: pytest.CaptureFixture[str]) -> Ctl:
    """Runs a command line as `improv` does."""

    def run(*arguments: str) -> Done:
        try:
            status, failure = app(list(arguments), prog_name="improv ctl", standalone_mode=False) or 0, ""
        except ImprovError as error:
            status, failure = error.exit_status, str(error)
        except TyperException as error:
            status, failure = error.exit_code, error.format_message()
        said = capsys.readouterr()
        return Done(status, said.out, said.err + failure)

    return run


@pytest.fixture(autouse=True)
def _runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / "run"))
    monkeypatch.delenv("IMPROV_INSTANCE", raising=False)


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def show(daemon: Daemon) -> Iterator[Callable[[Snapshot], None]]:
    """A daemon that plays; shows it a snapshot."""
    with ControlServer(Instance().socket, "default", daemon.ask) as server:
        server.show(SEEN)
        with served(server) as show:
            yield show


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("set tempo 132", [Set("tempo", 132.0)]),
        ("set density -1", [Set("density", -1.0)]),
        ("tempo 132", [Set("tempo", 132.0)]),
        ("temperature 0.8", [Set("temperature", 0.8)]),
        ("density -0.5", [Set("density", -0.5)]),
        ("register -1", [Set("register", -1)]),
        ("bars 8", [Set("bars", 8)]),
        ("key bb", None),
        ("program melody=66", [Set("melody-program", 66)]),
        ("program chords=tenor-sax bass=33", [Set("comp-program", 66), Set("bass-program", 33)]),
        ("program melody=tenor-sax drums", None),
        ("program bass=128", None),
        ("program", None),
        ("key A#", [Set("key", "Bb")]),
        ("melody-mute on", [Set("melody-mute", "on")]),
        ("model eck2002-blues", [Set("model", "eck2002-blues")]),
        ("mode solo", [Set("mode", "solo")]),
        ("mode trade --bars 4", [Set("bars", 4), Set("mode", "trade")]),
        ("mode phrase --gap 2 --bars 2", [Set("bars", 2), Set("gap", 2.0), Set("mode", "phrase")]),
        ("mode trade --bars 0", None),
        ("mode trade --bras 4", None),
        ("nudge temperature 0.1", [Nudge("temperature", 0.1)]),
        ("nudge tempo -4", [Nudge("tempo", -4.0)]),
        ("start", [Start()]),
        ("stop", [Stop()]),
        ("restart", [Restart()]),
        ("hand-over", [HandOver()]),
        ("panic", [Panic()]),
        ("quit", [Quit()]),
        ("learn temperature", [Learn("temperature")]),
        ("forget panic", [Forget("panic")]),
        ("connect outptu synth", None),
        ("panic --instance default", [Panic()]),
        ("tempo 401", None),
        ("tempo fast", None),
        ("set tempoo 120", None),
        ("nudge tempo fast", None),
        ("nudge tempo nan", None),
        ("learn tempoo", None),
    ],
)
@pytest.mark.usefixtures("show")
def test_a_command_line_asks_for_what_it_says_or_is_refused(
    line: str, asked: list[Command] | None, ctl: Ctl, daemon: Daemon
) -> None:
    done = ctl(*line.split())
    assert daemon.asked == (asked or [])
    assert (done.status, done.out, bool(done.err)) == (0 if asked else 2, "", not asked)


@pytest.mark.parametrize(
    ("line", "asked", "says"),
    [
        ("connect output synth", Connect("output", "synth"), "output: synth:in"),
        ("connect input", Connect("input", ""), "input: virtual port 'improv in' (nothing is connected to it)"),
    ],
)
def test_a_port_is_asked_for_and_told_when_it_is_connected(
    line: str,
    asked: Command,
    says: str,
    ctl: Ctl,
    daemon: Daemon,
    show: Callable[[Snapshot], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("improv.cli.ctl._find_port", lambda *_: None)
    output = PortStatus(role="output", name="synth:in", peers=("synth:in",))
    ports = output, PortStatus(role="input", name="improv in", virtual=True, peers=())
    show(replace(SEEN, system=replace(SEEN.system, midi=replace(SEEN.system.midi, api="jack", ports=ports))))
    assert ctl(*line.split()) == Done(0, f"{says}\n", "")
    assert daemon.asked == [asked]


def test_without_midi_no_port_can_be_asked_for(ctl: Ctl, daemon: Daemon, show: Callable[[Snapshot], None]) -> None:
    show(replace(SEEN, system=replace(SEEN.system, midi=replace(SEEN.system.midi, api="none", ports=()))))
    done = ctl("connect", "output")
    assert (done.status, done.out) == (69, "")
    assert "improv plays without MIDI" in done.err
    assert daemon.asked == []


@pytest.mark.parametrize("name", [*CONTROLS, *(target for target in TARGETS if target not in CONTROLS)])
@pytest.mark.usefixtures("show")
def test_every_control_and_every_command_is_there_with_its_help(name: str, ctl: Ctl, daemon: Daemon) -> None:
    control = CONTROLS.get(name)
    assert ctl(name, *([str(control.default)] if control else [])) == Done(0, "", "")
    [asked] = daemon.asked
    assert asked == Set(name, control.default) if control else type(asked).__name__.lower() == name.replace("-", "")
    shown = " ".join(ctl(name, "--help").out.split())
    if control is not None:
        assert control.help in shown
        assert control.range in shown
    assert "--instance" in shown


@pytest.mark.usefixtures("show")
def test_a_tap_is_stamped_by_the_daemon(ctl: Ctl, daemon: Daemon) -> None:
    ctl("tap")
    [asked] = daemon.asked
    assert isinstance(asked, Tap)
    assert asked.time_s > 0


@pytest.mark.usefixtures("show")
def test_a_model_in_a_file_is_named_so_that_the_daemon_finds_it(
    ctl: Ctl, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ctl("model", "mine.onnx")
    assert daemon.asked == [Set("model", str(tmp_path / "mine.onnx"))]


@pytest.mark.usefixtures("show")
def test_notes_of_the_daemon_go_to_stderr(ctl: Ctl, daemon: Daemon) -> None:
    daemon.note = "echo cannot obey density\x1b[2J"
    assert ctl("density", "0.5") == Done(0, "", "echo cannot obey density [2J\n")


@pytest.mark.usefixtures("show")
def test_what_the_daemon_refuses_is_a_usage_error(ctl: Ctl) -> None:
    assert ctl("learn", "seed") == Done(UsageError.exit_status, "", "the seed is not for knobs")


@pytest.mark.parametrize("line", ["tempo 120", "status", "watch", "quit"])
def test_without_a_daemon_it_says_how_to_start_one(line: str, ctl: Ctl) -> None:
    start = "no improv is playing as stage; start one with: improv daemon start --instance stage"
    assert ctl(*line.split(), "--instance", "stage") == Done(Unavailable.exit_status, "", start)


@pytest.mark.parametrize("line", ["tempo 401", "mode trade --gap 100", "nudge model 1", "learn nothing"])
def test_what_is_wrong_is_refused_before_a_daemon_is_asked(line: str, ctl: Ctl) -> None:
    assert ctl(*line.split()).status == UsageError.exit_status


@pytest.mark.usefixtures("show")
def test_the_instance_comes_from_the_environment(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPROV_INSTANCE", "stage")
    assert "instance stage" in ctl("panic").err
    assert ctl("panic", "--instance", "default").status == 0
    assert "is no name" in ctl("panic", "--instance", "../x").err


@pytest.mark.usefixtures("show")
def test_the_status_is_told_to_people_and_to_programs(ctl: Ctl) -> None:
    assert from_json(Snapshot, json.loads(ctl("status", "--json").out)) == SEEN
    lines = ctl("status").out.splitlines()
    assert re.split(" {2,}", lines[0]) == [
        "chorus 1 bar 2", "beat 3", "C7 > C(0,1,5)", "improv 1.5 beats", "132.5 bpm", "you C4", "improv -",
    ]  # fmt: skip
    assert lines[1:6] == [
        "virtual ports",
        "echo, which cannot obey density",
        "0 onsets, late by p50 0 us, p99 48 us; 1 missed steps, 0 dropped onsets, 2 faults",
        "it was late",
        "tempo          132.5 bpm",
    ]
    assert [line.split()[0] for line in lines[5:]] == list(CONTROLS)


def test_watching_prints_a_line_a_snapshot_until_the_daemon_ends(daemon: Daemon) -> None:
    """In a process of its own: it ends when this daemon does."""
    command = [sys.executable, "-c", "from improv.cli.ctl import app; app()", "watch", "--per-s", "30"]
    shown = [SEEN, replace(SEEN, step=14, turn=replace(SEEN.turn, who=Who.NEITHER)), replace(SEEN, playing=False)]
    with ControlServer(Instance().socket, "default", daemon.ask) as server, served(server) as show:
        watching = [
            subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True, env=os.environ)
            for more in ([], ["--json"])
        ]
        told: list[list[str]] = []
        for seen in shown:
            show(seen)
            told.append([process.stdout.readline() for process in watching if process.stdout is not None])
    assert [process.wait() for process in watching] == [0, 0]
    assert [from_json(Snapshot, json.loads(line)) for _, line in told] == shown
    assert [line.partition("  ")[0] for line, _ in told] == ["chorus 1 bar 2", "count-in", "chorus 1 bar 2"]
    assert "stopped" in told[2][0]
    for process in watching:
        assert process.stdout is not None
        assert process.stdout.read() == ""
        process.stdout.close()


def test_the_controls_are_listed_without_a_daemon(ctl: Ctl) -> None:
    assert json.loads(ctl("controls", "--json").out) == [describe(control) for control in CONTROLS.values()]
    lines = ctl("controls").out.splitlines()
    assert lines[0] == "tempo          120            Quarter notes a minute. [20 to 400 bpm]"
    assert len(lines) == len(CONTROLS)


def test_nothing_heavy_is_loaded_to_steer() -> None:
    code = "import sys, improv.cli.ctl; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "onnxruntime", "mido", "rtmidi", "textual"} & set(done.stdout.split())
