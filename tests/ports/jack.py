"""A JACK server of the tests' own, and who plays on it: callers, improv, witnesses, a synthesiser.

Each is a process of its own and talks MIDI through the server, as on a musician's machine. The
witnesses are other people's programs (`jack_midi_dump`, FluidSynth): our sender is never judged by
our own receiver. Nothing here imports improv. Run as a program, this module is a caller or a keyboard.
"""

import fcntl
import json
import math
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from improv.midi.rtmidi_binding import rtmidi

PATIENT_S = 180.0
"""How long is waited for what has to happen: a limit for what never does, not for a machine that is busy."""

ATTEMPTS = 5
"""An attempt that fails where JACK was late, and may have dropped MIDI, shows nothing and is made again."""

_RISING_S = (20.0, 20.0, 40.0, 80.0)
"""How long such an attempt waits for what may be lost; the last one waits as long as any other."""

RATE_HZ = 48000
PERIOD = 256
"""Frames that JACK handles at once: what RtMidi sends sounds at the start of one."""

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
PROGRAMS = ("jackd", "jack_lsp", "jack_connect", "jack_midi_dump", "stdbuf", "setsid", "fluidsynth")

IMPROV_OUT = "improv-out:improv out"
IMPROV_IN = "improv-in:improv in"
IMPROV_THRU = "improv-thru:improv thru"
CALLER = "caller"

_NOTE_OFF, _NOTE_ON = 0x80, 0x90
_CHORD_ON = re.compile(r"^\s*\d+: 91 ", re.MULTILINE)
_DETACHED_S = 0.01
"""How much the caller leaves between a note and the next."""
_ORGAN = 19
"""The church organ sounds as long as its key is down; a piano's decay would hide a note that hangs."""

_LOCK = Path(tempfile.gettempdir()) / "improv-test-jack.lock"

_LEAVES_HANGING = """
import atexit as _atexit, jack as _jack, os as _os, sys as _sys, threading as _threading
_close = _jack.Client.close
def _closed(client, ignore_errors=True):
    if _sys.is_finalizing():  # a thread would never begin, and its beginning is waited for
        return
    closing = _threading.Thread(target=_close, args=(client, ignore_errors), daemon=True)
    closing.start()
    closing.join(5)
    if closing.is_alive():  # the end of the process would wait for it too
        _atexit.register(_os._exit, 0)
_jack.Client.close = _closed
"""
"""libjack may wait for ever when a client is closed while others come and go (jack2, issue 395)."""

_FULL = "ringbuffer was full"
"""What `jack_midi_dump` says when it has lost messages for want of time."""

_TOOL_RUNS = 9
"""How often a tool of JACK's is run that does not end."""

_KIND_S = 5.0
"""How long a process may take to end when it is asked to, before it is made to."""


def missing() -> list[str]:
    """What these tests need and the machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name) is None] + ([] if SOUNDFONT.exists() else [SOUNDFONT.name])


def eventually(condition: Callable[[], object], what: str, within_s: float | None = None) -> None:
    """Return as soon as a condition holds: another process gives no other sign than what can be seen of it."""
    begun_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - begun_s
        if waited_s > min(_RISING_S):  # what is asked here takes a moment
            assert waited_s < (_patience_s() if within_s is None else within_s), f"waited {waited_s:.0f} s for {what}"
        time.sleep(0.01)


_disturbed: list[tuple["Server", int]] = []
"""The server that an attempt is made on, and the attempt's number."""


def _patience_s() -> float:
    """How long is waited: not so long where the server was late, and what is waited for may be lost; ever longer."""
    for server, number in _disturbed:
        if number < ATTEMPTS and server.disturbed:
            return _RISING_S[number - 1]
    return PATIENT_S


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


