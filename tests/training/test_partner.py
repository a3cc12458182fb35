"""The project's own model: the changes that blues have, and two networks exported as one that is playable."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from improv.models.contract import Tensors
from improv.models.encodings import Cells
from improv.models.onnx_file import ModelFile
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import Chord, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.step import advance
from tests.training.solos import FORM, solo
from training.corpora.wjazzd_split import Split
from training.datasets.choruses import runs
from training.datasets.cuts import Mix
from training.datasets.sequences import FORM_STEPS
from training.networks.chord_lstm import ChordLstm
from training.networks.melody_lstm import MelodyLstm
from training.networks.partner import Partner
from training.networks.solo_memory import SoloMemory
from training.trainers import partner
from training.trainers.chord_lstm import CONFIG, ChordTask, surprise
from training.trainers.export import TOLERANCE, export, specify
from training.trainers.partner import likeliest_form, probes
from training.trainers.train import train

CELLS = Cells(tells_story=True, tells_notes=True)
IN_C = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7")


@pytest.fixture(scope="module")
def learned() -> ChordLstm:
    """A network that has learned one form, from two tunes over it, in little time."""
    return train(replace(CONFIG, updates=200), ChordTask(runs([solo(1), solo(2)]), runs([solo(3)])))[0]


def remembering() -> SoloMemory:
    """A small network of lines that remembers the solo, and lets that count."""
    memory = SoloMemory(MelodyLstm(8, 0.0)).eval()
    memory.pitch_powers.data = torch.rand(len(memory.pitch_powers)) / 4
    memory.rhythm_powers.data = torch.cat((torch.rand(len(memory.rhythm_powers) - 1) / 40, torch.ones(1)))
    return memory


def test_the_changes_of_choruses_are_heard_in_c_a_bar_ahead_of_the_place() -> None:
    (run,) = runs([solo(1)])
    assert run.choruses == 1
    assert [CELLS.chord(np.eye(121, dtype=np.float32)[unit], IN_C) for unit in run.units] == [
        *IN_C.chords[1:],
        IN_C.chords[0],
    ]
    newest = 20  # is decided for while the melody's next step is the one a bar before the chord's
    place = run.place[newest]
    assert [int(place[:8].argmax()), int(place[8:].argmax())] == [(newest + 1) % 8, (newest + 1) // 8 - 1]
    assert runs([solo(1, blues=False)]) == runs([solo(1, tonic=None)]) == []


@pytest.mark.full
def test_the_form_that_is_learned_is_the_likeliest_one(learned: ChordLstm) -> None:
    assert likeliest_form(learned) == IN_C
    assert surprise(learned, runs([solo(3)])) < 0.1
    assert FORM.transposed(5) == IN_C


@pytest.mark.full
def test_the_form_is_learned_as_partner_learns_it() -> None:
    learned, log = train(CONFIG, ChordTask(runs([solo(1), solo(2)]), runs([solo(3)])))
    assert likeliest_form(learned) == IN_C
    assert log.checks[-1]["update"] == CONFIG.updates


def test_the_form_is_kept_whatever_the_network_says() -> None:
    torch.manual_seed(0)
    form = likeliest_form(ChordLstm().eval())
    assert (form.chords[0].root, form.chords[32].root) == (0, 5)
    assert all(form.chords[step] == form.chords[step - 1] for step in range(1, FORM_STEPS, 2))


def test_two_networks_are_exported_as_one_and_played(learned: ChordLstm, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Partner(learned, remembering()).eval()
    spec = specify(
        network, name="small", summary="small", encoding="soloist_notes", key="C", form=likeliest_form(learned).text,
        primers=(), data={"source": "none", "licence": "none"}, seed=0, figures={},
    )  # fmt: skip
    assert export(network, spec, tmp_path / "small.onnx", probes(IN_C, 0), halved=True) <= TOLERANCE
    model = OnnxModel(tmp_path / "small.onnx")
    rng = np.random.default_rng(0)
    memory = {name: rng.random(shape, np.float32) for name, shape in spec.state.items()}
    for probe in islice(probes(IN_C, 1), 10):
        features = {name: probe[name] for name in spec.features}
        told = [torch.tensor(tensor) for tensor in (*features.values(), *memory.values())]
        with torch.no_grad():
            pitch = network(*told)[network.HEADS.index("next_pitch")].numpy()
        assert np.allclose(model.head_logits("next_pitch", features, memory), pitch, atol=1e-4)
        assert list(model.step(features, memory)[0]) == ["next_chord", "next_rhythm"]
    content = (tmp_path / "small.onnx").read_bytes()
    assert len(ModelFile(content).part(["next_pitch"])) < len(content) / 2
    session = begin(model, Settings(mode=Mode.SOLO, seed=1), Transport(0, 0.0, 120))
    chords, onsets = list[Chord | None](), 0
    for _ in range(FORM_STEPS + 8):
        session, played = advance(session, Heard(), model)
        chords.append(played.frame.chord)
        onsets += len(played.frame.melody.onsets)
    assert chords == [IN_C.chord_at(step) for step in range(FORM_STEPS + 8)]
    assert onsets > 0


@torch.no_grad()
def test_a_step_of_both_is_a_step_of_each() -> None:
    torch.manual_seed(0)
    of_changes, lines = ChordLstm().eval(), remembering()
    both = Partner(of_changes, lines)
    states = {
        network: [torch.zeros(1, width) for width in network.STATE.values()] for network in (both, of_changes, lines)
    }
    for fed in islice(probes(IN_C, 0), 20):
        heads = {}
        for network, state in states.items():
            found = network(*(torch.tensor(fed[name]) for name in network.FEATURES), *state)
            heads[network] = list(found[: len(network.HEADS)])
            states[network] = list(found[len(network.HEADS) :])
        apart = (*heads[of_changes], *heads[lines], *states[of_changes], *states[lines])
        assert all(torch.equal(one, other) for one, other in zip((*heads[both], *states[both]), apart, strict=True))
    assert states[lines][0].any()  # the line is remembered


def test_a_choice_leaves_the_memory_as_it_was() -> None:
    """The session asks again within a step: what is chosen may change the choices after it and nothing else."""
    torch.manual_seed(0)
    network = Partner(ChordLstm(), remembering()).eval()
    state = [torch.randn(1, width) for width in network.STATE.values()]

    def stepped(tensors: Tensors) -> list[torch.Tensor]:
        return list(network(*(torch.tensor(tensors[name]) for name in network.FEATURES), *state))

    told = 0
    for chosen in islice(probes(IN_C, 0), 20):
        none = {name: np.zeros_like(tensor) if name.startswith("chosen") else tensor for name, tensor in chosen.items()}
        with torch.no_grad():
            first, second = stepped(none), stepped(chosen)
        at = network.HEADS.index("next_pitch")
        told += not torch.equal(first[at], second[at])
        assert all(torch.equal(one, other) for n, (one, other) in enumerate(zip(first, second, strict=True)) if n != at)
    assert told > 10  # so small a network may not care for one or the other


@pytest.mark.full
def test_partner_is_trained_from_solos_to_a_file_and_again_from_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partner, "MIX", Mix(conversations=3))
    sides = Split((solo(1, bars=26), solo(2, bars=26)), (solo(3),), (solo(4),), {})
    config = replace(partner.CONFIG, updates=2, batch=2, steps=24, check_every=1)
    spec = partner.train(config, 2, sides, tmp_path)
    assert spec == OnnxModel(tmp_path / "partner.onnx").spec
    report = json.loads((tmp_path / "partner.json").read_text())
    assert [[check["update"] for check in one["checks"]] for one in report["lines"]] == [[1, 2]] * 2
    assert report["parity"] <= TOLERANCE
    first = (tmp_path / "partner.onnx").read_bytes()
    said: list[str] = []
    partner.train(config, 2, sides, tmp_path, lambda _done, how: said.append(how))
    assert (tmp_path / "partner.onnx").read_bytes() == first
    assert [how for how in said if "has learned" in how] == [
        f"partner-1: {tmp_path / 'partner-1.checkpoint'} has learned 2 updates before",
        f"partner-2: {tmp_path / 'partner-2.checkpoint'} has learned 2 updates before",
        f"changes: {tmp_path / 'partner-changes.checkpoint'} has learned 600 updates before",
    ]
