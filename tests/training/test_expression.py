"""How lines are played, as it is learned and judged: what a network is fed, runs that go on, one file, two tables."""

import json
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import torch

from improv.errors import DataError
from improv.models.encodings.expression import LENGTH_EDGES, Expression, length_class, timing_class, velocity_class
from improv.models.onnx_runtime import OnnxModel
from improv.music.styles import Style, auto_swing
from improv.music.transport import Transport
from tests.training.touched import touched
from training.corpora.wjazzd_split import Split
from training.datasets.expression import played_notes, sequence, sequences, swing_of
from training.evaluation import expression as judging
from training.metrics.bootstrap import Figure
from training.metrics.expression import PlayedLine, correlation, line_of_files, notes_of_file, touch_figures
from training.networks.expression_gru import ExpressionGru
from training.trainers import band_files, expression
from training.trainers.export import TOLERANCE, export, specify
from training.trainers.train import train

SOLOS = [touched(seed) for seed in (1, 2, 3)]
TASK = expression.ExpressionTask(sequences(SOLOS[:2]), sequences(SOLOS[2:]))
SMALL: Any = {"updates": 4, "batch": 2, "steps": 16, "check_every": 2}


# --- what is learned from ---------------------------------------------------------------------


def test_a_note_is_fed_with_what_was_played_before_it_and_learned_as_it_was() -> None:
    notes = list(played_notes(SOLOS[0]))
    for before, note in pairwise(notes):
        line = note.given.line
        assert (line.pitch, line.onset) == (before.given.pitch, before.given.onset)
        assert line.velocity == before.played.velocity
        assert line.late_ms == before.played.late_ms
        on_beat = note.given.onset % 12 == 0
        assert note.played.velocity == (110 if on_beat else 60)
        assert note.played.late_ms == pytest.approx(30 if on_beat else 0, abs=8)


def test_a_note_is_tied_or_short_as_the_next_one_begins() -> None:
    notes = list(played_notes(SOLOS[0]))
    assert notes[0].played.share is None
    for before, note in pairwise(notes):
        if note.played.share is None:  # the note before is notated to end earlier
            continue
        assert note.played.share == pytest.approx(1.0 if before.given.onset % 12 == 0 else 0.6, abs=0.15)


def test_beats_of_sixteenths_are_measured_against_even_ones() -> None:
    made = SOLOS[0]
    straight = Transport(0, 0.0, made.tempo_bpm, 0.5)
    assert swing_of(made) == auto_swing(Style.SWING, made.tempo_bpm)
    assert swing_of(replace(made, feel="LATIN")) == 0.5
    notes = tuple(
        replace(made.notes[0], onset=onset, end=onset + 3, pitch=60, played_beats=(straight.beats_of_tick(onset), 9.0))
        for onset in (0, 3, 6, 9, 12, 18, 24)
    )
    late = [note.played.late_ms for note in played_notes(replace(made, notes=notes))]
    assert late[:4] == pytest.approx([0, 0, 0, 0], abs=0.01)
    assert late[5] is not None
    assert late[5] < -20  # an even eighth over a beat that swings


def test_what_the_notation_cannot_mean_teaches_no_timing() -> None:
    made = SOLOS[0]
    notes = tuple(
        replace(made.notes[0], onset=onset, end=onset + 4, played_beats=(onset / 12 + far, onset / 12 + far + 0.3))
        for onset, far in ((0, 0.0), (12, 0.9), (24, 0.0), (29, 0.0))
    )
    late = [note.played.late_ms for note in played_notes(replace(made, notes=notes))]
    assert [each is None for each in late] == [False, True, False, True]


def test_a_solo_as_arrays_has_a_row_for_each_note() -> None:
    solo = sequence(SOLOS[0])
    width = sum(shape[1] for shape in Expression().features.values())
    assert solo.features.shape == (len(SOLOS[0].notes), width)
    assert solo.units.shape == (len(SOLOS[0].notes), 3)
    assert set(solo.units[:, 0]) == {velocity_class(60), velocity_class(110)}
    assert set(solo.units[:, 2]) <= set(range(-1, len(LENGTH_EDGES)))
    assert not sequences([replace(SOLOS[0], notes=tuple(replace(n, velocity=None) for n in SOLOS[0].notes))])


