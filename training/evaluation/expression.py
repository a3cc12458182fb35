"""How the melody is played, beside people: `python -m training evaluate --expression` prints two tables.

The network is judged by the loudness that it expects of the notes of solos that it has never heard, each with all that
was played before. What improv plays is judged by files that `improv render` has written at its default controls.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from improv.config.values import Tune
from improv.models.contract import StepModel, no_memory
from improv.models.encodings.expression import VELOCITIES, VELOCITY_HEAD, Expression
from improv.models.sampling import one_unit
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.parts import Part
from improv.music.styles import Style, auto_swing
from improv.runtime.opening import open_band
from improv.runtime.render import render
from training.corpora.solos import Solo
from training.corpora.wjazzd_split import Split
from training.datasets.expression import FEATURES, ExpressionSequence, played_notes, sequences
from training.metrics.bootstrap import Figure
from training.metrics.expression import PlayedLine, correlation, line_of_files, touch_figures

TEMPI_BPM = (120, 160, 210)
"""The tempos of the solos that are rendered, in quarter notes a minute."""

SEEDS, CHORUSES = 4, 6
"""How many solos are rendered at each tempo, and how long they are."""

_BAR_TICKS = BEATS_PER_BAR * TICKS_PER_BEAT


def expected(model: StepModel, solo: ExpressionSequence) -> NDArray[np.float64]:
    """Return the velocity that a network expects of each note of a solo, with what was played before it, (notes,)."""
    widths = [Expression().features[name][1] for name in FEATURES]
    parts = np.split(solo.features, np.cumsum(widths)[:-1], axis=1)
    memory, found = no_memory(model.spec), []
    for number in range(len(solo.units)):
        features = {name: part[number : number + 1] for name, part in zip(FEATURES, parts, strict=True)}
        outputs, memory = model.step(features, memory)
        found.append(float(one_unit(outputs[VELOCITY_HEAD], 1.0, distribution="categorical") @ VELOCITIES))
    return np.array(found)


def predictions(model: StepModel, sides: Split) -> Mapping[str, Figure]:
    """Return how well the loudness of the test side's notes is told beforehand, as correlations."""
    training, test = sequences(sides.training), sequences(sides.test)
    accents = _accents(training)
    return {
        "a constant": Figure(0.0, 0.0, 0.0),
        "accents of the bar": correlation((accents[solo.places], solo.velocities) for solo in test),
        "the note before": correlation((solo.velocities[:-1], solo.velocities[1:]) for solo in test),
        "the network": correlation((expected(model, solo), solo.velocities) for solo in test),
    }


def _accents(solos: Sequence[ExpressionSequence]) -> NDArray[np.float64]:
    """Return the mean velocity at each tick of the bar, (48,)."""
    velocities = np.concatenate([solo.velocities for solo in solos])
    places = np.concatenate([solo.places for solo in solos])
    known = ~np.isnan(velocities)
    sums = np.bincount(places[known], velocities[known], _BAR_TICKS)
    counts = np.bincount(places[known], minlength=_BAR_TICKS)
    return np.where(counts, sums / np.maximum(counts, 1), velocities[known].mean())


def line_of_solo(solo: Solo) -> PlayedLine:
    """Return how a solo of the corpus was played."""
    notes = [note.played for note in played_notes(solo)]

    def column(values: Sequence[float | None]) -> NDArray[np.float64]:
        return np.array([np.nan if value is None else value for value in values], float)

    return PlayedLine(
        column([note.velocity for note in notes]),
        column([note.late_ms for note in notes]),
        column([note.gap for note in notes[1:]]),
    )


def rendered(bpm: float, seed: int, folder: Path, *, flat: bool = False, choruses: int = CHORUSES) -> PlayedLine:
    """Return a solo that `improv render` has written to a folder at the default controls, or with flat expression."""
    style = Style.SWING
    notated, played = folder / "notated.mid", folder / "played.mid"
    render(Tune.of(tempo=bpm, seed=seed, choruses=choruses, dynamics=0.0, feel=0.0), notated)
    if flat:
        return line_of_files(notated, notated, bpm, auto_swing(style, bpm))
    render(Tune.of(tempo=bpm, seed=seed, choruses=choruses), played)
    return line_of_files(played, notated, bpm, auto_swing(style, bpm))


def judge(sides: Split, seeds: int = SEEDS, choruses: int = CHORUSES) -> Mapping[str, Mapping[str, Figure]]:
    """Return the figures of people, of improv's renders, and of those with flat expression."""
    with TemporaryDirectory() as folder:
        rows = {
            name: [
                rendered(bpm, seed, Path(folder), flat=flat, choruses=choruses)
                for bpm in TEMPI_BPM
                for seed in range(1, seeds + 1)
            ]
            for name, flat in (("improv render", False), ("with dynamics 0 and feel 0", True))
        }
    people = [line_of_solo(solo) for solo in sides.test if any(note.velocity is not None for note in solo.notes)]
    return {name: touch_figures(lines) for name, lines in {"people": people, **rows}.items()}


def tables(told: Mapping[str, Figure], rows: Mapping[str, Mapping[str, Figure]]) -> list[Table]:
    """Return both tables."""
    title = "loudness told beforehand: correlation with what was played, on solos never heard"
    first = Table("by", "correlation", title=title, title_justify="left")
    for name, figure in told.items():
        first.add_row(name, _shown(figure))
    second = Table("how it is played", *rows, title="beside people, with intervals of 95 %", title_justify="left")
    for name in next(iter(rows.values())):
        second.add_row(name, *(_shown(figures[name]) for figures in rows.values()))
    return [first, second]


def _shown(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def report(sides: Split, out: Path, seeds: int = SEEDS, choruses: int = CHORUSES) -> None:
    """Print both tables, and leave them and their figures in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    model = open_band()[0].get(Part.MELODY)
    told = {} if model is None else predictions(model, sides)
    rows = judge(sides, seeds, choruses)
    raw = {
        "predictions": {name: asdict(figure) for name, figure in told.items()},
        "played": {row: {name: asdict(each) for name, each in figures.items()} for row, figures in rows.items()},
    }
    (out / "expression.json").write_text(json.dumps(raw, indent=1) + "\n")
    console = Console(width=max(Console().width, 130), record=True)
    console.print(*tables(told, rows), sep="\n")
    console.save_text(str(out / "expression.txt"))
