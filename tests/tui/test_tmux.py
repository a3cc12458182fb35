"""The real program in a real terminal: `improv play` in tmux, its keys struck there and its screen read there."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from improv.protocol.controls import CONTROLS
from improv.tui.theme.glyphs import ASCII, UNICODE
from tests.ports.patience import eventually

IMPROV = f"{sys.executable} -m improv"
PLAY = f"{IMPROV} play --api none --mode trade --bars 1 --count-in 0 --tempo 200"
JOIN = f"{IMPROV} play"
ENV = {"PS1": "$ ", "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2])}
UNWANTED = {"TMUX", "ENV", "LC_ALL", "LC_CTYPE", "NO_COLOR"}


@pytest.fixture(autouse=True)
def _tmux() -> None:
    if shutil.which("tmux") is None:
        (pytest.fail if os.environ.get("IMPROV_REQUIRE_PORTS") else pytest.skip)("needs tmux")


class Tmux:
    """A shell in a terminal of a tmux server of its own; a context that ends both, and the improv of the test."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self._server = ("tmux", "-u", "-L", f"improv-test-{os.getpid()}", "-f", "/dev/null")
        self._env = {name: value for name, value in os.environ.items() if name not in UNWANTED} | ENV
        self._folder = folder
        self._size = ("-x", str(width), "-y", str(height))

    def __enter__(self) -> Self:
        self._do("new-session", "-d", *self._size, "sh")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.screen())
        socket = self._do("display-message", "-p", "#{socket_path}").strip()
        self._do("kill-server")
        Path(socket).unlink(missing_ok=True)  # tmux leaves it there
        self.improv("daemon", "stop")

    def _do(self, *words: str) -> str:
        command = [*self._server, *words]
        done = subprocess.run(command, env=self._env, cwd=self._folder, capture_output=True, text=True, check=True)
        return done.stdout

    def run(self, line: str) -> None:
        """Have the shell run a line, on a clean screen."""
        self._do("send-keys", "-l", f"clear; {line}")
        self.strike("Enter")

    def strike(self, *keys: str) -> None:
        """Strike keys, by tmux's names."""
        self._do("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def screen(self) -> str:
        """What stands in the window."""
        return self._do("capture-pane", "-p")

    def until(self, seen: str | Callable[[str], object], what: str = "") -> str:
        """The screen, as soon as something is seen on it."""
        screens: list[str] = []

        def is_seen() -> bool:
            screens.append(self.screen())
            return bool(seen in screens[-1] if isinstance(seen, str) else seen(screens[-1]))

        eventually(is_seen, what or f"{seen!r} on the screen")
        return screens[-1]

    def improv(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run another improv command, beside it."""
        command = [sys.executable, "-m", "improv", *words]
        return subprocess.run(
            command, env=self._env, cwd=self._folder, capture_output=True, text=True, check=False, timeout=180
        )


def roll(screen: str) -> str:
    """The piano roll of a screen 120 cells wide."""
    lines = [line[:78] for line in screen.split("\n")]
    return "\n".join(line for line in lines if UNICODE.roll.bar in line)


def line(screen: str, name: str) -> str:
    """What the screen says of a control."""
    return next(iter(re.findall(rf"[ {UNICODE.turned}]{name} .*$", screen, re.MULTILINE)), "")


def test_a_call_and_its_answer_in_a_real_terminal(tmp_path: Path) -> None:
    with Tmux(tmp_path, 120, 40) as tmux:
        tmux.run(PLAY)
        tmux.until("then improv")
        tmux.strike("q", "e")
        tmux.until(lambda screen: UNICODE.you.body in roll(screen), "notes of yours on the roll")
        tmux.until("then you")
        tmux.until(lambda screen: UNICODE.improv.onset in roll(screen), "notes of improv's on the roll")
        tmux.strike("Right", *["Down"] * list(CONTROLS).index("temperature"), "Right")
        tmux.until(lambda screen: "204 bpm" in line(screen, "tempo") and "0.9" in line(screen, "temperature"), "values")
        tmux.strike("BSpace")
        tmux.until("silenced")
        tmux.strike("C-q")
        tmux.until("improv plays on (PID")
        seen = json.loads(tmux.improv("ctl", "status", "--json").stdout)
        assert (seen["playing"], seen["tempo"], seen["settings"]["temperature"]) == (True, 204, 0.9)
        tmux.run(JOIN)
        tmux.until(lambda screen: "204 bpm" in line(screen, "tempo") and "0.9" in line(screen, "temperature"), "values")
        tmux.strike("C-c")
        tmux.until("improv plays on (PID")
        stopped = tmux.improv("daemon", "stop")
        assert "improv has stopped" in stopped.stdout


def test_left_early_small_torn_about_and_in_ascii_without_colours(tmp_path: Path) -> None:
    def sizes() -> Iterator[tuple[int, int]]:
        return ((2 + (n * 37) % 150, 2 + (n * 23) % 50) for n in range(24))

    with Tmux(tmp_path, 40, 12) as tmux:
        tmux.run(PLAY)
        tmux.until(lambda screen: "starting..." in screen or "PIANO" in screen, "its beginning")
        tmux.strike("C-q")  # mostly before the daemon is there
        tmux.until("improv plays on (PID")
        tmux.run(JOIN)
        tmux.until(lambda screen: all(word in screen for word in ("PIANO", "PANIC", "tempo")), "all that is needed")
        for size in sizes():
            tmux.resize(*size)
            tmux.strike("q", "Down")
        tmux.resize(80, 24)
        tmux.strike(*["Up"] * 24)
        tmux.until(lambda screen: "PANIC" in screen.split("\n")[23:][0] and "tempo" in screen, "all of it again")
        tmux.strike("C-q")
        tmux.until("improv plays on (PID")
        tmux.run(f"NO_COLOR=1 LANG=C {JOIN}")
        whole = ("200 bpm", "PANIC", f"{ASCII.here} ")
        assert tmux.until(lambda screen: all(part in screen for part in whole), "all of it").isascii()
        for words in ("tempo", "200 bpm", "Y O U", "No MIDI"):
            tmux.until(words)
        tmux.strike("C-q")
        tmux.until("improv plays on (PID")
