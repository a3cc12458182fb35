"""What the command line refuses, in one line, and with which exit status."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from improv.cli.commands import app
from improv.config.load import NAMES
from tests.cli.command_line import ONE_BAR, Improv, Ran

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
    ("--comp-mute yes", 2, "unexpected extra argument(s) (yes); see improv render --help"),
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
    ("--call call.mid --mode solo", 2, "solo hears no player; leave --call out, or choose --mode trade or duet"),
    ("--model flyer", 2, "no model 'flyer'; there are: "),
    ("--model gone.onnx", 66, "gone.onnx: No such file or directory; `improv models` lists the models there are"),
    ("--model truncated.onnx", 65, "truncated.onnx: it is no ONNX file, or a truncated one; export or copy it again"),
    ("--model untold.onnx", 65, "untold.onnx: its metadata is not JSON"),
    ("--model stranger.onnx", 65, "stranger.onnx: its vocabulary has the fingerprint 0123, this improv's"),
    ("--model later.onnx", 65, "later.onnx: it speaks contract 2, this improv speaks 1; export it again"),
    ("--model failing.onnx", 65, "failing.onnx: it fails in its first steps ("),
    ("--model silent.onnx", 1, "the model failed while rendering: ValueError: the network's logits are not finite"),
    ("--xyzzy 11", 2, "No such option: --xyzzy; see improv render --help"),
    ("another.mid", 2, "unexpected extra argument(s) (another.mid); see improv render --help"),
]

COMMANDS = [
    ("sing", 2, "No such command 'sing'; see improv --help"),
    ("--loud", 2, "No such option: --loud; see improv --help"),
    ("ctl", 2, "Missing command; see improv ctl --help"),
    ("daemon", 2, "Missing command; see improv daemon --help"),
    ("config", 2, "Missing command; see improv config --help"),
    ("ctl learn foo", 2, "nothing is called 'foo'; choose from tempo, swing, style"),
    ("ctl forget tempoo", 2, "nothing is called 'tempoo' (did you mean tempo?); choose from"),
    ("render", 2, "Missing argument 'out'; see improv render --help"),
    ("render nowhere/out.mid -m walker", 1, "nowhere/out.mid: No such file or directory; choose another file"),
    ("render . -m walker", 2, ".: improv writes no file without an ending; give one that ends in .mid"),
    ("render out.mp3 -m walker", 2, "out.mp3: improv writes no file that ends in .mp3; give one that ends in .mid"),
    ("render out.mid -m walker --bits 16", 2, "out.mid: a MIDI file has no sound; leave --bits out"),
    ("render out.wav -m walker --bits 8", 2, "--bits 8: a sample has 16 or 24 bits; choose one"),
    (f"{ONE_BAR} -m gone.onnx", 66, "gone.onnx: No such file or directory"),
    (f"{ONE_BAR} -m failing.onnx", 65, "failing.onnx: it fails in its first steps ("),
    (f"{ONE_BAR} --tempo 19", 2, "tempo 19 is out of range; give 20 to 400"),
    (f"{ONE_BAR} --input keys", 2, "--api none has no ports; leave --input and --output out"),
    (f"{ONE_BAR} --save .", 2, ".: improv writes no file without an ending"),
    (f"{ONE_BAR} --figures a/b", 1, "a/b: No such file or directory; choose"),
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
    """A variable that is read and is not in the table would be reported as meaning nothing."""
    root = Path(__file__).parents[2]
    sources = [*(root / "improv").rglob("*.py"), *(root / "improv").rglob("*.service"), *(root / "tests").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bIMPROV_[A-Z_]*[A-Z]\b", path.read_text())}
    screens = {"IMPROV_IN", "IMPROV_OUT", "IMPROV_THRU", "IMPROV_COMPLETE", "IMPROV_OSC"}
    examples = {"IMPROV_THINNING"}  # of the recipes for contributors
    assert used - NAMES - screens - examples == {"IMPROV_TEMPPO", "IMPROV_X"}


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
