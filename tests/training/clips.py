"""Clips made up for tests: a form, a stage that is quick to render, and a line."""

import numpy as np

from improv.music.theory import Form
from training.metrics.melody import CHORUS_BARS, TICKS_PER_BAR, Melody
from training.rendering.audio import Stage

FORM = Form.parse("C7 | F7 | C7 | C7 | F7 | F7 | C7 | C7 | G7 | F7 | C7 | G7")
STAGE = Stage(FORM, 400, 0.6, None)
"""As fast as can be."""
BAR = TICKS_PER_BAR


def line(every: int = 12, pitch: int = 67, ends: int = 10) -> Melody:
    """A note every so many ticks through a chorus."""
    onsets = np.arange(0, CHORUS_BARS * BAR, every)
    chords = np.array([[pc in chord.pitch_classes for pc in range(12)] for chord in FORM.chords])
    return Melody(onsets, onsets + ends, pitch + np.arange(len(onsets)) % 7, chords)
