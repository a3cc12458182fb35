"""Calls read from MIDI files and performances written as them; goldens are text, one event a line.

After a change that is meant to be heard, write the goldens again and read their diff:

    IMPROV_WRITE_GOLDENS=1 .venv/bin/pytest tests/export/test_midi_file.py
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest

from improv.errors import NotWritten
from improv.export.collector import Collector
from improv.export.formats import write_file
from improv.export.messages import TICKS_A_BEAT
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import pitch_name
from improv.music.transport import Transport
from improv.music.turns import Mode, Rules, Turn, Who, first_turn
from improv.protocol.commands import Quit, Set
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import Entry, Head
from improv.recording.replay import entry_of
from improv.session.lifecycle import begin
from improv.session.state import Session
from tests.conftest import Echo
from tests.runtime.test_engine import Commands, Receiver, played, script

GOLDEN = Path(__file__).parents[1] / "goldens" / "midi"
BAR = 4 * TICKS_A_BEAT
EVEN = Transport(0, 0.0, 120)
OFF_64 = NoteOff(Part.MELODY, 64)
SWUNG = 0.67
SOLO = Settings(mode=Mode.SOLO, bars=1, style=Style.PADS, dynamics=0, feel=0)
ALONE = Turn(Who.IMPROV, 0)


def begun(model: Echo, mode: Mode = Mode.SOLO, *, swing: float = 0.5, key: str = OWN, count_in: int = 0) -> Session:
    """A session at 120 bpm in turns of one bar, its first step due at 0 s."""
    settings = Settings(mode=mode, bars=1, key=key, seed=1, style=Style.PADS, dynamics=0, feel=0)
    return begin(model, settings, Transport(-8 * count_in, 0.0, 120, swing), count_in_bars=count_in)


def taken(
    path: Path, session: Session, model: Echo, *sources: Any, last_step: int = 31
) -> tuple[mido.MidiFile, Receiver]:
    """The file of a performance, and what its sink heard."""
    take = Collector(head_of(session, model), "a take")
    _, heard, _, moments = played(session, model, *sources, last_step=last_step)
    for moment in moments:
        take.observe(entry_of(moment))
    write_file(take.performance(), path)
    return mido.MidiFile(path), heard


def head_of(session: Session, model: Echo) -> Head:
    """The head of a take that begins with a session."""
    return Head(
        improv="0.1.0",
        began="2026-11-21T06:45:12+00:00",
        model=model.spec.name,
        model_sha256="00ff" * 16,
        settings=session.settings,
        transport=session.position.transport,
        count_in_bars=-(session.step + 1) // 8,
        form=model.spec.form,
        key=model.spec.key,
    )


def absolute(track: mido.MidiTrack) -> list[tuple[int, Any]]:
    at = 0
    return [(at := at + message.time, message) for message in track]


def parts(midi: mido.MidiFile) -> dict[str, list[tuple[int, Any]]]:
    """Each track but the first by its name, its messages at their ticks."""
    return {track.name: absolute(track) for track in midi.tracks[1:]}


def onsets(midi: mido.MidiFile, part: str) -> list[int]:
    return [at for at, message in parts(midi)[part] if message.type == "note_on"]


def metas(midi: mido.MidiFile, kind: str) -> list[tuple[int, Any]]:
    return [(at, message) for at, message in absolute(midi.tracks[0]) if message.type == kind]


def tempos(midi: mido.MidiFile) -> list[tuple[int, float]]:
    return [(at, round(mido.tempo2bpm(message.tempo))) for at, message in metas(midi, "set_tempo")]


def markers(midi: mido.MidiFile) -> list[tuple[int, str]]:
    return [(at, message.text) for at, message in metas(midi, "marker")]


def as_text(midi: mido.MidiFile) -> list[str]:
    """The events of a file in their order, one a line: beat, part, what happens."""
    lines = []
    for order, track in enumerate(midi.tracks):
        for at, message in absolute(track):
            match message.type:
                case "note_on" | "note_off":
                    what = (
                        f"{message.type.removeprefix('note_'):<3} {pitch_name(message.note):<3} {message.velocity:>3}"
                    )
                case "set_tempo":
                    what = f"{mido.tempo2bpm(message.tempo):g} bpm"
                case "marker":
                    what = message.text
                case _:
                    continue
            lines.append((at, order, f"{at / TICKS_A_BEAT:7.3f}  {track.name if order else '-':<6}  {what}"))
    return [line for _, _, line in sorted(lines, key=lambda line: line[:2])]


def check_golden(name: str, midi: mido.MidiFile) -> None:
    path, lines = GOLDEN / name, as_text(midi)
    if os.environ.get("IMPROV_WRITE_GOLDENS"):
        path.write_text("\n".join(lines) + "\n")
    assert lines == path.read_text().splitlines(), f"{path} differs; see the top of {__file__}"


def check_well_formed(midi: mido.MidiFile) -> None:
    """Every onset has one end after it, on its part's channel; all tracks end together."""
    for name, events in parts(midi).items():
        sounding: dict[int, int] = {}
        for at, message in events:
            if message.type in ("note_on", "note_off"):
                assert message.channel == Part(name.lower()).channel
                assert (message.type == "note_on") != (message.note in sounding), f"{name}: {message} at {at}"
            if message.type == "note_on":
                assert message.velocity
                sounding[message.note] = at
            elif message.type == "note_off":
                assert at > sounding.pop(message.note)
        assert not sounding
    assert len({absolute(track)[-1][0] for track in midi.tracks}) == 1


