"""A take as a MIDI file, read by other programs and played by a synthesiser."""

import array
import math
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import mido
import pytest

from improv.errors import NotWritten
from improv.export.collector import performance_of
from improv.export.formats import write_file
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import (
    Entry,
    Recording,
    read_take,
)
from improv.session.lifecycle import begin, finish
from improv.session.state import Session
from improv.session.step import advance
from tests.conftest import Echo
from tests.recording.performed import HEAD, recorded

Note = tuple[str, float, float, int, int]
"""Its track, start and end in beats, pitch and velocity."""


@dataclass(frozen=True)
class Score:
    """What is in a MIDI file, as any program reads it: positions in beats."""

    notes: list[Note]
    tempos: list[tuple[float, int]]
    metres: list[tuple[float, str]]
    keys: list[tuple[float, str]]
    markers: list[tuple[float, str]]


def performance() -> Recording:
    """Two choruses in E flat after a bar of count-in, traded and then together, the tempo turned twice."""
    model = Echo()
    chosen = Settings(mode=Mode.TRADE, bars=1, key="Eb", seed=1)
    session = begin(model, chosen, Transport(-8, 100.0, 120, 0.6), count_in_bars=1)
    head = replace(HEAD, settings=chosen, transport=session.position.transport)
    commands = {5: (Set("tempo", 93),), 32: (Set("mode", "duet"), Set("key", "F")), 40: (Set("tempo", 181),)}
    entries = []
    for step in range(-8, 64):
        start_s, length_s = session.position.transport.time_of(step - 1), session.position.transport.step_s
        phrase: tuple[Timed, ...] = ()
        if step % 16 in (1, 3, 4):
            phrase = (
                Timed(start_s + 0.3 * length_s, NoteOn(Part.YOU, 60 + step % 16, 70 + step % 16)),
                Timed(start_s + 0.9 * length_s, NoteOff(Part.YOU, 60 + step % 16)),
            )
        heard = Heard(phrase, commands.get(step, ()))
        session, played = advance(session, heard, model)
        entries.append(settled(session, heard, played.events))
    entries.append(settled(session, Heard(), finish(session).events))
    return Recording(head=head, entries=tuple(entries), remarks=(), ended="stopped", damage="")


def settled(session: Session, heard: Heard, events: tuple[Placed, ...]) -> Entry:
    return Entry(
        step=session.step,
        how=How.NETWORK,
        heard=heard,
        events=events,
        transport=session.position.transport,
        settings=session.settings,
        turn=session.turn,
        chord=session.band.frame.chord.symbol if session.band.frame.chord else "",
    )


def by_mido(path: Path) -> Score:
    midi = mido.MidiFile(path)
    notes, metas = list[Note](), list[tuple[float, Any]]()
    for track in midi.tracks:
        at, sounding = 0, dict[int, tuple[int, int]]()
        for message in track:
            at += message.time
            if message.type == "note_on":
                sounding[message.note] = at, message.velocity
            elif message.type == "note_off":
                start, velocity = sounding.pop(message.note)
                notes.append((track.name, start / 480, at / 480, message.note, velocity))
            elif message.is_meta:
                metas.append((at / 480, message))
        assert not sounding
    return Score(
        sorted(notes),
        [(at, m.tempo) for at, m in metas if m.type == "set_tempo"],
        [(at, f"{m.numerator}/{m.denominator}") for at, m in metas if m.type == "time_signature"],
        [(at, m.key) for at, m in metas if m.type == "key_signature"],
        [(at, m.text) for at, m in metas if m.type == "marker"],
    )


def by_symusic(path: Path) -> Score:
    score: Any = import_module("symusic").Score(path)
    assert {track.name: track.is_drum for track in score.tracks} == {
        name: name == "Drums" for name in ("You", "Melody", "Chords", "Bass", "Drums")
    }
    tpq = score.ticks_per_quarter
    notes = [
        (track.name, note.time / tpq, (note.time + note.duration) / tpq, note.pitch, note.velocity)
        for track in score.tracks
        for note in track.notes
    ]
    names = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
    return Score(
        sorted(notes),
        [(tempo.time / tpq, tempo.mspq) for tempo in score.tempos],
        [(metre.time / tpq, f"{metre.numerator}/{metre.denominator}") for metre in score.time_signatures],
        [(key.time / tpq, names[key.key + 7]) for key in score.key_signatures],
        [(marker.time / tpq, marker.text) for marker in score.markers],
    )


