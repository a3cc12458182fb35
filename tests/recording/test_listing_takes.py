"""The list of takes, and the one that a name means."""

from dataclasses import replace
from pathlib import Path

import pytest

from improv.errors import InputNotFound, UsageError
from improv.recording import (
    find_take,
    takes,
    takes_directory,
)
from improv.recording import reader as reading
from tests.recording.performed import EVEN, HEAD, NAME, recorded, step_of


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A directory of three takes, one of them cut off, and two that are none."""
    entries = tuple(step_of(step) for step in range(-8, 40))
    recorded(tmp_path, head=replace(HEAD, began="2026-11-20T20:00:00Z"), end=None)
    recorded(tmp_path, *entries, end="stopped")
    slow = replace(EVEN, anchor_step=0)
    fast = slow.with_bpm(240, from_step=4)
    later = replace(HEAD, began="2026-11-22T20:00:00Z", model="eck2002-blues", count_in_bars=0, transport=slow)
    turned = (step_of(step, transport=fast if step >= 4 else slow) for step in range(32))
    path = recorded(tmp_path, *turned, head=later)
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / "20261119-200000-echo.take").write_bytes(b"")
    (tmp_path / "20261118-200000-echo.take").write_bytes(b"la la la\n")
    (tmp_path / "notes.txt").write_text("no take")
    return tmp_path


def test_takes_are_listed_newest_first(library: Path) -> None:
    listed = takes(library)
    assert [take.name for take in listed] == [
        "20261122-200000-eck2002-blues",
        "20261121-064512-echo",
        "20261120-200000-echo",
        "20261119-200000-echo",
        "20261118-200000-echo",
    ]
    assert [(take.length_s, take.choruses, take.ended) for take in listed[:3]] == [
        (1 + 28 / 8, 1, None),
        (12.0, 2, "stopped"),
        (0.0, 0, None),
    ]
    assert [(take.began, take.model) for take in listed[:2]] == [
        ("2026-11-22T20:00:00Z", "eck2002-blues"),
        ("2026-11-21T06:45:12Z", "echo"),
    ]
    assert [take.size_bytes for take in listed] == [take.path.stat().st_size for take in listed]
    assert [take.wrong for take in listed[:3]] == ["", "", ""]
    assert "it has no whole line" in listed[3].wrong
    assert "it is no take, or a damaged one" in listed[4].wrong


@pytest.mark.parametrize("tail", [1 << 16, 400])
def test_a_list_is_told_from_the_ends_of_the_files(tail: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The middle is not even looked at; a small tail shows that it is looked for as far back as is needed."""
    faster = EVEN.with_bpm(240, from_step=100)
    entries = [step_of(step, transport=faster if step >= 100 else EVEN) for step in range(-8, 2000)]
    path = recorded(tmp_path, *entries)
    lines = path.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    path.write_bytes(b"".join([*lines[:middle], bytes(len(lines[middle])), *lines[middle + 1 :], b"torn"]))
    monkeypatch.setattr(reading, "_TAIL_BYTES", tail)
    [listed] = takes(tmp_path)
    assert (listed.length_s, listed.choruses, listed.ended) == (108 / 4 + 1900 / 8, 63, "stopped")


def test_a_directory_that_is_not_there_has_no_takes(tmp_path: Path) -> None:
    assert takes(tmp_path / "nowhere") == []
    with pytest.raises(InputNotFound, match="nowhere: there are no takes"):
        find_take("last", tmp_path / "nowhere")


def test_a_take_is_found_by_what_is_known_of_it(library: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    by_name = library / "20261121-064512-echo.take"
    for wanted in ("20261121-064512-echo", "20261121-064512-echo.take", "20261121", str(by_name)):
        assert find_take(wanted, library) == by_name
    assert find_take("last", library).name == "20261122-200000-eck2002-blues.take"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine"
    elsewhere.write_bytes(by_name.read_bytes())
    assert find_take(str(elsewhere), library) == elsewhere
    with pytest.raises(
        UsageError, match="3 takes begin so; give one of 20261122-200000-eck2002-blues, 20261121-064512-"
    ):
        find_take("2026112", library)
    with pytest.raises(
        InputNotFound, match=r"there is no such take in .*; give one of 20261122-200000-eck2002-blues, "
    ):
        find_take("2025", library)
    with pytest.raises(InputNotFound, match="there is no such take"):
        find_take("x" * 5000, library)


def test_an_exact_name_is_no_beginning(tmp_path: Path) -> None:
    first, second = recorded(tmp_path), recorded(tmp_path)
    assert find_take(NAME, tmp_path) == first
    assert find_take(f"{NAME}-2", tmp_path) == find_take("last", tmp_path) == second


def test_takes_are_kept_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path))
    assert takes_directory() == tmp_path
    monkeypatch.delenv("IMPROV_TAKES")
    assert takes_directory().parts[-2:] == ("improv", "takes")
