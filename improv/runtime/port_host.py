"""The port host: the process that owns the clients of a JACK server for the player, and survives it.

It knows no time and decides nothing: it sends what the player hands it at once, and hands on what arrives. When the
player dies it ends what that one has left sounding and keeps the ports and their cables for the next one. When the
daemon is gone too it closes its clients and ends. It must never import what is slow, and never write a file.
"""

import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from improv.ipc.link import Join, Link, serve
from improv.midi.hosted_clients import Answer, Call, Came, Keep, Make, Refused, Send, State, Welcome
from improv.midi.messages import NOTE_ON, silencing
from improv.midi.note_ledger import Ledger
from improv.midi.ports import JACK_DRAIN_S, SOUNDS, Burst
from improv.midi.rtmidi_binding import rtmidi
from improv.midi.server_watch import Server, jack_connections
from improv.midi.stderr_monitor import StderrMonitor
from improv.midi.systems import new_client
from improv.runtime.ipc_messages import Alive, HeldConnections
from improv.runtime.scheduling import postpone_kill, request_realtime
from improv.system.garbage import keep_garbage

_POLL_S, _ALIVE_S = 0.001, 0.2
"""How often RtMidi is asked for what has arrived, and `Alive` is sent to the daemon."""

_LATE_S = 0.1
"""An onset that has waited for so long is not sent: an eighth at the quickest tempo."""

_STUCK_S = 20.0
"""A call to a server may take so long; after it the system ends this process."""

_MESSAGES_A_POLL = 64


class _Client:
    """A client of RtMidi's, with its connection to the server, and a ledger of what it has begun."""

    def __init__(self, midi: Any, connection: frozenset[int]) -> None:
        self.midi = midi
        self.connection = connection
        """The descriptor through which it asks the JACK server."""
        self.kept: Any = None
        self.ledger = Ledger()
        """What was begun through it and not ended."""
        self.burst = Burst()
        self.hears = hasattr(midi, "get_message")

    def send(self, message: bytes) -> None:
        """Send a message at once, or as soon as there is room."""
        self.ledger.enter(message)
        self.burst.wait_for_room()
        self.midi.send_message(message)

    def silence(self) -> None:
        """End what was begun, and what else may sound on any channel."""
        for message in (*self.ledger.ends(), *silencing(range(16))):
            self.send(message)
        self.ledger.clear()


