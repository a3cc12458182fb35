"""Whether improv can be heard, and through what, in words: from its ports as measured. Pure.

A port that was asked for is not taken to be connected.
"""

from collections.abc import Sequence
from pathlib import Path

from improv.dataclass import dataclass
from improv.protocol.port_status import PortStatus
from improv.protocol.snapshot import SystemStatus
from improv.system.printable import printable
from improv.tui.input.key_bindings import BY_ACTION, key_label

WITHOUT = ("", "none")
"""What `api` says where there is no MIDI system."""

PORTS_KEY = key_label(BY_ACTION["ports"].keys[0])


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """Whether improv is heard (None where the MIDI system can't say), and that in words, the longest form first."""

    is_heard: bool | None
    forms: tuple[str, ...]


def output_status(system: SystemStatus) -> OutputStatus:
    """Return whether improv can be heard, by itself or as far as its ports tell."""
    if (sound := system.sound).is_heard:
        name, ms = printable(sound.device), f"{sound.latency_ms:.0f} ms"
        return OutputStatus(
            True,
            (
                printable(sound.text),
                f"it sounds on {name}, {ms}",
                f"you hear {name}",
            ),
        )
    outputs = _of(system, "output")
    if not system.midi.output and not outputs:
        if system.midi.api in WITHOUT:
            return _nothing("improv was started without MIDI", "No MIDI")
        return _nothing("No synth is connected", "No synth")
    if fault := next((port for port in outputs if port.fault), None):
        return _nothing(f"{printable(fault.name)}: {printable(fault.fault)}", "No synth")
    if not outputs or any(port.peers is None for port in outputs):
        return _unknown(outputs[0] if outputs else None, system.midi.output)
    if peers := [printable(peer) for port in outputs for peer in port.peers or ()]:
        more = f" and {len(peers) - 1} more" if len(peers) > 1 else ""
        short = [peer.partition(":")[0] for peer in peers]
        return OutputStatus(True, (f"you hear it through {peers[0]}{more}", f"you hear {short[0]}{more}"))
    if any(port.peers for port in _of(system, "thru")):
        return OutputStatus(
            False,
            (
                f"No synth is connected to improv's output: you hear only yourself. {PORTS_KEY}",
                f"You hear only yourself. {PORTS_KEY}",
            ),
        )
    if (first := outputs[0]).virtual:
        return _nothing("No synth is connected", "No synth")
    return _nothing(f"{printable(first.name)} is not connected", "No synth")


def saving_texts(system: SystemStatus, *, full: bool = False) -> tuple[str, ...]:
    """Return texts on where the jam is saved, the longest first; or the name of its take."""
    if not system.recording.saves_to:
        how = f"{key_label(BY_ACTION['export'].keys[0])} writes it as a MIDI file"
        return (
            (f"it is recorded as {printable(system.recording.take)}; {how}",)
            if system.recording.take and not system.recording.fault
            else ()
        )
    path, home = Path(printable(system.recording.saves_to)), str(Path.home())
    shown_path = str(path)
    if not full and shown_path.startswith(f"{home}/"):
        shown_path = f"~{shown_path.removeprefix(home)}"
    return f"it is saved to {shown_path} at its end", f"saved to {shown_path}", f"saved to {path.name}", path.name


def keyboard(system: SystemStatus) -> str:
    """Return the name of the connected MIDI keyboard; empty if none is known."""
    inputs = _of(system, "input")
    if not inputs:
        return printable(system.midi.input)
    peers = [printable(peer) for port in inputs for peer in port.peers or ()]
    unknown = [printable(port.name) for port in inputs if port.peers is None and not port.virtual]
    return next(iter((*peers, *unknown)), "")


def missing_keyboard(system: SystemStatus) -> str:
    """Return the name of the MIDI keyboard that was asked for and is not connected; empty if none is missing."""
    return next((printable(port.name) for port in _of(system, "input") if port.peers == () and not port.virtual), "")


def _nothing(why: str, short: str) -> OutputStatus:
    return OutputStatus(False, (f"{why}: you hear nothing. {PORTS_KEY}", f"{short}: you hear nothing. {PORTS_KEY}"))


def _unknown(port: PortStatus | None, output: str) -> OutputStatus:
    name = printable(port.name if port else output)
    forms = (f"it plays to {name}", f"it plays to {name.partition(':')[0]}")
    return OutputStatus(
        None, (f"it plays to {name}; this system can't say what is connected", *forms) if port else forms
    )


def _of(system: SystemStatus, role: str) -> Sequence[PortStatus]:
    return [port for port in system.midi.ports if port.role == role]
