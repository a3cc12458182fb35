"""The networks of Docevski et al. and their goal: steps, streams, runs that go on, what is measured, and the files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from improv.models.contract import no_memory
from improv.models.encodings.rolls import EVENTS, OVER
from improv.models.onnx_runtime import OnnxModel
from tests.training.pianos import piece
from training.corpora import piano_midi
from training.datasets.piano_events import events, notes_of, possible, sounding, spans
from training.datasets.piano_rolls import roll
from training.networks.piano_lstm import PianoLstm
from training.networks.roll_lstm import WINDOW, Ends, RollLstm
from training.reproductions import Run, docevski, docevski2018_goal, docevski2018_lstm2
from training.reproductions.going_on import PRIMER_S, Sampling, continued, excerpts, go_on, interval, probabilities
from training.trainers import rolls
from training.trainers.piano import DOWN, UP, PianoTask, nats, programme_of, surprise
from training.trainers.rolls import RollTask
from training.trainers.train import Config, train

PIECES = tuple(spans(piece(number, 20).notes) for number in (1, 2, 3))
TASK = PianoTask(PIECES[:2], PIECES[2:], batch_size=2, hidden=16, dropout=0.0)
CONFIG = Config(updates=6, batch=2, steps=24, rate=3e-3, check_every=2)
ROLL = roll(piece(1, 20).notes)


def steps(network: RollLstm, frames: torch.Tensor) -> list[torch.Tensor]:
    """Return what each step of a network says before it has heard its frame."""
    memory: tuple[torch.Tensor, ...] = tuple(torch.zeros(1, width) for width in network.STATE.values())
    found = []
    for frame in frames:
        logits, *after = network(frame[None], *memory)
        memory = tuple(after)
        found.append(logits)
    return found


@pytest.mark.parametrize(("layers", "ends"), [(2, "output"), (3, "dense"), (1, "decoder")])
@torch.no_grad()
def test_a_step_predicts_what_the_window_predicts(layers: int, ends: Ends) -> None:
    """Moving a window's memories gives what reading the last sixteen frames from nothing gives, and no others."""
    torch.manual_seed(1)
    network = RollLstm(12, layers, ends, dropout=0.4).eval()
    frames = (torch.rand(40, 67) > 0.8).float()
    found = steps(network, frames)
    for at in (5, WINDOW, 23, 39):
        window = frames[max(0, at - WINDOW) : at, None]
        assert torch.allclose(found[at], network.logits(window), atol=1e-6)
    assert not torch.allclose(found[39], network.logits(frames[38 - WINDOW : 38, None]), atol=1e-4)


@torch.no_grad()
def test_four_memories_have_heard_most_of_a_window() -> None:
    """The next frame is predicted from the last 13 to 16 frames, or from all there were."""
    torch.manual_seed(1)
    network = RollLstm(12, 2, memories=4).eval()
    frames = (torch.rand(40, 67) > 0.8).float()
    found = steps(network, frames)
    for at, heard in ((0, 0), (3, 3), (13, 13), (16, 16), (17, 13), (18, 14), (20, 16), (37, 13), (39, 15)):
        if heard:
            assert torch.allclose(found[at], network.logits(frames[at - heard : at, None]), atol=1e-6)


def test_weights_begin_as_in_keras() -> None:
    """Biases are zero, but for forget gates, which begin open."""
    layer = RollLstm(8, 1).layers[0]
    bias = layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0")
    assert bias[8:16].tolist() == [1] * 8
    assert bias[:8].abs().sum() + bias[16:].abs().sum() == 0


def test_a_roll_network_learns_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """The loss at the roll falls; a run in two parts ends with the same weights."""
    task = RollTask(ROLL, 16, 1, dropout=0.2, measured_every=4)
    config = Config(updates=20, batch=8, steps=16, rate=5e-3, schedule="constant", check_every=10, keeps="latest")
    whole, log = train(config, task)
    assert log.checks[-1][task.score] < 0.6 * log.checks[0][task.score]
    assert task.windows == len(ROLL) - WINDOW
    checkpoint = tmp_path / "half.checkpoint"
    interrupted = replace(config, patience=None)

    def stop(done: float, how: str) -> None:
        if done >= 0.5 and how.startswith("validation"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interrupted, task, checkpoint=checkpoint, progressed=stop)
    again, _ = train(interrupted, task, checkpoint=checkpoint)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_network_of_rolls_plays_what_is_above_the_threshold() -> None:
    """With biases alone it plays the pitches whose bias is above zero, in every frame."""
    network = RollLstm(4, 1)
    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()
        network.next_frame.bias.fill_(-1)
        network.next_frame.bias[[3, 9]] = 1
    played = rolls.go_on(network, ROLL[:10], 12)
    assert played.shape == (12, 67)
    assert np.argwhere(played[5]).flatten().tolist() == [3, 9]
    assert (played == played[0]).all()


