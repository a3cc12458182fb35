"""Which engine sounds on this machine: FluidSynth where it and a SoundFont are found, else what comes as a wheel."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from improv.errors import Unavailable, UsageError
from improv.synth.engine import SynthEngine
from improv.synth.soundfonts import best_soundfont, checked_soundfont, soundfonts
from improv.synth.synth import Synth

FLUIDSYNTH, SONARE = "fluidsynth", "libsonare"
ENGINES = (FLUIDSYNTH, SONARE)

ENGINE_VARIABLE = "IMPROV_SYNTH"
"""The environment variable that names the engine to use, whatever else is there."""


def open_synth(
    font: Path | None = None, measure_later: Callable[[int, int], None] | None = None, *, only: str = ""
) -> Synth:
    """Return a synth that is ready, of the best engine here.

    With a SoundFont `font`, that is used; otherwise one in the usual folders. `only` is one of `ENGINES`. Unavailable
    where there is no engine, UsageError for a name of none, InputNotFound or DataError for a file that is no SoundFont
    or cannot be used.
    """
    named = None if font is None else checked_soundfont(font)
    only = only or os.environ.get(ENGINE_VARIABLE, "")
    if only and only not in ENGINES:
        raise UsageError(f"{ENGINE_VARIABLE}={only} names no engine; choose from {', '.join(ENGINES)}")
    found = named or best_soundfont(soundfonts())
    if only != SONARE and found is not None and (make := fluidsynth()) is not None:
        return _loaded(make, found, measure_later)
    if only != FLUIDSYNTH and (make := sonare()) is not None:
        return _loaded(make, named, measure_later)
    raise Unavailable(missing(only, has_font=found is not None))


def fluidsynth() -> Callable[[], SynthEngine] | None:
    """Return what makes a FluidSynth engine; None where its library or its binding is missing."""
    try:
        from improv.synth.fluidsynth_engine import FluidSynthEngine
    except (ImportError, OSError):
        return None
    return FluidSynthEngine


def sonare() -> Callable[[], SynthEngine] | None:
    """Return what makes a libsonare engine; None where it has no wheel."""
    try:
        from improv.synth.sonare_engine import SonareEngine
    except (ImportError, OSError):
        return None
    return SonareEngine


def missing(only: str = "", *, has_font: bool) -> str:
    """Return in one line what to install where no engine is found."""
    if only == SONARE:
        return "libsonare has no wheel for this system and this Python; install FluidSynth and a SoundFont"
    if sys.platform == "win32":
        return (
            "no synth engine here: pick Microsoft GS Wavetable Synth as output, or install FluidSynth and a SoundFont"
        )
    font = "" if has_font else " and a SoundFont (.sf2)"
    return f"no synth engine here: install the library of FluidSynth{font}, or connect a synth"


def _loaded(
    make: Callable[[], SynthEngine], font: Path | None, measure_later: Callable[[int, int], None] | None
) -> Synth:
    synth = Synth(make, measure_later)
    synth.load(font)
    return synth
