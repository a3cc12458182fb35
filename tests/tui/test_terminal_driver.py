"""The interface in a terminal of Unix: what comes in bytes, what ends it, how it is stopped and comes back."""

import fcntl
import os
import random
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from textual.geometry import Size

from improv.config.instance import Instance
from improv.protocol.commands import Press
from improv.tui.screens.too_small import too_small_text
from tests.ports.patience import eventually

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind")

_LONG_S = 120.0

_PROGRAM = """
import sys, threading, os, asyncio
from pathlib import Path
from dataclasses import replace
sys.path.insert(0, {root!r})
from improv.cli.play import _shown, _tell_crash
from improv.config.instance import Instance
from improv.tui.app import ImprovApp
from improv.tui.options import ScreenOptions
from improv.tui.client import Joined, Seen
from improv.tui.input.key_bindings import Letters
from tests.tui.stage import ALONE, KEYS, Scripted, SEEN
folder = Path(sys.argv[1])
link = Scripted()
class Asked(list):
    def append(self, command):
        with (folder / "asked").open("a") as file:
            print(command, file=file)
link.asked = Asked()
app = ImprovApp(link, ScreenOptions(log=folder / "log", presets=folder / "presets.toml"))
def fail():
    raise LookupError("on purpose, \\x1b[31m in red")
{code}
def begin(tell):
    for news in (Joined(1), Seen(ALONE)):
        tell(news)
    begun()
link.listen = begin
result = _shown(app, link)
if app.crash is not None:
    _tell_crash(Instance("default"), app.crash)
print("it says", result)
sys.exit(1 if app.crash else 0)
"""


class Pty:
    """The interface in a terminal of its own; a context that ends it."""

    def __init__(self, folder: Path, code: str = "def begun(): pass", size: tuple[int, int] = (100, 30)) -> None:
        root = str(Path(__file__).parents[2])
        self._words = [sys.executable, "-c", _PROGRAM.format(root=root, code=code), str(folder)]
        self._folder = folder
        self._size = size
        self.said = b""

    def __enter__(self) -> Self:
        self._ours, its = os.openpty()
        self.resize(*self._size)
        self.before = termios.tcgetattr(its)
        self._its = its
        env = os.environ | {"TERM": "xterm-256color", "PYTHONWARNINGS": "ignore"}
        for name in ("COLUMNS", "LINES"):  # improv play does not believe them either
            env.pop(name, None)
        self.child = subprocess.Popen(
            self._words, stdin=its, stdout=its, stderr=its, env=env, process_group=0, preexec_fn=None
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.said[-3000:].decode(errors="replace"))
        self.child.kill()
        self.child.wait()
        os.close(self._its)
        os.close(self._ours)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if hasattr(self, "child"):
            self.child.send_signal(signal.SIGWINCH)

    def send(self, data: bytes) -> None:
        """Have the keyboard send it, and read meanwhile."""
        while data:
            ready = select.select([self._ours], [self._ours], [], _LONG_S)
            if ready[0]:
                self._read()
            if ready[1]:
                data = data[os.write(self._ours, data[:512]) :]

    def until(self, seen: bytes, after: int = 0) -> int:
        """Read until something has been written, from some place on; where it ends."""
        while seen not in self.said[after:]:
            assert select.select([self._ours], [], [], _LONG_S)[0], f"{seen!r} in vain"
            self._read()
        return self.said.index(seen, after) + len(seen)

    def until_asked(self, what: str, times: int = 1) -> None:
        """Read until something has been asked of the daemon so many times."""

        def is_asked() -> bool:
            while select.select([self._ours], [], [], 0)[0]:
                self._read()
            return self.asked().count(what) >= times

        eventually(is_asked, f"{what!r} asked for", _LONG_S)

    def asked(self) -> str:
        """What has been asked of the daemon."""
        file = self._folder / "asked"
        return file.read_text() if file.exists() else ""

    def _read(self) -> None:
        self.said += os.read(self._ours, 1 << 16)

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        self.until(b"it says")
        return self.child.wait(_LONG_S)


def is_as_before(pty: Pty) -> bool:
    """Whether the terminal is what it was before."""
    left, entered = pty.said.rindex(b"\x1b[?1049l"), pty.said.rindex(b"\x1b[?1049h")
    popped = pty.said.count(b"\x1b[<u") == pty.said.count(b"\x1b[>25u")
    return termios.tcgetattr(pty._its) == pty.before and left > entered and popped


BYTES = {
    "a letter of Latin-1": b"\xf6",
    "the beginning of a letter": b"\xc3",
    "bytes that never are text": b"\xff\xfe\x80",
    "codes that are no letters": b"\x1b[99999999u\x1b[55296;;55296u",
    "a key cut short": b"\x1b[1;",
    "a paste without an end": b"\x1b[200~lost",
    "answers to no question": b"\x1b[?62;22c\x1b[48;0;0;0;0t\x1b[<999999;99999;99999M",
}


