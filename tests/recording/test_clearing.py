"""Old takes are deleted as asked, and never unasked."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from improv.config.values import RecordingSettings
from improv.music.turns import Mode
from improv.recording import (
    Entry,
    Journal,
    clear,
    find_take,
    is_written,
    over_limit,
    take_files,
)
from improv.runtime.observers import Audience
from tests.recording.performed import HEAD, NAME, PATIENT_S, steps
from tests.recording.test_losses import Begun, Shown, improv
from tests.recording.test_replay import head as head_of


@pytest.mark.parametrize(("keep_mb", "left"), [(None, 4), (1, 1), (3, 3)])
def test_only_a_limit_that_is_set_has_old_takes_deleted_at_a_start(
    keep_mb: int | None, left: int, begun: Begun, takes: Path
) -> None:
    takes.mkdir()
    for number in range(4):
        (takes / f"2026112{number}-000000-echo.take").write_bytes(bytes(900_000))
    said = list[str]()
    with Audience(Shown(), said.append, RecordingSettings(keep_mb=keep_mb)) as audience:
        audience.begun(head_of(begun(Mode.TRADE)))
    kept = sorted(path.name for path in takes.glob("2026112?-000000*"))
    assert kept == [f"2026112{number}-000000-echo.take" for number in range(4 - left, 4)]
    assert bool(keep_mb) == any("deleted" in text for text in said)


# --- the order, and an end ----------------------------------------------------------------------


def named(directory: Path, began: str, *, entries: Sequence[Entry] = ()) -> str:
    with Journal(directory, replace(HEAD, began=began), patience_s=PATIENT_S) as journal:
        for entry in entries:
            journal.append(entry)
        journal.end("stopped")
    assert journal.path is not None
    return journal.path.stem


def test_last_is_the_last_one_made_whatever_the_clock_said(tmp_path: Path) -> None:
    names = [
        named(tmp_path, began)
        for began in ("2026-11-21T00:00:00Z", "2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2026-11-21T00:00:00Z")
    ]
    assert names[-1] == f"{names[0]}-2"
    (tmp_path / "20991231-235959-copied.take").write_bytes((tmp_path / f"{names[0]}.take").read_bytes())
    assert [path.stem for path in take_files(tmp_path)] == [*reversed(names), "20991231-235959-copied"]
    assert find_take("last", tmp_path).stem == names[-1]
    (tmp_path / f"{names[-1]}.take").unlink()
    assert find_take("last", tmp_path).stem == names[-2]
    for path in take_files(tmp_path):  # whatever touches them
        os.utime(path, (0, 0))
    assert find_take("last", tmp_path).stem == names[-2]
    with (tmp_path / "order").open("ab") as file:  # a crash
        file.write(b"\n2026")
    assert named(tmp_path, "2000-01-01T00:00:00Z") == find_take("last", tmp_path).stem


def test_one_that_is_being_recorded_is_not_deleted(tmp_path: Path) -> None:
    old = named(tmp_path, "2026-11-20T00:00:00Z", entries=steps(3))
    with Journal(tmp_path, HEAD, patience_s=PATIENT_S) as journal:
        assert journal.path is not None
        assert is_written(journal.path)
        gone, kept = clear(take_files(tmp_path))
        assert ([path.stem for path in gone], kept) == ([old], [f"{NAME} is being recorded"])
    assert not is_written(journal.path)
    assert clear([journal.path]) == ([journal.path], [])
    assert clear([journal.path])[1] == [f"{NAME}: No such file or directory"]


@pytest.mark.parametrize(("limit", "gone"), [(0, "abc"), (9, "abc"), (10, "bc"), (35, "c"), (60, "")])
def test_the_oldest_go_until_the_others_are_no_larger(limit: int, gone: str) -> None:
    sizes = [(Path("a"), 10), (Path("b"), 20), (Path("c"), 30)]
    assert over_limit(sizes, limit) == [Path(name) for name in gone]


# --- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("--keep 2", [2, 3]),
        ("--keep 0", []),
        ("--older-than 36h", [2, 3]),
        ("--older-than 2w", [1, 2, 3]),
        ("--older-than 2w --keep 4", [0, 1, 2, 3]),
        ("--all", []),
    ],
)
def test_old_takes_are_deleted_as_asked(
    line: str, left: list[int], takes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    names = [named(takes, (now - timedelta(days=days)).isoformat(timespec="seconds")) for days in (30, 10, 1, 0)]
    status, out, err = improv(f"takes clear {line} --yes", capsys, monkeypatch)
    assert (status, err) == (0, "")
    assert out.startswith(f"deleted {4 - len(left)} take" if len(left) < 4 else "no takes to delete")
    assert [path.stem for path in reversed(take_files(takes))] == [names[index] for index in left]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "say which takes to delete: --older-than 30d, --keep 20, both, or --all"),
        ("--all --keep 3", "say which takes to delete"),
        ("--older-than soon", "--older-than 'soon' is no age; give hours, days or weeks: 12h, 30d, 8w"),
        ("--older-than 99999999999w", "is longer than a calendar reaches back"),
        ("--all", "1 take, 0.0 MB would be deleted for good; add --yes if that is wanted"),
    ],
)
def test_nothing_is_deleted_unasked(
    line: str, says: str, takes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named(takes, "2026-11-20T00:00:00Z")
    status, out, err = improv(f"takes clear {line}", capsys, monkeypatch)
    assert (status, out, says in err) == (2, "", True)
    assert len(take_files(takes)) == 1
