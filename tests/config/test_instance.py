"""One improv among several: who holds a name, what a dead one leaves behind, and where everything lies."""

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from improv.config import instance
from improv.config.instance import Instance, Origin
from improv.errors import AlreadyRunning, ImprovError, Unavailable, UsageError

HOLDER = """
import sys
from improv.config.instance import Instance
with Instance(sys.argv[1]).claimed():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where instances lie in these tests."""
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("IMPROV_STATE", str(tmp_path / "state"))
    return tmp_path


@contextmanager
def another(name: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds an instance, until it is killed or this is left."""
    command = [sys.executable, "-c", HOLDER, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def left(instance: Instance) -> set[str]:
    """The files of an instance but its lock, which stays."""
    return {path.name for path in instance.runtime.iterdir()} - {instance.lock.name}


@pytest.mark.parametrize("name", ["default", "a", "7", "stage-left", "x" * 31])
def test_a_name(name: str) -> None:
    assert Instance(name).name == name


@pytest.mark.parametrize("name", ["", "-a", "Stage", "a b", "a/b", "..", "a.b", "ü", "x" * 32, "a\n"])
def test_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="give up to 31 of a-z, 0-9 and -"):
        Instance(name)


def test_where_everything_lies(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Instance("stage")
    assert stage.socket == places / "run" / "stage.sock"
    assert {path.parent for path in (stage.lock, stage.pid_file, stage.options)} == {places / "run"}
    assert (stage.log, stage.learned) == (places / "state" / "stage.log", places / "state" / "stage.learned")
    for name in ("IMPROV_RUNTIME", "IMPROV_STATE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert stage.socket.parent.name == "improv"
    assert stage.log.parent != stage.learned.parent


@pytest.mark.parametrize(("length", "fits"), [(60, True), (200, False)])
def test_a_path_that_is_no_sockets(length: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPROV_RUNTIME", "/" + "x" * length)
    if fits:
        assert Instance().socket.name == "default.sock"
        return
    with pytest.raises(UsageError, match=r"at most \d+ bytes, this one has 214; set IMPROV_RUNTIME"):
        _ = Instance().socket


def test_the_longest_path_of_a_socket_is_one_a_socket_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = 107 - len(os.fsencode(tmp_path)) - len("//default.sock")
    (tmp_path / ("x" * room)).mkdir()
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / ("x" * room)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Instance().socket))
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / ("x" * (room + 1))))
    with pytest.raises(UsageError, match="this one has 108"):
        _ = Instance().socket


def test_who_holds_it() -> None:
    one = Instance("one")
    assert one.running() is None
    with one.claimed():
        assert one.running() == os.getpid()
        assert Instance("one").running() == os.getpid()
        assert stat.S_IMODE(one.runtime.stat().st_mode) == 0o700
    assert one.running() is None
    assert left(one) == set()


def test_two_play_side_by_side() -> None:
    one, two = Instance("one"), Instance("two")
    with one.claimed(), two.claimed(), another("three"):
        assert one.running() == two.running() == os.getpid()
        assert Instance("three").running() not in (None, os.getpid())


@pytest.mark.parametrize(("name", "says"), [("default", "improv daemon stop)"), ("stage", "stop --instance stage)")])
def test_a_second_one_is_told_who_is_playing(name: str, says: str) -> None:
    with another(name) as first:
        with pytest.raises(AlreadyRunning) as refused, Instance(name).claimed():
            pytest.fail("both hold it")
        assert Instance(name).running() == first.pid  # and it still does
    assert refused.value.exit_status == 75
    for part in (f"PID {first.pid}, instance {name}", "improv ctl", says, "--instance NAME"):
        assert part in str(refused.value)


def test_one_that_was_killed_keeps_no_other_from_starting() -> None:
    with another("stage") as first:
        first.kill()
        first.wait()
        stage = Instance("stage")
        assert stage.pid_file.read_text() == f"{first.pid}\n"
        assert stage.running() is None
        with stage.claimed():
            assert stage.running() == os.getpid()


def test_whatever_is_stale_is_removed() -> None:
    stage = Instance("stage")
    stage.runtime.mkdir()
    stage.lock.write_text("12345")
    stage.pid_file.write_text(str(os.getppid()))  # by now the number of another process
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stage.socket))
    assert stage.running() is None
    with stage.claimed():
        assert not stage.socket.exists()
        assert stage.running() == os.getpid()


def test_one_that_does_not_say_its_number_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with another("stage") as first:
        Instance("stage").pid_file.write_text("?")
        if sys.platform == "linux":
            assert Instance("stage").running() == first.pid  # the system says it
        monkeypatch.setattr(instance, "_guard_name", lambda _: None)
        with pytest.raises(Unavailable, match="does not say which process it is"):
            Instance("stage").running()


def test_a_failure_while_it_is_held_lets_it_go() -> None:
    with suppress(ZeroDivisionError), Instance().claimed():
        _ = 1 / 0
    with Instance().claimed():
        assert Instance().running() == os.getpid()


def test_how_it_was_started_is_known_while_it_plays_and_after_it_has_failed() -> None:
    one = Instance()
    assert one.origin() is None
    origin = Origin(os.getpid(), ("--tempo=90", "--output=Two Words"), ("--user", "improv.service"))
    with one.claimed(origin.arguments, origin.unit):
        assert one.origin() == origin
    assert one.origin() is None
    with suppress(ZeroDivisionError), one.claimed(origin.arguments, origin.unit):
        _ = 1 / 0
    assert one.origin() == origin
    with one.claimed():
        assert one.origin() == Origin(os.getpid())


@pytest.mark.parametrize("text", ["", "?", "[]", "{}", '{"pid": 1}', '{"pid": 1, "arguments": null, "unit": []}'])
def test_how_it_was_started_is_not_known_of_a_broken_file(text: str) -> None:
    one = Instance()
    with one.claimed():
        one.options.write_text(text)
        assert one.origin() is None


def test_how_another_was_started_is_not_taken_for_how_this_one_was() -> None:
    one = Instance()
    with one.claimed():
        one.options.write_text('{"pid": 1, "arguments": ["--tempo=90"], "unit": []}')
        assert one.origin() is None


def test_a_directory_that_others_may_read_is_closed_to_them(places: Path) -> None:
    (places / "run").mkdir(mode=0o755)
    with Instance().claimed():
        assert stat.S_IMODE((places / "run").stat().st_mode) == 0o700


def writable_by_all(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.mkdir()
    run.chmod(0o1777)


def somebody_elses(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.mkdir()
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)


def a_file(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write_text("")


@pytest.mark.parametrize("made", [writable_by_all, somebody_elses, a_file], ids=lambda made: made.__name__)
def test_a_directory_that_is_not_to_be_trusted(
    made: Callable[[Path, pytest.MonkeyPatch], None], places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(places / "run", monkeypatch)
    with pytest.raises(ImprovError, match="set IMPROV_RUNTIME to a directory of your own"), Instance().claimed():
        pytest.fail("it is held there")