def test_bytes_that_are_no_text_end_nothing_and_panic_is_there_afterwards(tmp_path: Path) -> None:
    with Pty(tmp_path) as pty:
        pty.until(b"PANIC")
        for data in BYTES.values():
            pty.send(data)
        pty.send("ö".encode()[:1])
        pty.send("ö".encode()[1:])
        rng = random.Random(7)
        pty.send(b"\x1b[200~" + b"It was a dark and stormy night. " * 6000 + b"\x1b[201~")
        pty.send(bytes(rng.choice([n for n in range(256) if n not in (3, 5, 17, 26)]) for _ in range(3000)))
        pty.send(b"\x1b" * 3 + b"  \x1b[24~")
        pty.until_asked("Panic")
        assert pty.child.poll() is None
        pty.send(b"\x1b" * 3 + b"   \x11")
        assert pty.ended() == 0
        assert is_as_before(pty)


FAILS = {
    "a thread": "def begun(): threading.Thread(target=fail).start()",
    "what reads the terminal": (
        "from improv.tui.input.driver import TerminalDriver\n"
        "TerminalDriver.process_message = lambda self, message: fail()\n"
        "def begun(): pass"
    ),
    "what writes to it": (
        "from improv.tui.input.driver import _Written\n"
        "def begun():\n"
        "    app._driver._out._out = type('Broken', (), {'write': lambda *_: fail(), 'flush': lambda *_: None,"
        " 'fileno': lambda *_: 2})()\n"
        "    app.call_later(app.refresh)"
    ),
    "a callback": "def begun(): app._loop.call_soon(fail)",
    "a task": "async def task(): fail()\ndef begun(): app._tasks = asyncio.ensure_future(task()); app._tasks = None",
    "a worker": "async def work(): fail()\ndef begun(): app.run_worker(work())",
    "a timer": "def begun(): app.set_timer(0.01, fail)",
    "a message": "def begun(): app.actions.by_name['help'] = fail; app.call_later(app.actions.perform, 'help')",
    "a picture": "def begun(): app.jam.music[0].picture = lambda *_: fail(); app.call_later(app.presenter.draw)",
    "a screen that comes": (
        "from improv.tui.screens.base import HelpScreen\n"
        "HelpScreen.body = lambda self: fail()\n"
        "def begun(): app.call_later(app.actions.perform, 'help')"
    ),
}


@pytest.mark.parametrize("where", FAILS)
def test_whatever_kills_it_is_told_in_words_with_its_file(tmp_path: Path, where: str) -> None:
    can_write = where != "what writes to it"
    with Pty(tmp_path, FAILS[where]) as pty:
        if where == "what reads the terminal":
            pty.until(b"PANIC")
            pty.send(b"a")
        assert pty.ended() == 1
        assert not can_write or is_as_before(pty)
        assert termios.tcgetattr(pty._its) == pty.before
    told = pty.said[pty.said.rindex(b"improv: the interface") :].decode(errors="replace")
    crash = Instance("default").crash
    assert told.split("\r\n")[:2] == [
        "improv: the interface has crashed: LookupError: on purpose,  [31m in red",
        f"improv: the details are in {crash}",
    ]
    assert "in fail" in crash.read_text()
    assert b"Traceback" not in pty.said


