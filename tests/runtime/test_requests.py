"""No request ends a jam, and what plays stays what was asked for: a real daemon, and files of every sort."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_message_builder import build_msg

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.errors import ImprovError, UsageError
from improv.models.catalog import MAX_FILE_BYTES, find_model, model_paths, read_model
from improv.protocol.commands import Command, Panic, Set, Tap
from improv.recording import find_take, read_take, takes_directory
from improv.runtime.interfaces import Interfaces
from improv.runtime.live_status import LiveStatus
from improv.runtime.router import CommandRouter
from improv.system import programs as program
from improv.system.safe_files import read_file
from tests.models.onnx_models import describe, saved, specification, walker

WITHIN_S = 120

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names as Unix has them")


# --- files of every sort ----------------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    """Names that end in .onnx, of everything but an ordinary file that can be read."""
    folder = tmp_path / "odd"
    (folder / "folder.onnx").mkdir(parents=True)
    os.mkfifo(folder / "pipe.onnx")
    (folder / "zeros.onnx").symlink_to("/dev/zero")
    (folder / "round.onnx").symlink_to(folder / "round.onnx")
    with (folder / "huge.onnx").open("wb") as huge:
        huge.truncate(MAX_FILE_BYTES + 1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(folder / "s.onnx"))
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "text.onnx").write_text("I have known rivers")
    return {
        "folder": str(folder / "folder.onnx"), "pipe": str(folder / "pipe.onnx"), "zeros": str(folder / "zeros.onnx"),
        "round": str(folder / "round.onnx"), "huge": str(folder / "huge.onnx"), "socket": str(folder / "s.onnx"),
        "long": "x" * 300 + ".onnx", "long path": "/" + "y/" * 1500 + "z.onnx", "slashes": "//../../etc/passwd.onnx",
        "gone": str(folder / "gone.onnx"), "within a file": str(folder / "text.onnx" / "a.onnx"),
    }  # fmt: skip


def test_what_is_no_ordinary_file_is_refused_without_waiting(odd: dict[str, str]) -> None:
    for name in [*odd.values(), "a\0b.onnx", "\ud800.onnx", "\udcff.onnx"]:
        with pytest.raises(ImprovError):
            read_model(find_model(name))
        with suppress(OSError):  # a name that the system takes
            read_file(Path(name), 1 << 10)
            raise AssertionError(name)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\ud800", "../partner", "", ".", "/", "\x1b[2J"])
def test_names_of_models_that_there_are_not(name: str) -> None:
    with pytest.raises(UsageError, match="no model") as refused:
        find_model(name)
    assert len(str(refused.value)) < 500


def test_folders_of_models_that_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPROV_MODELS", os.pathsep.join(["x" * 300, "y/" * 3000, str(tmp_path / "gone"), "/dev/null"]))
    assert "partner" in model_paths()


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".take", "a\0b", "\ud800", "/dev/zero", "/", "y/" * 3000])
def test_names_of_takes_that_there_are_not(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImprovError):
        read_take(find_take(name, takes_directory()))
    with pytest.raises(ImprovError):
        read_take(Path(name))


def test_a_take_that_is_a_pipe_is_not_waited_for(takes: Path) -> None:
    takes.mkdir()
    os.mkfifo(takes / "20260101-000000-pipe.take")
    with pytest.raises(ImprovError):
        read_take(find_take("last", takes_directory()))


# --- a daemon ---------------------------------------------------------------------------------------


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Instance]]:
    """A real one that plays into a file."""
    monkeypatch.chdir(tmp_path)
    at = Instance()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("IMPROV_OSC_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("IMPROV_OSC_ENABLED", "true")
    monkeypatch.setenv("IMPROV_OSC_HOST", "127.0.0.1")

    def start(*arguments: str) -> Instance:
        improv("daemon", "start", "--api=none", "--mode=solo", f"--save={tmp_path}/jam.mid", *arguments)
        return at

    yield start
    improv("daemon", "stop")


def improv(*words: str) -> None:
    subprocess.run(
        program.improv(*words), env=program.environment(), stdout=subprocess.DEVNULL, check=True, timeout=WITHIN_S
    )


def asked(at: Instance, **request: Any) -> dict[str, Any]:
    """What a daemon answers to a request, whatever it is."""
    with ControlClient(at.socket, WITHIN_S) as client:
        try:
            return client._request(request)
        except ImprovError as error:
            return {"error": str(error)}


def until(what: Callable[[], Any]) -> Any:
    deadline_s = time.monotonic() + WITHIN_S
    while not (found := what()):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    return found


def test_no_request_ends_a_jam(daemon: Callable[..., Instance], odd: dict[str, str]) -> None:
    at = daemon()
    pid = at.running()
    names = [*odd.values(), "x" * 300, "\ud800.onnx", "a\0b.onnx", "\x1b]0;x\7.onnx", "x" * 5000]
    for name in names:
        assert "error" in asked(at, do="set", control="model", value=name), name
        assert "error" in asked(at, do="connect", end="output", name=name), name
        assert "error" in asked(at, do="learn", target=name), name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as osc:
        osc.settimeout(WITHIN_S)
        osc.connect(("127.0.0.1", int(os.environ["IMPROV_OSC_PORT"])))
        for name in ("x" * 300 + ".onnx", "x" * 300, "gone.onnx", "a/b.onnx"):
            osc.send(build_msg("/improv/model", [name]).dgram)
            assert osc.recv(1 << 16).startswith(b"/improv/says\0")
    assert at.running() == pid
    assert "snapshot" in asked(at, do="status")


def engine_of(pid: int) -> int | None:
    """The process that runs the network."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"engine_process" in path.with_name("cmdline").read_bytes():
                return int(path.parent.name)
    return None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc")
