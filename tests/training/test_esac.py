"""Folk songs in EsAC notation: what marks mean, what is left out and why, and how songs are divided."""

import csv
import gzip
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest

from improv.errors import DataError, InputNotFound
from training.corpora import esac
from training.corpora.esac import Song, Tone, read, song_of, split, tones_of

COLUMNS = ("id", "collection", "title", "signature", "unit", "key", "melstring")


def row(melody: str, name: str = "X0001", key: str = "G-maj", unit: str = "8") -> dict[str, str]:
    return dict(zip(COLUMNS, (name, "X", "a song", "4/4", unit, key, melody), strict=True))


def written(folder: Path, rows: Iterable[dict[str, str]], columns: Iterable[str] = COLUMNS) -> Path:
    with gzip.open(folder / esac.TABLE, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def song(name: str, *pitches: int) -> Song:
    return Song(name, name, True, tuple(Tone(pitch, (Fraction(1),)) for pitch in pitches))


@pytest.mark.parametrize(
    ("melody", "pitches"),
    [
        ("1234567", [60, 62, 64, 65, 67, 69, 71]),
        ("-7+1", [59, 72]),
        ("--7++1", [47, 84]),
        ("3b4#-7b", [63, 66, 58]),
        ("05", [None, 67]),
    ],
)
def test_degrees_octaves_and_accidentals(melody: str, pitches: list[int | None]) -> None:
    assert [tone.pitch for tone in tones_of(melody, Fraction(1), 60)] == pitches


@pytest.mark.parametrize(
    ("melody", "lengths"),
    [
        ("1 1_ 1__ 1___", ["1/2", "1", "2", "4"]),
        ("1. 1_. 1__.", ["3/4", "3/2", "3"]),
        ("1.2", ["3/4", "1/2"]),
        ("1_..", ["7/4"]),
    ],
)
def test_underscores_double_and_dots_add(melody: str, lengths: list[str]) -> None:
    assert [tone.parts for tone in tones_of(melody, Fraction(1, 2), 60)] == [(Fraction(each),) for each in lengths]


def test_a_tie_goes_on_with_the_note_or_the_rest_before() -> None:
    note, rest = tones_of("5__.^__\n    0_ ^_", Fraction(1, 2), 60)
    assert note == Tone(67, (Fraction(3), Fraction(2)))
    assert rest == Tone(None, (Fraction(1), Fraction(1)))
    assert Song("X", "", True, (note,)).symbols() == ["67"] + ["_"] * 19


def test_major_is_read_on_c4_and_minor_on_a4_whatever_the_key() -> None:
    assert [tone.pitch for tone in song_of(row("1_3_ //")).tones] == [60, 64]
    assert [tone.pitch for tone in song_of(row("1_3b_ //", key="D-min")).tones] == [69, 72]
    assert song_of(row("1_ //")).is_major
    assert not song_of(row("1_ //", key="D-min")).is_major


def test_a_song_in_sixteenths() -> None:
    found = song_of(row("1_  0 32b\n  1__ //", unit="16"))
    assert found.symbols() == ["60", "_", "r", "64", "61", "60", "_", "_", "_"]


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        row("1_2_ //", "A1"),
        row("1_2_ //", "A2"),
        row("1_(234)_ //", "A3"),
        row("1 //", "A4", unit="32"),
        row("1_.. //", "A5"),
        row("1_x //", "A6"),
        row("1_2_", "A7"),
        row("^_1_ //", "A8"),
        row("0_ //", "A9"),
        row("1_ //", "B1", key="D-dor"),
        row("1_ //", "B2", unit="?"),
        row("1_#0_ //", "B3"),
        row("1__.^__ //", "B4"),
    ]
    songs, dropped = read(written(tmp_path, rows))
    assert [each.name for each in songs] == ["A1", "B4"]
    assert dropped == {
        "the same as another": 1, "tuplets": 1, "other durations": 2, "not understood": 5, "no notes": 1,
        "neither major nor minor": 1,
    }  # fmt: skip


def test_a_table_that_is_missing_or_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="IMPROV_DATA"):
        read(tmp_path)
    written(tmp_path, [], ("id", "title"))
    with pytest.raises(DataError, match="no column key"):
        read(tmp_path)
    (tmp_path / esac.TABLE).write_bytes(b"no gzip file")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)


def test_variants_of_a_song_are_on_one_side_and_the_seed_decides() -> None:
    songs = [song(f"A{number:03}{letter}", 60, 60 + number % 12) for number in range(40) for letter in "AB"]
    sides = split(songs, 30, 10, seed=1)
    assert [len(each) for each in (sides.training, sides.validation, sides.test)] == [30, 10, 10]
    groups = [{each.group for each in side} for side in (sides.training, sides.validation, sides.test)]
    assert len(groups[0] | groups[1] | groups[2]) == sum(map(len, groups))
    assert split(songs, 30, 10, seed=1) == sides
    assert split(songs, 30, 10, seed=2) != sides
    assert len(split(songs[:30], 30, 10, seed=1).training) == 10


def test_the_report_on_the_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, [row("1_2_ //", "A1"), row("1_3b_ //", "A2", key="D-min"), row("(123) //", "A3")])
    monkeypatch.setattr("sys.argv", ["esac", str(tmp_path)])
    esac.main()
    shown = capsys.readouterr().out
    assert "2 songs are read, 1 of them in major" in shown
    assert "left out: 1 tuplets" in shown
