"""Networks that say the next note: a sequence is its steps, attention as its equations say, judging and generating."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from improv.models.encodings.symbols import END, HOLD, REST
from tests.training.piano_pieces import piece
from training.datasets.piano_notes import Vocabulary, chords, events, melody, shares
from training.networks import Network
from training.networks.attention_lstm import AttentionLstm
from training.networks.note_lstm import NoteLstm
from training.networks.window_softmax import WindowSoftmax
from training.trainers.next_symbol import NextSymbol, generate, judge, most_common
from training.trainers.train import Config, train

UNITS = 7

NETWORKS = [NoteLstm(UNITS, 5, 0.3), AttentionLstm(UNITS, 5, 4, 0.5), WindowSoftmax(UNITS, 3)]


def stepped(network: Network, units: Sequence[int]) -> Tensor:
    """Return the logits of each unit, (steps, units), one step after the other."""
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    found = []
    for unit in units:
        logits, *state = network(torch.eye(UNITS)[[unit]], *state)
        found.append(logits)
    assert [tuple(each.shape) for each in state] == [(1, width) for width in network.STATE.values()]
    return torch.cat(found)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
@torch.no_grad()
def test_a_sequence_is_its_steps(network: Network) -> None:
    network.eval()
    units = np.random.default_rng(1).integers(UNITS, size=(13, 2))
    whole = network.sequence(torch.from_numpy(units))  # type: ignore[operator]
    for song in range(2):
        one, other = whole[:, song], stepped(network, units[:, song].tolist())
        torch.testing.assert_close(one.log_softmax(-1), other.log_softmax(-1))  # what is said, up to a constant


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
@torch.no_grad()
def test_what_is_said_of_a_note_depends_on_those_before_it_alone(network: Network) -> None:
    network.eval()
    units = torch.tensor([[1], [2], [3], [4], [5]])
    others = units.clone()
    others[3:] = 0
    one, other = (network.sequence(each) for each in (units, others))  # type: ignore[operator]
    torch.testing.assert_close(one[:4], other[:4])
    assert not torch.equal(one[4], other[4])


@torch.no_grad()
def test_attention_weighs_what_was_put_out_as_equations_1_to_3_say() -> None:
    network = AttentionLstm(UNITS, 3, 4, 0.0)
    cells, seen = torch.randn(1, 3), torch.randn(1, 4, 3)
    fits = [
        float(network.score.weight[0] @ torch.tanh(network.of_seen.weight @ out + network.of_cells(cells)[0]))
        for out in seen[0]
    ]
    weights = np.exp(fits) / np.exp(fits).sum()
    expected = sum(weight * out for weight, out in zip(weights.tolist(), seen[0], strict=True))
    torch.testing.assert_close(network.attend(cells, seen, network.of_seen(seen))[0], expected)


def test_a_window_forgets_what_is_older() -> None:
    network = WindowSoftmax(UNITS, 3)
    with torch.no_grad():
        one, other = stepped(network, [0, 1, 2, 3, 4]), stepped(network, [6, 1, 2, 3, 4])
    torch.testing.assert_close(one[4], other[4])
    assert not torch.equal(one[3], other[3])


def test_chords_are_of_one_hand_and_the_right_one_comes_first() -> None:
    right = [(72, 0, 1), (76, 0, 1), (74, 1, 2), (77, 1.005, 2)]
    made = piece(right, [(48, 0, 2), (43, 1.5, 2)])
    assert chords(made) == [(72, 76), (48,), (74, 77), (43,)]
    assert melody(made) == [76, 48, 77, 43]


def test_events_hold_rest_and_end() -> None:
    made = piece([(60, 1, 1.5), (64, 1, 1.25), (62, 2, 3), (65, 2.75, 3)], [(40, 0, 4)])
    assert events(made) == ["64", REST, HOLD, HOLD, "62", HOLD, HOLD, "65", END]


def test_what_lasts_longer_than_a_bar_is_cut_to_one() -> None:
    made = piece([(60, 0, 0.5), (64, 9, 15), (62, 15, 15.25)])
    assert events(made) == ["60", HOLD, REST, *[HOLD] * 15, "64", *[HOLD] * 15, "62", END]


def test_events_outside_three_octaves_are_moved_by_octaves() -> None:
    made = piece([(47, 0, 0.25), (84, 0.25, 0.5), (23, 0.5, 0.75), (108, 0.75, 1), (48, 1, 1.25), (83, 1.25, 1.5)])
    assert events(made) == ["59", "72", "59", "72", "48", "83", END]


def test_a_hand_without_notes_has_no_events_but_the_end() -> None:
    assert events(piece([], [(40, 0, 1)])) == [END]


def test_a_vocabulary_has_notes_by_pitch_and_then_what_is_none() -> None:
    vocabulary = Vocabulary.of([["64", "_", "60.64"], ["/", "60", "64"]])
    assert vocabulary.symbols == ("60", "60.64", "64", "_", "/")
    assert vocabulary.units(["64", "/"]).tolist() == [2, 4]
    with pytest.raises(KeyError):
        vocabulary.units(["r"])


def test_shares_divide_all_of_it() -> None:
    sides = shares(list(range(20)), 0.7, 0.15, 0.15, seed=1)
    assert [len(side) for side in sides] == [14, 3, 3]
    assert sorted(each for side in sides for each in side) == list(range(20))
    assert sides != shares(list(range(20)), 0.7, 0.15, 0.15, seed=2)


def test_a_network_that_learned_a_scale_says_it_and_plays_it() -> None:
    song = np.arange(60) % UNITS
    task = NextSymbol([song], [song], lambda: NoteLstm(UNITS, 12, 0.0), {})
    config = Config(updates=120, batch=4, steps=16, rate=0.02, check_every=60)
    network, _ = train(config, task)
    found = judge(network, [song], after=2)
    assert found["accuracy"] == 1
    assert found["nats"] < 0.2
    made = generate(network, song[:3], 9, temperature=0, seed=1)
    assert made.tolist() == [3, 4, 5, 6, 0, 1, 2, 3, 4]
    never = generate(network, song[:3], 9, temperature=0, seed=1, never=[3])
    assert 3 not in never


def test_songs_are_judged_in_stretches_that_begin_with_an_empty_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainers.next_symbol.JUDGED", 5)
    network = NoteLstm(UNITS, 5, 0.0).eval()
    song = np.random.default_rng(2).integers(UNITS, size=12)
    with torch.no_grad():
        logits = torch.cat([stepped(network, song[first : first + 5].tolist()) for first in (0, 5, 10)])
    found = judge(network, [song])
    assert found["accuracy"] == pytest.approx(float((logits.argmax(1).numpy() == song).mean()))
    nats = torch.nn.functional.cross_entropy(logits, torch.from_numpy(song))
    assert found["nats"] == pytest.approx(float(nats), rel=1e-5)


def test_draws_follow_from_the_seed_and_the_temperature() -> None:
    network = NoteLstm(UNITS, 5, 0.0).eval()
    primer = np.array([1, 2])
    first, again, other = (generate(network, primer, 40, temperature=1.5, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert len(set(generate(network, primer, 40, temperature=0.01, seed=1).tolist())) < len(set(first.tolist()))


def test_the_most_common_note_is_a_share_of_all() -> None:
    assert most_common([[60, 60, 62], [60, 64]]) == pytest.approx(0.6)
