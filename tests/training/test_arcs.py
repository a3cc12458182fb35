"""How solos go from chorus to chorus, as `python -m training arcs` tells it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from tests.training.test_wjazzd import beats, head, sound, write_folder
from training.evaluation.arcs import PLACES, Arc, arc, played_arc, table
from training.metrics.melody import TICKS_PER_BAR, Melody, as_numbers


def line(*choruses: tuple[int, int]) -> Melody:
    """A melody of choruses of twelve bars, each of so many notes on one pitch."""
    onsets = [
        12 * TICKS_PER_BAR * chorus + 12 * note for chorus, (notes, _) in enumerate(choruses) for note in range(notes)
    ]
    pitches = [pitch for notes, pitch in choruses for _ in range(notes)]
    chords = np.zeros((8 * 12 * len(choruses), 12), np.bool_)
    return Melody(as_numbers(onsets), as_numbers([onset + 12 for onset in onsets]), as_numbers(pitches), chords)


def test_an_arc_is_told_beside_the_average_of_the_solo() -> None:
    found = arc(line((10, 60), (20, 60), (30, 66)))
    assert found is not None
    assert found.notes.tolist() == pytest.approx([0.5, 1, 1.5])
    assert found.pitch.tolist() == pytest.approx([-3, -3, 3])


@pytest.mark.parametrize("choruses", [[(20, 60), (20, 62)], [(20, 60), (7, 61), (20, 62)], []])
def test_a_solo_of_fewer_than_three_choruses_has_none(choruses: list[tuple[int, int]]) -> None:
    assert arc(line(*choruses)) is None


@pytest.mark.parametrize(
    ("choruses", "each"), [(3, [1, 1, 0, 0, 1]), (4, [1, 1, 1, 0, 1]), (5, [1, 1, 1, 1, 1]), (8, [1, 2, 2, 2, 1])]
)
def test_each_chorus_has_one_place(choruses: int, each: list[int]) -> None:
    numbers = np.arange(choruses, dtype=float)
    found = [Arc(numbers, numbers).at(place) for place in range(len(PLACES))]
    assert [len(those) for those in found] == each
    assert [notes for those in found for notes, _ in those] == list(range(choruses))


def test_the_table_has_a_dash_where_no_chorus_is() -> None:
    of_three = table("solos", [Arc(np.ones(3), np.array([-1.0, 0.0, 1.0]))] * 4)
    assert of_three.row_count == 2
    cells = [list(column.cells) for column in of_three.columns[1:]]
    assert [pitch for _, pitch in cells] == ["-1.00 ± 0.00", "0.00 ± 0.00", "-", "-", "1.00 ± 0.00"]


def test_a_network_s_solo_has_an_arc_of_six_choruses() -> None:
    found = played_arc(OnnxModel(find_model("partner")), 1)
    assert found is not None
    assert len(found.notes) == len(found.pitch) == 6
    assert found.notes.mean() == pytest.approx(1)


def test_the_command_prints_people(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "corpus", [head()], [sound("1.1 1/2", 0.0, 0.1, 60, phrase=1)], beats())
    command = [sys.executable, "-m", "training", "arcs", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "people: 0 solos" in done.stdout
