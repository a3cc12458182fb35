"""MIDI ports through rtmidi: finding them, opening them, keeping them.

rtmidi is polled and never calls back: its callback runs inside the JACK process cycle and loses
messages when Python is busy. Nothing above this room knows rtmidi. On Linux no port ever says that
it has gone, so the list of ports is watched; a dead JACK server is known by its hung-up socket.
"""

import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.midi.channels import silencing
from improv.midi.identity import match_port, same_port
from improv.midi.rtmidi_binding import limits, rtmidi
from improv.midi.stream import Gone, Incoming, MessageStream

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

_POLL_S = 0.001
_MESSAGES_A_POLL = 32
"""So that passing them on keeps no deadline waiting for long."""
_ALL_CHANNELS = range(16)
_JACK_BURST, _JACK_EACH_S = 16, 6e-5
"""A JACK port holds four bytes a frame, some 19 messages a millisecond, and RtMidi drops what finds no room."""

_JACK_DRAIN_S = 0.05
"""What is sent last is lost if the JACK port closes before those who hear it have had their turn, a period or two."""

Direction = Literal["input", "output"]
Role = Literal["in", "out", "thru", "lights", "list", "watch"]


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


def _client(role: Role, api: str) -> Any:
    """An rtmidi client of ours; rtmidi.SystemError where the MIDI system cannot be reached."""
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
            _client("out", name).delete()
        except rtmidi.SystemError:
            continue
        return name
    unable = f". {limits()}" if limits() else ""
    raise Unavailable(
        f"no MIDI system answers (tried {', '.join(tried) or 'none'}); start one, or plug an interface in{unable}"
    )


