"""Every shipped network of melody or changes: it loads, lasts, bears damage, and is decided again from a take."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from improv.errors import ImprovError
from improv.models.catalog import BAND_NETWORKS
from improv.models.contract import no_memory
from improv.models.encodings import StepInput, encoding_of
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import SILENCE, Cell, Frame, NoteOff, NoteOn, Onset, Placed, Timed
from improv.music.parts import Part
from improv.music.theory import Form
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.recording import Head, Recording
from improv.recording.replay import entry_of, replayed
from improv.session.lifecycle import begin, finish
from improv.session.network import fed, has_melody, swapped
from improv.session.step import advance
from tests.runtime.test_engine import played, script

SHIPPED = Path(__file__).parents[2] / "exported_models"
PATHS = {path.stem: path for path in sorted(SHIPPED.glob("*.onnx")) if path.stem not in BAND_NETWORKS}
NAMES = tuple(PATHS)

MOST_BYTES = 6_000_000
"""A larger file is built by its command, and not shipped."""

CALL = ((0.02, 0.4, 64), (0.51, 0.9, 67), (0.76, 0.9, 69), (1.27, 1.8, 72), (1.27, 1.8, 64))


@pytest.fixture(scope="module")
def models() -> dict[str, OnnxModel]:
    return {name: OnnxModel(path) for name, path in PATHS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_enough_and_says_where_it_comes_from(name: str, models: dict[str, OnnxModel]) -> None:
    spec = models[name].spec
    assert PATHS[name].stat().st_size < MOST_BYTES
    assert name in (spec.name, "partner-1", "partner-2")  # which were once the partner
    assert spec.data["source"]
    assert spec.data["licence"]
    assert len(spec.summary) < 120


@pytest.mark.parametrize("name", NAMES)
def test_whatever_it_hears_what_it_says_stays_finite(name: str, models: dict[str, OnnxModel]) -> None:
    model, rng = models[name], np.random.default_rng(1)
    encoding, memory, before = encoding_of(model.spec), no_memory(model.spec), SILENCE
    form = Form.parse(model.spec.form, encoding.grid)
    for step in range(2 * form.steps):
        pitches = rng.integers(0, 128, size=rng.integers(0, 6))
        cell = Cell(tuple(Onset(int(pitch), int(rng.integers(0, 6))) for pitch in sorted(set(pitches.tolist()))))
        heard = StepInput(
            Frame(cell, form.chord_at(step)), step, (form.chord_at(step + 1),) * encoding.lookahead_steps, form.steps,
            bpm=float(rng.uniform(40, 280)), steps_played=step, previous=before,
        )  # fmt: skip
        features, outputs, memory = fed(model, encoding, heard, memory)
        later = [model.head_logits(head, features, memory) for head in model.spec.later_heads]
        assert all(np.isfinite(each).all() for each in (*outputs.values(), *later, *memory.values()))
        before = cell


@pytest.mark.parametrize("name", NAMES)
def test_damage_to_its_file_is_refused_or_harmless(name: str, tmp_path: Path) -> None:
    content, rng = bytearray(PATHS[name].read_bytes()), np.random.default_rng(2)
    path, lines = tmp_path / "damaged.onnx", list[str]()
    for _ in range(8):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), size=3):
            damaged[at] = int(rng.integers(0, 256))
        path.write_bytes(damaged[: int(rng.integers(1, len(content)))] if rng.random() < 0.3 else damaged)
        try:
            OnnxModel(path)
        except ImprovError as error:
            lines.append(str(error))
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_trading_with_it_is_decided_again_from_the_take(name: str, models: dict[str, OnnxModel]) -> None:
    model = models[name]
    session = begin(model, Settings(mode=Mode.TRADE, bars=1, seed=3, key="F"), Transport(0, 0.0, 120))
    _, _, _, moments = played(session, model, script(*CALL), last_step=31)  # type: ignore[arg-type]
    assert {moment.session.health.faults for moment in moments} == {0}
    answered = any(moment.played.frame.melody.onsets for moment in moments if moment.session.turn.who is Who.IMPROV)
    if has_melody(model.spec) and model.spec.encoding != "roll":  # whose silence is what the paper found
        assert answered
    head = Head(
        improv="test", began="2002-01-01T00:00:00+00:00", model=name, model_sha256=model.sha256,
        settings=session.settings, transport=session.position.transport, count_in_bars=0, form=model.spec.form,
        key=model.spec.key,
    )  # fmt: skip
    take = Recording(head=head, entries=tuple(map(entry_of, moments)), remarks=(), ended="stopped", damage="")
    again = [step.entry.step for step in replayed(take, lambda *_: OnnxModel(PATHS[name]))]
    assert again == [moment.session.step for moment in moments]


def test_all_take_over_from_each_other_and_nothing_hangs(models: dict[str, OnnxModel]) -> None:
    order = [*models.values(), *reversed(models.values())]
    session = begin(order[0], Settings(mode=Mode.DUET, seed=4, key="Bb"), Transport(0, 0.0, 140))
    rng, events = np.random.default_rng(5), list[Placed]()
    for number, model in enumerate(order):
        session = swapped(session, model) if number else session
        for _ in range(16):
            at = session.position.transport.time_of(session.step)
            pitch = int(rng.integers(40, 96))
            notes = (Timed(at + 0.02, NoteOn(Part.YOU, pitch, 80)), Timed(at + 0.15, NoteOff(Part.YOU, pitch)))
            session, done = advance(session, Heard(notes if rng.random() < 0.5 else ()), model)
            events += done.events
    sounding: set[tuple[Part, int]] = set()
    for placed in (*events, *finish(replace(session)).events):
        if isinstance(placed.event, NoteOn):
            assert (placed.event.part, placed.event.pitch) not in sounding
            sounding.add((placed.event.part, placed.event.pitch))
        elif isinstance(placed.event, NoteOff):
            sounding.discard((placed.event.part, placed.event.pitch))
    assert not sounding
    assert session.health.faults == 0
