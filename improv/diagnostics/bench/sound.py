"""What the synth process takes of a processor while a jam plays on a silent device, with each engine that is here."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from improv.diagnostics.bench.processes import of_jam
from improv.synth.choice import ENGINES, FLUIDSYNTH, fluidsynth, sonare
from improv.synth.device import missing
from improv.synth.soundfonts import soundfonts
from improv.system import programs as program

_SETTLES_S = 4.0
"""How long the jam plays before its synth is looked at, in seconds: while it is loaded it takes more."""

_LOOK_S = 0.1


def measure_sound(model: str, seconds: float) -> dict[str, dict[str, float]]:
    """Return the share of a processor that the synth takes, by engine, while a jam plays for some seconds.

    Empty where this system does not tell, or has no sound.
    """
    here = {FLUIDSYNTH: fluidsynth() is not None and bool(soundfonts()), ENGINES[1]: sonare() is not None}
    found = {}
    for engine in ENGINES if not missing() else ():
        if here[engine] and (cpu := _cpu(engine, model, seconds)) is not None:
            found[engine] = {"cpu": cpu}
    return found


def sound_told(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures as rows of a table."""
    if not results["sound"]:
        return [("the synth process", "not measured: no engine, no miniaudio, or this system does not tell")]
    return [
        (f"the synth process with {engine}, a jam at 160 bpm", f"{taken['cpu'] * 100:.1f} % of a processor")
        for engine, taken in results["sound"].items()
    ]


def _cpu(engine: str, model: str, seconds: float) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        command = program.improv("jam", "--model", model, "--mode", "solo", "--tempo", "160", "--api", "none")
        command += ["--audio", "null", "--count-in", "0", "--save", f"{folder}/jam.mid"]
        own = {"IMPROV_RUNTIME": folder, "IMPROV_TAKES": folder, "IMPROV_SYNTH": engine}
        with subprocess.Popen(  # noqa: S603 our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=program.environment() | own,
        ) as process:
            try:
                time.sleep(_SETTLES_S)
                synth = of_jam(process.pid).get("synth")
                began_s, before_s = time.monotonic(), used_s(synth)
                while process.poll() is None and time.monotonic() < began_s + seconds:
                    time.sleep(_LOOK_S)
                after_s, took_s = used_s(synth), time.monotonic() - began_s
            finally:
                process.terminate()
    return None if before_s is None or after_s is None else (after_s - before_s) / took_s


def used_s(pid: int | None) -> float | None:
    """Return how much processor time a process has taken, in seconds; None if the system does not tell."""
    if pid is None:
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
