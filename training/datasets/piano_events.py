"""Piano pieces as single events, sixteen frames a second: a pitch begins, a pitch ends, the frame is over.

Univariate predictions in place of a frame's 67 independent ones: what Docevski et al. suggest after Walder 2016
(section VI). In a frame pitches end first, ascending, then pitches begin, ascending; then it is over. A pitch that is
struck again ends and begins in one frame.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.corpora.piano_midi import Note

FRAMES_A_SECOND = 16
LOWEST, HIGHEST = 32, 98
PITCHES = HIGHEST - LOWEST + 1
OVER = 2 * PITCHES
"""The event that a frame is over; below it a pitch begins (0 to 66) or ends (67 to 133)."""
EVENTS = OVER + 1

Events = NDArray[np.int16]
Spans = NDArray[np.int32]
"""Notes as rows of pitch (0 is the lowest), first frame, and the frame it has ended before."""


def spans(notes: Sequence[Note], longest_silence: int | None = None) -> Spans:
    """Return the notes of a piece as spans of frames from the first onset; silences are cut to so many frames.

    Pitches out of range are left out; a note lasts a frame at least, and ends where its key is struck again.
    """
    found = np.array(
        [
            (note.pitch - LOWEST, round(note.onset_s * FRAMES_A_SECOND), round(note.end_s * FRAMES_A_SECOND))
            for note in notes
            if LOWEST <= note.pitch <= HIGHEST
        ],
        np.int32,
    ).reshape(-1, 3)
    found[:, 2] = np.maximum(found[:, 2], found[:, 1] + 1)
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    again = found[1:, 0] == found[:-1, 0]
    found[:-1, 2] = np.where(again, np.minimum(found[:-1, 2], found[1:, 1]), found[:-1, 2])
    found = found[found[:, 2] > found[:, 1]]
    found = found[np.lexsort((found[:, 0], found[:, 1]))]
    if not len(found):
        return found
    found[:, 1:] -= found[0, 1]
    if longest_silence is not None:
        until = np.maximum.accumulate(found[:, 2])
        gone = np.cumsum(np.maximum(found[1:, 1] - until[:-1] - longest_silence, 0))
        found[1:, 1:] -= gone[:, None]
    return found


def moved(notes: Spans, up: int) -> Spans:
    """Return notes some semitones higher; those that leave the range are left out."""
    found = notes.copy()
    found[:, 0] += up
    return found[(found[:, 0] >= 0) & (found[:, 0] < PITCHES)]


def events(notes: Spans, frames: int | None = None) -> Events:
    """Return the events of notes, to the end of the last, or of so many frames if these are given."""
    frames = int(notes[:, 2].max(initial=0)) if frames is None else frames
    began, ended = notes[notes[:, 1] < frames], notes[notes[:, 2] < frames]
    over = np.arange(frames, dtype=np.int32)
    frame = np.concatenate((ended[:, 2], began[:, 1], over))
    kind = np.repeat(np.array((0, 1, 2)), (len(ended), len(began), frames))
    event = np.concatenate((ended[:, 0] + PITCHES, began[:, 0], np.full(frames, OVER))).astype(np.int16)
    return event[np.lexsort((event, kind, frame))]


def sounding(found: Events) -> NDArray[np.bool_]:
    """Return which pitches sound before each event, and after the last, (events + 1, 67), from silence."""
    changes = np.zeros((len(found) + 1, PITCHES), np.int8)
    at = np.arange(1, len(found) + 1)
    begins, ends = found < PITCHES, (found >= PITCHES) & (found < OVER)
    changes[at[begins], found[begins]] = 1
    changes[at[ends], found[ends] - PITCHES] = -1
    return np.cumsum(changes, axis=0, dtype=np.int8) > 0


def notes_of(found: Events) -> Spans:
    """Return the notes of events, by onset and pitch; what still sounds ends with the last frame."""
    began: dict[int, int] = {}
    spans: list[tuple[int, int, int]] = []
    frame = 0
    for event in found.tolist():
        if event == OVER:
            frame += 1
        elif event < PITCHES:
            began[event] = frame
        else:
            spans.append((event - PITCHES, began.pop(event - PITCHES), frame))
    spans += [(pitch, first, max(frame, first + 1)) for pitch, first in began.items()]
    return np.array(sorted(spans, key=lambda each: (each[1], each[0])), np.int32).reshape(-1, 3)


def possible(latest: Tensor, sounds: Tensor) -> Tensor:
    """Return which events can follow the latest (..., ), as (..., 135), where these pitches sound after it (..., 67).

    A frame may always be over; of pitches that sound one can end as long as none has begun in the frame, and of the
    others one can begin, ascending.
    """
    pitch = torch.arange(PITCHES, device=latest.device)
    latest = latest[..., None]
    has_begun, has_ended = latest < PITCHES, (latest >= PITCHES) & (latest < OVER)
    begins = ~sounds & (~has_begun | (pitch > latest))
    ends = sounds & ~has_begun & (~has_ended | (pitch > latest - PITCHES))
    return torch.cat((begins, ends, torch.ones_like(latest, dtype=torch.bool)), dim=-1)
