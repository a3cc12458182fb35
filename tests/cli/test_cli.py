"""The command line: what it renders and lists, and a jam in real time."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from improv import __version__
from improv.cli.commands import app
from improv.cli.options import _in_bash
from improv.config.instance import Instance
from improv.control.socket_server import ControlServer
from improv.errors import Unavailable
from improv.protocol.snapshot import RecordingStatus, SystemStatus
from improv.recording import read_take
from tests.cli.command_line import FOUR_BARS, IMPROV, ONE_BAR, Improv, Ran, notes_of
from tests.control.socket.conftest import served
from tests.recording.performed import recorded
from tests.tui.stage import SEEN


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--tempo 20",
        "--tempo 400",
        "--temperature 0",
        "--temperature 3",
        "--swing 0.5",
        "--swing 0.75",
        "--bars 1 --mode trade",
        "--bars 96 --mode trade",
        "--count-in 0",
        "--count-in 4",
        "--choruses 1",
        "--seed 0",
        "--seed 2147483647",
        "--key F#",
        "--key Bb",
        "--mode duet",
        "--mode phrase --call call.mid --gap 0.5",
        "--mode listen",
        "--top-p 0 --density 1 --leaning 1 --register -2",
        "--melody-level 0 --comp-level 120 --drums-mute",
        "--melody-mute --no-comp-mute --no-thru",
        "--provider cpu",
        "--call call.mid",
        "--call call.mid --mode duet",
        "--model walker.onnx",
        "--model ./one-bar.onnx",
    ],
)
def test_a_render_that_is_played(options: str, improv: Improv, folder: Path) -> None:
    assert improv(f"render out.mid -m walker {options}") == Ran(0, "wrote out.mid\n", "")
    assert notes_of(folder / "out.mid")["Chords"]


def test_the_same_line_renders_the_same_bytes(improv: Improv, folder: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        improv(f"render {name}.mid -m walker --seed {seed} --call call.mid --bars 1 --swing 0.6")
    a, b, c = ((folder / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_models_are_listed_and_broken_ones_are_said_to_be(improv: Improv) -> None:
    listed = improv("models")
    assert (listed.status, listed.err) == (0, "")
    assert re.search(
        r"^walker +walks up, now and then\. Hears which notes .* "
        r"Obeys all but rests, breath, build, motifs, changes, voice\.$",
        listed.out,
        re.MULTILINE,
    )
    assert re.search(r"^truncated +unusable: it is no ONNX file, or a truncated one", listed.out, re.MULTILINE)
    found = json.loads(improv("models --json").out)
    assert found["walker"].startswith("walks up, now and then. Hears")
    assert found["docevski2018-lstm3"].endswith("checkout of improv: python -m training reproduce docevski2018-lstm3")
    assert found["later"].startswith("unusable: it speaks contract 2")


def test_audio_devices_are_listed_where_there_is_no_midi(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_answers(_api: str | None) -> str:
        raise Unavailable("no MIDI system answers")

    monkeypatch.setattr("improv.midi.systems.reachable_api", none_answers)
    monkeypatch.setattr("improv.synth.device.devices", lambda: [SimpleNamespace(name="a card")])
    listed, as_json = (CliRunner().invoke(app, ["ports", *words]) for words in ([], ["--json"]))
    assert listed.output.splitlines() == ["audio devices:", "  a card", "--audio also takes: auto, off, null, jack"]
    assert json.loads(as_json.output) == {
        "api": None, "inputs": [], "outputs": [], "audio": ["a card"], "audio_words": ["auto", "off", "null", "jack"]
    }  # fmt: skip
    assert isinstance(listed.exception, Unavailable)
    assert isinstance(as_json.exception, Unavailable)


def test_help_and_version(improv: Improv) -> None:
    assert improv("--version") == Ran(0, f"improv {__version__}\n", "")
    assert improv("") == improv("--help")
    overview = improv("--help")
    assert (overview.status, overview.err) == (0, "")
    for command in ("jam", "render", "ports", "models", "bench"):
        assert re.search(rf"^  {command} +\w", overview.out, re.MULTILINE)
        told = improv(f"{command} --help")
        assert (told.status, told.err) == (0, "")
        assert f"improv {command} [OPTIONS]" in told.out
    assert "Quarter notes a minute. [20 to 400 bpm; 120 if not given]" in " ".join(improv("jam --help").out.split())


@pytest.mark.parametrize("line", ["--help", "jam --help", "--version", "models", "models --json"])
def test_what_only_tells_loads_nothing_heavy(line: str, folder: Path) -> None:
    heavy = {"onnxruntime", "textual", "rtmidi", "mido", "torch"}
    assert not heavy & imported(line)


def test_what_plays_loads_a_runtime(folder: Path) -> None:
    """The twin of the test above: that one could fail."""
    assert {"onnxruntime", "mido"} <= imported("render out.mid -m walker")


def imported(line: str) -> set[str]:
    """The modules a command imports."""
    command = [sys.executable, "-X", "importtime", *IMPROV[1:], *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {told.rpartition("|")[2].strip() for told in done.stderr.splitlines() if told.startswith("import time:")}


# --- live ---------------------------------------------------------------------------------------


def test_a_chorus_live_is_the_chorus_rendered(process: Improv, folder: Path) -> None:
    """In real time into a file. On a machine that is too busy for it, it is played again at half the tempo.

    It is too busy if notes or steps are late, or the band's networks, so that their part plays by rule.
    """
    note = r"(-|[A-G][b#]?\d)"
    for tempo in (400, 200, 100, 50, 25):
        ran = process(f"{FOUR_BARS} --tempo {tempo} --seed 3 --count-in 1 --save jam.mid --figures figures.json")
        figures = json.loads((folder / "figures.json").read_text())
        whole = len(re.findall(rf"chorus 1 bar . .* improv +{note}( +{note}){{7}}\n", ran.out)) == 4
        latest = max((folder / "takes").glob("*.take"), key=lambda path: path.stat().st_mtime_ns)
        by_rule = any(entry.by_rule for entry in read_take(latest).entries)
        if whole and not by_rule and not figures["missed_steps"] and not figures["dropped_onsets"]:
            break
    assert (ran.status, ran.err) == (0, "")
    first, turned, count_in, *bars, wrote, recorded, measured = ran.out.splitlines()
    assert first == f"walker, solo, seed 3, into {folder / 'jam.mid'}"
    assert turned == f"{tempo} bpm, temperature 0.8"
    assert count_in.split() == ["count-in", "1", "2", "3", "4"]
    for number, (bar, chord) in enumerate(zip(bars, ["C7", "F7", "C7", "G7"], strict=True), 1):
        assert re.fullmatch(rf"chorus 1 bar {number} +{chord} +improv +{note}( +{note}){{7}}", bar)
    assert wrote == f"wrote {folder / 'jam.mid'}"
    assert re.fullmatch(r"recorded as \d{8}-\d{6}-walker", recorded)
    assert re.fullmatch(
        r"\d+ onsets, late by p50 \d+ us, p99 \d+ us, max \d+ us; 0 missed steps, 0 dropped onsets, 0 faults", measured
    )
    assert process(f"render render.mid -m walker --tempo {tempo} --count-in 1 --seed 3").status == 0
    live, rendered = notes_of(folder / "jam.mid"), notes_of(folder / "render.mid")
    assert live == rendered
    assert {"Melody", "Chords", "Bass", "Drums"} == live.keys()
    onsets = [kind for notes in live.values() for _, kind, _ in notes if kind == "note_on"]
    assert figures["onsets"] == len(onsets)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(number, marks=pytest.mark.full) for number in (signal.SIGINT, signal.SIGHUP))],
)
def test_a_signal_ends_a_jam_in_order(number: signal.Signals, folder: Path) -> None:
    command = [*IMPROV, *shlex.split("jam -m one-bar --api none --tempo 400 --count-in 0 --save jam.mid")]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as jam:
        assert jam.stdout is not None
        while not jam.stdout.readline().startswith("chorus 1 bar 1 "):
            assert jam.poll() is None
        jam.send_signal(number)
        out, err = jam.communicate(timeout=180)
    assert (jam.returncode, err) == (0, "")
    assert f"wrote {folder / 'jam.mid'}" in out.splitlines()
    assert notes_of(folder / "jam.mid")["Melody"]


@pytest.mark.skipif(Path("/dev/snd/seq").exists(), reason="ALSA answers on this machine")
def test_where_no_midi_system_answers_it_says_so_and_plays_on_into_a_file(process: Improv, folder: Path) -> None:
    ran = process(ONE_BAR.replace("--api none", "--count-in 0"))
    assert (ran.status, ran.err) == (0, "")
    says = [line for line in ran.out.splitlines() if "no MIDI system" in line]
    assert len(says) == 1
    assert says[0].endswith("start one, or plug an interface in; playing on without MIDI")
    (written,) = folder.glob("jam-*.mid")
    assert notes_of(written)["Melody"]


@pytest.mark.skipif(sys.platform != "linux" or Path("/dev/snd").exists(), reason="there may be an audio device")
@pytest.mark.parametrize("synth", ["", "fluidsynth"])
def test_where_nothing_can_be_heard_a_jam_leaves_its_sound_and_says_where(
    synth: str, process: Improv, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make jam` does without a terminal; where there is no synth either, it leaves its notes."""
    monkeypatch.setenv("IMPROV_AUDIO", "auto")
    monkeypatch.setenv("IMPROV_SYNTH", synth)
    if synth:
        monkeypatch.setenv("IMPROV_SOUNDFONTS", str(folder))  # which has none
    ran = process(f"{ONE_BAR} --count-in 0")
    assert (ran.status, ran.err) == (0, "")
    (written,) = folder.glob("jam-*")
    assert written.suffix == (".mid" if synth else ".wav")
    assert written.read_bytes().startswith(b"MThd" if synth else b"RIFF")
    assert f"into {folder / written.stem}.wav" in ran.out
    assert re.search(rf"^wrote {re.escape(str(written))}", ran.out, re.MULTILINE)
    assert [path.name for path in folder.glob(".jam*")] == []