class PortHost:
    """Holds JACK clients for one player after the other, until the daemon and the last player are gone."""

    def __init__(
        self, daemon: Link, make: Callable[[str, str], Any] = new_client, *, server: Server, stderr: StderrMonitor
    ) -> None:
        self._daemon, self._make = daemon, make
        self._server, self._stderr = server, stderr
        self._player: Link | None = None
        self._clients: dict[str, _Client] = {}
        self._late = 0
        self._unheld = False
        """Whether the daemon has to be sent the connections to hold."""
        self._state = State()
        self._alive_s = 0.0

    def run(self) -> None:
        """Serve until the daemon and the last player have ended."""
        while not (self._daemon.closed and self._player is None):
            links = [link for link in (self._daemon, self._player) if link is not None and not link.closed]
            hears = any(client.hears for client in self._clients.values())
            select.select(links, [link for link in links if link.waits], (), _POLL_S if hears else _ALIVE_S)
            self.step(time.monotonic())
        self._close()

    def step(self, now_s: float) -> None:
        """Handle arrived messages and MIDI. Returns at once, unless the MIDI server is called."""
        if not self._daemon.closed:
            for said in self._daemon.receive():
                if isinstance(said, Join):
                    self._leave_player()
                    self._welcome(self._daemon.joined_link(said))
        if self._player is not None:
            for said in self._player.receive():
                self._do(said)
            if self._player.closed:
                self._leave_player()
        self._pass_on_arrived()
        if self._unheld and not self._daemon.waits:
            self._have_silent_held()
        if now_s >= self._alive_s:
            self._alive_s = now_s + _ALIVE_S
            postpone_kill(_STUCK_S)
            self._daemon.send(Alive(server_gone=self._server.gone))
            self._send_state()

    # --- the player -----------------------------------------------------------------------------

    def _welcome(self, player: Link) -> None:
        self._player, self._state = player, State()
        player.send(Welcome({role: client.kept for role, client in self._clients.items() if client.kept is not None}))

    def _leave_player(self) -> None:
        """End at once what a player that is gone has left sounding."""
        player, self._player = self._player, None
        if player is None:
            return
        for said in player.receive():  # another one may have been introduced before its death was noticed
            self._do(said)
        player.close()
        self._silence()

    def _silence(self) -> None:
        for role in SOUNDS:
            if role in self._clients and not self._server.gone:
                with suppress(rtmidi.RtMidiError, OSError):  # there is no port, and so nothing sounds
                    self._clients[role].silence()

    def _do(self, said: object) -> None:
        match said:
            case Send():
                self._send(said)
            case Make(number, role, api):
                self._answer(number, lambda: self._new(role, api))
            case Call(number, role, "delete"):
                self._answer(number, lambda: self._delete(role))
            case Call(number):
                self._answer(number, lambda: self._call(said))
            case Keep(role, value):
                self._clients[role].kept = value
            case _:
                raise AssertionError(said)

    def _send(self, asked: Send) -> None:
        client, message = self._clients.get(asked.role), asked.message
        if client is None:
            return
        if message[0] & 0xF0 == NOTE_ON and message[-1] and time.monotonic() - asked.sent_s > _LATE_S:
            self._late += 1
            return
        try:
            client.send(message)
        except (rtmidi.RtMidiError, OSError, ValueError) as error:
            if self._player is not None:
                self._player.send(Refused(asked.role, str(error)))

    def _answer(self, number: int, call: Callable[[], Any]) -> None:
        """Make a call to the MIDI server, which may take its time, and send what it returns or raises."""
        answer = Answer(number)
        self._daemon.send(Alive(waits_for_server=True))
        try:
            answer = Answer(number, call())
        except (rtmidi.RtMidiError, OSError, ValueError, NotImplementedError) as error:
            answer = Answer(number, error=error)
        self._daemon.send(Alive(server_gone=self._server.gone))
        if self._player is not None:
            self._player.send(answer)

    # --- the clients ----------------------------------------------------------------------------

    def _new(self, role: str, api: str) -> None:
        self._delete(role)
        before = jack_connections()
        with self._server.opening():
            midi = self._make(role, api)
        self._clients[role] = _Client(midi, jack_connections() - before)
        self._unheld = True

    def _call(self, asked: Call) -> Any:
        client = self._clients.get(asked.role)
        if client is None:
            raise rtmidi.InvalidUseError(f"there is no client {asked.role!r}")
        value = getattr(client.midi, asked.method)(*asked.arguments, **dict(asked.options))
        return None if value is client.midi else value

    def _delete(self, role: str) -> None:
        client = self._clients.pop(role, None)
        if client is not None:
            with self._server.opening():
                client.midi.delete()
            self._unheld = True

    def _have_silent_held(self) -> None:
        """Have the daemon hold the connections of clients that cannot sound: the server removes the others first."""
        sounds = [client.connection for role, client in self._clients.items() if role in SOUNDS]
        silent = sorted(jack_connections().difference(*sounds))
        self._unheld = not self._daemon.send_with_sockets(HeldConnections(len(silent)), silent) and bool(silent)

    def _pass_on_arrived(self) -> None:
        """Send the player what has arrived; it is lost where there is no player."""
        for role, client in self._clients.items():
            messages: list[list[int]] = []
            while client.hears and len(messages) < _MESSAGES_A_POLL and (got := client.midi.get_message()) is not None:
                messages.append(got[0])
            if messages and self._player is not None:
                self._player.send(Came(role, messages))

    def _close(self) -> None:
        """Close the clients in order: a JACK server makes all others wait for one that dies without.

        They are those of a player that has died: what it has left is silenced once more first, for a server that is
        late drops what was sent in that period.
        """
        for again in (True, False) if self._clients and not self._server.gone else ():
            time.sleep(JACK_DRAIN_S)
            if again:
                self._silence()
        for client in self._clients.values() if not self._server.gone else ():
            client.midi.close_port()
            client.midi.delete()
        self._clients.clear()

    def _send_state(self) -> None:
        if self._player is None:
            return
        warnings = tuple(self._stderr.read())
        state = State(self._stderr.overflows, self._late, warnings, self._server.gone)
        if state != self._state:
            self._state = state
            self._player.send(state)


def main() -> None:
    """Run the port host, as a child of the daemon."""
    serve(_host)


def _host(daemon: Link) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends after the player, who may be told to end at this moment
    stderr = StderrMonitor()
    request_realtime()
    keep_garbage()
    PortHost(daemon, server=Server(), stderr=stderr).run()
