"""What a daemon keeps of itself is for its user alone, whatever the umask, and whatever an earlier version left."""

import logging
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from improv.config.instance import Instance
from improv.runtime.log import Log
from improv.system import programs as program
from improv.system.private_files import make_folder, make_private, open_private, write_private

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes as Unix has them")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_umask: None) -> Path:
    monkeypatch.setenv("IMPROV_STATE", str(tmp_path / "new" / "state"))
    return tmp_path / "new" / "state"


def test_folders_that_are_new_are_ours_alone(state: Path) -> None:
    make_folder(state / "a" / "b")
    assert [mode(each) for each in (state.parent, state, state / "a", state / "a" / "b")] == [0o700] * 4


def test_folders_that_were_there_stay_as_they_are_unless_they_have_to_be_private(state: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o755)
    make_folder(state)
    assert mode(state) == 0o755
    make_private(state)
    assert mode(state) == 0o700


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_files_are_ours_alone(before: int | None, state: Path) -> None:
    make_folder(state)
    path = state / "file"
    for append, kept in ((True, "old"), (False, "")):
        if before is not None:
            path.write_text("old")
            path.chmod(before)
        os.close(open_private(path, append=append))
        assert (mode(path), path.read_text()) == (0o600, kept if before is not None else "")
    write_private(path, "new")
    assert (mode(path), path.read_text()) == (0o600, "new")


def test_the_log_and_its_folder_are_private_and_so_is_what_an_earlier_version_left(state: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o755)
    log = Instance().log
    for path in (log, log.with_name(f"{log.name}.1"), log.with_name(f"{log.name}.2")):
        path.write_text("old\n")
        path.chmod(0o644)
    with Log(log) as writes:
        writes.say("new")
    assert mode(state) == 0o700
    assert {mode(path) for path in state.iterdir()} == {0o600}
    assert log.read_text().startswith("old\n{")


def test_a_log_that_is_turned_over_stays_private(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.runtime.log._BYTES", 1000)
    with Log(Instance().log) as writes:
        for _ in range(30):
            writes.say("x" * 100)
    assert len(list(state.iterdir())) == 3
    assert {mode(path) for path in state.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_fails_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(state.parent)
    state.write_text("a file where the folder should be")
    monkeypatch.setattr(logging, "raiseExceptions", True)
    with Log(Instance().log) as writes:
        writes.say("nobody reads it")


def test_everything_a_daemon_leaves_is_private(state: Path, tmp_path: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o755)
    for name in ("default.log", "default.err"):
        (state / name).write_text("")
        (state / name).chmod(0o644)
    for words in (["start", "--api=none", "--mode=solo", f"--save={tmp_path}/jam.mid"], ["stop"]):
        command = program.improv("daemon", *words)
        subprocess.run(command, env=program.environment(), stdout=subprocess.DEVNULL, check=True, timeout=120)
    folders = (state, Path(os.environ["IMPROV_RUNTIME"]), Path(os.environ["IMPROV_TAKES"]))
    assert {folder: mode(folder) for folder in folders} == dict.fromkeys(folders, 0o700)
    files = [path for folder in folders for path in folder.iterdir() if path.suffix in (".log", ".err", ".take")]
    assert len(files) >= 3
    assert {path.name: mode(path) for path in files} == dict.fromkeys((path.name for path in files), 0o600)
