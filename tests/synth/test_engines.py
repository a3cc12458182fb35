"""What the engines sound like, measured: pitch, onset, loudness, clipping, clicks, silence after a panic."""

from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest

from improv.synth.choice import ENGINES, FLUIDSYNTH, fluidsynth, sonare
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.loudness import METERED_S, lufs
from improv.synth.loudness import phrase as measured_phrase
from improv.synth.soundfonts import best_soundfont, soundfonts
from tests.synth.listening import (
    BASS,
    COMP,
    DRUMS,
    MELODY,
    click_db,
    note,
    onset_s,
    opened,
    part_of,
    peak_db,
    phrase,
    pitch_hz,
    played,
)

pytestmark = pytest.mark.parametrize("engine", ENGINES)

PITCHED = [(MELODY, 60), (MELODY, 72), (MELODY, 84), (COMP, 53), (COMP, 67), (BASS, 28), (BASS, 40), (BASS, 52)]


@pytest.mark.parametrize(("channel", "pitch"), PITCHED)
def test_a_note_has_its_pitch(engine: str, channel: int, pitch: int) -> None:
    wanted_hz = 440 * 2 ** ((pitch - 69) / 12)
    heard = played(opened(engine), note(channel, pitch, 0.1, 1.5), 1.6)
    cents = 1200 * np.log2(pitch_hz(part_of(heard, 0.2, 1.2), wanted_hz) / wanted_hz)
    assert abs(cents) < 20


@pytest.mark.parametrize(
    ("channel", "pitch"), [*PITCHED, *((DRUMS, drum) for drum in (36, 38, 42, 44, 46, 49, 51, 53))]
)
def test_a_note_begins_when_it_is_due(engine: str, channel: int, pitch: int) -> None:
    due_s = 0.3
    heard = played(opened(engine), note(channel, pitch, due_s, 0.5), 1.0)
    assert peak_db(part_of(heard, 0, due_s - 0.010)) < -90
    assert onset_s(heard) == pytest.approx(due_s, abs=0.010)


def band(engine: str, *, velocity: int | None = None, level: int | None = None) -> Samples:
    messages = [message for channel in (MELODY, COMP, BASS, DRUMS) for message in phrase(channel)]
    if velocity is not None:
        messages = [(t, m[:2] + bytes((velocity,)) if m[0] & 0xF0 == 0x90 else m) for t, m in messages]
    if level is not None:
        messages += [(0.0, bytes((0xB0 | channel, 7, level))) for channel in (MELODY, COMP, BASS, DRUMS)]
    return played(opened(engine), sorted(messages), 7.0)


def test_the_full_band_is_loud_and_does_not_clip(engine: str) -> None:
    heard = band(engine)
    assert -24 < pyloudnorm.Meter(RATE_HZ).integrated_loudness(heard.astype(float)) < -14
    assert peak_db(heard) <= -0.9


def test_all_as_loud_as_can_be_does_not_clip(engine: str) -> None:
    heard = band(engine, velocity=127, level=127)
    assert peak_db(heard) <= -0.9
    assert peak_db(heard) > -3


def test_the_parts_are_balanced(engine: str) -> None:
    """The melody is in front, and no part is lost: at most 10 LU below it."""
    meter = pyloudnorm.Meter(RATE_HZ)
    loud = {
        channel: meter.integrated_loudness(played(opened(engine), sorted(phrase(channel)), 7.0).astype(float))
        for channel in (MELODY, COMP, BASS, DRUMS)
    }
    assert all(loud[MELODY] > loud[other] > loud[MELODY] - 10 for other in (COMP, BASS, DRUMS))


def test_another_program_is_as_loud(engine: str) -> None:
    """A tenor saxophone or a piano instead of the vibraphone, chosen while it plays."""
    meter = pyloudnorm.Meter(RATE_HZ)
    loud = []
    for program in (11, 0, 66, 56):
        messages = [(0.0, bytes((0xC0 | MELODY, program))), *sorted(phrase(MELODY))]
        loud.append(meter.integrated_loudness(played(opened(engine), messages, 7.0).astype(float)))
    assert max(loud) - min(loud) < 4


@pytest.mark.parametrize("channel", [MELODY, COMP, BASS])
def test_a_note_ends_without_a_click(engine: str, channel: int) -> None:
    heard = played(opened(engine), note(channel, 48, 0.1, 0.4, 100), 1.5)
    assert click_db(part_of(heard, 0.49, 0.53)) < -60


def held(engine: str) -> tuple[list[tuple[float, bytes]], float]:
    """A band that sounds, and a pedal that holds it."""
    messages = [(0.0, bytes((0xB0 | COMP, 64, 127)))]
    for channel, pitches in ((MELODY, (72,)), (COMP, (53, 58, 62)), (BASS, (36,))):
        for pitch in pitches:
            messages += note(channel, pitch, 0.05, 5.0, 100)
    return messages, 0.4


