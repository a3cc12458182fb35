"""Where commands are tried: a folder of models and calls, and a world whose daemon is a small program."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import mido
import pytest

from improv.__main__ import main
from improv.cli import daemon
from tests.cli.command_line import IMPROV, Improv, Ran, out_of_reach, silent, told
from tests.cli.fake_daemon import FAKE, World
from tests.models.onnx_models import saved, specification, walker


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test stands: among models and calls, good and bad, on a machine whose JACK server is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "none")
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")  # of help
    models = {
        "walker": walker(),
        "one-bar": walker("C7"),
        "untold": told(""),
        "stranger": told({**specification(), "fingerprint": "0123"}),
        "later": told({**specification(), "contract": 2}),
        "failing": out_of_reach(),
        "silent": silent(),
    }
    for name, model in models.items():
        saved(model, tmp_path / f"{name}.onnx")
    (tmp_path / "truncated.onnx").write_bytes((tmp_path / "walker.onnx").read_bytes()[:2000])
    for name, notes in {"call.mid": [64, 67], "empty.mid": []}.items():
        midi = mido.MidiFile(tracks=[mido.MidiTrack()])
        for note in notes:
            midi.tracks[0] += [mido.Message("note_on", note=note), mido.Message("note_off", note=note, time=480)]
        midi.save(tmp_path / name)
    (tmp_path / "cut.mid").write_bytes((tmp_path / "call.mid").read_bytes()[:-3])
    (tmp_path / "text.mid").write_text("la la la")
    return tmp_path


@pytest.fixture
def improv(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Improv:
    """The command line in this process."""

    def improv(line: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["improv", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return improv


@pytest.fixture
def process(folder: Path) -> Improv:
    """The command line in a process of its own."""

    def process(line: str) -> Ran:
        command = [*IMPROV, *shlex.split(line)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return process


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
