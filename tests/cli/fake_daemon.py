"""A small program in the place of `improv daemon run`, and the command line that steers it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.testing import CliRunner

from improv.cli import daemon
from improv.errors import ImprovError
from improv.music.notes import Cell
from improv.music.theory import Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import Settings
from improv.protocol.snapshot import Harmony, NetworkStatus, Snapshot, StepHealth, SystemStatus

FAKE = '''
"""In the place of `improv daemon run`: it holds the instance and answers, and obeys as far as its manner lets it."""
import os, signal, sys
from select import select
from improv.config.instance import Instance
from improv.control.socket_server import ControlServer
from improv.protocol.commands import Quit
from tests.cli.fake_daemon import SEEN

manner, name = sys.argv[1], sys.argv[2].partition("=")[2]
if manner == "refuses":
    sys.exit("some library has something to say\\nimprov: no MIDI output 'Synth'; the outputs are: none\\n")
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
asked = []

def ask(command):
    asked.append(command)
    with open(sys.argv[3], "a") as heard:
        heard.write(f"{command}\\n")
    return ""

here = Instance(name)
unit = os.environ.get("UNIT", "").split()
with here.claimed(sys.argv[4:], unit), ControlServer(here.socket, here.name, ask) as server:
    server.show(SEEN)
    while manner != "obeys" or Quit() not in asked:
        select(server.readables(), [], [], 0.05)
        server.poll()
'''
"""obeys, deaf (to what it is asked), stubborn (to SIGTERM too), refuses (to start)."""

SEEN = Snapshot(
    step=13,
    place=Place(1, 2, 3),
    turn=Turn(Who.IMPROV, 8, 16),
    beats_left=1.5,
    playing=True,
    harmony=Harmony(chord=None, next_chord=None),
    heard=Cell(),
    played=Cell(),
    tempo=132.5,
    swing=0.5,
    settings=Settings(mode=Mode.TRADE),
    health=StepHealth(missed_steps=0, faults=0, fault=""),
    system=SystemStatus(description="jack: plays to Synth", network=NetworkStatus(model="echo")),
)
"""What the program tells of itself."""

IMPROV = typer.Typer()
IMPROV.add_typer(daemon.app, name="daemon")
IMPROV.command()(daemon.panic)


@dataclass(frozen=True)
class World:
    """Where the command line is tried: what it starts, and what that was asked."""

    folder: Path
    manner: list[str]
    spawned: list["subprocess.Popen[bytes]"]
    arguments: list[list[str]]

    @property
    def heard(self) -> str:
        """What the program was asked, a line each."""
        path = self.folder / "heard"
        return path.read_text() if path.exists() else ""


def improv(line: str) -> tuple[int, str]:
    """Run a command: its status, and what it said; what it raises is the status of that."""
    result = CliRunner().invoke(IMPROV, line.split())
    if isinstance(result.exception, ImprovError):
        return result.exception.exit_status, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output
