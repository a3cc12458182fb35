"""The synth process beside the others, on a silent device: whatever becomes of it, the music goes on, and it is back.

What is heard of it is judged in tests/ports; what an engine makes of it in tests/synth.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.protocol.snapshot import SoundStatus
from improv.synth.choice import sonare
from improv.synth.device import missing
from tests.ports.patience import PATIENT_S, eventually
from tests.ports.programs import alive, children
from tests.runtime.test_supervisor import Jam, stopped

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the children"),
    pytest.mark.skipif(bool(missing()) or sonare() is None, reason="needs miniaudio and libsonare"),
    pytest.mark.usefixtures("takes"),
]

JAM = "jam --api none --mode solo --tempo 200 --count-in 0 --seed 5 --save jam.mid --audio null"
SYNTH = "synth"


@pytest.fixture
def jam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jam]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPROV_SYNTH", "libsonare")
    started: list[subprocess.Popen[bytes]] = []

    def start(line: str = JAM) -> Jam:
        out = tmp_path / "out.txt"
        with out.open("wb") as written:
            command = [sys.executable, "-u", "-m", "improv", *line.split()]
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written))
        return Jam(started[-1], out)

    yield start
    for process in started:
        process.kill()
        process.wait()


def sound() -> SoundStatus:
    """What improv's status says of its sound."""
    with ControlClient(Instance("default").socket, PATIENT_S) as client:
        return client.status().system.sound


def sounds(running: Jam) -> SoundStatus:
    running.says("bar 1")
    eventually(lambda: sound().engine, "the sound")
    return sound()


def test_it_sounds_and_says_what_with(jam: Callable[..., Jam]) -> None:
    running = jam()
    status = sounds(running)
    assert "libsonare" in status.engine
    assert status.device == "a silent device"
    assert 30 < status.latency_ms < 400
    synth = running.child(SYNTH)
    running.end()
    assert not alive(synth)


def test_without_sound_there_is_no_process_for_it(jam: Callable[..., Jam]) -> None:
    running = jam(JAM.replace("null", "off"))
    running.says("bar 2")
    assert not running.child(SYNTH)
    assert sound() == SoundStatus()


def test_a_synth_that_is_killed_is_replaced_and_the_music_goes_on(jam: Callable[..., Jam]) -> None:
    running = jam()
    sounds(running)
    for times in (1, 2):
        synth = running.child(SYNTH)
        os.kill(synth, signal.SIGKILL)
        running.another(SYNTH, synth)
        running.says("the synth has died; another takes its place", times)
        eventually(lambda: sound().engine, "the sound again")
        assert sound().deaths == times
    assert " 0 dropped onsets" in running.end()[-1]


def test_a_synth_that_is_stuck_is_replaced(jam: Callable[..., Jam]) -> None:
    running = jam()
    sounds(running)
    synth = running.child(SYNTH)
    with stopped(synth):
        running.another(SYNTH, synth)
    running.says("the synth is stuck; another takes its place")
    eventually(lambda: sound().engine, "the sound again")
    running.end()


@pytest.mark.parametrize("which", ["player", "engine"])
def test_when_another_process_is_killed_the_synth_stays(which: str, jam: Callable[..., Jam]) -> None:
    running = jam()
    sounds(running)
    synth, other = running.child(SYNTH), running.child(which)
    os.kill(other, signal.SIGKILL)
    running.another(which, other)
    bars = sum("bar" in line for line in running.said)
    eventually(lambda: sum("bar" in line for line in running.said) > bars + 2, "bars")
    assert running.child(SYNTH) == synth
    assert sound().engine
    running.end()


def test_a_daemon_that_is_killed_takes_its_synth_along(jam: Callable[..., Jam]) -> None:
    running = jam()
    sounds(running)
    below = children(running.process.pid)
    running.process.kill()
    eventually(lambda: not any(alive(pid) for pid in below.values()), "the end of its processes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--audio theremin", "improv: no audio device 'theremin' here; there is "),
        ("--soundfont nowhere.sf2", "improv: no SoundFont nowhere.sf2 in this folder or the usual ones, which have "),
        ("--audio-latency 2000", "improv: audio-latency 2000 is out of range; give 0 to 1000 ms"),
    ],
)
def test_what_is_asked_for_and_is_not_there_is_said(options: str, says: str, jam: Callable[..., Jam]) -> None:
    running = jam(f"{JAM} {options}")
    assert running.process.wait(60) in (2, 66)
    (line,) = running.said
    assert line.startswith(says)


def test_a_latency_that_is_given_is_taken(jam: Callable[..., Jam]) -> None:
    running = jam(f"{JAM} --audio-latency 300")
    assert 330 < sounds(running).latency_ms < 400
    running.end()
