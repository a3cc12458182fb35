"""What a network is told of improv as a player."""

import numpy as np
import pytest

from improv.models.encodings import ENCODINGS, StepInput
from improv.models.encodings.story import IS_OF_CHORUS, STORY_FEATURES, mean_moved, story
from improv.music.notes import SILENCE, Frame
from improv.music.voices import VOICES

NOTHING = Frame(SILENCE, None)


def on(step_input: StepInput, name: str) -> list[int]:
    return [int(unit) for unit in np.flatnonzero(story(step_input)[name][0])]


def test_what_is_not_known_is_zeros() -> None:
    told = story(StepInput(NOTHING))
    assert {name: each.shape for name, each in told.items()} == dict(STORY_FEATURES)
    assert not any(each.any() for each in told.values())


def test_each_voice_has_a_unit_and_its_mean_pitch_another() -> None:
    units = [on(StepInput(NOTHING, voice=voice), "voice") for voice in VOICES]
    assert units == [[number] for number in range(len(VOICES))]
    means = [on(StepInput(NOTHING, register=mean), "register") for mean in (20.0, 51.9, 52.0, 54.9, 55.0, 78.9, 120.0)]
    assert means == [[0], [0], [1], [1], [2], [9], [9]]


@pytest.mark.parametrize(
    ("played", "to_play", "units"),
    [
        (0, None, [0]),
        (95, None, [0]),
        (96, None, [1]),
        (5 * 96, None, [4]),
        (900, None, [5]),
        (0, 192, [0, 6]),
        (100, 100, [1, 8]),
        (170, 22, [1, 9, 10]),
        (192, 0, [2, 9, 10]),
    ],
)
def test_the_chorus_is_told_and_where_the_tune_ends(played: int, to_play: int | None, units: list[int]) -> None:
    assert on(StepInput(NOTHING, steps_played=played, steps_to_play=to_play), "story") == units
    assert [unit for unit in units if IS_OF_CHORUS[unit]] == units[:1]


def test_what_is_left_of_a_turn_is_told_the_finer_the_nearer_it_ends() -> None:
    left = [on(StepInput(NOTHING, turn_left=steps), "turn_left") for steps in (1, 2, 3, 4, 5, 8, 9, 17, 33, 400)]
    assert left == [[0], [1], [2], [2], [3], [3], [4], [5], [6], [6]]


def test_a_line_that_is_moved_has_another_mean() -> None:
    units = np.eye(10, dtype=np.uint8)[[3, 9, 0]]
    units[2] = 0
    assert np.argmax(mean_moved(units, 6), axis=1).tolist()[:2] == [5, 9]
    assert np.argmax(mean_moved(units, -5), axis=1).tolist()[:2] == [1, 7]
    assert not mean_moved(units, 3)[2].any()


def test_only_a_soloist_is_told_a_story() -> None:
    step_input = StepInput(NOTHING, voice="alto", register=60.0, steps_played=3, turn_left=9)
    more = ENCODINGS["soloist"].encode(step_input).keys() - ENCODINGS["cells"].encode(step_input).keys()
    assert more == set(STORY_FEATURES)
    assert ENCODINGS["soloist"].fingerprint != ENCODINGS["cells"].fingerprint
    assert "voice" in ENCODINGS["cells"].unsupported_controls
    assert "voice" not in ENCODINGS["soloist"].unsupported_controls
