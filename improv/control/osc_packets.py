"""OSC packets as other programs send them: bundles taken apart message by message, arguments of every type read.

Pure: bytes in, values out. No packet raises, loops or takes more memory than it has bytes; what cannot be read is
told, and spoils nothing beside it. The types are those of the OSC 1.0 specification and its common extensions.
"""

import struct
import sys
from collections.abc import Iterator
from types import MappingProxyType

from improv.dataclass import dataclass

MOST_BYTES = 8192
_DEEPEST = 4

_BUNDLE, _BUNDLE_HEAD = b"#bundle\0", 16
_NUMBERS = MappingProxyType({"i": ">i", "h": ">q", "f": ">f", "d": ">d"})
_VALUES: dict[str, bool | None] = {"T": True, "F": False, "I": True, "N": None}
"""Types that are values: true, false, an impulse ("infinitum"), which is a button pressed, and nil."""

_OTHERS = MappingProxyType({"t": (8, "a time tag"), "r": (4, "a colour"), "m": (4, "a MIDI message")})
"""Types that mean nothing here: how many bytes they have, and what they are."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """An argument of a type that means nothing here."""

    name: str


Argument = float | str | bool | Opaque | None


@dataclass(frozen=True, slots=True)
class Message:
    """An OSC message: its address and its arguments, those of arrays one after the other."""

    address: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is wrong with a message or a packet, in a sentence."""

    reason: str


def read(packet: bytes) -> list[Message | Unreadable]:
    """Return the messages in a UDP packet, in order; a packet that is not valid OSC gives one `Unreadable`."""
    try:
        if len(packet) > MOST_BYTES:
            raise ValueError(f"a packet is larger than {MOST_BYTES} bytes")
        found = list(_elements(packet))
    except ValueError as error:
        return [Unreadable(str(error))]
    return [_message(element) for element in found]


def _elements(packet: bytes, depth: int = 0) -> Iterator[bytes]:
    """Return the messages of a packet as bytes; ValueError if its frame is broken."""
    if depth > _DEEPEST:
        raise ValueError("bundles are nested too deeply")
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    if len(packet) < _BUNDLE_HEAD:
        raise ValueError("a bundle ends before its time tag does")
    at = _BUNDLE_HEAD
    while at < len(packet):
        (size,) = struct.unpack(">i", packet[at : at + 4].rjust(4, b"\xff"))
        at += 4
        if not 0 < size <= len(packet) - at:
            raise ValueError("a bundle's element is not as long as it says")
        yield from _elements(packet[at : at + size], depth + 1)
        at += size


def _message(data: bytes) -> Message | Unreadable:
    try:
        if not data.startswith(b"/"):
            raise ValueError("an address begins with a slash")
        address, at = _word(data, 0)
        return Message(address, tuple(_arguments(data + bytes(-len(data) % 4), at)))
    except UnicodeDecodeError:
        return Unreadable("a message's words are no UTF-8")
    except ValueError as error:
        return Unreadable(f"this is no OSC message: {error}")


def _arguments(data: bytes, at: int) -> Iterator[Argument]:
    """Return the arguments behind an address. Some programs leave out an empty list of types, some the last zeros."""
    if at >= len(data):
        return
    types, at = _word(data, at)
    if not types.startswith(","):
        raise ValueError("its types are missing")
    depth = 0
    for kind in types[1:]:
        if kind in "[]":
            depth += 1 if kind == "[" else -1
            if depth < 0:
                raise ValueError("an array ends that has not begun")
        else:
            argument, at = _argument(kind, data, at)
            yield argument
    if depth:
        raise ValueError("an array does not end")


def _argument(kind: str, data: bytes, at: int) -> tuple[Argument, int]:
    """Return an argument of a type, and the offset of what follows it."""
    if kind in _VALUES:
        return _VALUES[kind], at
    if kind in _NUMBERS:
        return _number(data, at, _NUMBERS[kind])
    if kind in "sS":
        return _word(data, at)
    if kind == "c":
        code, at = _number(data, at, ">I")
        return chr(min(int(code), sys.maxunicode)), at
    if kind == "b":
        size, at = _number(data, at, ">I")
        return Opaque("a blob"), _skipped(data, at, (int(size) + 3) // 4 * 4)
    if kind in _OTHERS:
        size, name = _OTHERS[kind]
        return Opaque(name), _skipped(data, at, size)
    raise ValueError(f"unknown type {kind!r}")


def _word(data: bytes, at: int) -> tuple[str, int]:
    """Return a string, and the offset of what follows it; ValueError if it does not end."""
    end = data.find(b"\0", at)
    if end < 0:
        raise ValueError("a word does not end")
    return data[at:end].decode(), end // 4 * 4 + 4


def _number(data: bytes, at: int, kind: str) -> tuple[float, int]:
    end = _skipped(data, at, struct.calcsize(kind))
    (value,) = struct.unpack(kind, data[at:end])
    return value, end


def _skipped(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise ValueError("it is shorter than its types say")
    return at + size
