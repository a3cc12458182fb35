"""A phrase of a solo now and then begins like one of the last three."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.catalog import find_model
from improv.models.encodings import ENCODINGS, Steer
from improv.models.encodings.base import StepInput
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.rhythm import NUMBERS, rhythm_of
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.recording.replay import restored, state_of
from improv.session.lifecycle import begin
from improv.session.melody import steering
from improv.session.phrases import NO_PHRASES, Phrases, after, begins, taken_up
from improv.session.step import advance

CELLS = ENCODINGS["cells"]
LENGTH = 6


def played(*pitches: int | None, phrases: Phrases = NO_PHRASES, step: int = 0) -> Phrases:
    """The phrases after a note or a rest in each of some steps of an eighth, from a step on, after a rest of a beat."""
    sounded_to = (step - 2) * LENGTH
    for number, pitch in enumerate(pitches, start=step):
        melody = SILENCE if pitch is None else Cell((Onset(pitch),))
        phrases = after(phrases, melody, number * LENGTH, sounded_to, ())
        sounded_to = sounded_to if pitch is None else (number + 1) * LENGTH
    return phrases


def test_the_beginning_of_a_phrase_is_kept_as_intervals() -> None:
    assert played(60, 63, 65, 67).begun == ((3, 2),)
    assert played(60, 63).begun == ()


def test_a_rest_of_a_beat_divides_phrases_and_a_shorter_one_does_not() -> None:
    assert played(60, 63, 65, None, None, 70, 69, 70).begun == ((3, 2), (-1, 1))
    assert played(60, 63, 65, None, 70, 69, 70).begun == ((3, 2),)


def test_three_beginnings_are_kept() -> None:
    phrases = NO_PHRASES
    for number in range(5):
        phrases = played(60, 60 + number, 60, None, None, phrases=phrases, step=5 * number)
    assert phrases.begun == ((2, -2), (3, -3), (4, -4))


def test_a_note_that_is_held_belongs_to_its_phrase() -> None:
    phrases = played(60)
    for step in range(1, 6):
        phrases = after(phrases, Cell(held=(60,)), step * LENGTH, step * LENGTH, ())
    assert not begins(6 * LENGTH, 6 * LENGTH)
    assert phrases.notes == 1
    late = Cell((Onset(62, 3),), held=(60,))
    assert after(phrases, late, 6 * LENGTH, 6 * LENGTH, ()).intervals == (2,)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 2))
def test_one_of_the_beginnings_is_taken_up_or_none(drawn: float, build: float) -> None:
    begun = ((1, 2), (3, 4), (5, 6))
    found = taken_up(replace(NO_PHRASES, begun=begun), build, lambda: drawn)
    assert found == () if drawn >= 0.13 * build else found in begun
    assert taken_up(NO_PHRASES, build, lambda: drawn) == ()


def test_each_is_taken_up_as_often() -> None:
    phrases = replace(NO_PHRASES, begun=((1, 2), (3, 4), (5, 6)))
    found = [taken_up(phrases, 1.0, lambda at=number / 3000: at) for number in range(3000)]  # type: ignore[misc]
    assert {each: found.count(each) for each in phrases.begun} == dict.fromkeys(phrases.begun, 130)


def test_a_phrase_goes_on_as_asked_for_until_it_does_not() -> None:
    asked = (3, 2)
    first = after(NO_PHRASES, Cell((Onset(60),)), 0, 0, asked)
    assert first.following == asked
    second = after(first, Cell((Onset(63),)), LENGTH, LENGTH, ())
    assert second.following == (2,)
    assert after(second, Cell((Onset(65),)), 2 * LENGTH, 2 * LENGTH, ()).following == ()
    assert after(first, Cell((Onset(64),)), LENGTH, LENGTH, ()).following == ()


@pytest.mark.parametrize(("from_", "expected"), [(60, (64, 67)), (None, (64, 67))])
def test_the_network_is_asked_for_the_pitches_that_follow(from_: int | None, expected: tuple[int, ...]) -> None:
    """Two or three notes of one step: each but a phrase's first is likelier where the intervals lead."""
    steer = Steer(follows=(4, 3), follows_from=from_)
    heard = StepInput(Frame(SILENCE, None))
    count = len(expected) + (from_ is None)
    rhythm = next(rhythm for rhythm in NUMBERS if len(rhythm.ticks) == count)
    decoder = CELLS.decode_cell(steer, None, SILENCE, heard)
    next(decoder)
    choice = decoder.send(NUMBERS[rhythm])
    if from_ is None:
        assert not choice.bias.any()
        choice = decoder.send(choice.pitches.index(60))
    for number, pitch in enumerate(expected):
        assert choice.pitches[int(choice.bias.argmax())] == pitch
        assert (choice.bias > 0).sum() == 1
        if number + 1 < len(expected):
            choice = decoder.send(choice.pitches.index(pitch))
    strayed = CELLS.decode_cell(Steer(follows=(4, 3), follows_from=60), None, SILENCE, heard)
    next(strayed)
    choice = strayed.send(NUMBERS[rhythm_of(Cell((Onset(60), Onset(62, 3))))])
    assert not strayed.send(choice.pitches.index(65)).bias.any()


def solo(build: float) -> list[Phrases]:
    """The phrases of twelve choruses that `partner` plays alone."""
    model = OnnxModel(find_model("partner"))
    session = begin(model, Settings(mode=Mode.SOLO, build=build, seed=1), Transport(0, 0.0, 160.0))
    found = []
    for _ in range(12 * session.tune.form.steps):
        session, _ = advance(session, Heard(), model)
        found.append(session.band.phrases)
    assert restored(state_of(session, model, ""), model).band == session.band
    return found


def test_a_session_of_a_take_knows_how_many_choruses_there_are_to_be() -> None:
    model = OnnxModel(find_model("partner"))
    session = begin(model, Settings(mode=Mode.SOLO), Transport(0, 0.0, 160.0), choruses=3)
    for _ in range(20):
        session, _ = advance(session, Heard(), model)
    again = restored(state_of(session, model, ""), model)
    assert again == session
    for _ in range(4):
        session, played_now = advance(session, Heard(), model)
        again, played_again = advance(again, Heard(), model)
        assert played_now == played_again


def test_a_solo_takes_up_beginnings_and_keeps_to_them() -> None:
    found = solo(2.0)
    asked = [each for one, each in itertools.pairwise(found) if each.following and not one.following]
    assert len(asked) >= 3
    done = [each for one, each in itertools.pairwise(found) if one.following and not each.following]
    kept = [each for each in done if each.begun and each.begun[-1] in each.begun[:-1]]
    assert len(kept) >= len(done) / 3
    assert set(solo(0.0)) == {NO_PHRASES}


@pytest.mark.parametrize("mode", [Mode.TRADE, Mode.PHRASE, Mode.DUET, Mode.LISTEN])
def test_nothing_is_taken_up_but_in_solos(mode: Mode) -> None:
    model = OnnxModel(find_model("partner"))
    session = begin(model, Settings(mode=mode), Transport(0, 0.0, 120.0))
    begun = replace(session, band=replace(session.band, phrases=Phrases(((1, 2),) * 3, following=(1, 2))))
    assert steering(begun, begun, CELLS).follows == ()
