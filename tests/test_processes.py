"""What the processes of a jam really load: the promises of the import contracts, kept by programs that run.

Each process notes every module that it asks for, from its first line to its last. The contracts are in
pyproject.toml; what importing a module alone loads is tried in test_architecture.py.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.ports.jack import Server, missing
from tests.ports.programs import Program
from tests.tui.test_tmux import IMPROV, Tmux

NOTING = '''
"""Python runs this before any program: its command line goes into a file, then the name of each module it asks for."""
import os, sys

def note(event, arguments, seen=set()):
    if event == "import" and arguments[0] not in seen:
        seen.add(arguments[0])
        os.write(FILE, f"{arguments[0]}\\n".encode())
    elif event == "socket.bind" and len(arguments[1]) >= 2 and not isinstance(arguments[1], (str, bytes)):
        os.write(FILE, f"LISTENS {arguments[1][0]}\\n".encode())

FILE = os.open(os.path.join(os.environ["NOTED_MODULES"], str(os.getpid())), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(FILE, f"{' '.join(sys.orig_argv)}\\n".encode())
sys.addaudithook(note)
'''

NETWORK = {"onnxruntime", "onnx", "torch", "training"}
DRIVERS = {"rtmidi", "supriya_midi", "jack"}
SCREEN = {"textual", "typer"}
DECIDES = {"improv.session.step", "improv.models.onnx_runtime"}

NEVER: Mapping[str, set[str]] = {
    "daemon": {"numpy", "textual", *NETWORK, *DRIVERS, *DECIDES},
    "player": {"numpy", "mido", "symusic", *NETWORK, *SCREEN, *DECIDES},
    "port host": {"numpy", "mido", "symusic", *NETWORK, *SCREEN, *DECIDES},
    "engine": {"mido", "improv.midi.ports", "onnx", "torch", "training", *DRIVERS, *SCREEN},
    "screen": {"numpy", "mido", "improv.midi.ports", "improv.runtime.engine", *NETWORK, *DRIVERS, *DECIDES},
}
"""What no process of this kind may ever ask for."""

NEEDS: Mapping[str, set[str]] = {
    "daemon": {"improv.runtime.daemon"},
    "player": {"improv.midi.player"},
    "engine": {"onnxruntime", "improv.session.step"},
    "screen": {"textual"},
    "port host": {"improv.runtime.port_host"},
}
"""What shows that the process was really there."""

PROGRAMS = {
    "daemon": r"improv(\.__main__)? (jam|daemon run)",
    "player": r"player_process",
    "port host": r"port_host",
    "engine": r"engine_process",
    "screen": r"improv play",
}
"""How each kind is found by its command line."""

JAM = "--mode solo --tempo 400 --count-in 0 --model eck2002-chords"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python notes what it asks for."""
    for name in ("notes", "path"):
        (tmp_path / name).mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(NOTING)
    path = os.pathsep.join([str(tmp_path / "path"), str(Path(__file__).parents[1])])
    return os.environ | {"NOTED_MODULES": str(tmp_path / "notes"), "PYTHONPATH": path, "TERM": "xterm-256color"}


def noted(folder: Path) -> dict[str, set[str]]:
    """What each kind of process has asked for, all processes of a kind together."""
    found: dict[str, set[str]] = {}
    for file in (folder / "notes").iterdir():
        command, *names = file.read_text().splitlines() or [""]
        for kind, pattern in PROGRAMS.items():
            if re.search(pattern, command):
                found.setdefault(kind, set()).update(names)
                break
    return found


def check(found: Mapping[str, set[str]], kinds: Iterable[str]) -> None:
    """Each kind was there, asked for what it is for and for nothing that it may never have, and listens nowhere."""
    for kind in kinds:
        assert kind in found, sorted(found)
        tops = {name.partition(".")[0] for name in found[kind]}
        assert NEEDS.get(kind, set()) <= found[kind], kind
        assert not NEVER[kind] & (found[kind] | tops), kind
        assert not {name for name in found[kind] if name.startswith("LISTENS")}, kind


def test_a_jam_without_ports(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "improv", *shlex.split(f"jam --api none {JAM} --choruses 1")]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    check(noted(tmp_path), ["daemon", "player", "engine"])


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_the_screen_and_the_daemon_that_it_starts(environment: dict[str, str], tmp_path: Path) -> None:
    with Tmux(tmp_path, 100, 30) as terminal:
        given = " ".join(f"{name}={shlex.quote(environment[name])}" for name in ("NOTED_MODULES", "PYTHONPATH"))
        terminal.run(f"{given} {IMPROV} play --api none {JAM}")
        terminal.until("chorus", "the music")
        terminal.strike("C-q")
        terminal.until("improv plays on", "the end of the screen")
    check(noted(tmp_path), ["screen", "daemon", "player", "engine"])


@pytest.mark.ports
@pytest.mark.skipif(bool(missing()), reason="needs JACK")
def test_a_jam_over_real_ports(environment: dict[str, str], tmp_path: Path) -> None:
    with Server(tmp_path / "jack") as server:
        environment |= {name: server._env[name] for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
        command = [sys.executable, "-m", "improv", *shlex.split(f"jam --api jack {JAM} --choruses 1")]
        jam = Program(command, environment, tmp_path / "jam")
        try:
            assert jam.ended() == 0, jam.err
        finally:
            jam.end()
    check(noted(tmp_path), ["daemon", "player", "port host", "engine"])
