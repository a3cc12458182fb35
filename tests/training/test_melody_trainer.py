"""An improviser of lines: it learns from what it is fed, its step is a step of the sequence, a stopped run goes on."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from improv.models.encodings import Cells, Steer
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD
from improv.music.rhythm import RHYTHMS
from improv.music.theory import Chord, Form
from training.corpora.solos import Note, Solo
from training.datasets.sequences import (
    FEATURES,
    FORM_STEPS,
    NUMBER,
    STEP,
    TICK,
    UNIT,
    Sequence,
    in_c,
    sequence,
    sequences,
    step_inputs,
)
from training.networks.melody_lstm import Lines
from training.trainers.melody import Recipe, batch_of, cut, learn, nats, rate_at, surprise

CELLS = Cells()
FORM = Form.parse("G7 | C7 | G7 | G7 | C7 | C7 | G7 | E7 | Am7 | D7 | G7 E7 | Am7 D7")
RECIPE = Recipe(hidden=8, updates=6, batch=2, steps=24, check_every=2, patience=9)


def solo(seed: int, bars: int = 14, tonic: int | None = 7, blues: bool = True) -> Solo:
    """A chorus of blues in G after a bar of pickup, and a bar after it; its notes by chance."""
    rng = np.random.default_rng(seed)
    onsets = sorted({int(tick) for tick in rng.choice(bars * 48, 60, replace=False)})
    ends = [min(end, start + int(rng.integers(1, 20))) for start, end in pairwise((*onsets, bars * 48))]
    pitches = rng.integers(45, 90, len(onsets))
    notes = tuple(Note(start, end, int(pitch)) for start, end, pitch in zip(onsets, ends, pitches, strict=True))
    chords = [FORM.chord_at(step) for step in range(-8, bars * 8 - 8, 2)]
    return Solo(
        name=f"solo {seed}", title="a tune", composer="", performer="", tonic=tonic, mode="maj", is_blues=blues,
        feel="SWING", tempo_bpm=160, notes=notes, chords=tuple(chords), choruses=(1,),
    )  # fmt: skip


SOLOS = {"training": sequences([solo(1), solo(2, blues=False)]), "validation": sequences([solo(3)])}


def test_a_solo_is_fed_in_c() -> None:
    line = in_c(solo(1))
    assert [frame.chord for frame in line[8:]][:4] == [Chord.parse("C7")] * 4
    pitches = [onset.pitch for frame in line for onset in frame.melody.onsets]
    assert pitches == [note.pitch + 5 for note in solo(1).notes]  # up to C: the shorter way from G
    with pytest.raises(ValueError, match="solo 1 has no key"):
        in_c(solo(1, tonic=None))
    assert sequences([solo(1, tonic=None)]) == []


def test_the_place_in_the_form_is_told_where_a_chorus_is_and_of_the_step_that_is_decided() -> None:
    told = step_inputs(solo(1))
    places = [CELLS.encode(each)["place"][0] for each in told]
    bars = [int(np.argmax(place[8:])) if place[8:].any() else None for place in places]
    assert bars[:8] == [None] * 7 + [0]
    assert bars[7:-9] == [bar for bar in range(12) for _ in range(8)]
    assert bars[-9:] == [None] * 9
    assert [int(np.argmax(place[:8])) for place in places] == [(step + 1) % 8 for step in range(len(places))]
    assert sum(each.form_steps == FORM_STEPS for each in told) == FORM_STEPS


def test_what_a_network_learns_from_is_what_the_runtime_feeds() -> None:
    made, told = sequence(solo(1)), step_inputs(solo(1))
    assert made.steps == len(told) == solo(1).steps
    for step, each in enumerate(told):
        encoded = CELLS.encode(each)
        assert all(np.array_equal(made.features[name][step], encoded[name][0]) for name in FEATURES)


def test_the_choices_are_those_of_the_soloist() -> None:
    made = sequence(solo(1))
    of_notes = [note.pitch + 5 - CELLS.pitch_low for note in solo(1).notes]
    assert made.notes[:, UNIT].tolist() == of_notes
    assert (made.notes[:, STEP] * 6 + made.notes[:, TICK]).tolist() == [note.onset for note in solo(1).notes]
    for step, rhythm in enumerate(made.rhythms):
        notes = made.notes[made.notes[:, STEP] == step]
        assert tuple(notes[:, TICK]) == RHYTHMS[rhythm].ticks
        assert notes[:, NUMBER].tolist() == list(range(len(notes)))


@pytest.mark.parametrize("up", [-5, -1, 0, 6])
def test_a_cut_that_is_moved_is_the_cut_of_a_solo_in_another_key(up: int) -> None:
    moved = solo(1)
    moved = replace(
        moved,
        notes=tuple(replace(note, pitch=note.pitch + up) for note in moved.notes),
        chords=tuple(chord and chord.transposed(up) for chord in moved.chords),
    )
    features, rhythms, notes = cut(sequence(solo(1)), 10, 40, up)
    wanted_features, wanted_rhythms, wanted_notes = cut(sequence(moved), 10, 40, 0)
    assert np.array_equal(rhythms, wanted_rhythms)
    assert np.array_equal(notes, wanted_notes)
    assert all(np.array_equal(features[name], wanted_features[name]) for name in FEATURES)


@pytest.mark.parametrize(("pitch", "up"), [(CELLS.pitch_low + 70, 4), (CELLS.pitch_low + 1, -4)])
def test_what_is_moved_out_of_the_range_stays_at_its_edge(pitch: int, up: int) -> None:
    edge = CELLS.pitch_count - 1 if up > 0 else 0
    told = replace(solo(1, tonic=0), notes=(Note(0, 6, 60), Note(6, 12, pitch), Note(12, 18, 62)))
    features, _, notes = cut(sequence(told), 0, 8, up)
    assert notes[:, UNIT].tolist() == [60 + up - CELLS.pitch_low, edge, 62 + up - CELLS.pitch_low]
    assert [np.flatnonzero(units).tolist() for units in features["onsets"][:3]] == [[unit] for unit in notes[:, UNIT]]


@torch.no_grad()
def test_one_step_after_another_is_the_sequence() -> None:
    """Train and serve agree: every logit of a choice that the soloist made, from the step and from the sequence."""
    torch.manual_seed(0)
    network, made = Lines(16, 0.5).eval(), sequence(solo(1))
    batch = batch_of([(made, 0, made.steps, 0)])
    of_rhythm, of_pitch, _ = nats(network, batch)
    state = [torch.zeros(1, width) for width in network.STATE.values()]
    surprises: list[float] = []
    notes: list[float] = []
    for each in step_inputs(solo(1))[:-1]:
        tensors = {name: torch.from_numpy(tensor) for name, tensor in CELLS.encode(each).items()}
        decoder = CELLS.decode_cell(Steer(), None, each.frame.melody, each.call_cell)
        choice = next(decoder)
        wanted = [made.rhythms[len(surprises) + 1], *made.notes[made.notes[:, STEP] == len(surprises) + 1][:, UNIT]]
        for number, unit in enumerate(wanted):
            told = tensors | {name: torch.from_numpy(tensor) for name, tensor in choice.features.items()}
            outputs = network(*(told[name] for name in network.FEATURES), *state)
            heads = dict(zip(network.HEADS, outputs, strict=False))
            if number == 0:  # the memory moves once; what is asked after that is asked of where it is
                state = list(outputs[len(network.HEADS) :])
            (surprises if choice.head == RHYTHM_HEAD else notes).append(
                float(-heads[choice.head].log_softmax(-1)[0, unit])
            )
            assert choice.head == (PITCH_HEAD if number else RHYTHM_HEAD)
            if number + 1 < len(wanted):
                choice = decoder.send(int(unit))
    assert surprises == pytest.approx(of_rhythm[:, 0].tolist(), abs=1e-4)
    assert notes == pytest.approx(of_pitch.tolist(), abs=1e-4)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: float, how: str) -> None:
        if "validation" in how and done > 0.6:
            raise Stopped

    whole, _ = learn(RECIPE, SOLOS, tmp_path / "whole", lambda done, how: None)
    with pytest.raises(Stopped):
        learn(RECIPE, SOLOS, tmp_path / "stopped", stop)
    begun: list[float] = []
    resumed, log = learn(RECIPE, SOLOS, tmp_path / "stopped", lambda done, how: begun.append(done))
    assert min(begun) > 0.6
    assert [check["update"] for check in log.checks] == [2, 4, 6]
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_the_rate_goes_up_and_down_twice() -> None:
    recipe = Recipe(rate=2.0, updates=3_000, cycle=2_000)
    rates = [rate_at(recipe, update) for update in range(1, 3_001)]
    assert max(rates[:2_000]) == pytest.approx(rates[199]) == pytest.approx(1.95, abs=0.01)
    assert rates[1_999] == pytest.approx(0) == rates[-1]
    assert 0.8 < max(rates[2_000:]) < 1
    once = replace(recipe, updates=1_000)
    assert rate_at(once, 1_000) == pytest.approx(0) != rate_at(once, 500)


@pytest.mark.parametrize(
    ("recipe", "solos"),
    [
        (replace(RECIPE, seed=2), SOLOS),
        (RECIPE, SOLOS | {"training": sequences([solo(1), solo(4, blues=False)])}),
        (RECIPE, SOLOS | {"answers": sequences([solo(5)])}),
    ],
)
def test_a_checkpoint_of_another_recipe_or_of_other_solos_is_not_gone_on_from(
    recipe: Recipe, solos: dict[str, list[Sequence]], tmp_path: Path
) -> None:
    told: list[str] = []

    def learned(recipe: Recipe, solos: dict[str, list[Sequence]], file: str) -> dict[str, torch.Tensor]:
        return learn(recipe, solos, tmp_path / file, lambda done, how: told.append(how))[0].state_dict()

    learned(RECIPE, SOLOS, "kept")
    found, wanted = (learned(recipe, solos, file) for file in ("kept", "new"))
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert not any("before" in how for how in told)
    learned(recipe, solos, "new")
    assert told[-1] == f"{tmp_path / 'new'} has learned 6 updates before"


def test_it_stops_when_it_no_longer_learns_and_leaves_with_its_best(tmp_path: Path) -> None:
    recipe = replace(RECIPE, updates=60, check_every=1, patience=1, rate=0.5, averaged_over=1)
    network, log = learn(recipe, SOLOS, tmp_path / "kept", lambda done, how: None)
    found = [check["step"] for check in log.checks]
    assert len(found) < 60
    assert surprise(network, SOLOS["validation"])["step"] == pytest.approx(min(found))


def test_what_is_learned_by_heart_is_no_surprise(tmp_path: Path) -> None:
    one: dict[str, list[Sequence]] = {"training": SOLOS["validation"], "validation": SOLOS["validation"]}
    recipe = replace(RECIPE, hidden=32, updates=60, check_every=60, dropout=0.0, transposed=0.0, steps=112, rate=0.02)
    before = surprise(Lines(32, 0.0), one["validation"])
    after = surprise(learn(recipe, one, tmp_path / "kept", lambda done, how: None)[0], one["validation"])
    assert after["step"] < before["step"] / 2
