"""Whatever others have named is printed as text, wherever it is printed: no terminal ever obeys it."""

import ast
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from rich.text import Text
from textual.app import App, ComposeResult
from textual.color import Color
from textual.filter import LineFilter
from textual.widgets import Static

import improv
from improv.cli import ctl
from improv.cli.commands import run
from improv.cli.output import say, say_lines
from improv.config.instance import Instance
from improv.control.terminal import Lines
from improv.protocol.snapshot import MidiStatus, NetworkStatus, RecordingStatus, SystemStatus
from improv.runtime.log import Log
from improv.system.systemd import status
from improv.tui.app import ImprovApp
from improv.tui.control_characters import ControlCharacterFilter
from tests.control.socket.conftest import SEEN

NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\r\u202e\ud800\u2028synth"
"""A title, a cleared screen, colours, a step back, a second line, letters the wrong way round, half a character."""

OBEYED = set("\x1b\x07\x9b\x08\r\u202e\ud800\u2028")


def harmless(text: str) -> bool:
    return not OBEYED & set(text) and "synth" in text


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What an improv command prints, on both ways out."""

    def said(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["improv", *words])
        with pytest.raises(SystemExit):
            run()
        printed = capsys.readouterr()
        return printed.out + printed.err

    return said


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"a {NASTY}\nb")
    say_lines(f"{NASTY}\ntwo")
    say_lines([f"{NASTY}\ntwo"], err=True)
    printed = capsys.readouterr()
    assert harmless(printed.out)
    assert harmless(printed.err)
    assert (printed.out.count("\n"), printed.err.count("\n")) == (3, 1)


def test_a_terminal_with_fewer_letters_gets_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", out)
    say("Für Elise, 夜")
    out.flush()
    assert out.buffer.getvalue() == "Für Elise, ?\n".encode("latin-1")


def test_nothing_is_printed_anywhere_else() -> None:
    """So all that is printed goes through what makes it harmless; `bench` talks to itself over pipes."""
    root = Path(improv.__file__).parent
    for path in root.joinpath("cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if path.name != "output.py" and isinstance(node, ast.Attribute):
                assert node.attr not in ("echo", "secho", "echo_via_pager"), path
                assert not (node.attr == "write" and ast.unparse(node.value).startswith("sys.")), path


def test_ports(said: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Ports:
        def __init__(self, api: str) -> None: ...

        def __enter__(self) -> "Ports":
            return self

        def __exit__(self, *_: object) -> None: ...

        def names(self, end: str) -> list[str]:
            return [NASTY]

    monkeypatch.setattr("improv.midi.systems.PortLists", Ports)
    monkeypatch.setattr("improv.midi.systems.reachable_api", lambda *_: "jack")
    assert harmless(said("ports"))
    assert harmless(said("ports", "--json").replace("\\u202e", ""))


def test_takes_and_models(
    said: Callable[..., str], takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes.mkdir()
    name = os.fsdecode(b"\x1b]0;x\x07\x9b\r\nsynth")
    (takes / f"{name}.take").write_text("nothing")
    (tmp_path / f"{name}.onnx").write_text("nothing")
    monkeypatch.setenv("IMPROV_MODELS", str(tmp_path))
    for words in (["takes"], ["models"], ["export", "synt"], ["export", name], ["export", f"{takes}/{name}.take"],
                  ["replay", "--check", name], ["render", "out.mid", "--model", f"{tmp_path}/{name}.onnx"],
                  ["render", "out.mid", "--model", name + "x"], ["render", "out.mid", "--call", f"{name}.mid"],
                  [name], ["render", f"--{name}"], ["ctl", "learn", name], ["jam", "--api", name]):  # fmt: skip
        assert harmless(said(*words)), words


def test_status(said: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    system = SystemStatus(
        description=NASTY,
        midi=MidiStatus(input=NASTY, output=NASTY),
        network=NetworkStatus(model=NASTY, next_model=NASTY),
        recording=RecordingStatus(take=NASTY),
        remark=NASTY,
    )
    seen = replace(SEEN, system=system, health=replace(SEEN.health, fault=NASTY))
    monkeypatch.setattr("improv.cli.daemon._seen", lambda at: seen)
    monkeypatch.setattr(Instance, "running", lambda at: 1)
    monkeypatch.setattr("improv.cli.daemon.launch", lambda *_: f"improv is playing: {NASTY}")
    for words in ("daemon status", "daemon start", "jam --detach"):
        assert harmless(said(*words.split())), words
    assert harmless("\n".join(ctl._status(seen))) is False  # it is printed line by line
    say_lines(ctl._status(seen))


def test_lines_of_the_terminal() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.remark(NASTY)
    lines.observe(replace(SEEN, health=replace(SEEN.health, fault=NASTY, faults=5)))
    lines.close()
    assert harmless(out.getvalue())


def test_the_log_and_the_service_manager(tmp_path: Path) -> None:
    with Log(tmp_path / "default.log") as log:
        log.say(NASTY, port=NASTY, ports=[NASTY], where={NASTY: 1})
    assert harmless((tmp_path / "default.log").read_text())
    assert harmless(status(f"{NASTY}\nREADY=1"))
    assert "\n" not in status(f"{NASTY}\nREADY=1")


# --- the screen -----------------------------------------------------------------------------------------


def test_a_line_of_the_screen_keeps_its_width() -> None:
    from rich.cells import cell_len

    line = [Segment("plain"), Segment(NASTY), Segment("夜\x1b")]
    cleaned = ControlCharacterFilter().apply(line, Color(0, 0, 0))
    assert harmless("".join(segment.text for segment in cleaned))
    assert [cell_len(segment.text) for segment in cleaned] == [cell_len(segment.text) for segment in line]
    assert ControlCharacterFilter().apply(line[:1], Color(0, 0, 0)) == line[:1]


async def _drawn(app: App[Any]) -> str:
    async with app.run_test(size=(60, 4)) as pilot:
        await pilot.pause()
        return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


def test_whatever_is_shown_is_text() -> None:
    import asyncio

    class Shown(App[None]):
        def get_line_filters(self) -> list[LineFilter]:
            return [ControlCharacterFilter()]

        def compose(self) -> ComposeResult:
            shown = Static(Text(NASTY))
            shown.border_title = NASTY
            yield shown

    assert harmless(asyncio.run(_drawn(Shown())))
    ours = ImprovApp.__new__(ImprovApp)
    ours._filters = []
    assert [type(each) for each in ours.get_line_filters()] == [ControlCharacterFilter]