def by_music21(path: Path) -> Score:
    pytest.importorskip("music21")
    midi: Any = import_module("music21.midi")
    translate: Any = import_module("music21.midi.translate")
    file = midi.MidiFile()
    file.open(str(path))
    file.read()
    file.close()
    tpq = file.ticksPerQuarterNote
    notes, metas = list[Note](), list[tuple[float, Any]]()
    for track in file.tracks:
        timed = translate.getTimeForEvents(track)
        name = next(event.data.decode() for _, event in timed if event.type == midi.MetaEvents.SEQUENCE_TRACK_NAME)
        for on, off, event in translate.getNotesFromEvents(timed):
            assert event.channel == Part(name.lower()).channel + 1
            notes.append((name, on / tpq, off / tpq, event.pitch, event.velocity))
        metas += [(at / tpq, event) for at, event in timed if event.channel is None or event.data is not None]
    kinds = midi.MetaEvents

    def of(kind: Any) -> list[tuple[float, Any]]:
        return [(at, event) for at, event in metas if event.type == kind]

    return Score(
        sorted(notes),
        [(at, int.from_bytes(event.data, "big")) for at, event in of(kinds.SET_TEMPO)],
        [(at, translate.midiEventsToTimeSignature(event).ratioString) for at, event in of(kinds.TIME_SIGNATURE)],
        [
            (at, translate.midiEventsToKey(event).asKey("major").tonic.name.replace("-", "b"))
            for at, event in of(kinds.KEY_SIGNATURE)
        ],
        [(at, event.data.decode()) for at, event in of(kinds.MARKER)],
    )


@pytest.mark.parametrize("read", [by_mido, by_symusic, by_music21])
def test_a_take_is_the_same_midi_file_to_everybody(read: Callable[[Path], Score], tmp_path: Path) -> None:
    """Expected from the entries alone: where a note stands in beats is what its tick or its time says."""
    take = performance()
    write_file(performance_of(take), tmp_path / "take.mid")
    score = read(tmp_path / "take.mid")
    assert score == by_mido(tmp_path / "take.mid")
    assert score.tempos == [(0, 500_000), (4 + 2.6, 645_161), (24, 331_492)]
    assert score.metres == [(0, "4/4")]
    assert score.keys == [(0, "Eb"), (20, "F")]
    turns = ["Chorus 1 - you", "improv", "you", "improv", "Chorus 2 - both"]
    assert score.markers == [(4 + 4 * bar, text) for bar, text in enumerate(turns)]
    onsets = [
        (str(part).capitalize(), 4 + beats, pitch, velocity)
        for entry, before in zip(take.entries, (take.entries[0], *take.entries), strict=False)
        for part, pitch, velocity, beats in begun(entry, before)
    ]
    by_onset = sorted((name, round(start, 2), pitch, velocity) for name, start, _, pitch, velocity in score.notes)
    assert by_onset == sorted((name, round(round(at * 480) / 480, 2), *other) for name, at, *other in onsets)
    assert {name for name, *_ in score.notes} == {"You", "Melody", "Chords", "Bass", "Drums"}
    assert max(end for _, _, end, _, _ in score.notes) == 4 + 32


def begun(entry: Entry, before: Entry) -> Iterator[tuple[Part, int, int, float]]:
    """The onsets of a step, with the beats from the first chorus at which they stand."""
    for timed in entry.heard.notes:
        if isinstance(timed.event, NoteOn):
            on = timed.event
            yield on.part, on.pitch, on.velocity, before.transport.beats_at(timed.time_s)
    for placed in entry.events:
        if isinstance(placed.event, NoteOn):
            on = placed.event
            yield on.part, on.pitch, on.velocity, entry.transport.beats_of_tick(placed.tick)


def test_a_recovered_take_is_a_midi_file_as_far_as_it_goes(tmp_path: Path) -> None:
    take = performance()
    path = recorded(tmp_path, *take.entries[:30], head=take.head, end=None)
    path.write_bytes(path.read_bytes()[:-10])
    write_file(performance_of(read_take(path)), tmp_path / "recovered.mid")
    write_file(performance_of(replace(take, entries=take.entries[:29])), tmp_path / "expected.mid")
    assert (tmp_path / "recovered.mid").read_bytes() == (tmp_path / "expected.mid").read_bytes()
    assert max(end for _, _, end, _, _ in by_mido(tmp_path / "recovered.mid").notes) == 14.6  # the swung end of step 20
    with pytest.raises(NotWritten, match="choose another file to write to"):
        write_file(performance_of(take), tmp_path / "nowhere" / "take.mid")


SOUNDFONTS = ("/usr/share/sounds/sf2/default-GM.sf2", "/usr/share/soundfonts/default.sf2")


def test_a_synthesiser_plays_a_take_and_falls_silent(tmp_path: Path) -> None:
    """Four silent bars at the end show that nothing hangs."""
    sounds = next((path for path in SOUNDFONTS if Path(path).exists()), None)
    if shutil.which("fluidsynth") is None or sounds is None:
        pytest.skip("there is no FluidSynth here")
    take = performance()
    last = take.entries[-1]
    silence = tuple(replace(last, step=step, how=How.SKIPPED, events=()) for step in range(64, 96))
    write_file(performance_of(replace(take, entries=take.entries + silence)), tmp_path / "take.mid")
    sound = tmp_path / "take.wav"
    command = ["fluidsynth", "-ni", "-q", "-r", "22050", "-F", str(sound), sounds, str(tmp_path / "take.mid")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "error" not in done.stderr.lower()
    with wave.open(str(sound)) as file:
        rate = file.getframerate() * file.getnchannels()
        samples = array.array("h", file.readframes(file.getnframes()))

    def rms(part: Sequence[int]) -> float:
        return math.sqrt(sum(value * value for value in part) / len(part))

    assert rms(samples) > 100
    assert rms(samples[-rate:]) < 2
