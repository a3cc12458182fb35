"""The log of the daemon: JSON lines in files that rotate."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from improv.runtime import log as logs
from improv.runtime.log import Log


def test_a_log_is_json_by_line(tmp_path: Path) -> None:
    path = tmp_path / "state" / "default.log"
    with Log(path) as log:
        log.say("it plays", port="Key\x1b[2Jboard", ports=["a\nb"], onsets=3, late=None)
        log.fail("100% \x07wrong", what="else")
    plays, wrong = (json.loads(line) for line in path.read_text().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", plays.pop("time"))
    assert plays == {
        "level": "info",
        "what": "it plays",
        "port": "Key [2Jboard",
        "ports": ["a b"],
        "onsets": 3,
        "late": None,
    }
    assert (wrong["level"], wrong["what"]) == ("error", "100%  wrong")


def test_a_log_begins_anew_and_keeps_two_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 1000)
    with Log(tmp_path / "a.log") as log:
        for number in range(100):
            log.say("x" * 100, number=number)
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_size <= 1000 for path in kept)
    assert json.loads(kept[0].read_text().splitlines()[-1])["number"] == 99


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def below_a_file(path: Path) -> Path:
    path.write_text("")
    return path / "a.log"


@pytest.mark.parametrize("place", [a_folder, below_a_file, lambda _: Path("/dev/full")])
def test_a_log_that_cannot_be_written_fails_no_process(
    place: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Log(place(tmp_path / "here")) as log:
        log.say("it plays")
        log.fail("it does not", error=OSError("full"))
    assert capfd.readouterr() == ("", "")


def test_a_log_is_on_stderr_too_where_that_is_wanted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Log(tmp_path / "a.log", to_stderr=True) as log:
        log.say("it\tplays")
    assert capfd.readouterr() == ("", "it plays\n")