CALL = [(0.02, 0.30, 60), (0.52, 0.71, 63), (0.98, 1.9, 67), (4.3, 4.45, 72), (4.6, 5.99, 70)]
"""Onsets, releases in seconds and pitches for the first and the third bar at 120 bpm."""


def test_golden_trade(echo: Echo, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo, Mode.TRADE), echo, script(*CALL))
    check_well_formed(midi)
    check_golden("trade.txt", midi)


def test_golden_duet_with_everything_turned(tmp_path: Path) -> None:
    """A count-in, swing, another key, a primer and two tempo changes."""
    model = Echo("C7 | Dm7 G7", primers=((60, 60, 62, 62),))
    session = begun(model, Mode.DUET, swing=SWUNG, key="Eb", count_in=1)
    turning = Commands((3.0, Set("tempo", 90)), (5.0, Set("tempo", 160)))
    midi, _ = taken(
        tmp_path / "take.mid", session, model, script((2.1, 2.4, 55), (2.9, 3.3, 58)), turning, last_step=15
    )
    check_well_formed(midi)
    check_golden("duet.txt", midi)


def test_tracks_are_named_and_parts_have_their_channels(echo: Echo, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo, Mode.TRADE, count_in=1), echo, script(*CALL))
    assert [track.name for track in midi.tracks] == ["a take", "You", "Melody", "Chords", "Drums"]
    assert midi.type == 1
    channels = {name: {m.channel for _, m in events if not m.is_meta} for name, events in parts(midi).items()}
    assert channels == {"You": {2}, "Melody": {0}, "Chords": {1}, "Drums": {9}}


def test_markers_stand_where_a_chorus_or_a_turn_begins(echo: Echo, tmp_path: Path) -> None:
    trade = ["Chorus 1 - you", "improv", "you", "improv", "Chorus 2 - you"]
    for bars_before in (0, 1, 4):
        midi, _ = taken(tmp_path / "take.mid", begun(echo, Mode.TRADE, count_in=bars_before), echo, last_step=39)
        assert markers(midi) == [((bars_before + bar) * BAR, text) for bar, text in enumerate(trade)]
    midi, _ = taken(tmp_path / "take.mid", begun(echo), echo, last_step=39)
    assert markers(midi) == [(0, "Chorus 1 - improv"), (4 * BAR, "Chorus 2")]


def test_a_marker_stands_once_where_the_music_was_stopped_on_it(echo: Echo, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo, Mode.TRADE), echo, Commands((2.1, Quit())))
    assert markers(midi) == [(0, "Chorus 1 - you"), (BAR, "improv")]


def test_a_tempo_stands_at_the_step_it_changes_at(echo: Echo, tmp_path: Path) -> None:
    turning = Commands((0.3, Set("tempo", 240)), (0.7, Set("tempo", 60)))
    midi, _ = taken(tmp_path / "take.mid", begun(echo), echo, turning)
    # asked for in step 1, which ends at 0.5 s, and in step 3, which ends at 0.75 s
    assert tempos(midi) == [(0, 120), (TICKS_A_BEAT, 240), (2 * TICKS_A_BEAT, 60)]


@pytest.mark.parametrize("swing", [0.5, SWUNG, 0.75])
def test_the_file_sounds_when_the_performance_did(echo: Echo, swing: float, tmp_path: Path) -> None:
    """Tempo and ticks together, as a player of the file adds them up, wherever the tempo was changed."""
    turning = Commands(
        (0.1, Set("tempo", 240)), (1.1, Set("tempo", 60)), (3.6, Set("tempo", 200)), (3.9, Set("tempo", 90))
    )
    midi, heard = taken(tmp_path / "take.mid", begun(echo, swing=swing), echo, turning)
    now_s, sounded = 0.0, []
    for message in midi:
        now_s += message.time
        if message.type == "note_on":
            sounded.append((message.channel, now_s))
    performed = [(event.part.channel, at) for at, event in heard.events if isinstance(event, NoteOn)]
    for channel in (0, 1):
        expected = [at for part, at in performed if part == channel]
        assert [at for part, at in sounded if part == channel] == pytest.approx(expected, abs=0.01)


