"""Checks of the jam that plays: the daemon, what its ports are connected to, and a synth to hear it with."""

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.diagnostics.checks.finding import Finding
from improv.errors import ImprovError, Unavailable
from improv.protocol.commands import ENDS
from improv.protocol.control import OFF
from improv.protocol.snapshot import SystemStatus
from improv.runtime.ipc_messages import describe_port
from improv.system.fluidsynth import NONE, Advice, advice


def daemon(instance: Instance) -> list[Finding]:
    """Check that the improv that plays answers, and what its ports are connected to."""
    try:
        pid = instance.running()
        if pid is None:
            return [Finding("daemon", None, f"none is playing as {instance.name}", instance.command("daemon start"))]
        with ControlClient(instance.socket) as client:
            system = client.status().system
    except (ImprovError, OSError) as error:
        return [Finding("daemon", False, str(error), instance.command("daemon restart"))]
    return [Finding("daemon", True, f"PID {pid} answers"), *assess_connections(system, instance)]


def assess_connections(system: SystemStatus, instance: Instance) -> list[Finding]:
    """Judge what the ports of the improv that plays are connected to, as the MIDI system reports it."""
    found = []
    for port in system.midi.ports:
        if port.role == "thru" and system.midi.thru == OFF:
            continue
        vain = False if port.role == "output" else None  # what improv plays is heard nowhere
        ok = False if port.fault else True if port.connected else None if port.connected is None else vain
        mend = instance.command(f"ctl connect {port.role} NAME") if port.role in ENDS else ""
        found.append(Finding(f"its {port.role}", ok, describe_port(port), mend and f"{mend} (improv ports lists them)"))
    return found


def synth(instance: Instance) -> list[Finding]:
    """Check for a synth that can be started here: improv makes no sound of its own."""
    from improv.midi.systems import reachable_api

    try:
        api = reachable_api()
    except Unavailable:
        api = NONE
    return [assess_synth(advice(api))]


def assess_synth(found: Advice) -> Finding:
    """Judge the advice on how to hear improv: in order where one command starts a synth."""
    none = "improv has no sound of its own"
    if found.is_synth:
        return Finding("synth", True, f"{none}; FluidSynth can be it: {found.command}")
    return Finding("synth", None, none, found.text)
