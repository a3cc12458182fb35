"""Checks of MIDI: the binding to RtMidi, the MIDI systems, the ports of other programs, and ALSA's devices."""

import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from improv.config.instance import Instance
from improv.diagnostics.checks.finding import Finding
from improv.errors import ImprovError, Unavailable
from improv.system.quiet import quiet


def midi_binding(instance: Instance) -> list[Finding]:
    """Check which binding to RtMidi is installed, and what it cannot do."""
    from improv.midi.rtmidi_binding import NAME, description, limits

    return [assess_binding(NAME, description(), limits())]


def assess_binding(name: str, description: str, limits: str) -> Finding:
    """Judge a binding to RtMidi by its name, its description, and its limits (empty: none)."""
    if name == "supriya-midi":
        description += f", as python-rtmidi is not installed, which has no wheel for Python {platform.python_version()}"
    if not limits:
        return Finding("MIDI binding", True, description)
    mend = "for JACK: sudo apt install libjack-jackd2-0 (or pipewire-jack), whose libjack is then used"
    return Finding("MIDI binding", None, f"{description}; {limits}", mend)


def midi_systems(instance: Instance) -> list[Finding]:
    """Check which MIDI systems answer, and which of them improv uses."""
    from improv.midi.rtmidi_binding import bundled_libjack, rtmidi
    from improv.midi.systems import APIS, reachable_api

    compiled = [name for name, number in APIS.items() if number in rtmidi.get_compiled_api()]
    reachable = []
    for name in compiled:
        with suppress(Unavailable):
            reachable.append(reachable_api(name))
    return assess_systems(compiled, reachable, own_libjack=bundled_libjack(), pipewire=_pipewire())


def assess_systems(
    compiled: Sequence[str], reachable: Sequence[str], *, own_libjack: bool, pipewire: bool
) -> list[Finding]:
    """Judge the MIDI systems: those compiled in, and those that answer, of which improv uses the first."""
    built = f"compiled in: {', '.join(compiled) or 'none'}"
    found = []
    if reachable:
        says = f"{reachable[0]} is used; {built}; answering: {', '.join(reachable)}"
        found.append(Finding("MIDI system", True, says))
    else:
        found.append(
            Finding(
                "MIDI system",
                False,
                f"none answers ({built}): improv can only play into a file",
                "plug an interface in or load snd-seq (sudo modprobe snd-seq), or start JACK",
            )
        )
    if pipewire and own_libjack:
        found.append(
            Finding(
                "PipeWire",
                None,
                "it runs, but the MIDI binding's wheel brings a libjack of its own, which cannot reach PipeWire's JACK",
                "use --api alsa, whose ports PipeWire shows as well; for JACK build it against your own: "
                "pip install --force-reinstall --no-binary :all: python-rtmidi",
            )
        )
    return found


def _pipewire() -> bool:
    runtime = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR") or ""
    return bool(runtime) and Path(runtime, os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0").exists()


def ports(instance: Instance) -> list[Finding]:
    """List the ports of other programs and of hardware."""
    from improv.midi.systems import PortLists, reachable_api

    try:
        with PortLists(reachable_api()) as lists:
            inputs, outputs = lists.names("input"), lists.names("output")
        return assess_ports(inputs, outputs, sounds=_sounds_by_itself())
    except Unavailable:
        return [Finding("ports", None, "there is no MIDI system to have any", "see MIDI system")]


def _sounds_by_itself() -> bool:
    """Return whether there are an engine and an audio device for improv's own sound; nothing is heard of it."""
    import numpy as np

    from improv.protocol.snapshot import AUDIO_AUTO
    from improv.synth.choice import open_synth
    from improv.synth.device import Device

    with suppress(ImprovError), quiet():
        open_synth()
        with Device(AUDIO_AUTO, lambda frames: np.zeros((frames, 2), np.float32)):
            return True
    return False


def assess_ports(inputs: Sequence[str], outputs: Sequence[str], *, sounds: bool) -> list[Finding]:
    """Judge the names of the input and output ports. ALSA's Midi Through leads nowhere and does not count.

    `sounds`: improv can sound by itself, and needs no output.
    """
    heard, played = ([name for name in names if "Midi Through" not in name] for names in (inputs, outputs))
    return [
        Finding("inputs", True, ", ".join(heard))
        if heard
        else Finding("inputs", None, "none to play on", "plug a keyboard in, or have improv play alone (--mode solo)"),
        Finding("outputs", True, ", ".join(played))
        if played
        else Finding(
            "outputs",
            None if sounds else False,
            "no other synth; improv sounds by itself" if sounds else "none to be heard on",
            "start a synth or a DAW, or plug one in; see improv ports",
        ),
    ]


def sound_devices(instance: Instance, folder: Path = Path("/dev/snd")) -> list[Finding]:
    """Check that ALSA's devices exist and may be opened. Return nothing on other systems than Linux."""
    if sys.platform != "linux":
        return []
    sequencer = folder / "seq"
    if not sequencer.exists():
        return [
            Finding(
                "ALSA",
                None,
                f"there is no {sequencer}, so no ALSA ports",
                "sudo modprobe snd-seq; in a container, pass /dev/snd on; or use JACK",
            )
        ]
    shut = [device.name for device in sorted(folder.iterdir()) if device.is_char_device() and not _openable(device)]
    if not shut:
        return [Finding("ALSA", True, f"{folder} may be opened")]
    mend = "sudo usermod -aG audio $USER, then log in again"
    return [Finding("ALSA", False, f"{', '.join(shut)} in {folder} may not be opened: group audio", mend)]


def _openable(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)