def test_swing_is_heard_in_the_file_as_later_off_beats(echo: Echo, tmp_path: Path) -> None:
    for swing, off_beat in ((0.5, 240), (SWUNG, round(SWUNG * TICKS_A_BEAT)), (0.75, 360)):
        midi, _ = taken(tmp_path / "take.mid", begun(echo, swing=swing), echo, last_step=7)
        assert onsets(midi, "Melody") == [beat * TICKS_A_BEAT + part for beat in range(4) for part in (0, off_beat)]


def test_your_notes_are_written_where_you_played_them(echo: Echo, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo, Mode.TRADE), echo, script((0.6, 0.66, 64), (1.0, 9.0, 65)))
    notes = [(at, m.type, m.note) for at, m in parts(midi)["You"] if m.type in ("note_on", "note_off")]
    end = 4 * BAR
    assert notes == [(576, "note_on", 64), (634, "note_off", 64), (960, "note_on", 65), (end, "note_off", 65)]


def solo(
    step: int, *events: Placed, transport: Transport = EVEN, settings: Settings = SOLO, turn: Turn = ALONE
) -> Entry:
    """A step of a performance that is told by hand."""
    return Entry(
        step=step,
        how=How.NETWORK,
        events=events,
        transport=transport,
        settings=settings,
        turn=turn,
    )


def struck(step: int, pitch: int, steps: int = 0) -> tuple[Placed, ...]:
    """A note of the melody that begins with a step, and its end if it has one."""
    on = Placed(6 * step, NoteOn(Part.MELODY, pitch, 80))
    return (on, Placed(6 * (step + steps), NoteOff(Part.MELODY, pitch))) if steps else (on,)


def told(path: Path, model: Echo, *entries: Entry) -> mido.MidiFile:
    take = Collector(head_of(begun(model), model), "a take")
    for entry in entries:
        take.observe(entry)
    write_file(take.performance(), path)
    check_well_formed(mido.MidiFile(path))
    return mido.MidiFile(path)


def melody(midi: mido.MidiFile) -> list[tuple[float, str, int]]:
    """The melody's notes, by the step they stand at."""
    notes = [(at, message) for at, message in parts(midi)["Melody"] if message.type in ("note_on", "note_off")]
    return [(at / (TICKS_A_BEAT / 2), message.type, message.note) for at, message in notes]


def test_a_file_says_what_it_was_made_with(echo: Echo, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo), echo, last_step=7)
    made_with = "improv 0.1.0: echo, seed 1, sha256 " + "00ff" * 16
    assert [(at, message.text) for at, message in metas(midi, "text")] == [(0, made_with)]
    (at, metre) = metas(midi, "time_signature")[0]
    assert (at, metre.numerator, metre.denominator) == (0, 4, 4)


@pytest.mark.parametrize(("chosen", "key"), [(OWN, "C"), *((key, key) for key in ("Db", "F#", "Bb", "Ab", "B"))])
def test_the_key_is_the_one_that_sounds(echo: Echo, chosen: str, key: str, tmp_path: Path) -> None:
    midi, _ = taken(tmp_path / "take.mid", begun(echo, key=chosen), echo, last_step=7)
    assert [(at, message.key) for at, message in metas(midi, "key_signature")] == [(0, key)]


