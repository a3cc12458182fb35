"""Files that other programs can read: what can be played of them is, and what cannot is told truly."""

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import DataError
from improv.midi.call_file import read_call
from improv.midi.smf import Unreadable, read_messages

BEAT = 480
PITCHES = (60, 63, 65, 67)
WHOLE = tuple((float(beat), beat + 1.0, pitch) for beat, pitch in enumerate(PITCHES))
END = b"\x00\xff\x2f\x00"


def number(value: int) -> bytes:
    """A number of variable length."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, value & 0x7F | 0x80)
    return bytes(digits)


def notes(*pitches: int, channel: int = 0) -> bytes:
    """Quarter notes, one after the other."""
    return b"".join(
        b"\x00" + bytes((0x90 | channel, pitch, 90)) + number(BEAT) + bytes((0x80 | channel, pitch, 64))
        for pitch in pitches
    )


def chunk(name: bytes, content: bytes, length: int | None = None) -> bytes:
    return name + (len(content) if length is None else length).to_bytes(4, "big") + content


def header(kind: int = 0, tracks: int = 1, division: int = BEAT, *, more: bytes = b"") -> bytes:
    return chunk(b"MThd", b"".join(each.to_bytes(2, "big") for each in (kind, tracks, division)) + more)


def track(*events: bytes, end: bytes = END, length: int | None = None) -> bytes:
    return chunk(b"MTrk", b"".join(events) + end, length)


LINE = notes(*PITCHES)
LATER = number(2 * BEAT) + notes(65, 67)[1:]
META = b"\x00\xff"
CASES = {
    "as it should be": header() + track(LINE),
    "a chunk of another kind first": header() + chunk(b"XFIH", b"abcdef") + track(LINE),
    "a chunk of another kind last": header() + track(LINE) + chunk(b"XFIH", b"abcdef"),
    "more tracks promised than there are": header(1, 5) + track(LINE),
    "fewer tracks promised than there are": header(1, 1) + track(notes(60, 63)) + track(LATER),
    "none promised": header(0, 0) + track(LINE),
    "a track length that is too long": header() + track(LINE, length=len(LINE) + 40),
    "a track length that is too short": header() + track(LINE, length=10),
    "a track length of nothing, and another track": header(1, 2) + track(notes(60, 63), length=0) + track(LATER),
    "a longer header": header(more=b"abcd") + track(LINE),
    "a track without its last message": header() + track(LINE, end=b""),
    "bytes behind the end": header() + track(LINE) + b"\x00\x01garbage",
    "bytes behind the end of a track": header() + track(LINE, END, b"\x00\x90\x10\x10"),
    "a key that is none": header() + track(META + b"\x59\x02\x09\x02", LINE),
    "a key of one byte": header() + track(META + b"\x59\x01\x00", LINE),
    "a tempo of two bytes": header() + track(META + b"\x51\x02\x07\xa1", LINE),
    "a time signature that is none": header() + track(META + b"\x58\x04\xff\xff\xff\xff", LINE),
    "a text in no encoding": header() + track(META + b"\x03\x04\xff\xfe\x80\x81", LINE),
    "an unknown meta message": header() + track(META + b"\x60\x02ab", LINE),
    "a sysex": header() + track(b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7", LINE),
    "a song position": header() + track(b"\x00\xf2\x01\x02", LINE),
    "tempi": header() + track(notes(60, 63), META + b"\x51\x03\x01\x00\x00", notes(65, 67)),
    "running status": header() + track(b"\x00\x90\x3c\x5a", number(BEAT) + b"\x3c\x00", notes(63, 65, 67)),
    "running status over a text": header()
    + track(b"\x00\x90\x3c\x5a", META + b"\x01\x01a", number(BEAT) + b"\x3c\x00", notes(63, 65, 67)),
    "in a RIFF file": b"RIFF" + (0).to_bytes(4, "little") + b"RMID" + b"LIST\x05\x00\x00\x00INFOx\x00"
    + b"data\x00\x00\x00\x00" + header() + track(LINE),
    "behind a MacBinary header": b"\0" + bytes(127) + header() + track(LINE),
    "percussion beside it": header(1, 2) + track(LINE) + track(notes(38, 38, channel=9)),
    "notes that two tracks double": header(1, 2) + track(LINE) + track(LINE),
    "of type 2": header(2, 2) + track(notes(60, 63)) + track(notes(65, 67)),
}  # fmt: skip


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "call.mid"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in CASES.items()])
def test_what_other_programs_read_is_read(content: bytes, tmp_path: Path) -> None:
    read = read_call(written(tmp_path, content))[0]
    assert tuple((note.start_beats, note.end_beats, note.pitch) for note in read) == WHOLE


def test_eight_notes_of_one_pitch_that_touch_are_eight_whole_notes(tmp_path: Path) -> None:
    touching = (
        b"\x00\x90\x3c\x5a" + 7 * (number(BEAT) + b"\x90\x3c\x5a\x00\x80\x3c\x40") + number(BEAT) + b"\x80\x3c\x40"
    )
    read = read_call(written(tmp_path, header() + track(touching)))[0]
    assert [(note.start_beats, note.end_beats) for note in read] == [(beat, beat + 1) for beat in range(8)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"RIFF\x00\x00\x00\x00WAVEfmt ", "is no MIDI file but a RIFF file of the kind WAVE", id="a sound"),
        pytest.param(b"SMF2CLIP\x00\x40\x10\x00", "is a clip of MIDI 2.0", id="MIDI 2.0"),
        pytest.param(b"PK\x03\x04abcd", "but an archive; unpack it first", id="an archive"),
        pytest.param(b"MThd\x00\x00", "is no MIDI file, or one that is cut off in its header", id="half a header"),
        pytest.param(header(division=0) + track(LINE), "says 0 ticks a quarter note", id="no resolution"),
        pytest.param(header(division=0xE700) + track(LINE), "counts in film frames of no length", id="empty frames"),
        pytest.param(header(division=0x9001) + track(LINE), "counts in film frames of no length", id="112 frames"),
        pytest.param(
            chunk(b"MThd", bytes((0, 0, 0, 1))) + track(LINE), "cut off in its header", id="a header without a division"
        ),
        pytest.param(header(), "has no tracks, or is cut off before them", id="no track"),
        pytest.param((header() + track(LINE))[:-9], "is cut off in the middle of a track", id="cut off"),
        pytest.param(header() + track(b"\x00\x3c\x5a", LINE), "is damaged: a track has data", id="no status"),
        pytest.param(header() + track(b"\xff\xff\xff\xff\x00", LINE), "a number in a track has no end", id="no end"),
        pytest.param(header() + track(notes(38, channel=9)), "has no notes but percussion", id="drums alone"),
        pytest.param(header() + track(), "has no notes", id="nothing"),
    ],
)
def test_what_cannot_be_read_is_told(content: bytes, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DataError) as told:
        read_call(path)
    assert str(told.value).startswith(f"{path}: it ")
    assert says in str(told.value)


def test_what_is_no_call_in_a_file_is_told(tmp_path: Path) -> None:
    def remarks(name: str) -> tuple[str, ...]:
        return read_call(written(tmp_path, CASES[name]))[1]

    assert remarks("as it should be") == ()
    assert remarks("percussion beside it") == ("2 notes of the call are percussion, on channel 10, and left out",)
    assert remarks("notes that two tracks double") == ()
    assert remarks("of type 2") == ("the call has 2 patterns (a file of type 2), played one after the other",)


def test_what_mido_refuses_symusic_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(**_: object) -> mido.MidiFile:
        raise ValueError("an odd byte")

    content = header(1, 2) + track(LINE) + track(notes(38, channel=9))
    before = read_messages(content)
    monkeypatch.setattr("improv.midi.smf.mido.MidiFile", refuses)
    assert sorted(read_messages(content).messages) == sorted(before.messages)
    monkeypatch.setattr("symusic.Score", SimpleNamespace(from_midi=refuses))
    with pytest.raises(Unreadable, match="is damaged: no reader understands it"):
        read_messages(content)


def test_a_file_that_counts_in_film_frames_has_two_beats_a_second(tmp_path: Path) -> None:
    for rate, ticks in ((25, 2 * BEAT // 25), (24, 2 * BEAT // 24), (30, 2 * BEAT // 30)):
        path = written(tmp_path, header(division=(0x100 - rate) << 8 | ticks) + track(LINE))
        found, remarks = read_call(path)
        assert [note.pitch for note in found] == list(PITCHES)
        assert found[0].end_beats == pytest.approx(2 * BEAT / (rate * ticks))
        assert remarks == ("the call counts in film frames, not in beats: half a second is taken for a beat",)


@given(st.binary(max_size=60), st.sampled_from([b"", header(), header(1, 2) + track(LINE)]))
def test_no_bytes_break_the_reader(content: bytes, before: bytes) -> None:
    for whole in (before + content, before + chunk(b"MTrk", content + END)):
        with suppress(Unreadable):
            read_messages(whole)


def test_a_note_that_never_ends_is_freed_by_what_frees_it(tmp_path: Path) -> None:
    freed = b"\x00\x90\x3c\x5a" + number(BEAT) + b"\xb0\x7b\x00" + number(BEAT) + b"\x90\x3f\x5a" + number(BEAT)
    read = read_call(written(tmp_path, header() + track(freed, end=b"\xff\x2f\x00")))[0]
    assert [(note.start_beats, note.end_beats, note.pitch) for note in read] == [(0, 1, 60), (2, 3, 63)]
