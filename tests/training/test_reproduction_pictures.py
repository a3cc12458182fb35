"""What reproductions show: pictures are written, MIDI files say the notes, tables survive any text."""

from pathlib import Path

import mido
import numpy as np
import pytest

from training.reproductions import Figure, Reproduction
from training.reproductions.pictures import Played, curves, histogram, roll, table, tsne, write_midi

NOTES = [Played(60, 0.0, 0.5), Played(64, 0.25, 0.75), Played(60, 0.5, 1.0)]


def test_pictures_are_written_and_the_same_again(tmp_path: Path) -> None:
    songs = np.random.default_rng(1).normal(size=(12, 5))

    def draw(folder: Path) -> list[bytes]:
        folder.mkdir()
        curves(folder / "c.png", {"training": [3.0, 2.0, 1.5], "held out": [3.1]}, title="curves", y="nats")
        histogram(folder / "h.png", {"corpus": {"60": 3, "62": 1}, "network": {"62": 2, "r": 2}, "none": {}}, title="h")
        tsne(folder / "t.png", {"corpus": songs[:8], "network": songs[8:]}, title="songs", seed=1)
        roll(folder / "r.png", NOTES, title="roll")
        roll(folder / "e.png", [], title="silence", seconds=60)
        return [path.read_bytes() for path in sorted(folder.iterdir())]

    drawn = draw(tmp_path / "one")
    assert len(drawn) == 5
    assert all(each.startswith(b"\x89PNG") for each in drawn)
    assert draw(tmp_path / "two") == drawn


def test_a_longer_roll_is_another_picture(tmp_path: Path) -> None:
    roll(tmp_path / "short.png", NOTES, title="roll")
    roll(tmp_path / "long.png", NOTES, title="roll", seconds=60)
    assert (tmp_path / "short.png").read_bytes() != (tmp_path / "long.png").read_bytes()


def test_one_song_is_too_few_for_tsne(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two songs"):
        tsne(tmp_path / "t.png", {"corpus": np.zeros((1, 3))}, title="", seed=1)


def test_a_midi_file_has_the_notes_at_their_times(tmp_path: Path) -> None:
    write_midi(tmp_path / "n.mid", NOTES, bpm=90)
    now, sounding, found = 0.0, dict[int, float](), []
    for message in mido.MidiFile(tmp_path / "n.mid"):
        now += message.time
        if message.type == "note_on":
            assert message.note not in sounding, "a repeated note ends before it begins"
            sounding[message.note] = now
        elif message.type == "note_off":
            found.append(Played(message.note, sounding.pop(message.note), now))
    assert not sounding
    assert [note.pitch for note in found] == [60, 64, 60]
    times = [(note.start_s, note.end_s) for note in found]
    assert np.allclose(times, [(0, 0.5), (0.25, 0.75), (0.5, 1)], atol=0.002)


def test_a_table_survives_any_text() -> None:
    shown = table(
        Reproduction((Figure("next | note", "28.5 %", "29.9 %", "other\ndata"),), ("ours is\nsaid",)), "stanford2018"
    )
    assert shown == (
        "| stanford2018 | ours | theirs | why they differ |\n"
        "| --- | --- | --- | --- |\n"
        "| next \\| note | 28.5 % | 29.9 % | other data |\n"
        "\n"
        "- ours is said\n"
    )
