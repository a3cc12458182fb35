"""Checks of improv's own sound: what makes it, and a short note on the audio device."""

import time

from improv.config.instance import Instance
from improv.diagnostics.checks.finding import Finding
from improv.errors import ImprovError, Unavailable
from improv.protocol.snapshot import AUDIO_AUTO
from improv.synth.advice import NONE, Advice, advice

_PROGRAM, _NOTE = bytes((0xC0, 11)), 79
_NOTE_S, _RINGS_S = 0.2, 0.6
"""How long the note is held, and how long it rings."""


def sound(instance: Instance) -> list[Finding]:
    """Check which engine makes improv's sound, and play a short note on the default device."""
    from improv.synth.choice import open_synth
    from improv.synth.live import LiveSynth

    try:
        synth = open_synth()
    except ImprovError as error:
        return [Finding("sound engine", None, str(error), how_else().text)]
    engine = Finding("sound engine", True, synth.description)
    live = LiveSynth(AUDIO_AUTO)
    try:
        live.open()
    except ImprovError as error:
        says = f"{error}; improv plays on without its own sound"
        return [engine, Finding("audio device", None, says, how_else().text)]
    live.synth = synth
    while not live.settled:
        time.sleep(_NOTE_S)
    name, late = live.device.name if live.device is not None else "", live.late
    live.sound([_PROGRAM, bytes((0x90, _NOTE, 90))], None)
    time.sleep(_NOTE_S)
    live.sound([bytes((0x80, _NOTE, 64))], None)
    time.sleep(_RINGS_S)
    gaps, delay_s = live.late - late, live.delay_s
    live.close()
    return [engine, assess_device(name, delay_s, gaps)]


def assess_device(name: str, delay_s: float, gaps: int) -> Finding:
    """Judge an audio device by how much later than it is due a note is heard on it, and by the gaps in its sound."""
    says = f"a note was played on {name}, {delay_s * 1000:.0f} ms after the beat"
    if gaps:
        return Finding("audio device", False, f"{says}, with {gaps} gaps", "end what keeps this machine busy")
    return Finding("audio device", True, says)


def how_else() -> Advice:
    """Return how improv is heard through another synth."""
    from improv.midi.systems import reachable_api

    try:
        api = reachable_api()
    except Unavailable:
        api = NONE
    return advice(api)
