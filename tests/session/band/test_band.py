"""The band in a performance: it listens, ends what it begins, follows from the seed, and never touches the melody."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Placed, Timed
from improv.music.parts import MIXED_PARTS, Part
from improv.music.styles import Style
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, HandOver, Panic, Restart, Set, Start, Stop
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.recording.replay import restored, state_of
from improv.session.band.accompaniment import PLAYERS
from improv.session.fallback import LATE, fallback, fallback_plan
from improv.session.lifecycle import begin, finish, idled, skip_choruses
from improv.session.network import swapped
from improv.session.state import Played, Session
from improv.session.step import advance
from tests.conftest import Echo, tried

MODELS = Path(__file__).resolve().parents[3] / "exported_models"

CHANGES = "F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bdim7 | F7 | Am7b5 D7 | Gm7 | C7 | F7 D7 | Gm7 C7"

STYLES = tuple(Style)


@pytest.fixture(scope="module")
def partner() -> StepModel:
    return OnnxModel(MODELS / "partner.onnx")


def opened(model: StepModel, mode: Mode = Mode.SOLO, **chosen: object) -> Session:
    settings = Settings(mode=mode, **{"seed": 1, "bars": 2, **chosen})  # type: ignore[arg-type]
    return begin(model, settings, Transport(0, 0.0, 120, 0.6))


def through(session: Session, model: StepModel, steps: int, *heard: Heard) -> tuple[list[Session], list[Played]]:
    sessions, leaving = [], []
    for step in range(steps):
        session, played = advance(session, heard[step % len(heard)] if heard else Heard(), model)
        sessions.append(session)
        leaving.append(played)
    return sessions, leaving


def events_of(leaving: list[Played], *parts: Part) -> list[Placed]:
    return [placed for played in leaving for placed in played.events if placed.event.part in parts]


def onsets(leaving: list[Played], part: Part) -> list[tuple[float, int]]:
    """Tick and pitch of what begins."""
    events = [(placed.tick, placed.event) for placed in events_of(leaving, part)]
    return [(tick, event.pitch) for tick, event in events if isinstance(event, NoteOn)]


def keys(session: Session, *pitches: int, velocity: int = 90) -> Heard:
    """What a player strikes and lets go at the beginning and in the middle of a session's step."""
    time_of = session.position.transport.time_of_tick
    on, off = time_of(session.tick), time_of(session.tick + 3)
    notes = [Timed(on, NoteOn(Part.YOU, pitch, velocity)) for pitch in pitches]
    return Heard((*notes, *(Timed(off, NoteOff(Part.YOU, pitch)) for pitch in pitches)))


# --- the melody --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.SOLO, Mode.DUET, Mode.TRADE])
def test_the_melody_is_the_same_with_any_band_and_without(partner: StepModel, mode: Mode) -> None:
    def melody(**chosen: object) -> list[Placed]:
        return events_of(through(opened(partner, mode, **chosen), partner, 96)[1], Part.MELODY)

    silent = Settings.of(mode=mode, comp_mute="on", bass_mute="on", drums_mute="on").mixer
    alone = melody(mixer=silent)
    assert alone
    for style in STYLES:
        assert melody(style=style, band=1.0) == alone


# --- what sounds ends --------------------------------------------------------------------------------

_SETS = st.one_of(
    st.builds(Set, st.just("style"), st.sampled_from([str(style) for style in STYLES])),
    st.builds(Set, st.just("band"), st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(
        Set,
        st.sampled_from(
            [f"{part.label}-{column}" for part in MIXED_PARTS for column in ("mute", "solo")],
        ),
        st.sampled_from(["on", "off"]),
    ),
    st.builds(Set, st.sampled_from(["bass-level", "drums-level", "comp-level"]), st.sampled_from([0, 100])),
    st.builds(Set, st.just("key"), st.sampled_from(["C", "Eb", "F#", "own"])),
    st.builds(Set, st.just("tempo"), st.sampled_from([60.0, 240.0])),
    st.builds(Set, st.just("swing"), st.sampled_from([0.5, 0.667, "auto"])),
    st.builds(Set, st.just("mode"), st.sampled_from(["solo", "trade", "phrase", "listen"])),
    st.builds(Set, st.just("seed"), st.integers(0, 9)),
    st.sampled_from([HandOver(), Panic(), Stop(), Restart()]),
)

HAPPENS = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(["network", "network", "late", "missed", "skipped", "swapped", "keys"]),
        st.lists(_SETS, max_size=2),
    ),
    min_size=1,
    max_size=14,
)
"""What happens, and after how many steps: how the next step comes about, and what is asked for in it."""


