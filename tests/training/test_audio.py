"""The sound of clips, by numbers: loudness, the band, what is played, the samples."""

import io

import numpy as np
import pytest
import soundfile

from improv.music.parts import Part
from improv.synth.engine import RATE_HZ as RATE
from tests.training.clips import BAR, FORM, STAGE, line
from training.metrics.melody import CHORUS_BARS
from training.rendering import audio as sound


def test_a_wav_is_what_was_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library cannot write MP3."""
    monkeypatch.setattr(soundfile, "available_formats", dict)
    kind, content = sound.encode_audio(np.sin(np.arange(1_000) / 10) / 2)
    assert kind == "audio/wav"
    assert np.allclose(soundfile.read(io.BytesIO(content))[0], np.sin(np.arange(1_000) / 10) / 2, atol=1e-4)


@pytest.mark.parametrize("hertz", [40, 100, 997, 2_000, 8_000])
def test_loudness_is_that_of_the_norm(hertz: float) -> None:
    """The filter of BS.1770-4 as its tables give it, at 48 kHz; a full sine of 997 Hz in one channel has -3.01 LUFS."""
    z = np.exp(-2j * np.pi * hertz / 48_000)
    shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z)
    shelf /= np.polyval([0.73248077421585, -1.69065929318241, 1], z)
    high_pass = (1 - z) ** 2 / np.polyval([0.99007225036621, -1.99004745483398, 1], z)
    wanted = -0.691 + 10 * np.log10(abs(shelf * high_pass) ** 2 / 2)
    sine = np.sin(2 * np.pi * hertz * np.arange(4 * RATE) / RATE)
    assert sound.loudness(sine) == pytest.approx(wanted, abs=0.05)
    assert hertz != 997 or wanted == pytest.approx(-3.01, abs=0.01)


def test_too_large_samples_make_all_softer_together() -> None:
    loud, soft = np.array([0.0, -1.8]), np.array([0.9, 0.1])
    assert [list(each) for each in sound.limit_together([loud, soft])] == [[0, -0.9], [0.45, 0.05]]
    assert [list(each) for each in sound.limit_together([soft])] == [[0.9, 0.1]]


def test_only_the_notes_of_a_line_are_told() -> None:
    one, other = sound.hits(line(12, 60)), sound.hits(line(12, 72))
    assert [hit.velocity for hit in one] == [hit.velocity for hit in other]
    assert {hit.velocity for hit in one} == {
        sound.VELOCITIES[Part.MELODY],
        sound.VELOCITIES[Part.MELODY] + sound.ACCENT,
    }


def test_the_band_plays_the_form_and_ends_with_it() -> None:
    notes = sound.band(FORM)
    assert max(note.end for note in notes) <= CHORUS_BARS * BAR
    for part, least in ((Part.BASS, 48), (Part.CHORDS, 48 * 3), (Part.DRUMS, 48)):
        assert sum(note.part is part for note in notes) >= least
    for note in notes:
        if note.part is Part.CHORDS:
            assert note.pitch % 12 in FORM.chord_at(note.onset // 6).pitch_classes
    roots = [note.pitch % 12 for note in notes if note.part is Part.BASS and note.onset % (CHORUS_BARS * BAR) == 0]
    assert roots == [0]


def test_what_is_played_is_as_long_as_the_form_and_ends_what_it_begins() -> None:
    played = sound.performance([*sound.band(FORM), *sound.hits(line())], STAGE)
    assert played.seconds == pytest.approx(STAGE.seconds - sound.TAIL_S)
    notes = {part: played.notes(part) for part in Part}
    assert sum(map(len, notes.values())) == len(sound.band(FORM)) + len(sound.hits(line()))
    assert all(0 <= note.start < note.end <= played.beats for each in notes.values() for note in each)


def test_the_same_line_sounds_the_same_twice_and_as_loud_as_any() -> None:
    made = sound.clip(line(), STAGE)
    assert np.array_equal(made, sound.clip(line(), STAGE))
    assert sound.loudness(made) == pytest.approx(sound.LOUDNESS, abs=0.01)
    assert np.abs(made).max() < 1
    other = sound.clip(line(18, 72), STAGE)
    assert len(other) == len(made) == round(STAGE.seconds * RATE)
    assert not np.array_equal(made, other)
