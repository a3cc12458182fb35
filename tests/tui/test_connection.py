"""The connection to the daemon: started, joined, gone, started again; and the news that threads bring."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from improv.config.instance import Instance
from improv.errors import InputNotFound
from improv.protocol.commands import (
    Set,
)
from improv.protocol.snapshot import Snapshot
from improv.tui.app import ImprovApp
from improv.tui.client import Gone, Joined, News, NotStarted, Seen, Started
from improv.tui.connection import GONE, Inbox
from improv.tui.options import ScreenOptions
from improv.tui.theme.glyphs import UNICODE
from improv.tui.views.base import turn_word
from improv.tui.views.footer import Banner
from improv.tui.views.status import StatusLine
from improv.tui.views.turn_banner import TurnBanner
from tests.conftest import tiers
from tests.tui.stage import ALONE, SEEN, Scripted, Stage, shown_text, staged


def test_when_the_daemon_goes_it_says_so_and_rejoins(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        assert GONE in stage.screen()
        await stage.press("space", "right")
        assert stage.asked() == []
        await stage.press("s")
        assert stage.link.started == 1
        await stage.tell(Joined(4712), Seen(replace(SEEN, tempo=99.0)))
        assert GONE not in stage.screen()
        assert "99 bpm" in stage.screen()

    staged(tmp_path, scene)


def test_why_it_cannot_be_talked_to_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone("use programs of one version"))
        assert "use programs of one version" in stage.screen()

    staged(tmp_path, scene)


def test_it_shows_itself_before_the_daemon_is_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.link.started == 1
        assert "starting..." in stage.screen()
        await stage.tell(Gone(""))
        assert "starting..." in stage.screen()
        await stage.tell(Joined(1), Seen(SEEN))
        assert "starting..." not in stage.screen()

    staged(tmp_path, scene, None, starts_daemon=True)


@pytest.mark.parametrize(("starts", "says"), [(True, "starting..."), (False, "joining...")])
def test_nothing_is_said_of_a_jam_before_it_has_been_seen(tmp_path: Path, starts: bool, says: str) -> None:
    async def scene(stage: Stage) -> None:
        for news in ((), (Joined(1),)):
            await stage.tell(*news)
            told = stage.screen()
            assert says in told
            assert not any(words in told for words in ("120 bpm", "trade", "PIANO", "COMMANDS", "eck2002-blues"))
            assert all(
                line.rstrip().endswith("──") for line in told.split("\n") if " tempo " in line or " seed " in line
            )
        await stage.tell(Seen(ALONE))
        told = stage.screen()
        assert says not in told
        assert all(words in told for words in ("120 bpm", "trade", "PIANO", "eck2002-blues"))

    staged(tmp_path, scene, None, starts_daemon=starts)


def test_a_daemon_that_cannot_start_ends_it_with_the_reason(tmp_path: Path) -> None:
    error = InputNotFound("no MIDI input is called x")

    async def scene(stage: Stage) -> None:
        await stage.tell(NotStarted(error))

    assert staged(tmp_path, scene, None, starts_daemon=True).return_value is error


def test_options_are_asked_for_once_it_is_there_and_only_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert stage.asked() == [Set("tempo", 99.0)]
        assert stage.toasts == ["said"]
        await stage.tell(Gone(""), Joined(2))
        assert stage.asked() == []

    staged(tmp_path, scene, first_commands=(Set("tempo", 99.0),), first_notices=("said",))


def test_only_the_newest_of_many_snapshots_is_shown(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        shown: list[float] = []
        controls = stage.controls
        original = controls.show

        def show(seen: Snapshot) -> None:
            shown.append(seen.tempo)
            original(seen)

        controls.show = show  # type: ignore[method-assign]
        for tempo in range(60, 200):
            stage.link.tell(Seen(replace(SEEN, tempo=float(tempo))))
        await stage.pilot.pause()
        assert shown == [199.0]

    staged(tmp_path, scene)


def test_the_banner_is_not_there_while_all_is_well(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert not stage.app.screen.query_one(Banner).display

    staged(tmp_path, scene)


def test_what_is_about_to_be_started_is_not_started_by_a_key_too(tmp_path: Path) -> None:
    link = Scripted()
    options = ScreenOptions(log=tmp_path / "log", presets=tmp_path / "presets", starts_daemon=True)
    ImprovApp(link, options).actions.by_name["start_again"]()
    assert link.started == 0


@contextmanager
def interrupted(code: CodeType, at: int, by: Callable[[], object]) -> Iterator[list[int]]:
    """Something else happens before one of a function's own instructions, by its number, as threads may have it.

    What is left of the number is kept in the list: nothing happens where the function is over before.
    """
    left = [at]

    def trace(frame: FrameType, event: str, _: object) -> Callable[[FrameType, str, object], Any] | None:
        if frame.f_code is not code:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                by()
                return None
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield left
    finally:
        sys.settrace(before)


@pytest.mark.parametrize(
    "before", tiers((Joined(1), Seen(SEEN)), (Started(),)), ids=["while others are taken in", "while it is gone"]
)
def test_whenever_a_daemon_joins_what_it_shows_is_seen(tmp_path: Path, before: Sequence[News]) -> None:
    async def scene(stage: Stage) -> None:
        for at in itertools.count():
            await stage.tell(Gone(""))
            newest = replace(SEEN, tempo=60.0 + at)

            def join(newest: Snapshot = newest) -> None:
                stage.link.tell(Joined(2))
                stage.link.tell(Seen(newest))

            with interrupted(Inbox.take.__code__, at, join) as left:
                await stage.tell(*before)
            if left[0] >= 0:
                break
            assert stage.app.connection.seen is newest, f"lost at instruction {at}"
        assert at > 20

    staged(tmp_path, scene)


def test_what_is_told_while_news_are_taken_in_is_seen(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for at in itertools.count():
            newest = replace(SEEN, tempo=60.0 + at)
            with interrupted(Inbox.put.__code__, at, stage.app.on_improv_app_news_arrived) as left:
                stage.link.tell(Seen(newest))
            await stage.pilot.pause()
            if left[0] >= 0:
                break
            assert stage.app.connection.seen is newest, f"lost at instruction {at}"
        assert at > 20

    staged(tmp_path, scene)


def test_a_daemon_that_has_gone_plays_and_records_nothing_and_what_is_asked_of_it_is_refused_once(
    tmp_path: Path,
) -> None:
    playing = replace(
        ALONE, system=replace(ALONE.system, recording=replace(ALONE.system.recording, take="2026-11-21.improv"))
    )

    async def scene(stage: Stage) -> None:
        band, status = stage.app.screen.query_one(TurnBanner), stage.app.screen.query_one(StatusLine)
        assert "● rec" in shown_text(status)
        await stage.tell(Gone(""))
        assert "s starts it again" in shown_text(band)
        assert band.seen is not None
        assert turn_word(band.seen) == "GONE"
        assert UNICODE.gauge.rest * 20 in shown_text(band)
        assert shown_text(status).split() == ["no", "improv", "is", "there"]
        await stage.press("right", "space", "f9", "f5", "f8", "q", *"1", "enter", *"33", "enter")
        assert stage.toasts == ["no improv is there; s starts it again"]
        assert stage.asked() == []
        stage.now_s[0] += 7
        await stage.press("space")
        assert stage.toasts == ["no improv is there; s starts it again"] * 2
        await stage.tell(Joined(2), Seen(playing))
        assert "beats, then improv" in shown_text(band)
        assert "● rec" in shown_text(status)
        await stage.press("f1")
        await stage.tell(Gone("improv does not answer", is_silent=True))
        assert "GONE" in stage.screen()
        stage.now_s[0] += 7
        await stage.press("f9")
        assert stage.toasts[-1] == "no improv answers"

    staged(tmp_path, scene, playing)


def test_what_had_been_turned_is_turned_again_in_what_was_started_again_from_here(tmp_path: Path) -> None:
    turned = replace(SEEN, tempo=90.0, settings=replace(SEEN.settings, bars=2))

    async def scene(stage: Stage) -> None:
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s", "s", "s")
        assert stage.link.started == 1
        await stage.tell(Joined(2), Seen(SEEN))
        assert stage.asked() == []
        await stage.tell(Started())
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]
        await stage.tell(Seen(turned))
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(Joined(3), Started())
        assert stage.asked() == []
        await stage.tell(Seen(SEEN))
        assert stage.asked() == [Set("tempo", 90.0), Set("bars", 2)]

    staged(tmp_path, scene)


def test_what_another_program_has_started_is_joined_as_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.tell(Gone(""))
        await stage.press("s")
        await stage.tell(NotStarted(Instance().already_running()))
        assert stage.toasts == []
        await stage.tell(Joined(2), Seen(replace(SEEN, tempo=90.0)))
        assert stage.asked() == []

    staged(tmp_path, scene)
