"""Solos made up for tests."""

from itertools import pairwise

import numpy as np

from improv.music.theory import Form
from training.corpora.solos import Note, Solo

FORM = Form.parse("G7 | C7 | G7 | G7 | C7 | C7 | G7 | E7 | Am7 | D7 | G7 E7 | Am7 D7")


def solo(seed: int, bars: int = 14, tonic: int | None = 7, blues: bool = True) -> Solo:
    """A chorus of blues in G after a bar of pickup, and a bar after it; its notes by chance."""
    rng = np.random.default_rng(seed)
    onsets = sorted({int(tick) for tick in rng.choice(bars * 48, 60, replace=False)})
    ends = [min(end, start + int(rng.integers(1, 20))) for start, end in pairwise((*onsets, bars * 48))]
    pitches = rng.integers(45, 90, len(onsets))
    notes = tuple(Note(start, end, int(pitch)) for start, end, pitch in zip(onsets, ends, pitches, strict=True))
    chords = [FORM.chord_at(step) for step in range(-8, bars * 8 - 8, 2)]
    return Solo(
        name=f"solo {seed}", title="a tune", composer="", performer="", tonic=tonic, mode="maj", is_blues=blues,
        feel="SWING", tempo_bpm=160, notes=notes, chords=tuple(chords), choruses=(1,),
    )  # fmt: skip
