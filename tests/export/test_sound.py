"""A performance as sound, measured: when its notes begin, how high and how loud they are, and how it ends."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.export.collector import performance_of
from improv.export.formats import Options, open_writer, write_file
from improv.export.messages import TICKS_A_BEAT
from improv.export.performance import Key, Performance, Tempo
from improv.export.sound import timed_messages
from improv.music.parts import Part
from improv.recording import read_take
from improv.synth.choice import open_synth
from improv.synth.engine import RATE_HZ
from tests.export.performances import Notes, performance

_STEP = 2.0**-23
"""The smallest difference that 24 bits can tell."""

TAKES = Path(__file__).parents[1] / "goldens" / "takes"


@pytest.fixture(params=["fluidsynth", "libsonare"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each engine that is here, in turn."""
    monkeypatch.setenv("IMPROV_SYNTH", request.param)
    try:
        open_synth()
    except Unavailable as error:
        pytest.skip(str(error))
    return str(request.param)


def sound(given: Performance, path: Path, **options: Any) -> np.ndarray:
    """The samples of a performance, (frames,): the mean of both channels."""
    write_file(given, path, Options(**options))
    samples, rate = soundfile.read(path, dtype="float32")
    assert (rate, samples.shape[1]) == (RATE_HZ, 2)
    return np.asarray(samples.mean(axis=1))


def begins_s(samples: np.ndarray, after_s: float, until_s: float) -> float:
    """When sound begins in a stretch that is silent at first: the first sample above a hundredth of its loudest."""
    window = np.abs(samples[round(after_s * RATE_HZ) : round(until_s * RATE_HZ)])
    return after_s + int(np.argmax(window > 0.01 * window.max())) / RATE_HZ


def hertz(samples: np.ndarray) -> float:
    """The pitch of a sound, by the first peak of its autocorrelation that is nearly its highest."""
    centred = samples - samples.mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred) // 2]
    first = int(np.argmax(correlation < 0))
    best = correlation[first:].max()
    lag = first + int(np.argmax(correlation[first:] > 0.85 * best))
    while correlation[lag + 1] > correlation[lag]:
        lag += 1
    before, at, after = correlation[lag - 1 : lag + 2]
    return float(RATE_HZ / (lag + (before - after) / (2 * (before - 2 * at + after))))


