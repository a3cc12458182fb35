"""supriya-midi under python-rtmidi's names, as far as improv uses them: the same RtMidi, with wheels for newer Pythons.

Two things are done otherwise than supriya-midi does them. Errors are collected and raised after each call: raised
inside RtMidi's error callback, the first has RtMidi swallow all that follow. And the libjack in the wheel is too
old for today's servers, so the system's own is loaded before it, whose functions then take precedence.
"""

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any


def _load_system_libjack() -> bool:
    """Have the system's libjack answer in the place of the bundled one; whether there is one."""
    if sys.platform != "linux":
        return False
    try:
        ctypes.CDLL("libjack.so.0", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


SYSTEM_LIBJACK = _load_system_libjack()
"""Whether JACK is spoken by the system's libjack. It has to be there before RtMidi is loaded."""

from supriya_midi.rtmidi_ext import RtMidi, RtMidiAPI, RtMidiErrorType, RtMidiIn, RtMidiOut  # noqa: E402

API_MACOSX_CORE = int(RtMidiAPI.MACOSX_CORE)
API_LINUX_ALSA = int(RtMidiAPI.LINUX_ALSA)
API_UNIX_JACK = int(RtMidiAPI.UNIX_JACK)
API_WINDOWS_MM = int(RtMidiAPI.WINDOWS_MM)


class RtMidiError(Exception):
    """Raised when RtMidi cannot do what was called."""


class InvalidUseError(RtMidiError, RuntimeError):
    """Raised for a call at the wrong time, such as opening a port while one is open."""


class InvalidPortError(RtMidiError, ValueError):
    """Raised when there is no such port."""


class UnsupportedOperationError(RtMidiError, RuntimeError):
    """Raised when this MIDI system cannot do it."""


class SystemError(RtMidiError, OSError):
    """Raised when the MIDI system does not answer, or has failed; named as in python-rtmidi."""


_KINDS: dict[RtMidiErrorType, type[RtMidiError]] = {
    RtMidiErrorType.INVALID_PARAMETER: InvalidPortError,
    RtMidiErrorType.INVALID_DEVICE: InvalidPortError,
    RtMidiErrorType.INVALID_USE: InvalidUseError,
    RtMidiErrorType.NO_DEVICES_FOUND: SystemError,
    RtMidiErrorType.DRIVER_ERROR: SystemError,
    RtMidiErrorType.SYSTEM_ERROR: SystemError,
    RtMidiErrorType.THREAD_ERROR: SystemError,
}
_WARNINGS: dict[str, type[RtMidiError]] = {
    "is invalid.": InvalidPortError,
    "no ports available!": InvalidPortError,
    "error looking for port name!": InvalidPortError,
    "a valid connection already exists!": InvalidUseError,
    "JACK server not running?": SystemError,
    "error sending MIDI message to port.": SystemError,
    "error sending MIDI to virtual destinations.": SystemError,
}
"""What RtMidi calls a warning and is an error, by its last words."""


def _error(kind: RtMidiErrorType, text: str) -> RtMidiError:
    by_words = (error for words, error in _WARNINGS.items() if text.endswith(words))
    return _KINDS.get(kind, next(by_words, RtMidiError))(text)


def get_compiled_api() -> list[int]:
    """Return RtMidi's numbers of the MIDI systems it was built for."""
    return [int(api) for api in RtMidi.get_compiled_api()]


def get_rtmidi_version() -> str:
    """Return the version of RtMidi itself."""
    return RtMidi.get_version()


class _Client:
    """What inputs and outputs have in common; what RtMidi reports as an error is raised as RtMidiError."""

    _midi: Any

    def __init__(self, make: Callable[[], Any]) -> None:
        self._virtual: bool | None = None
        """Whether a port is open, and is a virtual one."""
        self._errors: list[RtMidiError] = []
        try:
            self._midi = make()
        except RuntimeError as error:
            raise SystemError(str(error)) from error
        errors = self._errors  # the callback must not hold the client, which would never be freed

        def on_error(kind: RtMidiErrorType, text: str, _: object) -> None:
            if kind is not RtMidiErrorType.DEBUG_WARNING:
                errors.append(_error(kind, text))

        self._midi.set_error_callback(on_error)
        try:
            self._call("get_port_count")  # a JACK server that is not there is noticed only by this
        except RtMidiError as error:
            self.delete()
            raise SystemError(str(error)) from error

    def get_ports(self) -> list[str]:
        """Return the names of the ports of other programs, whose index is their number."""
        return [self._port_name(number) for number in range(self._call("get_port_count"))]

    def _port_name(self, number: int) -> str:
        try:
            return str(self._call("get_port_name", number))
        except UnicodeDecodeError as error:  # some drivers know no UTF-8
            return bytes(error.object).decode(errors="ignore")

    def open_port(self, port: int = 0, name: str = "RtMidi") -> None:
        """Connect to another program's port by a port of our own with that name."""
        self._open("open_port", port, name)
        self._virtual = False

    def open_virtual_port(self, name: str = "RtMidi") -> None:
        """Open a port that others can connect to; it can be closed only by deleting this client."""
        if self._midi.get_current_api() == RtMidiAPI.WINDOWS_MM:
            raise UnsupportedOperationError("Windows MultiMedia has no virtual ports")
        self._open("open_virtual_port", name)
        self._virtual = True

    def close_port(self) -> None:
        """Leave the port, if one is open."""
        if not self._virtual:
            self._virtual = None
        self._call("close_port")

    def delete(self) -> None:
        """Free the client; it must not be used afterwards."""
        if hasattr(self, "_midi"):
            del self._midi

    def _open(self, method: str, *arguments: Any) -> None:
        if self._virtual is not None:
            raise InvalidUseError("a port is open already")
        self._call(method, *arguments)

    def _call(self, method: str, *arguments: Any) -> Any:
        self._errors.clear()
        result = getattr(self._midi, method)(*arguments)
        if self._errors:
            raise self._errors[-1]  # the first may only be the reason of what went wrong
        return result


class MidiIn(_Client):
    """A MIDI input, to be polled."""

    def __init__(self, api: int, name: str = "RtMidi", queue_size_limit: int = 1024) -> None:
        super().__init__(lambda: RtMidiIn(RtMidiAPI(api), name, queue_size_limit))

    def get_message(self) -> tuple[list[int], float] | None:
        """Return the next message and the seconds since the one before; None if nothing has arrived."""
        message, delta_s = self._call("get_message")
        return (message, delta_s) if message else None

    def ignore_types(self, sysex: bool = True, timing: bool = True, active_sense: bool = True) -> None:
        """Choose which kinds of messages are ignored, as in python-rtmidi."""
        self._call("ignore_types", sysex, timing, active_sense)


class MidiOut(_Client):
    """A MIDI output."""

    def __init__(self, api: int, name: str = "RtMidi") -> None:
        super().__init__(lambda: RtMidiOut(RtMidiAPI(api), name))

    def send_message(self, message: Sequence[int]) -> None:
        """Send one message at once."""
        if not message:
            raise ValueError("a message has at least one byte")
        self._call("send_message", list(message))