class Keyboard:
    """A program that plays whatever messages they are told to, on a port of their own."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.port = f"{name}:out"
        self._played = 0

    def tell(self, messages: Iterable[Sequence[int]], *, per_s: float = math.inf) -> None:
        """Have messages sent, so many a second, and wait for nothing."""
        told = json.dumps({"messages": [list(message) for message in messages], "gap_s": 1 / per_s})
        self.program.tell(told)
        self._played += 1

    def play(
        self, messages: Iterable[Sequence[int]], *, per_s: float = math.inf, within_s: float | None = None
    ) -> None:
        """Send messages, so many a second; returns when the last one has been handed to the server."""
        self.tell(messages, per_s=per_s)
        eventually(lambda: self.program.out.count("played") >= self._played, "the keyboard", within_s)


_PROGRAMS = {
    "player": "improv.runtime.player_process",
    "host": "improv.runtime.port_host",
    "engine": "improv.runtime.engine_process",
}


def children(pid: int) -> dict[str, int]:
    """The pids of improv's processes below one, by what their command lines say: "player", "host" and "engine".

    A standby player of the player is younger than it.
    """
    found: dict[str, int] = {}
    for number in sorted(_processes()):
        with suppress(OSError):
            parent = int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])
            command = " ".join(_command_of(number)) if parent == pid else ""
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


def _command_of(number: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_text().split("\0")
    return []


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208


class Inconclusive(AssertionError):
    """Another's program has failed, as it may: the attempt shows nothing of ours."""


def conclusive(
    attempt: Callable[["Server"], None], folder: Path, *, synchronous: bool = True, period: int = PERIOD
) -> None:
    """Make an attempt on a new JACK server; make another if it fails where the server was late, or died by itself."""
    for number in range(1, ATTEMPTS + 1):
        with Server(folder / str(number), synchronous=synchronous, period=period) as server:
            _disturbed[:] = [(server, number)]
            try:
                return attempt(server)
            except AssertionError as error:
                error.add_note(f"attempt {number}: {server.xruns} xruns{', jackd has died' if server.died else ''}")
                shows_nothing = server.disturbed or isinstance(error, Inconclusive)
                if not shows_nothing or number == ATTEMPTS:
                    raise
            finally:
                _disturbed.clear()
    raise AssertionError


@dataclass(frozen=True, slots=True)
class Event:
    """A MIDI message as a witness saw it; `frame` counts samples since the witness began."""

    frame: int
    message: tuple[int, ...]

    @property
    def channel(self) -> int:
        """As musicians count, from 1."""
        return (self.message[0] & 0x0F) + 1

    @property
    def pitch(self) -> int:
        return self.message[1]

    @property
    def is_onset(self) -> bool:
        return self.message[0] & 0xF0 == _NOTE_ON and self.message[2] > 0

    @property
    def is_end(self) -> bool:
        return self.message[0] & 0xF0 == _NOTE_OFF or (self.message[0] & 0xF0 == _NOTE_ON and self.message[2] == 0)


def sounding(events: Iterable[Event]) -> set[tuple[int, int]]:
    """The (channel, pitch) pairs that were begun and not ended by a message of their own."""
    notes: set[tuple[int, int]] = set()
    for event in events:
        if event.is_onset:
            notes.add((event.channel, event.pitch))
        elif event.is_end:
            notes.discard((event.channel, event.pitch))
    return notes


def unended(events: Iterable[Event]) -> list[Event]:
    """The onsets that have no end of their own: none at all, or one only after the pitch was struck again."""
    begun: dict[tuple[int, int], Event] = {}
    without: list[Event] = []
    for event in events:
        if event.is_onset:
            without += [begun[note]] if (note := (event.channel, event.pitch)) in begun else []
            begun[note] = event
        elif event.is_end:
            begun.pop((event.channel, event.pitch), None)
    return without + list(begun.values())


class Witness:
    """What `jack_midi_dump` says has arrived at its port."""

    _LINE = re.compile(r"^\s*(\d+):((?: [0-9a-f]{2})+)", re.MULTILINE)

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.port = f"{name}:input"
        self.log = program.log

    def heard(self) -> tuple[Event, ...]:
        """Everything until now."""
        return tuple(
            Event(int(frame), tuple(bytes.fromhex(message))) for frame, message in self._LINE.findall(self.program.out)
        )

    @property
    def onsets(self) -> list[Event]:
        """The notes that have begun until now."""
        return [event for event in self.heard() if event.is_onset]

    @property
    def latest_s(self) -> float:
        """When something arrived last, in seconds of the machine's clock (`time.time`)."""
        return self.log.stat().st_mtime


