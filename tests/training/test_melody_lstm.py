"""The melody network: its step is a step of the sequence, and it learns what it is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD
from tests.training.serving import surprises
from tests.training.solos import solo
from training.datasets.cuts import Cut, Mix, batch_of
from training.datasets.sequences import sequence, sequences
from training.networks.melody_lstm import MelodyLstm
from training.trainers.melody_lstm import CONFIG, MelodyTask, nats, surprise
from training.trainers.train import train


@torch.no_grad()
def test_one_step_after_another_is_the_sequence() -> None:
    """Train and serve agree: every logit of a choice that the soloist made, from the step and from the sequence."""
    torch.manual_seed(0)
    network, made = MelodyLstm(16, 0.5).eval(), sequence(solo(1))
    batch = batch_of([Cut(made, 0, made.steps)])
    of_rhythm, of_pitch, _ = nats(network, batch)
    found = surprises(network, solo(1))
    assert found[RHYTHM_HEAD] == pytest.approx(of_rhythm[:, 0].tolist(), abs=1e-4)
    assert found[PITCH_HEAD] == pytest.approx(of_pitch.tolist(), abs=1e-4)


def test_what_is_learned_by_heart_is_no_surprise() -> None:
    solos = sequences([solo(3)])
    task = MelodyTask(solos, solos, mix=Mix(transposed=0.0), hidden=32, dropout=0.0)
    config = replace(CONFIG, updates=60, batch=2, check_every=60, steps=112, rate=0.02)
    before = surprise(MelodyLstm(32, 0.0), solos)
    after = surprise(train(config, task)[0], solos)
    assert after["step"] < before["step"] / 2


def test_an_answer_is_drawn_as_often_as_the_mix_says_and_no_other_is_begun_in_silence() -> None:
    solos, answers = sequences([solo(1), solo(2)]), sequences([solo(3)])
    task = MelodyTask(solos, solos, answers, Mix(transposed=0.0, answers=1.0, silence=0.0), hidden=8)
    batch = task.batch(replace(CONFIG, batch=3, steps=8), np.random.default_rng(0))
    (made,) = answers
    starts = [made.rhythms[start : start + 8].tolist() for start in range(made.steps - 7)]
    assert all(batch.rhythms[:, which].tolist() in starts for which in range(3))
    assert batch.counts.all()
