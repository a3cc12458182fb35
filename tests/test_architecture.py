"""The cuts of the house at run time: what a room really loads, and that every room says what it is for.

import-linter checks the same statically; here nothing that is imported late or in passing escapes.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import improv

ROOT = Path(improv.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

PURE = (
    "music",
    "protocol",
    "session",
    "models/encodings",
    "models/__init__",
    "models/contract",
    "models/sampling",
    "errors",
)
CORE = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in MODULES
    if path.relative_to(ROOT).with_suffix("").as_posix().startswith(PURE)
]
"""The modules that are values alone: whole wings, and what a network's contract is."""
WORLD = {
    "mido",
    "rtmidi",
    "supriya_midi",
    "onnxruntime",
    "textual",
    "torch",
    "onnx",
    "typer",
    "google",
    "platformdirs",
    "training",
}
MACHINE = {"threading", "queue", "socket", "asyncio", "select", "subprocess", "time", "random"}


@cache
def loaded(code: str) -> frozenset[str]:
    """The modules a fresh interpreter has after running code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return frozenset(done.stdout.split())


def added(*modules: str) -> frozenset[str]:
    """What importing modules of improv loads beyond the interpreter, numpy and what every room may use."""
    before = "import numpy, numpy.random, numpy.typing, dataclasses, enum, hashlib, heapq, json, types, typing"
    return loaded("\n".join([before, *(f"import improv.{module}" for module in modules)])) - loaded(before)


def test_the_core_loads_nothing_of_the_world() -> None:
    found = added(*CORE)
    assert {f"improv.{room}" for room in CORE} == {name for name in found if name.startswith("improv.")}
    assert not found & (WORLD | MACHINE)


@pytest.mark.parametrize("room", CORE)
def test_a_room_of_the_core_names_nothing_of_the_world(room: str) -> None:
    """What numpy has loaded anyway can only be seen in the source."""
    path = ROOT.joinpath(*room.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in named} & (WORLD | MACHINE)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"open", "print", "input", "__import__", "eval", "exec"}


@pytest.mark.parametrize(
    ("room", "loads", "never"),
    [
        ("runtime.daemon", {"subprocess"}, {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch", "typer"}),
        ("runtime.supervisor", {"subprocess"}, {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch", "typer"}),
        (
            "runtime.engine_process",
            {"onnxruntime"},
            {"mido", "rtmidi", "textual", "torch", "onnx", "onnxscript", "typer"},
        ),
        ("runtime.render", {"onnxruntime", "mido"}, {"rtmidi", "textual", "torch", "onnx", "onnxscript", "typer"}),
        ("runtime.player_process", {"rtmidi"}, {"numpy", "mido", "onnxruntime", "textual", "torch", "typer"}),
        ("recording", {"threading"}, {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch"}),
        (
            "tui.app",
            {"textual"},
            {
                "improv.runtime.engine",
                "improv.session.step",
                "improv.midi.ports",
                "numpy",
                "mido",
                "rtmidi",
                "onnxruntime",
                "typer",
            },
        ),
        ("runtime.engine", set(), {"mido", "rtmidi", "onnxruntime", "textual", "torch"}),
        (
            "control.terminal",
            {"improv.protocol.commands"},
            {
                "improv.runtime.engine",
                "improv.session.step",
                "numpy",
                "mido",
                "rtmidi",
                "onnxruntime",
                "textual",
                "torch",
            },
        ),
        ("midi.player", set(), {"mido", "rtmidi", "onnxruntime", "textual", "torch"}),
        ("midi.ports", {"rtmidi"}, {"mido", "onnxruntime", "textual", "torch"}),
        ("recording.midi_file", {"mido"}, {"onnxruntime", "textual", "torch"}),
        ("models.onnx_file", {"google.protobuf"}, {"numpy", "onnxruntime", "onnx", "torch", "mido", "rtmidi"}),
        ("models.onnx_runtime", {"onnxruntime"}, {"onnx", "torch", "mido", "rtmidi", "textual"}),
        ("config.load", set(), {"mido", "rtmidi", "onnxruntime", "textual", "torch"}),
        (
            "cli.commands",
            {"typer"},
            {"mido", "rtmidi", "onnxruntime", "textual", "torch", "numpy", "improv.runtime.daemon"},
        ),
    ],
)
def test_a_room_loads_what_it_is_for_and_no_more(room: str, loads: set[str], never: set[str]) -> None:
    found = loaded(f"import improv.{room}")
    if "supriya_midi" in found:  # the other binding, where there is no python-rtmidi
        found |= {"rtmidi"}
    assert loads <= found
    assert not never & found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    silent = []

    def visit(node: ast.Module | ast.ClassDef) -> None:
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and child.name[0] != "_":
                if not ast.get_docstring(child):
                    silent.append(child.name)
                if isinstance(child, ast.ClassDef):
                    visit(child)

    visit(tree)
    assert not silent


def test_no_room_waits_for_another_behind_a_lock() -> None:
    """Queues in, one snapshot out: a lock would be the first sign of two who share something."""
    locks = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"}
    rooms = {"threading", "_thread", "multiprocessing", "asyncio"}
    for path in MODULES:
        used = set[str]()
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(ast.Name(room), name) if room in rooms:
                    used.add(name)
                case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in rooms:
                    used |= {imported.name for imported in node.names}
        assert not used & locks, path


def test_the_architecture_page_names_every_module() -> None:
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
    named = re.findall(r"`(?:improv/)?([a-z0-9_/]+\.py)`", page)
    modules = {path.relative_to(ROOT).as_posix() for path in MODULES if path.name != "__init__.py"}
    assert set(named) - {"tests/test_architecture.py"} == modules
    assert all(f"\n## {wing.name}\n" in page for wing in ROOT.iterdir() if (wing / "__init__.py").exists())
