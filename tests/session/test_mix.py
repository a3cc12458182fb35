"""Programs and solos as a session plays them, and the swing that follows style and tempo."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import NoteOn, Program
from improv.music.parts import MIXED_PARTS, Part
from improv.music.styles import Style, auto_swing
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, Nudge, Panic, Set, Start, Stop
from improv.protocol.controls import AUTO, Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import to_json
from improv.recording.replay import restored, state_of
from improv.session.lifecycle import begin, finish, idled
from improv.session.state import Played, Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.session.steady import drone, opened, through

FORM_STEPS = 32
"""Of the form of `drone`, four bars of eighths."""


def programs(leaving: list[Played], part: Part) -> list[tuple[int, int]]:
    """Step and program of what a part's synth is told."""
    events = [(int(placed.tick) // 6, placed.event) for played in leaving for placed in played.events]
    return [(step, event.number) for step, event in events if isinstance(event, Program) and event.part is part]


def struck(leaving: list[Played]) -> set[Part]:
    """The parts that have notes."""
    return {placed.event.part for p in leaving for placed in p.events if isinstance(placed.event, NoteOn)}


def swings(sessions: list[Session]) -> list[float]:
    return [session.position.transport.swing for session in sessions]


# --- programs -------------------------------------------------------------------------------------


def test_no_synth_is_told_the_parts_own_programs() -> None:
    sessions, leaving = through(opened(drone(), count_in_bars=1), drone(), 50)
    for part in MIXED_PARTS:
        assert not programs([*leaving, finish(sessions[-1])], part)


@pytest.mark.parametrize("part", MIXED_PARTS)
def test_a_program_is_told_when_it_changes_at_each_top_and_its_own_comes_back(part: Part) -> None:
    model, name, own = drone(), f"{part.label}-program", part.row.program
    asked: dict[int, tuple[Command, ...]] = {3: (Set(name, 66),), 70: (Set(name, own),)}
    sessions, leaving = through(opened(model), model, 110, asked)
    assert programs(leaving, part) == [(4, 66), (FORM_STEPS, 66), (2 * FORM_STEPS, 66), (71, own)]
    assert all(not programs(leaving, other) for other in MIXED_PARTS if other is not part)
    assert programs([finish(sessions[50])], part) == [(51, own)]
    assert programs([finish(sessions[-1])], part) == []


def test_a_program_is_told_before_the_first_note_and_anew_after_a_panic() -> None:
    model = drone()
    _, leaving = through(opened(model, melody_program=66, count_in_bars=1), model, 20, {6: (Panic(),)})
    assert programs(leaving, Part.MELODY) == [(-8, 66), (0, 66), (7, 66)]
    for played in leaving:  # a program that came behind its note would be that of the next one
        kinds = [isinstance(placed.event, NoteOn) for placed in played.events]
        told = [isinstance(placed.event, Program) for placed in played.events]
        assert True not in told or True not in kinds or told.index(True) < kinds.index(True)


def test_a_program_that_is_turned_while_it_is_stopped_is_told_when_it_starts() -> None:
    model = drone()
    sessions, _ = through(opened(model), model, 4)
    stopped, _ = advance(sessions[-1], Heard((), (Stop(),)), model)
    waiting = idled(stopped, Heard((), (Set("bass-program", 33), Start())), 9.0)
    _, leaving = through(waiting, model, 2)
    assert [number for _, number in programs(leaving, Part.BASS)] == [33]


# --- solo -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "heard"),
    [
        ({}, {Part.MELODY, Part.CHORDS}),
        ({"comp_solo": "on"}, {Part.CHORDS}),
        ({"melody_solo": "on"}, {Part.MELODY}),
        ({"melody_solo": "on", "comp_solo": "on"}, {Part.MELODY, Part.CHORDS}),
        ({"melody_solo": "on", "melody_mute": "on"}, set()),
        ({"bass_solo": "on"}, set()),
    ],
)
def test_while_a_part_is_soloed_only_soloed_parts_sound(chosen: dict[str, Any], heard: set[Part]) -> None:
    model = drone()
    _, leaving = through(opened(model, style=Style.PADS, bass_mute="on", **chosen), model, 24)
    assert struck(leaving) == heard


def test_a_solo_ends_what_sounds_of_the_others_and_they_come_back() -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {5: (Set("comp-solo", "on"),), 13: (Set("comp-solo", "off"),)}
    _, leaving = through(opened(model, style=Style.PADS), model, 30, asked)
    assert struck(leaving[7:14]) <= {Part.CHORDS}
    assert Part.MELODY in struck(leaving[15:])


# --- swing ----------------------------------------------------------------------------------------


def test_swing_follows_the_tempo_from_the_next_beat_on() -> None:
    model = drone()
    settings = Settings.of(mode=Mode.SOLO, seed=1, auto_swing=True)
    session = begin(model, settings, Transport(0, 0.0, 120, auto_swing(Style.SWING, 120)))
    asked: dict[int, tuple[Command, ...]] = {4: (Set("tempo", 240),), 9: (Set("style", "shuffle"),)}
    sessions, _ = through(session, model, 16, asked)
    assert swings(sessions) == [0.611] * 6 + [0.548] * 4 + [0.667] * 6
    assert [session.position.swing for session in sessions][5:7] == [0.548, 0.548]  # said as soon as it is asked for
    for before, after in pairwise(sessions):
        assert after.position.transport.time_of(after.step) > before.position.transport.time_of(before.step)


@pytest.mark.parametrize("step", [4, 5])
def test_auto_and_a_number_take_turns(step: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {
        step: (Set("swing", AUTO),), step + 4: (Set("tempo", 90),), step + 8: (Nudge("swing", 0.01),),
        step + 12: (Set("tempo", 240),),
    }  # fmt: skip
    sessions, _ = through(opened(model, style=Style.SWING), model, 30, asked)
    seen = [snapshot(session, session) for session in sessions]
    values = [each.value("swing") for each in (seen[0], seen[step + 1], seen[step + 9], seen[-1])]
    numbers = [each.number("swing") for each in (seen[0], seen[step + 3], seen[step + 7], seen[-1])]
    assert (values, numbers) == ([0.5, AUTO, 0.575, 0.575], [0.5, 0.611, 0.565, 0.575])


@given(
    st.lists(
        st.one_of(
            st.builds(Set, st.just("tempo"), st.integers(20, 400)),
            st.builds(Set, st.just("style"), st.sampled_from([str(style) for style in Style])),
            st.builds(Set, st.just("swing"), st.sampled_from([AUTO, 0.5, 0.62])),
        ),
        max_size=6,
    )
)
def test_whatever_is_turned_the_swing_is_the_one_asked_for(turned: list[Set]) -> None:
    model = drone()
    sessions, _ = through(opened(model), model, 2 * len(turned) + 5, {2 * n: (c,) for n, c in enumerate(turned)})
    last = sessions[-1]
    given_ = [command.value for command in turned if command.control == "swing"]
    wanted = given_[-1] if given_ else 0.5
    tempo = last.position.transport.bpm
    assert last.settings.auto_swing == (wanted == AUTO)
    if wanted == AUTO:
        assert last.position.transport.swing == auto_swing(last.settings.style, tempo)
    elif AUTO not in given_:
        assert last.position.transport.swing == wanted


# --- takes ----------------------------------------------------------------------------------------


def test_a_session_in_a_take_has_levels_and_programs_by_part_and_reads_those_of_before() -> None:
    model = drone()
    session = through(opened(model, melody_program=66, comp_level=30), model, 5)[0][-1]
    state = state_of(session, model, "0")
    assert restored(state, model).band.programs == session.band.programs == (66, 4, 32, 0)
    assert restored(state, model).band.levels == session.band.levels == (100, 30, 100, 100)
    old = state.session.replace('"levels":{"melody":100,"chords":30,"bass":100,"drums":100}', '"levels":[100,30,90]')
    old = old.replace(',"programs":{"melody":66,"chords":4,"bass":32,"drums":0}', "")
    assert old.count('"levels":[100,30,90]') == 1
    assert '"programs"' not in old
    again = restored(replace(state, session=old), model)
    assert (again.band.levels, again.band.programs) == ((100, 30, 100, 90), (11, 4, 32, 0))
    assert to_json(again.settings)["chords_level"] == 30