def test_stopped_and_continued_the_terminal_is_the_shells_and_then_its_own_again(tmp_path: Path) -> None:
    with Pty(tmp_path) as pty:
        pty.until(b"PIANO")
        for keys in (b"\x1a", None):  # ctrl+z, and a signal of another program
            pty.send(b"z")
            after = len(pty.said)
            if keys:
                pty.send(keys)
            else:
                pty.child.send_signal(signal.SIGTSTP)
            _, status = os.waitpid(pty.child.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            pty.until(b"\x1b[?1004l", after)
            assert is_as_before(pty)
            assert _is_let_go(pty.asked())
            pty.child.send_signal(signal.SIGCONT)
            back = pty.until(b"\x1b[?1049h", after)
            pty.until(b"\x1b[>25u", after)
            pty.until(b"\x1b[=2;2u", after)
            pty.until(b"PANIC", back)
            assert termios.tcgetattr(pty._its) != pty.before
        pty.send(b"\x11")
        assert pty.ended() == 0
        assert is_as_before(pty)


def test_continued_without_a_word_it_takes_the_terminal_again(tmp_path: Path) -> None:
    with Pty(tmp_path) as pty:
        pty.until(b"PANIC")
        pty.child.send_signal(signal.SIGSTOP)
        os.waitpid(pty.child.pid, os.WUNTRACED)
        termios.tcsetattr(pty._its, termios.TCSANOW, pty.before)  # as a shell does
        after = len(pty.said)
        pty.child.send_signal(signal.SIGCONT)
        pty.until(b"PANIC", pty.until(b"\x1b[?1049h", after))
        assert termios.tcgetattr(pty._its) != pty.before
        pty.send(b"\x11")
        assert pty.ended() == 0
        assert is_as_before(pty)


def _is_let_go(asked: str) -> bool:
    """Whether every key that was pressed has been let go."""
    presses = [line for line in asked.split("\n") if line.startswith("Press")]
    return bool(presses) and presses[-1].endswith("velocity=0)")


@pytest.mark.parametrize(
    "size", [(1, 1), (19, 6), *(pytest.param(size, marks=pytest.mark.full) for size in ((6, 2), (12, 4), (20, 5)))]
)
def test_a_terminal_too_small_says_so_within_its_edges(tmp_path: Path, size: tuple[int, int]) -> None:
    with Pty(tmp_path, size=size) as pty:
        for line in too_small_text(Size(*size)):
            pty.until(line.encode())
        after = len(pty.said)
        pty.resize(80, 24)
        pty.until(b"PANIC", after)
        pty.send(b"\x11")
        assert pty.ended() == 0


@pytest.mark.parametrize(
    ("size", "lines"),
    [
        ((40, 3), ["The terminal is too small: 40x3. It", "needs 20x6."]),
        ((12, 4), ["too small:", "12x4, needs", "20x6"]),
        ((6, 2), ["too", "small"]),
        ((5, 1), ["small"]),
        ((1, 1), ["t"]),
        ((0, 0), [""]),
    ],
)
def test_the_words_fit(size: tuple[int, int], lines: list[str]) -> None:
    assert too_small_text(Size(*size)) == lines


def test_where_the_terminal_tells_it_a_note_is_as_long_as_its_key_is_held(tmp_path: Path) -> None:
    with Pty(tmp_path) as pty:
        asked_for = pty.until(b"\x1b[=2;2u\x1b[?u")
        pty.send(b"\x1b[?27u")
        pty.until(b"PIANO", asked_for)
        pty.send(b"\x1b[122;;122u" + b"\x1b[122;1:2;122u" * 20 + b"\x1b[120;;120u")
        pty.until_asked("Press", 2)
        pty.send(b"\x1b[122;1:3u\x1b[120;1:3u\x1b[24~")
        pty.until_asked("Panic")
        pressed = [line for line in pty.asked().split("\n") if line.startswith("Press")]
        low = int(pressed[0].partition("pitch=")[2].partition(",")[0])
        assert pressed == [str(Press(low, 80)), str(Press(low + 2, 80)), str(Press(low, 0)), str(Press(low + 2, 0))]


_STAYS = """
leave = app.leave
async def stays(): pass
def begun():
    app.leave = lambda: leave() if (folder / "may leave").exists() else None
    app.action_quit_and_stop = stays
"""
"""Whatever is clicked on, it is not left before it may be."""


def storm(folder: Path, pty: Pty, seed: int, sizes: int) -> None:
    """So many sizes of the terminal, and between them keys, clicks and bytes of any kind; it lives through them all."""
    rng = random.Random(seed)
    keys = [b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1bOS", b"\x1b[15~", b"\x1b[18~", b"\x1b[19~", b"\x1b[20~", b"\x1b[24~"]
    keys += [b"\x1b", b"\x10", b"?", b"\t", b"\r", b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[H", b"z", b"1", b"x", b" "]
    keys += [b"\xf6", b"\x1b[1;", b"\x1b[?62c", b"\x1b[200~x\x1b[201~", b"\x1b[I", b"\x1b[O", b"\x1b[122;1:3u"]
    for _ in range(sizes):
        pty.resize(rng.randint(1, rng.choice((12, 90, 260))), rng.randint(1, rng.choice((6, 30, 80))))
        for _ in range(rng.randrange(4)):
            x, y = rng.randint(1, 260), rng.randint(1, 80)
            pty.send(rng.choice([*keys, f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m".encode()]))
        assert pty.child.poll() is None
    pty.resize(100, 30)
    pty.send(b"\x1b[24~")
    pty.until_asked("Panic")
    for _ in range(4):
        pty.send(b"\x1b[27u")
    (folder / "may leave").touch()
    pty.send(b"\x11")
    assert pty.ended() == 0
    assert is_as_before(pty)


def test_a_storm_in_a_terminal_leaves_it_whole(tmp_path: Path) -> None:
    with Pty(tmp_path, _STAYS) as pty:
        pty.until(b"PIANO")
        storm(tmp_path, pty, 1, 40)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10, 16))
def test_long_storms_in_a_terminal(tmp_path: Path, seed: int) -> None:
    with Pty(tmp_path, _STAYS) as pty:
        pty.until(b"PIANO")
        storm(tmp_path, pty, seed, 250)


def test_when_its_terminal_has_gone_without_a_word_it_ends(tmp_path: Path) -> None:
    with Pty(tmp_path) as pty:
        pty.until(b"PIANO")
        os.close(pty._ours)
        pty._ours = os.open(os.devnull, os.O_RDONLY)
        assert pty.child.wait(_LONG_S) == -signal.SIGHUP
