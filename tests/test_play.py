"""`improv play`: what it says before and after the screen, and what options come to."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from improv.__main__ import main
from improv.cli import daemon as background
from improv.cli import play
from improv.cli.options import Given
from improv.instance import Instance
from improv.messages import Set
from improv.tui.app import ImprovApp


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[ImprovApp]:
    """A terminal, on which the interface ends at once; the interfaces there were."""
    shown: list[ImprovApp] = []
    monkeypatch.setattr(play, "_has_terminal", lambda: True)

    def run(app: ImprovApp) -> None:
        shown.append(app)

    monkeypatch.setattr(ImprovApp, "run", run)
    return shown


def played(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["improv", "play", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_without_a_terminal_it_says_what_plays_without_one() -> None:
    words = [sys.executable, "-m", "improv", "play"]
    done = subprocess.run(words, capture_output=True, text=True, input="", check=False)
    assert done.returncode == 2
    assert done.stderr == "improv: improv play needs a terminal; improv jam plays without one\n"


def test_help_loads_no_interface() -> None:
    code = "import sys, improv.__main__; print([name for name in sys.modules if name.startswith('textual')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--layout", "azertz"], "did you mean azerty?"),
        (["--theme", "textual-drak"], "did you mean textual-dark?"),
        (["--tempo", "9999"], "tempo"),
        (["--instance", "No Name"], "is no name"),
    ],
)
def test_what_is_wrong_is_said_before_the_screen_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert played(monkeypatch, *arguments) == 2
    assert says in capsys.readouterr().err


def test_what_plays_on_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: list[ImprovApp]
) -> None:
    monkeypatch.setattr(Instance, "running", lambda at: 4711)
    assert played(monkeypatch, "--tempo", "99", "--output", "x") == 0
    said = "improv plays on (PID 4711): improv play comes back, improv daemon stop ends it\n"
    assert capsys.readouterr().out == said
    setting = terminal[0]._setting
    assert not setting.starts
    assert setting.asks == (Set("tempo", 99.0),)
    assert "--output" in setting.says[0]


def test_without_a_daemon_one_is_started_to_trade(monkeypatch: pytest.MonkeyPatch, terminal: list[ImprovApp]) -> None:
    launched: list[Any] = []
    monkeypatch.setattr(background, "launch", lambda at, arguments: launched.append(arguments))
    assert played(monkeypatch, "--tempo", "99", "--ascii") == 0
    app = terminal[0]
    assert app._setting.starts
    assert app._setting.glyphs.plain
    app._link._starts()  # type: ignore[attr-defined]
    assert launched == [["--tempo=99.0", "--mode=trade"]]


@pytest.mark.usefixtures("terminal")
def test_a_daemon_that_does_not_start_ends_it_with_its_words_and_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ImprovApp, "run", lambda app: background.NotStarted("no MIDI input is called x", 66))
    assert played(monkeypatch) == 66
    assert capsys.readouterr().err == "improv: no MIDI input is called x\n"


def test_options_are_turned_if_they_can_be_and_named_if_not() -> None:
    given = Given({"controls.tempo": 99.0, "ports.input": "x"}, profile="gig", save=Path("x.mid"))
    asks, says = play._joining(given)
    assert asks == (Set("tempo", 99.0),)
    assert says == ("improv plays already: --input, --save, --profile will do when it is started",)
    assert play._joining(Given({})) == ((), ())