def test_a_note_is_as_high_as_it_is_written(engine: str, tmp_path: Path) -> None:
    for part, pitches in ((Part.MELODY, (60, 67, 79)), (Part.CHORDS, (55, 60)), (Part.YOU, (48, 72))):
        notes = [(part, 2.0 * number, 2.0 * number + 1.8, pitch, 90) for number, pitch in enumerate(pitches)]
        samples = sound(performance(notes, beats=2.0 * len(pitches)), tmp_path / "out.wav")
        for number, pitch in enumerate(pitches):
            begin = round((number + 0.15) * RATE_HZ)
            cents = 1200 * math.log2(hertz(samples[begin : begin + RATE_HZ // 3]) / (440 * 2 ** ((pitch - 69) / 12)))
            assert abs(cents) < 50, f"{part} {pitch}: {cents:.0f} cents off"  # FluidR3's piano measures 32


def test_notes_begin_when_they_are_written_through_a_change_of_tempo(engine: str, tmp_path: Path) -> None:
    """Short notes far apart, of which none sounds into the next; the tempo doubles in between."""
    beats = [0.0, 4.0, 8.63, 12.0, 20.0, 27.5]
    notes = [(Part.CHORDS, beat, beat + 0.1, 72, 110) for beat in beats]
    marks = ((0.0, Key("C")), (0.0, Tempo(120)), (12.0, Tempo(240)))
    given = performance(notes, beats=32.0, marks=marks)
    samples = sound(given, tmp_path / "out.wav")
    for beat in beats:
        due_s = given.seconds_at(beat)
        assert due_s == pytest.approx(beat / 2 if beat <= 12 else 6 + (beat - 12) / 4)
        assert abs(begins_s(samples, max(0.0, due_s - 0.1), due_s + 0.4) - due_s) < 0.01


def test_the_end_is_not_cut_off(engine: str, tmp_path: Path) -> None:
    given = performance(((Part.YOU, 0.0, 4.0, 48, 110),), beats=4.0)
    samples = np.abs(sound(given, tmp_path / "out.wav"))
    end = round(given.seconds * RATE_HZ)
    assert len(samples) > end
    assert samples[end : end + RATE_HZ // 50].max() > 0.003  # it dies away
    assert samples[-RATE_HZ // 100 :].max() < 10 ** (-60 / 20)


def test_silence_lasts_as_long_as_the_performance(tmp_path: Path) -> None:
    samples = sound(performance(beats=24.0), tmp_path / "out.wav")
    assert 12 <= len(samples) / RATE_HZ < 13
    assert np.abs(samples).max() <= 2 * _STEP


def full_band() -> Notes:
    """Everything at once, and as loud as it can be struck."""
    notes = []
    for beat in range(32):
        at = float(beat)
        notes += [(Part.CHORDS, at, at + 0.9, pitch, 127) for pitch in (53, 57, 60, 63, 67)]
        notes += [(Part.DRUMS, at, at + 0.1, pitch, 127) for pitch in (36, 38, 49, 51)]
        notes += [(Part.MELODY, at, at + 0.9, 72 + beat % 7, 127), (Part.YOU, at, at + 0.9, 60 + beat % 7, 127)]
    return notes


def test_a_full_band_does_not_clip_and_is_as_loud_as_music_is(engine: str, tmp_path: Path) -> None:
    write_file(performance(full_band(), beats=32.0), tmp_path / "out.wav")
    samples, rate = soundfile.read(tmp_path / "out.wav")
    assert np.abs(samples).max() <= 0.9
    assert -24 < pyloudnorm.Meter(rate).integrated_loudness(samples) < -8


def test_a_file_of_sound_says_what_it_is_and_has_the_bits_that_were_asked_for(tmp_path: Path) -> None:
    given = performance(((Part.MELODY, 0.0, 1.0, 60, 90),), beats=2.0)
    for ending, kind in ((".wav", "WAV"), (".flac", "FLAC")):
        for bits in (16, 24):
            said = write_file(given, tmp_path / f"out{ending}", Options(bits=bits))
            with soundfile.SoundFile(tmp_path / f"out{ending}") as file:
                assert (file.format, file.subtype, file.samplerate, file.channels) == (kind, f"PCM_{bits}", RATE_HZ, 2)
                assert (file.title, file.comment) == (given.title, given.made_with)
            assert re.match(r"0:0\d of sound by \w", said)
    with pytest.raises(UsageError, match="--bits 20: a sample has 16 or 24 bits; choose one"):
        open_writer(tmp_path / "out.wav", Options(bits=20))


def test_wav_and_flac_hold_the_same_samples(tmp_path: Path) -> None:
    given = performance(full_band()[:200], beats=8.0)
    wav, flac = (sound(given, tmp_path / f"out{ending}") for ending in (".wav", ".flac"))
    assert np.abs(wav - flac).max() <= _STEP  # one rounds, the other cuts off


def test_sixteen_bits_differ_by_no_more_than_their_noise(tmp_path: Path) -> None:
    given = performance(full_band()[:100], beats=4.0)
    fine, coarse = (sound(given, tmp_path / f"{bits}.wav", bits=bits) for bits in (24, 16))
    assert 0 < np.abs(fine - coarse).max() <= 2 / 2**15


def test_both_play_what_a_midi_file_plays_at_the_same_ticks() -> None:
    given = performance(((Part.MELODY, 0.3, 1.0, 60, 90), (Part.CHORDS, 0.3, 1.0, 50, 80)), beats=2.0)
    timed = timed_messages(given)
    assert [at for at, _ in timed] == sorted(at for at, _ in timed)
    assert {message[0] >> 4 for at, message in timed if at == 0} == {0xC}
    on_s = {at for at, message in timed if message[0] >> 4 == 9}
    assert on_s == {round(0.3 * TICKS_A_BEAT) / TICKS_A_BEAT / 2}


def test_skipped_choruses_are_not_waited_for(tmp_path: Path) -> None:
    slept = performance(((Part.MELODY, 0.0, 1.0, 60, 90),), beats=48.0 * 10_001, skips=((48.0, 48.0 * 10_000),))
    assert len(sound(slept, tmp_path / "out.wav")) / RATE_HZ < 27


def test_what_is_too_long_for_a_file_of_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"it lasts 5\.6 hours, a file of sound 4 at most; give a name that ends in \.mid"
    ):
        write_file(performance(beats=40_000.0), tmp_path / "out.wav")
    assert not list(tmp_path.iterdir())


def test_where_there_is_no_synth_nothing_is_played_and_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPROV_SYNTH", "fluidsynth")
    monkeypatch.setenv("IMPROV_SOUNDFONTS", str(tmp_path))
    with pytest.raises(Unavailable, match="install"):
        open_writer(tmp_path / "out.wav")
    with pytest.raises(InputNotFound, match=r"missing\.sf2"):
        open_writer(tmp_path / "out.wav", Options(soundfont=tmp_path / "missing.sf2"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["stopped", "engine-killed", "panicked", "levels", "tapped"])
def test_takes_of_earlier_versions_have_a_sound(name: str, tmp_path: Path) -> None:
    given = performance_of(read_take(TAKES / f"{name}.take"))
    samples = sound(given, tmp_path / "out.flac")
    assert given.seconds <= len(samples) / RATE_HZ < given.seconds + 9
    assert 0.01 < np.abs(samples).max() < 0.9


def test_a_damaged_take_sounds_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = TAKES / "solo.take"
    torn = tmp_path / "torn.take"
    torn.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    short, long = (performance_of(read_take(take)) for take in (torn, whole))
    assert 0 < short.seconds < long.seconds
    early, late = (sound(given, tmp_path / "out.wav") for given in (short, replace(long, title="")))
    same = round((short.seconds - 1) * RATE_HZ)
    assert np.array_equal(early[:same], late[:same])
