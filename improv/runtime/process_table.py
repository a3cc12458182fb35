"""The table of the processes that a jam consists of besides the daemon.

Each row says what runs, how long it may be silent, and when another one follows. What it is sent and what follows
from its messages is in the modules that look after it: `supervised_player`, `supervised_engine` and `model_swap`.
"""

from math import inf

from improv.protocol.controls import SWING, TEMPO
from improv.runtime import programs
from improv.runtime.managed_process import ProcessRow

_LIVES_S = 1.0
"""How long what owns MIDI ports may be silent: it sends that it lives five times a second. A call to a dead JACK server
never returns."""

_SLOWEST_STEP_S = 60 / TEMPO.low * SWING.high
"""An engine reports each step."""

_PORTS_CLOSED_S = 6.0
"""How long closing ports may take: a client of a JACK server that is killed holds all others up meanwhile, and what
they send is lost. Such a process sees to it by itself that it has ended before."""

PLAYER = ProcessRow("player", programs.PLAYER, silent_s=_LIVES_S, again_s=0.0, retry_s=0.5, closing_s=_PORTS_CLOSED_S)
STANDBY = ProcessRow("standby player", programs.PLAYER, starting_s=inf, again_s=5.0, closing_s=_PORTS_CLOSED_S)
PORT_HOST = ProcessRow("port host", programs.PORT_HOST, silent_s=_LIVES_S, closing_s=_PORTS_CLOSED_S)
SYNTH = ProcessRow("synth", programs.SYNTH, silent_s=3.0, again_s=0.1, retry_s=2.0, closing_s=1.0)
"""It opens and closes audio devices, which may take a while, or never return; at its end it fades out first."""
ENGINE = ProcessRow("engine", programs.ENGINE, silent_s=_SLOWEST_STEP_S + 1.0, again_s=0.0)
NEXT_ENGINE = ProcessRow("engine with another network", programs.ENGINE)
