"""What a reproduction shows: learning curves, histograms, t-SNE of songs, piano rolls, MIDI files and its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import mido
import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from training.reproductions import Reproduction

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

_COLOURS = ("#00798c", "#d1495b", "#edae49", "#66a182", "#2e4057", "#8d96a3", "#b56576", "#6d597a")
"""Of the first curve, set or group, of the second, and so on; they begin again after the last."""

_METADATA = {"Software": None}  # the same picture has the same bytes
_DPI = 100
_TICKS_A_BEAT = 480
_VELOCITY = 80
_PERPLEXITY = 30.0
"""Of t-SNE, where there are songs enough: the number of neighbours that each is kept near to."""


@dataclass(frozen=True, slots=True)
class Played:
    """A note that sounds from a moment to another, in seconds."""

    pitch: int
    start_s: float
    end_s: float


def curves(path: Path, values: Mapping[str, Sequence[float]], *, title: str, x: str = "epoch", y: str = "loss") -> None:
    """Plot series of values, each from 1 on, over one another to a PNG file."""
    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for place, (name, series) in enumerate(values.items()):
        marker = "o" if len(series) == 1 else None
        axis.plot(range(1, len(series) + 1), series, color=_colour(place), linewidth=1.5, label=name, marker=marker)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    _finish(figure, axis, title, path)


def histogram(path: Path, counts: Mapping[str, Mapping[str, float]], *, title: str) -> None:
    """Plot how often each label is in each set, as shares of that set, to a PNG file.

    The labels stand in the order in which the sets first have them; a set without any is drawn without bars.
    """
    labels = list(dict.fromkeys(label for each in counts.values() for label in each))
    figure, axis = plt.subplots(figsize=(max(6.5, 0.16 * len(labels) + 1.5), 3.4), layout="constrained")
    width = 0.8 / max(1, len(counts))
    for place, (name, each) in enumerate(counts.items()):
        of_all = sum(each.values()) or 1
        left = np.arange(len(labels)) + (place - (len(counts) - 1) / 2) * width
        axis.bar(left, [each.get(label, 0) / of_all for label in labels], width, color=_colour(place), label=name)
    axis.set_xticks(range(len(labels)), labels, rotation=90 if len(labels) > 15 else 0, fontsize=7)
    axis.set_ylabel("share")
    axis.legend(frameon=False, fontsize=9)
    _finish(figure, axis, title, path)


def tsne(path: Path, groups: Mapping[str, NDArray[np.floating]], *, title: str, seed: int) -> None:
    """Plot songs as points, near to one another where they are alike, to a PNG file (van der Maaten & Hinton 2008).

    Each group holds the features of its songs, (songs, features). ValueError for fewer than two songs in all.
    """
    songs = np.concatenate([np.asarray(each, np.float32) for each in groups.values()])
    if len(songs) < 2:
        raise ValueError("t-SNE needs two songs")
    perplexity = min(_PERPLEXITY, (len(songs) - 1) / 3)
    points = TSNE(n_components=2, perplexity=perplexity, init="random", random_state=seed).fit_transform(songs)
    figure, axis = plt.subplots(figsize=(6.5, 5), layout="constrained")
    first = 0
    for place, (name, each) in enumerate(groups.items()):
        own = points[first : first + len(each)]
        first += len(each)
        axis.scatter(own[:, 0], own[:, 1], s=12, color=_colour(place), alpha=0.8, label=f"{name} ({len(each)})")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(frameon=False, fontsize=9)
    _finish(figure, axis, title, path)


def roll(path: Path, notes: Sequence[Played], *, title: str, seconds: float | None = None) -> None:
    """Draw notes as a piano roll to a PNG file, as long as the last of them or as many seconds as are asked for."""
    end_s = seconds if seconds is not None else max([1.0, *(note.end_s for note in notes)])
    figure, axis = plt.subplots(figsize=(min(16.0, max(6.5, end_s / 4)), 3.2), layout="constrained")
    lengths = [note.end_s - note.start_s for note in notes]
    axis.barh(
        [note.pitch for note in notes], lengths, 0.85, left=[note.start_s for note in notes],
        color=_COLOURS[0], edgecolor="white", linewidth=0.3,
    )  # fmt: skip
    pitches = [note.pitch for note in notes] or [60]
    low, high = min(pitches), max(pitches)
    octaves = range(low // 12 * 12, high + 13, 12)
    axis.set_yticks(list(octaves), [f"C{pitch // 12 - 1}" for pitch in octaves])
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_ylim(low - 2, high + 2)
    axis.set_xlim(0, end_s)
    axis.set_xlabel("seconds")
    _finish(figure, axis, title, path)


def sheet(path: Path, rolls: Mapping[str, Sequence[Played]], *, title: str, seconds: float) -> None:
    """Draw piano rolls of as many seconds under one another, in two columns, to a PNG file."""
    rows = -(-len(rolls) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(15, 1.1 * rows + 0.6), layout="constrained", squeeze=False)
    for axis in axes.flat[len(rolls) :]:
        axis.set_visible(False)
    for axis, (name, notes) in zip(axes.flat, rolls.items(), strict=False):
        lengths = [note.end_s - note.start_s for note in notes]
        axis.barh(
            [note.pitch for note in notes], lengths, 1.0, left=[note.start_s for note in notes], color=_COLOURS[0]
        )
        axis.set_xlim(0, seconds)
        axis.set_yticks([])
        axis.set_title(name, fontsize=7, pad=1)
        axis.tick_params(labelsize=6)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=_DPI, metadata=_METADATA)
    plt.close(figure)


def write_midi(path: Path, notes: Sequence[Played], bpm: float = 120) -> None:
    """Write notes as a MIDI file with one track; where notes meet, those that end come first."""
    a_second = _TICKS_A_BEAT * bpm / 60
    timed: list[tuple[int, bool, int]] = []
    for note in notes:
        start = round(note.start_s * a_second)
        timed.append((start, True, note.pitch))
        timed.append((max(start + 1, round(note.end_s * a_second)), False, note.pitch))
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))]), 0
    for at, begins, pitch in sorted(timed):
        track.append(mido.Message("note_on" if begins else "note_off", note=pitch, velocity=_VELOCITY, time=at - now))
        now = at
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS_A_BEAT)
    file.tracks.append(track)
    file.save(path)


def table(reproduction: Reproduction, row: str) -> str:
    """Return what came of a row as Markdown: its figures beside the paper's, with the reasons, and the remarks."""
    lines = [f"| {row} | ours | theirs | why they differ |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {' | '.join(_cell(text) for text in (each.measure, each.ours, each.theirs, each.why))} |"
        for each in reproduction.figures
    ]
    if reproduction.remarks:
        lines += ["", *(f"- {' '.join(remark.split())}" for remark in reproduction.remarks)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return a text as it can stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", r"\|")


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _finish(figure: Drawing, axis: Axes, title: str, path: Path) -> None:
    """Give a picture its title and write it."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(title, fontsize=10)
    figure.savefig(path, dpi=_DPI, metadata=_METADATA)
    plt.close(figure)
