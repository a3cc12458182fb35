"""The messages of a Standard MIDI File, of whatever other programs can read too.

What does not matter here is not looked at: text but the names of tracks, keys, tempi, system exclusive data, chunks
of other kinds, how many tracks there should be. mido reads what is left, and symusic what mido refuses. It must never
guess at notes: a track that is cut off or damaged is refused.
"""

import io
from collections.abc import Iterator
from itertools import chain
from typing import Any

import mido

from improv.dataclass import dataclass
from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.music.parts import PERCUSSION_CHANNEL

_HEADER, _TRACK, _RIFF, _RIFF_MIDI = b"MThd", b"MTrk", b"RIFF", b"RMID"
_CHUNK, _HEADER_LENGTH = 8, 6
_META, _NAME_OF_TRACK, _END_OF_TRACK, _SYSEX = 0xFF, 0x03, 0x2F, (0xF0, 0xF7)
_LONGEST_NUMBER = 4
_EMPTY_TEXT = b"\xff\x01\x00"
"""What a message that does not matter is replaced by, so that its time stays."""

_OTHERS = {
    b"SMF2CLIP": " of the kind that is read: it is a clip of MIDI 2.0",
    b"XMF_": " but an XMF file, which holds one",
    b"FORM": " but an IFF file, such as an XMIDI",
    b"\x1f\x8b": " but a compressed one; unpack it first",
    b"PK": " but an archive; unpack it first",
}
"""What other files begin with, and how it is told what they are."""

_MAC_HEADER = 128
"""What old Macs put before a file (MacBinary)."""

_BY_FRAMES = 0x8000
"""From here on the header's division is one of film frames."""

_FRAMES_PER_S = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
_BEATS_PER_S = 2

_ANY_DIVISION = b"\x01\xe0"
"""What a track is read with: its ticks stay ticks."""

_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}


class Unreadable(Exception):
    """Raised with the reason why a file cannot be read, as the end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track by itself: its name, empty if it has none, and its channel messages at their ticks, in order."""

    name: str
    messages: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """The channel messages of a file, each at its ticks from the start, in order."""

    ticks_per_beat: float
    messages: tuple[tuple[int, bytes], ...]
    end: int
    """Where it ends, in ticks."""
    patterns: int = 1
    """How many there are that follow each other: more than one only in a file of type 2."""
    by_frames: bool = False
    """Whether it counts in film frames: a beat is half a second then, as where no tempo is given."""
    tracks: tuple[Track, ...] = ()
    """What each track has of the messages, where they are played at once."""


def read_messages(content: bytes) -> Messages:
    """Return the channel messages in the content of a MIDI file; Unreadable says what is wrong with it.

    The tracks of a type 2 file are patterns of their own and played one after the other.
    """
    kind, division, tracks = _taken_apart(content)
    by_frames = division >= _BY_FRAMES
    ticks_per_beat = _of_frames(division) if by_frames else division
    read = [_read(track) for _, track in tracks]
    if kind != 2:
        merged = sorted(chain.from_iterable(messages for messages, _ in read), key=lambda at_message: at_message[0])
        end = max((end for _, end in read), default=0)
        by_track = tuple(Track(name, tuple(messages)) for (name, _), (messages, _) in zip(tracks, read, strict=True))
        return Messages(ticks_per_beat, tuple(merged), end, by_frames=by_frames, tracks=by_track)
    start, one_by_one = 0, list[tuple[int, bytes]]()
    for messages, end in read:
        one_by_one += [(start + at, message) for at, message in messages]
        start += end
    return Messages(ticks_per_beat, tuple(one_by_one), start, len(read), by_frames)


