"""A phrase of a solo now and then begins like one of the last three."""

import itertools
from dataclasses import replace

import numpy as np
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
from improv.session.melody import phrases_after, steering
from improv.session.phrases import NEW_IDEA, NO_PHRASES, Phrases, Plan, after, begins, planned, taken_up
from improv.session.step import advance

CELLS = ENCODINGS["cells"]
LENGTH = 6


def played(*pitches: int | None, phrases: Phrases = NO_PHRASES, step: int = 0) -> Phrases:
    """The phrases after a note or a rest in each of some steps of an eighth, from a step on, after a rest of a beat."""
    sounded_to = (step - 2) * LENGTH
    for number, pitch in enumerate(pitches, start=step):
        melody = SILENCE if pitch is None else Cell((Onset(pitch),))
        phrases = after(phrases, melody, number * LENGTH, sounded_to, NEW_IDEA)
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
        phrases = after(phrases, Cell(held=(60,)), step * LENGTH, step * LENGTH, NEW_IDEA)
    assert not begins(6 * LENGTH, 6 * LENGTH)
    assert phrases.notes == 1
    late = Cell((Onset(62, 3),), held=(60,))
    assert after(phrases, late, 6 * LENGTH, 6 * LENGTH, NEW_IDEA).intervals == (2,)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 2))
def test_by_the_first_rules_one_of_the_beginnings_is_taken_up_or_none(drawn: float, build: float) -> None:
    begun = ((1, 2), (3, 4), (5, 6))
    found = taken_up(replace(NO_PHRASES, begun=begun), build, lambda _: drawn)
    assert found == NEW_IDEA if drawn >= 0.13 * build else found.intervals in begun
    assert taken_up(NO_PHRASES, build, lambda _: drawn) == NEW_IDEA


def test_by_the_first_rules_each_is_taken_up_as_often() -> None:
    phrases = replace(NO_PHRASES, begun=((1, 2), (3, 4), (5, 6)))
    found = [taken_up(phrases, 1.0, lambda _, at=number / 3000: at).intervals for number in range(3000)]  # type: ignore[misc]
    assert {each: found.count(each) for each in phrases.begun} == dict.fromkeys(phrases.begun, 130)


BEGUN = Phrases(begun=((1, 2), (3, 4), (5, 6)), begun_on=(60, 62, 64))


def plans(phrases: Phrases, build: float = 1.0) -> list[Plan]:
    """Many plans of the next phrase, by chance."""
    rng = np.random.default_rng(1)
    return [planned(phrases, build, lambda _: float(rng.random())) for _ in range(4_000)]


def test_repeats_come_in_runs_and_as_often_as_build_says() -> None:
    for repeats, share in ((False, 0.16), (True, 0.45)):
        for build in (0.0, 1.0, 2.0):
            found = plans(replace(BEGUN, repeats=repeats), build)
            assert np.mean([plan.repeats for plan in found]) == pytest.approx(min(1, share * build), abs=0.03)
    assert set(plans(NO_PHRASES)) == {NEW_IDEA}


def test_mostly_the_latest_idea_comes_back_and_where_it_was() -> None:
    found = [plan for plan in plans(replace(BEGUN, repeats=True)) if plan.repeats]
    moving = [plan.intervals for plan in found if plan.intervals]
    assert len(moving) == pytest.approx(0.5 * len(found), rel=0.1)
    shares = [np.mean([each == intervals for each in moving]) for intervals in BEGUN.begun]
    assert shares == pytest.approx([0.10, 0.09, 0.81], abs=0.03)
    assert np.mean([plan.pitch is not None for plan in found]) == pytest.approx(0.76, abs=0.03)
    ideas = dict(zip(BEGUN.begun, BEGUN.begun_on, strict=True))
    assert all(plan.pitch in (None, ideas[plan.intervals]) for plan in found if plan.intervals)
    few = [plan for plan in plans(Phrases(begun=((1, 2),), begun_on=(60,), repeats=True)) if plan.repeats]
    assert {plan.intervals for plan in few} == {(), (1, 2)}


