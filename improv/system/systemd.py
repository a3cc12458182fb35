"""Messages to a service manager: improv plays, it lives, it ends.

The protocol is sd_notify(3): a datagram to the socket in $NOTIFY_SOCKET. Without one nothing is sent. It must never
wait, and never fail.
"""

import os
import re
import socket
from contextlib import suppress
from pathlib import Path

from improv.system.printable import printable

READY = "READY=1"
"""The message that improv plays."""

WATCHDOG = "WATCHDOG=1"
"""The message that improv lives."""

STOPPING = "STOPPING=1"
"""The message that improv ends."""


def status(text: str) -> str:
    """Return a message that sets the status line in `systemctl status`."""
    return f"STATUS={' '.join(printable(text).split())}"


def notify(*messages: str) -> None:
    """Send messages to systemd (sd_notify), if it started this process."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or not hasattr(socket, "AF_UNIX"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.setblocking(False)
        name = os.fsencode(address)
        to.connect(b"\0" + name[1:] if name.startswith(b"@") else name)
        to.send("\n".join(messages).encode(errors="replace"))


def watchdog_s() -> float | None:
    """Return the interval of WATCHDOG messages in seconds: half of systemd's limit; None without a watchdog."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or pid not in ("", str(os.getpid())):
        return None
    return int(microseconds) / 1e6 / 2 or None


def unit() -> tuple[str, ...]:
    """Return the arguments that name this process's unit to systemctl, such as --user improv.service.

    There are none if systemd did not start it. $INVOCATION_ID does not tell: a program started from a terminal that is
    itself a service has it too.
    """
    if os.environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return ()
    groups = ""
    with suppress(OSError):
        groups = Path("/proc/self/cgroup").read_text()
    return unit_of(groups)


def unit_of(groups: str) -> tuple[str, ...]:
    """Return the arguments that name a unit to systemctl, from the text of /proc/PID/cgroup."""
    for group in groups.split("\n"):
        names = group.split("/")
        if service := re.fullmatch(r"[\w:.\\@-]+\.service", names[-1]):
            return (*(["--user"] if any(name.startswith("user@") for name in names[:-1]) else []), service[0])
    return ()
