"""Pictures of what was learned and what was played: loss curves and piano rolls, as PNG files."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import mido
import numpy as np

from improv.midi.files import TICKS_A_BEAT
from improv.music import BEATS_PER_BAR, Form, pitch_name
from training.corpora.blues_bars import CHANGES

mpl.use("Agg")
from matplotlib import pyplot as plt

_COLOURS = {"You": "#d1495b", "Melody": "#00798c", "Chords": "#c9c5b8"}
_SMOOTHED_OVER = 50
_METADATA = {"Software": None}  # the same picture has the same bytes


def loss_curves(curves: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    """Cross-entropy per step against updates, a panel for each phase of the training."""
    figure, axes = plt.subplots(1, len(curves), figsize=(5 * len(curves), 3.2), squeeze=False, layout="constrained")
    for axis, (name, losses) in zip(axes[0], curves.items(), strict=True):
        width = min(_SMOOTHED_OVER, len(losses))
        smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
        axis.semilogy(losses, color="#cccccc", linewidth=0.6)
        axis.semilogy(np.arange(width - 1, len(losses)), smooth, color="#00798c", linewidth=1.5)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("update")
        axis.set_ylabel("cross-entropy, nats a step")
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def validation_curves(checks: Sequence[Sequence[Mapping[str, float]]], agreed: Mapping[str, float], path: Path) -> None:
    """The surprise at the validation solos as several networks learn, and of all of them averaged."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.2), layout="constrained")
    for axis, (what, unit) in zip(
        axes, {"step": "an eighth", "rhythm": "a rhythm", "note": "a pitch"}.items(), strict=True
    ):
        for of_one in checks:
            axis.plot(
                [each["update"] for each in of_one], [each[what] for each in of_one], color="#00798c", linewidth=1
            )
        axis.axhline(agreed[what], color="#d1495b", linewidth=1.5, label=f"averaged: {agreed[what]:.3f}")
        axis.set_xlabel("update")
        axis.set_ylabel(f"nats {unit}")
        axis.legend(frameon=False, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def piano_roll(midi_path: Path, form: Form, path: Path, *, bars_a_row: int = 12, title: str = "") -> None:
    """A MIDI file that improv wrote, a row for each chorus: you and improv in two colours and two shapes."""
    notes = _notes(mido.MidiFile(midi_path))
    beats_a_row = bars_a_row * BEATS_PER_BAR
    rows = max(1, -(-int(max(end for _, _, end, _ in notes)) // beats_a_row))
    melody = [pitch for part, _, _, pitch in notes if part != "Chords"] or [60]
    lowest, highest = min(47, *melody) - 1, max(melody) + 4
    figure, axes = plt.subplots(rows, 1, figsize=(13, 2.6 * rows), squeeze=False, layout="constrained")
    for row, axis in enumerate(axes[:, 0]):
        first = row * beats_a_row
        for part, start, end, pitch in notes:
            if start < first + beats_a_row and end > first:
                axis.barh(
                    pitch, end - start - 0.04, left=start - first, height=0.85, color=_COLOURS[part],
                    hatch="////" if part == "You" else None, edgecolor="white", linewidth=0.4,
                )  # fmt: skip
        for bar in range(bars_a_row):
            axis.axvline(bar * BEATS_PER_BAR, color="#dddddd", linewidth=0.6, zorder=0)
            chords = dict.fromkeys(form.chord_at((bar * BEATS_PER_BAR + beat) * 2).symbol for beat in range(4))
            axis.text(bar * BEATS_PER_BAR + 0.15, highest - 1.2, " ".join(chords), fontsize=8, va="center")
        axis.set_xlim(0, beats_a_row)
        axis.set_ylim(lowest, highest)
        axis.set_yticks([p for p in range(lowest, highest) if p % 12 == 0], minor=False)
        axis.set_yticklabels([pitch_name(p) for p in range(lowest, highest) if p % 12 == 0])
        axis.set_xticks([])
        axis.set_ylabel(f"chorus {row + 1}")
        axis.spines[["top", "right"]].set_visible(False)
    for part, colour in _COLOURS.items():
        axes[-1, 0].bar(0, 0, color=colour, hatch="////" if part == "You" else None, edgecolor="white", label=part)
    axes[-1, 0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, frameon=False)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def _notes(midi: mido.MidiFile) -> list[tuple[str, float, float, int]]:
    """(part, start, end, pitch) of every note but the clicks, in beats."""
    notes = []
    for track in midi.tracks:
        begun: dict[int, float] = {}
        ticks = 0
        for message in track:
            ticks += message.time
            beats = ticks / TICKS_A_BEAT
            if message.type in ("note_on", "note_off") and message.note in begun:
                notes.append((track.name, begun.pop(message.note), beats, message.note))
            if message.type == "note_on" and message.velocity:
                begun[message.note] = beats
    return [note for note in notes if note[0] in _COLOURS]


def main() -> None:
    """Draw a MIDI file that improv wrote."""
    parser = argparse.ArgumentParser(description="Draw the piano roll of a MIDI file that improv wrote.")
    parser.add_argument("midi", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--form", default=CHANGES, help="the chords of a chorus, bars between |")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    piano_roll(arguments.midi, Form.parse(arguments.form), arguments.png, title=arguments.title)


if __name__ == "__main__":
    main()
