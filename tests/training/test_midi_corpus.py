"""Any MIDI files as a corpus: which melody is read, onto which ticks, and that no bytes break the reader."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import DataError, ImprovError, InputNotFound
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from training.corpora import midi_files
from training.corpora.midi_files import estimated_key, read, read_file, skyline
from training.corpora.solos import Note, Solo, frames, notes_in

BASS, DRUMS = 33, 9

Played = tuple[float, float, int]
"""Onset and end in beats, and a pitch."""


def track(*notes: Played, program: int = 0, channel: int = 0, tpq: int = 480) -> mido.MidiTrack:
    messages = [(0, mido.Message("program_change", program=program, channel=channel))]
    for onset, end, pitch in notes:
        messages.append((round(onset * tpq), mido.Message("note_on", note=pitch, velocity=70, channel=channel)))
        messages.append((round(end * tpq), mido.Message("note_off", note=pitch, channel=channel)))
    return told(*messages)


def told(*messages: tuple[int, mido.Message | mido.MetaMessage]) -> mido.MidiTrack:
    """A track of messages at absolute ticks, what ends before what begins."""
    found, now = mido.MidiTrack(), 0
    for at, message in sorted(messages, key=lambda item: (item[0], item[1].type == "note_on")):
        found.append(message.copy(time=at - now))
        now = at
    return found


def metres(*changes: tuple[float, int, int]) -> mido.MidiTrack:
    """Time signatures, each from a beat on."""
    return told(
        *(
            (round(beat * 480), mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
            for beat, numerator, denominator in changes
        )
    )


def content(*tracks: mido.MidiTrack, tpq: int = 480) -> bytes:
    file = BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=tpq, tracks=list(tracks)).save(file=file)
    return file.getvalue()


def solo_in(path: Path, *tracks: mido.MidiTrack, tpq: int = 480) -> Solo:
    path = path / "some.mid"
    path.write_bytes(content(*tracks, tpq=tpq))
    return read_file(path, path.name)


def line(solo: Solo) -> list[tuple[int, int, int]]:
    return [(note.onset, note.end, note.pitch) for note in solo.notes]


MELODY = track((0, 1, 60), (1, 2, 62), (2, 3, 64), (3, 4, 65))
CHORDS = track(*((beat / 2, beat / 2 + 0.5, pitch) for beat in range(8) for pitch in (48, 52, 55)))


# --- which notes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others",
    [
        [CHORDS],
        [track(*((beat / 2, beat / 2 + 0.4, 36) for beat in range(8)), channel=DRUMS)],
        [track(*((beat / 2, beat / 2 + 0.4, 36) for beat in range(8)), program=BASS)],
        [track((0, 4, 90)), CHORDS, track((0, 1, 30), (2, 3, 31))],
    ],
    ids=["chords", "drums", "bass", "fewer onsets"],
)
def test_the_melody_is_the_busiest_line(tmp_path: Path, others: list[mido.MidiTrack]) -> None:
    wanted = [(0, 12, 60), (12, 24, 62), (24, 36, 64), (36, 48, 65)]
    assert line(solo_in(tmp_path, *others, MELODY)) == line(solo_in(tmp_path, MELODY, *others)) == wanted


def test_a_bass_that_is_alone_is_the_melody(tmp_path: Path) -> None:
    assert line(solo_in(tmp_path, track((0, 1, 40), program=BASS))) == [(0, 12, 40)]


def test_of_a_piano_it_is_the_upper_line(tmp_path: Path) -> None:
    right = ((0.0, 1.0, 72), (1.0, 2.0, 74), (2.0, 4.0, 76))
    left = tuple((beat / 2, beat / 2 + 0.5, pitch) for beat in range(7) for pitch in (48, 52))
    assert line(solo_in(tmp_path, track(*right, *left))) == [(0, 12, 72), (12, 24, 74), (24, 48, 76)]


@pytest.mark.parametrize(
    ("notes", "wanted"),
    [
        ([], []),
        ([(0, 6, 60), (0, 6, 64), (0, 12, 55)], [(0, 6, 64)]),
        ([(0, 8, 64), (6, 12, 62)], [(0, 6, 64), (6, 12, 62)]),  # a little legato
        ([(0, 24, 64), (6, 12, 62), (12, 24, 60)], [(0, 24, 64)]),  # a line below
        ([(0, 24, 60), (6, 12, 64), (12, 18, 62)], [(0, 6, 60), (6, 12, 64), (12, 18, 62)]),  # a line above
        ([(0, 12, 60), (6, 18, 60)], [(0, 6, 60), (6, 18, 60)]),
    ],
)
def test_the_skyline(notes: Sequence[tuple[int, int, int]], wanted: list[tuple[int, int, int]]) -> None:
    found = skyline([Note(*note) for note in reversed(notes)])
    assert [(note.onset, note.end, note.pitch) for note in found] == wanted


def test_a_phrase_begins_after_a_beat_of_rest(tmp_path: Path) -> None:
    solo = solo_in(tmp_path, track((0, 1, 60), (1.5, 2, 62), (3, 4, 64), (5.5, 6, 65)))
    assert solo.phrases == (0, 36, 66)
    assert [note.phrase for note in solo.notes] == [0, 0, 1, 2]


# --- where they are ---------------------------------------------------------------------------


@pytest.mark.parametrize("tpq", [96, 100, 480, 1])
def test_onsets_are_on_the_nearest_tick(tmp_path: Path, tpq: int) -> None:
    beats = (0, 1 / 3, 2 / 3, 1, 1.25, 1.5, 1.75, 2.02, 3.99) if tpq > 1 else (0, 1, 2)
    notes = [(beat, beat + 0.1 if tpq > 1 else beat + 1, 60 + number) for number, beat in enumerate(beats)]
    solo = solo_in(tmp_path, track(*notes, tpq=tpq), tpq=tpq)
    assert [note.onset for note in solo.notes] == [round(beat * TICKS_PER_BEAT) for beat in beats]
    assert notes_in(frames(solo))[0].pitch == 60


def test_it_begins_with_the_bar_of_its_first_note_and_ends_with_that_of_its_last(tmp_path: Path) -> None:
    solo = solo_in(tmp_path, track((9, 10, 60), (15, 16.5, 62)))
    assert line(solo) == [(12, 24, 60), (84, 102, 62)]
    assert (solo.bars, solo.chords) == (3, (None,) * 12)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([(0, 4, 4)], [0, 60, 120, 180]),
        ([(0, 2, 2), (4, 4, 4)], [0, 60, 120, 180]),
        ([(0, 3, 4), (6, 4, 4)], [0, 60]),  # from beat 6 on
        ([(8, 3, 4)], [0, 60]),
        ([(0, 3, 4), (3, 4, 4), (11, 6, 8)], [24, 84]),
        ([(0, 4, 4), (2, 4, 4)], [36, 96, 156]),  # the bar lines move
    ],
)
def test_the_longest_stretch_of_4_4_is_read(
    tmp_path: Path, changes: list[tuple[float, int, int]], wanted: list[int]
) -> None:
    notes = track(*((beat, beat + 1.0, 60 + beat) for beat in (0, 5, 10, 15)))
    assert [note.onset for note in solo_in(tmp_path, metres(*changes), notes).notes] == wanted


def test_of_other_metres_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing in 4/4"):
        solo_in(tmp_path, metres((0, 3, 4), (6, 6, 8)), MELODY)


# --- the key and the tempo --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tonic", "mode"),
    [("C", 0, "maj"), ("F#", 6, "maj"), ("Eb", 3, "maj"), ("Am", 9, "min"), ("Bbm", 10, "min")],
)
def test_the_key_is_the_one_that_is_named(tmp_path: Path, name: str, tonic: int, mode: str) -> None:
    solo = solo_in(tmp_path, told((0, mido.MetaMessage("key_signature", key=name))), MELODY)
    assert (solo.tonic, solo.mode) == (tonic, mode)


@pytest.mark.parametrize("tonic", range(12))
def test_where_none_is_named_it_is_heard(tonic: int) -> None:
    major = [Note(12 * at, 12 * at + 12, 60 + tonic + above) for at, above in enumerate((0, 4, 7, 5, 4, 2, 0))]
    minor = [Note(12 * at, 12 * at + 12, 60 + tonic + above) for at, above in enumerate((0, 3, 7, 8, 7, 3, 2, 0))]
    assert estimated_key(major) == (tonic, "maj")
    assert estimated_key(minor) == (tonic, "min")


def test_what_is_like_no_key_has_none() -> None:
    assert estimated_key([]) == (None, "")
    assert estimated_key([Note(at, at + 1, 60 + at) for at in range(12)]) == (None, "")


def test_the_tempo_is_that_of_the_first_note(tmp_path: Path) -> None:
    tempos = told(
        (0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60))),
        (960, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(200))),
        (9600, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90))),
    )
    assert solo_in(tmp_path, tempos, track((2, 3, 60))).tempo_bpm == pytest.approx(200)
    assert solo_in(tmp_path, track((2, 3, 60))).tempo_bpm == 120
    assert solo_in(tmp_path, told((0, mido.MetaMessage("set_tempo", tempo=0))), MELODY).tempo_bpm == 120


# --- folders, and what is no music ------------------------------------------------------------


def test_a_folder_is_read_by_name_and_what_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "within").mkdir()
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "within" / "B.MID").write_bytes(content(MELODY))
    (tmp_path / "a.midi").write_bytes(content(MELODY))
    (tmp_path / "notes.txt").write_text("no music")
    (tmp_path / "broken.mid").write_bytes(content(MELODY)[:60])
    (tmp_path / "drums.mid").write_bytes(content(track((0, 1, 36), channel=DRUMS)))
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "nowhere")
    solos, report = read(tmp_path)
    assert [(solo.name, solo.title) for solo in solos] == [("a.midi", "a"), ("within/B.MID", "B")]
    assert (report.solos, report.bars, report.notes) == (2, 2, 8)
    assert list(report.left_out) == ["broken.mid", "drums.mid"]
    assert "drums.mid: no melody" in str(report)
    assert "broken.mid: no MIDI file, or a broken one" in str(report)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"", "no MIDI file"),
        (b"MThd\0\0\0\6\0\0\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0", "a beat has no ticks"),
        (b"MThd\0\0\0\6\0\0\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0", "no MIDI file"),
        (content(track((0, 1, 60), (20_000, 20_001, 60))), r"5,001 bars long"),
    ],
    ids=["empty", "no resolution", "film frames", "endless"],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, broken: bytes, reason: str) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(broken)
    with pytest.raises(DataError, match=reason):
        read_file(path, "broken.mid")


def test_a_file_may_be_too_large_or_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputNotFound, match="No such file"):
        read_file(tmp_path / "gone.mid", "gone.mid")
    monkeypatch.setattr(midi_files, "MOST_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        solo_in(tmp_path, MELODY)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="no such folder"):
        read(tmp_path / "nowhere")


WHOLE = content(metres((0, 4, 4), (8, 3, 4), (11, 4, 4)), MELODY, CHORDS)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good file with some bytes changed, lost or cut off."""
    found = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(14, len(found) - 1))
        match draw(st.sampled_from(("changed", "lost", "more"))):
            case "changed":
                found[at] = draw(st.integers(0, 255))
            case "lost":
                del found[at]
            case _:
                found[at:at] = draw(st.binary(max_size=4))
    return bytes(found)


@given(st.one_of(spoilt(), st.binary(max_size=100), st.binary(max_size=100).map(lambda junk: WHOLE[:30] + junk)))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.mid"
    path.write_bytes(junk)
    try:
        solo = read_file(path, "junk.mid")
    except ImprovError:
        return
    assert len(solo.chords) == solo.bars * BEATS_PER_BAR
    assert line(solo) == [(note.onset, note.end, note.pitch) for note in notes_in(frames(solo))]


def test_the_report_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.mid").write_bytes(content(MELODY))
    monkeypatch.setattr("sys.argv", ["midi_files", str(tmp_path)])
    midi_files.main()
    assert "1 files" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["midi_files", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        midi_files.main()
    assert ended.value.code == InputNotFound.exit_status
