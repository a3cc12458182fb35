"""improv's own sound over a real JACK server, captured by another's program (`jack_capture`), beside what a synth makes
of the MIDI that leaves improv's port."""

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.ports.clients import sounding
from tests.ports.jack import IMPROV_OUT, SOUNDFONT, Server, conclusive
from tests.ports.jackd import RATE_HZ
from tests.ports.patience import eventually
from tests.ports.programs import Program, children
from tests.ports.witnessed import ended, hung, plays, say
from tests.synth.listening import click_db

pytestmark = [
    pytest.mark.ports,
    pytest.mark.usefixtures("programs"),
    pytest.mark.skipif(shutil.which("jack_capture") is None, reason="jack_capture is not installed"),
]

SOUND = ("improv synth:playback0", "improv synth:playback1")
JAM = (
    "jam",
    "--api",
    "jack",
    "--audio",
    "jack",
    "--mode",
    "solo",
    "--count-in",
    "0",
    "--seed",
    "3",
    "--tempo",
    "140",
    "--drums-mute",
)
QUIET = 1e-4


@pytest.fixture(autouse=True)
def fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same engine in improv as beside it."""
    monkeypatch.setenv("IMPROV_SYNTH", "fluidsynth")
    monkeypatch.setenv("IMPROV_SOUNDFONT", str(SOUNDFONT))


class Capture:
    """What `jack_capture` records of some ports, one channel each, until it is ended."""

    def __init__(self, server: Server, folder: Path, *ports: str) -> None:
        self.path = folder / f"capture-{time.monotonic_ns()}.wav"
        named = [part for port in ports for part in ("-p", port)]
        command = ("jack_capture", "-c", str(len(ports)), "-f", "wav", *named, "--filename", str(self.path), "--daemon")
        self._program = server.started("capture", *command)
        eventually(lambda: self.path.exists() and self.path.stat().st_size > 1000, "jack_capture")

    def ended(self) -> np.ndarray:
        """The samples, (frames, channels)."""
        self._program.signal(signal.SIGINT)
        self._program.ended()
        samples, rate = soundfile.read(self.path, dtype="float32", always_2d=True)
        assert rate == RATE_HZ
        return np.asarray(samples)


def ear(server: Server, folder: Path) -> str:
    """A FluidSynth that sounds on JACK, not connected; its programs are those of the parts."""
    setup = folder / "ear.cfg"
    setup.write_text("prog 0 11\nprog 1 4\n")
    settings = {
        "audio.jack.id": "ear", "audio.jack.autoconnect": 0, "midi.jack.id": "ear", "midi.autoconnect": 0,
        "synth.sample-rate": RATE_HZ, "synth.chorus.active": 0, "audio.period-size": 256,
    }  # fmt: skip
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    command = ("fluidsynth", "-q", "-i", "-s", "-a", "jack", "-m", "jack", "-f", str(setup), *options, str(SOUNDFONT))
    server.started("ear", *command)
    eventually(lambda: sum(port.startswith("ear:") for port in server.ports()) >= 3, "the other synth")
    return next(port for port in server.ports() if port.startswith("ear:midi"))


def attacks(samples: np.ndarray) -> np.ndarray:
    """How much louder it gets within 8 ms, for each millisecond, of (frames, 2)."""
    mono = np.abs(samples).max(axis=1)
    loud = np.convolve(mono[: len(mono) // 48 * 48].reshape(-1, 48).max(axis=1), np.ones(8) / 8, "same")
    return np.asarray(np.maximum(0, loud[8:] - loud[:-8]))


def lag_ms(one: np.ndarray, other: np.ndarray, most: int = 150) -> int:
    """How many milliseconds the attacks of `other` come later than those of `one`."""
    first, second = attacks(one), attacks(other)
    lags = range(-most, most)
    like = [float((first[most:-most] * second[most + lag : len(second) - most + lag]).sum()) for lag in lags]
    return lags[int(np.argmax(like))]


def sounds(program: Program, server: Server) -> None:
    eventually(lambda: set(SOUND) <= set(server.ports()), "the sound's ports")
    assert program.running, program.out + program.err


def test_it_sounds_by_itself_and_midi_lines_up_with_it(tmp_path: Path, takes: Path) -> None:
    def lines_up(server: Server) -> None:
        midi = ear(server, tmp_path)
        improv = server.improv_in_terminal(*JAM)
        eventually(lambda: IMPROV_OUT in server.ports(), "the ports")
        server.connect(IMPROV_OUT, midi)
        sounds(improv, server)
        audio = [port for port in server.ports() if port.startswith("ear:") and "midi" not in port]
        capture = Capture(server, tmp_path, *SOUND, *audio[:2])
        eventually(lambda: capture.path.stat().st_size > 10 * RATE_HZ * 4 * 2, "ten seconds of sound")
        heard = capture.ended()
        improv.strike(b"\x03")
        ended(improv)
        ours, theirs = heard[:, :2], heard[:, 2:]
        assert np.abs(ours).max() > 0.01
        late_ms = lag_ms(ours, theirs)
        say(f"MIDI's sound is {late_ms} ms later than improv's own")
        assert abs(late_ms) <= 15

    conclusive(lines_up, tmp_path)


def test_a_jam_that_is_ended_fades_out_and_leaves_no_click(tmp_path: Path, takes: Path) -> None:
    def fades(server: Server) -> None:
        improv = server.improv_in_terminal(*JAM)
        sounds(improv, server)
        capture = Capture(server, tmp_path, *SOUND)
        eventually(lambda: capture.path.stat().st_size > 5 * RATE_HZ * 2 * 2, "five seconds of sound")
        improv.strike(b"\x03")
        ended(improv)
        heard = capture.ended()
        assert np.abs(heard).max() > 0.01
        last = int(np.flatnonzero(np.abs(heard).max(axis=1) > QUIET)[-1])
        around = heard[max(0, last - 1200) : last + 1200]
        assert click_db(around) < -60

    conclusive(fades, tmp_path)


def test_a_synth_that_is_killed_costs_no_midi_and_sounds_again(tmp_path: Path, takes: Path) -> None:
    def goes_on(server: Server) -> None:
        witness = server.witness()
        improv = server.improv_in_terminal(*JAM)
        eventually(lambda: IMPROV_OUT in server.ports(), "the ports")
        server.connect(IMPROV_OUT, witness.port)
        sounds(improv, server)
        plays(witness)
        os.kill(children(improv.pid)["synth"], signal.SIGKILL)
        at = len(witness.heard())
        plays(witness, at)
        eventually(lambda: "the synth has died; another takes its place" in improv.out, "the remark")
        sounds(improv, server)
        capture = Capture(server, tmp_path, *SOUND)
        eventually(lambda: capture.path.stat().st_size > 4 * RATE_HZ * 2 * 2, "four seconds of sound")
        assert np.abs(capture.ended()).max() > 0.01
        improv.strike(b"\x03")
        ended(improv)
        assert not hung(witness.heard())
        assert not sounding(witness.heard())

    conclusive(goes_on, tmp_path)
