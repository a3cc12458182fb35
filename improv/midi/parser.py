"""The bytes of one MIDI input made into whole messages.

Drivers hand over what arrived, and that need not be one message: several at once, halves, running
status, a clock byte in the middle of a note, a sysex without an end. Here is where that becomes
messages the rest can trust. It must never raise, whatever comes, never wait, and never keep more
than `SYSEX_LIMIT` bytes.
"""

import re
from collections.abc import Sequence
from types import MappingProxyType

from improv.dataclass import dataclass

SYSEX_LIMIT = 65536
"""The longest sysex that is passed on, in bytes, F0 and F7 among them."""

_AFTERTOUCH = 0xA0
_SYSEX, _TUNE, _SYSEX_END = 0xF0, 0xF6, 0xF7
_REALTIME, _CLOCK, _ACTIVE_SENSING = 0xF8, 0xF8, 0xFE
_RETURNED_REALTIME = frozenset({0xFA, 0xFB, 0xFC, 0xFF})
"""Start, continue, stop, reset."""

_CHANNEL_LENGTHS = {status: 2 if 0xC0 <= status < 0xE0 else 3 for status in range(0x80, 0xF0)}
_LENGTHS = MappingProxyType({**_CHANNEL_LENGTHS, 0xF1: 2, 0xF2: 3, 0xF3: 2})
"""How long a message with this status is; a sysex ends when it ends."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole MIDI message from the keyboard, and when it was taken from the driver, in seconds of the clock."""

    time_s: float
    message: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """A source of notes is gone: those that are held are over.

    `engine`: it was the source of plans. What is planned is played to its end, unless another engine plans on.
    """

    time_s: float
    engine: bool = False


_PARTS = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]")
"""A run of data bytes, or one status byte."""


@dataclass(slots=True)
class Counts:
    """Counts of what has come in so far."""

    notes: int = 0
    """Note-ons and note-offs."""
    controls: int = 0
    """All other channel messages."""
    clocks: int = 0
    active_sensing: int = 0
    sysex: int = 0
    dropped_sysex: int = 0
    """Longer than `SYSEX_LIMIT`."""
    malformed: int = 0
    """Abandoned messages, and each byte that belongs to none."""


class MessageStream:
    """Whole messages out of the bytes of one input, in the order in which they became whole."""

    __slots__ = ("_dropping", "_running", "_unfinished", "counts")

    def __init__(self) -> None:
        self.counts = Counts()
        self._running = 0  # the status data bytes belong to, 0 for none
        self._unfinished = bytearray()  # a message from its status on
        self._dropping = False  # inside a sysex that is too long

    @property
    def kept(self) -> int:
        """Number of bytes held of an unfinished message, at most `SYSEX_LIMIT`."""
        return len(self._unfinished)

    def reset(self) -> None:
        """Forget running status and unfinished messages, as when a port was lost; the counts stay."""
        self._running = 0
        self._unfinished.clear()
        self._dropping = False

    def feed(self, data: Sequence[int]) -> list[bytes]:
        """Return the messages that these bytes complete: channel, sysex, system common and transport messages.

        Running status is written out. Timing clock and active sensing are counted and not returned.
        """
        # Nearly always it is one whole channel message; 10,000 of them a second must cost nothing.
        if (
            data
            and _CHANNEL_LENGTHS.get(data[0]) == len(data)
            and not self._unfinished
            and not self._dropping
            and 0 <= data[1] < 0x80
            and 0 <= data[-1] < 0x80
        ):
            self._running = data[0]
            if data[0] < _AFTERTOUCH:
                self.counts.notes += 1
            else:
                self.counts.controls += 1
            return [bytes(data)]
        return self._parse(data)

    def _parse(self, data: Sequence[int]) -> list[bytes]:
        messages: list[bytes] = []
        for part in _PARTS.finditer(self._octets(data)):
            run = part[0]
            status = run[0]
            if status < 0x80:
                self._take_data(run, messages)
            elif status >= _REALTIME:
                self._take_realtime(status, messages)
            else:
                self._take_status(status, messages)
        return messages

    def _octets(self, data: Sequence[int]) -> bytes:
        try:
            return bytes(data)
        except (ValueError, OverflowError):  # no driver gives such numbers
            self.counts.malformed += sum(not 0 <= value < 0x100 for value in data)
            return bytes(value & 0xFF for value in data)

    def _take_data(self, run: bytes, messages: list[bytes]) -> None:
        unfinished = self._unfinished
        if self._dropping:
            return
        if unfinished and unfinished[0] == _SYSEX:
            if len(unfinished) + len(run) < SYSEX_LIMIT:  # F7 is to fit as well
                unfinished += run
            else:
                unfinished.clear()
                self._dropping = True
                self.counts.dropped_sysex += 1
            return
        for byte in run:
            if not unfinished:
                if not self._running:
                    self.counts.malformed += 1
                    continue
                unfinished.append(self._running)
            unfinished.append(byte)
            if len(unfinished) == _LENGTHS[unfinished[0]]:
                self._finish(messages)

    def _take_realtime(self, status: int, messages: list[bytes]) -> None:
        """These may stand inside any message, which goes on after them."""
        if status == _CLOCK:
            self.counts.clocks += 1
        elif status == _ACTIVE_SENSING:
            self.counts.active_sensing += 1
        elif status in _RETURNED_REALTIME:
            messages.append(bytes((status,)))
        else:
            self.counts.malformed += 1

    def _take_status(self, status: int, messages: list[bytes]) -> None:
        unfinished = self._unfinished
        dropped, self._dropping = self._dropping, False
        if status == _SYSEX_END and unfinished and unfinished[0] == _SYSEX:
            unfinished.append(status)
            self._finish(messages)
            return
        if unfinished:
            self.counts.malformed += 1
            unfinished.clear()
        self._running = status if status < _SYSEX else 0
        if status in _LENGTHS or status == _SYSEX:
            unfinished.append(status)
        elif status == _TUNE:
            messages.append(bytes((status,)))
        elif status != _SYSEX_END or not dropped:
            self.counts.malformed += 1

    def _finish(self, messages: list[bytes]) -> None:
        message = bytes(self._unfinished)
        self._unfinished.clear()
        if message[0] < _AFTERTOUCH:
            self.counts.notes += 1
        elif message[0] < _SYSEX:
            self.counts.controls += 1
        elif message[0] == _SYSEX:
            self.counts.sysex += 1
        messages.append(message)
