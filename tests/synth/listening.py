"""What tests hear in samples: pitch, onset, clicks, loudness; and phrases to hear."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from improv.synth.choice import FLUIDSYNTH, fluidsynth, open_synth, sonare
from improv.synth.engine import RATE_HZ, Samples
from improv.synth.soundfonts import soundfonts
from improv.synth.synth import Synth

MELODY, COMP, BASS, DRUMS = 0, 1, 3, 9
PROGRAMS = {MELODY: 11, COMP: 4, BASS: 32}
Message = tuple[float, bytes]


def opened(name: str) -> Synth:
    """A synth of an engine, with the programs of the band; skipped where its library is missing."""
    if name == FLUIDSYNTH and (fluidsynth() is None or not soundfonts()):
        pytest.skip("libfluidsynth or a SoundFont is not installed")
    if name != FLUIDSYNTH and sonare() is None:
        pytest.skip("libsonare has no wheel here")
    synth = open_synth(only=name)
    for channel, program in PROGRAMS.items():
        synth.send(bytes((0xC0 | channel, program)), 0.0)
    return synth


def note(channel: int, pitch: int, begin_s: float, lasts_s: float, velocity: int = 90) -> list[Message]:
    """A note-on and its note-off."""
    return [
        (begin_s, bytes((0x90 | channel, pitch, velocity))),
        (begin_s + lasts_s, bytes((0x80 | channel, pitch, 64))),
    ]


def played(synth: Synth, messages: Sequence[Message], lasts_s: float) -> Samples:
    """What a synth that has rendered nothing plays in a time."""
    for time_s, message in messages:
        synth.send(message, time_s)
    return synth.render(round(lasts_s * RATE_HZ))


def part_of(samples: Samples, begin_s: float, end_s: float) -> Samples:
    return samples[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]


def peak_db(samples: Samples) -> float:
    return 20 * math.log10(max(1e-9, float(np.abs(samples).max(initial=0.0))))


def pitch_hz(samples: Samples, near_hz: float) -> float:
    """The strongest period of a sound within a fifth around a frequency, by autocorrelation."""
    mono = samples.mean(axis=1)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 2 * len(mono))) ** 2
    like = np.fft.irfft(power)
    first, last = int(RATE_HZ / near_hz / 1.5), math.ceil(RATE_HZ / near_hz * 1.5)
    at = first + int(np.argmax(like[first:last]))
    before, top, after = like[at - 1 : at + 2]
    return float(RATE_HZ / (at + 0.5 * (before - after) / (before - 2 * top + after)))


def onset_s(samples: Samples, over: float = -math.inf) -> float:
    """When a sound is first heard: at a hundredth of its height, and twice what was there before (`over`, in dB)."""
    loud = np.abs(samples).max(axis=1)
    return float(np.argmax(loud > max(0.01 * loud.max(), 2 * 10 ** (over / 20)))) / RATE_HZ


def click_db(samples: Samples) -> float:
    """The highest sample above 10 kHz, in dB of full scale: a step has much there, a note that fades little."""
    spectrum = np.fft.rfft(samples.mean(axis=1) * np.hanning(len(samples)))
    spectrum[: round(10_000 * len(samples) / RATE_HZ)] = 0
    return 20 * math.log10(max(1e-9, float(np.abs(np.fft.irfft(spectrum)).max())))


BEAT_S = 60 / 140


def phrase(channel: int, bars: int = 4) -> Iterator[Message]:
    """What a part plays, in the rough: swung eighths, Charleston, walking bass, ride."""
    draws = np.random.default_rng(channel)
    for beat in range(4 * bars):
        at_s = beat * BEAT_S
        if channel == MELODY:
            for late in (0.0, 0.62 * BEAT_S):
                if draws.random() < 0.7:
                    pitch = int(draws.choice([65, 67, 70, 72, 74, 77]))
                    yield from note(channel, pitch, at_s + late, 0.4 * BEAT_S, int(draws.integers(70, 110)))
        elif channel == COMP and beat % 4 in (0, 1):
            for pitch in (53, 58, 62, 67):
                yield from note(channel, pitch, at_s + (beat % 4) * 0.62 * BEAT_S, 0.5 * BEAT_S, 75)
        elif channel == BASS:
            yield from note(channel, int(draws.choice([34, 36, 41, 43, 46])), at_s, 0.9 * BEAT_S)
        elif channel == DRUMS:
            yield from note(channel, 51, at_s, 0.1, 80)
            yield from note(channel, 36, at_s, 0.1, 45)
            if beat % 2:
                yield from note(channel, 51, at_s + 0.66 * BEAT_S, 0.1, 60)
                yield from note(channel, 44, at_s, 0.1, 70)
            if beat % 8 == 6:
                yield from note(channel, 38, at_s + 0.66 * BEAT_S, 0.1, 80)
