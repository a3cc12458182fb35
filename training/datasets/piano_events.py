"""Piano pieces as the single events of the encoding `piano`, and back."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from improv.models.encodings.rolls import ENDS, FRAMES_PER_S, LOWEST, OVER, PITCHES, Piano
from training.corpora.piano_midi import Note

PIANO = Piano()

Events = NDArray[np.int16]
Spans = NDArray[np.int32]
"""Notes as rows of pitch (0 is the lowest), first frame, and the frame it has ended before."""


def spans(notes: Sequence[Note], longest_silence: int | None = None) -> Spans:
    """Return the notes of a piece as spans of frames from the first onset; silences are cut to so many frames.

    Pitches out of range are left out; a note lasts a frame at least, and ends where its key is struck again.
    """
    found = np.array(
        [
            (note.pitch - LOWEST, round(note.onset_s * FRAMES_PER_S), round(note.end_s * FRAMES_PER_S))
            for note in notes
            if LOWEST <= note.pitch < LOWEST + PITCHES
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
    begun: list[set[int]] = [set() for _ in range(frames)]
    sounds: list[set[int]] = [set() for _ in range(frames)]
    for pitch, first, end in notes[notes[:, 1] < frames].tolist():
        begun[first].add(pitch)
        for each in sounds[first : min(end, frames)]:
            each.add(pitch)
    told = [(frozenset(new), frozenset(now)) for new, now in zip(begun, sounds, strict=True)]
    return np.array(PIANO.events(told, frozenset()), np.int16)


def sounding(found: Events) -> NDArray[np.bool_]:
    """Return which pitches sound before each event, and after the last, (events + 1, 67), from silence."""
    changes = np.zeros((len(found) + 1, PITCHES), np.int8)
    at = np.arange(1, len(found) + 1)
    begins, ends = found < ENDS, (found >= ENDS) & (found < OVER)
    changes[at[begins], found[begins]] = 1
    changes[at[ends], found[ends] - ENDS] = -1
    return np.cumsum(changes, axis=0, dtype=np.int8) > 0


def notes_of(found: Events) -> Spans:
    """Return the notes of events, by onset and pitch; what still sounds ends with the last frame."""
    began: dict[int, int] = {}
    found_spans: list[tuple[int, int, int]] = []
    frame = 0
    for event in found.tolist():
        if event == OVER:
            frame += 1
        elif event < ENDS:
            began[event] = frame
        else:
            found_spans.append((event - ENDS, began.pop(event - ENDS), frame))
    found_spans += [(pitch, first, max(frame, first + 1)) for pitch, first in began.items()]
    return np.array(sorted(found_spans, key=lambda each: (each[1], each[0])), np.int32).reshape(-1, 3)


def possible(latest: Tensor, sounds: Tensor) -> Tensor:
    """Return which events can follow the latest (..., ), as (..., 135), where these pitches sound after it (..., 67).

    A frame may always be over; of pitches that sound one can end as long as none has begun in the frame, and of the
    others one can begin, ascending.
    """
    pitch = torch.arange(PITCHES, device=latest.device)
    latest = latest[..., None]
    has_begun, has_ended = latest < ENDS, (latest >= ENDS) & (latest < OVER)
    begins = ~sounds & (~has_begun | (pitch > latest))
    ends = sounds & ~has_begun & (~has_ended | (pitch > latest - ENDS))
    return torch.cat((begins, ends, torch.ones_like(latest, dtype=torch.bool)), dim=-1)
