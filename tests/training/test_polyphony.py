"""Figures of polyphony, and where it stops being music."""

import numpy as np
import pytest

from training.metrics.polyphony import (
    Passage,
    density,
    faults,
    figures,
    longest_silence_s,
    longest_tone_s,
    pitch_class_entropy,
    polyphony,
    valid_s,
)


def passage(*notes: tuple[int, int, int], frames: int = 320) -> Passage:
    """Return a passage of notes: a pitch from the lowest, its first frame, and the frame it has ended before."""
    sounds, begins = np.zeros((2, frames, 67), bool)
    for pitch, first, end in notes:
        sounds[first:end, pitch] = True
        begins[first, pitch] = True
    return Passage(sounds, begins)


def walk(frames: int, seed: int = 1) -> list[tuple[int, int, int]]:
    """Return notes of four frames each that repeat nothing."""
    rng = np.random.default_rng(seed)
    return [(int(rng.integers(0, 67)), at, at + 4) for at in range(0, frames, 4)]


MUSIC = passage(*walk(320))


def test_music_has_no_fault() -> None:
    """Notes that move are music to the end."""
    assert faults(MUSIC) == ()
    assert valid_s(MUSIC) == 20


def test_figures() -> None:
    """Notes a second, pitches at once where any sounds, and the entropy of pitch classes."""
    found = passage((0, 0, 16), (12, 0, 16), (1, 16, 32), frames=64)
    assert density(found) == 3 / 4
    assert polyphony(found) == 1.5
    assert pitch_class_entropy(found) == pytest.approx(-(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3)))
    assert longest_silence_s(found) == 2
    assert longest_tone_s(found) == 1
    assert list(figures(found)) == ["notes a second", "pitches at once", "pitch-class entropy, bits"]


def test_silence_has_figures() -> None:
    """Nothing has no notes, no pitches and no entropy."""
    assert set(figures(passage()).values()) == {0}


def test_silence_is_a_fault_where_it_is_too_long() -> None:
    """Two seconds are allowed, not more."""
    rest = [each for each in walk(320) if not 100 <= each[1] < 136]
    (fault,) = faults(passage(*rest))
    assert (fault.kind, fault.start_s, fault.seconds) == ("silence", 100 / 16, 36 / 16)
    assert valid_s(passage(*rest)) == 100 / 16
    assert not faults(passage(*[each for each in walk(320) if not 100 <= each[1] < 132]))


def test_a_constant_tone() -> None:
    """Pitches that sound on for more than four seconds are a fault from where they begin, unless one is struck."""
    held = [each for each in walk(320) if not 100 <= each[1] < 180]
    (fault,) = faults(passage(*held, (5, 100, 180), (9, 100, 180)))
    assert (fault.kind, fault.start_s, fault.seconds) == ("a constant tone", 100 / 16, 5)
    assert not faults(passage(*held, (5, 100, 180), (9, 100, 140), (9, 140, 180)))


def test_a_loop_from_its_first_repetition() -> None:
    """A second of music over and over is a loop once it has been heard."""
    second = walk(16, seed=3)
    loop = [(pitch, first + 16 * n, end + 16 * n) for n in range(6) for pitch, first, end in second]
    lead, after = walk(64, seed=4), [(pitch, first + 160, end + 160) for pitch, first, end in walk(160, seed=5)]
    found = passage(*lead, *[(pitch, first + 64, end + 64) for pitch, first, end in loop], *after)
    (fault,) = faults(found)
    assert fault.kind == "a loop"
    assert fault.start_s == pytest.approx(64 / 16 + 1, abs=0.3)
    assert fault.seconds == pytest.approx(5, abs=0.5)


def test_what_is_played_three_times_is_no_loop() -> None:
    """Two repetitions of two seconds are a passage that is played three times."""
    bar = walk(32, seed=3)
    loop = [(pitch, first + 32 * n, end + 32 * n) for n in range(3) for pitch, first, end in bar]
    after = [(pitch, first + 96, end + 96) for pitch, first, end in walk(224, seed=5)]
    assert not faults(passage(*loop, *after))


def test_a_tremolo_is_a_loop_only_where_it_lasts() -> None:
    """Two pitches that alternate for a second are none, unless every loop is asked for."""
    lead, after = walk(100, seed=4), [(pitch, first + 120, end + 120) for pitch, first, end in walk(200, seed=5)]
    tremolo = [(20 + at % 2, 100 + 2 * at, 102 + 2 * at) for at in range(10)]
    found = passage(*lead, *tremolo, *after)
    assert not faults(found)
    assert [fault.kind for fault in faults(found, loop_s=0)] == ["a loop"]


def test_a_loop_with_an_odd_frame_is_one() -> None:
    """One frame of many that differs does not make it music."""
    second = walk(16, seed=3)
    loop = [(pitch, first + 16 * n, end + 16 * n) for n in range(20) for pitch, first, end in second]
    assert [fault.kind for fault in faults(passage(*loop, (66, 150, 151)))] == ["a loop"]


def test_notes_of_a_roll_begin_where_they_did_not_sound() -> None:
    """A roll's onsets are its changes."""
    sounds = np.zeros((4, 67), bool)
    sounds[1:3, 7] = True
    found = Passage.of_roll(sounds)
    assert np.argwhere(found.begins).tolist() == [[1, 7]]


def test_a_part_of_a_passage() -> None:
    """A part has as many frames as are asked for."""
    assert MUSIC.cut(16, 32).seconds == 2
    assert (MUSIC.cut(16, 32).sounds == MUSIC.sounds[16:48]).all()