def performed(happens: list[tuple[int, str, list[Command]]]) -> tuple[list[tuple[Session, Played]], Played]:
    """Play in all styles with what happens; every session with what is played in its step, and the end."""
    models = (Echo(CHANGES), Echo("C7 | F7 | C7 | G7"))
    model: StepModel = models[0]
    session = opened(model, style=Style.SWING, band=0.8, count_in=0)
    found = []
    for steps, how, commands in happens:
        for step in range(steps):
            heard = Heard((), tuple(commands)) if step == 0 else Heard()
            if not session.position.playing:
                session = idled(session, Heard((), (*heard.commands, Start())), 1.0)
                continue
            match how if step == 0 else "network":
                case "late":
                    session, played = fallback(session, heard, model, LATE)
                case "missed":
                    session, played = fallback(session, heard, model, "", audible=False)
                case "skipped" if session.place >= 0:
                    session, played = advance(skip_choruses(session, 2), heard, model)
                case "swapped":
                    model = models[model is models[0]]
                    session, played = advance(swapped(session, model), heard, model)
                case "keys":
                    struck = keys(session, 60, 64, velocity=120)
                    session, played = advance(session, Heard(struck.notes, heard.commands), model)
                case _:
                    session, played = advance(session, heard, model)
            found.append((session, played, heard, how if step == 0 else "network"))
    return found, finish(session)  # type: ignore[return-value]


@tried(60, 1500, HAPPENS)
def test_whatever_happens_every_note_of_the_band_ends_once(happens: list[tuple[int, str, list[Command]]]) -> None:
    steps, end = performed(happens)
    sounding: set[tuple[Part, int]] = set()
    for session, played, heard, how in steps:  # type: ignore[misc]
        if Panic() in heard.commands or how == "skipped":  # the player has ended everything
            sounding.clear()
        for event in (placed.event for placed in played.events if isinstance(placed.event, NoteEvent)):
            note = event.part, event.pitch
            if event.part is Part.MELODY:
                continue
            if isinstance(event, NoteOn):
                assert note not in sounding
                sounding.add(note)
            else:
                sounding.discard(note)
        if session.position.playing and session.place >= 0:
            mixer = session.settings.mixer
            kept = {(part, pitch) for part in PLAYERS for pitch in session.band.parts[part].pitches}
            assert sounding <= kept | {note for note in sounding if note[0] is Part.DRUMS and session.place < 0}
            assert all(mixer.is_audible(part) for part, _ in sounding)
    sounding -= {(placed.event.part, placed.event.pitch) for placed in end.events if isinstance(placed.event, NoteOff)}
    assert sounding == set()


@tried(20, 300, HAPPENS)
def test_the_same_happens_again(happens: list[tuple[int, str, list[Command]]]) -> None:
    (one, _), (other, _) = performed(happens), performed(happens)
    assert [step[1] for step in one] == [step[1] for step in other]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("step", [13, 30, 55])
def test_a_session_that_a_take_states_goes_on_with_the_same_band(style: Style, step: int) -> None:
    model = Echo(CHANGES)
    session = through(opened(model, style=style, band=1.0), model, step, keys(opened(model), 60))[0][-1]
    back = restored(state_of(session, model, "0" * 64), model)
    assert back.band.parts == session.band.parts
    assert back.band.hearing == session.band.hearing
    assert through(back, model, 60)[1] == through(session, model, 60)[1]


# --- networks that fail, and change ------------------------------------------------------------------


