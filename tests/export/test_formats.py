"""The table of endings: each kind of file by its ending, whole or not at all; what is unknown is refused."""

import os
import stat
from pathlib import Path

import pytest

from improv.errors import NotWritten, UsageError
from improv.export.formats import FORMATS, check_file, endings, format_of, write_file
from improv.system.whole_file import is_being_written, whole_file
from tests.export.performances import SCALE, performance

BEGINS = {".mid": b"MThd", ".wav": b"RIFF", ".flac": b"fLaC", ".png": b"\x89PNG\r\n", ".svg": b"<svg xmlns="}


def test_each_ending_has_a_test() -> None:
    assert FORMATS.keys() == BEGINS.keys()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_is_what_its_ending_says(ending: str, tmp_path: Path) -> None:
    for name in (f"out{ending}", f"OUT{ending.upper()}", f"a b.c{ending}"):
        write_file(performance(SCALE[:8], beats=8.0), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(BEGINS[ending])
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("ending", FORMATS)
def test_a_performance_without_a_note_is_a_file_too(ending: str, tmp_path: Path) -> None:
    write_file(performance(beats=0.0, choruses=0, chords=(), turns=()), tmp_path / f"out{ending}")
    assert (tmp_path / f"out{ending}").read_bytes().startswith(BEGINS[ending])


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_performance_gives_the_same_bytes(ending: str, tmp_path: Path) -> None:
    for name in "ab":
        write_file(performance(SCALE[:6], beats=6.0), tmp_path / f"{name}{ending}")
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


@pytest.mark.parametrize("name", ["out.mp3", "out", "out.", ".wav", "out.wav.bak", "out.mid ", "folder.mid/out"])
def test_an_unknown_ending_is_refused_and_the_known_ones_are_named(name: str, tmp_path: Path) -> None:
    for use in (format_of, check_file, lambda path: write_file(performance(), path)):
        with pytest.raises(UsageError, match=r"give one that ends in \.mid, .*\.png or \.svg"):
            use(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_mistyped_ending_is_guessed() -> None:
    with pytest.raises(UsageError, match=r"no file that ends in \.pmg \(did you mean \.png\?\)"):
        format_of(Path("out.pmg"))
    assert endings() == f"{', '.join([*BEGINS][:-1])} or .svg"
    assert format_of(Path("out.midi")) is FORMATS[".mid"]


def test_a_folder_that_is_not_there_is_told_before_anything_is_played(tmp_path: Path) -> None:
    for use in (check_file, lambda path: write_file(performance(), path)):
        with pytest.raises(NotWritten, match=r"/nowhere/out\.svg: No such file or directory; choose another"):
            use(tmp_path / "nowhere" / "out.svg")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="a superuser may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "out.svg").write_text("old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(NotWritten, match=r": Permission denied; choose another folder to write to"):
            check_file(tmp_path / "out.svg")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_by_the_name_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.mid").mkdir()
    for use in (check_file, lambda path: write_file(performance(), path)):
        with pytest.raises(NotWritten, match=r"out\.mid: Is a directory; choose another file"):
            use(tmp_path / "out.mid")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_by_the_name_of_the_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.wav")
    for use in (check_file, lambda path: write_file(performance(), path)):
        with pytest.raises(NotWritten, match=r"out\.wav: it is no ordinary file; choose another file"):
            use(tmp_path / "out.wav")


def test_an_existing_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    real = tmp_path / "kept" / "out.mid"
    real.write_bytes(b"old")
    real.chmod(0o640)
    (tmp_path / "out.mid").symlink_to(real)
    write_file(performance(SCALE), check_file(tmp_path / "out.mid"))
    assert (tmp_path / "out.mid").is_symlink()
    assert real.read_bytes().startswith(b"MThd")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [path.name for path in real.parent.iterdir()] == ["out.mid"]


def test_an_existing_file_stays_as_it_is_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    path.write_bytes(b"old")
    assert not is_being_written(path)
    for error in (KeyboardInterrupt(), OSError(28, "No space left on device"), UsageError("it is too long")):
        with pytest.raises(type(error)), whole_file(path) as file:  # noqa: PT012
            file.write(b"half of")
            file.flush()
            assert path.read_bytes() == b"old"
            assert is_being_written(path)
            assert not is_being_written(tmp_path / "out.sv")
            raise error
        assert not is_being_written(path)
        assert [each.name for each in tmp_path.iterdir()] == ["out.svg"]
        assert path.read_bytes() == b"old"


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("improv.export.svg.piano_roll", fails)
    with pytest.raises(NotWritten, match=r"out\.svg: No space left on device; choose another file"):
        write_file(performance(), tmp_path / "out.svg")
    assert not list(tmp_path.iterdir())


def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(performance(), tmp_path / "out.mid")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.mid").stat().st_mode) == 0o640
