"""The OSC door: phones, tablets, patchers and lighting desks steer a performance over UDP and see where it stands.

    /improv/<control> value           set it; a switch takes 1 and 0 as well as on and off
    /improv/<control>/nudge by        move it by so much; 0, a button let go, is nothing
    /improv/<trigger>                 start, stop, restart, hand-over, panic, tap; an argument of 0 is a button let go
    /improv/status                    the whole state, once, to whoever asks
    /improv/watch 1|0                 the state, and from then on what changes of it; the same sender's 0 ends it

Answers go to the address a packet came from: /improv/state/<control>, and /improv/state/who, beats_left (-1 where
nobody knows), chord, chorus, bar, beat, playing; /improv/says tells why something was not done. Messages of
a bundle are done at once, whatever its time tag says.

UDP knows no sender for sure, so nothing here ends the performance or names a file. It must never wait, and
never raise because of what somebody sends.
"""

import ipaddress
import math
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import Any, Self

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import build_msg

from improv.errors import ImprovError, Unavailable, UsageError
from improv.messages import (
    CONTROLS,
    MODEL,
    OFF,
    ON,
    TRIGGERS,
    Command,
    Nudge,
    Quit,
    Set,
    Snapshot,
    Tap,
    Value,
    checked,
)
from improv.plain import printable

_ROOT = "/improv/"
_MOST_BYTES = 8192
_MOST_PACKETS = 256
"""That are read and answered in one poll; the rest waits for the next, or is lost as UDP is."""

_DEEPEST, _MOST_IN_A_PACKET = 4, 32
_BUNDLE, _BUNDLE_HEAD = b"#bundle\0", 16
_TYPES = frozenset("ifhdsTF")
"""The arguments anybody can mean: numbers, words, true and false."""

_MOST_WATCHERS = 16
_WATCHING_S = 0.05
"""Between two tellings of what has changed."""

_Address = tuple[Any, ...]
"""Of a socket: a host, a port, and what else its family needs."""

_State = Mapping[str, Value]
"""What is told, by the end of its address."""

_OFFERED: Mapping[str, Command] = MappingProxyType(
    {name: command for name, command in TRIGGERS.items() if not isinstance(command, Quit)}
)