def test_a_panic_is_silent_within_50_ms_and_does_not_click(engine: str) -> None:
    synth = opened(engine)
    messages, sounds_s = held(engine)
    before = played(synth, messages, sounds_s)
    synth.panic()
    after = synth.render(RATE_HZ)
    assert peak_db(before[-2000:]) > -30
    assert peak_db(part_of(after, 0.05, 1.0)) < -90
    assert click_db(np.concatenate((before[-1200:], after[:2400]))) < -60


def test_a_panic_cuts_a_cymbal_too(engine: str) -> None:
    synth = opened(engine)
    before = played(synth, note(DRUMS, 49, 0.05, 0.1, 127), 0.2)
    synth.panic()
    assert peak_db(before[-2000:]) > -40
    assert peak_db(part_of(synth.render(RATE_HZ), 0.05, 1.0)) < -90


def test_without_the_fade_a_cut_would_click(engine: str) -> None:
    """The measure of the tests above finds a click where there is one."""
    heard = played(opened(engine), note(MELODY, 72, 0.05, 5.0, 100), 0.5)
    heard[18_000:] = 0
    assert click_db(heard[17_000:19_000]) > -55


def test_after_a_panic_it_plays_as_before(engine: str) -> None:
    synth = opened(engine)
    levels = [(0.0, bytes((0xB0 | MELODY, 7, 60)))]
    first = played(synth, [*levels, *note(MELODY, 72, 0.1, 0.3)], 1.0)
    messages, _ = held(engine)
    for _, message in messages:
        synth.send(message, 1.0)
    synth.render(4800)
    synth.panic()
    for _, message in note(MELODY, 72, 1.2, 0.3)[:1]:
        synth.send(message, 1.2)
    second = synth.render(RATE_HZ // 2)[2400:]
    assert peak_db(second) == pytest.approx(peak_db(first), abs=1.5)
    assert pitch_hz(part_of(second, 0.1, 0.35), 523.25) == pytest.approx(523.25, rel=0.01)


def test_what_is_sent_before_a_panic_and_not_due_yet_never_sounds(engine: str) -> None:
    synth = opened(engine)
    for time_s, message in note(MELODY, 72, 0.5, 0.3):
        synth.send(message, time_s)
    synth.render(4800)
    synth.panic()
    assert peak_db(synth.render(RATE_HZ)) < -90


def test_a_level_makes_a_part_quieter_also_while_it_sounds(engine: str) -> None:
    messages = [*note(COMP, 60, 0.1, 2.0), (0.6, bytes((0xB0 | COMP, 7, 40)))]
    heard = played(opened(engine), messages, 1.2)
    assert peak_db(part_of(heard, 0.8, 1.2)) < peak_db(part_of(heard, 0.3, 0.55)) - 8


@pytest.mark.parametrize("mode", [120, 123])
def test_all_notes_or_sounds_off_ends_a_channel_alone_without_a_click(engine: str, mode: int) -> None:
    messages = [*note(MELODY, 72, 0.05, 4.0), *note(BASS, 36, 0.05, 4.0), (0.5, bytes((0xB0 | MELODY, mode, 0)))]
    heard = played(opened(engine), messages, 1.5)
    assert click_db(part_of(heard, 0.49, 0.53)) < -60
    wanted_hz = 440 * 2 ** ((36 - 69) / 12)
    assert pitch_hz(part_of(heard, 1.0, 1.5), wanted_hz) == pytest.approx(wanted_hz, rel=0.01)


def test_rendering_in_pieces_is_rendering_at_once(engine: str) -> None:
    messages = sorted(phrase(MELODY, 1))
    whole = played(opened(engine), messages, 2.0)
    synth = opened(engine)
    for time_s, message in messages:
        synth.send(message, time_s)
    sizes = [0, 37, 512, 4096, 100, 64, 20_000]
    pieces = [synth.render(size) for size in sizes]
    assert [len(piece) for piece in pieces] == sizes
    starts = np.cumsum([0, *sizes])
    for piece, (begin, end) in zip(pieces, pairwise(starts), strict=True):
        np.testing.assert_allclose(piece, whole[begin:end], atol=2e-3)


def test_what_is_known_of_its_loudness_is_what_is_measured(engine: str) -> None:
    opened(engine)
    make = fluidsynth() if engine == FLUIDSYNTH else sonare()
    assert make is not None
    measured = make()
    measured.load(best_soundfont(soundfonts()) if engine == FLUIDSYNTH else None)
    for at, ((channel, program), loudness) in enumerate(measured.known_lufs.items()):
        heard = lufs(measured_phrase(measured, channel, program, at * METERED_S))
        assert heard == pytest.approx(loudness, abs=0.5)
