"""The binding to RtMidi, whichever is installed: python-rtmidi, or supriya-midi where that has no wheels.

`rtmidi` has python-rtmidi's names, by whichever binding; no other module imports either.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import rtmidi
except ModuleNotFoundError as missing:
    if missing.name != "rtmidi":
        raise
    from improv.midi import supriya as rtmidi

__all__ = ["NAME", "bundled_libjack", "description", "limits", "ports_of", "rtmidi"]

NAME = "python-rtmidi" if rtmidi.__name__ == "rtmidi" else "supriya-midi"

_ASKED = 8
"""How often the ports are asked for while some of them go."""


def ports_of(client: Any) -> list[str]:
    """Return the names of the ports that a client can connect to, in the system's order.

    RtMidi counts the ports and then asks for one name after the other. One that goes meanwhile makes an error, and all
    are asked for again.
    """
    for _ in range(_ASKED):
        with suppress(rtmidi.RtMidiError):
            return list(client.get_ports())
    return []


def description() -> str:
    """Return the name and version of the binding, and the version of the RtMidi inside it."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 it takes long to load

    try:
        number = f" {version(NAME)}"
    except PackageNotFoundError:  # put there by hand
        number = ""
    return f"{NAME}{number} (RtMidi {rtmidi.get_rtmidi_version()})"


def bundled_libjack() -> bool:
    """Return whether the binding brings a libjack of its own in the place of the system's."""
    if NAME == "supriya-midi":
        return rtmidi.API_UNIX_JACK in rtmidi.get_compiled_api() and not rtmidi.SYSTEM_LIBJACK
    return any(Path(rtmidi.__file__).parents[1].glob("python_rtmidi*/libjack*"))


def limits() -> str:
    """Return what this binding cannot do, in a sentence; empty if it can do everything."""
    if NAME == "supriya-midi" and bundled_libjack():
        return (
            "JACK cannot be reached: the system has no libjack, and supriya-midi's own is too old for today's servers"
        )
    return ""
