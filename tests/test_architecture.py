"""The cuts of the house at run time: what a room really loads, and that every room says what it is for.

import-linter checks the same statically; here nothing that is imported late or in passing escapes.
"""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

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
    rooms = {f"improv.{room}" for room in (*CORE, "dataclass")}
    assert rooms == {name for name in found if name.startswith("improv.")}
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
        ("runtime.port_host", {"rtmidi"}, {"numpy", "mido", "onnxruntime", "textual", "torch", "typer"}),
        ("runtime.standby_player", {"rtmidi"}, {"numpy", "mido", "onnxruntime", "textual", "torch", "typer"}),
        ("runtime.router", set(), {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch", "typer"}),
        ("runtime.player_process", {"rtmidi"}, {"numpy", "mido", "onnxruntime", "textual", "torch", "typer"}),
        ("recording.writer_thread", {"threading"}, {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch"}),
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
        *(
            (
                f"control.{room}",
                {"improv.protocol.commands"},
                {"improv.session", "improv.models", "numpy", "mido", "rtmidi"},
            )
            for room in ("socket_server", "socket_client", "osc", "midi_controllers")
        ),
        *((room, set(), {"numpy", "platformdirs", "google"}) for room in ("ipc.link", "ipc.child", "system.programs")),
        ("diagnostics.doctor", set(), {"numpy", "mido", "rtmidi", "onnxruntime", "textual", "torch", "typer"}),
        ("midi.player", set(), {"mido", "rtmidi", "onnxruntime", "textual", "torch"}),
        ("midi.ports", {"rtmidi"}, {"mido", "onnxruntime", "textual", "torch"}),
        ("export.midi_file", {"mido"}, {"onnxruntime", "textual", "torch"}),
        ("synth.choice", {"numpy"}, {"mido", "rtmidi", "onnxruntime", "textual", "torch", "fluidsynth", "libsonare"}),
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


LOCKS = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"}
WITH_LOCKS = {"threading", "_thread", "multiprocessing", "asyncio"}


def locks_in(source: str) -> set[str]:
    """The locks that a module names, by whatever name it has imported them or the module they are in."""
    tree = ast.parse(source)
    modules, used = set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = (each for each in names if each.name.partition(".")[0] in WITH_LOCKS)
                modules |= {each.asname or each.name.partition(".")[0] for each in found}
            case ast.ImportFrom(module=str(module), names=names) if module.partition(".")[0] in WITH_LOCKS:
                used |= {each.name for each in names}
                modules |= {each.asname or each.name for each in names}  # a module may be imported so, too
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root: ast.expr = node
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                used.add(node.attr)
    return used & LOCKS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import threading\nthreading.Thread().start()", set()),
        ("import threading\nthreading.Lock()", {"Lock"}),
        ("import threading as t\nwith t.RLock(): pass", {"RLock"}),
        ("from threading import Event as Sign\nSign()", {"Event"}),
        ("import multiprocessing.synchronize\nmultiprocessing.synchronize.Barrier(2)", {"Barrier"}),
        ("from asyncio import locks\nlocks.Condition()", {"Condition"}),
        ("from textual.events import Event\nEvent()", set()),
    ],
)
def test_a_lock_is_found_under_any_name(source: str, found: set[str]) -> None:
    assert locks_in(source) == found


def test_no_room_waits_for_another_behind_a_lock() -> None:
    """Queues in, one snapshot out: a lock would be the first sign of two who share something."""
    assert {path.name for path in MODULES if locks_in(path.read_text())} == set()


# --- contracts --------------------------------------------------------------------------------------


def contracts() -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_every_wing_has_a_contract_of_its_own() -> None:
    """Beside its place in the layers; and each contract says why it is there."""
    wings = {f"improv.{wing.name}" for wing in ROOT.iterdir() if (wing / "__init__.py").exists()} | {"training"}
    kept = {
        source for contract in contracts() if contract["type"] == "forbidden" for source in contract["source_modules"]
    }
    assert wings <= kept
    layers = [layer for contract in contracts() if contract["type"] == "layers" for layer in contract["layers"]]
    assert wings - {"training"} <= {wing.strip() for layer in layers for wing in layer.split("|")}
    for contract in contracts():
        assert re.search(r"\b(because|so|so that)\b|: ", contract["name"]), contract["name"]


def test_the_architecture_page_names_every_module() -> None:
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
    named = re.findall(r"`(?:improv/)?([a-z0-9_/]+\.py)`", page)
    modules = {path.relative_to(ROOT).as_posix() for path in MODULES if path.name != "__init__.py"}
    assert {name for name in named if not name.startswith("tests/")} == modules
    assert all(f"\n## {wing.name}\n" in page for wing in ROOT.iterdir() if (wing / "__init__.py").exists())


def glossary_names() -> list[str]:
    """The names of the code in the third column of the glossary."""
    page = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row[2])]


@pytest.mark.parametrize("name", glossary_names())
def test_a_name_in_the_glossary_is_in_the_code(name: str) -> None:
    found: object = importlib.import_module("improv")
    for word in name.split("."):
        if isinstance(found, ModuleType) and hasattr(found, "__path__") and not hasattr(found, word):
            found = importlib.import_module(f"{found.__name__}.{word}")
        else:
            found = getattr(found, word)