def _read(track: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """The channel messages of one track, and where it ends."""
    header = _HEADER + bytes((0, 0, 0, _HEADER_LENGTH, 0, 0, 0, 1)) + _ANY_DIVISION
    content = header + _TRACK + len(track).to_bytes(4, "big") + track
    try:
        messages, now = list[tuple[int, bytes]](), 0
        for message in mido.MidiFile(file=io.BytesIO(content), clip=True).tracks[0]:
            now += message.time
            if not message.is_meta and message.type != "sysex":
                messages.append((now, bytes(message.bytes())))
        return messages, now
    except Exception:  # mido raises whatever an odd byte leads it to
        return _read_otherwise(content)


def _read_otherwise(content: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """The same by another reader: it knows notes alone."""
    import symusic  # noqa: PLC0415 it is seldom needed

    try:
        score: Any = symusic.Score.from_midi(content)
    except Exception as error:
        raise Unreadable("is damaged: no reader understands it") from error
    notes = list[tuple[int, int, bytes]]()
    for number, track in enumerate(score.tracks):
        channel = (
            PERCUSSION_CHANNEL if track.is_drum else (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15)[number % 15]
        )
        for note in track.notes:
            notes.append((note.time, 1, bytes((NOTE_ON | channel, note.pitch, max(1, note.velocity)))))
            notes.append((note.time + note.duration, 0, bytes((NOTE_OFF | channel, note.pitch, 64))))
    notes.sort(key=lambda each: each[:2])
    return [(at, message) for at, _, message in notes], max((at for at, _, _ in notes), default=0)


# --- taking a file apart ----------------------------------------------------------------------------


def _taken_apart(content: bytes) -> tuple[int, int, list[tuple[str, bytes]]]:
    """The kind of a file, its ticks a beat, and its tracks with their names; other numbers may be wrong."""
    start = 0
    if content[:4] == _RIFF and content[8:12] == _RIFF_MIDI:
        start = content.find(_HEADER)
    elif content[:1] == b"\0" and content[_MAC_HEADER : _MAC_HEADER + 4] == _HEADER:
        start = _MAC_HEADER
    if start < 0 or content[start : start + 4] != _HEADER:
        raise Unreadable(f"is no MIDI file{_what_else(content)}")
    header = content[start + _CHUNK : start + _CHUNK + _HEADER_LENGTH]
    if len(header) < _HEADER_LENGTH or header[4:] == _TRACK[:2]:
        raise Unreadable("is no MIDI file, or one that is cut off in its header")
    kind, division = int.from_bytes(header[:2], "big"), int.from_bytes(header[4:6], "big")
    if not division:
        raise Unreadable("has beats of no length: its header says 0 ticks a quarter note")
    length = int.from_bytes(content[start + 4 : start + _CHUNK], "big")
    return kind, division, list(_tracks(content, start + _CHUNK + max(_HEADER_LENGTH, min(length, 1 << 10))))


def _of_frames(division: int) -> float:
    """How many ticks half a second has, where a header says how many a film frame has."""
    frames, ticks = 0x100 - (division >> 8), division & 0xFF
    if frames not in _FRAMES_PER_S or not ticks:
        raise Unreadable("counts in film frames of no length that is known")
    return _FRAMES_PER_S[frames] * ticks / _BEATS_PER_S


def _what_else(content: bytes) -> str:
    """What a file is instead, where its beginning tells."""
    if content[:4] == _RIFF and content[8:12].strip().isalpha():
        return f" but a RIFF file of the kind {content[8:12].decode('ascii').strip()}"
    return next((what for begins, what in _OTHERS.items() if content.startswith(begins)), "")


def _tracks(content: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each track, wherever its chunk says that it ends; other chunks are left out."""
    found = False
    while at + _CHUNK <= len(content):
        name, begin = content[at : at + 4], at + _CHUNK
        end = begin + int.from_bytes(content[at + 4 : begin], "big")
        if name == _TRACK:
            found = True
            name_of_track, track, at = _track(content, begin, end)
            yield name_of_track, track
        elif _is_name(name) and end <= len(content):
            at = end
        else:  # not where a chunk begins
            at = content.find(_TRACK, at + 1)
            if at < 0:
                break
    if not found:
        raise Unreadable("has no tracks, or is cut off before them")


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _track(content: bytes, at: int, promised: int) -> tuple[str, bytes, int]:
    """A track's name, its channel messages with their times, and where it ends: with its last message."""
    kept, running, name = bytearray(), 0, ""
    while at < len(content):
        if at == promised and _is_name(content[at : at + 4]):  # some programs leave the last message out
            return name, bytes(kept + b"\x00\xff\x2f\x00"), at
        delta, at = _number(content, at)
        status = _byte(content, at)
        if status < 0x80:
            status = running
        else:
            at += 1
        if status == 0:
            raise Unreadable("is damaged: a track has data where a message should begin")
        kept += delta
        if status == _META:
            meta, (length, at) = _byte(content, at), _number(content, at + 1)
            at += _value(length)
            if meta == _END_OF_TRACK:
                return name, bytes(kept + b"\xff\x2f\x00"), at
            if meta == _NAME_OF_TRACK:
                name = name or content[at - _value(length) : at].decode("utf-8", "replace")
            kept += _EMPTY_TEXT
        elif status in _SYSEX:
            length, at = _number(content, at)
            at += _value(length)
            kept += _EMPTY_TEXT
        elif status >= 0xF0:
            at += _SYSTEM_DATA.get(status, 0)
            kept += _EMPTY_TEXT
        else:
            running, end = status, at + (1 if 0xC0 <= status < 0xE0 else 2)
            kept += bytes((status,)) + content[at:end]
            at = end
    if at == promised == len(content):
        return name, bytes(kept + b"\x00\xff\x2f\x00"), at
    raise Unreadable("is cut off in the middle of a track")


def _byte(content: bytes, at: int) -> int:
    if at >= len(content):
        raise Unreadable("is cut off in the middle of a track")
    return content[at]


def _number(content: bytes, at: int) -> tuple[bytes, int]:
    """The bytes of a number of variable length, and what comes after it."""
    for end in range(at, at + _LONGEST_NUMBER):
        if _byte(content, end) < 0x80:
            return content[at : end + 1], end + 1
    raise Unreadable("is damaged: a number in a track has no end")


def _value(number: bytes) -> int:
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value
