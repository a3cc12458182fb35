"""Pictures of what was learned and what was played: loss curves and piano rolls, as PNG files."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import numpy as np

from improv.export.performance import Chorus, Key, Performance, Tempo
from improv.export.piano_roll import piano_roll
from improv.export.png import draw_png
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import Event, Frame, NoteOff, NoteOn
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, STEPS_PER_BEAT, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from training.corpora.solos import Note, notes_in
from training.metrics.figures import LARGEST_INTERVAL, LONGEST_TICKS, durations, intervals
from training.metrics.melody import CHORUS_BARS, Melody, Reals
from training.rendering.playing import BPM, VELOCITY

mpl.use("Agg")
from matplotlib import pyplot as plt

_FIRST, _OTHER = "#c9c5b8", "#00798c"
"""The colours of the first set of melodies, and of each other over it."""
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


def line_roll(line: Sequence[Frame], path: Path, *, title: str = "") -> None:
    """Draw a melody with its chords as a piano roll in a PNG file; an empty melody gives no file."""
    if notes := notes_in(line):
        with path.open("wb") as out:
            draw_png(piano_roll(_performance(line, notes), title, ""), out)


def _performance(line: Sequence[Frame], notes: Sequence[Note]) -> Performance:
    """Return a melody as a performance, straight, so that it can be drawn."""
    events: list[tuple[float, Event]] = []
    for note in notes:
        events.append((note.onset / TICKS_PER_BEAT, NoteOn(Part.MELODY, note.pitch, VELOCITY)))
        events.append((note.end / TICKS_PER_BEAT, NoteOff(Part.MELODY, note.pitch)))
    events.sort(key=lambda item: (item[0], isinstance(item[1], NoteOn)))
    symbols = [frame.chord.symbol if frame.chord else "" for frame in line]
    changes = [step for step, symbol in enumerate(symbols) if step == 0 or symbol != symbols[step - 1]]
    beats, chorus = len(line) / STEPS_PER_BEAT, CHORUS_BARS * BEATS_PER_BAR
    return Performance(
        title="a melody",
        made_with="",
        model="",
        settings=Settings(mode=Mode.SOLO),
        transport=Transport(0, 0.0, BPM),
        form_beats=chorus,
        count_in_beats=0,
        beats=beats,
        events={Part.MELODY: tuple(events)},
        marks=((0.0, Key("C")), (0.0, Tempo(BPM))),
        chords=tuple((step / STEPS_PER_BEAT, symbols[step]) for step in changes),
        choruses=tuple(Chorus(float(number * chorus), number + 1) for number in range(ceil(beats / chorus))),
    )


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
            axis.bar(values, shares[0], width=0.9, color=_FIRST)
            if row:
                axis.step(values, each, where="mid", color=_OTHER)
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
