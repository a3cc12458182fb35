"""OSC over UDP: phones, tablets, patchers and lighting desks steer a performance and see where it stands.

    /improv/<control> value           set it; a switch takes 1 and 0, true and false as well as on and off
    /improv/<control>/nudge by        move it by so much; 0, a button let go, is nothing
    /improv/<trigger>                 start, stop, restart, hand-over, panic, tap; an argument of 0 is a button let go
    /improv/status                    the whole state, once, to the sender
    /improv/watch 1|0                 the state, and from then on what changes of it; the same sender's 0 ends it

Answers go to the address a packet came from: /improv/state/<control>, and /improv/state/who, beats_left (-1 where
it is not known), chord, chorus, bar, beat, playing; /improv/says tells why something was not done. The messages of a
bundle are done one by one and at once, whatever its time tag says; one that makes no sense spoils no other.

UDP knows no sender for sure, so nothing here ends the performance or names a file. It must never wait, and
never raise because of what a client sends.
"""

import errno
import ipaddress
import math
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import Any, Self

from pythonosc.osc_message_builder import build_msg

from improv.control.osc_packets import MOST_BYTES, Argument, Message, Opaque, Unreadable, read
from improv.errors import ImprovError, Unavailable, UsageError
from improv.protocol.commands import TRIGGERS, Command, Nudge, Quit, Set, Tap
from improv.protocol.control import OFF, ON, Value
from improv.protocol.controls import CONTROLS, MODEL, current
from improv.protocol.snapshot import Snapshot
from improv.system.printable import printable

_ROOT = "/improv/"
_OURS = (f"{_ROOT}says", f"{_ROOT}state/")
"""The addresses of our answers. They are never answered: two servers would go on for ever."""

_MOST_ASKED, _MOST_SAID, _LONGEST_ADDRESS = 32, 8, 80
"""The most requests in a packet, the most answers to it, and the longest address in an answer."""

_MOST_PACKETS = 256
"""The most packets read and answered in one poll; the rest waits for the next, or is lost as UDP is."""

_LET_GO = frozenset({"", "0", "false", OFF})
"""Words for a button that is not pressed."""

_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors for an address that this machine does not have, of a family it may not have at all."""

_BOTH = ("127.0.0.1", "::1")
"""The addresses of localhost, whatever a system's list of hosts says: programs take the one or the other."""

_MOST_WATCHERS = 16
_WATCHING_S = 0.05
"""The least time between two messages about what has changed."""

_Client = tuple[socket.socket, tuple[Any, ...]]
"""A client: the socket of ours its packet came to, and the address it came from."""

_State = Mapping[str, Value]
"""Values that are told, by the end of their address."""

_OFFERED: Mapping[str, Command] = MappingProxyType(
    {name: command for name, command in TRIGGERS.items() if not isinstance(command, Quit)}
)


