"""How what was chosen sounds: register, key, levels, mutes and loudness."""

from typing import Any

import pytest

from improv.music.notes import SILENCE, NoteOn, Volume
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol import mixer
from improv.protocol.commands import Command, Panic, Set, Start, Stop
from improv.protocol.control import Value
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.runtime.engine import FALLBACK_BARS
from improv.session.fallback import fallback, fallback_plan
from improv.session.lifecycle import begin, finish, idled
from improv.session.state import Played
from improv.session.step import advance
from tests.conftest import form_chord
from tests.session.steady import C7, PITCHES, drone, opened, struck, through, told


@pytest.mark.parametrize("octaves", [-2, -1, 1, 2])
@pytest.mark.parametrize("step", [4, 5])
def test_register_moves_by_octaves_what_is_held_too(octaves: int, step: int) -> None:
    """The drone strikes on every beat and holds between."""
    model = drone()
    _, leaving = through(opened(model), model, 12, {step: (Set("register", octaves),)})
    there = 64 + 12 * octaves
    assert told(leaving[step + 1], Part.MELODY) == ["-64", f"+{there}"]
    after = [told(played, Part.MELODY) for played in leaving[step + 2 :]]
    assert {event for events in after for event in events} == {f"-{there}", f"+{there}"}
    assert [pitch for _, pitch in struck(leaving, Part.CHORDS)][:4] == [48, 52, 55, 58]


@pytest.mark.parametrize("key", PITCH_CLASSES)
@pytest.mark.parametrize("step", [4, 5])
def test_the_key_moves_everything_the_shortest_way_and_strikes_what_is_held(key: str, step: int) -> None:
    model = drone()
    sessions, leaving = through(opened(model), model, 40, {step: (Set("key", key),)})
    semitones = (PITCH_CLASSES.index(key) + 5) % 12 - 5
    assert -5 <= semitones <= 6
    there = 64 + semitones
    if semitones:
        assert told(leaving[step + 1], Part.MELODY) == ["-64", f"+{there}"]
        was, sounds = C7.voiced(48), C7.transposed(semitones).voiced(48)
        assert told(leaving[step + 1], Part.CHORDS) == [f"-{pitch}" for pitch in was] + [f"+{p}" for p in sounds]
    for session in sessions[step + 1 :]:
        assert session.band.frame.chord == form_chord(session).transposed(semitones)
        assert session.band.frame.melody.pitches == {there}
        assert session.network.output.melody.pitches == {64}  # the network is in its own key
    back, _ = advance(sessions[-1], Heard((), (Set("key", OWN),)), model)
    assert back.band.frame.melody.pitches == {64}


def velocities(leaving: list[Played], part: Part) -> list[int]:
    events = [placed.event for played in leaving for placed in played.events if placed.event.part is part]
    return [event.velocity for event in events if isinstance(event, NoteOn)]


LEVELS = tuple((part, control.name) for part, control in mixer.LEVELS.items())


