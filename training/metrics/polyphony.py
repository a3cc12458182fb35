"""What polyphony is like, sixteen frames a second, and where it stops being music: silence, a tone, or a loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.rolls import FRAMES_PER_S, LOWEST

SILENCE_S = 2.0
"""A longer silence is a fault."""

TONE_S = 4.0
"""Pitches that sound unchanged for longer, without any being struck again, are a constant tone."""

BAR_S = 2.0
"""Of four beats at 120 bpm; pieces whose bars are not known are measured in these."""

LOOP_BARS, LOOP_TIMES = 4, 3
"""What is shorter than so many bars and is played more often than this in a row is a loop..."""

LOOP_S = 4.0
"""... if that goes on for longer than this; a tremolo or an accompaniment does it for less."""

_ALIKE = 0.95
"""The share of frames that have to be as they were a pass before."""

Rolls = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Passage:
    """What sounds in each frame, and what begins there, (frames, pitches) each; the lowest pitch by number."""

    sounds: Rolls
    begins: Rolls
    lowest: int = LOWEST

    @classmethod
    def of_roll(cls, sounds: Rolls, lowest: int = LOWEST) -> "Passage":
        """Return the passage of a roll in which notes begin where they did not sound in the frame before."""
        before = np.concatenate((np.zeros_like(sounds[:1]), sounds[:-1]))
        return cls(sounds, sounds & ~before, lowest)

    def cut(self, first: int, frames: int) -> "Passage":
        """Return a part of it."""
        return Passage(self.sounds[first : first + frames], self.begins[first : first + frames], self.lowest)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sounds) / FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class Fault:
    """Where music stops being valid, and by what: "silence", "a constant tone" or "a loop"."""

    kind: str
    start_s: float
    seconds: float
    """How long it goes on."""


def density(passage: Passage) -> float:
    """Return the notes that begin in a second."""
    return float(passage.begins.sum() / passage.seconds)


def polyphony(passage: Passage) -> float:
    """Return how many pitches sound at once, on average over the frames in which any does; 0 in silence."""
    at_once = passage.sounds.sum(1)
    return float(at_once[at_once > 0].mean()) if at_once.any() else 0.0


def pitch_class_entropy(passage: Passage) -> float:
    """Return the entropy in bits of the pitch classes of the notes that begin; 0 without notes."""
    pitches = np.flatnonzero(passage.begins.sum(0))
    if not len(pitches):
        return 0.0
    classes = np.bincount((pitches + passage.lowest) % 12, passage.begins.sum(0)[pitches], 12)
    shares = classes[classes > 0] / classes.sum()
    return float(-(shares * np.log2(shares)).sum())


FIGURES = MappingProxyType(
    {
        "notes a second": density,
        "pitches at once": polyphony,
        "pitch-class entropy, bits": pitch_class_entropy,
    }
)


def figures(passage: Passage) -> Mapping[str, float]:
    """Return each figure of a passage by name."""
    return {name: figure(passage) for name, figure in FIGURES.items()}


def longest_silence_s(passage: Passage) -> float:
    """Return the longest time in which nothing sounds, in seconds."""
    return max((frames for _, frames in _silences(passage)), default=0) / FRAMES_PER_S


def longest_tone_s(passage: Passage) -> float:
    """Return the longest time in which the same pitches sound and none is struck, in seconds."""
    return max((frames for _, frames in _tones(passage)), default=0) / FRAMES_PER_S


def faults(passage: Passage, loop_s: float = LOOP_S) -> tuple[Fault, ...]:
    """Return every stretch that is silent, a constant tone or a loop of more than `loop_s` seconds, by its start."""
    found = [Fault("silence", *_in_seconds(run)) for run in _silences(passage) if _is_longer(run, SILENCE_S)]
    found += [Fault("a constant tone", *_in_seconds(run)) for run in _tones(passage) if _is_longer(run, TONE_S)]
    found += [Fault("a loop", *_in_seconds(run)) for run in _loops(passage, loop_s)]
    return tuple(sorted(found, key=lambda fault: (fault.start_s, fault.kind)))


def valid_s(passage: Passage) -> float:
    """Return the seconds before the first fault."""
    found = faults(passage)
    return found[0].start_s if found else passage.seconds


def _in_seconds(run: tuple[int, int]) -> tuple[float, float]:
    return run[0] / FRAMES_PER_S, run[1] / FRAMES_PER_S


def _is_longer(run: tuple[int, int], seconds: float) -> bool:
    return run[1] > seconds * FRAMES_PER_S


def _runs(holds: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches of frames in which something holds: the first frame, and how many."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    return [(int(start), int(end - start)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _silences(passage: Passage) -> list[tuple[int, int]]:
    """Return the stretches in which nothing sounds."""
    return _runs(np.asarray(~passage.sounds.any(1)))


def _tones(passage: Passage) -> list[tuple[int, int]]:
    """Return the stretches in which the same pitches sound and none is struck; each with the frame that begins it."""
    sounds = passage.sounds
    same: NDArray[np.bool_] = np.asarray(sounds.any(1))
    same[1:] &= (sounds[1:] == sounds[:-1]).all(1) & ~passage.begins[1:].any(1)
    same[:1] = False
    return [(start - 1, frames + 1) for start, frames in _runs(same)]


def _loops(passage: Passage, loop_s: float) -> list[tuple[int, int]]:
    """Return the stretches in which something is repeated, more often than is allowed: its first frame, and how many.

    A frame is a repetition if it sounds and begins as a period before. All but a twentieth of the frames of so many
    passes have to be, and something changes in as many frames as there are passes, or it is silence or a tone.
    """
    both = np.concatenate((passage.sounds, passage.begins), axis=1)
    changes = np.concatenate(([0], np.cumsum((both[1:] != both[:-1]).any(1))))
    repeats = np.zeros(len(both), bool)
    for period in range(2, round(LOOP_BARS * BAR_S * FRAMES_PER_S)):
        frames = max(LOOP_TIMES * period, round(loop_s * FRAMES_PER_S) - period)
        if period + frames > len(both):
            break
        alike = np.concatenate(([0], np.cumsum((both[period:] == both[:-period]).all(1))))
        enough = alike[frames:] - alike[:-frames] >= _ALIKE * frames
        first = np.arange(len(enough))
        moves = changes[first + period + frames - 1] - changes[first] > LOOP_TIMES
        for start in np.flatnonzero(enough & moves):
            repeats[start + period : start + period + frames] = True
    return _runs(repeats)