def test_an_outcome_says_what_became_of_it() -> None:
    """A network that plays nothing is silent from the first."""
    network = RollLstm(4, 1)
    with torch.no_grad():
        network.next_frame.bias.fill_(-9)
    found = docevski.outcome(network, "made", ROLL, seconds=6)
    assert len(found.primer) == 80
    assert str(found) == "0.0 s, then silence"
    (valid, after) = docevski.figures([found], "silence")
    assert valid.ours == "0.0 to 0.0"
    assert after.measure == "after made"


def test_notes_of_a_roll() -> None:
    """Frames of one pitch that follow one another are one note."""
    found = np.zeros((16, 67), bool)
    found[4:8, 0] = found[10:16, 0] = found[4:5, 30] = True
    assert [(each.pitch, each.start_s, each.end_s) for each in docevski.notes(found)] == [
        (32, 0.25, 0.5), (62, 0.25, 0.3125), (32, 0.625, 1.0),
    ]  # fmt: skip


def corpus(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the corpus be made-up pieces of these names."""
    made = tuple(piece(number, 12, name) for number, name in enumerate(names, 1))
    report = piano_midi.Report({}, 0, {})
    monkeypatch.setattr(piano_midi, "read", lambda: (made, report))


@pytest.mark.filterwarnings("ignore")
def test_a_row_leaves_its_model_and_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row trains, plays after five primers, and exports a model that the runtime moves frame by frame."""
    corpus(monkeypatch, *docevski.PIECES)
    monkeypatch.setattr(docevski, "PLAYED_S", 6)
    monkeypatch.setattr(docevski2018_lstm2, "SIZES", {"hidden": 8, "layers": 2, "dropout": 0.2})
    config = replace(docevski2018_lstm2.CONFIG, updates=4, batch=4, check_every=2)
    done = docevski2018_lstm2.reproduce(Run(config=config, folder=tmp_path, out=tmp_path / "models"))
    assert done.figures[0].measure == "valid seconds after the five primers, of 6"
    assert len([each for each in done.figures if each.measure.startswith("after ")]) == 5
    assert all(path.exists() for path in done.files)
    model = OnnxModel(tmp_path / "models" / f"{docevski2018_lstm2.NAME}.onnx", "cpu")
    assert model.spec.line is not None
    memory = model.move({"frame": np.ones((1, 67), np.float32)}, no_memory(model.spec))
    assert model.head_logits("next_frame", {}, memory).shape == (1, 67)


def test_a_programme_is_two_pieces_in_keys_of_their_own() -> None:
    """What a seed draws is made of the pieces, moved; nothing sounds between them or at the end."""
    found = programme_of(5, PIECES)
    assert (programme_of(5, PIECES).events == found.events).all()
    assert (found.sounding == sounding(found.events)).all()
    assert not found.sounding[-1].any()
    notes = notes_of(found.events)
    frames = int((found.events == OVER).sum())
    gaps = [at for at in range(frames) if not ((notes[:, 1] <= at) & (at < notes[:, 2])).any()]
    assert len(gaps) >= 16
    moves = {
        up
        for each in PIECES
        for up in range(DOWN, UP + 1)
        if (notes[: len(each) // 2, 0] == each[: len(each) // 2, 0] + up).all()
    }
    assert moves


def test_streams_go_on_where_they_were_and_memory_with_them() -> None:
    """A window begins with the event that the one before ended with; a new programme begins with an empty memory."""
    streams = TASK.network()
    rng = np.random.default_rng(1)
    before, _ = TASK.windows(streams, TASK.batch(CONFIG, rng))
    streams.memory.fill_(1)
    ended = []
    for _ in range(60):
        seeds = streams.seeds.clone()
        given, sounds = TASK.windows(streams, TASK.batch(CONFIG, rng))
        for which in range(2):
            if seeds[which] == streams.seeds[which]:
                assert given[0, which] == before[-1, which]
                assert streams.memory[:, which].all()
            else:
                ended.append(which)
                assert not streams.memory[:, which].any()
                assert not sounds[0, which].any()
                streams.memory[:, which] = 1
        before = given
    assert set(ended) == {0, 1}
    assert len(TASK.programmes) <= 2


@torch.no_grad()
def test_sequence_and_step_of_the_piano_agree() -> None:
    """Steps say before each event what the sequence says after the one before."""
    torch.manual_seed(1)
    network = PianoLstm(16).eval()
    told = events(PIECES[0])[:60]
    given = torch.from_numpy(told.astype(np.int64))
    sounds = torch.from_numpy(sounding(told)[:-1]).float()
    nothing = torch.zeros(1, 1, 16)
    contexts, after = network.contexts(given[:, None], sounds[:, None], (nothing,) * 4)
    logits = network.logits(contexts)[:, 0]
    memory = tuple(torch.zeros(1, 16) for _ in range(4))
    for at in range(len(told)):
        found, *moved = network(one_hot(given[at : at + 1], EVENTS).float(), sounds[at : at + 1], *memory)
        memory = tuple(moved)
        if at:
            assert torch.allclose(found[0], logits[at - 1], atol=1e-6)
    assert all(torch.allclose(one, other[0], atol=1e-6) for one, other in zip(memory, after, strict=True))


def test_what_is_impossible_costs_nothing() -> None:
    """Logits of events that cannot come make no difference."""
    told = events(PIECES[0])[:40]
    given = torch.from_numpy(told.astype(np.int64))[:, None]
    sounds = torch.from_numpy(sounding(told)[:-1])[:, None]
    logits = torch.zeros(39, 1, EVENTS)
    can = possible(given[:-1], sounds[1:])
    expected = torch.log(can.sum(-1).float())
    assert torch.allclose(nats(logits, given, sounds), expected, atol=1e-5)
    assert torch.allclose(nats(logits.masked_fill(~can, 50.0), given, sounds), expected, atol=1e-5)


def test_the_piano_learns_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """It is less surprised after a few updates; a run in two parts, its streams too, ends with the same weights."""
    config = replace(CONFIG, updates=12, check_every=3, averaged_over=2)
    whole, log = train(config, replace(TASK, programmes={}))
    assert log.checks[-1]["nats an event"] < log.checks[0]["nats an event"] < np.log(EVENTS)
    assert surprise(whole.network, PIECES[2:]) == pytest.approx(min(each["nats an event"] for each in log.checks))
    checkpoint = tmp_path / "half.checkpoint"

    def stop(done: float, how: str) -> None:
        if done >= 0.5 and how.startswith("validation"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, replace(TASK, programmes={}), checkpoint=checkpoint, progressed=stop)
    again, _ = train(config, replace(TASK, programmes={}), checkpoint=checkpoint)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_only_the_likeliest_possible_events_are_drawn() -> None:
    """Top-p leaves out the tail, and the mask what cannot be."""
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    can = torch.tensor([[True, False, True, True]])
    found = probabilities(logits, can, Sampling(1.0, 0.9))
    assert found[0].tolist() == pytest.approx([0.5 / 0.7, 0, 0.15 / 0.7, 0])
    assert probabilities(logits, can, Sampling(0.1, 1.0))[0, 0] > 0.99


def test_going_on_from_primers() -> None:
    """Each primer goes on for as long as is asked, the same with the same seed whatever else is played, and otherwise
    with another."""
    torch.manual_seed(1)
    network = PianoLstm(16)
    played = go_on(network, PIECES, Sampling(1.0, 1.0), seed=3, seconds=4)
    assert [int((each == OVER).sum()) for each in played] == [64] * 3
    assert all(each[-1] == OVER for each in played)
    alone = go_on(network, PIECES[:1], Sampling(1.0, 1.0), seed=3, seconds=4)
    assert alone[0].tolist() == played[0].tolist()
    assert go_on(network, PIECES[:1], Sampling(1.0, 1.0), seed=4, seconds=4)[0].tolist() != played[0].tolist()
    notes = continued(PIECES[0], played[0])
    primer = PIECES[0][PIECES[0][:, 1] < 16 * PRIMER_S]
    assert notes[: len(primer), :2].tolist() == primer[:, :2].tolist()


def test_excerpts_and_their_interval() -> None:
    """Pieces are cut into whole excerpts; nearly all of their figures are inside the interval."""
    found = excerpts(PIECES, seconds=5)
    assert {each.seconds for each in found} == {5}
    assert len(found) == sum(int(each[:, 2].max()) // 80 for each in PIECES)
    low, high = interval(found)["notes a second"]
    assert 4 < low <= high < 7


@pytest.mark.filterwarnings("ignore")
def test_the_goal_leaves_its_model_and_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row trains, chooses how it draws, plays after the primers and exports a model told in events."""
    corpus(monkeypatch, *(f"{letter}{number}" for letter in "abcdefghijkl" for number in (1, 2, 3, 4)))
    monkeypatch.setattr(docevski2018_goal, "PRIMERS", 2)
    monkeypatch.setattr(docevski2018_goal, "PLAYED_S", 1)
    monkeypatch.setattr(docevski2018_goal, "CANDIDATES", docevski2018_goal.CANDIDATES[:2])
    config = replace(docevski2018_goal.CONFIG, updates=2, batch=2, steps=16, check_every=1)
    done = docevski2018_goal.reproduce(Run(config=config, folder=tmp_path, out=tmp_path / "models"))
    assert done.figures[0].ours.endswith("of 2")
    assert all(path.exists() for path in done.files)
    model = OnnxModel(tmp_path / "models" / f"{docevski2018_goal.NAME}.onnx", "cpu")
    assert model.spec.line is not None
    assert (tmp_path / "models" / f"{docevski2018_goal.NAME}.onnx").stat().st_size < 6_000_000
