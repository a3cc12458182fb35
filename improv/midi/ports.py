"""MIDI ports through rtmidi: finding them, opening them, keeping them.

rtmidi is polled and never calls back: its callback runs inside the JACK process cycle and loses
messages when Python is busy. Nothing above this room knows rtmidi. On Linux no port ever says that
it has gone, so the cables are looked at, in the graph of the MIDI system (`improv.midi.graph`), and
where there is none the list of ports; a dead JACK server is known by its hung-up socket. That a port
is connected is never concluded from a call that returned: RtMidi does not tell when it is not.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Protocol, Self

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.midi.graph import Graph, pass_on
from improv.midi.messages import NOTE_ON, silencing
from improv.midi.parser import Gone, Incoming, MessageStream
from improv.midi.port_names import is_ours, match_port, same_port
from improv.midi.rtmidi_binding import limits, ports_of, rtmidi
from improv.protocol.snapshot import PortStatus

APIS = MappingProxyType(
    {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "coremidi": rtmidi.API_MACOSX_CORE,
        "windows": rtmidi.API_WINDOWS_MM,
    }
)

CLIENT = "improv"
"""Our ports belong to clients of this name, so that they are never taken for somebody else's."""

QUEUE_LIMIT = 1 << 14
"""Messages that the driver keeps for us; it takes memory for each place of the queue when that is first used."""

_POLL_S, _APPEARS_S = 0.001, 0.5
"""How often what may have come is looked for, and how long a cable that was just plugged may take to be seen."""

_MESSAGES_A_POLL = 32
"""So that passing them on keeps no deadline waiting for long."""
_ALL_CHANNELS = range(16)
_NAMES_KEPT = 8

SOUNDS = ("out", "thru")
"""The roles of clients that may leave something sounding."""

_JACK_BURST, _JACK_EACH_S = 16, 6e-5
"""A JACK port holds four bytes a frame, some 19 messages a millisecond, and RtMidi drops what finds no room."""

JACK_DRAIN_S, _JACK_STANDS_S = 0.05, 4.0
"""What is sent last is lost if the JACK port closes before those who hear it have had their turn: so long at least, and
that long at most, where the server stands still."""

_STALL_S, _STALL_PERIODS = 0.05, 4
"""A JACK server that begins no period for so long stands still: in its synchronous mode it waits for the dead."""

Direction = Literal["input", "output"]
Role = Literal["in", "out", "thru", "lights", "standby", "list", "watch"]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what C libraries print about servers they cannot reach off the screen."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def new_client(role: str, api: str) -> Any:
    """An rtmidi client of ours, for a `Role`; rtmidi.SystemError where the MIDI system cannot be reached."""
    name = f"{CLIENT}-{role}"
    with quiet():
        if role in ("in", "list"):
            return rtmidi.MidiIn(APIS[api], name=name, queue_size_limit=QUEUE_LIMIT)
        return rtmidi.MidiOut(APIS[api], name=name)


