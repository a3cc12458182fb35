"""A JACK server of the tests' own, and who plays on it: callers, improv, witnesses, a synthesiser.

Each is a process of its own and talks MIDI through the server, as on a musician's machine. The
witnesses are other people's programs (`jack_midi_dump`, FluidSynth): our sender is never judged by
our own receiver.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.ports import pianists
from tests.ports.clients import Keyboard, Synth, Witness
from tests.ports.jackd import PERIOD, RATE_HZ, JackServer
from tests.ports.patience import ATTEMPTS, Inconclusive, attempted
from tests.ports.pianists import CALLER
from tests.ports.programs import Program, Terminal

PIANISTS = Path(pianists.__file__)

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
PROGRAMS = ("jackd", "jack_lsp", "jack_connect", "jack_midi_dump", "stdbuf", "setsid", "fluidsynth")

IMPROV_OUT = "improv-out:improv out"
IMPROV_IN = "improv-in:improv in"
IMPROV_THRU = "improv-thru:improv thru"

_ORGAN = 19
"""The church organ sounds as long as its key is down; a piano's decay would hide a note that hangs."""

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


def missing() -> list[str]:
    """What these tests need and the machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name) is None] + ([] if SOUNDFONT.exists() else [SOUNDFONT.name])


def conclusive(
    attempt: Callable[["Server"], None], folder: Path, *, synchronous: bool = True, period: int = PERIOD
) -> None:
    """Make an attempt on a new JACK server; make another if it fails where the server was late, or died by itself."""
    for number in range(1, ATTEMPTS + 1):
        with Server(folder / str(number), synchronous=synchronous, period=period) as server:
            attempted[:] = [(server, number)]
            try:
                return attempt(server)
            except AssertionError as error:
                error.add_note(f"attempt {number}: {server.xruns} xruns{', jackd has died' if server.died else ''}")
                shows_nothing = server.disturbed or isinstance(error, Inconclusive)
                if not shows_nothing or number == ATTEMPTS:
                    raise
            finally:
                attempted.clear()
    raise AssertionError


class Server(JackServer):
    """A JACK server without a sound card, and all who play on it; a context that ends them."""

    def witness(self, name: str = "witness") -> Witness:
        """A listener, connected to nothing yet."""
        program = self.started(name, "stdbuf", "-oL", "jack_midi_dump", "-a", name)
        witness = Witness(program, name)
        self.until(lambda: witness.port in self.ports(), name)
        return witness

    def synth(self) -> Synth:
        """A synth, connected to nothing yet."""
        setup, path = self.folder / "synth.cfg", self.folder / "synth.raw"
        setup.write_text(f"prog 0 {_ORGAN}\nprog 1 {_ORGAN}\n")
        settings = {
            "audio.file.name": path, "audio.file.type": "raw", "audio.file.format": "s16", "audio.period-size": 512,
            "midi.jack.id": "synth", "midi.autoconnect": 0,
            "synth.sample-rate": RATE_HZ, "synth.gain": 0.6, "synth.reverb.active": 0, "synth.chorus.active": 0,
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        command = ("fluidsynth", "-q", "-a", "file", "-m", "jack", "-f", str(setup), *options)
        synth = Synth(self.started("synth", *command, str(SOUNDFONT)), path)
        self.until(lambda: synth.port in self.ports() and synth.frames, "the synthesiser")
        return synth

    def caller(self, call: str, step_s: float, witness: Witness) -> Program:
        """A pianist who comes in on the first chord with a call, written as `notes_of` reads it."""
        program = self.started(CALLER, sys.executable, str(PIANISTS), "caller", call, str(step_s), str(witness.log))
        self.until(lambda: f"{CALLER}:out" in self.ports(), CALLER)
        return program

    def keyboard(self, name: str = "keyboard") -> Keyboard:
        """A pianist who plays what they are told, connected to nothing yet."""
        keyboard = Keyboard(self.started(name, sys.executable, str(PIANISTS), "keyboard", name), name)
        self.until(lambda: keyboard.port in self.ports(), name)
        return keyboard

    def improv(self, *arguments: str) -> Program:
        """Improv as a user starts it."""
        return self.started("improv", sys.executable, "-m", "improv", *arguments)

    def completed(self, line: str) -> list[str]:
        """What bash is offered for the last word of a line."""
        words = line.split(" ")
        asks = {"_IMPROV_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        settings = [f"{name}={value}" for name, value in asks.items()]
        program = self.started("bash", "env", *settings, sys.executable, "-m", "improv")
        assert program.ended() == 0, program.err
        return [word for word in program.out.split("\n") if word]

    def improv_in_terminal(self, *arguments: str) -> Terminal:
        """Improv as a musician starts it, in front of a terminal."""
        command = (sys.executable, "-m", "improv", *arguments)
        log = self.new_log("improv")
        terminal = Terminal(command, self.own_env(), log)
        self.programs.append(terminal)
        return terminal

    def ardour(self, script: str) -> Program:
        """Ardour without its window, running a script, at a home of its own."""
        home, path = self.folder / "home", self.folder / "script.lua"
        home.mkdir()
        path.write_text(script)
        places = [f"{name}={home}" for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")]
        return self.started("ardour", "env", *places, "ardour7-lua", str(path))

    def python(self, code: str) -> Program:
        """A piece of Python that knows of this server; its clients are left alone if they hang when they are closed."""
        return self.started("python", sys.executable, "-c", _LEAVES_HANGING + code)
