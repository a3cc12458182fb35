"""How loud a channel's sound is, and the expression that brings it to its part's place in the mix.

Engines and SoundFonts differ by tens of decibels from one program to another. A short phrase of the part is rendered
and measured as ITU-R BS.1770 has it (K-weighting, without gates), so any engine, file and program is balanced alike.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from improv.midi.messages import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM
from improv.music.parts import PERCUSSION_CHANNEL, Part
from improv.synth.engine import RATE_HZ, Samples, SynthEngine

EXPRESSION = 11
"""The controller (CC) that the balance is made with: it leaves the level of a part (CC 7) to the mixer."""

_VELOCITY = 90
METERED_S = 1.0
"""How long a phrase is rendered, in seconds: a whole number of blocks."""

_MELODY = ((0.0, 0.3, (67,)), (0.3, 0.3, (74,)), (0.6, 0.3, (70,)))
_CHORDS = ((0.0, 0.5, (53, 58, 62, 67)), (0.6, 0.2, (53, 58, 62, 67)))
_BASS = ((0.0, 0.4, (36,)), (0.45, 0.4, (43,)))
_DRUMS = ((0.0, 0.1, (36, 51)), (0.3, 0.1, (51, 44)), (0.45, 0.1, (51,)), (0.6, 0.1, (38, 51)))

_PHRASES: Mapping[int, tuple[tuple[float, float, tuple[int, ...]], ...]] = MappingProxyType(
    {Part.CHORDS.channel: _CHORDS, Part.BASS.channel: _BASS, PERCUSSION_CHANNEL: _DRUMS}
)
"""By channel: when a note begins, how long it lasts, in seconds, and its pitches. Any other channel: melody."""

_TARGETS_LUFS: Mapping[int, float] = MappingProxyType(
    {Part.CHORDS.channel: -16.0, Part.BASS.channel: -24.0, PERCUSSION_CHANNEL: -22.0}
)
_MELODY_LUFS = -21.0
"""How loud each part is to be at its usual level: the melody first, then bass, drums and chords."""

_RANGE_DB = (-40.0, 0.0)
"""What expression can do: 127 leaves a sound as it is."""


def target_lufs(channel: int) -> float:
    """Return how loud a channel's phrase is to be, 0 to 15, in LUFS."""
    return _TARGETS_LUFS.get(channel, _MELODY_LUFS)


def phrase(engine: SynthEngine, channel: int, program: int, at_s: float) -> Samples:
    """Return how a channel's phrase sounds with a program, (frames, 2), from when its first note is due.

    `at_s` is what the engine has rendered so far, in seconds. It is left silent.
    """
    engine.send(bytes((PROGRAM | channel, program)), at_s)
    engine.send(bytes((CONTROL | channel, EXPRESSION, 127)), at_s)
    for begin_s, lasts_s, pitches in _PHRASES.get(channel, _MELODY):
        for pitch in pitches:
            engine.send(bytes((NOTE_ON | channel, pitch, _VELOCITY)), at_s + begin_s)
            engine.send(bytes((NOTE_OFF | channel, pitch, 64)), at_s + begin_s + lasts_s)
    samples = engine.render(round(METERED_S * RATE_HZ))
    engine.panic()
    return samples


def lufs(samples: Samples) -> float:
    """Return the loudness of samples (frames, 2) in LUFS, without gates; -inf for silence."""
    spectrum = np.abs(np.fft.rfft(samples, axis=0)) ** 2  # (frequencies, 2)
    spectrum[1:-1] *= 2
    weights = _k_weights(len(spectrum))
    power = float((spectrum * weights[:, None]).sum()) / len(samples) ** 2
    return -0.691 + 10 * math.log10(power) if power > 1e-12 else -math.inf


def _k_weights(count: int) -> np.ndarray:
    """Return the power response of the K-weighting at `count` frequencies up to half the rate. BS.1770-4, table 1."""
    z = np.exp(-1j * np.pi * np.arange(count) / (count - 1))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.asarray(np.abs(shelf * high_pass) ** 2)


class Balance:
    """The gain of each channel and program that was measured, in dB."""

    def __init__(self) -> None:
        self._gains_db: dict[tuple[int, int], float] = {}
        self._master_db = 0.0
        self._metered_s = 0.0
        """What the engine that is measured has rendered, in seconds."""

    @property
    def master(self) -> float:
        """What all is multiplied by, so that no channel needs more than an engine has."""
        return float(10 ** (self._master_db / 20))

    def known(self, channel: int, program: int) -> bool:
        """Return whether a channel was measured with a program."""
        return (channel, program) in self._gains_db

    def measure(self, engine: SynthEngine, channel: int, program: int) -> None:
        """Measure a channel with a program on an engine that plays nothing else: the same one each time."""
        loudness = lufs(phrase(engine, channel, program, self._metered_s))
        self._metered_s += METERED_S
        self.know(channel, program, loudness)

    def know(self, channel: int, program: int, loudness: float) -> None:
        """Take in how loud a channel's phrase is with a program, in LUFS; -inf for silence."""
        self._gains_db[channel, program] = target_lufs(channel) - loudness if math.isfinite(loudness) else 0.0

    def settle(self, spare_db: float) -> None:
        """Fix the common gain: the quietest of what was measured, and so much more for what may be quieter."""
        self._master_db = max(self._gains_db.values(), default=0.0) + spare_db

    def expression(self, channel: int, program: int, wanted: int = 127) -> int:
        """Return the expression (0 to 127) for a channel and a program, where `wanted` was asked for.

        A program that was not measured is taken to be as loud as the loudest that was.
        """
        gain_db = self._gains_db.get((channel, program))
        if gain_db is None:
            gain_db = min(self._gains_db.values(), default=0.0)
        gain_db = min(_RANGE_DB[1], max(_RANGE_DB[0], gain_db - self._master_db))
        return max(1 if wanted else 0, round(wanted * 10 ** (gain_db / 40)))  # a synth squares it