def test_without_standard_streams_it_plays(folder: Path) -> None:
    """As a daemon may be started."""
    jam = shlex.join([*IMPROV, *shlex.split(f"{ONE_BAR} --save jam.mid")])
    done = subprocess.run(["sh", "-c", f"exec {jam} <&- >&-"], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert notes_of(folder / "jam.mid")["Melody"]


@pytest.mark.skipif(not shutil.which("setsid") or not shutil.which("bash"), reason="needs setsid and bash")
def test_in_the_background_of_a_terminal_it_plays(folder: Path) -> None:
    """`improv jam &`: a background job that asks its terminal for keys is stopped."""
    jam = shlex.join([*IMPROV, *shlex.split(f"{ONE_BAR} --save jam.mid")])
    master, slave = os.openpty()
    try:
        command = ["setsid", "--ctty", "--wait", "bash", "-mc", f"{jam} & wait $!"]
        done = subprocess.run(
            command, stdin=slave, stderr=slave, stdout=subprocess.PIPE, text=True, timeout=180, check=False
        )
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 0
    assert f"wrote {folder / 'jam.mid'}" in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", [r"Midi\ Through\:Port-0\ 14\:0", r"oboe\:in"]),
        ("ob", [r"oboe\:in"]),
        ("oboe:", ["oboe:in"]),  # typed as oboe\:, which is one word
        ("Midi T", []),
    ],
)
def test_a_name_of_a_port_is_a_word_of_bash(typed: str, offered: list[str]) -> None:
    names = ["Midi Through:Port-0 14:0", "oboe:in"]
    assert _in_bash([name for name in names if name.startswith(typed)], typed) == offered


# --- takes --------------------------------------------------------------------------------------


def test_the_take_that_plays_is_told_from_one_that_was_recovered_and_exported_it_says_where(
    improv: Improv, takes: Path, folder: Path
) -> None:
    takes.mkdir()
    path = recorded(takes, end=None)
    assert improv("takes").out.endswith(" recovered\n")
    at = Instance("other")
    seen = replace(SEEN, system=SystemStatus(recording=RecordingStatus(take=path.stem)))
    with at.claimed(), ControlServer(at.socket, at.name, str) as server, served(server) as show:
        show(seen)
        assert improv("takes").out.endswith(" playing\n")
    assert improv(f"export {path.stem} out.mid").out == f"wrote {folder / 'out.mid'}\n"


def test_what_a_network_cannot_obey_is_said(improv: Improv) -> None:
    done = improv("render out.mid --model eck2002-chords --rests 1 --top-p 0.5")
    assert done.status == 0
    assert done.err.splitlines() == ["eck2002-chords cannot obey top-p", "eck2002-chords cannot obey rests"]
    assert improv("render out.mid --model partner --rests 1").err == ""
