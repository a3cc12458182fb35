"""The encoding of a drummer: four limbs, two places a step, and what it is asked for."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.encodings import BAND_ENCODINGS, ENCODINGS
from improv.models.encodings.drum_grids import (
    CYMBALS,
    DELAYS_MS,
    DRUMS,
    HITS_HEAD,
    LATER_HITS_HEAD,
    LIMBS,
    SUBSTEPS,
    TIMING_HEAD,
    TOGETHER,
    UNIT_OF,
    VELOCITIES,
    VELOCITY_HEAD,
    DrumGrids,
    DrumInput,
    Sound,
    Stroke,
    Strokes,
    delay_class,
    strokes_tensor,
    together,
    velocity_class,
)

GRIDS = DrumGrids()
RIDE_AND_KICK, SNARE, NOTHING = (
    UNIT_OF[Sound.RIDE, None, Sound.KICK, None], UNIT_OF[None, Sound.SNARE, None, None], 0,
)  # fmt: skip

strokes = st.lists(
    st.builds(Stroke, st.sampled_from(Sound), st.integers(0, SUBSTEPS - 1), st.integers(1, 127)), max_size=12
).map(tuple)


def decided(*answers: Sequence[int]) -> tuple[list[str], Strokes]:
    """Return the heads that are asked, and the strokes, if these units are drawn."""
    decoder, heads = GRIDS.decode(), []
    choice = next(decoder)
    for units in answers:
        heads.append(choice.head)
        try:
            choice = decoder.send(units)
        except StopIteration as done:
            return heads, done.value
    raise AssertionError("it asks for more")


def test_the_limbs_are_two_hands_and_two_feet_and_nothing_comes_first() -> None:
    assert len(TOGETHER) == len(CYMBALS) * len(DRUMS) * 4 == GRIDS.heads[HITS_HEAD].shape[1]
    assert TOGETHER[NOTHING] == (None,) * len(LIMBS)
    assert {sound for may in LIMBS for sound in may if sound is not None} == set(Sound)


def test_both_places_are_chosen_then_velocity_and_timing_of_each_limb() -> None:
    units = [0, 2, 3]
    heads, played = decided([RIDE_AND_KICK], [SNARE], units, units)
    assert heads == [HITS_HEAD, LATER_HITS_HEAD, VELOCITY_HEAD, TIMING_HEAD]
    assert played == (
        Stroke(Sound.RIDE, 0, VELOCITIES[0], DELAYS_MS[0]),
        Stroke(Sound.KICK, 0, VELOCITIES[2], DELAYS_MS[2]),
        Stroke(Sound.SNARE, 1, VELOCITIES[3], DELAYS_MS[3]),
    )


def test_where_nothing_is_struck_nothing_else_is_asked() -> None:
    assert decided([NOTHING], [NOTHING]) == ([HITS_HEAD, LATER_HITS_HEAD], ())


def test_a_sound_that_is_left_out_has_no_unit() -> None:
    bias = next(GRIDS.decode(frozenset({Sound.CRASH}))).bias
    assert [Sound.CRASH in TOGETHER[unit] for unit in range(len(TOGETHER))] == list(np.isneginf(bias))
    assert not next(GRIDS.decode()).bias.any()


def test_each_choice_knows_those_before_it() -> None:
    decoder = GRIDS.decode()
    assert not next(decoder).features
    first = decoder.send([RIDE_AND_KICK]).features["chosen_hits"]
    assert list(np.flatnonzero(first)) == [Sound.RIDE, Sound.KICK]
    both = decoder.send([SNARE]).features["chosen_hits"]
    assert list(np.flatnonzero(both)) == [Sound.RIDE, Sound.KICK, len(Sound) + Sound.SNARE]


@given(strokes)
def test_of_one_limb_the_loudest_stroke_is_kept_and_the_rest_comes_back(played: Strokes) -> None:
    for place in range(SUBSTEPS):
        sounds = [sound for sound in TOGETHER[together(played, place)] if sound is not None]
        here = [stroke for stroke in played if stroke.substep == place]
        for may in LIMBS:
            loudest = max((stroke.velocity for stroke in here if stroke.sound in may), default=0)
            kept = [stroke.velocity for stroke in here if stroke.sound in may and stroke.sound in sounds]
            assert max(kept, default=0) == loudest


@given(strokes, st.integers(-200, 200), st.floats(30, 400), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_every_tensor_has_its_shape(
    played: Strokes, place: int, bpm: float, density: int, loudness: int, fills: bool
) -> None:
    tensors = GRIDS.encode(
        DrumInput(
            struck=played, bar_ago=played, style="funk", place=place, bpm=bpm, density=density, loudness=loudness,
            fills=fills,
        )
    )  # fmt: skip
    assert {name: tensor.shape for name, tensor in tensors.items()} == GRIDS.features
    assert all(tensor.dtype == np.float32 and tensor.min() >= 0 and tensor.max() <= 1 for tensor in tensors.values())
    assert np.flatnonzero(tensors["place"]).tolist() == [place % 8, 8 + place // 8 % 4]


def test_strokes_are_told_by_how_loud_they_are() -> None:
    tensor = strokes_tensor((Stroke(Sound.KICK, 0, 127), Stroke(Sound.SNARE, 1, 64)))
    assert tensor[0, Sound.KICK] == 1
    assert tensor[0, len(Sound) + Sound.SNARE] == pytest.approx(64 / 127)
    assert np.count_nonzero(tensor) == 2


def test_velocities_and_delays_are_played_as_they_are_classed() -> None:
    assert [velocity_class(velocity) for velocity in VELOCITIES] == list(range(len(VELOCITIES)))
    assert [velocity_class(velocity) for velocity in (1, 24, 25, 127)] == [0, 0, 1, 4]
    assert [delay_class(delay) for delay in DELAYS_MS] == list(range(len(DELAYS_MS)))
    assert [delay_class(delay) for delay in (-400, 400)] == [0, len(DELAYS_MS) - 1]


def test_the_band_has_encodings_of_its_own() -> None:
    assert not BAND_ENCODINGS.keys() & ENCODINGS.keys()
    assert len({each.fingerprint for each in (*ENCODINGS.values(), *BAND_ENCODINGS.values())}) == 7
