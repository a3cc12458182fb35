"""MIDI systems (ALSA, JACK, CoreMIDI, Windows): which there are, which answers, and the ports of others in them.

rtmidi is polled and never calls back: its callback runs inside the JACK process cycle and loses messages when Python is
busy. Asking must never start a MIDI server.
"""

import os
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from improv.errors import Unavailable, UsageError
from improv.midi.port_names import Direction, is_ours
from improv.midi.rtmidi_binding import limits, ports_of, rtmidi
from improv.system.quiet import quiet

APIS = MappingProxyType(
    {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "coremidi": rtmidi.API_MACOSX_CORE,
        "windows": rtmidi.API_WINDOWS_MM,
    }
)

CLIENT = "improv"
"""The name of our clients begins with this, so that their ports are never taken for another program's."""

QUEUE_LIMIT = 1 << 14
"""Messages that the driver keeps for us; it takes memory for each place of the queue when that is first used."""

Role = Literal["in", "out", "thru", "lights", "standby", "list", "watch"]
"""What a client is for: `list` and `watch` only look at the ports of others."""


def new_client(role: str, api: str) -> Any:
    """Return a new rtmidi client for a `Role`; rtmidi.SystemError where the MIDI system cannot be reached."""
    name = f"{CLIENT}-{role}"
    with quiet():
        if role in ("in", "list"):
            return rtmidi.MidiIn(APIS[api], name=name, queue_size_limit=QUEUE_LIMIT)
        return rtmidi.MidiOut(APIS[api], name=name)


def reachable_api(wanted: str | None = None) -> str:
    """Return the MIDI system to use: the wanted one, or else the first that answers.

    UsageError for a name that means none, Unavailable if none answers.
    """
    if wanted is not None and wanted not in APIS:
        raise UsageError(f"no MIDI system {wanted!r}; choose from {', '.join([*APIS, 'none'])}")
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # asking must not start a server
    compiled = rtmidi.get_compiled_api()
    built = [name for name, number in APIS.items() if number in compiled]
    tried = [name for name in built if wanted in (None, name)]
    if wanted is not None and not tried:
        raise Unavailable(f"{wanted} is no MIDI system of this machine; choose from {', '.join(built)}")
    for name in tried:
        try:
            new_client("out", name).delete()
        except rtmidi.SystemError:
            continue
        return name
    unable = f". {limits()}" if limits() else ""
    raise Unavailable(
        f"no MIDI system answers (tried {', '.join(tried) or 'none'}); start one, or plug an interface in{unable}"
    )


class PortLists:
    """The ports of others that can be opened, asked through clients that live as long as this context."""

    def __init__(self, api: str) -> None:
        self._clients = {"input": new_client("list", api), "output": new_client("watch", api)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.delete()

    def names(self, direction: Direction) -> list[str]:
        """Return the names of other programs' ports, in the system's order."""
        return [name for name in ports_of(self._clients[direction]) if not is_ours(name)]