def reachable_api(wanted: str | None = None) -> str:
    """The MIDI system to use, the first that answers; Unavailable if none does."""
    if wanted is not None and wanted not in APIS:
        raise UsageError(f"no MIDI system {wanted!r}; choose from {', '.join([*APIS, 'none'])}")
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # asking must not start a server
    compiled = rtmidi.get_compiled_api()
    built = [name for name, number in APIS.items() if number in compiled]
    tried = [name for name in built if wanted in (None, name)]
    if wanted is not None and not tried:
        raise Unavailable(f"{wanted} is no MIDI system of this machine; choose from {', '.join(built)}")
    for name in tried:
        try:
            new_client("out", name).delete()
        except rtmidi.SystemError:
            continue
        return name
    unable = f". {limits()}" if limits() else ""
    raise Unavailable(
        f"no MIDI system answers (tried {', '.join(tried) or 'none'}); start one, or plug an interface in{unable}"
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process has to know of a port that another one has opened before it."""

    virtual: bool
    ours: str
    """What the MIDI system calls it."""
    names: tuple[str, ...]
    """What the other end was called, the last name last: it may have been renamed."""
    owner: str
    """Which run of which program it belonged to when it was connected."""


class Host(Protocol):
    """A process that holds rtmidi's clients for this one, and survives it."""

    def adopted(self, role: str) -> Any | None:
        """The client that an earlier process has left with a port open, once; None if there is none."""
        ...

    def made(self, role: str) -> Any:
        """A new client; rtmidi.SystemError where the MIDI system cannot be reached."""
        ...


class Burst:
    """How many messages a JACK port still has room for."""

    def __init__(self) -> None:
        self._room_s = -inf

    def wait_for_room(self) -> None:
        """Wait until one more message may be sent, some tens of microseconds at most."""
        now_s = time.monotonic()
        self._room_s = max(self._room_s, now_s - _JACK_BURST * _JACK_EACH_S) + _JACK_EACH_S
        if self._room_s > now_s:
            time.sleep(self._room_s - now_s)


class PortLists:
    """The ports of others that can be opened; one client that lives as long as it is asked. A context."""

    def __init__(self, api: str) -> None:
        self._clients = {"input": new_client("list", api), "output": new_client("watch", api)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.delete()

    def names(self, direction: Direction) -> list[str]:
        """The names, in the system's order; ours are left out."""
        return [name for name in ports_of(self._clients[direction]) if not is_ours(name)]


class _Port:
    """An open port of ours: connected to somebody's by name, or a virtual one others connect to.

    Whenever it becomes another, rtmidi's object is a new one: one that has been a virtual port, or has
    closed its port, cannot be relied on to open another.
    """

    direction: Direction = "output"

    def __init__(
        self,
        role: Role,
        wanted: str | None,
        api: str,
        *,
        graph: Graph | None = None,
        patient: bool = False,
        host: Host | None = None,
    ) -> None:
        self.connected = False
        """Whether it reaches anybody: as the system says or, where it cannot be asked, as the list of ports shows."""
        self.connections = 0
        """How often it was connected to somebody's port: who has come back knows nothing of what was sent before."""
        self.peers: tuple[str, ...] | None = None
        """What it is connected to, when it was looked at last; None where the system cannot be asked."""
        self.fault = ""
        """What it could not do last, to connect or to send; empty if it could."""
        self.role = role
        self.name = wanted or f"virtual port '{CLIENT} {role}'"
        self._wanted = wanted
        self._api, self._graph, self._host = api, graph, host
        self._label = f"{CLIENT} {role}"
        self._midi: Any = None
        self._open = False
        self._ours = self._owner = ""
        """Our port in the graph, and which run of which program the other end belonged to when we connected to it."""
        self._left: set[str] = set()
        """Those whose cable was cut, who may hold a note that nobody has ended."""
        self._told_fault = ""
        self._told_missing = False
        try:
            if not self._adopt():
                self._renew()
                if wanted is None:
                    self._be_virtual()
                elif (found := self._wanted_among(self._names(), patient=patient)) is not None:
                    self._connect(found)  # or it is waited for
        except BaseException:
            self._give_back()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    @property
    def virtual(self) -> bool:
        """Whether it waits to be connected to."""
        return self._wanted is None

    @property
    def status(self) -> PortStatus:
        """What clients see of it."""
        role = {"in": "input", "out": "output"}.get(self.role, self.role)
        name = self._label if self.virtual else self.name
        return PortStatus(role=role, name=name, virtual=self.virtual, peers=self.peers, fault=self.fault)

    @property
    def own(self) -> str:
        """What the MIDI system calls our port; empty where that is not known."""
        return self._ours

    # --- looking --------------------------------------------------------------------------------

    def look(self) -> bool:
        """Whether what it is connected to is not what it was; takes some ten microseconds."""
        return self._peers_now() != self.peers

    def follow(self) -> str:
        """Look whether the other end has gone or come back: what there is to tell, or nothing.

        Asking for the ports takes a moment; it is done when nothing falls due.
        """
        before, self.peers = self.peers, self._peers_now()
        news = [self._refused()]
        try:
            if self.virtual:
                news.append(self._follow_virtual(before or (), self.peers or ()))
            elif self.peers:
                news.append(self._follow_cable(self.peers))
            else:
                news.append(self._follow_name(self._names()))
            self._keep()
        except Unavailable as error:  # it may go again at any moment
            self.fault = str(error)
        return "; ".join(filter(None, news))

    def _follow_virtual(self, before: tuple[str, ...], now: tuple[str, ...]) -> str:
        gone, new = (tuple(name for name in a if name not in b) for a, b in ((before, now), (now, before)))
        if not (gone or new):
            return ""
        renamed = len(gone) == len(new) and not set(gone) & set(self._others())
        if gone and not renamed:
            self._left.update(gone)
            self._lost()
        if new and not renamed:
            self.connections += 1
            if self._left.intersection(new):
                self._back()
            self._left.difference_update(new)
        return f"{self.name}: {_connected_to(now)}"

    def _follow_cable(self, peers: tuple[str, ...]) -> str:
        """It is connected: to the one it was, under whatever name, or to another one that somebody has plugged in."""
        known = self.name
        if known not in peers:
            same = same_port(known, peers)
            self.name = peers[0 if same is None else same]
        if known != self.name or not self._owner:
            self._owner = self._owner_of(self.name)
        if not self.connected:
            before, self.connected, self.connections = self.connections, True, self.connections + 1
            self._back()
            is_here = "is back" if before else "is connected"
            return f"{self.direction} {self.name} {is_here if known == self.name else 'was plugged in by somebody'}"
        if known == self.name:
            return ""
        if known not in self._others():
            return f"{self.direction} {known} is called {self.name} now"
        self._lost()
        self._back()
        return f"{self.direction} {known} was unplugged by somebody, who has plugged {self.name} in"

    def _follow_name(self, names: list[str]) -> str:
        """Nobody says that it is connected: it is not, or nobody can be asked."""
        there = self._wanted_among(names, patient=True)
        lost = self.connected and (self.peers is not None or self.name not in names)
        gone = f"{self.direction} {self.name} is gone; it is taken up again when it comes back" if lost else ""
        if lost:
            self.connected = False
            self._lost()
            if self._pulled(there):
                again = f"improv ctl connect {self.direction} plugs it in again"
                return f"{self.direction} {self.name} was unplugged by somebody; {again}"
        if there is None and not self.connections and not self._told_missing:
            self._told_missing = True
            return self._missing(names)
        if self.connected or there is None or self._pulled(there):
            return gone
        self._renew()
        self._connect(there)  # unless it goes at this moment
        return self._is_back() if self.connected else gone

    def _missing(self, names: list[str]) -> str:
        """Why there is nothing to connect to, of a port that is waited for from the start."""
        what = self.role if self.role == "lights" else self.direction
        try:
            match_port(self._wanted or "", names, self.direction)
        except (InputNotFound, UsageError) as error:
            return f"{what}: {error}; what is called so is connected when it comes"
        return ""

    def _is_back(self) -> str:
        self._back()
        return f"{self.direction} {self.name} is back"

    def _pulled(self, there: str | None) -> bool:
        """Whether the other end is there as it was, so that it was somebody's wish to cut the cable."""
        return bool(there and self._open and self._owner and self._owner == self._owner_of(there))

    def _refused(self) -> str:
        """What there is to tell of messages that were not taken."""
        told, self._told_fault = self._told_fault, self.fault
        return f"{self.direction} {self.name}: {self.fault}" if self.fault and self.fault != told else ""

    def _peers_now(self) -> tuple[str, ...] | None:
        if self._graph is None or not self._open:
            return None if self._graph is None else ()
        return self._graph.peers(self._ours) if self._ours else None

    def _others(self) -> tuple[str, ...]:
        return self._graph.ports() if self._graph is not None else ()

    def _owner_of(self, name: str) -> str:
        return (self._graph.owner(name) or "") if self._graph is not None else ""

    # --- being another --------------------------------------------------------------------------

    def reaches(self, wanted: str | None) -> bool:
        """Whether it is open as that already; InputNotFound or UsageError for a name that means no one port."""
        if wanted is None:
            return self.virtual
        meant = self._meant(wanted)
        if self.virtual or not self.connected:
            return False
        now = self._peers_now()
        return self.name == meant if now is None else meant in now

    def plug_in(self, peers: Iterable[str]) -> None:
        """Connect our port to others besides, by their names in the graph; those that are not there are left out."""
        there = self._others()
        for peer in peers:
            if self._graph is not None and self._ours and peer in there:
                ends = (self._ours, peer) if self.direction == "output" else (peer, self._ours)
                try:
                    self._graph.connect(*ends)
                except (InputNotFound, Unavailable) as error:
                    self.fault = str(error)
        self.follow()

    def move(self, wanted: str | None) -> None:
        """Connect to another port, or be a virtual one; InputNotFound or UsageError as above, then nothing is moved.

        Unavailable if that cannot be done; then it is what it was, as far as that is to be had.
        """
        name = None if wanted is None else self._meant(wanted)
        before = self._wanted, self.name
        self._part()
        try:
            self._be(name)
        except Unavailable:
            with suppress(Unavailable):
                self._be(*before)
            raise

    def _be(self, wanted: str | None, name: str | None = None) -> None:
        self._renew()
        self._wanted, self._left = wanted, set()
        if wanted is None:
            self._be_virtual()
            return
        self.name = name or wanted
        if not self._connect(self.name):
            raise Unavailable(f"the {self.direction} {self.name} has gone")

    def _meant(self, wanted: str) -> str:
        names = self._names()
        return names[match_port(wanted, names, self.direction)]

    def _adopt(self) -> bool:
        """Be the port that an earlier process has left with the host, if that is the one that is wanted."""
        midi = self._host.adopted(self.role) if self._host is not None else None
        if midi is None:
            return False
        kept: Kept = midi.kept
        self._midi, self._open, self._ours = midi, True, kept.ours
        self.peers = self._peers_now()
        if kept.virtual or self.virtual:
            self.name, self.connected = f"virtual port '{self._label}'", True
            return kept.virtual and self.virtual
        if self.peers is None or same_port(self._wanted or "", (*kept.names, *self.peers)) is None:
            return False
        self.name, self.connections = kept.names[-1], 1
        if not self.peers:  # gone, or somebody has cut the cable and it stays so
            self._owner = kept.owner
            return self._pulled(self._wanted_among(self._names(), patient=True))
        same = same_port(self.name, self.peers)
        self.name, self.connected = self.peers[0 if same is None else same], True
        self._owner = self._owner_of(self.name)
        self._keep()
        return True

    def _keep(self) -> None:
        """Have the host keep what a process after this one has to know of the port."""
        if self._host is not None and self._open:
            before: Kept | None = self._midi.kept
            names = before.names if before is not None else ()
            if self.name not in names:
                names = (*names[-_NAMES_KEPT:], self.name)
            self._midi.keep(Kept(self.virtual, self._ours, names, self._owner))

    def _renew(self) -> None:
        """Have a new object of rtmidi's, which is nothing yet; Unavailable where the system does not answer."""
        self._give_back()
        try:
            self._midi = new_client(self.role, self._api) if self._host is None else self._host.made(self.role)
        except rtmidi.SystemError as error:
            raise Unavailable(f"{self._api} does not answer; start it, or name another --api") from error

    def _give_back(self) -> None:
        """Close in order: other programs on a JACK server wait for a client that is not."""
        midi, self._midi, self._open = self._midi, None, False
        self.connected, self.peers, self._ours, self._owner = False, self._peers_now(), "", ""
        if midi is not None:
            midi.close_port()
            midi.delete()

    def _be_virtual(self) -> None:
        before = self._others()
        try:
            self._midi.open_virtual_port(self._label)
        except (rtmidi.UnsupportedOperationError, NotImplementedError) as error:
            raise Unavailable(
                f"this MIDI system has no virtual ports; name one with --{self.direction} (improv ports lists them)"
            ) from error
        except rtmidi.RtMidiError as error:
            raise Unavailable(f"{self._api} gives us no virtual port: {error}") from error
        self.name, self.connected = f"virtual port '{self._label}'", True
        self._opened(before)
        self._keep()

    def _connect(self, name: str) -> bool:
        """Whether a port was opened that is to be connected to somebody's; Unavailable if it is refused."""
        before, ports = self._others(), ports_of(self._midi)
        if name not in ports:
            return False
        try:
            self._midi.open_port(ports.index(name), self._label)
        except (rtmidi.RtMidiError, OSError) as error:
            raise Unavailable(f"the {self.direction} {name} cannot be opened: {error}") from error
        self.name = name
        self._opened(before)
        deadline_s = time.monotonic() + _APPEARS_S
        while self.peers is not None and same_port(name, self.peers) is None and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)  # the server shows it from its next period on
            self.peers = self._peers_now()
        if self.peers and same_port(name, self.peers) is None:  # others had gone: RtMidi counts ports, not names
            self._renew()
            return False
        self.connected = self.peers is None or bool(self.peers)
        if self.connected:
            self._owner, self.fault = self._owner_of(name), ""
            self.connections += 1
        self._keep()
        return True

    def _opened(self, before: tuple[str, ...]) -> None:
        """Find our port in the graph: the one that was not there before; none, if that is not one."""
        self._open = True
        new = [name for name in self._others() if name not in before and is_ours(name) and self._label in name]
        self._ours = new[0] if len(new) == 1 else ""
        self.peers = self._peers_now()

    def _names(self) -> list[str]:
        if self._midi is None:
            self._renew()
        return [name for name in ports_of(self._midi) if not is_ours(name)]

    def _wanted_among(self, names: list[str], *, patient: bool) -> str | None:
        """The name of the port that was open, else of the one that was asked for; None if it can be waited for."""
        if (same := same_port(self.name, names)) is not None:
            return names[same]
        try:
            return names[match_port(self._wanted or "", names, self.direction)]
        except (InputNotFound, UsageError):
            if patient:
                return None
            raise

    def _part(self) -> None:
        """The other end is about to be left."""

    def _lost(self) -> None:
        """The other end has gone."""

    def _back(self) -> None:
        """The other end has come back."""


def _connected_to(peers: tuple[str, ...]) -> str:
    return f"connected to {', '.join(peers)}" if peers else "nothing is connected to it"


class InputPort(_Port):
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
        """The messages that have arrived."""
        arrived: list[Incoming | Gone] = []
        self._more = self._midi is not None
        for _ in range(_MESSAGES_A_POLL if self._more else 0):
            data = self._midi.get_message()
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
        """A millisecond later; at once, if there is more; when it arrives, where a host hands it on."""
        if self._more:
            return now_s
        return now_s + _POLL_S if self._host is None else inf

    def _renew(self) -> None:
        super()._renew()
        self._midi.ignore_types(sysex=False, timing=False, active_sense=True)

    def _part(self) -> None:
        self._lost()

    def _lost(self) -> None:
        self._gone = True


class OutputPort(_Port):
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
        self._part()
        super().__exit__(kind, error, trace)

    def stalled(self) -> bool:
        """Whether the system passes nothing on: what is sent now would come late, and all of it at once."""
        cycle = self._graph.cycle if self._graph is not None and self._open else None
        now_s = time.monotonic()
        if self._graph is None or cycle is None or cycle != self._cycle:
            self._cycle, self._cycled_s = cycle, now_s
            return False
        return now_s - self._cycled_s > max(_STALL_S, _STALL_PERIODS * self._graph.period_s)

    def send(self, message: bytes) -> None:
        """Send a message now; nowhere, while there is no port to send it to. What is not taken becomes a fault."""
        if not self._open:
            return
        if self._jack:
            self._burst.wait_for_room()
        try:
            if message[0] & 0xF0 == NOTE_ON:
                self._channels.add(message[0] & 0x0F)
            self._midi.send_message(message)
        except (rtmidi.RtMidiError, OSError, ValueError) as error:
            self.fault = f"the MIDI system does not take what is sent: {error}"
        else:
            self.fault = ""

    def _part(self) -> None:
        if self._jack and self._open:  # what was sent last is still on its way
            time.sleep(JACK_DRAIN_S)
            pass_on(self._graph, within_s=_JACK_STANDS_S)
            if self.role in SOUNDS:  # a server that is late drops what was sent in that period
                for message in silencing(sorted(self._channels)):
                    self.send(message)
                pass_on(self._graph)

    def silence(self) -> None:
        """End whatever the other end was left with, by a player before this one too."""
        for message in silencing(_ALL_CHANNELS):
            self.send(message)

    def _back(self) -> None:
        self.silence()