class PortLists:
    """The ports of others that can be opened; one client that lives as long as it is asked. A context."""

    def __init__(self, api: str) -> None:
        self._clients = {"input": _client("list", api), "output": _client("watch", api)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.delete()

    def names(self, direction: Direction) -> list[str]:
        """The names, in the system's order; ours are left out."""
        return [name for name in self._clients[direction].get_ports() if not is_ours(name)]


def is_ours(name: str) -> bool:
    """Whether a port belongs to improv, this one or another: nothing is ever connected to itself."""
    return name.startswith(f"{CLIENT}-")


class Server:
    """Whether the MIDI server that clients talk to is still there: it is dead once it has hung up on one.

    rtmidi does not tell, and a client of a dead JACK server accepts messages until it blocks for
    ever. Known on Linux only; elsewhere the player is found to be blocked.
    """

    def __init__(self) -> None:
        self._hung_up = select.poll() if sys.platform == "linux" else None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """While clients are opened: the sockets that appear are theirs."""
        before = _sockets()
        yield
        if self._hung_up is not None:
            for number in _sockets() - before:
                self._hung_up.register(number, 0)  # hanging up is told unasked

    @property
    def gone(self) -> bool:
        """Whether it has hung up."""
        return self._hung_up is not None and bool(self._hung_up.poll(0))


def _sockets() -> set[int]:
    """The file descriptors of this process that are sockets."""
    found = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 a Path for each would be waste
            with suppress(OSError):
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    found.add(int(name))
    return found


class _Port:
    """An open port of ours: connected to somebody's by name, or a virtual one others connect to."""

    direction: Direction = "output"

    def __init__(self, role: Role, wanted: str | None, api: str, *, patient: bool = False) -> None:
        self.connected = False
        """Whether it reaches anybody, as far as can be known; a virtual port always may."""
        self.connections = 0
        """How often it was connected to somebody's port: who has come back knows nothing of what was sent before."""
        self.role = role
        self._wanted = wanted
        self._label = f"{CLIENT} {role}"
        try:
            self._midi = _client(role, api)
        except rtmidi.SystemError as error:
            raise Unavailable(f"{api} does not answer; start it, or name another --api") from error
        try:
            if wanted is None:
                self._be_virtual()
            else:
                self.name = wanted
                self._open(self._wanted_among(self._names(), patient=patient))
        except (rtmidi.UnsupportedOperationError, NotImplementedError) as error:
            self._midi.delete()
            raise Unavailable(
                f"this MIDI system has no virtual ports; name one with --{self.direction} (improv ports lists them)"
            ) from error
        except BaseException:
            self._midi.delete()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._midi.close_port()
        self._midi.delete()

    def follow(self) -> str:
        """Look whether the other end has gone or come back: what there is to tell, or nothing.

        Asking for the ports takes a moment; it is done when nothing falls due.
        """
        if self._wanted is None:
            return ""
        names = self._names()
        if self.connected and self.name not in names:
            self.connected = False
            self._midi.close_port()
            self._lost()
            return f"{self.direction} {self.name} is gone; it is taken up again when it comes back"
        if self.connected:
            return ""
        if not self._reopened(self._wanted_among(names, patient=True)):
            return ""
        self._back()
        return f"{self.direction} {self.name} is back"

    @property
    def virtual(self) -> bool:
        """Whether it waits to be connected to."""
        return self._wanted is None

    def reaches(self, wanted: str | None) -> bool:
        """Whether it is open as that already; InputNotFound or UsageError for a name that means no one port."""
        if wanted is None:
            return self.virtual
        return self.connected and self.name == self._meant(wanted)

    def move(self, wanted: str | None) -> None:
        """Connect to another port, or be a virtual one; InputNotFound or UsageError as above, then nothing is moved."""
        name = None if wanted is None else self._meant(wanted)
        self._part()
        self._midi.close_port()
        self._wanted, self.connected = wanted, False
        if name is not None:
            self.name = name
            self._reopened(name)
            return
        try:
            self._be_virtual()
        except (rtmidi.RtMidiError, NotImplementedError) as error:
            raise Unavailable("this MIDI system has no virtual ports; name one (improv ports lists them)") from error

    def _meant(self, wanted: str) -> str:
        names = self._names()
        return names[match_port(wanted, names, self.direction)]

    def _be_virtual(self) -> None:
        self._midi.open_virtual_port(self._label)
        self.name, self.connected = f"virtual port '{self._label}'", True

    def _names(self) -> list[str]:
        return [name for name in self._midi.get_ports() if not is_ours(name)]

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

    def _reopened(self, name: str | None) -> bool:
        with suppress(rtmidi.RtMidiError):  # it may go again at any moment
            self._open(name)
        return self.connected

    def _open(self, name: str | None) -> None:
        ports = self._midi.get_ports()
        if name is not None and name in ports:
            self._midi.open_port(ports.index(name), self._label)
            self.name, self.connected = name, True
            self.connections += 1

    def _part(self) -> None:
        """The other end is about to be left."""

    def _lost(self) -> None:
        """The other end has gone."""

    def _back(self) -> None:
        """The other end has come back."""


class InputPort(_Port):
    """Messages from a MIDI input, whole and stamped when they are taken from the driver."""

    direction: Direction = "input"

    def __init__(self, wanted: str | None, api: str, *, patient: bool = False) -> None:
        super().__init__("in", wanted, api, patient=patient)
        self.stream = MessageStream()
        self._midi.ignore_types(sysex=False, timing=False, active_sense=True)
        self._gone = self._more = False

    def poll(self, now_s: float) -> list[Incoming | Gone]:
        """The messages that have arrived."""
        arrived: list[Incoming | Gone] = []
        self._more = True
        for _ in range(_MESSAGES_A_POLL):
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
        """A millisecond later; at once, if there is more."""
        return now_s if self._more else now_s + _POLL_S

    def _part(self) -> None:
        self._lost()

    def _lost(self) -> None:
        self._gone = True


class OutputPort(_Port):
    """Messages to a MIDI output."""

    def __init__(self, wanted: str | None, api: str, role: Role = "out", *, patient: bool = False) -> None:
        super().__init__(role, wanted, api, patient=patient)
        self._jack = api == "jack"
        self._room_s = -inf

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._part()
        super().__exit__(kind, error, trace)

    def send(self, message: bytes) -> None:
        """Send a message now; nowhere, while the other end is gone."""
        if self.connected:
            self._wait_for_room()
            self._midi.send_message(message)

    def _part(self) -> None:
        if self._jack:  # what was sent last is still on its way
            time.sleep(_JACK_DRAIN_S)

    def _wait_for_room(self) -> None:
        if self._jack:
            now_s = time.monotonic()
            self._room_s = max(self._room_s, now_s - _JACK_BURST * _JACK_EACH_S) + _JACK_EACH_S
            if self._room_s > now_s:
                time.sleep(self._room_s - now_s)

    def silence(self) -> None:
        """End whatever the other end was left with, by a player before this one too."""
        for message in silencing(_ALL_CHANNELS):
            self.send(message)

    def _back(self) -> None:
        self.silence()
