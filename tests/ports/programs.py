"""Programs that tests start and watch: what they print, how they end, and improv's own processes below them."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.ports.patience import PATIENT_S

_KIND_S = 5.0
"""How long a process may take to end when it is asked to, before it is made to."""

_PROGRAMS = {
    "player": "improv.runtime.player_process",
    "host": "improv.runtime.port_host",
    "engine": "improv.runtime.engine_process",
    "synth": "improv.runtime.synth_process",
}


class Program:
    """A running process, its output in files and its input open."""

    def __init__(
        self, command: Sequence[str], env: dict[str, str], log: Path, stdin: int | IO[bytes] = subprocess.PIPE
    ) -> None:
        self.log, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        with self.log.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=env,
            )

    def end(self) -> None:
        """End it if it has not ended, kindly first."""
        self._process.terminate()
        with self._process, suppress(subprocess.TimeoutExpired):
            try:
                self._process.wait(_KIND_S)
            finally:
                self._process.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        with self._process:
            self._process.wait()

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    @property
    def err(self) -> str:
        """What it has printed on stderr so far."""
        return self._err.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def close(self) -> None:
        """Close its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def ended(self, within_s: float = PATIENT_S) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {within_s:g} s:\n{self.out}{self.err}") from error


class Terminal(Program):
    """A program in front of a terminal of its own, the leader of its process group as in a shell."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path) -> None:
        ours, theirs = os.openpty()
        self._keys = open(ours, "r+b", buffering=0)  # noqa: SIM115, PTH123 a descriptor, closed by hang_up
        with open(theirs, "rb", buffering=0) as stdin:  # noqa: PTH123
            super().__init__(("setsid", "--ctty", *command), env, log, stdin)

    def kill(self) -> None:
        """End it at once, and its terminal."""
        self.hang_up()
        super().kill()

    def strike(self, keys: bytes) -> None:
        """Strike keys; b"\\x03" is Ctrl-C, which the terminal makes SIGINT for the whole group."""
        self._keys.write(keys)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        self._keys.close()

    def signal_all(self, number: int) -> None:
        """Send a signal to the whole process group."""
        os.killpg(self.pid, number)


def children(pid: int) -> dict[str, int]:
    """The pids of improv's processes below one, by what their command lines say: "player", "host" and "engine".

    A standby player of the player is younger than it.
    """
    found: dict[str, int] = {}
    for number in sorted(processes()):
        with suppress(OSError):
            parent = int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])
            command = " ".join(command_of(number)) if parent == pid else ""
            for name, module in _PROGRAMS.items():
                if module in command:
                    found.setdefault(name, number)
    return found


def alive(pid: int) -> bool:
    """Whether a process has not ended; one that was not waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kept_open(pid: int) -> tuple[int, int]:
    """How many file descriptors and threads a process has."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208


def command_of(number: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_text().split("\0")
    return []


def processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208
