"""MIDI inputs and outputs: messages from a followed port, and messages to one.

Nothing above `systems`, `own_port` and this module knows rtmidi. A dead JACK server may block a sender for ever; it is
known by its hung-up socket (`improv.midi.server_watch`).
"""

import time
from math import inf
from types import TracebackType

from improv.midi.followed_port import FollowedPort
from improv.midi.graph import Graph, pass_on
from improv.midi.messages import NOTE_ON, silencing
from improv.midi.own_port import Host
from improv.midi.parser import Gone, Incoming, MessageStream
from improv.midi.port_names import Direction
from improv.midi.rtmidi_binding import rtmidi
from improv.midi.systems import Role

_POLL_S = 0.001
"""How often an input is polled."""

_MESSAGES_A_POLL = 32
"""So that passing them on keeps no deadline waiting for long."""

_ALL_CHANNELS = range(16)

SOUNDS = ("out", "thru")
"""The roles of clients that may leave something sounding."""

_JACK_BURST, _JACK_EACH_S = 16, 6e-5
"""A JACK port holds four bytes a frame, some 19 messages a millisecond, and RtMidi drops what finds no room."""

JACK_DRAIN_S, _JACK_STANDS_S = 0.05, 4.0
"""What is sent last is lost if the JACK port closes before those who hear it have had their turn: so long at least, and
that long at most, where the server stands still."""

_STALL_S, _STALL_PERIODS = 0.05, 4
"""A JACK server that begins no period for so long stands still: in its synchronous mode it waits for the dead."""


class Burst:
    """The room that a JACK port has for more messages."""

    def __init__(self) -> None:
        self._room_s = -inf

    def wait_for_room(self) -> None:
        """Wait until the system can take one more message, some tens of microseconds at most."""
        now_s = time.monotonic()
        self._room_s = max(self._room_s, now_s - _JACK_BURST * _JACK_EACH_S) + _JACK_EACH_S
        if self._room_s > now_s:
            time.sleep(self._room_s - now_s)


class InputPort(FollowedPort):
    """Messages from a MIDI input, whole and stamped when they are taken from the driver."""

    direction: Direction = "input"

    def __init__(
        self,
        wanted: str | None,
        api: str,
        *,
        graph: Graph | None = None,
        patient: bool = False,
        host: Host | None = None,
    ) -> None:
        self.stream = MessageStream()
        self._gone = self._more = False
        super().__init__("in", wanted, api, graph=graph, patient=patient, host=host)

    def poll(self, now_s: float) -> list[Incoming | Gone]:
        """Return the messages that have arrived, stamped with `now_s` in seconds of the clock."""
        arrived: list[Incoming | Gone] = []
        client = self._cable.own.client
        self._more = client is not None
        for _ in range(_MESSAGES_A_POLL if self._more else 0):
            data = client.get_message()
            if data is None:
                self._more = False
                break
            arrived += [Incoming(now_s, message) for message in self.stream.feed(data[0])]
        if self._gone and not self._more:  # after what it has sent last
            self._gone = False
            self.stream.reset()
            arrived.append(Gone(now_s))
        return arrived

    def next_poll_s(self, now_s: float) -> float:
        """Return when to poll next: in 1 ms, now if there is more, or never where a port host notifies."""
        if self._more:
            return now_s
        return inf if self._cable.own.hosted else now_s + _POLL_S

    def _on_leaving(self) -> None:
        self._on_lost()

    def _on_lost(self) -> None:
        self._gone = True


class OutputPort(FollowedPort):
    """Messages to a MIDI output."""

    def __init__(
        self,
        wanted: str | None,
        api: str,
        role: Role = "out",
        *,
        graph: Graph | None = None,
        patient: bool = False,
        host: Host | None = None,
    ) -> None:
        super().__init__(role, wanted, api, graph=graph, patient=patient, host=host)
        self._jack = api == "jack"
        self._burst = Burst()
        self._channels: set[int] = set()
        """Those that a note was begun on."""
        self._cycle: int | None = None
        self._cycled_s = -inf

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._on_leaving()
        super().__exit__(kind, error, trace)

    def stalled(self) -> bool:
        """Return whether the MIDI system passes nothing on: messages sent now would come late, all at once."""
        graph = self._cable.own.graph
        cycle = graph.cycle if graph is not None and self._cable.own.open else None
        now_s = time.monotonic()
        if graph is None or cycle is None or cycle != self._cycle:
            self._cycle, self._cycled_s = cycle, now_s
            return False
        return now_s - self._cycled_s > max(_STALL_S, _STALL_PERIODS * graph.period_s)

    def send(self, message: bytes) -> None:
        """Send a message now; drop it while there is no port. A refused message sets `fault`."""
        if not self._cable.own.open:
            return
        if self._jack:
            self._burst.wait_for_room()
        try:
            if message[0] & 0xF0 == NOTE_ON:
                self._channels.add(message[0] & 0x0F)
            self._cable.own.client.send_message(message)
        except (rtmidi.RtMidiError, OSError, ValueError) as error:
            self._cable.fault = f"the MIDI system does not take what is sent: {error}"
        else:
            self._cable.fault = ""

    def silence(self) -> None:
        """End whatever sounds at the other end, by an earlier player too."""
        for message in silencing(_ALL_CHANNELS):
            self.send(message)

    def _on_leaving(self) -> None:
        if self._jack and self._cable.own.open:  # what was sent last is still on its way
            time.sleep(JACK_DRAIN_S)
            pass_on(self._cable.own.graph, within_s=_JACK_STANDS_S)
            if self.role in SOUNDS:  # a server that is late drops what was sent in that period
                for message in silencing(sorted(self._channels)):
                    self.send(message)
                pass_on(self._cable.own.graph)

    def _on_back(self) -> None:
        self.silence()