class OscServer:
    """An OSC server on a UDP port; a context that holds the port `host`:`port`.

    `submit` has a command done and returns a note on it, or nothing; an error it raises is answered. Unavailable for a
    host or a port that cannot be had.
    """

    def __init__(
        self, host: str, port: int, submit: Callable[[Command], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """Packets and messages that made no sense, were too large, or asked for what cannot be."""
        self._host = host
        self._wanted_port = port
        self._submit = submit
        self._clock = clock
        self._sockets: list[socket.socket] = []
        self._state: _State = {}
        self._told: _State = {}
        self._told_s = -math.inf
        self._watchers: dict[_Client, None] = {}
        """In the order in which they last asked to watch."""
        self._left = 0
        """Packets that may still be read and answered in this poll."""

    def __enter__(self) -> Self:
        where = f"OSC on {self._host} port {self._wanted_port}"
        try:
            self._open()
        except (OSError, ValueError, OverflowError) as error:
            self.__exit__(None, None, None)
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            raise Unavailable(f"{where}: {reason}; choose another host or port, or leave OSC off") from error
        return self

    def _open(self) -> None:
        """Bind the port at every address of the host that this machine has, of both families; OSError if at none."""
        hosts = _BOTH if self._host == "localhost" else (self._host,)
        port = self._wanted_port
        absent: OSError | None = None
        for family, address in _addresses(hosts, port):
            opened = None
            try:
                opened = socket.socket(family, socket.SOCK_DGRAM)
                opened.setblocking(False)
                if family == socket.AF_INET6:  # "::" is every address of both, any other one its own alone
                    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
                opened.bind((address[0], port, *address[2:]))
            except OSError as error:
                if opened is not None:
                    opened.close()
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                absent = absent or error
            else:
                self._sockets.append(opened)
                port = port or int(opened.getsockname()[1])  # any, but the same for all
        if absent is not None and not self._sockets:
            raise absent

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for opened in self._sockets:
            opened.close()
        self._sockets.clear()
        self._watchers.clear()

    @property
    def port(self) -> int:
        """The UDP port; ValueError while it is not open."""
        if not self._sockets:
            raise ValueError("the OSC port is not open")
        return int(self._sockets[0].getsockname()[1])

    @property
    def open_to_others(self) -> bool:
        """True if other machines can reach the port, and so control improv."""
        hosts = (str(opened.getsockname()[0]).partition("%")[0] for opened in self._sockets)
        return not all(ipaddress.ip_address(host).is_loopback for host in hosts)

    def readables(self) -> Sequence[socket.socket]:
        """Return the sockets that become readable when a packet arrives."""
        return list(self._sockets)

    def poll(self) -> Sequence[Command]:
        """Submit the commands in the packets, and send changes to the watchers. Return no commands.

        All are submitted.
        """
        self._left = _MOST_PACKETS
        waiting = list(self._sockets)
        while waiting and self._left > 0:
            opened = waiting.pop(0)
            try:
                packet, sender = opened.recvfrom(MOST_BYTES + 1)
            except BlockingIOError:
                continue
            except OSError:  # some systems tell here of a client that has gone
                self._left -= 1
            else:
                self._take(packet, (opened, sender))
            waiting.append(opened)
        self._tell_watchers()
        return ()

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and send changed values to the watchers."""
        self._state = _state(seen)
        self._tell_watchers()

    # --- what is asked ----------------------------------------------------------------------------

    def _take(self, packet: bytes, sender: _Client) -> None:
        """Do what a packet asks for, message by message, and answer what was not done."""
        messages = read(packet)
        self._left -= max(1, len(messages))
        if (
            sum(isinstance(message, Message) and message.address.startswith(_ROOT) for message in messages)
            > _MOST_ASKED
        ):
            messages = [Unreadable(f"a bundle asks for more than {_MOST_ASKED} things")]
        says: dict[str, None] = {}
        for message in messages:
            try:
                said = self._do(message, sender)
            except Exception as error:
                self.refused += 1
                said = str(error) if isinstance(error, ImprovError) else f"{type(error).__name__}: {error}"
            if said:
                says[printable(said)] = None
        told = list(says)
        if len(told) > _MOST_SAID:
            told[_MOST_SAID:] = [f"{len(told) - _MOST_SAID} other messages were not done either"]
        for said in told:
            self._send(_packets({"says": said}, _ROOT), sender)

    def _do(self, message: Message | Unreadable, sender: _Client) -> str:
        """Do what one message asks for; return a note on it, or nothing."""
        if isinstance(message, Unreadable):
            raise UsageError(f"nothing was done: {message.reason}")
        address, arguments = message.address, message.arguments
        if address.startswith(_OURS):
            self.refused += 1
            return ""
        first, *rest = address.removeprefix(_ROOT).split("/")
        match [current(first), *rest], arguments:
            case _ if not address.startswith(_ROOT):
                raise UsageError(f"{_shown(address)} is not improv's; its addresses begin with {_ROOT}")
            case [name], [*pressed] if name in _OFFERED:
                return self._submit(_OFFERED[name]) if _is_pressed(pressed) else ""
            case ["tap"], [*pressed]:
                return self._submit(Tap(self._clock())) if _is_pressed(pressed) else ""
            case [name], [value] if name in CONTROLS:
                return self._submit(Set(name, _meant(name, value)))
            case [name, "nudge"], [int() | float() as by] if name in CONTROLS:
                return self._submit(Nudge(name, _rounded(float(by)))) if by else ""
            case [name, "nudge"], [other] if name in CONTROLS:
                raise UsageError(f"{name}/nudge with {_kind(other)} is nothing that can be asked for; give a number")
            case ["status"], _:
                self._send(_packets(self._state), sender)
                return ""
            case ["watch"], [on]:
                self._watch(sender, on=_is_pressed([on]))
                return ""
        raise UsageError(f"{_shown(address)} with {len(arguments)} arguments is nothing that can be asked for")

    def _watch(self, sender: _Client, *, on: bool) -> None:
        """Add or remove a watcher; the one that asked longest ago makes room for a new one."""
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

    def _send(self, packets: Sequence[bytes], to: _Client) -> None:
        self._left -= len(packets)
        opened, address = to
        for packet in packets:
            with suppress(OSError):  # its queue is full, or it has gone: UDP promises nothing
                opened.sendto(packet, address)


def _state(seen: Snapshot) -> _State:
    """Return the values of a snapshot that are told, by the end of their address."""
    state: dict[str, Value] = {}
    for name, control in CONTROLS.items():
        value = seen.number(name)
        if control.is_switch:
            value = int(value == ON)
        elif control.is_number and not control.whole:
            value = float(value)
        for called in (name, *control.former):
            state[called] = value
    return state | {
        "who": str(seen.turn.who),
        "beats_left": -1.0 if seen.beats_left is None else float(seen.beats_left),
        "chord": seen.harmony.chord.symbol if seen.harmony.chord else "",
        "chorus": seen.place.chorus,
        "bar": seen.place.bar,
        "beat": seen.place.beat,
        "playing": int(seen.playing),
    }


# --- packets --------------------------------------------------------------------------------------


def _packets(state: _State, root: str = f"{_ROOT}state/") -> Sequence[bytes]:
    """Return each value as a packet of its own, which the simplest of clients understands."""
    said = {name: printable(value) if isinstance(value, str) else value for name, value in state.items()}
    return [build_msg(root + name, [value]).dgram for name, value in said.items()]


def _addresses(hosts: Sequence[str], port: int) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Return the addresses of hosts, each once; OSError if a name has none."""
    flags = socket.AI_PASSIVE
    found = {
        (family, address): None
        for host in hosts
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
        if family in (socket.AF_INET, socket.AF_INET6)
    }
    return list(found)


def _is_pressed(arguments: Sequence[Argument]) -> bool:
    """Return whether a button that sends these arguments is pressed; none at all, and nil, are an impulse."""
    match arguments:
        case [str() as word, *_]:
            return word.lower() not in _LET_GO
        case [int() | float() as number, *_]:
            return bool(number)
    return True


def _meant(name: str, value: Argument) -> Value:
    """Return the value that a fader or a button means, which sends nothing but floats; UsageError if it means none."""
    control = CONTROLS[name]
    if isinstance(value, Opaque) or value is None or (isinstance(value, bool) and not control.is_switch):
        raise UsageError(f"{name} cannot be {_kind(value)}; give {control.range}")
    if control.is_switch:
        return value if value in control.choices else _switched(value)
    if isinstance(value, str):
        if name == MODEL.name and (not value.isprintable() or {"/", "\\"} & set(value) or value.endswith(".onnx")):
            raise UsageError("over OSC a model is chosen by its name; a file can be given on the command line")
        return value
    if control.whole and math.isfinite(value):
        return round(value)
    return _rounded(value)


def _switched(value: float | str) -> Value:
    words = {"0": OFF, "false": OFF, "1": ON, "true": ON}
    return words.get(value.lower(), value) if isinstance(value, str) else (ON if value else OFF)


def _kind(value: Argument) -> str:
    match value:
        case None:
            return "nil"
        case bool():
            return "true, false or an impulse"
        case Opaque(name):
            return name
        case str():
            return "a word"
    return "a number"


def _shown(address: str) -> str:
    return address if len(address) <= _LONGEST_ADDRESS else f"{address[:_LONGEST_ADDRESS]}..."


def _rounded(value: float) -> float:
    """Return a number without what its 32 bits have added."""
    return round(value, 4)
