"""Checks of the jam that plays: the daemon, and what its ports are connected to."""

from improv.config.instance import Instance
from improv.control.socket_client import ControlClient
from improv.diagnostics.checks.finding import Finding
from improv.errors import ImprovError
from improv.protocol.commands import ENDS
from improv.protocol.control import OFF
from improv.protocol.snapshot import SystemStatus
from improv.runtime.ipc_messages import describe_port


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
