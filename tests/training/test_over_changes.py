"""A line that knows no chords and a network of the changes in one file: exported, proven, put over other changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from improv.errors import ContractError, UsageError
from improv.models.catalog import model_paths
from improv.models.contract import Tensors, no_memory
from improv.models.encodings import CHORD_HEAD, StepInput, encoding_of, line_of
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import Form
from tests.models.line_models import SYMBOLS
from training.networks import Network
from training.trainers.export import PARITY_STEPS
from training.trainers.over_changes import export_line, main, over_others

WIDTH = 8


class Small(Network):
    """A line with one layer of memory."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        line = line_of(kind, SYMBOLS[kind])
        self.FEATURES, self.HEADS = tuple(line.features), tuple(line.heads)  # type: ignore[misc]
        self.STATE = {"last": WIDTH}  # type: ignore[misc]
        torch.manual_seed(1)
        self.into = nn.Linear(sum(shape[1] for shape in line.features.values()) + WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, next(iter(line.heads.values())).shape[1])

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        return self.out(given[-1]), torch.tanh(self.into(torch.cat(given, dim=1)))


def probes(kind: str, count: int = PARITY_STEPS) -> Iterator[Tensors]:
    rng, line = np.random.default_rng(1), line_of(kind, SYMBOLS[kind])
    for _ in range(count):
        yield {name: (rng.random(shape) < 0.1).astype(np.float32) for name, shape in line.features.items()}


def exported(kind: str, path: Path, network: Network | None = None, **other: Any) -> Path:
    given = {"probes": probes(kind), "symbols": SYMBOLS[kind]} | other
    data = {"source": "none", "licence": "none"}
    export_line(
        network or Small(kind), path, summary="small", encoding=kind, data=data, seed=1, figures={}, **given
    )  # fmt: skip
    return path


@pytest.mark.parametrize("kind", SYMBOLS)
def test_the_changes_go_on_as_they_do_alone_and_the_line_as_in_pytorch(kind: str, tmp_path: Path) -> None:
    model = OnnxModel(exported(kind, tmp_path / f"{kind}.onnx"))
    alone = OnnxModel(model_paths()["eck2002-chords"])
    assert (model.spec.name, model.spec.form, model.spec.key) == (kind, alone.spec.form, alone.spec.key)
    encoding, memory, other = encoding_of(model.spec), no_memory(model.spec), no_memory(alone.spec)
    form = Form.parse(model.spec.form)
    network, state = Small(kind).eval(), torch.zeros(1, WIDTH)
    for step in range(form.steps):
        cell = Cell((Onset(60 + step % 12),)) if step % 3 == 0 else SILENCE
        heard = StepInput(Frame(cell, form.chord_at(step)), step, steps_played=step)
        heads, memory = model.step(encoding.encode(heard), memory)
        expected, other = alone.step(encoding.encode(heard), other)
        assert (heads[CHORD_HEAD] == expected[CHORD_HEAD]).all()
        for move in encoding.moves(heard):
            memory = model.move(move, memory)
            _, state = network(*(torch.tensor(move[name]) for name in network.FEATURES), state)
    (head,) = model.spec.later_heads
    logits = network(*(torch.zeros(shape) for shape in encoding.line.features.values()), state)[0]  # type: ignore[attr-defined]
    assert np.allclose(model.head_logits(head, {}, memory), logits.detach().numpy(), atol=1e-5)


def test_a_line_that_is_computed_otherwise_is_not_written(tmp_path: Path) -> None:
    class Unsure(Small):
        calls = 0

        def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
            head, last = super().forward(*given)
            self.calls += 1
            return (head + 1 if self.calls > 500 else head), last

    path = tmp_path / "unsure.onnx"
    with pytest.raises(ContractError, match="differ by 1"):
        exported("notes", path, Unsure("notes"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="proves nothing"):
        exported("notes", path, probes=probes("notes", 10))
    with pytest.raises(ValueError, match="next_note"):
        exported("notes", path, Small("events"))


def test_a_line_is_put_over_other_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    path = exported("notes", tmp_path / "small.onnx")
    monkeypatch.setattr("sys.argv", ["compose", str(path), "partner"])
    main()
    out = tmp_path / "small-over-partner.onnx"
    assert capsys.readouterr().out == f"wrote {out}\n"
    over, alone, partner = OnnxModel(out), OnnxModel(path), OnnxModel(model_paths()["partner"])
    assert over.spec.line is not None
    assert over.spec.line.changes == partner.spec.encoding
    assert over.spec.form == partner.spec.form
    encoding, memories = encoding_of(over.spec), [no_memory(model.spec) for model in (over, alone, partner)]
    form = Form.parse(over.spec.form)
    for step in range(24):
        heard = StepInput(Frame(Cell((Onset(60 + step % 5),)), form.chord_at(step)), step, steps_played=step)
        features = encoding.encode(heard)
        heads, memories[0] = over.step(features, memories[0])
        expected, memories[2] = partner.step(features, memories[2])
        assert np.allclose(heads[CHORD_HEAD], expected[CHORD_HEAD], atol=1e-5)
        for move in encoding.moves(heard):
            memories[0], memories[1] = over.move(move, memories[0]), alone.move(move, memories[1])
        ours, theirs = (
            model.head_logits("next_note", {}, memory) for model, memory in ((over, memories[0]), (alone, memories[1]))
        )
        assert (ours == theirs).all()
    with pytest.raises(UsageError, match="it has no line"):
        over_others(model_paths()["partner"], "eck2002-chords", tmp_path / "no.onnx")


def test_the_changes_of_a_line_can_be_anothers_too(tmp_path: Path) -> None:
    first = exported("notes", tmp_path / "first.onnx")
    over_others(first, "partner", tmp_path / "second.onnx")
    over_others(exported("events", tmp_path / "third.onnx"), str(tmp_path / "second.onnx"), tmp_path / "fourth.onnx")
    spec, partner = OnnxModel(tmp_path / "fourth.onnx").spec, OnnxModel(model_paths()["partner"]).spec
    assert spec.line is not None
    assert (spec.line.changes, spec.form) == (partner.encoding, partner.form)
    assert {*spec.features} == {"event", *(f for f in partner.features if f in spec.features)}
    bass = model_paths()["partner"].with_name("bass.onnx")
    with pytest.raises(UsageError, match="it decides no changes"):
        over_others(first, str(bass), tmp_path / "no.onnx")
