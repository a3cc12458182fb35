"""How phrases repeat ideas: what the labels of the Weimar Jazz Database say, and how often."""

import math
from pathlib import Path

import pytest

from tests.training.test_wjazzd import beats, head, sound, write_database, write_folder
from training.corpora.wjazzd_tables import read_tables
from training.metrics.ideas import Idea, phrase_ideas, repeats, table


@pytest.mark.parametrize(
    ("label", "idea"),
    [
        ("lick", Idea()),
        ("~line_w_d", Idea()),
        ("void->lick", Idea()),
        ("", Idea()),
        ("#lick", Idea(1)),
        ("void->##lick", Idea(2)),
        ("##lick", Idea(2)),
        ("#16lick", Idea(16)),
        ("#-lick", Idea(1, -1)),
        ("~#+lick", Idea(1, 1)),
        ("*theme:t1", Idea()),
    ],
)
def test_a_label_says_which_idea_is_repeated_and_where(label: str, idea: Idea) -> None:
    assert Idea.of(label) == idea


def test_repeats_are_counted_after_new_ideas_and_after_repeats() -> None:
    new, again, lower, earlier = Idea(), Idea(1), Idea(2, -1), Idea(5)
    found = repeats([[new, again, lower, new], [new, new, earlier]])
    assert found.phrases == 7
    assert found.after_new == pytest.approx(2 / 3)
    assert found.after_repeat == pytest.approx(1 / 2)
    assert found.back == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert found.moved == pytest.approx((1 / 3, 2 / 3, 0))
    assert math.isnan(repeats([[new]]).after_new)


@pytest.mark.parametrize("write", [write_folder, write_database])
def test_a_phrase_has_the_idea_of_its_first_note_in_either_of_the_files(write: object, tmp_path: Path) -> None:
    sounds = [
        sound("1.1 1/2", 0.0, 0.1, 60, phrase=1, idea="lick"),
        sound("1.1 2/2", 0.2, 0.1, 62, phrase=1, idea="~line"),
        sound("1.3 1/2", 1.0, 0.1, 60, phrase=2, idea="#+lick"),
        sound("1.3 2/2", 1.2, 0.1, 62, phrase=2, idea="#+lick"),
    ]
    tables = read_tables(write(tmp_path / "corpus", [head()], sounds, beats()))  # type: ignore[operator]
    assert phrase_ideas(tables.sounds) == (Idea(), Idea(1, 1))
    assert table(tables).row_count == 5
