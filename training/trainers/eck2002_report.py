"""A trained network measured, described and exported: the model file, its report and its picture, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from improv.models.contract import ModelSpec
from improv.models.onnx_runtime import OnnxModel
from training.corpora import blues_bars
from training.networks.eck2002 import ENCODING, Blues, Chords
from training.rendering.plots import loss_curves
from training.trainers import NETWORKS
from training.trainers.eck2002_figures import (
    ChordFigures,
    MelodyFigures,
    corpus_bars,
    form_figures,
    improvised_bars,
    melody_figures,
    probes,
    random_walk_bars,
)
from training.trainers.export import PARITY_STEPS, export, specify, stamp
from training.trainers.progress import Progressed

PROVEN_CHORUSES = 10_000
MEASURED_CHORUSES = 200
CORPUS_SONGS = 2_000
PRIMERS = 32
PRIMER_STEPS = 24
"""Up to 24 notes of the training set lead in (section 4.2)."""

DATA = {"source": "bars written for this project (training/corpora/blues_bars.py)", "licence": "MIT"}


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained network, and what it went through."""

    name: str
    network: Chords | Blues
    seed: int
    attempts: int
    """How many networks were begun until one found the form."""
    losses: Mapping[str, Sequence[float]]
    """The training losses of each update by part, in nats a step."""
    error: float
    """How much the most wrong of its chord probabilities is wrong, 0 to 1."""
    returns: int
    """How often learning the melody went back to when the form was exact."""
    seconds: float

    @property
    def margin(self) -> float:
        """Least distance of a chord probability from the threshold, 0 to 0.5; negative if a bit is wrong."""
        return 0.5 - self.error


def write_model(learned: Learned, out: Path, progressed: Progressed) -> str:
    """Export a network to `out`, measure the exported file, write a report beside it, and return its text."""
    progressed(1, "exporting")
    name, seed = learned.name, learned.seed
    path = out / f"{name}.onnx"
    spec = _spec(learned)
    difference = export(learned.network, spec, path, probes(-(-PARITY_STEPS // blues_bars.FORM.steps), seed))
    model = OnnxModel(path, "cpu")
    progressed(1, f"playing {PROVEN_CHORUSES} choruses")
    chords = form_figures(path, PROVEN_CHORUSES, seed)
    table = _melody_table(model, seed) if isinstance(learned.network, Blues) else {}
    figures = {
        "wrong_chord_bits": float(max(found.wrong_bits for found in chords.values())),
        "choruses_played": float(PROVEN_CHORUSES),
        "chord_margin": round(learned.margin, 4),
        "parity": difference,
    }
    if table:
        figures |= {name: round(value, 4) for name, value in asdict(table[f"{name}, improvising"]).items()}
    stamp(path, replace(spec, figures=figures))
    loss_curves(learned.losses, f"{name}, seed {seed}", out / f"{name}-loss.png")
    report = _report(learned, chords, table, difference)
    (out / f"{name}.md").write_text(report)
    return report


def _spec(learned: Learned) -> ModelSpec:
    songs = blues_bars.draw_songs(PRIMERS, np.random.default_rng(learned.seed))
    primers = [song[-PRIMER_STEPS:] for song in songs] if isinstance(learned.network, Blues) else []
    return specify(
        learned.network,
        name=learned.name,
        summary=NETWORKS[learned.name].summary,
        encoding=ENCODING,
        key="C",
        form=blues_bars.CHANGES,
        primers=primers,
        data=DATA,
        seed=learned.seed,
        figures={},
    )


def _melody_table(model: OnnxModel, seed: int) -> dict[str, MelodyFigures]:
    """Return the figures of the network's melody, the corpus and random walks, by name."""
    corpus = corpus_bars(blues_bars.draw_songs(CORPUS_SONGS, np.random.default_rng(seed)))
    melodies = {
        "training set": corpus_bars(blues_bars.draw_songs(CORPUS_SONGS, np.random.default_rng(seed + 1))),
        f"{model.spec.name}, improvising": improvised_bars(model, MEASURED_CHORUSES, seed),
        "random walk, C major pentatonic": random_walk_bars(blues_bars.MAJOR_PENTATONIC, MEASURED_CHORUSES, seed),
        "random walk, C minor pentatonic": random_walk_bars(blues_bars.MINOR_PENTATONIC, MEASURED_CHORUSES, seed),
    }
    return {name: melody_figures(bars, corpus) for name, bars in melodies.items()}


def _report(
    learned: Learned, chords: Mapping[str, ChordFigures], table: Mapping[str, MelodyFigures], difference: float
) -> str:
    name = learned.name
    lines = [
        f"# {name}",
        "",
        NETWORKS[name].summary,
        "",
        f"Made by `python -m training train {name} --seed {learned.seed}`: trained in {learned.seconds:.0f} s, the "
        f"form found in attempt {learned.attempts}. Trained on {DATA['source']}, {blues_bars.SONGS:,} different songs; "
        f"{DATA['licence']} licence.",
        "",
        f"![cross-entropy against updates]({name}-loss.png)",
        "",
        "| chords | |",
        "| --- | --- |",
        *(
            f"| wrong bits in {found.choruses:,} choruses fed its own chords, the melody input fed {what} | "
            f"{found.wrong_bits} |"
            for what, found in chords.items()
        ),
        "| the chords' memory returns bit for bit from this chorus on, so every later one is the same | "
        f"{_settled(chords)} |",
        f"| least distance of a chord probability from the threshold | {learned.margin:.3f} |",
        f"| PyTorch against onnxruntime, at most, over {PARITY_STEPS:,} chained steps | {difference:.1e} |",
    ]
    if table:
        lines += [
            "",
            "| melody | chord tones on beats | pitch histogram distance | copied bars |",
            "| --- | --- | --- | --- |",
            *(
                f"| {what} | {f.chord_tones_on_beats:.0%} | {f.histogram_distance:.3f} | {f.copied_bars:.0%} |"
                for what, f in table.items()
            ),
            "",
            f"Measured over {MEASURED_CHORUSES} choruses at temperature 1. Chord tones: share of beats on which the "
            "melody is a tone of the chord. Distance: total variation between the histogram of pitches on beats and "
            "the training set's, 0 to 1. Copied: share of bars that stand in the training set at the same place of "
            "the form.",
        ]
    return "\n".join(lines) + "\n"


def _settled(chords: Mapping[str, ChordFigures]) -> str:
    after = [found.settled_after for found in chords.values()]
    return str(max(chorus or 0 for chorus in after)) if all(after) else "not seen"
