"""Whether a model obeys: each control of the melody at several values, and what that does to what it is named after.

`python -m training obedience MODEL...` prints the table. A control is obeyed if the figure never falls
as it is turned up, and rises between the ends. All is played by the session that a musician hears, alone.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from improv.errors import ImprovError
from improv.models.catalog import find_model
from improv.models.contract import StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP
from improv.music.turns import Mode
from improv.protocol.control import Control, Value
from improv.protocol.controls import BREATH, BUILD, DENSITY, LEANING, REGISTER, RESTS, TEMPERATURE, TOP_P, Settings
from improv.session.build import SOLO_CHORUSES
from training.metrics.figures import chord_tones, entropy, intervals, phrase_lengths
from training.metrics.melody import CHORUS_BARS, Melody, melody
from training.rendering.playing import play_alone

CHORUSES = 48
"""So many are played at each value."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a control is measured by: its values in their order, the figure and what that is called."""

    control: Control
    values: tuple[Value, ...]
    name: str
    figure: Callable[[Melody], float]


def interval_entropy(line: Melody) -> float:
    """Return the entropy of the intervals of a melody, in bits."""
    return entropy(intervals(line))


def onsets_a_bar(line: Melody) -> float:
    """Return the mean number of notes that begin in a bar."""
    return len(line.onsets) / line.bars


def mean_pitch(line: Melody) -> float:
    """Return the mean MIDI pitch of a melody."""
    return float(line.pitches.mean())


def chord_tone_share(line: Melody) -> float:
    """Return the share of chord tones, 0 to 1: the mean of those on downbeats, on other beats and off the beat."""
    return float(np.mean(list(chord_tones(line).values())))


def silence(line: Melody) -> float:
    """Return the share of time in which no note sounds, 0 to 1."""
    return 1 - float((line.ends - line.onsets).sum()) / (len(line.chords) * TICKS_PER_STEP)


def phrase_beats(line: Melody) -> float:
    """Return the mean length of a melody's phrases, in beats."""
    return phrase_lengths(line)["beats"]


def growth(line: Melody) -> float:
    """Return how many notes the later halves of solos have for one of the earlier halves."""
    chorus = CHORUS_BARS * STEPS_PER_BAR * TICKS_PER_STEP
    solo = min(len(line.chords) * TICKS_PER_STEP, SOLO_CHORUSES * chorus)
    later = line.onsets % solo >= solo / 2
    return float(later.sum() / max(1, (~later).sum()))


RESPONSES = (
    Response(TEMPERATURE, (0.0, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0), "entropy of the intervals, bits", interval_entropy),
    Response(TOP_P, (0.0, 0.5, 0.8, 0.9, 1.0), "entropy of the intervals, bits", interval_entropy),
    Response(DENSITY, (-1.0, -0.5, 0.0, 0.5, 1.0), "onsets a bar", onsets_a_bar),
    Response(REGISTER, (-2, -1, 0, 1, 2), "mean pitch", mean_pitch),
    Response(LEANING, (0.0, 0.3, 0.6, 0.9, 1.0), "share of chord tones", chord_tone_share),
    Response(RESTS, (-1.0, -0.5, 0.0, 0.5, 1.0), "share of silence", silence),
    Response(BREATH, (0.0, 1.0, 2.0), "phrase, beats", phrase_beats),
    Response(BUILD, (0.0, 1.0, 2.0), "notes of the later half, for one of the earlier", growth),
)


def measure(model: StepModel, response: Response, choruses: int, seed: int) -> tuple[float, ...]:
    """Return the figure at each value of a control, over `choruses` choruses; all but `build` in solos that do not."""
    found = []
    for value in response.values:
        chosen: dict[str, Any] = {BUILD.field: 0.0, response.control.field: value}
        settings = Settings.of(mode=Mode.SOLO, seed=seed, **chosen)
        line = melody(play_alone(model, choruses * CHORUS_BARS, settings))
        found.append(response.figure(line) if len(line.onsets) else float("nan"))
    return tuple(found)


def obeys(figures: Sequence[float]) -> bool:
    """Return whether the figures never fall, and the last is above the first."""
    steps = np.diff(figures)
    return bool((steps >= 0).all() and steps.sum() > 0)


def table(name: str, rows: Iterable[tuple[Response, Sequence[float]]]) -> Table:
    """Return the figures of one model as a table, a row for each control."""
    found = Table("control", "measured by", "at each value", "obeyed", title=name)
    for response, figures in rows:
        values = "  ".join(f"{value:g}: {figure:.2f}" for value, figure in zip(response.values, figures, strict=True))
        found.add_row(response.control.name, response.name, values, "yes" if obeys(figures) else "no")
    return found


def main() -> None:
    """Print the table of each model's response to the controls."""
    parser = argparse.ArgumentParser(description="Whether models obey the controls of the melody.")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or files of models")
    parser.add_argument("--choruses", type=int, default=CHORUSES, help=f"played at each value [{CHORUSES}]")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    console = Console()
    try:
        for path in map(find_model, arguments.models):
            model = OnnxModel(path)
            rows = [
                (response, measure(model, response, arguments.choruses, arguments.seed))
                for response in track(RESPONSES, path.stem, transient=True)
            ]
            console.print(table(path.stem, rows))
    except ImprovError as error:
        parser.exit(error.exit_status, f"{error}\n")


if __name__ == "__main__":
    main()
