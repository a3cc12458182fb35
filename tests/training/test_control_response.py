"""What the table of obedience measures, and that networks whose controls bend what they say do obey."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import Form
from improv.protocol.controls import BUILD
from improv.session.build import SOLO_CHORUSES
from training.evaluation.control_response import RESPONSES, Response, measure, obeys, table
from training.networks.chord_lstm import ChordLstm
from training.networks.melody_lstm import MelodyLstm
from training.networks.partner import Partner
from training.networks.solo_memory import SoloMemory
from training.trainers.export import export, specify
from training.trainers.partner import probes

FORM = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | C7 | G7 | F7 | C7 | G7")


@pytest.fixture(scope="module")
def untaught(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    """A network that has learned nothing but to come back to its notes: what it plays is bent by the controls."""
    torch.manual_seed(0)
    path: Path = tmp_path_factory.mktemp("models") / "untaught.onnx"
    memory = SoloMemory(MelodyLstm(8, 0.0))
    memory.pitch_powers.data[:-1] = 0.2
    network = Partner(ChordLstm().eval(), memory).eval()
    spec = specify(
        network, name="untaught", summary="untaught", encoding="soloist_notes", key="C", form=FORM.text, primers=(),
        data={"source": "none", "licence": "none"}, seed=0, figures={},
    )  # fmt: skip
    export(network, spec, path, probes(FORM, 0))
    return OnnxModel(path)


def test_it_obeys_that_never_falls_and_rises() -> None:
    assert obeys([1.0, 1.0, 2.0])
    assert not obeys([1.0, 0.9, 2.0])
    assert not obeys([1.0, 1.0, 1.0])
    assert not obeys([1.0, float("nan"), 2.0])


def check(response: Response, model: OnnxModel, choruses: int) -> None:
    figures = measure(model, response, choruses, 1)
    assert obeys((figures[0], figures[-1]))
    told = table("some", [(response, figures)])
    assert told.row_count == 1


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.control.name)
def test_every_control_moves_our_own_networks_music_the_way_of_its_name(response: Response) -> None:
    ends = replace(response, values=(response.values[0], response.values[-1]))
    solos = 4 if response.control is BUILD else 1  # how one solo builds is mostly chance
    check(ends, OnnxModel(find_model("partner")), solos * SOLO_CHORUSES)


@pytest.mark.full
@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.control.name)
def test_so_it_moves_that_of_a_network_which_has_learned_nothing(response: Response, untaught: OnnxModel) -> None:
    check(response, untaught, 2)
