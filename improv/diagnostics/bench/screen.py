"""The terminal interface at its busiest, for what is measured beside it: a silent jam, and keys that never rest.

It is a program of its own, so that nothing of it is in the measured one. It must leave no jam behind, and
nothing among the user's files.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from improv.system import programs as program

READY = "ready\n"

_KEYS_PER_S = 30
_MORE, _LESS = b"\x1b[C", b"\x1b[D"
_LINES, _COLUMNS = 50, 160
_SHOWN_BYTES = 20_000
"""So much is written once the jam is on the screen."""

_STARTING_S = 30.0
_TEMPO_BPM = 240


def main(arguments: Sequence[str]) -> int:
    """Keep the screen busy until SIGTERM or until the process `arguments[0]` ends; print `READY` once it is."""
    parent = int(arguments[0])
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    with tempfile.TemporaryDirectory() as folder:
        environment = program.environment() | {
            "TERM": "xterm-256color",
            "IMPROV_RUNTIME": folder,
            "IMPROV_STATE": folder,
            "IMPROV_TAKES": str(Path(folder, "takes")),
        }
        shown = program.improv("play", "--api", "none", "--mode", "solo", "--tempo", str(_TEMPO_BPM), "--seed", "0")
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        screen = subprocess.Popen(  # noqa: S603
            shown, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
        )
        os.close(its)
        try:
            if not _read(ours, _STARTING_S, _SHOWN_BYTES):
                return 1
            sys.stdout.write(READY)
            sys.stdout.flush()
            key, other = _MORE, _LESS
            while not ended and os.getppid() == parent and screen.poll() is None:
                os.write(ours, key)
                key, other = other, key
                _read(ours, 1 / _KEYS_PER_S)
        finally:
            screen.kill()
            screen.wait()
            os.close(ours)
            subprocess.run(program.improv("daemon", "stop"), env=environment, check=False, capture_output=True)  # noqa: S603
    return 0


def _read(terminal: int, seconds: float, enough: float = float("inf")) -> bool:
    """Take what is written to the terminal for so long, or until it is enough; whether it was."""
    deadline_s, count = time.monotonic() + seconds, 0
    while count < enough and (left_s := deadline_s - time.monotonic()) > 0:
        if select.select([terminal], (), (), left_s)[0]:
            try:
                count += len(os.read(terminal, 65536))
            except OSError:  # it has gone
                return False
    return count >= enough


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