@pytest.mark.parametrize("style", [style for style in STYLES if style is not Style.PADS])
def test_the_band_plays_on_where_the_network_fails(style: Style) -> None:
    model = Echo(CHANGES)
    session = opened(model, style=style)
    struck: dict[Part, list[float]] = {part: [] for part in PLAYERS}
    for _ in range(96):
        session, played = fallback(session, Heard(), model, "it raises")
        for placed in played.events:
            if isinstance(placed.event, NoteOn) and placed.event.part in struck:
                struck[placed.event.part].append(placed.tick)
    for part, ticks in struck.items():
        assert {int(tick) // 48 for tick in ticks} >= set(range(12)) or part is Part.CHORDS
        assert len(ticks) > 10


def test_a_network_that_was_late_for_one_step_leaves_no_mark_on_the_band_of_a_plain_jam() -> None:
    model = Echo(CHANGES)
    settings = {"mode": Mode.LISTEN, "band": 0.0}
    one = other = opened(model, **settings)  # type: ignore[arg-type]
    for step in range(96):
        one, played = advance(one, Heard(), model)
        other, again = fallback(other, Heard(), model, LATE) if step == 40 else advance(other, Heard(), model)
        assert events_of([played], *PLAYERS) == events_of([again], *PLAYERS)


def test_a_plan_for_a_late_network_ends_what_is_struck_but_for_held_chords() -> None:
    model = Echo(CHANGES)
    for style in STYLES:
        session = through(opened(model, style=style, band=1.0), model, 9)[0][-1]
        events = fallback_plan(session, Heard(), model, 8).events
        sounding = {(part, pitch) for part in PLAYERS for pitch in session.band.parts[part].pitches}
        for event in (placed.event for placed in events):
            if isinstance(event, NoteOn) and event.part in PLAYERS:
                sounding.add((event.part, event.pitch))
            elif isinstance(event, NoteOff):
                sounding.discard((event.part, event.pitch))
        assert {part for part, _ in sounding} == ({Part.CHORDS} if style is Style.PADS else set())


# --- it listens --------------------------------------------------------------------------------------


def velocities(leaving: list[Played], part: Part) -> list[int]:
    return [placed.event.velocity for placed in events_of(leaving, part) if isinstance(placed.event, NoteOn)]


def played_over(velocity: int, *pitches: int, every: int = 1, bars: int = 24, band: float = 0.7) -> list[Played]:
    """What the band plays while a player strikes the same pitches, every so many steps."""
    model = Echo(CHANGES)
    session, leaving = opened(model, Mode.LISTEN, band=band), []
    for step in range(8 * bars):
        heard = keys(session, *pitches, velocity=velocity) if step % every == 0 else Heard()
        session, played = advance(session, heard, model)
        leaving.append(played)
    return leaving


@pytest.mark.parametrize("part", list(PLAYERS))
def test_the_band_is_louder_with_the_player(part: Part) -> None:
    soft, usual, loud = (velocities(played_over(velocity, 72), part) for velocity in (30, 80, 125))
    assert sum(soft) / len(soft) < sum(usual) / len(usual) < sum(loud) / len(loud)


def test_chords_are_thinner_under_busy_lines_within_a_bar() -> None:
    busy, calm = (velocities(played_over(80, 72, every=every, band=1.0), Part.CHORDS) for every in (1, 8))
    assert len(busy) < len(calm)


def test_chords_go_out_of_the_way_of_a_player_who_comes_down_to_them() -> None:
    leaving = played_over(80, 50, 57)
    assert min(pitch for _, pitch in onsets(leaving, Part.CHORDS)[8:]) > 57
    assert max(pitch for _, pitch in onsets(leaving, Part.BASS)[8:]) < 50


# --- styles ------------------------------------------------------------------------------------------


def test_pads_are_held_chords_alone_however_lively_the_band() -> None:
    model = Echo(CHANGES)
    plain, lively = (through(opened(model, style=Style.PADS, band=band), model, 96)[1] for band in (0.0, 1.0))
    assert plain == lively
    assert {placed.event.part for placed in events_of(plain, *Part)} == {Part.MELODY, Part.CHORDS}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("other", STYLES)
def test_a_style_can_be_turned_anywhere(style: Style, other: Style) -> None:
    model = Echo(CHANGES)
    for step in (3, 8, 13):
        session = through(opened(model, style=style, band=1.0), model, step)[0][-1]
        turned, _ = advance(session, Heard((), (Set("style", str(other)),)), model)
        after, leaving = through(turned, model, 24)
        assert after[-1].settings.style is other
        drums = {placed.event.part for placed in events_of(leaving, Part.BASS, Part.DRUMS)}
        assert drums == (set() if other is Style.PADS else {Part.BASS, Part.DRUMS})


def test_a_part_is_silent_where_it_is_muted_and_the_others_play_on() -> None:
    model = Echo(CHANGES)
    session = through(opened(model), model, 11)[0][-1]
    for part in PLAYERS:
        muted, played = advance(session, Heard((), (Set(f"{part.label}-mute", "on"),)), model)
        ends = [placed.event for placed in played.events if placed.event.part is part]
        assert all(isinstance(event, NoteOff) for event in ends)
        assert {event.pitch for event in ends if isinstance(event, NoteOff)} == set(session.band.parts[part].pitches)
        assert not [e for e in events_of(through(muted, model, 48)[1], part) if isinstance(e.event, NoteOn)]
        others = set(PLAYERS) - {part}
        assert {placed.event.part for placed in events_of(through(muted, model, 48)[1], *others)} == others


def test_the_band_follows_the_key() -> None:
    model = Echo(CHANGES)
    plain = through(opened(model, Mode.LISTEN, band=0.0), model, 96)[1]
    higher = through(replace(opened(model, Mode.LISTEN, band=0.0, key="D")), model, 96)[1]
    drums = [events_of(leaving, Part.DRUMS) for leaving in (plain, higher)]
    assert drums[0] == drums[1]
    roots = [
        [pitch % 12 for tick, pitch in onsets(leaving, Part.BASS) if tick % 96 == 0] for leaving in (plain, higher)
    ]
    assert roots[1] == [(pitch_class + 2 - 0) % 12 for pitch_class in roots[0]]
