"""A real kitty on a screen of its own: keys that are held and clicked there, and what the daemon has heard of them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.ports.patience import eventually

NEEDED = ("kitty", "Xvfb", "xdotool")
_LONG_S = 120.0


@contextmanager
def ended(words: list[str], **given: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the end of a context."""
    program = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given)  # type: ignore[call-overload]
    try:
        yield program
    finally:
        program.terminate()
        program.wait(30)


@pytest.mark.full
@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
def test_in_a_real_kitty_a_note_is_as_long_as_its_key_is_held(tmp_path: Path) -> None:
    improv = [sys.executable, "-m", "improv"]
    read, write = os.pipe()
    with ExitStack() as stack:
        stack.enter_context(ended(["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24"], pass_fds=[write]))
        os.close(write)
        with os.fdopen(read) as told:
            display = f":{told.readline().strip()}"
        home = {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
        env = os.environ | home | {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}

        def does(*words: str) -> str:
            return subprocess.run(words, env=env, capture_output=True, text=True, check=True, timeout=60).stdout

        def keys() -> list[int]:
            done = subprocess.run(
                [*improv, "ctl", "status", "--json"], env=env, capture_output=True, text=True, check=False
            )
            return list(json.loads(done.stdout)["rig"]["keys"]) if done.returncode == 0 else [-1]

        def heard(wanted: list[int]) -> None:
            eventually(lambda: keys() == wanted, f"{wanted} held", _LONG_S)

        stack.callback(subprocess.run, [*improv, "daemon", "stop"], env=env, capture_output=True, check=False)
        play = [*improv, "play", "--api", "none", "--mode", "solo", "--tempo", "30"]  # a key is let go after four bars
        stack.enter_context(ended(["kitty", "--config", "NONE", "-o", "confirm_os_window_close=0", *play], env=env))
        heard([])
        (window, *_) = does("xdotool", "search", "--sync", "--onlyvisible", "--class", "kitty").split()
        does("xdotool", "windowfocus", "--sync", window)

        def is_a_piano() -> bool:
            does("xdotool", "keydown", "z")
            down = keys()
            does("xdotool", "keyup", "z")
            return len(down) == 1 and down != [-1]

        eventually(is_a_piano, "a key that is heard", _LONG_S)
        heard([])
        does("xdotool", "keydown", "z")
        eventually(lambda: len(keys()) == 1, "z", _LONG_S)
        (c,) = keys()
        does("xdotool", "keydown", "c")
        heard([c, c + 4])  # where ends are guessed the second one ends the first
        does("xdotool", "keyup", "z")
        heard([c + 4])
        does("xdotool", "keyup", "c")
        heard([])
        does("xdotool", "keydown", "x")
        heard([c + 2])
        does("xdotool", "windowunmap", "--sync", window)  # the focus goes with it
        heard([])
        does("xdotool", "keyup", "x", "windowmap", "--sync", window, "windowfocus", "--sync", window)