# --- runs and files -----------------------------------------------------------------------------


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    config, kept = replace(expression.CONFIG, **SMALL), tmp_path / "kept.checkpoint"

    def interrupted(done: float, how: str) -> None:
        if "validation" in how and done >= 0.5:
            raise KeyboardInterrupt

    whole, log = train(config, TASK)
    with pytest.raises(KeyboardInterrupt):
        train(config, TASK, checkpoint=kept, progressed=interrupted)
    again, log_again = train(config, TASK, checkpoint=kept)
    assert log.checks == log_again.checks
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])


def test_what_is_learned_surprises_less_afterwards() -> None:
    torch.manual_seed(1)
    before = TASK.validate(TASK.network().eval())
    few = replace(expression.CONFIG, updates=40, batch=4, steps=32, check_every=40, averaged_over=0)
    _, log = train(few, TASK)
    for kind in expression.PANELS:
        assert log.checks[-1][kind] < before[kind] - 0.2


@torch.no_grad()
def test_one_step_after_another_is_what_was_learned_at_once() -> None:
    network, memory = ExpressionGru().eval(), torch.zeros(1, ExpressionGru.STATE["expression_memory"])
    probes = list(islice(expression.probes(1), 12))
    given = [[torch.from_numpy(np.array(probe[name])) for name in network.FEATURES] for probe in probes]
    whole = network.logits(network.contexts(torch.stack([torch.cat(each, dim=-1) for each in given])))
    for number, features in enumerate(given):
        *heads, memory = network(*features, memory)
        for one, other in zip(heads, whole, strict=True):
            assert torch.allclose(one, other[number], atol=1e-5)


@pytest.mark.full
def test_one_step_is_the_same_in_pytorch_and_onnxruntime(tmp_path: Path) -> None:
    spec = specify(
        ExpressionGru().eval(), name="n", summary="s", encoding="expression", key="C", form=band_files.FORM,
        primers=(), data={}, seed=1, figures={},
    )  # fmt: skip
    difference = export(ExpressionGru().eval(), spec, tmp_path / "n.onnx", expression.probes(1), halved=True)
    assert difference <= TOLERANCE
    assert (tmp_path / "n.onnx").stat().st_size < 200_000


@pytest.mark.full
def test_a_network_is_written_with_what_it_was_made_of(tmp_path: Path) -> None:
    made = expression.train(
        replace(expression.CONFIG, **SMALL), Split(tuple(SOLOS[:2]), tuple(SOLOS[2:]), (), {}), tmp_path
    )
    model = OnnxModel(tmp_path / "expression.onnx")
    assert model.spec == made
    assert model.spec.data["licence"]
    said = json.loads((tmp_path / "expression.json").read_text())
    assert said["parity"] <= TOLERANCE
    assert said["solos"] == 2
    assert (tmp_path / "expression-curves.png").is_file()


# --- how it is judged ---------------------------------------------------------------------------


def test_figures_of_a_line_are_of_what_was_played() -> None:
    loud = PlayedLine(np.array([60.0, 110, 60, 110]), np.array([0.0, 30, np.nan, 30]), np.array([0.1, 2, 0.1]))
    soft = PlayedLine(np.array([20.0, 70, 20, 70]), np.array([0.0, 30, np.nan, 30]), np.array([np.nan, 2, 2]))
    figures = touch_figures([loud, soft])
    assert figures["velocity, standard deviation"].value == 25  # each around its own mean
    assert figures["velocity, correlation with the note before"].value < 0
    assert figures["short notes fully legato"].value == pytest.approx(2 / 5)
    assert figures["late, mean, ms"].value == 20
    assert figures["late, standard deviation, ms"].value == pytest.approx(np.std([0, 30, 30]))


