"""A performance as a Standard MIDI File, with a track for each part.

Positions are the music's (beats), never seconds, so a tempo change moves nothing. The same performance gives the same
bytes.
"""

from collections.abc import Sequence
from typing import BinaryIO, assert_never

import mido

from improv.export.formats import Options, Progress, Write
from improv.export.messages import TICKS_A_BEAT, messages_of, tick_of
from improv.export.performance import Gap, Key, Mark, Marker, Performance, Tempo
from improv.music.grid import BEATS_PER_BAR

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
        (0, mido.MetaMessage("text", text=performance.made_with)),
        (0, mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4)),
        *((tick_of(beats), _meta(mark)) for beats, mark in performance.marks),
    ]
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="utf-8")
    midi.tracks.append(_track(performance.title, meta, last))
    for part, messages in parts.items():
        track = [(at, mido.Message.from_bytes(message)) for at, message in messages]
        midi.tracks.append(_track(part.track_name, track, last))
    midi.save(file=out)
    return ""


def _meta(mark: Mark) -> mido.MetaMessage:
    match mark:
        case Tempo(bpm):
            return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))
        case Key(name):
            return mido.MetaMessage("key_signature", key=name)
        case Marker(text) | Gap(text):
            return mido.MetaMessage("marker", text=text)
        case _:
            assert_never(mark)


def _track(name: str, messages: Sequence[tuple[int, mido.Message | mido.MetaMessage]], last: int) -> mido.MidiTrack:
    """A named track from messages at absolute positions."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    ordered = sorted(messages, key=lambda item: item[0])
    now = 0
    for at, message in [*ordered, (last, mido.MetaMessage("end_of_track"))]:
        while at - now > _MAX_DELTA:
            track.append(mido.MetaMessage("text", text="", time=_MAX_DELTA))
            now += _MAX_DELTA
        message.time = at - now  # a copy of each would take longer than all the rest
        track.append(message)
        now = at
    return track
