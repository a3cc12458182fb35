"""Lines of their own pace over the changes of another network: what they hear, what they choose, what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from improv.errors import ContractError
from improv.models.contract import Tensors, no_memory
from improv.models.encodings import Choice, Decoder, Events, Notes, Piano, Roll, Steer, StepInput
from improv.models.encodings.rolls import ENDS, LOWEST, OVER, frames_in, sounding_frames, starts_of, unit_of
from improv.models.encodings.symbols import Units, pitches_of, symbol_of
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import SILENCE, Cell, Frame, Onset, Release
from improv.music.theory import Chord
from tests.models.line_models import SYMBOLS, encoding, line_model, loaded
from tests.models.onnx_models import describe, saved, walker

C7 = Chord.parse("C7")
NOTES, EVENTS = Notes(SYMBOLS["notes"]), Events(SYMBOLS["events"])


def heard(cell: Cell = SILENCE, **more: Any) -> StepInput:
    """An input in which a cell sounds, in a performance that has begun."""
    return StepInput(Frame(cell, C7), steps_played=1, **more)


def units(moves: tuple[Tensors, ...], feature: str) -> list[list[int]]:
    """The units that are on in each move."""
    return [np.flatnonzero(move[feature]).tolist() for move in moves]


def decided(decoder: Decoder, *drawn: int) -> tuple[list[Choice], Cell]:
    """The choices that are asked for, and the cell, if these units are drawn."""
    choices = [next(decoder)]
    for unit in drawn:
        try:
            choices.append(decoder.send(unit))
        except StopIteration as done:
            return choices, done.value
    raise AssertionError("it asks for more")


# --- symbols --------------------------------------------------------------------------------------


def test_symbols_are_notes_chords_and_words() -> None:
    assert [pitches_of(symbol) for symbol in ("60", "60.64.67", "_", "r", "/")] == [(60,), (60, 64, 67), (), (), ()]
    assert symbol_of([67, 60, 64]) == "60.64.67"
    for wrong in ("", "x", "64.60", "60.60", "128", "-1", "060"):
        with pytest.raises(ValueError):  # noqa: PT011 each says what it is
            pitches_of(wrong)


def test_what_no_unit_stands_for_is_its_pitch_class_or_the_nearest() -> None:
    known = Units([(60,), (62,), (71,), (60, 64, 67)])
    played = [(60,), (72,), (50,), (66,), (64, 60, 67), (60, 64), (127,)]
    assert [known.pitches[known.unit(each)] for each in played] == [
        (60,), (60,), (62,), (62,), (60, 64, 67), (62,), (71,),
    ]  # fmt: skip


def test_notes_outside_the_scale_are_less_likely_and_a_chord_can_be_leaned_on() -> None:
    known = Units([(60,), (61,), (63,), (62,), (60, 61, 64), ()])
    assert known.over(C7, 0).tolist() == [0, -2, 0, 0, -2, 0]  # Eb is of the blues scale
    assert np.isneginf(known.over(C7, 1)).tolist() == [False, True, True, True, True, False]
    assert known.over(C7, 0.5).tolist() == [0, -4, -2, -2, -4, 0]
    assert known.over(None, 1).tolist() == [0] * 6


def test_where_no_note_is_of_the_chord_all_may_be_played() -> None:
    known = Units([(61,), (63,), ()])
    assert np.isfinite(known.over(C7, 1)).all()
    few = Notes(("61", "63"))
    for steer in (Steer(leaning=1), Steer(steps_left=2)):
        assert np.isfinite(next(few.decode(steer, C7, SILENCE, heard())).bias).any()
    events = Events(("61", "63", "_", "r"))
    choices, _ = decided(events.decode(Steer(leaning=1, strikes=True), C7, SILENCE, heard()), 2, 0)
    assert np.isfinite(choices[-1].bias).any()


# --- notes ----------------------------------------------------------------------------------------


def test_a_line_of_notes_moves_once_for_each_note_or_chord() -> None:
    cell = Cell((Onset(60, 3), Onset(64, 0), Onset(60, 0), Onset(67, 0)))
    assert units(NOTES.moves(heard(cell)), "note") == [[25], [5]]
    assert NOTES.moves(heard(Cell(held=(60,)))) == ()


def test_it_takes_the_rhythm_of_its_call_and_hears_its_own_notes_on_the_way() -> None:
    call = Cell((Onset(60, 0), Onset(62, 2)), releases=(Release(60, 2), Release(62, 3)))
    choices, cell = decided(NOTES.decode(Steer(), C7, SILENCE, heard(call_cell=call)), 5, 25)
    assert cell == Cell(
        (Onset(60, 0), Onset(60, 2), Onset(64, 2), Onset(67, 2)),
        releases=(Release(60, 2), Release(60, 3), Release(64, 3), Release(67, 3)),
    )
    assert [units(choice.moves, "note") for choice in choices] == [[], [[5]]]


@pytest.mark.parametrize(
    ("steer", "place", "before", "onsets", "held"),
    [
        pytest.param(Steer(), 0, SILENCE, [0], (), id="alone it begins eighths"),
        pytest.param(Steer(density=1), 0, SILENCE, [0, 3], (), id="or sixteenths"),
        pytest.param(Steer(density=-1), 0, Cell((Onset(60),)), [], (60,), id="or quarters: this is off the beat"),
        pytest.param(Steer(density=-1), 1, Cell((Onset(60),)), [0], (), id="and this is on it"),
        pytest.param(Steer(steps_left=1), 0, Cell((Onset(60),)), [], (60,), id="a phrase ends on what sounds"),
    ],
)
def test_its_own_rhythm_is_even(
    steer: Steer, place: int, before: Cell, onsets: list[int], held: tuple[int, ...]
) -> None:
    decoder = NOTES.decode(steer, C7, before, heard(place=place))
    cell = Cell()
    try:
        next(decoder)
        while True:
            decoder.send(5)
    except StopIteration as done:
        cell = done.value
    assert ([onset.tick for onset in cell.onsets], cell.held) == (onsets, held)


# --- events ---------------------------------------------------------------------------------------

HOLD, REST, END = 25, 26, 27


@pytest.mark.parametrize(
    ("cell", "previous", "told"),
    [
        pytest.param(Cell((Onset(60),)), None, [5, HOLD], id="a note lasts"),
        pytest.param(Cell((Onset(60),), releases=(Release(60, 3),)), None, [5, REST], id="or ends half-way"),
        pytest.param(Cell((Onset(60, 1), Onset(62, 4))), SILENCE, [5, 7], id="each begins in its sixteenth"),
        pytest.param(Cell((Onset(60), Onset(67))), None, [12, HOLD], id="the highest is heard"),
        pytest.param(Cell(held=(60,)), Cell((Onset(60),)), [HOLD, HOLD], id="what is held goes on"),
        pytest.param(SILENCE, Cell((Onset(60),)), [REST, HOLD], id="a rest begins"),
        pytest.param(SILENCE, SILENCE, [HOLD, HOLD], id="and goes on"),
        pytest.param(
            Cell(held=(60,), releases=(Release(60, 2),)), Cell((Onset(60),)), [HOLD, REST], id="until it ends"
        ),
    ],
)
def test_a_line_of_events_hears_sixteenths(cell: Cell, previous: Cell | None, told: list[int]) -> None:
    assert list(EVENTS.heard(cell, previous)) == told
    moves = EVENTS.moves(heard(cell, previous=previous))
    assert units(moves, "event") == [[unit] for unit in told]


@pytest.mark.parametrize(
    ("drawn", "before", "cell"),
    [
        ((5, HOLD), SILENCE, Cell((Onset(60),))),
        ((5, 7), Cell((Onset(64),)), Cell((Onset(60), Onset(62, 3)), releases=(Release(60, 3),))),
        ((HOLD, 5), Cell((Onset(64),)), Cell((Onset(60, 3),), (64,), (Release(64, 3),))),
        ((HOLD, REST), Cell((Onset(64),)), Cell(held=(64,), releases=(Release(64, 3),))),
        ((REST, HOLD), Cell((Onset(64),)), SILENCE),
        ((HOLD, HOLD), SILENCE, SILENCE),
    ],
)
def test_events_that_are_drawn_make_a_cell_and_are_heard_alike(
    drawn: tuple[int, int], before: Cell, cell: Cell
) -> None:
    choices, found = decided(EVENTS.decode(Steer(), C7, before, heard()), *drawn)
    assert found == cell
    assert [units(choice.moves, "event") for choice in choices] == [[], [[drawn[0]]]]
    assert all(np.isneginf(choice.bias[END]) for choice in choices)
    assert EVENTS.heard(found, before) == drawn


def test_a_line_of_events_has_one_voice() -> None:
    with pytest.raises(ValueError, match="one voice"):
        Events((*SYMBOLS["events"], "60.64"))
    with pytest.raises(ValueError, match="r is none of its symbols"):
        Events(("60", "_"))
    with pytest.raises(ValueError, match="no note"):
        Notes((*SYMBOLS["notes"], "_"))


# --- rolls ----------------------------------------------------------------------------------------


@given(st.floats(30, 300), st.integers(0, 500))
def test_there_are_sixteen_frames_a_second_at_any_tempo(bpm: float, steps: int) -> None:
    frames = sum(frames_in(place, bpm) for place in range(steps))
    assert abs(frames - steps * 30 / bpm * 16) <= 1


@pytest.mark.parametrize(("frames", "starts"), [(0, ()), (1, (0,)), (4, (0, 1, 3, 4)), (8, (0, 0, 1, 2, 3, 3, 4, 5))])
def test_frames_begin_at_ticks(frames: int, starts: tuple[int, ...]) -> None:
    assert starts_of(frames) == starts


def test_what_sounds_in_each_frame_is_told() -> None:
    cell = Cell((Onset(64, 1), Onset(67, 5)), (60,), (Release(60, 3), Release(64, 4)))
    assert sounding_frames(cell, 4) == [{60}, {60, 64}, {64}, {67}]
    told = units(Roll().moves(heard(cell)), "frame")
    assert told == [[unit_of(60)], [unit_of(60), unit_of(64)], [unit_of(64)], [unit_of(67)]]


def bits(*pitches: int) -> int:
    return sum(1 << pitch - LOWEST for pitch in pitches)


def test_frames_that_are_chosen_make_a_cell() -> None:
    before = Cell((Onset(60), Onset(72)))
    drawn = bits(60), bits(60, 64), bits(64, 67), bits()
    choices, cell = decided(Roll().decode(Steer(), C7, before, heard()), *drawn)
    assert cell == Cell(
        (Onset(64, 1), Onset(67, 3)), (60,), (Release(60, 3), Release(64, 4), Release(67, 4))
    )  # fmt: skip
    assert units(choices[2].moves, "frame") == [[unit_of(60), unit_of(64)]]


@pytest.mark.parametrize(("line", "onwards"), [(Roll(), bits(40)), (Piano(), OVER)])
def test_what_another_network_left_sounding_outside_a_roll_ends(line: Roll | Piano, onwards: int) -> None:
    before = Cell((Onset(28), Onset(40), Onset(100)))
    decoder = line.decode(Steer(), C7, before, heard(before))
    _, cell = decided(decoder, *[onwards] * frames_in(1, 120.0))
    assert cell == Cell(held=(40,))


def events_of(cell: Cell, **more: Any) -> list[int]:
    return [unit for (unit,) in units(Piano().moves(heard(cell, **more)), "event")]


def test_a_piano_is_told_ends_then_beginnings_then_that_the_frame_is_over() -> None:
    cell = Cell((Onset(64, 1), Onset(60, 3)), (60,), (Release(60, 3), Release(64, 4)))
    c, e, g = unit_of(60), unit_of(64), unit_of(67)
    told = events_of(cell, previous=Cell((Onset(60), Onset(67))))
    assert told == [ENDS + g, OVER, e, OVER, ENDS + c, c, OVER, ENDS + e, OVER]
    moves = Piano().moves(heard(cell, previous=Cell((Onset(60), Onset(67)))))
    assert units(moves, "sounding")[:4] == [[c, g], [c], [c], [c, e]]


def test_a_piano_is_told_that_the_players_notes_end_before_it_answers() -> None:
    decoder = Piano().decode(Steer(), C7, SILENCE, heard(Cell((Onset(60), Onset(64)))))
    first = next(decoder)
    assert units(first.moves, "event") == [[ENDS + unit_of(60)], [ENDS + unit_of(64)]]


@given(st.data())
def test_whatever_a_piano_draws_is_heard_as_it_was_drawn(data: st.DataObject) -> None:
    before, previous = SILENCE, SILENCE
    for place in range(4):
        decoder = Piano().decode(Steer(), C7, before, heard(before, place=place, previous=previous))
        choice, drawn = next(decoder), list[int]()
        while True:
            allowed = np.flatnonzero(np.isfinite(choice.bias)).tolist()
            drawn.append(data.draw(st.sampled_from([OVER, OVER, *allowed])))
            try:
                choice = decoder.send(drawn[-1])
            except StopIteration as done:
                cell = done.value
                break
        assert events_of(cell, place=place + 1, previous=before) == drawn
        sounding = set(before.sounding_after)
        assert set(cell.held) <= sounding
        previous, before = before, cell


@pytest.mark.parametrize("kind", ["notes", "events", "piano"])
def test_a_note_that_is_owed_is_played_though_rests_are_likelier(kind: str) -> None:
    decoder = encoding(kind).decode_cell(Steer(strikes=True), C7, SILENCE, heard())
    choice, rests = next(decoder), {"notes": -1, "events": HOLD, "piano": OVER}[kind]
    cell: Cell | None = None
    while cell is None:
        liked = choice.bias.copy()
        liked[rests] += 5
        try:
            choice = decoder.send(int(liked.argmax()))
        except StopIteration as done:
            cell = done.value
    assert cell.onsets


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SYMBOLS)
def test_a_line_moves_by_itself_and_the_changes_with_each_step(kind: str, tmp_path: Path) -> None:
    model = loaded(kind, tmp_path)
    memory = no_memory(model.spec)
    outputs, after = model.step({}, memory)
    assert set(outputs) == {"next_chord"}
    assert (after["place"] != memory["place"]).any()
    assert after["line_last"] is memory["line_last"]
    fed = encoding(kind).line.moves(heard(Cell((Onset(64),))))[0]
    moved = model.move(fed, after)
    assert moved["place"] is after["place"]
    assert (moved["line_last"] != 0).any()
    (head,) = model.spec.later_heads
    assert (model.head_logits(head, {}, moved) != model.head_logits(head, {}, after)).any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"changes": "smoke_signals"}, "of a line over 'smoke_signals'"),
        ({"symbols": ["60", "60"]}, "stands there twice"),
        ({"symbols": ["60.64"]}, "single note"),
        ({"symbols": ["sixty"]}, "symbols of its notes are unusable"),
        ({"symbols": ["60", "62"]}, "fingerprint"),
        ({"state": []}, "its line has the state none"),
        ({"state": ["nowhere"]}, "its line has the state nowhere"),
        ({"features": ["chord"]}, "its line has the features chord"),
        ({"heads": ["next_chord"]}, "its line has the heads next_chord"),
        ({"symbols": "60"}, "malformed"),
        ({"symbols": ["60"] * 20_000}, "more than"),
        ({"heads": "next_note"}, "malformed"),
    ],
)
def test_a_line_that_is_not_what_it_says_is_refused(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    model = line_model("notes")
    spec = json.loads(model.metadata_props[0].value)
    describe(model, spec | {"line": spec["line"] | change})
    with pytest.raises(ContractError, match=says):
        OnnxModel(saved(model, tmp_path / "line.onnx"))


@pytest.mark.parametrize(
    ("node", "wrong", "says"),
    [
        pytest.param(-2, "note", "its head next_note depends on note", id="a head that is not from the state alone"),
        pytest.param(0, "place_and_line", "its step depends on line_last", id="changes that hear the line"),
        pytest.param(-3, "note_and_place", "its move depends on place", id="a line that hears the changes"),
    ],
)
def test_a_line_that_is_not_apart_from_its_changes_is_refused(node: int, wrong: str, says: str, tmp_path: Path) -> None:
    model = line_model("notes")
    nodes, extra = model.graph.node, []
    if wrong == "place_and_line":
        extra = [
            helper.make_node("ReduceSum", ["line_last_in"], ["all"]),
            helper.make_node("Add", ["place_in", "all"], [wrong]),
        ]
    elif wrong == "note_and_place":
        extra = [
            helper.make_node("ReduceSum", ["place_in"], ["all"]),
            helper.make_node("Add", ["note", "all"], [wrong]),
        ]
    nodes[node].input[0] = wrong
    kept = [*extra, *nodes]
    del nodes[:]
    nodes.extend(kept)
    with pytest.raises(ContractError, match=says):
        OnnxModel(saved(model, tmp_path / "line.onnx"))


def test_a_model_without_a_line_has_no_moves(tmp_path: Path) -> None:
    model = OnnxModel(saved(walker(), tmp_path / "walker.onnx"))
    with pytest.raises(ContractError, match="no line"):
        model.move({}, no_memory(model.spec))
