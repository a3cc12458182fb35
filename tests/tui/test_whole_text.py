"""Nothing that the screen or a help text says is cut: every screen, mode list, palette and help, at 80x24 and 40x12.

A screen beside the jam is made as high as its text needs, at the same width, so that all of it can be seen at once.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from improv.cli.commands import app as commands
from improv.protocol.controls import CONTROLS, MODE
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import Snapshot
from improv.tui.client import Joined, Seen, Started
from improv.tui.input.key_bindings import TABLE
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views import base as view
from improv.tui.views.base import Row, width_of
from improv.tui.views.footer import Banner
from tests.conftest import tiers
from tests.tui.snapshots import faulty, trading
from tests.tui.stage import ALONE, KEYS, SEEN, Stage, staged

LONG = "A2M2 Virtual Keyboard of the Conservatory:Virtual Keyboard of the Conservatory MIDI 1"
SUMMARY = "learned lines over changes of the blues; temperature and the other controls do to it what the card says"
SILENT = replace(
    ALONE,
    system=replace(
        ALONE.system,
        midi=replace(
            ALONE.system.midi,
            api="jack",
            output="virtual port 'improv out'",
            ports=(PortStatus(role="output", name="improv out", virtual=True, peers=()),),
        ),
        recording=replace(ALONE.system.recording, saves_to="/home/somebody/music/jams/jam-20261129-015012.mid"),
    ),
)


def words(text: str) -> list[str]:
    return text.split()


def missing(said: str, screen: str) -> list[str]:
    """The words that were to be said and cannot be read; a long one may be divided where a line ends."""
    whole, joined = set(words(screen)), re.sub(r"\s", "", screen)
    return [word for word in words(said) if word not in whole and word not in joined]


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (100, 30), (60, 24)])
def test_no_row_of_the_jam_is_wider_than_its_view(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    fits = view.fitted

    def fitted(row: Row, width: int) -> Row:
        if width_of(row) > width:
            cut.append("".join(span.text for span in row))
        return fits(row, width)

    monkeypatch.setattr(view, "fitted", fitted)
    turns: list[Snapshot] = [*trading()[::7], faulty(), SILENT]

    async def scene(stage: Stage) -> None:
        for seen in turns:
            await stage.tell(Seen(seen))
            assert UNICODE.cut not in stage.screen()
        for name in CONTROLS:
            stage.controls.select(name)
            await stage.pilot.pause()
            assert UNICODE.cut not in stage.screen(), name

    staged(tmp_path, scene, size=size)
    assert cut == []


@pytest.mark.parametrize("size", tiers((80, 120), (40, 300)))
def test_every_screen_beside_the_jam_is_whole(size: tuple[int, int], tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f1")
        told = stage.screen()
        for row in TABLE:
            assert missing(f"{row.help} {row.label}", told) == [], row.action
        await stage.press("escape")

        stage.controls.select(MODE.name)
        await stage.press("enter")
        told = stage.screen()
        assert missing(MODE.help.replace(":", "").replace(";", "").rstrip("."), told) == []
        await stage.press("escape")

        await stage.press("f7")
        assert missing(f"log: {tmp_path / 'log'} step notes wrong recorded memory", stage.screen()) == []
        await stage.press("escape")

        await stage.tell(Seen(SILENT))
        await stage.press("f2")
        for _ in range(10):  # what it looks for by itself has come
            await stage.pilot.pause()
        stage.app.screen._found = {"input": [LONG], "output": [LONG]}  # type: ignore[attr-defined]
        await stage.tell(Seen(replace(SILENT, step=SILENT.step + 1)))
        told = stage.screen()
        says = "No synth is connected: you hear nothing Type in another terminal: fluidsynth -m jack /fonts/piano.sf2"
        assert missing(f"{says} {LONG} {SILENT.system.recording.saves_to}", told) == []
        await stage.press("escape")

        await stage.press("f3")
        stage.app.screen._about = dict.fromkeys(("eck2002-blues", "eck2002-chords", "partner"), SUMMARY)  # type: ignore[attr-defined]
        await stage.tell(Seen(replace(SEEN, step=SEEN.step + 1)))
        assert missing(SUMMARY, stage.screen()) == []
        await stage.press("escape")

        for name in ("temperature", "changes", "gap"):
            stage.controls.select(name)
            await stage.press("enter")
            assert missing(CONTROLS[name].help, stage.screen()) == [], name
            await stage.press("escape")

        for name in ("changes", "mode", "temperature"):
            await stage.press("ctrl+p", *f"set {name}")
            await stage.pilot.pause()
            assert missing(CONTROLS[name].help, stage.screen()) == [], name
            await stage.press("escape")

    staged(tmp_path, scene, replace(SEEN, system=KEYS), size=size)


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_where_nothing_is_heard_what_to_do_about_it_is_seen_at_once(size: tuple[int, int], tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert "you hear nothing. F2" in stage.screen()
        await stage.press("f2")
        for _ in range(10):
            await stage.pilot.pause()
        assert missing("fluidsynth -m jack /fonts/piano.sf2", stage.screen()) == []

    staged(tmp_path, scene, SILENT, size=size)


HELPS = [[], ["daemon"], ["ctl"], ["config"], ["takes"], ["play"], ["jam"], ["render"], ["daemon", "start"], ["doctor"]]


@pytest.mark.parametrize("arguments", HELPS, ids=lambda arguments: " ".join(arguments) or "improv")
def test_help_texts_are_whole_at_80_columns(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(commands, [*arguments, "--help"], terminal_width=80).output
    lines = told.splitlines()[1:]  # the first says how it is used: COMMAND [ARGS]...
    assert told
    assert [line for line in lines if len(line) > 80 or "…" in line or line.rstrip().endswith("...")] == []


def test_what_is_kept_and_what_has_happened_is_said_at_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        path = SILENT.system.recording.saves_to
        assert stage.toasts == [f"it is saved to {path} at its end"]
        remark = "the keyboard is gone"
        await stage.tell(Seen(replace(SILENT, system=replace(SILENT.system, remark=remark))))
        assert stage.toasts[-1] == remark
        await stage.tell(
            Seen(
                replace(
                    SILENT,
                    system=replace(
                        SILENT.system, remark=remark, recording=replace(SILENT.system.recording, fault="disk full")
                    ),
                )
            )
        )
        assert stage.toasts[1:] == [remark, "not recorded: disk full"]
        assert "not recorded: disk full" in stage.screen()
        assert f"{UNICODE.recording} rec" not in stage.screen()

    staged(
        tmp_path,
        scene,
        replace(
            SILENT,
            system=replace(SILENT.system, recording=replace(SILENT.system.recording, take="20261129-015012-partner")),
        ),
        size=(80, 24),
    )


@pytest.mark.parametrize("beside", ["f1", "f2", "f3", "f7", "ctrl+p", "enter"])
def test_banners_go_when_they_are_over_whatever_was_open_meanwhile(tmp_path: Path, beside: str) -> None:
    async def scene(stage: Stage) -> None:
        jam = stage.app.screen_stack[0].query_one(Banner)
        assert jam.has_class("-shown")
        await stage.press(beside)
        await stage.tell(Joined(4711), Started(), Seen(SEEN))
        assert not jam.has_class("-shown")
        await stage.tell(Seen(replace(SEEN, system=replace(KEYS, learning="tempo"))))
        await stage.press("escape")
        assert "shall turn tempo" in stage.screen()
        await stage.press(beside)
        await stage.tell(Seen(SEEN))
        await stage.press("escape")
        assert "shall turn" not in stage.screen()
        assert "starting" not in stage.screen()

    staged(tmp_path, scene, None, starts_daemon=True)
