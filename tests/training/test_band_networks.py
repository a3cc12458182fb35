"""Bass and drums as they are learned: what a network is fed, runs that go on, and one ONNX file of each."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from improv.models.encodings.bass_lines import LEAP
from improv.models.encodings.drum_grids import Sound, Stroke
from improv.models.onnx_runtime import OnnxModel
from tests.training.solos import solo
from training.corpora.groove_midi import Take
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import Split
from training.datasets import bass_lines, drum_grids
from training.networks.bass_gru import BassGru
from training.networks.drum_gru import DrumGru
from training.trainers import band_files, bass, drums
from training.trainers.export import TOLERANCE, export, specify
from training.trainers.train import train


def walking(seed: int) -> Solo:
    """Return a solo with a bass that walks: the root of each chord, then up by steps."""
    played = solo(seed)
    pitches, root = [], 40
    for beat, chord in enumerate(played.chords):
        assert chord is not None
        begins = beat % 4 == 0 or chord != played.chords[beat - 1]
        root = 36 + chord.root if begins and chord.root < 8 else 24 + chord.root if begins else root + 2
        pitches.append(root)
    return replace(played, bass=tuple(pitches))


def take(number: int, style: str = "funk", side: str = "training", bars: int = 8) -> Take:
    """Return a take with a kick on the beats, a hat on the eighths and a snare now and then."""
    rng = np.random.default_rng(number)
    steps = [
        (
            Stroke(Sound.CLOSED_HAT, 0, int(rng.integers(40, 100)), float(rng.normal(0, 8))),
            *((Stroke(Sound.KICK, 0, 100),) if step % 4 == 0 else ()),
            *((Stroke(Sound.SNARE, 1, 30),) if rng.random() < 0.3 else ()),
        )
        for step in range(8 * bars)
    ]
    return Take(
        name=str(number), drummer="d", style=style, side=side, bpm=100, swing=0.5, is_fill=False, steps=tuple(steps)
    )


BASSES = [bass_lines.sequence(line) for line in bass_lines.walks([walking(1), walking(2)])]
TAKES = [take(1), take(2, "swing"), take(3, side="validation")]
PARTED = drum_grids.moods(TAKES)
DRUMS = [drum_grids.sequence(each, PARTED) for each in TAKES]
BASS_TASK = bass.BassTask(BASSES[:1], BASSES[1:])
DRUM_TASK = drums.DrumTask(DRUMS[:2], DRUMS[2:])
SMALL: Any = {"updates": 4, "batch": 2, "steps": 16, "check_every": 2}


# --- what is learned from ---------------------------------------------------------------------


def test_a_bass_that_seldom_has_the_root_at_changes_is_not_learned_from() -> None:
    wrong = walking(1)
    assert bass_lines.walks([replace(wrong, bass=tuple(pitch and pitch + 1 for pitch in wrong.bass))]) == []
    assert bass_lines.walks([replace(wrong, bass=())]) == []
    assert bass_lines.walks([replace(wrong, feel="LATIN")]) == []


def test_targets_lie_on_bars_and_changes_and_notes_between_lead_there() -> None:
    (line,) = bass_lines.walks([walking(1)])
    found = list(bass_lines.inputs(line))
    asked = [beat for beat, (given, _, _) in enumerate(found) if given.target is None]
    assert asked == [0, *(beat + 1 for beat in range(len(found) - 1) if line.is_target(beat))]
    for given, target, pitch in found:
        if not given.beats:
            assert target == pitch


def test_what_is_learned_is_what_the_encoding_allows() -> None:
    for sequence in BASSES:
        assert ((sequence.target >= -1) & (sequence.target <= 2 * LEAP)).all()
        assert (sequence.pitch >= 0).any()
        assert not (sequence.features["way"][:, 0][sequence.pitch >= 0]).any()  # a target is no note on the way


def test_a_stretch_in_another_register_differs_in_its_height_alone() -> None:
    line = BASSES[0]
    one, other = bass.cut(line, 4, 16), bass.cut(line, 4, 16, up=2)
    assert one.beats == other.beats == 16
    for name, each in one.features.items():
        assert np.array_equal(each, other.features[name]) == (name != "line")
    assert np.array_equal(one.features["line"][:, :26], other.features["line"][:, :26])


def test_drums_are_told_the_step_before_and_the_bar_before() -> None:
    fed, played = DRUMS[0].features, TAKES[0].steps
    assert not fed["struck"][0].any()
    assert not fed["bar_ago"][:8].any()
    for step in range(8, 20):
        assert fed["struck"][step, Sound.CLOSED_HAT] == pytest.approx(played[step - 1][0].velocity / 127)
        assert fed["bar_ago"][step, Sound.CLOSED_HAT] == pytest.approx(played[step - 8][0].velocity / 127)
    begun = drums.cut(DRUMS[0], 16, 16, anew=True).features
    assert not begun["bar_ago"][:8].any()
    assert begun["bar_ago"][8:].any()


def test_a_limb_that_strikes_nothing_has_no_velocity_and_no_timing() -> None:
    for sequence in DRUMS:
        sounds = drum_grids.chosen(sequence.hits).sum(axis=(1, 2))
        assert ((sequence.velocities >= 0).sum(1) == sounds).all()
        assert ((sequence.delays >= 0) == (sequence.velocities >= 0)).all()


# --- runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "task"), [(bass.CONFIG, BASS_TASK), (drums.CONFIG, DRUM_TASK)], ids=["bass", "drums"]
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(config: Any, task: Any, tmp_path: Path) -> None:
    config, kept = replace(config, **SMALL), tmp_path / "kept.checkpoint"
    whole, log = train(config, task)
    with pytest.raises(KeyboardInterrupt):
        train(config, task, checkpoint=kept, progressed=_interrupted)
    again, log_again = train(config, task, checkpoint=kept)
    assert log.checks == log_again.checks
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])


def _interrupted(done: float, how: str) -> None:
    if "validation" in how and done >= 0.5:
        raise KeyboardInterrupt


def test_what_is_learned_surprises_less_afterwards() -> None:
    torch.manual_seed(1)
    tasks: Any = ((BASS_TASK, bass.CONFIG), (DRUM_TASK, drums.CONFIG))
    for task, config in tasks:
        before = task.validate(task.network().eval())[task.score]
        few = replace(config, updates=30, batch=4, steps=32, check_every=30, averaged_over=0)
        _, log = train(few, task)
        assert log.checks[-1][task.score] < before


# --- export -----------------------------------------------------------------------------------


@pytest.mark.full
def test_one_step_is_the_same_in_pytorch_and_onnxruntime(tmp_path: Path) -> None:
    for network, encoding, module in ((BassGru().eval(), "bass_lines", bass), (DrumGru().eval(), "drum_grids", drums)):
        spec = specify(
            network, name="n", summary="s", encoding=encoding, key="C", form=band_files.FORM, primers=(), data={},
            seed=1, figures={},
        )  # fmt: skip
        assert export(network, spec, tmp_path / "n.onnx", module.probes(1), halved=True) <= TOLERANCE
        assert (tmp_path / "n.onnx").stat().st_size < 400_000


@torch.no_grad()
def test_the_later_choices_of_a_step_are_those_that_were_learned() -> None:
    """The session asks with the memory after the step, training with the output of the layer."""
    for network, module, later in ((BassGru().eval(), bass, 1), (DrumGru().eval(), drums, 3)):
        (probe,) = islice(module.probes(1), 1)
        given = [torch.from_numpy(np.array(probe[name])) for name in network.FEATURES]
        (state,) = network.STATE.values()
        *_, after = network(*given, torch.zeros(1, state))
        asked = network(*given, after)[-1 - later : -1]
        contexts = network.contexts(torch.cat(given[:-1], dim=-1)[None])[0]
        if isinstance(network, BassGru):
            learned: tuple[torch.Tensor, ...] = (network.pitch_logits(contexts, given[-1]),)
        else:
            learned = (network.later_logits(contexts, given[-1]), *network.played_logits(contexts, given[-1]))
        for one, other in zip(asked, learned, strict=True):
            assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.full
def test_a_network_is_written_with_what_it_was_made_of(tmp_path: Path) -> None:
    solos = tuple(replace(walking(seed), name=str(seed)) for seed in (1, 2))
    spec = bass.train(replace(bass.CONFIG, **SMALL), Split(solos[:1], solos[1:], (), {}), tmp_path)
    other = drums.train(replace(drums.CONFIG, **SMALL), TAKES, tmp_path)
    for name, made in (("bass", spec), ("drums", other)):
        model = OnnxModel(tmp_path / f"{name}.onnx")
        assert model.spec == made
        assert model.spec.data["licence"]
        assert json.loads((tmp_path / f"{name}.json").read_text())["parity"] <= TOLERANCE
        assert (tmp_path / f"{name}-curves.png").is_file()


def test_probes_go_on_for_as_long_as_parity_asks() -> None:
    for module, network in ((bass, BassGru), (drums, DrumGru)):
        (probe,) = islice(module.probes(3), 1)
        assert probe.keys() >= set(network.FEATURES)
        assert sum(1 for _ in module.probes(3)) == 1_000
