"""How improv is heard through another synth: which FluidSynth command starts one on this machine, or what to install.

For where its own sound is off, or there is no device for it. One source for the screen and for doctor. It looks at
files and asks FluidSynth itself what it was built with; it must never start a sound, and never offer an option that
this FluidSynth, or this system, lacks.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.synth.soundfonts import best_soundfont, soundfonts

NONE = "none"
"""The MIDI system of an improv that was started without one."""

_ASK_S = 5.0

_INSTALL: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "apt": ("sudo apt install fluidsynth fluid-soundfont-gm", "sudo apt install fluid-soundfont-gm"),
        "dnf": ("sudo dnf install fluidsynth fluid-soundfont-gm", "sudo dnf install fluid-soundfont-gm"),
        "pacman": ("sudo pacman -S fluidsynth soundfont-fluid", "sudo pacman -S soundfont-fluid"),
        "zypper": ("sudo zypper install fluidsynth fluid-soundfont", "sudo zypper install fluid-soundfont"),
        "brew": ("brew install fluid-synth", ""),
    }
)
"""By the program that installs: how to have FluidSynth and a soundfont, and a soundfont alone."""

_AUDIO: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"jack": ("jack",), "alsa": ("pipewire", "pulseaudio", "alsa"), "coremidi": ("coreaudio",)}
)
_MIDI: Mapping[str, str] = MappingProxyType({"jack": "jack", "alsa": "alsa_seq", "coremidi": "coremidi"})
"""By MIDI system: what FluidSynth sounds through, the best first, and what it hears."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do to hear improv."""

    says: str
    """A sentence."""
    command: str = ""
    """What to type in another terminal; empty if there is nothing to type."""
    is_synth: bool = False
    """Whether the command starts a synth, and nothing has to be installed first."""

    @property
    def text(self) -> str:
        """The sentence and the command in one line."""
        return f"{self.says}: {self.command}" if self.command else self.says


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What this machine has to make sound with."""

    installed: bool = False
    """Whether there is a FluidSynth."""
    audio: frozenset[str] = frozenset()
    """The audio drivers that it was built with; empty where it does not say."""
    midi: frozenset[str] = frozenset()
    """The MIDI drivers that it was built with; empty where it does not say."""
    font: Path | None = None
    """The best soundfont that was found."""
    servers: frozenset[str] = frozenset()
    """Sound servers that run: pipewire, pulseaudio."""
    jack_server: str = ""
    """The name of the JACK server to use, if it is not the usual one."""
    installer: str = ""
    """The program that installs packages here: a key of `_INSTALL`."""
    can_start_jack: bool = False
    """Whether there is a JACK to start, and a sound card for it."""
    windows: bool = False


def advice(api: str, found: Found | None = None, *, there: str = "", restart: str = "improv daemon restart") -> Advice:
    """Return how to hear improv on a MIDI system (`alsa`, `jack`, `coremidi`, `windows`, `none`).

    If improv was started without a MIDI system, `there` is the one that answers now, and `restart` the command that
    starts improv again.
    """
    found = look() if found is None else found
    if api in ("", NONE):
        return _without_midi(found, there, restart)
    if api == "windows" or found.windows:
        return Advice("Pick Microsoft GS Wavetable Synth here, or start a synth that has a MIDI input")
    if not found.installed:
        both = _INSTALL.get(found.installer, ("", ""))[0]
        return Advice("Start a synth or a DAW; without one, install FluidSynth", both)
    if found.font is None:
        font = _INSTALL.get(found.installer, ("", ""))[1]
        return Advice("FluidSynth is here, but no soundfont for it; get one", font)
    if (typed := command(api, found)) is None:
        return Advice(f"The FluidSynth that is here can't use {api}; start another synth, or a DAW")
    return Advice("Type in another terminal", typed, is_synth=True)


def command(api: str, found: Found) -> str | None:
    """Return the command that starts FluidSynth on a MIDI system; None if this FluidSynth does not support it."""
    midi = _MIDI.get(api)
    if midi is None or found.font is None or (found.midi and midi not in found.midi):
        return None
    there = [name for name in _AUDIO[api] if not found.audio or name in found.audio]
    running = [name for name in there if name not in ("pipewire", "pulseaudio") or name in found.servers]
    if not running:
        return None
    words = ["fluidsynth", "-a", running[0], "-m", midi, *(["-j"] if api == "jack" else []), str(found.font)]
    server = f"JACK_DEFAULT_SERVER={shlex.quote(found.jack_server)} " if api == "jack" and found.jack_server else ""
    return server + shlex.join(words)


def _without_midi(found: Found, there: str, restart: str) -> Advice:
    """Where no MIDI system is used there is nothing to be heard through until there is one."""
    if there:
        return Advice(f"{there} is here now; to use it, type in another terminal", f"{restart} --api {there}")
    if found.can_start_jack:
        return Advice(f"No MIDI system answers here. Start one in another terminal, then {restart}", "jackd -d alsa")
    return Advice(
        "No MIDI system answers here; improv doctor says what is missing; or open the saved file where there is a synth"
    )


def look() -> Found:
    """Look for FluidSynth and soundfonts on this machine. It takes a moment: FluidSynth is run."""
    program = shutil.which("fluidsynth")
    audio, midi = _drivers(program) if program else (frozenset(), frozenset())
    server = os.environ.get("JACK_DEFAULT_SERVER", "")
    return Found(
        installed=program is not None,
        audio=audio,
        midi=midi,
        font=best_soundfont(soundfonts()),
        servers=_servers(),
        jack_server="" if server == "default" else server,
        installer=next((name for name in _INSTALL if shutil.which(name)), ""),
        can_start_jack=shutil.which("jackd") is not None and _has_card(),
        windows=sys.platform == "win32",
    )


def _drivers(program: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the audio and the MIDI drivers that a FluidSynth was built with; empty where it does not say."""
    try:
        done = subprocess.run(  # noqa: S603 the FluidSynth that the user would start
            [program, "-h"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return frozenset(), frozenset()
    return option_values(done.stdout, "audio-driver"), option_values(done.stdout, "midi-driver")


def option_values(told: str, option: str) -> frozenset[str]:
    """Return the values of an option in FluidSynth's help text `told`."""
    values = re.search(rf"--{option}=.*?Valid values: ([^\n]*)", told, re.DOTALL)
    return frozenset(values[1].replace(" ", "").split(",")) if values else frozenset()


def _servers() -> frozenset[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    pipewire = os.environ.get("PIPEWIRE_RUNTIME_DIR") or runtime
    sockets = {
        "pipewire": pipewire and Path(pipewire, os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0"),
        "pulseaudio": runtime and Path(runtime, "pulse", "native"),
    }
    return frozenset(name for name, socket in sockets.items() if socket and Path(socket).exists())


def _has_card() -> bool:
    with suppress(OSError):
        return bool(re.search(r"^\s*\d+ \[", Path("/proc/asound/cards").read_text(encoding="utf-8"), re.MULTILINE))
    return False