def volumes(leaving: list[Played], part: Part) -> list[tuple[int, int]]:
    """Step and level of what a part's synth is told."""
    events = [(int(placed.tick) // 6, placed.event) for played in leaving for placed in played.events]
    return [(step, event.level) for step, event in events if isinstance(event, Volume) and event.part is part]


@pytest.mark.parametrize(("part", "name"), LEVELS)
@pytest.mark.parametrize("step", [-7, -2, 3, 4, 9])
def test_a_level_is_heard_at_the_next_step_of_what_sounds_already_too(part: Part, name: str, step: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {step: (Set(name, 40),), 12: (Set(name, 100),)}
    _, leaving = through(opened(model, count_in_bars=1), model, 26, asked)
    bars = [(at, 40) for at in (0, 8) if at > step + 1]
    assert volumes(leaving, part) == [(step + 1, 40), *bars, (13, 100)]
    assert all(not volumes(leaving, other) for other, _ in LEVELS if other is not part)
    quiet, loud = through(opened(model, count_in_bars=1), model, 26)[1], leaving
    assert [velocities(quiet, each) for each, _ in LEVELS] == [velocities(loud, each) for each, _ in LEVELS]


def test_a_level_is_told_before_the_first_note_and_taken_back_at_the_end() -> None:
    model = drone()
    settings = Settings.of(mode=Mode.SOLO, melody_level=70, comp_level=127)
    sessions, leaving = through(begin(model, settings, Transport(-8, 0.0, 120), count_in_bars=1), model, 12)
    assert volumes(leaving, Part.MELODY) == [(-8, 70), (0, 70)]
    assert volumes(leaving, Part.CHORDS) == [(-8, 127), (0, 127)]
    end = finish(sessions[-1])
    assert volumes([end], Part.MELODY) == [(4, 100)]
    assert volumes([end], Part.CHORDS) == [(4, 100)]
    assert not volumes([end], Part.DRUMS)


def test_a_level_that_is_turned_while_it_is_stopped_is_told_when_it_starts() -> None:
    model = drone()
    sessions, _ = through(opened(model), model, 4, {0: (Set("comp-level", 30),)})
    stopped, _ = advance(sessions[-1], Heard((), (Stop(),)), model)
    waiting = idled(stopped, Heard((), (Set("comp-level", 100), Start())), 9.0)
    _, leaving = through(waiting, model, 2)
    assert volumes(leaving, Part.CHORDS) == [(leaving_step(leaving), 100)]


def test_levels_are_told_anew_after_a_panic_which_may_have_been_another_synth() -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {2: (Set("comp-level", 30),), 4: (Panic(),)}
    _, leaving = through(opened(model), model, 7, asked)
    assert volumes(leaving, Part.CHORDS) == [(3, 30), (5, 30)]


def test_a_fallback_in_hand_takes_no_level_back() -> None:
    model = drone()
    session = through(opened(model, melody_level=60), model, 3)[0][-1]
    events = fallback_plan(session, Heard(), model, FALLBACK_BARS * STEPS_PER_BAR).events
    assert {event.level for event in (placed.event for placed in events) if isinstance(event, Volume)} <= {60}


def leaving_step(leaving: list[Played]) -> int:
    return int(leaving[0].events[0].tick) // 6


@pytest.mark.parametrize(("part", "name"), [(Part.MELODY, "melody"), (Part.CHORDS, "chords"), (Part.DRUMS, "click")])
@pytest.mark.parametrize("how", [{"level": 0}, {"mute": "on"}])
def test_nothing_is_heard_of_a_part_at_level_0_or_muted(part: Part, name: str, how: dict[str, Value]) -> None:
    model = drone()
    chosen: dict[str, Any] = {f"{name}_{what}": value for what, value in how.items()}
    session = begin(model, Settings.of(mode=Mode.SOLO, **chosen), Transport(-8, 0.0, 120), count_in_bars=1)
    sessions, leaving = through(session, model, 40)
    assert velocities(leaving, part) == []
    for other in {Part.MELODY, Part.CHORDS, Part.DRUMS} - {part}:
        assert velocities(leaving, other)
    assert [session.place for session in sessions] == list(range(-8, 32))


@pytest.mark.parametrize("step", [4, 5, 7, 8, 15])
def test_a_muted_melody_ends_at_the_next_step_and_is_back_at_the_next(step: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {
        step: (Set("melody-mute", "on"),),
        step + 6: (Set("melody-mute", "off"),),
    }
    sessions, leaving = through(opened(model), model, 30, asked)
    assert told(leaving[step + 1], Part.MELODY) == ["-64"]
    assert [told(played, Part.MELODY) for played in leaving[step + 2 : step + 7]] == [[]] * 5
    assert told(leaving[step + 7], Part.MELODY) == ["+64"]
    assert {session.network.output.melody for session in sessions[step + 1 : step + 7]} == {
        SILENCE
    }  # it is not fed either


@pytest.mark.parametrize("long", [1, 2, 6, 9])
@pytest.mark.parametrize("step", [4, 5, 7, 8, 15])
def test_muted_chords_end_at_the_next_step_and_are_struck_anew_at_the_next(step: int, long: int) -> None:
    model = drone()
    asked: dict[int, tuple[Command, ...]] = {
        step: (Set("comp-mute", "on"),),
        step + long: (Set("comp-mute", "off"),),
    }
    sessions, leaving = through(opened(model), model, 40, asked)

    def voiced(at: int) -> tuple[int, ...]:
        chord = sessions[at].band.frame.chord
        assert chord is not None
        return chord.voiced(48)

    assert told(leaving[step + 1], Part.CHORDS) == [f"-{pitch}" for pitch in voiced(step)]
    assert [told(played, Part.CHORDS) for played in leaving[step + 2 : step + long + 1]] == [[]] * (long - 1)
    assert told(leaving[step + long + 1], Part.CHORDS) == [f"+{pitch}" for pitch in voiced(step + long + 1)]
    model = drone()
    _, plain = through(opened(model), model, 40)
    bar = (step + long + 1) // 8 * 8 + 8
    assert [told(played, Part.CHORDS) for played in leaving[bar:]] == [
        told(played, Part.CHORDS) for played in plain[bar:]
    ]


def test_chords_that_are_muted_where_playing_stops_end_too() -> None:
    model = drone()
    _, leaving = through(opened(model), model, 8, {5: (Set("comp-mute", "on"), Stop())})
    assert told(leaving[6], Part.CHORDS) == [f"-{pitch}" for pitch in C7.voiced(48)]


def test_a_fallback_obeys_too() -> None:
    model = drone()
    session = through(opened(model), model, 8)[0][-1]
    asked = (Set("key", "D"), Set("register", 1), Set("tempo", 60), Set("melody-level", 50))
    session, leaves = fallback(session, Heard((), asked), model, "late")
    (pitch,) = session.band.frame.melody.pitches
    assert pitch - 14 in PITCHES
    assert session.band.frame.chord == form_chord(session).transposed(2)
    assert volumes([leaves], Part.MELODY) == [(session.step, 50)]
    assert session.position.transport.bpm == 60
