"""The corpus, the topology of the paper, learning, and what the committed models play."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from improv.errors import ContractError, DataError
from improv.models.catalog import model_paths
from improv.models.contract import ModelSpec, no_memory
from improv.models.encodings import ENCODINGS
from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import BEATS_PER_BAR
from improv.music.theory import STEPS_PER_BAR, STEPS_PER_BEAT
from tests.conftest import tiers
from training.corpora import blues_bars
from training.networks.eck2002 import ENCODING, GATE_BIASES, OUTPUT_BIAS, Blues, Chords, Partition
from training.reproductions import eck2002_original
from training.trainers import eck2002_blues, eck2002_chords
from training.trainers.eck2002_chords import TOLERATED_ERROR, largest_error
from training.trainers.eck2002_figures import (
    chord_figures,
    corpus_bars,
    form_figures,
    improvised_bars,
    melody_figures,
    network_melody,
    probes,
    random_walk_bars,
)
from training.trainers.export import export, parity, specify, stamp

SEGMENTS = [(bar, segment) for bar, choices in enumerate(blues_bars.SEGMENTS) for segment in choices]
COMMITTED = ("eck2002-chords", "eck2002-blues")


def spec_of(network: Chords | Blues) -> ModelSpec:
    return specify(
        network, name="test", summary="", encoding=ENCODING, key="C", form=blues_bars.CHANGES, primers=[],
        data={"source": "none", "licence": "none"}, seed=0, figures={},
    )  # fmt: skip


# --- the corpus -------------------------------------------------------------------------------


def test_every_bar_has_a_choice_and_there_are_songs_enough() -> None:
    assert len(blues_bars.SEGMENTS) == blues_bars.FORM.bars == 12
    assert all(len(set(choices)) == len(choices) >= 2 for choices in blues_bars.SEGMENTS)
    assert blues_bars.SONGS >= 2**12


@pytest.mark.parametrize(("bar", "segment"), SEGMENTS)
def test_a_segment_is_four_quarters_of_one_pentatonic_scale_that_fit_the_chord(
    bar: int, segment: tuple[int, ...]
) -> None:
    assert len(segment) == BEATS_PER_BAR
    assert set(segment) <= set(ENCODINGS[ENCODING].melody_pitches())
    classes = {pitch % 12 for pitch in segment}
    assert classes <= blues_bars.MAJOR_PENTATONIC or classes <= blues_bars.MINOR_PENTATONIC
    steps = range(bar * STEPS_PER_BAR, (bar + 1) * STEPS_PER_BAR, STEPS_PER_BEAT)
    fits = [
        pitch % 12 in blues_bars.FORM.chord_at(step).pitch_classes for step, pitch in zip(steps, segment, strict=True)
    ]
    assert fits[0], "its first beat is no chord tone"
    assert sum(fits) >= 2


def test_songs_are_drawn_without_repeats_and_last_a_chorus() -> None:
    songs = blues_bars.draw_songs(500, np.random.default_rng(1))
    assert len(set(songs)) == 500
    assert {len(song) for song in songs} == {96}
    assert blues_bars.quarters(songs[0])[0] in blues_bars.SEGMENTS[0]


# --- the topology -----------------------------------------------------------------------------


def test_biases_start_as_the_paper_says_and_the_cells_of_a_block_share_its_gates() -> None:
    chords = Partition(12, 0, torch.Generator().manual_seed(0))
    assert chords.gates.shape == (3, 4, 12 + 8 + 1)
    assert chords.cells.shape == (8, 12 + 8 + 1)
    assert chords.output.shape == (12, 12 + 8 + 1)
    assert chords.gates[..., -1].tolist() == [list(GATE_BIASES)] * 3 == [[-0.5, -1.0, -1.5, -2.0]] * 3
    assert chords.output[:, -1].tolist() == [OUTPUT_BIAS] * 12 == [0.5] * 12


@torch.no_grad()
def test_a_sequence_is_its_steps() -> None:
    generator = torch.Generator().manual_seed(3)
    melody = Partition(13, 8, generator)
    inputs, context = torch.rand(40, 1, 13, generator=generator), torch.rand(40, 1, 8, generator=generator)
    logits, put_out, _ = melody.sequence(inputs, context, melody.at_rest())
    state = (torch.zeros(1, 8), torch.zeros(1, 8))
    for step in range(40):
        found, state = melody.step(inputs[step], context[step], state)
        torch.testing.assert_close(found, logits[step], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(state[0], put_out[step], atol=1e-5, rtol=1e-5)


def test_chords_feed_the_melody_and_never_the_reverse() -> None:
    network = Blues(torch.Generator().manual_seed(0))
    shapes = {
        **{name: (1, 12 if name == "chord" else 13) for name in network.FEATURES},
        **dict.fromkeys(network.STATE, (1, 8)),
    }
    given = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
    results = dict(zip((*network.HEADS, *network.STATE), network(*given.values()), strict=True))

    def reaches(result: str) -> set[str]:
        gradients = torch.autograd.grad(
            results[result].sum(), list(given.values()), retain_graph=True, allow_unused=True
        )
        return {
            name for name, gradient in zip(given, gradients, strict=True) if gradient is not None and gradient.any()
        }

    chord_side = {"chord", "chord_out", "chord_cells"}
    assert reaches("next_chord") == reaches("chord_out") == reaches("chord_cells") == chord_side
    melody_side = {"melody", "chord_out", "melody_out", "melody_cells"}
    assert reaches("next_melody") == reaches("melody_out") == melody_side


# --- learning ---------------------------------------------------------------------------------


def test_the_form_is_learned_exactly_and_again_from_the_same_seed() -> None:
    config = replace(eck2002_chords.CONFIG, seed=12)
    first, second = eck2002_chords.learn(config), eck2002_chords.learn(config)
    losses = first.losses["chords"]
    assert largest_error(first.network.chords, 1_000) < TOLERATED_ERROR
    assert losses[-1] < 0.1 < losses[0]
    both = zip(first.network.parameters(), second.network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in both)


def test_where_no_network_finds_the_form_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eck2002_chords, "ATTEMPTS", 2)
    with pytest.raises(DataError, match="no network found the form in 2 attempts"):
        eck2002_chords.learn(replace(eck2002_chords.CONFIG, updates=3))


def test_a_wrong_bit_is_seen() -> None:
    untrained = Partition(12, 0, torch.Generator().manual_seed(0))
    assert largest_error(untrained, 1) > 0.5


@pytest.mark.full
@pytest.mark.parametrize("updates", [300, 600])
def test_learning_the_melody_keeps_the_chords_exact(updates: int) -> None:
    learned = eck2002_blues.learn(replace(eck2002_blues.CONFIG, seed=12, updates=updates, check_every=updates // 6))
    losses = learned.losses["melody over them"]
    assert largest_error(learned.network.chords, 1_000) < TOLERATED_ERROR
    assert np.mean(losses[-50:]) < 0.5 * np.mean(losses[:50])


def test_where_the_chords_are_spoilt_learning_goes_back() -> None:
    config = replace(eck2002_blues.CONFIG, seed=12, updates=120, check_every=20, rate=3.0)  # nothing survives this rate
    learned = eck2002_blues.learn(config)
    assert learned.returns > 0
    assert largest_error(learned.network.chords, 100) < TOLERATED_ERROR


def test_the_papers_own_algorithm_learns_slowly() -> None:
    encoding = ENCODINGS[ENCODING]
    chords = [np.asarray(encoding.chord_units(chord), np.float64) for chord in blues_bars.FORM.chords]
    learner = eck2002_original.Learner.fresh(12, seed=0)

    def cross_entropy() -> float:
        found = [learner.step(chords[t], chords[(t + 1) % 96], eck2002_original.CONFIG.rate * 100) for t in range(96)]
        return float(np.mean([-np.log(1 - np.abs(p - chords[(t + 1) % 96])).sum() for t, p in enumerate(found)]))

    losses = [cross_entropy() for _ in range(30)]
    assert losses[0] > losses[10] > losses[-1]


def test_a_reset_on_every_error_keeps_the_network_at_the_start() -> None:
    config = replace(eck2002_original.CONFIG, rate=1e-3)
    whole, again = (eck2002_original.learn(config, 5_000, resets=resets) for resets in (False, True))
    assert [look.steps for look in whole] == list(range(100, 5_001, 100))
    assert whole[-1].cross_entropy < whole[0].cross_entropy
    assert whole[-1].wrong != again[-1].wrong


# --- export -----------------------------------------------------------------------------------


def test_an_export_describes_itself_plays_the_same_and_untrained_plays_wrong_bits(tmp_path: Path) -> None:
    network = Blues(torch.Generator().manual_seed(5))
    path = tmp_path / "test.onnx"
    assert export(network, spec_of(network), path, probes(11, 0)) <= 1e-5
    stamp(path, replace(spec_of(network), figures={"chord_margin": 0.4}))
    model = OnnxModel(path)
    assert model.spec.figures == {"chord_margin": 0.4}
    assert {name: value.shape for name, value in no_memory(model.spec).items()} == dict.fromkeys(Blues.STATE, (1, 8))
    assert [entry.name for entry in tmp_path.iterdir()] == ["test.onnx"]
    assert chord_figures(model, 1, network_melody).wrong_bits > 0


def test_an_unfaithful_export_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Chords(torch.Generator().manual_seed(5))
    honest = OnnxModel.step
    drift = np.float32(1e-4)

    def drifting(self: OnnxModel, features: dict, memory: dict) -> tuple[dict, dict]:  # type: ignore[type-arg]
        heads, after = honest(self, features, memory)
        return dict(heads), {name: value + drift for name, value in after.items()}

    monkeypatch.setattr(OnnxModel, "step", drifting)
    with pytest.raises(ContractError, match=r"differ by .* over 1000 chained steps"):
        export(network, spec_of(network), tmp_path / "test.onnx", probes(11, 0))
    assert not list(tmp_path.iterdir())


def test_parity_over_too_few_steps_proves_nothing() -> None:
    network = Chords(torch.Generator().manual_seed(5)).eval()
    with torch.no_grad(), pytest.raises(ValueError, match="proves nothing"):
        parity(network, OnnxModel(model_paths()["eck2002-chords"]), probes(2, 0))


# --- what was committed -----------------------------------------------------------------------


@pytest.mark.parametrize("choruses", tiers(100, 200))
@pytest.mark.parametrize("name", COMMITTED)
def test_the_form_is_played_for_ever_without_a_wrong_chord_bit(name: str, choruses: int) -> None:
    """From the first step, fed its own chords; the melody input fed its improvisation, then random notes.

    The chords' memory comes back bit for bit within a few choruses, and nothing else reaches them
    (`test_chords_feed_the_melody_and_never_the_reverse`), so what holds until then holds for ever.
    """
    found = form_figures(model_paths()[name], choruses, seed=4)
    assert len(found) == (2 if name == "eck2002-blues" else 1)
    for chords in found.values():
        assert (chords.choruses, chords.wrong_bits) == (choruses, 0)
        assert chords.settled_after is not None
        assert chords.settled_after < 100


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_model_stands_beside_its_report(name: str) -> None:
    path = model_paths()[name]
    spec = OnnxModel(path).spec
    assert spec.name == name
    assert spec.figures["wrong_chord_bits"] == 0
    assert spec.figures["choruses_played"] == 10_000
    assert spec.figures["parity"] <= 1e-5
    assert spec.figures["chord_margin"] >= 0.5 - TOLERATED_ERROR
    assert all(1 <= len(primer) <= 24 for primer in spec.primers)
    cards = Path(__file__).parents[2] / "docs" / "models"
    report = (cards / f"{name}.md").read_text()
    assert f"--seed {spec.seed}" in report
    assert f"{spec.figures['chord_margin']:.3f}" in report
    assert (cards / f"{name}-loss.png").stat().st_size > 10_000
    assert json.loads(spec.to_json())["data"]["licence"] == "MIT"


def test_the_improvisation_fits_the_form_better_than_a_random_walk_and_copies_less_than_the_corpus() -> None:
    model = OnnxModel(model_paths()["eck2002-blues"])
    corpus = corpus_bars(blues_bars.draw_songs(500, np.random.default_rng(0)))
    bars = improvised_bars(model, 40, seed=2)
    ours = melody_figures(bars, corpus)
    for scale in (blues_bars.MAJOR_PENTATONIC, blues_bars.MINOR_PENTATONIC):
        walk = melody_figures(random_walk_bars(scale, 40, seed=2), corpus)
        assert ours.chord_tones_on_beats > walk.chord_tones_on_beats + 0.05
        assert ours.histogram_distance < walk.histogram_distance
    assert 0 < ours.copied_bars < 0.9
    assert len(set(bars)) > 48, "it plays no bar of its own"


def test_the_figures_of_the_corpus_itself() -> None:
    corpus = corpus_bars(blues_bars.draw_songs(500, np.random.default_rng(0)))
    itself = melody_figures(corpus, corpus)
    assert itself.histogram_distance == 0
    assert itself.copied_bars == 1
    high = [tuple(71 for _ in range(4))] * 12
    assert melody_figures(high, corpus).histogram_distance == pytest.approx(1)
    assert melody_figures(high, corpus).copied_bars == 0
