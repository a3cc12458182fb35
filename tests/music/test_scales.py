"""The scales that go with chords."""

import pytest

from improv.music.scales import scale_of
from improv.music.theory import PITCH_CLASSES, QUALITIES, Chord


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_chord_lies_in_its_scale_and_the_scale_moves_with_it(quality: str) -> None:
    for root in PITCH_CLASSES:
        chord = Chord.parse(root + quality)
        assert chord.pitch_classes < scale_of(chord)
        assert scale_of(chord.transposed(5)) == {(pc + 5) % 12 for pc in scale_of(chord)}


@pytest.mark.parametrize(
    ("symbol", "notes"),
    [
        ("C7", "C D E F G A Bb"),
        ("Dm7", "D E F G A B C"),
        ("F#dim7", "F# Ab A B C D Eb F"),
        ("Gm7b5", "G Ab Bb C Db Eb F"),
    ],
)
def test_scales_as_they_are_known(symbol: str, notes: str) -> None:
    assert sorted(scale_of(Chord.parse(symbol))) == sorted(PITCH_CLASSES.index(note) for note in notes.split())


def test_a_chord_without_a_name_has_its_own_tones() -> None:
    chord = Chord.of({0, 1, 5})
    assert chord is not None
    assert scale_of(chord) == {0, 1, 5}