def test_a_model_that_is_replaced_plays_on_until_it_is_asked_for_again(
    daemon: Callable[..., Instance], tmp_path: Path
) -> None:
    path, other = saved(walker(), tmp_path / "mine.onnx"), walker()
    describe(other, specification() | {"name": "another"})
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    at = daemon(f"--model={path}")
    pid = at.running()
    assert pid is not None

    def model() -> str:
        return str(asked(at, do="status")["snapshot"]["rig"]["model"])

    def next_engine() -> None:
        before = engine_of(pid)
        assert before is not None
        deaths = asked(at, do="status")["snapshot"]["rig"]["engine_deaths"]
        os.kill(before, signal.SIGKILL)
        until(lambda: asked(at, do="status")["snapshot"]["rig"]["engine_deaths"] > deaths)
        step = asked(at, do="status")["snapshot"]["step"]
        until(lambda: asked(at, do="status")["snapshot"]["step"] > step)

    saved(other, path)
    next_engine()
    assert model() == "walker"
    path.unlink()
    next_engine()
    assert model() == "walker"
    assert "error" in asked(at, do="set", control="model", value=str(path))
    saved(other, path)
    assert "error" not in asked(at, do="set", control="model", value=str(path))
    until(lambda: model() == "another")
    improv("daemon", "stop")
    take = read_take(find_take("last", takes_directory()))
    networks = [(entry.model, entry.model_sha256) for entry in take.entries if entry.model]
    assert take.head.model_sha256 == first
    assert networks == [("another", hashlib.sha256(path.read_bytes()).hexdigest())]


# --- where a command is asked -------------------------------------------------------------------------


class Broken:
    """A supervisor, and an interface, that fail in ways that nothing is prepared for."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.fails = True
        self.status = LiveStatus()
        self.player = self.engine = self

    def submit(self, command: Command) -> None:
        raise OSError(24, "Too many open files")

    def panic(self) -> None:
        raise OSError(24, "Too many open files")

    def swap_model(self, model: str) -> None:
        raise OSError(24, "Too many open files")

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def poll(self) -> list[Command]:
        if self.fails:
            raise RuntimeError("a door\nhas fallen in")
        return [Tap(1.0)]

    def readables(self) -> list[Any]:
        return [sys.stdin]


def test_an_unforeseen_error_is_an_answer_and_a_remark(tmp_path: Path) -> None:
    from improv.control.midi_controllers import Controllers

    broken = Broken()
    router = CommandRouter(broken, Controllers(()))  # type: ignore[arg-type]
    for command in (Panic(), Set("model", "partner"), Tap(1.0)):
        with pytest.raises(ImprovError, match=r"could not be done: OSError: .*Too many open files"):
            router.submit(command)
    assert len(broken.remarks) == 3


def test_an_interface_that_fails_fails_alone() -> None:
    broken, whole, asked = Broken(), Broken(), list[Command]()

    def ask(command: Command) -> str:
        asked.append(command)
        return ""

    whole.fails = False
    interfaces = Interfaces(ask, broken.remark)
    interfaces.add(broken)
    interfaces.add(whole)
    for _ in range(2):
        interfaces.poll()
    assert broken.remarks == ["an interface has failed: RuntimeError: a door has fallen in"]
    assert asked == [Tap(1.0)] * 2
    assert interfaces.readables() == [sys.stdin]
    broken.fails = False
    interfaces.poll()
    assert len(asked) == 4
    assert interfaces.readables() == [sys.stdin] * 2


def test_learned_maps_that_are_no_text_are_none(tmp_path: Path) -> None:
    from improv.runtime.live_controllers import learned_maps

    at, said = Instance(), list[str]()
    at.learned.parent.mkdir(parents=True)
    for content in (b"\xff\xfe\0", json.dumps({"map": 1}).encode(), b"[[map]]\nkind=1"):
        at.learned.write_bytes(content)
        assert learned_maps(at, said.append) == ()
    at.learned.unlink()
    os.mkfifo(at.learned)
    assert learned_maps(at, said.append) == ()
    assert len(said) == 4


def test_presets_that_are_no_file_are_said_not_waited_for(tmp_path: Path) -> None:
    from improv.config import presets
    from improv.errors import DataError

    path = tmp_path / "presets.toml"
    os.mkfifo(path)
    with pytest.raises(DataError, match="it is no ordinary file"):
        presets.load(path)
    path.unlink()
    path.write_bytes(b"\xff")
    with pytest.raises(DataError):
        presets.load(path)
    path.unlink()
    assert presets.load(path) == ()
