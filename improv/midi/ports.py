"""MIDI ports through rtmidi: finding them, opening them, and normalising what comes in.

rtmidi is polled and never calls back: its callback runs inside the JACK process cycle and loses
messages when Python is busy. Nothing above this room knows rtmidi, a channel or a status byte.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

import rtmidi

from improv.errors import InputNotFound, Unavailable, UsageError
from improv.messages import Command
from improv.music import NoteEvent, NoteOff, NoteOn, Part, Timed

CHANNELS: Mapping[Part, int] = MappingProxyType({Part.MELODY: 0, Part.CHORDS: 1, Part.YOU: 2, Part.DRUMS: 9})
"""The channel of each part, 0..15; General MIDI has its percussion on 9."""

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

_NOTE_OFF, _NOTE_ON, _CONTROL, _BEND = 0x80, 0x90, 0xB0, 0xE0
_SILENCING = ((64, 0), (66, 0), (67, 0), (123, 0), (120, 0), (121, 0))
"""Pedals up, all notes off, all sound off, controllers reset."""

_QUEUE_LIMIT = 1 << 15
_POLL_S = 0.001
_MESSAGES_A_POLL = 4096

_ALSA_NUMBERS = re.compile(r"(\s+\d+:\d+|\s*\[\d+\])$")

Direction = Literal["input", "output"]


@contextmanager
def _quiet() -> Iterator[None]:
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


def _client(direction: Direction, api: str) -> Any:
    """An rtmidi client of ours; rtmidi.SystemError where the MIDI system cannot be reached."""
    name = f"{CLIENT}-{'in' if direction == 'input' else 'out'}"
    with _quiet():
        if direction == "input":
            return rtmidi.MidiIn(APIS[api], name=name, queue_size_limit=_QUEUE_LIMIT)
        return rtmidi.MidiOut(APIS[api], name=name)


def reachable_api(wanted: str | None = None) -> str:
    """The MIDI system to use, the first that answers; Unavailable if none does."""
    if wanted is not None and wanted not in APIS:
        raise UsageError(f"no MIDI system {wanted!r}; choose from {', '.join(APIS)}")
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # asking must not start a server
    compiled = rtmidi.get_compiled_api()
    built = [name for name, number in APIS.items() if number in compiled]
    tried = [name for name in built if wanted in (None, name)]
    if wanted is not None and not tried:
        raise Unavailable(f"{wanted} is no MIDI system of this machine; choose from {', '.join(built)}")
    for name in tried:
        try:
            _client("output", name).delete()
        except rtmidi.SystemError:
            continue
        return name
    raise Unavailable(
        f"no MIDI system answers (tried {', '.join(tried) or 'none'}); start one, or plug an interface in"
    )


def port_names(direction: Direction, api: str) -> list[str]:
    """The ports of others that can be opened, in the system's order."""
    client = _client(direction, api)
    try:
        return [name for name in client.get_ports() if not _is_ours(name)]
    finally:
        client.delete()


def _is_ours(name: str) -> bool:
    return name.startswith(f"{CLIENT}-")


def plain(name: str) -> str:
    """A port's name without the numbers ALSA and others append, which change when it is replugged."""
    while (shorter := _ALSA_NUMBERS.sub("", name)) != name:
        name = shorter
    return " ".join(name.split()).casefold()


def match_port(wanted: str, names: Sequence[str], direction: Direction) -> int:
    """The index of the port meant by a name: an exact one, else one alike but for numbers, else a part of one.

    UsageError if several are meant equally well, InputNotFound if none is; both list the ports.
    """
    listed = "; ".join(sorted(names)) or "none"
    for alike in (
        [name == wanted for name in names],
        [plain(name) == plain(wanted) for name in names],
        [plain(wanted) in plain(name) for name in names],
    ):
        if sum(alike) == 1:
            return alike.index(True)
        if sum(alike) > 1:
            several = "; ".join(sorted(name for name, same in zip(names, alike, strict=True) if same))
            raise UsageError(f"the MIDI {direction} {wanted!r} is ambiguous; it could be: {several}")
    raise InputNotFound(f"no MIDI {direction} {wanted!r}; the {direction}s are: {listed}")


class _Port:
    """An open port of ours: connected to somebody's by name, or a virtual one others connect to."""

    def __init__(self, direction: Direction, wanted: str | None, api: str) -> None:
        self._midi = _client(direction, api)
        label = f"{CLIENT} {'in' if direction == 'input' else 'out'}"
        try:
            if wanted is None:
                self._midi.open_virtual_port(label)
                self.name = f"virtual port '{label}'"
            else:
                ports = [(index, name) for index, name in enumerate(self._midi.get_ports()) if not _is_ours(name)]
                index, self.name = ports[match_port(wanted, [name for _, name in ports], direction)]
                self._midi.open_port(index, label)
        except (rtmidi.UnsupportedOperationError, NotImplementedError) as error:
            self._midi.delete()
            raise Unavailable(
                f"this MIDI system has no virtual ports; name one with --{direction} (improv ports lists them)"
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


class InputPort(_Port):
    """Notes from a MIDI input, stamped when they are taken from the driver."""

    def __init__(self, wanted: str | None, api: str) -> None:
        super().__init__("input", wanted, api)

    def poll(self, now_s: float) -> list[Timed | Command]:
        """The notes that have arrived."""
        arrived: list[Timed | Command] = []
        for _ in range(_MESSAGES_A_POLL):
            message = self._midi.get_message()
            if message is None:
                break
            event = note_of(message[0])
            if event is not None:
                arrived.append(Timed(now_s, event))
        return arrived

    def next_poll_s(self, now_s: float) -> float:
        """A millisecond later."""
        return now_s + _POLL_S


class OutputPort(_Port):
    """Notes to a MIDI output, each part on its channel."""

    def __init__(self, wanted: str | None, api: str) -> None:
        super().__init__("output", wanted, api)

    def send(self, event: NoteEvent) -> None:
        """Send a note now."""
        self._midi.send_message(bytes_of(event))

    def panic(self) -> None:
        """Silence the channels we play on, whatever was left on them."""
        for part in (Part.MELODY, Part.CHORDS, Part.DRUMS):
            channel = CHANNELS[part]
            for controller, value in _SILENCING:
                self._midi.send_message([_CONTROL | channel, controller, value])
            self._midi.send_message([_BEND | channel, 0, 64])


def note_of(message: Sequence[int]) -> NoteOn | NoteOff | None:
    """The player's note a MIDI message stands for, on any channel; velocity 0 is an end; None if it is no note."""
    if len(message) != 3 or message[0] & 0xF0 not in (_NOTE_ON, _NOTE_OFF):
        return None
    status, pitch, velocity = message
    if status & 0xF0 == _NOTE_ON and velocity:
        return NoteOn(Part.YOU, pitch, velocity)
    return NoteOff(Part.YOU, pitch)


def bytes_of(event: NoteEvent) -> list[int]:
    """The MIDI message of a note event."""
    channel = CHANNELS[event.part]
    match event:
        case NoteOn(_, pitch, velocity):
            return [_NOTE_ON | channel, pitch, velocity]
        case NoteOff(_, pitch):
            return [_NOTE_OFF | channel, pitch, 64]
