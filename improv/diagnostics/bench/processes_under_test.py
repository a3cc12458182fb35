"""The player, its port host and the engine in processes of their own, started and introduced as the supervisor does it.

Here the benchmark takes the place of the other one, or of the daemon. It must never do anything to
either that the supervisor does not do.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from improv.config.values import Tune, Wiring
from improv.errors import Unavailable
from improv.ipc.child import Child, introduce
from improv.ipc.launch import Program
from improv.ipc.link import Failed, Link
from improv.runtime.ipc_messages import Opened, Prepare, Prepared
from improv.runtime.process_table import ENGINE, PLAYER, PORT_HOST

_STARTING_S = 30.0
_FAREWELL_S = 3.0

Said = TypeVar("Said")


@contextmanager
def player(wiring: Wiring, program: Program = PLAYER.program) -> Iterator[tuple[Child, Opened]]:
    """Start a player process and open its ports; yield both. Unavailable if the ports cannot be opened."""
    with ExitStack() as stack:
        host = Child(PORT_HOST.program) if wiring.api == "jack" else None
        child = Child(program)
        if host is not None:
            stack.callback(host.end, _FAREWELL_S)
            introduce(child, host)
        stack.callback(child.end, _FAREWELL_S)  # a client of JACK that is killed holds all others up
        child.link.send(wiring)
        yield child, said_by(child, Opened)


@contextmanager
def engine(tune: Tune) -> Iterator[Child]:
    """Start an engine process that has loaded a tune's network and waits for the order to begin."""
    with Child(ENGINE.program) as child:
        child.link.send(Prepare(tune))
        said_by(child, Prepared)
        yield child


def peer_link(child: Child) -> Link:
    """Return this end of a new link whose other end the child uses as its player, or its engine."""
    one, other = socket.socketpair()
    child.link.join(one, child.pid)
    return Link(other)


def said_by(child: Child, kind: type[Said], within_s: float = _STARTING_S) -> Said:
    """Return the first message of a type that a child sends; Unavailable if it fails or is silent for `within_s`."""
    deadline_s = time.monotonic() + within_s
    while (left_s := deadline_s - time.monotonic()) > 0 and not child.gone:
        select.select([child.link], (), (), left_s)
        for message in child.link.receive():
            if isinstance(message, kind):
                return message
            if isinstance(message, Failed):
                raise Unavailable(message.message)
    raise Unavailable(f"a process of ours {'has ended' if child.gone else f'says nothing for {within_s:g} s'}")