def test_a_phrase_remembers_on_what_it_began_and_whether_it_repeats() -> None:
    phrases = played(60, 63, 65, None, None, 70, 69, 70)
    assert (phrases.begun_on, phrases.first, phrases.repeats) == ((60, 70), 70, False)
    again = after(phrases, Cell((Onset(60),)), 10 * LENGTH, 8 * LENGTH, Plan(True, (3, 2), 60))
    assert (again.first, again.repeats, again.following) == (60, True, (3, 2))


def test_a_phrase_goes_on_as_asked_for_until_it_does_not() -> None:
    first = after(NO_PHRASES, Cell((Onset(60),)), 0, 0, Plan(True, (3, 2)))
    assert first.following == (3, 2)
    second = after(first, Cell((Onset(63),)), LENGTH, LENGTH, NEW_IDEA)
    assert second.following == (2,)
    assert after(second, Cell((Onset(65),)), 2 * LENGTH, 2 * LENGTH, NEW_IDEA).following == ()
    assert after(first, Cell((Onset(64),)), LENGTH, LENGTH, NEW_IDEA).following == ()


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


def test_a_phrase_is_asked_to_begin_on_a_pitch_and_its_next_note_is_free() -> None:
    decoder = CELLS.decode_cell(Steer(begins_on=60), None, SILENCE, StepInput(Frame(SILENCE, None)))
    next(decoder)
    choice = decoder.send(NUMBERS[rhythm_of(Cell((Onset(60), Onset(62, 3))))])
    assert choice.pitches[int(choice.bias.argmax())] == 60
    assert (choice.bias > 0).sum() == 1
    assert not decoder.send(choice.pitches.index(64)).bias.any()


@pytest.mark.parametrize("rules", [1, 2])
def test_a_phrase_that_begins_within_a_step_is_a_new_idea_but_by_earlier_rules_goes_on_as_the_one_before(
    rules: int,
) -> None:
    model = OnnxModel(find_model("eck2002-blues"))
    settings = Settings(mode=Mode.SOLO, soloist_rules=rules)
    session = begin(model, settings, Transport(0, 0.0, 120.0))
    for _ in range(4):
        session, _ = advance(session, Heard(), model)
    left = Phrases(((3, 2),), (), 60, (3, 2), (60,), 60, True)
    expression = replace(session.band.expression, sounded_to=session.tick - 9)
    before = replace(session, band=replace(session.band, phrases=left, expression=expression))
    begun = phrases_after(session, before, Cell((Onset(62, 3),)))
    assert (begun.first, begun.intervals, begun.repeats) == (62, (), False)
    assert begun.following == ((3, 2) if rules == 1 else ())
    longer = replace(before, band=replace(before.band, expression=replace(expression, sounded_to=session.tick - 12)))
    drawn = {replace(session.settings, seed=seed) for seed in range(60)}
    found = {phrases_after(replace(session, settings=each), longer, Cell((Onset(62),))).following for each in drawn}
    assert found == {(), (3, 2)}


@pytest.mark.parametrize("register", [0, 1])
def test_an_idea_comes_back_on_its_pitch_in_any_key_and_register(register: int) -> None:
    model = OnnxModel(find_model("partner"))
    settings = Settings(mode=Mode.SOLO, key="F", register=register, build=2.0)
    session = begin(model, settings, Transport(0, 0.0, 120.0))
    kept = Phrases(((3, 2),), (3, 2), 70, (), (65,), 65, repeats=True)
    rested = replace(session.band.expression, sounded_to=session.tick - 24)
    before = replace(session, band=replace(session.band, phrases=kept, expression=rested))
    moved = session.semitones + 12 * (session.band.style.octaves + register)
    asked = [steering(replace(session, settings=replace(settings, seed=seed)), before, CELLS) for seed in range(40)]
    assert {each.begins_on for each in asked} == {None, 65 - moved}
    assert {each.follows for each in asked} == {(), (3, 2)}
    assert {each.follows_from for each in asked} == {None}


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
