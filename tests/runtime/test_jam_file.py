"""The file that a jam leaves: by its ending, made of its takes, and what becomes of it where it cannot be made."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import mido
import pytest

from improv.export.collector import performance_of
from improv.recording import read_take
from improv.runtime.jam_file import write_jam
from tests.goldens import TAKES

SOLO = TAKES / "solo.take"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.mark.parametrize(("ending", "begins"), [(".mid", b"MThd"), (".svg", b"<svg"), (".wav", b"RIFF")])
def test_a_jam_is_written_by_its_ending(ending: str, begins: bytes, said: list[str], tmp_path: Path) -> None:
    save = tmp_path / f"jam{ending}"
    write_jam(save, [SOLO], said.append)
    assert save.read_bytes().startswith(begins)
    assert len(said) == 1
    assert said[0].startswith(f"wrote {save}")
    assert [path.name for path in tmp_path.iterdir()] == [save.name]


def torn(tmp_path: Path) -> Path:
    take = tmp_path / "torn.take"
    take.write_bytes(SOLO.read_bytes()[:-40])
    return take


@pytest.mark.parametrize("ending", [".mid", ".svg"])
def test_what_a_take_lacks_is_said(ending: str, said: list[str], tmp_path: Path) -> None:
    write_jam(tmp_path / f"jam{ending}", [torn(tmp_path)], said.append)
    assert [text for text in said if "is torn: a crash" in text]
    assert (tmp_path / f"jam{ending}").exists()


@pytest.mark.parametrize("ending", [".mid", ".svg"])
def test_takes_that_continue_each_other_are_one_file(ending: str, said: list[str], tmp_path: Path) -> None:
    """The same take twice is twice as much as once: nothing of either is left out."""
    write_jam(tmp_path / f"one{ending}", [SOLO], said.append)
    write_jam(tmp_path / f"two{ending}", [SOLO, TAKES / "modes.take"], said.append)
    assert (tmp_path / f"two{ending}").read_bytes() != (tmp_path / f"one{ending}").read_bytes()
    assert [text.partition(":")[0] for text in said] == [f"wrote {tmp_path}/{name}{ending}" for name in ("one", "two")]


@pytest.mark.parametrize("ending", [".mid", ".png"])
def test_takes_that_are_gone_are_said_to_be(ending: str, said: list[str], tmp_path: Path) -> None:
    for takes in ([], [tmp_path / "gone.take"]):
        write_jam(tmp_path / f"jam{ending}", takes, said.append)
    assert said == [f"{tmp_path}/jam{ending} is not written: there is no recording any more"] * 2
    assert not list(tmp_path.iterdir())


def test_a_jam_that_no_disk_took_is_a_midi_file(said: list[str], tmp_path: Path) -> None:
    write_jam(tmp_path / "jam.wav", [], said.append, played=performance_of(read_take(SOLO)))
    assert said == [f"wrote {tmp_path / 'jam.mid'}"]
    assert mido.MidiFile(tmp_path / "jam.mid").tracks


def fails(status: int, error: str = "") -> Callable[..., object]:
    return lambda *_, **__: SimpleNamespace(returncode=status, stdout="", stderr=error)


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        (69, "improv: no synth engine here: install it\n", "no synth engine here: install it"),
        (130, "", "it was interrupted"),
        (-2, "", "it was interrupted"),
        (-11, "", "it failed"),
    ],
)
def test_what_cannot_be_made_is_told_with_the_command_that_makes_it(
    status: int, error: str, why: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", fails(status, error))
    write_jam(tmp_path / "jam.wav", [SOLO], said.append)
    assert said == [f"{tmp_path}/jam.wav is not written: {why}; improv export solo jam.wav makes it"]
    assert not list(tmp_path.iterdir())
    write_jam(tmp_path / "jam.wav", [SOLO], said.append, asked_for=False)
    assert said[1:] == [said[0], f"wrote {tmp_path / 'jam.mid'}"]


def test_a_program_that_cannot_be_started_is_told(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "run", refused)
    write_jam(tmp_path / "jam.png", [SOLO], said.append)
    assert said == [
        f"{tmp_path}/jam.png is not written: Resource temporarily unavailable; improv export solo jam.png makes it"
    ]


@pytest.mark.parametrize("ending", [".mid", ".svg"])
def test_a_folder_that_is_gone_is_told(ending: str, said: list[str], tmp_path: Path) -> None:
    write_jam(tmp_path / "gone" / f"jam{ending}", [SOLO], said.append)
    assert said[0].startswith(f"{tmp_path}/gone/jam{ending} is not written: ")
    assert "No such file or directory" in said[0]
