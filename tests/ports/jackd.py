"""A JACK server of the tests' own: its life, what is connected to what, and the programs that are started on it."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ports.patience import PATIENT_S, Inconclusive, eventually
from tests.ports.programs import Program, command_of, processes

RATE_HZ = 48000
PERIOD = 256
"""Frames that JACK handles at once: what RtMidi sends sounds at the start of one."""

_LOCK = Path(tempfile.gettempdir()) / "improv-test-jack.lock"

_FULL = "ringbuffer was full"
"""What `jack_midi_dump` says when it has lost messages for want of time."""

_TOOL_RUNS = 9
"""How often a tool of JACK's is run that does not end."""


_PLAIN = {"IMPROV_STYLE": "pads", "IMPROV_BAND": "0", "IMPROV_HEARING": "nearest", "IMPROV_WAIT": "0"}
"""What improv plays where a test does not say: held chords, so that each message can be told beforehand."""


class JackServer:
    """A JACK server of its own name, without a sound card, and all who play on it; a context that ends them.

    In its synchronous mode it loses nothing, but stalls for five seconds where a client is killed.
    In the other one clients can be killed, and on a busy machine it drops messages that they send.
    """

    def __init__(self, folder: Path, *, synchronous: bool = True, period: int = PERIOD) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = "improv-test"
        self.folder = folder
        self._synchronous = synchronous
        self._period = period
        self._number = 0
        self._jackd: Program | None = None
        self._expected = False
        """Return whether it is still running."""
        self.programs: list[Program] = []
        self._env = os.environ | {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            **_PLAIN,
        }

    def __enter__(self) -> Self:
        """Start it, once no other test session has one: JACK gives the sockets of clients no server's name."""
        self._alone = _LOCK.open("w")
        fcntl.flock(self._alone, fcntl.LOCK_EX)
        commands = {number: command_of(number) for number in processes()}
        servers = {number: command for number, command in commands.items() if command[:1] == ["jackd"]}
        for number, command in servers.items():
            if self.name in command:  # a session that was killed has left it
                os.kill(number, signal.SIGKILL)
        if all(self.name in command for command in servers.values()):
            # Clients that were killed leave their locks in JACK's database, until there is room for no more;
            # and a server that was killed is taken for alive as soon as its number is another process's.
            shutil.rmtree(f"/dev/shm/jack_db-{os.getuid()}", ignore_errors=True)  # noqa: S108
            Path("/dev/shm/jack-shm-registry").unlink(missing_ok=True)  # noqa: S108
        try:
            self.begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        """End the server before its clients, which then have nothing to say goodbye to.

        A client that leaves it in disorder holds the next client up for five seconds.
        """
        with self._alone, ExitStack() as stack:
            stack.callback(self._swept)
            for program in self.programs:
                stack.callback(program.kill)
            stack.callback(self.kill)

    def _swept(self) -> None:
        """Remove what clients that outlive their server leave behind."""
        for semaphore in self._semaphores():
            semaphore.unlink(missing_ok=True)

    def _semaphores(self) -> Iterator[Path]:
        return Path("/dev/shm").glob(f"jack_sem.*_{self.name}_*")  # noqa: S108

    def _says(self) -> str:
        return self._jackd.out + self._jackd.err if self._jackd is not None else ""

    def begin(self) -> None:
        """Start the server, for the first time or again."""
        mode = ["-S"] if self._synchronous else []
        asked = f"-d dummy -r {RATE_HZ} -p {self._period}".split()
        self._jackd = self._program("jackd", "jackd", "-n", self.name, "--no-realtime", *mode, *asked)
        self._expected = True
        self.until(lambda: "system:playback_1" in self.ports(), "the JACK server")

    def stop(self) -> None:
        """End the server and leave its clients alone."""
        assert self._jackd is not None
        self._expected = False
        self._jackd.end()

    def kill(self) -> None:
        """End the server at once and leave its clients alone."""
        self._expected = False
        if self._jackd is not None:
            self._jackd.kill()

    @property
    def clients(self) -> int:
        """How many clients the server has, with ports or without."""
        return len(list(self._semaphores()))

    @property
    def xruns(self) -> int:
        """How often the server was late, and may have dropped MIDI."""
        return self._says().count("XRun")

    @property
    def disturbed(self) -> bool:
        """True if the server was late or died, or a witness says that it has dropped what it could not take in."""
        return bool(self.xruns or self.died or any(_FULL in program.err for program in self.programs))

    @property
    def died(self) -> bool:
        """Whether it has ended by itself."""
        return self._expected and self._jackd is not None and not self._jackd.running

    def ports(self) -> list[str]:
        """The names of all ports."""
        return self._listed()

    def cables(self) -> dict[str, set[str]]:
        """What every port is connected to, by their names."""
        found, here = dict[str, set[str]](), ""
        for line in self._listed("-c"):
            if line.startswith(" "):
                found[here].add(line.strip())
            else:
                here = line
                found[here] = set()
        return found

    def _listed(self, *options: str) -> list[str]:
        return self._tool("jack_lsp", *options).stdout.splitlines()

    def connect(self, source: str, sink: str) -> None:
        """Plug one port into another."""
        done = self._tool("jack_connect", source, sink)
        assert done.returncode == 0 or sink in self.cables()[source], f"{source} -> {sink}: {done.stdout}{done.stderr}"

    def disconnect(self, source: str, sink: str) -> None:
        """Pull the cable between two ports."""
        done = self._tool("jack_disconnect", source, sink)
        assert done.returncode == 0 or sink not in self.cables()[source], (
            f"{source}, {sink}: {done.stdout}{done.stderr}"
        )

    def _tool(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run one of JACK's tools; again if it hangs.

        It hangs where it closes its client (see `_LEAVES_HANGING`): it has done by then what it was asked for, but what
        it had to say is lost.
        """
        for _ in range(_TOOL_RUNS):
            with suppress(subprocess.TimeoutExpired):
                return subprocess.run(
                    command, env=self._env, capture_output=True, text=True, timeout=PATIENT_S / _TOOL_RUNS, check=False
                )
        raise Inconclusive(f"{command[0]} hangs")

    def started(self, name: str, *command: str) -> Program:
        program = self._program(name, *command)
        self.programs.append(program)
        return program

    def _program(self, name: str, *command: str) -> Program:
        log = self.new_log(name)
        return Program(command, self.own_env(), log)

    def own_env(self) -> dict[str, str]:
        """With an instance of its own for each, so that several can play side by side."""
        return self._env | {"IMPROV_INSTANCE": f"test-{self._number}"}

    def new_log(self, name: str) -> Path:
        self._number += 1
        return self.folder / f"{self._number}-{name}"

    def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            eventually(condition, what)
        except AssertionError as error:
            error.add_note(f"jackd says:\n{self._says()}")
            raise
