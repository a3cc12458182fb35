"""The networks of the report on folk melodies: step and sequence agree, songs are judged and gone on with rightly."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import log
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from improv.models.contract import no_memory
from improv.models.encodings import encoding_of
from improv.models.onnx_runtime import OnnxModel
from training.corpora.esac import Sides, Song, Tone
from training.networks.golla import HIDDEN, WINDOW, GollaLstm, GollaPlayed, GollaTransformer
from training.reproductions import Run, folk_songs, golla_lstm, golla_report, golla_transformer
from training.reproductions.folk_songs import (
    DELIMITERS,
    FolkTask,
    Golla,
    Songs,
    always_held,
    apart,
    as_played,
    go_on,
    judge,
    melodies,
    notes_of,
    played,
    probes,
)
from training.trainers.train import train

UNITS = 9
NETWORKS = (GollaLstm, GollaTransformer)


def song(name: str, *pitches: int | None, parts: str = "1/2") -> Song:
    return Song(name, name, True, tuple(Tone(pitch, (Fraction(parts),)) for pitch in pitches))


def songs_of(training: int = 12, held_out: int = 5) -> Songs:
    """Return songs that go up and down a scale, which can be learned."""
    made = [
        song(f"A{number}", *(60 + 2 * ((number + place) % 5) for place in range(24)), None)
        for number in range(training + 2 * held_out)
    ]
    ends = (held_out, 2 * held_out)
    sides = Sides(tuple(made[ends[1] :]), tuple(made[ends[0] : ends[1]]), tuple(made[: ends[0]]))
    return Songs(sides, len(made), {"tuplets": 1})


def fresh(kind: type[GollaLstm | GollaTransformer], units: int = UNITS) -> Golla:
    torch.manual_seed(3)
    return kind(units).eval()


def stepped(network: Golla | GollaPlayed, events: Tensor, units: int) -> Tensor:
    """Return the logits after each event (steps, units), step by step from an empty memory."""
    states = tuple(torch.zeros(1, width) for width in network.STATE.values())
    found = []
    for event in events:
        states = network(one_hot(event[None], units).float(), *states)[1:]
        found.append(network(torch.zeros(1, units), *states)[0][0])
    return torch.stack(found)


@pytest.mark.parametrize("kind", NETWORKS)
@torch.no_grad()
def test_step_and_sequence_agree_also_past_the_ring(kind: type[GollaLstm | GollaTransformer]) -> None:
    network = fresh(kind)
    for part in network.modules():
        if isinstance(part, nn.LayerNorm):  # nothing is left at a value that would hide a difference
            nn.init.normal_(part.weight)
    events = torch.randint(0, UNITS, (2 * WINDOW + 40,))
    assert torch.allclose(stepped(network, events, UNITS), network.logits(events[:, None])[:, 0], atol=1e-5)


@torch.no_grad()
def test_the_transformer_looks_back_over_its_layers_windows_and_no_further() -> None:
    network = fresh(GollaTransformer)
    reach = 2 * (WINDOW - 1) + WINDOW  # each layer's window, and that of the mean
    events = torch.randint(0, UNITS, (reach + 30,))
    other = events.clone()
    other[:30] = (other[:30] + 1) % UNITS
    one, two = (network.logits(each[:, None])[:, 0] for each in (events, other))
    assert torch.allclose(one[-1], two[-1], atol=1e-6)
    assert not torch.allclose(one[reach - 1], two[reach - 1], atol=1e-6)
    assert not torch.allclose(one[30], two[30], atol=1e-3)


@pytest.mark.parametrize("kind", NETWORKS)
@torch.no_grad()
def test_the_head_follows_from_the_memory_as_it_is_given(kind: type[GollaLstm | GollaTransformer]) -> None:
    network = fresh(kind)
    states = tuple(torch.randn(1, width) for width in network.STATE.values())
    one, two = (network(one_hot(torch.tensor([unit]), UNITS).float(), *states) for unit in (1, 2))
    assert torch.equal(one[0], two[0])
    assert any(not torch.equal(mine, other) for mine, other in zip(one[1:], two[1:], strict=True))
    assert [tuple(each.shape) for each in one[1:]] == [(1, width) for width in network.STATE.values()]


def test_the_lstm_has_as_many_weights_as_the_reports() -> None:
    network = GollaLstm(38)
    assert sum(each.numel() for each in network.parameters() if each.requires_grad) == 302_080 + 9_766
    given = network.layer.state_dict()["bias_ih_l0"]
    assert given[HIDDEN : 2 * HIDDEN].tolist() == [1.0] * HIDDEN
    assert not network.layer.state_dict()["bias_hh_l0"].any()


@pytest.mark.parametrize("kind", NETWORKS)
@torch.no_grad()
def test_an_empty_memory_is_that_after_the_delimiters(kind: type[GollaLstm | GollaTransformer]) -> None:
    songs = songs_of()
    units = len(songs.symbols)
    network = fresh(kind, units)
    events = torch.from_numpy(songs.numbers(["60", "_", "62", "_"]))
    delimiters = torch.from_numpy(songs.numbers(["/"] * DELIMITERS))
    expected = stepped(network, torch.cat((delimiters, events)), units)[DELIMITERS:]
    assert torch.allclose(stepped(as_played(network, songs), events, units), expected, atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
@torch.no_grad()
def test_silence_empties_the_memory_and_long_notes_end(kind: type[GollaLstm | GollaTransformer]) -> None:
    songs = songs_of()
    units, hold = len(songs.symbols), int(songs.numbers(["_"])[0])
    network = fresh(kind, units)
    live = as_played(network, songs)

    def after(symbols: list[str]) -> tuple[Tensor, ...]:
        states = tuple(torch.zeros(1, width) for width in live.STATE.values())
        for number in songs.numbers(symbols):
            states = live(one_hot(torch.tensor([int(number)]), units).float(), *states)[1:]
        return states

    def logits(symbols: list[str]) -> Tensor:
        found: Tensor = live(torch.zeros(1, units), *after(symbols))[0][0]
        return found

    assert not any(state.any() for state in after(["_"] * 3)), "silence before a song is no song"
    assert not any(state.any() for state in after(["60", "_", "r", *["_"] * 16]))
    assert all(state.any() for state in after(["60", "_", "r", *["_"] * 15])[:-1])
    assert all(state.any() for state in after(["60", *["_"] * 30])[:-2]), "a note that is held is no rest"
    for short, long in ((15, 16), (3, 40)):
        events = ["/"] * DELIMITERS + ["60"] + ["_"] * long
        plain = network.logits(torch.from_numpy(songs.numbers(events))[:, None])[:, 0]
        held = logits(["60", *["_"] * long]) - plain[-1]
        assert held[hold] == pytest.approx(-8, abs=1e-3)
        assert torch.allclose(logits(["60", *["_"] * short]), plain[DELIMITERS + short], atol=1e-4)


# --- songs ---


def test_symbols_are_those_that_are_learned_and_songs_with_others_are_left_out() -> None:
    songs = Songs(Sides((song("a", 62, 60, None),), (), ()), 1, {})
    assert songs.symbols == ("60", "62", "_", "r", "/")
    assert songs.known([song("b", 60), song("c", 64)]) == [song("b", 60)]
    assert songs.numbers(["62", "/"]).tolist() == [1, 4]


def test_every_song_in_the_line_follows_its_delimiters() -> None:
    songs = songs_of(training=2, held_out=1)
    task = FolkTask(songs, GollaLstm)
    text = " ".join(songs.symbols[number] for number in task.stream)
    ends = " ".join(["/"] * DELIMITERS)
    one, two = (" ".join(each.symbols()) for each in songs.sides.training)
    assert text == f"{ends} {one} {ends} {two} {ends}"


def test_batches_are_stretches_of_the_line_from_all_over_it() -> None:
    rng = np.random.default_rng(5)
    drawn = tuple(song(f"A{number}", *rng.integers(60, 70, 80).tolist()) for number in range(6))
    task = FolkTask(Songs(Sides(drawn, (), ()), 6, {}), GollaLstm)
    config = replace(golla_lstm.CONFIG, batch=400)
    batch = task.batch(config, np.random.default_rng(1)).numpy()
    assert batch.shape == (65, 400)
    whole = task.stream.tobytes()
    places = [whole.find(batch[:, column].tobytes()) // 8 for column in range(400)]
    assert min(places) >= 0
    assert len({place * 10 // (len(task.stream) - 64) for place in places}) == 10


class Foreteller(nn.Module):
    """A network that expects one symbol for half, and all others alike, whatever it has heard."""

    def __init__(self, units: int, unit: int) -> None:
        super().__init__()
        self.dense = nn.Linear(1, 1)
        self.expected = torch.full((units,), log(0.5 / (units - 1)))
        self.expected[unit] = log(0.5)

    def logits(self, events: Tensor) -> Tensor:
        return self.expected.expand(*events.shape, -1)


def test_songs_are_judged_by_their_own_symbols_and_as_the_report_counts() -> None:
    judged = [song("a", 60, 62), song("b", 60, parts="1")]  # 60 _ 62 _ / and 60 _ _ _ /
    songs = Songs(Sides(tuple(judged), (), ()), 2, {})
    units = len(songs.symbols)
    unlikely = -log(0.5 / (units - 1))
    held = judge(Foreteller(units, songs.symbols.index("_")), songs, judged)  # type: ignore[arg-type]
    assert held["accuracy"] == pytest.approx(5 / 10) == always_held(judged)
    assert held["nats"] == pytest.approx((5 * log(2) + 5 * unlikely) / 10)
    assert held["onset accuracy"] == 0
    assert held["report accuracy"] == pytest.approx(5 / (8 + 2 * DELIMITERS))
    ended = judge(Foreteller(units, songs.symbols.index("/")), songs, judged)  # type: ignore[arg-type]
    assert ended["accuracy"] == pytest.approx(2 / 10)
    assert ended["report accuracy"] == pytest.approx(2 * DELIMITERS / (8 + 2 * DELIMITERS))
    begun = judge(Foreteller(units, songs.symbols.index("60")), songs, judged)  # type: ignore[arg-type]
    assert begun["onset accuracy"] == pytest.approx(2 / 3)


def test_notes_of_symbols() -> None:
    assert notes_of(["60", "_", "62", "r", "_", "64", "_", "_"]) == [(60, 0, 2), (62, 2, 3), (64, 5, 8)]
    assert notes_of(["_", "_", "60"]) == [(60, 2, 3)]
    assert notes_of([]) == []
    assert [(each.pitch, each.start_s, each.end_s) for each in played(["r", "_", "60", "_"])] == [(60, 0.25, 0.5)]


def test_how_melodies_are_counted() -> None:
    scale = song("a", *range(60, 76, 2))
    songs = Songs(Sides((scale,), (), ()), 1, {})
    found = melodies([scale.symbols(), ["60", "60", "72", "61"]], songs)
    assert found.pitches == Counter({str(pitch): 1 for pitch in range(60, 76, 2)} | {"61": 1, "60": 3, "72": 2})
    assert found.durations == Counter({"2": 8, "1": 4})
    assert found.repeated == pytest.approx(1 / 10)
    assert found.leaps == pytest.approx(2 / 10)
    assert found.known == 1
    assert melodies([song("b", *range(61, 77, 2)).symbols()], songs).known == 0
    assert apart({"a": 1, "b": 1}, {"a": 10}) == pytest.approx(0.5)
    assert apart({"a": 1}, {"b": 7}) == 1


# --- the rows ---


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_learn_scales_and_go_on_with_them(kind: type[GollaLstm | GollaTransformer], tmp_path: Path) -> None:
    songs = songs_of()
    config = replace(golla_lstm.CONFIG, updates=150, check_every=150, rate=2e-3, warm_up=20, batch=6, clip=1.0)
    network, log_ = train(config, FolkTask(songs, kind))
    assert log_.checks[-1]["nats"] < 0.3
    assert log_.checks[-1]["onset accuracy"] > 0.8
    begun = [each.symbols()[:8] for each in songs.sides.test]
    lines = go_on(network, songs, begun, 0.3, seed=1)
    assert lines == go_on(network, songs, begun, 0.3, seed=1)
    steps = Counter((two[0] - one[0]) % 10 for line in lines for one, two in pairwise(notes_of(line)))
    assert steps[2] > 0.8 * steps.total()  # up a step, or from the top back to the bottom
    assert "/" not in {symbol for line in lines for symbol in line}


def test_what_is_drawn_is_cut_off_where_no_end_comes() -> None:
    songs = songs_of()
    network = fresh(GollaLstm, len(songs.symbols))
    with torch.no_grad():
        network.dense.bias[songs.symbols.index("_")] = 100
    assert [set(line) for line in go_on(network, songs, [["60"], ["62"]], 1.0, seed=1)] == [{"_"}, {"_"}]
    assert [len(line) for line in go_on(network, songs, [["60", "_"], ["62", "_"]], 1.0, seed=1)] == [498, 498]


@pytest.mark.parametrize("row", [golla_lstm, golla_transformer])
def test_a_row_is_trained_measured_exported_and_plays_again_the_same(
    row: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = songs_of(training=4, held_out=2)
    monkeypatch.setattr(golla_report, "read", lambda: songs)
    monkeypatch.setattr(golla_report, "TEMPERATURES", (0.3,))
    monkeypatch.setattr(folk_songs, "MOST_STEPS", 60)
    config = replace(row.CONFIG, updates=4, batch=2, check_every=2)  # type: ignore[attr-defined]

    def run(name: str) -> tuple[str, bytes]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        done = row.reproduce(Run(config=config, folder=folder, out=folder))  # type: ignore[attr-defined]
        assert all(path.exists() for path in done.files)
        assert {path.suffix for path in done.files} == {".onnx", ".png", ".mid"}
        (model,) = (path for path in done.files if path.suffix == ".onnx")
        measures = [figure.measure for figure in done.figures]
        assert "accuracy, epoch 2, learned songs (held out)" in measures
        assert "accuracy, epoch 5, learned songs (held out)" not in measures
        return str(done.figures), model.read_bytes()

    once = run("once")
    assert run("once") == once  # from its checkpoint
    (path,) = (tmp_path / "once").glob("*.onnx")
    model = OnnxModel(path, "cpu")
    assert model.spec.name == row.NAME  # type: ignore[attr-defined]
    assert model.spec.line is not None
    assert model.spec.line.symbols == songs.symbols
    assert encoding_of(model.spec).melody_pitches() == tuple(int(each) for each in songs.symbols[:-3])
    memory = no_memory(model.spec)
    for probe in list(probes(songs, 1))[:3]:
        memory = model.move(probe, memory)
    assert model.head_logits("next_event", {}, memory).shape == (1, len(songs.symbols))
    melody = sorted((tmp_path / "once").glob("*.mid"))[0]
    notes = [message for message in mido.MidiFile(melody) if message.type == "note_on"]
    begun = notes_of(songs.sides.test[0].symbols()[: golla_report.BEGUN])
    assert [note.note for note in notes[: len(begun)]] == [pitch for pitch, _, _ in begun]


def test_probes_are_songs_and_then_anything() -> None:
    songs = songs_of()
    found = [int(each["event"].argmax()) for each in probes(songs, 1)]
    assert len(found) == 1_000
    first = songs.numbers([*songs.sides.test[0].symbols(), "/"]).tolist()
    assert found[: len(first)] == first
    assert set(found) == set(range(len(songs.symbols)))
    assert folk_songs.ENCODING == "events"
