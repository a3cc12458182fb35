"""The folder that improv is started in may be deleted, or not be writable: nothing ends because of that."""

from pathlib import Path

import pytest

from improv.cli import ctl
from improv.cli.options import Given
from improv.config.values import Wiring, absolute, check_writable
from improv.errors import InputNotFound
from improv.protocol.controls import MODEL
from improv.runtime.daemon import _save
from improv.runtime.observers import Audience


@pytest.fixture
def deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is not there any more."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    return folder


def test_what_needs_a_deleted_folder_says_so(deleted: Path, tmp_path: Path) -> None:
    said = "the current folder has been deleted; go to another, or give a whole path"
    with pytest.raises(InputNotFound, match=said):
        check_writable(Path("jam.mid"))
    with pytest.raises(InputNotFound, match=said):
        ctl._turned(MODEL, "mine.onnx")
    with pytest.raises(InputNotFound, match=said):
        Given({}, save=Path("jam.mid")).arguments()
    assert absolute(tmp_path / "jam.mid") == tmp_path / "jam.mid"
    assert check_writable(tmp_path / "jam.mid") == tmp_path / "jam.mid"


def test_a_file_that_was_not_asked_for_is_saved_beside_the_takes_where_the_folder_takes_none(
    deleted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPROV_TAKES", str(tmp_path / "takes"))
    saved = _save(Wiring(), heard=False)
    assert saved is not None
    assert saved.parent == tmp_path / "takes"
    assert saved.match("jam-*.mid")
    assert _save(Wiring(), heard=True) is None


def test_a_jam_goes_on_when_its_folder_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    audience = Audience(shown=Silent(), say=lambda _: None)
    audience.save = _save(Wiring(), heard=False)
    folder.rmdir()
    assert Path(audience.status.now.recording.saves_to) == audience.save


class Silent:
    """Shows nothing."""

    def observe(self, seen: object) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