class OscServer:
    """Listens for OSC and asks for what it is told to; a context that holds the UDP port `host`:`port`.

    `ask` has a command done and returns what there is to say of it, if anything; UsageError if it cannot be.
    A host or port that cannot be had raises Unavailable.
    """

    def __init__(
        self, host: str, port: int, ask: Callable[[Command], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """Packets and messages that made no sense, were too large, or asked for what cannot be."""
        self._host = host
        self._wanted_port = port
        self._ask = ask
        self._clock = clock
        self._socket: socket.socket | None = None
        self._state: _State = {}
        self._told: _State = {}
        self._told_s = -math.inf
        self._watchers: dict[_Address, None] = {}
        """In the order in which they last asked to be."""
        self._left = 0
        """How many packets may still be read and answered in this poll."""

    def __enter__(self) -> Self:
        where = f"OSC on {self._host} port {self._wanted_port}"
        try:
            found = socket.getaddrinfo(self._host, self._wanted_port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._socket.bind(address)
        except (OSError, ValueError, OverflowError) as error:
            self.__exit__(None, None, None)
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            raise Unavailable(f"{where}: {reason}; choose another host or port, or leave OSC off") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._watchers.clear()

    @property
    def port(self) -> int:
        """The UDP port that is held."""
        return int(self._opened.getsockname()[1])

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can reach it: whoever does can steer."""
        host = str(self._opened.getsockname()[0])
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback

    @property
    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise ValueError("the OSC port is not open")
        return self._socket

    def wakers(self) -> Sequence[socket.socket]:
        """What becomes readable when a packet has come."""
        return [] if self._socket is None else [self._socket]

    def poll(self) -> Sequence[Command]:
        """Do what has been asked for, and tell the watchers what has changed; nothing is left to be done."""
        self._left = _MOST_PACKETS
        while self._left > 0:
            try:
                packet, sender = self._opened.recvfrom(_MOST_BYTES + 1)
            except BlockingIOError:
                break
            except OSError:  # some systems tell here of a client that has gone
                self._left -= 1
            else:
                self._take(packet, sender)
        self._tell_watchers()
        return ()

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and tell the watchers what has changed."""
        self._state = _state(seen)
        self._tell_watchers()

    # --- what is asked ----------------------------------------------------------------------------

    def _take(self, packet: bytes, sender: _Address) -> None:
        """Do what a packet asks for, all of it or, if some of it makes no sense, nothing."""
        try:
            messages = [_parsed(message) for message in _messages(packet)]
            if len(messages) > _MOST_IN_A_PACKET:
                raise ValueError("it asks for too much")
        except (ValueError, ParseError):
            self.refused += 1
            self._left -= 1
            return
        self._left -= max(1, len(messages))
        for address, arguments in messages:
            try:
                said = self._do(address, arguments, sender)
            except ImprovError as error:
                self.refused += 1
                said = str(error)
            if said:
                self._send(_packets({"says": said}, _ROOT), sender)

    def _do(self, address: str, arguments: Sequence[Value], sender: _Address) -> str:
        """Do what one message asks for; what there is to say of it."""
        match address.removeprefix(_ROOT).split("/"), arguments:
            case [name], [] if name in _OFFERED:
                return self._ask(_OFFERED[name])
            case [name], [pressed, *_] if name in _OFFERED:
                return self._ask(_OFFERED[name]) if pressed else ""
            case ["tap"], [*pressed]:
                return self._ask(Tap(self._clock())) if not pressed or pressed[0] else ""
            case [name], [value] if name in CONTROLS:
                return self._ask(checked(Set(name, _meant(name, value))))
            case [name, "nudge"], [by] if name in CONTROLS and not isinstance(by, str):
                return self._ask(checked(Nudge(name, _rounded(by)))) if by else ""
            case ["status"], _:
                self._send(_packets(self._state), sender)
                return ""
            case ["watch"], [on]:
                self._watch(sender, on=bool(on))
                return ""
        raise UsageError(f"{address} with {len(arguments)} arguments is nothing that can be asked for")

    def _watch(self, sender: _Address, *, on: bool) -> None:
        """Tell somebody of what changes from now on; the one who asked longest ago has to go for a new one."""
        self._watchers.pop(sender, None)
        if on:
            self._watchers[sender] = None
            if len(self._watchers) > _MOST_WATCHERS:
                del self._watchers[next(iter(self._watchers))]
            self._send(_packets(self._state), sender)

    # --- what is told -----------------------------------------------------------------------------

    def _tell_watchers(self) -> None:
        now_s = self._clock()
        if self._state == self._told or now_s - self._told_s < _WATCHING_S:
            return
        news = {name: value for name, value in self._state.items() if self._told.get(name) != value}
        self._told, self._told_s = self._state, now_s
        packets = _packets(news) if self._watchers else ()
        for watcher in self._watchers:
            self._send(packets, watcher)

    def _send(self, packets: Sequence[bytes], to: _Address) -> None:
        self._left -= len(packets)
        for packet in packets:
            with suppress(OSError):  # its queue is full, or it has gone: UDP promises nothing
                self._opened.sendto(packet, to)


def _state(seen: Snapshot) -> _State:
    """What is told of a snapshot."""
    state: dict[str, Value] = {}
    for name, control in CONTROLS.items():
        value = seen.value(name)
        if control.is_switch:
            value = int(value == ON)
        elif control.is_number and not control.whole:
            value = float(value)
        state[name] = value
    return state | {
        "who": str(seen.turn.who),
        "beats_left": -1.0 if seen.beats_left is None else float(seen.beats_left),
        "chord": seen.chord.symbol if seen.chord else "",
        "chorus": seen.place.chorus,
        "bar": seen.place.bar,
        "beat": seen.place.beat,
        "playing": int(seen.playing),
    }


# --- packets --------------------------------------------------------------------------------------


def _packets(state: _State, root: str = f"{_ROOT}state/") -> Sequence[bytes]:
    """Each value in a packet of its own, which the simplest of clients understands."""
    said = {name: printable(value) if isinstance(value, str) else value for name, value in state.items()}
    return [build_msg(root + name, [value]).dgram for name, value in said.items()]


def _messages(packet: bytes, depth: int = 0) -> Iterator[bytes]:
    """The messages in a packet; ValueError if it is none, or too large or nested.

    Not python-osc's way through bundles: it goes round for ever in one whose element has a negative size.
    """
    if len(packet) > _MOST_BYTES or depth > _DEEPEST:
        raise ValueError("it is too large")
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    at = _BUNDLE_HEAD
    while at != len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        element = packet[at + 4 : at + 4 + size]
        if not element or len(element) != size:
            raise ValueError("it is no bundle")
        yield from _messages(element, depth + 1)
        at += 4 + size


def _parsed(message: bytes) -> tuple[str, Sequence[Value]]:
    """The address and the arguments of a message to us; ValueError or ParseError if it is none.

    Its types are looked at first: python-osc would log each one that it does not know.
    """
    name = message.partition(b"\0")[0]
    types = message[len(name) // 4 * 4 + 4 :].partition(b"\0")[0].decode()
    if not name.startswith(_ROOT.encode()) or types[:1] not in ("", ",") or not _TYPES.issuperset(types[1:]):
        raise ValueError("it is no message to improv")
    parsed = OscMessage(message)
    return parsed.address, parsed.params


def _meant(name: str, value: Value) -> Value:
    """The value somebody means who has faders and buttons, which send nothing but floats."""
    control = CONTROLS[name]
    if isinstance(value, str):
        if name == MODEL.name and not (value.isprintable() and not {"/", "\\"} & set(value)):
            raise UsageError("over OSC a model is chosen by its name; a file can be given on the command line")
        return value
    if control.is_switch:
        return ON if value else OFF
    if control.whole and math.isfinite(value):
        return round(value)
    return _rounded(value)


def _rounded(value: float) -> float:
    """Without what 32 bits have added."""
    return round(value, 4)
