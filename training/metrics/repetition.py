"""Notes that come again: within a melody, and in other melodies, from which they may be copied.

Two runs of notes are the same if their intervals and the ticks between their onsets are.
"""

from collections.abc import Sequence
from math import nan

import numpy as np

from training.metrics.melody import Melody, Numbers, placed_windows

REPEATED_NOTES = 4
"""How many notes in a row, on any pitch, make a repetition."""

_TICKS = 1 << 20


def repetition(line: Melody, notes: int = REPEATED_NOTES) -> float:
    """Return the share of notes in figures of `notes` notes that were heard before, 0 to 1.

    It may have been on any pitch and at any place of the bar. Of our own making.

    Two figures are the same if their intervals and the ticks between their onsets are; the earlier one has ended when
    the later begins, but for a note they may share.
    """
    if not len(line.onsets):
        return nan
    moves = _moves(line)
    steps = notes - 1
    if len(moves) < steps:
        return 0.0
    heard = np.lib.stride_tricks.sliding_window_view(moves, steps)
    _, first, which = np.unique(heard, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(np.arange(len(heard)) - first[which] >= steps)
    inside = np.zeros(len(line.onsets), np.bool_)
    for after in range(notes):
        inside[again + after] = True
    return float(inside.mean())


def shared(lines: Sequence[Melody], others: Sequence[Melody]) -> list[Numbers]:
    """Return for each note of each melody the length in notes of the run from it that also occurs in `others`.

    Two runs are the same if their intervals and the ticks between their onsets are; a run of one is any note.
    """
    ours, theirs = _strung(lines), _strung(others)
    names = np.concatenate((ours, theirs))
    is_ours = np.arange(len(names)) < len(ours)
    runs = np.ones(len(ours), np.int64)
    at = np.flatnonzero(names >= 0)
    while len(at):
        _, name = np.unique(names[at], return_inverse=True)
        kinds = name.max() + 1
        on_both = np.bincount(name[is_ours[at]], minlength=kinds).astype(np.bool_)
        on_both &= np.bincount(name[~is_ours[at]], minlength=kinds).astype(np.bool_)
        at, name = at[on_both[name]], name[on_both[name]]
        runs[at[is_ours[at]]] += 1
        names[at] = name
        at = at[:-1][np.diff(at) == 1]  # what is longer by a note is this run, and the one that begins a note later
        names[at] = names[at] * kinds + names[at + 1]
    return np.split(runs, np.cumsum([len(line.onsets) for line in lines])[:-1]) if len(lines) else []


def _strung(lines: Sequence[Melody]) -> Numbers:
    """Return the moves of all lines one after another, (notes,); -1 after the last note of each."""
    moves = [np.append(_moves(line), -1) for line in lines if len(line.onsets)]
    return np.concatenate([np.zeros(0, np.int64), *moves])


def _moves(line: Melody) -> Numbers:
    """Return from each note to the next the interval and the ticks between onsets, as one number, (notes - 1,)."""
    return (np.diff(line.pitches) + 128) * _TICKS + np.minimum(np.diff(line.onsets), _TICKS - 1)


def longest_shared(lines: Sequence[Melody], others: Sequence[Melody]) -> list[tuple[int, Numbers]]:
    """Return for each melody the longest run in notes that also occurs in `others`, and that of each window."""
    found = []
    for line, runs in zip(lines, shared(lines, others), strict=True):
        inside = [runs[notes] for *_, notes in placed_windows(line)]
        cut = [np.minimum(some, np.arange(len(some), 0, -1)).max() for some in inside]  # at the end of the window
        found.append((int(runs.max(initial=0)), np.array(cut, np.int64)))
    return found
