"""The command line: what it refuses, in one line and with which status; what it plays, once in real time."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from improv import __version__
from improv.__main__ import main
from improv.cli.commands import app
from improv.cli.options import _in_bash
from improv.config.instance import Instance
from improv.config.load import NAMES
from improv.control.socket_server import ControlServer
from improv.protocol.snapshot import Rig
from tests.control.test_socket import served
from tests.models.onnx_models import describe, saved, specification, walker
from tests.recording.test_recording import recorded
from tests.tui.test_app import SEEN

IMPROV = [sys.executable, "-m", "improv"]
FOUR_BARS = "jam -m walker --api none --choruses 1"
ONE_BAR = "jam -m one-bar --api none --choruses 1 --tempo 400"
"""As short as a jam can be: 0.6 seconds, and as many for the count-in."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


Improv = Callable[[str], Ran]


def out_of_reach() -> onnx.ModelProto:
    """A model that loads and cannot step: it reaches for the eighth row of one."""
    model = walker()
    model.graph.initializer.append(numpy_helper.from_array(np.array([7]), "eighth"))
    reach = helper.make_node("Gather", ["chord", "eighth"], ["row"], axis=0)
    nodes = [reach, *model.graph.node]
    for node in nodes[1:]:
        node.input[:] = ["row" if name == "chord" else name for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def told(metadata: Any) -> onnx.ModelProto:
    model = walker()
    describe(model, metadata)
    return model


def silent() -> onnx.ModelProto:
    """A model whose melody is no number."""
    model = walker()
    for weight in model.graph.initializer:
        if weight.name == "quiet":
            weight.CopyFrom(numpy_helper.from_array(np.full((1, 13), np.nan, np.float32), "quiet"))
    return model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test stands: among models and calls, good and bad, on a machine whose JACK server is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")  # of help
    models = {
        "walker": walker(),
        "one-bar": walker("C7"),
        "untold": told(""),
        "stranger": told({**specification(), "fingerprint": "0123"}),
        "later": told({**specification(), "contract": 2}),
        "failing": out_of_reach(),
        "silent": silent(),
    }
    for name, model in models.items():
        saved(model, tmp_path / f"{name}.onnx")
    (tmp_path / "truncated.onnx").write_bytes((tmp_path / "walker.onnx").read_bytes()[:2000])
    for name, notes in {"call.mid": [64, 67], "empty.mid": []}.items():
        midi = mido.MidiFile(tracks=[mido.MidiTrack()])
        for note in notes:
            midi.tracks[0] += [mido.Message("note_on", note=note), mido.Message("note_off", note=note, time=480)]
        midi.save(tmp_path / name)
    (tmp_path / "cut.mid").write_bytes((tmp_path / "call.mid").read_bytes()[:-3])
    (tmp_path / "text.mid").write_text("la la la")
    return tmp_path


@pytest.fixture
def improv(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Improv:
    """The command line in this process."""

    def improv(line: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["improv", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return improv


@pytest.fixture
def process(folder: Path) -> Improv:
    """The command line in a process of its own."""

    def process(line: str) -> Ran:
        command = [*IMPROV, *shlex.split(line)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return process


def notes_of(path: Path) -> dict[str, list[tuple[int, str, int]]]:
    """Each part's onsets and ends at their ticks; every onset has an end."""
    found = {}
    for track in mido.MidiFile(path).tracks[1:]:
        at, sounding, notes = 0, set[int](), []
        for message in track:
            at += message.time
            if message.type in ("note_on", "note_off"):
                assert (message.type == "note_on") != (message.note in sounding)
                sounding ^= {message.note}
                notes.append((at, message.type, message.note))
        assert not sounding
        found[track.name] = notes
    return found


# --- what is refused ----------------------------------------------------------------------------

OPTIONS = [
    ("--tempo 19", 2, "tempo 19 is out of range; give 20 to 400 bpm"),
    ("--tempo 401", 2, "tempo 401 is out of range; give 20 to 400 bpm"),
    ("--tempo nan", 2, "tempo nan is out of range; give 20 to 400"),
    ("--tempo fast", 2, "Invalid value for '--tempo'"),
    ("--temperature -0.1", 2, "temperature -0.1 is out of range; give 0 to 3"),
    ("--temperature 3.1", 2, "temperature 3.1 is out of range; give 0 to 3"),
    ("--temperature inf", 2, "temperature inf is out of range; give 0 to 3"),
    ("--swing 0.49", 2, "swing 0.49 is out of range; give 0.5 to 0.75"),
    ("--swing 0.76", 2, "swing 0.76 is out of range; give 0.5 to 0.75"),
    ("--bars 0", 2, "bars 0 is out of range; give 1 to 96"),
    ("--bars 97", 2, "bars 97 is out of range; give 1 to 96"),
    ("--bars 1.5", 2, "Invalid value for '--bars'"),
    ("--count-in -1", 2, "count-in -1 is out of range; give 0 to 4 bars"),
    ("--count-in 5", 2, "count-in 5 is out of range; give 0 to 4 bars"),
    ("--gap 0.4", 2, "gap 0.4 is out of range; give 0.5 to 8 beats"),
    ("--top-p 1.1", 2, "top-p 1.1 is out of range; give 0 to 1"),
    ("--density -1.1", 2, "density -1.1 is out of range; give -1 to 1"),
    ("--register 3", 2, "register 3 is out of range; give -2 to 2 octaves"),
    ("--leaning 1.1", 2, "leaning 1.1 is out of range; give 0 to 1"),
    ("--melody-level 151", 2, "melody-level 151 is out of range; give 0 to 127"),
    ("--chords-mute on", 2, "unexpected extra argument(s) (on); see improv render --help"),
    ("--choruses 0", 2, "choruses 0 is out of range; give 1 or more"),
    ("--seed -1", 2, "seed -1 is out of range; give 0 to 2147483647"),
    ("--seed 2147483648", 2, "seed 2147483648 is out of range; give 0 to 2147483647"),
    ("--key H", 2, "'H' is no note name; give a key such as C, F# or Bb"),
    ("--key ''", 2, "'' is no note name; give a key such as C, F# or Bb"),
    ("--mode sing", 2, "mode 'sing' is unknown; choose from trade, phrase, duet, solo, listen"),
    ("--provider abacus", 2, "no provider 'abacus'; choose from cpu, cuda, coreml"),
    ("--call gone.mid", 66, "gone.mid: No such file or directory; give a Standard MIDI File"),
    ("--call .", 66, ".: Is a directory; give a Standard MIDI File"),
    ("--call text.mid", 65, "text.mid: it is no MIDI file; give a Standard MIDI File"),
    ("--call cut.mid", 65, "cut.mid: it is cut off in the middle of a track; give a Standard MIDI File"),
    ("--call empty.mid", 65, "empty.mid: it has no notes; give a Standard MIDI File"),
    ("--call call.mid --mode solo", 2, "solo hears nobody; leave --call out, or choose --mode trade or duet"),
    ("--model flyer", 2, "no model 'flyer'; there are: "),
    ("--model gone.onnx", 66, "gone.onnx: No such file or directory; `improv models` lists the models there are"),
    ("--model truncated.onnx", 65, "truncated.onnx: it is no ONNX file, or a truncated one; export or copy it again"),
    ("--model untold.onnx", 65, "untold.onnx: its metadata is not JSON"),
    ("--model stranger.onnx", 65, "stranger.onnx: its vocabulary has the fingerprint 0123, this improv's"),
    ("--model later.onnx", 65, "later.onnx: it speaks contract 2, this improv speaks 1; export it again"),
    ("--model failing.onnx", 65, "failing.onnx: it fails in its first steps ("),
    ("--model silent.onnx", 1, "the model failed while rendering: ValueError: the network's logits are not finite"),
    ("--volume 11", 2, "No such option: --volume; see improv render --help"),
    ("another.mid", 2, "unexpected extra argument(s) (another.mid); see improv render --help"),
]

COMMANDS = [
    ("sing", 2, "No such command 'sing'; see improv --help"),
    ("--loud", 2, "No such option: --loud; see improv --help"),
    ("ctl", 2, "Missing command; see improv ctl --help"),
    ("daemon", 2, "Missing command; see improv daemon --help"),
    ("config", 2, "Missing command; see improv config --help"),
    ("ctl learn foo", 2, "nothing is called 'foo'; choose from tempo, swing, mode"),
    ("ctl forget tempoo", 2, "nothing is called 'tempoo' (did you mean tempo?); choose from"),
    ("render", 2, "Missing argument 'out'; see improv render --help"),
    ("render nowhere/out.mid -m walker", 66, "nowhere/out.mid: No such file or directory; choose another file"),
    ("render . -m walker", 66, ".: Is a directory; choose another file to write to"),
    (f"{ONE_BAR} -m gone.onnx", 66, "gone.onnx: No such file or directory"),
    (f"{ONE_BAR} -m failing.onnx", 65, "failing.onnx: it fails in its first steps ("),
    (f"{ONE_BAR} --tempo 19", 2, "tempo 19 is out of range; give 20 to 400"),
    (f"{ONE_BAR} --input keys", 2, "--api none has no ports; leave --input and --output out"),
    (f"{ONE_BAR} --save .", 66, ": Is a directory; choose another file"),
    (f"{ONE_BAR} --figures a/b", 66, "a/b: No such file or directory; choose"),
    (f"{ONE_BAR} --api tin-can", 2, "no MIDI system 'tin-can'; choose from alsa, jack, coremidi, windows"),
    ("ports --api tin-can", 2, "no MIDI system 'tin-can'; choose from alsa, jack, coremidi, windows"),
    ("bench -m gone.onnx", 66, "gone.onnx: No such file or directory"),
    ("bench -m one-bar --seconds nan", 2, "seconds nan is out of range; give"),
]

MIDI_SYSTEMS = [
    (f"{ONE_BAR} --api jack", 69, "no MIDI system answers (tried jack); start one, or plug an interface in"),
    (f"{ONE_BAR} --api jack --input keys --output synth", 69, "no MIDI system answers (tried jack); start one"),
    ("ports --api jack", 69, "no MIDI system answers (tried jack); start one, or plug an interface in"),
]


def check_refused(ran: Ran, status: int, says: str) -> None:
    """One line that says so, the status, and no music."""
    assert ran.err.startswith("improv: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.endswith("\n")
    assert ran.status == status
    assert "chorus" not in ran.out
    assert "wrote" not in ran.out


@pytest.mark.parametrize(("options", "status", "says"), OPTIONS)
def test_a_render_that_is_refused(options: str, status: int, says: str, improv: Improv, folder: Path) -> None:
    check_refused(improv(f"render out.mid -m walker {options}"), status, says)
    assert not (folder / "out.mid").exists()


@pytest.mark.parametrize(("line", "status", "says"), COMMANDS)
def test_a_command_that_is_refused(line: str, status: int, says: str, improv: Improv) -> None:
    check_refused(improv(line), status, says)


GROUPS = [app, *(group.typer_instance for group in app.registered_groups)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.info.name or "improv")
def test_no_group_of_commands_takes_its_help_for_an_error(group: Any) -> None:
    assert not group.info.no_args_is_help


BROKEN = [
    b"[controls]\ntempo = \n",
    b"[controls]\ntempoo = 3\n",
    b"[controls]\ntempo = 9000\n",
    b"[[map]]\ncc = 20\n",
    "[controls]\n".encode("utf-16"),
]


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize("line", ["config show", f"{ONE_BAR} -m walker", "panic"])
def test_a_configuration_that_is_broken(
    content: bytes, line: str, improv: Improv, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.toml").write_bytes(content)
    monkeypatch.setenv("IMPROV_CONFIG", str(folder / "mine.toml"))
    check_refused(improv(line), 65, "mine.toml:")


def test_a_configuration_with_a_byte_order_mark(improv: Improv, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine.toml").write_bytes(b"\xef\xbb\xbf[controls]\r\ntempo = 99\r\n")
    monkeypatch.setenv("IMPROV_CONFIG", str(folder / "mine.toml"))
    ran = improv("config show --origin")
    assert (ran.status, ran.err) == (0, "")
    assert "tempo = 99  # mine.toml:2" in ran.out


def test_a_variable_that_means_nothing_is_told_with_the_nearest_that_does(
    improv: Improv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPROV_TEMPPO", "3")
    monkeypatch.setenv("IMPROV_X\x1b[31m", "3")
    monkeypatch.setenv("IMPROVE", "3")
    ran = improv("config path")
    assert ran.status == 0
    assert ran.err.splitlines() == [
        "improv: IMPROV_TEMPPO means nothing to improv (did you mean IMPROV_TEMPO?); it is left out",
        "improv: IMPROV_X [31m means nothing to improv; it is left out",
    ]


def test_every_variable_that_is_used_means_something() -> None:
    """A name that somebody reads and that is not in the table would be told to be nothing."""
    root = Path(__file__).parents[2]
    sources = [*(root / "improv").rglob("*.py"), *(root / "improv").rglob("*.service"), *(root / "tests").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bIMPROV_[A-Z_]*[A-Z]\b", path.read_text())}
    screens = {"IMPROV_IN", "IMPROV_OUT", "IMPROV_THRU", "IMPROV_COMPLETE", "IMPROV_OSC"}
    assert used - NAMES - screens == {"IMPROV_TEMPPO", "IMPROV_X"}


@pytest.mark.parametrize(("line", "status", "says"), MIDI_SYSTEMS)
def test_a_midi_system_that_does_not_answer(line: str, status: int, says: str, process: Improv) -> None:
    ran = process(line)
    check_refused(ran, status, says)
    assert ran.out == ""


def test_a_midi_system_of_other_machines_is_told_from_one_that_is_silent(improv: Improv) -> None:
    other = "windows" if sys.platform != "win32" else "alsa"
    check_refused(improv(f"ports --api {other}"), 69, f"{other} is no MIDI system of this machine; choose from ")


@pytest.mark.parametrize("provider", ["cuda", "coreml"])
def test_a_provider_that_does_not_work_is_told_in_one_line(provider: str, process: Improv) -> None:
    """In a process of its own, where warnings are printed and what onnxruntime prints is seen."""
    ran = process(f"render out.mid -m walker --provider {provider}")
    if ran.status:
        check_refused(ran, 2, "does not work on this machine; use --provider cpu")
    else:
        assert ran == Ran(0, "wrote out.mid\n", "")


# --- what is accepted ---------------------------------------------------------------------------


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
        "--melody-level 0 --chords-level 120 --click-mute",
        "--melody-mute --no-chords-mute --no-thru",
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
        improv(f"render {name} -m walker --seed {seed} --call call.mid --bars 1 --swing 0.6")
    a, b, c = ((folder / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_models_are_listed_and_broken_ones_are_said_to_be(improv: Improv) -> None:
    listed = improv("models")
    assert (listed.status, listed.err) == (0, "")
    assert re.search(r"^walker +walks up, now and then$", listed.out, re.MULTILINE)
    assert re.search(r"^truncated +unusable: it is no ONNX file, or a truncated one", listed.out, re.MULTILINE)
    found = json.loads(improv("models --json").out)
    assert found["walker"] == "walks up, now and then"
    assert found["later"].startswith("unusable: it speaks contract 2")


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
    """In real time into a file. On a machine that is too busy for it, it is played again at half the tempo."""
    note = r"(-|[A-G][b#]?\d)"
    for tempo in (400, 200, 100, 50, 25):
        ran = process(f"{FOUR_BARS} --tempo {tempo} --seed 3 --count-in 1 --save jam.mid --figures figures.json")
        figures = json.loads((folder / "figures.json").read_text())
        whole = len(re.findall(rf"chorus 1 bar . .* improv +{note}( +{note}){{7}}\n", ran.out)) == 4
        if whole and not figures["missed_steps"] and not figures["dropped_onsets"]:
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
    assert {"Melody", "Chords", "Drums"} == live.keys()
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
    assert says[0].endswith("start one, or plug an interface in; playing on into a MIDI file")
    (written,) = folder.glob("jam-*.mid")
    assert notes_of(written)["Melody"]


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


# --- takes ----------------------------------------------------------------------------------------


def test_the_take_that_plays_is_told_from_one_that_was_recovered_and_exported_it_says_where(
    improv: Improv, takes: Path, folder: Path
) -> None:
    takes.mkdir()
    path = recorded(takes, end=None)
    assert improv("takes").out.endswith(" recovered\n")
    at = Instance("other")
    seen = replace(SEEN, rig=Rig(take=path.stem))
    with at.held(), ControlServer(at.socket, at.name, str) as server, served(server) as show:
        show(seen)
        assert improv("takes").out.endswith(" playing\n")
    assert improv(f"export {path.stem} out.mid").out == f"wrote {folder / 'out.mid'}\n"


def test_what_a_network_cannot_obey_is_said(improv: Improv) -> None:
    done = improv("render out.mid --model eck2002-chords --rests 1 --top-p 0.5")
    assert done.status == 0
    assert done.err.splitlines() == ["eck2002-chords cannot obey top-p", "eck2002-chords cannot obey rests"]
    assert improv("render out.mid --model partner --rests 1").err == ""
