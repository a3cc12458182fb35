"""Nothing runs that should not: whatever lies in the current folder, and whatever a library would tell its makers."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import improv
from improv.system import programs as program

SCRIPT = str(Path(sys.executable).with_name("improv"))
SHADOWS = ("random", "socket", "json", "numpy", "typing", "subprocess", "rtmidi", "typer", "textual", "onnx", "jack")
WITHIN_S = 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with the user's own little scripts, whose names are those of libraries."""
    folder = tmp_path / "work"
    folder.mkdir()
    ran = f"open({str(tmp_path)!r} + '/ran', 'a').write(__name__ + ' ')\n"
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(ran)
    monkeypatch.chdir(folder)
    yield folder
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


def run(*command: str, path: str | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("command", "path"),
    [
        pytest.param((SCRIPT,), None, id="the program"),
        pytest.param((SCRIPT,), "", id="an empty path"),
        pytest.param((sys.executable, "-m", "improv"), None, id="the package"),
    ],
)
def test_a_daemon_and_its_children_run_nothing_of_the_current_folder(
    folder: Path, tmp_path: Path, command: tuple[str, ...], path: str | None
) -> None:
    assert "is playing" in run(*command, "daemon", "start", "--api", "none", f"--save={tmp_path}/jam.mid", path=path)
    try:
        run(*command, "ctl", "status", path=path)
        run(*command, "ctl", "model", "eck2002-blues", path=path)
        run(*command, "daemon", "status", path=path)
        pid = int((tmp_path / "run" / "default.pid").read_text())
        if Path("/proc/self/environ").exists():
            told = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            given = next(line.removeprefix(b"PYTHONPATH=") for line in told if line.startswith(b"PYTHONPATH="))
            assert {b"", b".", os.fsencode(folder)}.isdisjoint(given.split(os.fsencode(os.pathsep)))
    finally:
        run(*command, "daemon", "stop", path=path)


@pytest.mark.parametrize("path", [":", "."])
@pytest.mark.parametrize("words", ["models", "ports --api dummy", "takes", "config show", "--help"])
def test_no_command_runs_anything_of_the_current_folder(folder: Path, words: str, path: str) -> None:
    """Where the folder is on the path by the environment, what Python loads before us is out of our hands."""
    for name in ("typing", "subprocess", "random"):
        (folder / f"{name}.py").unlink()
    command = [SCRIPT, *words.split()]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, check=False, timeout=WITHIN_S)


def test_the_path_is_left_without_the_current_folder_and_the_program_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library = str(Path(os.__file__).parent)
    script, linked = str(tmp_path / "bin"), tmp_path.with_name("link")
    linked.symlink_to(tmp_path)
    monkeypatch.setattr(sys, "path", [script, "", ".", str(tmp_path), str(linked), "/other", library])
    program.leave_current_folder()
    home = str(Path(improv.__file__).parents[1])
    assert [entry for entry in sys.path if entry != home] == ["/other", library]


def test_where_improv_itself_lies_in_the_current_folder_it_is_found_there_last(monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(Path(improv.__file__).parents[1])
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", [home, "", "/other"])
    program.leave_current_folder()
    assert sys.path == ["/other", home]


def test_a_folder_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    leaves = "from improv.system.programs import leave_current_folder; leave_current_folder()"
    code = f"import os, sys; os.rmdir(os.getcwd()); {leaves}; import json"
    gone = tmp_path / "gone"
    gone.mkdir()
    subprocess.run(program.python("-c", code), cwd=gone, env=program.environment(), check=True, timeout=WITHIN_S)


def test_only_one_room_knows_how_python_is_started() -> None:
    """So no program of ours can be started with the current folder on its path."""
    root = Path(improv.__file__).parent
    for path in root.rglob("*.py"):
        named = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys"
        }
        assert "executable" not in named or path.name == "programs.py", path


# --- what would be told to others -----------------------------------------------------------------


def test_no_library_leaves_or_sends_anything(tmp_path: Path) -> None:
    """onnxruntime makes a number for this user and a store of what it sends, unless it is told not to before."""
    home = tmp_path / "home"
    home.mkdir()
    kept = ("PATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name in kept} | {"HOME": str(home)}
    out = tmp_path / "out.mid"
    subprocess.run(
        [SCRIPT, "render", str(out), "--model", "eck2002-chords"],
        env=environment, check=True, timeout=WITHIN_S, capture_output=True,
    )  # fmt: skip
    assert out.exists()
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "first",
    [
        "improv.models.onnx_runtime",
        "improv.diagnostics.bench.steps",
        "improv.runtime.engine_process",
        "training.trainers.export",
    ],
)
def test_the_library_is_told_before_it_is_loaded(first: str) -> None:
    """Whichever module is imported first."""
    if first.startswith("training"):
        pytest.importorskip("torch")
    code = f"""
import builtins, os, sys
load, told = builtins.__import__, []
def watched(name, *rest, **more):
    if name.split(".")[0] == "onnxruntime" and "onnxruntime" not in sys.modules:
        told.append(os.environ.get("ORT_DISABLE_TELEMETRY"))
    return load(name, *rest, **more)
builtins.__import__ = watched
import {first}
assert told == ["1"], told
"""
    environment = {name: value for name, value in program.environment().items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(program.python("-c", code), env=environment, check=True, timeout=WITHIN_S)
