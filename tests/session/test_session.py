"""The core from step to step: what the network is fed, what is played, and what changes on the way."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from improv.music.notes import SILENCE, NoteEvent, NoteOff, NoteOn, Onset, Placed, Timed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import PITCH_CLASSES, Form
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.commands import Command, Set
from improv.protocol.controls import TOGETHER, Settings
from improv.protocol.heard import Heard
from improv.session.band.click import CLICK_PITCH
from improv.session.fallback import LATE, fallback
from improv.session.lifecycle import begin, finish
from improv.session.listening import cell_at
from improv.session.network import caught_up
from improv.session.state import Played, Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import CHANGES, Echo, tried

Begun = Callable[..., Session]
STEP_S = 0.25


def press(pitch: int, at_s: float, until_s: float | None = None, velocity: int = 80) -> list[Timed]:
    notes = [Timed(at_s, NoteOn(Part.YOU, pitch, velocity))]
    return notes if until_s is None else [*notes, Timed(until_s, NoteOff(Part.YOU, pitch))]


def through(
    session: Session,
    model: Echo,
    steps: int,
    notes: list[Timed] | None = None,
    commands: dict[int, Command] | None = None,
) -> tuple[list[Session], list[Played]]:
    """Advance through steps, each hearing the notes that arrive before it is decided."""
    waiting = sorted(notes or [], key=lambda note: note.time_s)
    sessions, leaving = [], []
    for _ in range(steps):
        due_s = session.position.transport.time_of(session.step + 1)
        arrived = [note for note in waiting if note.time_s < due_s]
        waiting = waiting[len(arrived) :]
        command = (commands or {}).get(session.step)
        heard = Heard(tuple(arrived), (command,) if command else ())
        session, played = advance(session, heard, model)
        sessions.append(session)
        leaving.append(played)
    return sessions, leaving


def events(leaving: list[Played], part: Part) -> list[Placed]:
    return [placed for played in leaving for placed in played.events if placed.event.part == part]


def onsets(leaving: list[Played], part: Part) -> list[tuple[int, int]]:
    """(step, pitch) of what begins."""
    return [(int(p.tick) // 6, p.event.pitch) for p in events(leaving, part) if isinstance(p.event, NoteOn)]


def test_the_chords_are_the_forms_and_never_stop(echo: Echo, begun: Begun) -> None:
    sessions, leaving = through(begun(), echo, 32 * 5)
    form = Form.parse(CHANGES)
    assert [session.band.frame.chord for session in sessions] == [form.chord_at(step) for step in range(32 * 5)]
    assert [step for step, _ in onsets(leaving, Part.CHORDS)] == [s for s in range(0, 160, 8) for _ in range(4)]
    assert {pitch for step, pitch in onsets(leaving, Part.CHORDS) if step == 8} == {48, 51, 53, 57}


def test_during_the_call_the_network_is_fed_what_was_played(echo: Echo, begun: Begun) -> None:
    notes = press(64, 0.02, 0.40) + press(67, 0.73, 0.95) + press(72, 1.30, 1.31)
    through(begun(), echo, 9, notes)
    assert echo.fed_pitches()[1:9] == [[64], [64], [], [67], [], [72], [], []]


@pytest.mark.parametrize(("at_s", "step"), [(0.13, 1), (0.12, 0), (0.37, 1), (0.38, 2), (0.5, 2), (-0.1, 0)])
def test_an_onset_is_heard_at_its_nearest_step(echo: Echo, begun: Begun, at_s: float, step: int) -> None:
    through(begun(), echo, 6, press(64, at_s, at_s + 0.01))
    assert [index for index, fed in enumerate(echo.fed_pitches()[1:]) if fed] == [step]


def test_the_answer_begins_on_the_first_step_of_the_turn_and_follows_the_call(echo: Echo, begun: Begun) -> None:
    sessions, leaving = through(begun(), echo, 17, press(64, 7 * STEP_S))
    melody = onsets(leaving, Part.MELODY)
    assert melody[0] == (8, 65)
    assert [pitch for _, pitch in melody] == [65, 66, 67, 68, 69, 70, 71, 72]
    assert [session.turn.who for session in sessions] == [Who.YOU] * 8 + [Who.IMPROV] * 8 + [Who.YOU]


def test_during_the_answer_the_network_is_fed_what_it_played_itself(echo: Echo, begun: Begun) -> None:
    last_of_yours = press(61, 9 * STEP_S, 12 * STEP_S)  # on the first beat: it takes nothing back
    through(begun(), echo, 17, press(64, 7 * STEP_S, 7.9 * STEP_S) + last_of_yours)
    assert echo.fed_pitches()[8:17] == [[64], [65], [61, 66], [67], [68], [69], [70], [71], [72]]


def test_everything_the_answer_strikes_is_released_when_the_turn_ends(echo: Echo, begun: Begun) -> None:
    _, leaving = through(begun(), echo, 17, press(64, 7 * STEP_S))
    assert events(leaving, Part.MELODY)[-1] == Placed(16 * 6, NoteOff(Part.MELODY, 72))


def test_solo_never_waits_and_duet_hears_while_it_plays(echo: Echo, begun: Begun) -> None:
    _, leaving = through(begun(Mode.SOLO), echo, 32)
    assert [step for step, _ in onsets(leaving, Part.MELODY)] == list(range(32))
    echo.fed.clear()
    session = begun(Mode.DUET)
    together = replace(session, settings=replace(session.settings, duet=TOGETHER))
    _, leaving = through(together, echo, 5, press(70, 2 * STEP_S, 2.9 * STEP_S))
    assert [step for step, _ in onsets(leaving, Part.MELODY)] == list(range(5))
    assert echo.fed_pitches()[3] == [62, 70]
    assert echo.fed_pitches()[4] == [71]
    echo.fed.clear()
    through(session, echo, 5, press(70, 2 * STEP_S, 2.9 * STEP_S))
    assert echo.fed_pitches()[3] == [70]  # yours alone


@pytest.mark.parametrize("octaves", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("key_semitones", [-5, 0, 3])
def test_octave_and_key_are_folded_on_the_way_in_and_unfolded_in_the_answer(
    echo: Echo, begun: Begun, octaves: int, key_semitones: int
) -> None:
    away = 12 * octaves + key_semitones
    call = (
        press(62 + away, 0, 0.2)
        + press(64 + away, 6 * STEP_S, 6.9 * STEP_S)
        + press(65 + away, 7 * STEP_S, 7.9 * STEP_S)
    )
    _, leaving = through(begun(key=PITCH_CLASSES[key_semitones]), echo, 12, call)
    assert echo.fed_pitches()[1:9] == [[62], [], [], [], [], [], [64], [65]]
    assert onsets(leaving, Part.MELODY)[:3] == [(8, 66 + away), (9, 67 + away), (10, 68 + away)]
    assert {pitch for step, pitch in onsets(leaving, Part.CHORDS) if step == 0} == {
        48 + (pc + key_semitones) % 12 for pc in (0, 4, 7, 10)
    }


def test_the_answer_takes_up_the_loudness_of_the_call(echo: Echo, begun: Begun) -> None:
    _, leaving = through(begun(), echo, 10, press(64, 0, 0.2, velocity=40) + press(65, 1, 1.2, velocity=50))
    velocities = [p.event.velocity for p in events(leaving, Part.MELODY) if isinstance(p.event, NoteOn)]
    assert velocities == [55, 35]  # the mean 45, the first beat louder, off the beat softer


def test_a_tempo_change_moves_what_follows_and_keeps_the_place(echo: Echo, begun: Begun) -> None:
    sessions, _ = through(begun(), echo, 6, commands={2: Set("tempo", 240)})
    times = [session.position.transport.time_of(session.step) for session in sessions]
    assert times == pytest.approx([0, 0.25, 0.5, 0.75, 0.875, 1.0])
    assert [session.step for session in sessions] == list(range(6))


def test_temperature_takes_effect_at_once(echo: Echo, begun: Begun) -> None:
    sessions, _ = through(begun(), echo, 3, commands={0: Set("temperature", 0.5)})
    assert [session.settings.temperature for session in sessions] == [0.8, 0.5, 0.5]


def test_the_count_in_clicks_and_feeds_nothing(echo: Echo, begun: Begun) -> None:
    session = begun(count_in_bars=1)
    assert session.step == -9
    _, leaving = through(session, echo, 8)
    clicks = [p for p in events(leaving, Part.DRUMS) if isinstance(p.event, NoteOn)]
    assert [p.tick // 6 for p in clicks] == [-8, -6, -4, -2]
    assert {p.event.pitch for p in clicks if isinstance(p.event, NoteOn)} == {CLICK_PITCH}
    assert echo.fed == []


def test_a_primer_ends_the_silent_chorus_before_the_first() -> None:
    model = Echo(primers=((60, 60, 62, 62), (67, 67)))
    for seed, end in ((0, [[60], [60], [62], [62]]), (1, [[], [], [67], [67]])):
        model.fed.clear()
        settings = Settings(mode=Mode.SOLO, bars=1, seed=seed, style=Style.PADS)
        session = begin(model, settings, Transport(0, 0.0, 120))
        advance(session, Heard(), model)
        assert len(model.fed) == 32
        assert model.fed_pitches()[-4:] == end


def test_a_network_of_chords_alone_accompanies(begun: Begun) -> None:
    model = Echo(melody=False)
    session = begin(model, Settings(mode=Mode.SOLO, bars=1, style=Style.PADS), Transport(0, 0.0, 120))
    _, leaving = through(session, model, 32)
    assert not events(leaving, Part.MELODY)
    assert len(onsets(leaving, Part.CHORDS)) == 16


def test_a_missed_step_moves_the_changes_and_is_not_fed_as_played(echo: Echo, begun: Begun) -> None:
    session = begun(Mode.SOLO)
    session, _ = advance(session, Heard(), echo)
    first = [onset.pitch for onset in session.band.frame.melody.onsets]
    echo.fed.clear()
    session, played = fallback(session, Heard(), echo, "", audible=False)
    assert not [p for p in played.events if isinstance(p.event, NoteOn)]
    assert (echo.fed, session.health.missed_steps, session.health.faults) == ([], 1, 0)
    session, _ = advance(session, Heard(), echo)
    assert (session.step, echo.fed_pitches()) == (2, [first, []])


def test_a_fallback_keeps_the_place_and_says_why(echo: Echo, begun: Begun) -> None:
    session, _ = advance(begun(Mode.SOLO), Heard(), echo)
    plain, played = fallback(session, Heard(), echo, "no")
    assert (plain.step, plain.band.frame.chord, plain.health.faults, plain.health.last_fault) == (
        1,
        session.band.frame.chord,
        1,
        "no",
    )
    assert played.events == (Placed(6, NoteOff(Part.MELODY, session.band.frame.melody.onsets[0].pitch)),)
    again, _ = advance(plain, Heard(), echo)
    assert (again.health.faults, again.health.consecutive_faults) == (1, 0)


def test_after_a_failed_step_the_changes_are_where_they_were(echo: Echo, begun: Begun) -> None:
    session, form = begun(Mode.SOLO), Form.parse(CHANGES)
    for step in range(40):
        failed = step in (4, 7, 8, 20)
        session, _ = fallback(session, Heard(), echo, "no") if failed else advance(session, Heard(), echo)
        assert failed or session.band.frame.chord == form.chord_at(step)


@given(st.lists(st.tuples(st.sampled_from(["network", LATE, "no"]), st.integers(0, 3)), max_size=80))
def test_it_is_all_one_when_the_network_is_fed_what_it_missed(steps: list[tuple[str, int]]) -> None:
    """So a replay, which knows only which steps it missed, comes out the same."""
    at_once, bit_by_bit = Echo(), Echo()
    settings_ = Settings(mode=Mode.SOLO, bars=1, seed=1, style=Style.PADS)
    one = begin(at_once, settings_, Transport(0, 0.0, 120))
    other = begin(bit_by_bit, settings_, Transport(0, 0.0, 120))
    for how, fed in steps:
        for _ in range(min(fed, len(other.network.pending_inputs))):
            other = caught_up(other, bit_by_bit)
        if how == "network":
            one, played = advance(one, Heard(), at_once)
            other, played_too = advance(other, Heard(), bit_by_bit)
            assert one.network.memory == other.network.memory
        else:
            one, played = fallback(one, Heard(), at_once, how)
            other, played_too = fallback(other, Heard(), bit_by_bit, how)
        assert played == played_too
    assert len(one.network.pending_inputs) <= one.tune.form.steps


def test_an_onset_keeps_its_step_when_the_tempo_turns_in_it(echo: Echo, begun: Begun) -> None:
    session, _ = advance(begun(), Heard(), echo)
    session, _ = advance(session, Heard(tuple(press(64, 0.13)), (Set("tempo", 400),)), echo)
    assert session.listener.keys[0].onset == 6


def test_what_is_released_during_a_failed_step_is_released(echo: Echo, begun: Begun) -> None:
    session, _ = advance(begun(), Heard(tuple(press(64, 0.0))), echo)
    session, _ = fallback(session, Heard((Timed(0.2, NoteOff(Part.YOU, 64)),)), echo, "no")
    session, _ = advance(session, Heard(), echo)
    assert [key for key in session.listener.keys if key.release is None] == []
    assert cell_at(session.listener.keys, session.step, session.grid) == SILENCE


def test_an_older_session_can_be_taken_up_again(echo: Echo, begun: Begun) -> None:
    session, _ = advance(begun(Mode.SOLO), Heard(), echo)
    first = advance(session, Heard(), echo)
    advance(first[0], Heard(), echo)
    assert advance(session, Heard(), echo) == first


def test_a_snapshot_shows_the_place_and_what_is_planned(echo: Echo, begun: Begun) -> None:
    sessions, leaving = through(begun(), echo, 9, press(64, 6.9 * STEP_S))
    seen = snapshot(sessions[7], sessions[8], leaving[7].events)
    assert (seen.place.chorus, seen.place.bar, seen.place.beat) == (1, 1, 4)
    assert seen.harmony.chord is not None
    assert seen.harmony.next_chord is not None
    assert (seen.harmony.chord.symbol, seen.harmony.next_chord.symbol, seen.turn.who) == ("C7", "F7", Who.YOU)


def test_what_you_played_is_shown_when_its_step_is_over(echo: Echo, begun: Begun) -> None:
    sessions, _ = through(begun(), echo, 4, press(64, 2.1 * STEP_S, 2.5 * STEP_S))
    assert [session.listener.previous_cell.onsets for session in sessions] == [(), (), (), (Onset(64),)]


arrivals = st.lists(
    st.tuples(st.floats(-0.1, 12), st.integers(0, 127), st.integers(1, 127), st.floats(0.001, 5)), max_size=60
)
turned = st.dictionaries(
    st.integers(0, 40),
    st.one_of(
        st.builds(Set, st.just("tempo"), st.floats(20, 400)), st.builds(Set, st.just("temperature"), st.floats(0, 3))
    ),
)


@tried(
    50,
    150,
    arrivals,
    turned,
    st.sampled_from(Mode),
    st.integers(1, 3),
    st.integers(-5, 6),
    st.sets(st.integers(0, 40)),
)
@example(  # a held note while the register changes at a bar line is struck again in the new one
    keys=[(0, 17, 1, 1), (0, 91, 1, 2), (0, 93, 1, 1), (0, 115, 1, 1)],
    commands={},
    mode=Mode.DUET,
    bars=1,
    semitones=-5,
    missed=set(),
)
def test_whatever_is_played(
    keys: list[tuple[float, int, int, float]],
    commands: dict[int, Command],
    mode: Mode,
    bars: int,
    semitones: int,
    missed: set[int],
) -> None:
    """Every onset has one end, nothing is struck twice, nothing sounds after the end, all repeats exactly.

    An end of the melody may lie in the step before: see `improv.session.expression`.
    """
    melody_ends = {NoteOff(Part.MELODY, pitch) for pitch in range(128)}

    def performance() -> list[Placed]:
        model = Echo(primers=((60, 62, 64),))
        chosen = Settings(mode=mode, bars=bars, key=PITCH_CLASSES[semitones], seed=3, style=Style.PADS)
        session = begin(model, chosen, Transport(0, 0.0, 120), count_in_bars=1)
        waiting = sorted(
            (note for at, pitch, velocity, long in keys for note in press(pitch, at, at + long, velocity)),
            key=lambda note: note.time_s,
        )
        placed: list[Placed] = []
        for _ in range(48):
            due_s = session.position.transport.time_of(session.step + 1)
            arrived = tuple(note for note in waiting if note.time_s < due_s)
            waiting = waiting[len(arrived) :]
            command = commands.get(session.step)
            heard = Heard(arrived, (command,) if command else ())
            before = session.step
            if session.step in missed:
                session, played = fallback(session, heard, model, "no" if session.step % 2 else "")
            else:
                session, played = advance(session, heard, model)
            assert session.step == before + 1
            first = {p: session.step * 6 - (4 if p.event in melody_ends else 0) for p in played.events}
            assert all(first[p] <= p.tick < session.step * 6 + 6 for p in played.events)
            placed += played.events
        return placed + list(finish(session).events)

    placed = performance()
    sounding: set[tuple[Part, int]] = set()
    for event in (p.event for p in placed if isinstance(p.event, NoteEvent)):
        note = (event.part, event.pitch)
        assert 0 <= event.pitch <= 127
        assert _is_on(event) != (note in sounding), f"{event} while {sorted(sounding)} sound"
        sounding ^= {note}
    assert not sounding
    assert [p.tick for p in placed] == sorted(p.tick for p in placed)
    assert performance() == placed


def _is_on(event: NoteEvent) -> bool:
    return isinstance(event, NoteOn)


def test_memory_is_no_part_of_a_sessions_identity(begun: Begun) -> None:
    session = begun()
    other = replace(session.network, memory={"count": np.ones((1, 1), np.float32)})
    assert replace(session, network=other) == session
