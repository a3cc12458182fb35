"""Calls read from MIDI files and performances written as them; goldens are text, one event a line.

After a change that is meant to be heard, write the goldens again and read their diff:

    IMPROV_WRITE_GOLDENS=1 .venv/bin/pytest tests/recording/test_midi_file.py
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from improv.config.values import Tune
from improv.errors import DataError, ImprovError, InputNotFound, UsageError
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.theory import pitch_name
from improv.music.transport import Transport
from improv.music.turns import Mode, Rules, Turn, Who, first_turn
from improv.protocol.commands import Quit, Set
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import Entry, Head
from improv.recording.midi_file import TICKS_A_BEAT, CallNote, Take, read_call
from improv.recording.replay import entry_of
from improv.runtime.render import render
from improv.session.lifecycle import begin
from improv.session.state import Session
from tests.conftest import Echo
from tests.models.onnx_models import saved, walker
from tests.runtime.test_engine import Commands, Receiver, played, script

GOLDEN = Path(__file__).parents[1] / "goldens" / "midi"
BAR = 4 * TICKS_A_BEAT
EVEN = Transport(0, 0.0, 120)
OFF_64 = NoteOff(Part.MELODY, 64)
SWUNG = 0.67
SOLO = Settings(mode=Mode.SOLO, bars=1)
ALONE = Turn(Who.IMPROV, 0)


def on(pitch: int, after: float = 0, velocity: int = 80, channel: int = 0) -> mido.Message:
    """A note_on some beats after the message before it."""
    return mido.Message("note_on", note=pitch, velocity=velocity, channel=channel, time=round(after * TICKS_A_BEAT))


def off(pitch: int, after: float = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, channel=channel, time=round(after * TICKS_A_BEAT))


def silence(beats: float) -> mido.MetaMessage:
    return mido.MetaMessage("end_of_track", time=round(beats * TICKS_A_BEAT))


def tempo(bpm: float, after: float = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=round(after * TICKS_A_BEAT))


def midi_file(path: Path, *tracks: list[Any], ticks_per_beat: int = TICKS_A_BEAT, kind: int = 1) -> Path:
    midi = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat)
    midi.tracks.extend(mido.MidiTrack(messages) for messages in tracks)
    midi.save(path)
    return path


# --- calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "notes"),
    [
        pytest.param([on(60), off(60, 1)], [(0, 1, 60)], id="a note"),
        pytest.param([on(60, 1.5), on(60, 0.5, velocity=0)], [(1.5, 2, 60)], id="velocity 0 is an end"),
        pytest.param([on(60), on(64, 1), off(60, 0.5), off(64, 0.5)], [(0, 1.5, 60), (1, 2, 64)], id="legato"),
        pytest.param([on(60), on(60, 1), off(60, 1)], [(0, 1, 60), (1, 2, 60)], id="struck again while it sounds"),
        pytest.param([on(67), on(60), off(67, 1), off(60)], [(0, 1, 60), (0, 1, 67)], id="a chord from below"),
        pytest.param(
            [on(60), on(60, 1, channel=3), off(60, 1), off(60, 1, 3)], [(0, 2, 60), (1, 3, 60)], id="two hands"
        ),
        pytest.param([on(60), silence(4)], [(0, 4, 60)], id="unfinished: as long as the file"),
        pytest.param([off(64, 1), on(60), off(60, 1)], [(1, 2, 60)], id="an end without a beginning"),
        pytest.param([on(38, channel=9), on(60), off(38, 1, 9), off(60)], [(0, 1, 60)], id="percussion is left out"),
        pytest.param(
            [on(60), off(60), on(64, 1), off(64, 1)], [(0, 0, 60), (1, 2, 64)], id="of no length: struck all the same"
        ),
        pytest.param([tempo(60), on(60, 1), tempo(240), off(60, 1)], [(1, 2, 60)], id="tempo moves nothing"),
    ],
)
def test_a_call_is_read_in_beats(messages: list[Any], notes: list[tuple[float, float, int]], tmp_path: Path) -> None:
    read = read_call(midi_file(tmp_path / "call.mid", messages))
    assert [(note.start_beats, note.end_beats, note.pitch) for note in read] == notes


def test_velocity_is_kept_and_the_kind_of_file_makes_no_difference(tmp_path: Path) -> None:
    first, second = [on(60, velocity=33), off(60, 1)], [on(72, 1, velocity=99), off(72, 1)]
    expected = (CallNote(0, 1, 60, 33), CallNote(1, 2, 72, 99))
    assert read_call(midi_file(tmp_path / "0.mid", [*first, on(72, velocity=99), off(72, 1)], kind=0)) == expected
    assert read_call(midi_file(tmp_path / "1.mid", [tempo(90)], first, second, kind=1)) == expected
    assert read_call(midi_file(tmp_path / "2.mid", first, ticks_per_beat=96)) == (CallNote(0, 5, 60, 33),)


def good_file(path: Path) -> bytes:
    return midi_file(path, [on(60), off(60, 1), on(64), off(64, 1)]).read_bytes()


def refused(path: Path, error: type[ImprovError]) -> str:
    """What is said of a file, in one line that names it and says what to give instead."""
    with pytest.raises(error) as told:
        read_call(path)
    message = str(told.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith("; give a Standard MIDI File (.mid) with a melody")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "it is no MIDI file", id="empty"),
        pytest.param(b"la la la la la la", "it is no MIDI file", id="text"),
        pytest.param(b"RIFF\0\0\0\0RMID", "it is no MIDI file", id="another format"),
        pytest.param(bytes(5 * 2**20), "it is larger than 4 MiB", id="too big"),
    ],
)
def test_what_is_no_midi_file_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "call.mid"
    path.write_bytes(content)
    assert says in refused(path, DataError)


def test_a_file_without_a_melody_is_refused(tmp_path: Path) -> None:
    assert "it has no notes" in refused(midi_file(tmp_path / "none.mid", [tempo(90), silence(4)]), DataError)
    assert "it has no notes" in refused(
        midi_file(tmp_path / "drums.mid", [on(38, channel=9), off(38, 1, 9)]), DataError
    )


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "cut.mid"
    content = good_file(path)
    assert len(read_call(path)) == 2
    for size in range(len(content)):
        path.write_bytes(content[:size])
        refused(path, DataError)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "No such file or directory" in refused(tmp_path / "gone.mid", InputNotFound)
    assert "Is a directory" in refused(tmp_path, InputNotFound)


def test_damage_in_a_call_is_refused_or_harmless(tmp_path: Path) -> None:
    path, chance, ends = tmp_path / "call.mid", np.random.default_rng(1), set[str]()
    good = good_file(path)
    for _ in range(400):
        content = bytearray(good)
        for place in chance.integers(0, len(good), size=chance.integers(1, 4)):
            content[place] = chance.integers(0, 256)
        path.write_bytes(content)
        try:
            notes = read_call(path)
        except ImprovError as error:
            ends.add(type(error).__name__)
        else:
            ends.add("read")
            assert all(note.start_beats <= note.end_beats for note in notes)
    assert ends == {"read", "DataError"}


# --- takes --------------------------------------------------------------------------------------


def begun(model: Echo, mode: Mode = Mode.SOLO, *, swing: float = 0.5, key: str = OWN, count_in: int = 0) -> Session:
    """A session at 120 bpm in turns of one bar, its first step due at 0 s."""
    settings = Settings(mode=mode, bars=1, key=key, seed=1)
    return begin(model, settings, Transport(-8 * count_in, 0.0, 120, swing), count_in_bars=count_in)


def taken(
    path: Path, session: Session, model: Echo, *sources: Any, last_step: int = 31
) -> tuple[mido.MidiFile, Receiver]:
    """The file of a performance, and what its sink heard."""
    take = Take(head_of(session, model), "a take")
    _, heard, _, moments = played(session, model, *sources, last_step=last_step)
    for moment in moments:
        take.observe(entry_of(moment))
    take.write(path)
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
    take = Take(head_of(begun(model), model), "a take")
    for entry in entries:
        take.observe(entry)
    take.write(path)
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
    higher = Settings(mode=Mode.SOLO, bars=1, key="F")
    trade = Settings(mode=Mode.TRADE, bars=1, key="F")
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
    take = Take(head_of(begun(echo), echo), "a take")
    with pytest.raises(InputNotFound, match=r"/nowhere/take\.mid: No such file or directory; choose another file"):
        take.write(tmp_path / "nowhere" / "take.mid")


# --- renders ------------------------------------------------------------------------------------


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., mido.MidiFile]:
    """A render of the walker, which draws its melody: the file it makes."""
    model = str(saved(walker(), tmp_path / "walker.onnx"))

    def rendered(
        call: Path | None = None, name: str = "out.mid", said: list[str] | None = None, **tune: Any
    ) -> mido.MidiFile:
        values = {"model": model, "choruses": 1, "seed": 0, "count_in": 0, "bars": 1, "provider": "cpu", **tune}
        render(Tune.of(**values), tmp_path / name, call, (said if said is not None else list[str]()).append)
        midi = mido.MidiFile(tmp_path / name)
        check_well_formed(midi)
        return midi

    return rendered


def test_a_render_repeats_to_the_byte_and_another_seed_differs(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    call = midi_file(tmp_path / "call.mid", [on(64), off(64, 1.3)])
    takes = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        rendered(call, name, seed=seed, choruses=3, swing=0.6, tempo=93)
        takes[name] = (tmp_path / name).read_bytes()
    assert takes["a"] == takes["b"]
    assert takes["a"] != takes["c"]
    melodies = [[m.note for _, m in parts(mido.MidiFile(tmp_path / n))["Melody"] if m.type == "note_on"] for n in "ac"]
    assert melodies[0] != melodies[1]


def test_a_render_is_as_long_as_it_was_asked_to_be(rendered: Callable[..., mido.MidiFile]) -> None:
    for choruses, count_in in ((1, 0), (3, 0), (2, 1)):
        midi = rendered(choruses=choruses, count_in=count_in)
        assert absolute(midi.tracks[0])[-1][0] == (4 * choruses + count_in) * BAR
        assert [text for _, text in markers(midi)] == ["Chorus 1 - improv", "Chorus 2", "Chorus 3"][:choruses]


def test_a_key_transposes_and_the_tempo_is_written(rendered: Callable[..., mido.MidiFile]) -> None:
    own, other = rendered(), rendered(key="Eb", tempo=97)
    assert [[m.note for _, m in parts(midi)["Chords"] if m.type == "note_on"][:4] for midi in (own, other)] == [
        [48, 52, 55, 58],
        [49, 51, 55, 58],
    ]
    assert (tempos(own), tempos(other)) == ([(0, 120)], [(0, 97)])


def test_a_call_that_fits_is_played_in_each_of_your_turns(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    fits = midi_file(tmp_path / "fits.mid", [on(60, 1), off(60, 1), on(64, 1), off(64, 1)])
    longer = midi_file(tmp_path / "longer.mid", [on(60, 1), off(60, 1), on(64, 3), off(64, 1)])
    turns = [chorus * 4 * BAR + bar * BAR for chorus in range(2) for bar in (0, 2)]
    assert onsets(rendered(fits, choruses=2), "You") == [start + b * TICKS_A_BEAT for start in turns for b in (1, 3)]
    assert onsets(rendered(longer, choruses=2), "You") == [TICKS_A_BEAT, 5 * TICKS_A_BEAT]
    assert onsets(rendered(fits, choruses=2, mode=Mode.DUET), "You") == [TICKS_A_BEAT, 3 * TICKS_A_BEAT]


def test_a_render_with_a_call_trades_and_without_one_is_solo(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    call = midi_file(tmp_path / "call.mid", [on(60), off(60, 1)])
    assert [text for _, text in markers(rendered(call))] == ["Chorus 1 - you", "improv", "you", "improv"]
    assert [text for _, text in markers(rendered())] == ["Chorus 1 - improv"]
    with pytest.raises(UsageError, match="solo hears no player; leave --call out, or choose --mode trade or duet"):
        rendered(call, mode=Mode.SOLO)


def test_a_call_is_played_whole_or_it_is_said_what_is_not(
    rendered: Callable[..., mido.MidiFile], tmp_path: Path
) -> None:
    late = midi_file(
        tmp_path / "late.mid", [on(60, 40), off(60, 1), on(64, 1), off(64, 1)]
    )  # bar 11, of four in a form
    said: list[str] = []
    midi = rendered(late, said=said, choruses=None)
    assert onsets(midi, "You") == [40 * TICKS_A_BEAT, 42 * TICKS_A_BEAT]
    assert said == ["3 choruses, for the call goes on to bar 11"]
    assert absolute(midi.tracks[0])[-1][0] == 12 * BAR  # and the answer
    said.clear()
    assert "You" not in parts(rendered(late, said=said, choruses=2))
    assert said == [
        "bar 11 of the call comes after the last chorus: 2 of its 2 notes are not played; "
        "leave --choruses out, or give 3"
    ]
    said.clear()
    short = midi_file(tmp_path / "short.mid", [on(60, 1), off(60, 1)])
    assert absolute(rendered(short, said=said, choruses=None).tracks[0])[-1][0] == 4 * BAR
    assert said == []
    far = midi_file(tmp_path / "far.mid", [on(60, 4 * 4 * 65), off(60, 1)])
    with pytest.raises(UsageError, match="the call goes on to bar 261, 66 choruses; say how many"):
        rendered(far, choruses=None)


def test_a_render_needs_an_end(rendered: Callable[..., mido.MidiFile]) -> None:
    with pytest.raises(UsageError, match="a render needs an end; give --choruses"):
        rendered(choruses=None)
