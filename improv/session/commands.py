"""What was asked for, done to a session: controls turned, taps counted, playing started, stopped and begun anew."""

from dataclasses import replace
from itertools import pairwise
from typing import assert_never

from improv.music.notes import SILENCE, Frame
from improv.music.styles import auto_swing
from improv.protocol.commands import (
    Command,
    HandOver,
    Nudge,
    Panic,
    Restart,
    SessionCommand,
    Set,
    Start,
    Stop,
    Tap,
)
from improv.protocol.control import Value
from improv.protocol.controls import AUTO, SWING, SYSTEM_CONTROLS, TEMPO, Settings, control_named
from improv.session.band.accompaniment import silenced
from improv.session.state import DEFAULT_LEVELS, OWN_PROGRAMS, Position, Session

_TAPS, _TAP_PAUSE_S = 5, 3.0
"""So many taps are averaged, and after such a pause they begin anew."""


def apply_commands(session: Session, commands: tuple[Command, ...]) -> Session:
    """Return the session after commands, applied in order.

    Commands for others than a session, which an old take may hold, change nothing.
    """
    for command in commands:
        if not isinstance(command, SessionCommand):
            continue
        match command:
            case Set(control, value):
                session = _turn_control(session, control, value)
            case Nudge(control, by):
                if control not in SYSTEM_CONTROLS:
                    session = _turn_control(
                        session, control, control_named(control).nudged(_control_value(session, control), by)
                    )
            case Tap(time_s):
                session = _tap_tempo(session, time_s)
            case Start():
                session = session if session.position.playing else _from_the_top(session)
            case Stop():
                session = replace(session, position=replace(session.position, playing=False))
            case Restart():
                session = _from_the_top(session)
            case Panic():  # nothing sounds any more: the next step strikes anew
                silent = replace(
                    session.band,
                    frame=Frame(SILENCE, None),
                    parts=silenced(session.band.parts),
                    events=(),
                    levels=DEFAULT_LEVELS,
                    programs=OWN_PROGRAMS,
                )
                session = replace(session, band=silent)
            case HandOver():
                pass  # the rules of turn taking obey it
            case _:
                assert_never(command)
    return session


def _turn_control(session: Session, control: str, value: Value) -> Session:
    if control in SYSTEM_CONTROLS:
        return session
    position, settings = session.position, session.settings
    if control == TEMPO.name:
        transport = position.transport.with_bpm(float(value), from_step=session.step + 1)
        position = replace(position, transport=transport)
    elif control == SWING.name:
        settings = replace(settings, auto_swing=value == AUTO)
        position = position if value == AUTO else replace(position, pending_swing=float(value))
    else:
        settings = settings.with_value(control_named(control), value)
    return replace(session, position=with_auto_swing(position, settings), settings=settings)


def with_auto_swing(position: Position, settings: Settings) -> Position:
    """Return the position with the swing to come that style and tempo ask for, if they decide it."""
    if not settings.auto_swing:
        return position
    swing = auto_swing(settings.style, position.transport.bpm)
    return position if swing == position.swing else replace(position, pending_swing=swing)


def _control_value(session: Session, control: str) -> Value:
    """Return where one of the session's controls stands."""
    if control == TEMPO.name:
        return session.position.transport.bpm
    if control == SWING.name:  # from where it is, whatever decided it
        return session.position.swing
    return session.settings.value(control_named(control))


def _tap_tempo(session: Session, time_s: float) -> Session:
    """Return the tempo of the last taps, from the second on: the middle one of the times between them."""
    taps = (
        (*session.position.taps_s, time_s)[-_TAPS:]
        if session.position.taps_s and time_s - session.position.taps_s[-1] < _TAP_PAUSE_S
        else (time_s,)
    )
    session = replace(session, position=replace(session.position, taps_s=taps))
    beats_s = sorted(later - earlier for earlier, later in pairwise(taps) if later > earlier)
    if not beats_s:
        return session
    middle_s = (beats_s[(len(beats_s) - 1) // 2] + beats_s[len(beats_s) // 2]) / 2
    return _turn_control(session, TEMPO.name, TEMPO.nudged(round(60 / middle_s, 1), 0))


def _from_the_top(session: Session) -> Session:
    """Return the session that goes on from the top of the form, on a beat, after a count-in."""
    first = session.step + 1
    off_beat, grid = first % session.grid.steps_per_beat, session.grid
    on_beat = first + (grid.steps_per_beat - off_beat if off_beat else 0)
    top = on_beat + session.settings.count_in * grid.steps_per_bar
    return replace(session, position=replace(session.position, playing=True, form_start=top))
