"""`improv render` and `improv export` from outside: every kind of file, what is refused, the bar, and Ctrl-C."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from improv.export.formats import FORMATS
from tests.cli.command_line import IMPROV, Improv
from tests.goldens import TAKES

KINDS = {".mid": b"MThd", ".wav": b"RIFF", ".flac": b"fLaC", ".png": b"\x89PNG", ".svg": b"<svg "}


@pytest.mark.parametrize("ending", FORMATS)
def test_a_render_and_an_export_are_what_their_ending_says(ending: str, improv: Improv, folder: Path) -> None:
    rendered = improv(f"render out{ending} -m walker --seed 3")
    exported = improv(f"export {TAKES / 'solo.take'} take{ending}")
    for ran, name in ((rendered, f"out{ending}"), (exported, str(folder / f"take{ending}"))):
        assert (ran.status, ran.err) == (0, "")
        assert re.fullmatch(rf"wrote {re.escape(name)}(: 0:\d\d of sound by .+)?\n", ran.out)
        assert (folder / name).read_bytes().startswith(KINDS[ending])


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_line_gives_the_same_file(ending: str, improv: Improv, folder: Path) -> None:
    for name in "ab":
        improv(f"render {name}{ending} -m walker --seed 3 --swing 0.6 --count-in 1")
    improv(f"render c{ending} -m walker --seed 4 --swing 0.6 --count-in 1")
    a, b, c = ((folder / f"{name}{ending}").read_bytes() for name in "abc")
    assert a == b != c


def test_what_is_wrong_is_told_before_anything_is_played(improv: Improv, folder: Path) -> None:
    """The network would fail in its first step."""
    for words, says in {
        "render out.ogg -m failing": "improv: out.ogg: improv writes no file that ends in .ogg; give one that ends in",
        "render nowhere/out.png -m failing": f"improv: {folder}/nowhere/out.png: No such file or directory; choose",
        "render out.wav -m failing --bits 12": "improv: --bits 12: a sample has 16 or 24 bits; choose one",
        "render out.svg -m failing --soundfont x.sf2": "improv: out.svg: a picture has no sound; leave --soundfont out",
    }.items():
        ran = improv(words)
        assert ran.status == (1 if words.startswith("render nowhere") else 2)
        assert ran.err.startswith(says)
    for name, status in (("solo", 2), ("nothing", 66)):
        assert improv(f"export {TAKES / name}.take out.mp3").status == status
    assert not list(folder.glob("out.*"))


def test_a_file_that_cannot_be_written_is_a_failure(improv: Improv, folder: Path) -> None:
    for words in ("render nowhere/out.mid -m failing", f"export {TAKES / 'solo.take'} nowhere/out.mid"):
        ran = improv(words)
        assert ran.status == 1
        assert ran.err == (
            f"improv: {folder}/nowhere/out.mid: No such file or directory; choose another file to write to\n"
        )


def test_a_soundfont_of_the_environment_is_for_sound_alone(
    improv: Improv, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPROV_SOUNDFONT", "missing.sf2")
    assert improv("render out.mid -m walker").status == 0
    ran = improv("render out.wav -m walker")
    assert ran.status == 66
    assert "improv: no SoundFont missing.sf2 in this folder or the usual ones, which have " in ran.err


def test_a_take_that_lacks_something_says_so_and_is_written(improv: Improv, folder: Path) -> None:
    torn = folder / "torn.take"
    torn.write_bytes((TAKES / "solo.take").read_bytes()[:-40])
    for ending in (".mid", ".svg", ".flac"):
        ran = improv(f"export {torn} out{ending}")
        assert ran.status == 0
        assert "is torn: a crash; everything before it is here" in ran.err
        assert (folder / f"out{ending}").read_bytes().startswith(KINDS[ending])


def test_a_full_disk_leaves_no_half_file(improv: Improv, folder: Path) -> None:
    """A limit to the size of files stands for it."""
    (folder / "out.wav").write_bytes(b"old")
    line = f"ulimit -f 100; trap '' XFSZ; exec {shlex.join(IMPROV)} render out.wav -m walker --choruses 2"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(rf"improv: {folder}/out\.wav: .+; choose another file to write to\n", done.stderr)
    assert (folder / "out.wav").read_bytes() == b"old"
    assert not list(folder.glob(".out*"))


class Shown:
    """A command whose standard error is a terminal, and what it shows there."""

    def __init__(self, words: str) -> None:
        self._terminal, slave = os.openpty()
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
        command = [*IMPROV, *shlex.split(words)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, text=True, env=environment)
        os.close(slave)

    def __enter__(self) -> "Shown":
        self.process.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)
        self.process.__exit__(None, None, None)

    def read(self) -> bytes:
        """Return what is shown next; nothing once it has ended."""
        try:
            return os.read(self._terminal, 4096)
        except OSError:
            return b""

    def rest(self) -> bytes:
        """Return all that is shown until it ends."""
        shown = b""
        while more := self.read():
            shown += more
        return shown


def is_as_it_was(shown: bytes) -> bool:
    """Return whether the bar was erased last, and the cursor is shown again."""
    return shown.endswith(b"\x1b[2K") and shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")


@pytest.mark.parametrize("ending", [".wav", ".mid"])
def test_ctrl_c_leaves_no_half_file(ending: str, folder: Path) -> None:
    """It comes while the bar shows that it is at work."""
    (folder / f"out{ending}").write_bytes(b"old")
    with Shown(f"render out{ending} -m walker --choruses 60000 --tempo 400") as render:
        while b"%" not in render.read():
            assert render.process.poll() is None
        render.process.send_signal(signal.SIGINT)
        assert is_as_it_was(render.rest())
        assert render.process.communicate(timeout=180)[0] == ""
        assert render.process.returncode == 130
    assert (folder / f"out{ending}").read_bytes() == b"old"
    assert not list(folder.glob(".out*"))


def test_a_terminal_is_shown_how_far_it_is_and_is_left_clean(folder: Path) -> None:
    with Shown("render out.flac -m walker --choruses 12") as render:
        shown = render.rest()
        out, _ = render.process.communicate(timeout=180)
    assert render.process.returncode == 0
    assert out.startswith("wrote out.flac: ")
    bare = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode()
    shares = [int(share) for share in re.findall(r"render out\.flac \S+ +(\d+)%", bare)]
    assert shares
    assert shares == sorted(shares)
    assert is_as_it_was(shown)
