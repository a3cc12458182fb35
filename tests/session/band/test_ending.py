"""The ending: every part that is heard ends on the tonic, which rings and ends; and none where there is to be none."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.clock import SimulatedClock
from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import MIXED_PARTS, Part
from improv.music.styles import Style
from improv.music.theory import PITCH_CLASSES, Form
from improv.music.transport import Transport
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import Command, Panic, Quit, Stop
from improv.protocol.controls import Settings
from improv.recording.replay import entry_of
from improv.session.band.bass_targets import fifth, third
from improv.session.band.ending import ending_ticks, has_ending, tonic
from improv.session.band.hearing import HeardBeat, Hearing
from improv.session.lifecycle import begin, finish
from improv.session.state import Key, Session
from tests.conftest import Echo
from tests.recording.test_replay import again, recording
from tests.runtime.test_engine import Commands, played
from tests.session.band.playing import STYLES

SIXTEENTHS = Grid(4)

FORMS = ("C7 | F7 | C7 | G7", "Cm7 | Fm7 | Cm7 | G7", "C6 | Dm7 G7", "Cm | G7", "Cmaj7 | G7", "C | G7", "Cdim7 | G7")


def at_last_step(form: str, grid: Grid, settings: Settings, bpm: float, who: Who) -> Session:
    """A session at the last step of a form whose network never played."""
    tune = Form.parse(form, grid)
    session = begin(Echo(), settings, Transport(0, 0.0, bpm, grid=EIGHTHS))
    return replace(
        session,
        tune=replace(session.tune, form=tune),
        position=replace(session.position, step=tune.steps - 1, transport=Transport(0, 0.0, bpm, grid=grid)),
        turn=Turn(who, 0, None, grid),
    )


def onsets(events: tuple[Placed, ...], part: Part) -> list[tuple[float, int]]:
    return [(at.tick, at.event.pitch) for at in events if isinstance(at.event, NoteOn) and at.event.part is part]


@given(
    st.sampled_from(FORMS),
    st.sampled_from([EIGHTHS, SIXTEENTHS]),
    st.sampled_from(STYLES),
    st.sampled_from(["own", *PITCH_CLASSES]),
    st.sampled_from(list(Who)[1:]),
    st.floats(20, 400),
    st.frozensets(st.sampled_from(MIXED_PARTS)),
)
def test_every_part_that_is_heard_ends_on_the_tonic_and_ends(
    form: str, grid: Grid, style: Style, key: str, who: Who, bpm: float, silent: frozenset[Part]
) -> None:
    mutes: dict[str, Any] = {f"{part.label}_mute": "on" for part in silent}
    session = at_last_step(form, grid, Settings.of(mode=Mode.SOLO, style=style, key=key, **mutes), bpm, who)
    events, chord = finish(session, by_itself=True).events, tonic(session)
    begin_tick = 12 * 4 * Form.parse(form, grid).bars
    if key != "own":
        assert chord.root == PITCH_CLASSES.index(key)
    struck = {part: onsets(events, part) for part in MIXED_PARTS}
    heard = set(MIXED_PARTS) - silent
    assert {part for part, notes in struck.items() if notes} == heard
    assert all(tick == begin_tick for notes in struck.values() for tick, _ in notes)
    assert {pitch % 12 for _, pitch in struck[Part.BASS]} <= {chord.root}
    assert {pitch % 12 for _, pitch in struck[Part.MELODY]} <= {chord.root, third(chord), fifth(chord)}
    colours = {(chord.root + interval) % 12 for interval in (2, 9)}
    assert {pitch % 12 for _, pitch in struck[Part.CHORDS]} <= chord.pitch_classes | colours
    if Part.CHORDS in heard:
        assert third(chord) in {pitch % 12 for _, pitch in struck[Part.CHORDS]}
    sounding: dict[tuple[Part, int], float] = {}
    for placed in events:
        match placed.event:
            case NoteOn(part, pitch):
                sounding[part, pitch] = placed.tick
            case NoteOff(part, pitch):
                began = sounding.pop((part, pitch))
                assert placed.tick - began == (2 if part is Part.DRUMS else ending_ticks(bpm))
    assert not sounding
    assert 24 <= ending_ticks(bpm) <= 42


@pytest.mark.parametrize(
    ("mode", "beats", "joins"),
    [
        (Mode.TRADE, (), True),
        (Mode.PHRASE, (HeardBeat(onsets=2, low=60, high=62), HeardBeat()), True),
        (Mode.PHRASE, (HeardBeat(onsets=1, strikes=1, velocities=80, low=60, high=60), HeardBeat()), False),
        (Mode.LISTEN, (), False),
    ],
)
def test_the_soloist_joins_in_where_the_player_leaves_it_the_last_bar(
    mode: Mode, beats: tuple[HeardBeat, ...], *, joins: bool
) -> None:
    session = at_last_step(FORMS[0], EIGHTHS, Settings.of(mode=mode, style="swing"), 120, Who.YOU)
    session = replace(session, band=replace(session.band, hearing=Hearing(beats)))
    assert bool(onsets(finish(session, by_itself=True).events, Part.MELODY)) == joins
    held = replace(session, listener=replace(session.listener, keys=(Key(60, 80, 0),)))
    assert not onsets(finish(held, by_itself=True).events, Part.MELODY)


@pytest.mark.parametrize("part", MIXED_PARTS)
def test_a_part_at_level_0_or_beside_one_that_is_soloed_is_silent(part: Part) -> None:
    quiet = at_last_step(FORMS[0], EIGHTHS, Settings.of(mode=Mode.SOLO, **{f"{part.label}_level": 0}), 120, Who.IMPROV)
    assert not onsets(finish(quiet, by_itself=True).events, part)
    alone = at_last_step(
        FORMS[0], EIGHTHS, Settings.of(mode=Mode.SOLO, **{f"{part.label}_solo": "on"}), 120, Who.IMPROV
    )
    events = finish(alone, by_itself=True).events
    assert {each for each in MIXED_PARTS if onsets(events, each)} == {part}


def test_pads_have_no_ending_and_neither_has_what_is_stopped() -> None:
    pads = at_last_step(FORMS[0], EIGHTHS, Settings.of(mode=Mode.SOLO, style="pads"), 120, Who.IMPROV)
    assert finish(pads, by_itself=True) == finish(pads)
    swing = at_last_step(FORMS[0], EIGHTHS, Settings.of(mode=Mode.SOLO, style="swing"), 120, Who.IMPROV)
    assert not has_ending(finish(swing).events)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_take_with_an_ending_is_decided_again(mode: Mode) -> None:
    echo = Echo()
    session = begin(echo, Settings.of(mode=mode, style="swing"), Transport(0, 0.0, 50))
    _, sink, _, moments = played(session, echo, last_step=31)
    assert has_ending(entry_of(moments[-1]).events)
    assert sink.onsets(Part.BASS)[-1][0] == 16 * 60 / 50
    assert again(recording(session, moments))[-1] == 31


@pytest.mark.parametrize(("asked", "rings"), [(Quit(), False), (Stop(), False), (Panic(), True)])
def test_quitting_and_stopping_have_none_and_a_panic_before_it_does_not_matter(asked: Command, *, rings: bool) -> None:
    echo = Echo()
    session = begin(echo, Settings.of(mode=Mode.SOLO, style="swing"), Transport(0, 0.0, 120))
    quits = Commands((6.0, asked), (9.0, Quit()))
    _, _, _, moments = played(session, echo, quits, last_step=31, clock=SimulatedClock(-1))
    assert has_ending(moments[-1].played.events) == rings


def test_a_stop_or_a_panic_ends_what_rings_at_once() -> None:
    for asked in (Stop(), Panic(), Quit()):
        echo = Echo()
        session = begin(echo, Settings.of(mode=Mode.SOLO, style="swing"), Transport(0, 0.0, 120))
        _, sink, _, _ = played(session, echo, Commands((8.5, asked)), last_step=31)
        assert sink.onsets(Part.BASS)[-1][0] == 8.0
        assert max(at for at, _ in sink.events) == 8.5
