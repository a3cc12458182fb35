"""What has gone wrong, in the status line and in the log."""

import json
from dataclasses import replace
from pathlib import Path

from improv.tui.client import Seen
from improv.tui.screens.base import LogScreen, tail
from improv.tui.views.status import StatusLine
from tests.tui.stage import KEYS, SEEN, Stage, shown_text, staged


def test_the_log_tells_what_the_daemon_wrote_and_what_was_seen(tmp_path: Path) -> None:
    line = {"time": "2026-01-02T03:04:05.678+00:00", "level": "error", "what": "it broke", "error": "OSError"}
    (tmp_path / "log").write_text(f"{json.dumps(line)}\nno json\n")

    async def scene(stage: Stage) -> None:
        await stage.tell(
            Seen(
                replace(
                    SEEN, health=replace(SEEN.health, fault="late"), system=replace(KEYS, remark="nanoKEY2 is gone")
                )
            )
        )
        await stage.press("f7")
        assert isinstance(stage.app.screen, LogScreen)
        await stage.pilot.pause()
        told = stage.screen()
        assert "03:04:05 ERROR it broke  error=OSError" in told
        assert "nanoKEY2 is gone" in told
        assert "late" in told

    staged(tmp_path, scene)
    assert tail(tmp_path / "none") == []
    assert tail(tmp_path / "log")[-1] == "no json"


def test_what_has_gone_wrong_is_loud_while_it_is_news_and_then_stays_told(tmp_path: Path) -> None:
    late = replace(SEEN, health=replace(SEEN.health, faults=1, fault="the network was late"))

    async def scene(stage: Stage) -> None:
        line = stage.app.screen.query_one(StatusLine)
        for faults, says in (
            (late, "▲ 1 fault: the network was late"),
            (replace(late, health=replace(late.health, faults=2)), "▲ 2 faults"),
        ):
            await stage.tell(Seen(faults))
            assert shown_text(line).startswith(says)
            stage.now_s[0] += 9
            await stage.tell(Seen(replace(faults, tempo=121.0)))
            assert shown_text(line).startswith(says)
            stage.now_s[0] += 2
            await stage.tell(Seen(faults))
            assert "▲" not in shown_text(line)
            assert shown_text(line).rstrip().endswith(says.partition(":")[0].removeprefix("▲ "))
        await stage.tell(Seen(replace(late, health=replace(late.health, faults=2, missed_steps=1))))
        assert "▲ 1 missed" in shown_text(line)

    staged(tmp_path, scene, size=(160, 50))
