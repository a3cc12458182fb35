"""The doctor: what it finds in worlds that are made up, that it outlives its own checks, and what it prints."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from improv.cli.doctor import doctor
from improv.config.instance import Instance
from improv.diagnostics import doctor as doctors
from improv.diagnostics.checks import midi, networks
from improv.diagnostics.checks.files import check_folder
from improv.diagnostics.checks.finding import Finding
from improv.diagnostics.checks.midi import assess_ports, assess_systems
from improv.diagnostics.checks.networks import FASTEST_EIGHTH_S, assess_model
from improv.diagnostics.checks.round_trip import assess_round_trip, send_and_time
from improv.diagnostics.checks.sound import assess_device
from improv.diagnostics.checks.timing import assess_rights, assess_wake_ups
from improv.diagnostics.doctor import CHECKS, checks, run_apart, run_here
from improv.errors import Unavailable
from improv.midi import rtmidi_binding, systems
from improv.midi.rtmidi_binding import rtmidi
from tests.models.onnx_models import saved, walker

BOTH = ("alsa", "jack")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of the test's own, whose JACK server is not there."""
    monkeypatch.setenv("IMPROV_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("IMPROV_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path / "takes"))
    monkeypatch.setenv("IMPROV_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "none")
    monkeypatch.delenv("PIPEWIRE_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


# --- worlds and what is found in them -------------------------------------------------------------

Findings = Callable[[], Finding | Sequence[Finding]]

WORLDS: Sequence[tuple[str, Findings, Sequence[tuple[bool | None, str, str]]]] = [
    (
        "ALSA and JACK answer",
        lambda: assess_systems(BOTH, BOTH, own_libjack=False, pipewire=False),
        [(True, "alsa is used; compiled in: alsa, jack; answering: alsa, jack", "")],
    ),
    (
        "only JACK answers",
        lambda: assess_systems(BOTH, ["jack"], own_libjack=True, pipewire=False),
        [(True, "jack is used", "")],
    ),
    (
        "nothing answers",
        lambda: assess_systems(BOTH, [], own_libjack=True, pipewire=False),
        [(False, "none answers (compiled in: alsa, jack)", "modprobe snd-seq")],
    ),
    (
        "PipeWire, and the wheel",
        lambda: assess_systems(BOTH, ["alsa"], own_libjack=True, pipewire=True),
        [(True, "alsa is used", ""), (None, "cannot reach PipeWire's JACK", "--no-binary")],
    ),
    (
        "PipeWire, and rtmidi built here",
        lambda: assess_systems(BOTH, BOTH, own_libjack=False, pipewire=True),
        [(True, "alsa is used", "")],
    ),
    (
        "a keyboard and a synth",
        lambda: assess_ports(["Keystation"], ["Synth"], sounds=False),
        [(True, "Keystation", ""), (True, "Synth", "")],
    ),
    (
        "nothing but what ALSA always has",
        lambda: assess_ports(["Midi Through:0"], ["Midi Through:0"], sounds=False),
        [(None, "none to play on", "keyboard"), (False, "none to be heard on", "start a synth")],
    ),
    (
        "no synth, and a sound of its own",
        lambda: assess_ports(["Keystation"], [], sounds=True),
        [(True, "Keystation", ""), (None, "improv sounds by itself", "start a synth")],
    ),
    ("rights granted", lambda: assess_rights(True, -1), [(True, "granted, priority 60 (no limit)", "")]),
    ("rights refused", lambda: assess_rights(False, 0), [(False, "refused (limit 0, 60 is wanted)", "rtprio 95")]),
    ("a quiet machine", lambda: assess_wake_ups([60.0] * 99 + [900.0]), [(True, "99th percentile is 900 us late", "")]),
    ("a busy machine", lambda: assess_wake_ups([60.0] * 90 + [5000.0] * 10), [(False, "5000 us late", "governor")]),
    (
        "a quick network",
        lambda: assess_model("model walker", "ab" * 32, [0.001] * 50),
        [(True, "sha256 abababababab, contract kept, 99th percentile of a step 1.00 ms; the fastest eighth", "")],
    ),
    (
        "a slow network",
        lambda: assess_model("model walker", "ab" * 32, [FASTEST_EIGHTH_S] * 50),
        [(False, "which is slow: the fastest eighth lasts 37.5 ms", "up to 200 bpm")],
    ),
    (
        "a network slower than any tempo",
        lambda: assess_model("model walker", "ab" * 32, [1.0] * 50),
        [(False, "1000.00 ms", "up to 20 bpm")],
    ),
    ("all came back", lambda: assess_round_trip(2, [0.001, 0.002]), [(True, "2 of 2 notes came back", "")]),
    (
        "one was lost",
        lambda: assess_round_trip(20, [0.001] * 19),
        [(False, "19 of 20 notes came back", "restart the MIDI")],
    ),
    ("no loop", lambda: assess_round_trip(0, []), [(False, "is not in the list of ports", "restart the MIDI system")]),
    (
        "a device that sounds",
        lambda: assess_device("Speakers", 0.0513, 0),
        [(True, "a note was played on Speakers, 51 ms after the beat", "")],
    ),
    (
        "a device that has to wait",
        lambda: assess_device("Speakers", 0.05, 3),
        [(False, "with 3 gaps", "end what keeps this machine busy")],
    ),
]


@pytest.mark.parametrize(("findings", "expected"), [world[1:] for world in WORLDS], ids=[world[0] for world in WORLDS])
def test_what_is_found_in_a_world(findings: Findings, expected: Sequence[tuple[bool | None, str, str]]) -> None:
    found = findings()
    found = [found] if isinstance(found, Finding) else found
    assert [finding.ok for finding in found] == [ok for ok, _, _ in expected]
    for finding, (ok, says, mend) in zip(found, expected, strict=True):
        assert says in finding.says
        assert mend in finding.mend
        assert ok or finding.mend  # whatever is not in order can be mended


# --- each check in a world ------------------------------------------------------------------------


def found(name: str) -> list[tuple[bool | None, str]]:
    """What a check finds here."""
    return [(finding.ok, finding.says) for finding in CHECKS[name](Instance("tested"))]


def test_which_systems_answer(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_jack(wanted: str | None = None) -> str:
        if wanted == "jack":
            return "jack"
        raise Unavailable("it does not answer")

    monkeypatch.setattr(systems, "reachable_api", only_jack)
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_LINUX_ALSA, rtmidi.API_UNIX_JACK])
    assert found("midi_systems") == [(True, "jack is used; compiled in: alsa, jack; answering: jack")]
    (places / "pipewire-0").touch()
    wheel = places / "site"
    for name in ("rtmidi", "python_rtmidi.libs"):
        (wheel / name).mkdir(parents=True)
    monkeypatch.setattr(rtmidi, "__file__", str(wheel / "rtmidi" / "__init__.py"))
    monkeypatch.setattr(rtmidi_binding, "NAME", "python-rtmidi")
    assert len(found("midi_systems")) == 1
    (wheel / "python_rtmidi.libs" / "libjack-5305d520.so.0.1.0").touch()
    assert found("midi_systems")[1][0] is None


@pytest.mark.parametrize("name", ["ports", "round_trip"])
def test_where_there_is_no_midi_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(wanted: str | None = None) -> str:
        raise Unavailable("no server answers")

    monkeypatch.setattr(systems, "reachable_api", none)
    assert [ok for ok, _ in found(name)] == [None]


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")
@pytest.mark.parametrize(
    ("devices", "openable", "ok", "says"),
    [
        ([], True, None, "so no ALSA ports"),
        (["seq", "controlC0"], True, True, "may be opened"),
        (["seq", "controlC0"], False, False, "controlC0, seq in"),
    ],
)
def test_the_devices_of_alsa(
    devices: list[str], openable: bool, ok: bool | None, says: str, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in devices:
        (places / name).touch()
    monkeypatch.setattr(Path, "is_char_device", lambda path: path.name in devices)
    monkeypatch.setattr(midi, "_openable", lambda device: openable)
    (finding,) = midi.sound_devices(Instance(), places)
    assert finding.ok is ok
    assert says in finding.says
    assert ok is not False or "usermod -aG audio" in finding.mend


class Loop:
    """A port that gives back what it is sent, but for what it loses, in a time that only sleeping moves."""

    def __init__(self, lost: Sequence[int] = (), stray: bool = False) -> None:
        self.now_s = 0.0
        self._lost = lost
        self._queue: list[tuple[bytes, float]] = [(b"\xb0\x01\x02", 0.0)] if stray else []

    def send(self, message: bytes) -> None:
        if message[1] not in self._lost:
            self._queue.append((message, 0.0))

    def receive(self) -> tuple[list[int], float] | None:
        if not self._queue:
            return None
        message, delta_s = self._queue.pop(0)
        return list(message), delta_s

    def sleep(self, for_s: float) -> None:
        self.now_s += for_s


@pytest.mark.parametrize(
    ("loop", "back"), [(Loop(), 20), (Loop(stray=True), 20), (Loop(lost=[60, 71]), 18), (Loop(lost=range(128)), 0)]
)
def test_a_round_trip(loop: Loop, back: int) -> None:
    sent, took_s = send_and_time(loop.send, loop.receive, lambda: loop.now_s, loop.sleep)
    assert (sent, len(took_s)) == (20, back)
    assert assess_round_trip(sent, took_s).ok is (back == 20)


class Client:
    """An rtmidi client whose virtual port is in no list, or that can have none."""

    given_back = 0

    def __init__(self, api: int, name: str, virtual: bool = True) -> None:
        self._virtual = virtual

    def open_virtual_port(self, name: str) -> None:
        if not self._virtual:
            raise NotImplementedError

    def get_ports(self) -> list[str]:
        return ["Midi Through:0"]

    def close_port(self) -> None:
        pass

    def delete(self) -> None:
        Client.given_back += 1


@pytest.mark.parametrize(("virtual", "ok"), [(True, False), (False, None)])
def test_a_round_trip_that_cannot_be_made(virtual: bool, ok: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "reachable_api", lambda: "alsa")
    monkeypatch.setattr(Client, "given_back", 0)
    for name in ("MidiIn", "MidiOut"):
        monkeypatch.setattr(rtmidi, name, lambda api, name: Client(api, name, virtual))
    assert [was for was, _ in found("round_trip")] == [ok]
    assert Client.given_back == 2


def test_models_that_are_well_and_that_are_not(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = places / "models"
    folder.mkdir()
    saved(walker(), folder / "walker.onnx")
    (folder / "broken.onnx").write_bytes((folder / "walker.onnx").read_bytes()[:1000])
    monkeypatch.setattr(networks, "_PACE_S", 0.0)
    well = {finding.what: finding for finding in networks.models(Instance())}
    assert "contract kept" in well["model walker"].says
    assert well["model broken"].ok is False
    assert "export or copy it again" in well["model broken"].says


def test_where_there_are_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.models.catalog.model_paths", dict)
    (ok, says), *of_band = found("models")
    assert not ok
    assert says.startswith("none in")
    assert len(of_band) == 3  # the band's are there
    monkeypatch.setattr("improv.models.catalog.band_model_paths", dict)
    assert [ok for ok, _ in found("models")] == [False]


def test_directories_that_can_be_written(places: Path) -> None:
    assert all(ok for ok, _ in found("directories"))
    assert len(found("directories")) == 4
    assert list(places.iterdir()) == []  # and nothing was left there


def test_a_directory_that_cannot_be_written(places: Path) -> None:
    (places / "takes").write_text("")
    finding = check_folder("takes", places / "takes", "IMPROV_TAKES")
    assert finding.ok is False
    assert "set IMPROV_TAKES" in finding.mend


def test_a_daemon_that_is_not_there_and_one_that_does_not_answer() -> None:
    assert found("daemon") == [(None, "none is playing as tested")]
    with Instance("tested").claimed():
        assert [ok for ok, _ in found("daemon")] == [False]
    assert "improv daemon restart --instance tested" in mended_by("daemon")


def mended_by(name: str) -> str:
    with Instance("tested").claimed():
        return run_here(name, Instance("tested"))[0].mend


# --- all of them ----------------------------------------------------------------------------------


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(instance: Instance) -> list[Finding]:
        raise RuntimeError("the driver\nis gone")

    monkeypatch.setattr(doctors, "CHECKS", MappingProxyType({"round_trip": crash}))
    assert run_here("round_trip", Instance()) == [Finding("round trip", False, "RuntimeError: the driver is gone")]


@pytest.mark.parametrize(
    ("program", "within_s", "says"),
    [
        ("import time; time.sleep(600)", 0.5, "no answer within 0.5 s"),
        ("import os; os.kill(os.getpid(), 11)", 60, "exit status -11"),
        ("raise SystemExit('no such driver')", 60, "no such driver"),
        ("print('hello')", 60, "exit status 0"),
        ("print('[{}]')", 60, "exit status 0"),
        ("", 60, "exit status 0"),
    ],
)
def test_a_check_that_hangs_or_dies_is_a_finding(
    program: str, within_s: float, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda _, **how: run([sys.executable, "-c", program], **how))
    (finding,) = run_apart("timer", Instance(), within_s)
    assert (finding.what, finding.ok) == ("timer", False)
    assert says in finding.says


def test_what_a_library_prints_does_not_hide_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    program = 'print("jack says hello"); print(\'[{"what": "ports", "ok": null, "says": "none"}]\')'
    monkeypatch.setattr(subprocess, "run", lambda _, **how: run([sys.executable, "-c", program], **how))
    assert run_apart("ports", Instance(), 10.0) == [Finding("ports", None, "none")]


def test_a_check_apart_finds_what_it_finds_here() -> None:
    assert run_apart("daemon", Instance("tested"), 30.0) == run_here("daemon", Instance("tested"))


def test_each_check_is_run_once_and_bounded() -> None:
    bounds = {}

    def run(name: str, instance: Instance, within_s: float) -> list[Finding]:
        bounds[name] = within_s
        return [Finding(name, True, instance.name)]

    assert [finding.what for finding in checks(Instance(), run)] == list(CHECKS) == list(bounds)
    assert max(bounds.values()) <= 60


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ok", "status", "mark"), [(True, 0, "ok      "), (None, 0, "note    "), (False, 1, "not ok  ")]
)
def test_what_is_printed(ok: bool | None, status: int, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(instance: Instance) -> Iterator[Finding]:
        yield Finding("inputs", ok, f"Key\x1b[2Jboard of {instance.name}", "plug it in")

    monkeypatch.setattr(doctors, "checks", one)
    app = typer.Typer()
    app.command()(doctor)
    plain = CliRunner().invoke(app, ["--instance", "stage"])
    mend = "" if ok else "        plug it in\n"
    assert (plain.exit_code, plain.output) == (status, f"{mark}inputs: Key [2Jboard of stage\n{mend}")
    as_json = CliRunner().invoke(app, ["--json"])
    assert as_json.exit_code == status
    told: list[dict[str, Any]] = json.loads(as_json.output)
    assert SimpleNamespace(**told[0]).ok is ok
