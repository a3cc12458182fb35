"""A performance as a Standard MIDI File, with a track for each part.

Positions are the music's (beats), never seconds, so a tempo change moves nothing. The same performance gives the same
bytes.
"""

from collections.abc import Iterable
from struct import pack
from typing import BinaryIO, assert_never

import mido

from improv.export.formats import Options, Progress, Write
from improv.export.messages import TICKS_A_BEAT, messages_of, tick_of
from improv.export.performance import Gap, Key, Mark, Marker, Performance, Tempo
from improv.music.grid import BEATS_PER_BAR

_PARALLEL_TRACKS = 1
"""The type of a file whose tracks sound together."""

_META, _TEXT, _TRACK_NAME, _MARKER = 0xFF, 0x01, 0x03, 0x06
"""What messages for programs begin with, and the kinds of those that are texts."""

_MAX_DELTA = (1 << 28) - 1
"""In ticks: no longer stretch without an event can be written, three days or so of skipped choruses."""


def midi_writer(options: Options) -> Write:
    """Return what writes such files: it needs nothing to be ready."""
    return _write


def _write(performance: Performance, out: BinaryIO, progress: Progress) -> str:
    """Write a type 1 MIDI file: tempo and markers, then a track for each part, all of one length."""
    parts = messages_of(performance)
    last = max([tick_of(performance.beats), *(at for messages in parts.values() for at, _ in messages)])
    meta = [
        (0, _text(_TEXT, performance.made_with)),
        (0, _meta("time_signature", numerator=BEATS_PER_BAR, denominator=4)),
        *((tick_of(beats), _mark(mark)) for beats, mark in performance.marks),
    ]
    tracks = [_track(performance.title, meta, last)]
    tracks += [_track(part.track_name, messages, last) for part, messages in parts.items()]
    out.write(_chunk(b"MThd", pack(">HHH", _PARALLEL_TRACKS, len(tracks), TICKS_A_BEAT)))
    out.writelines(_chunk(b"MTrk", track) for track in tracks)
    return ""


def _mark(mark: Mark) -> bytes:
    match mark:
        case Tempo(bpm):
            return _meta("set_tempo", tempo=mido.bpm2tempo(bpm))
        case Key(name):
            return _meta("key_signature", key=name)
        case Marker(text) | Gap(text):
            return _text(_MARKER, text)
        case _:
            assert_never(mark)


def _meta(kind: str, **values: int | str) -> bytes:
    """Return a meta message without text, by its name and its values in mido."""
    return bytes(mido.MetaMessage(kind, **values).bytes())


def _text(kind: int, text: str) -> bytes:
    """Return a meta message that is a text of some kind."""
    content = text.encode()
    return bytes((_META, kind)) + _number(len(content)) + content


def _track(name: str, messages: Iterable[tuple[int, bytes]], last: int) -> bytes:
    """Return the content of a named track from messages at absolute positions in ticks."""
    ordered = sorted(messages, key=lambda item: item[0])
    track, now, status = bytearray(_number(0) + _text(_TRACK_NAME, name)), 0, _META
    for at, message in [*ordered, (last, _meta("end_of_track"))]:
        while at - now > _MAX_DELTA:
            track += _number(_MAX_DELTA) + _text(_TEXT, "")
            now, status = now + _MAX_DELTA, _META
        running = message[0] == status != _META  # the status of the message before, which need not be said again
        track += _number(at - now) + (message[1:] if running else message)
        now, status = at, message[0]
    return bytes(track)


def _number(value: int) -> bytes:
    """Return a number as MIDI files have them: seven bits a byte, all but the last with the eighth bit set."""
    if value < 128:
        return bytes((value,))
    return bytes([0x80 | byte & 0x7F for byte in _number(value >> 7)]) + bytes((value & 0x7F,))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + pack(">I", len(content)) + content
