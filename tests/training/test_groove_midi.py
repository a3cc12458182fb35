"""The Groove MIDI Dataset: strokes on the grid, swing and lateness taken off, and what is held out."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import mido
import pytest

from improv.errors import DataError, InputNotFound
from improv.models.encodings.drum_grids import Sound
from training.corpora.groove_midi import SOUND_OF, Take, held_out, read

COLUMNS = ("drummer", "session", "id", "style", "bpm", "beat_type", "time_signature", "midi_filename", "split")
RIDE, KICK, PEDAL = 51, 36, 44

Hit = tuple[float, int, int]


def write(folder: Path, hits: Iterable[Hit], **said: str) -> Path:
    """Write a dataset of one take: its hits in beats, pitch and velocity."""
    track, last = mido.MidiTrack(), 0
    for beat, pitch, velocity in sorted(hits):
        tick = round(beat * 480)
        track.append(mido.Message("note_on", channel=9, note=pitch, velocity=velocity, time=tick - last))
        track.append(mido.Message("note_off", channel=9, note=pitch, time=0))
        last = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(folder / "take.mid")
    row = {
        "drummer": "drummer1", "session": "s", "id": "drummer1/1", "style": "jazz/swing", "bpm": "120",
        "beat_type": "beat", "time_signature": "4-4", "midi_filename": "take.mid", "split": "train", **said,
    }  # fmt: skip
    with (folder / "info.csv").open("w", newline="") as listed:
        writer = csv.DictWriter(listed, COLUMNS)
        writer.writeheader()
        writer.writerow(row)
    return folder


def swung(bars: int, swing: float, late: float = 0.0) -> list[Hit]:
    """Return a ride on every eighth and a pedal on the second and fourth beats, late by a share of a beat."""
    hits = [(beat + inside + late, RIDE, 90) for beat in range(4 * bars) for inside in (0, swing)]
    return hits + [(beat + late, PEDAL, 60) for beat in range(1, 4 * bars, 2)]


def test_swing_and_what_a_take_is_late_are_taken_off(tmp_path: Path) -> None:
    (take,) = read(write(tmp_path, swung(8, 2 / 3, late=0.03)))[0]
    assert (take.bars, take.style, take.side) == (8, "swing", "training")
    assert take.swing == pytest.approx(2 / 3, abs=0.01)
    sounds = [[(stroke.sound, stroke.substep) for stroke in strokes] for strokes in take.steps[:4]]
    ride = (Sound.RIDE, 0)
    assert sounds == [[ride], [ride], [ride, (Sound.PEDAL_HAT, 0)], [ride]]
    assert all(abs(stroke.late_ms) < 2 for strokes in take.steps for stroke in strokes)


def test_what_one_stroke_is_late_stays_as_its_timing(tmp_path: Path) -> None:
    hits = [hit for hit in swung(8, 2 / 3) if hit[:2] != (4, RIDE)]
    (take,) = read(write(tmp_path, [*hits, (4 + 0.04, RIDE, 90)]))[0]  # 20 ms at 120 bpm
    (stroke,) = take.steps[8]
    assert stroke.sound is Sound.RIDE
    assert (stroke.substep, stroke.velocity) == (0, 90)
    assert stroke.late_ms == pytest.approx(20, abs=1)


def test_triplets_lie_half_way_through_swung_eighths(tmp_path: Path) -> None:
    (take,) = read(write(tmp_path, [*swung(8, 2 / 3), (1 / 3, KICK, 70)]))[0]
    (kick,) = (stroke for stroke in take.steps[0] if stroke.sound is Sound.KICK)
    assert (kick.substep, kick.velocity) == (1, 70)
    assert kick.late_ms == pytest.approx(0, abs=3)


def test_a_take_counted_at_half_its_tempo_is_read_at_its_tempo(tmp_path: Path) -> None:
    hits = [(beat / 2, pitch, velocity) for beat, pitch, velocity in swung(8, 2 / 3)]
    (take,) = read(write(tmp_path, hits, bpm="110"))[0]
    assert (take.bpm, take.bars) == (220, 8)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"style": "rock"}, "in another style"),
        ({"time_signature": "3-4"}, "in another metre"),
    ],
)
def test_what_is_of_no_use_is_left_out_with_the_reason(tmp_path: Path, said: dict[str, str], why: str) -> None:
    takes, report = read(write(tmp_path, swung(8, 2 / 3), **said))
    assert (takes, report.left_out) == ((), {why: 1})
    assert why in str(report)


def test_a_drum_solo_keeps_no_grid_and_is_left_out(tmp_path: Path) -> None:
    free = [(beat * 0.37, 38, 80) for beat in range(100)]
    assert read(write(tmp_path, free, style="funk"))[1].left_out == {"too free, or too short": 1}


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"info\.csv"):
        read(tmp_path)
    folder = write(tmp_path, swung(1, 2 / 3))
    (folder / "take.mid").write_bytes(b"MThd")
    with pytest.raises(DataError, match="broken"):
        read(folder)


def test_every_pitch_of_the_kit_has_a_sound() -> None:
    assert set(SOUND_OF.values()) == set(Sound)


def test_where_a_style_has_few_judges_the_end_of_its_long_takes_is_held_out() -> None:
    take = Take(
        name="t", drummer="d", style="slow", side="training", bpm=72, swing=0.66, is_fill=False, steps=((),) * 8 * 80
    )
    kept, end = held_out([take])
    assert (kept.side, kept.bars, end.side, end.bars) == ("training", 60, "test", 20)
    judges = [replace(take, side="test", steps=((),) * 8 * 20)] * 3
    assert held_out([take, *judges]) == (take, *judges)
