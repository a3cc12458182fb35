"""libsonare as an engine: modelled instruments that need no file and no system library; it plays SoundFonts too.

It comes as a wheel, and only the version that was tried is used (pyproject.toml). Where there is none, importing this
module is an ImportError.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from libsonare import Sf2InstrumentConfig, SonareError, SynthPatch
from libsonare.engine import RealtimeEngine

from improv.errors import DataError
from improv.midi.messages import ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON, PROGRAM, RESET_CONTROLLERS
from improv.synth.engine import RATE_HZ, DueMessages, Samples

_BLOCK = 512
"""Frames that are rendered at a time at most."""
_COMMANDS = 4096
_CHANNELS = 16
_STRINGS = frozenset((15, 25, 29, 30, *range(32, 38), 45, 46, 65, *range(104, 108)))
"""General MIDI programs of modelled strings and tubes, which sound one period of their pitch after they are struck."""
_LEAD_S = 0.025
"""How long that is for the lowest note of a double bass, in seconds."""
_LUFS: Mapping[tuple[int, int], float] = MappingProxyType(
    {(0, 11): -23.8, (1, 4): -26.5, (2, 0): -23.9, (3, 32): -36.7, (9, 0): -25.6}
)
"""By channel and program: measuring them takes half a second at each start."""
_MIDI_1 = 0x2
"""The type of a MIDI 1.0 message in a Universal MIDI Packet."""


class SonareEngine:
    """A libsonare synth of sixteen channels. See `SynthEngine`."""

    def __init__(self) -> None:
        self._due = DueMessages()
        self._engine = RealtimeEngine(RATE_HZ, _BLOCK, command_capacity=_COMMANDS)
        self._silence = np.zeros((2, _BLOCK), np.float32)
        self._font: Path | None = None
        self._programs = [0] * _CHANNELS

    def __del__(self) -> None:
        if hasattr(self, "_engine"):
            self._engine.close()

    @property
    def description(self) -> str:
        """See `SynthEngine`."""
        return f"libsonare with {self._font.name}" if self._font else "libsonare's modelled instruments"

    @property
    def lead_s(self) -> float:
        """See `SynthEngine`."""
        return 0.0 if self._font else _LEAD_S

    @property
    def known_lufs(self) -> Mapping[tuple[int, int], float]:
        """See `SynthEngine`: those of the parts' own programs, which are the same on every machine."""
        return {} if self._font else _LUFS

    def load(self, font: Path | None) -> None:
        """See `SynthEngine`. SoundFonts with compressed samples (SF3) are a DataError."""
        self._font = font
        if font is None:
            self._engine.set_synth_instrument(SynthPatch(use_gm_programs=True))
            return
        try:
            self._engine.load_soundfont(font.read_bytes())
        except OSError as error:
            raise DataError(f"{font}: {error.strerror}; choose another SoundFont") from error
        except SonareError as error:
            raise DataError(f"{font}: libsonare cannot read this SoundFont (no SF3); choose another") from error
        self._engine.set_sf2_instrument(Sf2InstrumentConfig())

    def send(self, message: bytes, time_s: float) -> None:
        """See `SynthEngine`."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == PROGRAM:
            self._programs[channel] = message[1]
        elif kind in (NOTE_ON, NOTE_OFF) and self._font is None and self._programs[channel] in _STRINGS:
            time_s -= min(_LEAD_S, 1 / pitch_hz(message[1]))
        self._due.put(message, time_s)

    def render(self, frames: int) -> Samples:
        """See `SynthEngine`."""
        return self._due.render(frames, self._apply, self._fill)

    def panic(self) -> None:
        """See `SynthEngine`."""
        self._due.clear()
        for channel in range(_CHANNELS):
            self._apply(bytes((CONTROL | channel, ALL_SOUND_OFF, 0)))
            self._apply(bytes((CONTROL | channel, RESET_CONTROLLERS, 0)))

    def _apply(self, message: bytes) -> None:
        first, second = message[1], message[2] if len(message) > 2 else 0
        self._engine.push_midi_ump(0, (_MIDI_1 << 28 | message[0] << 16 | first << 8 | second,))

    def _fill(self, out: Samples) -> None:
        for begin in range(0, len(out), _BLOCK):
            part = out[begin : begin + _BLOCK]
            part[:] = np.asarray(self._engine.process(self._silence[:, : len(part)]), np.float32).T


def pitch_hz(pitch: int) -> float:
    """Return the frequency of a MIDI pitch."""
    return float(440 * 2 ** ((pitch - 69) / 12))
