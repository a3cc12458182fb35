"""What the processes of a jam take: memory, threads, file descriptors, as the system tells from outside.

Linux tells it in /proc; elsewhere nothing is known and everything here is None or empty. It must
never ask the process itself: what is stuck would not answer.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from improv.dataclass import dataclass

_PROC = Path("/proc")
_ROLES = MappingProxyType(
    {
        "engine": b"improv.runtime.engine_process",
        "player": b"improv.runtime.player_process",
        "host": b"improv.runtime.port_host",
        "synth": b"improv.runtime.synth_process",
    }
)
_KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process takes at a moment."""

    pss_bytes: int
    """Its memory, of pages that it shares only its part: what others start or end changes it too."""
    own_bytes: int
    """Its memory that comes from no file: what a leak would make grow, and no other process changes."""
    threads: int
    descriptors: int
    shared_bytes: int = 0
    """Its part of memory that is shared by name: that of a JACK server, which all its clients map."""


def usage(pid: int) -> Usage | None:
    """Return the memory, threads and descriptors of a process; None if it is gone or the system does not tell."""
    process = _PROC / str(pid)
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()[1:]
        threads, descriptors = (sum(1 for _ in (process / name).iterdir()) for name in ("task", "fd"))
    except OSError:
        return None
    sizes = {name: int(rest.split()[0]) * _KIBIBYTE for name, _, rest in (line.partition(":") for line in lines)}
    if "Pss" not in sizes:
        return None
    return Usage(
        sizes["Pss"], sizes.get("Pss_Anon", sizes.get("Anonymous", 0)), threads, descriptors, sizes.get("Pss_Shmem", 0)
    )


def of_jam(pid: int) -> Mapping[str, int]:
    """Return the process ids of a jam by role: `pid` is its daemon; then engine, player, port host, synth and standby.

    Processes that do not exist are left out. A standby player runs the player's program, and is younger than the
    player.
    """
    found = {"daemon": pid}
    for child in sorted(_children(pid)):
        try:
            command = (_PROC / str(child) / "cmdline").read_bytes()
        except OSError:
            continue
        for role, program in _ROLES.items():
            if program in command:
                found["standby player" if role in found else role] = child
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [(task / "children").read_text() for task in (_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return []
    return [int(number) for listed in lists for number in listed.split()]
