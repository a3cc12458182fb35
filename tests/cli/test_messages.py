"""What improv prints: the commands that it names can be typed as they stand, and who does something has a name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import improv
from improv.cli.commands import app
from training.__main__ import COMMANDS

ROOT = Path(improv.__file__).parent
RIDDLES = re.compile(r"\b(somebody|someone|nobody|whoever|anybody)\b", re.IGNORECASE)


def literals(path: Path) -> Iterator[str]:
    """The texts of a module that may be printed: all string literals but the docstrings, f-strings with their gaps."""
    tree = ast.parse(path.read_text())
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {
        id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values
    }  # they are read as a whole
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


TEXTS = {path.relative_to(ROOT).as_posix(): list(literals(path)) for path in sorted(ROOT.rglob("*.py"))}


def helps(command: Any, name: str = "improv") -> Iterator[tuple[str, str]]:
    """The help text of each command and option, with the command's name."""
    yield name, command.help or ""
    for option in (option for option in command.params if not getattr(option, "hidden", False)):
        yield name, getattr(option, "help", "") or ""
    for word, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{name} {word}")


COMMAND: Any = typer.main.get_command(app)
GROUPS = {name: set(group.commands) for name, group in COMMAND.commands.items() if hasattr(group, "commands")}


@pytest.mark.parametrize("module", TEXTS)
def test_commands_that_are_named_can_be_typed(module: str) -> None:
    said = [*TEXTS[module], *([text for _, text in helps(COMMAND)] if module == "cli/commands.py" else [])]
    for text in said:
        assert not re.search(r"\bmake (jam|test|docs|unit|lint|train)\b", text), (
            "there is no make where improv is installed"
        )
        for group, word in re.findall(rf"\bimprov ({'|'.join(GROUPS)}) ([a-z][a-z-]*)", text):
            assert word in GROUPS[group], text
        for word in re.findall(r"python -m training ([a-z-]+)", text):
            assert word in COMMANDS, text


@pytest.mark.parametrize("module", TEXTS)
def test_who_does_something_has_a_name(module: str) -> None:
    assert not [text for text in TEXTS[module] if RIDDLES.search(text)]


def test_help_says_who_does_something() -> None:
    assert not [(name, text) for name, text in helps(COMMAND) if RIDDLES.search(text)]


def test_every_command_and_option_has_a_help_text() -> None:
    assert not [name for name, text in helps(COMMAND) if not text and name != "improv"]
