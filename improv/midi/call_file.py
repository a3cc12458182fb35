"""A call read from a MIDI file: the player's part of a performance, given in advance.

Positions are the file's own (beats), never seconds. It must never touch a port.
"""

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from improv.dataclass import dataclass
from improv.errors import DataError, InputNotFound
from improv.midi.messages import NOTE_ON
from improv.midi.smf import Messages, Track, Unreadable, read_messages
from improv.midi.your_notes import KeysDown
from improv.music.grid import TICKS_PER_BEAT
from improv.music.parts import Part
from improv.system.safe_files import read_file

_MAX_CALL_BYTES = 4 * 2**20

_NOTATED_TICKS, _NOTATED_SHARE = 0.1, 0.75
"""How near to a tick a note is that was written there, and how many are in a file that was written: of those that
were played one in five lies so near by chance."""


_OWN_TRACKS = frozenset(part.track_name for part in Part)
"""What the tracks with notes are called in a file that improv has written."""


@dataclass(frozen=True, slots=True)
class CallNote:
    """A note of a call, its start and end in beats from the start of the file."""

    start_beats: float
    end_beats: float
    pitch: int
    velocity: int


def read_call(path: Path) -> tuple[tuple[CallNote, ...], tuple[str, ...]]:
    """Return the notes of a MIDI file in order, and remarks on what was left out or reordered.

    Of a file that improv has written it is your part, or the melody where you played nothing.
    InputNotFound or DataError if it cannot be read.
    """
    advice = "give a Standard MIDI File (.mid) with a melody"
    try:
        file = read_messages(read_file(path, _MAX_CALL_BYTES))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise DataError(f"{path}: {error.strerror}; {advice}") from error
        raise InputNotFound(f"{path}: {error.strerror}; {advice}") from error
    except Unreadable as error:
        raise DataError(f"{path}: it {error}; {advice}") from error
    file, remark = _your_part(file)
    notes, left_out = _paired(file)
    if not notes:
        raise DataError(f"{path}: it has no notes{' but percussion' if left_out else ''}; {advice}")
    remarks = [remark] if remark else []
    if left_out:
        remarks.append(f"{left_out} notes of the call are percussion, on channel 10, and left out")
    if file.by_frames:
        remarks.append("the call counts in film frames, not in beats: half a second is taken for a beat")
    if file.patterns > 1:
        remarks.append(f"the call has {file.patterns} patterns (a file of type 2), played one after the other")
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch))), tuple(remarks)


def is_notated(notes: Sequence[CallNote]) -> bool:
    """Return whether a call was written rather than played: nearly all of its notes begin exactly on ticks."""
    off = [abs(note.start_beats * TICKS_PER_BEAT - round(note.start_beats * TICKS_PER_BEAT)) for note in notes]
    return sum(each <= _NOTATED_TICKS for each in off) >= _NOTATED_SHARE * len(notes)


def _your_part(file: Messages) -> tuple[Messages, str]:
    """What of a file is the player's, and a remark where that is one part of a file of improv's own."""
    sounding = [track for track in file.tracks if _has_notes(track)]
    by_name = {track.name: track for track in sounding}
    if len(sounding) > 1 and by_name.keys() <= _OWN_TRACKS:
        for part in (Part.YOU, Part.MELODY):
            if track := by_name.get(part.track_name):
                said = f"the call has the tracks of a file of improv's own: {track.name} alone is played"
                return replace(file, messages=track.messages), said
    return file, ""


def _has_notes(track: Track) -> bool:
    return any(message[0] & 0xF0 == NOTE_ON and message[2] for _, message in track.messages)


def _paired(file: Messages) -> tuple[list[CallNote], int]:
    """Each note of a file with its end, and how many of percussion are left out; without an end it lasts to the end."""
    keys, beat = KeysDown(together=0.0), file.ticks_per_beat
    changes = [change for at, message in file.messages for change in keys.enter(message, at / beat)]
    changes += keys.release_all(file.end / beat)
    notes = [
        CallNote(change.note.begun, change.at, change.note.key[1], change.note.velocity)
        for change in changes
        if not change.begins
    ]
    return notes, keys.left_out
