"""Told to end by a signal, the screen leaves its terminal as it was."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_SHOWS_ITSELF = """
import sys
from pathlib import Path
from improv.tui.app import ImprovApp
from improv.tui.options import ScreenOptions
from tests.tui.stage import Scripted
folder = Path(sys.argv[1])
print("it says", ImprovApp(Scripted(), ScreenOptions(log=folder / "log", presets=folder / "presets.toml")).run())
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_told_to_end_it_leaves_the_terminal_as_it_was(tmp_path: Path, name: str) -> None:
    ours, its = os.openpty()
    code = [sys.executable, "-c", _SHOWS_ITSELF, str(tmp_path)]
    child = subprocess.Popen(code, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    said = b""
    try:
        while b"PANIC" not in said:
            said += os.read(ours, 1 << 16)
        child.send_signal(getattr(signal, name))
        while b"it says False" not in said:
            said += os.read(ours, 1 << 16)
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h")
    assert said.rindex(b"\x1b[?1000l") > said.rindex(b"\x1b[?1000h")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals of this kind")
def test_told_to_end_when_its_terminal_has_gone_it_does(tmp_path: Path) -> None:
    ours, its = os.openpty()
    code = [sys.executable, "-c", _SHOWS_ITSELF, str(tmp_path)]
    child = subprocess.Popen(code, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    try:
        said = b""
        while b"PANIC" not in said:
            said += os.read(ours, 1 << 16)
        os.close(ours)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()