def test_another_key_or_mode_is_told_where_it_begins(echo: Echo, tmp_path: Path) -> None:
    higher = Settings(mode=Mode.SOLO, bars=1, key="F", style=Style.PADS)
    trade = Settings(mode=Mode.TRADE, bars=1, key="F", style=Style.PADS)
    entries = [solo(step, settings=higher if step >= 3 else SOLO) for step in range(17)]
    turns = {step: first_turn(step, Rules(trade.mode, trade.bars, trade.gap)) for step in range(17, 26)}
    entries += [solo(step, settings=trade, turn=turn) for step, turn in turns.items()]
    midi = told(tmp_path / "take.mid", echo, *entries)
    assert [(at, message.key) for at, message in metas(midi, "key_signature")] == [(0, "C"), (3 * BAR // 8, "F")]
    assert markers(midi) == [(0, "Chorus 1 - improv"), (17 * BAR // 8, "you"), (3 * BAR, "improv")]


def test_leapt_choruses_are_silent(echo: Echo, tmp_path: Path) -> None:
    """What sounded before them ends with its step, although it was only ended after them."""
    after = replace(solo(66, *struck(66, 67, 2)), skipped_choruses=2)
    before = solo(0, *struck(0, 64)), solo(1, *struck(1, 60))
    midi = told(tmp_path / "take.mid", echo, *before, replace(after, events=(Placed(396, OFF_64), *after.events)))
    assert melody(midi) == [
        (0, "note_on", 64),
        (1, "note_on", 60),
        (2, "note_off", 64),
        (2, "note_off", 60),
        (66, "note_on", 67),
        (68, "note_off", 67),
    ]
    assert absolute(midi.tracks[0])[-1][0] == 68 * TICKS_A_BEAT // 2


def test_a_week_of_leapt_choruses_can_be_written(echo: Echo, tmp_path: Path) -> None:
    week = 4 * 3600 * 24 * 7  # steps
    midi = told(
        tmp_path / "take.mid",
        echo,
        solo(0, *struck(0, 64)),
        replace(solo(week, *struck(week, 65)), skipped_choruses=week // 32),
    )
    assert [at for at, _, _ in melody(midi)] == [0, 1, week, week + 1]
    assert max(message.time for track in midi.tracks for message in track) < 1 << 28


def test_skipped_steps_are_silent_and_take_their_time(echo: Echo, tmp_path: Path) -> None:
    skipped = [replace(solo(step), how=How.SKIPPED) for step in range(2, 6)]
    midi = told(tmp_path / "take.mid", echo, solo(0, *struck(0, 64, 2)), solo(1), *skipped, solo(6, *struck(6, 65, 1)))
    assert melody(midi) == [(0, "note_on", 64), (2, "note_off", 64), (6, "note_on", 65), (7, "note_off", 65)]


def test_a_take_without_an_end_ends_with_its_last_step(echo: Echo, tmp_path: Path) -> None:
    midi = told(tmp_path / "take.mid", echo, solo(0, *struck(0, 64)), solo(1), solo(2))
    assert melody(midi) == [(0, "note_on", 64), (3, "note_off", 64)]
    assert {absolute(track)[-1][0] for track in midi.tracks} == {3 * TICKS_A_BEAT // 2}


def test_all_tracks_are_as_long_as_the_longest(echo: Echo, tmp_path: Path) -> None:
    """A note struck again where it ends the file has its end a tick later, and everybody waits for it."""
    again = Placed(12, NoteOn(Part.MELODY, 64, 80))
    midi = told(tmp_path / "take.mid", echo, solo(0), solo(1, again, again, again))
    assert [at - TICKS_A_BEAT for at, message in parts(midi)["Melody"] if message.type == "note_on"] == [0, 1, 2]
    assert {absolute(track)[-1][0] for track in midi.tracks} == {TICKS_A_BEAT + 3}


def test_notes_around_a_change_of_tempo_are_written_where_they_were_played(echo: Echo, tmp_path: Path) -> None:
    """From step 4 (1 s) on at half the tempo: what arrived before it is told by what was before it."""
    slower = EVEN.with_bpm(60, from_step=4)
    played_at = [0.875, 1.25, 1.5]
    notes = tuple(Timed(at, NoteOn(Part.YOU, 60 + n, 80)) for n, at in enumerate(played_at))
    entries = [solo(step) for step in range(4)]
    entries += [
        replace(solo(4, transport=slower), heard=Heard(notes[:1])),
        replace(solo(5, transport=slower), heard=Heard(notes[1:])),
    ]
    midi = told(tmp_path / "take.mid", echo, *entries)
    assert tempos(midi) == [(0, 120), (2 * TICKS_A_BEAT, 60)]
    assert [at / TICKS_A_BEAT for at in onsets(midi, "You")] == [1.75, 2.25, 2.5]
    sounded, now_s = [], 0.0
    for message in midi:
        now_s += message.time
        if message.type == "note_on":
            sounded.append(now_s)
    assert sounded == pytest.approx(played_at)


def test_a_tempo_that_is_told_late_stands_where_it_was_changed(echo: Echo, tmp_path: Path) -> None:
    """Its steps are missing from the take; it is not set before what is there, nor again without a change."""
    faster = EVEN.with_bpm(240, from_step=3)
    again = faster.with_bpm(240, from_step=7)
    midi = told(
        tmp_path / "take.mid",
        echo,
        solo(0),
        solo(6, transport=faster),
        solo(7, transport=again),
        solo(8, transport=again),
    )
    assert tempos(midi) == [(0, 120), (3 * TICKS_A_BEAT // 2, 240)]


def test_a_take_that_cannot_be_written_says_where(echo: Echo, tmp_path: Path) -> None:
    take = Collector(head_of(begun(echo), echo), "a take")
    with pytest.raises(NotWritten, match=r"/nowhere/take\.mid: No such file or directory; choose another file"):
        write_file(take.performance(), tmp_path / "nowhere" / "take.mid")
