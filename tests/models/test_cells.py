"""The encoding of a line: what goes in, what choices are asked for, and what cell they make."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.contract import Tensors
from improv.models.encodings import ENCODINGS, Decoder, Steer, StepInput
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD, Cells, chord_notes
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.rhythm import NUMBERS, RHYTHMS, Rhythm, cell_of
from improv.music.theory import QUALITIES, Chord, Form

CELLS = Cells()
FORM = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7")
LOW, COUNT = CELLS.pitch_low, CELLS.pitch_count
C, E, G = 60, 64, 67
NOTHING = StepInput(Frame(SILENCE, None))


def on(tensor: Tensors, name: str) -> list[int]:
    """The units that are on."""
    return [int(unit) for unit in np.flatnonzero(tensor[name])]


def chosen(decoder: Decoder, *units: int) -> tuple[list[str], Cell]:
    """The heads that are asked, and the cell, if these units are drawn."""
    heads = [next(decoder).head]
    for unit in units:
        try:
            heads.append(decoder.send(unit).head)
        except StopIteration as done:
            return heads, done.value
    raise AssertionError("it asks for more")


def test_what_was_played_is_told_by_its_rhythm_its_pitches_and_the_end_of_its_line() -> None:
    cell = cell_of(Rhythm((0, 2, 4)), (C, E, G), None)
    tensors = CELLS.encode(StepInput(Frame(cell, Chord.parse("C7"))))
    assert on(tensors, "rhythm") == [NUMBERS[Rhythm((0, 2, 4))]]
    assert on(tensors, "onsets") == [C - LOW, E - LOW, G - LOW]
    assert on(tensors, "line") == [G - LOW, COUNT + E - LOW]
    assert not any(on(tensors, name) for name in ("chosen_rhythm", "chosen_line", "chosen_tick"))


def test_every_tensor_has_its_shape() -> None:
    tensors = CELLS.encode(StepInput(Frame(SILENCE, None)))
    assert {name: tensor.shape for name, tensor in tensors.items()} == CELLS.features
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_the_chords_that_come_and_the_place_are_those_of_the_step_that_is_decided() -> None:
    place = 82  # in the eleventh bar, a beat before the A7 half-way through it
    ahead = tuple(FORM.chord_at(place + after) for after in range(1, CELLS.lookahead_steps + 1))
    tensors = CELLS.encode(StepInput(Frame(SILENCE, FORM.chord_at(place)), place, ahead, FORM.steps, improv_plays=True))
    assert np.array_equal(tensors["chord"], chord_notes(Chord.parse("C7")))
    assert np.array_equal(tensors["chord_ahead"], chord_notes(FORM.chord_at(place + 3)))
    assert np.array_equal(tensors["newest_chord"], chord_notes(FORM.chord_at(place + CELLS.lookahead_steps)))
    assert on(tensors, "place") == [3, 8 + 10]
    assert on(CELLS.encode(StepInput(Frame(SILENCE, None), place)), "place") == [3]
    assert tensors["who"].tolist() == [[0, 1]]


@pytest.mark.parametrize("pitch", [0, 20, 30, 31, 60, 102, 103, 127])
def test_what_lies_outside_the_range_is_heard_in_another_octave(pitch: int) -> None:
    tensors = CELLS.encode(StepInput(Frame(Cell(onsets=(Onset(pitch),)), None)))
    (unit,) = on(tensors, "onsets")
    assert (LOW + unit - pitch) % 12 == 0
    assert LOW + unit == pitch or not LOW <= pitch < LOW + COUNT


@given(st.sampled_from(RHYTHMS), st.lists(st.integers(0, COUNT - 1), min_size=6, max_size=6), st.integers(36, 90))
def test_a_cell_takes_a_rhythm_and_a_pitch_for_each_onset(rhythm: Rhythm, units: list[int], before: int) -> None:
    units = units[: len(rhythm.ticks)]
    heads, cell = chosen(
        CELLS.decode_cell(Steer(), None, Cell(onsets=(Onset(before),)), NOTHING), NUMBERS[rhythm], *units
    )
    assert heads == [RHYTHM_HEAD, *[PITCH_HEAD] * len(units)]
    assert cell == cell_of(rhythm, tuple(LOW + unit for unit in units), before)


def test_each_pitch_knows_those_before_it_and_where_it_begins() -> None:
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, NOTHING)
    assert not next(decoder).features
    first = decoder.send(NUMBERS[Rhythm((1, 3, 5))])
    second, third = decoder.send(10), decoder.send(20)
    assert [on(choice.features, "chosen_tick") for choice in (first, second, third)] == [[1], [3], [5]]
    assert [on(choice.features, "chosen_line") for choice in (first, second, third)] == [[], [10], [20, COUNT + 10]]
    assert all(on(choice.features, "chosen_rhythm") == [NUMBERS[Rhythm((1, 3, 5))]] for choice in (first, second))
    assert first.pitches == CELLS.melody_pitches()


def test_an_answer_is_no_echo() -> None:
    asked = cell_of(Rhythm((0, 3)), (C, E), None)
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, replace(NOTHING, call_cell=asked))
    next(decoder)
    same, between = decoder.send(NUMBERS[Rhythm((0, 2))]), decoder.send(0)
    assert np.flatnonzero(same.bias).tolist() == [C - LOW]
    assert same.bias[C - LOW] < 0
    assert not between.bias.any()  # the call has no onset there
    assert on(between.features, "chosen_asked") == [C - LOW]


def test_a_rhythm_is_drawn_freely_enough_not_to_rest_for_ever() -> None:
    first = next(CELLS.decode_cell(Steer(), None, SILENCE, NOTHING))
    assert (first.least_temperature, first.least_top_p) == (1, 1)
    decoder = CELLS.decode_cell(Steer(), None, SILENCE, NOTHING)
    next(decoder)
    pitch = decoder.send(NUMBERS[Rhythm((0,))])
    assert (pitch.least_temperature, pitch.least_top_p) == (0, 0)


def test_nothing_is_held_where_nothing_sounds() -> None:
    silent, sounding = CELLS.rhythm_choice(Steer(), False).bias, CELLS.rhythm_choice(Steer(), True).bias
    assert [rhythm for rhythm, bias in zip(RHYTHMS, silent, strict=True) if np.isinf(bias)] == [
        rhythm for rhythm in RHYTHMS if rhythm.held
    ]
    assert not np.isinf(sounding).any()


def test_a_denser_line_is_likelier_to_begin_more_notes() -> None:
    means = []
    for density in (-1.0, -0.5, 0.0, 0.5, 1.0):
        weights = np.exp(CELLS.rhythm_choice(Steer(density=density), True).bias)
        means.append(weights @ [len(rhythm.ticks) for rhythm in RHYTHMS] / weights.sum())
    assert means == sorted(means)
    assert len(set(means)) == len(means)


def test_with_more_breath_phrases_and_rests_are_longer() -> None:
    phrases, rests = list[float](), list[float]()
    for breath in (0.0, 0.5, 1.0, 2.0):
        for lengths, sounds in ((phrases, True), (rests, False)):
            weights = np.exp(CELLS.rhythm_choice(Steer(breath=breath), sounds).bias)
            silent = weights[NUMBERS[Rhythm()]] / weights.sum()
            lengths.append(1 / silent if sounds else 1 / (1 - silent))
            others = np.delete(weights, NUMBERS[Rhythm()])
            assert np.all((others == 0) | (others == 1))
    for lengths in (phrases, rests):
        assert lengths == sorted(set(lengths))


def test_a_line_that_tends_to_rest_is_silent_more_often_and_for_longer() -> None:
    shares, lengths = [], []
    for rests in (-1.0, -0.5, 0.0, 0.5, 1.0):
        silent = []
        for sounds in (False, True):
            weights = np.exp(CELLS.rhythm_choice(Steer(rests=rests), sounds).bias)
            silent.append(weights[NUMBERS[Rhythm()]] / weights.sum())
            others = np.delete(weights, NUMBERS[Rhythm()])
            assert np.all((others == 0) | (others == 1))  # among what sounds nothing is preferred
        after_rest, after_note = silent
        shares.append(after_note / (1 - after_rest + after_note))
        lengths.append(1 / (1 - after_rest))
    assert shares == sorted(shares)
    assert lengths == sorted(lengths)
    assert shares[0] < shares[2] / 1.8
    assert shares[4] > 1.8 * shares[2]


def test_a_phrase_has_no_onset_in_its_last_step() -> None:
    bias = CELLS.rhythm_choice(Steer(steps_left=1), True).bias
    assert [rhythm.ticks for rhythm, nats in zip(RHYTHMS, bias, strict=True) if not np.isinf(nats)] == [()] * 3


@pytest.mark.parametrize("sounding", [None, 60, 61])
def test_a_phrase_ends_with_a_tone_of_the_chord(sounding: int | None) -> None:
    before = SILENCE if sounding is None else Cell((Onset(sounding),))
    for steps_left, ends in ((3, False), (2, True), (None, False)):
        decoder = CELLS.decode_cell(Steer(steps_left=steps_left), Chord.parse("C7"), before, NOTHING)
        may = np.isfinite(next(decoder).bias)
        assert may[NUMBERS[Rhythm()]] == (not ends or sounding != 61)  # Db is no tone of it, and would be the last
        assert may[NUMBERS[Rhythm(held=True)]] == (sounding == 60 or (sounding == 61 and not ends))
        first = decoder.send(NUMBERS[Rhythm((0, 3))])
        assert np.isfinite(first.bias).all()
        last = np.isfinite(decoder.send(CELLS.unit(61)).bias)
        inside = [pitch % 12 in (0, 4, 7, 10) for pitch in CELLS.melody_pitches()]
        assert last.tolist() == [not ends or tone for tone in inside]


def test_leaning_on_the_chord_leaves_its_tones() -> None:
    inside = {pitch for pitch in CELLS.melody_pitches() if pitch % 12 in Chord.parse("G7").pitch_classes}
    half, full = (CELLS.pitch_bias(Steer(leaning=leaning), Chord.parse("G7")) for leaning in (0.5, 1.0))
    assert {LOW + int(unit) for unit in np.flatnonzero(full == 0)} == inside
    assert np.isinf(full[full != 0]).all()
    assert set(half.tolist()) == {0.0, -2.0}


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_chord_of_every_kind_comes_back(quality: str) -> None:
    for root in range(12):
        chord = Chord(root, QUALITIES[quality])
        assert CELLS.chord(CELLS.chord_units(chord), FORM) == chord
        assert Chord.parse(chord.symbol) == chord
    assert CELLS.chord(CELLS.chord_units(None), FORM) is None


def test_every_encoding_has_a_fingerprint_of_its_own() -> None:
    assert CELLS.fingerprint == Cells().fingerprint
    assert len({CELLS.fingerprint, Cells(pitch_low=30).fingerprint, ENCODINGS["local_notes"].fingerprint}) == 3


def test_all_pitches_of_a_step_are_told_in_their_order_where_a_network_counts_them() -> None:
    counting = ENCODINGS["soloist_notes"]
    cell = cell_of(Rhythm((0, 2, 3, 4)), (E, C, E, G), None)
    tensors = counting.encode(StepInput(Frame(cell, None)))
    assert tensors["notes"].tolist() == [[E - LOW + 1, C - LOW + 1, E - LOW + 1, G - LOW + 1, 0, 0]]
    decoder = counting.decode_cell(Steer(), None, SILENCE, NOTHING)
    told = [next(decoder), *(decoder.send(unit) for unit in (NUMBERS[Rhythm((0, 2, 3, 4))], E - LOW, C - LOW, E - LOW))]
    chosen_notes = [choice.features["chosen_notes"][0].tolist() for choice in told[1:]]
    assert [[round(unit) for unit in units if unit] for units in chosen_notes] == [
        [],
        [E - LOW + 1],
        [E - LOW + 1, C - LOW + 1],
        [E - LOW + 1, C - LOW + 1, E - LOW + 1],
    ]
    assert {name: tensor.shape for name, tensor in tensors.items()} == counting.features
    assert counting.fingerprint != ENCODINGS["soloist"].fingerprint
    assert counting.features.keys() - ENCODINGS["soloist"].features.keys() == {
        "notes",
        "chosen_notes",
        "motifs",
    }
    assert (counting.unsupported_controls, ENCODINGS["soloist"].unsupported_controls) == ((), ("motifs",))
