"""The rows that are learned from piano pieces, on made-up scales: what is learned, judged, generated and exported."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from improv.models.encodings import line_of
from improv.models.encodings.symbols import END, HOLD, REST
from improv.models.onnx_runtime import OnnxModel
from tests.training.piano_pieces import piece, write_scales
from training.corpora import piano_midi
from training.datasets.piano_notes import Vocabulary
from training.reproductions import ROWS, Reproduction, Run, kth_piano, stanford2018_attention
from training.reproductions.stanford2018 import Melodies, Sample, of_people
from training.reproductions.stanford2018_logistic import Examples, Known, accuracy, fit
from training.trainers import next_symbol

UPDATES = {"stanford2018-logistic": 6, "stanford2018-lstm": 4, "stanford2018-attention": 2, "kth-piano": 2}
ENCODING = dict.fromkeys(UPDATES, "notes") | {"stanford2018-attention": "events"}


def melodies(*songs: list[int]) -> Melodies:
    made = [
        piece([(pitch, place, place + 1) for place, pitch in enumerate(song)], name=f"song{number}")
        for number, song in enumerate(songs)
    ]
    return Melodies.of("Nobody", made)


def run_of(row: str, folder: Path) -> Run:
    config = import_module(ROWS[row].module).CONFIG
    small = replace(config, updates=UPDATES[row], check_every=2, steps=min(config.steps, 12), rate=1e-4)
    out = folder / "models"
    for each in (folder / row, out):
        each.mkdir(parents=True)
    return Run(config=small, folder=folder / row, out=out)


def test_a_window_is_ten_notes_and_the_label_is_the_next() -> None:
    examples = Examples.of(melodies(list(range(60, 73)), list(range(72, 60, -1)), [60, 61]))
    assert len(examples) == 3 + 2
    assert (examples.past[1] + 60).tolist() == list(range(61, 71))
    assert examples.next[1] + 60 == 71
    assert examples.song.tolist() == [0, 0, 0, 1, 1]
    assert examples.design().toarray().sum(axis=1).tolist() == [10] * 5


def test_songs_apart_means_that_no_song_is_on_both_sides() -> None:
    examples = Examples.of(melodies(*[[60 + (place * step) % 7 for place in range(30)] for step in range(1, 9)]))
    for learned, judged in (examples.split("songs", 1), *examples.folds("songs", 1)):
        assert not set(learned.song.tolist()) & set(judged.song.tolist())
        assert len(learned) + len(judged) in (len(examples), len(examples.split("songs", 1)[0]))
    learned, judged = examples.split("examples", 1)
    assert set(learned.song.tolist()) & set(judged.song.tolist())
    assert len(learned) == round(0.85 * len(examples))
    folds = learned.folds("examples", 1)
    assert sum(len(judged) for _, judged in folds) == len(learned)


@pytest.mark.parametrize("notes", [2, 5])
def test_the_network_of_a_regression_is_the_regression(notes: int) -> None:
    rng = np.random.default_rng(1)
    songs = [[60 + int(pitch) for pitch in rng.integers(notes, size=3)] * 20 for _ in range(12)]
    examples = Examples.of(melodies(*songs, [60 + notes, 61]))  # a note that nothing is followed by
    network = fit(examples, 10.0, 50)
    assert accuracy(network, examples) == 1
    windows = torch.from_numpy(examples.design().toarray()).float()
    with torch.no_grad():
        said = network.output(windows)
    assert (said.argmax(1).numpy() == examples.next).all()
    assert float(said.softmax(1)[:, notes].max()) < 1e-6
    probability = LogisticRegression(C=10.0, max_iter=50).fit(examples.design(), examples.next).predict_proba(windows)
    np.testing.assert_allclose(said.softmax(1)[:, :notes].numpy(), probability, atol=1e-5)


def test_fits_are_kept_and_known_again_unless_the_data_are_others(tmp_path: Path) -> None:
    examples = Examples.of(melodies([60 + place % 3 for place in range(60)]))
    path = tmp_path / "fits.json"
    assert Known(path, "these").accuracy("one", examples, examples, 1.0, 20) == 1
    nothing = examples.chosen(np.arange(0))
    assert Known(path, "these").accuracy("one", nothing, nothing, 1.0, 20) == 1
    with pytest.raises(ValueError, match="0 sample"):
        Known(path, "others").accuracy("one", nothing, nothing, 1.0, 20)


def test_the_most_common_note_is_counted_in_three_songs_together() -> None:
    sample = Sample(((60, 60), (60, 62), (64, 64), (70, 71), (72, 73), (70, 74)))
    assert sample.most_common() == pytest.approx((3 / 6 + 2 / 6) / 2)
    assert sample.different() == pytest.approx((3 + 5) / 2)
    (figure,) = of_people([replace(melodies([60, 60, 62, 64]), composer="Mozart")])
    assert (figure.ours, figure.theirs) == ("50.00 %", "3.23 %")


def test_events_are_played_as_long_as_they_hold() -> None:
    vocabulary = Vocabulary(("60", "62", HOLD, REST, END))
    song = vocabulary.units(["60", HOLD, "62", REST, HOLD, "60", HOLD])
    notes = stanford2018_attention.played(vocabulary, song)
    assert [(note.pitch, round(note.start_s, 6), round(note.end_s, 6)) for note in notes] == [
        (60, 0, 0.3), (62, 0.3, 0.45), (60, 0.75, 1.05),
    ]  # fmt: skip


def test_a_song_is_nearest_to_those_with_its_notes() -> None:
    low, high, near_low = ([(pitch, pitch + 4)] * 3 for pitch in (40, 80, 41))
    low_one, high_one, between = (kth_piano.portrait(song)[None] for song in (low, high, near_low))
    assert kth_piano.portrait(low).sum() == pytest.approx(3)
    assert kth_piano.distance(low_one, low_one) == 0
    assert kth_piano.distance(between, low_one) > 0
    assert kth_piano.distance(low_one, np.concatenate((high_one, low_one))) == 0


def test_as_many_pieces_are_drawn_as_the_poster_has() -> None:
    pieces = [piece([(60, 0, 1)], name=str(number)) for number in range(200)]
    drawn = kth_piano.drawn(pieces, 1)
    assert len({each.name for each in drawn}) == kth_piano.PIECES
    assert drawn != kth_piano.drawn(pieces, 2)
    assert kth_piano.drawn(pieces[:7], 1) == pieces[:7]


@pytest.mark.parametrize("row", UPDATES)
def test_a_row_is_learned_measured_and_exported(row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piano_midi, "FOLDER", write_scales(tmp_path, 8, 120))
    monkeypatch.setattr(next_symbol, "JUDGED", 64)
    for name, small in {"SONGS": 3, "SONG_NOTES": 8}.items():
        monkeypatch.setattr(f"training.reproductions.stanford2018.{name}", small)
    for name, small in {"SONGS": 3, "SONG_EVENTS": 16}.items():
        monkeypatch.setattr(f"training.reproductions.stanford2018_attention.{name}", small)
    for name, small in {"_SONGS": 3, "GENERATED": 8, "WINDOW": 12, "SEARCHED": 1, "_EPOCH": 1}.items():
        monkeypatch.setattr(f"training.reproductions.kth_piano.{name}", small)
    run = run_of(row, tmp_path / "out")
    done = import_module(ROWS[row].module).reproduce(run)
    assert isinstance(done, Reproduction)
    assert len(done.figures) >= 7
    assert all(path.exists() for path in done.files)
    assert {path.suffix for path in done.files} == {".png", ".mid", ".onnx"}
    model = OnnxModel(run.out / f"{row}.onnx", "cpu")
    assert model.spec.name == row
    assert model.spec.encoding == ENCODING[row]
    assert model.spec.line is not None
    assert len(model.spec.line.symbols) >= 10
    assert line_of(model.spec.encoding, model.spec.line.symbols).melody_pitches()
    assert "piano-midi.de" in model.spec.data["source"]
    assert bool(model.spec.primers) == (row == "stanford2018-attention")  # after a silent chorus it would be silent


def test_a_row_that_was_stopped_goes_on_from_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piano_midi, "FOLDER", write_scales(tmp_path, 8, 60))
    pieces, _ = piano_midi.read(piano_midi.FOLDER)
    run = run_of("stanford2018-attention", tmp_path / "out")
    whole = stanford2018_attention.learn(run, "Mozart", pieces, 0, 1)
    said: list[str] = []
    again = replace(run, progressed=lambda _, how: said.append(how))
    same = stanford2018_attention.learn(again, "Mozart", pieces, 0, 1)
    assert any("has learned 2 updates before" in how for how in said)
    for one, other in zip(whole.network.parameters(), same.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
