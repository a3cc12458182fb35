"""Piano pieces as rolls, sixteen frames a second, pitches 32 to 98 (Docevski et al. 2018, section III-A)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.rolls import FRAMES_PER_S, LOWEST, PITCHES
from training.corpora.piano_midi import Note

Roll = NDArray[np.bool_]
"""Which pitches sound in each frame, (frames, 67)."""


def roll(notes: Sequence[Note]) -> Roll:
    """Return the roll of a piece from the beginning of its file.

    As in the paper a note fills the frames from that in which it begins to the one before that in which it ends: it may
    disappear, and notes of one pitch that follow one another blend.
    """
    frames = max((int(note.end_s * FRAMES_PER_S) for note in notes), default=0)
    found = np.zeros((frames, PITCHES), bool)
    for note in notes:
        if LOWEST <= note.pitch < LOWEST + PITCHES:
            found[int(note.onset_s * FRAMES_PER_S) : int(note.end_s * FRAMES_PER_S), note.pitch - LOWEST] = True
    return found
