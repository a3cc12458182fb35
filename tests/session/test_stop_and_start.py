"""Playing is stopped, started and begun anew."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from improv.music.notes import NoteOff
from improv.music.parts import MIXED_PARTS, Part
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Quit, Restart, Set, Start, Stop, Tap
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.runtime.engine import START_S
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import Echo, combined, form_chord
from tests.recording.test_replay import again, recording
from tests.runtime.test_engine import Commands, played, script
from tests.runtime.test_engine import Receiver as Sink
from tests.session.steady import C7, STEP_S

OURS = MIXED_PARTS


def onsets(sink: Sink, part: Part, after_s: float = 0.0) -> list[float]:
    return sorted({at for at, _ in sink.onsets(part) if at >= after_s})


@pytest.mark.parametrize("swing", [0.5, 0.6])
@pytest.mark.parametrize("count_in", [0, 1])
@pytest.mark.parametrize("stop_step", [8, 9, 31, 32])
def test_stop_ends_everything_and_start_begins_at_the_top(
    stop_step: int, count_in: int, swing: float, echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(Mode.SOLO)
    session = replace(
        session,
        settings=replace(session.settings, count_in=count_in),
        position=replace(session.position, transport=replace(session.position.transport, swing=swing)),
    )
    stop_s, start_s = session.position.transport.time_of(stop_step) + 0.01, 20.0
    asked = Commands((stop_s, Stop()), (start_s, Start()))
    ended, sink, _, moments = played(session, echo, asked, last_step=63)
    stopped_s = round(session.position.transport.time_of(stop_step + 1), 6)
    quiet = [(at, event) for at, event in sink.events if stopped_s <= at < start_s]
    assert {at for at, _ in quiet} == {stopped_s}
    assert all(isinstance(event, NoteOff) for _, event in quiet)
    assert {event.part for _, event in quiet} == {Part.MELODY, Part.CHORDS}
    first = stop_step + 2
    top = first + first % 2 + 8 * count_in
    begins = Transport(first, start_s + START_S, 120, swing)
    top_s = begins.time_of(top)
    clicks = [begins.time_of(top - 8 + beat * 2) for beat in range(4)] if count_in else []
    assert onsets(sink, Part.DRUMS) == pytest.approx(clicks)
    assert onsets(sink, Part.CHORDS, start_s) == pytest.approx([begins.time_of(top + bar * 8) for bar in range(8)])
    assert onsets(sink, Part.MELODY, start_s) == pytest.approx([begins.time_of(top + step) for step in range(64)])
    assert {pitch for at, pitch in sink.onsets(Part.CHORDS) if at == pytest.approx(top_s)} == set(C7.voiced(48))
    assert (ended.position.form_start, ended.place, ended.health.missed_steps, ended.health.faults) == (top, 63, 0, 0)
    places = [moment.session.place for moment in moments if moment.session.step >= first]
    assert places == [*range(first - top, 64), 63]
    assert all(
        moment.session.band.frame.chord == form_chord(moment.session)
        for moment in moments
        if moment.session.step >= top
    )


def test_while_it_is_stopped_it_is_told_once_a_second_and_takes_in_what_is_asked(
    echo: Echo, begun: Callable[..., Session]
) -> None:
    asked = Commands(
        (1.1, Stop()), (3.0, Set("tempo", 60)), (3.2, Set("key", "D")), (3.4, Set("mode", "duet")), (3.5, HandOver()),
        (4.0, Start()), (4.01, Start()), (30.0, Quit()),
    )  # fmt: skip
    ended, sink, _, moments = played(begun(Mode.TRADE), echo, asked, script((2.0, 2.5, 61), (3.9, 4.5, 63)))
    idle = [moment for moment in moments if moment.how is How.IDLE]
    assert {moment.session.step for moment in idle} == {5}
    assert [command for moment in idle for command in moment.heard.commands] == [
        Set("tempo", 60), Set("key", "D"), Set("mode", "duet"), HandOver(), Start(),
    ]  # fmt: skip
    assert all(moment.played.events == () for moment in idle)
    assert [moment.session.position.playing for moment in idle] == [False] * (len(idle) - 1) + [True]
    assert snapshot(idle[-2].session, idle[-2].planned).playing is False
    assert (ended.position.transport.bpm, ended.settings.key, ended.settings.mode) == (60, "D", Mode.DUET)
    assert onsets(sink, Part.DRUMS) == pytest.approx([4.1, 5.1, 6.1, 7.1])
    assert onsets(sink, Part.CHORDS, 4)[:3] == pytest.approx([8.1, 12.1, 16.1])
    assert [pitch for at, pitch in sink.onsets(Part.CHORDS) if at > 4][:4] == list(C7.transposed(2).voiced(48))


def test_a_jam_that_is_stopped_can_be_ended(echo: Echo, begun: Callable[..., Session]) -> None:
    ended, _, _, moments = played(begun(), echo, Commands((1.1, Stop()), (7.7, Quit())))
    assert (ended.step, ended.position.playing) == (5, False)
    assert moments[-1].played.events == ()


@pytest.mark.parametrize("count_in", [0, 1])
@pytest.mark.parametrize("step", [12, 15, 31, 32])
def test_restart_goes_back_to_the_top_without_a_gap(
    step: int, count_in: int, echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(Mode.SOLO)
    session = replace(session, settings=replace(session.settings, count_in=count_in))
    asked = Commands((step * STEP_S + 0.01, Restart()))
    ended, sink, _, moments = played(session, echo, asked, last_step=63)
    first = step + 1
    top = first + first % 2 + 8 * count_in
    clicks = [(top - 8 + 2 * beat) * STEP_S for beat in range(4)] if count_in else []
    assert onsets(sink, Part.DRUMS) == clicks
    assert onsets(sink, Part.MELODY) == [at * STEP_S for at in [*range(first), *range(top, top + 64)]]
    assert onsets(sink, Part.CHORDS, first * STEP_S) == [(top + 8 * bar) * STEP_S for bar in range(8)]
    assert [moment.session.step for moment in moments] == [*range(top + 64), top + 63]
    assert all(
        moment.session.band.frame.chord == form_chord(moment.session)
        for moment in moments
        if moment.session.step >= top
    )
    assert (ended.place, ended.health.missed_steps) == (63, 0)


def test_stop_and_start_at_once_is_a_restart(echo: Echo, begun: Callable[..., Session]) -> None:
    both, one = (
        played(begun(Mode.SOLO), echo, Commands(*((3.1, command) for command in asked)), last_step=31)[1].events
        for asked in ((Stop(), Start()), (Restart(),))
    )
    assert both == one


def test_start_while_it_plays_changes_nothing(echo: Echo, begun: Callable[..., Session]) -> None:
    plain, started = (played(begun(Mode.SOLO), echo, Commands(*asked))[1].events for asked in ((), ((3.1, Start()),)))
    assert plain == started


def test_a_network_is_fed_the_rest_of_the_chorus_in_silence_where_it_is_left(
    echo: Echo, begun: Callable[..., Session]
) -> None:
    """It counts: so the top of the form is its top too."""
    for asked in ((Restart(),), (Set("count-in", 0), Restart())):
        session = begun(Mode.SOLO)
        for step in range(48):
            session, _ = advance(session, Heard((), asked if step == 20 else ()), echo)
        assert len(echo.fed) == 32 + session.place + 1 - (32 - 1) + 31
        assert session.band.frame.chord == form_chord(session)


ASKED = [
    ((2.1, Stop()), (4.0, Start())),
    ((2.3, Stop()), (4.0, Set("tempo", 77)), (4.5, Set("swing", 0.61)), (5.0, Start())),
    ((2.3, Stop()), (4.0, Set("count-in", 0)), (4.0, Set("key", "Ab")), (5.0, Start()), (7.3, Stop()), (9.0, Start())),
    ((2.3, Restart()), (3.0, Restart()), (6.1, Set("count-in", 0)), (6.3, Restart())),
    ((0.4, Tap(0.4)), (1.0, Tap(1.0)), (1.6, Tap(1.6)), (2.2, HandOver()), (3.1, Nudge("register", 1)), (4.0, Panic())),
    ((1.1, Set("mode", "phrase")), (2.2, Set("leaning", 1)), (3.3, Set("density", -1)), (4.4, Set("bars", 2))),
    ((1.1, Set("comp-mute", "on")), (2.2, Set("melody-level", 0)), (3.3, Set("comp-mute", "off")), (4.4, Stop()),
     (6.0, Restart())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "mode"), combined(ASKED, Mode, quick=lambda asked, mode: mode is Mode.TRADE or asked is ASKED[-1])
)
def test_what_was_turned_and_stopped_comes_out_the_same_again(
    mode: Mode, asked: tuple[tuple[float, Command], ...], echo: Echo, begun: Callable[..., Session]
) -> None:
    session = begun(mode)
    call = script((0.1, 0.4, 64), (0.6, 0.9, 67), (1.2, 2.9, 70), (4.1, 4.4, 72), (6.3, 7.9, 75), (8.0, 8.4, 71))
    _, _, _, moments = played(session, echo, Commands(*asked), call, last_step=47)
    assert again(recording(session, moments))[-1] == moments[-1].session.step
