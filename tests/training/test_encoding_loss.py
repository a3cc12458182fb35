"""What of a melody survives the encoding: every onset and every pitch in range, ends to the half of a step."""

from dataclasses import replace

from tests.training.solos import solo
from training.corpora.solos import Note
from training.evaluation.encoding_loss import decoded, round_trip

LINE = (Note(0, 4, 60), Note(4, 8, 62), Note(8, 12, 64), Note(13, 14, 65), Note(18, 30, 67), Note(40, 41, 69))


def test_onsets_and_pitches_come_back_and_ends_on_halves() -> None:
    line = replace(solo(1, bars=2), notes=LINE)
    assert decoded(line) == (
        Note(0, 4, 60), Note(4, 8, 62), Note(8, 13, 64), Note(13, 15, 65), Note(18, 30, 67), Note(40, 42, 69),
    )  # fmt: skip
    found = round_trip([line, solo(2)])
    assert (found.notes, found.onsets, found.pitches) == (66, 66, 66)
    assert found.ends[: len(LINE)].tolist() == [0, 0, 1, 1, 0, 1]
    assert any("100.00% of 66" in told for told in found.report())


def test_a_pitch_out_of_range_comes_back_in_another_octave() -> None:
    line = replace(solo(1, bars=2), notes=(Note(0, 12, 20), Note(12, 24, 60)))
    assert [note.pitch for note in decoded(line)] == [32, 60]
    assert round_trip([line]).pitches == 1
