"""`improv play`: what it says before and after the screen, and what options come to."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from improv.__main__ import main
from improv.cli import daemon as background
from improv.cli import play
from improv.cli.options import Given
from improv.config.instance import Instance, Origin
from improv.errors import AlreadyRunning, UsageError
from improv.protocol.commands import Set
from improv.protocol.snapshot import RecordingStatus, SystemStatus
from improv.tui.app import ImprovApp
from improv.tui.client import DaemonLink


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[ImprovApp]:
    """A terminal, on which the interface ends at once; the interfaces there were."""
    shown: list[ImprovApp] = []
    monkeypatch.setattr(play, "_has_terminal", lambda: True)

    def run(app: ImprovApp) -> None:
        shown.append(app)

    monkeypatch.setattr(ImprovApp, "run", run)
    return shown


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal without a window, on which the interface runs; and improv plays somewhere."""
    monkeypatch.setattr(play, "_has_terminal", lambda: True)
    monkeypatch.setattr(ImprovApp, "run", lambda app: asyncio.run(app.run_async(headless=True)))
    monkeypatch.setattr(DaemonLink, "listen", lambda link, tell: None)
    monkeypatch.setattr(Instance, "running", lambda at: 4711)


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
    code = "import sys, improv.cli.commands; print([name for name in sys.modules if name.startswith('textual')])"
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
    setting = terminal[0].options
    assert not setting.starts_daemon
    assert setting.first_commands == (Set("tempo", 99.0),)
    assert "--output" in setting.first_notices[0]


def test_without_a_daemon_one_is_started_that_knows_of_the_letters(
    monkeypatch: pytest.MonkeyPatch, terminal: list[ImprovApp]
) -> None:
    launched: list[Any] = []
    monkeypatch.setattr(background, "launch", lambda at, arguments, called_off: launched.append(arguments))
    assert played(monkeypatch, "--tempo", "99", "--ascii") == 0
    app = terminal[0]
    assert app.options.starts_daemon
    assert app.options.glyphs.plain
    app.connection._link._starts()  # type: ignore[attr-defined]
    assert launched == [["--tempo=99.0", "--letters"]]


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


