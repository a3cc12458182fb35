"""`improv monitor`: shows what arrives at a MIDI input, a line a message.

It must never raise at what arrives, and never print what a terminal would obey.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from improv.cli.options import Api, Input, Json
from improv.cli.output import say
from improv.music.theory import pitch_name
from improv.system.printable import printable

if TYPE_CHECKING:
    from improv.midi.sources import Arrival

_LOOK_S, _FOLLOW_S = 0.001, 0.5

CONTROLLERS = MappingProxyType(
    {
        0: "bank",
        1: "modulation",
        2: "breath",
        4: "foot",
        5: "portamento time",
        6: "data entry",
        7: "volume",
        8: "balance",
        10: "pan",
        11: "expression",
        32: "bank (fine)",
        38: "data entry (fine)",
        64: "sustain pedal",
        65: "portamento",
        66: "sostenuto pedal",
        67: "soft pedal",
        68: "legato",
        69: "hold 2",
        70: "sound variation",
        71: "resonance",
        72: "release",
        73: "attack",
        74: "brightness",
        91: "reverb",
        93: "chorus",
        96: "data increment",
        97: "data decrement",
        98: "NRPN (fine)",
        99: "NRPN",
        100: "RPN (fine)",
        101: "RPN",
        120: "all sound off",
        121: "reset controllers",
        122: "local control",
        123: "all notes off",
        124: "omni off",
        125: "omni on",
        126: "mono",
        127: "poly",
    }
)
"""The names of controllers (MIDI 1.0, table 3)."""

SYSEX = 0xF0
_SYSTEM = MappingProxyType(
    {
        0xF1: "time code",
        0xF2: "song position",
        0xF3: "song select",
        0xF6: "tune request",
        0xFA: "start",
        0xFB: "continue",
        0xFC: "stop",
        0xFF: "reset",
    }
)


class Source(Protocol):
    """What is listened to: `improv.midi.ports.InputPort`."""

    @property
    def name(self) -> str:
        """The name of the port."""
        ...

    def poll(self, now_s: float) -> Sequence["Arrival"]:
        """Return the messages that have arrived since the last call; `now_s` is the monotonic clock in seconds."""
        ...

    def follow(self) -> str:
        """Follow the port if it went or came back. Return a remark to print; empty if there is none."""
        ...


def monitor(
    input: Input = None,
    api: Api = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after this many messages; without it, Ctrl-C ends it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what arrives at a MIDI input, line by line, until Ctrl-C.

    Without --input it opens a virtual port that any program can connect to.
    """
    from improv.midi.ports import InputPort
    from improv.midi.systems import reachable_api
    from improv.system.quiet import quiet

    with quiet():
        port = InputPort(input, reachable_api(api))
    with port, suppress(KeyboardInterrupt, BrokenPipeError):
        say(f"{port.name}, until Ctrl-C", err=True)
        for line in lines_of(port, time.monotonic, time.sleep, count, as_json=as_json):
            say(line)


def lines_of(
    source: Source,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    count: int | None = None,
    *,
    as_json: bool = False,
) -> Iterator[str]:
    """Yield a line for each message as it arrives, and end after `count` of them; never without a count."""
    from improv.midi.parser import Incoming

    start_s = follow_s = now()
    told = 0
    while True:
        now_s = now()
        for arrival in source.poll(now_s):
            if isinstance(arrival, Incoming):
                yield _line(arrival.time_s - start_s, arrival.message, as_json=as_json)
                told += 1
                if told == count:
                    return
        if now_s >= follow_s + _FOLLOW_S:
            follow_s = now_s
            if remark := source.follow():
                yield json.dumps({"remark": remark}) if as_json else printable(remark)
        sleep(_LOOK_S)


def _line(time_s: float, message: bytes, *, as_json: bool) -> str:
    said = describe(message)
    if as_json:
        return json.dumps({"time_s": round(time_s, 6), **said})
    words = [f"ch {value:<2}" if name == "channel" else str(value) for name, value in said.items()]
    return "  ".join([f"{time_s:10.3f}", f"{words[0]:<13}", *words[1:]])


def describe(message: bytes) -> dict[str, int | str]:
    """Return the fields of a whole MIDI message by name, its kind first. Channels are 1 to 16, a bend -8192 to 8191."""
    from improv.midi import messages as channels

    status = message[0]
    channel = {"channel": (status & 0x0F) + 1}
    match (status & 0xF0, *message[1:3]):
        case (channels.NOTE_ON, pitch, velocity) if velocity:
            return {"kind": "note on", **channel, "note": pitch_name(pitch), "velocity": velocity}
        case (channels.NOTE_ON | channels.NOTE_OFF, pitch, velocity):
            return {"kind": "note off", **channel, "note": pitch_name(pitch), "velocity": velocity}
        case (channels.POLY_PRESSURE, pitch, value):
            return {"kind": "poly pressure", **channel, "note": pitch_name(pitch), "value": value}
        case (channels.CONTROL, number, value):
            name = CONTROLLERS.get(number, "")
            return {"kind": "controller", **channel, "controller": number, "name": name, "value": value}
        case (channels.PROGRAM, number):
            return {"kind": "program", **channel, "program": number}
        case (channels.PRESSURE, value):
            return {"kind": "pressure", **channel, "value": value}
        case (channels.BEND, low, high):
            return {"kind": "bend", **channel, "value": (high << 7 | low) - 0x2000}
    if status == SYSEX:
        return {"kind": "sysex", "length": len(message)}
    return {"kind": _SYSTEM.get(status, "unknown"), "bytes": message.hex(" ")}