class Synth:
    """FluidSynth, playing two organs and the drums into a file instead of a loudspeaker."""

    def __init__(self, program: Program, path: Path) -> None:
        self._program = program
        self.path = path
        """Signed 16-bit samples, two channels in turn: a raw file needs no orderly end."""
        self.port = "synth:midi_00"

    @property
    def frames(self) -> int:
        """How far it has played, in frames of audio."""
        return self.path.stat().st_size // 4 if self.path.exists() else 0


class Server:
    """A JACK server of its own name, without a sound card, and all who play on it; a context that ends them.

    In its synchronous mode it loses nothing, but stalls for five seconds where a client is killed.
    In the other one clients can be killed, and on a busy machine it drops messages that they send.
    """

    def __init__(self, folder: Path, *, synchronous: bool = True, period: int = PERIOD) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = "improv-test"
        self._folder = folder
        self._synchronous = synchronous
        self._period = period
        self._number = 0
        self._jackd: Program | None = None
        self._expected = False
        """Return whether it is still running."""
        self._programs: list[Program] = []
        self._env = os.environ | {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }

    def __enter__(self) -> Self:
        """Start it, once no other test session has one: JACK gives the sockets of clients no server's name."""
        self._alone = _LOCK.open("w")
        fcntl.flock(self._alone, fcntl.LOCK_EX)
        commands = {number: _command_of(number) for number in _processes()}
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
            for program in self._programs:
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
        self._until(lambda: "system:playback_1" in self.ports(), "the JACK server")

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
        return bool(self.xruns or self.died or any(_FULL in program.err for program in self._programs))

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

    def witness(self, name: str = "witness") -> Witness:
        """A listener, connected to nothing yet."""
        program = self._started(name, "stdbuf", "-oL", "jack_midi_dump", "-a", name)
        witness = Witness(program, name)
        self._until(lambda: witness.port in self.ports(), name)
        return witness

    def synth(self) -> Synth:
        """A synth, connected to nothing yet."""
        setup, path = self._folder / "synth.cfg", self._folder / "synth.raw"
        setup.write_text(f"prog 0 {_ORGAN}\nprog 1 {_ORGAN}\n")
        settings = {
            "audio.file.name": path, "audio.file.type": "raw", "audio.file.format": "s16", "audio.period-size": 512,
            "midi.jack.id": "synth", "midi.autoconnect": 0,
            "synth.sample-rate": RATE_HZ, "synth.gain": 0.6, "synth.reverb.active": 0, "synth.chorus.active": 0,
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        command = ("fluidsynth", "-q", "-a", "file", "-m", "jack", "-f", str(setup), *options)
        synth = Synth(self._started("synth", *command, str(SOUNDFONT)), path)
        self._until(lambda: synth.port in self.ports() and synth.frames, "the synthesiser")
        return synth

    def caller(self, call: str, step_s: float, witness: Witness) -> Program:
        """A pianist who comes in on the first chord with a call, written as `notes_of` reads it."""
        program = self._started(CALLER, sys.executable, __file__, "caller", call, str(step_s), str(witness.log))
        self._until(lambda: f"{CALLER}:out" in self.ports(), CALLER)
        return program

    def keyboard(self, name: str = "keyboard") -> Keyboard:
        """A pianist who plays what they are told, connected to nothing yet."""
        keyboard = Keyboard(self._started(name, sys.executable, __file__, "keyboard", name), name)
        self._until(lambda: keyboard.port in self.ports(), name)
        return keyboard

    def improv(self, *arguments: str) -> Program:
        """Improv as a user starts it."""
        return self._started("improv", sys.executable, "-m", "improv", *arguments)

    def completed(self, line: str) -> list[str]:
        """What bash is offered for the last word of a line."""
        words = line.split(" ")
        asks = {"_IMPROV_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        settings = [f"{name}={value}" for name, value in asks.items()]
        program = self._started("bash", "env", *settings, sys.executable, "-m", "improv")
        assert program.ended() == 0, program.err
        return [word for word in program.out.split("\n") if word]

    def improv_in_terminal(self, *arguments: str) -> Terminal:
        """Improv as a musician starts it, in front of a terminal."""
        command = (sys.executable, "-m", "improv", *arguments)
        log = self._log("improv")
        terminal = Terminal(command, self._own_env(), log)
        self._programs.append(terminal)
        return terminal

    def ardour(self, script: str) -> Program:
        """Ardour without its window, running a script, at a home of its own."""
        home, path = self._folder / "home", self._folder / "script.lua"
        home.mkdir()
        path.write_text(script)
        places = [f"{name}={home}" for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")]
        return self._started("ardour", "env", *places, "ardour7-lua", str(path))

    def python(self, code: str) -> Program:
        """A piece of Python that knows of this server; its clients are left alone if they hang when they are closed."""
        return self._started("python", sys.executable, "-c", _LEAVES_HANGING + code)

    def _started(self, name: str, *command: str) -> Program:
        program = self._program(name, *command)
        self._programs.append(program)
        return program

    def _program(self, name: str, *command: str) -> Program:
        log = self._log(name)
        return Program(command, self._own_env(), log)

    def _own_env(self) -> dict[str, str]:
        """With an instance of its own for each, so that several can play side by side."""
        return self._env | {"IMPROV_INSTANCE": f"test-{self._number}"}

    def _log(self, name: str) -> Path:
        self._number += 1
        return self._folder / f"{self._number}-{name}"

    def _until(self, condition: Callable[[], object], what: str) -> None:
        try:
            eventually(condition, what)
        except AssertionError as error:
            error.add_note(f"jackd says:\n{self._says()}")
            raise


# --- the caller -------------------------------------------------------------------------------


_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def notes_of(call: str) -> list[tuple[int, int, int]]:
    """(first step, last step + 1, pitch) of each note of a melody in eighths; - holds a note, . is a rest."""
    notes: list[tuple[int, int, int]] = []
    for step, eighth in enumerate(call.split()):
        if eighth == "-":
            notes[-1] = (notes[-1][0], step + 1, notes[-1][2])
        elif eighth != ".":
            notes.append((step, step + 1, _NAMES.index(eighth[:-1]) + 12 * (int(eighth[-1]) + 1)))
    return notes


def _called(call: str, step_s: float, heard: Path) -> float:
    """Come in with a call when the first chord is heard, then listen until the input is closed.

    A caller with ears of its own would be two JACK clients in a process, which can stop jackd's
    synchronous mode for seconds; it listens with those of the witness who writes into `heard`.
    Returns the longest time this process was kept from running, in seconds: how badly the machine
    treats a program that wants a little of it each millisecond.
    """
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=CALLER)
    out.open_virtual_port("out")
    script = [(start * step_s, [_NOTE_ON, pitch, 100]) for start, _, pitch in notes_of(call)]
    script += [(end * step_s - _DETACHED_S, [_NOTE_OFF, pitch, 0]) for _, end, pitch in notes_of(call)]
    script.sort()
    begun_s, before_s, longest_s = math.inf, time.monotonic(), 0.0
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        now_s = time.monotonic()
        if begun_s == math.inf and _CHORD_ON.search(heard.read_text()):
            begun_s = now_s
        while script and begun_s + script[0][0] <= now_s:
            out.send_message(script.pop(0)[1])
        longest_s, before_s = max(longest_s, now_s - before_s), now_s
    return longest_s


# --- the keyboard -----------------------------------------------------------------------------


def _play_what_is_told(name: str) -> None:
    """Send the messages of each line of the input, and leave in order when it is closed."""
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    out.open_virtual_port("out")
    for line in sys.stdin:
        told = json.loads(line)
        due_s = time.monotonic()
        for message in told["messages"]:
            while time.monotonic() < due_s:
                time.sleep(0.0002)
            out.send_message(message)
            due_s += told["gap_s"]
        while told["gap_s"] and time.monotonic() < due_s:
            time.sleep(0.0002)
        sys.stdout.write("played\n")
        sys.stdout.flush()
    out.close_port()
    out.delete()


if __name__ == "__main__":
    if sys.argv[1] == "keyboard":
        _play_what_is_told(sys.argv[2])
    else:
        stall_s = _called(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
        sys.stdout.write(json.dumps({"longest_stall_s": stall_s}))
