"""The two bindings to RtMidi look the same to their users: the same names, the same errors, the same music."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supriya_midi.rtmidi_ext import RtMidiAPI, RtMidiErrorType

from improv.diagnostics.checks.midi import assess_binding
from improv.errors import Unavailable
from improv.midi import rtmidi_binding, supriya, systems
from improv.midi.rtmidi_binding import rtmidi
from improv.system.quiet import quiet
from tests.ports.jack import Server, conclusive, missing
from tests.ports.patience import eventually

WITHOUT_PYTHON_RTMIDI = "import sys\nsys.modules['rtmidi'] = None\n"


class RtMidi:
    """An RtMidi whose calls complain as they are told to."""

    def __init__(self, names: tuple[str, ...] = ("synth:in",)) -> None:
        self.names = names
        self.complaints: list[tuple[RtMidiErrorType, str]] = []
        self.sent: list[list[int]] = []
        self.waiting: list[list[int]] = []
        self.ignored: tuple[bool, ...] = ()
        self.api = RtMidiAPI.UNIX_JACK
        self._complain: Callable[..., None] = lambda *_: None

    def set_error_callback(self, complain: Callable[..., None]) -> None:
        self._complain = complain

    def _called(self) -> None:
        for kind, text in self.complaints:
            self._complain(kind, text, None)

    def get_current_api(self) -> RtMidiAPI:
        return self.api

    def get_port_count(self) -> int:
        self._called()
        return len(self.names)

    def get_port_name(self, number: int) -> str:
        self._called()
        return self.names[number].encode("latin-1").decode()

    def open_port(self, number: int, name: str) -> None:
        self._called()

    def open_virtual_port(self, name: str) -> None:
        self._called()

    def close_port(self) -> None:
        self._called()

    def send_message(self, message: list[int]) -> None:
        self._called()
        self.sent.append(message)

    def get_message(self) -> tuple[list[int], float]:
        return (self.waiting.pop(0), 0.5) if self.waiting else ([], 0.0)

    def ignore_types(self, *types: bool) -> None:
        self.ignored = types


@pytest.fixture
def midi(monkeypatch: pytest.MonkeyPatch) -> RtMidi:
    midi = RtMidi()
    for name in ("RtMidiIn", "RtMidiOut"):
        monkeypatch.setattr(supriya, name, lambda *_: midi)
    return midi


def test_both_have_every_name_that_is_used() -> None:
    """Neither may lack what only the other is tried with."""
    sources = [path.read_text() for path in Path(systems.__file__).parents[1].rglob("*.py")]
    used = {name for source in sources for name in re.findall(r"\brtmidi\.([A-Za-z_]+)\b", source)} - {"__name__"}
    assert {"MidiIn", "MidiOut", "SystemError", "API_UNIX_JACK", "get_compiled_api"} <= used
    lacking = used - {"SYSTEM_LIBJACK"} - set(dir(supriya)) | used - {"SYSTEM_LIBJACK"} - set(dir(rtmidi))
    assert lacking == set()
    for name in ("API_LINUX_ALSA", "API_UNIX_JACK", "API_MACOSX_CORE", "API_WINDOWS_MM"):
        assert getattr(supriya, name) == getattr(rtmidi, name)


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        (RtMidiErrorType.DRIVER_ERROR, "it fails", supriya.SystemError),
        (RtMidiErrorType.NO_DEVICES_FOUND, "MidiInCore::openPort: no MIDI input sources found!", supriya.SystemError),
        (RtMidiErrorType.INVALID_USE, "not now", supriya.InvalidUseError),
        (RtMidiErrorType.INVALID_PARAMETER, "no such port", supriya.InvalidPortError),
        (RtMidiErrorType.WARNING, "the 'portNumber' argument (9) is invalid.", supriya.InvalidPortError),
        (RtMidiErrorType.WARNING, "MidiOutAlsa::sendMessage: error sending MIDI message to port.", supriya.SystemError),
        (RtMidiErrorType.WARNING, "openPort: a valid connection already exists!", supriya.InvalidUseError),
        (RtMidiErrorType.WARNING, "no port is open; messages are being dropped.", supriya.RtMidiError),
    ],
)
def test_each_complaint_is_raised_and_raised_again(
    kind: RtMidiErrorType, text: str, error: type[Exception], midi: RtMidi
) -> None:
    out = supriya.MidiOut(supriya.API_UNIX_JACK, "out")
    midi.complaints = [(kind, text)]
    for _ in range(2):
        with pytest.raises(supriya.RtMidiError, match=re.escape(text)) as raised:
            out.send_message(b"\x90\x40\x40")
        assert type(raised.value) is error
    midi.complaints = [(RtMidiErrorType.DEBUG_WARNING, "by the way")]
    out.send_message(b"\x80\x40\x40")
    assert midi.sent[-1] == [0x80, 0x40, 0x40]


def test_a_port_that_could_not_be_opened_can_be_tried_again(midi: RtMidi) -> None:
    out = supriya.MidiOut(supriya.API_UNIX_JACK, "out")
    midi.complaints = [(RtMidiErrorType.WARNING, "the reason"), (RtMidiErrorType.DRIVER_ERROR, "openPort: what it is")]
    with pytest.raises(supriya.SystemError, match="what it is"):
        out.open_port(0, "port")
    midi.complaints = []
    out.open_port(0, "port")
    with pytest.raises(supriya.InvalidUseError):
        out.open_port(0, "port")
    out.close_port()
    out.open_virtual_port("port")
    out.close_port()
    with pytest.raises(supriya.InvalidUseError):  # as with python-rtmidi: only deleting it leaves a virtual port
        out.open_port(0, "port")


def test_windows_has_no_virtual_ports(midi: RtMidi) -> None:
    midi.api = RtMidiAPI.WINDOWS_MM
    with pytest.raises(supriya.UnsupportedOperationError):
        supriya.MidiOut(supriya.API_WINDOWS_MM, "out").open_virtual_port("port")


def test_a_name_that_is_no_utf_8_costs_only_its_letters(midi: RtMidi) -> None:
    midi.names = ("Fl\xfcgel", "synth")
    assert supriya.MidiOut(supriya.API_UNIX_JACK).get_ports() == ["Flgel", "synth"]


def test_what_arrives_is_polled(midi: RtMidi) -> None:
    into = supriya.MidiIn(supriya.API_UNIX_JACK, name="in", queue_size_limit=1 << 14)
    into.ignore_types(sysex=False, timing=False, active_sense=True)
    midi.waiting = [[0x90, 60, 1], [0xFE]]
    assert [into.get_message() for _ in range(3)] == [([0x90, 60, 1], 0.5), ([0xFE], 0.5), None]
    assert midi.ignored == (False, False, True)
    with pytest.raises(ValueError, match="at least one byte"):
        supriya.MidiOut(supriya.API_UNIX_JACK).send_message(b"")


def test_a_system_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-no-such-server")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    for binding in (supriya, rtmidi):
        with quiet(), pytest.raises(binding.SystemError):
            binding.MidiOut(binding.API_UNIX_JACK, name="out")


def _told(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("missing_libjack", [False, True])
def test_without_python_rtmidi_the_other_serves_and_says_what_it_cannot_do(missing_libjack: bool) -> None:
    hidden = "import ctypes\ndef none(*_, **__): raise OSError\nctypes.CDLL = none\n" if missing_libjack else ""
    asks = (
        "from improv.midi.rtmidi_binding import *\nprint(NAME, description(), bundled_libjack(), limits(), sep='\\n')"
    )
    name, description, bundled, *limits = _told(WITHOUT_PYTHON_RTMIDI + hidden + asks)
    assert name == "supriya-midi"
    assert re.fullmatch(r"supriya-midi 26\.\S+ \(RtMidi 6\.\S+\)", description)
    assert (bundled == "True") == bool("".join(limits))
    if missing_libjack and sys.platform == "linux":
        assert "JACK cannot be reached" in limits[0]


def test_the_doctor_tells_which_it_is() -> None:
    well = assess_binding("python-rtmidi", "python-rtmidi 1.5.8 (RtMidi 5.0.0)", "")
    assert (well.ok, well.says) == (True, "python-rtmidi 1.5.8 (RtMidi 5.0.0)")
    other = assess_binding("supriya-midi", "supriya-midi 26.10b4 (RtMidi 6.1.0)", "JACK cannot be reached")
    assert other.ok is None
    assert other.says.startswith("supriya-midi 26.10b4 (RtMidi 6.1.0), as python-rtmidi is not installed")
    assert "JACK cannot be reached" in other.says
    assert "libjack" in other.mend


def test_who_finds_no_midi_system_hears_of_the_bindings_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise rtmidi.SystemError("none")

    monkeypatch.setattr(systems, "new_client", none)
    monkeypatch.setattr(systems, "limits", lambda: "JACK cannot be reached")
    with pytest.raises(Unavailable, match=r"no MIDI system answers.*\. JACK cannot be reached"):
        systems.reachable_api()


@pytest.mark.ports
def test_a_jam_with_the_other_binding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole program without python-rtmidi, over real ports: heard, played, passed on."""
    if lacking := missing():
        (pytest.fail if os.environ.get("IMPROV_REQUIRE_PORTS") else pytest.skip)(f"needs {', '.join(lacking)}")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PYTHON_RTMIDI)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def jammed(server: Server) -> None:
        doctor = server.python("from improv.diagnostics.doctor import main; main(['midi_binding'])")
        assert doctor.ended() == 0, doctor.err
        assert "supriya-midi" in json.loads(doctor.out)[0]["says"]
        witness, keyboard = server.witness(), server.keyboard()
        jam = server.improv(
            "jam", "--api", "jack", "--model", "eck2002-blues", "--mode", "solo", "--tempo", "300", "--seed", "1",
            "--input", keyboard.port, "--output", witness.port, "--thru",
        )  # fmt: skip
        eventually(lambda: any(event.channel == 1 for event in witness.onsets), "a melody")
        keyboard.play([(0x95, 61, 90), (0x85, 61, 64)])
        eventually(lambda: any((event.channel, event.pitch) == (6, 61) for event in witness.onsets), "what was played")
        jam.end()
        eventually(lambda: not jam.running, "its end")
        assert not {event for event in witness.onsets if event.pitch == 61 and event.channel != 6}

    conclusive(jammed, tmp_path)


def test_which_one_is_used_here() -> None:
    assert ("python-rtmidi" if sys.version_info < (3, 13) else "supriya-midi") == rtmidi_binding.NAME
