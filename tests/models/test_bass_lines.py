"""The encoding of a walking bass: its targets, its approaches, and that twelve keys are one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from improv.models.encodings.bass_lines import (
    BUSY,
    HIGHEST,
    LEAP,
    LOWEST,
    PITCH_HEAD,
    TARGET_HEAD,
    BassInput,
    BassLines,
    BassNote,
    in_range,
    target_bias,
    way_bias,
)
from improv.music.scales import scale_of
from improv.music.theory import QUALITIES, Chord

LINES = BassLines()
C7, F7, G7 = map(Chord.parse, ("C7", "F7", "G7"))
E1, C2, D2, E2, F2, G2 = 28, 36, 38, 40, 41, 43

chords = st.builds(Chord, st.integers(0, 11), st.sampled_from(sorted(QUALITIES.values())))
pitches = st.integers(LOWEST, HIGHEST)


def decided(given_: BassInput, *units: int) -> tuple[list[str], BassNote]:
    """Return the heads that are asked, and the note, if these units are drawn."""
    decoder, heads = LINES.decode(given_), []
    try:
        choice = next(decoder)
        for unit in units:
            heads.append(choice.head)
            assert np.isfinite(choice.bias[unit])
            choice = decoder.send(unit)
    except StopIteration as done:
        return heads, done.value
    raise AssertionError("it asks for more")


def allowed(bias: np.ndarray, pitch: int) -> set[int]:
    return {pitch - LEAP + int(unit) for unit in np.flatnonzero(np.isfinite(bias))}


def test_a_target_is_chosen_first_and_then_the_way_there() -> None:
    begins = BassInput(pitch=C2, chord=C7, target_chord=F7, beats=3)
    assert decided(begins, F2 - C2 + LEAP, D2 - C2 + LEAP) == ([TARGET_HEAD, PITCH_HEAD], BassNote(D2, F2))
    goes_on = BassInput(pitch=D2, before=C2, target=F2, chord=C7, target_chord=F7, beats=1)
    assert decided(goes_on, E2 - D2 + LEAP) == ([PITCH_HEAD], BassNote(E2, F2))
    arrives = BassInput(pitch=E2, before=D2, target=F2, chord=F7, target_chord=F7)
    assert decided(arrives) == ([], BassNote(F2, None))


def test_a_target_that_is_next_is_played_as_it_is_chosen() -> None:
    assert decided(BassInput(pitch=C2, chord=G7, target_chord=G7), G2 - C2 + LEAP) == (
        [TARGET_HEAD], BassNote(G2, None),
    )  # fmt: skip


@given(pitches, chords, st.booleans())
def test_a_target_is_root_or_fifth_where_the_chord_changes_and_a_chord_tone_elsewhere(
    pitch: int, chord: Chord, changes: bool
) -> None:
    found = allowed(target_bias(pitch, chord, HIGHEST, changes=changes), pitch)
    assert found
    for target in found:
        above = (target - chord.root) % 12
        assert above in ((0, 6, 7, 8) if changes else chord.intervals)
        assert LOWEST <= target <= HIGHEST


@given(pitches, st.none() | pitches, pitches, st.integers(1, 3), chords, chords)
def test_every_note_on_the_way_is_of_the_scale_or_leads_to_the_target(
    pitch: int, before: int | None, target: int, beats: int, chord: Chord, target_chord: Chord
) -> None:
    assume(abs(target - pitch) <= LEAP)
    for note in allowed(way_bias(pitch, before, target, beats, chord, target_chord, HIGHEST), pitch):
        assert LOWEST <= note <= HIGHEST
        leads = 1 <= abs(note - target) <= 2
        is_dominant = (note - target) % 12 == 7
        assert note % 12 in scale_of(chord) or (beats == 1 and (leads or is_dominant))
        assert not note == pitch == before


def test_nothing_is_higher_than_it_may_be() -> None:
    assert max(allowed(target_bias(E2, C7, G2, changes=False), E2)) == G2
    assert max(allowed(way_bias(E2, D2, F2, 2, C7, F7, G2), E2)) == G2


@given(pitches, st.none() | pitches, st.none() | pitches, chords, chords, st.integers(0, 3), st.integers(-4, 4))
def test_all_but_the_register_is_the_same_in_every_key(
    pitch: int, before: int | None, target: int | None, chord: Chord, after: Chord, beats: int, up: int
) -> None:
    moved = [None if each is None else each + up for each in (pitch, before, target)]
    assume(all(each is None or LOWEST <= each <= HIGHEST for each in moved))
    one = LINES.encode(
        BassInput(pitch=pitch, before=before, target=target, chord=chord, target_chord=after, beats=beats)
    )
    other = LINES.encode(
        BassInput(
            pitch=moved[0], before=moved[1], target=moved[2], chord=chord.transposed(up),
            target_chord=after.transposed(up), beats=beats,
        )
    )  # fmt: skip
    assert all(np.array_equal(one[name], other[name]) for name in one if name != "line")
    assert np.array_equal(one["line"][:, : 2 * LEAP + 2], other["line"][:, : 2 * LEAP + 2])


@given(st.integers(0, 127), st.floats(30, 400), st.floats(0, 12), st.integers(0, 500), st.sampled_from((0, 48, 64)))
def test_every_tensor_has_its_shape(pitch: int, bpm: float, density: float, place: int, form_beats: int) -> None:
    tensors = LINES.encode(BassInput(pitch=pitch, bpm=bpm, density=density, place=place, form_beats=form_beats))
    assert {name: tensor.shape for name, tensor in tensors.items()} == LINES.features
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_place_tempo_and_density_are_told_in_classes() -> None:
    tensors = LINES.encode(BassInput(place=4 * 9 + 2, form_beats=48, bpm=160, density=1.0))
    assert np.flatnonzero(tensors["place"]).tolist() == [2, 4 + 9]
    assert np.flatnonzero(tensors["tempo"]).tolist() == [3, 6 + 1]
    assert not LINES.encode(BassInput(place=38, form_beats=64))["place"][0, 4:].any()
    assert list(BUSY) == sorted(BUSY)


@pytest.mark.parametrize("pitch", range(0, 128, 5))
def test_a_pitch_comes_by_octaves_into_the_range(pitch: int) -> None:
    found = in_range(pitch)
    assert LOWEST <= found <= HIGHEST
    assert (found - pitch) % 12 == 0
    assert all(in_range(each) == each for each, _ in pairwise(range(LOWEST, HIGHEST + 1)))
