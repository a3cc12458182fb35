"""Pictures of what was learned and what was played: loss curves and piano rolls, as PNG files."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import mido
import numpy as np

from improv.export.messages import TICKS_A_BEAT
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import Frame
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, STEPS_PER_BEAT, Form, pitch_name
from training.corpora.blues_bars import CHANGES
from training.corpora.solos import notes_in
from training.metrics.figures import LARGEST_INTERVAL, LONGEST_TICKS, durations, intervals
from training.metrics.melody import CHORUS_BARS, Melody, Reals

mpl.use("Agg")
from matplotlib import pyplot as plt

_COLOURS = {"You": "#d1495b", "Melody": "#00798c", "Chords": "#c9c5b8"}
_SMOOTHED_OVER = 50
_REMEMBERED = 64
_METADATA = {"Software": None}  # the same picture has the same bytes


def loss_curves(curves: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    """Plot cross-entropy in nats a step against updates to a PNG file, a panel for each part of the network."""
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


def validation_curves(
    checks: Sequence[Sequence[Mapping[str, float]]],
    kept: Mapping[str, float],
    path: Path,
    panels: Mapping[str, str] = MappingProxyType({"step": "an eighth", "rhythm": "a rhythm", "note": "a pitch"}),
) -> None:
    """Plot the surprise at the validation side during training, and that of the kept network, to a PNG file.

    `panels` names the figures, and says what each is counted by.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(13, 3.2), layout="constrained")
    for axis, (what, unit) in zip(axes, panels.items(), strict=True):
        for of_one in checks:
            axis.plot(
                [each["update"] for each in of_one], [each[what] for each in of_one], color="#00798c", linewidth=1
            )
        axis.axhline(kept[what], color="#d1495b", linewidth=1.5, label=f"kept: {kept[what]:.3f}")
        axis.set_xlabel("update")
        axis.set_ylabel(f"nats {unit}")
        axis.legend(frameon=False, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def piano_roll(midi_path: Path, form: Form, path: Path, *, bars_a_row: int = 12, title: str = "") -> None:
    """Plot a MIDI file of improv's to a PNG file, a row a chorus; you and improv differ in colour and shape."""
    _roll(_notes(mido.MidiFile(midi_path)), lambda step: form.chord_at(step).symbol, path, bars_a_row, title)


def line_roll(line: Sequence[Frame], path: Path, *, bars_a_row: int = CHORUS_BARS, title: str = "") -> None:
    """Plot a melody with its chords, as `piano_roll` does; an empty melody gives no file."""
    notes = [("Melody", note.onset / TICKS_PER_BEAT, note.end / TICKS_PER_BEAT, note.pitch) for note in notes_in(line)]
    chords = [frame.chord.symbol if frame.chord else "" for frame in line]
    if notes:
        _roll(notes, lambda step: chords[step] if step < len(chords) else "", path, bars_a_row, title)


def _roll(
    notes: Sequence[tuple[str, float, float, int]], chord_at: Callable[[int], str], path: Path, bars_a_row: int,
    title: str,
) -> None:  # fmt: skip
    """Draw notes, each (part, start, end, pitch) in beats, over chords by their step."""
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
            chords = dict.fromkeys(chord_at((first + bar * BEATS_PER_BAR + beat) * STEPS_PER_BEAT) for beat in range(4))
            axis.text(bar * BEATS_PER_BAR + 0.15, highest - 1.2, " ".join(chords), fontsize=8, va="center")
        axis.set_xlim(0, beats_a_row)
        axis.set_ylim(lowest, highest)
        axis.set_yticks([p for p in range(lowest, highest) if p % 12 == 0], minor=False)
        axis.set_yticklabels([pitch_name(p) for p in range(lowest, highest) if p % 12 == 0])
        axis.set_xticks([])
        axis.set_ylabel(f"chorus {row + 1}")
        axis.spines[["top", "right"]].set_visible(False)
    parts = {part: colour for part, colour in _COLOURS.items() if any(part == each for each, *_ in notes)}
    for part, colour in parts.items():
        axes[-1, 0].bar(0, 0, color=colour, hatch="////" if part == "You" else None, edgecolor="white", label=part)
    if len(parts) > 1:
        axes[-1, 0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, frameon=False)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def histograms(sets: Mapping[str, Sequence[Melody]], path: Path) -> None:
    """Plot intervals, durations and pitch classes of sets of melodies, a row each, with the first set in grey."""
    kinds = {
        "interval, semitones": (intervals, range(-LARGEST_INTERVAL - 1, LARGEST_INTERVAL + 2)),
        "duration, ticks of a twelfth of a beat": (durations, range(1, LONGEST_TICKS + 2)),
        "pitch class, in C": (_pitch_classes, range(len(PITCH_CLASSES))),
    }
    shape = (len(sets), len(kinds))
    figure, axes = plt.subplots(*shape, figsize=(13, 1.5 * len(sets) + 0.6), squeeze=False, layout="constrained")
    for column, (what, (count, values)) in enumerate(kinds.items()):
        sums = [np.sum([count(line) for line in lines], axis=0) for lines in sets.values()]
        shares = [each / max(1, each.sum()) for each in sums]
        for row, (axis, name, each) in enumerate(zip(axes[:, column], sets, shares, strict=True)):
            axis.bar(values, shares[0], width=0.9, color=_COLOURS["Chords"])
            if row:
                axis.step(values, each, where="mid", color=_COLOURS["Melody"])
            axis.set_yticks([])
            axis.set_ylabel(name if column == 0 else "", rotation=0, ha="right", va="center", fontsize=9)
            axis.spines[["top", "right", "left"]].set_visible(False)
        axes[0, column].set_title(what, fontsize=10)
        if count is _pitch_classes:
            axes[-1, column].set_xticks(list(values), PITCH_CLASSES)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def _pitch_classes(line: Melody) -> Reals:
    return np.bincount(line.pitches % len(PITCH_CLASSES), minlength=len(PITCH_CLASSES)).astype(np.float64)


def memory(numbers: Reals, form: Form, path: Path, *, title: str = "") -> None:
    """Plot a network's memory at each step, shape (steps, numbers), to a PNG file.

    The numbers that change most, squeezed to -1 to 1 as on the screen, in the order in which they peak.
    """
    squeezed = np.tanh(numbers)
    liveliest = np.argsort(-squeezed.std(axis=0), kind="stable")[:_REMEMBERED]
    liveliest = liveliest[np.argsort(squeezed[:, liveliest].argmax(axis=0), kind="stable")]
    figure, axis = plt.subplots(figsize=(13, 5), layout="constrained")
    image = axis.imshow(
        squeezed[:, liveliest].T, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest"
    )
    bars = range(0, len(numbers), STEPS_PER_BAR)
    axis.set_xticks([bar - 0.5 for bar in bars], [form.chord_at(bar).symbol for bar in bars], ha="left")
    axis.set_yticks([])
    axis.set_ylabel(f"{len(liveliest)} of {numbers.shape[1]:,} numbers of its memory")
    figure.colorbar(image, ax=axis, pad=0.01)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110, metadata=_METADATA)
    plt.close(figure)


def _notes(midi: mido.MidiFile) -> list[tuple[str, float, float, int]]:
    """Return (part, start, end, pitch) of every note but the clicks, in beats."""
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
    """Plot a MIDI file that improv wrote."""
    parser = argparse.ArgumentParser(description="Draw the piano roll of a MIDI file that improv wrote.")
    parser.add_argument("midi", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--form", default=CHANGES, help="the chords of a chorus, bars between |")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    piano_roll(arguments.midi, Form.parse(arguments.form), arguments.png, title=arguments.title)


if __name__ == "__main__":
    main()
