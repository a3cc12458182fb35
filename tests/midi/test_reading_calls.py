"""A call is read from a MIDI file; what is none is refused."""

from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from improv.errors import DataError, ImprovError, InputNotFound
from improv.export.messages import TICKS_A_BEAT
from improv.midi.call_file import CallNote, read_call
from tests.goldens import FOLDER


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
    read = read_call(midi_file(tmp_path / "call.mid", messages))[0]
    assert [(note.start_beats, note.end_beats, note.pitch) for note in read] == notes


def test_velocity_is_kept_and_the_kind_of_file_makes_no_difference(tmp_path: Path) -> None:
    first, second = [on(60, velocity=33), off(60, 1)], [on(72, 1, velocity=99), off(72, 1)]
    expected = (CallNote(0, 1, 60, 33), CallNote(1, 2, 72, 99))
    assert read_call(midi_file(tmp_path / "0.mid", [*first, on(72, velocity=99), off(72, 1)], kind=0))[0] == expected
    assert read_call(midi_file(tmp_path / "1.mid", [tempo(90)], first, second, kind=1))[0] == expected
    assert read_call(midi_file(tmp_path / "2.mid", first, ticks_per_beat=96))[0] == (CallNote(0, 5, 60, 33),)


def named(name: str, *messages: Any) -> list[Any]:
    return [mido.MetaMessage("track_name", name=name), *messages]


NOTES = {name: named(name, on(pitch), off(pitch, 1)) for name, pitch in (("You", 60), ("Melody", 72), ("Chords", 48))}


@pytest.mark.parametrize(
    ("tracks", "played", "says"),
    [
        pytest.param([*NOTES.values()], [60], "You", id="a take"),
        pytest.param([NOTES["Melody"], NOTES["Chords"]], [72], "Melody", id="a render"),
        pytest.param([named("You"), NOTES["Melody"], NOTES["Chords"]], [72], "Melody", id="you played nothing"),
        pytest.param([NOTES["You"]], [60], "", id="one track"),
        pytest.param([NOTES["Chords"], named("Bass", on(36), off(36, 1))], [36, 48], "", id="no line in it"),
        pytest.param([NOTES["Melody"], named("Piano", on(50), off(50, 1))], [50, 72], "", id="not improv's"),
        pytest.param([NOTES["You"], named("", on(50), off(50, 1))], [50, 60], "", id="a track without a name"),
    ],
)
def test_of_a_file_of_improvs_own_one_part_is_the_call(
    tracks: list[Any], played: list[int], says: str, tmp_path: Path
) -> None:
    path = midi_file(tmp_path / "own.mid", named("improv: walker, seed 3"), *tracks)
    notes, remarks = read_call(path)
    assert [note.pitch for note in notes] == played
    own = f"the call has the tracks of a file of improv's own: {says} alone is played"
    assert remarks == ((own,) if says else ())


@pytest.mark.parametrize(("name", "says"), [("exports/trade.mid", "You"), ("renders/band-blues.mid", "Melody")])
def test_what_improv_has_written_is_known_by_its_tracks(name: str, says: str) -> None:
    path = FOLDER / name
    track = next(each for each in mido.MidiFile(path).tracks if each.name == says)
    notes, remarks = read_call(path)
    assert len(notes) == sum(each.type == "note_on" and each.velocity > 0 for each in track)
    assert [f": {says} alone is played" in remark for remark in remarks] == [True]


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
    assert len(read_call(path)[0]) == 2
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
            notes = read_call(path)[0]
        except ImprovError as error:
            ends.add(type(error).__name__)
        else:
            ends.add("read")
            assert all(note.start_beats <= note.end_beats for note in notes)
    assert ends == {"read", "DataError"}
