"""The standby player: connected to all that the playing one is connected to, to silence it when that one dies.

A JACK server keeps a client that was killed in its graph for a moment, half a second for each that it finds dead with
it: meanwhile what others send to the ports behind it is lost, and no client can be opened. So this one is open before,
and it sends silence until that is sure to have arrived: again and again, and once more when the dead one's ports are
out of the graph. It must never send anything before it is told to take over.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from improv.errors import ImprovError
from improv.midi.graph import Graph, pass_on
from improv.midi.ports import OutputPort
from improv.protocol.commands import Quit
from improv.runtime.ipc_messages import StandBy, TakeOver

_SOUNDS = ("output", "thru")
"""The roles of ports that may have left something sounding."""

_AGAIN_S, _CLEARED_S = 0.05, 20.0
"""How often silence is sent while it may be lost, and how long at most a dead player is waited for."""


class Reach:
    """An output, connected to all that a player's outputs are connected to. A context.

    Where the MIDI system does not tell of connections, it is connected to the named output, if there is one.
    """

    def __init__(self, api: str, graph: Graph | None, left: Callable[[], Sequence[bytes]] = tuple) -> None:
        self._api, self._graph, self._left = api, graph, left
        self._port: OutputPort | None = None
        self._peers: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def follow(self, asked: StandBy | TakeOver) -> None:
        """Connect to what the player's outputs are connected to, and to nothing else. Unavailable if that fails."""
        peers = frozenset(peer for port in asked.ports if port.role in _SOUNDS for peer in port.peers or ())
        if self._graph is None:
            peers = frozenset(filter(None, (asked.wiring.output,)))
        if self._port is None or self._peers - peers:  # a cable was pulled: ours too
            self._close()
            wanted = asked.wiring.output if self._graph is None else None
            if self._graph is not None or wanted is not None:
                self._port = OutputPort(wanted, self._api, "standby", graph=self._graph, patient=True)
        self._peers = peers
        self._plug_in()

    def silence(self, dead: Collection[str], goes_on: Callable[[], bool]) -> None:
        """Send silence until it has certainly arrived: until the `dead` outputs are out of the graph."""
        for _ in self._while_there(dead, goes_on):
            self._send()
        for _ in range(2):
            self._send()
            pass_on(self._graph)

    def wait(self, dead: Collection[str], goes_on: Callable[[], bool]) -> None:
        """Wait until the `dead` ports are out of the graph, and silence outputs that could not be reached before.

        Returns at once when `goes_on` is False: no player is wanted any more.
        """
        for wanted in self._while_there(dead, goes_on):
            if not wanted:
                return
        self._plug_in()
        self._send()
        pass_on(self._graph)

    def _while_there(self, dead: Collection[str], goes_on: Callable[[], bool]) -> Iterator[bool]:
        """Yield what `goes_on` returns, every 50 ms while any of these ports is in the graph, at most for 20 s."""
        deadline_s = time.monotonic() + _CLEARED_S
        while self._graph is not None and time.monotonic() < deadline_s:
            wanted = goes_on()
            if not set(dead).intersection(self._graph.ports()):
                return
            yield wanted
            time.sleep(_AGAIN_S)
            pass_on(self._graph, 1)  # what a system that stands still does not take would only pile up

    def _send(self) -> None:
        if self._port is not None:
            self._port.silence()
            for message in self._left():
                self._port.send(message)

    def _plug_in(self) -> None:
        if self._graph is None:
            if self._port is not None:
                self._port.follow()
            return
        own = self._port.own if self._port is not None else ""
        for peer in self._peers.difference(self._graph.peers(own) or ()) if own else ():
            with suppress(ImprovError):  # it is gone: then nothing sounds there, or it is tried again
                self._graph.connect(own, peer)

    def _close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with port:
                pass


def stand_by(
    asked: StandBy | TakeOver,
    wait: Callable[[], StandBy | TakeOver | Quit | None],
    graph: Graph | None,
    silenced: Callable[[], None],
    goes_on: Callable[[], bool],
    left: Callable[[], Sequence[bytes]] = tuple,
) -> TakeOver | None:
    """Wait for this player's turn, silence what the earlier player has left, and return the order to take over.

    None where it is told to quit, or the daemon is gone: then all may have died at once, and it silences as well.

    `wait` returns the next order. `silenced` is called when all is silent. `goes_on` is called as long as it takes, and
    returns whether a player is still wanted. `left` returns the messages that end the notes left sounding.
    """
    with Reach(asked.wiring.api or "", graph, left) as reach:
        now: StandBy | TakeOver | Quit | None = asked
        while isinstance(now, StandBy):
            reach.follow(now)
            asked, now = now, wait()
        if isinstance(now, Quit):
            return None
        take_over = now or TakeOver(asked.wiring, asked.ports, asked.own)
        if not take_over.kept:
            reach.follow(take_over)
            reach.silence([name for role, name in take_over.own if role in _SOUNDS], goes_on)
            silenced()
            reach.wait([name for _, name in take_over.own], goes_on)
        return now
