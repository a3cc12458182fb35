"""Solos made up for tests whose notes were played by a pattern that can be learned."""

from dataclasses import replace

import numpy as np

from improv.music.styles import Style, auto_swing
from improv.music.transport import Transport
from tests.training.solos import solo
from training.corpora.solos import Solo


def touched(seed: int) -> Solo:
    """Return a solo whose notes on the beat are loud, late and tied, the others soft, in time and short."""
    made, rng = solo(seed), np.random.default_rng(seed)
    grid = Transport(0, 0.0, made.tempo_bpm, auto_swing(Style.SWING, made.tempo_bpm))
    onsets = sorted({6 * (note.onset // 6) for note in made.notes})
    ends = [*onsets[1:], min(onsets[-1] + 6, 12 * len(made.chords))]
    pitches = [note.pitch for note in made.notes][: len(onsets)]
    notes = []
    for onset, end, pitch in zip(onsets, ends, pitches, strict=False):
        on_beat = onset % 12 == 0
        late = (0.03 if on_beat else 0.0) + float(rng.normal(0, 0.002))
        began, until = grid.beats_of_tick(onset) + late * made.tempo_bpm / 60, grid.beats_of_tick(end)
        notes.append(
            replace(
                made.notes[0],
                onset=onset,
                end=end,
                pitch=pitch,
                velocity=110 if on_beat else 60,
                played_beats=(began, began + (1.0 if on_beat else 0.6) * (until - began)),
            )
        )
    return replace(made, name=f"touched {seed}", notes=tuple(notes))
