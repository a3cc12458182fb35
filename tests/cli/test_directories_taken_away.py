"""A daemon whose directory, socket or environment is taken away, or that is suspended.

The programs are real, and waited for however long they take.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from improv.config.instance import Instance
from improv.control.socket_server import ControlServer
from improv.system import programs as program
from tests.cli.fake_daemon import SEEN
from tests.models.onnx_models import saved, walker
from tests.ports.patience import eventually

IMPROV = (sys.executable, "-m", "improv")
JAM = "jam --api none --mode solo --tempo 400 --model eck2002-blues"
BLUES = f"{JAM} --choruses 1 --save jam.mid"
SHORT = "jam --api none --mode solo --tempo 400 --model ./one-bar.onnx --choruses 1 --save jam.mid"
"""As short as a jam can be."""

posix = pytest.mark.skipif(os.name != "posix", reason="needs Unix")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    saved(walker("C7"), tmp_path / "one-bar.onnx")
    return tmp_path


def improv(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*IMPROV, *shlex.split(line)], env=(os.environ | environment), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def daemon() -> Iterator[int]:
    """One that plays, by its number."""
    started = improv("daemon start --api none --mode solo --model eck2002-blues --save jam.mid")
    assert started.returncode == 0, started.stderr
    first, *saves = started.stdout.splitlines()
    assert saves == [f"the jam is saved to {Path.cwd() / 'jam.mid'} when it ends: nothing sounds here"]
    yield int(first.partition("PID ")[2].partition(")")[0])
    improv("daemon stop")


@posix
def test_one_whose_directory_is_taken_away_can_be_reached_again_and_stays_the_only_one(daemon: int) -> None:
    here = Instance()
    shutil.rmtree(here.runtime)
    if sys.platform == "linux":
        assert improv("daemon start --api none").returncode == 75
        assert here.running() == daemon
    eventually(lambda: here.socket.exists() and here.pid_file.exists(), "a socket again")
    status = improv("daemon status")
    assert (status.returncode, f"PID {daemon}" in status.stdout) == (0, True)
    assert f"the jam is saved to {Path.cwd() / 'jam.mid'} when it ends: nothing sounds here" in status.stdout
    here.lock.unlink()
    eventually(here.lock.exists, "a lock again")
    here.socket.unlink()
    eventually(here.socket.exists, "a socket again")
    stopped = improv("daemon stop")
    assert f"saved to {Path.cwd() / 'jam.mid'}" in stopped.stdout.splitlines()
    assert not here.socket.exists()


@posix
def test_one_that_is_suspended_is_ended_all_the_same(daemon: int) -> None:
    os.kill(daemon, signal.SIGSTOP)
    stopped = improv("daemon stop")
    assert (stopped.returncode, stopped.stdout.splitlines()[:2]) == (
        0,
        ["it does not answer; sending SIGTERM", f"improv has stopped (PID {daemon})"],
    )
    assert Path("jam.mid").exists()


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not say which process it is")
def test_one_that_cannot_be_reached_is_ended_all_the_same(daemon: int) -> None:
    runtime = Instance().runtime
    shutil.rmtree(runtime)
    runtime.write_text("a file in its place")
    assert Instance().running() == daemon
    stopped = improv("daemon stop")
    assert stopped.returncode == 0
    assert f"improv has stopped (PID {daemon})" in stopped.stdout
    assert runtime.read_text() == "a file in its place"


@posix
def test_in_an_empty_environment_it_plays(here: Path) -> None:
    home = {"HOME": str(here), "IMPROV_RUNTIME": str(here / "run")}
    jam = subprocess.run(
        [*program.improv(*shlex.split(SHORT))], env=home | {"PYTHONPATH": program.environment()["PYTHONPATH"]},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (jam.returncode, jam.stderr) == (0, "")
    assert (here / "jam.mid").exists()


def test_what_is_taken_away_from_an_instance_is_made_again_and_told() -> None:
    one = Instance()
    with one.claimed(["--tempo=90"]) as claim:
        assert claim.restore() == ""
        for take_away in (
            lambda: shutil.rmtree(one.runtime),
            one.lock.unlink,
            one.pid_file.unlink,
            lambda: one.pid_file.write_text("17"),
            lambda: one.lock.replace(one.lock.with_name("elsewhere")),
        ):
            take_away()
            assert claim.restore() == f"what makes improv reachable in {one.runtime} was taken away: it is made again"
            assert claim.restore() == ""
            assert one.running() == os.getpid()
            origin = one.origin()
            assert origin is not None
            assert origin.arguments == ("--tempo=90",)
    assert one.running() is None
    assert not one.pid_file.exists()


def test_where_it_cannot_be_made_again_it_is_told_and_tried_again() -> None:
    one = Instance()
    with one.claimed() as claim:
        shutil.rmtree(one.runtime)
        one.runtime.write_text("")
        assert "can't be reached until it can be made again" in claim.restore()
        one.runtime.unlink()
        assert claim.restore().endswith("it is made again")


def test_what_is_anothers_by_now_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot tell who is there, another may have come meanwhile."""
    monkeypatch.setattr("improv.config.instance._guard_name", lambda _: None)
    one = Instance()
    with one.claimed() as claim:
        shutil.rmtree(one.runtime)
        with one.claimed(), socket.socket(socket.AF_UNIX) as others:
            others.bind(str(one.socket))
            others.listen()
            assert "another improv has its lock now" in claim.restore()
            claim.release()
            assert (one.socket.exists(), one.pid_file.exists()) == (True, True)


def served(path: Path) -> ControlServer:
    server = ControlServer(path, "default", lambda command: "")
    server.show(SEEN)
    return server


@posix
def test_a_socket_that_is_taken_away_is_made_again(here: Path) -> None:
    path = here / "improv.sock"
    with served(path) as server:
        assert server.restore() == ""
        path.unlink()
        assert server.restore() == f"{path} was taken away: improv can be reached there again"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert server.restore() == ""
    assert not path.exists()


@posix
def test_a_socket_that_is_anothers_by_now_is_left_alone(here: Path) -> None:
    path = here / "improv.sock"
    with served(path) as server:
        path.unlink()
        with socket.socket(socket.AF_UNIX) as others:
            others.bind(str(path))
            others.listen()
            assert "another program listens there" in server.restore()
            server.__exit__(None, None, None)
            assert path.exists()
