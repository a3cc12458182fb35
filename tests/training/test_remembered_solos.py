"""A memory of the solo beside the melody network: what it counts, that training and serving agree, and its powers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD
from tests.training.serving import CELLS, surprises
from tests.training.solos import solo
from training.corpora.solos import Note, Solo
from training.datasets.sequences import sequence, sequences
from training.networks.melody_lstm import PITCHES, RHYTHMS, MelodyLstm
from training.networks.solo_memory import ORDERS, REMEMBERED, SoloMemory, bent, no_powers, notes_after, pitch_evidence
from training.trainers.solo_memory import evidence_of, fit


def made(seed: int = 0) -> SoloMemory:
    """A network that has learned nothing, with a memory."""
    torch.manual_seed(seed)
    return SoloMemory(MelodyLstm(8, 0.0)).eval()


def busy() -> Solo:
    """A solo in which a figure of four notes a step comes back every bar."""
    notes = [
        Note(48 * bar + 2 * at, 48 * bar + 2 * at + 2, 60 + (0, 3, 5, 3, 7, 3, 5, 0)[at])
        for bar in range(14)
        for at in range(8)
    ]
    return replace(solo(1), notes=tuple(notes))


def remembered(*pitches: int) -> torch.Tensor:
    """Notes as they are kept."""
    notes = torch.zeros(1, REMEMBERED)
    notes[0, REMEMBERED - len(pitches) :] = torch.tensor(pitches, dtype=torch.float32)
    return notes


def test_a_pitch_is_likelier_that_followed_the_same_pitches_and_an_interval_the_same_intervals() -> None:
    logits = torch.zeros(1, PITCHES)
    of_pitches, of_intervals = pitch_evidence(logits, remembered(10, 12, 15, 30, 32))[0].view(2, len(ORDERS), PITCHES)
    assert of_pitches[0].gt(1).nonzero().ravel().tolist() == [9, 11, 14, 29, 31]  # has been there at all
    assert of_pitches[1:].allclose(of_pitches[0], atol=1e-4)  # nothing followed a 32 yet
    assert int(of_intervals[1].argmax()) == 32 + 3 - 1  # as 12 was followed by 15, after the same step up
    assert of_intervals[1].max() > of_intervals[0].max()
    again = pitch_evidence(logits, remembered(10, 12, 15, 30, 10, 12))[0].view(2, len(ORDERS), PITCHES)[0]
    assert int(again[1].argmax()) == int(again[2].argmax()) == 15 - 1
    assert again[2, 14] > again[1, 14] > 1


def test_what_has_not_been_counted_says_what_the_network_says() -> None:
    logits = torch.randn(1, PITCHES)
    assert pitch_evidence(logits, torch.zeros(1, REMEMBERED)).abs().max() < 1e-3
    assert bent(logits, torch.randn(1, 12, PITCHES), no_powers(2)).allclose(logits.log_softmax(-1), atol=1e-5)


def test_the_latest_notes_are_kept_in_their_order() -> None:
    notes = notes_after(remembered(3, 4), torch.tensor([[5.0, 6.0, 7.0, 0.0, 0.0, 0.0]]))
    assert notes[0, -6:].tolist() == [0, 3, 4, 5, 6, 7]
    assert torch.equal(notes_after(notes, torch.zeros(1, 6)), notes)


@torch.no_grad()
@pytest.mark.parametrize("played", [solo(1), busy()], ids=["by chance", "four notes a step"])
def test_one_step_after_another_says_what_it_was_fitted_by(played: Solo) -> None:
    """Train and serve agree: every choice of a soloist, from the step and from the whole solo."""
    memory = made()
    memory.pitch_powers.data = torch.rand(len(memory.pitch_powers))
    memory.rhythm_powers.data = torch.rand(len(memory.rhythm_powers))
    fitted = evidence_of(memory, sequence(played))
    found = surprises(memory, played)
    assert found[RHYTHM_HEAD] == pytest.approx(fitted["rhythm"].nats(memory.rhythm_powers).tolist(), abs=1e-3)
    assert found[PITCH_HEAD] == pytest.approx(fitted["note"].nats(memory.pitch_powers).tolist(), abs=1e-3)


@torch.no_grad()
def test_an_answer_to_a_call_and_a_line_without_motifs_are_the_network_s_own() -> None:
    memory = made()
    state = [torch.rand(1, width) for width in memory.STATE.values()]
    of_notes = list(memory.STATE).index("recent_notes")
    state[of_notes] = remembered(*range(1, 60))
    fed = {name: torch.zeros(CELLS.features[name]) for name in memory.FEATURES}
    fed["motifs"][:] = 0.5
    fed["rhythm"][0, 3] = fed["line"][0, 20] = fed["chosen_rhythm"][0, 3] = 1

    def says(powers: float) -> list[torch.Tensor]:
        memory.pitch_powers.data[:-1] = memory.rhythm_powers.data[:-1] = powers
        return [each.log_softmax(-1) for each in memory(*fed.values(), *state)[: len(memory.HEADS)]]

    assert not any(one.allclose(other) for one, other in zip(says(0.0), says(0.3), strict=True))
    fed["asked_rhythm"][0, 0] = 1  # a call, which rests here
    assert all(torch.equal(one, other) for one, other in zip(says(0.0), says(0.3), strict=True))
    fed["asked_rhythm"][:] = fed["motifs"][:] = 0
    assert all(torch.equal(one, other) for one, other in zip(says(0.0), says(0.3), strict=True))


def test_powers_are_fitted_where_solos_repeat_themselves_and_judged_by_solos_that_they_were_not_fitted_to() -> None:
    memory = made()
    solos = sequences([busy()] * 4)
    before = {what: each.nats(no_powers(kinds)) for (what, each), kinds in
              zip(evidence_of(memory, solos[0]).items(), (3, 2), strict=True)}  # fmt: skip
    found = fit(memory, solos)
    assert found["note"] < 0.3 * float(before["note"].mean())
    assert found["rhythm"] < 0.3 * float(before["rhythm"].mean())
    notes = len(before["note"]) / len(before["rhythm"])
    assert found["step"] == pytest.approx(found["rhythm"] + notes * found["note"], rel=1e-5)
    assert memory.pitch_powers[:-1].abs().max() > 0.1
    by_chance = fit(made(), sequences([solo(number) for number in range(4)]))
    assert by_chance["note"] < np.log(PITCHES) + 0.1
    assert by_chance["rhythm"] < np.log(RHYTHMS)
