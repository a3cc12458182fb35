"""improv as a job of a shell and a program of Unix: descriptors, signals and terminals.

The programs are real, and waited for however long they take.
"""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from improv.config.instance import Instance
from improv.protocol.commands import Command, Start, Stop
from improv.recording import find_take, read_take
from improv.recording.replay import check
from improv.runtime.signals import Signals, Suspension
from tests.conftest import tiers
from tests.models.onnx_models import saved, walker

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


def shell(line: str, **given: Any) -> "subprocess.CompletedProcess[str]":
    """A line of sh, in which improv is the program."""
    text = line.replace("improv", shlex.join(IMPROV), 1)
    return subprocess.run(
        ["sh", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300, **given
    )


# --- descriptors --------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("closed", tiers("<&- >&- 2>&-", "2>&-"))
def test_it_plays_whatever_descriptors_are_closed(closed: str, takes: Path) -> None:
    done = shell(f"improv {SHORT} {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    assert read_take(find_take("last", takes)).ended == "stopped"
    assert Path("jam.mid").exists()


@posix
@pytest.mark.parametrize("closed", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_what_is_closed_is_open_on_nothing(closed: tuple[int, ...], here: Path) -> None:
    code = (
        "import os, sys; from improv.system.programs import restore_process_defaults; restore_process_defaults()\n"
        "print('said'); print('told', file=sys.stderr); sys.stdout.flush()\n"
        "opened = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
        "os.write(opened, b'%d %s' % (opened, sys.stdin.read().encode()))"
    )
    shut = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    line = f"exec {shlex.join([sys.executable, '-c', code, str(here / 'found')])} {shut}"
    done = subprocess.run(["sh", "-c", line], input="heard", capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == ("" if 1 in closed else "said\n", "" if 2 in closed else "told\n")
    number, _, heard = (here / "found").read_text().partition(" ")
    assert int(number) > 2
    assert heard == ("" if 0 in closed else "heard")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["config show", "takes", "--help", "--version", SHORT])
def test_what_cannot_be_printed_is_told_in_one_line(line: str) -> None:
    done = shell(f"improv {line} >/dev/full")
    assert (done.returncode, done.stderr) == (1, "improv: stdout: No space left on device\n")
    assert ("--save" in line) == Path("jam.mid").exists()  # and it has played


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_failure_is_told_as_ever_where_nothing_can_be_printed() -> None:
    done = shell("improv daemon status >/dev/full")
    assert done.returncode == 69
    assert done.stderr.count("\n") == 1


@posix
def test_a_reader_that_has_had_enough_is_no_failure_of_a_jam(takes: Path) -> None:
    done = shell(f"improv {SHORT} | head -1")
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    assert read_take(find_take("last", takes)).ended == "stopped"


# --- signals ------------------------------------------------------------------------------------


@posix
def test_what_is_inherited_of_signals() -> None:
    """Blocked ones come all the same, and a child's end is told."""
    code = (
        "import signal, subprocess, sys\n"
        "from improv.system.programs import restore_process_defaults\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN); signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "restore_process_defaults()\n"
        "assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL\n"
        "assert subprocess.run([sys.executable, '-c', 'raise SystemExit(7)']).returncode == 7\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@posix
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_ignored(number: signal.Signals, takes: Path) -> None:
    """`nohup improv jam` and a hang-up; and the interrupt of a job in the background of sh."""
    line = f"trap '' {number.name.removeprefix('SIG')}; exec {shlex.join(IMPROV)} {JAM} --save jam.mid"
    with subprocess.Popen(["sh", "-c", line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as jam:
        assert jam.stdout is not None
        while "bar 1 " not in jam.stdout.readline():
            assert jam.poll() is None
        jam.send_signal(number)
        while "bar 4 " not in jam.stdout.readline():
            assert jam.poll() is None
        jam.send_signal(signal.SIGTERM)
        jam.communicate(timeout=180)
    assert jam.returncode == 0
    assert read_take(find_take("last", takes)).ended == "stopped"


def test_ignored_signals_are_left_alone_and_others_are_taken_and_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGCONT)
            assert signals.continued
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGHUP, hang_up)


class Paused:
    """What a suspension is between: signals, a terminal, and a process that obeys."""

    def __init__(self) -> None:
        self.suspends = self.continued = False
        self.done: list[str] = []
        self.now_s = 0.0
        self.suspension = Suspension(self, self, self.ask, lambda text: None, lambda: self.now_s)  # type: ignore[arg-type]

    def ask(self, command: Command) -> None:
        self.done.append(type(command).__name__)

    def grab(self) -> None:
        self.done.append("grab")

    def release(self) -> None:
        self.done.append("release")

    def suspend(self) -> None:
        self.suspends = False
        self.done.append("suspend")

    def seen(self, *, playing: bool) -> None:
        seen: Any = SimpleNamespace(playing=playing)
        self.suspension.show(seen)
        self.suspension.tend()


def test_a_jam_is_suspended_once_its_music_has_ended_and_begins_again() -> None:
    paused = Paused()
    paused.seen(playing=True)
    paused.suspends = True
    paused.seen(playing=True)
    paused.seen(playing=True)
    assert paused.done == ["Stop"]
    paused.seen(playing=False)
    assert paused.done == ["Stop", "release", "suspend", "grab", "Start"]
    paused.seen(playing=True)
    assert paused.done[5:] == []


def test_one_that_does_not_play_is_suspended_at_once_and_does_not_begin() -> None:
    paused = Paused()
    paused.seen(playing=False)
    paused.suspends = True
    paused.seen(playing=False)
    assert paused.done == ["release", "suspend", "grab"]


def test_an_engine_that_does_not_obey_does_not_prevent_suspending() -> None:
    paused = Paused()
    paused.suspends = True
    paused.seen(playing=True)
    paused.now_s = 5.0
    paused.seen(playing=True)
    assert paused.done == ["Stop", "release", "suspend", "grab", "Start"]


def test_one_that_was_stopped_otherwise_has_its_terminal_back() -> None:
    paused = Paused()
    paused.continued = True
    paused.seen(playing=True)
    assert paused.done == ["grab"]
    paused.seen(playing=True)
    assert paused.done == ["grab"]


# --- a terminal ---------------------------------------------------------------------------------


class Bash:
    """A shell with job control in a terminal of its own."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        command = ["setsid", "--ctty", "bash", "--norc", "--noprofile", "-i"]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"PS1": "$ ", "TERM": "dumb"}
        )
        os.close(slave)
        self.said = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str, times: int = 1) -> str:
        """Read until something was said so often since this was last asked: what was said before it."""
        deadline_s = time.monotonic() + 120
        while self.said.count(text) < times:
            assert time.monotonic() < deadline_s, f"no {text!r} in {self.said!r}"
            if select.select([self.master], [], [], 0.5)[0]:
                self.said += os.read(self.master, 1 << 16).decode(errors="replace")
        at = self.said.rindex(text)
        before, self.said = self.said[:at], self.said[at + len(text) :]
        return before

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def bash() -> Iterator[Bash]:
    if not (shutil.which("setsid") and shutil.which("bash")):
        pytest.skip("needs setsid and bash")
    bash = Bash()
    yield bash
    subprocess.run([*IMPROV, "daemon", "stop"], check=False, capture_output=True)
    bash.end()


def test_a_jam_is_paused_by_its_terminal_and_goes_on_in_front_and_behind(bash: Bash, takes: Path) -> None:
    bash.type(f"{shlex.join(IMPROV)} {JAM}\n")
    bash.until("bar 1 ")
    bash.type("\x1a")
    bash.until("suspended: fg or bg goes on, from the top of the form")
    bash.until("Stopped")
    bash.type("stty -a\n")
    bash.until(" icanon")  # the terminal is as it was
    bash.until(" echo ")
    bash.type("fg\n")
    bash.until("count-in")
    bash.until("bar 1 ")
    bash.type("-")  # and its keys are alive
    bash.until("396 bpm")
    bash.type("\x1a")
    bash.until("Stopped")
    bash.type("bg\n")
    bash.until("bar 1 ")
    bash.type("echo 4$((3))2\n")  # what is typed is the shell's
    bash.until("432")
    bash.type("fg\n")
    bash.type("+")
    bash.until("400 bpm")
    bash.type("q")
    bash.until("onsets, late by")
    bash.type("stty -a\n")
    bash.until(" icanon")
    checked = check(find_take("last", takes))
    assert (checked.unchecked, checked.recording.missing) == (0, [])
    asked = [command for entry in checked.recording.entries for command in entry.heard.commands]
    assert [type(command) for command in asked if isinstance(command, Start | Stop)] == [Stop, Start, Stop, Start]


def test_a_take_that_is_played_again_is_paused_by_its_terminal_and_goes_on_from_there(bash: Bash, takes: Path) -> None:
    assert shell(f"improv {BLUES}").returncode == 0
    bash.type(f"{shlex.join(IMPROV)} replay last --api none\n")
    bash.until("bar 3 ")
    bash.type("\x1a")
    bash.until("suspended: fg or bg goes on, from there")
    bash.until("Stopped")
    bash.type("fg\n")
    assert "bar 1 " not in (said := bash.until("bar 5 "))
    assert "another takes its place" not in said + bash.until("onsets, late by")


def test_a_jam_that_is_stopped_otherwise_misses_nothing(bash: Bash, takes: Path) -> None:
    bash.type(f"{shlex.join(IMPROV)} {JAM}\n")
    bash.until("bar 1 ")
    (pid,) = [Instance().running()]
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    bash.until("Stopped")
    bash.type("fg\n")
    bash.until("bar 4 ")
    bash.type("q")
    bash.until("onsets, late by")
    checked = check(find_take("last", takes))
    assert (checked.unchecked, checked.recording.missing) == (0, [])