def test_a_correlation_is_over_all_notes_of_all_solos() -> None:
    rng = np.random.default_rng(1)
    pairs = [(x := rng.normal(size=50), x + rng.normal(size=50)) for _ in range(4)]
    one, other = (np.concatenate(each) for each in zip(*pairs, strict=True))
    whole = np.corrcoef(one, other)[0, 1]
    assert correlation(iter(pairs)).value == pytest.approx(whole)
    assert correlation([(np.ones(5), rng.normal(size=5))]).value == 0


def written(path: Path, notes: list[tuple[float, float, int, int]]) -> Path:
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.MetaMessage("track_name", name="melody")])
    events: list[tuple[float, str, int, int]] = []
    for start, end, pitch, velocity in notes:
        events += [(start, "note_on", pitch, velocity), (end, "note_off", pitch, 0)]
    last = 0.0
    for at, kind, pitch, velocity in sorted(events, key=lambda each: (each[0], each[1] == "note_on")):
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=round((at - last) * 480)))
        last = at
    midi.tracks.append(track)
    midi.save(path)
    return path


def test_a_rendered_line_is_read_beside_the_same_one_without_expression(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.mid", [(0, 0.6, 60, 88), (0.6, 1, 62, 78), (1, 2, 64, 98), (4, 5, 65, 88)])
    played = written(tmp_path / "played.mid", [(0.05, 0.4, 60, 99), (0.6, 1, 62, 50), (1, 2, 64, 80), (4, 5, 65, 70)])
    line = line_of_files(played, plain, 120, 0.6)
    assert [note.pitch for note in notes_of_file(played)] == [60, 62, 64, 65]
    assert line.velocities.tolist() == [99, 50, 80, 70]
    assert line.late_ms == pytest.approx([25, 0, 0, 0], abs=0.1)
    assert line.silences[0] == pytest.approx(0.2 / 0.55 * 6, abs=0.05)
    assert line.silences[1] == 0
    assert np.isnan(line.silences[2])  # the next note is more than a beat away
    with pytest.raises(DataError, match="other notes"):
        line_of_files(played, written(tmp_path / "other.mid", [(0, 1, 61, 88)]), 120, 0.6)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(judging, "TEMPI_BPM", (240,))
    judging.report(Split(tuple(SOLOS[:2]), (), tuple(SOLOS[2:]), {}), tmp_path, seeds=1, choruses=1)
    return tmp_path


def test_the_evaluation_prints_what_is_told_beforehand_and_what_is_rendered(told: Path) -> None:
    raw = json.loads((told / "expression.json").read_text())
    assert set(raw["predictions"]) == {"a constant", "accents of the bar", "the note before", "the network"}
    assert set(raw["played"]) == {"people", "improv render", "with dynamics 0 and feel 0"}
    flat, played = raw["played"]["with dynamics 0 and feel 0"], raw["played"]["improv render"]
    assert flat["late, standard deviation, ms"]["value"] == 0
    assert played["velocity, standard deviation"]["value"] > flat["velocity, standard deviation"]["value"]
    assert "the network" in (told / "expression.txt").read_text()


def test_tables_have_a_row_for_each_figure() -> None:
    figure = Figure(0.5, 0.4, 0.6)
    first, second = judging.tables({"a": figure}, {"people": {"x": figure}, "improv render": {"x": figure}})
    assert (first.row_count, second.row_count) == (1, 1)
    assert [column.header for column in second.columns][1:] == ["people", "improv render"]


def test_classes_are_those_of_the_encoding() -> None:
    units = np.concatenate([solo.units for solo in TASK.training])
    late = [note.played.late_ms for solo in SOLOS[:2] for note in played_notes(solo)]
    assert units[:, 1].tolist() == [-1 if each is None else timing_class(each) for each in late]
    assert length_class(1.0, 6) == len(LENGTH_EDGES) - 1
