"""Other people's programs on a JACK server, as witnesses: who listens, who measures a round trip.

All of them are found, waited for and ended here. It must never start or stop a server, and never
connect what is not named.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from improv.dataclass import dataclass
from improv.diagnostics.bench.compiler import compiled
from improv.errors import Unavailable
from improv.system.quantiles import quantile

_ECHO = Path(__file__).with_name("jack_echo.c")
_LIBRARY = "libjack.so.0"
_PATIENCE_S = 10.0
_FAREWELL_S = 2.0
_MIDI_LINE = re.compile(rb"^\s*\d+:((?: [0-9a-f]{2})+)", re.MULTILINE)
_BIN = re.compile(r"^([\d.]+) - ([\d.]+) ms: (\d+)$", re.MULTILINE)
_COUNTED = re.compile(r"^(Messages sent|Messages received|Xruns): (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Period:
    """How the server runs: it handles so many frames at once, at so many a second."""

    frames: int
    rate_hz: int

    @property
    def ms(self) -> float:
        """Length of a period, in milliseconds."""
        return self.frames / self.rate_hz * 1e3


def period() -> Period:
    """Return the period of the JACK server that runs; Unavailable if none does."""
    numbers = [re.findall(r"\d+", _said(program)) for program in ("jack_bufsize", "jack_samplerate")]
    if not all(numbers):
        raise Unavailable("no JACK server answers")
    return Period(int(numbers[0][-1]), int(numbers[1][-1]))


def ports() -> list[str]:
    """Return the names of all JACK ports."""
    return [line for line in _said("jack_lsp").splitlines() if ":" in line]


def new_port(part: str, before: Sequence[str]) -> str:
    """Wait for a port that was not there before and has `part` in its name; return it, Unavailable if none comes."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        if found := [name for name in ports() if part in name and name not in before]:
            return found[0]
        time.sleep(0.05)
    raise Unavailable(f"no port {part} appears on the JACK server")


def connect(source: str, sink: str) -> None:
    """Connect one JACK port to another; Unavailable if that fails."""
    if (said := _run(["jack_connect", source, sink], _PATIENCE_S)).returncode:
        raise Unavailable(f"{source} cannot be connected to {sink}: {said.stderr.strip()[-120:]}")


def round_trip(out: str, back: str, messages: int) -> dict[str, Any]:
    """Return what `jack_midi_latency_test` measures from one port to another, in milliseconds to one decimal."""
    done = _run(["jack_midi_latency_test", "-s", str(messages), out, back], _PATIENCE_S + messages * 0.1)
    plot = done.stdout.partition("Latency Plot:")[2]
    bins = [(float(low), float(high), int(count)) for low, high, count in _BIN.findall(plot)]
    counted = {name: int(count) for name, count in _COUNTED.findall(done.stdout)}
    if not bins:
        said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise Unavailable(f"jack_midi_latency_test measured nothing: {said}")
    taken = [high for _, high, count in bins for _ in range(count)]
    return {
        "n": len(taken),
        "lost": counted.get("Messages sent", len(taken)) - len(taken),
        "xruns": counted.get("Xruns", 0),
        "p50_ms": quantile(taken, 0.5),
        "p99_ms": quantile(taken, 0.99),
        "max_ms": taken[-1],
    }


@contextmanager
def echo() -> Iterator[tuple[str, str]]:
    """Run a C program that sends back what arrives within the same cycle; yield the names of its input and output."""
    try:
        program = compiled(_ECHO, _LIBRARY)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"the echo in C cannot be built: {error}") from error
    before = ports()
    process = subprocess.Popen(  # noqa: S603
        [program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with _ended(process):
        yield new_port("bench-echo:in", before), new_port("bench-echo:out", before)


class Witness:
    """`jack_midi_dump` listening: each message, stamped when it was read from it. A context."""

    def __init__(self) -> None:
        self.port = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def __enter__(self) -> Self:
        for program in ("stdbuf", "jack_midi_dump"):
            _found(program)
        before, name = ports(), f"bench-witness-{os.getpid()}"
        self._process = subprocess.Popen(  # noqa: S603
            ["stdbuf", "-oL", "jack_midi_dump", "-a", name],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.port = new_port(f"{name}:", before)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.ask_to_end()
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=_FAREWELL_S)
            self._process.kill()
            self._process.communicate()

    def ask_to_end(self) -> None:
        """Let the client leave in order after one more message. A killed client delays all others."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def fileno(self) -> int:
        """Return the file descriptor of the client's output, for `select`."""
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018 -- entered
        return self._process.stdout.fileno()

    def heard(self, within_s: float) -> list[tuple[float, bytes]]:
        """Return the messages that arrive within some seconds: time read, in seconds of the clock, and bytes."""
        if not select.select([self], (), (), max(0.0, within_s))[0]:
            return []
        self._unread += os.read(self.fileno(), 1 << 16)
        now_s = time.monotonic()
        whole, _, self._unread = self._unread.rpartition(b"\n")
        return [(now_s, bytes.fromhex(found.decode())) for found in _MIDI_LINE.findall(whole)]


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Close its input, which ends it."""
    try:
        yield
    finally:
        with suppress(subprocess.TimeoutExpired, OSError):
            process.communicate(timeout=_PATIENCE_S)
        process.kill()


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise Unavailable(f"{program} is not installed")
    return path


def _said(program: str) -> str:
    done = _run([program], _PATIENCE_S)
    return "" if done.returncode else done.stdout


def _run(command: Sequence[str], within_s: float) -> "subprocess.CompletedProcess[str]":
    _found(command[0])
    environment = os.environ | {"JACK_NO_START_SERVER": "1"}  # asking must not start a server
    try:
        return subprocess.run(  # noqa: S603
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} does not end within {within_s:g} s") from error
