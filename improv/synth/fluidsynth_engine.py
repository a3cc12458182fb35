"""FluidSynth as an engine, by pyfluidsynth: the sounds of a SoundFont file.

Its library is the machine's own; where there is none, importing this module is an ImportError. It must never open an
audio driver: samples are asked of it.
"""

from collections.abc import Mapping
from contextlib import redirect_stdout
from ctypes import c_int, c_void_p
from pathlib import Path

import numpy as np

from improv.errors import DataError
from improv.midi.messages import BEND, CONTROL, NOTE_OFF, NOTE_ON, POLY_PRESSURE, PRESSURE, PROGRAM
from improv.music.parts import PERCUSSION_CHANNEL
from improv.synth.engine import RATE_HZ, DueMessages, Samples
from improv.system.quiet import quiet

with redirect_stdout(None):  # where the environment has CI, pyfluidsynth prints where it found the library
    import fluidsynth

_GAIN = 0.5
_VOICES = 128
_CHANNELS = 16
_ALL = -1
_BLOCK = 64
_RESETS = 4
"""After two resets, with a block between them, nothing is left of the reverb; after one, some of it comes back."""
_FAILED = -1
_PERCUSSION_BANK = 128

_write_float = fluidsynth.cfunc(
    "fluid_synth_write_float",
    c_int,
    ("synth", c_void_p, 1),
    ("frames", c_int, 1),
    ("left", c_void_p, 1),
    ("left_offset", c_int, 1),
    ("left_step", c_int, 1),
    ("right", c_void_p, 1),
    ("right_offset", c_int, 1),
    ("right_step", c_int, 1),
)
"""pyfluidsynth binds 16-bit samples alone, which would clip before they can be limited."""


class FluidSynthEngine:
    """A FluidSynth of sixteen channels. See `SynthEngine`."""

    def __init__(self) -> None:
        self._due = DueMessages()
        self._synth = fluidsynth.Synth(
            gain=_GAIN,
            samplerate=RATE_HZ,
            channels=_CHANNELS,
            **{"synth.polyphony": _VOICES, "synth.chorus.active": 0, "synth.threadsafe-api": 0},
        )
        self._font_id = _FAILED
        self._font: Path | None = None

    def __del__(self) -> None:
        if hasattr(self, "_synth"):
            self._synth.delete()

    @property
    def description(self) -> str:
        """See `SynthEngine`."""
        return f"FluidSynth with {self._font.name}" if self._font else "FluidSynth"

    @property
    def lead_s(self) -> float:
        """See `SynthEngine`."""
        return 0.0

    @property
    def known_lufs(self) -> Mapping[tuple[int, int], float]:
        """See `SynthEngine`: every SoundFont is measured."""
        return {}

    def load(self, font: Path | None) -> None:
        """See `SynthEngine`. FluidSynth has no sounds of its own: DataError without a file."""
        if font is None:
            raise DataError("FluidSynth needs a SoundFont; give one with --soundfont")
        with quiet():  # it, and the library that reads SoundFonts for it, print what is wrong with a file
            font_id = self._synth.sfload(str(font), 1)
        if font_id == _FAILED:
            raise DataError(f"{font}: FluidSynth cannot read this SoundFont; choose another")
        if self._font_id != _FAILED:
            self._synth.sfunload(self._font_id, 1)
        self._font_id, self._font = font_id, font

    def send(self, message: bytes, time_s: float) -> None:
        """See `SynthEngine`. It takes effect within 64 frames, FluidSynth's own block."""
        self._due.put(message, time_s)

    def render(self, frames: int) -> Samples:
        """See `SynthEngine`."""
        return self._due.render(frames, self._apply, self._fill)

    def panic(self) -> None:
        """See `SynthEngine`."""
        self._due.clear()
        self._synth.all_sounds_off(_ALL)  # a reset alone leaves voices sounding
        for _ in range(_RESETS):
            self._fill(np.empty((_BLOCK, 2), np.float32))
            self._synth.system_reset()  # an all-sound-off alone leaves the reverb sounding

    def _fill(self, out: Samples) -> None:
        address = out.ctypes.data
        _write_float(self._synth.synth, len(out), address, 0, 2, address, 1, 2)

    def _apply(self, message: bytes) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        first, second = message[1], message[2] if len(message) > 2 else 0
        match kind:
            case _ if kind == NOTE_ON and second:
                self._synth.noteon(channel, first, second)
            case _ if kind in (NOTE_ON, NOTE_OFF):
                self._synth.noteoff(channel, first)
            case _ if kind == CONTROL:
                self._synth.cc(channel, first, second)
            case _ if kind == PROGRAM:
                self._choose(channel, first)
            case _ if kind == BEND:
                self._synth.pitch_bend(channel, (second << 7 | first) - 8192)
            case _ if kind in (PRESSURE, POLY_PRESSURE):
                pass  # few SoundFonts have a use for it

    def _choose(self, channel: int, program: int) -> None:
        """Choose a program, which a SoundFont without it replaces by the first of its kind."""
        bank = _PERCUSSION_BANK if channel == PERCUSSION_CHANNEL else 0
        if self._synth.program_select(channel, self._font_id, bank, program) == _FAILED:
            self._synth.program_select(channel, self._font_id, bank, 0)