class Held:
    """A daemon that takes its time to start, until it is called off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, result: bool, ends: Exception | None = None) -> None:
        self.left = Event()
        self.called_off = False
        monkeypatch.setattr(background, "launch", self.launch)

        def run(app: ImprovApp) -> bool:
            app.connection._link.start_daemon()
            return result

        monkeypatch.setattr(ImprovApp, "run", run)
        monkeypatch.setattr(DaemonLink, "close", lambda link: None)
        self._result, self._ends = result, ends

    def launch(self, at: Instance, arguments: Any, called_off: Any) -> str:
        if self._result:
            while not called_off():
                pass
            raise background.CalledOff("improv has not been started")
        self.left.wait(30)
        if self._ends:
            raise self._ends
        return "improv is playing"


@pytest.mark.usefixtures("terminal")
def test_ending_the_jam_while_it_starts_ends_what_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Held(monkeypatch, result=True)
    assert played(monkeypatch) == 0
    assert capsys.readouterr().out == "improv was starting, and has been stopped\n"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("ends", "status", "says"),
    [
        (None, 0, "improv plays on (PID 4711)"),
        (background.NotStarted("no such port", 66), 66, "improv: no such port"),
        (Instance().already_running(), 0, "improv plays on (PID 4711)"),
    ],
)
def test_leaving_while_it_starts_waits_and_says_what_has_become_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ends: Exception | None, status: int, says: str
) -> None:
    held = Held(monkeypatch, result=False, ends=ends)
    said: list[str] = []

    def echo(text: str, err: bool = False) -> None:
        said.append(text)
        held.left.set()

    monkeypatch.setattr("improv.cli.play.typer.echo", echo)
    running = iter([None])
    monkeypatch.setattr(Instance, "running", lambda at: next(running, 4711))
    assert played(monkeypatch) == status
    assert said[0] == "improv is starting..."
    assert said[1].startswith(says)


def test_it_is_started_again_as_it_was_and_not_beside_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[Any] = []
    monkeypatch.setattr(background, "launch", lambda at, arguments, called_off: launched.append(arguments))
    origins = [Origin(1, ("--tempo=90",)), None, Origin(1, (), ("--user", "improv.service"))]
    monkeypatch.setattr(Instance, "origin", lambda at: origins.pop(0))
    starts = play._starter(Instance(), ["--tempo=80"], lambda: False, again=False)
    for _ in range(3):
        starts()
    assert launched == [["--tempo=80"], ["--tempo=90"], ["--tempo=80"]]
    with pytest.raises(UsageError, match=r"type: systemctl start --user improv\.service"):
        starts()


def test_a_second_daemon_that_ends_because_of_the_first_is_one_that_plays_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Child:
        returncode = 75

        def wait(self, _within_s: float) -> int:
            return 75

    monkeypatch.setattr(background, "_spawned", lambda arguments, stderr: Child())
    with pytest.raises(AlreadyRunning):
        background.launch(Instance(), [])


# --- crashes --------------------------------------------------------------------------------------


def mistaken(*_: Any) -> None:
    raise ZeroDivisionError("nothing\nis shared by\x1b[2J nobody")


async def working() -> None:
    mistaken()


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(
    ("place", "mistake"),
    [
        pytest.param("app.ImprovApp.on_mount", mistaken, id="beginning"),
        pytest.param("app.ImprovApp._begin", mistaken, id="callback"),
        pytest.param("app.ImprovApp._begin", lambda app: app.run_worker(working()), id="worker"),
        pytest.param("views.base.View.render_lines", mistaken, id="drawing"),
    ],
)
def test_a_crash_is_told_in_three_lines_and_its_details_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, mistake: Callable[..., Any]
) -> None:
    monkeypatch.setattr(f"improv.tui.{place}", mistake)
    at = Instance()
    at.crash.parent.mkdir()
    at.crash.write_text("the one before")
    at.crash.chmod(0o644)
    assert played(monkeypatch) == 1
    said = capsys.readouterr()
    assert said.err == (
        "improv: the interface has crashed: ZeroDivisionError: nothing is shared by [2J nobody\n"
        f"improv: the details are in {at.crash}\n"
    )
    assert said.out == "improv plays on (PID 4711): improv play comes back, improv daemon stop ends it\n"
    kept = at.crash.read_text()
    assert re.match(r"improv .*, Textual .*, Python .*\nTraceback", kept)
    assert "in mistaken" in kept
    assert at.crash.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("unseen")
def test_a_crash_whose_details_can_not_be_kept_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ImprovApp, "on_mount", mistaken)
    at = Instance()
    at.crash.mkdir(parents=True)
    assert played(monkeypatch) == 1
    crashed, lost = capsys.readouterr().err.splitlines()
    assert crashed.startswith("improv: the interface has crashed: ZeroDivisionError")
    assert lost == f"improv: {at.crash}: Is a directory; so the details are lost"


def test_a_crash_in_a_browser_puts_nothing_into_what_is_said_to_it(tmp_path: Path) -> None:
    """What textual serve reads from standard output are packets: M, a length and JSON is one of them."""
    code = (
        "import sys; from improv.__main__ import main; from improv.tui.app import ImprovApp;"
        "ImprovApp._begin = lambda app: 1 / 0; sys.argv = ['improv', 'play']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, input=b"", timeout=180, check=False,
        env=os.environ | {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"},
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(rb'M\x00\x00\x00.\{"type": "exit"\}\Z', done.stdout, re.DOTALL)
    assert done.stderr.decode().splitlines() == [
        "improv: the interface has crashed: ZeroDivisionError: division by zero",
        f"improv: the details are in {tmp_path / 'state' / 'default.crash'}",
    ]


def test_at_the_end_it_says_how_what_was_recorded_becomes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    play._part(Instance(), SystemStatus(recording=RecordingStatus(take="jam-1")), ended=True)
    assert capsys.readouterr().out == "it is recorded; improv export jam-1 writes it as a MIDI file\n"
    play._part(Instance(), SystemStatus(), ended=True)
    assert capsys.readouterr().out == ""
