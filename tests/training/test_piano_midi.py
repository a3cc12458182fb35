"""The pieces of piano-midi.de: notes in quarter notes and seconds, by composer, and what is left out."""

from pathlib import Path

import pytest

from improv.errors import DataError, InputNotFound
from tests.training.piano_pieces import Struck, write
from training.corpora.piano_midi import Note, Piece, by, read


def spans(piece: Piece) -> list[Struck]:
    return [(note.pitch, note.onset, note.end) for note in piece.notes]


def test_notes_have_quarter_notes_and_the_seconds_of_their_tempos(tmp_path: Path) -> None:
    folder = write(tmp_path, "Bach_1", [(60, 0, 1), (62, 1, 4)], tempos=[(0, 60), (2, 240)])
    (piece,), _ = read(folder)
    first, second = piece.notes
    assert first == Note(pitch=60, velocity=70, onset=0, end=1, onset_s=0, end_s=1, hand=0)
    assert (second.onset, second.end) == (1, 4)
    assert (second.onset_s, second.end_s) == pytest.approx((1, 2.5))
    assert piece.end_s == pytest.approx(2.5)
    assert (piece.name, piece.composer, piece.title) == ("bach_1", "Bach", "A Title")


def test_without_a_tempo_there_are_two_quarter_notes_a_second(tmp_path: Path) -> None:
    ((piece,), _) = read(write(tmp_path, "Bach_1", [(60, 0, 1), (62, 1, 4)]))
    assert [(note.onset_s, note.end_s) for note in piece.notes] == [(0, 0.5), (0.5, 2)]


def test_notes_are_in_order_whichever_hand_plays_them(tmp_path: Path) -> None:
    ((piece,), report) = read(write(tmp_path, "Bach_1", [(72, 0, 1), (74, 1, 2)], [(48, 0, 2), (50, 0.5, 1)]))
    assert [(note.pitch, note.hand) for note in piece.notes] == [(48, 1), (72, 0), (50, 1), (74, 0)]
    assert report.notes == 4
    assert not any(report.left_out.values())


def test_a_key_is_struck_once_at_a_time_and_comes_up_before_it_is_struck_again(tmp_path: Path) -> None:
    folder = write(tmp_path, "Bach_1", [(60, 0, 2), (64, 0, 1)], [(60, 0, 1), (64, 0.5, 2)])
    ((piece,), report) = read(folder)
    assert spans(piece) == [(60, 0, 2), (64, 0, 0.5), (64, 0.5, 2)]
    assert {why: n for why, n in report.left_out.items() if n} == {
        "struck by both hands at once": 1,
        "cut short where its key is struck again": 1,
    }
    assert "1 struck by both hands at once" in str(report)


def test_pieces_are_found_by_composer(tmp_path: Path) -> None:
    for name in ("Mozart_2", "Bach_1", "Mozart_1"):
        write(tmp_path, name, [(60, 0, 1)])
    pieces, report = read(tmp_path)
    assert [piece.name for piece in by("Mozart", pieces)] == ["mozart_1", "mozart_2"]
    assert report.pieces == {"Bach": 1, "Mozart": 2}
    with pytest.raises(DataError, match="no piece by Satie"):
        by("Satie", pieces)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"metadata\.csv"):
        read(tmp_path)
    write(tmp_path, "Bach_1", [(60, 0, 1)])
    (tmp_path / "midis" / "bach_1.mid").write_bytes(b"MThd, and no more")
    with pytest.raises(DataError, match=r"bach_1\.mid"):
        read(tmp_path)
    (tmp_path / "metadata.csv").write_text("title,midi\nA,midis/a.mid\n")
    with pytest.raises(DataError, match="composer"):
        read(tmp_path)
