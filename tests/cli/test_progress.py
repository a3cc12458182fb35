"""The progress bar: on a terminal's standard error alone, and gone when the work is done."""

import io
import re
from types import SimpleNamespace

import pytest

from improv.cli.progress import ProgressBar


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    now = [100.0]

    def later() -> float:
        now[0] += 0.4
        return now[0]

    terminal = Terminal()
    monkeypatch.setattr("rich.console.sys", SimpleNamespace(stderr=terminal, stdin=None))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("improv.cli.progress.time.monotonic", later)
    return terminal


def is_as_it_was(terminal: Terminal) -> bool:
    """Return whether the bar was erased last, and the cursor is shown again."""
    written = terminal.getvalue()
    return written.endswith("\x1b[2K") and written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")


def rows(terminal: Terminal) -> list[str]:
    """Return what has been shown, without its colours."""
    return [row for row in re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())) if row]


def test_it_says_how_far_the_work_is(terminal: Terminal) -> None:
    with ProgressBar("render out.wav") as bar:
        for share in range(9):
            bar(share / 8)
    shown = rows(terminal)
    assert shown[-1].startswith("render out.wav ━")
    assert "100%" in shown[-1]
    assert any(" 50%" in row for row in shown)
    assert max(map(len, shown)) <= 80
    assert is_as_it_was(terminal)


def test_it_stays_within_a_narrow_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (1, 5, 12, 30, 50):
        monkeypatch.setenv("COLUMNS", str(columns))
        with ProgressBar("render a-name-that-is-rather-long.wav") as bar:
            for share in range(5):
                bar(share / 4)
        assert max(map(len, rows(terminal)), default=0) <= columns
        terminal.truncate(0)
        terminal.seek(0)


def test_a_remark_stands_above_it(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("render") as bar:
        bar(0.1)
        bar(0.2)
        bar.say("the call is long")
        assert is_as_it_was(terminal)
    assert capsys.readouterr().err == "the call is long\n"


def test_work_that_is_done_at_once_shows_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.cli.progress.time.monotonic", lambda: 100.0)
    with ProgressBar("render") as bar:
        bar(1.0)
    assert terminal.getvalue() == ""


def test_an_error_takes_it_away(terminal: Terminal) -> None:
    def works(bar: ProgressBar) -> None:
        bar(0.1)
        bar(0.2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), ProgressBar("render") as bar:
        works(bar)
    assert is_as_it_was(terminal)


@pytest.mark.parametrize("stderr", [io.StringIO(), None])
def test_nothing_is_shown_where_there_is_no_terminal(
    stderr: io.StringIO | None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rich.console.sys", SimpleNamespace(stderr=stderr, stdin=None))
    with ProgressBar("render") as bar:
        for share in range(5):
            bar(share / 4)
    assert stderr is None or stderr.getvalue() == ""


def test_a_simple_terminal_shows_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with ProgressBar("render") as bar:
        bar(0.5)
        bar(0.6)
    assert terminal.getvalue() == ""


def test_a_terminal_that_is_gone_stops_no_work(terminal: Terminal) -> None:
    with ProgressBar("render") as bar:
        bar(0.1)
        bar(0.2)
        terminal.close()
        bar(0.3)
        bar(0.4)
